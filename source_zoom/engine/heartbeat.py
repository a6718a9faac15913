"""Notices when nothing has been read for a while, so that the reader can show that it is alive.

Airbyte ends a sync whose source is silent for `maxSecondsBetweenMessages` (metadata.yaml), and takes only records and
states for signs of life (https://docs.airbyte.com/platform/understanding-airbyte/heartbeats). A sync can go without
either for hours: where ten thousand users are asked for meetings, for instance, and hardly one has a poll.
"""

from __future__ import annotations

from source_zoom.engine.failures import EngineClosed
from source_zoom.engine.messages import ClosableQueue
from source_zoom.engine.ticker import Ticker

INTERVAL_SECONDS = 300.0
LONGEST_SILENCE_SECONDS = 2 * INTERVAL_SECONDS
"""A message may come right behind a look at the clock; then the next look sees it, and the one after that nothing."""


class Silence:
    """Queue item: neither a record nor a state has come since the last look."""


class Heartbeat:
    """Puts `Silence` on the queue when there was no sign of life for an interval, until it is stopped."""

    def __init__(self, queue: ClosableQueue, interval_seconds: float = INTERVAL_SECONDS) -> None:
        self._queue = queue
        self._beats = 0
        self._heard = 0
        self._ticker = Ticker("heartbeat", interval_seconds, self._look)

    def beat(self) -> None:
        """Note a record or a state; called by one thread only."""
        self._beats += 1

    def stop(self) -> None:
        """Put no more on the queue, which has to be closed before."""
        self._ticker.stop()

    def _look(self) -> None:
        beats = self._beats
        if beats == self._heard:
            try:
                self._queue.put(Silence())  # type: ignore[arg-type]  # handled by engine.reader, not by the CDK
            except EngineClosed:
                return
        self._heard = beats
