"""One slice of one stream: generated, queued, read, finished; once more if it failed and that may help."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.concurrent.cursor import CursorField
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record

from source_zoom.engine.cursors import ResumableCursor
from source_zoom.engine.failures import EngineClosed, Loss, SliceFailure, StreamStopped
from source_zoom.engine.messages import Batch
from source_zoom.engine.tasks import StreamTask


class SlicePartition(Partition):
    """Reads one slice; its records are emitted, their keys go to the children.

    A slice that cannot be read does not fail the stream: it is noted as a loss. What a second try may cure is put
    aside for one, when all else of the stream has been read.

    :param is_last_try: whether a failure is final
    """

    def __init__(self, task: StreamTask, slice_: Mapping[str, Any], *, is_last_try: bool = False) -> None:
        self._task = task
        self._slice = slice_
        self._is_last_try = is_last_try
        self._published: set[Hashable] = set()
        self._error: Exception | None = None
        self.is_read = False
        self.is_put_aside = False

    @property
    def pool(self) -> str:
        """Name of the pool this partition runs on."""
        return self._task.stream.pool

    @property
    def urgency(self) -> tuple[int, int]:
        """How urgent it is among the slices of its pool: by what others wait for, then by its length."""
        return self._task.urgency, self._task.stream.length_of(self._slice)

    def read(self) -> Iterator[Batch]:  # type: ignore[override]  # the CDK queues what it gets; handled by engine.reader
        """Yield the slice's records, if the stream was selected.

        :raises Exception: what nobody foresaw; the CDK turns it into the stream's failure
        """
        batch = Batch()
        try:
            self._task.raise_if_stopped()
            for record in self._records():
                if batch.add(record):
                    yield batch
                    batch = Batch()
        except EngineClosed:
            raise
        except Exception as error:
            if batch.records:
                yield batch  # before the cursor is told, whose state is to follow them
            self._fail(error)
            if not isinstance(error, SliceFailure):
                raise
        else:
            if batch.records:
                yield batch
            self.is_read = True
            self._task.outcome.count_read()

    def _records(self) -> Iterator[Record]:
        """Yield the records that are wanted, and tell the children of all."""
        task, stream, slice_ = self._task, self._task.stream, self._slice
        for data in stream.read_records(SyncMode.full_refresh, stream_slice=slice_):
            if not isinstance(data, dict) or not data:
                raise TypeError(f"a record of stream {stream.name} is not an object with fields")
            if task.selected and stream.emits(data, slice_):
                yield Record(data, stream.name)
            if task.feed is not None:
                task.feed.publish(stream.child_key(data, slice_), self._published)

    def second_try(self) -> SlicePartition:
        """Return what reads the slice once more."""
        partition = SlicePartition(self._task, self._slice, is_last_try=True)
        partition._published = self._published
        return partition

    def finish(self) -> None:
        """Say how this slice ended; called once for every partition that was submitted, whatever happened."""
        try:
            if self.is_put_aside and not self._task.put_aside(self):
                self.give_up()
            elif not self.is_put_aside:
                self._tell_children()
        finally:
            self._task.backlog.leave()

    def give_up(self) -> None:
        """Take the failure of a slice that was put aside as final, as there is no second try."""
        if isinstance(self._error, SliceFailure):
            self._lose(self._error)
        self._tell_children()

    def _fail(self, error: Exception) -> None:
        task = self._task
        # The frames of an error hold the records of a page.
        self._error = error.with_traceback(None) if isinstance(error, SliceFailure) else error
        if isinstance(error, StreamStopped):
            task.stop(error)
        elif isinstance(error, SliceFailure):
            if error.again and not error.costly and not self._is_last_try:
                self.is_put_aside = True
                return
            self._lose(error)
            return
        self._tell_cursor(error)

    def _lose(self, error: SliceFailure) -> None:
        self._task.outcome.lose(Loss.of(self._task.stream.name, error))
        self._tell_cursor(error)

    def _tell_cursor(self, error: Exception) -> None:
        if isinstance(self._task.cursor, ResumableCursor):
            self._task.cursor.fail_partition(self, error)

    def _tell_children(self) -> None:
        task = self._task
        if task.feed is None:
            return
        error = None if self.is_read else self._error or EngineClosed()
        try:
            key = None if self._published else task.stream.child_key_of_unread(self._slice, error)
            if key is not None:
                task.feed.publish(key, self._published)
            elif error is not None and type(error) is SliceFailure:
                task.feed.lose(Loss.of(task.stream.name, error))
            end = task.stream.child_key_of_end(self._slice, error)
            if end is not None:
                task.feed.publish(end, self._published)
        except Exception as raised:
            error = error or raised
            raise
        finally:
            task.feed.close_slice(None if type(error) is SliceFailure else error)

    @property
    def slice(self) -> Mapping[str, Any]:
        """The slice."""
        return self._slice

    def to_slice(self) -> Mapping[str, Any]:
        """Return the slice as the CDK logs it when debugging: without e-mail addresses."""
        return {name: value for name, value in self._slice.items() if "@" not in str(value)}

    def stream_name(self) -> str:
        """Return the name of the stream this partition belongs to."""
        return self._task.stream.name

    def __hash__(self) -> int:
        """Identify the partition by itself: two slices are never the same work."""
        return id(self)


class SliceGenerator(PartitionGenerator):
    """Turns a stream's slices into partitions, at the pace its backlog allows."""

    def __init__(self, task: StreamTask) -> None:
        self._task = task

    def generate(self) -> Iterator[Partition]:
        """Yield partitions until the stream has no more slices: what is worth a second try, and then the late ones.

        A stopped stream goes on: its partitions fail at once and tell the children what they can.

        :raises Exception: what leaves the stream incomplete
        """
        task, error = self._task, None
        is_wanted = task.wait_for_begin()
        try:
            if is_wanted:
                yield from self._first_tries()
                yield from self._second_tries()
                yield from self._partitions(task.stream.late_slices())
                yield from self._second_tries()
        except Exception as raised:
            error = raised
            if not isinstance(raised, EngineClosed):
                for partition in task.end():
                    partition.give_up()
            raise
        finally:
            task.leave_parents()
            if task.feed is not None:
                task.feed.lose(*task.outcome.inherited)
                task.feed.close_slice(error or task.outcome.stopped)
        task.judge()

    def _first_tries(self) -> Iterator[Partition]:
        task = self._task
        try:
            yield from self._partitions(task.stream.stream_slices(sync_mode=SyncMode.full_refresh))
        except SliceFailure as error:
            task.outcome.stop(error)
        finally:
            if task.keys is not None:
                task.outcome.inherited += task.keys.losses
                task.keys.leave()

    def _second_tries(self) -> Iterator[Partition]:
        task = self._task
        task.backlog.wait_until_empty()
        for partition in task.taken_up_again():
            task.backlog.enter()
            yield partition.second_try()
        task.backlog.wait_until_empty()

    def _partitions(self, slices: Iterable[Mapping[str, Any] | None]) -> Iterator[Partition]:
        for slice_ in slices:
            self._task.backlog.enter()
            if self._task.feed is not None:
                self._task.feed.open_slice()
            yield SlicePartition(self._task, slice_ or {})


def as_concurrent_stream(task: StreamTask, logger: logging.Logger) -> DefaultStream:
    """Return a task's stream in the form the CDK's concurrent source reads."""
    field = task.stream.incremental_field
    return DefaultStream(
        partition_generator=SliceGenerator(task),
        name=task.stream.name,
        json_schema=task.stream.json_schema,
        primary_key=list(task.stream.key_fields),
        cursor_field=CursorField(field) if field else None,
        logger=logger,
        cursor=task.cursor,
    )
