"""Faults of single objects or calls: which calls they concern, and what becomes of those. They can change at any time.

What a connector is expected to deliver does not take them into account.
"""

import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from sandbox.canned import CANNED, Answer, Scene, unchanged
from sandbox.dice import Dice
from sandbox.faults import Fault
from sandbox.lists import shifted
from sandbox.messages import Drip, Part, Reply, Request, error_reply
from sandbox.oauth import TOKEN_PATH
from sandbox.refusals import INVALID
from sandbox.routing import Call, Listing
from sandbox.world import World

_PATIENCE = 3600.0
"""Seconds of a time-out: longer than any client waits."""
_BLOCK = 1 << 16
_GZIP = 31
"""For zlib: the format of gzip, with the largest window."""
_SERVER_ERROR = 500
_QUOTED = 200

Own = Callable[[Callable[[Answer], Answer]], Reply]


@dataclass(frozen=True)
class Concern:
    """What a request is about."""

    template: str
    request: Request
    values: Mapping[str, str]
    """The path's values, decoded once."""
    world: World
    is_first_page: bool = True

    @cached_property
    def names(self) -> frozenset[str]:
        """The path's values, decoded once and twice."""
        return frozenset(self.values.values()) | frozenset(map(unquote, self.values.values()))

    @cached_property
    def user(self) -> int | None:
        """The number of the user whom the path names."""
        user = self.world.find_user(self.values["userId"]) if "userId" in self.values else None
        return user.number if user else None

    @cached_property
    def host(self) -> int | None:
        """The number of the user whom the path names, or who holds what it names."""
        if "userId" in self.values:
            return self.user
        return next((self.world.sessions.host_of(unquote(value)) for value in self.values.values()), None)

    @cached_property
    def object_key(self) -> str:
        """What tells this object from others: a user is the same by id and by e-mail."""
        if self.user is not None:
            return f"user {self.user}"
        return "/".join(map(unquote, self.values.values())) or self.request.path


@dataclass
class Entry:
    """A fault, and what has happened of it so far."""

    fault: Fault
    matched: int = 0
    hits: Counter[str] = field(default_factory=Counter)
    """By path."""
    seen: Counter[str] = field(default_factory=Counter)
    """By URL, or by list."""

    def told(self) -> dict[str, Any]:
        """Return the settings, how many calls were hit, and how many of each path, as it was sent."""
        return {**self.fault.settings(), "hits": self.hits.total(), "paths": dict(self.hits)}


