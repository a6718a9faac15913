"""What a complete and exact connector delivers from this sandbox."""

from collections.abc import Callable, Iterator
from typing import Any

from sandbox.expected_reports import DEFAULT_READING, REPORT_KEYS, Access, ExpectedReports, Key, Pair, Reading, Row
from sandbox.expected_shaped import SHAPED_KEYS, ExpectedShaped
from sandbox.expected_webinars import WEBINAR_KEYS, ExpectedWebinars, registrant_pairs
from sandbox.faults import MEETING_LIST, FaultPlan
from sandbox.gateway import Rules
from sandbox.routing import Route
from sandbox.shaped_rows import Table
from sandbox.world import World
from sandbox.world.meetings import Meeting

MEETING_DETAIL = "/meetings/{meetingId}"
REGISTRANTS = "/meetings/{meetingId}/registrants"
QUESTIONS = "/meetings/{meetingId}/registrants/questions"
POLLS = "/meetings/{meetingId}/polls"

PRIMARY_KEYS: dict[str, tuple[str, ...]] = {
    "users": ("id",),
    "pending_users": ("email",),
    "meetings": ("uuid",),
    "meeting_registrants": ("meeting_id", "id", "occurrence_id"),
    "meeting_questions": ("meeting_id",),
    "meeting_polls": ("meeting_id", "id"),
    "channels": ("id",),
    **WEBINAR_KEYS,
    **REPORT_KEYS,
    **SHAPED_KEYS,
}
_CARRIED = {"phone_call_elements": {"call_history_uuid": "call_history_uuid"}}
_DATE_TIMES = frozenset({"created_at", "start_time", "end_date_time", "create_time"})


class Expected:
    """Rows by stream, taking oddities, scopes and permanent faults into account."""

    def __init__(self, routes: tuple[Route, ...], world: World, rules: Rules, faults: FaultPlan, lines: Table) -> None:
        """Take the account, what cannot be read of it, and the table of streams."""
        self._world = world
        self._access = Access(frozenset(route.template for route in routes if rules.grants(route)), faults)
        self._reports = ExpectedReports(world, self._access)
        self._shaped = ExpectedShaped(world, self._access, lines)
        self._streams: dict[str, Callable[[], Iterator[Pair]]] = {
            "users": lambda: self._users("active", "inactive"),
            "pending_users": lambda: self._users("pending"),
            "meetings": self._meetings,
            "meeting_registrants": self._registrants,
            "meeting_questions": self._questions,
            "meeting_polls": self._polls,
            "channels": self._channels,
            **ExpectedWebinars(world, self._access).streams,
        }

    def keys(self, stream: str, reading: Reading = DEFAULT_READING) -> Iterator[Key]:
        """Yield the primary key of every row; raises KeyError for a stream that is not known.

        For participants and for poll and Q&A results, each session's UUID with the number of its rows.
        """
        if stream in REPORT_KEYS:
            return self._reports.keys(stream, reading)
        if stream in SHAPED_KEYS:
            return self._shaped.keys(stream)
        return (key for key, _ in self._streams[stream]())

    def rows(self, stream: str, reading: Reading = DEFAULT_READING) -> Iterator[Row]:
        """Yield every row; raises KeyError for a stream that is not known."""
        if stream in REPORT_KEYS:
            return self._reports.rows(stream, reading)
        if stream in SHAPED_KEYS:
            return self._shaped.rows(stream, _CARRIED.get(stream))
        return (_without_empty_times(make()) for _, make in self._streams[stream]())

    def _users(self, *statuses: str) -> Iterator[Pair]:
        if not self._access.reaches("/users", "/v2/users"):
            return
        for user in (self._world.user(number) for status in statuses for number in self._world.users(status)):
            key = user.email if user.status == "pending" else user.id
            yield (key,), lambda user=user: self._world.user_row(user, "custom_attributes")  # type: ignore[misc]

    def _listed(self) -> Iterator[Meeting]:
        """Yield each meeting that some user's list shows, once."""
        oddities, world = self._world.oddities, self._world
        if not self._access.reaches("/users", "/v2/users"):
            return
        shared_is_listed = False
        for number in world.users("active"):
            user = world.user(number)
            unreadable = number in {oddities.unlicensed_user, oddities.gone_user}
            if unreadable or not self._access.reaches(MEETING_LIST, f"/v2/users/{user.id}/meetings", number):
                continue
            for meeting in dict.fromkeys(world.listed_meetings(user)):
                if meeting == oddities.shared_meeting:
                    if shared_is_listed:
                        continue
                    shared_is_listed = True
                if not world.is_gone(meeting):
                    yield world.meeting(meeting)

    def _meetings(self) -> Iterator[Pair]:
        for meeting in self._listed():
            if self._detail_is_readable(meeting):
                yield (meeting.uuid,), lambda meeting=meeting: self._meeting_row(meeting)  # type: ignore[misc]

    def _detail_is_readable(self, meeting: Meeting) -> bool:
        is_secretive = meeting.number == self._world.oddities.secretive_meeting
        return not is_secretive and self._access.reaches(MEETING_DETAIL, f"/v2/meetings/{meeting.id}")

    def _meeting_row(self, meeting: Meeting) -> Row:
        return {**self._world.meeting_detail_row(meeting, show_previous=True), "meeting_id": str(meeting.id)}

    def _registrants(self) -> Iterator[Pair]:
        world = self._world
        for meeting in self._listed():
            if not meeting.has_registration:
                continue
            if not self._access.reaches(REGISTRANTS, f"/v2/meetings/{meeting.id}/registrants"):
                continue
            yield from registrant_pairs(world, meeting, "meeting_id", with_each=self._detail_is_readable(meeting))

    def _questions(self) -> Iterator[Pair]:
        for meeting in self._listed():
            path = f"/v2/meetings/{meeting.id}/registrants/questions"
            if meeting.has_registration and self._access.reaches(QUESTIONS, path):
                row = {**self._world.questions_row(meeting), "meeting_id": str(meeting.id)}
                yield (row["meeting_id"],), lambda row=row: row  # type: ignore[misc]

    def _polls(self) -> Iterator[Pair]:
        for meeting in self._listed():
            if self._world.polls_off(meeting):
                continue
            if not self._access.reaches(POLLS, f"/v2/meetings/{meeting.id}/polls"):
                continue
            for poll in self._world.poll_rows(meeting) or ():
                row = {**poll, "meeting_id": str(meeting.id)}
                yield (row["meeting_id"], row["id"]), lambda row=row: row  # type: ignore[misc]

    def _channels(self) -> Iterator[Pair]:
        if self._access.reaches("/chat/channels", "/v2/chat/channels"):
            for number in range(self._world.size.channels):
                row = self._world.channel_row(number)
                yield (row["id"],), lambda row=row: row  # type: ignore[misc]


def _without_empty_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: None if name in _DATE_TIMES and part == "" else _without_empty_times(part)
            for name, part in value.items()
        }
    return [_without_empty_times(part) for part in value] if isinstance(value, list) else value
