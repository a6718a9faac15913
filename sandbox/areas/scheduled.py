"""Meetings and webinars as they were scheduled.

https://developers.zoom.us/docs/api/meetings/#tag/meetings and /#tag/webinars .
"""

from collections.abc import Callable
from datetime import date, timezone
from typing import Any

from sandbox.areas.users import asked_user
from sandbox.faults import MEETING_LIST, WEBINAR_LIST
from sandbox.messages import ZoomError
from sandbox.paging import Paging
from sandbox.refusals import BAD_REQUEST, NOT_FOUND, gone, invalid, invalid_occurrence, no_webinars
from sandbox.routing import Call, Listing, Route, published, time_zone
from sandbox.world.meetings import Meeting, Occurrence
from sandbox.world.webinars import source_place, tracking_source_ids, tracking_source_rows

NO_ACCESS = 3000
NO_REGISTRATION = 3000
NO_LICENSE = 3161
POLLS_OFF = 4400


def list_meetings(call: Call) -> Listing:
    """List the scheduled meetings of a user."""
    world, user = call.world, asked_user(call)
    if user.number == world.oddities.unlicensed_user:
        message = "Meeting hosting and scheduling capabilities are not allowed for your user account."
        raise ZoomError(BAD_REQUEST, NO_LICENSE, message)
    numbers = world.listed_meetings(user)
    if call.query["type"] == "scheduled" and call.query["from"] is None and call.query["to"] is None:
        return Listing.of("meetings", numbers, lambda number: world.list_row(world.meeting(number)))
    meetings = [meeting for meeting in map(world.meeting, numbers) if _is_asked_for(call, meeting)]
    return Listing.of("meetings", meetings, world.list_row)


def _is_asked_for(call: Call, meeting: Meeting) -> bool:
    kind: str = call.query["type"]
    if kind == "live":
        return False
    if meeting.start is None:
        return kind == "scheduled"
    if kind == "previous_meetings" and meeting.start >= call.world.today:
        return False
    if kind in {"upcoming", "upcoming_meetings"} and meeting.start < call.world.today:
        return False
    day = meeting.start.astimezone(call.query["timezone"] or timezone.utc).date()
    first: date = call.query["from"] or date.min
    last: date = call.query["to"] or date.max
    return first <= day <= last


def list_webinars(call: Call) -> Listing:
    """List the webinars of a user."""
    world, user = call.world, asked_user(call)
    if not world.has_webinar_license(user):
        raise no_webinars(call.world)
    webinars = [world.meeting(number) for number in world.listed_webinars(user)]
    if call.query["type"] == "upcoming":
        webinars = [webinar for webinar in webinars if webinar.start is None or webinar.start >= world.today]
    return Listing.of("webinars", webinars, world.list_row)


def get_meeting(call: Call) -> dict[str, Any]:
    """Return a meeting or webinar in full, or one occurrence of it."""
    meeting = asked_meeting(call)
    if meeting.number == call.world.oddities.secretive_meeting:
        raise ZoomError(BAD_REQUEST, NO_ACCESS, "Cannot access webinar info.")
    return call.world.detail_row(
        meeting,
        show_previous=bool(call.query["show_previous_occurrences"]),
        occurrence=asked_occurrence(call, meeting),
    )


def list_registrants(call: Call) -> Listing:
    """List the registrants of a status, of an occurrence where people register for each, or of a tracking source."""
    world, meeting = call.world, asked_meeting(call)
    if not (meeting.has_registration or meeting.is_webinar):
        raise invalid(f"This meeting has not registration required: {meeting.id}")
    _check_registration(call, meeting)
    status, source = call.query["status"], call.query.get("tracking_source_id")
    occurrence = asked_occurrence(call, meeting)
    if occurrence and not world.lists_registrants_of(occurrence):
        raise invalid_occurrence(occurrence.id)
    numbers = world.registrants(meeting).listed(status, occurrence)
    if source is not None:
        sources = tracking_source_ids(world.seed, meeting)
        places = [place for place, source_id in enumerate(sources) if source_id == source]
        numbers = [number for number in numbers if source_place(number, sources) in places]
    return Listing.of("registrants", numbers, lambda number: world.registrant_row(meeting, number, status))


