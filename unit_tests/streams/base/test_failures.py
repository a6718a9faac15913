"""What a failure says to the user and in the log, and what it never quotes."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType

from source_zoom.engine import StreamStopped
from source_zoom.streams import ZoomStream
from source_zoom.streams.base.failures import UNUSABLE
from unit_tests.fake_zoom import (
    ACCESS_TOKEN,
    API,
    CLIENT_SECRET,
    DAILY_LIMIT,
    PER_SECOND_LIMIT,
    TOKEN_URL,
    refusal,
)
from unit_tests.streams.base.reading import MEETING, failure, gets

pytestmark = pytest.mark.usefixtures("sleeps")


def test_failure_names_the_request_in_the_log_only(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/meetings/1/polls", **refusal(400, 300, "Invalid meeting id."))

    error = failure(streams["meeting_polls"], MEETING)

    assert str(error) == "GET /meetings/{meeting_id}/polls was answered with HTTP 400: Invalid meeting id."
    assert error.internal_message == f"{error} Request: GET /meetings/1/polls"


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


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (ValueError("it has no 'id'"), "it has no 'id'"),
        (KeyError("pa55w0rd"), "it has an unexpected form (KeyError)"),
        (UnicodeError("pa55w0rd"), "it has an unexpected form (UnicodeError)"),
    ],
    ids=repr,
)
def test_record_that_cannot_be_used_is_said_in_words_of_the_connectors(
    fault: Exception, said: str, streams: dict[str, ZoomStream]
) -> None:
    error = streams["meeting_polls"].failures.unusable(fault, MEETING)

    assert str(error) == f"A record of GET /meetings/{{meeting_id}}/polls cannot be used: {said}. The others were read."
    assert (error.cause, error.facts["meaning"], error.facts["object_id"]) == (UNUSABLE, UNUSABLE, "1")


# What is not said


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
