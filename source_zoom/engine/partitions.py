"""One slice of one stream: generated, queued, read, finished."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record

from source_zoom.engine.cursors import ResumableCursor
from source_zoom.engine.failures import EngineClosed, StreamStopped

if TYPE_CHECKING:
    from source_zoom.engine.tasks import StreamTask


class Backlog:
    """Bounds how many slices of one stream wait or are being read."""

    def __init__(self, limit: int) -> None:
        self._changed = threading.Condition()
        self._room = limit
        self._stopped = False

    def enter(self) -> None:
        """Wait for room.

        :raises EngineClosed: when the sync ends early
        """
        with self._changed:
            while not self._room and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise EngineClosed
            self._room -= 1

    def leave(self) -> None:
        """Make room."""
        with self._changed:
            self._room += 1
            self._changed.notify()

    def stop(self) -> None:
        """Wake those who wait for good."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


class SlicePartition(Partition):
    """Reads one slice; its records go to the catalog, their keys to the children."""

    def __init__(self, task: StreamTask, slice_: Mapping[str, Any]) -> None:
        self._task = task
        self._slice = slice_
        self._published: set[Hashable] = set()
        self._has_published = False
        self._read = False
        self._error: Exception | None = None

    @property
    def pool(self) -> str:
        """Name of the pool this partition runs on."""
        return self._task.stream.pool

    def read(self) -> Iterable[Record]:
        """Yield the slice's records, if the stream was selected.

        :raises Exception: whatever the stream raises; the CDK turns it into the stream's failure
        """
        try:
            self._task.raise_if_stopped()
            for data in self._task.stream.read_records(SyncMode.full_refresh, stream_slice=self._slice):
                if not isinstance(data, dict) or not data:
                    # The CDK takes an empty record for the end of all streams (concurrent_source.py).
                    raise TypeError(f"a record of stream {self._task.stream.name} is not an object with fields")
                if self._task.selected:
                    yield Record(data, self._task.stream.name)
                self._publish(data)
            self._read = True
        except Exception as error:
            self._error = error
            if isinstance(error, StreamStopped):
                self._task.stop(error)
            if isinstance(self._task.cursor, ResumableCursor):
                self._task.cursor.fail_partition(self, error)
            raise

    def finish(self) -> None:
        """Close the books of this slice; called once for every partition that was submitted, whatever happened."""
        try:
            self._tell_children()
        finally:
            self._task.backlog.leave()

    def _tell_children(self) -> None:
        task = self._task
        if task.feed is None:
            return
        error = None if self._read else self._error or EngineClosed()
        try:
            if not self._has_published and (key := task.stream.child_key_of_unread(self._slice)):
                task.feed.publish(key, self._published)
            end = task.stream.child_key_of_end(self._slice, error)
            if end is not None:
                task.feed.publish(end, self._published)
        except Exception as raised:
            error = error or raised
            raise
        finally:
            task.feed.close_slice(error)

    def _publish(self, data: Mapping[str, Any]) -> None:
        if self._task.feed is not None:
            self._task.feed.publish(self._task.stream.child_key(data, self._slice), self._published)
            self._has_published = True

    def to_slice(self) -> Mapping[str, Any]:
        """Return the slice, which the CDK logs when debugging."""
        return self._slice

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
        """Yield partitions until the stream has no more slices.

        A stopped stream goes on: its partitions fail at once and tell the children what they can.

        :raises Exception: whatever the stream's slices raise, for instance `ParentIncomplete`
        """
        task, error = self._task, None
        try:
            for slice_ in task.stream.stream_slices(sync_mode=SyncMode.full_refresh):
                task.backlog.enter()
                if task.feed is not None:
                    task.feed.open_slice()
                yield SlicePartition(task, slice_ or {})
        except Exception as raised:
            error = raised
            raise
        finally:
            if task.keys is not None:
                task.keys.leave()
            if task.feed is not None:
                task.feed.close_slice(error)
