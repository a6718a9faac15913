"""Zoom's rate limits: one evenly paced budget per label, shared by every thread, and the end of a label that is dead.

The limits hold per account, for all its apps together. https://developers.zoom.us/docs/api/rate-limits/
(2026-02-07). Daily limits are not modelled: the day's first requests may have been made by others;
Zoom says when the day is over (answers.py, `DAILY`).
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.call_rate import BaseCallRatePolicy, HttpAPIBudget, LimiterSession

from source_zoom.engine import StreamStopped
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.pace import Pace
from source_zoom.zoom.plan_search import PROOF_SECONDS, PlanSearch
from source_zoom.zoom.transport import BoundedAdapter

LONGEST_HOLD_SECONDS = 300.0
"""How long a `Retry-After` may hold a label; a longer one is a daily limit's (answers.py, `LONGEST_PAUSE_SECONDS`)."""

PATIENCE_SECONDS = 600.0
"""How long a label that accepts nothing is asked: twice the longest hold, so that something was sent after one."""

PATIENCE_SLICES = 20
"""How many slices in a row may end in a fault; single objects that are at fault do not make so many."""

ANSWER_SECONDS = 600.0
"""How long a whole answer may take: five of the longest silences between two bytes (streams/base/stream.py)."""

ANSWER_BYTES = 64_000_000
"""How large an answer may be, unpacked: a page of 300 records has less than a hundredth of it."""

DEAD = "label dead"
"""Kind of the failures of a label that answers nothing any more."""

_PATHS_TO_BLAME_A_LABEL = 2

_MOSTLY = 0.75
"""Part of a label's threads that wait for answers where its threads are too few."""

_ENOUGH_WAITING = 4
"""Threads that wait for their turns, so that none is missed."""

_NAP_SECONDS = 1.0
"""After how long a waiting thread looks whether its label was used up meanwhile."""


