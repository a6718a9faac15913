"""Rows of the reports about past sessions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.dates import iso
from sandbox.dice import Dice
from sandbox.published import columns
from sandbox.world.attendance import IN_MEETING, IN_WAITING_ROOM, Stay
from sandbox.world.meetings import topic
from sandbox.world.people import User
from sandbox.world.sessions import INSTANT, PERSONAL_ROOM, STORED, Session

if TYPE_CHECKING:
    from sandbox.world import World

_SECONDS_PER_MINUTE = 60
FEATURES = tuple(columns("/report/history_meetings", "history_meetings")["feature_used"]["properties"])
"""What ``feature_used`` tells of a session."""


def user_report_row(world: "World", session: Session, user: User) -> dict[str, Any]:
    """Return a session as the report of a user lists it, with the times of that user's own presence."""
    dice = Dice(world.seed, "report row", session.number)
    stays = world.stays(session)
    own = [stay for stay in stays if stay.person.user == user.number and stay.seconds]
    host = world.user(session.host)
    row: dict[str, Any] = {
        **_common(world, session, stays),
        "source": dice.pick(("Zoom", "Zoom", "Calendar sync")),
        "custom_keys": _custom_keys(world, session),
        "session_key": dice.pick(("", f"key{dice.digits(6)}")),
        "schedule_time": _minute(session.start) if session.type not in {INSTANT, PERSONAL_ROOM} else "",
        "join_waiting_room_time": "",
        "join_time": _minute(own[0].join) if own else "",
        "leave_time": _minute(own[-1].leave) if own else "",
        "host_organization": "Example Organization",
        "host_name": world.display_name(host),
        "has_screen_share": dice.percent(50),
        "has_recording": dice.percent(20),
        "has_chat": dice.percent(50),
        "meeting_encryption_status": dice.pick((1, 2)),
        "participants_count_my_account": sum(one.user is not None for one in world.attendance.persons(session)),
    }
    if own and own[0].status == IN_WAITING_ROOM:
        row["join_waiting_room_time"] = row["join_time"]
    return row


def meeting_report_row(world: "World", session: Session) -> dict[str, Any]:
    """Return the report of one session."""
    return {
        **_common(world, session, world.stays(session)),
        "custom_keys": _custom_keys(world, session),
        "dept": world.department(world.user(session.host)),
        "tracking_fields": _tracking_fields(world, session),
    }


def history_row(world: "World", session: Session) -> dict[str, Any]:
    """Return a session as the history of the account lists it."""
    host = world.user_row(world.user(session.host), "custom_attributes")
    row = _common(world, session, world.stays(session))
    return {
        "meeting_uuid": session.uuid,
        "meeting_id": session.meeting_id,
        "type": "Webinar" if session.is_webinar else "Meeting",
        "host_display_name": row["user_name"],
        "host_email": row["user_email"],
        "start_time": row["start_time"],
        "end_time": row["end_time"],
        "topic": row["topic"],
        "participants": session.participants,
        "duration": session.minutes,
        "total_participant_minutes": row["total_minutes"],
        "department": host["dept"],
        "group": [f"group {group}" for group in host["group_ids"]],
        "source": "Zoom",
        "unique_viewers": session.participants if session.is_webinar else 0,
        "max_concurrent_views": session.participants if session.is_webinar else 0,
        "create_time": iso(session.start - timedelta(days=7)),
        "custom_fields": [{"key": one["name"], "value": one["value"]} for one in host["custom_attributes"]],
        "tracking_fields": _tracking_fields(world, session),
        "feature_used": features_used(world, session),
    }


def host_report_row(world: "World", user: User, sessions: Sequence[Session]) -> dict[str, Any]:
    """Return a user as the report on active or inactive hosts lists them."""
    row = world.user_row(user, "custom_attributes")
    return {
        "id": "" if user.number == world.oddities.email_host else user.id,
        "email": user.email,
        "user_name": row["display_name"],
        "type": row["type"],
        "dept": row["dept"],
        "meetings": len(sessions),
        "participants": sum(session.participants for session in sessions),
        "meeting_minutes": sum(session.minutes for session in sessions),
        "custom_attributes": row["custom_attributes"],
    }


def participant_row(world: "World", session: Session, stay: Stay, *, with_registrant: bool) -> dict[str, Any]:
    """Return one presence of a participant, with ``registrant_id`` where asked for."""
    user = None if stay.person.user is None else world.user(stay.person.user)
    row: dict[str, Any] = {
        "id": user.id if user else "",
        "user_id": stay.user_id,
        "participant_user_id": user.id if user else "",
        "name": world.display_name(user) if user else stay.person.guest_name,
        "user_email": user.email if user else "",
        "join_time": iso(stay.join),
        "leave_time": iso(stay.leave),
        "duration": stay.seconds,
        "status": stay.status,
        "failover": False,
        "customer_key": "" if user else f"key{stay.person.place}",
    }
    if stay.breakout_room:
        row["bo_mtg_id"] = stay.breakout_room
    if with_registrant:
        row["registrant_id"] = _registrant_id(world, session, stay)
    return row


def features_used(world: "World", session: Session) -> dict[str, bool]:
    """Return which features a session used; sessions that are there for a reason had a poll."""
    dice = Dice(world.seed, "features", session.number)
    used = {name: dice.percent(30) for name in FEATURES}
    return {**used, "poll": used["poll"] or session.number >= STORED}


def session_topic(world: "World", session: Session) -> str:
    """Return the topic of a session, which all instances of a meeting share."""
    if session.listed is not None:
        return topic(world.seed, session.listed)
    name = world.display_name(world.user(session.host))
    if session.type == INSTANT:
        return f"{name}'s Zoom Meeting"
    if session.type == PERSONAL_ROOM:
        return f"{name}'s Personal Meeting Room"
    return topic(world.seed, session.meeting_id)


def _common(world: "World", session: Session, stays: Sequence[Stay]) -> dict[str, Any]:
    host = world.user(session.host)
    return {
        "uuid": session.uuid,
        "id": session.meeting_id,
        "type": session.type,
        "topic": session_topic(world, session),
        "user_name": world.display_name(host),
        "user_email": host.email,
        "start_time": iso(session.start),
        "end_time": iso(session.end),
        "duration": session.minutes,
        "total_minutes": _attended_minutes(stays),
        "participants_count": session.participants,
    }


def _attended_minutes(stays: Sequence[Stay]) -> int:
    seconds = sum(stay.seconds for stay in stays if stay.status == IN_MEETING and not stay.breakout_room)
    return -(-seconds // _SECONDS_PER_MINUTE)


def _custom_keys(world: "World", session: Session) -> list[dict[str, str]]:
    dice = Dice(world.seed, "custom keys", session.number)
    return [{"key": "project", "value": dice.digits(3)} for _ in range(dice.below(2))]


def _tracking_fields(world: "World", session: Session) -> list[dict[str, str]]:
    dice = Dice(world.seed, "tracking fields", session.number)
    return [{"field": "Department", "value": dice.pick(("Sales", "Support"))} for _ in range(dice.below(2))]


def _registrant_id(world: "World", session: Session, stay: Stay) -> str:
    registrant = world.registrant_of(session, stay.person)
    if session.listed is None or registrant is None:
        return ""
    return world.registrant_id(world.meeting(session.listed), registrant)


def _minute(moment: datetime) -> str:
    """Return a time as only the report of a user writes it: without seconds and without a zone."""
    return moment.strftime("%m/%d/%Y %H:%M")
