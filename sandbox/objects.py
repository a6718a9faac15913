"""What there is in an account, for those who want to pick something of it."""

from typing import Any

from sandbox.dates import iso
from sandbox.world import World
from sandbox.world.meetings import Meeting
from sandbox.world.sessions import Session

_STATUSES = ("active", "inactive", "pending")


def objects(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return the users, meetings, webinars, and the past sessions that reports reach; pending users have no id."""
    users = [world.user(number) for status in _STATUSES for number in world.users(status)]
    meetings = dict.fromkeys(number for user in users for number in world.listed_meetings(user))
    webinars = dict.fromkeys(number for user in users for number in world.listed_webinars(user))
    return {
        "users": [
            {
                "number": user.number,
                "id": None if user.status == "pending" else user.id,
                "email": user.email,
                "status": user.status,
            }
            for user in users
        ],
        "meetings": [_scheduled(world.meeting(number)) for number in meetings],
        "webinars": [_scheduled(world.meeting(number)) for number in webinars],
        "sessions": [_held(world, session) for session in world.sessions.reached()],
    }


def _scheduled(meeting: Meeting) -> dict[str, Any]:
    return {"id": meeting.id, "host": meeting.host.number, "host_id": meeting.host.id, "host_email": meeting.host.email}


def _held(world: World, session: Session) -> dict[str, Any]:
    host = world.user(session.host)
    return {
        "uuid": session.uuid,
        "host": session.host,
        "host_id": host.id,
        "host_email": host.email,
        "type": session.type,
        "meeting_id": session.meeting_id,
        "start": iso(session.start),
        "end": iso(session.end),
        "participants": session.participants,
        "is_reported": session.is_reported,
    }
