"""What the reports of meetings and of webinars have in common: the session itself, and who took part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.datetimes import TIME_FORMAT
from source_zoom.streams.base.failures import REFUSED
from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.sessions.cursor import SessionSlice
from source_zoom.streams.sessions.history import FROM_HISTORY
from source_zoom.streams.sessions.listing import JOINED_COLUMNS
from source_zoom.streams.sessions.stream import PastSessionStream, output_host
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Slashes
from source_zoom.zoom.meanings import Meaning

LATEST_HOURS = 24
"""Hours after a session's end by which its list of participants must be there."""


def report(path: str, scope: str) -> Endpoint:
    """Return the endpoint of a session's report."""
    return Endpoint(path, RateLabel.HEAVY, scope, required_keys=("uuid",))


def participants(path: str, scope: str) -> Endpoint:
    """Return the endpoint of a session's participants."""
    params = {"include_fields": "registrant_id"}
    return Endpoint(path, RateLabel.HEAVY, scope, records="participants", page_size=300, params=params)


class SessionReport(PastSessionStream):
    """Past sessions themselves.

    The rows are those of the list; only what neither the list nor the account's history has is asked for
    here. A row is never lost because that could not be had.
    """

    primary_key = "uuid"
    cursor_field = "end_time"
    keeps_row = True
    detail_is_optional: ClassVar[bool] = True
    """Whether the listed rows are enough where the account may not ask for details."""

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._may_ask = True

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row as it is; `rows` completes the joined one."""
        return record  # type: ignore[no-any-return]

    def rows(self, stream_slice: SessionSlice) -> Iterator[Mapping[str, Any]]:
        """Yield the session's row, if need be without what the list lacks.

        :raises SliceFailure: if what it lacks could not be had: in place of the row before a second try, else behind it
        """
        session = stream_slice.session
        listed = orjson.loads(session.row) if session.row else {}
        # The history has fewer columns than a detail, but more than nothing.
        row = {} if listed.pop(FROM_HISTORY, False) else listed
        failure: SliceFailure | None = None
        if self._may_ask and not self.is_known(stream_slice):
            try:
                row = self.join(row, next(iter(super().rows(stream_slice)), {}))
            except StreamStopped as stopped:
                if not self.does_without(stopped):
                    raise
            except SliceFailure as error:
                if error.again and not error.costly and not stream_slice.is_second_try:
                    stream_slice.is_second_try = True  # so that the row comes once
                    raise
                failure = error
        if row or listed:
            row = {
                **(row or listed),
                f"{self.kind.noun}_id": session.meeting_id,
                "host_id": output_host(session.host_id),
            }
            yield self.with_date_times(row)
        if failure is not None:
            raise failure

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; where the account lacks what the detail needs, there is the listed row all the same."""
        super().note_skip(verdict, stream_slice)
        if isinstance(stream_slice, SessionSlice) and stream_slice.is_lacking:
            stream_slice.is_lacking = False
            self.warn_once("lacking", f"Stream {self.name} has only what the list of sessions has: {verdict.message}")

    @property
    def lacks(self) -> Meaning | None:
        """Say nothing: the listed rows need no more than the list."""
        return None

    def does_without(self, stopped: StreamStopped) -> bool:
        """Return whether the listed rows are enough; then no more details are asked for, and none of them is a gap."""
        if not self.detail_is_optional or stopped.cause not in {Meaning.SCOPE.name, REFUSED}:
            return False
        self._may_ask = False
        self.session_cursor.settle_noted()
        self.warn_once("detail", f"Stream {self.name} is read without {' and '.join(JOINED_COLUMNS)}: {stopped}")
        return True

    def is_known(self, stream_slice: SessionSlice) -> bool:
        """Return whether nothing has to be asked for."""
        return stream_slice.session.joined

    def join(self, row: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
        """Return a listed row with what only the detail has; a retried session has no listed row any more."""
        if not row:
            return dict(detail)
        return {**row, **{name: detail[name] for name in JOINED_COLUMNS if name in detail}}


class Participants(KeyedRows, PastSessionStream):
    """Who took part in a session.

    A rejoin, a stay in the waiting room or in a breakout room is a row of its own; guests have neither id
    nor e-mail address, and a row is completed some time after the session.
    """

    # What a row has from the moment one joins.
    row_key = ("user_id", "name", "join_time", "status", "bo_mtg_id")
    reads_alone = False
    is_read_whole = True

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the path of a session, in the encoding that Zoom understands."""
        slice_ = stream_slice or {}
        twice = isinstance(slice_, SessionSlice) and self.context.shared(Slashes).are_encoded_twice(slice_["uuid"])
        return self.endpoint.render(slice_, twice=twice)

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip, but for a list that must be there.

        :raises SliceFailure: if Zoom denies the participants of a session that its own list shows with some, long
            after it has ended
        """
        super().note_skip(verdict, stream_slice)
        if not isinstance(stream_slice, SessionSlice) or verdict.meaning not in Meaning.GONE | Meaning.USER_GONE:
            return
        session = stream_slice.session
        listed = orjson.loads(session.row or b"{}")
        is_attended = not listed.get(FROM_HISTORY) and (listed.get("participants_count") or 0) > 1
        is_late = session.end_time < self.context.now.subtract(hours=LATEST_HOURS).format(TIME_FORMAT)
        if is_late and (is_attended or stream_slice.window is None):  # of a retry, the listed row is not at hand
            raise self._denied(verdict, stream_slice)

    def _denied(self, verdict: Verdict, stream_slice: SessionSlice) -> SliceFailure:
        """Return the gap, worth a second try where the other encoding of the UUID may be the right one."""
        uuid = stream_slice["uuid"]
        error = self.failures.make(
            f"{verdict.message} Zoom's own list shows participants (session {uuid}).",
            meaning=verdict.meaning,
            stream_slice=stream_slice,
            failure_type=verdict.failure_type,
            verdict=verdict,
        )
        error.again = self.context.shared(Slashes).may_try_other(uuid)
        return error

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the session's columns; a row without a duration is not filled in yet."""
        if isinstance(stream_slice, SessionSlice) and not record.get("duration"):
            stream_slice.complete = False
        return super().complete(record, stream_slice)
