"""Days with a row that is not ready, in the ledger: which stay to be read, for how long, and what they are not."""

from __future__ import annotations

import json
from typing import Any

import pendulum
import pytest

from source_zoom.streams.windows.grid import Window, grid
from source_zoom.streams.windows.ledger import ACCOUNT, UNFINISHED_DAYS, WindowLedger
from source_zoom.streams.windows.ledger_form import Cause, LedgerData

NOW = pendulum.datetime(2026, 5, 20, 9, 30)
TODAY = NOW.date()
START = pendulum.date(2026, 3, 10)
LOOKBACK = 1
WEEK = 7
WINDOWS = list(grid(START, TODAY, WEEK))
OLD, LATER, NEWEST = WINDOWS[-3:]
"""A window that the lookback does not reach, the next one, with which it shares a day, and the present one."""
DAY = TODAY.subtract(days=12)
AT_FAULT = Cause("BROKEN", 500)
REFUSED = Cause("NO_PERMISSION", 400, 200, refused=True)

Ledger = WindowLedger[LedgerData]


def ledger(state: Any = None, *, now: pendulum.DateTime = NOW, first_day: pendulum.Date = START) -> Ledger:
    saved = json.loads(json.dumps(state or {}))
    assert not saved or WindowLedger.usable(saved, now=now)
    return WindowLedger.of(saved, now=now, first_day=first_day, lookback_days=LOOKBACK, owner_type="user")


def opened(one: Ledger, *owners: str, until: pendulum.DateTime = NOW) -> list[Window]:
    """Open all windows, and return those in which the first owner has days to read."""
    windows = list(grid(one.earliest_day(), until.date(), WEEK))
    for window in windows:
        one.open(window, owners or (ACCOUNT,))
    return [window for window in windows if one.days_to_read(window, (owners or (ACCOUNT,))[0])]


def read(one: Ledger, *owners: str, on: pendulum.Date | None = None, until: pendulum.DateTime = NOW) -> Any:
    """Read everything; on one day the first owner has a row that is not ready. Return the state."""
    opened(one, *owners, until=until)
    if on:
        one.expect((owners or (ACCOUNT,))[0], on, Window(on, on))
    return finished(one, *owners, until=until)


def finished(one: Ledger, *owners: str, until: pendulum.DateTime = NOW) -> Any:
    """Finish what is open still; return the state."""
    for window in grid(START.subtract(days=31), until.date(), WEEK):
        for owner in owners or (ACCOUNT,):
            one.finish(window, owner)
    return one.to_json()


def missing(state: Any, owner: str = ACCOUNT) -> list[tuple[str, str]]:
    return [(one["first"], one["last"]) for one in state["owners"]["missing"].get(owner, [])]


def as_text(*days: pendulum.Date) -> tuple[str, ...]:
    return tuple(day.to_date_string() for day in days)


def test_day_of_a_row_that_is_not_ready_is_the_one_thing_left_and_no_gap() -> None:
    one = ledger()

    state = read(one, on=DAY)

    assert state["end_time"][:10] == TODAY.to_date_string()
    assert state["owners"]["missing"] == {ACCOUNT: [{"first": str(DAY), "last": str(DAY)}]}
    assert one.gaps() == ledger(state).gaps() == []


def test_next_sync_reads_that_day_and_no_other_before_its_lookback() -> None:
    two = ledger(read(ledger(), on=DAY))

    windows = opened(two)

    assert [window for window in windows if window.last <= OLD.last] == [OLD]
    assert two.days_to_read(OLD, ACCOUNT) == Window(DAY, DAY)
    state = read(two)
    assert missing(state) == []
    assert OLD not in opened(ledger(state))


def test_day_stays_as_long_as_a_row_is_not_ready() -> None:
    state = read(ledger(), on=DAY)
    for _ in range(3):
        state = read(ledger(state), on=DAY)
        assert missing(state) == [as_text(DAY, DAY)]


