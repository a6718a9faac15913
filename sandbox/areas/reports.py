"""https://developers.zoom.us/docs/api/meetings/#tag/reports ."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import unquote

from sandbox.dates import months_later
from sandbox.faults import PARTICIPANTS, USER_REPORT, WEBINAR_PARTICIPANTS
from sandbox.messages import ZoomError
from sandbox.oauth import only_for_paid
from sandbox.paging import Paging
from sandbox.routing import INVALID, Call, Listing, Parameter, choice, iso_date, published
from sandbox.world import World
from sandbox.world.people import User
from sandbox.world.reports import (
    FEATURES,
    features_used,
    history_row,
    host_report_row,
    meeting_report_row,
    participant_row,
    session_topic,
    user_report_row,
)
from sandbox.world.sessions import Session

_BAD_REQUEST = 400
_FORBIDDEN = 403
_NOT_FOUND = 404
_INT64_DIGITS = 19
NO_PLAN = 200
USER_GONE = 1001
SESSION_GONE = 3001
TOO_OLD = 12702
NO_GROUP = 12703

ACTIVE_HOSTS = "/report/users"
HISTORY = "/report/history_meetings"
MEETING_REPORT = "/report/meetings/{meetingId}"
WEBINAR_REPORT = "/report/webinars/{webinarId}"

_LATE = timedelta(days=1)
_REPORT_FEATURES = {"poll": "poll", "reaction": "reaction", "survey": None, "qa": None, "resource": None}
"""The feature behind each kind of history report; None where no session has one."""

_Answer = TypeVar("_Answer", Listing, dict[str, Any])


def _on_paid_plan(handler: Callable[[Call], _Answer]) -> Callable[[Call], _Answer]:
    """Refuse the call where the account's plan has no reports."""

    @wraps(handler)
    def judged(call: Call) -> _Answer:
        if "reports" in call.world.without:
            raise only_for_paid(call.world.seed)
        return handler(call)

    return judged


@_on_paid_plan
def list_hosts(call: Call) -> Listing:
    """List the users who did, or did not, hold meetings in a time, with totals."""
    world = call.world
    if "active-hosts-plan" in world.without:
        raise no_permission()
    first, last = _days(call)
    held = active_sessions(world, world.sessions.within(_served(call, first), last))
    if call.query["type"] == "inactive":
        numbers = [number for number in world.users("active") if number not in held]
    else:
        numbers = sorted(held)
    group = call.query["group_id"]
    if group is not None:
        numbers = [number for number in numbers if _is_in_group(world, number, group)]
    shown = [session for number in numbers for session in held.get(number, ())]
    totals = {
        "total_meetings": len(shown),
        "total_participants": sum(session.participants for session in shown),
        "total_meeting_minutes": sum(session.minutes for session in shown),
    }
    return Listing.of(
        "users",
        numbers,
        lambda number: host_report_row(world, world.user(number), held.get(number, ())),
        extra={**_told(first, last), **totals},
    )


def active_sessions(world: World, sessions: Sequence[Session]) -> dict[int, list[Session]]:
    """Return the meetings among the sessions, by host; webinars do not count, nor do new meetings of the late host."""
    held: dict[int, list[Session]] = {}
    for session in sessions:
        is_late = session.host == world.oddities.late_host and session.end + _LATE > world.sessions.now
        if not (session.is_webinar or is_late):
            held.setdefault(session.host, []).append(session)
    return held


@_on_paid_plan
def list_sessions_of_user(call: Call) -> Listing:
    """List the sessions that a user held, or took part in."""
    world = call.world
    user = _user(call)
    first, last = _days(call)
    served, kind = _served(call, first), call.query["type"]
    if kind == "pastJoined":
        sessions = [session for session in world.sessions.within(served, last) if _took_part(world, user, session)]
    else:
        sessions = world.sessions.of_host(user.number, served, last)
    sessions = [session for session in sessions if session.participants and session.is_reported == (kind != "pastOne")]
    return Listing.of(
        "meetings", sessions, lambda session: user_report_row(world, session, user), extra=_told(first, last)
    )


