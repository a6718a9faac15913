"""The list of past sessions that every stream about them follows.

One list of sessions, by window and host, serves every stream about past sessions:

    window - hosts - PastSessions - report_meetings, report_meeting_participants, webinar_absentees ...

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson
import pendulum
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.config import ReportHosts
from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import Key, SliceFailure, StreamStopped
from source_zoom.errors import SCOPE_KIND, Verdict
from source_zoom.session_state import TIME_FORMAT, Session
from source_zoom.streams.base import StreamContext, ZoomStream
from source_zoom.streams.incremental import (
    HostEnd,
    SessionCursor,
    SessionList,
)
from source_zoom.streams.users import InactiveUsers, Users
from source_zoom.windows import AHEAD_DAYS, Window, clipped, grid, monthly, oldest_served

LOGGER = logging.getLogger("airbyte")

KEY_LIMIT = 5000
"""Sessions that the slowest stream may be behind the list; bounds memory on large accounts."""

WEBINAR_TYPE = 5

UNREPORTED = "source_zoom_unreported"
"""Marks a listed session that no report has; such records do not leave the connector."""

LACKS_PLAN = ("200/200", "400/200")
"""Codes of a skip that speaks of the account's plan."""

REFUSED_PARAMETER = "400/300"

JOINED_COLUMNS = ("dept", "tracking_fields")


