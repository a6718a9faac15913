"""What each answer of Zoom's API means: one table, and the CDK handlers that act on it.

Zoom's codes are ambiguous on their own (200 is "plan missing", "no permission" or "no licence";
300 is a bad parameter, a dead page token or "not found"), and an HTTP 200 may carry an error, so the
table decides by HTTP status, code and message. https://developers.zoom.us/docs/api/errors/
"""

from __future__ import annotations

import json
import random
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

import orjson
import pendulum
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ErrorResolution, ResponseAction

from source_zoom.endpoint import Endpoint
from source_zoom.engine import SliceFailure

MAX_RETRIES = 5
"""Further attempts after a server or network error: after 1, 2, 4, 8 and 16 s (the CDK's rate_limiting.py)."""

MAX_REFUSALS = 100
"""Attempts of one request in all; only per-second refusals, which other apps of the account can cause, get there."""

MAX_TIME = timedelta(minutes=30)
LONGEST_MESSAGE = 300
LONGEST_PAUSE_SECONDS = 300.0
"""A `Retry-After` beyond this cannot be a per-second limit."""


class Outcome(Enum):
    """What to do about an answer."""

    OK = "use it"
    SKIP = "there is nothing for this slice"
    SCOPE = "the app lacks a scope"
    DAILY = "the day's requests are used up"
    FAIL = "give this slice up"
    TOKEN = "renew the access token, then retry"  # noqa: S105 - not a password
    RESTART = "read the slice again from its first page"
    PACE = "wait for the per-second limit, then retry"
    RETRY = "retry"


@dataclass(frozen=True)
class Rule:
    """A row of the table; None stands for any status, any code, any message.

    :param text: part of Zoom's message, in lower case
    :param advice: what the user can do, or what it means, in one sentence
    """

    status: int | None
    code: int | None
    text: str | None
    outcome: Outcome
    advice: str = ""
    failure_type: FailureType = FailureType.system_error

    def matches(self, status: int, code: int | None, message: str) -> bool:
        """Return whether the row speaks of such an answer."""
        return (
            self.status in (None, status)
            and self.code in (None, code)
            and (self.text is None or self.text in message.lower())
        )


_CONFIG, _TRANSIENT = FailureType.config_error, FailureType.transient_error

NO_PLAN = Rule(None, 200, "only available for paid", Outcome.SKIP, "the account's plan does not include it")
"""Said of everything the account has of a kind."""

NO_PERMISSION = Rule(None, 200, "permission", Outcome.SKIP, "the role of the app's owner may not see it")
"""Said of a whole account it means that there is nothing to read; of one object, that something is kept back."""


ACCOUNT_LACKS = frozenset({NO_PLAN.advice, NO_PERMISSION.advice})
"""What a skip says of the whole account, and a user has to be warned of."""


def _rules(statuses: tuple[int, ...], code: int, outcome: Outcome, advice: str) -> tuple[Rule, ...]:
    return tuple(Rule(status, code, None, outcome, advice) for status in statuses)


