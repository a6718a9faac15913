"""How many slices of a stream wait or are being read."""

from __future__ import annotations

import threading

from source_zoom.engine.failures import EngineClosed


class Backlog:
    """Bounds how many slices of one stream wait or are being read."""

    def __init__(self, limit: int) -> None:
        self._changed = threading.Condition()
        self._limit = limit
        self._room = limit
        self._stopped = False

    def enter(self) -> None:
        """Wait for room.

        :raises EngineClosed: when the sync ends early
        """
        self._wait_for(1)
        with self._changed:
            self._room -= 1

    def wait_until_empty(self) -> None:
        """Wait until no slice waits or is being read.

        :raises EngineClosed: when the sync ends early
        """
        self._wait_for(self._limit)

    def leave(self) -> None:
        """Make room."""
        with self._changed:
            self._room += 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake those who wait for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _wait_for(self, room: int) -> None:
        # Only the one generator enters, so what it has waited for stays.
        with self._changed:
            while self._room < room and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise EngineClosed
