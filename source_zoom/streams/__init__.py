"""Every stream, as Zoom's API areas declare them."""

from __future__ import annotations

from source_zoom.streams import account, archiving, chat, lists, meetings, phone, reports, users, webinars
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.gaps import ReadGaps
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.stream import PastSessionStream
from source_zoom.streams.sessions.unattended import WebinarInstances

STREAMS: tuple[type[ZoomStream], ...] = (
    *users.STREAMS,
    *lists.STREAMS,
    WebinarInstances,
    PastSessions,
    *meetings.STREAMS,
    *webinars.STREAMS,
    *reports.STREAMS,
    *chat.STREAMS,
    *account.STREAMS,
    *phone.STREAMS,
    *archiving.STREAMS,
)
"""Parents before children; internal streams among them."""


def build(context: StreamContext) -> dict[str, ZoomStream]:
    """Return an instance of every stream of Zoom's by name, parents before children, each child with its parent."""
    built: dict[type[ZoomStream], ZoomStream] = {}
    for cls in STREAMS:
        built[cls] = cls(context, parent=built[cls.parent_stream]) if issubclass(cls, ZoomSubStream) else cls(context)
    return {stream.name: stream for stream in built.values()}


def build_all(context: StreamContext) -> dict[str, ZoomStream | ReadGaps]:
    """Return an instance of every stream by name: those of Zoom's, and the one of gaps behind them."""
    gaps = ReadGaps(context)
    return {**build(context), gaps.name: gaps}


__all__ = ["STREAMS", "PastSessionStream", "ReadGaps", "StreamContext", "ZoomStream", "build", "build_all"]
