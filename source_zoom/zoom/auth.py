"""Access tokens for Zoom's API: one for the whole sync, renewed before it expires and once when Zoom refuses it.

The CDK's authenticators decide when to renew and hold the lock; this module asks Zoom's token endpoint and says in one
sentence what is wrong when it refuses. Facts about the endpoint: https://developers.zoom.us/docs/internal-apps/s2s-oauth/
and https://developers.zoom.us/docs/integrations/oauth/.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import math
import re
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote, quote_plus

import orjson
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import HttpStatusErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ErrorResolution, ResponseAction
from airbyte_cdk.sources.streams.http.http_client import HttpClient
from airbyte_cdk.sources.streams.http.requests_native_auth.oauth import (
    Oauth2Authenticator,
    SingleUseRefreshTokenOauth2Authenticator,
)
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets
from airbyte_cdk.utils.datetime_helpers import AirbyteDateTime, ab_datetime_now, ab_datetime_try_parse
from airbyte_cdk.utils.traced_exception import AirbyteTracedException

from source_zoom.config import RefreshToken, ServerToServer, ZoomConfig
from source_zoom.zoom.masking import mask
from source_zoom.zoom.transport import AnswerTooLarge, BoundedAdapter

TOKEN_LIFETIME = 3600
"""Seconds that a token lives where Zoom's answer does not say."""
RENEWAL_MARGIN = 60
"""Seconds before its end at which a token is renewed."""
REQUEST_TIMEOUT = (10, 30)
"""Seconds to connect, and between two bytes of an answer."""
ANSWER_SECONDS = 60
"""Seconds for a whole answer."""
ANSWER_BYTES = 1 << 20
"""Size of an answer at most, unpacked."""
TRANSIENT_MEMORY = 30
"""Seconds for which a passing failure is repeated to later callers without another request."""

_DAY = 86_400
_RETRIES = 6
_RETRY_TIME = timedelta(seconds=60)
_RETRIED_STATUSES = frozenset({requests.codes.request_timeout, requests.codes.too_many_requests})
_REASON_LENGTH = 200
_DETAIL_LENGTH = 1000
_TOKEN = re.compile(r"[!#-&(-~]{1,16384}", re.ASCII)
"""Printable ASCII without blanks and quotes, as a header takes it; Zoom's are JSON Web Tokens of about a kilobyte."""

_PIECE = 8
"""Characters of a secret that are masked wherever they stand, as a server may quote half of one."""

_NAMES = re.compile(r"`credentials\.(account_id|client_id|client_secret|refresh_token)`")

# HttpClient logs headers and bodies at DEBUG and stack traces at ERROR: here they would be credentials and noise.
_silent = logging.getLogger("airbyte.zoom_token")
_silent.setLevel(logging.CRITICAL)


_WRONG_ENDPOINT = "What answers at `authorization_endpoint` is not Zoom's token endpoint: check its URL."
_UNUSABLE_URL = (
    "The request for an access token cannot be sent: "
    "check `authorization_endpoint` and the proxy that is set for this computer."
)
_WRONG_CLIENT = (
    "Zoom does not accept `credentials.client_id` or `credentials.client_secret`: "
    "copy both from the page of your app in the Zoom App Marketplace."
)
_WRONG_ACCOUNT = (
    "Zoom does not accept `credentials.account_id`, or the app is deactivated: "
    "copy the account ID from the page of your app in the Zoom App Marketplace and see there that the app is active."
)
_APP_OFF = "The app is disabled or deactivated: activate it on its page in the Zoom App Marketplace."
_NOT_SERVER_TO_SERVER = (
    "The app is not a Server-to-Server OAuth app: use the credentials of one, or choose `oauth2.0` as "
    "`credentials.auth_type`."
)
_NOT_GENERAL = (
    "The app does not allow refresh tokens: use the credentials of a General app, or choose `server_to_server` as "
    "`credentials.auth_type`."
)
_AUTHORIZE_AGAIN = (
    "`credentials.refresh_token` is used up, expired or revoked: "
    "authorize the app again and enter the new refresh token."
)


