"""Faults on demand: what goes wrong, how often and where."""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple
from urllib.parse import unquote

from sandbox.canned import CANNED, server_error
from sandbox.dice import Dice
from sandbox.limits import Label, daily_refusal, per_second_refusal
from sandbox.messages import Damage, Reply, Request, error_reply
from sandbox.refusals import dead_token, user_gone
from sandbox.routing import Call, Route

MEETING_LIST = "/users/{userId}/meetings"
WEBINAR_LIST = "/users/{userId}/webinars"
USER_REPORT = "/report/users/{userId}/meetings"
PARTICIPANTS = "/report/meetings/{meetingId}/participants"
WEBINAR_PARTICIPANTS = "/report/webinars/{webinarId}/participants"
_BREAKING = {MEETING_LIST: "user-broken", USER_REPORT: "report-host-broken"}
"""By list of a user, the fault that breaks it."""
_LISTS_OF_A_USER = frozenset({MEETING_LIST, WEBINAR_LIST, USER_REPORT})
_MOST_HITS_IN_A_ROW = 3
_PRECISION = 1_000_000
_OK = 200
_REFUSED = frozenset({401, 429})
_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


def _natural(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


class Kind(NamedTuple):
    """What a fault does, the settings it needs and those it may have."""

    effect: str
    needs: frozenset[str] = frozenset()
    allows: frozenset[str] = frozenset()
    parts: tuple[str, ...] = ()
    """What the setting ``part`` may be."""
    is_targeted: bool = False
    """Whether it is about single objects or calls, and can be set while the sandbox runs."""


TARGET = frozenset({"path", "object", "user", "of", "times", "after", "until"})


def _kind(effect: str, *needs: str, allows: Iterable[str] = ()) -> Kind:
    return Kind(effect, frozenset(needs), frozenset(allows))


def _targeted(effect: str, *needs: str, allows: Iterable[str] = (), parts: tuple[str, ...] = ()) -> Kind:
    return Kind(effect, frozenset(needs), (TARGET | frozenset(allows)) - frozenset(needs), parts, is_targeted=True)


KINDS: dict[str, Kind] = {
    "http-500": _kind("HTTP 500: now and then (rate), always on a path, or both", allows=("rate", "path")),
    "reset": _kind("connection reset in mid-body", "rate", allows=["path"]),
    "truncate": _kind("HTTP 200 whose JSON is cut", "rate", allows=["path"]),
    "html": _kind("HTTP 200 with an HTML page", "rate", allows=["path"]),
    "unauthorized": _kind("from API call number AT on, the tokens issued so far get 401/124", "at"),
    "user-broken": _kind("the meeting list of active user number USER is always 500", "user"),
    "host-gone": _kind("the lists and the report of user number USER are 404/1001", "user"),
    "report-host-broken": _kind("the report of user number USER is always 500", "user"),
    "uuid-broken": _kind(
        "the participants of session number INDEX, as expected/report_meetings counts them at first, are always 500",
        "index",
    ),
    "repeat-page-token": _kind("every page of the path hands out the token it was asked with", "path"),
    "dead-page-token": _kind(
        "page PAGE of each matching list gets 400/300 the first TIMES times, 1 if not given",
        "path",
        "page",
        allows=["times"],
    ),
    "daily-limit": _kind("the daily 429 after AFTER calls of the label", "label", "after"),
    "per-second-limit": _kind("a per-second 429 on each EVERY-th call of the label", "label", "every"),
    "error-in-200": _kind("HTTP 200 with an error body", "path"),
    "forbidden": _kind("HTTP 403 with an empty body", "path"),
    "slow": _kind("SECONDS more latency on the path", "path", "seconds"),
    "token-endpoint": _kind(
        "the token endpoint answers STATUS, the first TIMES times or always", "status", allows=["times"]
    ),
    "refuse": _targeted(
        f"an answer instead of the endpoint's: ANSWER, one of {', '.join(CANNED)} (timeout: after SECONDS, 3600 if not "
        "given), or else STATUS with CODE and TEXT",
        allows=("answer", "status", "code", "text", "seconds"),
    ),
    "shift": _targeted(
        "a new row comes to the front of each list after its first page is read, the first TIMES times, 1 if not given",
        "path",
    ),
    "short": _targeted("lists leave out the last INDEX rows they count, 1 if not given", "path", allows=("index",)),
    "endless-pages": _targeted("every page has a new token and the rows of the first", "path"),
    "drip": _targeted(
        "a byte each SECONDS, 1 if not given, of the body, or else of the headers, or 100 Continue without end",
        "path",
        allows=("part", "seconds"),
        parts=("body", "headers", "continue"),
    ),
    "huge": _targeted("HTTP 200 whose JSON unpacks to BYTES", "path", "bytes", allows=("gzip",)),
    "quote": _targeted(
        "an error of STATUS, 500 if not given, that quotes the header Authorization, or 200 characters of its middle",
        "path",
        allows=("status", "part"),
        parts=("whole", "middle"),
    ),
}
TARGET_HELP = """\
faults that are about single objects or calls (refuse, shift, short, endless-pages, drip, huge, quote) take
  path     as above; those of the token endpoint are drip, huge and quote with /oauth/token
  object   id, e-mail, number or UUID that the path names, however encoded
  user     number of the user whom the path names, or who holds the meeting, webinar or session it names
  of       OF=5: every fifth object or so, always the same ones
  times    only the first TIMES calls of each URL
  after    only from matching call number AFTER on
  until    only until so many seconds after the sandbox started
a comma in a value is written \\, and NAME:{"key": "value", ...} is understood, too
what expected/... tells does not take them into account; /_sandbox/faults sets, clears and counts them"""


def _setting(read: Callable[[str], Any] = str) -> Any:
    """Declare a setting that is text, or what ``read`` makes of it."""
    return field(default=None, metadata={"read": read})


@dataclass(frozen=True)
class Fault:
    """One fault with its settings. A ``path`` is an endpoint's template, else text found anywhere in the URL."""

    name: str
    rate: float | None = _setting(float)
    path: str | None = _setting()
    at: int | None = _setting(int)
    user: int | None = _setting(int)
    page: int | None = _setting(int)
    times: int | None = _setting(int)
    label: Label | None = _setting(Label.parse)  # noqa: RUF009  (a field, as the others are)
    after: int | None = _setting(int)
    every: int | None = _setting(int)
    seconds: float | None = _setting(float)
    status: int | None = _setting(int)
    index: int | None = _setting(int)
    object: str | None = _setting()
    of: int | None = _setting(_natural)
    answer: str | None = _setting()
    code: int | None = _setting(int)
    text: str | None = _setting()
    until: float | None = _setting(float)
    part: str | None = _setting()
    bytes: int | None = _setting(_natural)
    gzip: bool | None = _setting({"true": True, "false": False}.__getitem__)

    def __post_init__(self) -> None:
        """Raise ValueError for an unknown name and for settings that do not go with it."""
        if self.name not in KINDS:
            raise ValueError(f"There is no fault {self.name!r}; the faults are {', '.join(KINDS)}.")
        kind, given = KINDS[self.name], set(self.settings()) - {"name"}
        if not kind.needs <= given <= kind.needs | kind.allows or not given:
            known = ", ".join([*sorted(kind.needs), *(f"[{name}]" for name in sorted(kind.allows))])
            raise ValueError(f"Fault {self.name!r} takes the settings {known}.")
        if self.name == "refuse" and (self.answer is None) == (self.status is None):
            raise ValueError("Fault 'refuse' takes either an answer or a status.")
        if self.answer is not None and self.answer not in CANNED:
            raise ValueError(f"Fault 'refuse' knows no answer {self.answer!r}; the answers are {', '.join(CANNED)}.")
        if self.part is not None and self.part not in kind.parts:
            raise ValueError(f"Fault {self.name!r} knows no part {self.part!r}; the parts are {', '.join(kind.parts)}.")

    @property
    def is_targeted(self) -> bool:
        """Tell whether it is about single objects or calls, and can be set while the sandbox runs."""
        return KINDS[self.name].is_targeted

    def settings(self) -> dict[str, Any]:
        """Return the name and the settings that were given."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """Read ``NAME:key=value,...``, commas in values escaped, or ``NAME:{...}`` with JSON; raises ValueError."""
        name, _, settings = text.partition(":")
        if settings.startswith("{"):
            return cls.of_settings({"name": name, **json.loads(settings)})
        values: dict[str, str] = {}
        for setting in filter(None, _UNESCAPED_COMMA.split(settings)):
            key, separator, value = setting.partition("=")
            if not separator:
                raise ValueError(f"{setting!r} in fault {text!r} is not of the form key=value.")
            values[key] = value.replace("\\,", ",")
        return cls.of_settings({"name": name, **values})

    @classmethod
    def of_settings(cls, settings: Mapping[str, Any]) -> "Fault":
        """Return the fault of a name, ``refuse`` if none is given, and of settings as text or as JSON has them.

        Raises ValueError.
        """
        readers = {setting.name: setting.metadata["read"] for setting in fields(cls) if setting.metadata}
        values: dict[str, Any] = {}
        for key, value in settings.items():
            if key == "name" or value is None:
                continue
            if key not in readers:
                raise ValueError(f"{key!r} is no setting of a fault.")
            try:
                values[key] = value if isinstance(value, Label) else readers[key](_text(value))
            except (LookupError, ValueError) as error:
                raise ValueError(f"{value!r} is no value for the setting {key} of a fault.") from error
        return cls(str(settings.get("name", "refuse")), **values)


class FaultPlan:
    """The faults of one sandbox and what has happened of them so far. Thread-safe."""

    def __init__(
        self, faults: Iterable[Fault], seed: int, templates: Iterable[str], uuid_of: Callable[[int], str]
    ) -> None:
        """Take the faults, the seed of their chances, the templates of all endpoints, and the order of sessions.

        Raises ValueError, as ``uuid_of`` does, for a session that does not exist.
        """
        self._faults: dict[str, list[Fault]] = {name: [] for name in KINDS}
        for fault in faults:
            self._faults[fault.name].append(fault)
        self._chances = [
            fault for name in ("http-500", "reset", "truncate", "html") for fault in self._faults[name] if fault.rate
        ]
        self._seed = seed
        self._templates = frozenset(templates)
        self._lock = threading.Lock()
        self._happened: Counter[object] = Counter()
        self._in_a_row: dict[str, int] = {}
        self._broken_uuids = frozenset(uuid_of(f.index) for f in self._faults["uuid-broken"] if f.index is not None)

    def token_reply(self) -> Reply | None:
        """Return what the token endpoint answers instead of a token, if anything."""
        for fault in self._faults["token-endpoint"]:
            if fault.status and self._first_times(fault, None, fault.times):
                return error_reply(fault.status, fault.status, "Service is not available.")
        return None

    def kills_tokens(self) -> bool:
        """Count an API call and tell whether the tokens issued so far end with it."""
        if not self._faults["unauthorized"]:
            return False
        number = self._count("API calls")
        return any(number == fault.at for fault in self._faults["unauthorized"])

    def limit_reply(self, label: Label, now: float) -> Reply | None:
        """Count a call of the label at ``now``, in seconds since the epoch; return the 429 that a fault gives it."""
        for fault in self._faults["daily-limit"]:
            if fault.label == label and fault.after is not None and self._count(fault) > fault.after:
                return daily_refusal(label, fault.after, now)
        for fault in self._faults["per-second-limit"]:
            if fault.label == label and fault.every and self._count(fault) % fault.every == 0:
                return per_second_refusal(label, fault.every, None)
        return None

    def reply_instead(self, call: Call, request: Request) -> Reply | None:
        """Return what is answered instead of the endpoint's own reply, if anything."""
        reply = self._permanent_reply(call.route, call, request.target)
        if reply or call.page is None:
            return reply
        for fault in self._faults["dead-page-token"]:
            dies = self._concerns(fault, call.route.template, request.target) and call.page.number == fault.page
            if dies and self._first_times(fault, request.list_key, fault.times or 1):
                return dead_token(call.route.template).reply
        return None

    def damaged(self, reply: Reply, route: Route, request: Request) -> Reply:
        """Return the reply with what a rate fault makes of it; at most three times in a row for one URL."""
        if not self._chances or reply.status in _REFUSED:
            return reply
        with self._lock:
            hits = self._in_a_row.pop(request.target, 0)
            fault = None if hits >= _MOST_HITS_IN_A_ROW else self._drawn(route, request, reply, hits)
            if fault is None:
                return reply
            self._in_a_row[request.target] = hits + 1
        if fault.name == "http-500":
            return server_error()
        if fault.name == "html":
            page = b"<!DOCTYPE html><html><body><h1>Zoom is under maintenance</h1></body></html>"
            return Reply(_OK, page, "text/html;charset=UTF-8", reply.headers, spoiled=True)
        if fault.name == "truncate":
            return replace(reply, body=reply.body[: len(reply.body) // 2], spoiled=True)
        return replace(reply, damage=Damage.RESET, spoiled=True)

    def repeats_page_token(self, route: Route, request: Request) -> bool:
        """Tell whether this list hands out the same page token again and again."""
        return any(self._concerns(fault, route.template, request.target) for fault in self._faults["repeat-page-token"])

    def delay(self, route: Route, request: Request) -> float:
        """Return the extra seconds that this call takes."""
        slow = (fault for fault in self._faults["slow"] if self._concerns(fault, route.template, request.target))
        return sum(fault.seconds or 0.0 for fault in slow)

    def _concerns(self, fault: Fault, template: str, target: str) -> bool:
        if fault.path is None or fault.path in self._templates:
            return fault.path in {None, template}
        return fault.path in target

    def _permanent_reply(self, route: Route, call: Call, target: str) -> Reply | None:
        reply = self._reply_of_object(route, call)
        if reply:
            return reply
        if any(f.rate is None and self._concerns(f, route.template, target) for f in self._faults["http-500"]):
            return server_error()
        if any(self._concerns(fault, route.template, target) for fault in self._faults["error-in-200"]):
            return error_reply(_OK, 200, "Only available for Paid account.")
        if any(self._concerns(fault, route.template, target) for fault in self._faults["forbidden"]):
            return Reply(403)
        return None

    def _reply_of_object(self, route: Route, call: Call) -> Reply | None:
        if route.template in _LISTS_OF_A_USER:
            user_id = call.values["userId"]
            found = call.world.find_user(user_id)
            user = found.number if found else None
            if any(fault.user == user for fault in self._faults.get(_BREAKING.get(route.template, ""), ())):
                return server_error()
            if any(fault.user == user for fault in self._faults["host-gone"]):
                return user_gone(route.template, user_id).reply
        if route.template == PARTICIPANTS and unquote(call.values["meetingId"]) in self._broken_uuids:
            return server_error()
        return None

    def _drawn(self, route: Route, request: Request, reply: Reply, hits: int) -> Fault | None:
        for number, fault in enumerate(self._chances):
            if not self._concerns(fault, route.template, request.target):
                continue
            if fault.name == "truncate" and reply.status != _OK:
                continue
            draw = Dice(self._seed, "fault", number, request.target, hits).below(_PRECISION)
            if draw < (fault.rate or 0.0) * _PRECISION:
                return fault
        return None

    def _count(self, what: object) -> int:
        with self._lock:
            self._happened[what] += 1
            return self._happened[what]

    def _first_times(self, fault: Fault, where: str | None, times: int | None) -> bool:
        return times is None or self._count((fault, where)) <= times


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
