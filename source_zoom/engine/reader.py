"""Reads a tree of streams concurrently, each node once, on the CDK's `ConcurrentSource`.

The way of a slice: a generator thread takes a key from the parent's feed and makes a partition of it
(partitions.py); the main thread hands it to the pool of its rate label (pools.py); a worker reads it,
publishes its keys to the children's feed (feed.py) and puts its records on the queue (messages.py);
the main thread takes them from there and yields them.

Why nothing can hang: the main thread never waits for room, only for items. Workers wait for the API,
with timeouts, and for room in the queue, which the main thread makes. Generators wait for room in
their stream's backlog, which workers make, for the feed of a parent, which stands above them in the
tree, and where a feed has a limit for the slowest child to have read what is there, which it can; no
worker waits for a feed. A thread that fails where the CDK does not look puts an `EngineFault` on the
queue, and so does a fault of the heartbeat's. That waits for room in the queue, too, and nobody for it
while the queue is open. When the consumer leaves or fails, the queue is closed, which fails producers
instead of blocking them, feeds and backlogs are released, and all threads are daemons.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping

from airbyte_cdk.models import AirbyteMessage, AirbyteStreamStatus
from airbyte_cdk.models import Type as MessageType
from airbyte_cdk.sources.concurrent_source.concurrent_read_processor import ConcurrentReadProcessor
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.stream_thread_exception import StreamThreadException
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.types import QueueItem
from airbyte_cdk.sources.utils.slice_logger import DebugSliceLogger
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine.failures import FailureLog, sanitised
from source_zoom.engine.heartbeat import Heartbeat
from source_zoom.engine.messages import ClosableQueue, OrderedMessageRepository
from source_zoom.engine.pools import EngineFault, TaskRouter, WorkerPool, shares
from source_zoom.engine.progress import Progress
from source_zoom.engine.tasks import StreamTask, TreeStream, plan, with_ancestors

QUEUE_SIZE = 2000
ENDED = (AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE)

CursorFactory = Callable[[TreeStream, MessageRepository], Cursor]


class TreeReader:
    """Reads the selected streams of a tree, and hidden what they depend on.

    :param streams: every stream there is, by name, parents before children
    :param cursor_of: makes the cursor of a stream, which emits its states to the repository
    :param workers: threads that read slices, shared out among the pools in use
    :param progress_details: what the progress line says besides rows
    """

    def __init__(
        self,
        streams: Mapping[str, TreeStream],
        *,
        cursor_of: CursorFactory,
        workers: int,
        logger: logging.Logger,
        progress_details: Callable[[], str] = lambda: "",
    ) -> None:
        self._streams = streams
        self._cursor_of = cursor_of
        self._workers = workers
        self._logger = logger
        self._progress_details = progress_details

    def read(self, selected: set[str]) -> Iterator[AirbyteMessage]:
        """Yield records, states, statuses and error traces of the selected streams.

        :raises AirbyteTracedException: at the end, if a selected stream is incomplete
        """
        if not selected:
            return  # the CDK would wait for ever for the first item
        queue = ClosableQueue(maxsize=QUEUE_SIZE)
        repository = OrderedMessageRepository(queue)
        needed = with_ancestors(self._streams, selected)
        sizes = shares(self._workers, sorted({self._streams[name].pool for name in needed}))
        tasks = plan(
            self._streams,
            selected,
            cursor_of=lambda stream: self._cursor_of(stream, repository),
            workers=sizes,
        )
        router = TaskRouter({name: WorkerPool(name, size) for name, size in sizes.items()}, queue)
        failures = FailureLog(self._logger)
        unfinished = {task.stream.name: task for task in tasks}
        source = _TreeSource(repository, router, failures, unfinished, logger=self._logger)
        progress = Progress(self._logger, self._progress_details)
        heartbeat = Heartbeat(lambda: router.guard(_show_state, unfinished))
        try:
            for message in self._messages(source, unfinished, failures):
                if message.type == MessageType.RECORD and message.record:
                    progress.rows[message.record.stream] += 1
                    heartbeat.beat()
                elif message.type == MessageType.STATE:
                    heartbeat.beat()
                yield message
        finally:
            queue.close()
            for task in tasks:
                task.release()
            router.shutdown()
            progress.stop()
            heartbeat.stop()

    def _messages(
        self, source: ConcurrentSource, unfinished: dict[str, StreamTask], failures: FailureLog
    ) -> Iterator[AirbyteMessage]:
        by_name = dict(unfinished)
        try:
            for message in source.read([task.as_concurrent_stream(self._logger) for task in by_name.values()]):
                if message.type == MessageType.RECORD:
                    yield message
                    continue
                name = stream_of(message)
                if name is None:
                    yield sanitised(message)
                    continue
                if has_ended(message):
                    unfinished.pop(name, None)
                    self._log_end(by_name[name], failures)
                if by_name[name].selected:
                    yield sanitised(message)
        except AirbyteTracedException as error:
            # The CDK's summary has a line for every failure, hidden streams included; ours follows below.
            if error.internal_message != "Concurrent read failure":
                raise
        if unfinished:
            raise AirbyteTracedException(
                message="The sync ended before all streams had, so rows can be missing. Please report this.",
                internal_message=f"Streams without a final status: {sorted(unfinished)}",
            )
        summary = failures.summary({name for name, task in by_name.items() if task.selected})
        if summary is not None:
            raise summary

    def _log_end(self, task: StreamTask, failures: FailureLog) -> None:
        line = task.stream.closing_line()
        if line:
            self._logger.log(task.stream.closing_level, line)
        count = failures.count(task.stream.name)
        if count:
            self._logger.warning(f"Stream {task.stream.name}: {count:,} failures, each kind reported once.")


class _TreeSource(ConcurrentSource):
    """The CDK's concurrent source with failures reported once per kind, faults of threads raised, and signs of life.

    :param unfinished: the tasks without a final status, by name; whoever takes the messages keeps it true
    """

    def __init__(
        self,
        repository: OrderedMessageRepository,
        router: TaskRouter,
        failures: FailureLog,
        unfinished: Mapping[str, StreamTask],
        *,
        logger: logging.Logger,
    ) -> None:
        super().__init__(
            threadpool=router,
            logger=logger,
            slice_logger=DebugSliceLogger(),
            queue=repository.queue,
            message_repository=repository,
            initial_number_partitions_to_generate=len(unfinished),
        )
        self._failures = failures
        self._unfinished = unfinished

    def _handle_item(
        self, queue_item: QueueItem, concurrent_stream_processor: ConcurrentReadProcessor
    ) -> Iterator[AirbyteMessage]:
        if isinstance(queue_item, EngineFault):
            raise queue_item.error
        if isinstance(queue_item, AirbyteMessage) and self._is_too_late(queue_item):
            return  # the heartbeat's, of a stream that has ended since
        if isinstance(queue_item, StreamThreadException) and not self._failures.admit(queue_item):
            return
        yield from super()._handle_item(queue_item, concurrent_stream_processor)

    def _is_too_late(self, message: AirbyteMessage) -> bool:
        name = stream_of(message)
        return message.type == MessageType.STATE and name is not None and name not in self._unfinished


def _show_state(unfinished: Mapping[str, StreamTask]) -> None:
    """Put the present state of a stream on the queue: behind all records that it covers, as they are there already."""
    for task in list(unfinished.values()):
        if task.selected:
            task.cursor.ensure_at_least_one_state_emitted()
            return


def stream_of(message: AirbyteMessage) -> str | None:
    """Return the stream a state, status or error message speaks of."""
    descriptor = None
    if message.state and message.state.stream:
        descriptor = message.state.stream.stream_descriptor
    elif message.trace and message.trace.stream_status:
        descriptor = message.trace.stream_status.stream_descriptor
    elif message.trace and message.trace.error:
        descriptor = message.trace.error.stream_descriptor
    return descriptor.name if descriptor else None


def has_ended(message: AirbyteMessage) -> bool:
    """Return whether a message says that its stream has ended."""
    status = message.trace.stream_status if message.trace else None
    return status is not None and status.status in ENDED
