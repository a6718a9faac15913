"""Whether this computer's clock is right: what is read depends on it."""

from __future__ import annotations

import logging
import threading

import requests
from airbyte_cdk.models import FailureType

from source_zoom.engine import StreamStopped
from source_zoom.zoom.transport import clock_difference

TOLERATED_SECONDS = 300.0
MOST_SECONDS = 12 * 3600.0


class ClockCheck:
    """Compares the clock with the `Date` of the first answer of a sync."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_checked = False
        self._error: StreamStopped | None = None

    def check(self, response: requests.Response) -> None:
        """Warn of a clock that is minutes off.

        :raises StreamStopped: config error, for one that is off by more than half a day, also at every later call
        """
        with self._lock:
            if not self._is_checked:
                self._is_checked = True
                self._compare(clock_difference(response) or 0.0)
        if self._error is not None:
            raise self._error.with_traceback(None)

    def _compare(self, seconds: float) -> None:
        if abs(seconds) <= TOLERATED_SECONDS:
            return
        sentence = f"This computer's clock differs from Zoom's by {abs(seconds) / 60:,.0f} minutes"
        if abs(seconds) <= MOST_SECONDS:
            logging.getLogger("airbyte").warning(f"{sentence}: set it, as past sessions are read by it.")
            return
        self._error = StreamStopped(
            f"{sentence}, and past sessions are read by it: set the clock, then run again.",
            cause="clock",
            failure_type=FailureType.config_error,
        )
