"""The list of webinars, on which the streams about webinars and those about past ones build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import Key
from source_zoom.streams.base import ZoomSubStream
from source_zoom.streams.users import Users


class WebinarList(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/users/{userId}/webinars.

    The page token is not among the documented parameters; answers carry it, and the text says to send it.
    """

    internal = True
    endpoint = Endpoint(
        "users/{user_id}/webinars",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_webinars:admin"),
        records="webinars",
        page_size=300,
        params={"type": "scheduled"},
        needs="Webinars licence",
        skips=frozenset({200, 1001, 1010, 1120, 3161}),
    )
    primary_key = "id"
    parent_stream = Users
    string_id = "webinar_id"
    child_keys = {"webinar_id": "webinar_id", "host_id": "host_id", "duration": "duration"}

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return the webinar, its host, who is the listed user where Zoom does not name one, and its minutes."""
        return record["webinar_id"], record.get("host_id") or stream_slice["user_id"], record.get("duration")
