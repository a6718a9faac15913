"""What the sandbox tells about itself, and takes, under ``/_sandbox`` and without a token."""

import json
from collections.abc import Iterator
from datetime import date
from typing import Any

from sandbox.counters import Counters
from sandbox.expected import PRIMARY_KEYS, Expected
from sandbox.expected_reports import COUNTED_BY_SESSION, Reading
from sandbox.messages import Reply, Request, json_reply, to_json
from sandbox.world.past import PastSessions

CONTROL_PREFIX = "/_sandbox"
_EXPECTED = f"{CONTROL_PREFIX}/expected/"
_BAD_REQUEST = 400


class Control:
    """Answers requests to ``/_sandbox``."""

    def __init__(self, counters: Counters, expected: Expected, sessions: PastSessions) -> None:
        """Take what can be told, and the sessions to which more can be added."""
        self._counters = counters
        self._expected = expected
        self._sessions = sessions

    def answer(self, request: Request) -> Reply | Iterator[bytes]:
        """Return a reply, or the parts of a JSON body that is too long to be held."""
        if (request.method, request.path) == ("GET", f"{CONTROL_PREFIX}/counters"):
            return json_reply(self._counters.snapshot())
        if (request.method, request.path) == ("POST", f"{CONTROL_PREFIX}/reset"):
            self._counters.reset()
            return json_reply({"status": "reset"})
        stream = request.path.removeprefix(_EXPECTED)
        try:
            if (request.method, request.path) == ("POST", f"{CONTROL_PREFIX}/sessions"):
                return json_reply({"uuids": self._add_sessions(json.loads(request.body or b"{}"))})
            if request.method == "GET" and stream in PRIMARY_KEYS:
                return self._told(stream, _reading(request), rows=request.query.get("rows") == "true")
        except (TypeError, ValueError) as error:
            return json_reply({"error": str(error)}, _BAD_REQUEST)
        known = [f"GET {CONTROL_PREFIX}/counters", f"POST {CONTROL_PREFIX}/reset", f"POST {CONTROL_PREFIX}/sessions"]
        return json_reply({"known": known + [f"GET {_EXPECTED}{name}[?rows=true]" for name in PRIMARY_KEYS]}, 404)

    def _add_sessions(self, body: Any) -> list[str]:
        if not isinstance(body, dict):
            raise TypeError("Expected a JSON object.")
        return self._sessions.add_ended(
            count=body.get("count", 1),
            host=body.get("user"),
            kind=body.get("type", "meeting"),
            minutes_ago=body.get("ended_minutes_ago", 5),
            participants=body.get("participants", 2),
        )

    def _told(self, stream: str, reading: Reading, *, rows: bool) -> Iterator[bytes]:
        head: dict[str, Any] = {"stream": stream, "primary_key": PRIMARY_KEYS[stream]}
        if stream in COUNTED_BY_SESSION and not rows:
            head["key_columns"] = COUNTED_BY_SESSION[stream]
        yield to_json(head)[:-1] + (b',"rows":[' if rows else b',"keys":[')
        count = 0
        for value in self._expected.rows(stream, reading) if rows else self._expected.keys(stream, reading):
            yield (b"," if count else b"") + to_json(value)
            count += 1
        yield b'],"count":%d}' % count


def _reading(request: Request) -> Reading:
    since = request.query.get("since")
    return Reading(
        one_participant=request.query.get("one_participant") == "true",
        since=date.fromisoformat(since) if since else None,
        all_hosts=request.query.get("hosts") == "all",
    )
