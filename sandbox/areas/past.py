"""Past meetings and webinars, outside the reports.

https://developers.zoom.us/docs/api/meetings/#tag/meetings and /#tag/webinars .
"""

from collections.abc import Callable
from typing import Any

from sandbox.areas.reports import TOO_OLD, find_session
from sandbox.areas.scheduled import NO_REGISTRATION, asked_meeting, asked_occurrence
from sandbox.dates import iso
from sandbox.messages import ZoomError
from sandbox.refusals import BAD_REQUEST, GONE, NO_PERMISSION, NOT_FOUND, invalid_occurrence, no_permission
from sandbox.routing import Call, Listing, published
from sandbox.world import World
from sandbox.world.answers import poll_result_rows, qna_rows
from sandbox.world.sessions import Session

_OK = 200

INSTANCES = "/past_webinars/{webinarId}/instances"


def list_poll_results(call: Call) -> dict[str, Any]:
    """Return the poll answers of an instance of a meeting or webinar, or of its latest one."""
    return _answers(call, poll_result_rows)


def list_qna(call: Call) -> dict[str, Any]:
    """Return the questions and answers of a webinar's instance, or of its latest one."""
    return _answers(call, qna_rows)


def list_instances(call: Call) -> dict[str, Any]:
    """Return the sessions of a webinar that have ended, whether anybody came or not."""
    sessions = call.world.sessions.instances(asked_meeting(call).number)
    return {"webinars": [{"uuid": session.uuid, "start_time": iso(session.start)} for session in sessions]}


def list_absentees(call: Call) -> Listing:
    """List the approved registrants of a webinar who did not come to a session."""
    world, session = call.world, find_session(call)
    if session is None or world.sessions.is_too_old(session):
        raise _not_found(call)
    host = world.user(session.host)
    if not world.has_webinar_license(host):
        message = (
            "Webinar plan subscription is missing. Enable webinar for this user once the subscription is added:"
            f"{host.id}."
        )
        raise ZoomError(_OK, NO_PERMISSION, message)
    webinar = world.webinar_of(session)
    if webinar is None and session.listed_webinar is not None:
        raise _not_found(call)
    if webinar is None or not webinar.has_registration:
        message = f"This webinar doesn't have registration required: {session.uuid}."
        raise ZoomError(BAD_REQUEST, NO_REGISTRATION, message)
    occurrence = asked_occurrence(call, webinar, invalid_occurrence)
    numbers = world.absentees(session, webinar, occurrence) if world.sessions.is_answered(session) else []
    return Listing.of("registrants", numbers, lambda number: world.registrant_row(webinar, number, "approved"))


def _answers(call: Call, make: Callable[[World, Session], list[dict[str, Any]]]) -> dict[str, Any]:
    session = find_session(call)
    is_too_old = session is not None and call.world.sessions.is_too_old(session)
    if is_too_old and call.thing == "Meeting":
        raise ZoomError(BAD_REQUEST, TOO_OLD, "Can not access a meeting a year ago.")
    if session is None or is_too_old:
        raise ZoomError(NOT_FOUND, GONE, f"{call.thing} ID is invalid or not end.")
    rows = make(call.world, session) if call.world.sessions.is_answered(session) else []
    return {"id": session.meeting_id, "uuid": session.uuid, "start_time": iso(session.start), "questions": rows}


def _not_found(call: Call) -> ZoomError:
    return ZoomError(NOT_FOUND, GONE, f"Webinar {call.named} not found or expired.")


_PLAN = {"webinars": no_permission}
ROUTES = (
    published("/past_meetings/{meetingId}/polls", list_poll_results),
    published(INSTANCES, list_instances, needs=_PLAN),
    published("/past_webinars/{webinarId}/absentees", list_absentees),
    published("/past_webinars/{webinarId}/polls", list_poll_results, needs=_PLAN),
    published("/past_webinars/{webinarId}/qa", list_qna, needs=_PLAN),
)
