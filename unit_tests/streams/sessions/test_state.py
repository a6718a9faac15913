"""The rules of the state, one by one; any order of them is in test_session_machine.py."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Iterable
from typing import Any

import pendulum
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from source_zoom.streams.items.state import ASKED_AGAIN, MOST_RETRIES
from source_zoom.streams.sessions.state import USER_PREFIX, Cause, HeldGap, Session, SessionState
from source_zoom.streams.windows.digests import MARK_BITS, DigestSet, mark
from source_zoom.streams.windows.grid import Window, grid

NOW = pendulum.datetime(2026, 5, 10, 9, 30)
START = pendulum.date(2026, 2, 10)
WINDOWS = list(grid(START, NOW.date().add(days=1)))
FIRST, SECOND, THIRD, LAST = WINDOWS
MID = "2026-03-20"
"""A day of the second window alone."""
TODAY = "2026-05-10"


HOSTS = [f"host{number}" for number in range(10_000)]
FAULT = Cause("BROKEN", 500)
REFUSAL = Cause("NO_PERMISSION", 400, 200, refused=True)


def state(
    blob: dict[str, Any] | None = None,
    *,
    now: pendulum.DateTime = NOW,
    start: pendulum.Date = START,
    lookback: int = 2,
    **settings: bool,
) -> SessionState:
    """A state as the next sync reads it: through JSON."""
    through_json = json.loads(json.dumps(blob or {}))
    assert not blob or SessionState.usable(through_json, now=now)
    return SessionState(through_json, now=now, first_day=start, lookback_days=lookback, **settings)


def session(uuid: str = "s", day: str = MID, *, host: str = "ann", fingerprint: str = "f", **more: Any) -> Session:
    start, end = f"{day}T00:00:00Z", f"{day}T01:00:00Z"
    return Session(uuid, host, start, end, fingerprint, meeting_id="1", type=2, **more)


def missing(first: str, last: str, since: str = TODAY) -> dict[str, Any]:
    return {"first": first, "last": last, "since": since, "meaning": "BROKEN", "http_status": 500}


def with_missing(**hosts: list[dict[str, Any]]) -> dict[str, Any]:
    return {**caught_up(), "hosts": {"done": {}, "missing": hosts, "refused": []}}


def known_as_settled(books: SessionState, one: Session) -> bool:
    stages = [DigestSet.decode(text) for text in books.to_json()["recent"].get(one.day, [""] * 4)]
    return mark(one.uuid, one.fingerprint) in stages[-1]


def opened(books: SessionState, hosts: Iterable[str] = ("ann",)) -> SessionState:
    for window in WINDOWS:
        books.open(window, hosts)
    return books


def caught_up() -> dict[str, Any]:
    return opened(state(), ()).to_json()


def test_windows_of_these_tests_are_three_settled_ones_and_the_present() -> None:
    assert [window.key for window in WINDOWS] == ["2026-02-07", "2026-03-07", "2026-04-05", "2026-05-04"]


# The watermark


def test_watermark_passes_a_window_when_all_hosts_of_it_are_done() -> None:
    books = opened(state(), ("ann", "bob"))

    books.finish(FIRST, "ann")
    assert books.end_time is None
    books.finish(FIRST, "bob")
    assert books.end_time == pendulum.datetime(2026, 3, 7)


def test_watermark_waits_for_every_window_before() -> None:
    books = opened(state())

    books.finish(SECOND, "ann")
    books.finish(THIRD, "ann")
    assert books.end_time is None
    books.finish(FIRST, "ann")
    assert books.end_time == pendulum.datetime(2026, 5, 4)


def test_watermark_passes_windows_without_hosts_up_to_the_start_of_the_sync() -> None:
    assert opened(state(), ()).end_time == NOW


def test_watermark_never_moves_back() -> None:
    blob = {**caught_up(), "end_time": "2026-05-09T00:00:00Z"}
    books = state(blob)

    books.open(LAST, {"ann"})
    assert books.end_time == pendulum.datetime(2026, 5, 9)
    books.finish(LAST, "ann")
    assert books.end_time == NOW


def test_watermark_in_the_future_counts_as_now() -> None:
    assert state({**caught_up(), "end_time": "2031-01-01T00:00:00Z"}).end_time == NOW


def test_missed_host_does_not_hold_the_watermark_and_is_named() -> None:
    books = opened(state(), ("ann", "bob"))
    for window in WINDOWS:
        books.finish(window, "ann")
        books.miss(window, "bob", FAULT) if window is SECOND else books.finish(window, "bob")

    assert books.end_time == NOW
    assert books.to_json()["hosts"] == {
        "done": {},
        "missing": {"bob": [missing("2026-03-07", "2026-04-05")]},
        "refused": [],
    }


# What is to be read


def test_first_sync_reads_from_the_first_day_on() -> None:
    books = state()

    day_before = START.subtract(days=1)
    assert books.earliest_day() == day_before
    assert [books.days_to_read(window, "ann") for window in WINDOWS] == [Window(day_before, FIRST.last), *WINDOWS[1:]]


@pytest.mark.parametrize(("lookback", "first"), [(0, "2026-05-08"), (2, "2026-05-06"), (30, "2026-04-08")])
def test_next_sync_reads_from_the_watermarks_day_minus_lookback_and_two_days(lookback: int, first: str) -> None:
    books = state(caught_up(), now=NOW.add(hours=1), lookback=lookback)

    assert books.earliest_day().to_date_string() == first
    assert books.first_day(SECOND) is None


def test_listing_never_begins_more_than_a_day_before_the_first_day() -> None:
    books = state({**caught_up(), "end_time": "2026-02-11T00:00:00Z"})

    assert books.earliest_day() == START.subtract(days=1)
    assert not books.is_out_of_reach


@pytest.mark.parametrize(("day", "wanted"), [("2026-02-09", False), ("2026-02-10", True), ("2026-02-11", True)])
def test_the_first_day_counts_in_utc_whatever_day_zoom_lists_a_session_under(
    day: str,
    wanted: bool,  # noqa: FBT001
) -> None:
    assert opened(state()).wants(FIRST, session(day=day)) is wanted


def test_next_sync_asks_a_missed_host_for_his_window_and_nobody_for_more() -> None:
    books = state(with_missing(bob=[missing("2026-03-07", "2026-04-05")]), now=NOW.add(hours=1))

    assert books.earliest_day() == SECOND.first
    assert [books.owners(window) for window in WINDOWS] == [set(), {"bob"}, set(), set()]
    assert [books.days_to_read(window, "bob") for window in WINDOWS[:3]] == [None, SECOND, None]
    assert [books.days_to_read(window, "ann") for window in WINDOWS[:3]] == [None, None, None]
    books.open(SECOND, {"bob"})
    books.finish(SECOND, "bob")
    assert books.to_json()["hosts"] == {"done": {}, "missing": {}, "refused": []}


def test_missed_days_of_the_present_window_end_today() -> None:
    books = opened(state())
    books.miss(LAST, "ann", FAULT)

    assert books.to_json()["hosts"]["missing"] == {"ann": [missing("2026-05-04", TODAY)]}


def test_a_host_missed_again_is_named_once_and_keeps_the_day_of_the_first_failure() -> None:
    books = state(with_missing(bob=[missing("2026-03-07", "2026-04-05", since="2026-05-01")]))

    books.open(SECOND, {"bob"})
    books.miss(SECOND, "bob", Cause("NO_ANSWER"))

    first, last = "2026-03-07", "2026-04-05"
    held = {"first": first, "last": last, "since": "2026-05-01", "meaning": "NO_ANSWER"}
    assert books.to_json()["hosts"]["missing"] == {"bob": [held]}
    assert books.gaps() == [HeldGap("host", "bob", "NO_ANSWER", None, None, "2026-05-01", first, last)]


def test_two_missed_windows_are_read_in_any_order() -> None:
    one, other = missing("2026-03-07", "2026-04-05"), missing("2026-04-05", "2026-05-04", since="2026-05-08")
    books = state(with_missing(bob=[one, other]))

    for window in (SECOND, THIRD):
        books.open(window, {"bob"})
    books.finish(THIRD, "bob")
    assert books.to_json()["hosts"]["missing"] == {"bob": [one]}
    books.finish(SECOND, "bob")
    assert books.to_json()["hosts"]["missing"] == {}


def test_host_read_in_a_settled_window_is_not_asked_again_after_a_kill() -> None:
    books = opened(state(), ("ann", "bob"))
    books.finish(FIRST, "ann")
    books.finish(SECOND, "ann")

    after = state(books.to_json(), now=NOW.add(hours=1))

    assert after.end_time is None
    assert [after.days_to_read(window, "ann") for window in WINDOWS] == [None, None, THIRD, LAST]
    assert after.days_to_read(FIRST, "bob") == Window(START.subtract(days=1), FIRST.last)


def test_host_read_in_the_present_window_is_asked_again_for_the_days_that_can_change_after_a_kill() -> None:
    books = opened(state(), ("ann", "bob"))
    books.finish(LAST, "ann")

    after = state(books.to_json(), now=NOW.add(hours=1))

    assert after.days_to_read(LAST, "ann") == Window(pendulum.date(2026, 5, 6), LAST.last)
    assert after.days_to_read(LAST, "bob") == LAST


def test_a_host_finished_twice_in_a_window_is_kept_once() -> None:
    books = opened(state(), ("ann", "bob"))
    books.finish(LAST, "ann")
    books = opened(state(books.to_json(), now=NOW.add(days=2)), ("ann", "bob"))
    books.finish(LAST, "ann")

    assert list(books.to_json()["hosts"]["done"]["2026-05-04"]) == ["2026-05-08"]


def test_the_next_sync_begins_where_a_settled_window_ended() -> None:
    """Nothing of the days before can change any more, so they are not listed again."""
    books = opened(state(), ("ann",))
    books.finish(FIRST, "ann")

    after = state(books.to_json(), now=NOW.add(hours=1))

    assert after.earliest_day() == FIRST.last
    assert [after.days_to_read(window, "ann") for window in WINDOWS] == [None, *WINDOWS[1:]]


def test_a_kill_while_old_windows_are_caught_up_with_keeps_who_was_read() -> None:
    """The watermark lies in the window after the first to be read, as the margin reaches back over its edge."""
    blob = {**caught_up(), "end_time": "2026-03-10T09:30:00Z"}
    books = opened(state(blob), ("ann", "bob"))
    assert books.days_to_read(FIRST, "ann") == Window(pendulum.date(2026, 3, 6), FIRST.last)
    books.finish(FIRST, "ann")

    after = state(books.to_json(), now=NOW.add(hours=1))

    assert after.days_to_read(FIRST, "ann") is None


def test_host_whom_the_stream_did_not_need_leaves_no_trace() -> None:
    """One list serves several streams, so the end of a host's list reaches those that had read him before."""
    books = state(caught_up(), now=NOW.add(hours=1))
    for window in WINDOWS:
        books.open(window, {"ann"})
        books.finish(window, "ann")

    assert books.to_json()["hosts"] == {"done": {}, "missing": {}, "refused": []}


