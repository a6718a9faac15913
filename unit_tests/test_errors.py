from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ResponseAction
from freezegun import freeze_time
from hypothesis import given, settings
from hypothesis import strategies as st

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import SliceFailure
from source_zoom.errors import (
    LONGEST_PAUSE_SECONDS,
    MAX_REFUSALS,
    MAX_RETRIES,
    RULES,
    Outcome,
    Rule,
    ZoomBackoff,
    ZoomErrorHandler,
    classify,
    daily_reset,
    error_of,
    is_daily,
    json_body,
    retry_after,
)
from unit_tests.zoom import API, DAILY_LIMIT, DEAD_PAGE_TOKEN, PER_SECOND_LIMIT, response

CONFIG, SYSTEM, TRANSIENT = FailureType.config_error, FailureType.system_error, FailureType.transient_error

EVERY_CODE = frozenset(rule.code for rule in RULES if rule.outcome is Outcome.SKIP and rule.code is not None)
POLLS = Endpoint(
    "meetings/{meeting_id}/polls",
    RateLabel.LIGHT,
    Scopes("meeting:read:admin", "meeting:read:list_polls:admin"),
    records="polls",
    skips=EVERY_CODE,
)
NO_SKIPS = replace(POLLS, skips=frozenset())
OF_THE_ACCOUNT = replace(POLLS, path="polls")
DETAIL = Endpoint("meetings/{meeting_id}", RateLabel.LIGHT, POLLS.scopes, marks=("uuid",), skips=EVERY_CODE)
SECOND_PAGE = f"{API}/meetings/1/polls?next_page_token=t0ken"

LICENCE_MISSING = (
    "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order to "
    "perform this action."
)
NO_HOSTING = "Meeting hosting and scheduling capabilities are not allowed for your user account."
OTHERS_MEETINGS = (
    "Not allowed to view meetings scheduled for others. To use this feature, enable the **Display meetings scheduled "
    "for others** setting in the **Account Settings** page of the Zoom web portal."
)
POLLS_OFF = 'Meeting polls disabled. To enable this feature, enable the "Meeting Polls/Quizzes" setting.'
DENIED = "Access to the Zoom REST API has been denied for this account. Contact Zoom Support for details."
NO_INVITATION = "A valid invitation to join the Zoom account was not found for this user."

