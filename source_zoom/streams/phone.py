"""Streams of Zoom Phone, which has rate limits of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.items.listing import ItemOf, ItemWindows
from source_zoom.streams.items.stream import ItemStream
from source_zoom.streams.windows.grid import Windows
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import PHONE

NOT_RECORDED = "non_recorded"


class PhoneCallHistory(ItemWindows):
    """https://developers.zoom.us/docs/api/phone/#tag/call-history/get/phone/call_history.

    Zoom publishes a default of `recording_status` that leaves out all calls without a recording. Where an answer has
    none of these, they are asked for.
    """

    endpoint = Endpoint(
        "phone/call_history",
        RateLabel.PHONE_HEAVY,
        "phone:read:list_call_logs:admin",
        records="call_history",
        page_size=300,
        slice_params=("from", "to", "recording_status"),
    )
    plan = PHONE
    primary_key = "call_history_uuid"
    cursor_field = "start_time"
    rows_are = "calls"
    windows = Windows(days=3)
    item = ItemOf("call_history_uuid", "call", fingerprint=("end_time", "duration", "call_result", "recording_status"))

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the read of some days, and where it lists none, that of the calls without a recording."""
        read = {**stream_slice, "statuses": set()}
        yield read
        if NOT_RECORDED not in read["statuses"]:
            yield {**read, "recording_status": NOT_RECORDED}

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a call as it is, and keep in mind what its answer lists."""
        stream_slice["statuses"].add(record.get("recording_status"))
        return super().complete(record, stream_slice)


class PhoneCallElements(ItemStream):
    """https://developers.zoom.us/docs/api/phone/#tag/call-history/get/phone/call_history/{callHistoryUuid}."""

    endpoint = Endpoint(
        "phone/call_history/{call_history_uuid}",
        RateLabel.PHONE_LIGHT,
        "phone:read:call_log:admin",
        records="call_elements",
    )
    plan = PHONE
    object_type = "call"
    primary_key = "call_element_id"
    cursor_field = "call_start_time"
    rows_are = "calls"
    parent_stream = PhoneCallHistory


STREAMS: tuple[type[ZoomStream], ...] = (PhoneCallHistory, PhoneCallElements)