@dataclass(frozen=True)
class _Rule:
    """What a refusal means, by Zoom's `error` or by its code, for either kind of app (None: nothing certain)."""

    errors: frozenset[str]
    codes: frozenset[int]
    server_to_server: str | None
    refresh_token: str | None


# Codes: https://developers.zoom.us/docs/integrations/oauth-error-messages/
_RULES = (
    _Rule(frozenset({"invalid_client"}), frozenset({4702, 4704, 4706}), _WRONG_CLIENT, _WRONG_CLIENT),
    _Rule(frozenset({"unsupported_grant_type"}), frozenset({4705}), _NOT_SERVER_TO_SERVER, _NOT_GENERAL),
    _Rule(frozenset(), frozenset({4717}), _APP_OFF, _APP_OFF),
    _Rule(
        frozenset({"invalid_grant"}),
        frozenset({4700, 4711, 4735, 4737, 4738, 4740, 4741}),
        None,
        _AUTHORIZE_AGAIN,
    ),
    _Rule(frozenset({"invalid_request"}), frozenset(), _WRONG_ACCOUNT, None),
)


def authenticator(config: ZoomConfig, raw_config: Mapping[str, Any]) -> ZoomAuthenticator:
    """Return the one authenticator of a sync, for `requests` and for the CDK's `HttpClient`.

    `raw_config` is the normalised configuration that `config` was parsed from. With a refresh token it must be mutable:
    each new token is written into its `credentials` and printed in a CONNECTOR_CONFIG control message.
    """
    if isinstance(config.credentials, ServerToServer):
        return ServerToServerAuthenticator(config.authorization_endpoint, config.credentials)
    return RefreshTokenAuthenticator(config.authorization_endpoint, config.credentials, raw_config)


