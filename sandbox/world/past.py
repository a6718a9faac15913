"""All past sessions of the account, as far as Zoom's reports show them at the moment."""

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, timezone
from functools import lru_cache

from sandbox.dates import midnight, months_later
from sandbox.dice import Dice
from sandbox.world.meetings import RECURRING, SCHEDULED
from sandbox.world.oddities import Oddities
from sandbox.world.sessions import STORED, Outline, Session, SessionPlan
from sandbox.world.webinars import WEBINAR, WEBINAR_KINDS

_DAY = timedelta(days=1)
_LONGEST = timedelta(days=2)
_REPORTED_MONTHS = 6
_REPORTED_DAYS = timedelta(days=180)
_YEAR_IN_MONTHS = 12
_WINDOWS_KEPT = 4
_ADDED_MINUTES = 30
_NIGHTS = 31
_HUGE = 700
_WEEKS = 10

KINDS = {"meeting": SCHEDULED, "webinar": WEBINAR}
"""Types of the sessions that can be added, by what they are called there."""


@dataclass(frozen=True)
class ReportRules:
    """How and when sessions come into reports."""

    zone: timezone = timezone.utc
    """Where days begin: today, those of ``from`` and ``to``, and the oldest one."""
    counts_days: bool = False
    """Whether reports go back 180 days, not six months."""
    clamps: bool = False
    """Whether days before that are served as far as they can be, not refused."""
    days_ahead: int = 3
    """How many days after today ``to`` may lie."""
    includes_to: bool = True
    """Whether the day ``to`` is part of the report."""
    delay: float = 0.0
    """Seconds from the end of a session until reports show it."""
    settle: float = 3600.0
    """Seconds from the end of a session until the last participant's duration is known."""
    answers_delay: float = 0.0
    """Seconds from the end of a session until its participants, poll results, Q&A and absentees are known."""
    names_gone: bool = False
    """Whether the history names the sessions of the host who is gone."""

    def selects(self, moment: datetime, first: date, last: date) -> bool:
        """Tell whether a report from ``first`` to ``last`` is about that moment."""
        day = moment.astimezone(self.zone).date()
        return first <= day <= last if self.includes_to else first <= day < last


DEFAULT_RULES = ReportRules()