class ObjectFaults:
    """The faults of single objects or calls of one sandbox. Thread-safe."""

    def __init__(
        self, faults: Iterable[Fault], templates: Iterable[str], world: World, clock: Callable[[], float]
    ) -> None:
        """Take the faults that are there from the start, the endpoints' templates, the account and the clock."""
        self._templates = frozenset((*templates, TOKEN_PATH))
        self._world = world
        self._clock = clock
        self._started = clock()
        self._lock = threading.Lock()
        self._lasting = tuple(Entry(fault) for fault in faults if fault.is_targeted)
        self._passing: tuple[Entry, ...] = ()

    def add(self, fault: Fault) -> None:
        """Let a fault of an object happen from now on; raises ValueError for any other one."""
        self._check([fault])
        with self._lock:
            self._passing = (*self._passing, Entry(fault))

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put these faults in the place of those that were not there from the start; raises ValueError as ``add``."""
        faults = list(faults)
        self._check(faults)
        with self._lock:
            self._passing = tuple(map(Entry, faults))

    def told(self) -> list[dict[str, Any]]:
        """Return each fault with its settings, how many calls were hit, and how many of each path."""
        with self._lock:
            return [entry.told() for entry in (*self._lasting, *self._passing)]

    def api_reply(self, call: Call, request: Request, own: Own) -> Reply:
        """Return what an API call gets; ``own`` makes the endpoint's own reply from its answer, changed or not."""
        if not (self._lasting or self._passing):
            return own(unchanged)
        is_first = call.page is None or call.page.offset == 0
        hit = self._hit(Concern(call.route.template, request, call.values, self._world, is_first))
        if "refuse" in hit:
            fault = hit["refuse"]
            return _refused(fault, Scene(call, self._clock(), fault.seconds or _PATIENCE, own))
        return _sent(hit, request, lambda: own(lambda answer: _altered(answer, hit)))

    def token_reply(self, request: Request, own: Callable[[], Reply]) -> Reply:
        """Return what a token request gets; ``own`` makes the token endpoint's own reply."""
        if not (self._lasting or self._passing):
            return own()
        return _sent(self._hit(Concern(TOKEN_PATH, request, {}, self._world)), request, own)

    def _check(self, faults: Iterable[Fault]) -> None:
        for fault in faults:
            if not fault.is_targeted:
                raise ValueError(f"Fault {fault.name!r} can only be there from the start.")

    def _hit(self, concern: Concern) -> dict[str, Fault]:
        """Count the call, and return the faults that hit it: of each name the first."""
        hit: dict[str, Fault] = {}
        with self._lock:
            for entry in (*self._lasting, *self._passing):
                fault = entry.fault
                if fault.name not in hit and self._concerns(fault, concern) and self._is_due(entry, concern):
                    hit[fault.name] = fault
                    entry.hits[concern.request.path] += 1
        return hit

    def _concerns(self, fault: Fault, concern: Concern) -> bool:
        if fault.path is None:
            is_path = concern.template != TOKEN_PATH
        elif fault.path in self._templates:
            is_path = fault.path == concern.template
        else:
            is_path = fault.path in concern.request.target
        return (
            is_path
            and (fault.object is None or self._names(fault.object, concern))
            and (fault.user is None or fault.user == concern.host)
            and (fault.of is None or Dice(self._world.seed, "share", concern.object_key).below(fault.of) == 0)
        )

    def _names(self, wanted: str, concern: Concern) -> bool:
        if wanted in concern.names:
            return True
        user = None if concern.user is None else self._world.find_user(wanted)
        return user is not None and user.number == concern.user

    def _is_due(self, entry: Entry, concern: Concern) -> bool:
        fault = entry.fault
        entry.matched += 1
        if fault.until is not None and self._clock() >= self._started + fault.until:
            return False
        if fault.after is not None and entry.matched < fault.after:
            return False
        if fault.name == "shift":
            entry.seen[concern.request.list_key] += concern.is_first_page
            return not concern.is_first_page or entry.seen[concern.request.list_key] > (fault.times or 1)
        if fault.times is None:
            return True
        entry.seen[concern.request.target] += 1
        return entry.seen[concern.request.target] <= fault.times


def _refused(fault: Fault, scene: Scene) -> Reply:
    if fault.answer is not None:
        return CANNED[fault.answer](scene)
    status = fault.status or _SERVER_ERROR
    if fault.code is None and fault.text is None:
        return Reply(status)
    return error_reply(status, status if fault.code is None else fault.code, fault.text or HTTPStatus(status).phrase)


def _altered(answer: Answer, hit: Mapping[str, Fault]) -> Answer:
    if isinstance(answer, Listing):
        if "shift" in hit:
            answer = shifted(answer)
        if "short" in hit:
            answer = replace(answer, left_out=min(hit["short"].index or 1, answer.total))
        if "endless-pages" in hit:
            answer = replace(answer, is_endless=True)
    return answer


def _sent(hit: Mapping[str, Fault], request: Request, own: Callable[[], Reply]) -> Reply:
    if "quote" in hit:
        reply = _quoting(hit["quote"], request)
    elif "huge" in hit:
        reply = _huge(hit["huge"])
    else:
        reply = own()
    if "drip" in hit:
        drip = hit["drip"]
        reply = replace(reply, drip=Drip(Part(drip.part or "body"), 1.0 if drip.seconds is None else drip.seconds))
    return reply


def _quoting(fault: Fault, request: Request) -> Reply:
    header = request.headers.get("authorization", "")
    if fault.part == "middle":
        begin = max(0, (len(header) - _QUOTED) // 2)
        header = header[begin : begin + _QUOTED]
    status = fault.status or _SERVER_ERROR
    code = status if status >= _SERVER_ERROR else INVALID
    return error_reply(status, code, f"The request could not be handled, its authorization was: {header}")


def _huge(fault: Fault) -> Reply:
    head, tail = b'{"padding":"', b'"}'
    padding = max(0, (fault.bytes or 0) - len(head) - len(tail))

    def parts() -> Iterator[bytes]:
        yield head
        full, rest = divmod(padding, _BLOCK)
        for _ in range(full):
            yield b"0" * _BLOCK
        yield b"0" * rest + tail

    if not fault.gzip:
        return Reply(200, stream=parts)
    return Reply(200, headers={"Content-Encoding": "gzip"}, stream=lambda: _zipped(parts()))


def _zipped(parts: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=_GZIP)
    for part in parts:
        yield packer.compress(part)
    yield packer.flush()
