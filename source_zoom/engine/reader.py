"""Reads a tree of streams concurrently, each node once, on the CDK's `ConcurrentSource`.

The way of a slice: a generator thread takes a key from the parent's feed and makes a partition of it
(partitions.py); the main thread hands it to the pool of its rate label (pools.py); a worker reads it,
publishes its keys to the children's feed (feed.py) and puts its records on the queue (messages.py);
the main thread takes them from there and yields them.

Why nothing can hang: the main thread never waits for room, only for items. Workers wait for the API, with
timeouts, and for room in the queue, which the main thread makes. Where a pool has too many threads some rest,
never the first few. Generators wait for four things: for room in their stream's backlog and for its end,
which workers bring about; for the feed of a parent, which stands above them in the tree; where a feed has a
limit, for its slowest child to have read what is there, which it can; and the generator of a parent that is
read on demand, for a child to ask for its keys or to leave, which each child does. No worker waits for a
feed. A thread that fails where the CDK does not look, the heartbeat's among them, puts an `EngineFault` on
the queue. The heartbeat waits for room in the queue, too, but nobody waits for the heartbeat while the queue
is open. When the consumer leaves or fails, the queue is closed, which fails producers instead of blocking
them; feeds and backlogs are released, and all threads are daemons.
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

from source_zoom.engine.failures import FailureLog, message_of, sanitised
from source_zoom.engine.heartbeat import Heartbeat
from source_zoom.engine.messages import Batch, ClosableQueue, OrderedMessageRepository
from source_zoom.engine.partitions import as_concurrent_stream
from source_zoom.engine.pools import LOOK_SECONDS, EngineFault, Staff, TaskRouter
from source_zoom.engine.progress import Progress
from source_zoom.engine.tasks import Judge, StreamTask, TreeStream, plan
from source_zoom.engine.ticker import Ticker

ENDED = (AirbyteStreamStatus.COMPLETE, AirbyteStreamStatus.INCOMPLETE)

CursorFactory = Callable[[TreeStream, MessageRepository], Cursor]


class TreeReader:
    """Reads the selected streams of a tree, and what they depend on without showing it.

    :param streams: every stream there is, by name, parents before children
    :param cursor_of: makes the cursor of a stream, which emits its states to the repository
    :param judge: says at the end of a selected stream what leaves it incomplete, if anything does
    :param workers: how many threads may read slices at most
    :param lacking: returns how many threads more could do something in a pool, of its name and its number of threads
    :param made: returns a number that grows while the read gets anywhere
    :param progress_details: what the progress line says besides rows
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        streams: Mapping[str, TreeStream],
        *,
        cursor_of: CursorFactory,
        judge: Judge,
        workers: int,
        lacking: Callable[[str, int], int],
        logger: logging.Logger,
        made: Callable[[], int],
        progress_details: Callable[[], str] = lambda: "",
    ) -> None:
        self._streams = streams
        self._cursor_of = cursor_of
        self._judge = judge
        self._made = made
        self._workers = workers
        self._lacking = lacking
        self._logger = logger
        self._progress_details = progress_details

    def read(self, selected: set[str], failures: FailureLog | None = None) -> Iterator[AirbyteMessage]:
        """Yield records, states and statuses of the selected streams, then the error traces of those incomplete.

        :param failures: errors that are known before
        :raises AirbyteTracedException: at the end, if a selected stream is incomplete
        """
        failures = failures or FailureLog()
        names = selected | failures.names
        if selected:  # for none, the CDK would wait for ever for the first item
            yield from self._read(selected, failures)
        yield from map(sanitised, failures.traces(names))
        summary = failures.summary(names)
        if summary is not None:
            raise summary

    def _read(self, selected: set[str], failures: FailureLog) -> Iterator[AirbyteMessage]:
        queue = ClosableQueue()
        repository = OrderedMessageRepository(queue)
        tasks = plan(
            self._streams,
            selected,
            cursor_of=lambda stream: self._cursor_of(stream, repository),
            workers=self._workers,
            judge=self._judge,
        )
        staff = Staff(sorted({task.stream.pool for task in tasks}), self._workers, self._lacking, self._logger)
        router = TaskRouter(staff, queue)
        unfinished = {task.stream.name: task for task in tasks}
        source = _TreeSource(repository, router, failures, unfinished, logger=self._logger)
        progress = Progress(self._logger, self._progress_details)
        heartbeat = Heartbeat(lambda: router.guard(_show_state, unfinished), self._made)
        growth = Ticker("staff", LOOK_SECONDS, lambda: router.guard(staff.look))
        try:
            for message in self._messages(source, unfinished):
                if message.type == MessageType.RECORD and message.record:
                    progress.rows[message.record.stream] += 1
                    heartbeat.beat()
                elif message.type == MessageType.STATE:
                    heartbeat.beat()
                yield message
        finally:
            queue.close()
            growth.stop()
            for task in tasks:
                task.release()
            router.shutdown()
            progress.stop()
            heartbeat.stop()

    def _messages(self, source: ConcurrentSource, unfinished: dict[str, StreamTask]) -> Iterator[AirbyteMessage]:
        by_name = dict(unfinished)
        try:
            _let_last_begin(unfinished)
            for message in source.read([as_concurrent_stream(task, self._logger) for task in by_name.values()]):
                if message.type == MessageType.RECORD:
                    yield message
                    continue
                name = stream_of(message)
                if name is None:
                    yield sanitised(message)
                    continue
                if has_ended(message):
                    self._log_end(unfinished.pop(name))
                    _let_last_begin(unfinished)
                if by_name[name].selected:
                    yield sanitised(message)
        except AirbyteTracedException as error:
            # The CDK's summary has a line for every failure, hidden streams included; ours follows.
            if error.internal_message != "Concurrent read failure":
                raise
        if unfinished:
            raise AirbyteTracedException(
                message="The sync ended before all streams had, so rows can be missing. Please report this.",
                internal_message=f"Streams without a final status: {sorted(unfinished)}",
            )

    def _log_end(self, task: StreamTask) -> None:
        line = task.stream.closing_line()
        if line:
            self._logger.log(task.stream.closing_level, line)


