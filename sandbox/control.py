"""What the sandbox tells about itself, and takes, under ``/_sandbox`` and without a token."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from sandbox.counters import Counters
from sandbox.expected import COUNTED_BY_SESSION, PRIMARY_KEYS, Expected, Reading
from sandbox.faults import Fault
from sandbox.messages import Reply, Request, json_reply, to_json
from sandbox.objects import objects
from sandbox.targets import ObjectFaults
from sandbox.world import World

CONTROL_PREFIX = "/_sandbox"
_EXPECTED = f"{CONTROL_PREFIX}/expected/"
_BAD_REQUEST = 400


class Control:
    """Answers requests to ``/_sandbox``."""

    def __init__(self, counters: Counters, expected: Expected, world: World, faults: ObjectFaults) -> None:
        """Take what can be told, the account to which sessions can be added, and the faults that can be set."""
        self._counters = counters
        self._expected = expected
        self._world = world
        self._faults = faults
        self._answers: dict[str, Callable[[Request], Any]] = {
            "GET counters": lambda _: self._counters.snapshot(),
            "POST reset": self._reset,
            "POST sessions": self._add_sessions,
            "GET faults": lambda _: {"faults": self._faults.told()},
            "POST faults": self._set_faults,
            "GET objects": lambda _: objects(self._world),
        }

    def answer(self, request: Request) -> Reply | Iterator[bytes]:
        """Return a reply, or the parts of a JSON body that is too long to be held."""
        asked = f"{request.method} {request.path.removeprefix(CONTROL_PREFIX)[1:]}"
        stream = request.path.removeprefix(_EXPECTED)
        try:
            if asked in self._answers:
                return json_reply(self._answers[asked](request))
            if request.method == "GET" and stream in PRIMARY_KEYS:
                return self._told(stream, _reading(request), rows=request.query.get("rows") == "true")
        except (TypeError, ValueError) as error:
            return json_reply({"error": str(error)}, _BAD_REQUEST)
        known = [one.replace(" ", f" {CONTROL_PREFIX}/") for one in self._answers]
        return json_reply({"known": known + [f"GET {_EXPECTED}{name}[?rows=true]" for name in PRIMARY_KEYS]}, 404)

    def _reset(self, _: Request) -> dict[str, str]:
        self._counters.reset()
        return {"status": "reset"}

    def _add_sessions(self, request: Request) -> dict[str, list[str]]:
        body = json.loads(request.body or b"{}")
        if not isinstance(body, dict):
            raise TypeError("Expected a JSON object.")
        uuids = self._world.sessions.add_ended(
            count=body.get("count", 1),
            host=body.get("user"),
            kind=body.get("type", "meeting"),
            minutes_ago=body.get("ended_minutes_ago", 5),
            participants=body.get("participants", 2),
        )
        return {"uuids": uuids}

    def _set_faults(self, request: Request) -> dict[str, list[dict[str, Any]]]:
        body = json.loads(request.body or b"[]")
        if not (isinstance(body, list) and all(isinstance(one, dict) for one in body)):
            raise TypeError("Expected a JSON list of objects.")
        self._faults.replace(map(Fault.of_settings, body))
        return {"faults": self._faults.told()}

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
