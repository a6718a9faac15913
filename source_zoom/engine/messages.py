"""How messages travel from the worker threads to the one thread that prints them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import Queue

import orjson
from airbyte_cdk.models import AirbyteMessage, Level
from airbyte_cdk.sources.message.repository import LogMessage, MessageRepository
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.types import Record

from source_zoom.engine.failures import EngineClosed

QUEUE_BYTES = 64_000_000
"""Room in the queue, in bytes of serialised records; a parsed record takes more, of many small values some five times
as much."""

LEAST_BYTES = 32_000
"""What a record, or anything else on the queue, counts for at least: so there are no more than 2,000."""

BATCH_RECORDS = 100
BATCH_BYTES = 1_000_000


class Batch:
    """Records of one slice that take one place on the queue, as a change of threads costs as much as some records.

    :ivar room: how much of the queue's room it takes
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.room = 0
        self._bytes = 0

    def add(self, record: Record) -> bool:
        """Add a record; return whether the batch is to be sent on its way."""
        try:
            size = len(orjson.dumps(record.data))
        except TypeError:  # the CDK has other ways to serialise it, or says that there is none
            size = LEAST_BYTES
        self.records.append(record)
        self.room += max(size, LEAST_BYTES)
        self._bytes += size
        return len(self.records) >= BATCH_RECORDS or self._bytes >= BATCH_BYTES


class ClosableQueue(Queue[QueueItem]):
    """A queue bounded in bytes, whose producers fail, instead of waiting for ever, once it is closed.

    Built on the override points of `queue.Queue`, for which its size is the room that is taken. A producer that finds
    some left may put an item of any size, so none is too large to pass. One that waits for room finds the closed queue
    empty, tries to put, and is told.

    :param room: in bytes; a `Batch` says what it takes
    """

    def __init__(self, room: int = QUEUE_BYTES) -> None:
        super().__init__(maxsize=room)
        self._taken = 0
        self._closed = False

    def close(self) -> None:
        """Drop what is queued and fail every producer from now on."""
        with self.mutex:
            self._closed = True
            self.queue.clear()
            self.not_full.notify_all()

    def _qsize(self) -> int:
        return 0 if self._closed else self._taken

    def _put(self, item: QueueItem) -> None:
        if self._closed:
            raise EngineClosed
        self.queue.append(item)
        self._taken += _room_of(item)

    def _get(self) -> QueueItem:
        item: QueueItem = self.queue.popleft()
        self._taken -= _room_of(item)
        return item


def _room_of(item: object) -> int:
    return item.room if isinstance(item, Batch) else LEAST_BYTES


class OrderedMessageRepository(MessageRepository):
    """Keeps a state message behind the records it covers and before the status that ends its stream.

    Messages of worker threads take the same queue as the records. Those of the consuming thread
    (the final state of a stream) are handed out at once, as the CDK drains the repository before it
    emits COMPLETE (concurrent_read_processor.py, `_on_stream_is_done`).
    """

    def __init__(self, queue: ClosableQueue) -> None:
        self.queue = queue
        self._consumer = threading.get_ident()
        self._pending: deque[AirbyteMessage] = deque()

    def emit_message(self, message: AirbyteMessage) -> None:
        """Send a message on its way; blocks a worker thread while the queue is full."""
        if threading.get_ident() == self._consumer:
            self._pending.append(message)
        else:
            self.queue.put(message)

    def log_message(self, level: Level, message_provider: Callable[[], LogMessage]) -> None:
        """Ignore the request logs meant for the connector builder: they carry response bodies."""

    def consume_queue(self) -> Iterable[AirbyteMessage]:
        """Yield what the consuming thread itself has emitted."""
        while self._pending:
            yield self._pending.popleft()
