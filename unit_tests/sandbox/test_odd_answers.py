"""Lists that shift, answers that do not end, and errors that say too much."""

import json
import socket
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox import Fault, Sandbox, SandboxOptions
from unit_tests.sandbox.client import Client

Serve = Callable[..., Client]


def odd(serve: Serve, *faults: str, **options: Any) -> Client:
    return serve(faults=tuple(map(Fault.parse, faults)), **{"oddities": False, "users": 7, **options})


def pages(client: Client, path: str = "/users", **query: Any) -> list[dict[str, Any]]:
    found = [client.get(path, page_size=3, **query).json()]
    while found[-1]["next_page_token"]:
        token = found[-1]["next_page_token"]
        found.append(client.get(path, page_size=3, next_page_token=token, **query).json())
    return found


def ids(page: dict[str, Any]) -> list[str]:
    return [user["id"] for user in page["users"]]


def test_a_list_shifts_while_it_is_read_and_is_stable_then(serve: Serve) -> None:
    client = odd(serve, "shift:path=/users")
    users = [user["id"] for user in client.sandbox.objects()["users"][:7]]

    first, second = pages(client), pages(client)

    assert [ids(page) for page in first] == [users[:3], users[2:5], users[5:]]
    assert [page["total_records"] for page in first] == [7, 8, 8]
    seen = [user for page in second for user in ids(page)]
    assert seen[1:] == users
    assert seen[0] not in users
    assert [page["total_records"] for page in second] == [8, 8, 8]


def test_lists_shift_as_often_as_asked_and_each_for_itself(serve: Serve) -> None:
    client = odd(serve, "shift:path=/users,times=2")

    totals = [[page["total_records"] for page in pages(client)] for _ in range(3)]

    assert totals == [[7, 8, 8], [7, 8, 8], [8, 8, 8]]
    assert pages(client, role_id="2")[0]["total_records"] < 7


def test_an_empty_list_does_not_shift(serve: Serve) -> None:
    client = odd(serve, "shift:path=/users")

    assert [[page["total_records"] for page in pages(client, role_id="none")] for _ in range(2)] == [[0], [0]]


def test_participants_shift_by_a_row_of_their_own(serve: Serve) -> None:
    client = odd(serve, "shift:path=/report/meetings/{meetingId}/participants")
    (uuid,) = client.sandbox.add_sessions(participants=3)
    number = next(one["meeting_id"] for one in client.sandbox.objects()["sessions"] if one["uuid"] == uuid)
    path = f"/report/meetings/{number}/participants"

    first, second = pages(client, path), pages(client, path)

    rows = [row["user_id"] for page in second for row in page["participants"]]
    assert len(rows) == len(set(rows)) == second[0]["total_records"] == first[0]["total_records"] + 1


@pytest.mark.parametrize(("fault", "left"), [("short:path=/users", 6), ("short:path=/users,index=2", 5)])
def test_a_list_counts_more_than_it_has(serve: Serve, fault: str, left: int) -> None:
    client = odd(serve, fault)
    users = [user["id"] for user in client.sandbox.objects()["users"][:7]]

    found = pages(client)

    assert [user for page in found for user in ids(page)] == users[:left]
    assert {page["total_records"] for page in found} == {7}


def test_endless_pages_have_new_tokens_and_the_same_rows(serve: Serve) -> None:
    client = odd(serve, "endless-pages:path=/users")
    token, tokens, rows = "", set(), []

    for _ in range(6):
        page = client.get("/users", page_size=3, **({"next_page_token": token} if token else {})).json()
        token = page["next_page_token"]
        tokens.add(token)
        rows.append(ids(page))

    assert len(tokens) == 6
    assert all(row == rows[0] and len(row) == 3 for row in rows)


def raw(sandbox_url: str, sent: bytes, wanted: Callable[[bytes], bool]) -> bytes:
    """What comes until it is as wanted, or until the server closes."""
    address = urlsplit(sandbox_url)
    got = b""
    with socket.create_connection((address.hostname, address.port or 0), timeout=5) as connection:
        connection.sendall(sent)
        while not wanted(got):
            part = connection.recv(65536)
            if not part:
                break
            got += part
    return got


