"""What each answer of Zoom's API means: HTTP status, Zoom's code and text become a `Meaning` here, and nowhere else.

Zoom's codes are ambiguous on their own (200 is "plan missing", "no permission" or "no licence"; 300 is a bad
parameter, a dead page token or "not found"), and an HTTP 200 may carry an error, so one table decides by all three.
https://developers.zoom.us/docs/api/errors/
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import pendulum
import requests
from airbyte_cdk.models import FailureType

from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.masking import shortened
from source_zoom.zoom.meanings import ACCOUNT_WIDE, PASSING, Meaning

LONGEST_MESSAGE = 300
LARGEST_TOLERATED = 1 << 20
"""Bytes up to which a body that is not quite JSON is given a second look."""

LONGEST_PAUSE_SECONDS = 300.0
"""A `Retry-After` beyond this cannot be a per-second limit."""


@dataclass(frozen=True)
class Rule:
    """A row of the table; None stands for any status, any code, any text.

    :param text: part of Zoom's message, in lower case
    :param advice: what the user can do, in one sentence
    """

    status: int | None
    code: int | None
    text: str | None
    meaning: Meaning
    advice: str = ""

    def matches(self, status: int, code: int | None, message: str) -> bool:
        """Return whether the row speaks of such an answer."""
        return (
            self.status in (None, status)
            and self.code in (None, code)
            and (self.text is None or self.text in message.lower())
        )


def _rules(statuses: tuple[int, ...], code: int, meaning: Meaning) -> tuple[Rule, ...]:
    return tuple(Rule(status, code, None, meaning) for status in statuses)


RULES: tuple[Rule, ...] = (
    # Plans, licences, permissions
    Rule(None, 200, "webinar plan", Meaning.NO_LICENCE),
    Rule(None, None, "only available for paid", Meaning.NO_PLAN),
    Rule(403, 2031, "zoom phone has not been enabled", Meaning.NO_PHONE),
    Rule(None, 200, "permission", Meaning.NO_PERMISSION),
    # Credentials and scopes
    Rule(None, 124, "account does not exist", Meaning.ACCOUNT, "Check the account id."),
    Rule(None, 124, "only supports oauth", Meaning.ACCOUNT, "Use an OAuth app."),
    Rule(None, 4711, None, Meaning.SCOPE),
    Rule(None, 4700, None, Meaning.SCOPE),
    Rule(None, None, "does not contain scope", Meaning.SCOPE),
    Rule(None, 1010, None, Meaning.USER_GONE),
    Rule(None, 124, None, Meaning.TOKEN),
    Rule(401, None, None, Meaning.TOKEN),
    # Rate limits
    Rule(429, None, "daily", Meaning.DAILY),
    Rule(429, None, None, Meaning.PACE),
    # Page tokens, with at least five pairs of status and code
    Rule(None, None, "next page token", Meaning.PAGE_TOKEN),
    Rule(None, None, "next_page_token", Meaning.PAGE_TOKEN),
    # Ranges of days
    Rule(400, 300, "recent 6 months", Meaning.OUT_OF_REACH),
    # Users
    *_rules((200, 404), 1001, Meaning.USER_GONE),
    Rule(None, 1120, None, Meaning.USER_GONE),
    Rule(400, 12702, None, Meaning.TOO_OLD),
    *_rules((200, 400), 3161, Meaning.NO_HOSTING),
    Rule(
        403,
        2306,
        None,
        Meaning.NO_PERMISSION,
        "Switch on 'Display meetings scheduled for others' in Zoom's account settings.",
    ),
    # Meetings and webinars
    *_rules((200, 404), 3001, Meaning.GONE),
    Rule(400, 300, "invalid webinar id", Meaning.GONE),
    Rule(None, 3000, "registration", Meaning.NO_REGISTRATION),
    *_rules((200, 400), 3000, Meaning.FEATURE_OFF),
    Rule(400, 300, "registration required", Meaning.NO_REGISTRATION),
    Rule(400, 300, "cannot access webinar info", Meaning.FEATURE_OFF),
    *_rules((200, 400), 4400, Meaning.POLLS_OFF),
    Rule(404, 404, "poll not found", Meaning.POLLS_OFF),
    # The account, the host, the service
    Rule(403, None, "access to the zoom rest api has been denied", Meaning.ACCOUNT, "Contact Zoom support."),
    Rule(None, 2001, None, Meaning.ACCOUNT, "Check the account id."),
    Rule(400, 2300, None, Meaning.WRONG_ADDRESS, "Check `api_url`."),
    *(Rule(status, None, None, Meaning.WRONG_ADDRESS, "Check `api_url`.") for status in (301, 302, 303, 307, 308)),
    Rule(400, 802, None, Meaning.NOT_READY),
    *(Rule(status, None, None, Meaning.BROKEN) for status in (408, 425)),
    # What is left
    Rule(403, None, None, Meaning.NO_PERMISSION),
    Rule(400, 300, None, Meaning.INVALID),
)
"""The first row that matches decides; what no row matches is `UNKNOWN`, or `BROKEN` for HTTP 5xx and broken bodies."""


@dataclass(frozen=True)
class Verdict:
    """What an answer means for one endpoint.

    :param message: one sentence for the user, empty for `OK`
    :param text: what Zoom said, masked and shortened
    """

    meaning: Meaning
    http_status: int = 200
    zoom_code: int | None = None
    message: str = ""
    text: str = ""

    @property
    def code(self) -> str:
        """HTTP status and Zoom's code, as failures are told apart."""
        return str(self.http_status) if self.zoom_code is None else f"{self.http_status}/{self.zoom_code}"

    @property
    def is_passing(self) -> bool:
        """Whether another attempt may have another answer."""
        return self.meaning in PASSING

    @property
    def is_account_wide(self) -> bool:
        """Whether no other object would be answered otherwise."""
        return self.meaning in ACCOUNT_WIDE

    @property
    def failure_type(self) -> FailureType:
        """What the platform should make of it: what an immediate retry cannot cure is the user's to mend."""
        return FailureType.transient_error if self.is_passing else FailureType.config_error