# Sessions


def test_session_is_claimed_once_though_two_windows_list_it() -> None:
    books = opened(state())
    shared = session(day=FIRST.last.to_date_string())
    assert books.claim(FIRST, shared)
    assert not books.claim(FIRST, shared)

    books.finish(FIRST, "ann")

    assert not books.claim(SECOND, shared)
    assert books.claim(SECOND, session("another", day=FIRST.last.to_date_string()))


def test_claims_that_no_window_can_list_again_are_forgotten() -> None:
    books = opened(state())
    days = {FIRST.first, FIRST.last.subtract(days=3), FIRST.last.subtract(days=1), FIRST.last}
    for number, day in enumerate(sorted(days)):
        books.claim(FIRST, session(str(number), day=day.to_date_string()))

    books.finish(FIRST, "ann")

    kept = {FIRST.last.subtract(days=1), FIRST.last}
    assert books._claimed.keys() == {day.to_date_string() for day in kept}


def test_session_is_wanted_once() -> None:
    books = opened(state())
    assert books.wants(LAST, session(day=TODAY))

    books.read(LAST, session(day=TODAY), at=NOW, complete=True)

    assert not books.wants(LAST, session(day=TODAY))
    assert books.wants(LAST, session(day=TODAY, fingerprint="changed"))
    assert books.wants(LAST, session("another", day=TODAY))
    books.finish(LAST, "ann")
    after = opened(state(books.to_json(), now=NOW.add(hours=1)))
    assert not after.wants(LAST, session(day=TODAY))
    assert known_as_settled(after, session(day=TODAY))
    assert after.wants(LAST, session(day=TODAY, fingerprint="changed"))


