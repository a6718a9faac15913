"""The tree of streams a sync reads: those that were selected, and the ancestors they need."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple, Protocol

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from source_zoom.engine.backlog import Backlog
from source_zoom.engine.failures import Outcome, SliceFailure, StreamStopped
from source_zoom.engine.feed import FeedReader, Key, ParentFeed

BACKLOG_PER_WORKER = 2

Judge = Callable[["TreeStream", Outcome], "Exception | None"]
"""Says at a stream's end what leaves it incomplete, if anything does."""


class Role(Enum):
    """What a stream has of a parent."""

    SLICES = "slices"
    """Its slices are made of the parent's keys, whose losses are its own; a stream has one such parent at most."""
    READ = "read"
    """It wants the parent read, though it does not follow the keys itself."""
    KEYS_IF_READ = "keys if read"
    """It uses the parent's keys where the parent is read anyway."""
    KEYS_ON_DEMAND = "keys on demand"
    """It may turn out to need the parent's keys: where nothing else needs the parent, that is read when it asks."""


class Parent(NamedTuple):
    """A stream that another one builds on."""

    name: str
    role: Role = Role.SLICES


class Retriable(Protocol):
    """A slice that failed once."""

    def second_try(self) -> Partition:
        """Return what reads it once more."""

    def give_up(self) -> None:
        """Take its failure as final, as there is no second try."""


