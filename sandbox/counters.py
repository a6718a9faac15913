"""What was asked of the sandbox and what it answered."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.limits import Label
from sandbox.messages import Reply

_REPEATED_NAMED = 20
_NOT_FINAL = frozenset({401, 429})
_SERVER_ERROR = 500
_REFUSED = 429


@dataclass
class Pace:
    """Requests of one label over time; ``first`` and ``last`` are seconds since the epoch."""

    first: float
    last: float
    requests: int = 0
    refused: int = 0
    seconds: dict[int, list[int]] = field(default_factory=dict)
    """How many passed and how many were refused, by the whole seconds since the first request of all."""


class Counters:
    """Counts API and token requests. Thread-safe."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """Take the clock of the paces, in seconds since the epoch."""
        self._clock = clock
        self._lock = threading.Lock()
        self._open = 0
        self.reset()

    def reset(self) -> None:
        """Start again from zero."""
        with self._lock:
            self._first: float | None = None
            self._paths: Counter[str] = Counter()
            self._statuses: Counter[str] = Counter()
            self._codes: Counter[str] = Counter()
            self._labels: dict[str, Pace] = {}
            self._token_requests = 0
            self._tokens_issued = 0
            self._final: set[int] = set()
            self._repeated = 0
            self._repeated_urls: list[str] = []
            self._peak = 0
            self._sessions: Counter[str] = Counter()

    def opened(self) -> None:
        """Note that a request has come in."""
        now = self._clock()
        with self._lock:
            self._first = now if self._first is None else self._first
            self._open += 1
            self._peak = max(self._peak, self._open)

    def closed(self) -> None:
        """Note that a request is about to be answered."""
        with self._lock:
            self._open -= 1

    def token(self, reply: Reply) -> None:
        """Count an answer of the token endpoint."""
        with self._lock:
            self._token_requests += 1
            self._tokens_issued += reply.status < 300  # noqa: PLR2004

    def api(self, template: str, label: Label | None, target: str, reply: Reply) -> None:
        """Count an API answer; ``label`` is None for a path that is no endpoint."""
        now = self._clock()
        with self._lock:
            self._paths[template] += 1
            self._statuses[str(reply.status)] += 1
            if reply.code is not None:
                self._codes[f"{reply.status}/{reply.code}"] += 1
            if label is not None:
                pace = self._labels.setdefault(label.value, Pace(now, now))
                pace.last = now
                pace.requests += 1
                pace.refused += reply.status == _REFUSED
                second = int(now - (now if self._first is None else self._first))
                pace.seconds.setdefault(second, [0, 0])[reply.status == _REFUSED] += 1
            url = hash(target)
            if url in self._final:
                self._repeated += 1
                if len(self._repeated_urls) < _REPEATED_NAMED:
                    self._repeated_urls.append(target)
            if not reply.spoiled and reply.status not in _NOT_FINAL and reply.status < _SERVER_ERROR:
                self._final.add(url)

    def session(self, uuid: str, reply: Reply) -> None:
        """Count that the participants of a session were asked for, unless the call did not get through."""
        if reply.status not in _NOT_FINAL:
            with self._lock:
                self._sessions[uuid] += 1

    def snapshot(self) -> dict[str, Any]:
        """Return everything counted since the start or the last reset, ready for JSON.

        ``first`` is when the first request came, also if it was for a token, in seconds since the epoch;
        ``cpu_seconds`` is what this process has used since it began.
        """
        with self._lock:
            return {
                "first": self._first,
                "cpu_seconds": time.process_time(),
                "requests": sum(self._paths.values()),
                "by_path": dict(self._paths),
                "by_label": {label: pace.requests for label, pace in self._labels.items()},
                "refused": {label: pace.refused for label, pace in self._labels.items()},
                "pace": {label: _pace(pace) for label, pace in self._labels.items()},
                "by_second": {
                    label: {str(second): list(counts) for second, counts in sorted(pace.seconds.items())}
                    for label, pace in self._labels.items()
                },
                "statuses": dict(self._statuses),
                "codes": dict(self._codes),
                "token_requests": self._token_requests,
                "tokens_issued": self._tokens_issued,
                "repeated": self._repeated,
                "repeated_urls": list(self._repeated_urls),
                "peak_concurrency": self._peak,
                "sessions_asked": dict(self._sessions),
            }


def _pace(pace: Pace) -> dict[str, float]:
    seconds = pace.last - pace.first
    passed = pace.requests - pace.refused
    return {
        "first": pace.first,
        "last": pace.last,
        "requests": pace.requests,
        "passed": passed,
        "passed_per_second": round(max(passed - 1, 0) / seconds, 3) if seconds else 0.0,
    }
