"""Which days Zoom serves at the moment, learned from what it refuses."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pendulum

from source_zoom.engine import SliceFailure
from source_zoom.streams.windows.grid import AHEAD_DAYS, REPORTS, Window, Windows
from source_zoom.zoom.meanings import Meaning

Row = TypeVar("Row")

MOST_DAYS_LATER = 7
"""By how much the first day may lie behind six months by UTC: the zone, and months that are counted as 30 days."""


class ServedDays:
    """The first and the last day that may be asked for.

    Zoom says "the recent 6 months", but not in which time zone, and says nothing about days to come. So where Zoom
    refuses the first day, that moves up, a day at a time, for the whole sync. The last day moves back, to the day
    before today at most, as west of UTC that may be the present one. A refusal that does not name its reason moves
    them for its own request, and for others only if that helped.

    :param now: returns the present moment
    :param windows: says how long a day is served
    """

    def __init__(
        self, now: Callable[[], pendulum.DateTime] = lambda: pendulum.now("UTC"), windows: Windows = REPORTS
    ) -> None:
        self._now = now
        self._windows = windows
        self._lock = threading.Lock()
        self._later = 0
        self._earlier = 0

    def first(self, later: int = 0) -> pendulum.Date:
        """Return the first day that is served, as far as is known."""
        return self._windows.oldest_served(self._now()).add(days=max(later, self._later))

    def read(self, days: Window, read: Callable[[Window], Iterator[Row]]) -> Iterator[Row]:
        """Yield what `read` yields for some days, or for fewer where Zoom does not serve them all.

        :param read: reads a range of days; called again with a shorter one where that is refused
        :raises SliceFailure: as `read` does, if fewer days are refused as well
        """
        later = earlier = 0
        refusal: SliceFailure | None = None
        while True:
            today = self._now().date()
            first = max(days.first, self.first(later))
            last = min(days.last, today.add(days=AHEAD_DAYS - max(earlier, self._earlier)))
            if first > last:
                if refusal is not None:
                    raise refusal  # the days were not its reason
                return
            try:
                yield from read(Window(first, last))
            except SliceFailure as error:
                meaning = error.facts.get("meaning")
                behind = (first - self._windows.oldest_served(self._now())).days + 1
                if meaning == Meaning.INVALID.name and last > today:
                    earlier = AHEAD_DAYS
                elif meaning in {Meaning.INVALID.name, Meaning.OUT_OF_REACH.name} and behind <= MOST_DAYS_LATER:
                    later = behind
                    refusal = error if meaning == Meaning.INVALID.name else refusal
                    if meaning == Meaning.OUT_OF_REACH.name:
                        self._learn(later, earlier=0)
                elif meaning == Meaning.INVALID.name and last == today:
                    earlier = AHEAD_DAYS + 1
                    refusal = error
                else:
                    raise
            else:
                self._learn(later, earlier=earlier)
                return

    def _learn(self, later: int, *, earlier: int) -> None:
        with self._lock:
            if later > self._later:
                self._later = later
                logging.getLogger("airbyte").info(f"Zoom's reports serve the days from {self.first()} on.")
            self._earlier = max(self._earlier, earlier)
