from __future__ import annotations

import base64
import json
import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import HttpStatusErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ErrorResolution, ResponseAction
from airbyte_cdk.sources.streams.http.http_client import HttpClient
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets, update_secrets
from airbyte_cdk.utils.traced_exception import AirbyteTracedException
from freezegun import freeze_time
from requests_mock import Mocker

from source_zoom.config import ZoomConfig, normalise
from source_zoom.zoom.auth import ZoomAuthenticator, authenticator

TOKEN_URL = "https://zoom.us/oauth/token"
API_URL = "https://api.zoom.us/v2/users"
CLIENT_SECRET = "client/s3cr3t+value"
REFRESH_TOKEN = "r3fresh+/token=1"
BASIC = base64.b64encode(f"cid:{CLIENT_SECRET}".encode()).decode()
S2S = {"auth_type": "server_to_server", "account_id": "acc id", "client_id": "cid", "client_secret": CLIENT_SECRET}
OAUTH = {"auth_type": "oauth2.0", "client_id": "cid", "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
THREADS = 32
FORMS = pytest.mark.parametrize("credentials", [S2S, OAUTH], ids=["server_to_server", "oauth2.0"])


@pytest.fixture(autouse=True)
def sleeps(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The naps of the CDK's backoff, which nobody really takes, and a secret filter that starts empty."""
    naps: list[float] = []
    monkeypatch.setattr(time, "sleep", naps.append)
    update_secrets([])
    yield naps
    update_secrets([])


def build(credentials: dict[str, Any], **properties: Any) -> tuple[ZoomAuthenticator, dict[str, Any]]:
    raw_config = normalise({"credentials": credentials, **properties})
    return authenticator(ZoomConfig.parse(raw_config), raw_config), raw_config


def answer(access: str = "access-1", /, **more: Any) -> dict[str, Any]:
    return {
        "access_token": access,
        "token_type": "bearer",
        "expires_in": 3599,
        "scope": "a:read b:read:admin",
        **more,
    }


def refused(auth: ZoomAuthenticator) -> AirbyteTracedException:
    """The error of `auth`, after the checks that hold for every error."""
    with pytest.raises(AirbyteTracedException) as caught:
        auth.get_access_token()
    error = caught.value
    message = error.message or ""
    assert message.endswith(".")
    assert ". " not in message
    shown = message + (error.internal_message or "") + "".join(traceback.format_exception(error))
    for secret in (CLIENT_SECRET, REFRESH_TOKEN, BASIC, quote(REFRESH_TOKEN, safe="")):
        assert secret not in shown
    return error


class RefreshOn401(HttpStatusErrorHandler):
    """Has the token renewed on 401, first waiting until `threads` of them have been refused."""

    def __init__(self, threads: int = 1) -> None:
        super().__init__(logging.getLogger("airbyte.test"))
        self._all_refused = threading.Barrier(threads, timeout=20)

    def interpret_response(self, response_or_exception: requests.Response | Exception | None = None) -> ErrorResolution:
        if isinstance(response_or_exception, requests.Response) and response_or_exception.status_code == 401:
            self._all_refused.wait()
            return ErrorResolution(ResponseAction.REFRESH_TOKEN_THEN_RETRY, FailureType.config_error, "refused")
        return super().interpret_response(response_or_exception)


def api_client(auth: ZoomAuthenticator, threads: int = 1) -> HttpClient:
    logger = logging.getLogger("airbyte.test")
    return HttpClient("test", logger, error_handler=RefreshOn401(threads), authenticator=auth)


def together(work: Callable[[], object]) -> list[object]:
    """Run `work` in many threads at once and return what each returns or raises."""
    barrier = threading.Barrier(THREADS, timeout=20)

    def one() -> object:
        barrier.wait()
        try:
            return work()
        except AirbyteTracedException as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result(timeout=30) for future in [pool.submit(one) for _ in range(THREADS)]]


def control_messages(out: str) -> list[dict[str, Any]]:
    messages = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return [message["control"] for message in messages if message["type"] == "CONTROL"]


def test_server_to_server_request_on_the_wire(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, json=answer())
    auth, raw_config = build(S2S)
    assert auth.granted_scopes is None
    request = auth(requests.Request("GET", API_URL).prepare())
    assert request.headers["Authorization"] == "Bearer access-1"
    assert auth.granted_scopes == frozenset({"a:read", "b:read:admin"})
    (sent,) = requests_mock.request_history
    assert sent.text == "grant_type=account_credentials&account_id=acc+id"
    assert sent.headers["Authorization"] == f"Basic {BASIC}"
    assert sent.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert sent.qs == {}
    assert str(sent.timeout) == "(10, 30)"
    assert raw_config == {"credentials": S2S}


def test_refresh_token_request_on_the_wire(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, json=answer(refresh_token="next"))
    auth, _ = build(OAUTH | {"refresh_token": f" {REFRESH_TOKEN} "})
    assert auth.get_auth_header() == {"Authorization": "Bearer access-1"}
    (sent,) = requests_mock.request_history
    assert sent.text == f"grant_type=refresh_token&refresh_token={quote_plus(REFRESH_TOKEN)}"
    assert sent.headers["Authorization"] == f"Basic {BASIC}"
    assert str(sent.timeout) == "(10, 30)"
    assert auth.granted_scopes == frozenset({"a:read", "b:read:admin"})


def test_token_request_ignores_netrc_and_follows_no_redirect(
    requests_mock: Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("requests.sessions.get_netrc_auth", lambda _url: ("someone", "else"))
    requests_mock.post(TOKEN_URL, status_code=307, headers={"Location": "https://elsewhere.example/"})
    error = refused(build(S2S)[0])
    assert error.failure_type is FailureType.config_error
    assert "`authorization_endpoint`" in (error.message or "")
    assert [sent.headers["Authorization"] for sent in requests_mock.request_history] == [f"Basic {BASIC}"]


def test_token_endpoint_is_configurable(requests_mock: Mocker) -> None:
    requests_mock.post("http://127.0.0.1:8080/oauth/token", json=answer())
    auth, _ = build(S2S, authorization_endpoint="http://127.0.0.1:8080/oauth/token")
    assert auth.get_access_token() == "access-1"


@pytest.mark.parametrize("scope", [{}, {"scope": ""}, {"scope": None}, {"scope": ["a"]}])
def test_scopes_that_zoom_does_not_tell_are_unknown(requests_mock: Mocker, scope: dict[str, Any]) -> None:
    requests_mock.post(TOKEN_URL, json={"access_token": "access-1", **scope})
    auth, _ = build(S2S)
    auth.get_access_token()
    assert auth.granted_scopes is None


@FORMS
@pytest.mark.parametrize(
    ("expires_in", "lives"),
    [
        (3600, 3540),
        (3599, 3539),
        ("3600", 3540),
        (300.0, 240),
        (90, 45),
        (20, 10),
        (None, 3540),
        ("soon", 3540),
        (0, 3540),
        (-5, 3540),
        (1e300, 3540),
        ([], 3540),
    ],
)
def test_token_is_renewed_a_minute_before_it_expires(
    requests_mock: Mocker, credentials: dict[str, Any], expires_in: object, lives: int
) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer(f"access-{n}", expires_in=expires_in)} for n in (1, 2, 3)])
    with freeze_time("2026-08-31T12:00:00Z") as clock:
        auth, _ = build(credentials)
        assert auth.get_access_token() == "access-1"
        clock.tick(timedelta(seconds=lives - 1))
        assert auth.get_access_token() == "access-1"
        clock.tick(timedelta(seconds=2))
        assert auth.get_access_token() == "access-2"
        assert auth.get_access_token() == "access-2"


