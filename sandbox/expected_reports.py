"""What a complete and exact connector delivers of past sessions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any
from urllib.parse import quote

from sandbox.areas.past import ABSENTEES, INSTANCES, MEETING_POLL_RESULTS, QNA_RESULTS, WEBINAR_POLL_RESULTS
from sandbox.areas.reports import ACTIVE_HOSTS, HISTORY, MEETING_REPORT, WEBINAR_REPORT, active_sessions
from sandbox.faults import PARTICIPANTS, USER_REPORT, WEBINAR_LIST, WEBINAR_PARTICIPANTS, FaultPlan
from sandbox.world import World
from sandbox.world.answers import poll_result_rows, qna_rows
from sandbox.world.attendance import Stay
from sandbox.world.meetings import Meeting
from sandbox.world.reports import meeting_report_row, participant_row, user_report_row
from sandbox.world.sessions import Session

Key = tuple[str | int, ...]
Row = dict[str, Any]
Pair = tuple[Key, Callable[[], Row]]
"""A row's key, and the row when it is wanted."""


@dataclass(frozen=True)
class PerSession:
    """A stream that reads each session by its UUID, and whose keys hold a digest that only the connector makes."""

    template: str
    uuid_column: str
    digest: str
    is_webinar: bool
    rows: Callable[[World, Session], list[Row]]

    def count(self, world: World, session: Session) -> int:
        """Return how many rows a session has at the moment."""
        if not world.sessions.is_answered(session):
            return 0
        return len(_stays(world, session) if self.rows is _participant_rows else self.rows(world, session))


def _participant_rows(world: World, session: Session) -> list[Row]:
    return [participant_row(world, session, stay, with_registrant=True) for stay in _stays(world, session)]


def _stays(world: World, session: Session) -> list[Stay]:
    """Return who was there, as far as the reports on participants tell."""
    return world.stays(session) if session.is_reported else []


