"""What the sandbox expects of a connector is what a patient walk over HTTP finds."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sandbox import Fault
from unit_tests.sandbox.client import Client, keyed, occurrence_queries, times_nulled

Serve = Callable[..., Client]
Row = dict[str, Any]


def walk(client: Client) -> dict[str, list[Row]]:
    meetings = client.meeting_ids()
    details = [client.get(f"/meetings/{meeting}", show_previous_occurrences="true") for meeting in meetings]
    return {
        "users": [row for status in ("active", "inactive") for row in users(client, status)],
        "pending_users": list(users(client, "pending")),
        "channels": list(client.rows("/chat/channels", "channels")),
        "meetings": [with_id(detail.json(), detail.json()["id"]) for detail in details if detail.ok],
        "meeting_polls": [
            with_id(poll, meeting)
            for meeting in meetings
            for poll in client.rows(f"/meetings/{meeting}/polls", "polls")
        ],
        "meeting_registrants": [
            with_id(row, meeting)
            for meeting, detail in zip(meetings, details, strict=True)
            for row in registrants(client, meeting, detail.json())
        ],
    }


def users(client: Client, status: str) -> Iterator[Row]:
    return client.rows("/users", "users", status=status, include_fields="custom_attributes")


def registrants(client: Client, meeting: int, detail: Row) -> Iterator[Row]:
    for query in occurrence_queries(detail):
        for status in ("pending", "approved", "denied"):
            for row in client.rows(f"/meetings/{meeting}/registrants", "registrants", status=status, **query):
                yield {**row, "occurrence_id": query.get("occurrence_id", "")}


def with_id(row: Row, meeting: int) -> Row:
    return {**row, "meeting_id": str(meeting)}


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(
    "faults",
    [
        (),
        ("user-broken:user=0", "host-gone:user=6"),
        ("http-500:path=/meetings/{meetingId}/polls",),
        ("forbidden:path=/users/{userId}/meetings",),
    ],
)
def test_expected_rows_are_what_a_walk_finds(serve: Serve, seed: int, faults: tuple[str, ...]) -> None:
    client = serve(seed=seed, users=7, meetings=6, registrants=(5, 40), faults=tuple(map(Fault.parse, faults)))
    found = walk(client)

    for stream, rows in found.items():
        by_key = keyed(stream, rows)
        expected = client.sandbox.expected_keys(stream)
        assert len(expected) == len(set(expected)), stream
        assert set(expected) == set(by_key), stream
        assert keyed(stream, list(client.sandbox.expected_rows(stream))) == {
            key: times_nulled(row) for key, row in by_key.items()
        }


def test_a_registrant_per_occurrence_stands_in_no_single_list(serve: Serve) -> None:
    client = serve(users=6, meetings=10, registrants=(30, 40), registration_percent=100, oddities=False)
    per_occurrence = client.first_meeting(
        lambda detail: detail["settings"].get("registration_type") == 2 and len(detail.get("occurrences", ())) > 2
    )

    plain = list(client.rows(f"/meetings/{per_occurrence['id']}/registrants", "registrants"))
    everyone = list(registrants(client, per_occurrence["id"], per_occurrence))
    ids = {row["id"] for row in everyone}

    assert len(plain) < len(ids) < len(everyone)


def test_registrants_of_past_occurrences_can_be_refused(serve: Serve) -> None:
    client = serve(
        users=6,
        meetings=10,
        registrants=(30, 40),
        registration_percent=100,
        oddities=False,
        without=frozenset({"past-occurrences"}),
    )
    found: dict[Any, Any] = {}
    for meeting in client.meeting_ids():
        detail = client.get(f"/meetings/{meeting}", show_previous_occurrences="true").json()
        found |= keyed("meeting_registrants", [with_id(row, meeting) for row in registrants(client, meeting, detail)])
    series = client.first_meeting(lambda detail: len(occurrence_queries(detail)) > 2)
    past = series["occurrences"][0]["occurrence_id"]
    refused = client.get(f"/meetings/{series['id']}/registrants", occurrence_id=past)

    assert (refused.status_code, refused.json()) == (
        400,
        {
            "code": 300,
            "message": "The request could not be completed because you have provided an invalid occurrence ID: "
            f"{past}.",
        },
    )
    assert set(client.sandbox.expected_keys("meeting_registrants")) == set(found)
    assert {key[2] for key in found} - {""}


def test_expected_over_http(serve: Serve) -> None:
    client = serve()
    url = f"{client.sandbox.url}/_sandbox/expected/meeting_polls"

    keys = client.session.get(url, timeout=10).json()
    rows = client.session.get(url, params={"rows": "true"}, timeout=10).json()

    assert keys["primary_key"] == ["meeting_id", "id"]
    assert [tuple(key) for key in keys["keys"]] == client.sandbox.expected_keys("meeting_polls")
    assert [[row["meeting_id"], row["id"]] for row in rows["rows"]] == keys["keys"]
    assert keys["count"] == rows["count"] == len(keys["keys"]) > 0


def test_an_unknown_stream_is_answered_with_what_is_known(serve: Serve) -> None:
    client = serve()

    response = client.session.get(f"{client.sandbox.url}/_sandbox/expected/nothing", timeout=10)

    assert response.status_code == 404
    assert "GET /_sandbox/expected/users[?rows=true]" in response.json()["known"]
