"""What a stream skips, as Zoom has nothing there: counted, and said when the stream ends."""

from __future__ import annotations

import threading
from collections import Counter

from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import EXPLANATIONS, LACKING, Meaning, name_of


class Skips:
    """Counts the reads of one stream that Zoom had nothing for, by what it said."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[Meaning, str]] = Counter()

    def add(self, verdict: Verdict) -> None:
        """Count a read."""
        with self._lock:
            self._counts[verdict.meaning, verdict.code] += 1

    @property
    def lacking(self) -> Meaning | None:
        """What Zoom said first that the account lacks, None if it did not."""
        with self._lock:
            return next((meaning for meaning, _ in self._counts if meaning in LACKING), None)

    def line(self, name: str) -> str | None:
        """Return what was skipped, by meaning, for the log; None if nothing was.

        :param name: that of the stream
        """
        with self._lock:
            skipped = sorted(self._counts.items(), key=lambda item: (name_of(item[0][0]), item[0][1]))
        if not skipped:
            return None
        counts = ", ".join(
            f"{count:,} x {name_of(meaning)} ({code}: {EXPLANATIONS[meaning]})" for (meaning, code), count in skipped
        )
        return f"Stream {name} skipped what Zoom has nothing for: {counts}."
