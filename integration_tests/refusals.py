"""What an account refuses, and what a connector makes of it: the places, the answers, and the reads that show it.

A cell is a place, which is an endpoint in an account, and an answer. It is read once while one object, or all of the
endpoint, gets that answer, three times more from the states of that, and once when Zoom answers again. What is shown
is compared with reads of the same account in health. The clock stands still, so that nothing else changes.
"""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unittest.mock import patch

import pendulum

from integration_tests.connector import INCREMENTAL, Message, Output, config_of, read_here
from integration_tests.impatient import short_sleep
from sandbox import Sandbox, SandboxOptions
from source_zoom import SourceZoom
from source_zoom.zoom import limits, plan_search
from source_zoom.zoom.endpoint import RateLabel

NOON = pendulum.datetime(2026, 3, 15, 12)
START_DATE = "2026-02-01"

ACCOUNT: dict[str, Any] = {
    "seed": 3,
    "users": 6,
    "meetings": 3,
    "registrants": (1, 3),
    "polls": 2,
    "channels": 25,
    "webinars": 3,
    "webinar_hosts_percent": 70,
    "session_months": 1,
    "hosting_percent": 100,
    "participants": (2, 4),
    "oddities": False,
}
"""Small, so that a cell takes a second, and without what is odd by itself."""

GAPS = "read_gaps"
NEIGHBOUR = "channels"
"""A stream that none but its own endpoint concerns."""

ANSWER_SECONDS = 1.0
"""How long a whole answer may take here; ten minutes in reality."""

REFUSED = (
    "no-permission",
    "no-permission-403",
    "unauthorized",
    "unauthorized-empty",
    "forbidden",
    "forbidden-html",
    "not-found",
)
"""One object refused for good."""

GONE = ("user-gone", "gone")
FAULTS = ("error-500", "timeout", "cut", "reset")
"""One object at fault, for good."""

WIDE = ("plan", "licence", "scope", "no-permission", "daily", "error-500")
"""What all of an endpoint is answered; "no-permission" is a role that may see nothing of the kind."""

LACKING = ("plan", "licence")
"""Those of them that say what the account lacks."""

OPTIONAL = ("bad-parameter", "forbidden", "not-found", "no-permission", "error-500")

UNPAGED_RATE = 10_000.0