def asking(client: Client, path: str) -> bytes:
    return f"GET /v2{path} HTTP/1.1\r\nAuthorization: {client.session.headers['Authorization']!s}\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("part", "wanted"),
    [
        ("body", lambda got: got.partition(b"\r\n\r\n")[2][:6] == b'{"next'),
        ("headers", lambda got: got.startswith(b"HTTP/1.1 200 OK\r\nContent-Type")),
        ("continue", lambda got: got == b"HTTP/1.1 100 Continue\r\n\r\n" * 3),
    ],
)
def test_an_answer_comes_byte_by_byte(serve: Serve, part: str, wanted: Callable[[bytes], bool]) -> None:
    client = odd(serve, f"drip:path=/users,part={part},seconds=0.01")

    begin = time.perf_counter()
    got = raw(client.sandbox.url, asking(client, "/users"), wanted)

    assert wanted(got)
    assert time.perf_counter() - begin >= 0.02
    assert client.get("/chat/channels").ok


def test_an_answer_that_drips_has_an_end(serve: Serve) -> None:
    client = odd(serve, "drip:path=/users,seconds=0.00001")

    slow = client.get("/users", page_size=1)

    assert slow.json()["total_records"] == 7
    assert client.get("/chat/channels").ok


def test_a_token_may_drip(serve: Serve) -> None:
    client = odd(serve, "drip:path=/oauth/token,part=headers,seconds=0.00001", authorized=False)

    assert client.request_token().json()["access_token"]


@pytest.mark.parametrize("fault", ["drip:path=/users,part=continue,seconds=3600", "refuse:path=/users,answer=timeout"])
def test_what_does_not_end_ends_with_the_sandbox(fault: str) -> None:
    got: list[bytes] = []
    with Sandbox(SandboxOptions(users=1, faults=(Fault.parse(fault),))) as sandbox:
        client = Client(sandbox)
        client.authorize()
        before = set(threading.enumerate())
        asker = threading.Thread(target=lambda: got.append(raw(sandbox.url, asking(client, "/users"), bool)))
        asker.start()
        deadline = time.monotonic() + 5
        while not sandbox.faults()[0]["hits"] and time.monotonic() < deadline:
            time.sleep(0.005)  # between two looks
        client.session.close()
    asker.join(5)

    served = set(threading.enumerate()) - before
    for thread in served:
        thread.join(5)
    assert got == [b""]
    assert not any(thread.is_alive() for thread in served)


@pytest.mark.parametrize("size", [25, 300_000])
def test_a_huge_answer(serve: Serve, size: int) -> None:
    client = odd(serve, f"huge:path=/users,bytes={size}")

    response = client.get("/users")

    assert (response.status_code, len(response.content)) == (200, size)
    assert set(response.json()) == {"padding"}
    assert client.get("/chat/channels").ok


def test_a_huge_answer_is_small_on_its_way(serve: Serve) -> None:
    client = odd(serve, "huge:path=/oauth/token,bytes=3000000,gzip=true", authorized=False)
    config = client.sandbox.config()

    response = client.session.post(config["authorization_endpoint"], timeout=5, stream=True)
    packed = response.raw.read(decode_content=False)
    unpacked = zlib.decompress(packed, wbits=31)

    assert response.headers["Content-Encoding"] == "gzip"
    assert (len(unpacked), len(packed) < 30_000) == (3_000_000, True)
    assert set(json.loads(unpacked)) == {"padding"}


@pytest.mark.parametrize(("settings", "status"), [("", 500), (",status=400", 400)])
def test_an_error_quotes_the_authorization(serve: Serve, settings: str, status: int) -> None:
    client = odd(serve, f"quote:path=/users{settings}")

    response = client.get("/users")

    header = str(client.session.headers["Authorization"])
    assert response.status_code == status
    assert header in response.json()["message"]
    assert len(header) > 600


def test_an_error_quotes_the_middle_of_the_authorization(serve: Serve) -> None:
    client = odd(serve, "quote:path=/users,part=middle")

    quoted = client.get("/users").json()["message"].rpartition(": ")[2]

    assert len(quoted) == 200
    assert quoted in str(client.session.headers["Authorization"])[20:-20]
