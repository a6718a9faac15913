"""Streams of Zoom's archive, which keeps meetings and webinars for compliance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.windows.grid import Windows
from source_zoom.streams.windows.stream import WindowStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import ARCHIVING

PROCESSING = "processing"


class ArchiveFiles(WindowStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/archiving/get/archive_files.

    A breakout room has a row, and a UUID, of its own: `parent_meeting_id` names the meeting's. Zoom serves seven days
    at most, and documents no age beyond which there is nothing.
    """

    endpoint = Endpoint(
        "archive_files",
        RateLabel.MEDIUM,
        "archiving:read:list_archived_files:admin",
        classic="recording:read:admin",
        records="meetings",
        page_size=300,
        params={"query_date_type": "archive_complete_time"},
        slice_params=("from", "to"),
    )
    plan = ARCHIVING
    primary_key = "uuid"
    cursor_field = "complete_time"
    rows_are = "archives"
    windows = Windows(days=7, months_kept=None, are_moments=True)

    def is_unfinished(self, record: Mapping[str, Any]) -> bool:
        """Return whether Zoom still works on an archive, or on a file in it. A file that failed stays so."""
        files = record.get("archive_files")
        parts = [record, *(files if isinstance(files, list) else ())]
        return any(isinstance(one, Mapping) and one.get("status") == PROCESSING for one in parts)

    def time_of(self, record: Mapping[str, Any]) -> Any:
        """Return when an archive was complete; before that, when its meeting started."""
        return super().time_of(record) or (record.get("start_time") if self.is_unfinished(record) else None)


STREAMS: tuple[type[ZoomStream], ...] = (ArchiveFiles,)