@dataclass(frozen=True)
class Place:
    """An endpoint in an account.

    :param path: the endpoint, as the sandbox names it
    :param object_type: what a gap calls the objects that its path names, None where it is a list of everything
    :param fields: streams that lack rows where an object is refused, and the field that names the object there
    :param skips: answers of `GONE` that say that there is nothing
    :param is_detail: whether a row is there without it, with fewer columns
    :param is_optional: whether the rows of a whole account may do without it
    :param dependents: those of `fields` that lack but a part without it, where they say so by gaps
    :param without: what the account lacks
    :param sessions: past sessions of each host
    """

    path: str
    object_type: str | None
    fields: Mapping[str, str]
    skips: Collection[str] = ()
    is_detail: bool = False
    is_optional: bool = False
    dependents: Collection[str] = ()
    without: frozenset[str] = frozenset()
    sessions: int = 4

    @property
    def options(self) -> dict[str, Any]:
        """What the account has besides, or other than, `ACCOUNT`."""
        return {"without": self.without, "sessions_per_host": self.sessions}

    @property
    def name(self) -> str:
        """The path without braces."""
        return self.path.replace("{", "").replace("}", "").strip("/")

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams to read, as little as shows everything."""
        others = [] if NEIGHBOUR in self.fields else [NEIGHBOUR]
        return (*self.fields, *others, GAPS)

    @property
    def is_incremental(self) -> bool:
        """Whether its streams keep a state."""
        return set(self.fields) <= set(INCREMENTAL)


OF_HOST = dict.fromkeys(
    (
        "report_meetings",
        "report_meeting_participants",
        "meeting_poll_results",
        "report_webinars",
        "report_webinar_participants",
        "webinar_poll_results",
        "webinar_qna_results",
    ),
    "host_id",
)
MANY_SESSIONS = 12
"""So that there are webinars with questions, and some that nobody attended."""

NO_HISTORY = frozenset({"history"})


def _of(noun: str, *streams: str) -> dict[str, str]:
    return dict.fromkeys(streams, f"{noun}_id")


OF_LISTED_WEBINARS = (
    "webinars",
    "webinar_registrants",
    "webinar_questions",
    "webinar_panelists",
    "webinar_polls",
    "webinar_tracking_sources",
)

PLACES: tuple[Place, ...] = (
    Place("/report/users/{userId}/meetings", "host", OF_HOST, skips={"user-gone"}),
    Place("/report/meetings/{meetingId}/participants", "session", {"report_meeting_participants": "meeting_uuid"}),
    Place(
        "/users/{userId}/meetings",
        "user",
        dict.fromkeys(("meetings", "meeting_registrants", "meeting_questions", "meeting_polls"), "host_id"),
        skips={"user-gone"},
    ),
    Place("/users/{userId}/webinars", "user", dict.fromkeys(OF_LISTED_WEBINARS, "host_id"), skips={"user-gone"}),
    Place(
        "/meetings/{meetingId}",
        "meeting",
        _of("meeting", "meetings", "meeting_registrants"),
        skips={"gone"},
        dependents={"meeting_registrants"},
    ),
    Place(
        "/webinars/{webinarId}",
        "webinar",
        _of("webinar", "webinars", "webinar_registrants"),
        skips={"gone"},
        dependents={"webinar_registrants"},
    ),
    Place("/meetings/{meetingId}/registrants", "meeting", _of("meeting", "meeting_registrants"), skips={"gone"}),
    Place(
        "/meetings/{meetingId}/registrants/questions", "meeting", _of("meeting", "meeting_questions"), skips={"gone"}
    ),
    Place("/meetings/{meetingId}/polls", "meeting", _of("meeting", "meeting_polls"), skips={"gone"}),
    Place("/webinars/{webinarId}/registrants", "webinar", _of("webinar", "webinar_registrants"), skips={"gone"}),
    Place(
        "/webinars/{webinarId}/registrants/questions", "webinar", _of("webinar", "webinar_questions"), skips={"gone"}
    ),
    Place("/webinars/{webinarId}/panelists", "webinar", _of("webinar", "webinar_panelists"), skips={"gone"}),
    Place("/webinars/{webinarId}/polls", "webinar", _of("webinar", "webinar_polls"), skips={"gone"}),
    Place(
        "/webinars/{webinarId}/tracking_sources", "webinar", _of("webinar", "webinar_tracking_sources"), skips={"gone"}
    ),
    Place(
        "/report/meetings/{meetingId}",
        "session",
        {"report_meetings": "uuid"},
        skips={"gone", "user-gone"},
        is_detail=True,
        is_optional=True,
        without=NO_HISTORY,
    ),
    Place(
        "/report/webinars/{webinarId}",
        "session",
        {"report_webinars": "uuid"},
        skips={"gone", "user-gone"},
        is_detail=True,
        sessions=MANY_SESSIONS,
    ),
    Place(
        "/report/webinars/{webinarId}/participants",
        "session",
        {"report_webinar_participants": "webinar_uuid"},
        sessions=MANY_SESSIONS,
    ),
    Place("/past_meetings/{meetingId}/polls", "session", {"meeting_poll_results": "meeting_uuid"}, skips={"gone"}),
    Place(
        "/past_webinars/{webinarId}/polls",
        "session",
        {"webinar_poll_results": "webinar_uuid"},
        skips={"gone"},
        sessions=MANY_SESSIONS,
    ),
    Place(
        "/past_webinars/{webinarId}/qa",
        "session",
        {"webinar_qna_results": "webinar_uuid"},
        skips={"gone"},
        sessions=MANY_SESSIONS,
    ),
    Place(
        "/past_webinars/{webinarId}/absentees",
        "session",
        {"webinar_absentees": "webinar_uuid"},
        skips={"gone", "user-gone"},
        sessions=MANY_SESSIONS,
    ),
    Place(
        "/past_webinars/{webinarId}/instances",
        "webinar",
        {"webinar_absentees": "webinar_id"},
        skips={"gone"},
        dependents={"webinar_absentees"},
        without=NO_HISTORY,
        sessions=MANY_SESSIONS,
    ),
    Place("/phone/call_history/{callHistoryUuid}", "call", {"phone_call_elements": "call_history_uuid"}),
)
"""The endpoints that name an object, the most important ones first."""

LISTS: tuple[Place, ...] = (
    Place("/users", None, {"users": "id", "meetings": "meeting_id"}),
    Place("/chat/channels", None, {"channels": "id"}),
    Place("/groups", None, {"groups": "id"}),
    Place("/report/operationlogs", None, {"report_operation_logs": "row_id"}),
    Place(
        "/phone/call_history", None, {"phone_call_history": "start_time", "phone_call_elements": "call_history_uuid"}
    ),
    Place("/archive_files", None, {"archive_files": "uuid"}),
)
"""Those that list everything."""

OPTIONAL_LISTS: tuple[Place, ...] = (
    Place("/report/users", None, {"report_meetings": "uuid", "report_webinars": "uuid"}),
    Place("/report/history_meetings", None, {"report_meetings": "uuid", "report_webinars": "uuid"}),
)
"""Those that an account may lack."""


@dataclass(frozen=True)
class Cell:
    """A place, and what it is answered there.

    :param of_all: whether every object gets the answer, not one
    """

    place: Place
    answer: str
    of_all: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.place.name}-{'all-' if self.of_all else ''}{self.answer}"


CELLS: tuple[Cell, ...] = (
    *(Cell(place, answer) for place in PLACES for answer in (*REFUSED, *GONE, *FAULTS)),
    *(Cell(place, answer, of_all=True) for place in PLACES for answer in WIDE),
    *(Cell(place, answer, of_all=True) for place in LISTS for answer in WIDE if answer not in LACKING),
    *(Cell(place, "plan", of_all=True) for place in LISTS if place.path in {"/groups", "/report/operationlogs"}),
    *(Cell(place, answer, of_all=True) for place in OPTIONAL_LISTS for answer in OPTIONAL),
)

ALIKE = tuple(place for place in PLACES if not place.is_incremental and len(place.fields) == 1)
"""Places that differ in nothing but their path: each answer is shown at some, and the most telling ones at all."""

TELLING = ("no-permission", "unauthorized", "forbidden-html", "gone", "error-500", "scope")

CHOSEN = tuple(cell for cell in CELLS if cell.place not in ALIKE[1:] or cell.answer in TELLING)
"""The cells that tests show; the others are for the table."""


@contextmanager
def laboratory(now: Callable[[], pendulum.DateTime] = lambda: NOON) -> Iterator[None]:
    """Let this process read without pace and without long waits, at a time that stands still."""
    with ExitStack() as stack:
        for plan in plan_search.PER_SECOND:
            stack.enter_context(patch.dict(plan_search.PER_SECOND, {plan: dict.fromkeys(RateLabel, UNPAGED_RATE)}))
        stack.enter_context(patch.object(pendulum, "now", lambda tz="UTC": now().in_timezone(tz)))
        stack.enter_context(patch.object(time, "sleep", short_sleep))
        yield


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let an answer take so long, and no longer; ten minutes in reality."""
    with patch.object(limits, "ANSWER_SECONDS", seconds):
        yield


