"""A made-up Zoom account: the config to reach it, the answers it gives, and a context for its streams."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import requests
from requests.structures import CaseInsensitiveDict

from source_zoom.config import RateLimitPlan, ZoomConfig
from source_zoom.streams import StreamContext
from source_zoom.zoom.auth import authenticator
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.limits import Budgets
from source_zoom.zoom.plan_search import PlanSearch

API = "https://api.zoom.us/v2"
TOKEN_URL = "https://zoom.us/oauth/token"
CLIENT_SECRET = "cl13nt-s3cr3t-value"
ACCESS_TOKEN = "acc3ss-t0ken-value"

CONFIG: Mapping[str, Any] = {
    "credentials": {
        "auth_type": "server_to_server",
        "account_id": "acc",
        "client_id": "cid",
        "client_secret": CLIENT_SECRET,
    },
    "rate_limit_plan": "business_plus",
    "rate_limit_share": 100,
}

PER_SECOND_LIMIT = "You have reached the maximum per-second rate limit for this API. Try again later."
DAILY_LIMIT = (
    "You have reached the maximum daily rate limit for this API. Refer to the response header for details on when you "
    "can make another request."
)
DEAD_PAGE_TOKEN = "The next page token is invalid or expired."


class Fixed(PlanSearch):
    """Allows so many requests a second on any label."""

    def __init__(self, per_second: float) -> None:
        super().__init__(RateLimitPlan.PRO, 100)
        self._per_second = per_second

    def ceiling(self, label: RateLabel, now: float) -> float:
        return self._per_second


def token(*scopes: str) -> dict[str, Any]:
    """An answer of the token endpoint, as `requests_mock` takes it."""
    return {"json": {"access_token": ACCESS_TOKEN, "expires_in": 3599, "scope": " ".join(scopes)}}


def refusal(status: int, code: int, message: str, **headers: str) -> dict[str, Any]:
    """An error of the API, as `requests_mock` takes it."""
    return {
        "status_code": status,
        "json": {"code": code, "message": message},
        "headers": {name.replace("_", "-"): value for name, value in headers.items()},
    }


def response(
    status: int, body: Any, *, headers: Mapping[str, str] | None = None, url: str = f"{API}/meetings/1/polls"
) -> requests.Response:
    """An answer of the API; a body that is not bytes is sent as JSON."""
    answer = requests.Response()
    answer.status_code = status
    answer._content = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer.headers = CaseInsensitiveDict(headers or {})
    answer.request = requests.Request("GET", url).prepare()
    return answer


def context(**properties: Any) -> StreamContext:
    """A context of its own budgets, in which nobody waits for a turn."""
    config = {**CONFIG, **properties}
    settings = ZoomConfig.parse(config)
    budgets = Budgets(PlanSearch(settings.rate_limit_plan, settings.rate_limit_share), settings.num_workers)
    for label in RateLabel:
        budgets[label].policy._sleep = lambda _: None
    return StreamContext(config=settings, authenticator=authenticator(settings, config), budgets=budgets)