class PastSessions:
    """Sessions by host, UUID, meeting id and time. Derived ones are made when asked for. Thread-safe."""

    def __init__(
        self, plan: SessionPlan, rules: ReportRules, oddities: Oddities, *, clock: Callable[[], float]
    ) -> None:
        """Take what sessions depend on, and the clock in seconds since the epoch."""
        self.rules = rules
        self._plan = plan
        self._oddities = oddities
        self._clock = clock
        self._odd_hosts = {oddities.webinar_host, oddities.email_host, oddities.gone_user}
        self._lock = threading.Lock()
        self._stored: dict[int, Session] = {}
        self._stored_of: dict[int, list[Session]] = {}
        self._hosts = tuple(number for number in range(plan.users) if self._holds_sessions(number))
        self._derived_within = lru_cache(maxsize=_WINDOWS_KEPT)(self._derive_within)

    @property
    def plan(self) -> SessionPlan:
        """What sessions depend on, such as when they begin, and the day on which the sandbox was made."""
        return self._plan

    @property
    def now(self) -> datetime:
        """The sandbox's time."""
        return datetime.fromtimestamp(self._clock(), timezone.utc)

    @property
    def today(self) -> date:
        """The day it is in the zone of the reports."""
        return self.now.astimezone(self.rules.zone).date()

    @property
    def oldest_day(self) -> date:
        """The first day that reports still show."""
        today = self.today
        return today - _REPORTED_DAYS if self.rules.counts_days else months_later(today, -_REPORTED_MONTHS)

    def is_shown(self, session: Session) -> bool:
        """Tell whether a session has ended and reports know it."""
        return session.end + timedelta(seconds=self.rules.delay) <= self.now

    def is_settled(self, session: Session) -> bool:
        """Tell whether everything about a session has been processed."""
        return session.end + timedelta(seconds=self.rules.settle) <= self.now

    def is_answered(self, session: Session) -> bool:
        """Tell whether a session's participants, poll results, Q&A and absentees are known."""
        return session.end + timedelta(seconds=self.rules.answers_delay) <= self.now

    def is_too_old(self, session: Session) -> bool:
        """Tell whether a session is over a year old."""
        return session.start.astimezone(self.rules.zone).date() < months_later(self.today, -_YEAR_IN_MONTHS)

    def find(self, uuid: str) -> Session | None:
        """Return the session of that UUID, once it is shown."""
        number = self._plan.keys.uuid_number(uuid)
        return None if number is None else self._numbered(number)

    def latest(self, meeting_id: int) -> Session | None:
        """Return the last shown instance of a meeting."""
        number = self._plan.only_session(meeting_id)
        if number is not None:
            session = self._numbered(number)
            return session if session and session.meeting_id == meeting_id else None
        host = self._plan.host_of(meeting_id)
        if host is None or host == self._oddities.gone_user:
            return None
        instances = (session for session in self.of_host(host) if session.meeting_id == meeting_id)
        return max(instances, key=lambda session: session.start, default=None)

    def host_of(self, asked: str) -> int | None:
        """Return the number of the user who holds the session of a UUID, or those of a meeting or webinar."""
        if not (asked.isascii() and asked.isdecimal()):
            session = self.find(asked)
        else:
            number = self._plan.only_session(int(asked))
            if number is None:
                return self._plan.host_of(int(asked))
            session = self._numbered(number)
        return session.host if session else None

    def of_host(self, host: int, first: date = date.min, last: date = date.max) -> list[Session]:
        """Return the shown sessions of a host that started between two days, in order."""
        derived: Iterable[Session] = ()
        if self._holds_sessions(host):
            derived = (self._plan.make(host, slot) for slot in self._slots(first, last))
        return self._selected((*derived, *self._stored_of.get(host, ())), first, last)

    def within(self, first: date, last: date, *, by_end: bool = False) -> list[Session]:
        """Return all shown sessions that started, or else ended, between two days, in order of their start."""
        derived = self._derived_within(self._slots(first, last))
        return self._selected((*derived, *tuple(self._stored.values())), first, last, by_end=by_end)

    def reached(self) -> Iterator[Session]:
        """Yield every shown session that reports still reach, host by host; the gone host's too, if they are named."""
        for host in sorted({*self._hosts, *self._stored_of}):
            for session in self.of_host(host, self.oldest_day):
                if not self._is_gone(session):
                    yield session

    def reported_meetings(self) -> Iterator[Session]:
        """Yield every shown meeting of two or more participants that reports still reach, host by host."""
        return (session for session in self.all_meetings() if session.is_reported)

    def all_meetings(self) -> Iterator[Session]:
        """Yield every shown meeting that reports still reach, host by host."""
        return (session for session in self.reached() if not session.is_webinar)

    def all_webinars(self) -> Iterator[Session]:
        """Yield every shown webinar that is not older than what reports reach, host by host."""
        return (session for session in self.reached() if session.is_webinar)

    def instances(self, webinar: int) -> list[Session]:
        """Return the shown sessions of a listed webinar, in order."""
        host = self._plan.webinars.host_of(webinar)
        return [session for session in self.of_host(host) if session.listed_webinar == webinar]

    def add_ended(self, count: int, host: int | None, kind: str, minutes_ago: float, participants: int) -> list[str]:
        """Add that many half-hour sessions of a host, or of several; return their UUIDs.

        Raises ValueError for values that make no sense.
        """
        if kind not in KINDS or not (count >= 0 and minutes_ago >= 0 and participants >= 1):
            raise ValueError("Expected a type of meeting or webinar, count and minutes of 0 or more, participants.")
        if host is not None and not 0 <= host < self._plan.known_users:
            raise ValueError(f"There is no user number {host}.")
        is_webinar = kind == "webinar"
        hosts = self._hosts_to_add_to(is_webinar=is_webinar) if host is None else (host,)
        if not hosts:
            raise ValueError("Nobody in this account holds sessions.")
        end = self.now.replace(microsecond=0) - timedelta(minutes=minutes_ago)
        start = end - timedelta(minutes=_ADDED_MINUTES)
        outlines = (Outline(hosts[n % len(hosts)], KINDS[kind], start, end, participants) for n in range(count))
        if is_webinar:
            outlines = (replace(outline, meeting=self._plan.webinars.first(outline.host)) for outline in outlines)
        return [self._add(outline).uuid for outline in outlines]

    def add_oddities(self, deactivated: int | None) -> None:
        """Add the sessions that are there to be stumbled over; ``deactivated`` is a user who still has some."""
        today, now = self._plan.last, self.now.replace(microsecond=0)
        half_hour = timedelta(minutes=_ADDED_MINUTES)
        if deactivated is not None:
            for days in (5, 40, 70):
                start = today - days * _DAY + timedelta(hours=9)
                self._add(Outline(deactivated, SCHEDULED, start, start + half_hour, 3))
        if self._oddities.late_host is not None:
            end = now - timedelta(hours=3)
            self._add(Outline(self._oddities.late_host, SCHEDULED, end - half_hour, end, 2))
        if self._oddities.busy_host is not None:
            self._add_odd_sessions(self._oddities.busy_host)
        if self._oddities.webinar_host is not None:
            self._add_odd_webinars(self._oddities.webinar_host)

    def _add_odd_sessions(self, host: int) -> None:
        today, now = self._plan.last, self.now.replace(microsecond=0)
        half_hour = timedelta(minutes=_ADDED_MINUTES)
        # A session over each midnight of a month: whichever grid of days a reader has, one lies over its edge.
        for night in range(_NIGHTS):
            start = today - (15 + night) * _DAY - timedelta(minutes=20)
            self._add(Outline(host, RECURRING, start, start + half_hour, 2, self._plan.series(host)))
        start = today - 12 * _DAY - timedelta(hours=4)
        self._add(Outline(host, SCHEDULED, start, start + timedelta(hours=26), 4))
        start = today - 20 * _DAY + timedelta(hours=10)
        self._add(Outline(host, SCHEDULED, start, start + timedelta(hours=1), _HUGE))
        end = now - timedelta(minutes=10)
        self._add(Outline(host, SCHEDULED, end - half_hour, end, 3))
        self._add(Outline(host, SCHEDULED, now - half_hour, now + 2 * half_hour, 3))

    def _add_odd_webinars(self, host: int) -> None:
        webinars, today = self._plan.webinars, self._plan.last
        listed = [number for number in webinars.numbers(host) if not webinars.is_gone(number)]
        if not listed:
            return
        series = max(listed, key=lambda number: webinars.kind(number) == WEBINAR_KINDS.recurring)
        hour = timedelta(hours=1)
        for week in range(_WEEKS):
            start = today - 7 * (week + 1) * _DAY + 15 * hour
            self._add(Outline(host, webinars.kind(series), start, start + hour, 6, series))
        start = today - 9 * _DAY + 16 * hour
        self._add(Outline(host, webinars.kind(listed[0]), start, start + hour, 0, listed[0]))

    def _add(self, outline: Outline) -> Session:
        with self._lock:
            number = STORED + len(self._stored)
            session = self._plan.session(number, outline)
            self._stored[number] = session
            self._stored_of.setdefault(session.host, []).append(session)
            return session

    def _numbered(self, number: int) -> Session | None:
        session = self._stored.get(number)
        if session is None and number < STORED and self._plan.per_host:
            host, slot = divmod(number, self._plan.per_host)
            session = self._plan.make(host, slot) if self._holds_sessions(host) else None
        return session if session and self.is_shown(session) and not self._is_gone(session) else None

    def _holds_sessions(self, user: int) -> bool:
        if not 0 <= user < self._plan.users or user == self._oddities.late_host:
            return False
        return user in {*self._odd_hosts, self._oddities.busy_host} or Dice(self._plan.seed, "hosts", user).percent(
            self._plan.hosting_percent
        )

    def _ordinary_hosts(self) -> tuple[int, ...]:
        return tuple(host for host in self._hosts if host not in self._odd_hosts)

    def _hosts_to_add_to(self, *, is_webinar: bool) -> tuple[int, ...]:
        licensed = (user for user in range(self._plan.users) if self._plan.webinars.first(user) is not None)
        owners = tuple(user for user in licensed if user != self._oddities.gone_user) if is_webinar else ()
        hosts = owners or self._ordinary_hosts()
        return tuple(host for host in hosts if host != self._oddities.pollless_user) or hosts

    def _is_gone(self, session: Session) -> bool:
        return session.host == self._oddities.gone_user and not self.rules.names_gone

    def _slots(self, first: date, last: date) -> range:
        """Return the places of all derived sessions that any rule could select between two days."""
        since = max(midnight(first), self._plan.first) - _LONGEST
        until = min(midnight(last), self._plan.last) + _LONGEST
        return self._plan.slots(since, until)

    def _derive_within(self, slots: range) -> tuple[Session, ...]:
        return tuple(self._plan.make(host, slot) for slot in slots for host in self._hosts)

    def _selected(self, sessions: Iterable[Session], first: date, last: date, *, by_end: bool = False) -> list[Session]:
        ended = self.now - timedelta(seconds=self.rules.delay)
        selected = [
            session
            for session in sessions
            if session.end <= ended and self.rules.selects(session.end if by_end else session.start, first, last)
        ]
        return sorted(selected, key=lambda session: (session.start, session.number))
