"""A server of pages that are encoded before they are asked for: `python -m bench.pages --meetings 40`.

One user has the meetings, and each of these 25 pages of registrants.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

from sandbox.messages import Reply, Request
from sandbox.server import Server

PAGES = {"pending": 8, "approved": 8, "denied": 9}
"""Of each meeting, by the status of the registrants."""

ROWS = 100
"""Of a page."""

FIRST_MEETING = 80_000_000_000
_USER = "KdYKjnimT4KPd8FFgQt9FQ"


class Pages:
    """Answers every request, and counts."""

    def __init__(self, meetings: int) -> None:
        listed = [{"id": FIRST_MEETING + number, "type": 2, "host_id": _USER} for number in range(meetings)]
        self._fixed = {
            "/token": json.dumps({"access_token": "a", "token_type": "bearer", "expires_in": 3600}).encode(),
            "/v2/users": json.dumps({"users": [{"id": _USER, "status": "active"}]}).encode(),
            f"/v2/users/{_USER}/meetings": json.dumps({"meetings": listed}).encode(),
        }
        self._pages = {
            (status, str(number)): json.dumps(_page(status, number)).encode()
            for status, count in PAGES.items()
            for number in range(count)
        }
        self._first: float | None = None
        self._requests = 0

    def answer(self, request: Request) -> Reply:
        """Return an answer of 200."""
        if request.path == "/_sandbox/counters":
            told = {"first": self._first, "requests": self._requests, "cpu_seconds": time.process_time()}
            return Reply(200, json.dumps(told).encode())
        self._first = self._first or time.time()
        self._requests += 1
        if request.path in self._fixed:
            return Reply(200, self._fixed[request.path])
        meeting, _, of_meeting = request.path.removeprefix("/v2/meetings/").partition("/")
        if of_meeting:
            token = request.query.get("next_page_token", "0")
            return Reply(200, self._pages[request.query["status"], token])
        detail = {"id": int(meeting), "uuid": meeting, "host_id": _USER, "type": 2, "settings": {"approval_type": 0}}
        return Reply(200, json.dumps(detail).encode())


def _page(status: str, number: int) -> dict[str, Any]:
    is_last = number + 1 == PAGES[status]
    rows = [_registrant(status, number * ROWS + row) for row in range(ROWS)]
    return {"next_page_token": "" if is_last else str(number + 1), "page_size": ROWS, "registrants": rows}


def _registrant(status: str, number: int) -> dict[str, Any]:
    return {
        "id": f"{status}-{number:05}-AAxF8aQ",
        "first_name": "Jill",
        "last_name": f"Chill {number}",
        "email": f"jill.{status}.{number}@example.com",
        "address": "1800 Amphibious Blvd.",
        "city": "Mountain View",
        "country": "US",
        "zip": "94045",
        "state": "CA",
        "phone": "5550100",
        "industry": "Food",
        "org": "Cooking Org",
        "job_title": "Chef",
        "purchasing_time_frame": "1-3 months",
        "role_in_purchase_process": "Influencer",
        "no_of_employees": "10",
        "comments": "Looking forward to the discussion.",
        "custom_questions": [{"title": "What do you hope to learn from this?", "value": "How to come up in the world"}],
        "status": status,
        "create_time": "2026-03-01T09:07:18Z",
        "join_url": f"https://example.com/j/11111?tk={number:032x}.DQEAAAAAAA",
        "participant_pin_code": 380_303,
    }


def main() -> None:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--meetings", type=int, required=True, help="how many the one user has")
    parser.add_argument("--write-config", type=Path, required=True, metavar="FILE", help="for the connector")
    arguments = parser.parse_args()
    with Server(0, Pages(arguments.meetings).answer) as server:
        app = {"auth_type": "server_to_server", "account_id": "a", "client_id": "c", "client_secret": "s"}
        config = {"credentials": app, "api_url": f"{server.url}/v2", "authorization_endpoint": f"{server.url}/token"}
        arguments.write_config.write_text(json.dumps(config))
        print(f"Listening on {server.url}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
