from __future__ import annotations

import threading
import time
from itertools import pairwise

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType

from source_zoom.config import RateLimitPlan
from source_zoom.engine import StreamStopped
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.limits import (
    ANSWER_BYTES,
    ANSWER_SECONDS,
    DEAD,
    PATIENCE_SECONDS,
    Budgets,
    LabelBudget,
    PacedPolicy,
)
from source_zoom.zoom.pace import LATE_SECONDS
from source_zoom.zoom.plan_search import PlanSearch
from source_zoom.zoom.transport import BoundedAdapter
from unit_tests.fake_zoom import API, Fixed


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
    return PacedPolicy(RateLabel.MEDIUM, Fixed(per_second), clock=clock, sleep=clock.sleep)


def label_budget(clock: Clock, per_second: float = 10) -> LabelBudget:
    return LabelBudget(RateLabel.MEDIUM, Fixed(per_second), connections=4, clock=clock, sleep=clock.sleep)


def moments(policy: PacedPolicy, clock: Clock, count: int) -> list[float]:
    """When each of `count` requests, made without a pause, gets its turn."""
    turns = []
    for _ in range(count):
        policy.try_acquire(None, 1)
        turns.append(clock.now)
    return turns


def gaps(turns: list[float]) -> list[float]:
    return [later - earlier for earlier, later in pairwise(turns)]


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

    assert gaps(moments(policy, clock, 20)) == pytest.approx([0.1 - LATE_SECONDS] + [0.1] * 18)


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
    policy = PacedPolicy(RateLabel.LIGHT, Fixed(100), clock=lambda: 1000.0, sleep=asleep.append)
    threads = [threading.Thread(target=policy.try_acquire, args=(None, 1)) for _ in range(32)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(asleep) == pytest.approx([number / 100 for number in range(1, 32)])
    assert policy.requests == 32


def test_a_request_that_is_refused_again_and_again_lets_the_others_pass() -> None:
    clock = Clock()
    policy = paced(10, clock)
    sent: list[tuple[float, str]] = []
    others_wait = threading.Event()
    sleep = clock.sleep

    def asleep(seconds: float) -> None:
        others_wait.wait(10)
        sleep(seconds)

    policy._sleep = asleep

    def ask(name: str, refusals: int) -> None:
        for _ in range(1 + refusals):
            policy.try_acquire(None, 1)
            sent.append((policy.began(), name))
            others_wait.wait(10)
            if refusals:
                policy.slow_down()

    threads = [threading.Thread(target=ask, args=("refused", 2))]
    threads[0].start()
    while not sent:
        time.sleep(0.001)  # between two looks
    threads += [threading.Thread(target=ask, args=("other", 0)) for _ in range(4)]
    for number, thread in enumerate(threads[1:], 1):
        thread.start()
        while policy.waiting < number:
            time.sleep(0.001)  # between two looks
    others_wait.set()
    for thread in threads:
        thread.join(10)

    assert [name for _, name in sorted(sent)] == ["refused", *["other"] * 4, "refused", "refused"]


def test_a_line_of_threads_learns_at_once_that_the_label_is_used_up() -> None:
    clock = Clock()
    budget = label_budget(clock)
    asleep = threading.Event()
    errors: list[StreamStopped] = []

    def used_up_while_asleep(seconds: float) -> None:
        asleep.wait(10)
        clock.sleep(seconds)

    budget.hold(300)
    budget.policy._sleep = used_up_while_asleep

    def ask() -> None:
        with pytest.raises(StreamStopped) as raised:
            budget.policy.try_acquire(None, 1)
        errors.append(raised.value)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    while budget.policy.waiting < 20:
        time.sleep(0.001)  # between two looks
    budget.use_up(stopped())
    asleep.set()
    for thread in threads:
        thread.join(10)

    assert len(errors) == 20
    assert budget.policy.waiting == 0
    assert clock.sleeps == [1.0]


def test_a_refusal_costs_a_gap() -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 20)

    policy.slow_down()
    turns = moments(policy, clock, 5)

    assert 0.1 <= turns[0] - 1001.9 < 0.12
    assert policy.refused == 1