CLIENT = "`credentials.client_id` or `credentials.client_secret`"
ACCOUNT = "`credentials.account_id`, or the app is deactivated"
AGAIN = "`credentials.refresh_token` is used up, expired or revoked"


@pytest.mark.parametrize("status", [400, 401])
@pytest.mark.parametrize(
    ("body", "server_to_server", "oauth"),
    [
        ({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, CLIENT, CLIENT),
        ({"reason": "Bad Request", "error": "invalid_request"}, ACCOUNT, "reason `Bad Request`"),
        ({"reason": "Invalid Token!", "error": "invalid_request"}, ACCOUNT, AGAIN),
        ({"reason": "Invalid Token!", "error": "invalid_grant"}, "reason `Invalid Token!`", AGAIN),
        ({"error": "invalid_grant"}, "reason `invalid_grant`", AGAIN),
        (
            {"reason": "unsupported grant type", "error": "unsupported_grant_type"},
            "not a Server-to-Server OAuth app",
            "does not allow refresh tokens",
        ),
        ({"code": 4711, "reason": "Invalid scopes"}, "reason `Invalid scopes`", AGAIN),
        ({"code": "4741", "reason": "Revoked"}, "reason `Revoked`", AGAIN),
        ({"code": 4702}, CLIENT, CLIENT),
        ({"code": 4717}, "disabled or deactivated", "disabled or deactivated"),
        ({"reason": "Something\n new"}, "reason `Something new`", "reason `Something new`"),
        ({"reason": ["odd"], "error": 5, "code": ["x"]}, "(HTTP 4", "(HTTP 4"),
        ({}, "(HTTP 4", "(HTTP 4"),
    ],
)
def test_refusals_are_config_errors_that_say_what_to_do(
    requests_mock: Mocker, status: int, body: dict[str, Any], server_to_server: str, oauth: str
) -> None:
    requests_mock.post(TOKEN_URL, status_code=status, json=body)
    for credentials, expected in ((S2S, server_to_server), (OAUTH, oauth)):
        error = refused(build(credentials)[0])
        assert error.failure_type is FailureType.config_error
        assert expected in (error.message or "")
        assert f"HTTP {status}" in (error.internal_message or "")
    assert requests_mock.call_count == 2


@pytest.mark.parametrize("status", [301, 403, 404, 405])
def test_an_endpoint_that_is_not_zooms_is_a_config_error(requests_mock: Mocker, status: int) -> None:
    requests_mock.post(TOKEN_URL, status_code=status, text="<html>nothing here</html>")
    error = refused(build(S2S)[0])
    assert error.failure_type is FailureType.config_error
    assert "`authorization_endpoint`" in (error.message or "")


def test_request_that_cannot_be_sent_is_a_config_error_and_not_retried(
    requests_mock: Mocker, sleeps: list[float]
) -> None:
    requests_mock.post(TOKEN_URL, exc=requests.exceptions.InvalidProxyURL)
    error = refused(build(S2S)[0])
    assert error.failure_type is FailureType.config_error
    assert "the proxy" in (error.message or "")
    assert sleeps == []


def test_error_in_a_successful_answer_is_a_refusal(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, json={"reason": "Bad Request", "error": "invalid_request"})
    assert ACCOUNT in (refused(build(S2S)[0]).message or "")


FLAT = {key: value for key, value in S2S.items() if key != "auth_type"}
FLAT_OAUTH = {key: value for key, value in OAUTH.items() if key != "auth_type"}


@pytest.mark.parametrize(
    ("config", "body", "expected"),
    [
        (FLAT, {"error": "invalid_client"}, "does not accept `client_id` or `client_secret`: "),
        (FLAT, {"error": "invalid_request"}, "does not accept `account_id`, or"),
        (FLAT_OAUTH, {"error": "invalid_grant"}, "`refresh_token` is used up"),
        (FLAT, {"reason": "Odd"}, "reason `Odd`: check the credentials."),
        (FLAT, {}, "(HTTP 400): check the values in the credentials."),
    ],
)
def test_refusal_of_flat_credentials_names_them_as_they_were_written(
    requests_mock: Mocker, config: dict[str, Any], body: dict[str, Any], expected: str
) -> None:
    requests_mock.post(TOKEN_URL, status_code=400, json=body)
    raw_config = normalise(config)
    message = refused(authenticator(ZoomConfig.parse(raw_config), raw_config)).message or ""
    assert expected in message
    assert "`credentials" not in message


@FORMS
def test_half_of_a_secret_is_masked_wherever_the_reason_is_cut(
    requests_mock: Mocker, credentials: dict[str, Any]
) -> None:
    for echo in (CLIENT_SECRET[:-3], CLIENT_SECRET[4:], BASIC[: len(BASIC) // 2], f"Bearer {'t' * 300}"):
        for before in range(180, 205):
            requests_mock.post(TOKEN_URL, status_code=400, json={"reason": "x " * (before // 2) + echo})
            error = refused(build(credentials)[0])
            shown = (error.message or "") + (error.internal_message or "")
            assert not any(echo[start : start + 8] in shown for start in range(len(echo) - 8))
    requests_mock.post(TOKEN_URL, status_code=400, json={"reason": f"<{CLIENT_SECRET}{BASIC}> of {CLIENT_SECRET[:9]}."})
    assert "reason `<****> of ****.`" in (refused(build(credentials)[0]).message or "")


def test_number_of_too_many_digits_as_a_code_is_no_code(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, status_code=400, json={"code": "9" * 5000, "reason": "Odd"})
    assert "reason `Odd`" in (refused(build(S2S)[0]).message or "")


MALFORMED = [
    "two words",
    "line\nbreak",
    "bell\x07",
    'quo"te',
    "apostro'phe",
    "ünicode",
    "t" * 16385,
    5,
    ["t"],
    {},
]


@FORMS
@pytest.mark.parametrize("token", MALFORMED, ids=lambda token: ascii(token)[:20])
def test_malformed_token_is_refused_and_not_quoted(
    requests_mock: Mocker, credentials: dict[str, Any], token: object, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in ({"access_token": token}, {"access_token": "good", "refresh_token": token}):
        requests_mock.post(TOKEN_URL, json=given)
        error = refused(build(credentials)[0])
        assert error.failure_type is FailureType.transient_error
        assert error.message == "Zoom's token endpoint answered with a token that cannot be one: try again later."
        assert str(token) not in (error.internal_message or "")
    assert requests_mock.call_count == 2
    assert control_messages(capsys.readouterr().out) == []


def test_long_token_of_any_printable_kind_is_taken(requests_mock: Mocker) -> None:
    token = "eyJ.-_~+/=:|{}%" * 1000
    requests_mock.post(TOKEN_URL, json=answer(f" {token}\n"))
    assert build(S2S)[0].get_access_token() == token


@FORMS
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b'["access_token"]', b'"text"', b"5", b"[" * 100_000])
def test_answer_of_another_form_is_transient(
    requests_mock: Mocker, credentials: dict[str, Any], content: bytes
) -> None:
    requests_mock.post(TOKEN_URL, content=content)
    error = refused(build(credentials)[0])
    assert error.message == "Zoom's token endpoint answered without a token: try again later."


@FORMS
def test_reason_that_echoes_secrets_is_masked_and_cut(requests_mock: Mocker, credentials: dict[str, Any]) -> None:
    echo = f"{CLIENT_SECRET} {REFRESH_TOKEN if credentials is OAUTH else ''} {quote_plus(CLIENT_SECRET)} {BASIC} "
    requests_mock.post(TOKEN_URL, status_code=400, json={"reason": echo + "x" * 1000})
    auth, _ = build(credentials)
    update_secrets([])
    message = refused(auth).message or ""
    assert "****" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    "text", ["<html>", "", "[]", '{"access_token": "acce', '{"access_token": " "}', '{"access_token": 5}']
)
@FORMS
def test_answer_without_a_token_is_transient_and_not_quoted_nor_repeated(
    requests_mock: Mocker, credentials: dict[str, Any], text: str
) -> None:
    requests_mock.post(TOKEN_URL, text=text)
    error = refused(build(credentials)[0])
    assert error.failure_type is FailureType.transient_error
    assert text == "" or text not in (error.internal_message or "")
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "failure",
    [
        {"status_code": 500},
        {"status_code": 503, "text": "<html>"},
        {"status_code": 429, "json": {"code": 429}},
        {"status_code": 408},
        {"exc": requests.exceptions.ConnectTimeout},
        {"exc": requests.exceptions.ReadTimeout},
        {"exc": requests.exceptions.ConnectionError},
        {"exc": requests.exceptions.SSLError},
        {"exc": requests.exceptions.ChunkedEncodingError},
    ],
)
@FORMS
def test_passing_failures_are_retried_then_transient(
    requests_mock: Mocker, sleeps: list[float], credentials: dict[str, Any], failure: dict[str, Any]
) -> None:
    requests_mock.post(TOKEN_URL, [failure, failure, {"json": answer()}])
    assert build(credentials)[0].get_access_token() == "access-1"
    assert sleeps == [1, 2]

    sleeps.clear()
    requests_mock.post(TOKEN_URL, **failure)
    error = refused(build(credentials)[0])
    assert error.failure_type is FailureType.transient_error
    assert "try again later" in (error.message or "")
    assert len(sleeps) == 6
    assert sum(sleeps) <= 63


def test_config_error_is_remembered(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, status_code=400, json={"error": "invalid_client"})
    with freeze_time("2026-08-31T12:00:00Z") as clock:
        auth, _ = build(S2S)
        first = refused(auth)
        clock.tick(timedelta(days=1))
        again = refused(auth)
    assert (again.message, again.internal_message) == (first.message, first.internal_message)
    assert again is not first
    assert requests_mock.call_count == 1


def test_transient_error_is_remembered_for_half_a_minute(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, text="<html>")
    with freeze_time("2026-08-31T12:00:00Z") as clock:
        auth, _ = build(S2S)
        refused(auth)
        clock.tick(timedelta(seconds=29))
        assert refused(auth).failure_type is FailureType.transient_error
        assert requests_mock.call_count == 1
        clock.tick(timedelta(seconds=2))
        requests_mock.post(TOKEN_URL, json=answer())
        assert auth.get_access_token() == "access-1"
        requests_mock.post(TOKEN_URL, text="<html>")
        with pytest.raises(AirbyteTracedException):
            auth.refresh_and_set_access_token()


@FORMS
def test_threads_that_start_together_share_one_token(requests_mock: Mocker, credentials: dict[str, Any]) -> None:
    requests_mock.post(TOKEN_URL, json=answer())
    auth, _ = build(credentials)
    assert set(together(auth.get_access_token)) == {"access-1"}
    assert requests_mock.call_count == 1


@pytest.mark.parametrize(
    "failure", [{"status_code": 400, "json": {"error": "invalid_client"}}, {"status_code": 503}, {"text": "<html>"}]
)
def test_threads_that_start_together_share_one_failure(requests_mock: Mocker, failure: dict[str, Any]) -> None:
    requests_mock.post(TOKEN_URL, **failure)
    auth, _ = build(S2S)
    errors = together(auth.get_access_token)
    assert all(isinstance(error, AirbyteTracedException) for error in errors)
    assert len({str(error) for error in errors}) == 1
    assert requests_mock.call_count == (7 if failure.get("status_code") == 503 else 1)


@FORMS
def test_threads_whose_token_is_revoked_renew_it_once(requests_mock: Mocker, credentials: dict[str, Any]) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer(f"access-{n}", refresh_token=f"refresh-{n}")} for n in range(1, 9)])
    headers = {"Authorization": "Bearer access-1"}
    requests_mock.get(API_URL, json={})
    requests_mock.get(API_URL, status_code=401, json={"code": 124}, request_headers=headers)
    auth, _ = build(credentials)
    client = api_client(auth, THREADS)
    codes = together(lambda: client.send_request("GET", API_URL, request_kwargs={})[1].status_code)
    assert codes == [200] * THREADS
    calls = [sent.url for sent in requests_mock.request_history]
    assert calls.count(TOKEN_URL) == 2
    assert calls.count(API_URL) == 2 * THREADS
    assert auth.get_access_token() == "access-2"