ENDED = pendulum.datetime(2026, 5, 10, 1)
"""When a session of today ended."""


@pytest.mark.parametrize(
    ("read_at", "complete", "asked_at"),
    [
        ([], True, [0, 1, 2, 25]),
        ([0.1], True, [2, 3, 25]),
        ([0.1], False, [2, 3, 25]),
        ([1.9, 2], True, []),
        ([2], True, []),
        ([30], True, []),
        ([2], False, [6, 7, 25]),
        ([5.9], False, [6, 7, 25]),
        ([6], False, [24, 25]),
        ([7], False, [24, 25]),
        ([0.1, 2.5, 6.5], False, [24, 25]),
        ([24], False, []),
        ([0.1, 2.5, 6.5, 24.5], False, []),
        ([30], False, []),
    ],
)
def test_a_session_is_read_again_at_growing_distance_until_it_is_complete(
    read_at: list[float],
    complete: bool,  # noqa: FBT001
    asked_at: list[float],
) -> None:
    """Hours after the end: when it was read, and in which syncs it is to be read once more."""
    one = session(day=TODAY)
    blob = opened(state(now=ENDED)).to_json()
    for hours in read_at:
        at = ENDED.add(seconds=round(hours * 3600))
        books = opened(state(blob, now=at))
        assert books.claim(LAST, one)
        books.read(LAST, one, at=at, complete=complete)
        blob = books.to_json()

    again = [hours for hours in (0, 1, 2, 3, 5, 6, 7, 23, 24, 25) if hours >= max(read_at, default=0)]
    wanted = [hours for hours in again if opened(state(blob, now=ENDED.add(hours=hours))).wants(LAST, one)]

    assert [hours for hours in wanted if hours in asked_at] == [hours for hours in asked_at if hours in again]
    assert min(wanted, default=None) == min(asked_at, default=None)


def test_hourly_syncs_read_a_session_that_never_gets_complete_four_times() -> None:
    reads = 0
    blob: dict[str, Any] = {}
    for hour in range(108):
        now = ENDED.add(hours=hour, minutes=7)
        books = state(blob, now=now)
        for window in grid(books.earliest_day(), now.date()):
            books.open(window, {"ann"})
            if books.claim(window, session(day=TODAY)):
                reads += 1
                books.read(window, session(day=TODAY), at=now, complete=False)
            books.finish(window, "ann")
        blob = books.to_json()

    assert reads == 4


def test_when_a_session_was_read_counts_not_when_its_books_are_closed() -> None:
    books = opened(state(now=ENDED.add(hours=5)))

    books.read(LAST, session(day=TODAY), at=ENDED.add(hours=1), complete=True)

    assert not known_as_settled(books, session(day=TODAY))


@pytest.mark.parametrize("day", ["", "10/05/2026", "0001-01-01", "9999-12-31", "2026-05-12", "2019-12-31"])
def test_a_session_of_an_impossible_day_is_read_whenever_it_is_listed(day: str) -> None:
    books = opened(state())

    books.read(LAST, session(day=day), at=NOW, complete=True)

    assert books.to_json()["recent"] == {}
    assert SessionState.usable(books.to_json(), now=NOW)


@pytest.mark.parametrize(("day", "wanted"), [("2026-05-04", False), ("2026-05-05", True), ("2026-05-06", True)])
def test_session_listed_from_before_the_needed_days_is_not_wanted_but_for_a_day_of_the_zone(
    day: str,
    wanted: bool,  # noqa: FBT001
) -> None:
    assert state(caught_up(), now=NOW.add(hours=1)).wants(LAST, session(day=day)) is wanted


def test_session_of_a_window_that_was_read_is_not_wanted() -> None:
    assert not state(caught_up()).wants(SECOND, session())


def test_sessions_of_a_settled_window_leave_when_their_host_is_done() -> None:
    books = opened(state(), ("ann", "bob"))
    for host in ("ann", "bob"):
        books.read(SECOND, session(host, host=host), at=NOW, complete=True)
    books.finish(SECOND, "ann")

    assert known_as_settled(books, session("bob"))
    assert not known_as_settled(books, session("ann"))


def test_sessions_of_old_days_of_the_present_window_leave_when_their_host_is_done() -> None:
    books = opened(state(now=NOW.add(days=20)), ("ann", "bob"))
    days = ["2026-05-10", "2026-05-23", "2026-05-24", "2026-05-25", "2026-05-30"]
    for day in days:
        books.read(LAST, session(day, day), at=NOW.add(days=20), complete=True)
    books.finish(LAST, "ann")

    assert list(books.to_json()["recent"]) == days[3:]


def test_sessions_read_before_a_kill_leave_when_their_host_is_done_after_it() -> None:
    books = opened(state(), ("ann", "bob"))
    books.read(SECOND, session(), at=NOW, complete=True)

    after = opened(state(books.to_json(), now=NOW.add(hours=1)), ("ann", "bob"))
    assert not after.claim(SECOND, session())
    assert known_as_settled(after, session())
    after.finish(SECOND, "ann")

    assert after.to_json()["recent"] == {}


def test_sessions_leave_the_state_behind_the_margin() -> None:
    books = opened(state())
    for day in ("2026-05-04", "2026-05-05", TODAY):
        books.read(LAST, session(day, day=day), at=NOW, complete=True)
    for window in WINDOWS:
        books.finish(window, "ann")
    assert set(books.to_json()["recent"]) == {"2026-05-05", TODAY}

    later = state(books.to_json(), now=NOW.add(days=3))
    later.open(LAST, ())

    assert set(later.to_json()["recent"]) == {TODAY}


def test_an_old_session_read_by_a_retry_is_not_kept_as_recent() -> None:
    books = state(failed(), now=NOW.add(days=1))

    books.read(None, session(), at=NOW.add(days=1), complete=True)

    assert books.to_json()["recent"] == {}


# The two names of a host


def test_the_second_name_of_a_host_waits_for_a_session_claimed_under_the_first() -> None:
    books = opened(state(), ("ann", "ann@zoom.test"))
    listed = session(), session(host="ann@zoom.test")
    assert not books.is_claimed(listed[0])

    assert books.claim(SECOND, listed[0])
    assert not books.claim(SECOND, listed[1])
    assert books.is_claimed(listed[1])

    books.read(SECOND, listed[0], at=NOW, complete=True)
    assert not books.is_claimed(listed[1])


