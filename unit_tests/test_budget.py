from __future__ import annotations

import threading
from itertools import pairwise

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType

from source_zoom.budget import COOLDOWN_SECONDS, Budgets, LabelBudget, PacedPolicy, rates
from source_zoom.config import RateLimitPlan
from source_zoom.endpoint import RateLabel
from source_zoom.engine import StreamStopped
from unit_tests.zoom import API, PER_SECOND_LIMIT, refusal


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.sleeps: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def paced(per_second: float, clock: Clock) -> PacedPolicy:
    return PacedPolicy(per_second, clock=clock, sleep=clock.sleep)


def moments(policy: PacedPolicy, clock: Clock, count: int) -> list[float]:
    """When each of `count` requests, made without a pause, gets its turn."""
    turns = []
    for _ in range(count):
        policy.try_acquire(None, 1)
        turns.append(clock.now)
    return turns


def gaps(turns: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(turns)]


# Zoom's table, https://developers.zoom.us/docs/api/rate-limits/
TABLE = {
    (RateLimitPlan.FREE, RateLabel.LIGHT): 4.0,
    (RateLimitPlan.FREE, RateLabel.MEDIUM): 2.0,
    (RateLimitPlan.FREE, RateLabel.HEAVY): 1.0,
    (RateLimitPlan.FREE, RateLabel.RESOURCE_INTENSIVE): 10 / 60,
    (RateLimitPlan.PRO, RateLabel.LIGHT): 30.0,
    (RateLimitPlan.PRO, RateLabel.MEDIUM): 20.0,
    (RateLimitPlan.PRO, RateLabel.HEAVY): 10.0,
    (RateLimitPlan.PRO, RateLabel.RESOURCE_INTENSIVE): 10 / 60,
    (RateLimitPlan.BUSINESS_PLUS, RateLabel.LIGHT): 80.0,
    (RateLimitPlan.BUSINESS_PLUS, RateLabel.MEDIUM): 60.0,
    (RateLimitPlan.BUSINESS_PLUS, RateLabel.HEAVY): 40.0,
    (RateLimitPlan.BUSINESS_PLUS, RateLabel.RESOURCE_INTENSIVE): 20 / 60,
}


@pytest.mark.parametrize("plan", [RateLimitPlan.FREE, RateLimitPlan.PRO, RateLimitPlan.BUSINESS_PLUS])
def test_rates_are_those_of_zooms_table(plan: RateLimitPlan) -> None:
    assert rates(plan, 100) == pytest.approx({label: TABLE[plan, label] for label in RateLabel})


def test_auto_runs_at_the_rates_of_the_pro_plan() -> None:
    assert rates(RateLimitPlan.AUTO, 90) == rates(RateLimitPlan.PRO, 90)


@pytest.mark.parametrize(("share", "expected"), [(1, 0.3), (50, 15.0), (90, 27.0), (100, 30.0)])
def test_share_scales_the_rate(share: int, expected: float) -> None:
    assert rates(RateLimitPlan.PRO, share)[RateLabel.LIGHT] == pytest.approx(expected)


def test_requests_are_evenly_spaced() -> None:
    clock = Clock()

    turns = moments(paced(20, clock), clock, 50)

    assert turns[0] == 1000.0
    assert gaps(turns) == pytest.approx([0.05] * 49)


def test_idle_time_is_not_made_up_for_by_a_burst() -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 3)

    clock.now += 3600

    assert gaps(moments(policy, clock, 20)) == pytest.approx([0.1] * 19)


def test_a_slow_caller_is_not_held_up() -> None:
    clock = Clock()
    policy = paced(10, clock)

    for _ in range(5):
        policy.try_acquire(None, 1)
        clock.now += 0.2

    assert clock.sleeps == []


def test_a_heavier_request_takes_as_many_turns() -> None:
    clock = Clock()
    policy = paced(10, clock)

    policy.try_acquire(None, 3)

    assert moments(policy, clock, 1) == pytest.approx([1000.3])


def test_threads_share_one_pace() -> None:
    asleep: list[float] = []
    policy = PacedPolicy(10, clock=lambda: 1000.0, sleep=asleep.append)
    threads = [threading.Thread(target=policy.try_acquire, args=(None, 1)) for _ in range(32)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(asleep) == pytest.approx([number / 10 for number in range(1, 32)])
    assert policy.requests == 32


def test_a_refusal_holds_every_thread_back_for_the_cooldown_then_keeps_the_pace() -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 1)

    policy.update(0, None)
    policy.update(0, None)
    turns = moments(policy, clock, 5)

    assert turns[0] == pytest.approx(1000.0 + COOLDOWN_SECONDS)
    assert gaps(turns) == pytest.approx([0.1] * 4)
    assert policy.refused == 2


def test_a_refusal_never_brings_a_turn_forward() -> None:
    clock = Clock()
    policy = paced(1 / 6, clock)
    moments(policy, clock, 1)

    policy.update(0, None)

    assert moments(policy, clock, 1) == pytest.approx([1006.0])


@pytest.mark.parametrize("available", [None, 1, 5893])
def test_an_answer_that_is_no_refusal_changes_nothing(available: int | None) -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 1)

    policy.update(available, None)

    assert moments(policy, clock, 1) == pytest.approx([1000.1])
    assert policy.refused == 0


def test_session_paces_each_request_and_counts_refusals() -> None:
    clock = Clock()
    budget = LabelBudget(RateLabel.LIGHT, 10, connections=4)
    budget.policy._clock, budget.policy._sleep = clock, clock.sleep
    with requests_mock.Mocker() as zoom:
        zoom.get(f"{API}/users", [{"json": {}}, refusal(429, 429, PER_SECOND_LIMIT), {"json": {}}])
        for _ in range(3):
            budget.session.get(f"{API}/users")

    assert clock.sleeps == pytest.approx([0.1, COOLDOWN_SECONDS])
    assert (budget.policy.requests, budget.policy.refused) == (3, 1)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_session_has_a_connection_for_each_thread(scheme: str) -> None:
    adapter = LabelBudget(RateLabel.LIGHT, 10, connections=77).session.get_adapter(f"{scheme}://api.zoom.us")

    assert isinstance(adapter, requests.adapters.HTTPAdapter)
    assert adapter._pool_maxsize == 77  # type: ignore[attr-defined]


def test_budgets_keep_labels_apart() -> None:
    budgets = Budgets(rates(RateLimitPlan.PRO, 100), 8)
    error = StreamStopped("used up", kind="429", failure_type=FailureType.transient_error)

    budgets[RateLabel.HEAVY].use_up(error)

    assert {budgets[label].label for label in RateLabel} == set(RateLabel)
    with pytest.raises(StreamStopped, match="used up"):
        budgets[RateLabel.HEAVY].raise_if_used_up()
    for label in set(RateLabel) - {RateLabel.HEAVY}:
        budgets[label].raise_if_used_up()


def test_report_tells_requests_rate_and_refusals_of_the_labels_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = Budgets(rates(RateLimitPlan.PRO, 100), 8)
    assert budgets.report() == "requests: none yet"

    now = budgets._started + 10
    monkeypatch.setattr("source_zoom.budget.time.monotonic", lambda: now)
    budgets[RateLabel.LIGHT].policy.requests = 2500
    budgets[RateLabel.HEAVY].policy.requests = 99
    budgets[RateLabel.HEAVY].policy.refused = 3

    assert budgets.report() == "requests: light 2,500 (250.0/s), heavy 99 (9.9/s, 3 refused)"
