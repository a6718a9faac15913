"""The rules of the state, one by one; any order of them is in test_session_machine.py."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import pendulum
import pytest

from source_zoom.session_state import MOST_RETRIES, RETRY_DAYS, Session, SessionState, digest, is_session_state
from source_zoom.windows import Window, grid

NOW = pendulum.datetime(2026, 5, 10, 9, 30)
START = pendulum.date(2026, 2, 10)
WINDOWS = list(grid(START, NOW.date().add(days=1)))
FIRST, SECOND, THIRD, LAST = WINDOWS
MID = "2026-03-20"
"""A day of the second window alone."""
TODAY = "2026-05-10"


def state(
    blob: dict[str, Any] | None = None, *, now: pendulum.DateTime = NOW, start: pendulum.Date = START, lookback: int = 2
) -> SessionState:
    """A state as the next sync reads it: through JSON."""
    return SessionState(json.loads(json.dumps(blob or {})), now=now, first_day=start, lookback_days=lookback)


def session(uuid: str = "s", day: str = MID, *, host: str = "ann", hour: int = 1, fingerprint: str = "f") -> Session:
    start, end = f"{day}T{hour - 1:02}:00:00Z", f"{day}T{hour:02}:00:00Z"
    return Session(uuid, host, "1", 2, start, end, fingerprint)


def opened(books: SessionState, hosts: Iterable[str] = ("ann",)) -> SessionState:
    for window in WINDOWS:
        books.open(window, hosts)
    return books


def caught_up() -> dict[str, Any]:
    return opened(state(), ()).blob()


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
        books.miss(window, "bob") if window is SECOND else books.finish(window, "bob")

    assert books.end_time == NOW
    assert books.blob()["hosts"] == {"done": {}, "missing": {"bob": [["2026-03-07", "2026-04-05"]]}}


# What is to be read


def test_first_sync_reads_from_the_first_day_on() -> None:
    books = state()

    assert books.earliest_day() == START
    assert [books.need(window, "ann") for window in WINDOWS] == [Window(START, FIRST.last), *WINDOWS[1:]]


@pytest.mark.parametrize(("lookback", "first"), [(0, "2026-05-08"), (2, "2026-05-06"), (30, "2026-04-08")])
def test_next_sync_reads_from_the_watermarks_day_minus_lookback_and_two_days(lookback: int, first: str) -> None:
    books = state(caught_up(), now=NOW.add(hours=1), lookback=lookback)

    assert books.earliest_day().to_date_string() == first
    assert books.first_day(SECOND) is None


def test_first_day_never_lies_before_what_is_served() -> None:
    books = state({**caught_up(), "end_time": "2026-02-11T00:00:00Z"})

    assert books.earliest_day() == START
    assert not books.is_out_of_reach


def test_next_sync_asks_a_missed_host_for_his_window_and_nobody_for_more() -> None:
    blob = {**caught_up(), "hosts": {"done": {}, "missing": {"bob": [["2026-03-07", "2026-04-05"]]}}}
    books = state(blob, now=NOW.add(hours=1))

    assert books.earliest_day() == SECOND.first
    assert [books.hosts(window) for window in WINDOWS] == [set(), {"bob"}, set(), set()]
    assert [books.need(window, "bob") for window in WINDOWS[:3]] == [None, SECOND, None]
    assert [books.need(window, "ann") for window in WINDOWS[:3]] == [None, None, None]
    books.open(SECOND, {"bob"})
    books.finish(SECOND, "bob")
    assert books.blob()["hosts"] == {"done": {}, "missing": {}}


def test_missed_days_of_the_present_window_end_today() -> None:
    books = opened(state())
    books.miss(LAST, "ann")

    assert books.blob()["hosts"]["missing"] == {"ann": [["2026-05-04", TODAY]]}


def test_a_host_missed_again_is_named_once() -> None:
    blob = {**caught_up(), "hosts": {"done": {}, "missing": {"bob": [["2026-03-07", "2026-04-05"]]}}}
    books = state(blob)

    books.open(SECOND, {"bob"})
    books.miss(SECOND, "bob")

    assert books.blob()["hosts"] == blob["hosts"]


def test_two_missed_windows_are_read_in_any_order() -> None:
    missing = {"bob": [["2026-03-07", "2026-04-05"], ["2026-04-05", "2026-05-04"]]}
    books = state({**caught_up(), "hosts": {"done": {}, "missing": missing}})

    for window in (SECOND, THIRD):
        books.open(window, {"bob"})
    books.finish(THIRD, "bob")
    assert books.blob()["hosts"]["missing"] == {"bob": [["2026-03-07", "2026-04-05"]]}
    books.finish(SECOND, "bob")
    assert books.blob()["hosts"]["missing"] == {}


def test_host_read_in_a_settled_window_is_not_asked_again_after_a_kill() -> None:
    books = opened(state(), ("ann", "bob"))
    books.finish(FIRST, "ann")
    books.finish(SECOND, "ann")

    after = state(books.blob(), now=NOW.add(hours=1))

    assert after.end_time is None
    assert [after.need(window, "ann") for window in WINDOWS] == [None, None, THIRD, LAST]
    assert after.need(FIRST, "bob") == Window(START, FIRST.last)


def test_host_read_in_the_present_window_is_asked_again_after_a_kill() -> None:
    books = opened(state(), ("ann", "bob"))
    books.finish(LAST, "ann")

    assert state(books.blob(), now=NOW.add(hours=1)).need(LAST, "ann") == LAST


def test_a_kill_while_old_windows_are_caught_up_with_keeps_who_was_read() -> None:
    """The watermark lies in the window after the first to be read, as the margin reaches back over its edge."""
    blob = {**caught_up(), "end_time": "2026-03-10T09:30:00Z"}
    books = opened(state(blob), ("ann", "bob"))
    assert books.need(FIRST, "ann") == Window(pendulum.date(2026, 3, 6), FIRST.last)
    books.finish(FIRST, "ann")

    after = state(books.blob(), now=NOW.add(hours=1))

    assert after.need(FIRST, "ann") is None


def test_host_whom_the_stream_did_not_need_leaves_no_trace() -> None:
    """One list serves several streams, so the end of a host's list reaches those that had read him before."""
    books = state(caught_up(), now=NOW.add(hours=1))
    for window in WINDOWS:
        books.open(window, {"ann"})
        books.finish(window, "ann")

    assert books.blob()["hosts"] == {"done": {}, "missing": {}}


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
    after = opened(state(books.blob(), now=NOW.add(hours=1)))
    assert not after.wants(LAST, session(day=TODAY))
    assert after.wants(LAST, session(day=TODAY, fingerprint="changed"))


