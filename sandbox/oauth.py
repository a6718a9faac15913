"""The token endpoint and the tokens it issues.

https://developers.zoom.us/docs/internal-apps/s2s-oauth/ and https://developers.zoom.us/docs/integrations/oauth/.
"""

import base64
import binascii
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import parse_qsl

from sandbox.dice import Dice
from sandbox.messages import Reply, Request, error_reply, json_reply

TOKEN_PATH = "/oauth/token"  # noqa: S105
_FORM = "application/x-www-form-urlencoded"
_UNAUTHORIZED = 401
_TOKEN_REFUSED = 124
_KEYS_PER_TOKEN = 28
"""Of 22 characters each: Zoom's tokens have six to seven hundred."""


@dataclass(frozen=True)
class App:
    """The one marketplace app that the account has installed."""

    account_id: str
    client_id: str
    client_secret: str

    @classmethod
    def of(cls, seed: int) -> "App":
        """Return the app of a seed."""
        dice = Dice(seed, "app")
        return cls(account_id=dice.key(), client_id=dice.key(), client_secret=dice.key() + dice.key()[:10])


@dataclass(frozen=True)
class TokenRules:
    """What access tokens are good for."""

    scopes: tuple[str, ...]
    lifetime: float
    """Seconds."""
    single_token: bool
    """A new token kills the one before."""


class TokenEndpoint:
    """Issues access tokens, rotates the refresh token, and judges the tokens of API calls. Thread-safe."""

    def __init__(self, app: App, rules: TokenRules, *, seed: int, clock: Callable[[], float]) -> None:
        """Take the app whose credentials count, and the clock in seconds since the epoch."""
        self._app = app
        self._rules = rules
        self._seed = seed
        self._clock = clock
        self._lock = threading.Lock()
        self._expiry: dict[str, float] = {}
        self._issued = 0
        self._refresh_token = self._new_refresh_token()

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid now."""
        return self._refresh_token

    @property
    def issued(self) -> int:
        """How many access tokens were issued."""
        return self._issued

    def answer(self, request: Request, api_url: str) -> Reply:
        """Answer a token request. The grant's parameters are read from the form body only."""
        if not self._knows(request.headers.get("authorization", "")):
            return _refusal("Invalid client_id or client_secret", "invalid_client")
        form: dict[str, str] = {}
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM:
            form = dict(parse_qsl(request.body.decode("utf-8", "replace")))
        grant = form.get("grant_type")
        with self._lock:
            if grant == "account_credentials":
                if form.get("account_id") != self._app.account_id:
                    return _refusal("Bad Request", "invalid_request")
                return json_reply(self._issue(api_url))
            if grant == "refresh_token":
                if form.get("refresh_token") != self._refresh_token:
                    return _refusal("Invalid Token!", "invalid_grant")
                token = self._issue(api_url)
                self._refresh_token = self._new_refresh_token()
                return json_reply({**token, "refresh_token": self._refresh_token})
        return _refusal("unsupported grant type", "unsupported_grant_type")

    def refuse(self, request: Request) -> Reply | None:
        """Return the 401 of an API call without a valid Bearer token, else None."""
        if "access_token" in request.query:
            return error_reply(
                _UNAUTHORIZED,
                _TOKEN_REFUSED,
                "Invalid access token, this access token is not supported as query parameter string.",
            )
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return error_reply(_UNAUTHORIZED, _TOKEN_REFUSED, "Requires an access token.")
        expiry = self._expiry.get(token.strip())
        if expiry is None:
            return error_reply(_UNAUTHORIZED, _TOKEN_REFUSED, "Invalid access token.")
        if self._clock() >= expiry:
            return error_reply(_UNAUTHORIZED, _TOKEN_REFUSED, "Access token is expired.")
        return None

    def revoke_all(self) -> None:
        """Make every access token issued so far invalid."""
        with self._lock:
            self._expiry.clear()

    def _issue(self, api_url: str) -> dict[str, str | int]:
        self._issued += 1
        dice = Dice(self._seed, "access token", self._issued)
        token = "eyJ" + "".join(dice.key() for _ in range(_KEYS_PER_TOKEN)) + f".{self._issued}"
        if self._rules.single_token:
            self._expiry.clear()
        self._expiry[token] = self._clock() + self._rules.lifetime
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": int(self._rules.lifetime),
            "scope": " ".join(self._rules.scopes),
            "api_url": api_url,
        }

    def _new_refresh_token(self) -> str:
        return "eyR" + Dice(self._seed, "refresh token", self._issued).key() + f".{self._issued}"

    def _knows(self, authorization: str) -> bool:
        scheme, _, encoded = authorization.partition(" ")
        try:
            given = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        return scheme.lower() == "basic" and given == f"{self._app.client_id}:{self._app.client_secret}"


def _refusal(reason: str, error: str) -> Reply:
    return json_reply({"reason": reason, "error": error}, 400)
