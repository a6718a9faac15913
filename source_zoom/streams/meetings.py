"""Streams of Zoom's Meetings API."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airbyte_cdk.models import SyncMode

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import Key
from source_zoom.errors import Verdict
from source_zoom.streams.base import StreamContext, ZoomStream, ZoomSubStream
from source_zoom.streams.users import Users

NO_REGISTRATION = 2
"""Value of a meeting's `approval_type`; 0 and 1 mean that there is registration."""

PER_OCCURRENCE = 2
"""Value of a meeting's `registration_type`: one registers for each occurrence of a series."""


class MeetingList(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings."""

    internal = True
    endpoint = Endpoint(
        "users/{user_id}/meetings",
        label=RateLabel.MEDIUM,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_meetings:admin"),
        records="meetings",
        page_size=300,
        params={"type": "scheduled"},
        skips=frozenset({1001, 1010, 1120, 3161}),
    )
    primary_key = "id"
    parent_stream = Users
    string_id = "meeting_id"
    child_keys = {"meeting_id": "meeting_id", "host_id": "host_id"}

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return the meeting and its host, who is the listed user where Zoom does not name one."""
        return record["meeting_id"], record.get("host_id") or stream_slice["user_id"]


class Meetings(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}."""

    endpoint = Endpoint(
        "meetings/{meeting_id}",
        label=RateLabel.LIGHT,
        scopes=Scopes("meeting:read:admin", "meeting:read:meeting:admin"),
        marks=("uuid",),
        params={"show_previous_occurrences": "true"},
        skips=frozenset({3000, 3001, 3161}),
    )
    primary_key = "uuid"
    parent_stream = MeetingList
    string_id = "meeting_id"
    carries = ("host_id",)
    child_keys = {
        "meeting_id": "meeting_id",
        "host_id": "host_id",
        "approval_type": "settings.approval_type",
        "occurrences": "occurrences",
    }

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return the meeting, its host, whether registration is on, and for which occurrences."""
        settings = record.get("settings") or {}
        occurrences: tuple[str, ...] = ()
        if settings.get("registration_type") == PER_OCCURRENCE:
            occurrences = tuple(occurrence["occurrence_id"] for occurrence in record.get("occurrences") or [])
        return record["meeting_id"], record["host_id"], settings.get("approval_type"), occurrences

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._gone: set[str] = set()

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a meeting without a detail, and remember one that does not exist any more."""
        super().note_skip(verdict, stream_slice)
        if verdict.code.endswith("/3001"):
            self._gone.add(stream_slice["meeting_id"])

    def child_key_of_unread(self, stream_slice: Mapping[str, Any]) -> Key | None:
        """Return the meeting without its settings: most of what belongs to it can be read all the same."""
        if stream_slice["meeting_id"] in self._gone:
            return None
        return stream_slice["meeting_id"], stream_slice["host_id"], None, ()


class MeetingRegistrants(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/registrants.

    The statuses are read in this order because a registrant moves from pending to approved or denied:
    one who moves between two reads is met twice, never missed. Where one registers for each occurrence
    of a series, each occurrence has a list of its own.
    """

    endpoint = Endpoint(
        "meetings/{meeting_id}/registrants",
        label=RateLabel.MEDIUM,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_registrants:admin"),
        records="registrants",
        page_size=300,
        slice_params=("occurrence_id",),
        variants=({"status": "pending"}, {"status": "approved"}, {"status": "denied"}),
        skips=frozenset({300, 3000, 3001, 3161}),
    )
    primary_key = ["meeting_id", "id"]
    parent_stream = Meetings
    carries = ("meeting_id", "host_id")

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield nothing for a meeting that says it has no registration."""
        if parent_key["approval_type"] != NO_REGISTRATION:
            yield parent_key

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield a read for each status, and for each occurrence where they have registrants of their own."""
        for read in super().reads(stream_slice):
            yield read
            for occurrence_id in stream_slice["occurrences"]:
                yield {**read, "occurrence_id": occurrence_id}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the registrants; one of several occurrences once for each status."""
        records = super().read_records(sync_mode, stream_slice=stream_slice)
        if not (stream_slice or {}).get("occurrences"):
            yield from records
            return
        met: set[tuple[str, str]] = set()
        for record in records:
            registrant = (record["id"], record.get("status", ""))
            if registrant not in met:
                met.add(registrant)
                yield record


class MeetingPolls(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/polls."""

    endpoint = Endpoint(
        "meetings/{meeting_id}/polls",
        label=RateLabel.LIGHT,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_polls:admin"),
        records="polls",
        skips=frozenset({404, 3001, 3161, 4400}),
    )
    primary_key = ["meeting_id", "id"]
    parent_stream = MeetingList
    carries = ("meeting_id", "host_id")
