"""Streams about past sessions with their books, and sessions for them to read."""

from __future__ import annotations

import json
from typing import Any

import requests_mock
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import InMemoryMessageRepository

from source_zoom.session_state import Session
from source_zoom.streams import PastSessionStream, ZoomStream, build
from source_zoom.streams.incremental import SessionSlice
from source_zoom.streams.past_sessions import PastSessions
from unit_tests.zoom import API, context

NOW = "2026-05-10T09:30:00Z"
START = "2026-03-20T00:00:00Z"
UUID = "aBcD=="


def tree(blob: dict[str, Any] | None = None, **config: Any) -> dict[str, ZoomStream]:
    """Every stream; those about past sessions with their books."""
    streams = build(context(**{"start_date": START, **config}))
    for stream in streams.values():
        if isinstance(stream, PastSessionStream):
            stream.keep_books(blob or {}, InMemoryMessageRepository(), incremental=True)
    return streams


def sessions_of(streams: dict[str, ZoomStream]) -> PastSessions:
    stream = streams["past_sessions"]
    assert isinstance(stream, PastSessions)
    return stream


def slices(stream: ZoomStream) -> list[Any]:
    return list(stream.stream_slices(sync_mode=SyncMode.full_refresh))


def read(stream: ZoomStream, slice_: Any) -> list[Any]:
    return list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))


def asked(zoom: requests_mock.Mocker, path: str) -> list[dict[str, str]]:
    """Query of each request for a path."""
    return [
        {name: values[0] for name, values in request.qs.items()}
        for request in zoom.request_history
        if request.method == "GET" and request.url.split("?")[0] == f"{API}/{path}"
    ]


def row_of(uuid: str = UUID, day: str = "2026-05-08", **fields: Any) -> dict[str, Any]:
    """A row of a host's report."""
    times = {"start_time": f"{day}T10:00:00Z", "end_time": f"{day}T11:00:00Z"}
    return {"uuid": uuid, "id": 85746065432, "type": 2, "topic": "T", **times, **fields}


def slice_of(*, row: Any = None, has_history: bool = False, host: str = "ann", retry: bool = False) -> SessionSlice:
    """The slice of a listed session, or of one that failed in an earlier sync."""
    times = ("2026-05-08T10:00:00Z", "2026-05-08T11:00:00Z")
    body = json.dumps(row or row_of()).encode()
    row_bytes = b"" if retry else body
    session = Session(UUID, host, "85746065432", 2, *times, fingerprint="f", row=row_bytes, joined=has_history)
    return SessionSlice(session, None if retry else object())  # type: ignore[arg-type]  # which window does not matter
