"""Rows of the days that two windows share, of which each is emitted once."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable

from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.ledger import ZONE_DAYS

Place = tuple[Window, str]
"""A window, and an owner."""


class Borders:
    """Remembers the keys of rows near the borders of windows, for as long as a neighbour may list them, too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_first: dict[object, Window] = {}
        self._by_last: dict[object, Window] = {}
        self._newest: Window | None = None
        self._left: set[Place] = set()
        """What is still to be read."""
        self._keys: dict[Place, set[Hashable]] = {}

    def expect(self, window: Window, owners: Iterable[str]) -> None:
        """Announce a window and the owners that are read in it, in the order of the windows."""
        with self._lock:
            self._by_first[window.first] = self._by_last[window.last] = self._newest = window
            self._left.update((window, owner) for owner in owners)

    def is_first(self, window: Window, owner: str, day: str, key: Hashable) -> bool:
        """Return whether no row of that key came before, as far as it may have come in a neighbour.

        :param day: UTC day of the row
        """
        borders = [border.add(days=off).isoformat() for border in (window.first, window.last) for off in _NEAR]
        if day not in borders:
            return True
        with self._lock:
            places = [(one, owner) for one in (window, *self._neighbours(window))]
            if any(key in self._keys.get(place, ()) for place in places):
                return False
            self._keys.setdefault((window, owner), set()).add(key)
            return True

    def end(self, window: Window, owner: str) -> None:
        """Note that an owner was read in a window, or failed there; forget what no neighbour can list any more."""
        with self._lock:
            self._left.discard((window, owner))
            for one in (window, *self._neighbours(window)):
                others = (one, *self._neighbours(one))
                if one != self._newest and not any((other, owner) in self._left for other in others):
                    self._keys.pop((one, owner), None)

    def _neighbours(self, window: Window) -> list[Window]:
        found = self._by_last.get(window.first), self._by_first.get(window.last)
        return [one for one in found if one is not None]


_NEAR = (-ZONE_DAYS, 0, ZONE_DAYS)