@_on_paid_plan
def list_history(call: Call) -> Listing:
    """List the sessions of the whole account."""
    world = call.world
    if "history-plan" in world.without:
        raise no_permission()
    first, last = _days(call)
    sessions = world.sessions.within(_served(call, first), last, by_end=call.query["date_type"] == "end_time")
    unnamed = None if world.sessions.rules.names_gone else world.oddities.gone_user
    wanted = [session for session in sessions if session.is_reported and session.host != unnamed]
    for wants in _history_filters(call):
        wanted = [session for session in wanted if wants(session)]
    return Listing.of("history_meetings", wanted, lambda session: history_row(world, session), tells=("page_size",))


def _history_filters(call: Call) -> list[Callable[[Session], bool]]:
    world, query = call.world, call.query
    filters: list[Callable[[Session], bool]] = []
    if query["meeting_type"] != "all":
        filters.append(lambda session: session.is_webinar == (query["meeting_type"] == "webinar"))
    if query["report_type"] != "all":
        feature = _REPORT_FEATURES[query["report_type"]]
        filters.append(lambda session: feature is not None and features_used(world, session)[feature])
    if query["meeting_feature"] is not None:
        filters.append(lambda session: any(features_used(world, session)[name] for name in query["meeting_feature"]))
    if query["search_key"] is not None:
        key = query["search_key"].lower()
        filters.append(lambda session: key in session_topic(world, session).lower() or key == str(session.meeting_id))
    if query["group_id"] is not None:
        members = {number for number in world.users("active") if _is_in_group(world, number, query["group_id"])}
        if not members:
            raise ZoomError(_FORBIDDEN, NO_GROUP, f"No permission for the group: {query['group_id']}.")
        filters.append(lambda session: session.host in members)
    return filters


@_on_paid_plan
def get_meeting_report(call: Call) -> dict[str, Any]:
    """Return the report of a meeting's instance, or of its latest one."""
    return meeting_report_row(call.world, _session(call))


@_on_paid_plan
def list_participants(call: Call) -> Listing:
    """List who took part in a meeting's instance, or in its latest one, a row for each time they came in."""
    session = _session(call)
    if not (session.is_reported and call.world.sessions.is_answered(session)):
        raise _not_found(call)
    return _participants(call, session)


@_on_paid_plan
def get_webinar_report(call: Call) -> dict[str, Any]:
    """Return the report of a webinar's instance, or of its latest one."""
    return meeting_report_row(call.world, _webinar_session(call))


@_on_paid_plan
def list_webinar_participants(call: Call) -> Listing:
    """List who took part in a webinar's instance, or in its latest one, a row for each time they came in."""
    session = _webinar_session(call)
    if not (session.is_reported and call.world.sessions.is_answered(session)):
        raise _webinar_not_found(call)
    return _participants(call, session)


def _participants(call: Call, session: Session) -> Listing:
    world = call.world
    with_registrant = call.query["include_fields"] == "registrant_id"
    return Listing.of(
        "participants",
        world.stays(session),
        lambda stay: participant_row(world, session, stay, with_registrant=with_registrant),
        tells=("page_size", "page_count", "total_records"),
    )


def _days(call: Call) -> tuple[date, date]:
    sessions, first, last = call.world.sessions, call.query["from"], call.query["to"]
    if first is None:
        raise call.route.refuse("from")
    if last is None or not first <= last <= months_later(first, 1):
        raise call.route.refuse("to")
    if last > sessions.today + timedelta(days=sessions.rules.days_ahead):
        raise call.route.refuse("to")
    if first < sessions.oldest_day and not sessions.rules.clamps:
        message = "Report can only be provided for a month that falls within the recent 6 months."
        raise ZoomError(_BAD_REQUEST, INVALID, message)
    return first, last


def _served(call: Call, first: date) -> date:
    """Return the first day that is served of a report from ``first`` on."""
    return max(first, call.world.sessions.oldest_day)


def _told(first: date, last: date) -> dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


