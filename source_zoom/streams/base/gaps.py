"""Gaps: objects that a sync could not read while it read others, as they are warned of and listed."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from source_zoom.engine import Loss
from source_zoom.zoom.meanings import PASSING, REMEDIES, Meaning

NAMED = 5
"""Objects that the warning of a stream names."""


@dataclass(frozen=True)
class Gap:
    """An object that could not be read while others could.

    :param stream: stream that lacks what belongs to it
    :param since: day of the first sync that could not read it
    :param first_day: first and last day of what is missing, where the stream is about days
    """

    stream: str
    object_type: str
    object_id: str
    meaning: str
    http_status: int | None = None
    zoom_code: int | None = None
    since: str | None = None
    first_day: str | None = None
    last_day: str | None = None

    @property
    def is_fault(self) -> bool:
        """Whether its cause is a fault of Zoom's or of the network, which may pass, rather than a refusal."""
        return self.meaning in Meaning.__members__ and Meaning[self.meaning] in PASSING

    @classmethod
    def of(cls, stream: str, loss: Loss, since: str) -> Gap:
        """Return the gap that an unread slice leaves."""
        facts = {name: loss.facts.get(name) for name in ("object_type", "object_id", "meaning")}
        return cls(
            stream=stream,
            http_status=loss.facts.get("http_status"),
            zoom_code=loss.facts.get("zoom_code"),
            since=since,
            **{name: str(value or "unknown") for name, value in facts.items()},
        )


def merged(gaps: Iterable[Gap]) -> list[Gap]:
    """Return one gap for each object: from the first day that it lacks to the last, since its first failure."""
    by_object: dict[tuple[str, str], Gap] = {}
    for gap in gaps:
        known = by_object.setdefault((gap.object_type, gap.object_id), gap)
        by_object[gap.object_type, gap.object_id] = replace(
            known,
            since=min(filter(None, (known.since, gap.since)), default=None),
            first_day=min(filter(None, (known.first_day, gap.first_day)), default=None),
            last_day=max(filter(None, (known.last_day, gap.last_day)), default=None),
        )
    return list(by_object.values())


class GapReport:
    """The gaps of all streams of a sync, for the stream that lists them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gaps: dict[tuple[str, str, str], Gap] = {}

    def add(self, gaps: Iterable[Gap]) -> None:
        """Take the gaps of a stream, each once."""
        with self._lock:
            for gap in gaps:
                self._gaps.setdefault((gap.stream, gap.object_type, gap.object_id), gap)

    def rows(self) -> list[dict[str, Any]]:
        """Return them as records, in the order of their keys."""
        with self._lock:
            return [asdict(self._gaps[key]) for key in sorted(self._gaps)]


def warning_of(name: str, gaps: Sequence[Gap]) -> str:
    """Return the one warning of a stream: how many objects it lacks, the first of them, and the remedy."""
    counts = Counter((gap.object_type, gap.meaning) for gap in gaps)
    counted = ", ".join(f"{count:,} x {kind} ({meaning})" for (kind, meaning), count in counts.most_common())
    first = ", ".join(gap.object_id for gap in gaps[:NAMED])
    common = counts.most_common(1)[0][0][1]
    remedy = REMEDIES.get(Meaning[common], "") if common in Meaning.__members__ else ""
    more = " and others" if len(gaps) > NAMED else ""
    return f"Stream {name} lacks what could not be read: {counted}: {first}{more}. {remedy}".rstrip()
