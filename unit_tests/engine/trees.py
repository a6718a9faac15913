"""In-memory streams to grow trees of, for tests of the engine."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from airbyte_cdk.models import AirbyteMessage, FailureType, SyncMode, Type
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, FinalStateCursor
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import Key, Outcome, Parent, Role, SliceFailure, TreeReader, TreeStream
from source_zoom.engine.reader import CursorFactory
from source_zoom.engine.tasks import Judge

LOGGER = logging.getLogger("airbyte.test")

Read = Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]]


class TreeNode:
    """A stream whose records are made by a function of the slice."""

    def __init__(
        self,
        name: str,
        read: Read,
        *,
        parent: TreeNode | None = None,
        pool: str = "light",
        unread_key: Callable[[Mapping[str, Any]], Key | None] = lambda _: None,
        late: Iterable[Mapping[str, Any]] = (),
        is_last: bool = False,
    ) -> None:
        self.name = name
        self.parent = parent
        self.pool = pool
        self.key_fields: Sequence[str] = ["id"]
        self.incremental_field: str | None = None
        self.json_schema: Mapping[str, Any] = {"type": "object"}
        self.slices_read: Counter[str] = Counter()
        self.closing_level = logging.INFO
        self.key_limit: int | None = None
        self.slices_ahead: int | None = None
        self.wants_read: Sequence[str] = ()
        self.is_last = is_last
        self._late = late
        self._read = read
        self._unread_key = unread_key
        self._keys: Iterable[Key] = ()
        self._lock = threading.Lock()

    def length_of(self, stream_slice: Mapping[str, Any]) -> int:
        return 1

    @property
    def parents(self) -> Sequence[Parent]:
        followed = [Parent(self.parent.name)] if self.parent else []
        return [*followed, *(Parent(name, Role.READ) for name in self.wants_read)]

    def follow(self, name: str, keys: Iterable[Key]) -> None:
        assert self.parent is not None
        assert name == self.parent.name
        self._keys = keys

    def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
        if self.parent is None:
            yield {"id": "root"}
            return
        for key in self._keys:
            yield {"id": key[0]}

    def emits(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> bool:
        return True

    def late_slices(self) -> Iterable[Mapping[str, Any]]:
        return self._late

    def read_records(self, sync_mode: SyncMode, *, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        with self._lock:
            self.slices_read[stream_slice["id"]] += 1
        return self._read(stream_slice)

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        return (record["id"],)

    def child_key_of_unread(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        return self._unread_key(stream_slice)

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        return None

    def closing_line(self) -> str | None:
        return None


def numbered(count: int) -> Read:
    """Return a read that makes `count` records, named after the slice."""

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        for number in range(count):
            yield {"id": f"{slice_['id']}.{number}"}

    return read


def final_state(stream: TreeStream, repository: MessageRepository) -> Cursor:
    return FinalStateCursor(stream.name, None, repository)


def stop_of(_: TreeStream, outcome: Outcome) -> SliceFailure | None:
    """A judge who takes losses for granted."""
    return outcome.stopped


def loss_of(_: TreeStream, outcome: Outcome) -> SliceFailure | None:
    """A judge who takes none."""
    losses = [*outcome.losses, *outcome.inherited]
    if outcome.stopped or not losses:
        return outcome.stopped
    lost = "; ".join(sorted({f"{loss.stream}: {loss.message}" for loss in losses}))
    return SliceFailure(lost, cause="losses", failure_type=FailureType.transient_error)


def reader(
    *nodes: TreeNode,
    workers: int = 8,
    cursor_of: CursorFactory = final_state,
    judge: Judge = stop_of,
    made: Callable[[], int] | None = None,
) -> TreeReader:
    """A reader that gets on all the time, unless `made` says otherwise."""
    return TreeReader(
        {node.name: node for node in nodes},
        cursor_of=cursor_of,
        judge=judge,
        workers=workers,
        lacking=lambda _pool, _threads: workers,
        logger=LOGGER,
        made=made or itertools.count().__next__,
    )


class Sync:
    """The messages of a read, and the error it ended with."""

    def __init__(self, messages: Iterator[AirbyteMessage]) -> None:
        self.messages: list[AirbyteMessage] = []
        self.error: AirbyteTracedException | None = None
        try:
            self.messages.extend(messages)
        except AirbyteTracedException as error:
            self.error = error

    def ids(self, name: str) -> Counter[str]:
        return Counter(
            message.record.data["id"]
            for message in self.messages
            if message.type == Type.RECORD and message.record and message.record.stream == name
        )

    def statuses(self, name: str) -> list[str]:
        return [
            message.trace.stream_status.status.value
            for message in self.messages
            if message.trace
            and message.trace.stream_status
            and message.trace.stream_status.stream_descriptor.name == name
        ]

    def errors(self, name: str) -> list[Any]:
        return [
            message.trace.error
            for message in self.messages
            if message.trace
            and message.trace.error
            and message.trace.error.stream_descriptor
            and message.trace.error.stream_descriptor.name == name
        ]

    def streams_spoken_of(self) -> set[str]:
        names = set()
        for message in self.messages:
            if message.record:
                names.add(message.record.stream)
            if message.state and message.state.stream:
                names.add(message.state.stream.stream_descriptor.name)
            if message.trace and message.trace.stream_status:
                names.add(message.trace.stream_status.stream_descriptor.name)
            if message.trace and message.trace.error and message.trace.error.stream_descriptor:
                names.add(message.trace.error.stream_descriptor.name)
        return names
