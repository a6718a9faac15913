"""What the sandbox tells about itself, under ``/_sandbox`` and without a token."""

from collections.abc import Iterator

from sandbox.counters import Counters
from sandbox.expected import PRIMARY_KEYS, Expected
from sandbox.messages import Reply, Request, json_reply, to_json

CONTROL_PREFIX = "/_sandbox"
_EXPECTED = f"{CONTROL_PREFIX}/expected/"


class Control:
    """Answers requests to ``/_sandbox``."""

    def __init__(self, counters: Counters, expected: Expected) -> None:
        """Take what can be told."""
        self._counters = counters
        self._expected = expected

    def answer(self, request: Request) -> Reply | Iterator[bytes]:
        """Return a reply, or the parts of a JSON body that is too long to be held."""
        if (request.method, request.path) == ("GET", f"{CONTROL_PREFIX}/counters"):
            return json_reply(self._counters.snapshot())
        if (request.method, request.path) == ("POST", f"{CONTROL_PREFIX}/reset"):
            self._counters.reset()
            return json_reply({"status": "reset"})
        stream = request.path.removeprefix(_EXPECTED)
        if request.method == "GET" and stream in PRIMARY_KEYS:
            return self._told(stream, rows=request.query.get("rows") == "true")
        known = [f"GET {CONTROL_PREFIX}/counters", f"POST {CONTROL_PREFIX}/reset"]
        return json_reply({"known": known + [f"GET {_EXPECTED}{name}[?rows=true]" for name in PRIMARY_KEYS]}, 404)

    def _told(self, stream: str, *, rows: bool) -> Iterator[bytes]:
        head = to_json({"stream": stream, "primary_key": PRIMARY_KEYS[stream]})
        yield head[:-1] + (b',"rows":[' if rows else b',"keys":[')
        count = 0
        for value in self._expected.rows(stream) if rows else self._expected.keys(stream):
            yield (b"," if count else b"") + to_json(value)
            count += 1
        yield b'],"count":%d}' % count