def test_thread_that_comes_late_keeps_the_new_token(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer(f"access-{n}")} for n in (1, 2, 3)])
    auth, _ = build(S2S)
    auth(requests.Request("GET", API_URL).prepare())
    with ThreadPoolExecutor(1) as pool:
        pool.submit(auth.refresh_and_set_access_token).result()
    auth.refresh_and_set_access_token()
    assert auth.get_access_token() == "access-2"
    auth(requests.Request("GET", API_URL).prepare())
    auth.refresh_and_set_access_token()
    assert auth.get_access_token() == "access-3"


def test_thread_that_last_signed_with_an_old_token_still_renews_an_expired_one(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer(f"access-{n}")} for n in (1, 2, 3)])
    with freeze_time("2026-08-31T12:00:00Z") as clock:
        auth, _ = build(S2S)
        auth(requests.Request("GET", API_URL).prepare())
        with ThreadPoolExecutor(1) as pool:
            pool.submit(auth.refresh_and_set_access_token).result()
        clock.tick(timedelta(hours=1))
        assert auth.get_access_token() == "access-3"


def test_revoked_token_that_cannot_be_renewed_is_the_config_error_of_the_token_endpoint(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer()}, {"status_code": 400, "json": {"error": "invalid_client"}}])
    requests_mock.get(API_URL, status_code=401, json={"code": 124})
    auth, _ = build(S2S)
    client = api_client(auth)
    for _ in range(2):
        with pytest.raises(AirbyteTracedException, match="client_secret") as caught:
            client.send_request("GET", API_URL, request_kwargs={})
        assert caught.value.failure_type is FailureType.config_error
    assert [sent.url for sent in requests_mock.request_history].count(TOKEN_URL) == 2


