"""Reads streams slice by slice, from made-up pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import SyncMode

from source_zoom.engine import SliceFailure
from source_zoom.streams import ZoomStream

MEETING = {"meeting_id": "1", "host_id": "h"}
REGISTRANTS_OF = {**MEETING, "approval_type": 0, "occurrences": ()}


def read(stream: ZoomStream, slice_: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
    return list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_ or {}))


def failure(stream: ZoomStream, slice_: Mapping[str, Any] | None = None) -> SliceFailure:
    with pytest.raises(SliceFailure) as caught:
        read(stream, slice_)
    return caught.value


def gets(zoom: requests_mock.Mocker) -> list[Any]:
    return [request for request in zoom.request_history if request.method == "GET"]


def page(records: str, *ids: str, after: str = "") -> dict[str, Any]:
    return {"json": {records: [{"id": id_} for id_ in ids], "next_page_token": after}}