def _user(call: Call) -> User:
    user_id = call.values["userId"]
    user = call.world.find_user(user_id)
    if user is None or user.number == call.world.oddities.gone_user:
        raise ZoomError(_NOT_FOUND, USER_GONE, f"User {user_id} not exist or not belong to this account.")
    return user


def _session(call: Call) -> Session:
    sessions, asked = call.world.sessions, call.values["meetingId"]
    session = find_session(call.world, asked)
    if session is None or session.is_webinar:
        raise _not_found(call)
    if sessions.is_too_old(session):
        raise ZoomError(_BAD_REQUEST, TOO_OLD, "Can not access meeting a year ago.")
    return session


def _webinar_session(call: Call) -> Session:
    if "webinars" in call.world.without:
        raise no_permission()
    session = find_session(call.world, call.values["webinarId"])
    if session is None or not (session.is_webinar and session.participants):
        raise _webinar_not_found(call)
    if call.world.sessions.is_too_old(session):
        raise ZoomError(_BAD_REQUEST, TOO_OLD, "Can not access a webinar a year ago.")
    return session


def find_session(world: World, asked: str) -> Session | None:
    """Return the session that a path names, given what remains of its value when it has been decoded once.

    A number names the latest instance. A UUID may be encoded twice, and must be where it begins with a slash or has
    two in a row: of those the gateways on the way to the endpoint would make another path.
    """
    if asked.isascii() and asked.isdecimal() and len(asked) <= _INT64_DIGITS:
        return world.sessions.latest(int(asked))
    if asked.startswith("/") or "//" in asked:
        return None
    return world.sessions.find(unquote(asked))


def _not_found(call: Call) -> ZoomError:
    return ZoomError(_NOT_FOUND, SESSION_GONE, f"Meeting {call.values['meetingId']} not found or has expired.")


def _webinar_not_found(call: Call) -> ZoomError:
    message = f'Webinar "{call.values["webinarId"]}" not found or has expired'
    return ZoomError(_NOT_FOUND, SESSION_GONE, message)


def no_permission() -> ZoomError:
    """Return the error for a call that the account's plan or the user's role does not allow."""
    return ZoomError(_BAD_REQUEST, NO_PLAN, "No permission.")


def _took_part(world: World, user: User, session: Session) -> bool:
    return any(person.user == user.number for person in world.attendance.persons(session))


def _is_in_group(world: World, number: int, group: str) -> bool:
    return group in world.user_row(world.user(number))["group_ids"]


def _invalid(name: str) -> ZoomError:
    return ZoomError(_BAD_REQUEST, INVALID, f"Invalid parameter: {name}.")


def _features(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= set(FEATURES):
        raise ValueError(text)
    return names


_FROM_TO = (Parameter("from", iso_date), Parameter("to", iso_date))
ROUTES = (
    published(
        ACTIVE_HOSTS,
        list_hosts,
        parameters=(*_FROM_TO, Parameter("type", choice("active", "inactive"), "active"), Parameter("group_id")),
        paging=Paging(),
    ),
    published(
        USER_REPORT,
        list_sessions_of_user,
        parameters=(*_FROM_TO, Parameter("type", choice("past", "pastOne", "pastJoined"), "past")),
        paging=Paging(),
    ),
    published(
        HISTORY,
        list_history,
        parameters=(
            *_FROM_TO,
            Parameter("date_type", choice("start_time", "end_time"), "start_time"),
            Parameter("meeting_type", choice("meeting", "webinar", "all"), "all"),
            Parameter("report_type", choice("all", *_REPORT_FEATURES), "all"),
            Parameter("search_key"),
            Parameter("group_id"),
            Parameter("meeting_feature", _features),
        ),
        paging=Paging(),
        refuse=_invalid,
    ),
    published(MEETING_REPORT, get_meeting_report),
    published(
        PARTICIPANTS,
        list_participants,
        parameters=(Parameter("include_fields", choice("registrant_id")),),
        paging=Paging(),
    ),
    published(WEBINAR_REPORT, get_webinar_report),
    published(
        WEBINAR_PARTICIPANTS,
        list_webinar_participants,
        parameters=(Parameter("include_fields", choice("registrant_id")),),
        paging=Paging(),
    ),
)