def test_rotation_prints_one_control_message_and_shows_the_token_nowhere_else(
    requests_mock: Mocker, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    requests_mock.post(TOKEN_URL, json=answer("access+/1", refresh_token="refresh+/2"))
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="airbyte")
    with freeze_time("2026-08-31T12:00:00Z"):
        auth, raw_config = build(OAUTH, other="kept", num_workers=4)
        assert auth.get_access_token() == auth.get_access_token() == "access+/1"
    captured = capsys.readouterr()
    (control,) = control_messages(captured.out)
    stored = OAUTH | {
        "refresh_token": "refresh+/2",
        "access_token": "access+/1",
        "token_expiry_date": "2026-08-31T12:58:59+00:00",
    }
    assert control["type"] == "CONNECTOR_CONFIG"
    assert control["connectorConfig"]["config"] == {"credentials": stored, "other": "kept", "num_workers": 4}
    assert raw_config == {"credentials": stored, "other": "kept", "num_workers": 4}
    assert captured.out.count("refresh+/2") == 1
    records = "".join(str(vars(record)) for record in caplog.records)
    for secret in ("refresh+/2", "access+/1", REFRESH_TOKEN, quote_plus(REFRESH_TOKEN), CLIENT_SECRET, BASIC):
        assert secret not in captured.err + caplog.text + records + repr(auth)