# Zoom's answers, one for each row of the table. The texts are those of Zoom's OpenAPI documents and error pages.
CASES: list[tuple[int, int | None, str | None, Outcome, FailureType]] = [
    (400, 200, LICENCE_MISSING, Outcome.SKIP, SYSTEM),
    (400, 200, "Only available for Paid account.", Outcome.SKIP, SYSTEM),
    (400, 200, "No permission.", Outcome.SKIP, SYSTEM),
    (401, 124, "Account does not exist: acc.", Outcome.FAIL, CONFIG),
    (401, 124, "This API only supports OAuth2 authorization.", Outcome.FAIL, CONFIG),
    (400, 4711, "Invalid access token, does not contain scopes:[user:read:user:admin].", Outcome.SCOPE, CONFIG),
    (400, 4700, "Invalid access token, does not contain role:read:admin scope.", Outcome.SCOPE, CONFIG),
    (401, None, "Invalid access token, does not contain scopes:[user:read:user:admin].", Outcome.SCOPE, CONFIG),
    (400, 1010, "User does not belong to this account:acc.", Outcome.SKIP, SYSTEM),
    (400, 124, "Access token is expired. Invalid access token.", Outcome.TOKEN, SYSTEM),
    (401, None, None, Outcome.TOKEN, SYSTEM),
    (429, 429, DAILY_LIMIT, Outcome.DAILY, TRANSIENT),
    (429, 429, PER_SECOND_LIMIT, Outcome.PACE, TRANSIENT),
    (400, 300, DEAD_PAGE_TOKEN, Outcome.RESTART, SYSTEM),
    (400, 30051005, "Invalid next_page_token or page_size.", Outcome.RESTART, SYSTEM),
    (200, 1001, "User does not exist: u.", Outcome.SKIP, SYSTEM),
    (404, 1001, "User does not exist: u.", Outcome.SKIP, SYSTEM),
    (400, 12702, "Can not access a meeting a year ago.", Outcome.SKIP, SYSTEM),
    (400, 1120, NO_INVITATION, Outcome.SKIP, SYSTEM),
    (200, 3161, NO_HOSTING, Outcome.SKIP, SYSTEM),
    (400, 3161, NO_HOSTING, Outcome.SKIP, SYSTEM),
    (403, 2306, OTHERS_MEETINGS, Outcome.FAIL, CONFIG),
    (200, 3001, "Meeting does not exist: 1.", Outcome.SKIP, SYSTEM),
    (404, 3001, "Meeting does not exist: 1.", Outcome.SKIP, SYSTEM),
    (200, 3000, "Cannot access webinar info.", Outcome.SKIP, SYSTEM),
    (400, 3000, "Cannot access webinar info.", Outcome.SKIP, SYSTEM),
    (400, 300, "This meeting has not registration required: 1", Outcome.SKIP, SYSTEM),
    (400, 300, "Cannot access webinar info.", Outcome.SKIP, SYSTEM),
    (200, 4400, POLLS_OFF, Outcome.SKIP, SYSTEM),
    (400, 4400, POLLS_OFF, Outcome.SKIP, SYSTEM),
    (404, 404, "Meeting Poll not found", Outcome.SKIP, SYSTEM),
    (403, None, DENIED, Outcome.FAIL, CONFIG),
    (404, 2001, "Account does not exist.", Outcome.FAIL, CONFIG),
    (400, 2300, "This API endpoint is not recognized.", Outcome.FAIL, CONFIG),
    *((status, None, None, Outcome.FAIL, CONFIG) for status in (301, 302, 303, 307, 308)),
    (400, 802, "Data is not ready, please try again later", Outcome.RETRY, TRANSIENT),
    *((status, None, None, Outcome.RETRY, TRANSIENT) for status in (408, 425, 500, 502, 503, 504)),
]
SKIPS = [case[:3] for case in CASES if case[3] is Outcome.SKIP]


def body_of(code: int | None, message: str | None) -> Any:
    body = {"code": code, "message": message}
    return {key: value for key, value in body.items() if value is not None} or b""


def refused(status: int, code: int | None, message: str | None, **kwargs: Any) -> requests.Response:
    return response(status, body_of(code, message), **kwargs)


def first_row(status: int, code: int | None, message: str | None) -> Rule:
    return next(rule for rule in RULES if rule.matches(status, code, message or ""))


@pytest.mark.parametrize(("status", "code", "message", "outcome", "failure_type"), CASES)
def test_row_decides_what_zooms_answer_means(
    status: int, code: int | None, message: str | None, outcome: Outcome, failure_type: FailureType
) -> None:
    verdict = classify(refused(status, code, message, url=SECOND_PAGE), OF_THE_ACCOUNT)

    assert (verdict.outcome, verdict.failure_type) == (outcome, failure_type)
    assert verdict.code == (str(status) if code is None else f"{status}/{code}")
    assert verdict.message


def test_every_row_has_a_case_in_the_order_of_the_table() -> None:
    assert [first_row(*case[:3]) for case in CASES] == list(RULES)


@pytest.mark.parametrize("message", ["No permission.", "You do not have the permission to view this user's report."])
@pytest.mark.parametrize(
    ("endpoint", "outcome"),
    [(POLLS, Outcome.FAIL), (DETAIL, Outcome.FAIL), (OF_THE_ACCOUNT, Outcome.SKIP)],
    ids=["list", "detail", "account"],
)
def test_missing_permission_is_a_skip_for_the_account_and_a_loss_for_one_object(
    message: str, endpoint: Endpoint, outcome: Outcome
) -> None:
    assert classify(refused(400, 200, message), endpoint).outcome is outcome


