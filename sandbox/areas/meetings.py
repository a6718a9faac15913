"""https://developers.zoom.us/docs/api/meetings/ ."""

from datetime import date, timezone
from typing import Any

from sandbox.messages import ZoomError
from sandbox.paging import Paging
from sandbox.routing import INVALID, Call, Listing, Parameter, boolean, choice, iso_date, published, time_zone
from sandbox.world.meetings import Meeting, Occurrence

_BAD_REQUEST = 400
_NOT_FOUND = 404
_INT64_DIGITS = 19
USER_GONE = 1001
MEETING_GONE = 3001
NO_ACCESS = 3000
NO_REGISTRATION = 3000
NO_LICENSE = 3161
POLLS_OFF = 4400


def list_meetings(call: Call) -> Listing:
    """List the scheduled meetings of a user."""
    world = call.world
    user = world.find_user(call.values["userId"])
    if user is None or user.number == world.oddities.gone_user:
        raise ZoomError(_NOT_FOUND, USER_GONE, f"User does not exist: {call.values['userId']}.")
    if user.number == world.oddities.unlicensed_user:
        message = "Meeting hosting and scheduling capabilities are not allowed for your user account."
        raise ZoomError(_BAD_REQUEST, NO_LICENSE, message)
    numbers = world.listed_meetings(user)
    if call.query["type"] == "scheduled" and call.query["from"] is None and call.query["to"] is None:
        return Listing.of("meetings", numbers, lambda number: world.meeting_list_row(world.meeting(number)))
    meetings = [meeting for meeting in map(world.meeting, numbers) if _is_asked_for(call, meeting)]
    return Listing.of("meetings", meetings, world.meeting_list_row)


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


def get_meeting(call: Call) -> dict[str, Any]:
    """Return a meeting in full, or one occurrence of it."""
    meeting = _meeting(call)
    if meeting.number == call.world.oddities.secretive_meeting:
        raise ZoomError(_BAD_REQUEST, NO_ACCESS, "Cannot access webinar info.")
    return call.world.meeting_detail_row(
        meeting,
        show_previous=call.query["show_previous_occurrences"],
        occurrence=_occurrence(call, meeting),
    )


def list_registrants(call: Call) -> Listing:
    """List the registrants of a status, and of an occurrence where people register for each."""
    meeting = _meeting(call)
    if not meeting.has_registration:
        raise ZoomError(_BAD_REQUEST, INVALID, f"This meeting has not registration required: {meeting.id}")
    world, status, occurrence = call.world, call.query["status"], _occurrence(call, meeting)
    if occurrence and not world.lists_registrants_of(occurrence):
        raise invalid_occurrence(occurrence.id)
    numbers = world.registrants(meeting).listed(status, occurrence)
    return Listing.of("registrants", numbers, lambda number: world.registrant_row(meeting, number, status))


def get_questions(call: Call) -> dict[str, Any]:
    """Return the questions that people answer when they register."""
    meeting = _meeting(call)
    if not meeting.has_registration:
        message = f"Registration has not been enabled for this meeting: {meeting.id}."
        raise ZoomError(_BAD_REQUEST, NO_REGISTRATION, message)
    return call.world.questions_row(meeting)


def list_polls(call: Call) -> dict[str, Any]:
    """Return all polls of a meeting, or only those that are or are not anonymous."""
    meeting = _meeting(call)
    if call.world.polls_off(meeting):
        raise ZoomError(
            _BAD_REQUEST,
            POLLS_OFF,
            'Meeting polls disabled. To enable this feature, enable the "Meeting Polls/Quizzes" setting in the Zoom '
            'web portal\'s "Settings" interface.',
        )
    polls = call.world.poll_rows(meeting)
    if polls is None:
        raise ZoomError(_NOT_FOUND, _NOT_FOUND, "Meeting Poll not found")
    anonymous = call.query["anonymous"]
    polls = [poll for poll in polls if anonymous in {None, poll["anonymous"]}]
    return {"total_records": len(polls), "polls": polls}


def invalid_occurrence(occurrence_id: str) -> ZoomError:
    """Return the error for the id of an occurrence that Zoom does not take."""
    message = f"The request could not be completed because you have provided an invalid occurrence ID: {occurrence_id}."
    return ZoomError(_BAD_REQUEST, INVALID, message)


def _meeting(call: Call) -> Meeting:
    text = call.values["meetingId"]
    if not (text.isascii() and text.isdecimal() and len(text) <= _INT64_DIGITS):
        raise ZoomError(_BAD_REQUEST, INVALID, "Invalid meeting id.")
    meeting = call.world.find_meeting(int(text))
    if meeting is None:
        raise ZoomError(_NOT_FOUND, MEETING_GONE, f"Meeting does not exist: {text}.")
    return meeting


def _occurrence(call: Call, meeting: Meeting) -> Occurrence | None:
    occurrence_id = call.query["occurrence_id"]
    if occurrence_id is None:
        return None
    occurrence = meeting.occurrence(occurrence_id)
    if occurrence is None:
        raise ZoomError(_NOT_FOUND, MEETING_GONE, f"Meeting does not exist: {meeting.id}.")
    return occurrence


ROUTES = (
    published(
        "/users/{userId}/meetings",
        list_meetings,
        parameters=(
            Parameter(
                "type",
                choice("scheduled", "live", "upcoming", "upcoming_meetings", "previous_meetings"),
                "scheduled",
            ),
            Parameter("from", iso_date),
            Parameter("to", iso_date),
            Parameter("timezone", time_zone),
        ),
        paging=Paging(),
    ),
    published(
        "/meetings/{meetingId}",
        get_meeting,
        parameters=(Parameter("occurrence_id"), Parameter("show_previous_occurrences", boolean, default=False)),
    ),
    published(
        "/meetings/{meetingId}/registrants",
        list_registrants,
        parameters=(
            Parameter("occurrence_id"),
            Parameter("status", choice("approved", "pending", "denied"), "approved"),
        ),
        paging=Paging(),
    ),
    published("/meetings/{meetingId}/registrants/questions", get_questions),
    published(
        "/meetings/{meetingId}/polls",
        list_polls,
        parameters=(Parameter("anonymous", boolean),),
    ),
)
