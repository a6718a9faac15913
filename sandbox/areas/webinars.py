"""https://developers.zoom.us/docs/api/meetings/#tag/webinars ."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from sandbox.areas.meetings import invalid_occurrence
from sandbox.canned import NO_WEBINAR_PLAN
from sandbox.faults import WEBINAR_LIST
from sandbox.messages import ZoomError
from sandbox.paging import Paging
from sandbox.routing import INVALID, Call, Listing, Parameter, boolean, choice, published
from sandbox.world.meetings import Meeting, Occurrence
from sandbox.world.webinars import panelist_rows, source_place, tracking_source_ids, tracking_source_rows

_BAD_REQUEST = 400
_NOT_FOUND = 404
_INT64_DIGITS = 19
NO_PLAN = 200
USER_GONE = 1001
NO_REGISTRATION = 3000
WEBINAR_GONE = 3001
POLLS_OFF = 4400

_Answer = TypeVar("_Answer", Listing, dict[str, Any])


def _with_plan(handler: Callable[[Call], _Answer]) -> Callable[[Call], _Answer]:
    """Refuse the call where the account has no plan for webinars."""

    @wraps(handler)
    def judged(call: Call) -> _Answer:
        if "webinars" in call.world.without:
            raise no_plan()
        return handler(call)

    return judged


def no_plan() -> ZoomError:
    """Return the error for a user, or an account, without a webinar plan."""
    return ZoomError(_BAD_REQUEST, NO_PLAN, NO_WEBINAR_PLAN)


def list_webinars(call: Call) -> Listing:
    """List the webinars of a user."""
    world = call.world
    user = world.find_user(call.values["userId"])
    if user is None or user.number == world.oddities.gone_user:
        raise ZoomError(_NOT_FOUND, USER_GONE, f"User does not exist: {call.values['userId']}.")
    if not world.has_webinar_license(user):
        raise no_plan()
    webinars = [world.webinar(number) for number in world.listed_webinars(user)]
    if call.query["type"] == "upcoming":
        webinars = [webinar for webinar in webinars if webinar.start is None or webinar.start >= world.today]
    return Listing.of("webinars", webinars, world.webinar_list_row)


@_with_plan
def get_webinar(call: Call) -> dict[str, Any]:
    """Return a webinar in full, or one occurrence of it."""
    webinar = _webinar(call)
    return call.world.webinar_detail_row(
        webinar,
        show_previous=call.query["show_previous_occurrences"],
        occurrence=_occurrence(call, webinar),
    )


@_with_plan
def list_registrants(call: Call) -> Listing:
    """List the registrants of a status, of an occurrence where people register for each, or of a tracking source."""
    webinar = _registered_webinar(call)
    world, status, source = call.world, call.query["status"], call.query["tracking_source_id"]
    occurrence = _occurrence(call, webinar)
    if occurrence and not world.lists_registrants_of(occurrence):
        raise invalid_occurrence(occurrence.id)
    numbers = world.registrants(webinar).listed(status, occurrence)
    if source is not None:
        sources = tracking_source_ids(world.seed, webinar)
        places = [place for place, source_id in enumerate(sources) if source_id == source]
        numbers = [number for number in numbers if source_place(number, sources) in places]
    return Listing.of("registrants", numbers, lambda number: world.registrant_row(webinar, number, status))


@_with_plan
def get_questions(call: Call) -> dict[str, Any]:
    """Return the questions that people answer when they register."""
    return call.world.questions_row(_registered_webinar(call))


@_with_plan
def list_panelists(call: Call) -> dict[str, Any]:
    """Return all panelists."""
    rows = panelist_rows(call.world.seed, _webinar(call))
    return {"total_records": len(rows), "panelists": rows}


@_with_plan
def list_polls(call: Call) -> dict[str, Any]:
    """Return all polls of a webinar, or only those that are or are not anonymous."""
    webinar = _webinar(call)
    if call.world.polls_off(webinar):
        message = (
            "Webinar polls disabled. To enable this feature, enable the **Webinar Polls/Quizzes** setting in the Zoom "
            "web portal's **Settings** interface."
        )
        raise ZoomError(_BAD_REQUEST, POLLS_OFF, message)
    anonymous = call.query["anonymous"]
    polls = [poll for poll in call.world.poll_rows(webinar) or () if anonymous in {None, poll["anonymous"]}]
    return {"total_records": len(polls), "polls": polls}


@_with_plan
def list_tracking_sources(call: Call) -> dict[str, Any]:
    """Return where the registrants came from."""
    webinar = _webinar(call)
    rows = tracking_source_rows(call.world.seed, webinar, call.world.registrants(webinar).total)
    return {"total_records": len(rows), "tracking_sources": rows}


def webinar_id(call: Call) -> int:
    """Return the id in the path; raises ZoomError 400/300 for anything but a number."""
    text = call.values["webinarId"]
    if not (text.isascii() and text.isdecimal() and len(text) <= _INT64_DIGITS):
        raise ZoomError(_BAD_REQUEST, INVALID, "Invalid webinar ID.")
    return int(text)


def _webinar(call: Call) -> Meeting:
    number = webinar_id(call)
    webinar = call.world.find_webinar(number)
    if webinar is None:
        raise ZoomError(_NOT_FOUND, WEBINAR_GONE, f"Webinar does not exist: {number}.")
    return webinar


def _registered_webinar(call: Call) -> Meeting:
    webinar = _webinar(call)
    if not webinar.has_registration:
        message = f"Registration has not been enabled for this webinar: {webinar.id}."
        raise ZoomError(_BAD_REQUEST, NO_REGISTRATION, message)
    return webinar


def _occurrence(call: Call, webinar: Meeting) -> Occurrence | None:
    occurrence_id = call.query["occurrence_id"]
    if occurrence_id is None:
        return None
    occurrence = webinar.occurrence(occurrence_id)
    if occurrence is None:
        raise ZoomError(_NOT_FOUND, WEBINAR_GONE, f"Webinar does not exist: {webinar.id}.")
    return occurrence


ROUTES = (
    published(
        WEBINAR_LIST,
        list_webinars,
        parameters=(
            Parameter("type", choice("scheduled", "upcoming"), "scheduled"),
            Parameter("include_events_webinar", boolean, default=True),
        ),
        paging=Paging(),
    ),
    published(
        "/webinars/{webinarId}",
        get_webinar,
        parameters=(Parameter("occurrence_id"), Parameter("show_previous_occurrences", boolean, default=False)),
    ),
    published(
        "/webinars/{webinarId}/registrants",
        list_registrants,
        parameters=(
            Parameter("occurrence_id"),
            Parameter("status", choice("approved", "pending", "denied"), "approved"),
            Parameter("tracking_source_id"),
        ),
        paging=Paging(),
    ),
    published("/webinars/{webinarId}/registrants/questions", get_questions),
    published("/webinars/{webinarId}/panelists", list_panelists),
    published(
        "/webinars/{webinarId}/polls",
        list_polls,
        parameters=(Parameter("anonymous", boolean),),
    ),
    published("/webinars/{webinarId}/tracking_sources", list_tracking_sources),
)