@pytest.mark.parametrize(("age", "stays"), [(UNFINISHED_DAYS - 1, True), (UNFINISHED_DAYS, False)])
def test_row_of_fourteen_days_is_taken_as_it_is(age: int, *, stays: bool) -> None:
    day = TODAY.subtract(days=age)

    one = ledger()
    opened(one)

    assert one.expect(ACCOUNT, day, Window(day, day)) is stays
    assert missing(read(ledger(), on=day)) == ([as_text(day, day)] if stays else [])


def test_what_was_not_ready_is_read_once_more_however_late_the_next_sync_is() -> None:
    later = NOW.add(days=40)
    two = ledger(read(ledger(), on=DAY), now=later)

    assert OLD in opened(two, until=later)
    assert missing(read(two, until=later, on=DAY)) == []


@pytest.mark.parametrize("order", [(OLD, LATER), (LATER, OLD)], ids=["in order", "the other way round"])
def test_day_that_two_windows_share_stays_whichever_of_them_listed_the_row(order: tuple[Window, Window]) -> None:
    one = ledger()
    opened(one)
    one.expect(ACCOUNT, OLD.last, Window(OLD.last, OLD.last))
    for window in order:
        one.finish(window, ACCOUNT)

    assert missing(finished(one)) == [as_text(OLD.last, OLD.last)]


def test_days_are_kept_as_ranges_and_none_is_ahead() -> None:
    one = ledger()
    opened(one)
    for ago in (8, 7, 4, 2, 1, 0):
        day = TODAY.subtract(days=ago)
        one.expect(ACCOUNT, day, Window(day, day.add(days=1)))

    state = read(one)

    border = NEWEST.first  # no range crosses it, so that each is read in one window
    whole = (TODAY.subtract(days=8), TODAY.subtract(days=6))
    ranges = [whole, (TODAY.subtract(days=4), border), (border.add(days=1), TODAY)]
    assert missing(state) == [as_text(*one) for one in ranges]


def test_killed_before_its_window_was_finished_the_window_is_read_again() -> None:
    one = ledger()
    opened(one)
    one.expect(ACCOUNT, DAY, Window(DAY, DAY))
    for window in WINDOWS:
        if window != OLD:
            one.finish(window, ACCOUNT)

    assert OLD in opened(ledger(one.to_json()))
    one.finish(OLD, ACCOUNT)
    assert missing(one.to_json()) == [as_text(DAY, DAY)]


def test_day_that_fails_when_it_is_read_again_is_a_gap_until_it_is_read() -> None:
    two = ledger(read(ledger(), on=DAY))
    opened(two)
    two.miss(OLD, ACCOUNT, AT_FAULT)

    three = ledger(finished(two))

    assert [(gap.first_day, gap.last_day) for gap in three.gaps()] == [as_text(DAY, DAY)]
    assert missing(read(three)) == []
    assert three.gaps() == []


def test_failed_window_is_missing_as_a_whole_whatever_was_met_in_it() -> None:
    one = ledger()
    opened(one)
    one.expect(ACCOUNT, DAY, Window(DAY, DAY))
    one.miss(OLD, ACCOUNT, AT_FAULT)

    assert missing(one.to_json()) == [as_text(OLD.first, OLD.last)]
    assert len(one.gaps()) == 1


def test_user_who_waits_is_not_among_the_refused() -> None:
    state = read(ledger(), "ann", "bob", on=DAY)

    two = ledger(state)

    assert (two.refused_owners(), two.gaps()) == ([], [])
    assert two.owners(OLD) == {"ann"}


def test_user_who_is_refused_after_a_row_was_not_ready_is_read_from_its_day_on_when_allowed() -> None:
    one = ledger()
    opened(one, "ann")
    one.expect("ann", DAY, Window(DAY, DAY))
    one.refuse(LATER, "ann", REFUSED)
    state = finished(one, "ann")

    two = ledger(state)
    two.allow("ann")

    assert missing(two.to_json(), "ann") == [as_text(DAY, TODAY)]


def test_start_that_moves_up_past_a_day_that_waits_is_no_loss() -> None:
    state = read(ledger(), on=DAY)

    moved = ledger(state, first_day=LATER.last)

    assert not moved.is_out_of_reach
    assert missing(moved.to_json()) == []