@pytest.mark.parametrize(("status", "code", "message"), SKIPS)
def test_skip_is_a_failure_where_the_endpoint_does_not_list_the_code(status: int, code: int, message: str) -> None:
    verdict = classify(refused(status, code, message), NO_SKIPS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.FAIL, SYSTEM)
    said = message.rstrip(".")
    assert verdict.message == f"GET /meetings/{{meeting_id}}/polls was answered with HTTP {status}: {said}."


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 200, "Zoom Room subscription not found for this account."),
        (400, 300, "Invalid user id."),
        (400, 300, "Daily report can only be provided for a month that falls within the recent 6 months."),
        (400, 1001, "The from or to time is invalid."),
        (404, 404, "404 Route Not Found"),
        (404, 3000, "Cannot access webinar info."),
        (200, 300, "Invalid user id."),
        (400, 9999, "Something new."),
    ],
)
def test_listed_code_with_another_meaning_is_a_failure(status: int, code: int, message: str) -> None:
    verdict = classify(refused(status, code, message), replace(POLLS, skips=EVERY_CODE | {9999}))

    assert (verdict.outcome, verdict.failure_type) == (Outcome.FAIL, SYSTEM)
    assert message.rstrip(".") in verdict.message


@pytest.mark.parametrize("status", [400, 401])
def test_code_124_asks_for_a_new_token_unless_the_account_is_meant(status: int) -> None:
    assert classify(refused(status, 124, "Invalid access token."), POLLS).outcome is Outcome.TOKEN


def test_scope_outranks_the_token_where_zoom_sends_it_with_http_401() -> None:
    verdict = classify(refused(401, 4711, "Invalid access token, does not contain scopes:[a, b]."), POLLS)

    assert verdict.outcome is Outcome.SCOPE
    assert "'meeting:read:list_polls:admin' (or 'meeting:read:admin' in an app with classic scopes)" in verdict.message


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (400, 300, DEAD_PAGE_TOKEN),
        (400, 400, DEAD_PAGE_TOKEN),
        (403, 300, DEAD_PAGE_TOKEN),
        (200, 300, DEAD_PAGE_TOKEN),
    ],
)
def test_dead_page_token_restarts_the_slice_only_if_the_request_had_one(status: int, code: int, message: str) -> None:
    assert classify(refused(status, code, message, url=SECOND_PAGE), POLLS).outcome is Outcome.RESTART
    assert classify(refused(status, code, message), POLLS).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("Only available for Paid account.", Outcome.SKIP),
        ("No permission.", Outcome.FAIL),
        ("Zoom Room subscription not found.", Outcome.FAIL),
    ],
)
@pytest.mark.parametrize("endpoint", [POLLS, DETAIL], ids=["list", "detail"])
def test_error_in_a_successful_answer_counts_as_one(message: str, outcome: Outcome, endpoint: Endpoint) -> None:
    assert classify(refused(200, 200, message), endpoint).outcome is outcome


