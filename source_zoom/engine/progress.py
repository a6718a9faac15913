"""A line in the log every half minute, so that a long sync can be followed."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable

INTERVAL_SECONDS = 30.0


class Progress:
    """Logs rows per stream, and what the caller adds, until it is stopped.

    :param details: returns what else the line should say, for instance requests per second
    """

    def __init__(
        self, logger: logging.Logger, details: Callable[[], str], interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self.rows: Counter[str] = Counter()
        self._logger = logger
        self._details = details
        self._interval = interval_seconds
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, name="progress", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Log no more lines, but one that sums up."""
        self._done.set()
        self._thread.join()
        self._log()

    def _run(self) -> None:
        while not self._done.wait(self._interval):
            self._log()

    def _log(self) -> None:
        rows = ", ".join(f"{name} {count:,}" for name, count in sorted(self.rows.copy().items()))
        parts = (f"Progress: rows: {rows or 'none yet'}", self._details())
        self._logger.info("; ".join(part for part in parts if part))
