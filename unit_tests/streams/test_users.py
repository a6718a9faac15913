"""Users: who is listed under which stream, and whom the streams about single users follow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import pytest
import requests_mock

from source_zoom.engine import Key
from source_zoom.streams import ZoomStream, build
from source_zoom.streams.users import OfUsers
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from unit_tests.fake_zoom import API, TOKEN_URL, context, token
from unit_tests.past import asked, read, slices

FIELDS = {"include_fields": "custom_attributes", "page_size": "300"}
FOLLOWED: list[Key] = [("ann", "ann@x.org", "active"), ("bob", None, "inactive"), ("cat", "cat@x.org", None)]


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    """An account of three: ann is active, bob is deactivated, cat has yet to accept the invitation."""
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        for status, user in (
            ("active", {"id": "ann", "email": "ann@x.org"}),
            ("inactive", {"id": "bob", "email": "bob@x.org"}),
            ("pending", {"email": "cat@x.org"}),
        ):
            mocker.get(f"{API}/users?status={status}", json={"users": [{**user, "status": status}]})
        yield mocker


@pytest.fixture
def streams() -> dict[str, ZoomStream]:
    return build(context())


class EveryUsersTokens(OfUsers):
    """Something that is read of deactivated users, too."""

    endpoint = Endpoint("users/{user_id}/x", label=RateLabel.LIGHT, scope="x:read:x:admin", records="x")
    primary_key = "id"
    internal = True
    follows: ClassVar[Literal["active", "every"]] = "every"


def users_of(stream: OfUsers, keys: list[Key]) -> list[Any]:
    stream.follow("users", iter(keys))
    return slices(stream)


def test_users_are_active_and_inactive_ones_with_their_custom_attributes(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    records = read(streams["users"], {})

    assert [(record["id"], record["status"]) for record in records] == [("ann", "active"), ("bob", "inactive")]
    assert asked(zoom, "users") == [{**FIELDS, "status": "active"}, {**FIELDS, "status": "inactive"}]


def test_pending_users_are_known_by_their_address(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    assert read(streams["pending_users"], {}) == [{"email": "cat@x.org", "status": "pending"}]
    assert asked(zoom, "users") == [{**FIELDS, "status": "pending"}]
    assert streams["pending_users"].key_fields == ["email"]


def test_status_that_zoom_leaves_out_is_the_one_that_was_asked_for(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users?status=active", json={"users": [{"id": "ann"}]})
    zoom.get(f"{API}/users?status=inactive", json={"users": [{"id": "bob", "status": ""}]})

    assert [record["status"] for record in read(streams["users"], {})] == ["active", "inactive"]


def test_keys_of_users_tell_their_status_also_where_zoom_leaves_it_out(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users?status=inactive", json={"users": [{"id": "bob"}]})

    keys = list(streams["users"].keys_one_after_another())

    assert keys == [("ann", "ann@x.org", "active"), ("bob", None, "inactive")]


@pytest.mark.parametrize("name", ["meeting_list", "webinar_list"])
def test_lists_of_meetings_and_webinars_are_those_of_users_who_are_not_deactivated(
    name: str, streams: dict[str, ZoomStream]
) -> None:
    stream = streams[name]
    assert isinstance(stream, OfUsers)

    assert users_of(stream, FOLLOWED) == [{"user_id": "ann"}, {"user_id": "cat"}]


def test_stream_that_says_so_follows_every_user(streams: dict[str, ZoomStream]) -> None:
    stream = EveryUsersTokens(context(), parent=streams["users"])

    assert users_of(stream, FOLLOWED) == [{"user_id": "ann"}, {"user_id": "bob"}, {"user_id": "cat"}]


def test_no_host_key_is_asked_for(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    for name in ("users", "pending_users"):
        read(streams[name], {})

    assert {query["include_fields"] for query in asked(zoom, "users")} == {"custom_attributes"}
