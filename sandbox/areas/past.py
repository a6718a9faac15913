"""Past meetings and webinars, outside the reports.

https://developers.zoom.us/docs/api/meetings/#tag/meetings and /#tag/webinars .
"""

from collections.abc import Callable
from typing import Any

from sandbox.areas.meetings import invalid_occurrence
from sandbox.areas.reports import SESSION_GONE, TOO_OLD, find_session, no_permission
from sandbox.areas.webinars import NO_PLAN, NO_REGISTRATION, WEBINAR_GONE, webinar_id
from sandbox.messages import ZoomError
from sandbox.paging import Paging
from sandbox.routing import Call, Listing, Parameter, published
from sandbox.world import World
from sandbox.world.answers import poll_result_rows, qna_rows
from sandbox.world.meetings import Meeting, Occurrence
from sandbox.world.people import iso
from sandbox.world.sessions import Session

_OK = 200
_BAD_REQUEST = 400
_NOT_FOUND = 404

INSTANCES = "/past_webinars/{webinarId}/instances"


def list_meeting_poll_results(call: Call) -> dict[str, Any]:
    """Return the poll answers of a meeting's instance, or of its latest one."""
    session = find_session(call.world, call.values["meetingId"])
    if session is None or session.is_webinar:
        raise ZoomError(_NOT_FOUND, SESSION_GONE, "Meeting ID is invalid or not end.")
    if call.world.sessions.is_too_old(session):
        raise ZoomError(_BAD_REQUEST, TOO_OLD, "Can not access a meeting a year ago.")
    return _answers(call, session, poll_result_rows)


def list_instances(call: Call) -> dict[str, Any]:
    """Return the sessions of a webinar that have ended, whether anybody came or not."""
    if "webinars" in call.world.without:
        raise no_permission()
    number = webinar_id(call)
    webinar = call.world.find_webinar(number)
    if webinar is None:
        raise ZoomError(_NOT_FOUND, WEBINAR_GONE, f"Webinar does not exist: {number}.")
    sessions = call.world.sessions.instances(webinar.number)
    return {"webinars": [{"uuid": session.uuid, "start_time": iso(session.start)} for session in sessions]}


def list_absentees(call: Call) -> Listing:
    """List the approved registrants of a webinar who did not come to a session."""
    world, session = call.world, find_session(call.world, call.values["webinarId"])
    if session is None or not session.is_webinar or world.sessions.is_too_old(session):
        raise _not_found(call)
    host = world.user(session.host)
    if not world.has_webinar_license(host):
        message = (
            "Webinar plan subscription is missing. Enable webinar for this user once the subscription is added:"
            f"{host.id}."
        )
        raise ZoomError(_OK, NO_PLAN, message)
    webinar = world.webinar_of(session)
    if webinar is None and session.listed_webinar is not None:
        raise _not_found(call)
    if webinar is None or not webinar.has_registration:
        message = f"This webinar doesn't have registration required: {session.uuid}."
        raise ZoomError(_BAD_REQUEST, NO_REGISTRATION, message)
    occurrence = _occurrence(call, webinar)
    numbers = world.absentees(session, webinar, occurrence) if world.sessions.is_answered(session) else []
    return Listing.of("registrants", numbers, lambda number: world.registrant_row(webinar, number, "approved"))


def list_webinar_poll_results(call: Call) -> dict[str, Any]:
    """Return the poll answers of a webinar's instance, or of its latest one."""
    return _answers(call, _ended_webinar(call), poll_result_rows)


def list_qna(call: Call) -> dict[str, Any]:
    """Return the questions and answers of a webinar's instance, or of its latest one."""
    return _answers(call, _ended_webinar(call), qna_rows)


def _ended_webinar(call: Call) -> Session:
    if "webinars" in call.world.without:
        raise no_permission()
    session = find_session(call.world, call.values["webinarId"])
    if session is None or not session.is_webinar or call.world.sessions.is_too_old(session):
        raise ZoomError(_NOT_FOUND, SESSION_GONE, "Webinar ID is invalid or not end.")
    return session


def _answers(call: Call, session: Session, make: Callable[[World, Session], list[dict[str, Any]]]) -> dict[str, Any]:
    rows = make(call.world, session) if call.world.sessions.is_answered(session) else []
    return {"id": session.meeting_id, "uuid": session.uuid, "start_time": iso(session.start), "questions": rows}


def _occurrence(call: Call, webinar: Meeting) -> Occurrence | None:
    occurrence_id = call.query["occurrence_id"]
    if occurrence_id is None:
        return None
    occurrence = webinar.occurrence(occurrence_id)
    if occurrence is None:
        raise invalid_occurrence(occurrence_id)
    return occurrence


def _not_found(call: Call) -> ZoomError:
    message = f"Webinar {call.values['webinarId']} not found or expired."
    return ZoomError(_NOT_FOUND, WEBINAR_GONE, message)


ROUTES = (
    published("/past_meetings/{meetingId}/polls", list_meeting_poll_results),
    published(INSTANCES, list_instances),
    published(
        "/past_webinars/{webinarId}/absentees",
        list_absentees,
        parameters=(Parameter("occurrence_id"),),
        paging=Paging(),
    ),
    published("/past_webinars/{webinarId}/polls", list_webinar_poll_results),
    published("/past_webinars/{webinarId}/qa", list_qna),
)
