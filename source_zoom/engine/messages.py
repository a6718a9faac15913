"""How messages travel from the worker threads to the one thread that prints them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from queue import Queue

from airbyte_cdk.models import AirbyteMessage, Level
from airbyte_cdk.sources.message.repository import LogMessage, MessageRepository
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem

from source_zoom.engine.failures import EngineClosed


class ClosableQueue(Queue[QueueItem]):
    """A bounded queue whose producers fail, instead of waiting for ever, once it is closed.

    Built on the override points of `queue.Queue`: a producer that waits for room finds the closed
    queue empty, tries to put, and is told.
    """

    _closed = False

    def close(self) -> None:
        """Drop what is queued and fail every producer from now on."""
        with self.mutex:
            self._closed = True
            self.queue.clear()
            self.not_full.notify_all()

    def _qsize(self) -> int:
        return 0 if self._closed else len(self.queue)

    def _put(self, item: QueueItem) -> None:
        if self._closed:
            raise EngineClosed
        self.queue.append(item)


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
