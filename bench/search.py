"""Ways to find out what an account allows, compared in simulated time against the sandbox's limits."""

# ruff: noqa: B027, D102 - what they do is said in `Method`, where some need do nothing

from __future__ import annotations

import heapq
import random
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import ClassVar

from sandbox.limits import PLANS, Label, Limit, OtherUse, RateLimiter, per_second_refusal
from sandbox.messages import Reply
from source_zoom.config import RateLimitPlan
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.pace import Pace
from source_zoom.zoom.plan_search import PER_SECOND, PROOF_SECONDS, PlanSearch

SHARE = 90
SECONDS = 0.15
"""Of each answer."""

JITTER = 0.01
"""Seconds, the standard deviation of how late a request arrives."""

ROUND_TRIPS = 5
WORK = {Label.LIGHT: 1300, Label.MEDIUM: 2280, Label.HEAVY: 670}
"""Requests of a sync of 50 users."""


class Method(ABC):
    """Decides when to send, by what became of the requests before."""

    title: ClassVar[str]

    @abstractmethod
    def next_turn(self, label: RateLabel, now: float) -> float:
        """Return when the next request may be sent."""

    def sent(self, label: RateLabel, now: float) -> None:
        """Note that a request was sent."""

    def passed(self, label: RateLabel, sent: float, now: float) -> None:
        """Note that the request of that moment was answered."""

    @abstractmethod
    def refused(self, label: RateLabel, sent: float, now: float) -> None:
        """Note that it was refused."""


class Even(Method):
    """A rate for each label; the other methods but the last change it."""

    title: ClassVar = "Pro's row, a second's pause after a refusal (0.1.0)"

    def __init__(self) -> None:
        self._next = dict.fromkeys(RateLabel, 0.0)
        self.slowed = dict.fromkeys(RateLabel, 0.0)

    def rate(self, label: RateLabel, now: float) -> float:
        return PER_SECOND[RateLimitPlan.PRO][label] * SHARE / 100

    def next_turn(self, label: RateLabel, now: float) -> float:
        turn = max(self._next[label], now)
        self._next[label] = turn + 1 / self.rate(label, now)
        return turn

    def refused(self, label: RateLabel, sent: float, now: float) -> None:
        self.wait(label, now + 1)

    def wait(self, label: RateLabel, until: float) -> None:
        self._next[label] = max(self._next[label], until)


class RowByRow(Even):
    """Knows no rate between two rows."""

    title: ClassVar = "rows only: one down when refused, one up after 10 s, then 20 s and so on"
    rows = (RateLimitPlan.FREE, RateLimitPlan.PRO, RateLimitPlan.BUSINESS_PLUS)

    def __init__(self) -> None:
        super().__init__()
        self._row, self._pause, self._since = 1, 10.0, 0.0

    def rate(self, label: RateLabel, now: float) -> float:
        if self._row < len(self.rows) - 1 and now - self._since > self._pause:
            self._row, self._since = self._row + 1, now
        return PER_SECOND[self.rows[self._row]][label] * SHARE / 100

    def refused(self, label: RateLabel, sent: float, now: float) -> None:
        if sent > self._since:
            self._row, self._since, self._pause = max(0, self._row - 1), now, 2 * self._pause
            self.wait(label, now + 1 / self.rate(label, now))


class Halving(Even):
    """Additive increase, multiplicative decrease, as networks had it before the curve."""

    title: ClassVar = "AIMD: 4 % of Business+ more each second, 30 % less when refused"

    def __init__(self) -> None:
        super().__init__()
        self._rates = {label: super(Halving, self).rate(label, 0) for label in RateLabel}
        self._at = dict.fromkeys(RateLabel, 0.0)

    def rate(self, label: RateLabel, now: float) -> float:
        most = PER_SECOND[RateLimitPlan.BUSINESS_PLUS][label] * SHARE / 100
        self._rates[label] = min(most, self._rates[label] + 0.04 * most * (now - self._at[label]))
        self._at[label] = now
        return self._rates[label]

    def refused(self, label: RateLabel, sent: float, now: float) -> None:
        if sent > self.slowed[label]:
            self.slowed[label] = now
            self._rates[label] = max(0.2, 0.7 * self.rate(label, now))
            self.wait(label, now + 1 / self._rates[label])


class Curve(Method):
    """The connector's pace under the ceiling of Business+, which knows nothing of rows."""

    title: ClassVar = "the curve only, up to Business+"

    def __init__(self, plan: RateLimitPlan = RateLimitPlan.BUSINESS_PLUS) -> None:
        self.search = PlanSearch(plan, SHARE)
        self._paces = {label: self._pace(label) for label in RateLabel}

    def _pace(self, label: RateLabel) -> Pace:
        return Pace(lambda now: self.search.ceiling(label, now))

    def next_turn(self, label: RateLabel, now: float) -> float:
        turn = self._paces[label].next_turn(now)
        if turn > now:
            self.search.doubt(label, now)
        return turn

    def sent(self, label: RateLabel, now: float) -> None:
        self._paces[label].sent(now)

    def passed(self, label: RateLabel, sent: float, now: float) -> None:
        if self.search.is_open:
            self.search.passed(label, self._paces[label].passed(sent, PROOF_SECONDS), now)

    def refused(self, label: RateLabel, sent: float, now: float) -> None:
        per_second = self._paces[label].refused(sent, now)
        if per_second is not None:
            self.search.refused(label, per_second, now)