def whole_catalog(sandbox: Sandbox) -> dict[str, dict[str, Any]]:
    """Every stream, by name, as it is configured to be read: incrementally where it can be."""
    streams = {}
    for stream in SourceZoom().streams(config_of(sandbox)):
        told = stream.as_airbyte_stream()
        modes = [mode.value for mode in told.supported_sync_modes]
        mode = "incremental" if "incremental" in modes else "full_refresh"
        streams[told.name] = {
            "stream": {"name": told.name, "json_schema": {}, "supported_sync_modes": modes},
            "sync_mode": mode,
            "destination_sync_mode": "append",
        }
    return streams


class Account:
    """An account that is read in health and in trouble.

    :param options: what it has besides, or other than, `ACCOUNT`
    """

    def __init__(self, clock: Callable[[], float] = NOON.timestamp, **options: Any) -> None:
        self.sandbox = Sandbox(SandboxOptions(**{**ACCOUNT, **options}), clock=clock)
        self._healthy: dict[tuple[str, ...], Healthy] = {}

    def __enter__(self) -> Account:  # noqa: PYI034  (typing.Self came with Python 3.11)
        self.sandbox.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.sandbox.__exit__(None, None, None)

    @cached_property
    def _catalog(self) -> dict[str, dict[str, Any]]:
        return whole_catalog(self.sandbox)

    @cached_property
    def keys(self) -> dict[str, list[str]]:
        """The primary keys of all streams."""
        return {stream.name: [str(part) for part in stream.key_fields] for stream in self._streams()}

    def _streams(self) -> Sequence[Any]:
        return SourceZoom().streams(config_of(self.sandbox))

    def read(self, streams: Sequence[str], state: Sequence[Message] = (), **config: Any) -> Read:
        """Read some streams, and count what is asked."""
        self.sandbox.reset_counters()
        catalog = {"streams": [self._catalog[name] for name in self._catalog if name in streams]}
        with redirect_stdout(io.StringIO()):
            output = read_here(config_of(self.sandbox, **{"start_date": START_DATE, **config}), catalog, state)
        return Read(output, self.keys, self.sandbox.counters())

    def healthy(self, streams: Sequence[str]) -> Healthy:
        """What these streams hold, and what two syncs of them cost."""
        name = tuple(streams)
        if name not in self._healthy:
            self.sandbox.allow()
            first = self.read(streams)
            assert first.output.all_errors() == []
            assert first.gaps == []
            second = self.read(streams, first.state)
            self._healthy[name] = Healthy(first, second)
        return self._healthy[name]


