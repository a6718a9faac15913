"""Faults of single objects: whom they concern, what is answered, and how they are set and cleared."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
import requests

from sandbox import Fault, Reading
from sandbox.canned import CANNED
from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]

REPORT = "/report/users/{userId}/meetings"
MONTH = {"from": "2026-08-23", "to": "2026-09-21"}


def refusing(serve: Serve, *settings: dict[str, Any], **options: Any) -> Client:
    faults = tuple(map(Fault.of_settings, settings))
    return serve(**{"faults": faults, "oddities": False, "users": 6, "hosting_percent": 100, **options})


def statuses(client: Client, *paths: str) -> list[int]:
    return [client.get(path, **MONTH).status_code for path in paths]


def encoded(uuid: str, times: int) -> str:
    for _ in range(times):
        uuid = quote(uuid, safe="")
    return uuid


@pytest.mark.parametrize("by", ["id", "email"])
def test_a_user_is_refused_under_each_name_and_nobody_else(serve: Serve, by: str) -> None:
    client = refusing(serve)
    three, four = client.sandbox.objects()["users"][3:5]

    client.sandbox.refuse(path=REPORT, object=three[by], answer="no-permission")

    paths = [f"/report/users/{user[name]}/meetings" for user in (three, four) for name in ("id", "email")]
    assert statuses(client, *paths) == [400, 400, 200, 200]
    assert client.get(paths[0], **MONTH).json() == {"code": 200, "message": "No permission."}
    assert statuses(client, f"/users/{three['id']}/meetings") == [200]


def test_a_path_may_be_any_text_of_the_url(serve: Serve) -> None:
    client = refusing(serve, {"path": "type=pastOne", "answer": "forbidden"})
    path = "/report/users/user1@example.com/meetings"

    assert [client.get(path, **MONTH, type=kind).status_code for kind in ("past", "pastOne")] == [200, 403]


def test_a_meeting_and_a_webinar_are_refused_by_number(serve: Serve) -> None:
    client = refusing(serve, webinar_hosts_percent=100)
    first, second = client.sandbox.objects()["meetings"][:2]
    webinar = client.sandbox.objects()["webinars"][0]["id"]

    client.sandbox.refuse(object=first["id"], answer="gone")
    client.sandbox.refuse(path="/webinars/{webinarId}", object=str(webinar), answer="invalid-webinar")

    assert statuses(client, f"/meetings/{first['id']}", f"/meetings/{first['id']}/polls") == [404, 404]
    assert client.get(f"/meetings/{first['id']}").json()["message"] == f"Meeting does not exist: {first['id']}."
    assert statuses(client, f"/meetings/{second['id']}", f"/webinars/{webinar}") == [200, 400]
    assert statuses(client, f"/webinars/{webinar}/panelists") == [200]


@pytest.mark.parametrize("awkward", [False, True])
def test_a_session_is_refused_however_its_uuid_is_encoded(serve: Serve, *, awkward: bool) -> None:
    client = refusing(serve, users=20, sessions_per_host=10)
    sessions = [one for one in client.sandbox.objects()["sessions"] if one["is_reported"] and one["type"] != 5]
    uuid = next(one["uuid"] for one in sessions if ("//" in one["uuid"]) == awkward and "/" in one["uuid"])
    other = next(one["uuid"] for one in sessions if one["uuid"] != uuid)

    client.sandbox.refuse(object=uuid, answer="unauthorized")

    paths = [f"/report/meetings/{encoded(uuid, times)}/participants" for times in (1, 2)]
    assert [client.error(path) for path in paths] == [(401, 124)] * 2
    assert client.get(f"/report/meetings/{encoded(other, 2)}/participants").ok


def test_everything_of_a_host_is_refused_on_an_endpoint(serve: Serve) -> None:
    client = refusing(serve, {"user": 3, "answer": "no-permission-403"}, webinar_hosts_percent=100)
    objects = client.sandbox.objects()

    for host in (3, 4):
        user = objects["users"][host]
        meeting = next(one["id"] for one in objects["meetings"] if one["host"] == host)
        webinar = next(one["id"] for one in objects["webinars"] if one["host"] == host)
        uuid = next(one["uuid"] for one in objects["sessions"] if one["host"] == host)
        number = next(one["meeting_id"] for one in objects["sessions"] if one["host"] == host)
        paths = [
            *(f"/users/{user['email']}/meetings", f"/users/{user['id']}/webinars", f"/meetings/{meeting}"),
            *(f"/webinars/{webinar}", f"/past_meetings/{encoded(uuid, 2)}/polls", f"/past_meetings/{number}/polls"),
        ]
        assert [status == 403 for status in statuses(client, *paths)] == [host == 3] * len(paths)
    assert statuses(client, "/users", "/chat/channels") == [200, 200]


def test_a_share_of_the_objects_is_the_same_each_time_and_by_each_name(serve: Serve) -> None:
    faults = [{"path": REPORT, "of": 5, "answer": "no-permission"}]
    clients = [refusing(serve, *faults, users=200, sessions_per_host=0, seed=seed) for seed in (1, 1, 2)]

    def refused(client: Client, name: str) -> list[int]:
        users = client.sandbox.objects()["users"][:200]
        paths = (f"/report/users/{user[name]}/meetings" for user in users)
        return [number for number, status in enumerate(statuses(client, *paths)) if status == 400]

    first, again, other = refused(clients[0], "id"), refused(clients[1], "email"), refused(clients[2], "id")

    assert first == again != other
    assert 20 <= len(first) <= 60


def test_only_the_first_times_of_each_url(serve: Serve) -> None:
    client = refusing(serve, {"path": "/users", "times": 2, "answer": "error-500"})

    seen = [client.get("/users", status=status).status_code for status in ("active", "inactive") for _ in range(3)]

    assert seen == [500, 500, 200] * 2


def test_only_from_a_matching_call_on_and_until_a_time(serve: Serve, clock: Clock) -> None:
    client = refusing(serve, {"path": "/users", "after": 3, "until": 60, "answer": "forbidden"})

    before = [client.get("/users").status_code for _ in range(4)]
    clock.now += 60

    assert before == [200, 200, 403, 403]
    assert client.get("/users").status_code == 200


CANNED_ANSWERS = {
    "no-permission": (400, 200, "No permission."),
    "no-permission-403": (403, 200, "No permission."),
    "unauthorized": (401, 124, "Invalid access token."),
    "user-gone": (404, 1001, "User user1@example.com not exist or not belong to this account."),
    "gone": (404, 3001, "Meeting does not exist: user1@example.com."),
    "error-500": (500, 500, "Internal server error."),
    "plan": (400, 200, "Only available for paid account: {account_id}."),
    "licence": (
        400,
        200,
        (
            "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in "
            "order to perform this action."
        ),
    ),
    "scope": (400, 4711, "Invalid access token, does not contain scopes:[report:read:user:admin]."),
    "daily": (
        429,
        429,
        (
            "You have reached the maximum daily rate limit for this API. Refer to the response header for details on "
            "when you can make another request."
        ),
    ),
    "per-second": (429, 429, "You have reached the maximum per-second rate limit for this API. Try again later."),
    "bad-parameter": (400, 300, "Invalid parameter: from."),
    "invalid-webinar": (400, 300, "Invalid webinar ID."),
    "too-early": (404, 3001, "Meeting user1@example.com not found or has expired."),
}
EMPTY_ANSWERS = {"unauthorized-empty": 401, "forbidden": 403, "not-found": 404}
OTHER_ANSWERS = {"forbidden-html", "timeout", "cut", "reset", "empty"}


def answered(serve: Serve, answer: str) -> requests.Response:
    client = refusing(serve, {"path": REPORT, "user": 1, "answer": answer})
    response = client.get("/report/users/user1@example.com/meetings", **MONTH)
    assert client.get("/report/users/user2@example.com/meetings", **MONTH).ok
    return response


@pytest.mark.parametrize("answer", CANNED_ANSWERS)
def test_answers_are_as_documented(serve: Serve, answer: str) -> None:
    response = answered(serve, answer)

    status, code, text = CANNED_ANSWERS[answer]
    account_id = serve().sandbox.config()["credentials"]["account_id"]
    expected = {"code": code, "message": text.format(account_id=account_id)}
    assert (response.status_code, response.json()) == (status, expected)
    assert ("Retry-After" in response.headers) == (answer == "daily")


@pytest.mark.parametrize("answer", EMPTY_ANSWERS)
def test_answers_without_a_body(serve: Serve, answer: str) -> None:
    response = answered(serve, answer)

    assert (response.status_code, response.content) == (EMPTY_ANSWERS[answer], b"")


def test_every_answer_is_tested() -> None:
    assert set(CANNED) == {*CANNED_ANSWERS, *EMPTY_ANSWERS, *OTHER_ANSWERS}


def test_a_page_of_html(serve: Serve) -> None:
    response = answered(serve, "forbidden-html")

    assert (response.status_code, response.headers["Content-Type"]) == (403, "text/html;charset=UTF-8")
    assert response.text.startswith("<!DOCTYPE html>")


def test_a_cut_answer_has_the_length_it_announces(serve: Serve) -> None:
    response = answered(serve, "cut")

    assert (response.status_code, int(response.headers["Content-Length"])) == (200, len(response.content))
    assert response.content.startswith(b'{"next_page_token":"')
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_a_reset(serve: Serve) -> None:
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        answered(serve, "reset")


@pytest.mark.parametrize(
    ("template", "key"),
    [
        ("/report/meetings/{uuid}/participants", "participants"),
        ("/past_meetings/{uuid}/polls", "questions"),
        ("/users/{host_id}/meetings", "meetings"),
        ("/meetings/{meeting}/polls", "polls"),
    ],
)
def test_nothing_yet(serve: Serve, template: str, key: str) -> None:
    client = refusing(serve, users=2)
    (uuid,) = client.sandbox.add_sessions(user=0, participants=9)
    objects = client.sandbox.objects()
    with_polls = next(key[0] for key in client.sandbox.expected_keys("meeting_polls"))
    host_id = objects["users"][0]["id"]
    path = template.format(uuid=encoded(uuid, 2), host_id=host_id, meeting=with_polls)

    whole = client.get(path).json()
    client.sandbox.refuse(answer="empty")
    empty = client.get(path)

    counts = {name: 0 for name in ("page_count", "total_records") if name in whole}
    assert whole[key]
    assert (empty.status_code, empty.json()) == (200, {**whole, key: [], **counts, **token_of(whole)})


def token_of(whole: dict[str, Any]) -> dict[str, str]:
    return {"next_page_token": ""} if "next_page_token" in whole else {}


def test_nothing_yet_of_a_single_object(serve: Serve) -> None:
    client = refusing(serve, {"path": "/meetings/{meetingId}", "answer": "empty"})

    assert client.get(f"/meetings/{client.meeting_ids()[0]}").json() == {}


def test_a_status_with_a_code_and_a_text_of_ones_own(serve: Serve) -> None:
    client = refusing(
        serve,
        {"object": "user1@example.com", "status": 403, "code": 2306, "text": "Not allowed, sorry"},
        {"object": "user2@example.com", "status": 502},
    )

    answers = [client.get(f"/users/user{number}@example.com/meetings") for number in (1, 2)]

    assert (answers[0].status_code, answers[0].json()) == (403, {"code": 2306, "message": "Not allowed, sorry"})
    assert (answers[1].status_code, answers[1].content) == (502, b"")


@pytest.mark.parametrize(
    "text",
    [
        r"refuse:path=/users,status=400,code=300,text=Not today\, nor tomorrow",
        'refuse:{"path": "/users", "status": 400, "code": 300, "text": "Not today, nor tomorrow"}',
    ],
)
def test_faults_on_the_command_line(text: str) -> None:
    assert Fault.parse(text) == Fault("refuse", path="/users", status=400, code=300, text="Not today, nor tomorrow")


def test_a_refusal_comes_after_token_limit_and_scope(serve: Serve) -> None:
    client = refusing(
        serve, {"answer": "not-found"}, {"name": "per-second-limit", "label": "Medium", "every": 3}, scopes=("x",)
    )

    assert [client.get("/users").status_code for _ in range(3)] == [400, 400, 429]
    client.session.headers["Authorization"] = "Bearer none"
    assert client.get("/users").status_code == 401


def test_refusals_change_while_it_runs(serve: Serve) -> None:
    client = refusing(serve, {"path": "/chat/channels", "answer": "forbidden"})
    url = f"{client.sandbox.url}/_sandbox/faults"

    client.session.post(url, json=[{"path": "/users", "answer": "no-permission"}], timeout=5)
    client.session.post(url, json=[{"path": REPORT, "user": 1, "answer": "forbidden"}], timeout=5)
    paths = ["/users", *(f"/report/users/user{number}@example.com/meetings" for number in (1, 1, 2))]

    assert statuses(client, *paths) == [200, 403, 403, 200]
    told = client.session.get(url, timeout=5).json()["faults"]
    assert [(one["name"], one["hits"]) for one in told] == [("refuse", 0), ("refuse", 2)]
    assert told[1]["paths"] == {"/v2/report/users/user1@example.com/meetings": 2}
    assert (told[1]["path"], told[1]["user"], told[1]["answer"]) == (REPORT, 1, "forbidden")
    assert told == client.sandbox.faults()
    assert client.session.post(url, json=[], timeout=5).json()["faults"] == told[:1]
    assert statuses(client, *paths, "/chat/channels") == [200, 200, 200, 200, 403]


def test_refusals_are_cleared_in_python(serve: Serve) -> None:
    client = refusing(serve)

    client.sandbox.refuse(path="/users", answer="forbidden")
    refused = client.get("/users").status_code
    client.sandbox.allow()

    assert (refused, client.get("/users").status_code) == (403, 200)


@pytest.mark.parametrize(
    "settings",
    [
        {"answer": "nothing"},
        {"path": "/users"},
        {"answer": "gone", "status": 400},
        {"answer": "gone", "of": 0},
        {"answer": "gone", "colour": "red"},
        {"answer": "gone", "after": 1.5},
        {"name": "short"},
        {"name": "drip", "path": "/users", "part": "whole"},
        {"name": "huge", "path": "/users", "bytes": 10, "gzip": "maybe"},
        {"name": "http-500", "path": "/users"},
    ],
)
def test_refusals_that_make_no_sense(serve: Serve, settings: dict[str, Any]) -> None:
    client = refusing(serve)

    with pytest.raises(ValueError, match=r"[Ff]ault"):
        client.sandbox.refuse(**settings)
    response = client.session.post(f"{client.sandbox.url}/_sandbox/faults", json=[settings], timeout=5)
    assert (response.status_code, set(response.json())) == (400, {"error"})
    assert client.sandbox.faults() == []


@pytest.mark.parametrize("body", ["nonsense", "{}", "[1]"])
def test_what_is_no_list_of_refusals(serve: Serve, body: str) -> None:
    client = refusing(serve)

    response = client.session.post(f"{client.sandbox.url}/_sandbox/faults", data=body, timeout=5)

    assert response.status_code == 400


def test_what_is_expected_does_not_change_with_refusals(serve: Serve) -> None:
    client = refusing(serve)
    before = client.sandbox.expected_keys("report_meetings", Reading(all_hosts=True))

    client.sandbox.refuse(path=REPORT, answer="forbidden")

    assert client.sandbox.expected_keys("report_meetings", Reading(all_hosts=True)) == before != []


def test_objects_are_those_one_can_find(serve: Serve) -> None:
    client = serve(users=12)
    objects = client.session.get(f"{client.sandbox.url}/_sandbox/objects", timeout=5).json()
    users = [
        row for status in ("active", "inactive", "pending") for row in client.rows("/users", "users", status=status)
    ]

    assert objects == client.sandbox.objects()
    assert [user["number"] for user in objects["users"]] == list(range(len(users)))
    found = [{"id": row.get("id"), "email": row["email"], "status": row["status"]} for row in users]
    assert [{name: user[name] for name in ("id", "email", "status")} for user in objects["users"]] == found
    assert {one["id"] for one in objects["meetings"]} >= set(client.meeting_ids())
    assert {one["id"] for one in objects["webinars"]} >= set(client.webinar_ids())
    everything = Reading(one_participant=True, all_hosts=True)
    for stream, is_webinar in (("report_meetings", False), ("report_webinars", True)):
        rows = {str(row["uuid"]): row for row in client.sandbox.expected_rows(stream, everything)}
        sessions = {one["uuid"]: one for one in objects["sessions"] if (one["type"] in {5, 6, 9}) == is_webinar}
        assert rows.keys() == {uuid for uuid, one in sessions.items() if one["participants"]}
        for uuid, row in rows.items():
            one = sessions[uuid]
            assert (one["meeting_id"], one["host_email"], one["type"]) == (row["id"], row["user_email"], row["type"])
            assert (one["start"], one["end"], one["participants"]) == (
                row["start_time"],
                row["end_time"],
                row["participants_count"],
            )
            assert one["is_reported"] == (row["participants_count"] > 1)


def test_a_time_out_ends_with_the_sandbox_and_blocks_nobody(serve: Serve) -> None:
    client = refusing(serve, {"path": "/users", "answer": "timeout"})

    begin = time.perf_counter()
    with pytest.raises(requests.ReadTimeout):
        client.session.get(f"{client.sandbox.url}/v2/users", timeout=0.1)
    assert client.get("/chat/channels").ok
    assert time.perf_counter() - begin < 2


def test_a_time_out_of_ones_own(serve: Serve) -> None:
    client = refusing(serve, {"path": "/users", "answer": "timeout", "seconds": 0.1})

    begin = time.perf_counter()
    response = client.get("/users")

    assert (response.status_code, time.perf_counter() - begin >= 0.1) == (200, True)