def test_a_session_that_failed_is_not_waited_for() -> None:
    books = opened(state())
    books.claim(SECOND, session())

    books.fail(session(), FAULT)

    assert not books.is_claimed(session())


# Retries


def failed(*sessions: Session, cause: Cause = FAULT, now: pendulum.DateTime = NOW, **settings: Any) -> dict[str, Any]:
    books = opened(state(now=now, **settings))
    for one in sessions or (session(),):
        books.fail(one, cause)
    for window in WINDOWS:
        books.finish(window, "ann")
    return books.to_json()


def test_session_that_failed_is_put_aside_and_its_host_counts_as_done() -> None:
    books = state(failed(), now=NOW.add(days=1))

    assert books.end_time == NOW
    assert books.retries() == [session()]
    assert books.gaps() == [HeldGap("session", "s", "BROKEN", 500, None, TODAY, MID, MID)]


def test_session_put_aside_is_not_asked_for_by_its_list_too() -> None:
    books = opened(state(failed(session(day=TODAY)), now=NOW.add(days=1)))

    assert not books.wants(LAST, session(day=TODAY))
    books.read(None, session(day=TODAY), at=NOW.add(days=1), complete=True)
    assert not books.wants(LAST, session(day=TODAY, fingerprint="changed"))
    assert books.to_json()["retry"] == {}


def test_first_failure_keeps_its_day_and_the_last_one_its_cause() -> None:
    books = state(failed(), now=NOW.add(days=3))

    books.fail(session(), REFUSAL)

    assert books.gaps() == [HeldGap("session", "s", "NO_PERMISSION", 400, 200, TODAY, MID, MID)]


def test_all_of_a_session_is_kept_for_its_retry() -> None:
    one = session(joined=True, is_reported=False, is_alone=True, row=b'{"topic":"T"}')

    (kept,) = state(failed(one, keeps_row=True), now=NOW.add(days=1)).retries()

    assert kept == one
    assert kept.row == one.row


def test_a_row_is_kept_where_a_stream_needs_it_and_it_is_not_too_long() -> None:
    long = session("long", row=b'"' + b"x" * 4095 + b'"', joined=True)
    short = session("short", row=b'"' + b"x" * 4094 + b'"', joined=True)

    rows = {one.uuid: (len(one.row), one.joined) for one in state(failed(long, short, keeps_row=True)).retries()}
    assert rows == {"long": (0, False), "short": (4096, True)}
    assert [one.row for one in state(failed(short)).retries()] == [b""]


def test_a_retry_that_fails_again_keeps_the_row() -> None:
    books = state(failed(session(row=b"{}", joined=True), keeps_row=True), now=NOW.add(days=1), keeps_row=True)

    books.fail(session(), FAULT)

    (kept,) = state(books.to_json()).retries()
    assert (kept.row, kept.joined) == (b"{}", True)


def test_a_session_is_asked_again_until_zoom_does_not_serve_its_day_any_more() -> None:
    last_served = pendulum.datetime(2026, 9, 20, 12)
    blob = failed()

    assert state(blob, now=NOW.add(days=60)).retries() == [session()]
    assert state(blob, now=last_served).retries() == [session()]
    after = state(blob, now=last_served.add(days=1))
    assert after.retries() == []
    assert after.expired == 1
    assert after.to_json()["retry"] == {}


def test_a_sync_asks_for_all_faults_and_for_twenty_refused_sessions_asked_longest_ago() -> None:
    refused = [session(f"refused {number:02}") for number in range(50)]
    blob = failed(*refused, cause=REFUSAL)
    blob["retry"].update(failed(*(session(f"fault {number:02}") for number in range(30)))["retry"])
    everything = {*refused, *(session(f"fault {number:02}") for number in range(30))}
    asked = []
    for days in range(1, 4):
        books = state(blob, now=NOW.add(days=days))
        again = books.retries()
        assert len(again) == 30 + ASKED_AGAIN
        assert {*books.retries(), *books.other_refused()} == everything
        for one in again:
            books.fail(one, REFUSAL if one in refused else FAULT)
        assert books.retries() == again
        assert len(books.other_refused()) == 30
        asked += [one for one in again if one in refused]
        blob = books.to_json()

    assert set(asked) == set(refused)
    assert len(asked) == 3 * ASKED_AGAIN


def test_a_session_refused_in_this_sync_is_not_asked_again_in_it() -> None:
    books = opened(state())

    books.fail(session(), REFUSAL)

    assert books.retries() == books.other_refused() == []


def test_of_more_than_a_thousand_sessions_those_that_ended_first_are_dropped() -> None:
    books = opened(state())
    for number in range(MOST_RETRIES):
        books.fail(session(str(number), day="2026-03-21"), FAULT)
    books.fail(session("0"), FAULT)
    assert books.dropped == 0

    books.fail(session("newest", day=TODAY), FAULT)
    books.fail(session("oldest", day="2026-03-01"), FAULT)

    assert books.dropped == 2
    kept = books.to_json()["retry"]
    assert len(kept) == MOST_RETRIES
    assert "newest" in kept
    assert not {"0", "oldest"} & kept.keys()


# Hosts who are refused


def refused(*windows: Window, now: pendulum.DateTime = NOW) -> dict[str, Any]:
    """A caught-up state but for bob, who was refused in some windows."""
    books = opened(state(now=now), ("ann", "bob"))
    for window in WINDOWS:
        books.finish(window, "ann")
        books.refuse(window, "bob", REFUSAL) if window in windows else books.finish(window, "bob")
    return books.to_json()


@pytest.mark.parametrize("windows", [[SECOND], [SECOND, THIRD, LAST], [LAST, SECOND]])
def test_the_watermark_passes_without_a_refused_host_who_is_named(windows: list[Window]) -> None:
    books = state(refused(*windows), now=NOW.add(days=1))

    assert books.end_time == NOW
    assert books.refused_owners() == ["bob"]
    assert books.gaps() == [
        HeldGap("host", "bob", "NO_PERMISSION", 400, 200, TODAY, SECOND.first.isoformat(), "2026-05-11")
    ]
    assert all("bob" not in books.owners(window) and books.days_to_read(window, "bob") is None for window in WINDOWS)
    books.open(LAST, {"bob"})
    assert books.end_time == NOW.add(days=1)


def test_windows_that_are_open_when_a_host_is_refused_in_a_later_one_are_kept_too() -> None:
    books = opened(state())
    books.refuse(THIRD, "ann", REFUSAL)
    assert books.end_time is None

    books.miss(SECOND, "ann", FAULT)
    books.finish(FIRST, "ann")
    books.finish(LAST, "ann")

    assert books.end_time == NOW
    assert [gap.first_day for gap in books.gaps()] == [SECOND.first.isoformat()]