@dataclass(frozen=True)
class Grant:
    """What Zoom's token endpoint gave."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    renew_at: AirbyteDateTime
    scopes: frozenset[str] | None


@dataclass(frozen=True)
class _Failure:
    """A failed token request, as later callers are told of it."""

    message: str
    detail: str
    failure_type: FailureType
    until: float
    """Reading of the monotonic clock up to which no other request is made."""

    def exception(self) -> AirbyteTracedException:
        return AirbyteTracedException(
            message=self.message, internal_message=self.detail, failure_type=self.failure_type
        )


class TokenEndpoint:
    """Zoom's token endpoint as seen with one set of credentials. Its callers hold the CDK's refresh lock."""

    def __init__(self, url: str, credentials: ServerToServer | RefreshToken) -> None:
        self._url = url
        self._credentials = credentials
        pair = f"{credentials.client_id}:{credentials.client_secret}"
        self._basic = base64.b64encode(pair.encode()).decode()
        self._secrets = tuple(_forms(*_secrets(credentials), self._basic))
        self._failure: _Failure | None = None
        self.granted_scopes: frozenset[str] | None = None
        _hide(credentials.client_secret, self._basic)

    @property
    def headers(self) -> Mapping[str, str]:
        """What identifies the app: a Basic header."""
        return {"Authorization": f"Basic {self._basic}"}

    def grant(self, body: Mapping[str, Any]) -> Grant:
        """Ask for a token with `body` as the form and return what Zoom gives.

        Network errors, 408, 429 and 5xx are retried for about a minute. Raises `AirbyteTracedException`: config_error
        where Zoom refuses, then again at once for every later caller; transient_error where it cannot be reached or
        cannot be understood, then again at once for `TRANSIENT_MEMORY` seconds.
        """
        if self._failure is not None and time.monotonic() < self._failure.until:
            raise self._failure.exception()
        try:
            grant = self._grant(body)
        except AirbyteTracedException as error:
            memory = math.inf if error.failure_type is FailureType.config_error else TRANSIENT_MEMORY
            until = time.monotonic() + memory
            self._failure = _Failure(error.message or "", error.internal_message or "", error.failure_type, until)
            raise
        self.granted_scopes = grant.scopes
        return grant

    def _grant(self, body: Mapping[str, Any]) -> Grant:
        response = self._post(body)
        answer = _answer(response)
        access_token, refresh_token = _token(answer, "access_token"), _token(answer, "refresh_token")
        if response.ok and access_token:
            malformed = [token for token in (access_token, refresh_token) if token and not _TOKEN.fullmatch(token)]
            if malformed:
                # Not quoted: all but a character of it may be a good token.
                detail = (
                    f"HTTP {response.status_code}, a token of {len(malformed[0])} characters, not all of which fit."
                )
                raise _transient("Zoom's token endpoint answered with a token that cannot be one", detail)
            return _read_grant(access_token, refresh_token, answer)
        if requests.codes.ok <= response.status_code < requests.codes.multiple_choices and "error" not in answer:
            # The body is not quoted: half of an answer may hold a token.
            detail = f"HTTP {response.status_code}, {len(response.content)} bytes, no access token in them."
            raise _transient("Zoom's token endpoint answered without a token", detail)
        raise self._refusal(response.status_code, answer)

    def _post(self, body: Mapping[str, Any]) -> requests.Response:
        with requests.Session() as session:
            _bounded(session)
            session.auth = _as_it_is
            client = HttpClient("token", _silent, error_handler=_TokenErrorHandler(), session=session)
            try:
                _, response = client.send_request(
                    "POST",
                    self._url,
                    request_kwargs={"timeout": REQUEST_TIMEOUT, "allow_redirects": False},
                    headers=self.headers,
                    data=body,
                )
            except AirbyteTracedException as error:
                if error.failure_type is FailureType.config_error:
                    raise
                what = "Zoom's token endpoint could not be reached or kept failing for about a minute"
                # No cause: its text can quote what was sent.
                raise _transient(what, self._masked(error.internal_message or "", _DETAIL_LENGTH)) from None
        return response

    def _refusal(self, status: int, answer: Mapping[str, Any]) -> AirbyteTracedException:
        error, reason = _text(answer, "error"), _text(answer, "reason")
        quoted = self._masked(reason or error)
        detail = f"HTTP {status} from the token endpoint: {quoted or 'no reason given'}"
        known = _known_refusal(self._credentials, error, reason, answer.get("code"))
        if known:
            return _config_error(_NAMES.sub(rf"`{self._credentials.prefix}\1`", known), detail)
        where = "`credentials`" if self._credentials.prefix else "the credentials"
        if quoted:
            return _config_error(
                f"Zoom refused to give an access token with the reason `{quoted}`: check {where}.", detail
            )
        if status in {requests.codes.bad_request, requests.codes.unauthorized}:
            return _config_error(
                f"Zoom refused to give an access token (HTTP {status}): check the values in {where}.", detail
            )
        return _config_error(_WRONG_ENDPOINT, detail)

    def _masked(self, text: str, most: int = _REASON_LENGTH) -> str:
        """Return a text without secrets, cut only after they are masked: half of one would not be recognised."""
        return mask(_without_pieces(text, self._secrets))[:most]


class ZoomAuthenticator(Oauth2Authenticator):
    """What the authenticators of both grants share: the token endpoint, and one renewal for all threads."""

    def __init__(self, endpoint: TokenEndpoint, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._endpoint = endpoint
        self._signed = threading.local()

    @property
    def granted_scopes(self) -> frozenset[str] | None:
        """Scopes of the newest token; None before the first one of this run, or where Zoom does not tell."""
        return self._endpoint.granted_scopes

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Attach the access token to `request`. Raises `AirbyteTracedException` where there is none to be had."""
        token = self.get_access_token()
        self._signed.digest = _digest(token)
        request.headers["Authorization"] = f"Bearer {token}"
        return request

    def refresh_and_set_access_token(self) -> None:
        """Renew the token, unless another thread has replaced the one that this thread last signed a request with.

        The CDK compares tokens too, but before it waits for the lock: a thread that comes to it late would throw away
        a token which is seconds old (abstract_oauth.py, `refresh_and_set_access_token`).
        """
        with self._token_refresh_lock:
            rejected = getattr(self._signed, "digest", None)
            if rejected in {None, _digest(self.access_token or "")} or self.token_has_expired():
                super().refresh_and_set_access_token()