class Kept(Curve):
    """What the connector does."""

    title: ClassVar = "**the curve, and a search for the row (kept)**"

    def __init__(self) -> None:
        super().__init__(RateLimitPlan.AUTO)


METHODS: tuple[type[Method], ...] = (Even, RowByRow, Halving, Curve, Kept)


class CalendarSeconds(RateLimiter):
    """Counts whole seconds of the clock, as Zoom might: it says only "per second"."""

    def __init__(self, limits: Mapping[Label, Limit]) -> None:
        super().__init__({}, shared_budget=False, retry_after=None)
        self._rates = limits
        self._in_second: Counter[tuple[Label, int]] = Counter()

    def refuse(self, label: Label, now: float) -> Reply | None:
        """Let a request pass, or refuse it."""
        rate = self._rates[label].rate
        self._in_second[label, int(now)] += 1
        return per_second_refusal(label, rate, None) if self._in_second[label, int(now)] > rate else None


@dataclass(frozen=True)
class Account:
    """Whose limits are to be found."""

    title: str
    plan: str
    other_use: str = "0"
    part: float = 1.0
    """Of the usual work."""
    in_calendar_seconds: bool = False

    @property
    def work(self) -> dict[Label, int]:
        """How many requests there are to make."""
        return {label: int(number * self.part) for label, number in WORK.items()}

    @property
    def bound(self) -> float:
        """Seconds that the limits alone take."""
        others = OtherUse.parse(self.other_use)
        beside = min(100 - others.percent, SHARE)
        share = (beside * others.on + SHARE * others.off) / (others.on + others.off) / 100
        return max(number / PLANS[self.plan][label].per_second / share for label, number in self.work.items())

    def limiter(self) -> RateLimiter:
        """Return what lets pass and refuses."""
        limits = PLANS[self.plan]
        if self.in_calendar_seconds:
            return CalendarSeconds(limits)
        return RateLimiter(limits, shared_budget=False, retry_after=None, other_use=OtherUse.parse(self.other_use))


ACCOUNTS = (
    Account("Free, 210 requests", "free", part=0.05),
    Account("Pro", "pro"),
    Account("Business+", "business_plus"),
    Account("others use half of Business+", "business_plus", other_use="50"),
    Account("others use 60 % every other 20 s", "business_plus", other_use="60:20/20", part=3.0),
    Account("Pro, calendar seconds", "pro", in_calendar_seconds=True),
)


@dataclass(frozen=True)
class Figures:
    """What a method took for an account."""

    ratio: float
    refused_percent: float


Comparison = Mapping[str, Sequence[Figures]]
"""By the title of a method, its figures for each account."""


def simulate(method: Method, account: Account, seed: int = 1) -> Figures:
    """Send all requests of an account, without a worker ever lacking, and return how long it took."""
    chance = random.Random(seed)  # noqa: S311 - jitter
    limiter, numbers = account.limiter(), count()
    left, turns = dict(account.work), Counter[Label]()
    events: list[tuple[float, int, str, Label, float]] = []
    sent = refused = 0
    end = 0.0

    def plan_turn(label: Label, now: float) -> None:
        turns[label] += 1  # a turn that was planned before is void
        turn = method.next_turn(RateLabel(label.value.lower()), now)
        heapq.heappush(events, (turn, next(numbers), "turn", label, turns[label]))

    for label in left:
        plan_turn(label, 0.0)
    while events:
        now, _, what, label, detail = heapq.heappop(events)
        own = RateLabel(label.value.lower())
        if what == "turn":
            if detail != turns[label] or not left[label]:
                continue
            sent, left[label] = sent + 1, left[label] - 1
            method.sent(own, now)
            late = SECONDS / 2 + abs(chance.gauss(0, JITTER))
            heapq.heappush(events, (now + late, next(numbers), "arrival", label, now))
            plan_turn(label, now)
        elif what == "arrival":
            is_refused = limiter.refuse(label, now) is not None
            outcome = "refusal" if is_refused else "answer"
            heapq.heappush(events, (now + SECONDS / 2, next(numbers), outcome, label, detail))
        elif what == "answer":
            method.passed(own, detail, now)
            end = now
        else:
            refused, left[label] = refused + 1, left[label] + 1
            method.refused(own, detail, now)
            plan_turn(label, now)
    return Figures((end - ROUND_TRIPS * SECONDS) / account.bound, 100 * refused / sent)


def compare() -> Comparison:
    """Return each method's figures for every account."""
    return {method.title: [simulate(method(), account) for account in ACCOUNTS] for method in METHODS}
