"""Any order of completions, failures, kills and restarts: no session is lost, and few are read twice.

The machine drives `SessionState` as the streams do, against a Zoom whose sessions are drawn before the
first sync and show as the clock moves on. Several books (one for each stream) share one list of sessions,
in which a uuid can be told in two windows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pendulum
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from source_zoom.session_state import FIXED_DAYS, SETTLING_MINUTES, Session, SessionState
from source_zoom.windows import AHEAD_DAYS, Window, grid

LOOKBACK = 2
MARGIN = LOOKBACK + FIXED_DAYS
START = pendulum.date(2026, 3, 20)
CLOCK = pendulum.datetime(2026, 5, 10, 9, 30)
"""When the first sync begins: some windows after the start."""
EDGES = [window.first for window in grid(START, CLOCK.date().add(days=40)) if window.first > START]
HOSTS = ("ann", "bob")
MINUTES_A_DAY = 24 * 60
LONGEST_SESSION = 30 * 60
TIME = "YYYY-MM-DD[T]HH:mm:ss[Z]"

HostWindow = tuple[Window, str]


@dataclass(frozen=True)
class Happening:
    """A session as it was: when it shows, and when its report is what it stays.

    :param settles: what tells that a report read before that was half done: the listed row
        ("fingerprint"), a row without duration ("duration"), or only that it was read so soon ("soon")
    """

    uuid: str
    host: str
    start: pendulum.DateTime
    end: pendulum.DateTime
    visible: pendulum.DateTime
    final: pendulum.DateTime
    settles: str

    def is_final(self, now: pendulum.DateTime) -> bool:
        return now >= self.final

    def listed(self, host: str, now: pendulum.DateTime) -> Session:
        early = self.settles == "fingerprint" and not self.is_final(now)
        return Session(
            uuid=self.uuid,
            host_id=host,
            meeting_id="1",
            type=2,
            start_time=self.start.format(TIME),
            end_time=self.end.format(TIME),
            fingerprint="early" if early else "final",
        )


@st.composite
def happenings(draw: st.DrawFn) -> tuple[Happening, ...]:
    days = st.one_of(
        st.tuples(st.sampled_from(EDGES), st.sampled_from([0, 0, -1, 1, -2])).map(
            lambda edge: edge[0].add(days=edge[1])
        ),
        st.integers(-6, 14).map(lambda days: CLOCK.date().add(days=days)),
        st.integers(0, 60).map(lambda days: START.add(days=days)),
    )
    sessions = []
    for number in range(draw(st.integers(1, 4))):
        day = draw(days)
        minute = draw(st.sampled_from([0, 60, 7 * 60, 12 * 60, 16 * 60, 23 * 60 + 30, MINUTES_A_DAY - 1]))
        start = pendulum.datetime(day.year, day.month, day.day).add(minutes=minute)
        end = start.add(minutes=draw(st.sampled_from([10, 60, 6 * 60, 26 * 60, LONGEST_SESSION])))
        late = st.sampled_from([0, 5, 100, MINUTES_A_DAY, LOOKBACK * MINUTES_A_DAY])
        settles = draw(st.sampled_from(["fingerprint", "duration", "soon"]))
        visible = end.add(minutes=draw(late))
        final = end.add(minutes=draw(late))
        if settles == "soon":
            final = min(final, end.add(minutes=SETTLING_MINUTES))
        host = draw(st.sampled_from(HOSTS))
        sessions.append(Happening(f"s{number}", host, start, end, visible, final, settles))
    return tuple(sessions)


@dataclass
class Knowledge:
    """What the destination has, given a state: rows behind it are the next sync's again.

    :param final: sessions whose final rows were read
    :param settled: those that nothing about the state leaves to be read once more
    :param finished: host and window pairs read with all their sessions
    """

    final: set[str] = field(default_factory=set)
    settled: set[str] = field(default_factory=set)
    given_up: set[str] = field(default_factory=set)
    finished: set[HostWindow] = field(default_factory=set)

    def copy(self) -> Knowledge:
        return Knowledge(set(self.final), set(self.settled), set(self.given_up), set(self.finished))


class Book:
    """One stream: its state as the streams keep it, and every state it has emitted."""

    def __init__(self) -> None:
        self.emitted: list[tuple[str, Knowledge]] = [("{}", Knowledge())]
        self.begin(self.emitted[-1], CLOCK)

    def begin(self, emitted: tuple[str, Knowledge], now: pendulum.DateTime) -> None:
        blob, known = emitted
        self.emitted = self.emitted[-4:]
        self.known = known.copy()
        self.before = known
        self.state = SessionState(json.loads(blob), now=now, first_day=START, lookback_days=LOOKBACK)
        self.pending: list[tuple[Window | None, Session]] = [(None, session) for session in self.state.retries()]
        self.waiting: Counter[HostWindow] = Counter()
        self.ended: dict[HostWindow, str] = {}
        self.left: set[HostWindow] = set()
        self.claimed: set[str] = set()

    def emit(self) -> None:
        self.emitted.append((json.dumps(self.state.blob()), self.known.copy()))

    def tell(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read."""
        if not self.state.claim(window, session):
            return False
        assert session.uuid not in self.claimed
        self.claimed.add(session.uuid)
        self.pending.append((window, session))
        self.waiting[window, session.host_id] += 1
        return True

    def end(self, key: HostWindow, outcome: str) -> None:
        self.ended[key] = outcome
        self._close(key)

    def read(self, position: int, happening: Happening, now: pendulum.DateTime) -> None:
        window, session = self.pending.pop(position)
        complete = happening.settles != "duration" or happening.is_final(now)
        self.state.read(window, session, at=now, complete=complete)
        if happening.is_final(now):
            self.known.final.add(session.uuid)
            soon = now < happening.end.add(minutes=SETTLING_MINUTES)
            if complete and not soon and session.fingerprint == "final":
                self.known.settled.add(session.uuid)
        self._release(window, session)

    def fail(self, position: int, now: pendulum.DateTime, *, stopped: bool) -> None:
        window, session = self.pending.pop(position)
        if stopped:
            if window is not None:
                self.left.add((window, session.host_id))
        elif window is None and self.state.give_up(session):
            self.known.given_up.add(session.uuid)
            self.state.read(None, session, at=now, complete=True)
        else:
            assert self.state.fail(session)
        self._release(window, session)

    def _release(self, window: Window | None, session: Session) -> None:
        if window is not None:
            self.waiting[window, session.host_id] -= 1
            self._close((window, session.host_id))

    def _close(self, key: HostWindow) -> None:
        if key not in self.ended or self.waiting[key]:
            return
        outcome = self.ended.pop(key)
        if key in self.left or outcome == "stopped":
            return
        if outcome == "missed":
            self.state.miss(*key)
            self.known.finished.discard(key)
        else:
            self.state.finish(*key)
            self.known.finished.add(key)


