"""The list of past sessions that every stream about them follows.

One list of sessions, by window and host, serves every stream about past sessions:

    window - hosts - PastSessions - report_meetings, report_meeting_participants, webinar_absentees ...

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pendulum
from airbyte_cdk.models import SyncMode

from source_zoom.config import ReportHosts
from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import Key, SliceFailure
from source_zoom.errors import Verdict
from source_zoom.session_state import Session
from source_zoom.streams.base import StreamContext, ZoomStream
from source_zoom.streams.history import HistoryMeetings, WindowHistory, as_days, optional
from source_zoom.streams.incremental import (
    WEBINAR,
    HostEnd,
    Kind,
    SessionCursor,
    SessionList,
)
from source_zoom.streams.unreported import UNREPORTED, UnreportedWebinars
from source_zoom.streams.users import InactiveUsers, Users
from source_zoom.streams.webinar_list import WebinarList
from source_zoom.windows import AHEAD_DAYS, Window, clipped, grid, monthly, oldest_served

LOGGER = logging.getLogger("airbyte")

KEY_LIMIT = 5000
"""Sessions that the slowest stream may be behind the list; bounds memory on large accounts."""

LACKS_PLAN = ("200/200", "400/200")
"""Codes of a skip that speaks of the account's plan."""

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
        leaves_refused=True,
    )
    primary_key = "uuid"
    child_keys = {"identity": "uuid", "item": "uuid"}

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.books: list[SessionCursor] = []
        self._webinar_books: list[SessionCursor] = []
        self._unreported_books: list[SessionCursor] = []
        self._users: Iterable[Key] | None = None
        self._users_failure: SliceFailure | None = None
        self._webinars: Iterable[Key] | None = None
        self._webinar_hosts: set[str] | None = None
        self._first = self._last = context.now.date()
        self._unreported = UnreportedWebinars()
        self._active_hosts = ActiveHosts(context)
        self._history = WindowHistory(HistoryMeetings(context))
        self._asks_for_active = context.config.report_hosts is ReportHosts.ACTIVE
        self._active_in: dict[Window, list[tuple[str, str]]] = {}
        self._all_users: list[str] | None = None
        self._listed: dict[str, str] | None = None
        self._lacks_plan = False

    def probe(self) -> bool:
        """Ask for the hosts of today."""
        today = self.context.now.date()
        return optional(self._active_hosts, as_days(today, today), _name_and_email) is not None

    def serve(self, book: SessionCursor, kind: Kind, *, reads_unreported: bool = False) -> None:
        """List what a book needs, too."""
        self.books.append(book)
        if kind is WEBINAR:
            self._webinar_books.append(book)
        if reads_unreported:
            self._unreported_books.append(book)

    @property
    def key_limit(self) -> int | None:
        """Pause while a stream is far behind."""
        return KEY_LIMIT

    @property
    def optional_parent_names(self) -> Sequence[str]:
        """Names of streams whose keys are used where they are read: to save a call, or to know of more sessions."""
        return ("users", "webinar_list", "webinar_instances")

    def follow_optional(self, name: str, keys: Iterable[Key]) -> None:
        """Take their keys."""
        if name == "users":
            self._users = keys
        elif name == "webinar_list":
            self._webinars = keys
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
        try:
            self._unreported.load(self.context.now)
        except SliceFailure as error:
            _hold(self._unreported_books, error)
        self._last = self.context.now.date().add(days=AHEAD_DAYS)
        self._first = min(book.earliest_day() for book in self.books)
        for window in grid(self._first, self._last):
            hosts = self._hosts_of(window) | self._unreported.hosts(window)
            for book in self.books:
                book.open(window, hosts)
            slices = [slice_ for host in sorted(hosts) if (slice_ := self._slice_of(window, host))]
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
            yield {**stream_slice, **as_days(first, stream_slice["last"]), **kind}

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
            return f"running {record['uuid']}", None
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
            # A copy: orjson's own result keeps the eight kilobytes that it was written in.
            row=bytes(memoryview(orjson.dumps(row))),
            joined=joined,
            is_reported=not record.get(UNREPORTED),
        )
        # A session of the day that two windows share is listed in both, and a host may be listed under two
        # names; a stream may need it in any of these places, and reads it once (`SessionState.claim`).
        return session.uuid, (window, session)

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return the end of a host's list."""
        window, host = stream_slice["window"], stream_slice["user_id"]
        self._history.release(window)
        return "end", HostEnd(window, host, error, is_left=self._lacks_plan)

    def _slice_of(self, window: Window, host: str) -> Mapping[str, Any] | None:
        needs = [need for book in self.books if (need := book.need(window, host))]
        if not needs:
            return None
        first = min(need.first for need in needs)
        return {"user_id": host, "window": window, "first": first, "last": min(window.last, self._last)}

    def _hosts_of(self, window: Window) -> set[str]:
        """Return the hosts to ask in a window: all who were active, or only those whose days are missing."""
        missing = set().union(*(book.hosts(window) for book in self.books))
        firsts = [first for book in self.books if (first := book.first_day(window))]
        if not firsts:
            if missing:
                self._file(self._history.load(window, clipped(window, window.first, self._last)), {})
            return missing
        days = Window(min(firsts), min(window.last, self._last))
        held = self._history.load(window, days if not missing else clipped(window, window.first, self._last))
        active = self._active(days)
        every_user = set(self._every_user()) if active is None else set()
        in_history = self._file(held, {email: id_ for id_, email in active or () if id_})
        if active is None:
            return missing | every_user
        active_hosts = {id_ or self._ids_of_listed().get(email, email) for id_, email in active}
        return missing | active_hosts | in_history | self._hosts_of_webinars()

    def _file(self, held: Mapping[str, list[dict[str, Any]]], ids: Mapping[str, str]) -> set[str]:
        """Keep the history's webinars under the name of their host; return the names of its hosts."""
        names = {**self._ids_of_listed(), **ids}
        for email, webinars in held.items():
            self._unreported.add(names.get(email, email), webinars)
        return {names.get(email, email) for email in held}

    def _hosts_of_webinars(self) -> set[str]:
        """Return who may have held webinars without being active, which speaks of meetings: only the history knows.

        Where it is not open: the owners of listed webinars, and whoever was active at any time.
        """
        if self._history.is_available or not self._webinar_books:
            return set()
        if self._webinar_hosts is None:
            hosts: set[str] = set()
            try:
                hosts = self._owners()
            except SliceFailure as error:
                _hold(self._webinar_books, error)
            for window in grid(self._first, self._last):
                active = self._active(clipped(window, self._first, self._last))
                hosts |= {id_ or email for id_, email in active or ()}
            self._webinar_hosts = hosts
        return self._webinar_hosts

    def _owners(self) -> set[str]:
        """Return the owners of listed webinars.

        :raises SliceFailure: if a list could not be read
        """
        if self._webinars is None:
            webinars = WebinarList(self.context, Users(self.context))
            webinars.follow((user, None) for user in self._every_user())
            self._webinars = webinars.keys_one_after_another()
        return {str(host_id) for _, host_id, *_ in self._webinars}

    def _active(self, days: Window) -> list[tuple[str, str]] | None:
        """Return id and e-mail of the hosts who were active, None if every user is to be asked."""
        if not self._asks_for_active:
            return None
        oldest = oldest_served(pendulum.now("UTC"))
        first, last = max(days.first.subtract(days=1), oldest), max(days.last.add(days=1), oldest)
        parts = list(monthly(first, last))
        # Neighbouring windows can end and begin with the same days, which are asked for once.
        for part in parts:
            if part in self._active_in:
                continue
            rows = optional(self._active_hosts, as_days(part.first, part.last), _name_and_email)
            if rows is None:
                LOGGER.warning("Zoom does not tell which hosts were active, so every user is asked.")
                self._asks_for_active = False
                return None
            self._active_in[part] = rows
        return [pair for part in parts for pair in self._active_in[part]]

    def _every_user(self) -> list[str]:
        """Return every user, active and inactive: a deactivated host's sessions still exist."""
        if self._all_users is None:
            if self._users is None:
                self._users = Users(self.context).keys_one_after_another()
            ids = self._ids_of_listed()
            if self._users_failure:
                raise self._users_failure
            inactive = InactiveUsers(self.context).keys_one_after_another()
            self._all_users = [*ids.values(), *(str(key[0]) for key in inactive)]
        return self._all_users

    def _ids_of_listed(self) -> dict[str, str]:
        """Return the ids of the users where they are read anyway, by e-mail address: a host has one name.

        Where their list fails, a host goes by the e-mail address, which Zoom takes too.
        """
        if self._listed is None and self._users is not None:
            self._listed = {}
            try:
                for id_, email in self._users:
                    self._listed[str(id_) if email is None else str(email).lower() or str(id_)] = str(id_)
            except SliceFailure as error:
                self._users_failure = error
        return self._listed or {}


def _name_and_email(host: Mapping[str, Any]) -> tuple[str, str]:
    return host.get("id") or "", (host.get("email") or "").lower()


def _hold(books: Iterable[SessionCursor], error: Exception) -> None:
    """Hold the books that a fault concerns; the other streams go on."""
    for book in books:
        book.hold(error)
