"""Records travel in batches, over a queue that is bounded by their bytes and holds nobody for good."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from airbyte_cdk.models import FailureType, Type
from airbyte_cdk.sources.types import Record

from source_zoom.engine import SliceFailure
from source_zoom.engine.failures import EngineClosed
from source_zoom.engine.messages import BATCH_BYTES, BATCH_RECORDS, LEAST_BYTES, QUEUE_BYTES, Batch, ClosableQueue
from unit_tests.engine.trees import Sync, TreeNode, reader

PATIENCE_SECONDS = 20.0
LARGE = "x" * 2_000_000


def batch_of(*rows: Mapping[str, Any]) -> Batch:
    batch = Batch()
    for row in rows:
        batch.add(Record(row, "users"))
    return batch


class Stock:
    """Rows that were made and have not arrived."""

    def __init__(self, limit: int) -> None:
        self.most = 0
        self.is_beyond = threading.Event()
        self._limit = limit
        self._rows = 0
        self._lock = threading.Lock()

    def add(self, rows: int) -> None:
        with self._lock:
            self._rows += rows
            self.most = max(self.most, self._rows)
            if self._rows > self._limit:
                self.is_beyond.set()


@pytest.mark.parametrize("workers", [4, 64])
def test_rows_of_two_megabytes_do_not_pile_up_before_a_consumer_that_stalls(workers: int) -> None:
    # Each worker may hold what it waits with.
    stock = Stock(limit=QUEUE_BYTES // len(LARGE) + 1 + workers)

    def large(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for number in range(5):
            stock.add(1)
            yield {"id": f"{slice_['id']}.{number}", "text": LARGE}

    users = TreeNode("users", lambda _: ({"id": str(number)} for number in range(64)))
    messages = reader(users, TreeNode("meetings", large, parent=users), workers=workers).read({"meetings"})
    ids: list[str] = []
    for message in messages:
        if message.type is Type.RECORD and message.record:
            if not ids:
                stock.is_beyond.wait(0.09)
            ids.append(message.record.data["id"])
            stock.add(-1)

    assert sorted(ids) == sorted(f"{user}.{number}" for user in range(64) for number in range(5))
    assert not stock.is_beyond.is_set(), stock.most


def test_item_that_is_larger_than_the_queue_passes() -> None:
    queue = ClosableQueue(room=1000)
    batch = batch_of({"id": 1, "text": LARGE})
    queue.put(batch)  # type: ignore[arg-type]  # handled by engine.reader, not by the CDK

    assert queue.full()
    assert queue.get() is batch  # type: ignore[comparison-overlap]
    assert queue.empty()


def test_small_items_are_bounded_by_their_number() -> None:
    queue = ClosableQueue()
    put = 0
    while not queue.full():
        queue.put(batch_of(*({"id": number} for number in range(10))))  # type: ignore[arg-type]
        put += 10

    assert put == QUEUE_BYTES // LEAST_BYTES


def test_closing_wakes_every_producer() -> None:
    queue = ClosableQueue(room=1)
    queue.put(batch_of({"id": 0}))  # type: ignore[arg-type]
    begun, told = threading.Semaphore(0), threading.Semaphore(0)

    def produce() -> None:
        begun.release()
        try:
            queue.put(batch_of({"id": 1, "text": LARGE}))  # type: ignore[arg-type]
        except EngineClosed:
            told.release()

    for _ in range(20):
        threading.Thread(target=produce, daemon=True).start()
    for _ in range(20):
        assert begun.acquire(timeout=PATIENCE_SECONDS)
    queue.close()

    for _ in range(20):
        assert told.acquire(timeout=PATIENCE_SECONDS)


def test_batch_is_full_by_number_or_by_bytes() -> None:
    small = Batch()
    assert [small.add(Record({"id": number}, "users")) for number in range(BATCH_RECORDS)].index(True) == 99
    large = Batch()
    half = {"id": 1, "text": "x" * (BATCH_BYTES // 2)}
    assert [large.add(Record(half, "users")) for _ in range(2)] == [False, True]
    assert large.room >= BATCH_BYTES


def test_record_that_cannot_be_serialised_counts_like_any() -> None:
    assert batch_of({"id": object()}).room == LEAST_BYTES


@pytest.mark.parametrize("count", [1, BATCH_RECORDS, 2 * BATCH_RECORDS + 50])
def test_records_of_a_slice_arrive_in_their_order_and_once(count: int) -> None:
    users = TreeNode("users", lambda _: ({"id": number} for number in range(count)))
    sync = Sync(reader(users).read({"users"}))

    assert [message.record.data["id"] for message in sync.messages if message.record] == list(range(count))
    assert sync.statuses("users") == ["STARTED", "RUNNING", "COMPLETE"]


@pytest.mark.parametrize("error", [SliceFailure("no", cause="x", failure_type=FailureType.config_error), KeyError("x")])
def test_records_before_a_failure_arrive_once(error: Exception) -> None:
    count = BATCH_RECORDS + 1

    def failing(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from ({"id": number} for number in range(count))
        raise error

    sync = Sync(reader(TreeNode("users", failing)).read({"users"}))

    assert [message.record.data["id"] for message in sync.messages if message.record] == list(range(count))
