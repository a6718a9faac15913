"""The list of past sessions that every stream about them follows.

One list of sessions, by window and host, serves every stream about past sessions:

    window - hosts - PastSessions - report_meetings, report_meeting_participants, webinar_absentees ...

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import orjson
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.answers import Verdict
from source_zoom.config import ReportHosts
from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import FeedReader, Key, Loss, SliceFailure, StreamStopped
from source_zoom.meanings import Meaning
from source_zoom.session_state import ASKED_AGAIN, TIME_FORMAT, USER_PREFIX, Session
from source_zoom.streams.base import REFUSED, UNUSABLE, StreamContext, is_of_list
from source_zoom.streams.history import (
    FROM_HISTORY,
    HistoryMeetings,
    OptionalList,
    WindowHistory,
    as_days,
    optional,
)
from source_zoom.streams.incremental import (
    WEBINAR,
    HostEnd,
    Kind,
    SessionCursor,
    SessionList,
    cause_of,
)
from source_zoom.streams.unreported import UNREPORTED, UnreportedWebinars, moment_of
from source_zoom.streams.users import Users
from source_zoom.streams.webinar_list import WebinarList
from source_zoom.windows import Window, clipped, grid, last_asked, monthly

LOGGER = logging.getLogger("airbyte")

KEY_LIMIT = 5000
"""Sessions that the slowest stream may be behind the list; bounds memory on large accounts."""

PROBED_DAYS = 2
"""Days of a host who was refused before that are asked for, to see whether that has changed."""

TRANSIENT = FailureType.transient_error

MOST_FAULTS = 3
"""Webinars at fault that may be more than those that were read, before it is the list that is at fault."""

JOINED_COLUMNS = ("dept", "tracking_fields")


class ActiveHosts(OptionalList):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users."""

    without_it = "Zoom does not tell which hosts were active, so every user is asked."
    endpoint = Endpoint(
        "report/users",
        label=RateLabel.HEAVY,
        scopes=Scopes("report:read:admin", "report:read:list_users:admin"),
        records="users",
        page_size=300,
        params={"type": "active"},
        slice_params=("from", "to"),
        needs="Pro plan",
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
        skips=Meaning.USER_GONE | Meaning.NO_HOSTING,
    )
    primary_key = "uuid"
    child_keys = {"identity": "uuid", "item": "uuid"}

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.books: list[SessionCursor] = []
        self._webinar_books: list[SessionCursor] = []
        self._unreported_books: list[SessionCursor] = []
        self._users: FeedReader | None = None
        self._users_failure: SliceFailure | None = None
        self._webinars: FeedReader | None = None
        self._webinar_hosts: set[str] | None = None
        self._first = self._last = context.now.date()
        self._unreported = UnreportedWebinars()
        self._active_hosts = ActiveHosts(context)
        self._history = WindowHistory(HistoryMeetings(context))
        self._asks_for_active = context.config.report_hosts is ReportHosts.ACTIVE
        self._active_in: dict[Window, list[tuple[str, str]]] = {}
        self._are_active_unknown = False
        self._all_users: list[str] | None = None
        self._listed: dict[str, str] | None = None
        self._user_ids: list[str] = []
        self._emails: dict[str, set[str]] = {}
        """E-mail addresses under which the history may name a host."""
        self._gone: set[str] = set()

    def probe(self) -> bool:
        """Ask for the hosts of today."""
        today = self.context.now.date()
        return optional(self._active_hosts, Window(today, today), _name_and_email) is not None

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

    def follow_optional(self, name: str, keys: FeedReader) -> None:
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
        self._load_unreported()
        self._ask_refused_again()
        self._last = self.context.now.date()
        self._first = min(book.earliest_day() for book in self.books)
        for window in grid(self._first, self._last):
            hosts = self._hosts_of(window) | self._unreported.hosts(window)
            for book in self.books:
                book.open(window, hosts)
            slices = [slice_ for host in sorted(hosts) if (slice_ := self._slice_of(window, host))]
            self._history.expect(window, len(slices))
            yield from slices

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the reads of a host's days: of sessions, and if wanted of those with one participant."""
        yield {**stream_slice, "type": "past"}
        if self.context.config.include_one_participant_sessions:
            yield {**stream_slice, "type": "pastOne"}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield a host's sessions as far as Zoom serves the days, then those that the list did not have."""
        host_slice = stream_slice or {}
        days = Window(host_slice["first"], host_slice["last"])
        if days.last < self.context.served.first():
            first = self.context.served.first()
            self.warn_once("expired", f"Stream {self.name}: Zoom does not serve days before {first} any more.")
            return
        listed: set[str] = set()
        unusable: SliceFailure | None = None
        try:
            for record in self.context.served.read(days, lambda served: self._listed_in(host_slice, served)):
                listed.add(record["uuid"])
                yield record
        except SliceFailure as error:
            if error.kind != UNUSABLE:
                raise
            unusable = error
        others = self._unreported.of(host_slice)
        if host_slice["user_id"] in self._gone:
            emails = self._emails.get(host_slice["user_id"], {host_slice["user_id"].lower()})
            others = [*self._history.of_host(host_slice["window"], emails), *others]
        for record in others:
            if record["uuid"] not in listed:
                listed.add(record["uuid"])
                yield record
        if unusable is not None:
            raise unusable

    def _listed_in(self, host_slice: Mapping[str, Any], days: Window) -> Iterator[Mapping[str, Any]]:
        return super().read_records(SyncMode.full_refresh, stream_slice={**host_slice, **as_days(days)})

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a host whose sessions are not listed; those of one who is gone may be in the history."""
        super().note_skip(verdict, stream_slice)
        self._gone.add(stream_slice["user_id"])

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal speaks of the list: not that of days, nor of a host who was refused before."""
        is_of_days = verdict.meaning in Meaning.INVALID | Meaning.OUT_OF_REACH
        return not is_of_days and not stream_slice.get("is_probe")

    def subject_of(self, stream_slice: Mapping[str, Any]) -> dict[str, str]:
        """Return the host."""
        return {"object_type": "host", "object_id": str(stream_slice.get("user_id", ""))}

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Leave the record as it is; the streams that read of it complete what they emit.

        :raises ValueError: if it does not say which session it is, or when that was
        """
        if not record.get("id"):
            raise ValueError("it has no 'id'")
        for name in ("start_time", "end_time"):
            if record.get(name):
                moment = moment_of(record[name])
                if moment is None:
                    raise ValueError(f"its '{name}' is not a time")
                record[name] = moment.in_timezone("UTC").format(TIME_FORMAT)
        return record  # type: ignore[no-any-return]

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return a session that has ended; one that goes on will be listed again."""
        window, host = stream_slice["window"], stream_slice["user_id"]
        if not record.get("end_time"):
            return f"running {record['uuid']}", None
        row, joined = self._history.join(window, record)
        # A session of the day that two windows share is listed in both, and a host may be listed under two
        # names; a stream may need it in any of these places, and reads it once (`SessionState.claim`).
        return record["uuid"], (window, _session(record, row, host, joined=joined))

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return the end of a host's list; a row that cannot be used is no reason to list the others again."""
        window, host = stream_slice["window"], stream_slice["user_id"]
        self._history.release(window)
        if isinstance(error, SliceFailure) and error.facts.get("meaning") == UNUSABLE:
            error = None
        return "end", HostEnd(window, host, error)

    def _slice_of(self, window: Window, host: str) -> Mapping[str, Any] | None:
        needs = [need for book in self.books if (need := book.need(window, host))]
        if not needs:
            return None
        first = min(need.first for need in needs)
        return {"user_id": host, "window": window, "first": first, "last": last_asked(window, self._last)}

    # Webinars that no report lists

    def _load_unreported(self) -> None:
        """Load the instances of webinars; those that could not be read are unknown, and asked for in a later sync."""
        try:
            self._unreported.load(self.context.now)
        except SliceFailure as error:
            _hold(self._unreported_books, error)
            return
        lost: dict[str, Loss] = {}
        for loss in self._unreported.losses:
            if is_of_list(loss):  # of all users
                _hold(self._unreported_books, SliceFailure(loss.message, kind=loss.kind, failure_type=TRANSIENT))
                return
            if loss.facts.get("object_type") == "list":
                continue
            prefix = USER_PREFIX if loss.facts.get("object_type") == "user" else ""
            lost[f"{prefix}{loss.facts.get('object_id')}"] = loss
        faults = [loss for loss in lost.values() if loss.again]
        if len(faults) > MOST_FAULTS and len(faults) > self._unreported.read:
            one = faults[0]
            _hold(self._unreported_books, SliceFailure(one.message, kind=one.kind, failure_type=TRANSIENT))
            return
        is_user_lost = any(name.startswith(USER_PREFIX) for name in lost)
        for book in self._unreported_books:
            for name, loss in lost.items():
                book.note_unknown(name, cause_of(loss))
            unknown = {
                f"{USER_PREFIX if gap.object_type == 'user' else ''}{gap.object_id}"
                for gap in book.gaps()
                if gap.object_type in {"user", "webinar"}
            }
            for name in unknown - lost.keys() - self.context.resting_webinars:
                rows = self._unreported.instances_of(name)
                if not rows and is_user_lost and not name.startswith(USER_PREFIX):
                    continue  # it may be one of that user's, and was not asked for
                book.note_known(name, [_session(row, row, row["host_id"], joined=False) for row in rows])

    # Hosts who were refused before

    def _ask_refused_again(self) -> None:
        """Ask a few of the hosts who were refused in earlier syncs for their newest days.

        If one answers, all of them are read again.
        """
        # One book after the other has its turn, so that no host waits behind those of another book for ever.
        turns = zip_longest(*(book.refused_hosts() for book in self.books))
        refused = dict.fromkeys(host for turn in turns for host in turn if host is not None)
        today = self.context.now.date()
        days = Window(today.subtract(days=PROBED_DAYS), today)
        for host in list(refused)[:ASKED_AGAIN]:
            try:
                answered = self._is_answered(host, days)
            except StreamStopped as error:
                LOGGER.info(f"Hosts who were refused before are not asked again: {error}")
                return
            except SliceFailure as error:
                for book in self.books:
                    book.asked(host)
                if error.again:
                    return
                continue
            for book in self.books:
                for one in refused if answered else (host,):  # of one who is gone, nothing is held back any more
                    book.allow(one)
            if answered:
                return

    def _is_answered(self, host: str, days: Window) -> bool:
        """Return whether Zoom lists a host's sessions; False for one it does not know any more.

        :raises SliceFailure: if it refuses to
        """
        read = {"user_id": host, "is_probe": True, "type": "past"}
        self._gone.discard(host)
        next(iter(self.context.served.read(days, lambda served: self._listed_in(read, served))), None)
        return host not in self._gone

    # The hosts of a window

    def _hosts_of(self, window: Window) -> set[str]:
        """Return the hosts to ask in a window: all who were active, or only those whose days are missing."""
        missing: set[str] = set().union(*(book.hosts(window) for book in self.books))
        firsts = [first for book in self.books if (first := book.first_day(window))]
        if not firsts and not missing:
            return missing
        days = Window(min(firsts), last_asked(window, self._last)) if firsts else None
        whole = clipped(window, window.first, last_asked(window, self._last))
        held = self._history_of(window, whole if missing or days is None else days)
        active = self._active_or_held(days) if days else []
        # Days that are read of missing hosts only are asked for names, so that none is read under two.
        named = self._active_or_held(whole) if held and missing else active
        every_user = set(self._every_user()) if active is None else set()
        recent = self._history.emails_since(window, days.first) if days else set()
        ids = {email: id_ for id_, email in named or () if id_}
        in_history = self._file(held, ids, recent=recent, missing=missing)
        if days is None:
            return missing
        if active is None:
            return missing | every_user
        active_hosts = {id_ or self._ids_of_listed().get(email, email) for id_, email in active}
        return missing | active_hosts | in_history | self._hosts_of_webinars()

    def _history_of(self, window: Window, days: Window) -> dict[str, list[dict[str, Any]]]:
        """Return the history of some days; without it the streams go on, but which hosts there are is not known."""
        try:
            return self._history.load(window, days)
        except SliceFailure as error:
            _hold(self.books, error)
            return {}

    def _file(
        self, held: Mapping[str, list[dict[str, Any]]], ids: Mapping[str, str], *, recent: set[str], missing: set[str]
    ) -> set[str]:
        """Keep the history's webinars under the name of their host; return the names of its hosts.

        :param recent: e-mail addresses of hosts whose days are read
        :param missing: names of hosts who lack days
        """
        names = {**self._ids_of_listed(), **ids}
        hosts: set[str] = set()
        for email, webinars in held.items():
            host = email if email in missing else names.get(email, email)
            if email in recent or host in missing:
                hosts.add(host)
                self._emails.setdefault(host, set()).add(email)
                self._unreported.add(host, webinars)
        return hosts

    def _hosts_of_webinars(self) -> set[str]:
        """Return who may have held webinars without being active, which speaks of meetings: only the history knows.

        Where it is not open: the owners of listed webinars, and whoever was active at any time.
        """
        if self._history.is_available or not self._webinar_books:
            return set()
        if self._webinar_hosts is None:
            hosts: set[str] = set()
            for window in grid(self._first, self._last):
                active = self._active_or_held(clipped(window, self._first, self._last))
                hosts |= {id_ or email for id_, email in active or ()}
            try:
                hosts |= self._owners()
            except SliceFailure as error:
                _hold(self._webinar_books, error)
            self._webinar_hosts = hosts
        return self._webinar_hosts

    def _owners(self) -> set[str]:
        """Return the owners of listed webinars; a user whose list could not be read may be one.

        :raises SliceFailure: if whose lists there are is not known
        """
        if self._webinars is not None:
            owners = {str(host_id) for _, host_id, *_ in self._webinars}
            for loss in self._webinars.losses:
                if is_of_list(loss):  # of all users
                    raise SliceFailure(loss.message, kind=loss.kind, failure_type=TRANSIENT, facts=loss.facts)
            return owners | {
                str(loss.facts["object_id"])
                for loss in self._webinars.losses
                if loss.facts.get("object_type") == "user"
            }
        webinars = WebinarList(self.context, Users(self.context))
        owners = set()
        for user in self._every_user():
            slice_ = {"user_id": user}
            try:
                for record in webinars.read_records(SyncMode.full_refresh, stream_slice=slice_):
                    owners.add(str(webinars.child_key(record, slice_)[1]))
            except StreamStopped as stopped:
                if stopped.kind != REFUSED:
                    raise
                return set(self._every_user())
            except SliceFailure:
                owners.add(user)
        return owners

    def _active_or_held(self, days: Window) -> list[tuple[str, str]] | None:
        """Return what `_active` does; nobody where Zoom fails to answer, which is not asked again in this sync."""
        if self._are_active_unknown:
            return []
        try:
            return self._active(days)
        except SliceFailure as error:
            self._are_active_unknown = True
            _hold(self.books, error)
            return []

    def _active(self, days: Window) -> list[tuple[str, str]] | None:
        """Return id and e-mail of the hosts who were active, None if every user is to be asked.

        :raises SliceFailure: if Zoom fails to answer
        """
        if not self._asks_for_active:
            return None
        oldest = self.context.served.first()
        first, last = max(days.first.subtract(days=1), oldest), max(days.last.add(days=1), oldest)
        parts = list(monthly(first, last))
        # Neighbouring windows can end and begin with the same days, which are asked for once.
        for part in parts:
            if part in self._active_in:
                continue
            rows = optional(self._active_hosts, part, _name_and_email)
            if rows is None:
                self._asks_for_active = False
                return None
            self._active_in[part] = rows
        return [pair for part in parts for pair in self._active_in[part]]

    def _every_user(self) -> list[str]:
        """Return every user, active and inactive: a deactivated host's sessions still exist."""
        if self._all_users is None:
            if self._users is None:
                self._listed = {}
                try:
                    for id_, email, *_ in Users(self.context).keys_one_after_another():
                        self._note_user(id_, email)
                except SliceFailure as error:
                    if error.kind != UNUSABLE:
                        raise
                    self.warn_once("users", error.message or "")
            self._ids_of_listed()
            if self._users_failure:
                raise self._users_failure
            self._all_users = list(dict.fromkeys(self._user_ids))
        return self._all_users

    def _ids_of_listed(self) -> dict[str, str]:
        """Return the ids of the users where they are read anyway, by e-mail address: a host has one name.

        Where their list fails, a host goes by the e-mail address, which Zoom takes too.
        """
        if self._listed is None and self._users is not None:
            self._listed = {}
            try:
                for id_, email, *_ in self._users:
                    self._note_user(id_, email)
                if losses := [loss for loss in self._users.losses if is_of_list(loss)]:
                    lost = losses[0]
                    self._users_failure = SliceFailure(
                        lost.message, kind=lost.kind, failure_type=FailureType.transient_error, facts=lost.facts
                    )
            except SliceFailure as error:
                self._users_failure = error
        return self._listed or {}

    def _note_user(self, id_: object, email: object) -> None:
        self._user_ids.append(str(id_))
        if self._listed is not None:
            # Active users come first: an address that two have is the active one's.
            self._listed.setdefault(str(id_) if email is None else str(email).lower() or str(id_), str(id_))


def _session(record: Mapping[str, Any], row: Mapping[str, Any], host: str, *, joined: bool) -> Session:
    """Return a listed session.

    :param row: the record with what the history adds
    """
    is_listed = not record.get(FROM_HISTORY)
    return Session(
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
        joined=joined and is_listed,
        is_reported=not record.get(UNREPORTED),
        is_alone=record.get("participants_count") == 1,
    )


def _name_and_email(host: Mapping[str, Any]) -> tuple[str, str]:
    return str(host.get("id") or ""), str(host.get("email") or "").lower()


def _hold(books: Iterable[SessionCursor], error: SliceFailure) -> None:
    """Hold the books that a fault concerns; the other streams go on."""
    for book in books:
        book.hold(error)
