"""Streams of Zoom's reports: past sessions and who took part.

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.kind import MEETING, WEBINAR
from source_zoom.streams.sessions.cursor import SessionSlice
from source_zoom.streams.sessions.report import Participants, SessionReport, participants, report
from source_zoom.streams.windows.stream import WindowStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import PRO, WEBINARS


class ReportMeetings(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/meetings/{meetingId}."""

    endpoint = report("report/meetings/{uuid}", "report:read:meeting:admin")
    plan = PRO
    skips = Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD
    kind = MEETING


class ReportWebinars(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/webinars/{webinarId}.

    Each webinar is asked for, as Zoom's list is first of all one of meetings; the listed row fills the rest.
    """

    endpoint = report("report/webinars/{uuid}", "report:read:webinar:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD
    kind = WEBINAR
    detail_is_optional = False

    def rows(self, stream_slice: SessionSlice) -> Iterator[Mapping[str, Any]]:
        """Yield the session's row, with the instance named as in the other streams about webinars."""
        for row in super().rows(stream_slice):
            yield {**row, "webinar_uuid": row["uuid"]}

    def is_known(self, stream_slice: SessionSlice) -> bool:
        """Return False: the report of a webinar is what this stream is about."""
        return False

    def join(self, row: Mapping[str, Any], detail: Mapping[str, Any]) -> dict[str, Any]:
        """Return the report, with what only the list has."""
        return {**row, **detail}


class ReportMeetingParticipants(Participants):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/meetings/{meetingId}/participants."""

    endpoint = participants("report/meetings/{uuid}/participants", "report:read:list_meeting_participants:admin")
    plan = PRO
    skips = Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD
    kind = MEETING


class ReportWebinarParticipants(Participants):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/webinars/{webinarId}/participants."""

    endpoint = participants("report/webinars/{uuid}/participants", "report:read:list_webinar_participants:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD
    kind = WEBINAR


class ReportOperationLogs(KeyedRows, WindowStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/operationlogs."""

    endpoint = Endpoint(
        "report/operationlogs",
        RateLabel.HEAVY,
        "report:read:operation_logs:admin",
        records="operation_logs",
        page_size=300,
        slice_params=("from", "to"),
    )
    plan = PRO
    primary_key = "row_id"
    cursor_field = "time"
    row_key = ("time", "operator", "category_type", "action", "operation_detail")
    rows_are = "operations"


STREAMS: tuple[type[ZoomStream], ...] = (
    ReportMeetings,
    ReportMeetingParticipants,
    ReportWebinars,
    ReportWebinarParticipants,
    ReportOperationLogs,
)
