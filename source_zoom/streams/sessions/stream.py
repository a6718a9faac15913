"""Streams about past sessions: incremental by session, resumable by host and window."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import pendulum
import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.base.pages import PageCount
from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.kind import Kind
from source_zoom.streams.sessions.cursor import HostListed, SessionCursor, SessionSlice
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.state import ASKED_AGAIN, Session, SessionState
from source_zoom.streams.sessions.unattended import RefusedBefore
from source_zoom.streams.windows.stream import ResumableStream
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import LACKING


class PastSessionStream(ResumableStream, ZoomSubStream):
    """Reads something of each past session: an `HttpSubStream` of the list of sessions, incremental.

    Declared by a subclass, besides what `ZoomSubStream` asks for but the parent: `kind`. The engine's
    cursor is made by `make_cursor`.
    """

    parent_stream = PastSessions
    kind: ClassVar[Kind]
    object_type = "session"
    rows_are = "sessions"
    primary_key: Any = None
    reads_unattended: ClassVar[bool] = False
    """Whether it has something for a session that no report lists, because nobody came."""
    reads_alone: ClassVar[bool] = True
    """Whether it has something for a session of one participant."""
    keeps_row: ClassVar[bool] = False
    """Whether a retry needs the listed row."""
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
            first_day=config.start_date.date(),
            lookback_days=config.lookback_window_days,
            one_participant=config.include_one_participant_sessions,
            keeps_row=self.keeps_row,
        )
        if state.expired:
            self.warn_once(
                "expired",
                f"Stream {self.name}: {state.expired:,} of the sessions that could not be read began before the six "
                "months that Zoom serves, and are not asked for any more.",
            )
        self.warn_if_out_of_reach(state)
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

    def held_gaps(self) -> list[Gap]:
        """Return the gaps that the state holds."""
        if self.session_cursor.dropped:
            self.warn_once(
                "dropped",
                f"Stream {self.name}: {self.session_cursor.dropped:,} of the sessions that could not be read are not "
                "kept for a later sync, as there are too many. A full refresh reads them when Zoom serves them again.",
            )
        return super().held_gaps()

    def stream_slices(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the sessions that failed before, then those that are new or have changed."""
        yield from self.session_cursor.retries()
        yield from super().stream_slices(sync_mode, cursor_field, stream_state)
        self.session_cursor.raise_if_held()

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield sessions of which only the others show that they are to be read."""
        return self.session_cursor.late()

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield a slice for a session that is to be read; the end of a host's list goes to the cursor."""
        item = parent_key["item"]
        if isinstance(item, HostListed):
            self.session_cursor.end_host(item)
        if not isinstance(item, tuple):
            return
        window, session = item
        if self.is_about(session) and self.session_cursor.claim(window, session):
            yield SessionSlice(session, window)

    def is_about(self, session: Session) -> bool:
        """Return whether the stream has something for such a session."""
        return (
            self.kind.includes(session.type)
            and (session.is_reported or self.reads_unattended)
            and (self.reads_alone or not session.is_alone)
        )

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; what is not there yet may come within the lookback."""
        super().note_skip(verdict, stream_slice)
        if isinstance(stream_slice, SessionSlice):
            stream_slice.read_at = pendulum.now("UTC")
            stream_slice.complete = False
            stream_slice.is_lacking = verdict.meaning in LACKING

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal is news: a session that was refused before says nothing of the others."""
        return not (isinstance(stream_slice, SessionSlice) and stream_slice.was_refused)

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return the host of the session."""
        return stream_slice.session.host_id if isinstance(stream_slice, SessionSlice) else ""

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

        :raises SliceFailure: if a row is missing
        """
        if not isinstance(stream_slice, SessionSlice):
            raise TypeError(f"{self.name} reads sessions, not {stream_slice!r}")
        stream_slice.complete = True  # a second try starts anew
        is_empty = True
        for row in self.rows(stream_slice):
            is_empty = False
            yield row
        if is_empty:
            stream_slice.complete = False

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Return the records of one page, and note when it was answered."""
        if isinstance(stream_slice, SessionSlice):
            stream_slice.read_at = pendulum.now("UTC")
        return super().parse_response(response, stream_slice=stream_slice)

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

    def note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        """Say that a list disagrees with its count; the session is not settled."""
        super().note_miscount(count, stream_slice)
        if isinstance(stream_slice, SessionSlice):
            stream_slice.complete = False

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
