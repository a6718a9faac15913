"""Streams about past sessions: incremental by session, resumable by host and window."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import pendulum
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.items.stream import OfItems
from source_zoom.streams.kind import Kind
from source_zoom.streams.sessions.cursor import SessionCursor, SessionSlice
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.state import ASKED_AGAIN, Session, SessionState
from source_zoom.streams.sessions.unattended import RefusedBefore
from source_zoom.streams.windows.grid import Window


class PastSessionStream(OfItems):
    """Reads something of each past session. Declared by a subclass, besides what `OfItems` asks for: `kind`."""

    parent_stream = PastSessions
    kind: ClassVar[Kind]
    object_type = "session"
    rows_are = "sessions"
    primary_key: Any = None
    reads_unattended: ClassVar[bool] = False
    """Whether it has something for a session that no report lists, because nobody came."""
    reads_alone: ClassVar[bool] = True
    """Whether it has something for a session of one participant."""
    parent: PastSessions

    def __init_subclass__(cls) -> None:
        """Name the cursor field, and the key of rows that Zoom gives none, after the kind."""
        super().__init_subclass__()
        if hasattr(cls, "kind"):
            cls.cursor_field = cls.cursor_field or f"{cls.kind.noun}_end_time"
            if issubclass(cls, KeyedRows):
                cls.primary_key = [f"{cls.kind.noun}_uuid", cls.row_key_field]

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state is one of a stream about past sessions."""
        return SessionState.usable(saved, now=now)

    def make_cursor(
        self, saved: Mapping[str, Any], repository: MessageRepository, *, incremental: bool
    ) -> SessionCursor:
        """Return the cursor of a sync, which the list of sessions is read for.

        :param saved: state of an earlier sync, empty to read from the config's start date on
        :param incremental: whether to emit states, or Airbyte's mark for a stream that was read in full
        """
        config = self.context.config
        state = SessionState(
            saved,
            now=self.context.now,
            first_day=self.parent.first_day(),
            lookback_days=config.lookback_window_days,
            one_participant=config.include_one_participant_sessions,
            keeps_row=self.keeps_row,
        )
        self.warn_of_lost(state)
        cursor = self._cursor = SessionCursor(
            self.name,
            state,
            repository,
            emits_sentinel=not incremental,
            is_served=lambda: self.probation.is_passed,
        )
        if self.reads_unattended:
            refused = cursor.unknown_webinars()
            before = self.context.shared(RefusedBefore)
            before.webinars.update(refused)
            before.resting.update(refused[ASKED_AGAIN:])
        self.parent.register(cursor, self.kind, reads_unattended=self.reads_unattended)
        return cursor

    def slice_of(self, item: Session, window: Window | None, *, was_refused: bool = False) -> SessionSlice:
        """Return the slice of a session."""
        return SessionSlice(item, window, was_refused=was_refused)

    def stream_slices(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the sessions that failed before, then those that are new or have changed."""
        yield from super().stream_slices(sync_mode, cursor_field, stream_state)
        self.session_cursor.raise_if_held()

    def is_about(self, item: Session) -> bool:
        """Return whether the stream has something for such a session."""
        return (
            self.kind.includes(item.type)
            and (item.is_reported or self.reads_unattended)
            and (self.reads_alone or not item.is_alone)
        )

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return the host of the session."""
        return stream_slice.session.host_id if isinstance(stream_slice, SessionSlice) else ""

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to a row whose it is and when the session ended."""
        if isinstance(stream_slice, SessionSlice):
            session, noun = stream_slice.session, self.kind.noun
            record[f"{noun}_uuid"] = session.uuid
            record[f"{noun}_id"] = session.meeting_id
            record[f"{noun}_end_time"] = session.end_time
            record["host_id"] = output_host(session.host_id)
        return super().complete(record, stream_slice)

    @property
    def session_cursor(self) -> SessionCursor:
        """The cursor of this sync."""
        cursor = self.ledger_cursor
        if not isinstance(cursor, SessionCursor):
            raise TypeError(f"{self.name} has a cursor that knows no sessions")
        return cursor


def output_host(host_id: str) -> str | None:
    """Return a host's id for a record; Zoom lists some hosts by e-mail only."""
    return None if "@" in host_id else host_id
