"""Zoom's rate limits: per account and label, requests in a sliding window and requests per UTC day.

https://developers.zoom.us/docs/api/rate-limits/ has the labels, the rows of the plans and the two messages.
"""

import math
import re
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from sandbox.messages import Reply, error_reply

SECONDS_PER_DAY = 86_400
_TOO_MANY = 429
_WINDOWS = {"s": 1.0, "min": 60.0}
_SETTING = re.compile(r"(?P<label>[\w-]+)=(?P<rate>\d+)/(?P<unit>s|min)(?:,daily=(?P<daily>\d+))?")
_OTHER_USE = re.compile(r"(?P<percent>\d{1,2}|100)(?::(?P<on>[1-9]\d*)/(?P<off>[1-9]\d*))?")


_ROUNDING = 1e-6
"""Of a request: products of seconds that are whole numbers are not always."""


class Label(str, Enum):
    """Rate label of an endpoint, those of Zoom Phone with limits of their own."""

    LIGHT = "Light"
    MEDIUM = "Medium"
    HEAVY = "Heavy"
    RESOURCE_INTENSIVE = "Resource-intensive"
    PHONE_LIGHT = "Phone-light"
    PHONE_MEDIUM = "Phone-medium"
    PHONE_HEAVY = "Phone-heavy"

    @property
    def category(self) -> str:
        """The label as the header ``X-RateLimit-Category`` spells it."""
        return self.value.removeprefix("Phone-").capitalize()

    @classmethod
    def parse(cls, text: str) -> "Label":
        """Return the label of that name in any case; raises ValueError when there is none."""
        for label in cls:
            if label.value.lower() == text.lower().replace("_", "-"):
                return label
        names = ", ".join(label.value for label in cls)
        raise ValueError(f"{text!r} is not a rate label; the labels are {names}.")


@dataclass(frozen=True)
class Limit:
    """What one label allows: ``rate`` requests in any ``window`` seconds, and ``daily`` requests per UTC day."""

    rate: int
    window: float = 1.0
    daily: int | None = None

    @property
    def per_second(self) -> float:
        """The rate in requests a second, also where the window is longer."""
        return self.rate / self.window


def parse_limit(text: str) -> tuple[Label, Limit]:
    """Read ``LABEL=RATE/s|min[,daily=N]``, such as ``medium=20/s,daily=500``; raises ValueError."""
    match = _SETTING.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not of the form LABEL=RATE/s[,daily=N] or LABEL=RATE/min[,daily=N].")
    daily = match["daily"]
    limit = Limit(int(match["rate"]), _WINDOWS[match["unit"]], int(daily) if daily else None)
    return Label.parse(match["label"]), limit


@dataclass(frozen=True)
class OtherUse:
    """What other apps use: ``percent`` of each label's limit, evenly spread and never refused.

    They do so all the time, or in turns of ``on`` seconds, each with a pause of ``off`` behind it. The first turn
    begins with the first request.
    """

    percent: int
    on: int = 1
    off: int = 0

    @classmethod
    def parse(cls, text: str) -> "OtherUse":
        """Read ``PERCENT`` or ``PERCENT:ON/OFF``, such as ``60:20/20``; raises ValueError."""
        match = _OTHER_USE.fullmatch(text)
        if not match:
            raise ValueError(f"{text!r} is not of the form PERCENT[:ON/OFF], with seconds of at least 1.")
        return cls(**{name: int(number) for name, number in match.groupdict().items() if number})

    def busy_seconds(self, seconds: float) -> float:
        """Return how many of the first seconds they use something in."""
        turns, rest = divmod(seconds, self.on + self.off)
        return turns * self.on + min(rest, self.on)

    def passed(self, limit: Limit, seconds: float) -> int:
        """Return how many requests of theirs have passed in the window that ends so many seconds after the first."""
        per_second = limit.per_second * self.percent / 100
        until, since = (self.busy_seconds(end) * per_second for end in (seconds, seconds - limit.window))
        return math.floor(until + _ROUNDING) - math.floor(since + _ROUNDING)