@pytest.mark.parametrize(
    "body",
    [
        {"polls": []},
        {"polls": [{"id": "1"}], "next_page_token": ""},
        {"code": 0, "message": "success", "polls": []},
        {"code": 200, "message": "a poll with a code of its own", "polls": []},
        {"total_records": 0},
        {"total_records": 0, "page_size": 30, "next_page_token": ""},
    ],
)
def test_list_is_sound_with_its_records_or_where_it_says_there_are_none(body: Any) -> None:
    assert classify(response(200, body), POLLS).outcome is Outcome.OK


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"page_size": 30, "next_page_token": ""},
        {"total_records": 7},
        {"total_records": 3, "next_page_token": "t0ken"},
        {"code": 0, "message": "success"},
        {"polls": None},
        {"polls": {"id": "1"}},
        {"polls": "[]"},
        [],
        [{"id": "1"}],
        None,
        "polls",
        7,
        b"",
        b'{"polls": [{"id": "1"',
        b"<html><body>Please sign in</body></html>",
        b"\xff\xfe",
    ],
)
def test_successful_answer_that_is_not_a_list_is_asked_for_again(body: Any) -> None:
    verdict = classify(response(200, body), POLLS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.RETRY, TRANSIENT)
    assert "sign in" not in verdict.message


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        ({"uuid": "a==", "id": 1}, Outcome.OK),
        ({"uuid": "a==", "code": 200}, Outcome.OK),
        ({}, Outcome.RETRY),
        ({"total_records": 0}, Outcome.RETRY),
        ({"code": 0, "message": "success"}, Outcome.RETRY),
        ([{"uuid": "a=="}], Outcome.RETRY),
    ],
)
def test_detail_is_sound_with_one_of_its_marks(body: Any, outcome: Outcome) -> None:
    assert classify(response(200, body), DETAIL).outcome is outcome


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 507, 520, 524, 599])
@pytest.mark.parametrize("body", [b"", b"<html>Bad Gateway</html>", b'{"code": 500, "message": "Internal error."}'])
def test_server_errors_are_retried_whatever_their_body(status: int, body: bytes) -> None:
    verdict = classify(response(status, body), POLLS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.RETRY, TRANSIENT)
    assert "html" not in verdict.message


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410])
@pytest.mark.parametrize("body", [b"", b"<html>Forbidden</html>", b"[]", b"{}"])
def test_client_error_without_an_explanation_is_a_failure(status: int, body: bytes) -> None:
    verdict = classify(response(status, body), POLLS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.FAIL, SYSTEM)
    expected = f"GET /meetings/{{meeting_id}}/polls was answered with HTTP {status} and no explanation."
    assert verdict.message == expected


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"code": 300, "message": "Invalid."}, (300, "Invalid.")),
        ({"code": 300, "error_message": "Invalid."}, (300, "Invalid.")),
        ({"code": 300, "message": "", "reason": "Bad Request"}, (300, "Bad Request")),
        ({"status": False, "errorCode": 401}, (401, "")),
        ({"code": "300", "message": "Invalid."}, (300, "Invalid.")),
        ({"code": "E300", "message": "Invalid."}, (None, "Invalid.")),
        ({"code": 300.0, "message": "Invalid."}, (None, "Invalid.")),
        ({"code": 300, "message": "Two\n lines, \ttabs."}, (300, "Two lines, tabs.")),
        ({"code": 300, "message": "a" * 400}, (300, "a" * 300)),
        ({"code": True}, (None, "")),
        ({"code": 300, "message": ["a"]}, (300, "['a']")),
        ([], (None, "")),
        (None, (None, "")),
    ],
)
def test_error_of_knows_the_spellings_of_an_error_body(body: Any, error: tuple[int | None, str]) -> None:
    assert error_of(body) == error


def test_failure_the_user_can_end_says_how() -> None:
    verdict = classify(refused(403, 2306, OTHERS_MEETINGS), POLLS)

    assert verdict.message.endswith("Switch on 'Display meetings scheduled for others' in Zoom's account settings.")


def test_json_body_is_parsed_once() -> None:
    answer = response(200, {"polls": []})

    assert json_body(answer) is json_body(answer)


# Rate limits


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        (DAILY_LIMIT, {}),
        (DAILY_LIMIT, {"Retry-After": "1"}),
        (PER_SECOND_LIMIT, {"X-RateLimit-Type": "Daily-limit"}),
        ("", {"X-RateLimit-Type": "Daily-limit"}),
        ("", {"Retry-After": "301"}),
        ("", {"Retry-After": "2026-05-31T00:00:00Z"}),
        ("", {"Retry-After": "Sun, 31 May 2026 00:00:00 GMT"}),
    ],
)
@freeze_time("2026-05-30T18:30:00Z")
def test_refusal_for_the_day_shows_by_message_type_or_a_far_date(message: str, headers: dict[str, str]) -> None:
    verdict = classify(refused(429, 429, message, headers=headers), POLLS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.DAILY, TRANSIENT)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-RateLimit-Type": "QPS"},
        {"Retry-After": "1"},
        {"Retry-After": str(int(LONGEST_PAUSE_SECONDS))},
        {"Retry-After": "2026-05-30T18:30:02Z"},
        {"Retry-After": "2020-05-31T00:00:00Z"},
        {"Retry-After": "soon"},
    ],
)
@freeze_time("2026-05-30T18:30:00Z")
def test_refusal_for_the_second_is_waited_for(headers: dict[str, str]) -> None:
    verdict = classify(refused(429, 429, PER_SECOND_LIMIT, headers=headers), POLLS)

    assert (verdict.outcome, verdict.failure_type) == (Outcome.PACE, TRANSIENT)
    assert not is_daily(refused(429, 429, PER_SECOND_LIMIT, headers=headers))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("   ", None),
        ("2", 2.0),
        ("0.5", 0.5),
        (" 7 ", 7.0),
        ("-5", 0.0),
        ("2026-05-30T18:31:30Z", 90.0),
        ("2026-05-30T20:31:30+02:00", 90.0),
        ("2026-05-30T18:29:00Z", 0.0),
        ("Sat, 30 May 2026 18:31:30 GMT", 90.0),
        ("soon", None),
        ("P1D", None),
        ("2026-13-45", None),
        ("Sat, 99 May 2026 18:31:30 GMT", None),
    ],
)
@freeze_time("2026-05-30T18:30:00Z")
def test_retry_after_is_seconds_or_either_kind_of_date(value: str, seconds: float | None) -> None:
    assert retry_after(refused(429, 429, "", headers={"Retry-After": value})) == seconds