@pytest.mark.parametrize(
    ("minutes_after_end", "complete", "again"),
    [(119, True, True), (120, True, False), (5000, True, False), (5000, False, True)],
)
def test_session_is_read_again_if_it_was_read_soon_or_had_a_row_without_duration(
    minutes_after_end: int,
    complete: bool,  # noqa: FBT001
    again: bool,  # noqa: FBT001
) -> None:
    books = opened(state())
    ended = pendulum.datetime(2026, 5, 10, 1)

    books.read(LAST, session(day=TODAY), at=ended.add(minutes=minutes_after_end), complete=complete)

    assert books.wants(LAST, session(day=TODAY)) is again


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

    assert books.blob()["recent"] == {MID: {digest("bob", 6): digest("f", 3)}}


def test_sessions_leave_the_state_behind_the_margin() -> None:
    books = opened(state())
    for day in ("2026-05-04", TODAY):
        books.read(LAST, session(day, day=day), at=NOW, complete=True)
    for window in WINDOWS:
        books.finish(window, "ann")
    assert set(books.blob()["recent"]) == {"2026-05-04", TODAY}

    later = state(books.blob(), now=NOW.add(days=3))
    later.open(LAST, ())

    assert set(later.blob()["recent"]) == {TODAY}


# Retries


def failed(day: str = MID) -> dict[str, Any]:
    books = opened(state())
    assert books.fail(session(day=day))
    for window in WINDOWS:
        books.finish(window, "ann")
    return books.blob()


def test_session_that_failed_is_put_aside_and_its_host_counts_as_done() -> None:
    books = state(failed(), now=NOW.add(days=1))

    assert books.end_time == NOW
    assert books.retries() == [session()]
    assert books.blob()["retry"]["s"]["since"] == TODAY


def test_session_put_aside_is_not_asked_for_by_its_list_too() -> None:
    books = opened(state(failed(TODAY), now=NOW.add(days=1)))

    assert not books.wants(LAST, session(day=TODAY))
    books.read(None, session(day=TODAY), at=NOW.add(days=1), complete=True)
    assert not books.wants(LAST, session(day=TODAY, fingerprint="changed"))
    assert books.blob()["retry"] == {}


def test_first_failure_keeps_its_day() -> None:
    books = state(failed(), now=NOW.add(days=3))

    assert books.fail(session())
    assert books.blob()["retry"]["s"]["since"] == TODAY


