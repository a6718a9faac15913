"""A client without any cleverness: it asks, page by page, and keeps what it gets."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import requests

from sandbox import Sandbox
from sandbox.expected import PRIMARY_KEYS

MONTHS = [(f"2026-{month:02}-23", f"2026-{month + 1:02}-23") for month in range(3, 9)]
"""Windows up to the days around the test clock's 21 September 2026."""

_MONDAYS = [date(2026, 3, 16) + timedelta(weeks=week) for week in range(28)]
WEEKS = [(f"{monday}T00:00:00Z", f"{monday + timedelta(days=6)}T23:59:59Z") for monday in _MONDAYS]
"""Ranges of moments up to those days."""


class Client:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()

    def request_token(self, **form: str) -> requests.Response:
        config = self.sandbox.config()
        credentials = config["credentials"]
        form = form or {"grant_type": "account_credentials", "account_id": credentials["account_id"]}
        return self.session.post(
            config["authorization_endpoint"],
            data=form,
            auth=(credentials["client_id"], credentials["client_secret"]),
            timeout=10,
        )

    def authorize(self) -> str:
        token = str(self.request_token().json()["access_token"])
        self.session.headers["Authorization"] = f"Bearer {token}"
        return token

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.session.get(f"{self.sandbox.url}/v2{path}", params=query, timeout=10)

    def error(self, path: str, **query: Any) -> tuple[int, int]:
        response = self.get(path, **query)
        return response.status_code, response.json()["code"]

    def rows(self, path: str, key: str, **query: Any) -> Iterator[dict[str, Any]]:
        token = None
        while token != "":
            paged = query if token is None else {**query, "next_page_token": token}
            response = self.get(path, **paged)
            body = response.json() if response.content else {}
            yield from body.get(key, ())
            token = body.get("next_page_token", "")

    def user_ids(self) -> list[str]:
        return [user["id"] for user in self.rows("/users", "users", page_size=300)]

    def meeting_ids(self) -> list[int]:
        lists = (self.rows(f"/users/{user}/meetings", "meetings", page_size=300) for user in self.user_ids())
        return list(dict.fromkeys(meeting["id"] for rows in lists for meeting in rows))

    def webinar_ids(self) -> list[int]:
        lists = (self.rows(f"/users/{user}/webinars", "webinars", page_size=300) for user in self.user_ids())
        return list(dict.fromkeys(webinar["id"] for rows in lists for webinar in rows))

    def first_meeting(self, suits: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        details = (self.get(f"/meetings/{meeting}", show_previous_occurrences="true") for meeting in self.meeting_ids())
        return next(detail.json() for detail in details if detail.ok and suits(detail.json()))


def occurrence_queries(detail: dict[str, Any]) -> list[dict[str, str]]:
    """What to ask registrants with, beside a status: nothing, and each occurrence where people register for each."""
    is_each = detail.get("settings", {}).get("registration_type") == 2
    each = detail.get("occurrences", ()) if is_each else ()
    return [{}, *({"occurrence_id": one["occurrence_id"]} for one in each)]


class Clock:
    """Seconds since the epoch that pass only when told."""

    def __init__(self, now: float = 1_790_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def keyed(stream: str, rows: list[dict[str, Any]]) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows by primary key."""
    return {tuple(row[name] for name in PRIMARY_KEYS[stream]): row for row in rows}


def times_nulled(row: dict[str, Any]) -> dict[str, Any]:
    recurrence = row.get("recurrence")
    if recurrence:
        row = {**row, "recurrence": {**recurrence, "end_date_time": recurrence["end_date_time"] or None}}
    return {**row, "start_time": row["start_time"] or None} if "start_time" in row else row
