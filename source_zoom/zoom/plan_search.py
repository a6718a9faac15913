"""What Zoom allows in a second, by plan and label, and the search for the row of an account that did not say.

The rows are those of https://developers.zoom.us/docs/api/rate-limits/ (2026-02-07).
"""

from __future__ import annotations

import math
import threading

from source_zoom.config import RateLimitPlan
from source_zoom.zoom.endpoint import RateLabel

PHONE_OF_PRO = {RateLabel.PHONE_LIGHT: 20, RateLabel.PHONE_MEDIUM: 10, RateLabel.PHONE_HEAVY: 5}
"""The smallest budget that Zoom Phone has; the Free plan comes without it."""

PER_SECOND: dict[RateLimitPlan, dict[RateLabel, float]] = {
    RateLimitPlan.FREE: {
        RateLabel.LIGHT: 4,
        RateLabel.MEDIUM: 2,
        RateLabel.HEAVY: 1,
        RateLabel.RESOURCE_INTENSIVE: 10 / 60,
        **PHONE_OF_PRO,
    },
    RateLimitPlan.PRO: {
        RateLabel.LIGHT: 30,
        RateLabel.MEDIUM: 20,
        RateLabel.HEAVY: 10,
        RateLabel.RESOURCE_INTENSIVE: 10 / 60,
        **PHONE_OF_PRO,
    },
    RateLimitPlan.BUSINESS_PLUS: {
        RateLabel.LIGHT: 80,
        RateLabel.MEDIUM: 60,
        RateLabel.HEAVY: 40,
        RateLabel.RESOURCE_INTENSIVE: 20 / 60,
        RateLabel.PHONE_LIGHT: 40,
        RateLabel.PHONE_MEDIUM: 20,
        RateLabel.PHONE_HEAVY: 10,
    },
}

MOST_SHARE = 0.96
"""Of a row: the rest is the distance between two seconds that answers' jitter needs, or every other one is refused."""

OVER = 1.2
"""How far beyond a row it is tried: what is refused of it costs little, and within a second it tells."""

LEAST_SHARE_TO_SEARCH = 75
"""With a smaller share, somebody wants room left, and a search would take all for seconds: the row is Pro's."""

PROOF_SECONDS = 2.5
"""How long requests beyond a row must pass to prove that the row is not the account's, however Zoom counts."""

PROOF = 1.1
"""How far beyond the row they must have been at least."""

NEAR_A_ROW = (0.85, 1.12)
"""How far from a row what passes before a refusal may be, and speak for it."""

NEXT_TRY_SECONDS = 30.0
"""When a row that refusals spoke for is doubted for the first time, as other apps may have used the rest; then after
twice as long, and so on."""

TRY_SECONDS = 4.0
"""How long a row is doubted: until the proof is there, and an answer's time."""


class PlanSearch:
    """How many requests a second each label may make at most: the account's row of the table, less what is to be left.

    Where the plan is not known, the labels begin beyond Pro's row. What passes there proves Business+; what is refused
    speaks for the row that it is near to, or, near to none, of other apps, which is the pace's affair (pace.py). The
    evidence of one label speaks for all. Safe to call from many threads.

    :param plan: the account's plan; `AUTO` to search for it
    :param share_percent: how much of the row to use
    """

    def __init__(self, plan: RateLimitPlan, share_percent: int) -> None:
        self._share = min(share_percent / 100, MOST_SHARE)
        self._is_unknown = plan is RateLimitPlan.AUTO
        self._searches = self._is_unknown and share_percent >= LEAST_SHARE_TO_SEARCH
        self._plan: RateLimitPlan | None = RateLimitPlan.PRO if self._is_unknown else plan
        if self._searches:
            self._plan = None
        self._lock = threading.Lock()
        self._pause = NEXT_TRY_SECONDS
        self._next_try = math.inf
        self._trying: RateLabel | None = None
        self._try_ends = math.inf

    @property
    def plan(self) -> RateLimitPlan | None:
        """The plan whose row holds, None while it is searched for."""
        return self._plan

    @property
    def is_open(self) -> bool:
        """Whether requests that pass can tell anything new."""
        return self._searches and self._plan is not RateLimitPlan.BUSINESS_PLUS

    def ceiling(self, label: RateLabel, now: float) -> float:
        """Return the most requests a second to make on a label.

        :param now: seconds of a clock that never goes back, here and below
        """
        plan = self._plan
        if plan is None or (self._trying is label and now < self._try_ends):
            return PER_SECOND[plan or RateLimitPlan.PRO][label] * OVER
        return PER_SECOND[plan][label] * self._share

    def passed(self, label: RateLabel, per_second: float, now: float) -> None:
        """Take as evidence that so many requests a second passed for `PROOF_SECONDS`, none refused."""
        if not self.is_open:
            return
        with self._lock:
            row = self._plan or RateLimitPlan.PRO
            if row is RateLimitPlan.BUSINESS_PLUS or per_second < PER_SECOND[row][label] * PROOF:
                return
            self._pause = NEXT_TRY_SECONDS
            # More than Free can be Pro or Business+: the search goes on.
            self._settle(None if row is RateLimitPlan.FREE else RateLimitPlan.BUSINESS_PLUS, now)

    def refused(self, label: RateLabel, per_second: float, now: float) -> None:
        """Take as evidence that so many requests passed in the second before one was refused."""
        if not self._searches:
            return
        with self._lock:
            if self._plan is None:
                for plan in (RateLimitPlan.PRO, *(() if label in PHONE_OF_PRO else (RateLimitPlan.FREE,))):
                    least, most = (bound * PER_SECOND[plan][label] for bound in NEAR_A_ROW)
                    if least <= per_second <= most:
                        self._settle(plan, now)
            elif self._trying is label:
                self._pause *= 2
                self._settle(self._plan, now)

    def doubt(self, label: RateLabel, now: float) -> None:
        """Try beyond the row on a label that has requests waiting, if it is time for that."""
        if now < self._next_try:
            return
        with self._lock:
            if self._trying is None:
                self._trying, self._try_ends = label, now + TRY_SECONDS
            elif now >= self._try_ends:  # too few requests were made to tell
                self._settle(self._plan, now)

    def told(self, label: RateLabel, limit: float) -> None:
        """Take what Zoom says that a label may make in a second, if it is one of the table's."""
        rows = [plan for plan, row in PER_SECOND.items() if row[label] == limit]
        if self._is_unknown and rows:
            with self._lock:
                self._settle(rows[-1], now=math.inf)

    def _settle(self, plan: RateLimitPlan | None, now: float) -> None:
        self._plan = plan
        self._trying = None
        is_final = plan in {None, RateLimitPlan.BUSINESS_PLUS}
        self._next_try, self._try_ends = math.inf if is_final else now + self._pause, math.inf
