"""Streams of Zoom's reports: past sessions and who took part.

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_zoom.streams.sessions.cursor import SessionSlice
from source_zoom.streams.sessions.kind import MEETING, WEBINAR
from source_zoom.streams.sessions.report import Participants, SessionReport
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.zoom.meanings import Meaning


class ReportMeetings(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/meetings/{meetingId}."""

    endpoint = Endpoint(
        "report/meetings/{uuid}",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:meeting:admin"),
        required_keys=("uuid",),
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD | Meaning.NO_PLAN,
    )
    primary_key = "uuid"
    cursor_field = "end_time"
    kind = MEETING


class ReportWebinars(SessionReport):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/webinars/{webinarId}.

    Each webinar is asked for, as the list speaks of meetings first of all; the listed row fills the rest.
    """

    endpoint = Endpoint(
        "report/webinars/{uuid}",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:webinar:admin"),
        required_keys=("uuid",),
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD | Meaning.NO_PLAN | Meaning.NO_LICENCE,
    )
    primary_key = "uuid"
    cursor_field = "end_time"
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

    endpoint = Endpoint(
        "report/meetings/{uuid}/participants",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_meeting_participants:admin"),
        records="participants",
        page_size=300,
        params={"include_fields": "registrant_id"},
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD | Meaning.NO_PLAN,
    )
    primary_key = ["meeting_uuid", "row_id"]
    cursor_field = "meeting_end_time"
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
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.USER_GONE | Meaning.TOO_OLD | Meaning.NO_PLAN | Meaning.NO_LICENCE,
    )
    primary_key = ["webinar_uuid", "row_id"]
    cursor_field = "webinar_end_time"
    kind = WEBINAR