class Read:
    """One sync."""

    def __init__(self, output: Output, keys: Mapping[str, Sequence[str]], counters: Mapping[str, Any]) -> None:
        self.output = output
        self.requests = int(counters["requests"])
        self.counters = counters
        self._keys = keys

    def __repr__(self) -> str:
        return f"<{self.requests} requests, errors {self.errors}, gaps {self.gaps}>"

    def rows(self, stream: str) -> dict[str, dict[str, Any]]:
        """The rows of a stream, by key; the last of each."""
        return {self._key(stream, row): row for row in self.output.records(stream)}

    def repeated(self, stream: str) -> list[str]:
        """Keys that came more than once."""
        counts = Counter(self._key(stream, row) for row in self.output.records(stream))
        return [key for key, count in counts.items() if count > 1]

    def _key(self, stream: str, row: Mapping[str, Any]) -> str:
        return json.dumps([row[name] for name in self._keys[stream]])

    @property
    def state(self) -> list[Message]:
        """The last state of each stream."""
        last: dict[str, Message] = {}
        for message in self.output.of_type("STATE"):
            last[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
        return list(last.values())

    @property
    def gaps(self) -> list[dict[str, Any]]:
        """The rows of the stream of gaps."""
        return self.output.records(GAPS)

    @property
    def errors(self) -> dict[str, str]:
        """Type of the error of each stream that is incomplete."""
        return {
            error["stream_descriptor"]["name"]: error["failure_type"]
            for error in self.output.all_errors()
            if error.get("stream_descriptor")
        }

    @property
    def exit_code(self) -> int:
        """What the command line ends with: one where an error is left at the end."""
        return 1 if self.output.errors() else 0

    def status(self, stream: str) -> str:
        """The last status of a stream."""
        return self.output.statuses(stream)[-1]


@dataclass(frozen=True)
class Healthy:
    """Two syncs of an account that answers everything."""

    first: Read
    second: Read


@dataclass
class Finding:
    """What a cell showed.

    :param wrong: what is not as the rules say, in sentences
    """

    cell: Cell
    object_id: str | None
    first: Read
    later: list[Read] = field(default_factory=list)
    last: Read | None = None
    missing: int = 0
    others_are_exact: bool = True
    union_is_exact: bool = True
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Rule:
    """What a cell is to show.

    :param status: of the streams that need the place
    :param failure_type: of their errors, None where they are complete
    :param has_gap: whether the object is a gap
    """

    status: str
    failure_type: str | None = None
    has_gap: bool = False


def rule_of(cell: Cell) -> Rule:
    """What the rules say of a cell: a table that knows no code of the connector's."""
    place, answer = cell.place, cell.answer
    if not cell.of_all:
        return Rule("COMPLETE", has_gap=answer not in place.skips)
    if (place in OPTIONAL_LISTS or place.is_optional) and answer not in FAULTS and answer != "daily":
        return Rule("COMPLETE")
    if answer in FAULTS:
        return Rule("INCOMPLETE", "transient_error")
    if answer in LACKING:
        return Rule("COMPLETE")
    if answer == "daily":
        return Rule("COMPLETE") if place.is_incremental else Rule("INCOMPLETE", "config_error")
    return Rule("INCOMPLETE", "config_error")


def object_of(place: Place, healthy: Read) -> str:
    """The object to refuse: of those that most streams have something of, one that has least."""
    streams: dict[str, set[str]] = {}
    counts: Counter[str] = Counter()
    for stream, name in place.fields.items():
        for row in healthy.output.records(stream):
            if row.get(name):
                streams.setdefault(str(row[name]), set()).add(stream)
                counts[str(row[name])] += 1
    assert len(streams) > 1, f"there is but one {place.object_type} in {place.fields}"
    return min(streams, key=lambda name: (-len(streams[name]), counts[name], name))


def examine(cell: Cell, account: Account) -> Finding:
    """Read a cell, and say what is not as the rules say."""
    place, sandbox = cell.place, account.sandbox
    healthy = account.healthy(place.streams)
    object_id = None if cell.of_all else object_of(place, healthy.first)
    settings: dict[str, Any] = {"path": place.path, "answer": cell.answer}
    if object_id is not None:
        settings["object"] = object_id
    if cell.answer == "timeout":
        settings["seconds"] = 3 * ANSWER_SECONDS
    sandbox.allow()
    sandbox.refuse(**settings)
    with deadline(ANSWER_SECONDS if cell.answer == "timeout" else limits.ANSWER_SECONDS):
        finding = Finding(cell, object_id, account.read(place.streams))
        state = finding.first.state
        for _ in range(3 if place.is_incremental else 0):
            finding.later.append(account.read(place.streams, state))
            state = finding.later[-1].state
    sandbox.allow()
    finding.last = account.read(place.streams, state)
    _judge(finding, healthy)
    return finding


def _judge(finding: Finding, healthy: Healthy) -> None:
    rule = rule_of(finding.cell)
    _compare_others(finding, healthy.first)
    for number, read in enumerate([finding.first, *finding.later], 1):
        name = f"sync {number}"
        _compare_ends(finding, read, name, rule)
        _compare_gaps(finding, read, name, rule)
    _count_requests(finding, healthy)
    _compare_union(finding, healthy.first)


def _compare_ends(finding: Finding, read: Read, name: str, rule: Rule) -> None:
    place, say = finding.cell.place, finding.wrong.append
    for stream in place.streams:
        status, failure_type = (rule.status, rule.failure_type) if stream in place.fields else ("COMPLETE", None)
        is_apart = stream in place.dependents or (stream == NEIGHBOUR and finding.cell.answer == "daily")
        if finding.cell.of_all and is_apart:
            continue
        if read.status(stream) != status:
            say(f"{name}: {stream} is {read.status(stream)}, not {status}")
        if read.errors.get(stream) != failure_type:
            say(f"{name}: the error of {stream} is {read.errors.get(stream)}, not {failure_type}")
    if read.exit_code != (1 if read.errors else 0):
        say(f"{name}: exit code {read.exit_code}")


def _compare_others(finding: Finding, healthy: Read) -> None:
    place, say = finding.cell.place, finding.wrong.append
    for stream in place.streams:
        if stream == GAPS or (stream == NEIGHBOUR not in place.fields and finding.cell.answer == "daily"):
            continue  # which has the label of some
        expected, came = healthy.rows(stream), finding.first.rows(stream)
        if repeated := finding.first.repeated(stream):
            say(f"{stream}: {len(repeated)} rows came twice")
        name = place.fields.get(stream)
        if finding.cell.of_all and name:
            if set(came) - set(expected):
                say(f"{stream}: rows that the account does not have")
            is_said = finding.first.errors.get(stream) or stream in {gap["stream"] for gap in finding.first.gaps}
            is_said = is_said or finding.cell.answer in {*LACKING, "daily"}  # by a warning
            if stream in place.dependents and set(expected) - set(came) and not is_said:
                say(f"{stream}: rows are lost and nothing is said")
            continue
        others = _of_others(expected, name, finding.object_id)
        if _of_others(came, name, finding.object_id) != others:
            finding.others_are_exact = False
            lost = len(others.keys() - came.keys())
            say(f"{stream}: of {len(others)} rows of others {lost} are lost, or some differ")
        own = expected.keys() - others.keys()
        finding.missing += len(own - came.keys())
        if place.is_detail and own - came.keys():
            say(f"{stream}: the listed row of the refused object is lost")


def _of_others(
    rows: Mapping[str, dict[str, Any]], name: str | None, object_id: str | None
) -> dict[str, dict[str, Any]]:
    """Return the rows that are not of the object, by the field that names it."""
    return {key: row for key, row in rows.items() if None in (name, object_id) or str(row.get(str(name))) != object_id}


def _without(rows: Mapping[str, dict[str, Any]], names: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the rows without some columns."""
    return {key: {name: row[name] for name in row if name not in names} for key, row in rows.items()}


def _compare_gaps(finding: Finding, read: Read, name: str, rule: Rule) -> None:
    place, say = finding.cell.place, finding.wrong.append
    gaps = {(gap["stream"], gap["object_type"], gap["object_id"]) for gap in read.gaps}
    if not rule.has_gap:
        gaps = {gap for gap in gaps if gap[0] not in place.dependents}
        if gaps and not rule.failure_type:
            say(f"{name}: gaps where there are none: {sorted(gaps)[:3]}")
        return
    main = next(iter(place.fields))
    if (main, place.object_type, finding.object_id) not in gaps:
        say(f"{name}: no gap of {place.object_type} {finding.object_id} in {main}, but {sorted(gaps)[:3]}")
    if strangers := {gap for gap in gaps if gap[2] != finding.object_id}:
        say(f"{name}: gaps of others: {sorted(strangers)[:3]}")
    for stream in place.fields:
        is_missing = finding.missing and not place.is_detail
        is_silent = is_missing and read is finding.first and stream not in {gap[0] for gap in gaps}
        if is_silent and _lacks_rows(finding, stream):
            say(f"{name}: {stream} lacks rows without a gap")
    warned = [line for line in read.output.warnings() if "lacks what could not be read" in line]
    if len(warned) != len({gap[0] for gap in gaps}):
        say(f"{name}: {len(warned)} warnings for gaps in {len({gap[0] for gap in gaps})} streams")


def _lacks_rows(finding: Finding, stream: str) -> bool:
    last = finding.last
    return last is not None and bool(last.rows(stream).keys() - finding.first.rows(stream).keys())


MORE = 4
"""Requests that one refused object may cost a later sync: its own, and two that tell whether the token is good."""

ATTEMPTS = 12
"""Of one request of an object at fault: six, and six more at the end."""


def _count_requests(finding: Finding, healthy: Healthy) -> None:
    cell, say = finding.cell, finding.wrong.append
    later = [read.requests for read in finding.later]
    if cell.of_all:
        return
    windows = 3
    more = ATTEMPTS * windows if cell.answer in FAULTS else MORE
    for number, requests in enumerate(later, 2):
        if requests > healthy.second.requests + more:
            say(f"sync {number}: {requests} requests, {healthy.second.requests} in health")


def _compare_union(finding: Finding, healthy: Read) -> None:
    assert finding.last is not None
    place, say = finding.cell.place, finding.wrong.append
    if finding.last.output.all_errors() or finding.last.gaps:
        say(f"once Zoom answers: errors {finding.last.errors}, gaps {finding.last.gaps[:3]}")
    reads = [finding.first, *finding.later, finding.last] if place.is_incremental else [finding.last]
    for stream in place.streams:
        if stream == GAPS:
            continue
        rows: dict[str, dict[str, Any]] = {}
        for read in reads if place.fields.get(stream) else [finding.last]:
            rows |= read.rows(stream)
        expected = healthy.rows(stream)
        if place.is_incremental and finding.cell.answer in place.skips:
            name = place.fields.get(stream)
            rows, expected = (_of_others(some, name, finding.object_id) for some in (rows, expected))
        if place in OPTIONAL_LISTS or stream == "webinar_absentees":
            # Whose a session is, and when a webinar was over, is known less well without it, and stays so.
            rows, expected = (_without(some, {"host_id", "webinar_end_time"}) for some in (rows, expected))
        if place.is_optional and finding.cell.of_all and finding.cell.answer not in FAULTS:
            rows, expected = (_without(some, {"dept", "tracking_fields"}) for some in (rows, expected))
        if rows != expected:
            finding.union_is_exact = False
            lost, foreign = len(expected.keys() - rows.keys()), len(rows.keys() - expected.keys())
            differ = sum(rows[key] != expected[key] for key in rows.keys() & expected.keys())
            say(f"union of {stream}: {lost} of {len(expected)} rows lost, {foreign} foreign, {differ} differ")
