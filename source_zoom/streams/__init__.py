"""Every stream, as Zoom's API areas declare them."""

from __future__ import annotations

from source_zoom.streams.base import StreamContext, ZoomStream, ZoomSubStream
from source_zoom.streams.chat import Channels
from source_zoom.streams.incremental import PastSessionStream
from source_zoom.streams.meetings import MeetingList, MeetingPolls, MeetingRegistrants, Meetings
from source_zoom.streams.reports import PastSessions, ReportMeetingParticipants, ReportMeetings
from source_zoom.streams.users import Users

STREAMS: tuple[type[ZoomStream], ...] = (
    Users,
    MeetingList,
    Meetings,
    MeetingRegistrants,
    MeetingPolls,
    PastSessions,
    ReportMeetings,
    ReportMeetingParticipants,
    Channels,
)
"""Parents before children; internal streams among them."""


def build(context: StreamContext) -> dict[str, ZoomStream]:
    """Return an instance of every stream by name, parents before children, each child with its parent."""
    built: dict[type[ZoomStream], ZoomStream] = {}
    for cls in STREAMS:
        built[cls] = cls(context, parent=built[cls.parent_stream]) if issubclass(cls, ZoomSubStream) else cls(context)
    return {stream.name: stream for stream in built.values()}


__all__ = ["STREAMS", "PastSessionStream", "StreamContext", "ZoomStream", "build"]
