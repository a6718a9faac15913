"""The pace of one label: evenly spaced turns, at a rate that follows what Zoom lets through."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

LEAST_PER_SECOND = 0.1
"""However much is refused, a label asks that often: a sign of life within `PATIENCE_SECONDS` (limits.py)."""

SLOWED_TO = 0.96
"""Part of what passed in the second before a refusal that is made from then on."""

MOST_SLOWED = 0.5
"""Part of the rate that one refusal leaves at least: it may mean one resource."""

BACK_SECONDS = 12.0
"""How long the rate takes from the level of the last refusal, once it has looked around there, to the ceiling."""

LATE_SECONDS = 0.02
"""How late a turn may be taken without being lost: threads wake up late."""


class Pace:
    """Gives out turns. Not safe to call from many threads at once.

    After a refusal the rate falls to a little less than what has passed, climbs back, lingers there, and then climbs
    faster and faster to the ceiling: the curve of CUBIC (RFC 9438), which finds what others leave of a network.
    A refusal costs a gap: under a sliding second, a place is free again a gap later.

    :param ceiling: returns the most requests a second there may be at a moment
    :param seconds: how long the limit's window is
    """

    def __init__(self, ceiling: Callable[[float], float], seconds: float = 1.0) -> None:
        self._ceiling = ceiling
        self._window = seconds
        self._next = -math.inf
        self._last = -math.inf
        self._held_until = -math.inf
        self._sent: deque[float] = deque()
        self._clean_since = -math.inf
        self._slowed_at = -math.inf
        self._peak = math.inf
        self._rise_seconds = 0.0
        self._scale = 0.0

    def rate(self, now: float) -> float:
        """Return the requests a second at a moment."""
        ceiling = self._ceiling(now)
        if self._peak == math.inf:
            return ceiling
        elapsed = (now - self._slowed_at) / self._window - self._rise_seconds
        return max(LEAST_PER_SECOND, min(ceiling, self._peak + self._scale * elapsed**3))

    def next_turn(self, now: float, weight: int = 1) -> float:
        """Return when the next request may be sent, and give that turn away."""
        turn = max(self._next, now - LATE_SECONDS) if self._next > -math.inf else now
        self._next = turn + weight / self.rate(now)
        return max(turn, now)

    def unused(self, now: float) -> int:
        """Return how many turns nobody has taken."""
        return max(0, math.ceil((now - self._next) * self.rate(now))) if self._next > -math.inf else 1

    def sent(self, now: float) -> None:
        """Note that a request was sent."""
        self._last = now
        self._sent.append(now)
        while self._sent[0] < now - 4 * self._window:
            self._sent.popleft()

    def passed(self, sent: float, seconds: float) -> float:
        """Return how many requests a second were sent in the seconds up to that moment; 0 if one was refused."""
        if self._clean_since > sent - seconds or not self._sent or self._sent[0] > sent - seconds:
            return 0.0
        return sum(sent - seconds < moment <= sent for moment in self._sent) / seconds

    def refused(self, sent: float, now: float) -> float | None:
        """Slow down, as a request was refused.

        :param sent: when it was sent
        :return: how many requests a second had passed before; None if it was sent before the pace was slowed down last
        """
        if sent in self._sent:
            self._sent.remove(sent)
        self._clean_since = now
        if sent <= self._slowed_at:
            return None
        passed = sum(sent - self._window < moment < sent for moment in self._sent) / self._window
        rate = self.rate(now)
        slowed = max(min(passed, rate) * SLOWED_TO, rate * MOST_SLOWED)
        self._peak = max(slowed / SLOWED_TO, LEAST_PER_SECOND)
        self._scale = self._ceiling(now) / BACK_SECONDS**3
        self._rise_seconds = ((self._peak - slowed) / self._scale) ** (1 / 3)
        self._slowed_at = now
        self.hold(now, 1 / self.rate(now))
        return passed

    def hold(self, now: float, seconds: float) -> None:
        """Give out no turn for that long, and none sooner than the pace allows after the last request."""
        self._held_until = max(self._held_until, now + seconds)
        self._next = max(self._held_until, self._last + 1 / self.rate(now))