class ServerToServerAuthenticator(ZoomAuthenticator):
    """Tokens of a server-to-server app, by the grant `account_credentials`."""

    def __init__(self, url: str, credentials: ServerToServer) -> None:
        endpoint = TokenEndpoint(url, credentials)
        super().__init__(
            endpoint,
            token_refresh_endpoint=url,
            client_id=credentials.client_id,
            client_secret=credentials.client_secret,
            refresh_token="",
            grant_type="account_credentials",
            refresh_request_headers=endpoint.headers,
        )
        self._account_id = credentials.account_id

    def build_refresh_request_body(self) -> Mapping[str, Any]:
        """Return the form that Zoom documents: this grant has no refresh token."""
        return {self.get_grant_type_name(): self.get_grant_type(), "account_id": self._account_id}

    def refresh_access_token(self) -> tuple[str, AirbyteDateTime]:
        """Return a new access token and when to renew it. Raises as `TokenEndpoint.grant`."""
        grant = self._endpoint.grant(self.build_refresh_request_body())
        return grant.access_token, grant.renew_at


class RefreshTokenAuthenticator(ZoomAuthenticator, SingleUseRefreshTokenOauth2Authenticator):
    """Tokens of a general app, by a refresh token that Zoom replaces at every use."""

    def __init__(self, url: str, credentials: RefreshToken, raw_config: Mapping[str, Any]) -> None:
        endpoint = TokenEndpoint(url, credentials)
        _prepare_stored_token(raw_config["credentials"], credentials)
        super().__init__(
            endpoint,
            connector_config=raw_config,
            token_refresh_endpoint=url,
            refresh_request_headers=endpoint.headers,
        )
        _hide(self.access_token, self.get_refresh_token())

    def refresh_access_token(  # type: ignore[override]  # the CDK's own two disagree as well
        self,
    ) -> tuple[str, AirbyteDateTime, str | None]:
        """Return a new access token, when to renew it, and the next refresh token. Raises as `TokenEndpoint.grant`."""
        grant = self._endpoint.grant(self.build_refresh_request_body())
        return grant.access_token, grant.renew_at, grant.refresh_token


class _TokenErrorHandler(HttpStatusErrorHandler):
    """Retries what passes; every other answer is judged by the caller, because a FAIL would log the request body.

    Only an answer that is not OK is ever retried: the CDK logs the content of one that is.
    """

    def __init__(self) -> None:
        super().__init__(_silent, max_retries=_RETRIES, max_time=_RETRY_TIME)

    def interpret_response(self, response_or_exception: requests.Response | Exception | None = None) -> ErrorResolution:
        if isinstance(response_or_exception, requests.Response):
            status = response_or_exception.status_code
            if status in _RETRIED_STATUSES or status >= requests.codes.server_error:
                return _retry(f"Zoom's token endpoint answered HTTP {status}.")
            return ErrorResolution(ResponseAction.SUCCESS)
        if isinstance(response_or_exception, AnswerTooLarge):
            return ErrorResolution(ResponseAction.FAIL, FailureType.config_error, _WRONG_ENDPOINT)
        if isinstance(response_or_exception, ValueError):  # what `requests` says of unusable URLs
            return ErrorResolution(ResponseAction.FAIL, FailureType.config_error, _UNUSABLE_URL)
        return _retry(f"Zoom's token endpoint gave no usable answer ({type(response_or_exception).__name__}).")


def _known_refusal(credentials: ServerToServer | RefreshToken, error: str, reason: str, code: object) -> str | None:
    rotating = isinstance(credentials, RefreshToken)
    if rotating and "invalid token" in reason.lower():
        return _AUTHORIZE_AGAIN
    number = int(code) if isinstance(code, (int, str)) and re.fullmatch(r"\d{1,9}", str(code)) else None
    for rule in _RULES:
        if error.lower() in rule.errors or number in rule.codes:
            return rule.refresh_token if rotating else rule.server_to_server
    return None


def _answer(response: requests.Response) -> Mapping[str, Any]:
    """Return the JSON object in the response, an empty one where there is none."""
    try:
        answer = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _token(answer: Mapping[str, Any], key: str) -> str:
    """Return a token as it was given, empty if there is none; what is no text is a token of no use."""
    value = answer.get(key)
    return value.strip() if isinstance(value, str) else "" if value is None else " "


