"""Notices when nothing has been read for a while, and shows that the sync is alive all the same.

Airbyte ends a sync whose source is silent for `maxSecondsBetweenMessages` (metadata.yaml), and takes only records and
states for signs of life (https://docs.airbyte.com/platform/understanding-airbyte/heartbeats). A sync can go without
either for hours: where ten thousand parents are asked for their children, for instance, and hardly one has any.
"""

from __future__ import annotations

from collections.abc import Callable

from source_zoom.engine.ticker import Ticker

INTERVAL_SECONDS = 300.0
LONGEST_SILENCE_SECONDS = 2 * INTERVAL_SECONDS
"""A message may come right behind a look; then the next look sees it, and the one after that nothing."""


class Heartbeat:
    """Shows a sign of life, on a thread of its own, when there was none for an interval, until it is stopped.

    :param show: puts a state on the queue
    :param progress: returns a number that grows while the read gets anywhere; while it does not, no sign is shown
    """

    def __init__(
        self, show: Callable[[], None], progress: Callable[[], int], interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._show = show
        self._progress = progress
        self._made = progress()
        self._beats = 0
        self._heard = 0
        self._ticker = Ticker("heartbeat", interval_seconds, self.look)

    def beat(self) -> None:
        """Note a record or a state; called by one thread only."""
        self._beats += 1

    def look(self) -> None:
        """Show a sign of life if none was noted since the last look."""
        beats, made = self._beats, self._progress()
        if beats == self._heard and made != self._made:
            self._show()
        self._heard, self._made = beats, made

    def stop(self) -> None:
        """Show no more; where `show` waits for room in the queue, that has to be closed before."""
        self._ticker.stop()