def test_retry_after_is_none_without_the_header() -> None:
    assert retry_after(refused(429, 429, PER_SECOND_LIMIT)) is None


@pytest.mark.parametrize("value", ["inf", "nan", "1e12", "1e400", "P10000000000Y", "\u00b2", "2026-05-30/2026-06-01"])
def test_garbage_in_retry_after_does_not_break_the_verdict(value: str) -> None:
    verdict = classify(refused(429, 429, DAILY_LIMIT, headers={"Retry-After": value}), POLLS)

    assert verdict.outcome is Outcome.DAILY


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=40))
@settings(deadline=None)
def test_no_header_breaks_the_verdict(value: str) -> None:
    headers = {"Retry-After": value, "X-RateLimit-Type": value}

    assert classify(refused(429, 429, DAILY_LIMIT, headers=headers), POLLS).outcome is Outcome.DAILY


@pytest.mark.parametrize(
    ("headers", "reset"),
    [
        ({"Retry-After": "2026-05-31T00:00:00Z"}, "2026-05-31T00:00:00Z"),
        ({"Retry-After": "3600"}, "2026-05-30T19:30:00Z"),
        ({"Retry-After": "2026-05-31T02:00:00+02:00"}, "2026-05-31T00:00:00Z"),
        ({"Retry-After": "2026-06-01T00:00:00Z"}, "2026-06-01T00:00:00Z"),
        ({"Retry-After": "2026-05-30T00:00:00Z"}, "2026-05-31T00:00:00Z"),
        ({"Retry-After": "0"}, "2026-05-31T00:00:00Z"),
        ({"Retry-After": "2020-05-31T00:00:00Z"}, "2026-05-31T00:00:00Z"),
        ({"Retry-After": "soon"}, "2026-05-31T00:00:00Z"),
        ({}, "2026-05-31T00:00:00Z"),
    ],
)
@freeze_time("2026-05-30T18:30:00Z")
def test_daily_limit_says_when_it_resets(headers: dict[str, str], reset: str) -> None:
    answer = refused(429, 429, DAILY_LIMIT, headers=headers)

    assert daily_reset(answer) == reset
    assert classify(answer, POLLS).message == (
        f"Zoom's daily limit for light requests is used up for this account; it resets at {reset}. "
        "Run the sync again after that."
    )


@freeze_time("2026-05-30T18:30:00.700Z")
def test_reset_is_the_moment_zoom_names_whatever_the_fraction_of_the_second() -> None:
    answer = refused(429, 429, DAILY_LIMIT, headers={"Retry-After": "2026-05-31T00:00:00Z"})

    assert daily_reset(answer) == "2026-05-31T00:00:00Z"


