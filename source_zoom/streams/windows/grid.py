"""The grid of windows, which are ranges of days, that endpoints with `from` and `to` are read in.

Zoom's reports take a range of days, at most one month of it, and select rows by the day they began on,
in a time zone that is not documented. So the windows are those of a fixed grid, the same for all
owners, streams and syncs, and neighbours share a day: whichever zone Zoom counts in, and whether the
last day belongs to the range or not, no row falls between two windows.
https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users/{userId}/meetings
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pendulum

DAYS = 30
"""Days of a window, first and last included."""

SHORTEST, LONGEST = 2, 31

ORIGIN = pendulum.date(2020, 1, 1)

AHEAD_DAYS = 1
"""By how much a range ends after today: where Zoom counts days in a zone ahead of UTC, tomorrow has begun."""

MONTHS_SERVED = 6


@dataclass(frozen=True, order=True)
class Window:
    """A range of days, both included."""

    first: pendulum.Date
    last: pendulum.Date

    @property
    def key(self) -> str:
        """Name of the window in a state: its first day."""
        return self.first.to_date_string()

    def each(self) -> Iterator[pendulum.Date]:
        """Yield its days."""
        return (self.first.add(days=day) for day in range((self.last - self.first).days + 1))


@dataclass(frozen=True)
class Windows:
    """How an endpoint takes days.

    :param days: of a window, first and last included
    :param months_kept: for how many months Zoom serves a day; None where it always does
    :param are_moments: whether it takes moments in UTC, from the first second to the last one, in place of days
    """

    days: int = DAYS
    months_kept: int | None = MONTHS_SERVED
    are_moments: bool = False

    def __post_init__(self) -> None:
        """Refuse a length that makes no grid: neighbours share a day, and a month is the longest range there is."""
        if not SHORTEST <= self.days <= LONGEST:
            raise ValueError(f"a window has {SHORTEST} to {LONGEST} days, not {self.days}")

    def grid(self, first: pendulum.Date, last: pendulum.Date) -> Iterator[Window]:
        """Yield the windows that have a day of `first` to `last`, oldest first."""
        return grid(first, last, self.days)

    def oldest_served(self, now: pendulum.DateTime) -> pendulum.Date:
        """Return the oldest day that Zoom serves; asked at the time of a call, as a sync can last for days."""
        return ORIGIN if self.months_kept is None else now.subtract(months=self.months_kept).date()

    def params(self, days: Window) -> dict[str, str]:
        """Return the query parameters of a range of days."""
        asked = as_days(days)
        return {"from": f"{asked['from']}T00:00:00Z", "to": f"{asked['to']}T23:59:59Z"} if self.are_moments else asked


REPORTS = Windows()
"""How Zoom's reports take days."""


def grid(first: pendulum.Date, last: pendulum.Date, days: int = DAYS) -> Iterator[Window]:
    """Yield the windows of the grid that have a day of `first` to `last`, oldest first.

    A sync reads those up to today, so that none begins after today (`last_asked` says where they end).
    A window has `days` days, or fewer where that is more than a month (in February).
    """
    start = ORIGIN
    while start <= last:
        end = min(start.add(days=days - 1), start.add(months=1))
        if end >= first:
            yield Window(start, end)
        start = end


def last_asked(window: Window, today: pendulum.Date) -> pendulum.Date:
    """Return the last day to ask for in a window: `AHEAD_DAYS` after today at most."""
    return min(window.last, today.add(days=AHEAD_DAYS))


def clipped(window: Window, first: pendulum.Date, last: pendulum.Date) -> Window:
    """Return the part of a window that lies within `first` to `last`."""
    return Window(max(window.first, first), min(window.last, last))


def ranges_of(days: Iterable[pendulum.Date]) -> list[Window]:
    """Return days, given in their order, as ranges without holes."""
    ranges: list[Window] = []
    for day in days:
        if ranges and ranges[-1].last.add(days=1) == day:
            ranges[-1] = Window(ranges[-1].first, day)
        else:
            ranges.append(Window(day, day))
    return ranges


def monthly(first: pendulum.Date, last: pendulum.Date) -> Iterator[Window]:
    """Yield ranges of at most a month that share their last and first day and cover `first` to `last`."""
    while True:
        end = min(first.add(days=DAYS - 1), first.add(months=1), last)
        yield Window(first, end)
        if end >= last:
            return
        first = end


def oldest_served(now: pendulum.DateTime) -> pendulum.Date:
    """Return the oldest day that Zoom's reports serve."""
    return REPORTS.oldest_served(now)


def as_days(days: Window) -> dict[str, str]:
    """Return the query parameters of a range of days."""
    return {"from": days.first.to_date_string(), "to": days.last.to_date_string()}
