"""What a complete and exact connector delivers of past sessions."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import quote

from sandbox.areas.reports import ACTIVE_HOSTS, HISTORY, MEETING_REPORT, active_sessions
from sandbox.faults import PARTICIPANTS, USER_REPORT, FaultPlan
from sandbox.world import World
from sandbox.world.reports import meeting_report_row, participant_row, user_report_row
from sandbox.world.sessions import Session

MEETINGS = "report_meetings"
MEETING_PARTICIPANTS = "report_meeting_participants"
REPORT_KEYS: dict[str, tuple[str, ...]] = {MEETINGS: ("uuid",), MEETING_PARTICIPANTS: ("meeting_uuid", "row_id")}
COUNTED_BY_SESSION = {MEETING_PARTICIPANTS: ("meeting_uuid", "number of rows")}
"""What stands for the keys of streams whose keys hold a digest that only the connector makes."""

Key = tuple[str | int, ...]
Row = dict[str, Any]


@dataclass(frozen=True)
class Access:
    """Which paths can be read at all."""

    granted: frozenset[str]
    """Templates that the app's scopes open."""
    faults: FaultPlan

    def reaches(self, template: str, path: str, user: int | None = None, uuid: str | None = None) -> bool:
        """Tell whether neither scopes nor a permanent fault keep a path, of a user or a session, from being read."""
        return template in self.granted and not self.faults.blocks(template, path, user, uuid)


@dataclass(frozen=True)
class Reading:
    """How a connector reads past sessions."""

    one_participant: bool = False
    """Sessions of one participant too."""
    since: date | None = None
    """The first UTC day."""
    all_hosts: bool = False
    """The reports of all users, not only those of active hosts."""


DEFAULT_READING = Reading()


@dataclass(frozen=True)
class ExpectedReports:
    """Rows about the past sessions that reports show at the moment."""

    world: World
    access: Access

    def keys(self, stream: str, reading: Reading) -> Iterator[Key]:
        """Yield the primary key of every session, and for participants its UUID with the number of their rows."""
        if stream == MEETINGS:
            return ((session.uuid,) for session in self._sessions(reading))
        return ((session.uuid, len(self.world.stays(session))) for session in self._attended(reading))

    def rows(self, stream: str, reading: Reading) -> Iterator[Row]:
        """Yield every row; those of participants lack the digest."""
        if stream == MEETINGS:
            return map(self._meeting_row, self._sessions(reading))
        return (row for session in self._attended(reading) for row in self._participant_rows(session))

    def _meeting_row(self, session: Session) -> Row:
        row = user_report_row(self.world, session, self.world.user(session.host))
        if self._has_history or self.access.reaches(MEETING_REPORT, _path(session)):
            detail = meeting_report_row(self.world, session)
            row |= {"dept": detail["dept"], "tracking_fields": detail["tracking_fields"]}
        return {**row, "meeting_id": str(session.meeting_id)}

    def _participant_rows(self, session: Session) -> Iterator[Row]:
        for stay in self.world.stays(session):
            row = participant_row(self.world, session, stay, with_registrant=True)
            yield {"meeting_uuid": session.uuid, **row}

    def _attended(self, reading: Reading) -> Iterator[Session]:
        for session in self._sessions(replace(reading, one_participant=False)):
            if self.access.reaches(PARTICIPANTS, f"{_path(session)}/participants", uuid=session.uuid):
                yield session

    def _sessions(self, reading: Reading) -> Iterator[Session]:
        """Yield the meetings that the connector finds in the reports of the hosts it knows of."""
        for host, held in groupby(self.world.sessions.all_meetings(), key=lambda session: session.host):
            if self._is_found(host, reading) and self._report_is_readable(host):
                for session in held:
                    is_wanted = session.is_reported or reading.one_participant
                    if is_wanted and (reading.since is None or session.start.date() >= reading.since):
                        yield session

    def _is_found(self, host: int, reading: Reading) -> bool:
        sessions = self.world.sessions
        may_ask = ACTIVE_HOSTS in self.access.granted and "active-hosts-plan" not in self.world.without
        if reading.all_hosts or not may_ask:
            return self.access.reaches("/users", "/v2/users")
        if self._has_history:
            return True
        if not self.access.reaches(ACTIVE_HOSTS, f"/v2{ACTIVE_HOSTS}"):
            return False
        return host in active_sessions(self.world, sessions.of_host(host, sessions.oldest_day))

    @property
    def _has_history(self) -> bool:
        can_ask = self.world.without.isdisjoint({"reports", "history-plan"})
        return can_ask and self.access.reaches(HISTORY, f"/v2{HISTORY}")

    def _report_is_readable(self, host: int) -> bool:
        path = f"/v2/report/users/{self.world.user(host).id}/meetings"
        return "reports" not in self.world.without and self.access.reaches(USER_REPORT, path, host)


def _path(session: Session) -> str:
    """Return the path of a session's report: the UUID encoded twice where that is a must, else once."""
    encoded = quote(session.uuid, safe="")
    if session.uuid.startswith("/") or "//" in session.uuid:
        encoded = quote(encoded, safe="")
    return f"/v2/report/meetings/{encoded}"