# What the CDK's client is told


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        (response(200, {"polls": []}), ResponseAction.SUCCESS),
        (refused(404, 3001, "Meeting does not exist: 1."), ResponseAction.SUCCESS),
        (refused(400, 4711, "Invalid access token, does not contain scopes:[a]."), ResponseAction.SUCCESS),
        (refused(400, 300, "Invalid user id."), ResponseAction.SUCCESS),
        (refused(429, 429, DAILY_LIMIT), ResponseAction.SUCCESS),
        (refused(429, 429, PER_SECOND_LIMIT), ResponseAction.RETRY),
        (refused(401, 124, "Access token is expired."), ResponseAction.REFRESH_TOKEN_THEN_RETRY),
        (refused(400, 300, DEAD_PAGE_TOKEN, url=SECOND_PAGE), ResponseAction.RESET_PAGINATION),
        (response(200, b'{"polls": ['), ResponseAction.RETRY),
        (response(503, b""), ResponseAction.RETRY),
        (requests.ConnectionError("reset by peer"), ResponseAction.RETRY),
        (requests.ReadTimeout("timed out"), ResponseAction.RETRY),
        (requests.exceptions.ChunkedEncodingError("cut off"), ResponseAction.RETRY),
        (None, ResponseAction.RETRY),
    ],
)
def test_handler_retries_what_may_pass_and_hands_on_what_is_final(
    answer: requests.Response | requests.RequestException | None, action: ResponseAction
) -> None:
    assert ZoomErrorHandler(POLLS).interpret_response(answer).response_action is action


def test_handler_names_the_network_error_but_not_its_text() -> None:
    resolution = ZoomErrorHandler(POLLS).interpret_response(requests.ConnectionError("host api.zoom.us, token abc"))

    assert resolution.error_message == "Zoom could not be reached (ConnectionError)."
    assert resolution.failure_type is TRANSIENT


EXPONENTIAL = [None] * MAX_RETRIES
"""Leaves the waits of 1, 2, 4, 8 and 16 s to the CDK."""
OWN = [0.01, 1.0, 3.0, 7.0, 15.0]
"""The same, to which the CDK adds a second each."""

RETRIED: list[tuple[requests.Response | requests.RequestException, str, Sequence[float | None]]] = [
    (response(503, b""), "503", EXPONENTIAL),
    (response(200, b"<html>"), "200", OWN),
    (refused(400, 802, "Data is not ready, please try again later"), "400/802", EXPONENTIAL),
    (requests.ConnectionError("reset by peer"), "ConnectionError", EXPONENTIAL),
    (requests.ReadTimeout("timed out"), "ReadTimeout", EXPONENTIAL),
]


@pytest.mark.parametrize(("answer", "kind", "waits"), RETRIED)
def test_backoff_gives_up_after_the_last_retry(
    answer: requests.Response | requests.RequestException, kind: str, waits: Sequence[float | None]
) -> None:
    backoff = ZoomBackoff(POLLS)

    assert [backoff.backoff_time(answer, attempt) for attempt in range(1, MAX_RETRIES + 1)] == waits
    with pytest.raises(SliceFailure) as caught:
        backoff.backoff_time(answer, MAX_RETRIES + 1)

    assert (caught.value.kind, caught.value.failure_type) == (kind, TRANSIENT)
    assert str(caught.value).endswith("also at the last of 6 attempts (GET /meetings/{meeting_id}/polls).")
    assert "reset by peer" not in str(caught.value)
    assert "html" not in str(caught.value)


@pytest.mark.parametrize(("header", "least"), [(None, 0.0), ("3", 3.0), ("-1", 0.0), ("soon", 0.0)])
def test_backoff_waits_as_long_as_zoom_asks_and_a_little_more(header: str | None, least: float) -> None:
    headers = {} if header is None else {"Retry-After": header}
    answer = refused(429, 429, PER_SECOND_LIMIT, headers=headers)

    waits = [ZoomBackoff(POLLS).backoff_time(answer, attempt) for attempt in range(1, MAX_REFUSALS + 1)]

    assert all(wait is not None and least < wait <= least + 1 for wait in waits)
    assert len(set(waits)) > 1


def test_backoff_leaves_a_refused_token_to_the_client() -> None:
    answer = refused(401, 124, "Access token is expired.")

    assert ZoomBackoff(POLLS).backoff_time(answer, MAX_RETRIES + 1) is None
