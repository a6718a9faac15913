"""The grid of windows leaves no day out, and is the same whatever is asked of it."""

from __future__ import annotations

import itertools
from datetime import date

import pendulum
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.streams.windows.grid import (
    AHEAD_DAYS,
    DAYS,
    ORIGIN,
    Window,
    Windows,
    clipped,
    grid,
    last_asked,
    monthly,
    oldest_served,
)


def pendulum_date(day: date) -> pendulum.Date:
    return pendulum.date(day.year, day.month, day.day)


DATES = st.dates(date(2020, 1, 1), date(2030, 12, 31)).map(pendulum_date)
RANGES = st.tuples(DATES, st.integers(0, 800)).map(lambda pair: (pair[0], pair[0].add(days=pair[1])))


def days(window: Window) -> int:
    return (window.last - window.first).days + 1


@given(RANGES)
def test_grid_covers_a_range_and_has_no_window_outside_of_it(range_: tuple[pendulum.Date, pendulum.Date]) -> None:
    first, last = range_

    windows = list(grid(first, last))

    assert windows[0].first <= first
    assert windows[-1].last >= last
    assert all(window.last >= first and window.first <= last for window in windows)


@given(RANGES)
def test_neighbours_share_exactly_one_day(range_: tuple[pendulum.Date, pendulum.Date]) -> None:
    for one, next_ in itertools.pairwise(grid(*range_)):
        assert one.last == next_.first
        assert one.first < next_.first


@given(RANGES)
def test_no_window_is_longer_than_thirty_days_or_a_calendar_month(range_: tuple[pendulum.Date, pendulum.Date]) -> None:
    for window in grid(*range_):
        assert days(window) <= DAYS
        assert window.last <= window.first.add(months=1)
        assert days(window) == DAYS or window.last == window.first.add(months=1)


@given(RANGES, RANGES)
def test_windows_are_the_same_whatever_range_is_asked(
    one: tuple[pendulum.Date, pendulum.Date], other: tuple[pendulum.Date, pendulum.Date]
) -> None:
    both = list(grid(min(one[0], other[0]), max(one[1], other[1])))

    for first, last in (one, other):
        assert list(grid(first, last)) == [window for window in both if window.last >= first and window.first <= last]


def test_a_shared_day_has_both_windows() -> None:
    first = next(grid(ORIGIN, ORIGIN))

    assert list(grid(first.last, first.last)) == [first, Window(first.last, first.last.add(days=DAYS - 1))]


def test_only_a_window_over_the_end_of_february_is_shorter() -> None:
    short = [window for window in grid(ORIGIN, pendulum.date(2060, 1, 1)) if days(window) < DAYS]

    assert short
    for window in short:
        assert window.first <= pendulum.date(window.last.year, 2, 28) <= window.last


def test_key_is_the_first_day() -> None:
    assert Window(pendulum.date(2026, 3, 7), pendulum.date(2026, 4, 5)).key == "2026-03-07"


@given(RANGES, RANGES)
def test_clipped_is_what_both_have(
    one: tuple[pendulum.Date, pendulum.Date], other: tuple[pendulum.Date, pendulum.Date]
) -> None:
    part = clipped(Window(*one), *other)

    for day in {*one, *other}:
        within = one[0] <= day <= one[1] and other[0] <= day <= other[1]
        assert (part.first <= day <= part.last) is within


EDGE = next(grid(pendulum.date(2026, 5, 1), pendulum.date(2026, 5, 1))).last
"""Last day of a window, and the first of the next."""


@pytest.mark.parametrize("zone_hours", [-12, 0, 14])
@pytest.mark.parametrize("days", [-1, 0, 1])
@pytest.mark.parametrize("hour", [0, 11, 23])
def test_at_an_edge_no_window_lies_ahead_and_each_day_that_has_begun_anywhere_is_asked(
    days: int, hour: int, zone_hours: int
) -> None:
    now = pendulum.datetime(EDGE.year, EDGE.month, EDGE.day, hour).add(days=days)
    today, zooms_today = now.date(), now.add(hours=zone_hours).date()

    asked = [(window.first, last_asked(window, today)) for window in grid(today.subtract(days=4), today)]

    assert all(first <= today for first, _ in asked)
    assert all(first <= last <= today.add(days=AHEAD_DAYS) for first, last in asked)
    assert any(first <= zooms_today <= last for first, last in asked)
    assert (len(asked) == 2) is (days >= 0)


@pytest.mark.parametrize(
    ("today", "last"),
    [
        ("2026-05-03", "2026-05-04"),
        ("2026-05-04", "2026-05-04"),
        ("2026-04-20", "2026-04-21"),
        ("2026-06-01", "2026-05-04"),
    ],
)
def test_a_window_is_asked_to_tomorrow_at_most(today: str, last: str) -> None:
    window = Window(pendulum.date(2026, 4, 5), EDGE)

    assert last_asked(window, pendulum.Date.fromisoformat(today)).isoformat() == last


@given(RANGES)
def test_monthly_covers_exactly_the_range_in_parts_that_zoom_accepts(
    range_: tuple[pendulum.Date, pendulum.Date],
) -> None:
    parts = list(monthly(*range_))

    assert (parts[0].first, parts[-1].last) == range_
    for one, next_ in itertools.pairwise(parts):
        assert one.last == next_.first
    for part in parts:
        assert part.first <= part.last
        assert days(part) <= DAYS
        assert part.last <= part.first.add(months=1)


@pytest.mark.parametrize(
    ("now", "oldest"),
    [
        (pendulum.datetime(2026, 11, 21, 10), pendulum.date(2026, 5, 21)),
        (pendulum.datetime(2026, 8, 31, 23, 59), pendulum.date(2026, 2, 28)),
        (pendulum.datetime(2028, 8, 31), pendulum.date(2028, 2, 29)),
        (pendulum.datetime(2026, 3, 1), pendulum.date(2025, 9, 1)),
    ],
)
def test_oldest_day_served_is_six_calendar_months_back(now: pendulum.DateTime, oldest: pendulum.Date) -> None:
    assert oldest_served(now) == oldest


@pytest.mark.parametrize("days", [0, 1, 32, 90])
def test_window_whose_length_makes_no_grid_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="a window has 2 to 31 days"):
        Windows(days=days)
