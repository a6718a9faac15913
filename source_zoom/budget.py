"""Zoom's rate limits: one evenly paced budget per label, shared by every thread.

The limits hold per account, for all its apps together. https://developers.zoom.us/docs/api/rate-limits/
(2026-02-07). Daily limits are not modelled: the day's first requests may have been made by others;
Zoom says when the day is over (errors.py, `DAILY`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from airbyte_cdk.sources.streams.call_rate import BaseCallRatePolicy, HttpAPIBudget, LimiterSession
from requests.adapters import HTTPAdapter

from source_zoom.config import RateLimitPlan
from source_zoom.endpoint import RateLabel
from source_zoom.engine import StreamStopped

PER_SECOND: dict[RateLimitPlan, dict[RateLabel, float]] = {
    RateLimitPlan.FREE: {
        RateLabel.LIGHT: 4,
        RateLabel.MEDIUM: 2,
        RateLabel.HEAVY: 1,
        RateLabel.RESOURCE_INTENSIVE: 10 / 60,
    },
    RateLimitPlan.PRO: {
        RateLabel.LIGHT: 30,
        RateLabel.MEDIUM: 20,
        RateLabel.HEAVY: 10,
        RateLabel.RESOURCE_INTENSIVE: 10 / 60,
    },
    RateLimitPlan.BUSINESS_PLUS: {
        RateLabel.LIGHT: 80,
        RateLabel.MEDIUM: 60,
        RateLabel.HEAVY: 40,
        RateLabel.RESOURCE_INTENSIVE: 20 / 60,
    },
}

COOLDOWN_SECONDS = 1.0
"""How long all threads hold back after a refusal: Zoom counts in seconds."""


def rates(plan: RateLimitPlan, share_percent: int) -> dict[RateLabel, float]:
    """Return the requests per second to make on each label; `auto` runs at the Pro plan's row."""
    row = PER_SECOND[RateLimitPlan.PRO if plan is RateLimitPlan.AUTO else plan]
    return {label: per_second * share_percent / 100 for label, per_second in row.items()}


class PacedPolicy(BaseCallRatePolicy):
    """Gives every request the next of evenly spaced moments.

    The CDK's window policies burst: 3 to 27 refusals in 800 requests where this one had none,
    at the same rate, against a sliding window of a second.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(matchers=[])
        self._gap = 1 / per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = 0.0
        self._last = -math.inf
        self.requests = 0
        self.refused = 0

    def try_acquire(self, request: Any, weight: int) -> None:
        """Return when it is the request's turn."""
        while True:
            with self._lock:
                now = self._clock()
                turn = max(self._next, now)
                self._next = turn + self._gap * weight
                refused = self.refused
            if turn > now:
                self._sleep(turn - now)
            with self._lock:
                if refused == self.refused:
                    self.requests += 1
                    self._last = turn
                    return
                # Refused meanwhile: the turn was given out before everybody was to hold back.

    def update(self, available_calls: int | None, call_reset_ts: Any) -> None:
        """Hold every thread back for a moment when a request was refused (`available_calls` is 0)."""
        if available_calls != 0:
            return
        with self._lock:
            self.refused += 1
            self._next = max(self._clock() + COOLDOWN_SECONDS, self._last + self._gap)


class LabelBudget:
    """What the streams of one label share: pace, connections, and whether the day's requests are used up.

    :param per_second: requests per second to make
    :param connections: how many threads may send at once
    """

    def __init__(self, label: RateLabel, per_second: float, connections: int) -> None:
        self.label = label
        self.policy = PacedPolicy(per_second)
        # Zoom documents neither header; a gateway's own would be read as a number, and fail every request.
        self.api_budget = HttpAPIBudget(
            policies=[self.policy], ratelimit_reset_header="", ratelimit_remaining_header=""
        )
        self.session: requests.Session = LimiterSession(api_budget=self.api_budget)
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections)
        self.session.mount("https://", adapter)
        self.session.mount("http://", adapter)
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._used_up: StreamStopped | None = None

    def use_up(self, error: StreamStopped) -> None:
        """Make every further request of this label fail with `error` without being sent."""
        self._used_up = error

    def raise_if_used_up(self) -> None:
        """Raise the error the label was used up with.

        :raises StreamStopped: if Zoom has refused a request for the rest of the day
        """
        if self._used_up is not None:
            raise self._used_up.with_traceback(None)


class Budgets:
    """The budgets of all labels.

    :param per_second: requests per second to make on each label
    :param connections: how many threads may send at once on one label
    """

    def __init__(self, per_second: Mapping[RateLabel, float], connections: int) -> None:
        self._started = time.monotonic()
        self._labels = {label: LabelBudget(label, rate, connections) for label, rate in per_second.items()}

    def __getitem__(self, label: RateLabel) -> LabelBudget:
        return self._labels[label]

    def report(self) -> str:
        """Return requests, mean rate and refusals of the labels in use, for the log."""
        seconds = max(time.monotonic() - self._started, 0.001)
        used = [
            f"{label.value} {budget.policy.requests:,} ({budget.policy.requests / seconds:.1f}/s"
            f"{f', {budget.policy.refused:,} refused' if budget.policy.refused else ''})"
            for label, budget in self._labels.items()
            if budget.policy.requests
        ]
        return f"requests: {', '.join(used) or 'none yet'}"