def test_sessions_of_windows_that_are_open_when_a_host_is_refused_in_a_later_one_are_read() -> None:
    books = opened(state())
    books.refuse(THIRD, "ann", REFUSAL)

    assert books.claim(SECOND, session())


def test_a_window_that_was_under_way_when_its_host_was_refused_in_a_later_one_stays_missing() -> None:
    books = opened(state())
    books.finish(FIRST, "ann")
    books.refuse(THIRD, "ann", REFUSAL)

    after = opened(state(books.to_json(), now=NOW.add(days=1)))  # it was killed meanwhile, and ann is still refused

    assert after.end_time == NOW.add(days=1)
    assert [gap.first_day for gap in after.gaps()] == [SECOND.first.isoformat()]
    after.allow("ann")
    assert after.owners(SECOND) == {"ann"}


def test_a_refused_host_who_answers_again_is_read_from_the_first_refusal_on() -> None:
    books = state(refused(SECOND, THIRD), now=NOW.add(days=1))

    books.allow("bob")

    assert books.refused_owners() == []
    assert [books.owners(window) for window in WINDOWS] == [set(), {"bob"}, {"bob"}, {"bob"}]
    assert books.days_to_read(SECOND, "bob") == SECOND
    assert books.gaps()[0].since == TODAY
    opened(books, ("bob",))
    assert books.claim(SECOND, session(host="bob"))
    books.read(SECOND, session(host="bob"), at=NOW.add(days=1), complete=True)
    books.finish(SECOND, "bob")
    left = state(books.to_json(), now=NOW.add(days=1))
    assert [left.owners(window) for window in WINDOWS] == [set(), set(), {"bob"}, {"bob"}]
    for window in (THIRD, LAST):
        books.finish(window, "bob")
    assert books.gaps() == []


def test_a_refused_host_swallows_the_days_missing_and_keeps_the_first_failure() -> None:
    books = state(with_missing(bob=[missing("2026-03-07", "2026-04-05", since="2026-05-01")]))
    opened(books, ("bob",))

    books.refuse(SECOND, "bob", REFUSAL)

    assert [(gap.first_day, gap.since) for gap in books.gaps()] == [("2026-03-07", "2026-05-01")]


def test_refused_hosts_come_in_the_order_they_were_asked() -> None:
    books = opened(state(), ("ann", "bob", "cleo"))
    for host in ("ann", "bob", "cleo"):
        books.refuse(FIRST, host, REFUSAL)
    later = state(books.to_json(), now=NOW.add(hours=1))
    assert later.refused_owners() == ["ann", "bob", "cleo"]

    later.asked("ann")
    later.asked("nobody")

    assert state(later.to_json(), now=NOW.add(hours=2)).refused_owners() == ["bob", "cleo", "ann"]


def test_the_first_day_of_a_refused_host_moves_up_with_what_is_served() -> None:
    books = state(refused(FIRST), now=NOW.add(days=90), start=START.add(days=90))

    assert books.gaps()[0].first_day == START.add(days=89).isoformat()
    books.allow("bob")
    assert books.earliest_day() == START.add(days=89)


def test_a_host_whom_the_stream_did_not_ask_for_is_neither_missed_nor_refused() -> None:
    books = state(caught_up(), now=NOW.add(hours=1))
    for window in WINDOWS:
        books.open(window, {"ann"})
    for window in WINDOWS[:3]:
        books.miss(window, "ann", FAULT)
        books.refuse(window, "ann", REFUSAL)

    assert books.gaps() == []


def test_what_is_done_without_counts_as_read_and_earlier_failures_stay() -> None:
    before = opened(state(), ("ann", "bob"))
    before.fail(session("long since"), REFUSAL)
    books = opened(state(before.to_json(), now=NOW.add(days=1)), ("ann", "bob"))
    books.fail(session("new"), REFUSAL)
    books.fail(session("fault"), FAULT)

    books.settle_noted()

    assert {gap.object_id for gap in books.gaps()} == {"long since", "fault"}
    assert {one.uuid for one in state(books.to_json(), now=NOW.add(days=2)).retries()} == {"long since", "fault"}


# Webinars whose instances are not known


def test_a_webinar_whose_instances_could_not_be_read_is_named_and_read_from_that_day_on() -> None:
    books = state(caught_up(), now=NOW.add(days=1))
    books.note_unknown("77", REFUSAL)
    later = state(opened(books, ()).to_json(), now=NOW.add(days=9))

    later.note_unknown("77", REFUSAL)

    assert later.unknown_webinars() == ["77"]
    assert later.gaps() == [
        HeldGap("webinar", "77", "NO_PERMISSION", 400, 200, "2026-05-11", "2026-05-06", "2026-05-19")
    ]
    last = state(opened(later, ()).to_json(), now=NOW.add(days=10))
    assert last.known("77") == pendulum.date(2026, 5, 6)
    assert last.known("77") is None
    assert last.gaps() == []


def test_a_webinar_may_be_one_of_a_user_whose_list_could_not_be_read_before() -> None:
    books = state()
    books.note_unknown(f"{USER_PREFIX}ann", FAULT)
    later = state(opened(books, ()).to_json(), now=NOW.add(days=30))

    later.note_unknown("7", FAULT)
    assert later.known(f"{USER_PREFIX}ann") == START.subtract(days=1)

    assert later.known("7") == START.subtract(days=1)


def test_refused_webinars_come_in_the_order_they_were_asked_and_those_at_fault_like_any_other() -> None:
    books = state()
    for name in ("1", "2", "3"):
        books.note_unknown(name, REFUSAL)
    books.note_unknown("4", FAULT)
    later = state(books.to_json(), now=NOW.add(hours=1))

    later.note_unknown("1", REFUSAL)

    assert state(later.to_json(), now=NOW.add(hours=2)).unknown_webinars() == ["2", "3", "1"]


def test_a_session_that_no_window_lists_any_more_is_owed_until_it_was_read() -> None:
    books = opened(state(caught_up(), now=NOW.add(hours=1)), ())

    assert books.owe(session())
    assert books.is_claimed(session())
    assert not books.owe(session())
    assert books.gaps() == []
    assert not books.owe(session("old", day="2026-02-09"))

    after = state(books.to_json(), now=NOW.add(hours=2))
    assert after.retries() == [session()]
    after.read(None, session(), at=NOW.add(hours=2), complete=True)
    assert after.to_json()["retry"] == {}
    assert not after.owe(session())


