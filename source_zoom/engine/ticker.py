"""Something that is done again and again beside the read."""

from __future__ import annotations

import threading
from collections.abc import Callable

from source_zoom.engine import threads


class Ticker:
    """Calls a function at the end of every interval, on a thread of its own, until it is stopped."""

    def __init__(self, name: str, interval_seconds: float, call: Callable[[], None]) -> None:
        self._interval = interval_seconds
        self._call = call
        self._done = threading.Event()
        self._thread = threads.start(self._run, name=name)

    def stop(self) -> None:
        """Return when the function is not running and will not be called again."""
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._interval):
            self._call()
