import socket
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest

from unit_tests.sandbox.client import Client

Serve = Callable[..., Client]


def exchange(client: Client, sent: bytes) -> bytes:
    address = urlsplit(client.sandbox.url)
    with socket.create_connection((address.hostname, address.port or 0), timeout=5) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_one_connection_serves_many_requests(serve: Serve) -> None:
    request = b"GET /_sandbox/counters HTTP/1.1\r\nHost: x\r\n\r\n"

    assert exchange(serve(), request * 3).count(b"HTTP/1.1 200 OK\r\n") == 3


def test_a_connection_closes_on_request(serve: Serve) -> None:
    request = b"GET /_sandbox/counters HTTP/1.1\r\nConnection: close\r\n\r\n"

    answer = exchange(serve(), request * 3)

    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 1
    assert b"\r\nConnection: close\r\n" in answer


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST /oauth/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 101 + b"\r\n",
    ],
)
def test_what_is_not_http_is_refused(serve: Serve, sent: bytes) -> None:
    assert exchange(serve(), sent).startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_path_values_are_decoded_once(serve: Serve) -> None:
    client = serve(oddities=False)
    once, twice = "user1%40example.com", "user1%2540example.com"

    answers = [client.get(f"/users/{value}/meetings").status_code for value in (once, twice)]

    assert answers == [200, 404]


@pytest.mark.parametrize("path", ["/nothing", "/users/", "/meetings/1/polls/2"])
def test_unknown_paths(serve: Serve, path: str) -> None:
    response = serve().get(path)

    assert (response.status_code, response.json()["code"]) == (400, 2300)


def test_only_get_is_served(serve: Serve) -> None:
    client = serve()

    assert client.session.post(f"{client.sandbox.url}/v2/users", timeout=5).json()["code"] == 2300