def get_questions(call: Call) -> dict[str, Any]:
    """Return the questions that people answer when they register."""
    meeting = asked_meeting(call)
    _check_registration(call, meeting)
    return call.world.questions_row(meeting)


def list_polls(call: Call) -> dict[str, Any]:
    """Return all polls of a meeting or webinar, or only those that are or are not anonymous."""
    meeting, thing = asked_meeting(call), call.thing
    if call.world.polls_off(meeting):
        quote = "**" if meeting.is_webinar else '"'
        message = (
            f"{thing} polls disabled. To enable this feature, enable the {quote}{thing} Polls/Quizzes{quote} setting "
            f"in the Zoom web portal's {quote}Settings{quote} interface."
        )
        raise ZoomError(BAD_REQUEST, POLLS_OFF, message)
    polls = call.world.poll_rows(meeting)
    if polls is None and not meeting.is_webinar:
        raise ZoomError(NOT_FOUND, NOT_FOUND, "Meeting Poll not found")
    anonymous = call.query["anonymous"]
    polls = [poll for poll in polls or () if anonymous in {None, poll["anonymous"]}]
    return {"total_records": len(polls), "polls": polls}


def list_panelists(call: Call) -> dict[str, Any]:
    """Return all panelists."""
    rows = call.world.panelist_rows(asked_meeting(call))
    return {"total_records": len(rows), "panelists": rows}


def list_tracking_sources(call: Call) -> dict[str, Any]:
    """Return where the registrants came from."""
    webinar = asked_meeting(call)
    rows = tracking_source_rows(call.world.seed, webinar, call.world.registrants(webinar).total)
    return {"total_records": len(rows), "tracking_sources": rows}


def asked_meeting(call: Call) -> Meeting:
    """Return the meeting or webinar of the id in the path; raises ZoomError if there is none, or it is no number."""
    if call.number is None:
        raise invalid("Invalid webinar ID." if call.thing == "Webinar" else "Invalid meeting id.")
    find = call.world.find_webinar if call.thing == "Webinar" else call.world.find_meeting
    meeting = find(call.number)
    if meeting is None:
        raise gone(call.thing, call.named)
    return meeting


def asked_occurrence(
    call: Call, meeting: Meeting, refuse: Callable[[str], ZoomError] | None = None
) -> Occurrence | None:
    """Return the occurrence that is asked for, if any; ``refuse`` makes the error if there is none of that id."""
    occurrence_id = call.query["occurrence_id"]
    if occurrence_id is None:
        return None
    occurrence = meeting.occurrence(occurrence_id)
    if occurrence is None:
        raise refuse(occurrence_id) if refuse else gone(call.thing, meeting.id)
    return occurrence


def _check_registration(call: Call, meeting: Meeting) -> None:
    if not meeting.has_registration:
        message = f"Registration has not been enabled for this {call.thing.lower()}: {meeting.id}."
        raise ZoomError(BAD_REQUEST, NO_REGISTRATION, message)


def _routes(kind: str, **others: Any) -> tuple[Route, ...]:
    path = f"/{kind}s/{{{kind}Id}}"
    return (
        published(path, get_meeting, **others),
        published(f"{path}/registrants", list_registrants, **others),
        published(f"{path}/registrants/questions", get_questions, **others),
        published(f"{path}/polls", list_polls, **others),
    )


_PLAN = {"webinars": no_webinars}
ROUTES = (
    published(MEETING_LIST, list_meetings, read={"timezone": time_zone}),
    *_routes("meeting"),
    published(WEBINAR_LIST, list_webinars, paging=Paging()),  # which is not published
    *_routes("webinar", needs=_PLAN),
    published("/webinars/{webinarId}/panelists", list_panelists, needs=_PLAN),
    published("/webinars/{webinarId}/tracking_sources", list_tracking_sources, needs=_PLAN),
)
