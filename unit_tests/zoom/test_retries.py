"""Which answers are asked for again, how long that waits, and when it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ResponseAction

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.limits import DEAD, PATIENCE_SECONDS, PATIENCE_SLICES, LabelBudget
from source_zoom.zoom.retries import (
    CDK_SECONDS,
    COSTLY_SECONDS,
    MAX_RETRIES,
    Answer,
    ZoomBackoff,
    ZoomErrorHandler,
)
from source_zoom.zoom.token_watch import TokenWatch
from source_zoom.zoom.transport import AnswerTooLarge, AnswerTooSlow
from unit_tests.fake_zoom import API, DAILY_LIMIT, DEAD_PAGE_TOKEN, PER_SECOND_LIMIT, Fixed, response

POLLS = Endpoint(
    "meetings/{meeting_id}/polls",
    RateLabel.LIGHT,
    "meeting:read:list_polls:admin",
    records="polls",
)
SECOND_PAGE = f"{API}/meetings/1/polls?next_page_token=t0ken"
TRANSIENT = FailureType.transient_error


class Clock:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Tokens(TokenWatch):
    """Knows whether the token is alive."""

    def __init__(self, *, is_alive: bool = False) -> None:
        super().__init__()
        self._is_alive = is_alive
        self.accepted_urls: list[str | None] = []

    def is_alive(self, request: requests.PreparedRequest, session: requests.Session | None = None) -> bool:
        return self._is_alive

    def accepted(self, session: requests.Session, request: requests.PreparedRequest, sent: float) -> None:
        self.accepted_urls.append(request.url)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def budget(clock: Clock) -> LabelBudget:
    return LabelBudget(RateLabel.LIGHT, Fixed(1000), connections=2, clock=clock, sleep=clock.sleep)


@pytest.fixture
def backoff(budget: LabelBudget) -> ZoomBackoff:
    return ZoomBackoff(POLLS, budget)


def refused(status: int, code: int, message: str, **kwargs: Any) -> requests.Response:
    return response(status, {"code": code, "message": message}, **kwargs)


def paced(path: int = 1, **headers: str) -> requests.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return refused(429, 429, PER_SECOND_LIMIT, headers=named, url=f"{API}/meetings/{path}/polls")


def sent(error: Callable[..., requests.RequestException], text: str) -> requests.RequestException:
    return error(text, request=requests.Request("GET", f"{API}/meetings/1/polls").prepare())


def cut_off() -> requests.Response:
    return response(200, b'{"polls": [')


def give_up(backoff: ZoomBackoff, answer: Answer) -> SliceFailure:
    """Fail with one answer to the last attempt."""
    for attempt in range(1, MAX_RETRIES + 1):
        backoff.backoff_time(answer, attempt)
    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(answer, MAX_RETRIES + 1)
    return caught.value


def send(budget: LabelBudget) -> None:
    """Let one request through."""
    budget.policy.try_acquire(None, 1)


# What the CDK's client is told


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (response(200, {"polls": []}), ResponseAction.SUCCESS),
        (refused(404, 3001, "Meeting does not exist: 1."), ResponseAction.SUCCESS),
        (refused(400, 4711, "Invalid access token, does not contain scopes:[a]."), ResponseAction.SUCCESS),
        (refused(400, 300, "Invalid user id."), ResponseAction.SUCCESS),
        (refused(400, 200, "No permission."), ResponseAction.SUCCESS),
        (refused(429, 429, DAILY_LIMIT), ResponseAction.SUCCESS),
        (response(403, b"<html>"), ResponseAction.SUCCESS),
        (response(302, b""), ResponseAction.SUCCESS),
        (paced(), ResponseAction.RETRY),
        (refused(401, 124, "Access token is expired."), ResponseAction.REFRESH_TOKEN_THEN_RETRY),
        (refused(400, 300, DEAD_PAGE_TOKEN, url=SECOND_PAGE), ResponseAction.RESET_PAGINATION),
        (cut_off(), ResponseAction.RETRY),
        (response(503, b""), ResponseAction.RETRY),
        (refused(400, 802, "Data is not ready, please try again later"), ResponseAction.RETRY),
        (requests.ConnectionError("reset by peer"), ResponseAction.RETRY),
        (requests.ReadTimeout("timed out"), ResponseAction.RETRY),
        (requests.exceptions.ChunkedEncodingError("cut off"), ResponseAction.RETRY),
        (AnswerTooSlow("too slow"), ResponseAction.RETRY),
        (None, ResponseAction.RETRY),
    ],
)
def test_handler_retries_what_may_pass_and_hands_on_what_is_final(
    budget: LabelBudget, answer: requests.Response | requests.RequestException | None, action: ResponseAction
) -> None:
    handler = ZoomErrorHandler(POLLS, budget, Tokens())

    assert handler.interpret_response(answer).response_action is action
    assert budget.successes == (action is ResponseAction.SUCCESS)


def test_token_that_is_alive_is_not_renewed_for_an_object_that_is_refused(budget: LabelBudget) -> None:
    handler = ZoomErrorHandler(POLLS, budget, Tokens(is_alive=True))

    assert handler.interpret_response(response(401, b"")).response_action is ResponseAction.SUCCESS


def test_only_what_was_answered_for_shows_that_the_token_is_accepted(budget: LabelBudget) -> None:
    tokens = Tokens(is_alive=True)
    handler = ZoomErrorHandler(POLLS, budget, tokens)

    for answer in (refused(404, 3001, "Meeting does not exist: 1."), response(401, b""), response(503, b"")):
        handler.interpret_response(answer)
    assert tokens.accepted_urls == []

    handler.interpret_response(response(200, {"polls": []}))
    assert tokens.accepted_urls == [f"{API}/meetings/1/polls"]


def test_handler_names_the_network_error_but_not_its_text(budget: LabelBudget) -> None:
    resolution = ZoomErrorHandler(POLLS, budget, Tokens()).interpret_response(
        requests.ConnectionError("host api.zoom.us, token abc")
    )

    assert resolution.error_message == "Zoom could not be reached (ConnectionError)"
    assert resolution.failure_type is TRANSIENT


# Faults


EXPONENTIAL = [None] * MAX_RETRIES
"""Leaves the waits of 1, 2, 4, 8 and 16 s to the CDK."""
OWN = [0.01, 1.0, 3.0, 7.0, 15.0]
"""The same, to which the CDK adds a second each."""


@pytest.mark.parametrize(
    ("answer", "kind", "waits", "meaning"),
    [
        (response(503, b""), "503", EXPONENTIAL, "BROKEN"),
        (response(200, b"<html>"), "200", OWN, "BROKEN"),
        (refused(400, 802, "Data is not ready, please try again later"), "400/802", EXPONENTIAL, "NOT_READY"),
        (requests.ConnectionError("reset by peer"), "ConnectionError", EXPONENTIAL, None),
        (requests.ReadTimeout("timed out"), "ReadTimeout", EXPONENTIAL, None),
    ],
)
def test_fault_is_given_up_after_the_last_retry(
    backoff: ZoomBackoff, answer: Answer, kind: str, waits: list[float | None], meaning: str | None
) -> None:
    assert [backoff.backoff_time(answer, attempt) for attempt in range(1, MAX_RETRIES + 1)] == waits
    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(answer, MAX_RETRIES + 1)

    error = caught.value
    assert (error.cause, error.failure_type, error.again, error.costly) == (kind, TRANSIENT, True, False)
    assert error.facts.get("meaning") == meaning
    assert str(error).endswith("also at the last of 6 attempts (GET /meetings/{meeting_id}/polls).")
    assert "reset by peer" not in str(error)


def test_facts_of_a_fault_have_its_numbers(backoff: ZoomBackoff) -> None:
    answer = refused(400, 802, "Data is not ready, please try again later")

    assert give_up(backoff, answer).facts == {"meaning": "NOT_READY", "http_status": 400, "zoom_code": 802}


def test_cut_off_answer_after_refusals_for_the_pace_waits_a_second_not_hours(backoff: ZoomBackoff) -> None:
    for attempt in range(1, 16):
        backoff.backoff_time(paced(), attempt)

    assert [backoff.backoff_time(cut_off(), attempt) for attempt in range(16, 21)] == OWN


def test_refusals_for_the_pace_between_faults_do_not_count(backoff: ZoomBackoff) -> None:
    attempt = 0
    for _ in range(MAX_RETRIES):
        for answer in (response(503, b""), paced(), paced()):
            attempt += 1
            backoff.backoff_time(answer, attempt)

    with pytest.raises(SliceFailure, match="at the last of 6 attempts"):
        backoff.backoff_time(response(503, b""), attempt + 1)


def test_each_request_counts_its_own_faults(backoff: ZoomBackoff) -> None:
    for attempt in range(1, MAX_RETRIES + 1):
        backoff.backoff_time(cut_off(), attempt)

    assert backoff.backoff_time(cut_off(), 1) == OWN[0]


def test_each_thread_counts_its_own_faults(backoff: ZoomBackoff) -> None:
    for attempt in range(1, MAX_RETRIES + 1):
        backoff.backoff_time(cut_off(), attempt)
    waits: list[float | None] = []
    thread = threading.Thread(target=lambda: waits.append(backoff.backoff_time(cut_off(), 1)))
    thread.start()
    thread.join()

    assert waits == [OWN[0]]
    with pytest.raises(SliceFailure):
        backoff.backoff_time(cut_off(), MAX_RETRIES + 1)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (AnswerTooSlow, "The answer was not complete within 600 seconds."),
        (AnswerTooLarge, "The answer is larger than 64 MB."),
    ],
)
def test_answer_without_an_end_is_not_asked_for_again_at_once(
    backoff: ZoomBackoff, error: type[requests.RequestException], text: str
) -> None:
    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(sent(error, text), 1)

    assert str(caught.value) == f"{text[:-1]} (GET /meetings/{{meeting_id}}/polls)."
    assert (caught.value.cause, caught.value.again) == (error.__name__, True)


def test_what_took_minutes_is_left_to_the_next_sync(backoff: ZoomBackoff, budget: LabelBudget, clock: Clock) -> None:
    send(budget)
    clock.sleep(COSTLY_SECONDS)

    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(sent(AnswerTooSlow, "The answer was not complete."), 1)

    assert caught.value.costly


@pytest.mark.parametrize("answer", [response(503, b""), paced(), requests.ReadTimeout("timed out")])
def test_request_ends_when_patience_does(
    backoff: ZoomBackoff, budget: LabelBudget, clock: Clock, answer: requests.Response | requests.RequestException
) -> None:
    send(budget)
    backoff.backoff_time(answer, 1)
    clock.sleep(PATIENCE_SECONDS / 2)
    backoff.backoff_time(answer, 2)
    budget.accepted()  # for others, so that the label is not dead
    clock.sleep(PATIENCE_SECONDS / 2)

    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(answer, 3)

    assert not isinstance(caught.value, StreamStopped)
    assert (caught.value.again, caught.value.costly) == (True, True)


# The pace


@pytest.mark.parametrize("header", [None, "-1", "soon", "0"])
def test_refusal_for_the_pace_waits_for_its_turn_only_and_never_counts(
    backoff: ZoomBackoff, header: str | None
) -> None:
    answer = paced() if header is None else paced(Retry_After=header)

    waits = {backoff.backoff_time(answer, attempt) for attempt in range(1, 1000)}

    [wait] = waits
    assert wait is not None
    assert 0 < wait + CDK_SECONDS < 0.01


def test_handler_tells_the_pace_what_became_of_a_request(budget: LabelBudget) -> None:
    handler = ZoomErrorHandler(POLLS, budget, Tokens())

    for answer in (paced(), response(200, {"polls": []}), refused(429, 429, DAILY_LIMIT), paced()):
        send(budget)
        handler.interpret_response(answer)

    assert budget.policy.refused == 2


def test_retry_after_holds_every_request_of_the_label_not_one_thread(
    backoff: ZoomBackoff, budget: LabelBudget, clock: Clock
) -> None:
    began = clock.seconds

    wait = backoff.backoff_time(paced(Retry_After="7"), 1)

    assert wait is not None
    assert wait + CDK_SECONDS < 0.01
    send(budget)
    assert clock.seconds - began == pytest.approx(7, abs=0.1)


# The label


def fault_of(number: int) -> requests.Response:
    return response(503, b"", url=f"{API}/meetings/{number}/polls")


def test_label_that_fails_for_one_request_after_another_is_dead(backoff: ZoomBackoff) -> None:
    errors = [give_up(backoff, fault_of(number)) for number in range(PATIENCE_SLICES)]

    assert not any(isinstance(error, StreamStopped) for error in errors[:-1])
    assert isinstance(errors[-1], StreamStopped)
    assert (errors[-1].cause, errors[-1].failure_type) == (DEAD, TRANSIENT)
    assert "(last: HTTP 503)" in str(errors[-1])
    with pytest.raises(StreamStopped):
        backoff.backoff_time(fault_of(0), 1)


def test_one_accepted_answer_between_keeps_the_label_alive(backoff: ZoomBackoff, budget: LabelBudget) -> None:
    handler = ZoomErrorHandler(POLLS, budget, Tokens())

    for number in range(3 * PATIENCE_SLICES):
        assert not isinstance(give_up(backoff, fault_of(number)), StreamStopped)
        if number % (PATIENCE_SLICES - 1) == 0:
            handler.interpret_response(refused(404, 3001, "Meeting does not exist: 1."))  # a sign of life, too


def test_label_that_only_refuses_for_the_pace_is_dead_after_its_patience(
    backoff: ZoomBackoff, budget: LabelBudget, clock: Clock
) -> None:
    send(budget)
    for number in (1, 2):
        backoff.backoff_time(paced(number), 1)
    clock.sleep(PATIENCE_SECONDS)

    with pytest.raises(StreamStopped) as caught:
        backoff.backoff_time(paced(1), 2)

    assert caught.value.cause == DEAD
    with pytest.raises(StreamStopped):
        send(budget)


def test_refused_token_is_left_to_the_client(backoff: ZoomBackoff) -> None:
    answer = refused(401, 124, "Access token is expired.")

    assert [backoff.backoff_time(answer, attempt) for attempt in range(1, MAX_RETRIES + 3)] == [None] * 7
