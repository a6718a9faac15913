"""Whether a 401 speaks of the token or of one object."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType

from source_zoom.engine import StreamStopped
from source_zoom.zoom.token_watch import TokenWatch
from unit_tests.fake_zoom import API

USERS = f"{API}/users?page_size=300"
OTHERS = f"{API}/chat/channels"
REFUSED = f"{API}/meetings/1/polls"
OLD, NEW = "Bearer old-token", "Bearer new-token"


class Clock:
    """Seconds that pass with each look at them."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watch(clock: Clock) -> TokenWatch:
    return TokenWatch(clock)


@pytest.fixture
def zoom() -> Any:
    with requests_mock.Mocker() as mocker:
        yield mocker


def request(url: str = REFUSED, token: str = OLD) -> requests.PreparedRequest:
    return requests.Request("GET", url, headers={"Authorization": token}).prepare()


def accept(watch: TokenWatch, clock: Clock, url: str = USERS, token: str = OLD) -> None:
    watch.accepted(requests.Session(), request(url, token), clock())


def test_token_that_was_accepted_nowhere_yet_is_taken_for_dead(watch: TokenWatch, zoom: requests_mock.Mocker) -> None:
    assert not watch.is_alive(request())
    assert zoom.call_count == 0


def test_request_that_was_accepted_last_is_sent_again_with_the_token_in_question(
    watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker
) -> None:
    zoom.get(USERS, json={"users": []})
    accept(watch, clock)

    assert watch.is_alive(request(token=NEW))

    [asked] = zoom.request_history
    assert asked.headers["Authorization"] == NEW
    assert asked.url == USERS
    assert asked.timeout == (10, 60)  # type: ignore[comparison-overlap]  # its types know no pairs


@pytest.mark.parametrize(
    ("status", "body", "is_alive"),
    [
        (200, {"users": []}, True),
        (200, {"users": [], "code": 0}, True),
        (404, {"code": 3001, "message": "Meeting does not exist: 1."}, True),
        (403, None, True),
        (401, None, False),
        (401, {"code": 124, "message": "Invalid access token."}, False),
        # Zoom documents code 124 with 400, too: a dead token that is taken for a refused object would lose rows.
        (400, {"code": 124, "message": "Access token is expired."}, False),
        (200, {"code": 124, "message": "Access token is expired."}, False),
        # These do not tell, so that the token is renewed.
        (429, {"code": 429, "message": "You have reached the maximum per-second rate limit for this API."}, False),
        (503, None, False),
    ],
)
def test_answer_tells_what_the_token_is(
    clock: Clock, zoom: requests_mock.Mocker, status: int, body: Any, *, is_alive: bool
) -> None:
    zoom.get(USERS, status_code=status, text="" if body is None else json.dumps(body))
    watch = TokenWatch(clock)
    accept(watch, clock)

    assert watch.is_alive(request()) is is_alive


def test_network_error_does_not_tell(watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker) -> None:
    zoom.get(USERS, exc=requests.ConnectionError)
    accept(watch, clock)

    assert not watch.is_alive(request())


@pytest.mark.parametrize("silence", [{"status_code": 429}, {"status_code": 503}, {"exc": requests.ConnectionError}])
def test_where_one_session_does_not_tell_another_does(
    watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker, silence: dict[str, Any]
) -> None:
    zoom.get(OTHERS, json={"channels": []})
    zoom.get(USERS, **silence)
    accept(watch, clock, OTHERS)
    accept(watch, clock)

    assert watch.is_alive(request())


def test_session_whose_limit_is_used_up_does_not_tell(watch: TokenWatch, clock: Clock) -> None:
    class UsedUp(requests.Session):
        def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
            raise StreamStopped("The day is over.", cause="DAILY", failure_type=FailureType.config_error)

    watch.accepted(UsedUp(), request(USERS), clock())

    assert not watch.is_alive(request())


def test_the_own_session_is_asked_first(watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker) -> None:
    zoom.get(OTHERS, json={"channels": []})
    own = requests.Session()
    watch.accepted(own, request(OTHERS), clock())
    accept(watch, clock)

    assert watch.is_alive(request(), own)
    assert [asked.url for asked in zoom.request_history] == [OTHERS]


def test_request_that_is_refused_now_and_was_accepted_before_speaks_for_itself(
    watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker
) -> None:
    accept(watch, clock, url=REFUSED)

    assert not watch.is_alive(request())
    assert zoom.call_count == 0


def test_each_refusal_asks_again_as_the_token_may_have_died_since(
    watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker
) -> None:
    zoom.get(USERS, [{"json": {"users": []}}, {"status_code": 401}])
    accept(watch, clock)

    assert watch.is_alive(request())
    assert not watch.is_alive(request())


def test_threads_that_were_refused_at_once_share_one_request(zoom: requests_mock.Mocker) -> None:
    refused_at = threading.Barrier(8)
    once = threading.local()

    def clock() -> float:
        """The same moment for every thread's refusal, and a later one for what comes after."""
        if getattr(once, "asked", False):
            return 2.0
        once.asked = True
        refused_at.wait()
        return 1.0

    watch = TokenWatch(clock)
    watch.accepted(requests.Session(), request(USERS), 0.0)
    zoom.get(USERS, json={"users": []})
    alive: list[bool] = []
    threads = [threading.Thread(target=lambda: alive.append(watch.is_alive(request()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert alive == [True] * 8
    assert zoom.call_count == 1


def test_what_another_token_was_accepted_for_says_nothing(
    watch: TokenWatch, clock: Clock, zoom: requests_mock.Mocker
) -> None:
    zoom.get(USERS, status_code=401)
    watch.accepted(requests.Session(), request(USERS, NEW), clock() + 1000)  # sent after the refusal

    assert not watch.is_alive(request(token=OLD))
    assert zoom.call_count == 1


def test_token_itself_is_not_kept(watch: TokenWatch, clock: Clock) -> None:
    accept(watch, clock)

    assert "old-token" not in repr(vars(watch))