class ActiveHosts(ZoomStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users."""

    internal = True
    endpoint = Endpoint(
        "report/users",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_users:admin"),
        records="users",
        page_size=300,
        params={"type": "active"},
        slice_params=("from", "to"),
        needs="Pro plan",
        skips=frozenset({200}),
    )
    primary_key = None

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a host as he is; some have no id, but an e-mail address serves as well."""
        if not record.get("id") and not record.get("email"):
            raise ValueError("it has neither 'id' nor 'email'")
        return record  # type: ignore[no-any-return]


class HistoryMeetings(ZoomStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/history_meetings."""

    internal = True
    endpoint = Endpoint(
        "report/history_meetings",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_history_meetings:admin"),
        records="history_meetings",
        page_size=300,
        params={"meeting_type": "all"},
        slice_params=("from", "to"),
        skips=frozenset({200}),
    )
    primary_key = "meeting_uuid"


class SmallHistoryMeetings(HistoryMeetings):
    """The same in pages of 30: Zoom does not publish how large a page may be."""

    endpoint = replace(HistoryMeetings.endpoint, page_size=30)


class PastSessions(SessionList):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users/{userId}/meetings.

    Its slices are the hosts of each window. It is read once for all streams about past sessions that
    were selected; each says through its book which days of which host it needs.
    """

    internal = True
    endpoint = Endpoint(
        "report/users/{user_id}/meetings",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:user:admin"),
        records="meetings",
        page_size=300,
        slice_params=("from", "to"),
        variants=({"type": "past"},),
        needs="Pro plan",
        skips=frozenset({200, 1001, 1010, 1120, 3161}),
    )
    primary_key = "uuid"
    child_keys = {"identity": "uuid", "item": "uuid"}

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.books: list[SessionCursor] = []
        self._users: Iterable[Key] | None = None
        self._unreported = UnreportedWebinars()
        self._active_hosts = ActiveHosts(context)
        self._history = WindowHistory(HistoryMeetings(context))
        self._asks_for_active = context.config.report_hosts is ReportHosts.ACTIVE
        self._active_in: dict[Window, list[tuple[str, str]]] = {}
        self._all_users: list[str] | None = None
        self._lacks_plan = False

    def probe(self) -> bool:
        """Ask for the hosts of today."""
        today = self.context.now.date()
        return optional(self._active_hosts, _days(today, today)) is not None

    def serve(self, book: SessionCursor) -> None:
        """List what a book needs, too."""
        self.books.append(book)

    @property
    def key_limit(self) -> int | None:
        """Pause while a stream is far behind."""
        return KEY_LIMIT

    @property
    def optional_parent_names(self) -> Sequence[str]:
        """Names of streams whose keys are used where they are read: to save a call, or to know of more sessions."""
        return ("users", "webinar_instances")

    def follow_optional(self, name: str, keys: Iterable[Key]) -> None:
        """Take their keys."""
        if name == "users":
            self._users = keys
        else:
            self._unreported = UnreportedWebinars(keys)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the hosts of each window, oldest first, with the days that are needed of them."""
        self._unreported.load(self.context.now)
        last = self.context.now.date().add(days=AHEAD_DAYS)
        first = min(book.earliest_day() for book in self.books)
        for window in grid(first, last):
            hosts = self._hosts_of(window, last) | self._unreported.hosts(window)
            for book in self.books:
                book.open(window, hosts)
            slices = [slice_ for host in sorted(hosts) if (slice_ := self._slice_of(window, host, last))]
            self._history.expect(window, len(slices))
            yield from slices

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the reads of a host's days, as far as Zoom still serves them."""
        if self._lacks_plan:
            return
        first = max(stream_slice["first"], oldest_served(pendulum.now("UTC")))
        if first > stream_slice["last"]:
            self.warn_once("expired", f"Stream {self.name}: Zoom does not serve days before {first} any more.")
            return
        kinds = [{"type": "past"}]
        if self.context.config.include_one_participant_sessions:
            kinds.append({"type": "pastOne"})
        for kind in kinds:
            yield {**stream_slice, **_days(first, stream_slice["last"]), **kind}

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; without the plan for reports nobody else is asked, and nothing counts as read."""
        super().note_skip(verdict, stream_slice)
        self._lacks_plan = self._lacks_plan or verdict.code in LACKS_PLAN

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a host's sessions, then those of the host's webinars that the list did not have."""
        listed: set[str] = set()
        for record in super().read_records(sync_mode, stream_slice=stream_slice):
            listed.add(record["uuid"])
            yield record
        for record in self._unreported.of(stream_slice or {}):
            if record["uuid"] not in listed:
                yield record

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave the record as it is; the streams that read of it complete what they emit."""
        return record  # type: ignore[no-any-return]

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return a session that has ended; one that goes on will be listed again."""
        window, host = stream_slice["window"], stream_slice["user_id"]
        if not record.get("end_time"):
            return f"running {window.key} {record['uuid']}", None
        row, joined = self._history.join(window, record)
        session = Session(
            uuid=record["uuid"],
            host_id=host,
            meeting_id=str(record["id"]),
            type=int(record.get("type") or 0),
            start_time=record.get("start_time") or record["end_time"],
            end_time=record["end_time"],
            fingerprint="|".join(
                str(record.get(name)) for name in ("end_time", "participants_count", "total_minutes", "duration")
            ),
            row=orjson.dumps(row),
            joined=joined,
            is_reported=not record.get(UNREPORTED),
        )
        # A session of the day that two windows share is listed in both; a stream may need it in either.
        return f"{window.key} {session.uuid}", (window, session)

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return the end of a host's list."""
        window, host = stream_slice["window"], stream_slice["user_id"]
        self._history.release(window)
        return f"end {window.key} {host}", HostEnd(window, host, error, is_left=self._lacks_plan)

    def _slice_of(self, window: Window, host: str, last: pendulum.Date) -> Mapping[str, Any] | None:
        needs = [need for book in self.books if (need := book.need(window, host))]
        if not needs:
            return None
        first = min(need.first for need in needs)
        return {"user_id": host, "window": window, "first": first, "last": min(window.last, last)}

    def _hosts_of(self, window: Window, last: pendulum.Date) -> set[str]:
        """Return the hosts to ask in a window: all who were active, or only those whose days are missing."""
        missing = set().union(*(book.hosts(window) for book in self.books))
        firsts = [first for book in self.books if (first := book.first_day(window))]
        if not firsts:
            if missing:
                self._history.load(window, clipped(window, window.first, last))
            return missing
        days = Window(min(firsts), min(window.last, last))
        held = self._history.load(window, days if not missing else clipped(window, window.first, last))
        active = self._active(days)
        known = {email.lower(): id_ or email for id_, email in active or ()}
        for email, webinars in held.items():
            self._unreported.add(known.get(email, email), webinars)
        if active is None:
            return missing | set(self._every_user())
        return missing | {id_ or email for id_, email in active} | (held.keys() - known.keys())

    def _active(self, days: Window) -> list[tuple[str, str]] | None:
        """Return id and e-mail of the hosts who were active, None if every user is to be asked."""
        if not self._asks_for_active:
            return None
        oldest = oldest_served(pendulum.now("UTC"))
        first, last = max(days.first.subtract(days=1), oldest), max(days.last.add(days=1), oldest)
        parts = list(monthly(first, last))
        # Neighbouring windows can end and begin with the same days, which are asked for once.
        self._active_in = {part: hosts for part, hosts in self._active_in.items() if part in parts}
        for part in parts:
            if part in self._active_in:
                continue
            rows = optional(self._active_hosts, _days(part.first, part.last))
            if rows is None:
                LOGGER.warning("Zoom does not tell which hosts were active, so every user is asked.")
                self._asks_for_active = False
                return None
            self._active_in[part] = [(row.get("id") or "", row.get("email") or "") for row in rows]
        return [pair for part in parts for pair in self._active_in[part]]

    def _every_user(self) -> list[str]:
        """Return every user, active and inactive: a deactivated host's sessions still exist."""
        if self._all_users is None:
            active: Iterable[Any] = (
                (key[0] for key in self._users)
                if self._users is not None
                else (row["id"] for row in Users(self.context).read_records(SyncMode.full_refresh, stream_slice={}))
            )
            inactive = InactiveUsers(self.context).read_records(SyncMode.full_refresh, stream_slice={})
            self._all_users = [*active, *(row["id"] for row in inactive)]
        return self._all_users


def _unreported(uuid: str, webinar_id: str, start_time: str, end_time: str) -> dict[str, Any]:
    """Return a webinar in the form of a listed session."""
    times = {"start_time": start_time, "end_time": end_time}
    return {"uuid": uuid, "id": webinar_id, "type": WEBINAR_TYPE, **times, UNREPORTED: True}


class UnreportedWebinars:
    """Past webinars that the hosts' reports may lack, as nobody attended: known by instance or from the history.

    :param keys: of the instances of every listed webinar; None where no stream wants such webinars
    """

    def __init__(self, keys: Iterable[Key] | None = None) -> None:
        self._keys = keys
        self._by_host: dict[str, list[dict[str, Any]]] = {}

    def load(self, now: pendulum.DateTime) -> None:
        """Read the keys to their end.

        :raises SliceFailure: if an instance could be missing
        """
        for uuid, webinar_id, host_id, start_time, minutes in self._keys or ():
            start = pendulum.parse(str(start_time)) if start_time is not None else None
            if not isinstance(start, pendulum.DateTime):
                raise SliceFailure(
                    f"An instance of webinar {webinar_id} has no start time.",
                    kind="instance without start",
                    failure_type=FailureType.system_error,
                )
            # When it ended is not said; it was planned to last so long.
            end = min(start.add(minutes=minutes if isinstance(minutes, int) else 0), now)
            if start <= now:
                times = (moment.in_timezone("UTC").format(TIME_FORMAT) for moment in (start, end))
                self.add(str(host_id), [_unreported(str(uuid), str(webinar_id), *times)])

    def add(self, host: str, webinars: list[dict[str, Any]]) -> None:
        """Add webinars of a host, if any stream wants them."""
        if self._keys is not None and webinars:
            self._by_host.setdefault(host, []).extend(webinars)

    def hosts(self, window: Window) -> set[str]:
        """Return the hosts of webinars that began in a window."""
        return {host for host, rows in self._by_host.items() if any(_began_in(row, window) for row in rows)}

    def of(self, stream_slice: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return the webinars of a slice's host that began in its window."""
        rows = self._by_host.get(stream_slice.get("user_id", ""), [])
        return [row for row in rows if _began_in(row, stream_slice["window"])]


def _began_in(row: Mapping[str, Any], window: Window) -> bool:
    day = str(row["start_time"])[:10]
    return window.first.to_date_string() <= day <= window.last.to_date_string()


class WindowHistory:
    """What the account-wide history adds to the sessions of a window, kept while the window is listed.

    The history is optional: its scope may be missing, and one-participant sessions may not be in it.
    """

    def __init__(self, stream: HistoryMeetings) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows: dict[Window, dict[str, dict[str, Any]]] = {}
        self._listing: Counter[Window] = Counter()
        self._available = True

    def load(self, window: Window, days: Window) -> dict[str, list[dict[str, Any]]]:
        """Read the history of some days of a window.

        :return: the e-mail addresses of its hosts, each with the webinars it names, as sessions
        """
        held: dict[str, list[dict[str, Any]]] = {}
        columns: dict[str, dict[str, Any]] = {}
        first = max(days.first, oldest_served(pendulum.now("UTC")))
        for part in monthly(first, max(first, days.last)):
            rows = self._read(_days(part.first, part.last)) if self._available else None
            if rows is None:
                if self._available:
                    LOGGER.info(
                        "The account's history of meetings is not open to the app: each is asked for its details."
                    )
                self._available = False
                return {}
            for row in rows:
                columns[row["meeting_uuid"]] = {
                    "dept": row.get("department") or "",
                    "tracking_fields": row.get("tracking_fields") or [],
                }
                webinars = held.setdefault(str(row.get("host_email") or "").lower(), [])
                if str(row.get("type")).lower() == "webinar" and row.get("start_time") and row.get("end_time"):
                    webinars.append(
                        _unreported(row["meeting_uuid"], row["meeting_id"], row["start_time"], row["end_time"])
                    )
        with self._lock:
            self._rows[window] = columns
        held.pop("", None)
        return held

    def _read(self, days: Mapping[str, str]) -> list[Mapping[str, Any]] | None:
        try:
            return optional(self._stream, days)
        except SliceFailure as error:
            if error.kind != REFUSED_PARAMETER or isinstance(self._stream, SmallHistoryMeetings):
                raise
            self._stream = SmallHistoryMeetings(self._stream.context)
            return self._read(days)

    def expect(self, window: Window, slices: int) -> None:
        """Say how many slices of a window will be listed."""
        with self._lock:
            self._listing[window] = slices
            if not slices:
                self._rows.pop(window, None)

    def join(self, window: Window, row: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return a listed row with the columns of the history, and whether it had any."""
        with self._lock:
            columns = self._rows.get(window, {}).get(row["uuid"])
        return {**row, **(columns or {})}, columns is not None

    def release(self, window: Window) -> None:
        """Count a slice as listed; the last one of a window lets its history go."""
        with self._lock:
            self._listing[window] -= 1
            if self._listing[window] <= 0:
                self._rows.pop(window, None)


def optional(stream: ZoomStream, slice_: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """Return all rows of an endpoint that not every account may call, None if this one may not.

    :raises SliceFailure: if the endpoint may be called but does not answer
    """
    try:
        rows = list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))
    except StreamStopped as error:
        if error.kind == SCOPE_KIND:
            return None
        raise
    return None if stream.closing_line() else rows


def _days(first: pendulum.Date, last: pendulum.Date) -> dict[str, str]:
    return {"from": first.to_date_string(), "to": last.to_date_string()}
