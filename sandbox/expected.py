"""What a complete and exact connector delivers: what is found by asking every endpoint about everything there is.

Nothing here knows pages, windows or filters, so that no mistake about them can be here as well as in a connector.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, NamedTuple

from sandbox.areas.past import INSTANCES
from sandbox.areas.reports import ACTIVE_HOSTS, HISTORY, MEETING_REPORT, WEBINAR_REPORT, active_sessions
from sandbox.faults import MEETING_LIST, USER_REPORT, WEBINAR_LIST, FaultPlan
from sandbox.gateway import Rules
from sandbox.messages import Request, ZoomError
from sandbox.routing import Call, Listing, Route
from sandbox.shaped import TABLE
from sandbox.shaped_rows import ROWS, Rows, Table
from sandbox.world import World
from sandbox.world.meetings import PER_OCCURRENCE
from sandbox.world.registrants import STATUSES
from sandbox.world.reports import meeting_report_row, user_report_row
from sandbox.world.sessions import Session

Key = tuple[str | int, ...]
Row = dict[str, Any]


class Stream(NamedTuple):
    """A stream: its primary key, and how its endpoint is asked."""

    key: tuple[str, ...]
    template: str
    of: str = ""
    """The column that tells in each row what the path names."""
    records: str = ""
    """The array with the rows, where an answer without pages is not itself the row."""
    queries: Sequence[Mapping[str, Any]] = ({},)


def _both(kind: str) -> dict[str, Stream]:
    """Return the streams that there are of meetings as well as of webinars."""
    id_, uuid = f"{kind}_id", f"{kind}_uuid"
    one, past, report = (f"/{area}{kind}s/{{{kind}Id}}" for area in ("", "past_", "report/"))
    return {
        f"{kind}s": Stream(("uuid",), one, id_, queries=[{"show_previous_occurrences": True}]),
        f"{kind}_registrants": Stream((id_, "id", "occurrence_id"), f"{one}/registrants", id_),
        f"{kind}_questions": Stream((id_,), f"{one}/registrants/questions", id_),
        f"{kind}_polls": Stream((id_, "id"), f"{one}/polls", id_, "polls"),
        f"report_{kind}s": Stream(("uuid",), report, uuid),
        f"report_{kind}_participants": Stream(
            (uuid, "row_id"), f"{report}/participants", uuid, queries=[{"include_fields": "registrant_id"}]
        ),
        f"{kind}_poll_results": Stream((uuid, "response_id"), f"{past}/polls", uuid, "questions"),
    }


_USERS = {"include_fields": "custom_attributes"}
_STREAMS: Mapping[str, Stream] = {
    "users": Stream(("id",), "/users", queries=[{**_USERS, "status": one} for one in ("active", "inactive")]),
    "pending_users": Stream(("email",), "/users", queries=[{**_USERS, "status": "pending"}]),
    **_both("meeting"),
    **_both("webinar"),
    "webinar_panelists": Stream(("webinar_id", "id"), "/webinars/{webinarId}/panelists", "webinar_id", "panelists"),
    "webinar_tracking_sources": Stream(
        ("webinar_id", "id"), "/webinars/{webinarId}/tracking_sources", "webinar_id", "tracking_sources"
    ),
    "webinar_qna_results": Stream(
        ("webinar_uuid", "response_id"), "/past_webinars/{webinarId}/qa", "webinar_uuid", "questions"
    ),
    "webinar_absentees": Stream(("webinar_uuid", "id"), "/past_webinars/{webinarId}/absentees", "webinar_uuid"),
}
_DATE_TIMES = frozenset({"complete_time", "created_at", "start_time", "end_date_time", "create_time"})
"""Where one of these is empty, a connector has null."""

PRIMARY_KEYS: Mapping[str, tuple[str, ...]] = {
    **{name: stream.key for name, stream in _STREAMS.items()},
    **{name: line.primary_key for name, line in TABLE.items()},
}
"""A connector makes ``row_id`` and ``response_id``."""
COUNTED_BY_SESSION: Mapping[str, tuple[str, str]] = {
    name: (key[0], "number of rows") for name, key in PRIMARY_KEYS.items() if key[1:] in {("row_id",), ("response_id",)}
}
"""What stands for the keys of streams whose keys hold a digest; sessions without rows are left out."""


@dataclass(frozen=True)
class Reading:
    """How a connector reads past sessions."""

    one_participant: bool = False
    """Sessions of one participant too."""
    since: date | None = None
    """The first UTC day."""
    all_hosts: bool = False
    """The reports of all users, not only those of active hosts."""


DEFAULT_READING = Reading()


class Expected:
    """Rows by stream. What a scope or a lasting fault keeps from being read is not among them."""

    def __init__(self, routes: tuple[Route, ...], world: World, rules: Rules, faults: FaultPlan, lines: Table) -> None:
        """Take the endpoints, the account, what cannot be read of it, and the table of streams of one line."""
        self._routes = {route.template: route for route in routes}
        self._world = world
        self._rules = rules
        self._faults = faults
        self._lines = lines

    def keys(self, stream: str, reading: Reading = DEFAULT_READING) -> Iterator[Key]:
        """Yield the primary key of every row; raises KeyError for a stream that is not known.

        For participants and for poll and Q&A results, each session's UUID with the number of its rows; for rows
        without any key of Zoom's, what ``numbered`` makes of them.
        """
        key, rows = PRIMARY_KEYS[stream], self.rows(stream, reading)
        if stream in COUNTED_BY_SESSION:
            return iter(Counter(row[key[0]] for row in rows).items())
        return numbered(rows) if key == ("row_id",) else (tuple(row[column] for column in key) for row in rows)

    def rows(self, stream: str, reading: Reading = DEFAULT_READING) -> Iterator[Row]:
        """Yield every row; raises KeyError for a stream that is not known."""
        if stream in TABLE:
            return map(_without_empty_times, self._made(stream))
        line = _STREAMS[stream]
        rows: Iterator[Row]
        if not line.of:
            rows = (row for query in line.queries for row in self._found(line.template, **query))
        elif line.of in {"meeting_id", "webinar_id"}:
            registers = stream.endswith("_registrants")
            rows = self._registrants(line) if registers else self._each(line, self._scheduled(line.of))
        elif line.template in {MEETING_REPORT, WEBINAR_REPORT}:
            rows = (row for session in self._past(stream, reading) for row in self._reported(session))
        else:
            rows = self._each(line, (session.uuid for session in self._past(stream, reading)))
        return map(_without_empty_times, rows)

    # Asking

    def _call(self, template: str, value: str, **query: Any) -> Call | None:
        """Return a call about what the path is to name; None if a scope or a lasting fault keeps it from being made."""
        route = self._routes[template]
        path = route.path(value)
        call = Call(route, route.match(path) or {}, {**route.read_query({}), **query}, None, self._world)
        request = Request("GET", path, {})
        is_blocked = self._faults.reply_instead(call, request) or self._faults.repeats_page_token(route, request)
        return call if self._rules.grants(route) and not is_blocked else None

    def _ask(self, template: str, value: str = "", **query: Any) -> Listing | Row | None:
        """Return an endpoint's answer; None if it is a refusal."""
        call = self._call(template, value, **query)
        try:
            return call.route.answer(call) if call else None
        except ZoomError:
            return None

    def _found(self, template: str, value: str = "", records: str = "", **query: Any) -> Sequence[Row]:
        """Return the rows of an answer, none if it is a refusal."""
        answer = self._ask(template, value, **query)
        if isinstance(answer, Listing):
            return answer.rows(0, answer.total)
        rows: Sequence[Row] = [] if answer is None else answer[records] if records else [answer]
        return rows

    def _each(self, line: Stream, values: Iterable[str]) -> Iterator[Row]:
        for value in values:
            for query in line.queries:
                for row in self._found(line.template, value, line.records, **query):
                    yield {**row, line.of: value}

    # Meetings and webinars as they were scheduled

    def _scheduled(self, column: str) -> Iterable[str]:
        """Return the ids in the lists of all active users, each once."""
        template = MEETING_LIST if column == "meeting_id" else WEBINAR_LIST
        lists = (self._found(template, user["id"]) for user in self._found("/users"))
        return dict.fromkeys(str(row["id"]) for rows in lists for row in rows)

    def _registrants(self, line: Stream) -> Iterator[Row]:
        """Yield all registrants, and those of each occurrence where people register for each."""
        template = line.template.removesuffix("/registrants")
        for id_ in self._scheduled(line.of):
            details = self._found(template, id_, show_previous_occurrences=True)
            series = (one for one in details if one["settings"].get("registration_type") == PER_OCCURRENCE)
            each = (part["occurrence_id"] for one in series for part in one.get("occurrences", ()))
            for occurrence in (None, *each):
                for status in STATUSES:
                    for row in self._found(line.template, id_, status=status, occurrence_id=occurrence):
                        yield {**row, line.of: id_, "occurrence_id": occurrence or ""}

    # Past sessions

    def _past(self, stream: str, reading: Reading) -> Iterator[Session]:
        """Yield the meetings or webinars that are listed: in a host's report, the history, or as a webinar's instances.

        The history alone names those of the host who is gone.
        """
        hosts, has_history, gone = self._hosts(reading), self._answers(HISTORY), self._world.oddities.gone_user
        instances = self._instances() if stream == "webinar_absentees" else frozenset()
        for session in self._world.sessions.reached():
            is_alone = session.participants == 1 and reading.one_participant
            is_listed = session.host in hosts and (session.is_reported or is_alone)
            is_named = session.host == gone and session.is_reported and has_history
            is_early = reading.since is not None and session.start.date() < reading.since
            is_asked_for = session.is_webinar == ("webinar" in stream) and not is_early
            if is_asked_for and (is_listed or is_named or session.uuid in instances):
                yield session

    def _hosts(self, reading: Reading) -> frozenset[int]:
        """Return the users whose reports can be read, of those whom a connector of these settings asks for."""
        world, has_users = self._world, self._answers("/users")
        hosts = {*world.users("active"), *world.users("inactive")}
        if reading.all_hosts or not self._answers(ACTIVE_HOSTS):
            hosts = hosts if has_users else set()
        elif not self._answers(HISTORY):
            owners = {one for one in world.users("active") if self._found(WEBINAR_LIST, world.user(one).id)}
            hosts = {*active_sessions(world, [*world.sessions.reached()]), *(owners if has_users else ())}
        return frozenset(host for host in hosts if self._answers(USER_REPORT, world.user(host).id))

    def _answers(self, template: str, value: str = "") -> bool:
        """Tell whether an endpoint answers; one about days is asked for a day that has begun in every zone."""
        day = (self._world.sessions.now - timedelta(days=1)).date()
        return self._ask(template, value, **{"from": day, "to": day}) is not None

    def _instances(self) -> frozenset[str]:
        """Return the UUIDs of the sessions of all scheduled webinars."""
        lists = (self._found(INSTANCES, id_, "webinars") for id_ in self._scheduled("webinar_id"))
        return frozenset(row["uuid"] for rows in lists for row in rows)

    def _reported(self, session: Session) -> Iterator[Row]:
        """Yield a session's row: a meeting's is that of its host's report, with what the history or a detail adds."""
        if session.is_webinar:
            yield from ({**row, "webinar_id": str(row["id"])} for row in self._found(WEBINAR_REPORT, session.uuid))
        elif session.host != self._world.oddities.gone_user:
            row = user_report_row(self._world, session, self._world.user(session.host))
            if self._found(MEETING_REPORT, session.uuid) or self._answers(HISTORY):
                detail = meeting_report_row(self._world, session)
                row |= {name: detail[name] for name in ("dept", "tracking_fields")}
            yield {**row, "meeting_id": str(session.meeting_id)}

    # Streams of one table line

    def _made(self, stream: str) -> Iterator[Row]:
        """Yield all rows made so far, also those that the endpoint no longer serves, with the columns carried."""
        rows = Rows(self._lines, stream, self._world)
        carried = rows.line.carries
        for number in rows.all() if self._is_open(rows) else ():
            parent = rows.parents.row(number // ROWS) if rows.parents and carried else {}
            yield {**rows.row(number), **{name: parent.get(column) for name, column in carried.items()}}

    def _is_open(self, rows: Rows) -> bool:
        line = rows.line
        is_open = line.needs not in self._world.without and self._call(line.template, "any") is not None
        return is_open and (rows.parents is None or self._is_open(rows.parents))


def numbered(rows: Iterable[Row]) -> Iterator[Key]:
    """Yield each row as JSON, with its number among those that are equal to it, from 0."""
    seen: Counter[str] = Counter()
    for row in rows:
        text = json.dumps(row, sort_keys=True)
        yield text, seen[text]
        seen[text] += 1


def _without_empty_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: None if name in _DATE_TIMES and part == "" else _without_empty_times(part)
            for name, part in value.items()
        }
    return [_without_empty_times(part) for part in value] if isinstance(value, list) else value
