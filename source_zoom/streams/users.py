"""Streams of Zoom's Users API."""

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.streams.base import ZoomStream


class Users(ZoomStream):
    """https://developers.zoom.us/docs/api/users/#tag/users/get/users."""

    endpoint = Endpoint(
        "users",
        label=RateLabel.MEDIUM,
        scopes=Scopes("user:read:admin", "user:read:list_users:admin"),
        records="users",
        page_size=300,
        params={"status": "active"},
    )
    primary_key = "id"
    child_keys = {"user_id": "id"}
