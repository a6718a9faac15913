"""Streams about the account: who its users are to each other."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import PRO


class Groups(ZoomStream):
    """https://developers.zoom.us/docs/api/users/#tag/groups/get/groups."""

    endpoint = Endpoint("groups", RateLabel.MEDIUM, "group:read:list_groups:admin", records="groups", page_size=300)
    plan = PRO
    primary_key = "id"


STREAMS: tuple[type[ZoomStream], ...] = (Groups,)
