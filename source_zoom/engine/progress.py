"""A line in the log every half minute, so that a long sync can be followed."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable

from source_zoom.engine.ticker import Ticker

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
        self._ticker = Ticker("progress", interval_seconds, self._log)

    def stop(self) -> None:
        """Log no more lines, but one that sums up."""
        self._ticker.stop()
        self._log()

    def _log(self) -> None:
        rows = ", ".join(f"{name} {count:,}" for name, count in sorted(self.rows.copy().items()))
        parts = (f"Progress: rows: {rows or 'none yet'}", self._details())
        self._logger.info("; ".join(part for part in parts if part))