RULES: tuple[Rule, ...] = (
    # Plans, licences, permissions
    Rule(None, 200, "webinar plan", Outcome.SKIP, "the user has no webinar licence"),
    NO_PLAN,
    NO_PERMISSION,
    # Credentials and scopes
    Rule(401, 124, "account does not exist", Outcome.FAIL, "Check the account id.", _CONFIG),
    Rule(401, 124, "only supports oauth", Outcome.FAIL, "Use an OAuth app.", _CONFIG),
    Rule(None, 4711, None, Outcome.SCOPE),
    Rule(None, 4700, None, Outcome.SCOPE),
    Rule(None, None, "does not contain scope", Outcome.SCOPE),
    Rule(None, 1010, None, Outcome.SKIP, "the user does not belong to this account"),
    Rule(None, 124, None, Outcome.TOKEN),
    Rule(401, None, None, Outcome.TOKEN),
    # Rate limits
    Rule(429, None, "daily", Outcome.DAILY),
    Rule(429, None, None, Outcome.PACE),
    # Page tokens, with at least five pairs of status and code
    Rule(None, None, "next page token", Outcome.RESTART),
    Rule(None, None, "next_page_token", Outcome.RESTART),
    # Users
    *_rules((200, 404), 1001, Outcome.SKIP, "the user does not exist any more"),
    Rule(400, 12702, None, Outcome.SKIP, "it was more than a year ago"),
    Rule(None, 1120, None, Outcome.SKIP, "the user's invitation has expired"),
    *_rules((200, 400), 3161, Outcome.SKIP, "the user may not host meetings"),
    Rule(
        403,
        2306,
        None,
        Outcome.FAIL,
        "Switch on 'Display meetings scheduled for others' in Zoom's account settings.",
        _CONFIG,
    ),
    # Meetings and webinars
    *_rules((200, 404), 3001, Outcome.SKIP, "it does not exist any more"),
    *_rules((200, 400), 3000, Outcome.SKIP, "the feature is switched off for it"),
    Rule(400, 300, "registration required", Outcome.SKIP, "registration is not required for it"),
    Rule(400, 300, "cannot access webinar info", Outcome.SKIP, "registration is not open to it"),
    *_rules((200, 400), 4400, Outcome.SKIP, "polls are switched off for it"),
    Rule(404, 404, "poll not found", Outcome.SKIP, "it has no polls"),
    # The account, the host, the service
    Rule(403, None, "access to the zoom rest api has been denied", Outcome.FAIL, "Contact Zoom support.", _CONFIG),
    Rule(404, 2001, None, Outcome.FAIL, "Check the account id.", _CONFIG),
    Rule(400, 2300, None, Outcome.FAIL, "Check api_url.", _CONFIG),
    *(Rule(status, None, None, Outcome.FAIL, "Check api_url.", _CONFIG) for status in (301, 302, 303, 307, 308)),
    Rule(400, 802, None, Outcome.RETRY, "", _TRANSIENT),
    *(Rule(status, None, None, Outcome.RETRY, "", _TRANSIENT) for status in (408, 425, 500, 502, 503, 504)),
)
"""The first row that matches decides; what no row matches is `FAIL`, or `RETRY` for HTTP 5xx and broken bodies.

A `SKIP` counts only where the endpoint lists the code among its `skips`, otherwise it is `FAIL`.
"""


@dataclass(frozen=True)
class Verdict:
    """What an answer means for one endpoint.

    :param code: HTTP status and Zoom code, as skips are counted and failures told apart
    :param message: one sentence for the user, empty for `OK`
    """

    outcome: Outcome
    code: str = ""
    message: str = ""
    failure_type: FailureType = FailureType.system_error


OK = Verdict(Outcome.OK)

SCOPE_KIND = "scope"
"""Kind of the failures that a missing scope causes, whatever status and code Zoom gave them."""


def json_body(response: requests.Response) -> Any:
    """Return the parsed body of an answer, None if it is not JSON. It is parsed once per answer."""
    if not hasattr(response, "zoom_body"):
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = _tolerant_json(response.content)
        response.zoom_body = body  # type: ignore[attr-defined]
    return response.zoom_body  # type: ignore[attr-defined]