# Settings that change


def read_with(start: pendulum.Date, **settings: Any) -> dict[str, Any]:
    """A caught-up state of a stream that was read with some settings; a session of today was read."""
    books = opened(state(start=start, **settings), ("ann",))
    books.read(LAST, session("today", TODAY), at=NOW, complete=True)
    for window in WINDOWS:
        books.finish(window, "ann")
    return books.to_json()


def listed(books: SessionState, *sessions: Session) -> list[str]:
    """Names of the sessions that are to be read, each listed in every window of its day."""
    return [
        one.uuid
        for window in WINDOWS
        for one in sessions
        if window.key <= one.day <= window.last.isoformat() and books.claim(window, one)
    ]


def test_a_start_moved_back_reads_the_days_before_and_nothing_twice() -> None:
    later = pendulum.date(2026, 3, 20)
    books = state(read_with(later), now=NOW.add(hours=1))
    assert books.end_time is None

    assert [books.first_day(window) for window in WINDOWS] == [
        START.subtract(days=1),
        SECOND.first,
        None,
        pendulum.date(2026, 5, 6),
    ]
    days = ["2026-02-10", "2026-03-08", "2026-03-18", "2026-03-22", "2026-05-03"]
    opened(books)
    assert listed(books, *(session(day, day) for day in days), session("today", TODAY)) == days[:3]
    for window in WINDOWS:
        books.finish(window, "ann")
    assert books.end_time == NOW.add(hours=1)
    assert books.to_json()["covered"] is None
    assert books.to_json()["read_with"] == {"first": START.isoformat(), "one_participant": False}


def test_sessions_with_one_participant_switched_on_are_read_and_no_other_twice() -> None:
    books = opened(state(read_with(START), now=NOW.add(hours=1), one_participant=True))

    assert [books.first_day(window) for window in WINDOWS] == [START.subtract(days=1), *(w.first for w in WINDOWS[1:])]
    days = ["2026-02-12", "2026-03-20", "2026-05-03"]
    both = [session(f"{day} {alone}", day, is_alone=alone) for day in days for alone in (False, True)]
    assert listed(books, *both) == [f"{day} True" for day in days]


@pytest.mark.parametrize("killed_in", [FIRST, SECOND, THIRD])
def test_a_kill_while_wider_settings_are_read_loses_nothing(killed_in: Window) -> None:
    books = opened(state(read_with(pendulum.date(2026, 3, 20)), now=NOW.add(hours=1)), ("ann", "bob"))
    for window in WINDOWS[: WINDOWS.index(killed_in)]:
        books.finish(window, "ann")
        books.finish(window, "bob")

    after = opened(state(books.to_json(), now=NOW.add(hours=2)))

    days = ["2026-02-10", "2026-03-08", "2026-03-18", "2026-03-22", "2026-05-03"]
    due = [day for day in days[:3] if day > killed_in.key]
    assert listed(after, *(session(day, day) for day in days), session("today", TODAY)) == due


def test_settings_that_get_wider_twice_are_read_once() -> None:
    books = opened(state(read_with(pendulum.date(2026, 3, 20)), now=NOW.add(hours=1)), ("ann",))
    books.finish(FIRST, "ann")
    after = opened(state(books.to_json(), now=NOW.add(hours=2), one_participant=True))

    days = ["2026-02-12", "2026-03-18", "2026-03-22", "2026-05-03"]
    both = [session(f"{day} {alone}", day, is_alone=alone) for day in days for alone in (False, True)]
    # What the first change had read lies apart from what was read before it, and is read again.
    assert listed(after, *both) == [
        "2026-02-12 False",
        "2026-02-12 True",
        "2026-03-18 False",
        "2026-03-18 True",
        "2026-03-22 True",
        "2026-05-03 True",
    ]


def test_a_host_who_lacks_days_reads_them_though_settings_became_wider() -> None:
    blob = read_with(pendulum.date(2026, 3, 20))
    blob["hosts"]["missing"] = {"bob": [missing("2026-04-05", "2026-05-04")]}
    books = opened(state(blob, now=NOW.add(hours=1)), ("ann", "bob"))

    hosts = [session(host, "2026-04-20", host=host) for host in ("ann", "bob")]
    assert listed(books, *hosts) == ["bob"]


def test_a_refused_host_is_read_from_the_new_first_day_on() -> None:
    blob = read_with(pendulum.date(2026, 3, 20))
    blob["hosts"]["refused"] = refused(LAST)["hosts"]["refused"]

    books = state(blob, now=NOW.add(hours=1))

    assert books.gaps()[0].first_day == START.subtract(days=1).isoformat()


@pytest.mark.parametrize(("start", "one_participant"), [(START, False), (START.add(days=9), True), (START, True)])
def test_narrower_settings_or_the_same_change_nothing(
    start: pendulum.Date,
    one_participant: bool,  # noqa: FBT001
) -> None:
    books = state(
        read_with(START, one_participant=True), now=NOW.add(hours=1), start=start, one_participant=one_participant
    )

    assert books.end_time == NOW
    assert books.earliest_day().isoformat() == "2026-05-06"
    assert books.to_json()["covered"] is None


def test_hosts_done_before_the_start_moved_back_are_asked_for_the_rest_of_the_window() -> None:
    books = opened(state(start=pendulum.date(2026, 2, 20)), ("ann", "bob"))
    books.finish(FIRST, "ann")
    books.finish(SECOND, "ann")

    after = state(books.to_json(), now=NOW.add(hours=1))

    assert [after.days_to_read(window, "ann") for window in WINDOWS[:2]] == [
        Window(START.subtract(days=1), FIRST.last),
        None,
    ]


def test_a_clock_that_was_ahead_leaves_no_gap() -> None:
    """Read with a first day that lies after the present one, the state is not of use."""
    ahead = NOW.add(days=400)
    blob = SessionState({}, now=ahead, first_day=START.add(days=400), lookback_days=2).to_json()

    assert not SessionState.usable(blob, now=NOW)
    books = SessionState(blob, now=NOW, first_day=START, lookback_days=2)
    assert books.earliest_day() == START.subtract(days=1)


# Six months


