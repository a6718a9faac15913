"""Streams of Zoom's Users API."""

from dataclasses import replace

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
    child_keys = {"user_id": "id", "email": "email"}


class InactiveUsers(Users):
    """The same endpoint: users who may not sign in any more, but whose sessions still exist."""

    internal = True
    endpoint = replace(Users.endpoint, params={"status": "inactive"})