def _read_grant(access_token: str, refresh_token: str, answer: Mapping[str, Any]) -> Grant:
    _hide(access_token, refresh_token)
    lifetime = _lifetime(answer.get("expires_in"))
    return Grant(
        access_token=access_token,
        refresh_token=refresh_token or None,
        renew_at=ab_datetime_now() + timedelta(seconds=max(lifetime - RENEWAL_MARGIN, lifetime / 2)),
        scopes=frozenset(_text(answer, "scope").split()) or None,
    )


def _lifetime(expires_in: object) -> float:
    try:
        seconds = float(str(expires_in))
    except ValueError:
        return TOKEN_LIFETIME
    return seconds if 0 < seconds <= _DAY else TOKEN_LIFETIME


def _text(answer: Mapping[str, Any], key: str) -> str:
    value = answer.get(key)
    return " ".join(value.split()) if isinstance(value, str) else ""


def _prepare_stored_token(stored: dict[str, Any], credentials: RefreshToken) -> None:
    """Make what the configuration stores readable for the CDK, which fails on a date that is none.

    All keys exist from here on, so that a thread never walks the object while another adds one.
    """
    access_token, expiry = stored.get("access_token"), stored.get("token_expiry_date")
    usable = isinstance(access_token, str) and _TOKEN.fullmatch(access_token) and ab_datetime_try_parse(str(expiry))
    stored["access_token"] = access_token if usable else ""
    stored["token_expiry_date"] = str(expiry) if usable else ""
    stored["refresh_token"] = credentials.refresh_token


def _secrets(credentials: ServerToServer | RefreshToken) -> Iterator[str]:
    yield credentials.client_secret
    if isinstance(credentials, RefreshToken):
        yield credentials.refresh_token


def _forms(*secrets: str) -> Iterator[str]:
    """Yield each secret that is not empty, and how it looks in a URL or a form where that differs."""
    for secret in filter(None, secrets):
        yield from dict.fromkeys((secret, quote(secret, safe=""), quote_plus(secret)))


def _without_pieces(text: str, secrets: Iterable[str]) -> str:
    """Return `text` with **** in place of every secret and of every piece of one that is long enough to be known."""
    lengths = {secret: min(len(secret), _PIECE) for secret in secrets}
    for length in sorted(set(lengths.values()), reverse=True):
        pieces = {
            secret[start : start + length]
            for secret, own in lengths.items()
            if own == length
            for start in range(len(secret) - length + 1)
        }
        covered = [start for start in range(len(text) - length + 1) if text[start : start + length] in pieces]
        text = _replaced(text, covered, length)
    return text


def _replaced(text: str, starts: Iterable[int], length: int) -> str:
    """Return `text` with one **** for each run of stretches of a length, which can overlap."""
    parts: list[str] = []
    end = 0
    for start in starts:
        if start > end or not parts:
            parts += [text[end:start], "****"]
        end = start + length
    return "".join([*parts, text[end:]])


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _hide(*secrets: str) -> None:
    """Have the CDK mask `secrets` in every log and trace; it forgets earlier ones when a command begins."""
    for form in _forms(*secrets):
        add_to_secrets(form)


def _bounded(session: requests.Session) -> None:
    """Bound the whole answer, which the time-outs of `requests` do not, to `ANSWER_SECONDS` and `ANSWER_BYTES`."""
    adapter = BoundedAdapter(seconds=ANSWER_SECONDS, most_bytes=ANSWER_BYTES, connections=1)
    session.mount("https://", adapter)
    session.mount("http://", adapter)


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep `requests` from replacing the Basic header by what a .netrc file holds for the host."""
    return request


def _retry(cause: str) -> ErrorResolution:
    return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, cause)


def _config_error(sentence: str, detail: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=sentence, internal_message=detail, failure_type=FailureType.config_error)


def _transient(what: str, detail: str) -> AirbyteTracedException:
    return AirbyteTracedException(
        message=f"{what}: try again later.", internal_message=detail, failure_type=FailureType.transient_error
    )
