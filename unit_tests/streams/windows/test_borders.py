"""Which rows of the days that two windows share are emitted, and how long their keys are kept."""

from __future__ import annotations

import pendulum

from source_zoom.streams.windows.borders import Borders
from source_zoom.streams.windows.grid import grid

FIRST, SECOND, THIRD, *_ = grid(pendulum.date(2026, 1, 1), pendulum.date(2026, 6, 1))
SHARED = FIRST.last.isoformat()


def borders() -> Borders:
    made = Borders()
    for window in (FIRST, SECOND, THIRD):
        made.expect(window, ["ann", "bob"])
    return made


def test_row_of_a_shared_day_is_the_first_once() -> None:
    made = borders()

    assert made.is_first(FIRST, "ann", SHARED, "row")
    assert not made.is_first(SECOND, "ann", SHARED, "row")
    assert not made.is_first(FIRST, "ann", SHARED, "row")


def test_row_that_the_later_window_listed_first_is_not_repeated_by_the_earlier_one() -> None:
    made = borders()

    assert made.is_first(SECOND, "ann", SHARED, "row")
    assert not made.is_first(FIRST, "ann", SHARED, "row")


def test_owners_have_rows_of_their_own() -> None:
    made = borders()

    assert made.is_first(FIRST, "ann", SHARED, "row")
    assert made.is_first(SECOND, "bob", SHARED, "row")


def test_row_within_a_window_is_not_remembered() -> None:
    made = borders()
    middle = FIRST.first.add(days=10).isoformat()

    assert made.is_first(FIRST, "ann", middle, "row")
    assert made.is_first(FIRST, "ann", middle, "row")


def test_keys_are_kept_until_both_neighbours_were_read() -> None:
    made = borders()
    late = SECOND.last.isoformat()
    made.is_first(SECOND, "ann", SHARED, "early")
    made.is_first(SECOND, "ann", late, "late")

    made.end(SECOND, "ann")
    made.end(THIRD, "ann")
    assert not made.is_first(FIRST, "ann", SHARED, "early")
    made.end(FIRST, "ann")

    assert made.is_first(FIRST, "ann", SHARED, "early"), "forgotten, as nothing is left to list it"


def test_keys_of_the_newest_window_are_kept_for_the_next_one() -> None:
    made = Borders()
    made.expect(FIRST, ["ann"])
    made.is_first(FIRST, "ann", SHARED, "row")
    made.end(FIRST, "ann")

    made.expect(SECOND, ["ann"])

    assert not made.is_first(SECOND, "ann", SHARED, "row")