OK = Verdict(Meaning.OK)


def json_body(response: requests.Response) -> Any:
    """Return the parsed body of an answer, None if it is not JSON. It is parsed once per answer."""
    if not hasattr(response, "zoom_body"):
        try:
            body = orjson.loads(response.content)
        except orjson.JSONDecodeError:
            body = _tolerant_json(response) if len(response.content) <= LARGEST_TOLERATED else None
            response.zoom_is_mended = body is not None  # type: ignore[attr-defined]
        response.zoom_body = body  # type: ignore[attr-defined]
    return response.zoom_body  # type: ignore[attr-defined]


def is_mended(response: requests.Response) -> bool:
    """Return whether characters of the body had to be replaced to read it."""
    return bool(getattr(response, "zoom_is_mended", False))


def _tolerant_json(response: requests.Response) -> Any:
    """Return a body that only single characters keep from being JSON, with a question mark for each.

    A body that is shorter than it says was cut off, perhaps in the middle of a character: it is not mended.
    """
    length = response.headers.get("Content-Length", "")
    is_whole = not length.isdecimal() or int(length) == len(response.content) or "Content-Encoding" in response.headers
    try:
        text = response.content.decode("utf-8-sig", "replace" if is_whole else "strict")
        return orjson.loads(json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None


def classify(response: requests.Response, endpoint: Endpoint) -> Verdict:
    """Say what an answer means; the same answer always means the same."""
    status, body = response.status_code, json_body(response)
    if response.ok and is_sound(body, endpoint):
        return OK
    code, text = error_of(body)
    rule = next((rule for rule in RULES if rule.matches(status, code, text)), None)
    meaning = rule.meaning if rule else _unmatched(response, code)
    if meaning is Meaning.PAGE_TOKEN and "next_page_token=" not in (response.request.url or ""):
        meaning = Meaning.INVALID
    if status >= requests.codes.internal_server_error:
        meaning = Meaning.BROKEN
    if meaning is Meaning.PACE and is_daily(response):
        meaning = Meaning.DAILY
    said = text or ("an HTML page" if _is_html(response) else "")
    message = _sentence(response, endpoint, meaning, rule.advice if rule else "", said)
    return Verdict(meaning, status, code, message, said)


def is_sound(body: Any, endpoint: Endpoint) -> bool:
    """Return whether a body is what the endpoint answers, rather than an error or half an answer."""
    if not isinstance(body, dict):
        return False
    if endpoint.records is None:
        return any(mark in body for mark in endpoint.required_keys)
    if endpoint.records in body:
        return isinstance(body[endpoint.records], list)
    return body.get("total_records") == 0 or any(mark in body for mark in endpoint.required_keys)


def error_of(body: Any) -> tuple[int | None, str]:
    """Return the code and the message of an error body; Zoom has more than one spelling of it.

    The message is masked before it is cut: a server may quote the request's token in it.
    """
    if not isinstance(body, dict):
        return None, ""
    code = body.get("code", body.get("errorCode"))
    message = body.get("message") or body.get("error_message") or body.get("reason") or ""
    if isinstance(code, str) and re.fullmatch(r"[0-9]{1,9}", code):
        code = int(code)
    return (code if type(code) is int else None), shortened(str(message), LONGEST_MESSAGE)


def _unmatched(response: requests.Response, code: int | None) -> Meaning:
    # A 200 that is neither an answer nor an error: cut off, or a page of a proxy.
    return Meaning.BROKEN if response.ok and code in (None, 0) else Meaning.UNKNOWN


def _is_html(response: requests.Response) -> bool:
    return "html" in response.headers.get("Content-Type", "").lower() or response.content[:64].lstrip().startswith(b"<")


def _sentence(response: requests.Response, endpoint: Endpoint, meaning: Meaning, advice: str, said: str) -> str:
    request = f"GET /{endpoint.path}"
    if meaning is Meaning.SCOPE:
        return (
            f"The Zoom app may not call {request}: add the scope {endpoint.scopes} to the app at "
            "marketplace.zoom.us, then run again (new scopes can take a while to arrive)."
        )
    if meaning is Meaning.DAILY:
        return (
            f"Zoom's daily limit for {endpoint.label.value} requests is used up for this account; "
            f"it resets at {daily_reset(response)}. Run the sync again after that."
        )
    explained = f": {said}" if said else " and no explanation"
    if response.ok:
        explained = f": {said}" if said else " and a body that is not a complete answer"
    sentence = f"{request} was answered with HTTP {response.status_code}{explained}."
    return " ".join(filter(None, (sentence.replace("..", "."), advice)))


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds a `Retry-After` header asks for: a number, an ISO 8601 or an HTTP date."""
    moment = _retry_moment(response)
    return max(0.0, (moment - pendulum.now("UTC")).total_seconds()) if moment else None


def per_second_limit(response: requests.Response) -> int | None:
    """Return the requests a second that a refusal says Zoom allows, None if it does not say so.

    The headers are those that clients have seen; Zoom's page of 2026 names none.
    """
    limit = response.headers.get("X-RateLimit-Limit", "")
    is_per_second = response.headers.get("X-RateLimit-Type", "").upper() == "QPS"
    return int(limit) if is_per_second and re.fullmatch(r"[0-9]{1,6}", limit) else None


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