def test_refusals_of_what_was_sent_at_the_old_pace_slow_it_down_once() -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 20)

    policy.slow_down()
    slowed = moments(policy, clock, 2)
    policy._thread.began = slowed[0] - 1  # as if another thread's, which was on its way
    policy.slow_down()

    assert gaps([*slowed, *moments(policy, clock, 2)]) == pytest.approx([0.1, 0.1, 0.1], abs=0.02)
    assert policy.refused == 2


def test_a_refusal_never_brings_a_turn_forward() -> None:
    clock = Clock()
    policy = paced(1 / 6, clock)
    moments(policy, clock, 1)

    policy.slow_down()

    assert moments(policy, clock, 1)[0] >= 1006.0


@pytest.mark.parametrize("available", [None, 0, 5893])
def test_what_the_cdk_reads_from_headers_changes_nothing(available: int | None) -> None:
    clock = Clock()
    policy = paced(10, clock)
    moments(policy, clock, 1)

    policy.update(available, None)

    assert moments(policy, clock, 1) == pytest.approx([1000.1])
    assert policy.refused == 0


def test_session_paces_each_request() -> None:
    clock = Clock()
    budget = label_budget(clock)
    with requests_mock.Mocker() as zoom:
        zoom.get(f"{API}/users", json={})
        for _ in range(4):
            budget.session.get(f"{API}/users")

    assert clock.sleeps == pytest.approx([0.1, 0.1, 0.1])
    assert budget.policy.requests == 4


def test_threads_are_lacking_where_all_wait_for_answers_and_turns_go_by() -> None:
    clock = Clock()
    budget = label_budget(clock)
    moments(budget.policy, clock, 4)
    budget._adapter.in_flight = 4

    assert budget.lacking(4) == 0
    clock.now += 0.5
    assert budget.lacking(4) == 4
    budget._adapter.in_flight = 1  # the others wait for the consumer
    assert budget.lacking(4) == 0
    budget._adapter.in_flight = 4
    budget.use_up(stopped())
    assert budget.lacking(4) == 0


def test_threads_are_too_many_where_some_wait_for_their_turns() -> None:
    clock = Clock()
    budget = label_budget(clock)
    go_on = threading.Event()

    def asleep(_seconds: float) -> None:
        go_on.wait(10)

    budget.policy._sleep = asleep
    threads = [threading.Thread(target=budget.policy.try_acquire, args=(None, 1)) for _ in range(8)]
    for thread in threads:
        thread.start()
    while budget.policy.waiting < 7:
        time.sleep(0.001)  # between two looks

    assert budget.lacking(8) == -1
    go_on.set()
    for thread in threads:
        thread.join()
    assert budget.lacking(8) == 0


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_session_has_a_connection_for_each_thread(scheme: str) -> None:
    adapter = LabelBudget(RateLabel.LIGHT, Fixed(10), connections=77).session.get_adapter(f"{scheme}://api.zoom.us")

    assert isinstance(adapter, BoundedAdapter)
    assert vars(adapter)["_pool_maxsize"] == 77
    assert (adapter._seconds, adapter._most_bytes) == (ANSWER_SECONDS, ANSWER_BYTES)


def test_budgets_keep_labels_apart() -> None:
    budgets = Budgets(PlanSearch(RateLimitPlan.PRO, 90), 8)
    error = StreamStopped("used up", cause="429", failure_type=FailureType.transient_error)

    budgets[RateLabel.HEAVY].use_up(error)

    assert {budgets[label].label for label in RateLabel} == set(RateLabel)
    with pytest.raises(StreamStopped, match="used up"):
        budgets[RateLabel.HEAVY].raise_if_used_up()
    for label in set(RateLabel) - {RateLabel.HEAVY}:
        budgets[label].raise_if_used_up()


@pytest.mark.parametrize("no_proxy", ["", "zoom.us"])
def test_the_environment_is_read_once_as_requests_reads_it(monkeypatch: pytest.MonkeyPatch, no_proxy: str) -> None:
    for name, value in {"https_proxy": "http://proxy.test", "no_proxy": no_proxy}.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "bundle.pem")
    usual = requests.Session().merge_environment_settings(f"{API}/users", {}, None, None, None)
    budgets = Budgets(PlanSearch(RateLimitPlan.PRO, 90), 8)

    budgets.use_environment(API)

    monkeypatch.setattr("os.environ", {})
    session = budgets[RateLabel.LIGHT].session
    assert session.merge_environment_settings(f"{API}/users", {}, None, None, None) == usual
    assert usual["proxies"].get("https") == (None if no_proxy else "http://proxy.test")
    assert usual["verify"] == session.verify == "bundle.pem"
    assert not session.trust_env