def _tolerant_json(content: bytes) -> Any:
    """Return a body that only half a character keeps from being JSON, with a question mark for it."""
    try:
        text = json.dumps(json.loads(content.decode("utf-8-sig")), ensure_ascii=False)
        return orjson.loads(text.encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def classify(response: requests.Response, endpoint: Endpoint) -> Verdict:
    """Say what an answer means; the same answer always means the same."""
    status, body = response.status_code, json_body(response)
    if response.ok and is_sound(body, endpoint):
        return OK
    code, text = error_of(body)
    name = f"{status}/{code}" if code is not None else str(status)
    rule = next((rule for rule in RULES if rule.matches(status, code, text)), None)
    outcome = rule.outcome if rule else _unmatched(response, code)
    if outcome is Outcome.SKIP and (
        code not in endpoint.skips or (rule is NO_PERMISSION and endpoint.is_per_object and not endpoint.leaves_refused)
    ):
        outcome = Outcome.FAIL
    if outcome is Outcome.RESTART and "next_page_token=" not in (response.request.url or ""):
        outcome = Outcome.FAIL
    if status >= requests.codes.internal_server_error:
        outcome = Outcome.RETRY
    if outcome is Outcome.PACE and is_daily(response):
        outcome = Outcome.DAILY
    failure_type = _TRANSIENT if outcome in (Outcome.RETRY, Outcome.PACE, Outcome.DAILY) else FailureType.system_error
    if (rule and rule.failure_type is _CONFIG) or outcome is Outcome.SCOPE:
        failure_type = _CONFIG
    return Verdict(outcome, name, _sentence(response, endpoint, outcome, rule, text), failure_type)


def is_sound(body: Any, endpoint: Endpoint) -> bool:
    """Return whether a body is what the endpoint answers, rather than an error or half an answer."""
    if not isinstance(body, dict):
        return False
    if endpoint.records is None:
        return any(mark in body for mark in endpoint.marks)
    if endpoint.records in body:
        return isinstance(body[endpoint.records], list)
    return body.get("total_records") == 0 or any(mark in body for mark in endpoint.marks)


def error_of(body: Any) -> tuple[int | None, str]:
    """Return the code and the message of an error body; Zoom has more than one spelling of it."""
    if not isinstance(body, dict):
        return None, ""
    code = body.get("code", body.get("errorCode"))
    message = body.get("message") or body.get("error_message") or body.get("reason") or ""
    if isinstance(code, str) and code.isdigit():
        code = int(code)
    return (code if type(code) is int else None), " ".join(str(message).split())[:LONGEST_MESSAGE]


def _unmatched(response: requests.Response, code: int | None) -> Outcome:
    if response.status_code >= requests.codes.internal_server_error:
        return Outcome.RETRY
    # A 200 that is neither an answer nor an error: cut off, or a page of a proxy.
    return Outcome.RETRY if response.ok and code in (None, 0) else Outcome.FAIL


def _sentence(response: requests.Response, endpoint: Endpoint, outcome: Outcome, rule: Rule | None, text: str) -> str:
    request = f"GET /{endpoint.path}"
    if outcome is Outcome.SKIP and rule:
        return rule.advice
    if outcome is Outcome.SCOPE:
        return (
            f"The Zoom app may not call {request}: add the scope {endpoint.scopes} to the app at "
            "marketplace.zoom.us, then run again (new scopes can take a while to arrive)."
        )
    if outcome is Outcome.DAILY:
        return (
            f"Zoom's daily limit for {endpoint.label.value} requests is used up for this account; "
            f"it resets at {daily_reset(response)}. Run the sync again after that."
        )
    said = f": {text}" if text else " and no explanation"
    if response.ok:
        said = f": {text}" if text else " and a body that is not a complete answer"
    advice = (
        f" {rule.advice}" if rule and rule.advice and outcome is Outcome.FAIL and rule.failure_type is _CONFIG else ""
    )
    return f"{request} was answered with HTTP {response.status_code}{said}.".replace("..", ".") + advice


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds a `Retry-After` header asks for: a number, an ISO 8601 or an HTTP date."""
    moment = _retry_moment(response)
    return max(0.0, (moment - pendulum.now("UTC")).total_seconds()) if moment else None


def is_daily(response: requests.Response) -> bool:
    """Return whether a 429 speaks of the daily limit: by its header, or by a wait no per-second limit asks for."""
    if "daily" in response.headers.get("X-RateLimit-Type", "").lower():
        return True
    return (retry_after(response) or 0.0) > LONGEST_PAUSE_SECONDS


def daily_reset(response: requests.Response) -> str:
    """Return when the daily limit resets, ISO 8601 UTC; midnight where Zoom does not say."""
    now, moment = pendulum.now("UTC"), _retry_moment(response)
    if moment is None or moment <= now:
        moment = now.add(days=1).start_of("day")
    return moment.format("YYYY-MM-DD[T]HH:mm:ss[Z]")


def _retry_moment(response: requests.Response) -> pendulum.DateTime | None:
    """Return the moment a `Retry-After` header names, None if there is none that makes sense."""
    value = response.headers.get("Retry-After", "").strip()
    for read in (_in_seconds, _iso_date, _http_date):
        try:
            return read(value).in_timezone("UTC")
        except (ValueError, OverflowError):
            continue
    return None


def _in_seconds(value: str) -> pendulum.DateTime:
    return pendulum.now("UTC").add(seconds=float(value))


def _iso_date(value: str) -> pendulum.DateTime:
    return pendulum.instance(datetime.fromisoformat(value.upper().replace("Z", "+00:00")))


def _http_date(value: str) -> pendulum.DateTime:
    return pendulum.instance(parsedate_to_datetime(value))


class ZoomErrorHandler(ErrorHandler):
    """Tells the CDK's HTTP client which answers to retry.

    Every final answer is handed on as a success, errors too: the client would log the bodies of those
    it fails and lose their code (http_client.py, `_handle_error_resolution`). The stream raises instead.
    """

    max_retries = MAX_REFUSALS
    max_time = int(MAX_TIME.total_seconds())

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    def interpret_response(self, response: requests.Response | Exception | None) -> ErrorResolution:
        """Return what to do with an answer, or with the exception that came instead of one."""
        if not isinstance(response, requests.Response):
            reason = type(response).__name__ if response is not None else "no answer"
            return ErrorResolution(ResponseAction.RETRY, _TRANSIENT, f"Zoom could not be reached ({reason}).")
        verdict = classify(response, self._endpoint)
        action = _ACTIONS.get(verdict.outcome, ResponseAction.SUCCESS)
        return ErrorResolution(action, verdict.failure_type, verdict.message)


_ACTIONS = {
    Outcome.TOKEN: ResponseAction.REFRESH_TOKEN_THEN_RETRY,
    Outcome.RESTART: ResponseAction.RESET_PAGINATION,
    Outcome.PACE: ResponseAction.RETRY,  # RATE_LIMITED would print a status for hidden streams too
    Outcome.RETRY: ResponseAction.RETRY,
}


class ZoomBackoff(BackoffStrategy):
    """Says how long to wait before the next attempt, and when there is none.

    All attempts of a request are made by one thread, so failures are counted by thread; attempts that were
    only refused for their pace do not count.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._thread = threading.local()

    def backoff_time(
        self, response_or_exception: requests.Response | requests.RequestException | None, attempt_count: int
    ) -> float | None:
        """Return seconds to wait, to which the CDK adds one; None for its exponential waits.

        :raises SliceFailure: when enough attempts were made
        """
        if attempt_count == 1:
            self._thread.failures = 0
        if not isinstance(response_or_exception, requests.Response):
            kind = type(response_or_exception).__name__
            reason = f"Zoom could not be reached ({kind})"
            self._give_up_after_retries(reason, kind)
            return None
        verdict = classify(response_or_exception, self._endpoint)
        if verdict.outcome is Outcome.PACE:
            return (retry_after(response_or_exception) or 0.0) + random.uniform(0.01, 1)  # noqa: S311 - jitter
        if verdict.outcome is not Outcome.TOKEN:
            reason = verdict.message.rstrip(".")
            self._give_up_after_retries(reason, verdict.code)
        # The CDK logs the body of a 200 before its exponential waits (rate_limiting.py), not before ours.
        return max(2.0 ** (attempt_count - 1) - 1, 0.01) if response_or_exception.ok else None

    def _give_up_after_retries(self, reason: str, kind: str) -> None:
        self._thread.failures += 1
        if self._thread.failures > MAX_RETRIES:
            raise SliceFailure(
                f"{reason}, also at the last of {self._thread.failures} attempts (GET /{self._endpoint.path}).",
                kind=kind,
                failure_type=_TRANSIENT,
            )