@pytest.mark.parametrize(
    ("end_time", "days", "out_of_reach"),
    [
        ("2026-02-10T00:00:00Z", None, False),
        ("2026-02-09T23:59:00Z", None, True),
        (None, None, False),
        ("2026-05-10T00:00:00Z", ("2026-01-09", "2026-02-07"), True),
        ("2026-05-10T00:00:00Z", ("2026-02-07", "2026-03-07"), True),
        ("2026-05-10T00:00:00Z", ("2026-02-09", "2026-03-07"), False),
    ],
)
def test_what_lies_before_the_first_day_is_said_to_be_out_of_reach(
    end_time: str | None,
    days: tuple[str, str] | None,
    out_of_reach: bool,  # noqa: FBT001
) -> None:
    blob = with_missing(ann=[missing(*days)]) if days else caught_up()

    assert state({**blob, "end_time": end_time}).is_out_of_reach is out_of_reach


def test_missing_days_that_are_not_served_any_more_leave_the_state() -> None:
    gone, served = missing("2026-01-09", "2026-02-07"), missing("2026-03-07", "2026-04-05")
    books = state(with_missing(ann=[gone], bob=[gone, served]))

    assert books.to_json()["hosts"]["missing"] == {"bob": [served]}


# The blob


def test_a_caught_up_state_of_ten_thousand_hosts_is_small() -> None:
    books = opened(state(), HOSTS)
    for window in WINDOWS:
        for host in HOSTS:
            books.finish(window, host)

    assert len(json.dumps({**books.to_json(), "recent": {}})) < 1000


def test_ten_thousand_hosts_refused_alike_are_named_in_little_room() -> None:
    books = state()
    books.open(FIRST, HOSTS)
    for host in HOSTS:
        books.refuse(FIRST, host, REFUSAL)
    again = state(books.to_json())
    assert len(again.refused_owners()) == len(HOSTS)
    for host in again.refused_owners()[:ASKED_AGAIN]:
        again.asked(host)

    assert len(json.dumps(again.to_json())) < 200_000


SESSIONS_A_DAY = 20_000


def test_a_state_of_ten_thousand_hosts_and_twenty_thousand_sessions_a_day_stays_under_a_megabyte() -> None:
    """All sessions were read, and in two windows all hosts but one are done: then the last one is, too."""
    now = pendulum.datetime(2026, 5, 20, 9, 30)
    books = state(now=now)
    for window in WINDOWS:
        books.open(window, HOSTS if window in (THIRD, LAST) else ())
    made = random.Random(3)
    for day in (now.date().subtract(days=number) for number in range(6)):
        one = session("one", day.isoformat())
        books.read(LAST, one, at=now, complete=True)
        for _ in range(SESSIONS_A_DAY - 1):
            books._held.recent[one.day][-1].add(made.getrandbits(MARK_BITS))
    for host in HOSTS[1:]:
        books.finish(THIRD, host)
        books.finish(LAST, host)

    seconds: list[float] = []
    blob: dict[str, Any] = {}
    for attempt in range(3):  # the machine may be busy with something else
        for stages in books._held.recent.values():
            stages[-1].add(attempt)
        for read in books._held.done.values():
            next(iter(read.values())).add(attempt)
        began = time.process_time()
        blob = books.to_json()
        seconds.append(time.process_time() - began)

    days = [sum(len(DigestSet.decode(text)) for text in stages) for stages in blob["recent"].values()]
    assert days == [SESSIONS_A_DAY + 3] * 6
    assert len(json.dumps(blob)) < 920_000
    assert min(seconds) < 0.6  # alone, a quarter of it
    books.finish(THIRD, HOSTS[0])
    books.finish(LAST, HOSTS[0])
    assert len(json.dumps(books.to_json())) < 780_000


def everything() -> SessionState:
    """A state with something in each of its fields."""
    blob = failed(session(row=b"{}", is_alone=True), session("w", TODAY), keeps_row=True)
    books = opened(
        state(blob, now=NOW.add(days=1), one_participant=True, keeps_row=True), ("ann", "bob", "cleo", "dan")
    )
    books.fail(session("refused"), REFUSAL)
    books.read(LAST, session("r", day=TODAY), at=NOW.add(days=1), complete=True)
    books.read(LAST, session("u", day=TODAY), at=NOW, complete=False)
    books.finish(SECOND, "ann")
    books.finish(LAST, "ann")
    books.miss(LAST, "bob", FAULT)
    books.refuse(FIRST, "cleo", REFUSAL)
    books.note_unknown("77", REFUSAL)
    return books


def test_blob_shares_no_object_with_the_state() -> None:
    books = everything()
    blob = books.to_json()
    before = copy.deepcopy(blob)

    books.read(LAST, session("t", day=TODAY), at=NOW, complete=True)
    books.fail(session("v"), FAULT)
    books.miss(LAST, "dan", FAULT)
    books.finish(THIRD, "ann")
    books.allow("cleo")
    books.known("77")

    assert blob == before


def test_blob_is_read_back_as_it_was() -> None:
    blob = everything().to_json()

    assert all(blob[name] for name in blob if name not in ("end_time", "settled"))
    assert all(blob["hosts"].values())
    assert state(blob, now=NOW.add(days=1), one_participant=True, keeps_row=True).to_json() == blob