def test_report_tells_requests_rate_and_refusals_of_the_labels_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    budgets = Budgets(PlanSearch(RateLimitPlan.PRO, 90), 8)
    assert budgets.report() == "requests: none yet"

    now = budgets._started + 10
    monkeypatch.setattr("source_zoom.zoom.limits.time.monotonic", lambda: now)
    budgets[RateLabel.LIGHT].policy.requests = 2500
    budgets[RateLabel.HEAVY].policy.requests = 99
    budgets[RateLabel.HEAVY].policy.refused = 3

    assert budgets.report() == "requests: light 2,500 (250.0/s), heavy 99 (9.9/s, 3 refused)"


# Retry-After


def test_a_hold_lets_nothing_through_then_keeps_the_pace() -> None:
    clock = Clock()
    budget = label_budget(clock)
    moments(budget.policy, clock, 1)

    budget.hold(30)
    turns = moments(budget.policy, clock, 5)

    assert turns[0] == pytest.approx(1030.0)
    assert gaps(turns) == pytest.approx([0.1] * 4)


@pytest.mark.parametrize(
    ("seconds", "expected"), [(299, 1299.0), (10**9, 1300.0), (float("inf"), 1300.0), (0, 1000.1), (-5, 1000.1)]
)
def test_a_hold_has_a_limit(seconds: float, expected: float) -> None:
    clock = Clock()
    budget = label_budget(clock)
    moments(budget.policy, clock, 1)

    budget.hold(seconds)

    assert moments(budget.policy, clock, 1) == pytest.approx([expected])


def test_a_hold_is_not_cut_short_by_a_refusal_or_a_shorter_hold() -> None:
    clock = Clock()
    budget = label_budget(clock)

    budget.hold(60)
    budget.hold(5)
    budget.policy.slow_down()

    assert moments(budget.policy, clock, 1) == pytest.approx([1060.0])
    assert budget.policy.refused == 1


def test_a_thread_that_has_its_turn_already_is_held_too() -> None:
    clock = Clock()
    budget = label_budget(clock)
    moments(budget.policy, clock, 1)
    sleep = clock.sleep

    def held_while_asleep(seconds: float) -> None:
        sleep(seconds)
        if len(clock.sleeps) == 1:
            budget.hold(20)

    budget.policy._sleep = held_while_asleep

    assert moments(budget.policy, clock, 1) == pytest.approx([1020.1])


def test_a_thread_that_is_held_notices_within_a_second_that_its_label_is_used_up() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.hold(300)
    sleep = clock.sleep

    def used_up_while_asleep(seconds: float) -> None:
        sleep(seconds)
        if clock.now >= 1010:
            budget.use_up(stopped())

    budget.policy._sleep = used_up_while_asleep

    with pytest.raises(StreamStopped, match="used up"):
        budget.policy.try_acquire(None, 1)
    assert clock.now <= 1011
    assert budget.policy.requests == 0


def test_a_label_that_is_used_up_sends_nothing() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.use_up(stopped())

    with requests_mock.Mocker() as zoom, pytest.raises(StreamStopped, match="used up"):
        budget.session.get(f"{API}/users")

    assert zoom.call_count == 0
    assert clock.sleeps == []


def stopped() -> StreamStopped:
    return StreamStopped("used up", cause="429", failure_type=FailureType.transient_error)


# A label that is dead


def test_began_is_when_the_threads_request_was_let_through() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.hold(2)
    seen: list[float] = []

    def ask() -> None:
        budget.policy.try_acquire(None, 1)
        seen.append(budget.began())

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    clock.now += 5

    assert seen == pytest.approx([1002.0])
    assert budget.began() == pytest.approx(1007.0)  # this thread has sent nothing yet


