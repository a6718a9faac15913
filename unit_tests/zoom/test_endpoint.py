from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
import requests_mock
from airbyte_cdk.models import SyncMode
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.streams import ZoomStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes, Slashes, path_segment
from unit_tests.fake_zoom import API, TOKEN_URL, context, token
from unit_tests.zoom_server import serving

SCOPE = "report:read:list_meeting_participants:admin"
SCOPES = Scopes("report:read:admin", SCOPE)
UUIDS = st.text(alphabet="ABCXYZabcxyz0189+/", min_size=22, max_size=22).map(lambda text: text + "==")


def endpoint(**properties: object) -> Endpoint:
    return Endpoint("report/meetings/{meeting_uuid}/participants", RateLabel.HEAVY, SCOPE, **properties)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("85746065432", "85746065432"),
        ("aB-_.~9", "aB-_.~9"),
        ("a b", "a%20b"),
        ("4444AAAiAAAAAiAiAiiAii==", "4444AAAiAAAAAiAiAiiAii%3D%3D"),
        ("a/b+c==", "a%2Fb%2Bc%3D%3D"),
        ("ab/", "ab%2F"),
        ("/abc==", "%252Fabc%253D%253D"),
        ("ab//c==", "ab%252F%252Fc%253D%253D"),
        ("/abc//d==", "%252Fabc%252F%252Fd%253D%253D"),
        ("100%2F", "100%252F"),
        ("ü", "%C3%BC"),
    ],
)
def test_path_segment_encodes_twice_only_what_begins_with_a_slash_or_has_two(value: str, encoded: str) -> None:
    assert path_segment(value) == encoded


@given(st.text())
def test_path_segment_round_trips_and_is_one_segment(value: str) -> None:
    encoded = path_segment(value)
    twice = value.startswith("/") or "//" in value

    assert unquote(unquote(encoded)) == value if twice else unquote(encoded) == value
    assert encoded.isascii()
    assert not set(encoded) & set("/?#&+ \\")


def test_render_fills_each_placeholder_with_one_encoded_segment() -> None:
    nested = Endpoint("users/{user_id}/meetings/{meeting_id}", RateLabel.LIGHT, SCOPE)

    assert nested.render({"user_id": "a/b", "meeting_id": 7, "not_in_path": "x"}) == "users/a%2Fb/meetings/7"


def test_render_without_placeholders_ignores_the_slice() -> None:
    assert Endpoint("users", RateLabel.MEDIUM, SCOPE).render({"user_id": "u"}) == "users"


def test_render_of_a_slice_without_a_field_of_the_path_fails() -> None:
    with pytest.raises(KeyError, match="meeting_uuid"):
        endpoint().render({"meeting_id": "1"})


@given(st.text())
def test_path_segment_is_encoded_twice_also_where_it_is_asked_for(value: str) -> None:
    encoded = path_segment(value, twice=True)

    assert unquote(unquote(encoded)) == value
    assert encoded == (path_segment(value) if value.startswith("/") or "//" in value else quote(path_segment(value)))


def test_render_encodes_twice_where_it_is_asked_for() -> None:
    assert endpoint().render({"meeting_uuid": "a/b+c=="}) == "report/meetings/a%2Fb%2Bc%3D%3D/participants"
    assert (
        endpoint().render({"meeting_uuid": "a/b+c=="}, twice=True)
        == "report/meetings/a%252Fb%252Bc%253D%253D/participants"
    )


@pytest.mark.parametrize(
    ("path", "subject"),
    [
        ("users", None),
        ("users/{user_id}/meetings", "user_id"),
        ("report/meetings/{uuid}/participants", "uuid"),
        ("users/{user_id}/meetings/{meeting_id}", "user_id"),
    ],
)
def test_subject_is_the_first_placeholder_of_the_path(path: str, subject: str | None) -> None:
    declared = Endpoint(path, RateLabel.LIGHT, SCOPE)

    assert declared.subject == subject
    assert declared.is_per_object is (subject is not None)


# The encoding of UUIDs of which Zoom's documents say nothing


@pytest.mark.parametrize("uuid", ["abc==", "/abc==", "a//b==", "/a//b==", ""])
def test_uuid_has_one_encoding_without_a_slash_or_where_zoom_asks_for_two(uuid: str) -> None:
    slashes = Slashes()

    assert not slashes.may_try_other(uuid)
    assert not slashes.are_encoded_twice(uuid)