PLANS: Mapping[str, Mapping[Label, Limit]] = {
    "none": {},
    "free": {
        Label.LIGHT: Limit(4, daily=6_000),
        Label.MEDIUM: Limit(2, daily=2_000),
        Label.HEAVY: Limit(1, daily=1_000),
        Label.RESOURCE_INTENSIVE: Limit(10, 60.0, 30_000),
    },
    "pro": {
        Label.LIGHT: Limit(30),
        Label.MEDIUM: Limit(20),
        Label.HEAVY: Limit(10, daily=30_000),
        Label.RESOURCE_INTENSIVE: Limit(10, 60.0, 30_000),
        Label.PHONE_LIGHT: Limit(20),
        Label.PHONE_MEDIUM: Limit(10),
        Label.PHONE_HEAVY: Limit(5, daily=15_000),
    },
    "business_plus": {
        Label.LIGHT: Limit(80),
        Label.MEDIUM: Limit(60),
        Label.HEAVY: Limit(40, daily=60_000),
        Label.RESOURCE_INTENSIVE: Limit(20, 60.0, 60_000),
        Label.PHONE_LIGHT: Limit(40),
        Label.PHONE_MEDIUM: Limit(20),
        Label.PHONE_HEAVY: Limit(10, daily=30_000),
    },
}
"""Row of each plan. From Pro on, Heavy and Resource-intensive draw on one daily budget. Free has no Zoom Phone."""

_SHARED_BUDGET = frozenset({Label.HEAVY, Label.RESOURCE_INTENSIVE})


def daily_refusal(label: Label, daily: int, now: float) -> Reply:
    """Return the 429 of a used-up day; ``now`` is in seconds since the epoch."""
    midnight = datetime.fromtimestamp(now, timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    reset = midnight + timedelta(days=1)
    return error_reply(
        _TOO_MANY,
        _TOO_MANY,
        "You have reached the maximum daily rate limit for this API. Refer to the response header for details on "
        "when you can make another request.",
        headers={
            "X-RateLimit-Type": "Daily-limit",
            "X-RateLimit-Limit": str(daily),
            "X-RateLimit-Remaining": "0",
            "Retry-After": reset.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "X-RateLimit-Category": label.category,
        },
    )


def per_second_refusal(label: Label, rate: int, retry_after: int | None, *, names_limit: bool = True) -> Reply:
    """Return the 429 of a full window, with a ``Retry-After`` in seconds if one is given.

    Clients have seen the headers that name the limit; Zoom's page of 2026 does not have them.
    """
    headers = {"X-RateLimit-Category": label.category}
    if names_limit:
        headers |= {"X-RateLimit-Type": "QPS", "X-RateLimit-Limit": str(rate), "X-RateLimit-Remaining": "0"}
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    message = "You have reached the maximum per-second rate limit for this API. Try again later."
    return error_reply(_TOO_MANY, _TOO_MANY, message, headers=headers)


class RateLimiter:
    """Counts what was let through and refuses what is too much. Safe to call from many threads."""

    def __init__(
        self,
        limits: Mapping[Label, Limit],
        *,
        shared_budget: bool,
        retry_after: int | None,
        other_use: OtherUse | None = None,
        names_limit: bool = True,
    ) -> None:
        """Take the limit of each limited label; ``shared_budget`` counts Heavy and Resource-intensive as one."""
        self._limits = limits
        self._shared_budget = shared_budget
        self._retry_after = retry_after
        self._other_use = other_use
        self._names_limit = names_limit
        self._began: float | None = None
        self._lock = threading.Lock()
        self._passed: dict[Label, deque[float]] = {label: deque() for label in limits}
        self._day = 0
        self._today: dict[Label, int] = {}

    def refuse(self, label: Label, now: float) -> Reply | None:
        """Let a request pass, or return the 429 it gets; ``now`` is in seconds since the epoch."""
        limit = self._limits.get(label)
        if limit is None:
            return None
        with self._lock:
            self._began = now if self._began is None else self._began
            if limit.daily is not None and self._used_today(label, now) >= limit.daily:
                return daily_refusal(label, limit.daily, now)
            passed = self._passed[label]
            while passed and passed[0] <= now - limit.window:
                passed.popleft()
            others = self._other_use.passed(limit, now - self._began) if self._other_use else 0
            if len(passed) + others >= limit.rate:
                return per_second_refusal(label, limit.rate, self._retry_after, names_limit=self._names_limit)
            passed.append(now)
            budget = self._budget(label)
            self._today[budget] = self._today.get(budget, 0) + 1
        return None

    def _used_today(self, label: Label, now: float) -> int:
        day = int(now // SECONDS_PER_DAY)
        if day != self._day:
            self._day = day
            self._today.clear()
        return self._today.get(self._budget(label), 0)

    def _budget(self, label: Label) -> Label:
        return Label.HEAVY if self._shared_budget and label in _SHARED_BUDGET else label
