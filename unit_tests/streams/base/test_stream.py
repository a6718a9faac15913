"""The real streams against made-up answers: what is asked, what comes out, what is counted, what is said."""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pendulum
import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.engine.feed import ParentFeed
from source_zoom.streams import ZoomStream, build
from source_zoom.streams.base.stream import MOST_MISCOUNTS, REFUSED, TIMEOUT_SECONDS
from source_zoom.streams.registration import Occurrence
from source_zoom.streams.users import Users
from source_zoom.zoom.probation import MOST_REFUSED
from source_zoom.zoom.retries import MAX_REFUSALS, MAX_RETRIES
from unit_tests.fake_zoom import (
    ACCESS_TOKEN,
    API,
    CLIENT_SECRET,
    DAILY_LIMIT,
    DEAD_PAGE_TOKEN,
    PER_SECOND_LIMIT,
    TOKEN_URL,
    context,
    refusal,
    token,
)

MEETING = {"meeting_id": "1", "host_id": "h"}
REGISTRANTS_OF = {**MEETING, "approval_type": 0, "occurrences": ()}
OCCURRENCES = (Occurrence("o1", "2026-05-01T08:00:00Z"), Occurrence("o2", None))
DEAD_TOKEN = refusal(400, 300, DEAD_PAGE_TOKEN)


@pytest.fixture(autouse=True)
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are not waited for."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        yield mocker


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> dict[str, ZoomStream]:
    """Every stream; of `users` the active ones only, so that there is a list which takes one read."""
    monkeypatch.setattr(Users, "endpoint", replace(Users.endpoint, variants=({"status": "active"},)))
    return build(context())


def read(stream: ZoomStream, slice_: Mapping[str, Any] | None = None) -> list[Mapping[str, Any]]:
    return list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_ or {}))


def failure(stream: ZoomStream, slice_: Mapping[str, Any] | None = None) -> SliceFailure:
    with pytest.raises(SliceFailure) as caught:
        read(stream, slice_)
    return caught.value


def gets(zoom: requests_mock.Mocker) -> list[Any]:
    return [request for request in zoom.request_history if request.method == "GET"]


def page(records: str, *ids: str, after: str = "") -> dict[str, Any]:
    return {"json": {records: [{"id": id_} for id_ in ids], "next_page_token": after}}


# Pages