MEETINGS = "report_meetings"
WEBINARS = "report_webinars"
WEBINAR_ABSENTEES = "webinar_absentees"
PER_SESSION: dict[str, PerSession] = {
    "report_meeting_participants": PerSession(
        PARTICIPANTS, "meeting_uuid", "row_id", is_webinar=False, rows=_participant_rows
    ),
    "report_webinar_participants": PerSession(
        WEBINAR_PARTICIPANTS, "webinar_uuid", "row_id", is_webinar=True, rows=_participant_rows
    ),
    "meeting_poll_results": PerSession(
        MEETING_POLL_RESULTS, "meeting_uuid", "response_id", is_webinar=False, rows=poll_result_rows
    ),
    "webinar_poll_results": PerSession(
        WEBINAR_POLL_RESULTS, "webinar_uuid", "response_id", is_webinar=True, rows=poll_result_rows
    ),
    "webinar_qna_results": PerSession(QNA_RESULTS, "webinar_uuid", "response_id", is_webinar=True, rows=qna_rows),
}
REPORT_KEYS: dict[str, tuple[str, ...]] = {
    MEETINGS: ("uuid",),
    WEBINARS: ("uuid",),
    WEBINAR_ABSENTEES: ("webinar_uuid", "id"),
    **{name: (stream.uuid_column, stream.digest) for name, stream in PER_SESSION.items()},
}
COUNTED_BY_SESSION = {name: (stream.uuid_column, "number of rows") for name, stream in PER_SESSION.items()}
"""What stands for the keys of streams whose keys hold a digest; sessions without rows are left out."""


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
        """Yield the primary key of every row, or where it holds a digest each UUID with the number of its rows."""
        if stream in PER_SESSION:
            counted = (
                (session.uuid, PER_SESSION[stream].count(self.world, session))
                for session in self._read(stream, reading)
            )
            return (key for key in counted if key[1])
        if stream == WEBINAR_ABSENTEES:
            return (key for key, _ in self._absentees(reading))
        return ((session.uuid,) for session in self._reported(stream, reading))

    def rows(self, stream: str, reading: Reading) -> Iterator[Row]:
        """Yield every row, without the digest of streams whose keys hold one."""
        if stream in PER_SESSION:
            one = PER_SESSION[stream]
            return (
                {one.uuid_column: session.uuid, **row}
                for session in self._read(stream, reading)
                if self.world.sessions.is_answered(session)
                for row in one.rows(self.world, session)
            )
        if stream == WEBINAR_ABSENTEES:
            return (make() for _, make in self._absentees(reading))
        return map(self._webinar_row if stream == WEBINARS else self._meeting_row, self._reported(stream, reading))

    def _reported(self, stream: str, reading: Reading) -> Iterator[Session]:
        """Yield the sessions that are rows of their own."""
        for session in self._sessions(reading, is_webinar=stream == WEBINARS):
            if stream == MEETINGS or self.access.reaches(WEBINAR_REPORT, _path(WEBINAR_REPORT, session)):
                yield session

    def _read(self, stream: str, reading: Reading) -> Iterator[Session]:
        """Yield the sessions whose rows can be read."""
        one = PER_SESSION[stream]
        for session in self._sessions(reading, is_webinar=one.is_webinar, by_uuid=True):
            if self.access.reaches(one.template, _path(one.template, session), uuid=session.uuid):
                yield session

    def _meeting_row(self, session: Session) -> Row:
        row = user_report_row(self.world, session, self.world.user(session.host))
        if self._has_history or self.access.reaches(MEETING_REPORT, _path(MEETING_REPORT, session)):
            detail = meeting_report_row(self.world, session)
            row |= {"dept": detail["dept"], "tracking_fields": detail["tracking_fields"]}
        return {**row, "meeting_id": str(session.meeting_id)}

    def _webinar_row(self, session: Session) -> Row:
        return {**meeting_report_row(self.world, session), "webinar_id": str(session.meeting_id)}

    def _absentees(self, reading: Reading) -> Iterator[Pair]:
        """Yield who did not come to the webinars that the host's report, the history or a webinar's instances name."""
        in_reports = {session.uuid for session in self._sessions(reading, is_webinar=True)}
        for session in self.world.sessions.all_webinars():
            webinar = self.world.webinar_of(session)
            if webinar is None or not (webinar.has_registration and self.world.has_webinar_license(webinar.host)):
                continue
            is_known = session.uuid in in_reports or (session.is_reported and self._has_history)
            if not (is_known or self._has_instances(webinar)) or _is_before(session, reading):
                continue
            if not self.access.reaches(ABSENTEES, _path(ABSENTEES, session), uuid=session.uuid):
                continue
            if not self.world.sessions.is_answered(session):
                continue
            for number in self.world.absentees(session, webinar):
                key = (session.uuid, self.world.registrant_id(webinar, number))
                yield key, self._absentee_row(session, webinar, number)

    def _absentee_row(self, session: Session, webinar: Meeting, number: int) -> Callable[[], Row]:
        return lambda: {"webinar_uuid": session.uuid, **self.world.registrant_row(webinar, number, "approved")}

    def _has_instances(self, webinar: Meeting) -> bool:
        return self._lists_webinars(webinar.host.number) and self.access.reaches(
            INSTANCES, f"/v2{INSTANCES.format(webinarId=webinar.id)}"
        )

    def _lists_webinars(self, host: int) -> bool:
        """Tell whether the list of a host's webinars can be read and has any."""
        user = self.world.user(host)
        return (
            self.access.reaches("/users", "/v2/users")
            and self.world.has_webinar_license(user)
            and bool(self.world.listed_webinars(user))
            and self.access.reaches(WEBINAR_LIST, f"/v2/users/{user.id}/webinars", host)
        )

    def _sessions(self, reading: Reading, *, is_webinar: bool, by_uuid: bool = False) -> Iterator[Session]:
        """Yield the meetings, or the webinars, that are in the reports of the hosts that are known.

        With ``by_uuid`` also those of the host who is gone, which only the history names.
        """
        sessions = self.world.sessions
        if is_webinar and "webinars" in self.world.without:
            return
        everything = sessions.all_webinars() if is_webinar else sessions.all_meetings()
        for host, held in groupby(everything, key=lambda session: session.host):
            is_gone = host == self.world.oddities.gone_user
            is_found = self._is_found(host, reading) or (is_webinar and self._lists_webinars(host))
            if (by_uuid and self._has_history) if is_gone else (is_found and self._report_is_readable(host)):
                for session in held:
                    has_one = reading.one_participant and session.participants and not is_gone
                    is_wanted = session.is_reported or has_one
                    if is_wanted and not _is_before(session, reading):
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


def _is_before(session: Session, reading: Reading) -> bool:
    return reading.since is not None and session.start.date() < reading.since


def _path(template: str, session: Session) -> str:
    """Return the path of a session: the UUID encoded twice where that is a must, else once."""
    encoded = quote(session.uuid, safe="")
    if session.uuid.startswith("/") or "//" in session.uuid:
        encoded = quote(encoded, safe="")
    return f"/v2{template.format(meetingId=encoded, webinarId=encoded)}"