@pytest.mark.parametrize(("days", "given_up"), [(0, False), (6, False), (7, True), (30, True)])
def test_session_is_given_up_after_seven_days(days: int, given_up: bool) -> None:  # noqa: FBT001
    assert RETRY_DAYS == 7
    books = state(failed(), now=NOW.add(days=days))

    assert books.give_up(session()) is given_up
    assert ("s" in books.blob()["retry"]) is not given_up
    assert not books.give_up(session("unknown"))


def test_no_more_than_a_thousand_sessions_are_put_aside() -> None:
    books = opened(state())

    assert all(books.fail(session(str(number))) for number in range(MOST_RETRIES))
    assert not books.fail(session("one too many"))
    assert books.fail(session("0"))
    assert len(books.blob()["retry"]) == MOST_RETRIES


# Six months


@pytest.mark.parametrize(
    ("end_time", "missing", "out_of_reach"),
    [
        ("2026-02-10T00:00:00Z", {}, False),
        ("2026-02-09T23:59:00Z", {}, True),
        (None, {}, False),
        ("2026-05-10T00:00:00Z", {"ann": [["2026-01-09", "2026-02-07"]]}, True),
        ("2026-05-10T00:00:00Z", {"ann": [["2026-02-07", "2026-03-07"]]}, True),
        ("2026-05-10T00:00:00Z", {"ann": [["2026-02-10", "2026-03-07"]]}, False),
    ],
)
def test_what_lies_before_the_first_day_is_said_to_be_out_of_reach(
    end_time: str | None,
    missing: Any,
    out_of_reach: bool,  # noqa: FBT001
) -> None:
    books = state({**caught_up(), "end_time": end_time, "hosts": {"done": {}, "missing": missing}})

    assert books.is_out_of_reach is out_of_reach


def test_missing_days_that_are_not_served_any_more_leave_the_state() -> None:
    missing = {
        "ann": [["2026-01-09", "2026-02-07"]],
        "bob": [["2026-01-09", "2026-02-07"], ["2026-03-07", "2026-04-05"]],
    }
    books = state({**caught_up(), "hosts": {"done": {}, "missing": missing}})

    assert books.blob()["hosts"]["missing"] == {"bob": [["2026-03-07", "2026-04-05"]]}


# The blob


def test_a_caught_up_state_of_ten_thousand_hosts_is_small() -> None:
    hosts = [f"host{number}" for number in range(10_000)]
    books = opened(state(), hosts)
    for window in WINDOWS:
        for host in hosts:
            books.finish(window, host)

    assert len(json.dumps({**books.blob(), "recent": {}})) < 1000


def test_blob_shares_no_object_with_the_state() -> None:
    books = opened(state(failed()), ("ann", "bob"))
    books.read(LAST, session("r", day=TODAY), at=NOW, complete=True)
    blob = books.blob()
    before = copy.deepcopy(blob)

    books.read(LAST, session("t", day=TODAY), at=NOW, complete=True)
    books.fail(session("u"))
    books.miss(LAST, "ann")
    books.give_up(session())

    assert blob == before


def test_blob_is_read_back_as_it_was() -> None:
    books = opened(state(failed(), now=NOW.add(days=1)), ("ann", "bob"))
    books.read(LAST, session("r", day=TODAY), at=NOW.add(days=1), complete=True)
    books.miss(LAST, "bob")
    blob = books.blob()

    assert is_session_state(blob)
    assert state(blob, now=NOW.add(days=1)).blob() == blob


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"version": None},
        {"hosts": []},
        {"hosts": {}},
        {"hosts": {"done": [], "missing": []}},
        {"hosts": {"done": {"2026-03-07": 7}, "missing": {}}},
        {"hosts": {"done": {"march": ["ann"]}, "missing": {}}},
        {"hosts": {"done": {}, "missing": {"ann": [["2026-03-07"]]}}},
        {"hosts": {"done": {}, "missing": {"ann": "2026-03-07"}}},
        {"end_time": 7},
        {"end_time": "yesterday"},
        {"recent": []},
        {"recent": {"2026-05-10": {"a": 1}}},
        {"retry": {"s": {}}},
        {"retry": {"s": {"since": "2026-05-10"}}},
        {"retry": []},
    ],
)
def test_a_blob_of_another_form_is_known(change: Any) -> None:
    assert not is_session_state({**caught_up(), **change})


@pytest.mark.parametrize("key", ["version", "hosts", "end_time", "recent", "retry"])
def test_a_blob_without_one_of_its_parts_is_known(key: str) -> None:
    assert not is_session_state({name: value for name, value in caught_up().items() if name != key})
