"""Streams of Zoom's Team Chat API."""

from source_zoom.streams.base.stream import ZoomStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import Plan


class Channels(ZoomStream):
    """https://developers.zoom.us/docs/api/team-chat/#tag/chat-channels/get/chat/channels."""

    endpoint = Endpoint(
        "chat/channels",
        RateLabel.MEDIUM,
        "team_chat:read:list_channels:admin",
        classic="chat_channel:read:admin",
        records="channels",
        page_size=20,
    )
    plan = Plan("role with the Team Chat Channels permission")
    primary_key = "id"


STREAMS: tuple[type[ZoomStream], ...] = (Channels,)
