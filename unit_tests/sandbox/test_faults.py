import time
from collections.abc import Callable

import pytest
import requests

from sandbox import Fault
from unit_tests.sandbox.client import Client

Serve = Callable[..., Client]


def faulty(serve: Serve, *faults: str, **options: object) -> Client:
    return serve(faults=tuple(map(Fault.parse, faults)), oddities=False, **options)


def test_http_500_always_on_a_template_but_not_on_its_children(serve: Serve) -> None:
    client = faulty(serve, "http-500:path=/users")

    assert client.get("/users").status_code == 500
    assert client.get("/users/user1@example.com/meetings").ok


def test_http_500_always_on_a_piece_of_the_url(serve: Serve) -> None:
    client = faulty(serve, "http-500:path=user1@")

    paths = (f"/users/user{number}@example.com/meetings" for number in range(3))

    assert [client.get(path).status_code for path in paths] == [200, 500, 200]


def test_a_certain_rate_fault_hits_a_url_three_times_in_a_row(serve: Serve) -> None:
    client = faulty(serve, "http-500:rate=1")

    assert [client.get("/users").status_code for _ in range(8)] == [500, 500, 500, 200, 500, 500, 500, 200]


def test_rate_faults_follow_the_seed_and_the_rate(serve: Serve) -> None:
    clients = [faulty(serve, "http-500:rate=0.3", seed=seed) for seed in (1, 1, 2)]

    runs = [[client.get("/users", role_id=n).status_code for n in range(60)] for client in clients]

    assert runs[0] == runs[1] != runs[2]
    assert 6 <= runs[0].count(500) <= 32


def test_reset_in_mid_body(serve: Serve) -> None:
    client = faulty(serve, "reset:rate=1")

    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.get("/users")


def test_truncated_json_has_the_length_it_announces(serve: Serve) -> None:
    client = faulty(serve, "truncate:rate=1")

    response = client.get("/users")

    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(requests.JSONDecodeError):
        response.json()


def test_errors_are_not_truncated(serve: Serve) -> None:
    client = faulty(serve, "truncate:rate=1")

    assert client.error("/meetings/1234567890") == (404, 3001)


def test_html_instead_of_json(serve: Serve) -> None:
    response = faulty(serve, "html:rate=1").get("/users")

    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.text.startswith("<!DOCTYPE html>")


def test_unauthorized_until_a_new_token_each_time(serve: Serve) -> None:
    client = faulty(serve, "unauthorized:at=2", "unauthorized:at=5")

    statuses = [client.get("/users").status_code for _ in range(3)]
    client.authorize()
    statuses += [client.get("/users").status_code for _ in range(2)]
    client.authorize()
    statuses.append(client.get("/users").status_code)

    assert statuses == [200, 401, 401, 200, 401, 200]


def test_a_broken_and_a_gone_user(serve: Serve) -> None:
    client = faulty(serve, "user-broken:user=1", "host-gone:user=2")

    lists = [client.get(f"/users/{user}/meetings") for user in client.user_ids()]

    assert [response.status_code for response in lists] == [200, 500, 404, 200]
    assert lists[2].json()["code"] == 1001
    assert len(client.sandbox.expected_keys("meetings")) == 2 * 5


def test_a_repeated_page_token(serve: Serve) -> None:
    client = faulty(serve, "repeat-page-token:path=/users")

    first = client.get("/users", page_size=2).json()["next_page_token"]
    pages = [client.get("/users", page_size=2, next_page_token=first).json() for _ in range(2)]

    assert first
    assert [page["next_page_token"] for page in pages] == [first, first]


def test_a_dead_page_token_as_often_as_asked(serve: Serve) -> None:
    client = faulty(serve, "dead-page-token:path=/users,page=2,times=2")
    token = client.get("/users", page_size=2).json()["next_page_token"]

    answers = [client.get("/users", page_size=2, next_page_token=token) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [400, 400, 200]
    assert answers[0].json()["message"] == "The next page token is invalid or expired."


def test_page_tokens_die_once_for_each_list_of_a_path(serve: Serve) -> None:
    client = faulty(serve, "dead-page-token:path=/users,page=2", users=30)

    def second_page(status: str) -> int:
        token = client.get("/users", page_size=2, status=status).json()["next_page_token"]
        return client.get("/users", page_size=2, status=status, next_page_token=token).status_code

    assert [second_page(status) for status in ("active", "inactive", "active", "inactive")] == [400, 400, 200, 200]


def test_the_day_is_used_up(serve: Serve) -> None:
    client = faulty(serve, "daily-limit:label=medium,after=2")

    answers = [client.get("/users") for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 429, 429]
    assert answers[3].headers["Retry-After"].endswith("T00:00:00Z")
    assert client.get("/meetings/1234567890").status_code == 404


def test_a_per_second_refusal_now_and_then(serve: Serve) -> None:
    client = faulty(serve, "per-second-limit:label=medium,every=3")

    assert [client.get("/users").status_code for _ in range(6)] == [200, 200, 429, 200, 200, 429]


def test_an_error_in_a_200_and_an_empty_403(serve: Serve) -> None:
    client = faulty(serve, "error-in-200:path=/users", "forbidden:path=/chat/channels")

    hidden, forbidden = client.get("/users"), client.get("/chat/channels")

    assert (hidden.status_code, hidden.json()["code"]) == (200, 200)
    assert (forbidden.status_code, forbidden.content) == (403, b"")
    assert [client.sandbox.expected_keys(stream) for stream in ("users", "channels")] == [[], []]


def test_slow(serve: Serve) -> None:
    client = faulty(serve, "slow:path=/users,seconds=0.2")

    begin = time.perf_counter()
    client.get("/users")

    assert time.perf_counter() - begin >= 0.2


def test_the_token_endpoint_fails_as_often_as_asked(serve: Serve) -> None:
    client = faulty(serve, "token-endpoint:status=503,times=2", authorized=False)

    assert [client.request_token().status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize(
    "text",
    ["nonsense", "http-500", "reset", "http-500:rate=often", "reset:rate=1,user=2", "slow:path=/users", "html:rate"],
)
def test_faults_that_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|Fault"):
        Fault.parse(text)
