"""Streams of Zoom's Users API, and what the streams about single users have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

import pendulum
from airbyte_cdk.models import FailureType

from source_zoom.engine import FeedReader, Parent, SliceFailure
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.failures import is_of_list
from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.stream import WindowStream
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
    """Whom it reads of: every user, or those who are not deactivated."""

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the slice of a user whom the stream follows."""
        if self.follows == "every" or parent_key["status"] != INACTIVE:
            yield {"user_id": parent_key["user_id"]}


class UserWindows(WindowStream):
    """Reads something of each user window by window: of every user, unless it declares otherwise.

    A user who is listed for the first time is read from the watermark on, like the others. What a user did while the
    list did not have them is not read: hence every user, as a deactivated one may come back.
    """

    owner_field = "user_id"
    owner_type = "user"
    follows: ClassVar[Literal["active", "every"]] = "every"
    """Whom it reads of: every user, or those who are not deactivated."""

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self._users: FeedReader | None = None
        self._ids: set[str] | None = None

    @property
    def parents(self) -> Sequence[Parent]:
        """The users."""
        return [Parent("users")]

    def follow(self, name: str, keys: FeedReader) -> None:
        """Take the users."""
        self._users = keys

    def owners(self, window: Window, first: pendulum.Date, last: pendulum.Date) -> set[str]:
        """Return the users to read in a window, and those who lack days of it.

        :raises SliceFailure: if the list of users is not complete: a window without some of them was not read
        """
        if self._ids is None:
            self._ids = set(self._listed())
        return self._ids.union(*(cursor.owners(window) for cursor in self.readers))

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the user's id, where the catalog promises that."""
        if "user_id" in self.json_schema.get("properties", {}):
            record["user_id"] = stream_slice["user_id"]
        return super().complete(record, stream_slice)

    def _listed(self) -> Iterator[str]:
        keys = self._users
        if keys is None:
            raise TypeError(f"{self.name} reads of users whom nobody has listed")
        for id_, _, status in keys:
            if self.follows == "every" or status != INACTIVE:
                yield str(id_)
        for loss in filter(is_of_list, keys.losses):
            raise SliceFailure(
                loss.message, cause=loss.cause, failure_type=FailureType.transient_error, facts=loss.facts
            )


STREAMS: tuple[type[ZoomStream], ...] = (Users, PendingUsers)
