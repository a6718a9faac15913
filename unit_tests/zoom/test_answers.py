"""The table of answers: what each means, where that is known from, and what of it a user is told."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from freezegun import freeze_time
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.zoom.answers import (
    LARGEST_TOLERATED,
    LONGEST_MESSAGE,
    LONGEST_PAUSE_SECONDS,
    RULES,
    Rule,
    classify,
    daily_reset,
    error_of,
    is_daily,
    is_mended,
    json_body,
    retry_after,
)
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import ACCOUNT_WIDE, PASSING, Meaning
from unit_tests.contract.openapi import needs_documents
from unit_tests.fake_zoom import ACCESS_TOKEN, API, DAILY_LIMIT, DEAD_PAGE_TOKEN, PER_SECOND_LIMIT, response
from unit_tests.said import Said

CONFIG, TRANSIENT = FailureType.config_error, FailureType.transient_error

POLLS = Endpoint(
    "meetings/{meeting_id}/polls",
    RateLabel.LIGHT,
    "meeting:read:list_polls:admin",
    records="polls",
)
DETAIL = Endpoint("meetings/{meeting_id}", RateLabel.LIGHT, POLLS.scope, required_keys=("uuid",))
RESULTS = Endpoint(
    "past_meetings/{uuid}/polls", RateLabel.LIGHT, POLLS.scope, records="questions", required_keys=("uuid",)
)
SECOND_PAGE = f"{API}/meetings/1/polls?next_page_token=t0ken"

# Sources that are no operation of Zoom's documents

RATE_LIMITS = "https://developers.zoom.us/docs/api/rate-limits/"

ANY_ERROR_IN_200 = "HTTP 200 can carry an error"
"""What the notes say of codes that are documented with another status."""
HTTP = "RFC 9110"

NO_HOSTING = "Meeting hosting and scheduling capabilities are not allowed for your user account."
OTHERS_MEETINGS = (
    "Not allowed to view meetings scheduled for others. To use this feature, enable the **Display meetings scheduled "
    "for others** setting in the **Account Settings** page of the Zoom web portal."
)
POLLS_OFF = 'Meeting polls disabled. To enable this feature, enable the "Meeting Polls/Quizzes" setting'
DENIED = "Access to the Zoom REST API has been denied for this account. Contact Zoom Support for details."
MISSING_SCOPES = "Invalid access token, does not contain scopes:[a, b]."
REGISTRANTS_OF_MEETING = "/meetings/{meetingId}/registrants"
WEBINAR = "/webinars/{webinarId}"

# One case for each row of the table, in its order.
CASES: list[tuple[Meaning, Said]] = [
    (Meaning.NO_LICENCE, Said(400, 200, "Webinar plan is missing.", "/users/{userId}/webinars")),
    (Meaning.NO_PLAN, Said(400, 200, "This is only available for paid account", "/report/users/{userId}/meetings")),
    (Meaning.NO_PHONE, Said(403, 2031, "Zoom Phone has not been enabled for this account.", "/phone/settings")),
    (Meaning.NO_PERMISSION, Said(400, 200, "No permission.", "/report/users/{userId}/meetings")),
    (Meaning.ACCOUNT, Said(401, 124, "Account does not exist: {accountId}.", "/phone/recordings")),
    (
        Meaning.ACCOUNT,
        Said(
            400,
            124,
            "This API only supports OAuth2 authorization.",
            "/meetings/{meetingId}/jointoken/local_recording",
        ),
    ),
    (Meaning.SCOPE, Said(400, 4711, MISSING_SCOPES, "In field reports mostly HTTP 400, also 401 and 403")),
    (Meaning.SCOPE, Said(400, 4700, "Invalid access token, does not contain role:read:admin scope.", "/roles")),
    (Meaning.SCOPE, Said(401, None, MISSING_SCOPES, "In field reports mostly HTTP 400, also 401 and 403")),
    (
        Meaning.USER_GONE,
        Said(400, 1010, "User does not belong to this account:{accountId}.", "/report/webinars/{webinarId}"),
    ),
    (Meaning.TOKEN, Said(400, 124, "Access token is expired. Invalid access token.", "/users")),
    (Meaning.TOKEN, Said(401, None, "", "empty bodies on 401/403/404")),
    (Meaning.DAILY, Said(429, 429, DAILY_LIMIT, RATE_LIMITS)),
    (Meaning.PACE, Said(429, 429, PER_SECOND_LIMIT, RATE_LIMITS)),
    (Meaning.PAGE_TOKEN, Said(400, 300, DEAD_PAGE_TOKEN, "/users")),
    (
        Meaning.PAGE_TOKEN,
        Said(400, 30051005, "Invalid next_page_token or page_size.", "/rooms/content/background/contents"),
    ),
    (
        Meaning.OUT_OF_REACH,
        Said(
            400,
            300,
            "Daily report can only be provided for a month that falls within the recent 6 months.",
            "/report/daily",
        ),
    ),
    (Meaning.USER_GONE, Said(200, 1001, "User does not exist: u.", ANY_ERROR_IN_200)),
    (Meaning.USER_GONE, Said(404, 1001, "User does not exist: {userId}.", "/users/{userId}/meetings")),
    (
        Meaning.USER_GONE,
        Said(400, 1120, "A valid invitation to join the Zoom account was not found for this user.", "/users/{userId}"),
    ),
    (
        Meaning.TOO_OLD,
        Said(400, 12702, "Can not access a meeting a year ago.", "/past_meetings/{meetingId}/polls"),
    ),
    (Meaning.NO_HOSTING, Said(200, 3161, NO_HOSTING, ANY_ERROR_IN_200)),
    (Meaning.NO_HOSTING, Said(400, 3161, NO_HOSTING, "/users/{userId}/meetings")),
    (Meaning.NO_PERMISSION, Said(403, 2306, OTHERS_MEETINGS, "/users/{userId}/meetings")),
    (Meaning.GONE, Said(200, 3001, "Meeting does not exist: 1.", ANY_ERROR_IN_200)),
    (Meaning.GONE, Said(404, 3001, "Meeting does not exist: {meetingId}.", "/meetings/{meetingId}")),
    (Meaning.GONE, Said(400, 300, "Invalid webinar ID.", WEBINAR)),
    (
        Meaning.NO_REGISTRATION,
        Said(
            400,
            3000,
            "This webinar doesn't have registration required: {webinarUUID}.",
            "/past_webinars/{webinarId}/absentees",
        ),
    ),
    (Meaning.FEATURE_OFF, Said(200, 3000, "Cannot access webinar info.", ANY_ERROR_IN_200)),
    (Meaning.FEATURE_OFF, Said(400, 3000, "Cannot access webinar info.", "/meetings/{meetingId}")),
    (Meaning.NO_REGISTRATION, Said(400, 300, "This meeting has not registration required", "ZoomNet")),
    (Meaning.FEATURE_OFF, Said(400, 300, "Cannot access webinar info.", REGISTRANTS_OF_MEETING)),
    (Meaning.POLLS_OFF, Said(200, 4400, POLLS_OFF, ANY_ERROR_IN_200)),
    (Meaning.POLLS_OFF, Said(400, 4400, POLLS_OFF, "/meetings/{meetingId}/polls")),
    (Meaning.POLLS_OFF, Said(404, 404, "Meeting Poll not found", "/meetings/{meetingId}/polls")),
    (Meaning.ACCOUNT, Said(403, None, DENIED, "/users")),
    (Meaning.ACCOUNT, Said(404, 2001, "Account does not exist.", "/phone/users/{userId}/call_logs")),
    (Meaning.WRONG_ADDRESS, Said(400, 2300, "This API endpoint is not recognized.", "/users")),
    *((Meaning.WRONG_ADDRESS, Said(status, None, "", HTTP)) for status in (301, 302, 303, 307, 308)),
    (
        Meaning.NOT_READY,
        Said(
            400,
            802,
            "Data is not ready, please try again later",
            "/phone/metrics/emergency_services/nomadic_emergency_services/users",
        ),
    ),
    *((Meaning.BROKEN, Said(status, None, "", HTTP)) for status in (408, 425)),
    (Meaning.NO_PERMISSION, Said(403, 12703, "No permission for the group", "/report/history_meetings")),
    (Meaning.INVALID, Said(400, 300, "Invalid parameter: {0}.", "/report/history_meetings")),
]
EVERY_CASE = pytest.mark.parametrize(("meaning", "said"), CASES, ids=str)


def refused(status: int, code: int | None, message: str, **kwargs: Any) -> requests.Response:
    body = {"code": code, "message": message}
    return response(status, {key: value for key, value in body.items() if value not in (None, "")} or b"", **kwargs)


def first_row(said: Said) -> Rule:
    return next(rule for rule in RULES if rule.matches(said.status, said.code, said.text))


# The table


@EVERY_CASE
def test_row_decides_what_an_answer_means(meaning: Meaning, said: Said) -> None:
    verdict = classify(said.answer(SECOND_PAGE), POLLS)

    assert verdict.meaning is meaning
    assert (verdict.http_status, verdict.zoom_code) == (said.status, said.code)
    assert verdict.code == (str(said.status) if said.code is None else f"{said.status}/{said.code}")
    assert verdict.text == said.text
    assert verdict.message.endswith(".")


def test_every_row_has_a_case_in_the_order_of_the_table() -> None:
    assert [first_row(said) for _, said in CASES] == list(RULES)


@needs_documents
@pytest.mark.parametrize("said", [said for _, said in CASES if said.is_documented], ids=str)
def test_documents_say_what_the_case_says(said: Said) -> None:
    assert said.is_true()


def test_every_other_case_has_a_source_of_its_own() -> None:
    sources = {said.source for _, said in CASES if not said.is_documented}

    assert sources == {
        RATE_LIMITS,
        ANY_ERROR_IN_200,
        HTTP,
        "In field reports mostly HTTP 400, also 401 and 403",
        "empty bodies on 401/403/404",
        "ZoomNet",
    }


@EVERY_CASE
def test_what_passes_is_transient_and_the_rest_the_users_to_mend(meaning: Meaning, said: Said) -> None:
    verdict = classify(said.answer(SECOND_PAGE), POLLS)

    assert verdict.is_passing is (meaning in PASSING)
    assert verdict.is_account_wide is (meaning in ACCOUNT_WIDE)
    assert verdict.failure_type is (TRANSIENT if meaning in PASSING else CONFIG)


@pytest.mark.parametrize(
    ("status", "code", "message", "meaning"),
    [
        (400, 200, "Zoom Room subscription not found for this account.", Meaning.UNKNOWN),
        (400, 200, "Only available for Paid or ZMP account: acc.", Meaning.NO_PLAN),
        (200, 200, "Webinar plan subscription missing. Enable webinar for this user.", Meaning.NO_LICENCE),
        (400, 200, "You do not have the permission to view this user's report.", Meaning.NO_PERMISSION),
        (401, 200, "No permission.", Meaning.NO_PERMISSION),
        (404, 124, "Account does not exist: acc.", Meaning.ACCOUNT),
        (401, 124, "This API only supports OAuth2 authorization.", Meaning.ACCOUNT),
        (400, 2001, "Account does not exist: acc.", Meaning.ACCOUNT),
        (401, 124, "Access token is expired.", Meaning.TOKEN),
        (200, 124, "Access token is expired.", Meaning.TOKEN),
        (401, 4711, MISSING_SCOPES, Meaning.SCOPE),
        (403, 4711, MISSING_SCOPES, Meaning.SCOPE),
        (404, 1010, "User not found on this account: acc.", Meaning.USER_GONE),
        (404, 1120, "No valid invitation to join the Zoom account was found for this user.", Meaning.USER_GONE),
        (400, 1001, "The from or to time is invalid.", Meaning.UNKNOWN),
        (400, 300, "Invalid user id.", Meaning.INVALID),
        (200, 300, "Invalid user id.", Meaning.UNKNOWN),
        (404, 404, "404 Route Not Found", Meaning.UNKNOWN),
        (404, 3000, "Cannot access webinar info.", Meaning.UNKNOWN),
        (400, 9999, "Something new.", Meaning.UNKNOWN),
        (403, None, "", Meaning.NO_PERMISSION),
        (404, None, "", Meaning.UNKNOWN),
        (405, None, "", Meaning.UNKNOWN),
        (410, None, "", Meaning.UNKNOWN),
        (429, 4001, PER_SECOND_LIMIT, Meaning.PACE),
    ],
)
def test_neighbours_of_a_row(status: int, code: int | None, message: str, meaning: Meaning) -> None:
    assert classify(refused(status, code, message), POLLS).meaning is meaning


@pytest.mark.parametrize(("status", "code"), [(400, 300), (400, 400), (403, 300), (200, 300), (400, 1003100)])
def test_page_token_can_die_only_where_the_request_had_one(status: int, code: int) -> None:
    assert classify(refused(status, code, DEAD_PAGE_TOKEN, url=SECOND_PAGE), POLLS).meaning is Meaning.PAGE_TOKEN
    assert classify(refused(status, code, DEAD_PAGE_TOKEN), POLLS).meaning is Meaning.INVALID


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504, 507, 520, 524, 599])
@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Gateway</html>", {"code": 500, "message": "Internal error."}, {"code": 200, "message": "plan"}],
)
def test_server_error_is_broken_whatever_its_body(status: int, body: Any) -> None:
    verdict = classify(response(status, body), POLLS)

    assert (verdict.meaning, verdict.failure_type) == (Meaning.BROKEN, TRANSIENT)
    assert "Gateway" not in verdict.message


@pytest.mark.parametrize("code", ["123456789012345678901", "\u00b2", "-1", " 3001"])
def test_text_that_is_no_code_is_none(code: str) -> None:
    assert classify(response(404, {"code": code, "message": "x"}), POLLS).zoom_code is None


@given(
    st.integers(100, 599),
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.sampled_from([rule.code for rule in RULES])),
    st.one_of(st.none(), st.text(max_size=40), st.sampled_from([rule.text for rule in RULES])),
)
def test_every_answer_has_one_meaning_and_a_sentence(status: int, code: Any, message: Any) -> None:
    answer = response(status, {"code": code, "message": message})

    verdict = classify(answer, POLLS)

    assert verdict == classify(answer, POLLS)
    assert verdict.meaning in Meaning
    assert verdict.meaning is not Meaning.OK
    assert verdict.message


# Bodies of HTTP 200


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
    verdict = classify(response(200, body), POLLS)

    assert (verdict.meaning, verdict.message) == (Meaning.OK, "")


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
def test_successful_answer_that_is_not_a_list_is_broken(body: Any) -> None:
    verdict = classify(response(200, body), POLLS)

    assert (verdict.meaning, verdict.failure_type) == (Meaning.BROKEN, TRANSIENT)
    assert "sign in" not in verdict.message


@pytest.mark.parametrize("message", ["No permission.", "Only available for Paid account.", "Something new."])
@pytest.mark.parametrize("endpoint", [POLLS, DETAIL], ids=["list", "detail"])
def test_error_in_a_successful_answer_means_what_it_means_elsewhere(message: str, endpoint: Endpoint) -> None:
    in_success = classify(refused(200, 200, message), endpoint)

    assert in_success.meaning is classify(refused(400, 200, message), endpoint).meaning
    assert in_success.message == f"GET /{endpoint.path} was answered with HTTP 200: {message}"


@pytest.mark.parametrize(
    ("endpoint", "body", "meaning"),
    [
        (DETAIL, {"uuid": "a==", "id": 1}, Meaning.OK),
        (DETAIL, {"uuid": "a==", "code": 200}, Meaning.OK),
        (DETAIL, {}, Meaning.BROKEN),
        (DETAIL, {"total_records": 0}, Meaning.BROKEN),
        (DETAIL, {"code": 0, "message": "success"}, Meaning.BROKEN),
        (DETAIL, [{"uuid": "a=="}], Meaning.BROKEN),
        (RESULTS, {"uuid": "a=="}, Meaning.OK),
        (RESULTS, {"uuid": "a==", "questions": None}, Meaning.BROKEN),
        (RESULTS, {"id": 1}, Meaning.BROKEN),
    ],
)
def test_detail_is_sound_with_one_of_its_marks_and_so_is_a_list_that_zoom_leaves_out(
    endpoint: Endpoint, body: Any, meaning: Meaning
) -> None:
    assert classify(response(200, body), endpoint).meaning is meaning


# Bodies that are not quite JSON


def body_with(name: bytes, **headers: str) -> requests.Response:
    body = b'{"polls": [{"title": "' + name + b'", "id": 9007199254740993}]}'
    return response(200, body, headers={"Content-Length": str(len(body)), **headers})


@pytest.mark.parametrize("name", [b"Z\xfcrich", b"half of \xe2\x82", b"\xff", b"\\ud83d", b"a\x80b"])
def test_character_that_is_none_becomes_a_question_mark(name: bytes) -> None:
    answer = body_with(name)

    assert classify(answer, POLLS).meaning is Meaning.OK
    [poll] = json_body(answer)["polls"]
    assert poll["title"].replace("\N{REPLACEMENT CHARACTER}", "?").count("?") == 1
    assert poll["id"] == 9007199254740993
    assert is_mended(answer)
    assert orjson.loads(orjson.dumps(json_body(answer))) == json_body(answer)


def test_sound_answer_is_not_said_to_be_mended() -> None:
    answer = body_with("Zürich".encode())

    assert json_body(answer)["polls"][0]["title"] == "Zürich"
    assert not is_mended(answer)


def test_answer_that_is_shorter_than_it_says_is_not_mended() -> None:
    answer = body_with(b"\xff", **{"Content-Length": "500"})

    assert classify(answer, POLLS).meaning is Meaning.BROKEN
    assert not is_mended(answer)


def test_length_of_a_packed_answer_says_nothing_of_its_text() -> None:
    answer = body_with(b"\xff", **{"Content-Length": "12", "Content-Encoding": "gzip"})

    assert classify(answer, POLLS).meaning is Meaning.OK


def test_large_body_is_given_no_second_look() -> None:
    answer = response(200, b'{"polls": ["' + b"a" * LARGEST_TOLERATED + b'\xff"]}')

    assert classify(answer, POLLS).meaning is Meaning.BROKEN


def test_body_that_is_nested_without_an_end_is_broken() -> None:
    assert classify(response(200, b"[" * 200_000), POLLS).meaning is Meaning.BROKEN


def test_byte_order_mark_is_no_part_of_the_body() -> None:
    assert json_body(response(200, b'\xef\xbb\xbf{"polls": []}')) == {"polls": []}


def test_json_body_is_parsed_once() -> None:
    answer = response(200, {"polls": []})

    assert json_body(answer) is json_body(answer)


# What a user is told


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
        ({"code": 300, "message": "a" * 400}, (300, "a" * LONGEST_MESSAGE)),
        ({"code": True}, (None, "")),
        ({"code": 300, "message": ["a"]}, (300, "['a']")),
        ([], (None, "")),
        (None, (None, "")),
    ],
)
def test_error_of_knows_the_spellings_of_an_error_body(body: Any, error: tuple[int | None, str]) -> None:
    assert error_of(body) == error


@pytest.mark.parametrize("before", [0, 100, LONGEST_MESSAGE - 20, LONGEST_MESSAGE - 1])
def test_secret_that_a_server_quotes_is_masked_before_the_text_is_cut(before: int) -> None:
    secret = "".join(f"{number:x}Qz" for number in range(200))
    update_secrets([secret])
    try:
        verdict = classify(refused(400, 300, f"{'x ' * (before // 2)}{secret} is not valid"), POLLS)
    finally:
        update_secrets([])

    shown = verdict.message + verdict.text
    assert not any(secret[start : start + 8] in shown for start in range(len(secret) - 8))


def test_short_secret_is_masked_before_the_text_is_cut() -> None:
    update_secrets(["s3cr3t-short"])
    try:
        shown = error_of({"message": "x" * (LONGEST_MESSAGE - 9) + " s3cr3t-short"})[1]
    finally:
        update_secrets([])

    assert shown.endswith("x ****")


def test_authorization_header_that_a_server_quotes_is_masked_whatever_the_token() -> None:
    verdict = classify(refused(400, 300, f"Authorization: Bearer {ACCESS_TOKEN * 20}"), POLLS)

    assert ACCESS_TOKEN not in verdict.message
    assert "Bearer ****" in verdict.message


@pytest.mark.parametrize("status", [200, 400, 403, 404, 503])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"  <!DOCTYPE html><title>Sign in</title>", {}),
        (b"<html>Forbidden</html>", {}),
        (b"Forbidden", {"Content-Type": "text/HTML; charset=utf-8"}),
    ],
)
def test_html_page_is_named_and_not_quoted(status: int, body: bytes, headers: dict[str, str]) -> None:
    verdict = classify(response(status, body, headers=headers), POLLS)

    assert verdict.message == f"GET /meetings/{{meeting_id}}/polls was answered with HTTP {status}: an HTML page."
    assert verdict.text == "an HTML page"


def test_html_page_with_403_is_a_refusal_of_one_object() -> None:
    verdict = classify(response(403, b"<html>Forbidden</html>"), POLLS)

    assert verdict.meaning is Meaning.NO_PERMISSION
    assert not verdict.is_account_wide


@pytest.mark.parametrize("status", [400, 403, 404, 405, 410])
@pytest.mark.parametrize("body", [b"", b"[]", b"{}"])
def test_refusal_without_an_explanation_says_so(status: int, body: bytes) -> None:
    expected = f"GET /meetings/{{meeting_id}}/polls was answered with HTTP {status} and no explanation."

    assert classify(response(status, body), POLLS).message == expected


def test_half_an_answer_is_called_that() -> None:
    expected = "GET /meetings/{meeting_id}/polls was answered with HTTP 200 and a body that is not a complete answer."

    assert classify(response(200, b'{"polls": ['), POLLS).message == expected


def test_refusal_the_user_can_end_says_how() -> None:
    verdict = classify(refused(403, 2306, OTHERS_MEETINGS), POLLS)

    assert verdict.message.endswith("Switch on 'Display meetings scheduled for others' in Zoom's account settings.")


@pytest.mark.parametrize("status", [301, 302, 307])
def test_redirect_asks_to_check_the_address(status: int) -> None:
    assert classify(response(status, b""), POLLS).message.endswith(". Check `api_url`.")


def test_missing_scope_is_named_in_both_forms() -> None:
    verdict = classify(refused(401, 4711, MISSING_SCOPES), POLLS)

    assert "'meeting:read:list_polls:admin' (or 'meeting:read:admin' in an app with classic scopes)" in verdict.message


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

    # An immediate retry cannot help.
    assert (verdict.meaning, verdict.failure_type, verdict.is_account_wide) == (Meaning.DAILY, CONFIG, True)


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

    assert (verdict.meaning, verdict.failure_type) == (Meaning.PACE, TRANSIENT)
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

    assert verdict.meaning is Meaning.DAILY


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=40))
def test_no_header_breaks_the_verdict(value: str) -> None:
    headers = dict.fromkeys(("Retry-After", "X-RateLimit-Type", "Content-Type", "Content-Length"), value)

    assert classify(refused(429, 429, DAILY_LIMIT, headers=headers), POLLS).meaning is Meaning.DAILY
    assert classify(response(200, b'{"polls": ["\xff"]}', headers=headers), POLLS).meaning in {
        Meaning.OK,
        Meaning.BROKEN,
    }


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
