"""Streams about past sessions: incremental by session, resumable by host and window."""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pendulum
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record

from source_zoom.engine import ResumableCursor, StreamStopped
from source_zoom.errors import ACCOUNT_LACKS, Verdict
from source_zoom.session_state import RETRY_DAYS, Session, SessionState
from source_zoom.streams.base import StreamContext, ZoomStream, ZoomSubStream
from source_zoom.windows import Window

CHECKPOINT_SECONDS = 10.0
"""How much work may have to be repeated after a kill; a state line leaves when it is due and something was done."""

OUT_OF_REACH = (
    "Stream {name}: its state ends before {day}, the first day there is to read (start_date, and at most the six "
    "months Zoom serves): sessions between the two are not read."
)

WEBINAR_TYPES = frozenset({5, 6, 9})
"""Webinar, recurring webinar without and with fixed times; every other type is a kind of meeting."""

HostWindow = tuple[Window, str]


@dataclass(frozen=True)
class Kind:
    """What a session was; the noun begins the names of its columns."""

    noun: str

    def includes(self, type_: int) -> bool:
        """Return whether Zoom's number for a session stands for this kind."""
        return (type_ in WEBINAR_TYPES) is (self is WEBINAR)


MEETING = Kind("meeting")
WEBINAR = Kind("webinar")


class HostEnd:
    """What children are told behind the sessions of a host in a window.

    :param error: why the list is not complete, None if it is
    :param is_left: whether it says nothing, so that the host is left for a later sync
    """

    def __init__(self, window: Window, host_id: str, error: Exception | None, *, is_left: bool = False) -> None:
        self.window = window
        self.host_id = host_id
        self.error = error
        self.is_left = is_left or isinstance(error, StreamStopped)


class SessionSlice(dict[str, Any]):
    """The slice of one session.

    :param window: the window it was listed in, None for a retry
    """

    def __init__(self, session: Session, window: Window | None) -> None:
        super().__init__(uuid=session.uuid)
        self.session = session
        self.window = window
        self.complete = True
        """Set to False by the stream that finds a row Zoom has not filled in yet."""
        self.is_left = False
        """Set to True by the stream that the account may not read it for; a later sync may."""