def test_rotated_token_is_the_one_of_the_next_refresh_and_of_the_next_run(
    requests_mock: Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    requests_mock.post(TOKEN_URL, [{"json": answer(f"a-{n}", refresh_token=f"r-{n}")} for n in (1, 2)])
    with freeze_time("2026-08-31T12:00:00Z") as clock:
        auth, raw_config = build(OAUTH)
        auth.get_access_token()
        assert build(raw_config["credentials"])[0].get_access_token() == "a-1"
        clock.tick(timedelta(hours=1))
        again, _ = build(raw_config["credentials"])
        assert again.get_access_token() == "a-2"
    assert requests_mock.last_request is not None
    assert requests_mock.last_request.text == "grant_type=refresh_token&refresh_token=r-1"
    assert len(control_messages(capsys.readouterr().out)) == 2


def test_answer_without_a_refresh_token_keeps_the_old_one(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, json=answer())
    auth, raw_config = build(OAUTH)
    auth.get_access_token()
    assert raw_config["credentials"]["refresh_token"] == REFRESH_TOKEN


@pytest.mark.parametrize(
    "stored",
    [
        {"token_expiry_date": "2026-08-31T13:00:00Z"},
        {"access_token": "stored"},
        {"access_token": "stored", "token_expiry_date": None},
        {"access_token": "stored", "token_expiry_date": ""},
        {"access_token": "stored", "token_expiry_date": "garbage"},
        {"access_token": "stored", "token_expiry_date": ["2026-08-31T13:00:00Z"]},
        {"access_token": "stored", "token_expiry_date": "9" * 30},
        {"access_token": "stored", "token_expiry_date": "2026-08-31T11:59:59Z"},
        {"access_token": "", "token_expiry_date": "2026-08-31T13:00:00Z"},
        {"access_token": 5, "token_expiry_date": "2026-08-31T13:00:00Z"},
        {"access_token": "two\nlines", "token_expiry_date": "2026-08-31T13:00:00Z"},
    ],
)
def test_stored_token_of_no_use_counts_as_expired(requests_mock: Mocker, stored: dict[str, Any]) -> None:
    requests_mock.post(TOKEN_URL, json=answer())
    with freeze_time("2026-08-31T12:00:00Z"):
        auth, _ = build(OAUTH | stored)
        assert auth.get_access_token() == "access-1"


def test_configuration_of_unusual_values_is_printed_with_the_new_token(
    requests_mock: Mocker, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the configuration lets pass must be writable, or the new token is lost."""
    requests_mock.post(TOKEN_URL, json=answer(refresh_token="next"))
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    unusual = {"large": 2**64 - 1, "small": -(2**63), "text": "\U0001f600\x00", "deep": deep}
    build(OAUTH | {"label": unusual}, **unusual)[0].get_access_token()
    (control,) = control_messages(capsys.readouterr().out)
    config = control["connectorConfig"]["config"]
    assert config == {**unusual, "credentials": {**config["credentials"], "label": unusual}}
    assert config["credentials"]["refresh_token"] == "next"


def test_stored_token_that_is_still_good_is_used(requests_mock: Mocker) -> None:
    with freeze_time("2026-08-31T12:00:00Z"):
        auth, _ = build(OAUTH | {"access_token": "stored", "token_expiry_date": "2026-08-31T12:30:00Z"})
        assert auth.get_access_token() == "stored"
    assert requests_mock.call_count == 0
    assert filter_secrets("stored") == "****"


def test_unusual_keys_of_the_configuration_do_no_harm(requests_mock: Mocker) -> None:
    requests_mock.post(TOKEN_URL, json=answer())
    raw_config = normalise({"credentials": OAUTH, "a/b": 1, "*": {"client_id": "x"}, "": {"": None}})
    auth = authenticator(ZoomConfig.parse(raw_config), raw_config)
    assert auth.get_access_token() == "access-1"


@FORMS
def test_secrets_are_hidden_from_the_start_and_with_every_token(
    requests_mock: Mocker, credentials: dict[str, Any]
) -> None:
    requests_mock.post(TOKEN_URL, json=answer("acc+ess", refresh_token="ref/resh"))
    auth, _ = build(credentials)
    for secret in [CLIENT_SECRET, BASIC, *([REFRESH_TOKEN, quote_plus(REFRESH_TOKEN)] if credentials is OAUTH else [])]:
        assert secret not in filter_secrets(f"x {secret} y")
    update_secrets([])
    auth.get_access_token()
    for secret in ("acc+ess", quote_plus("acc+ess"), "ref/resh", quote_plus("ref/resh")):
        assert secret not in filter_secrets(f"x {secret} y")


@FORMS
def test_no_output_of_failures_holds_a_secret(
    requests_mock: Mocker,
    credentials: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="airbyte")
    cases: list[dict[str, Any]] = [
        {"status_code": 400, "json": {"error": "x"}},
        {"status_code": 503},
        {"exc": requests.exceptions.ConnectionError},
        {"text": '{"access_token": "half-of-a-tok'},
    ]
    for case in cases:
        requests_mock.post(TOKEN_URL, **case)
        refused(build(credentials)[0])
    captured = capsys.readouterr()
    shown = captured.out + captured.err + caplog.text + "".join(str(vars(record)) for record in caplog.records)
    for secret in (CLIENT_SECRET, REFRESH_TOKEN, quote_plus(REFRESH_TOKEN), BASIC, "half-of-a-tok"):
        assert secret not in shown
    assert "Caught retryable error" in shown
    assert captured.out == ""
