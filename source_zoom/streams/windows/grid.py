"""The grid of date windows in which past sessions are read.

Zoom's reports take a range of days, at most one month of it, and select sessions by their first day,
in a time zone that is not documented. So the windows are those of a fixed grid, the same for all
hosts, streams and syncs, and neighbours share a day: whichever zone Zoom counts in, and whether the
last day belongs to the range or not, no session falls between two windows.
https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users/{userId}/meetings
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pendulum

DAYS = 30
"""Days of a window, first and last included."""

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


def grid(first: pendulum.Date, last: pendulum.Date) -> Iterator[Window]:
    """Yield the windows of the grid that have a day of `first` to `last`, oldest first.

    A sync reads those up to today, so that none begins after today (`last_asked` says where they end).
    A window is `DAYS` days long, or shorter where the calendar month is (in February).
    """
    start = ORIGIN
    while start <= last:
        end = min(start.add(days=DAYS - 1), start.add(months=1))
        if end >= first:
            yield Window(start, end)
        start = end


def last_asked(window: Window, today: pendulum.Date) -> pendulum.Date:
    """Return the last day to ask for in a window: `AHEAD_DAYS` after today at most."""
    return min(window.last, today.add(days=AHEAD_DAYS))


def clipped(window: Window, first: pendulum.Date, last: pendulum.Date) -> Window:
    """Return the part of a window that lies within `first` to `last`."""
    return Window(max(window.first, first), min(window.last, last))


def monthly(first: pendulum.Date, last: pendulum.Date) -> Iterator[Window]:
    """Yield ranges of at most a month that share their last and first day and cover `first` to `last`."""
    while True:
        end = min(first.add(days=DAYS - 1), first.add(months=1), last)
        yield Window(first, end)
        if end >= last:
            return
        first = end


def oldest_served(now: pendulum.DateTime) -> pendulum.Date:
    """Return the oldest day that Zoom's reports serve; asked at the time of a call, as a sync can last for days."""
    return now.subtract(months=MONTHS_SERVED).date()


def as_days(days: Window) -> dict[str, str]:
    """Return the query parameters of a range of days."""
    return {"from": days.first.to_date_string(), "to": days.last.to_date_string()}
