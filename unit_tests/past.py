"""Streams about past sessions with their books, and sessions for them to read."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pendulum
import requests_mock
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import InMemoryMessageRepository

from source_zoom.engine import FeedReader, Key, Loss
from source_zoom.engine.feed import ParentFeed
from source_zoom.engine.partitions import SlicePartition
from source_zoom.streams import PastSessionStream, ZoomStream, build
from source_zoom.streams.sessions.cursor import SessionSlice
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.state import Cause, Session, SessionState
from source_zoom.streams.windows.grid import Window, grid
from unit_tests.fake_zoom import API, context

NOW = "2026-05-10T09:30:00Z"
START = "2026-03-20T00:00:00Z"
UUID = "aBcD=="
WINDOW = Window(pendulum.date(2026, 5, 4), pendulum.date(2026, 6, 2))
"""The window of the grid in which now is."""


def tree(blob: Mapping[str, Any] | None = None, **config: Any) -> dict[str, ZoomStream]:
    """Every stream; those about past sessions with their books."""
    streams = build(context(**{"start_date": START, **config}))
    for stream in streams.values():
        if isinstance(stream, PastSessionStream):
            stream.make_cursor(blob or {}, InMemoryMessageRepository(), incremental=True)
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


def slice_of(
    *,
    row: Any = None,
    has_history: bool = False,
    host: str = "ann",
    retry: bool = False,
    refused: bool = False,
    uuid: str = UUID,
    end: str = "2026-05-08T11:00:00Z",
) -> SessionSlice:
    """The slice of a listed session, or of one that failed or was refused in an earlier sync, without its row."""
    is_retry = retry or refused
    body = b"" if is_retry else json.dumps(row or row_of(uuid)).encode()
    times = ("2026-05-08T10:00:00Z", end)
    session = Session(uuid, host, *times, "f", body, meeting_id="85746065432", type=2, joined=has_history)
    return SessionSlice(session, None if is_retry else WINDOW, was_refused=refused)


def feed_of(*keys: Key, losses: Iterable[Loss] = (), error: Exception | None = None) -> FeedReader:
    """The keys of another stream, to their end: with what they lack, or why that is not known."""
    feed = ParentFeed("another stream")
    reader = feed.reader()
    published: set[Hashable] = set()
    for key in keys:
        feed.publish(key, published)
    feed.lose(*losses)
    feed.close_slice(error)
    return reader


def blob_of(*hosts: str, missing: Iterable[tuple[Window, str]] = (), refused: Iterable[str] = ()) -> dict[str, Any]:
    """The state of a sync that ended an hour and a half ago.

    :param hosts: those who were read
    :param missing: windows, and hosts who were at fault in them
    :param refused: hosts who were refused
    """
    now = pendulum.datetime(2026, 5, 10, 8)
    state = SessionState({}, now=now, first_day=pendulum.date(2026, 3, 20), lookback_days=2)
    for window in grid(state.earliest_day(), now.date()):
        lost = {host for one, host in missing if one == window}
        state.open(window, {*hosts, *lost, *refused})
        for host in lost:
            state.miss(window, host, Cause("BROKEN", 500))
        for host in refused:
            state.refuse(window, host, Cause("NO_PERMISSION", 400, 200, refused=True))
        for host in hosts:
            state.finish(window, host)
    return state.to_json()


def end_of_slice(stream: PastSessionStream, slice_: SessionSlice, error: Exception | None = None) -> None:
    """Tell the books that a slice was read, or why not, as the engine does."""
    partition = SlicePartition(None, slice_)  # type: ignore[arg-type]  # only its slice is looked at
    partition.is_read = error is None
    if error is None:
        stream.session_cursor.close_partition(partition)
    else:
        stream.session_cursor.fail_partition(partition, error)