class PacedPolicy(BaseCallRatePolicy):
    """Gives every request of a label its turn: evenly spaced, at a rate that follows what Zoom lets through.

    The CDK's window policies burst: 3 to 27 refusals in 800 requests where this one had none,
    at the same rate, against a sliding window of a second.
    """

    def __init__(
        self,
        label: RateLabel,
        search: PlanSearch,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(matchers=[])
        self._label = label
        self._search = search
        window = 60.0 if label is RateLabel.RESOURCE_INTENSIVE else 1.0
        self._pace = Pace(lambda now: search.ceiling(label, now), window)
        self._clock = clock
        self._sleep = sleep
        self._check = check
        self._lock = threading.Lock()
        self._pauses = 0
        self._line: deque[threading.Event] = deque()
        self._thread = threading.local()
        self.requests = 0
        self.refused = 0

    def try_acquire(self, request: Any, weight: int) -> None:
        """Return when it is the request's turn; requests get their turns in the order in which they come.

        So one that is refused again and again keeps no other from being sent.

        :raises Exception: what `check` raises, before the turn and about every second while waiting for it
        """
        self._check()
        is_first = threading.Event()
        with self._lock:
            self._line.append(is_first)
            self._line[0].set()
        is_first.wait()
        try:
            self._check()
            self._wait_for_turn(weight)
        finally:
            with self._lock:
                self._line.popleft()
                if self._line:
                    self._line[0].set()

    def _wait_for_turn(self, weight: int) -> None:
        while True:
            with self._lock:
                now = self._clock()
                turn = self._pace.next_turn(now, weight)
                pauses = self._pauses
            if turn > now:
                self._search.doubt(self._label, now)
            for nap in _naps(turn - now):
                self._sleep(nap)
                self._check()
            with self._lock:
                if pauses == self._pauses:
                    self.requests += 1
                    self._thread.began = self._clock()
                    self._pace.sent(self._thread.began)
                    return
                # Paused meanwhile: the turn was given out before everybody was to hold back.

    @property
    def waiting(self) -> int:
        """How many threads wait for their turns."""
        return len(self._line)

    def update(self, available_calls: int | None, call_reset_ts: Any) -> None:
        """Do nothing: the error handler knows what an answer means (retries.py)."""

    def note_passed(self) -> None:
        """Take it as evidence of the account's plan that this thread's last request was not refused."""
        if not self._search.is_open:
            return
        with self._lock:
            now, per_second = self._clock(), self._pace.passed(self.began(), PROOF_SECONDS)
        if per_second:
            self._search.passed(self._label, per_second, now)

    def slow_down(self, limit: float | None = None) -> None:
        """Slow down, as this thread's last request was refused.

        :param limit: requests a second that Zoom allows, where the refusal says so
        """
        with self._lock:
            self.refused += 1
            now = self._clock()
            per_second = self._pace.refused(self.began(), now)
            if per_second is not None:
                self._pauses += 1
        if limit is not None:
            self._search.told(self._label, limit)
        if per_second is not None:
            self._search.refused(self._label, per_second, now)

    def hold(self, seconds: float) -> None:
        """Let no request through for that long, counted from now."""
        with self._lock:
            self._pauses += 1
            self._pace.hold(self._clock(), seconds)

    def unused(self) -> int:
        """Return how many requests more could be sent at once."""
        with self._lock:
            return self._pace.unused(self._clock())

    def began(self) -> float:
        """Return when this thread's last request was let through, by the clock; now if there was none."""
        began: float = getattr(self._thread, "began", self._clock())
        return began


def _naps(seconds: float) -> Iterator[float]:
    """Yield the parts in which to sleep."""
    while seconds > _NAP_SECONDS:
        yield _NAP_SECONDS
        seconds -= _NAP_SECONDS
    if seconds > 0:
        yield seconds


class LabelBudget:
    """What the streams of one label share: pace, connections, and whether there is any use in asking on.

    :param search: knows the most requests a second to make
    :param connections: how many threads may send at once
    :param clock: seconds that never go back
    """

    def __init__(
        self,
        label: RateLabel,
        search: PlanSearch,
        connections: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.label = label
        self.policy = PacedPolicy(label, search, clock=clock, sleep=sleep, check=self.raise_if_used_up)
        # Zoom documents neither header; a gateway's own would be read as a number, and fail every request.
        self.api_budget = HttpAPIBudget(
            policies=[self.policy], ratelimit_reset_header="", ratelimit_remaining_header=""
        )
        self.session: requests.Session = LimiterSession(api_budget=self.api_budget)
        self._adapter = BoundedAdapter(seconds=ANSWER_SECONDS, most_bytes=ANSWER_BYTES, connections=connections)
        self.session.mount("https://", self._adapter)
        self.session.mount("http://", self._adapter)
        self.session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._clock = clock
        self._lock = threading.Lock()
        self._successes = 0
        self._accepted_at = -math.inf
        self._silent_since = math.inf
        self._faulted: set[str] = set()
        self._given_up: set[str] = set()
        self._used_up: StreamStopped | None = None

    @property
    def successes(self) -> int:
        """How many answers were accepted so far."""
        return self._successes

    def accepted(self) -> None:
        """Note a final answer of Zoom's, be it a refusal: a sign of life."""
        with self._lock:
            self._successes += 1
            self._accepted_at = self._clock()
            self._silent_since = math.inf
            self._faulted.clear()
            self._given_up.clear()

    def began(self) -> float:
        """Return when the attempt that this thread made last was let through, by the clock."""
        return self.policy.began()

    def lacking(self, threads: int) -> int:
        """Return how many threads more could send a request at once, as those there are wait for answers.

        Where most are held up by something else, by the consumer for instance, more would not help. Negative where
        more wait for their turns than are needed to miss none.

        :param threads: how many there are
        """
        if self.policy.waiting > _ENOUGH_WAITING:
            return -1
        if self._adapter.in_flight < threads * _MOSTLY or self._used_up is not None:
            return 0
        return self.policy.unused()

    def seconds_since(self, moment: float) -> float:
        """Return the seconds since a reading of the clock."""
        return self._clock() - moment

    def hold(self, seconds: float) -> None:
        """Send nothing on this label for that long, as a `Retry-After` asks, but for `LONGEST_HOLD_SECONDS` at most."""
        self.policy.hold(min(max(seconds, 0.0), LONGEST_HOLD_SECONDS))

    def faulted(self, what: str, began: float, cause: str = "", *, is_of_label: bool = False) -> None:
        """Note an attempt that ended in a network error, a 5xx, an unreadable body or a 429.

        The label is dead when nothing was accepted for `PATIENCE_SECONDS`, counted from the start of the first such
        attempt since the last acceptance. It takes two paths: one alone may be at fault itself.

        :param what: path of the request
        :param began: when the attempt began, by the clock
        :param cause: what came instead of an answer, for the error's sentence: "HTTP 503"
        :param is_of_label: whether the path is not to blame, as for a 429: limits are those of a label
        :raises StreamStopped: if the label is dead, or was used up before
        """
        with self._lock:
            self._silent_since = min(self._silent_since, max(began, self._accepted_at))
            if len(self._faulted) < _PATHS_TO_BLAME_A_LABEL:
                self._faulted.add(what)
            silence = self._clock() - self._silent_since
            is_at_fault = is_of_label or len(self._faulted) >= _PATHS_TO_BLAME_A_LABEL
            if silence >= PATIENCE_SECONDS and is_at_fault:
                self._die(f"Zoom has answered no {self.label.value} request for {silence // 60:.0f} minutes", cause)
        self.raise_if_used_up()

    def gave_up(self, what: str, cause: str = "") -> None:
        """Note a slice that ended in such a fault for good; `PATIENCE_SLICES` in a row mean that the label is dead.

        :param what: path of the request
        :param cause: as for `faulted`
        :raises StreamStopped: if the label is dead, or was used up before
        """
        with self._lock:
            self._given_up.add(what)
            count = len(self._given_up)
            if count >= PATIENCE_SLICES:
                self._die(f"Zoom has failed {count} {self.label.value} requests in a row, each for good", cause)
        self.raise_if_used_up()

    def _die(self, sentence: str, cause: str) -> None:
        self._used_up = self._used_up or StreamStopped(
            f"{sentence}{f' (last: {cause})' if cause else ''}. What was read is kept; run the sync again later.",
            cause=DEAD,
            failure_type=FailureType.transient_error,
        )

    def use_up(self, error: StreamStopped) -> None:
        """Make every further request of this label fail with `error` without being sent."""
        self._used_up = error

    def raise_if_used_up(self) -> None:
        """Raise the error the label was used up with.

        :raises StreamStopped: if Zoom has refused a request for the rest of the day, or the label is dead
        """
        if self._used_up is not None:
            raise self._used_up.with_traceback(None)


class Budgets:
    """The budgets of all labels.

    :param search: knows the most requests a second to make
    :param connections: how many threads may send at once on one label
    """

    def __init__(self, search: PlanSearch, connections: int) -> None:
        self._started = time.monotonic()
        self._labels = {label: LabelBudget(label, search, connections) for label in RateLabel}

    def __getitem__(self, label: RateLabel) -> LabelBudget:
        return self._labels[label]

    def use_environment(self, url: str) -> None:
        """Take the proxy and the certificates for a URL from the environment once, and no password of a .netrc file.

        `requests` would look at every variable of the environment three times for each request.
        """
        for budget in self._labels.values():
            session = budget.session
            found = session.merge_environment_settings(url, {}, None, None, None)
            session.proxies, session.verify = found["proxies"], found["verify"]
            session.trust_env = False

    def lacking(self, pool: str, threads: int) -> int:
        """Return what `LabelBudget.lacking` does, for a pool named after its label; none for another pool."""
        return sum(budget.lacking(threads) for label, budget in self._labels.items() if label.value == pool)

    @property
    def successes(self) -> int:
        """How many answers of Zoom's were accepted so far, on all labels: it grows while a sync gets on."""
        return sum(budget.successes for budget in self._labels.values())

    def close(self) -> None:
        """Close all connections that are not in use."""
        for budget in self._labels.values():
            budget.session.close()

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