class TreeStream(Protocol):
    """What the engine asks of a stream; `HttpStream` and `HttpSubStream` have most of it."""

    @property
    def name(self) -> str:
        """Name in the catalog."""

    @property
    def pool(self) -> str:
        """Name of the worker pool its slices are read on."""

    @property
    def parents(self) -> Sequence[Parent]:
        """The streams it builds on."""

    @property
    def key_fields(self) -> Sequence[str]:
        """Primary key."""

    @property
    def incremental_field(self) -> str | None:
        """Cursor field, if the stream is incremental."""

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """JSON schema of its records."""

    def follow(self, name: str, keys: FeedReader) -> None:
        """Take the keys of one of its parents."""

    def stream_slices(self, *, sync_mode: SyncMode) -> Iterable[Mapping[str, Any] | None]:
        """Yield the slices; waits for the parent's keys."""

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield slices that turn out to be wanted only when the others have ended, and were tried again if need be."""

    def length_of(self, stream_slice: Mapping[str, Any]) -> int:
        """Return how many requests a slice takes, one after another, as far as is known: the longest begin first."""

    def read_records(self, sync_mode: SyncMode, *, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the records of a slice; raises if one could be missing."""

    def emits(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> bool:
        """Return whether to emit a record; children are told of it in any case."""

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return what children need of a record."""

    def child_key_of_unread(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return what children can be told of a slice that yielded no record, if anything; `error` if it failed."""

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return what children should be told when a slice has ended, behind its records, if anything."""

    @property
    def key_limit(self) -> int | None:
        """How many keys its slowest child may be behind before it makes no new slice; None for any number."""

    @property
    def slices_ahead(self) -> int | None:
        """How many slices may wait or be read at once if it has children; None for what keeps the workers busy."""

    @property
    def is_last(self) -> bool:
        """Whether it is read when all others have ended."""

    @property
    def closing_level(self) -> int:
        """Log level of the closing line."""

    def closing_line(self) -> str | None:
        """Return what the log should say when the stream ends, for instance what was skipped."""


class StreamTask:
    """One stream in one sync.

    :param selected: whether its records are wanted, or only its keys
    :param workers: how many threads may read it at most
    :param judge: says at the end what leaves it incomplete
    :param is_on_demand: whether it is read only if a child asks for its keys
    """

    def __init__(  # noqa: PLR0913 - all but the first two by name
        self,
        stream: TreeStream,
        cursor: Cursor,
        *,
        selected: bool,
        workers: int,
        judge: Judge,
        is_on_demand: bool = False,
    ) -> None:
        self.stream = stream
        self.cursor = cursor
        self.selected = selected
        self.feed: ParentFeed | None = None
        self.keys: FeedReader | None = None
        self._is_on_demand = is_on_demand
        self._followed: list[FeedReader] = []
        self.backlog = Backlog(workers * BACKLOG_PER_WORKER)
        self.outcome = Outcome()
        self.urgency = 0
        """How many generations follow it: what others wait for is read first."""
        self._judge = judge
        self._aside: list[Retriable] = []
        self._has_ended = False
        self._lock = threading.Lock()
        self._may_begin = threading.Event()
        if not stream.is_last:
            self._may_begin.set()

    def stop(self, error: SliceFailure) -> None:
        """Fail every slice that is still to be read with `error`, without reading it."""
        self.outcome.stop(error)

    def raise_if_stopped(self) -> None:
        """Raise the error that stopped the stream's slices, if there is one."""
        error = self.outcome.stopped
        if isinstance(error, StreamStopped):
            # Without the frames that each raising of the one instance would add to it.
            raise error.with_traceback(None)

    def let_begin(self) -> None:
        """Let a stream begin that is read when all others have ended."""
        self._may_begin.set()

    def wait_for_begin(self) -> bool:
        """Wait until the stream may begin; return whether it is to be read: one on demand only if a child asks."""
        self._may_begin.wait()
        return not self._is_on_demand or self.feed_for_children().wait_until_asked()

    def leave_parents(self) -> None:
        """Say that no keys of other streams are needed any more; one on demand that nobody asked for need not wait."""
        for keys in self._followed:
            keys.leave()

    def put_aside(self, partition: Retriable) -> bool:
        """Keep a slice for a second try; return whether there will be one."""
        with self._lock:
            if not self._has_ended:
                self._aside.append(partition)
            return not self._has_ended

    def end(self) -> list[Retriable]:
        """Say that there are no second tries any more; return what was put aside for one."""
        with self._lock:
            self._has_ended = True
            return self.taken_up_again()

    def taken_up_again(self) -> list[Retriable]:
        """Return what was put aside, once."""
        aside, self._aside = self._aside, []
        return aside

    def judge(self) -> None:
        """Raise what leaves the stream incomplete, if anything does and its records are wanted."""
        error = self._judge(self.stream, self.outcome) if self.selected else None
        if error is not None:
            raise error

    def follow(self, parent: StreamTask, role: Role) -> None:
        """Give the stream the keys of a parent."""
        if role is Role.READ:
            return
        keys = parent.feed_for_children().reader()
        self._followed.append(keys)
        self.stream.follow(parent.stream.name, keys)
        if role is Role.SLICES:
            self.keys = keys
            self.outcome.parent = parent.outcome

    def feed_for_children(self) -> ParentFeed:
        """Return the feed of this stream's keys."""
        if self.feed is None:
            self.feed = ParentFeed(self.stream.name, self.stream.key_limit, is_on_demand=self._is_on_demand)
            if self.stream.slices_ahead is not None:
                self.backlog = Backlog(self.stream.slices_ahead)
        return self.feed

    def release(self) -> None:
        """Wake every thread that waits for this stream."""
        self.backlog.stop()
        self._may_begin.set()
        if self.feed is not None:
            self.feed.stop()


def plan(
    streams: Mapping[str, TreeStream],
    selected: set[str],
    *,
    cursor_of: Callable[[TreeStream], Cursor],
    workers: int,
    judge: Judge,
) -> list[StreamTask]:
    """Return a task for each selected stream and each ancestor of one, parents before children, feeds joined.

    An ancestor that may only be asked for has a task, too.

    :param streams: every stream there is, by name, parents before children
    :param workers: how many threads there may be at most
    """
    needed = with_ancestors(streams, selected)
    reachable = with_ancestors(streams, selected, on_demand=True)
    tasks: dict[str, StreamTask] = {}
    for name, stream in streams.items():
        if name not in reachable:
            continue
        tasks[name] = StreamTask(
            stream,
            cursor_of(stream),
            selected=name in selected,
            workers=workers,
            judge=judge,
            is_on_demand=name not in needed,
        )
        for parent in stream.parents:
            if parent.name in (needed if parent.role is Role.KEYS_IF_READ else tasks):
                tasks[name].follow(tasks[parent.name], parent.role)
    for task in reversed(tasks.values()):
        for parent in task.stream.parents:
            if parent.name in tasks:
                tasks[parent.name].urgency = max(tasks[parent.name].urgency, task.urgency + 1)
    return list(tasks.values())


def slices_from(stream: TreeStream) -> str | None:
    """Return the name of the stream whose keys a stream's slices are made of."""
    return next((parent.name for parent in stream.parents if parent.role is Role.SLICES), None)


def with_ancestors(streams: Mapping[str, TreeStream], selected: set[str], *, on_demand: bool = False) -> set[str]:
    """Return the selected names and those of all that has to be read for them.

    :param on_demand: whether with those that may be asked for
    """
    left_out = {Role.KEYS_IF_READ} if on_demand else {Role.KEYS_IF_READ, Role.KEYS_ON_DEMAND}
    needed: set[str] = set()
    waiting = list(selected)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += [parent.name for parent in streams[name].parents if parent.role not in left_out]
    return needed
