"""https://developers.zoom.us/docs/api/meetings/#tag/reports ."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any

from sandbox.areas.users import asked_user
from sandbox.dates import months_later
from sandbox.faults import PARTICIPANTS, USER_REPORT, WEBINAR_PARTICIPANTS
from sandbox.messages import ZoomError
from sandbox.refusals import BAD_REQUEST, GONE, NOT_FOUND, invalid, no_permission, only_for_paid
from sandbox.routing import Call, Listing, published
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

_FORBIDDEN = 403
TOO_OLD = 12702
NO_GROUP = 12703

ACTIVE_HOSTS = "/report/users"
HISTORY = "/report/history_meetings"
MEETING_REPORT = "/report/meetings/{meetingId}"
WEBINAR_REPORT = "/report/webinars/{webinarId}"

_LATE = timedelta(days=1)


def list_hosts(call: Call) -> Listing:
    """List the users who did, or did not, hold meetings in a time, with totals."""
    world = call.world
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


def list_sessions_of_user(call: Call) -> Listing:
    """List the sessions that a user held, or took part in."""
    world, user = call.world, asked_user(call)
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


def list_history(call: Call) -> Listing:
    """List the sessions of the whole account."""
    world = call.world
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
    if query["meeting_type"] not in {None, "all"}:
        filters.append(lambda session: session.is_webinar == (query["meeting_type"] == "webinar"))
    if query["report_type"] not in {None, "all"}:
        filters.append(lambda session: features_used(world, session).get(query["report_type"], False))
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


def get_report(call: Call) -> dict[str, Any]:
    """Return the report of an instance of a meeting or webinar, or of its latest one."""
    return meeting_report_row(call.world, _session(call))


def list_participants(call: Call) -> Listing:
    """List who took part in an instance, or in the latest one, a row for each time they came in."""
    world, session = call.world, _session(call)
    if not (session.is_reported and world.sessions.is_answered(session)):
        raise _not_found(call)
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
        raise invalid("Report can only be provided for a month that falls within the recent 6 months.")
    return first, last


def _served(call: Call, first: date) -> date:
    """Return the first day that is served of a report from ``first`` on."""
    return max(first, call.world.sessions.oldest_day)


def _told(first: date, last: date) -> dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


def _session(call: Call) -> Session:
    session = find_session(call)
    if session is None or not session.participants:
        raise _not_found(call)
    if call.world.sessions.is_too_old(session):
        thing = "a webinar" if session.is_webinar else "meeting"
        raise ZoomError(BAD_REQUEST, TOO_OLD, f"Can not access {thing} a year ago.")
    return session


def find_session(call: Call) -> Session | None:
    """Return the session of a meeting or webinar that the path names; a number names the latest instance."""
    sessions = call.world.sessions
    session = sessions.find(call.uuid) if call.number is None else sessions.latest(call.number)
    return session if session and session.is_webinar == (call.thing == "Webinar") else None


def _not_found(call: Call) -> ZoomError:
    is_webinar = call.thing == "Webinar"
    text = 'Webinar "{}" not found or has expired' if is_webinar else "Meeting {} not found or has expired."
    return ZoomError(NOT_FOUND, GONE, text.format(call.named))


def _took_part(world: World, user: User, session: Session) -> bool:
    return any(person.user == user.number for person in world.attendance.persons(session))


def _is_in_group(world: World, number: int, group: str) -> bool:
    return group in world.user_row(world.user(number))["group_ids"]


def _invalid(name: str) -> ZoomError:
    return invalid(f"Invalid parameter: {name}.")


def _features(text: str) -> frozenset[str]:
    names = frozenset(text.split(","))
    if not names <= set(FEATURES):
        raise ValueError(text)
    return names


_PAID = {"reports": only_for_paid}
_WEBINARS = {**_PAID, "webinars": no_permission}
ROUTES = (
    published(ACTIVE_HOSTS, list_hosts, needs={**_PAID, "active-hosts-plan": no_permission}),
    published(USER_REPORT, list_sessions_of_user, needs=_PAID),
    published(
        HISTORY,
        list_history,
        read={"meeting_feature": _features},
        refuse=_invalid,
        needs={**_PAID, "history-plan": no_permission},
    ),
    published(MEETING_REPORT, get_report, needs=_PAID),
    published(PARTICIPANTS, list_participants, needs=_PAID),
    published(WEBINAR_REPORT, get_report, needs=_WEBINARS),
    published(WEBINAR_PARTICIPANTS, list_participants, needs=_WEBINARS),
)
