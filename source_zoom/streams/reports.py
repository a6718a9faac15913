"""Streams of Zoom's reports: past sessions and who took part.

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import orjson

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.errors import SCOPE_KIND, Verdict
from source_zoom.streams.base import StreamContext, ZoomStream
from source_zoom.streams.incremental import MEETING, WEBINAR, PastSessionStream, SessionSlice, output_host
from source_zoom.streams.past_sessions import JOINED_COLUMNS, PastSessions
from source_zoom.streams.results import KeyedRows


class SessionReport(PastSessionStream):
    """Past sessions themselves.

    The rows are those of the list; only what the list lacks, and the account's history does not have, is
    asked for here. A row is never lost because that could not be had.
    """

    detail_is_optional: ClassVar[bool] = True
    """Whether the listed rows do without it where the account may not ask for it."""

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._may_ask = True

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a row as it is; `rows` completes the joined one."""
        return record  # type: ignore[no-any-return]

    def rows(self, stream_slice: SessionSlice) -> Iterator[Mapping[str, Any]]:
        """Yield the session's row, with or without what the list lacks."""
        session = stream_slice.session
        row = orjson.loads(session.row) if session.row else {}
        lacking = " and ".join(JOINED_COLUMNS)
        if self._may_ask and not self.is_known(stream_slice):
            try:
                row = self.join(row, next(iter(super().rows(stream_slice)), {}))
                if stream_slice.is_left and not self.detail_is_optional:
                    return
                self._may_ask = not stream_slice.is_left
                stream_slice.is_left = False
            except StreamStopped as stopped:
                if stopped.kind != SCOPE_KIND or not self.detail_is_optional:
                    raise
                self._may_ask = False
                self.warn_once("detail", f"Stream {self.name} is read without {lacking}: {stopped}")
            except SliceFailure as failure:
                if not row or not self.detail_is_optional:
                    raise
                self.warn_once(failure.kind, f"Stream {self.name} has rows without {lacking}: {failure}")
        if row:
            row = {**row, f"{self.kind.noun}_id": session.meeting_id, "host_id": output_host(session.host_id)}
            yield self.with_date_times(row)

    def is_known(self, stream_slice: SessionSlice) -> bool:
        """Return whether nothing has to be asked for."""
        return stream_slice.session.joined

    def join(self, row: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
        """Return a listed row with what only the detail has; a retried session has no listed row any more."""
        if not row:
            return dict(detail)
        return {**row, **{name: detail[name] for name in JOINED_COLUMNS if name in detail}}


class ReportMeetings(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/meetings/{meetingId}."""

    endpoint = Endpoint(
        "report/meetings/{uuid}",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:meeting:admin"),
        marks=("uuid",),
        needs="Pro plan",
        skips=frozenset({200, 1001, 1010, 3001, 12702}),
        leaves_refused=True,
    )
    primary_key = "uuid"
    cursor_field = "end_time"
    parent_stream = PastSessions
    kind = MEETING


class ReportWebinars(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/webinars/{webinarId}.

    Each webinar is asked for, as the list speaks of meetings first of all; the listed row fills the rest.
    """

    endpoint = Endpoint(
        "report/webinars/{uuid}",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:webinar:admin"),
        marks=("uuid",),
        needs="Webinars licence",
        skips=frozenset({200, 1010, 3001, 12702}),
        leaves_refused=True,
    )
    primary_key = "uuid"
    cursor_field = "end_time"
    parent_stream = PastSessions
    kind = WEBINAR
    detail_is_optional = False

    def is_known(self, stream_slice: SessionSlice) -> bool:
        """Return False: the report of a webinar is what this stream is about."""
        return False

    def join(self, row: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
        """Return the report, with what only the list has."""
        return {**row, **detail}


class Participants(KeyedRows):
    """Who took part in a session.

    A rejoin, a stay in the waiting room or in a breakout room is a row of its own; guests have neither id
    nor e-mail address, and a row is completed some time after the session.
    """

    row_key = "row_id"

    def identity(self, record: Mapping[str, Any]) -> list[Any]:
        """Return what a row has from the moment one joins."""
        return [record.get(name) for name in ("user_id", "name", "join_time", "status", "bo_mtg_id")]

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; a list of participants that is not there yet may come within the lookback."""
        super().note_skip(verdict, stream_slice)
        if isinstance(stream_slice, SessionSlice) and verdict.code.endswith("/3001"):
            stream_slice.complete = False

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the session's columns; a row without a duration is not filled in yet."""
        if isinstance(stream_slice, SessionSlice) and not record.get("duration"):
            stream_slice.complete = False
        return super().complete(record, stream_slice)


class ReportMeetingParticipants(Participants):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/meetings/{meetingId}/participants."""

    endpoint = Endpoint(
        "report/meetings/{uuid}/participants",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_meeting_participants:admin"),
        records="participants",
        page_size=300,
        params={"include_fields": "registrant_id"},
        needs="Pro plan",
        skips=frozenset({200, 1001, 1010, 3001, 12702}),
        leaves_refused=True,
    )
    primary_key = ["meeting_uuid", "row_id"]
    cursor_field = "meeting_end_time"
    parent_stream = PastSessions
    kind = MEETING


class ReportWebinarParticipants(Participants):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/webinars/{webinarId}/participants."""

    endpoint = Endpoint(
        "report/webinars/{uuid}/participants",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_webinar_participants:admin"),
        records="participants",
        page_size=300,
        params={"include_fields": "registrant_id"},
        needs="Webinars licence",
        skips=frozenset({200, 1001, 1010, 3001, 12702}),
        leaves_refused=True,
    )
    primary_key = ["webinar_uuid", "row_id"]
    cursor_field = "webinar_end_time"
    parent_stream = PastSessions
    kind = WEBINAR