def test_other_encoding_of_a_uuid_is_tried_once() -> None:
    slashes = Slashes()

    assert not slashes.are_encoded_twice("a/b==")
    assert [slashes.may_try_other("a/b==") for _ in range(3)] == [True, False, False]
    assert slashes.are_encoded_twice("a/b==")


def test_each_uuid_is_tried_on_its_own() -> None:
    slashes = Slashes()
    slashes.may_try_other("a/b==")

    assert not slashes.are_encoded_twice("c/d==")
    assert slashes.may_try_other("c/d==")


def test_query_of_an_endpoint_without_pages_or_parameters_is_empty() -> None:
    assert endpoint().query({"meeting_uuid": "a=="}) == {}


def test_query_has_parameters_page_size_and_the_variant_of_the_slice() -> None:
    with_variants = endpoint(
        page_size=300,
        params={"include_fields": "registrant_id"},
        variants=({"status": "pending"}, {"status": "approved"}),
    )

    assert with_variants.query({"meeting_uuid": "a==", "host_id": "h", "status": "approved"}) == {
        "include_fields": "registrant_id",
        "page_size": 300,
        "status": "approved",
    }


def test_query_has_the_slice_parameters_that_the_slice_has() -> None:
    of_occurrences = endpoint(slice_params=("occurrence_id",))

    assert of_occurrences.query({"meeting_uuid": "a==", "occurrence_id": "o1"}) == {"occurrence_id": "o1"}
    assert of_occurrences.query({"meeting_uuid": "a=="}) == {}


def test_query_of_a_further_page_differs_by_its_token_only() -> None:
    paged = endpoint(page_size=300, params={"type": "past"}, variants=({"status": "pending"},))
    slice_ = {"meeting_uuid": "a==", "status": "pending"}

    assert paged.query(slice_, "t0ken") == {**paged.query(slice_), "next_page_token": "t0ken"}
    assert paged.query(slice_, "") == paged.query(slice_)


def test_query_does_not_change_the_declaration() -> None:
    declared = endpoint(page_size=300, params={"type": "past"})

    declared.query({"meeting_uuid": "a=="}, "t0ken")["type"] = "live"

    assert declared.query({"meeting_uuid": "a=="}) == {"type": "past", "page_size": 300}


@pytest.mark.parametrize(
    ("granted", "are_granted"),
    [
        (None, True),
        (frozenset(), False),
        (frozenset({"report:read:admin"}), True),
        (frozenset({"report:read:list_meeting_participants:admin", "user:read:admin"}), True),
        (frozenset({"user:read:admin"}), False),
    ],
)
def test_either_scope_opens_an_endpoint_and_a_token_that_names_none_may(
    granted: frozenset[str] | None, *, are_granted: bool
) -> None:
    assert SCOPES.are_granted(granted) is are_granted


def test_scopes_are_named_in_both_forms() -> None:
    assert str(SCOPES) == (
        "'report:read:list_meeting_participants:admin' (or 'report:read:admin' in an app with classic scopes)"
    )


class Participants(ZoomStream):
    internal = True
    primary_key = None
    endpoint = endpoint(records="participants", page_size=300)


def read_participants(uuid: str, **properties: str) -> None:
    stream = Participants(context(**properties))
    assert list(stream.read_records(SyncMode.full_refresh, stream_slice={"meeting_uuid": uuid})) == []


@given(UUIDS)
def test_uuid_is_untouched_in_the_prepared_request(uuid: str) -> None:
    with requests_mock.Mocker() as zoom:
        zoom.post(TOKEN_URL, **token())
        zoom.get(requests_mock.ANY, json={"participants": []})
        read_participants(uuid)

        assert zoom.request_history[-1].url.startswith(
            f"{API}/report/meetings/{path_segment(uuid)}/participants?page_size=300"
        )


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("uuid", ["/abc//d==", "a/b+c==", "//==", "ab//cd==", "%2Fabc==", "a~b-c_d.e=="])
def test_uuid_is_untouched_on_the_wire(uuid: str) -> None:
    with serving(lambda _: {"participants": []}) as server:
        read_participants(uuid, **server.addresses)

        assert server.targets == [f"/v2/report/meetings/{path_segment(uuid)}/participants?page_size=300"]