def test_every_page_is_read_with_the_same_parameters(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    pages = [page("users", "a", after="t1"), page("users", after="t2"), page("users", "b", "c")]
    zoom.get(f"{API}/users", pages)

    assert [record["id"] for record in read(streams["users"])] == ["a", "b", "c"]
    first = {"status": ["active"], "include_fields": ["custom_attributes"], "page_size": ["300"]}
    assert [request.qs for request in gets(zoom)] == [
        first,
        {**first, "next_page_token": ["t1"]},
        {**first, "next_page_token": ["t2"]},
    ]


def test_awkward_page_token_is_sent_as_it_came(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/users", [page("users", "a", after="A+b/c==&d%2B"), page("users", "b")])

    read(streams["users"])

    assert gets(zoom)[1].url.endswith("next_page_token=A%2Bb%2Fc%3D%3D%26d%252B")


def test_pages_without_a_next_page_token_end_the_slice(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", json={"polls": [{"id": "p"}]})

    assert [record["id"] for record in read(streams["meeting_polls"], MEETING)] == ["p"]
    assert len(gets(zoom)) == 1


def test_page_token_is_followed_where_zoom_documents_none(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", [page("polls", "p", after="t1"), page("polls", "q")])

    assert [record["id"] for record in read(streams["meeting_polls"], MEETING)] == ["p", "q"]


def test_requests_have_timeouts(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/users", **page("users"))

    read(streams["users"])

    assert gets(zoom)[0].timeout == TIMEOUT_SECONDS


def test_slice_restarts_when_its_page_token_dies(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    answers = [page("users", "a", after="t1"), DEAD_TOKEN, page("users", "a", after="t2"), page("users", "b")]
    zoom.get(f"{API}/users", answers)

    assert [record["id"] for record in read(streams["users"])] == ["a", "a", "b"]
    tokens = [request.qs.get("next_page_token") for request in gets(zoom)]
    assert tokens == [None, ["t1"], None, ["t2"]]


def test_slice_restarts_as_long_as_each_attempt_gets_further(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    a, b, c, d = (page("users", id_, after=f"after-{id_}") for id_ in "abcd")
    zoom.get(f"{API}/users", [a, DEAD_TOKEN, a, b, DEAD_TOKEN, a, b, c, DEAD_TOKEN, a, b, c, d, page("users", "e")])

    assert "".join(record["id"] for record in read(streams["users"])) == "aababcabcde"


def test_slice_fails_when_a_restart_gets_no_further(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    first = page("users", "a", after="t1")
    zoom.get(f"{API}/users", [first, DEAD_TOKEN, first, DEAD_TOKEN, page("users", "never asked for")])

    error = failure(streams["users"])

    assert str(error) == ("The page token of GET /users expired after page 1, again and without getting further.")
    assert (error.cause, error.failure_type) == ("PAGE_TOKEN", FailureType.transient_error)
    assert not isinstance(error, StreamStopped)
    assert len(gets(zoom)) == 4


def test_page_token_that_dies_before_there_was_one_is_a_failure(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [DEAD_TOKEN])

    error = failure(streams["users"])

    assert (error.cause, error.failure_type) == ("INVALID", FailureType.config_error)
    assert len(gets(zoom)) == 1


@pytest.mark.parametrize("tokens", [["t1", "t1"], ["t1", "t2", "t1"]])
def test_page_token_given_twice_is_a_failure(
    tokens: list[str], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [page("users", str(number), after=token_) for number, token_ in enumerate(tokens)])

    error = failure(streams["users"])

    assert str(error) == "GET /users does not end: Zoom gave the same page token twice."
    assert (error.cause, error.failure_type, error.again) == ("BROKEN", FailureType.transient_error, True)
    assert len(gets(zoom)) == len(tokens)


def fresh_tokens(*records: list[str], total: int | None = None) -> list[dict[str, Any]]:
    """Pages that each name another next one."""
    count = {} if total is None else {"total_records": total}
    return [
        {"json": {**page("users", *ids, after=f"t{number}")["json"], **count}} for number, ids in enumerate(records)
    ]


@pytest.mark.parametrize(
    ("pages", "reason", "requests_made"),
    [
        (fresh_tokens(["a", "b"], ["a", "b"], ["c"]), "a page was equal to the one before", 2),
        (fresh_tokens(["a"], [], [], [], ["b"]), "3 pages in a row were empty", 4),
        (
            fresh_tokens(*([f"{number}.{row}" for row in range(300)] for number in range(40)), total=600),
            "it says that it has 600 records and gave 3,900",
            13,
        ),
    ],
    ids=["the same page", "empty pages", "far more than the total"],
)
def test_pages_without_end_are_a_fault_though_no_token_comes_twice(
    pages: list[dict[str, Any]],
    reason: str,
    requests_made: int,
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
) -> None:
    zoom.get(f"{API}/users", pages)

    error = failure(streams["users"])

    assert str(error) == f"GET /users does not end: {reason}."
    assert (error.failure_type, error.again) == (FailureType.transient_error, True)
    assert len(gets(zoom)) == requests_made


def test_page_that_was_emitted_is_still_known_when_it_comes_again(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    """What a record gets on its way out must not make it another one."""
    same = [{"json": {"meetings": [{"id": 1}], "next_page_token": f"t{number}"}} for number in range(9)]
    zoom.get(f"{API}/users/u/meetings", same)

    assert "equal to the one before" in str(failure(streams["meeting_list"], {"user_id": "u"}))


# Lists that disagree with their own count


def counted(total: int, *ids: str, after: str = "") -> dict[str, Any]:
    return {"json": {"users": [{"id": id_} for id_ in ids], "total_records": total, "next_page_token": after}}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]


@pytest.mark.parametrize(
    "first_pass",
    [
        [counted(3, "a", "b")],
        [counted(2, "a", after="t1"), counted(3, "b")],
    ],
    ids=["shorter than its count", "count changed"],
)
def test_list_that_disagrees_with_its_count_is_read_once_more(
    first_pass: list[dict[str, Any]],
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
    caplog: pytest.LogCaptureFixture,
) -> None:
    zoom.get(f"{API}/users", [*first_pass, counted(3, "a", "b", "c"), counted(9, "never asked for")])

    assert [record["id"] for record in read(streams["users"])][-3:] == ["a", "b", "c"]
    assert len(gets(zoom)) == len(first_pass) + 1
    assert warnings(caplog) == []


def test_list_that_stays_short_of_its_count_is_said_once(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/users", **counted(500, "a", "b"))

    assert {record["id"] for record in read(streams["users"])} == {"a", "b"}
    assert len(gets(zoom)) == 2
    read(streams["users"])

    [said] = warnings(caplog)
    assert "500 records" in said
    assert "gave 2" in said


def test_count_that_is_wrong_for_every_list_is_not_trusted_any_more(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/users", **counted(500, "a", "b"))

    calls = []
    for _ in range(MOST_MISCOUNTS + 2):
        before = len(gets(zoom))
        read(streams["users"])
        calls.append(len(gets(zoom)) - before)

    assert calls == [2] * MOST_MISCOUNTS + [1, 1]
    assert len(warnings(caplog)) == 1


def test_empty_list_that_says_so_without_a_list_is_an_answer(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", json={"page_size": 300, "total_records": 0})

    assert read(streams["users"]) == []
    assert len(gets(zoom)) == 1


# Skips


def test_skips_are_counted_by_meaning_and_named_at_the_end(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    polls = streams["meeting_polls"]
    assert polls.closing_line() is None
    gone = refusal(404, 3001, "Meeting does not exist: 1.")
    zoom.get(f"{API}/meetings/1/polls", [gone, gone, refusal(400, 4400, "Meeting polls disabled."), page("polls", "p")])

    assert [len(read(polls, MEETING)) for _ in range(4)] == [0, 0, 0, 1]
    assert polls.closing_line() == (
        "Stream meeting_polls skipped what Zoom has nothing for: "
        "2 x GONE (404/3001: it does not exist any more), 1 x POLLS_OFF (400/4400: polls are switched off for it)."
    )


def test_skip_of_a_detail_is_no_record(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/meetings/1", **refusal(404, 3001, "Meeting does not exist: 1."))

    assert read(streams["meetings"], MEETING) == []


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (refusal(400, 200, "No permission."), "NO_PERMISSION"),
        (refusal(400, 300, "Invalid meeting id."), "INVALID"),
        (refusal(403, 403, "Forbidden."), "NO_PERMISSION"),
        ({"status_code": 403, "text": "<html>Forbidden</html>"}, "NO_PERMISSION"),
        (refusal(404, 404, "Not found."), "UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_object_that_is_refused_fails_its_slice_and_no_other(
    answer: dict[str, Any], meaning: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", **answer)
    zoom.get(f"{API}/meetings/2/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]

    error = failure(polls, MEETING)

    assert type(error) is SliceFailure
    assert (error.cause, error.failure_type, error.again) == (meaning, FailureType.config_error, False)
    assert {name: error.facts[name] for name in ("object_type", "object_id", "meaning", "http_status")} == {
        "object_type": "meeting",
        "object_id": "1",
        "meaning": meaning,
        "http_status": answer["status_code"],
    }
    assert polls.closing_line() is None
    assert [record["id"] for record in read(polls, {**MEETING, "meeting_id": "2"})] == ["p"]
    assert len(gets(zoom)) == 2


def test_object_refused_with_401_while_others_are_answered_fails_its_slice_with_no_new_token(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", **refusal(401, 124, "Invalid access token."))
    zoom.get(f"{API}/meetings/2/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]
    other = {**MEETING, "meeting_id": "2"}

    assert len(read(polls, other)) == 1
    error = failure(polls, MEETING)
    assert len(read(polls, other)) == 1

    assert (type(error), error.cause, error.failure_type) == (SliceFailure, "TOKEN", FailureType.config_error)
    assert len([request for request in zoom.request_history if request.method == "POST"]) == 1


def test_list_of_the_account_that_is_refused_stops_its_stream(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(404, 3001, "Meeting does not exist: 1."))

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert (error.cause, error.failure_type) == ("GONE", FailureType.config_error)
    assert str(error) == "GET /users was answered with HTTP 404: Meeting does not exist: 1."
    assert streams["users"].closing_line() is None


def test_ten_objects_refused_alike_and_none_answered_stop_the_stream(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(re.compile("/polls"), **refusal(400, 200, "No permission."))
    polls = streams["meeting_polls"]

    errors = [
        failure(polls, {**MEETING, "meeting_id": str(number), "host_id": f"host {number % 2}"})
        for number in range(MOST_REFUSED)
    ]

    assert [type(error) for error in errors] == [SliceFailure] * (MOST_REFUSED - 1) + [StreamStopped]
    assert (errors[-1].cause, errors[-1].failure_type) == (REFUSED, FailureType.config_error)
    assert "for all that it was asked for" in str(errors[-1])
    assert "Give the role" in str(errors[-1])


def test_ten_objects_refused_are_single_ones_where_another_was_answered(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(re.compile("/polls"), **refusal(400, 200, "No permission."))
    zoom.get(f"{API}/meetings/7/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]
    read(polls, {**MEETING, "meeting_id": "7"})

    errors = [failure(polls, {**MEETING, "meeting_id": f"1{number}"}) for number in range(2 * MOST_REFUSED)]

    assert {type(error) for error in errors} == {SliceFailure}


def test_failure_names_the_request_in_the_log_only(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/meetings/1/polls", **refusal(400, 300, "Invalid meeting id."))

    error = failure(streams["meeting_polls"], MEETING)

    assert str(error) == "GET /meetings/{meeting_id}/polls was answered with HTTP 400: Invalid meeting id."
    assert error.internal_message == f"{error} Request: GET /meetings/1/polls"


def test_skip_in_the_first_variant_spares_the_others(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/registrants", **refusal(400, 300, "This meeting has not registration required: 1"))

    assert read(streams["meeting_registrants"], REGISTRANTS_OF) == []
    assert len(gets(zoom)) == 1
    assert streams["meeting_registrants"].closing_line() == (
        "Stream meeting_registrants skipped what Zoom has nothing for: 1 x NO_REGISTRATION (400/300: registration is "
        "not required for it)."
    )


# What stops a stream


def test_missing_scope_stops_the_stream_and_names_both_forms(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(400, 4711, "Invalid access token, does not contain scopes:[user:read:admin]."))

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert (error.cause, error.failure_type) == ("SCOPE", FailureType.config_error)
    assert "'user:read:list_users:admin'" in str(error)
    assert "'user:read:admin'" in str(error)
    assert len(gets(zoom)) == 1


def test_daily_limit_ends_every_stream_of_the_label_without_another_request(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    reset = pendulum.now("UTC").add(hours=30).format("YYYY-MM-DD[T]HH:mm:ss[Z]")
    zoom.get(f"{API}/users", [refusal(429, 429, DAILY_LIMIT, Retry_After=reset)])
    zoom.get(f"{API}/meetings/1/polls", **page("polls", "p"))

    first = failure(streams["users"])
    sent = len(gets(zoom))
    others = [failure(streams[name], REGISTRANTS_OF) for name in ("users", "channels", "meeting_registrants")]

    for error in (first, *others):
        assert isinstance(error, StreamStopped)
        # A retry of the platform's, which comes at once, cannot help.
        assert error.failure_type is FailureType.config_error
        assert "daily limit for medium requests" in str(error)
        assert f"resets at {reset}" in str(error)
    assert sent == len(gets(zoom)) == 1
    assert len(read(streams["meeting_polls"], MEETING)) == 1


def test_refused_credentials_stop_the_stream_with_the_authenticators_sentence(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    invalid = {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}
    zoom.post(TOKEN_URL, status_code=400, json=invalid)

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.config_error
    assert "`credentials.client_secret`" in str(error)
    assert gets(zoom) == []


def test_token_refused_again_after_its_renewal_stops_the_stream(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(401, 124, "Invalid access token."))

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.config_error
    assert len(gets(zoom)) == 2


# What passes


def test_expired_token_is_renewed_unseen(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.post(TOKEN_URL, [token(), {"json": {"access_token": "second", "expires_in": 3599}}])
    sent: list[str] = []

    def users(request: Any, answer: Any) -> Any:
        sent.append(request.headers["Authorization"])
        if sent[-1] == "Bearer second":
            return page("users", "a")["json"]
        answer.status_code = 401
        return {"code": 124, "message": "Access token is expired."}

    zoom.get(f"{API}/users", json=users)

    assert [record["id"] for record in read(streams["users"])] == ["a"]
    assert sent == [f"Bearer {ACCESS_TOKEN}", "Bearer second"]


def test_per_second_refusals_are_waited_for_and_seen_by_the_budget(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], sleeps: list[float]
) -> None:
    slow_down = refusal(429, 429, PER_SECOND_LIMIT, Retry_After="2")
    zoom.get(f"{API}/users", [slow_down, slow_down, page("users", "a")])
    policy = streams["users"]._budget.policy
    naps: list[float] = []
    policy._sleep = naps.append

    assert len(read(streams["users"])) == 1
    # All threads of the label wait for as long as Zoom asks; this one for its jitter, too.
    assert sum(naps) == pytest.approx(4, abs=0.3)
    assert all(1 < wait <= 2 for wait in filter(None, sleeps))
    assert policy.refused == 2


def test_per_second_refusals_without_end_fail_the_slice(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(429, 429, PER_SECOND_LIMIT))

    error = failure(streams["users"])

    assert not isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.transient_error
    assert len(gets(zoom)) == MAX_REFUSALS + 1


PASSING: list[dict[str, Any]] = [
    {"exc": requests.ConnectionError("reset by peer")},
    {"exc": requests.ReadTimeout("timed out")},
    {"exc": requests.exceptions.ChunkedEncodingError("cut off")},
    {"status_code": 502, "text": "<html>Bad Gateway</html>"},
    {"status_code": 503, "text": ""},
    {"text": '{"users": [{"id": '},
    {"text": "<html>Please sign in</html>"},
    {"json": {"page_size": 300}},
]


@pytest.mark.parametrize("answer", PASSING, ids=repr)
def test_what_passes_is_retried_with_growing_waits(
    answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], sleeps: list[float]
) -> None:
    zoom.get(f"{API}/users", [answer] * MAX_RETRIES + [page("users", "a")])

    assert len(read(streams["users"])) == 1
    assert list(filter(None, sleeps)) == pytest.approx([1, 2, 4, 8, 16], abs=0.02)


@pytest.mark.parametrize("answer", PASSING, ids=repr)
def test_what_does_not_pass_fails_the_slice_and_no_other(
    answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [answer] * (MAX_RETRIES + 1) + [page("users", "a")])

    error = failure(streams["users"])

    assert not isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.transient_error
    assert str(error).endswith("also at the last of 6 attempts (GET /users).")
    assert len(gets(zoom)) == MAX_RETRIES + 1
    assert len(read(streams["users"])) == 1


def test_attempts_are_counted_for_each_page_anew(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    broken = [{"status_code": 500}] * MAX_RETRIES
    zoom.get(f"{API}/users", [*broken, page("users", "a", after="t1"), *broken, page("users", "b")])

    assert [record["id"] for record in read(streams["users"])] == ["a", "b"]


# What is said

PASSWORD = "pa55w0rd-of-a-meeting"
LEAKS: list[dict[str, Any]] = [
    {"text": f'{{"users": [{{"password": "{PASSWORD}"'},
    {"json": {"password": PASSWORD}},
    {"json": {"users": {"password": PASSWORD}}},
    {"json": {"code": 200, "message": "No.", "password": PASSWORD}},
    {"status_code": 400, "json": {"code": 300, "message": "No.", "password": PASSWORD}},
    {"status_code": 400, "json": {"code": 4711, "message": "No.", "password": PASSWORD}},
    {"status_code": 404, "text": f"<html>{PASSWORD}</html>"},
    {"status_code": 429, "json": {"message": DAILY_LIMIT, "password": PASSWORD}},
    {"status_code": 429, "json": {"message": PER_SECOND_LIMIT, "password": PASSWORD}},
    {"status_code": 401, "json": {"code": 124, "message": "No.", "password": PASSWORD}},
    {"status_code": 503, "text": f"<html>{PASSWORD}</html>"},
    {"exc": requests.ConnectionError(f"reset by peer after {PASSWORD}")},
]


@pytest.mark.parametrize("answer", LEAKS, ids=repr)
def test_no_answer_is_quoted_in_an_error_or_the_log(
    answer: dict[str, Any],
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="airbyte")
    zoom.get(f"{API}/users", **answer)

    error = failure(streams["users"])

    for said in (str(error), error.internal_message or "", caplog.text, *(str(vars(line)) for line in caplog.records)):
        assert PASSWORD not in said
        assert ACCESS_TOKEN not in said
        assert CLIENT_SECRET not in said


@pytest.mark.parametrize("answer", LEAKS[:-1], ids=repr)
def test_no_answer_is_quoted_in_a_stack_trace(
    answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **answer)

    assert PASSWORD not in "".join(traceback.format_exception(failure(streams["users"])))


# Records


def test_records_carry_their_parents_keys_and_keep_their_own(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    polls = [{"id": "p"}, {"id": "q", "host_id": "another"}, {"id": "r", "host_id": None}]
    zoom.get(f"{API}/meetings/1/polls", json={"polls": polls})

    assert read(streams["meeting_polls"], MEETING) == [
        {"id": "p", "meeting_id": "1", "host_id": "h"},
        {"id": "q", "meeting_id": "1", "host_id": "another"},
        {"id": "r", "meeting_id": "1", "host_id": "h"},
    ]


def test_unknown_fields_pass_through(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    user = {"id": "a", "status": "active", "new_in_2031": {"deep": [1, 2.5, None]}, "type": 2}
    zoom.get(f"{API}/users", json={"users": [user]})

    assert read(streams["users"]) == [user]


def test_empty_date_times_become_null_at_any_depth_and_nothing_else_does(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    meeting = {
        "id": 1,
        "uuid": "a==",
        "host_id": "h",
        "agenda": "",
        "start_time": "",
        "created_at": "2026-01-31T08:00:00Z",
        "occurrences": [
            {"occurrence_id": "", "start_time": ""},
            {"occurrence_id": "2", "start_time": "2026-02-28T08:00:00Z"},
        ],
        "recurrence": {"end_date_time": "", "weekly_days": ""},
        "settings": {"alternative_hosts": ""},
    }
    zoom.get(f"{API}/meetings/1", json=meeting)

    [record] = read(streams["meetings"], MEETING)

    assert record == {
        **meeting,
        "meeting_id": "1",
        "start_time": None,
        "occurrences": [
            {"occurrence_id": "", "start_time": None},
            {"occurrence_id": "2", "start_time": "2026-02-28T08:00:00Z"},
        ],
        "recurrence": {"end_date_time": None, "weekly_days": ""},
    }


@pytest.mark.parametrize("odd", [None, [], {}, "", 7, [None, "x", {"start_time": 7}]])
def test_date_times_in_an_unexpected_place_do_no_harm(
    odd: Any, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1", json={"id": 1, "uuid": "a==", "occurrences": odd, "recurrence": odd})

    [record] = read(streams["meetings"], MEETING)

    assert (record["occurrences"], record["recurrence"]) == (odd, odd)


def test_meeting_id_is_the_id_as_a_string_beside_zooms_integer(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    large = 2**53 + 1
    zoom.get(f"{API}/users/h/meetings", json={"meetings": [{"id": large}]})
    zoom.get(f"{API}/meetings/{large}", json={"id": large, "uuid": "a=="})

    [listed] = read(streams["meeting_list"], {"user_id": "h"})
    [detail] = read(streams["meetings"], {"meeting_id": str(large), "host_id": "h"})

    for record in (listed, detail):
        assert (record["id"], record["meeting_id"]) == (large, str(large))


# Registrants


def test_registrants_are_read_pending_then_approved_then_denied(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    for status in ("pending", "approved", "denied"):
        pages = [page("registrants", f"{status}-1", after=f"{status}-token"), page("registrants", f"{status}-2")]
        zoom.get(f"{API}/meetings/1/registrants?status={status}", pages)

    records = read(streams["meeting_registrants"], REGISTRANTS_OF)

    assert [record["id"] for record in records] == [
        f"{status}-{number}" for status in ("pending", "approved", "denied") for number in (1, 2)
    ]
    assert {(record["meeting_id"], record["host_id"]) for record in records} == {("1", "h")}
    assert "approval_type" not in records[0]
    assert [(request.qs["status"], request.qs.get("next_page_token")) for request in gets(zoom)] == [
        ([status], token_) for status in ("pending", "approved", "denied") for token_ in (None, [f"{status}-token"])
    ]
    assert {request.qs["page_size"][0] for request in gets(zoom)} == {"300"}


def test_only_an_explicit_approval_type_2_saves_the_calls(streams: dict[str, ZoomStream]) -> None:
    registrants = streams["meeting_registrants"]

    registrants.follow("meetings", [("0", "h", 0, ()), ("1", "h", 1, ()), ("2", "h", 2, ()), ("unread", "h", None, ())])

    slices = list(registrants.stream_slices(sync_mode=SyncMode.full_refresh))
    assert [slice_ and slice_["meeting_id"] for slice_ in slices] == ["0", "1", "unread"]


@pytest.fixture
def registrants_by_read(zoom: requests_mock.Mocker) -> dict[tuple[str, str], dict[str, Any]]:
    """Registrants of meeting 1, or the refusal, by status and occurrence; none where nothing is said."""
    answers: dict[tuple[str, str], dict[str, Any]] = {}

    def registrants(request: Any, answer: Any) -> Any:
        [status], [occurrence] = request.qs["status"], request.qs.get("occurrence_id", [""])
        said = answers.get((status, occurrence), page("registrants"))
        answer.status_code = said.get("status_code", 200)
        return said["json"]

    zoom.get(f"{API}/meetings/1/registrants", json=registrants)
    return answers


def test_registrants_of_occurrences_are_read_for_each_status_and_told_apart(
    registrants_by_read: dict[tuple[str, str], dict[str, Any]],
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
) -> None:
    def registered(status: str, *ids: str) -> dict[str, Any]:
        return {"json": {"registrants": [{"id": id_, "status": status} for id_ in ids]}}

    registrants_by_read["pending", "o1"] = registered("pending", "a")
    registrants_by_read["approved", ""] = registered("approved", "b")
    registrants_by_read["approved", "o1"] = registered("approved", "a", "b")
    registrants_by_read["approved", "o2"] = registered("approved", "b", "c")

    records = read(streams["meeting_registrants"], {**REGISTRANTS_OF, "occurrences": OCCURRENCES})

    assert [(record["id"], record["status"], record["occurrence_id"]) for record in records] == [
        ("a", "pending", "o1"),
        ("b", "approved", ""),
        ("a", "approved", "o1"),
        ("b", "approved", "o1"),
        ("b", "approved", "o2"),
        ("c", "approved", "o2"),
    ]
    asked = [(request.qs["status"][0], request.qs.get("occurrence_id")) for request in gets(zoom)]
    assert asked == [
        (status, occurrence) for status in ("pending", "approved", "denied") for occurrence in (None, ["o1"], ["o2"])
    ]


def test_an_occurrence_that_is_gone_takes_no_other_with_it(
    registrants_by_read: dict[tuple[str, str], dict[str, Any]], streams: dict[str, ZoomStream]
) -> None:
    gone = refusal(404, 3001, "Meeting occurrence does not exist.")
    for status in ("pending", "approved", "denied"):
        registrants_by_read[status, "o1"] = gone
        registrants_by_read[status, "o2"] = page("registrants", f"{status} for o2")

    records = read(streams["meeting_registrants"], {**REGISTRANTS_OF, "occurrences": OCCURRENCES})

    assert [record["id"] for record in records] == ["pending for o2", "approved for o2", "denied for o2"]


# Keys


SERIES = [{"occurrence_id": "o1", "start_time": "2026-05-01T08:00:00Z"}, {"occurrence_id": "o2"}]


@pytest.mark.parametrize(
    ("detail", "approval_type", "occurrences"),
    [
        ({}, None, ()),
        ({"settings": None}, None, ()),
        ({"settings": {"approval_type": 2}}, 2, ()),
        ({"settings": {"approval_type": 0, "registration_type": 1}, "occurrences": SERIES}, 0, ()),
        ({"settings": {"approval_type": 0, "registration_type": 2}, "occurrences": SERIES}, 0, OCCURRENCES),
        ({"settings": {"approval_type": 0, "registration_type": 2}, "occurrences": None}, 0, ()),
        ({"settings": {"approval_type": 0, "registration_type": 2}}, 0, ()),
    ],
)
def test_key_of_a_meeting_says_whether_and_for_what_one_registers(
    detail: dict[str, Any],
    approval_type: int | None,
    occurrences: tuple[Occurrence, ...],
    streams: dict[str, ZoomStream],
) -> None:
    key = streams["meetings"].child_key({"meeting_id": "1", "host_id": "h", **detail}, MEETING)

    assert dict(zip(streams["meetings"].child_keys, key, strict=True)) == {
        "meeting_id": "1",
        "host_id": "h",
        "approval_type": approval_type,
        "occurrences": occurrences,
    }
    assert isinstance(hash(key), int)


@pytest.mark.parametrize(("host", "key"), [("h2", "h2"), ("", "u"), (None, "u")])
def test_key_of_a_listed_meeting_falls_back_to_the_listed_user(
    host: str | None, key: str, streams: dict[str, ZoomStream]
) -> None:
    record = {"meeting_id": "1", "host_id": host}

    assert streams["meeting_list"].child_key(record, {"user_id": "u"}) == ("1", key, None, None, None)


def test_key_of_a_meeting_that_could_not_be_read_is_known_all_the_same(streams: dict[str, ZoomStream]) -> None:
    error = ValueError("why it was not read")

    assert streams["meetings"].child_key_of_unread(MEETING, error) == ("1", "h", None, ())
    assert streams["users"].child_key_of_unread({}, error) is None
    assert streams["meeting_list"].child_key_of_unread({"user_id": "u"}, error) is None


def test_streams_without_an_engine_read_their_parents_themselves(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [page("users", "u1", after="t1"), page("users", "u2")])
    zoom.get(f"{API}/users/u1/meetings", json={"meetings": [{"id": 11, "host_id": "u1"}, {"id": 12}]})
    zoom.get(f"{API}/users/u2/meetings", json={"meetings": []})

    slices = list(streams["meeting_polls"].stream_slices(sync_mode=SyncMode.full_refresh))

    found = [(slice_["meeting_id"], slice_["host_id"]) for slice_ in slices if slice_]
    assert found == [("11", "u1"), ("12", "u1")]


def test_a_root_has_no_parent_to_follow(streams: dict[str, ZoomStream]) -> None:
    with pytest.raises(TypeError, match="users has no parent"):
        streams["users"].follow("meetings", ParentFeed("meetings").reader())


@pytest.mark.parametrize("name", ["users", "meetings", "meeting_polls", "channels"])
def test_no_stream_has_the_cdks_cursor_or_state(name: str, streams: dict[str, ZoomStream]) -> None:
    stream = streams[name]

    assert stream.cursor is None
    assert not stream.is_resumable
    assert not stream.supports_incremental
    assert stream.incremental_field is None