def test_a_label_that_accepts_nothing_for_ten_minutes_is_dead() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.faulted("/users/1/meetings", clock.now, "HTTP 502")
    clock.now += PATIENCE_SECONDS - 1
    budget.faulted("/users/2/meetings", clock.now, "HTTP 502")

    clock.now += 1
    with pytest.raises(StreamStopped) as raised:
        budget.faulted("/users/1/meetings", clock.now, "HTTP 503")

    assert str(raised.value) == (
        "Zoom has answered no medium request for 10 minutes (last: HTTP 503). "
        "What was read is kept; run the sync again later."
    )
    assert raised.value.cause == DEAD == "label dead"
    assert raised.value.failure_type is FailureType.transient_error
    for further in (
        budget.raise_if_used_up,
        lambda: budget.policy.try_acquire(None, 1),
        lambda: budget.faulted("/users/3/meetings", clock.now, "ReadTimeout"),
        lambda: budget.gave_up("/users/3/meetings"),
    ):
        with pytest.raises(StreamStopped) as again:
            further()
        assert again.value is raised.value


def test_the_sentence_goes_without_a_cause() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.faulted("/a", clock.now)
    clock.now += 725

    with pytest.raises(StreamStopped, match=r"^Zoom has answered no medium request for 12 minutes\. What was read"):
        budget.faulted("/b", clock.now)


def test_silence_counts_from_the_begin_of_the_first_attempt() -> None:
    clock = Clock()
    budget = label_budget(clock)
    clock.now += PATIENCE_SECONDS
    budget.faulted("/a", 1000.0)  # an answer that did not end

    with pytest.raises(StreamStopped):
        budget.faulted("/b", clock.now)


def test_one_path_alone_does_not_kill_a_label() -> None:
    clock = Clock()
    budget = label_budget(clock)
    for _ in range(10):
        budget.faulted("/a", clock.now)
        clock.now += PATIENCE_SECONDS

    budget.raise_if_used_up()


def test_refusals_of_one_path_for_the_pace_kill_a_label() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.faulted("/a", clock.now, is_of_label=True)
    clock.now += PATIENCE_SECONDS

    with pytest.raises(StreamStopped):
        budget.faulted("/a", clock.now, is_of_label=True)


def test_an_acceptance_starts_the_count_again() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.faulted("/a", clock.now)
    budget.faulted("/b", clock.now)
    clock.now += PATIENCE_SECONDS - 1
    budget.accepted()
    clock.now += 1

    budget.faulted("/a", clock.now)
    budget.faulted("/b", 1000.0)  # began before the acceptance: silence is counted from that one on
    clock.now += PATIENCE_SECONDS - 2
    budget.faulted("/b", clock.now)
    budget.raise_if_used_up()

    clock.now += 2
    with pytest.raises(StreamStopped):
        budget.faulted("/b", clock.now)


def test_twenty_slices_given_up_in_a_row_kill_a_label() -> None:
    budget = label_budget(Clock())
    for number in range(19):
        budget.gave_up(f"/users/{number}")
        budget.gave_up("/users/0")  # the same one again counts once

    with pytest.raises(StreamStopped) as raised:
        budget.gave_up("/users/19", "HTTP 500")

    assert str(raised.value) == (
        "Zoom has failed 20 medium requests in a row, each for good (last: HTTP 500). "
        "What was read is kept; run the sync again later."
    )
    assert raised.value.cause == DEAD


def test_an_acceptance_between_spares_the_label() -> None:
    budget = label_budget(Clock())
    for number in range(100):
        budget.gave_up(f"/users/{number}")
        if number % 19 == 18:
            budget.accepted()

    budget.raise_if_used_up()


def test_a_label_whose_day_is_over_keeps_that_error() -> None:
    clock = Clock()
    budget = label_budget(clock)
    budget.faulted("/a", clock.now)
    budget.use_up(stopped())
    clock.now += PATIENCE_SECONDS

    with pytest.raises(StreamStopped, match="used up"):
        budget.faulted("/b", clock.now)


def test_successes_are_counted_over_all_labels_and_threads() -> None:
    budgets = Budgets(PlanSearch(RateLimitPlan.PRO, 90), 8)

    def accept() -> None:
        for _ in range(500):
            budgets[RateLabel.HEAVY].accepted()

    threads = [threading.Thread(target=accept) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    budgets[RateLabel.LIGHT].accepted()

    assert budgets[RateLabel.HEAVY].successes == 4000
    assert budgets.successes == 4001