def changed(blob: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy of a blob with another value at a path; `*` stands for the first name there."""
    blob = copy.deepcopy(blob)
    *way, last = path.split("/")
    inner: Any = blob
    for name in way:
        inner = inner[int(name) if isinstance(inner, list) else next(iter(inner)) if name == "*" else name]
    inner[next(iter(inner)) if last == "*" else last] = value
    return blob


@pytest.mark.parametrize(
    "path",
    [
        *("later", "hosts/later", "read_with/later", "covered/later", "retry/*/later"),
        *("hosts/missing/*/0/later", "hosts/refused/0/later", "unknown/0/later"),
    ],
)
@pytest.mark.parametrize("value", [None, 7, [[1]], {"a": 1}])
def test_a_field_of_a_later_version_is_passed_over(path: str, value: Any) -> None:
    blob = everything().to_json()

    again = state(changed(blob, path, value), now=NOW.add(days=1), one_participant=True, keeps_row=True)

    assert again.to_json() == blob


NO_DATES: list[Any] = ["20260510", "2026-W19-1", "", None, 7, [], "\ud800"]
NO_DAYS = ["0001-01-01", "2019-12-31", "2026-05-13", "9999-12-31", *NO_DATES]


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("version", [1, 3, None, "2", True, 2.0, 2**70]),
        ("end_time", [7, "yesterday", "2026-05-10", "0001-01-01T00:00:00Z", "9999-12-31T00:00:00Z", [[1]]]),
        ("settled", [None, 1, "true"]),
        ("read_with", [None, [], {}, {"first": TODAY}]),
        ("read_with/first", NO_DAYS),
        ("read_with/one_participant", [None, 1]),
        ("covered", [[], {}, 7]),
        ("covered/first", NO_DAYS),
        ("covered/last", NO_DAYS),
        ("hosts", [None, [], {}, {"done": {}, "missing": {}}]),
        ("hosts/done", [None, [], {"2026-03-07": 7}, {"march": {}}, {"2026-03-07": {"x": ""}}]),
        ("hosts/done/*", [None, [[1]], {TODAY: ["ann"]}, {TODAY: '"'}, {TODAY: 7}]),
        ("hosts/missing", [None, [], {"ann": None}, {"ann": "2026-03-07"}, {"ann": [["2026-03-07", "2026-03-08"]]}]),
        ("hosts/missing/*", [[{"first": TODAY}], [{"first": TODAY, "last": "2026-05-09"}], [[1]]]),
        ("hosts/missing/*/0/first", NO_DAYS),
        ("hosts/missing/*/0/since", [day for day in NO_DAYS if day is not None]),
        ("hosts/missing/*/0/http_status", [2**63, -(2**70), 1.5, "500", True, [[1]]]),
        ("hosts/refused", [None, {}, {"ann": {}}, [{}], ["ann"]]),
        ("hosts/refused/0/first", NO_DAYS),
        ("hosts/refused/0/asked", [*NO_DAYS, TODAY, "2026-05-13T00:00:00Z", "0001-01-01T00:00:00Z"]),
        ("hosts/refused/0/meaning", [7, [], "\ud800"]),
        ("hosts/refused/0/names", [None, "ann", {"ann": 1}, [7], [[1]]]),
        ("unknown", [None, {}, [{}]]),
        ("unknown/0/first", NO_DAYS),
        ("unknown/0/refused", [None, 1]),
        ("recent", [None, [], {"2026-05-10": {"a": 1}}, {"2026-05-10": []}, {"2026-05-10": [""] * 3}, {"x": [""] * 4}]),
        ("recent/*", [["", "", "", '"'], ["", "", "", 7], [[1]], {}]),
        ("retry", [None, [], {"s": {}}, {"s": {"since": TODAY}}, {"s": []}, {"\ud800": {}}]),
        ("retry/*/type", [2**63, "2", None, True, 2.0]),
        ("retry/*/start_time", [None, 7, [], "\ud800"]),
        ("retry/*/row", [7, {}, "\ud800"]),
        ("retry/*/joined", [None, 1]),
        ("retry/*/asked", [None, TODAY]),
    ],
)
def test_a_blob_of_another_form_is_not_usable(path: str, values: list[Any]) -> None:
    blob = everything().to_json()

    for value in values:
        other = changed(blob, path, value)
        assert not SessionState.usable(other, now=NOW.add(days=1)), value
        # It counts as none.
        assert SessionState(other, now=NOW, first_day=START, lookback_days=2).to_json() == state().to_json()


@pytest.mark.parametrize("path", ["", "hosts", "read_with", "covered", "hosts/refused/0", "retry/*"])
def test_a_blob_without_one_of_its_parts_is_not_usable(path: str) -> None:
    optional = {"since", "meaning", "http_status", "zoom_code", "refused", "row", "is_alone", "joined"}
    blob = everything().to_json()
    inner: Any = blob
    for name in path.split("/") if path else ():
        inner = inner[int(name) if isinstance(inner, list) else next(iter(inner)) if name == "*" else name]

    for name in [name for name in inner if name not in optional]:
        value = inner.pop(name)
        assert not SessionState.usable(blob, now=NOW.add(days=1)), name
        inner[name] = value
    assert SessionState.usable(blob, now=NOW.add(days=1))


@pytest.mark.parametrize("blob", [{}, [], None, 7, "version", {"version": 1}, {"__ab_no_cursor_state_message": True}])
def test_what_is_no_state_at_all_is_not_usable(blob: Any) -> None:
    assert not SessionState.usable(blob, now=NOW)


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from([*NO_DAYS, TODAY, MID, "2026-05-10T01:00:00Z", "\ud800", "ann", "s", "77"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
BLOB = everything().to_json()


def mutated(data: st.DataObject, value: Any) -> Any:
    """The same, with junk somewhere inside, or with a part more or less."""
    if not isinstance(value, (dict, list)) or not value or data.draw(st.integers(0, 5)) == 0:
        return data.draw(JUNK)
    if isinstance(value, list):
        position = data.draw(st.integers(0, len(value) - 1))
        return [mutated(data, inner) if at == position else inner for at, inner in enumerate(value)]
    name = data.draw(st.sampled_from(sorted(value)))
    rest = {key: inner for key, inner in value.items() if key != name}
    how = data.draw(st.sampled_from(["inside", "inside", "inside", "gone", "renamed"]))
    if how == "gone":
        return rest
    if how == "renamed":
        renamed = data.draw(st.text(max_size=3) | st.sampled_from([str(day) for day in NO_DAYS] + [TODAY, MID]))
        return {**rest, renamed: value[name]}
    return {**rest, name: mutated(data, value[name])}


@settings(max_examples=150)
@given(st.data())
def test_any_blob_is_usable_or_not_and_what_is_usable_lasts_through_a_sync(data: st.DataObject) -> None:
    now = NOW.add(days=1)
    blob = mutated(data, BLOB)

    if not SessionState.usable(blob, now=now):
        return
    books = SessionState(blob, now=now, first_day=START, lookback_days=2, keeps_row=True)
    for one in books.retries():
        books.fail(one, REFUSAL)
    for host in books.refused_owners():
        books.allow(host)
    for window in grid(books.earliest_day(), now.date()):
        hosts = {"ann", "bob", "cleo"} | books.owners(window)
        books.open(window, hosts)
        for host in sorted(hosts):
            if books.claim(window, session(host, window.key, host=host)):
                books.read(window, session(host, window.key, host=host), at=now, complete=False)
            books.miss(window, host, FAULT) if host == "bob" else books.finish(window, host)
    books.gaps()
    written = json.loads(json.dumps(books.to_json()))
    assert SessionState.usable(written, now=now)
    assert books.end_time == now
