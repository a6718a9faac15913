"""Streams of Zoom's Users API, and what the streams about single users have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel

ACTIVE, INACTIVE, PENDING = "active", "inactive", "pending"
"""The values of `status`; Zoom calls an inactive user deactivated."""


class Users(ZoomStream):
    """https://developers.zoom.us/docs/api/users/#tag/users/get/users.

    Active and inactive users: the past sessions of a deactivated one still exist, and name their host.
    """

    endpoint = Endpoint(
        "users",
        RateLabel.MEDIUM,
        "user:read:list_users:admin",
        records="users",
        page_size=300,
        params={"include_fields": "custom_attributes"},
        variants=({"status": ACTIVE}, {"status": INACTIVE}),
    )
    primary_key = "id"
    child_keys = {"user_id": "id", "email": "email", "status": "status"}

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the status that was asked for, where Zoom leaves it out."""
        record["status"] = record.get("status") or stream_slice["status"]
        return super().complete(record, stream_slice)


class PendingUsers(Users):
    """The same endpoint: users who have not accepted the invitation, and have no id."""

    endpoint = replace(Users.endpoint, variants=({"status": PENDING},))
    primary_key = "email"
    child_keys = {}


class OfUsers(ZoomSubStream):
    """Reads something of each user: of the active ones, unless it declares otherwise."""

    parent_stream = Users
    follows: ClassVar[Literal["active", "every"]] = "active"
    """Whose it reads: of every user, or of those who are not deactivated."""

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the slice of a user whom the stream follows."""
        if self.follows == "every" or parent_key["status"] != INACTIVE:
            yield {"user_id": parent_key["user_id"]}


STREAMS: tuple[type[ZoomStream], ...] = (Users, PendingUsers)
