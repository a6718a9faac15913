from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine.pools import THREADS_AT_FIRST, CpuLoad, Staff, WorkerPool

LOGGER = logging.getLogger("airbyte")


class Work:
    """Jobs that go on until they are let go, and count how many are under way."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.may_end = threading.Event()

    def __call__(self) -> None:
        self.begun.release()
        self.may_end.wait(10)

    def under_way(self, count: int) -> bool:
        """Wait for so many to begin; return whether they did, and no more."""
        have_begun = all(self.begun.acquire(timeout=10) for _ in range(count))
        return have_begun and not self.begun.acquire(timeout=0.02)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.may_end.set()


def staffed(*names: str, most: int, lacking: Callable[[str, int], int], load: float = 0.3) -> Staff:
    return Staff(names, most, lacking, LOGGER, load=lambda: load)


def test_pool_grows_while_jobs_wait_and_threads_are_lacking(work: Work) -> None:
    staff = staffed("light", most=100, lacking=lambda _pool, _threads: 3)
    for _ in range(20):
        staff.pools["light"].submit(work)

    assert work.under_way(THREADS_AT_FIRST)
    staff.look()
    assert work.under_way(3)
    assert len(staff.pools["light"].threads) == THREADS_AT_FIRST + 3
    staff.stop()


def test_pool_without_waiting_jobs_or_with_threads_enough_does_not_grow(work: Work) -> None:
    staff = staffed("light", "heavy", most=100, lacking=lambda pool, _threads: 50 if pool == "light" else 0)
    for _ in range(20):
        staff.pools["heavy"].submit(work)

    staff.look()

    assert {name: len(pool.threads) for name, pool in staff.pools.items()} == {"light": 4, "heavy": 4}
    staff.stop()


def test_pool_does_not_grow_where_the_process_uses_all_of_a_core(work: Work) -> None:
    staff = staffed("light", most=100, lacking=lambda _pool, _threads: 50, load=0.97)
    for _ in range(20):
        staff.pools["light"].submit(work)

    staff.look()

    assert len(staff.pools["light"].threads) == THREADS_AT_FIRST
    staff.stop()


def test_load_is_what_the_process_has_used_since_it_was_asked() -> None:
    load = CpuLoad()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass

    assert load() > 0.1
    threading.Event().wait(0.05)
    assert load() < 0.9


@pytest.mark.parametrize(("most", "names"), [(2, "abc"), (9, "a"), (40, "abc"), (200, "ab")])
def test_all_pools_together_have_no_more_threads_than_they_may(work: Work, most: int, names: str) -> None:
    staff = staffed(*names, most=most, lacking=lambda _pool, _threads: 1000)
    for pool in staff.pools.values():
        for _ in range(400):
            pool.submit(work)

    for _ in range(12):
        staff.look()

    sizes = [len(pool.threads) for pool in staff.pools.values()]
    assert sum(sizes) <= max(most, len(names))
    assert min(sizes) >= max(1, most // (2 * len(names)))
    staff.stop()


def test_pool_with_too_many_threads_has_one_rest_after_its_job(work: Work) -> None:
    lacking = 8
    staff = staffed("light", most=100, lacking=lambda _pool, _threads: lacking)
    pool = staff.pools["light"]
    for _ in range(8):
        pool.submit(work)
    staff.look()
    assert work.under_way(8)

    lacking = -1
    for _ in range(20):
        staff.look()
    work.may_end.set()
    busy = Work()
    for _ in range(20):
        pool.submit(busy)

    assert busy.under_way(THREADS_AT_FIRST)
    lacking = 4
    staff.look()
    assert busy.under_way(4)
    assert len(pool.threads) == 8
    busy.may_end.set()
    staff.stop()


def test_most_urgent_job_is_next_then_the_longest_then_the_oldest() -> None:
    pool = WorkerPool("light", 1)
    started, go_on, done = threading.Event(), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        started.set()
        go_on.wait(10)

    pool.submit(first)
    assert started.wait(10)
    for name, urgency in [("child", (0, 1)), ("parent", (1, 1)), ("long child", (0, 9)), ("second child", (0, 1))]:
        pool.submit(lambda name=name: order.append(name), urgency)  # type: ignore[misc]
    pool.submit(done.set, (-1, 0))
    go_on.set()

    assert done.wait(10)
    assert order == ["parent", "long child", "child", "second child"]
    pool.stop()


def test_sync_goes_on_with_the_threads_it_has_where_no_more_are_to_be_had(
    work: Work, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    staff = staffed("light", most=100, lacking=lambda _pool, _threads: 50)
    for _ in range(50):
        staff.pools["light"].submit(work)
    assert work.under_way(THREADS_AT_FIRST)

    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        staff.look()
        staff.look()

    assert staff.pools["light"].size == THREADS_AT_FIRST
    [line] = caplog.messages
    assert line.startswith("The sync goes on with the threads it has.")
    assert "`num_workers`" in line
    work.may_end.set()
    assert work.under_way(46)
    staff.stop()


def test_pool_that_gets_too_few_threads_leaves_none_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def start_three(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_three)
    with pytest.raises(AirbyteTracedException, match="`num_workers`"):
        WorkerPool("light", 5)
    assert len(started) == 3
    for thread in started:
        thread.join(10)
        assert not thread.is_alive()