class PastSessionsMachine(RuleBasedStateMachine):
    """Zoom, its clock, and one or two streams that read it."""

    books_count = 2
    checks_repeats = True
    checks_size = True

    def __init__(self) -> None:
        super().__init__()
        self.now = CLOCK
        self.vanished: set[str] = set()
        self.happenings: tuple[Happening, ...] = ()
        self.books: list[Book] = []
        self.syncing = False
        self.windows: list[Window] = []
        self.slices: list[tuple[Window, str, pendulum.Date, pendulum.Date]] = []
        self.asked: list[HostWindow] = []

    @initialize(
        world=happenings(),
        zone_hours=st.sampled_from([-8, 0, 9]),
        last_day_included=st.booleans(),
    )
    def account(self, world: tuple[Happening, ...], zone_hours: int, *, last_day_included: bool) -> None:
        self.happenings = world
        self.zone_hours = zone_hours
        self.last_day_included = last_day_included
        self.books = [Book() for _ in range(self.books_count)]

    # Zoom

    def day(self, happening: Happening) -> pendulum.Date:
        """The day Zoom counts a session under."""
        return happening.start.add(hours=self.zone_hours).date()

    def shown(self, host: str, first: pendulum.Date, last: pendulum.Date) -> Iterator[Happening]:
        for happening in self.happenings:
            day = self.day(happening)
            within = first <= day and (day <= last if self.last_day_included else day < last)
            if happening.host == host and host not in self.vanished and within and happening.visible <= self.now:
                yield happening

    def active(self, first: pendulum.Date, last: pendulum.Date) -> set[str]:
        days = Window(first.subtract(days=1), last.add(days=1))
        return {host for host in HOSTS if any(self.shown(host, days.first, days.last))}

    # The clock

    @rule(minutes=st.sampled_from([1, 45, 130, 700]))
    def time_passes(self, minutes: int) -> None:
        self.now = self.now.add(minutes=minutes)

    @precondition(lambda self: not self.syncing)
    @rule(days=st.sampled_from([1, 2, 3, 8, 29, 33]))
    def days_pass(self, days: int) -> None:
        self.now = self.now.add(days=days)

    @rule(host=st.sampled_from(HOSTS[1:]))
    def host_vanishes(self, host: str) -> None:
        self.vanished.add(host)

    # A sync

    @precondition(lambda self: not self.syncing)
    @rule()
    def sync_begins(self) -> None:
        self._begin([book.emitted[-1] for book in self.books])

    def _begin(self, emitted: list[tuple[str, Knowledge]]) -> None:
        for book, one in zip(self.books, emitted, strict=True):
            book.begin(one, self.now)
        self.syncing = True
        self.last = self.now.date().add(days=AHEAD_DAYS)
        self.windows = list(grid(min(book.state.earliest_day() for book in self.books), self.last))
        self.slices, self.asked = [], []

    @precondition(lambda self: self.syncing and self.windows)
    @rule()
    def window_opens(self) -> None:
        window = self.windows.pop(0)
        hosts = set().union(*(book.state.hosts(window) for book in self.books))
        firsts = [first for book in self.books if (first := book.state.first_day(window))]
        if firsts:
            hosts |= self.active(min(firsts), min(window.last, self.last))
        for book in self.books:
            book.state.open(window, hosts)
        for host in sorted(hosts):
            needs = [need for book in self.books if (need := book.state.need(window, host))]
            if needs:
                self.slices.append((window, host, min(need.first for need in needs), min(window.last, self.last)))

    @precondition(lambda self: self.syncing and self.slices)
    @rule(data=st.data(), outcome=st.sampled_from(["read", "read", "read", "missed", "stopped"]))
    def host_is_listed(self, data: st.DataObject, outcome: str) -> None:
        self._list(data.draw(st.integers(0, len(self.slices) - 1)), outcome)

    def _list(self, position: int, outcome: str) -> None:
        window, host, first, last = self.slices.pop(position)
        shown = list(self.shown(host, first, last))
        if outcome != "read":
            shown = shown[: len(shown) // 2]
        for happening in shown:
            if happening.end > self.now:
                continue
            for book in self.books:
                if book.tell(window, happening.listed(host, self.now)) and self.checks_repeats:
                    self._check_repeat(book, happening)
        for book in self.books:
            book.end((window, host), outcome)

    def _check_repeat(self, book: Book, happening: Happening) -> None:
        """What was read, has settled and has not changed is read again only if its list was not finished."""
        if happening.uuid not in book.before.settled:
            return
        day = self.day(happening)
        lists = {window for window in grid(day, day) if self.last_day_included or day < window.last}
        assert not all((window, happening.host) in book.before.finished for window in lists), (
            f"{happening.uuid} is read again"
        )

    @precondition(lambda self: any(book.pending for book in self.books))
    @rule(data=st.data(), outcome=st.sampled_from(["read", "read", "read", "failed", "stopped"]))
    def session_is_read(self, data: st.DataObject, outcome: str) -> None:
        book = data.draw(st.sampled_from([book for book in self.books if book.pending]))
        position = data.draw(st.integers(0, len(book.pending) - 1))
        if outcome == "read":
            self._read(book, position)
        else:
            book.fail(position, self.now, stopped=outcome == "stopped")

    def _read(self, book: Book, position: int) -> None:
        uuid = book.pending[position][1].uuid
        book.read(position, next(one for one in self.happenings if one.uuid == uuid), self.now)

    @precondition(lambda self: self.syncing)
    @rule(data=st.data())
    def state_is_emitted(self, data: st.DataObject) -> None:
        data.draw(st.sampled_from(self.books)).emit()

    @precondition(lambda self: self.syncing)
    @rule(data=st.data())
    def sync_is_killed(self, data: st.DataObject) -> None:
        self._begin([data.draw(st.sampled_from(book.emitted)) for book in self.books])

    @precondition(lambda self: self.syncing)
    @rule()
    def sync_goes_on_undisturbed_to_its_end(self) -> None:
        while self.windows:
            self.window_opens()
        while self.slices:
            self._list(0, "read")
        for book in self.books:
            while book.pending:
                self._read(book, 0)
            book.emit()
        self.syncing = False

    # What holds

    def owed(self, book: Book) -> Iterator[Happening]:
        """Sessions whose final rows the destination lacks, and that are not put aside."""
        retry = book.state.blob()["retry"]
        for happening in self.happenings:
            done = happening.uuid in book.known.final | book.known.given_up or happening.uuid in retry
            if not done and happening.host not in self.vanished and self.day(happening) >= START:
                yield happening

    @invariant()
    def nothing_behind_the_watermark_is_unread(self) -> None:
        for book in self.books:
            if book.state.end_time is None:
                continue
            missing = book.state.blob()["hosts"]["missing"]
            for happening in self.owed(book):
                day = self.day(happening)
                ranges = missing.get(happening.host, [])
                is_missing = any(first <= day.to_date_string() <= last for first, last in ranges)
                assert is_missing or day >= book.state.end_time.date().subtract(days=MARGIN), happening

    def teardown(self) -> None:
        if not self.books:
            return
        self._begin([book.emitted[-1] for book in self.books])
        self.sync_goes_on_undisturbed_to_its_end()
        for book in self.books:
            owed = [one for one in self.owed(book) if max(one.visible, one.final) <= self.now]
            assert not owed, owed
            if not self.checks_size:
                continue
            blob = book.state.blob()
            assert blob["hosts"] == {"done": {}, "missing": {}}
            oldest = self.now.date().subtract(days=MARGIN + 2).to_date_string()
            assert all(day >= oldest for day in blob["recent"])


class OneStream(PastSessionsMachine):
    books_count = 1


# Not shrunk: that takes minutes. What was found so far is in test_session_state.py as plain tests.
PastSessionsMachine.TestCase.settings = OneStream.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=40,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestTwoStreams = PastSessionsMachine.TestCase
TestOneStream = OneStream.TestCase