class _TreeSource(ConcurrentSource):
    """The CDK's concurrent source with errors kept for the end, faults of threads raised, and signs of life.

    :param unfinished: the tasks without a final status, by name; whoever takes the messages keeps it up to date
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
        if isinstance(queue_item, Batch):
            for record in queue_item.records:
                yield from concurrent_stream_processor.on_record(record)
            return
        if isinstance(queue_item, EngineFault):
            raise queue_item.error
        if isinstance(queue_item, AirbyteMessage) and self._is_too_late(queue_item):
            return  # the heartbeat's, of a stream that has ended since
        if isinstance(queue_item, StreamThreadException):
            # In place of `on_exception`, which logs a stack and emits an error trace for each.
            concurrent_stream_processor._flag_exception(queue_item.stream_name, queue_item.exception)  # noqa: SLF001
            self._note(queue_item.stream_name, queue_item.exception)
            return
        yield from super()._handle_item(queue_item, concurrent_stream_processor)

    def _note(self, name: str, error: Exception) -> None:
        """Keep an error for the end; what nobody foresaw is logged at once, with its stack."""
        if not self._failures.note(name, error) or isinstance(error, AirbyteTracedException):
            return
        self._logger.error(f"Stream {name}: {message_of(error)}", exc_info=error)

    def _is_too_late(self, message: AirbyteMessage) -> bool:
        name = stream_of(message)
        return message.type == MessageType.STATE and name is not None and name not in self._unfinished


def _let_last_begin(unfinished: Mapping[str, StreamTask]) -> None:
    if all(task.stream.is_last for task in unfinished.values()):
        for task in unfinished.values():
            task.let_begin()


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