class SessionCursor(ResumableCursor):
    """Keeps one stream's books while threads read its sessions, and emits its states.

    A host is done in a window when its list has ended and every session of it was read, skipped or put
    aside for a retry. Only then does the state say so.

    :param emits_sentinel: whether the stream is read in full, so that its state is Airbyte's mark for that
    """

    def __init__(
        self, stream_name: str, state: SessionState, repository: MessageRepository, *, emits_sentinel: bool
    ) -> None:
        self._name = stream_name
        self._state = state
        self._repository = repository
        self._emits_sentinel = emits_sentinel
        self._lock = threading.Lock()
        self._waiting: Counter[HostWindow] = Counter()
        self._ended: dict[HostWindow, HostEnd] = {}
        self._left: set[HostWindow] = set()
        self._held_by: Exception | None = None
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._changed = False

    # What the list of sessions asks and tells

    def earliest_day(self) -> pendulum.Date:
        """Return the first day to read."""
        with self._lock:
            return self._state.earliest_day()

    def first_day(self, window: Window) -> pendulum.Date | None:
        """Return the first day of a window to read of every host, None if there is none."""
        with self._lock:
            return self._state.first_day(window)

    def hosts(self, window: Window) -> set[str]:
        """Return hosts that lack days of a window."""
        with self._lock:
            return self._state.hosts(window)

    def need(self, window: Window, host_id: str) -> Window | None:
        """Return the days of a window to read of a host."""
        with self._lock:
            return self._state.need(window, host_id)

    def open(self, window: Window, host_ids: Iterable[str]) -> None:
        """Announce a window and its hosts, before any slice of it."""
        with self._lock:
            if self._held_by is None:
                self._state.open(window, host_ids)
                self._changed = True

    def hold(self, error: Exception) -> None:
        """Let the watermark pass nothing from now on: which sessions there are is not known in full."""
        with self._lock:
            self._held_by = self._held_by or error

    # What the stream asks and tells

    def retries(self) -> list[Session]:
        """Return the sessions to try again."""
        with self._lock:
            return self._state.retries()

    def claim(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read; if so, its host waits for it."""
        with self._lock:
            if not self._state.claim(window, session):
                return False
            self._waiting[window, session.host_id] += 1
            return True

    def end_host(self, end: HostEnd) -> None:
        """Note that a host's list has ended."""
        with self._lock:
            self._ended[end.window, end.host_id] = end
            self._close_if_done((end.window, end.host_id))
        self._checkpoint_if_due()

    def raise_if_held(self) -> None:
        """Raise the error that holds the watermark, if there is one."""
        if self._held_by is not None:
            raise self._held_by.with_traceback(None)

    def gives_up(self, session: Session) -> bool:
        """Return whether a session that failed again is dropped now."""
        with self._lock:
            return self._state.give_up(session)

    # What the engine tells

    def close_partition(self, partition: Partition) -> None:
        """Note that a session was read; called by the CDK when its records are on the queue."""
        slice_ = _session_slice(partition)
        with self._lock:
            if not slice_.is_left:
                self._state.read(slice_.window, slice_.session, at=pendulum.now("UTC"), complete=slice_.complete)
            elif slice_.window is not None:
                self._left.add((slice_.window, slice_.session.host_id))
            self._release(slice_)
        self._checkpoint_if_due()

    def fail_partition(self, partition: Partition, error: Exception) -> None:
        """Note that a session could not be read: kept for a retry, or its host is left for the next sync."""
        slice_ = _session_slice(partition)
        with self._lock:
            kept = not isinstance(error, StreamStopped) and self._state.fail(slice_.session)
            if not kept and slice_.window is not None:
                self._left.add((slice_.window, slice_.session.host_id))
            self._release(slice_)
        self._checkpoint_if_due()

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emit the last state; called by the CDK before the stream's final status."""
        self._emit()

    # What the CDK's interface has besides

    @property
    def state(self) -> MutableMapping[str, Any]:
        """State as Airbyte keeps it."""
        if self._emits_sentinel:
            return {NO_CURSOR_STATE_KEY: True}
        with self._lock:
            return self._state.blob()

    def observe(self, record: Record) -> None:
        """Do nothing: a record says nothing about the rest of its session."""

    def should_be_synced(self, record: Record) -> bool:
        """Return True: what is not to be read is not asked for."""
        return True

    def _release(self, slice_: SessionSlice) -> None:
        self._changed = True
        if slice_.window is not None:
            key = (slice_.window, slice_.session.host_id)
            self._waiting[key] -= 1
            self._close_if_done(key)

    def _close_if_done(self, key: HostWindow) -> None:
        end = self._ended.get(key)
        if end is None or self._waiting[key]:
            return
        del self._ended[key], self._waiting[key]
        self._changed = True
        if key in self._left or end.is_left or self._held_by is not None:
            return
        if end.error is not None:
            self._state.miss(*key)
        else:
            self._state.finish(*key)

    def _checkpoint_if_due(self) -> None:
        with self._lock:
            if self._emits_sentinel or not self._changed or time.monotonic() < self._next_checkpoint:
                return
            self._changed = False
            self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._emit()

    def _emit(self) -> None:
        # Not under the lock: a full queue would block here, and the one who empties it may want the lock.
        manager = ConnectorStateManager()
        manager.update_state_for_stream(self._name, None, self.state)
        self._repository.emit_message(manager.create_state_message(self._name, None))


def _session_slice(partition: Partition) -> SessionSlice:
    slice_ = partition.to_slice()
    if not isinstance(slice_, SessionSlice):
        raise TypeError(f"a partition of a stream about sessions has the slice {slice_!r}")
    return slice_


class SessionList(ZoomStream, ABC):
    """Lists past sessions for all streams about them."""

    @abstractmethod
    def serve(self, book: SessionCursor, kind: Kind, *, reads_unreported: bool = False) -> None:
        """List what a book of a stream about this kind of session needs, too."""


class PastSessionStream(ZoomSubStream):
    """Reads something of each past session: an `HttpSubStream` of the list of sessions, incremental.

    Declared by a subclass, besides what `ZoomSubStream` asks for: `kind`, `cursor_field`. The engine's
    cursor is given to it as `book`.
    """

    kind: ClassVar[Kind]
    reads_unreported: ClassVar[bool] = False
    """Whether it has something for a session that no report lists, because nobody came."""
    parent: SessionList

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self.book: SessionCursor | None = None

    def keep_books(self, blob: Mapping[str, Any], repository: MessageRepository, *, incremental: bool) -> SessionCursor:
        """Return the cursor of a sync, which the list of sessions is read for.

        :param blob: state of an earlier sync, empty to read from the config's start date on
        :param incremental: whether to emit states, or Airbyte's mark for a stream that was read in full
        """
        config = self.context.config
        state = SessionState(
            blob,
            now=self.context.now,
            first_day=config.start_date.date(),
            lookback_days=config.lookback_window_days,
        )
        if state.is_out_of_reach:
            self.warn_once("out of reach", OUT_OF_REACH.format(name=self.name, day=config.start_date.to_date_string()))
        self.book = SessionCursor(self.name, state, repository, emits_sentinel=not incremental)
        self.parent.serve(self.book, self.kind, reads_unreported=self.reads_unreported)
        return self.book

    @property
    def incremental_field(self) -> str | None:
        """Cursor field."""
        return str(self.cursor_field)

    def stream_slices(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the sessions that failed before, then those that are new or have changed."""
        for session in self._book.retries():
            yield SessionSlice(session, None)
        yield from super().stream_slices(sync_mode, cursor_field, stream_state)
        self._book.raise_if_held()

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield a slice for a session that is to be read; the end of a host's list goes to the book."""
        item = parent_key["item"]
        if isinstance(item, HostEnd):
            self._book.end_host(item)
        if not isinstance(item, tuple):
            return
        window, session = item
        is_about = self.kind.includes(session.type) and (session.is_reported or self.reads_unreported)
        if is_about and self._book.claim(window, session):
            yield SessionSlice(session, window)

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; a session that the account may not read does not count as read."""
        super().note_skip(verdict, stream_slice)
        if isinstance(stream_slice, SessionSlice) and verdict.message in ACCOUNT_LACKS:
            stream_slice.is_left = True

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the one read of a session."""
        return (stream_slice,)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a session.

        :raises SliceFailure: if a row could be missing, unless the session has failed for `RETRY_DAYS`
        """
        if not isinstance(stream_slice, SessionSlice):
            raise TypeError(f"{self.name} reads sessions, not {stream_slice!r}")
        try:
            yield from self.rows(stream_slice)
        except StreamStopped:
            raise
        except Exception as error:
            session = stream_slice.session
            if stream_slice.window is not None or not self._book.gives_up(session):
                raise
            logging.getLogger("airbyte").warning(
                f"Stream {self.name} gives up session {session.uuid} of meeting {session.meeting_id}, which ended "
                f"{session.end_time}: its request has failed for {RETRY_DAYS} days, last with: {error}"
            )

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to a row whose it is and when the session ended."""
        if isinstance(stream_slice, SessionSlice):
            session, noun = stream_slice.session, self.kind.noun
            record[f"{noun}_uuid"] = session.uuid
            record[f"{noun}_id"] = session.meeting_id
            record[f"{noun}_end_time"] = session.end_time
            record["host_id"] = output_host(session.host_id)
        return super().complete(record, stream_slice)

    def rows(self, stream_slice: SessionSlice) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of a session: those of the endpoint."""
        yield from super().read_records(SyncMode.full_refresh, stream_slice=stream_slice)

    @property
    def _book(self) -> SessionCursor:
        if self.book is None:
            raise TypeError(f"{self.name} is read with a SessionCursor as its book")
        return self.book


def output_host(host_id: str) -> str | None:
    """Return a host's id for a record; Zoom lists some hosts by e-mail only."""
    return None if "@" in host_id else host_id
