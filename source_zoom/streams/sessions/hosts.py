"""Which hosts to ask in a window: those who were active, are in the history, lack days, or own webinars."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pendulum
from airbyte_cdk.models import FailureType

from source_zoom.config import ReportHosts
from source_zoom.engine import FeedReader, SliceFailure
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.failures import REFUSED, UNUSABLE, is_of_list
from source_zoom.streams.kind import WEBINAR, Kind
from source_zoom.streams.sessions.cursor import SessionCursor
from source_zoom.streams.sessions.history import (
    OptionalList,
    WindowHistory,
    optional,
)
from source_zoom.streams.sessions.state_form import UNATTENDED
from source_zoom.streams.sessions.unattended import UnattendedWebinars
from source_zoom.streams.users import Users
from source_zoom.streams.windows.grid import Window, clipped, grid, last_asked, monthly
from source_zoom.streams.windows.served import ServedDays
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import PRO_NEEDED

TRANSIENT = FailureType.transient_error


class ActiveHosts(OptionalList):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users."""

    without_it = "Zoom does not tell which hosts were active, so every user is asked."
    endpoint = Endpoint(
        "report/users",
        RateLabel.HEAVY,
        "report:read:list_users:admin",
        records="users",
        page_size=300,
        params={"type": "active"},
        slice_params=("from", "to"),
    )
    plan = PRO_NEEDED
    primary_key = None

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a host as he is; some have no id, but an e-mail address serves as well."""
        if not record.get("id") and not record.get("email"):
            raise ValueError("it has neither 'id' nor 'email'")
        return record  # type: ignore[no-any-return]


@dataclass
class Cursors:
    """The cursors of the streams that the list of sessions is read for."""

    all: list[SessionCursor] = field(default_factory=list)
    of_webinars: list[SessionCursor] = field(default_factory=list)
    of_unattended: list[SessionCursor] = field(default_factory=list)
    """Of the streams that have something for webinars that nobody attended."""

    def register(self, cursor: SessionCursor, kind: Kind, *, reads_unattended: bool) -> None:
        """Take the cursor of a stream about a kind of session."""
        self.all.append(cursor)
        if kind is WEBINAR:
            self.of_webinars.append(cursor)
        if reads_unattended:
            self.of_unattended.append(cursor)


class HostFinder:
    """Finds the hosts of a window.

    :param history: the account's history, where its webinars' hosts are named
    """

    def __init__(self, context: StreamContext, cursors: Cursors, history: WindowHistory) -> None:
        self.context = context
        self._cursors = cursors
        self._history = history
        self.unattended = UnattendedWebinars()
        self._users: FeedReader | None = None
        self._users_failure: SliceFailure | None = None
        self._webinars: FeedReader | None = None
        self._owners: set[str] = set()
        self._active_at_any_time: set[str] | None = None
        self.awaiting_owners: dict[Window, set[str]] = {}
        """Windows whose hosts were found without the owners of webinars, who are not known yet, and those hosts."""
        self._first = self._last = context.now.date()
        self._active_hosts = ActiveHosts(context)
        self._asks_for_active = context.config.report_hosts is ReportHosts.ACTIVE
        self._active_in: dict[Window, list[tuple[str, str]]] = {}
        self._are_active_unknown = False
        self._all_users: list[str] | None = None
        self._listed: dict[str, str] | None = None
        self._user_ids: list[str] = []
        self._emails: dict[str, set[str]] = {}
        """E-mail addresses under which the history may name a host."""

    def probe(self) -> bool:
        """Ask for the hosts of today; return whether Zoom tells them."""
        today = self.context.now.date()
        return optional(self._active_hosts, Window(today, today), _name_and_email) is not None

    def follow_users(self, keys: FeedReader) -> None:
        """Take the users where they are read anyway."""
        self._users = keys

    def follow_webinars(self, keys: FeedReader) -> None:
        """Take the listed webinars: those that are read anyway, or else those that are read if they are asked for."""
        self._webinars = self._webinars or keys

    def emails_of(self, host: str) -> set[str]:
        """Return the e-mail addresses under which the history may name a host."""
        return self._emails.get(host, {host.lower()})

    def of(self, window: Window, first: pendulum.Date, last: pendulum.Date) -> set[str]:
        """Return the hosts to ask in a window: all who were active, or only those whose days are missing.

        Owners of webinars who are not known yet come later (`late_owners`).

        :param first: first day that the sync reads
        :param last: last day
        """
        self._first, self._last = first, last
        lacking: set[str] = set().union(*(cursor.owners(window) for cursor in self._cursors.all))
        missing = lacking - {UNATTENDED}
        firsts = [day for cursor in self._cursors.all if (day := cursor.first_day(window))]
        if not firsts and not lacking:
            return missing
        days = Window(min(firsts), last_asked(window, self._last)) if firsts else None
        whole = clipped(window, window.first, last_asked(window, self._last))
        held = self._history_of(window, whole if lacking or days is None else days)
        active = self._active_or_held(days) if days else []
        # The names are asked for also on days that are read of missing hosts only, so that no host is read under two.
        named = self._active_or_held(whole) if held and lacking else active
        every_user = set(self._every_user()) if active is None else set()
        recent = self._history.emails_since(window, days.first) if days else set()
        ids = {email: id_ for id_, email in named or () if id_}
        in_history = self._file(held, ids, recent=recent, missing=missing)
        if days is None:
            return missing
        if active is None:
            return missing | every_user
        active_hosts = {id_ or self._ids_of_listed().get(email, email) for id_, email in active}
        return self._with_hosts_of_webinars(window, missing | active_hosts | in_history)

    def _history_of(self, window: Window, days: Window) -> dict[str, list[dict[str, Any]]]:
        """Return the history of some days; without it the streams go on, but which hosts there are is not known."""
        try:
            return self._history.load(window, days)
        except SliceFailure as error:
            hold(self._cursors.all, error)
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
            self.unattended.add(host, webinars)
            if email in recent or host in missing:
                hosts.add(host)
                self._emails.setdefault(host, set()).add(email)
        return hosts

    def _with_hosts_of_webinars(self, window: Window, hosts: set[str]) -> set[str]:
        """Return the hosts of a window with those who may have held webinars without being listed as active.

        Only meetings count for that list. Nobody is added where the history is open, as it names them. Else these are
        whoever was active at any time, and the owners of listed webinars.
        """
        if self._history.is_available or not self._cursors.of_webinars:
            return hosts
        if self._active_at_any_time is None:
            self._active_at_any_time = set()
            for one in grid(self._first, self._last):
                active = self._active_or_held(clipped(one, self._first, self._last))
                self._active_at_any_time |= {id_ or email for id_, email in active or ()}
            if self._webinars is not None:
                self._webinars.ask()
        hosts = hosts | self._active_at_any_time | self._owners
        if self._webinars is not None:
            self.awaiting_owners[window] = hosts
        return hosts

    def late_owners(self, *, wait: bool) -> list[tuple[Window, set[str]]]:
        """Return the windows that owners of webinars are to be added to, and these owners, once they are known.

        If they cannot be known, the streams about webinars are held.

        :param wait: whether to wait for the list of webinars, if there is need
        """
        if self._webinars is None or not self.awaiting_owners or not (wait or self._webinars.is_complete):
            return []
        awaiting, webinars = self.awaiting_owners, self._webinars
        self.awaiting_owners, self._webinars = {}, None
        try:
            self._owners = self._owners_of(webinars)
        except SliceFailure as error:
            hold(self._cursors.of_webinars, error)
            return []
        return [(window, self._owners - hosts) for window, hosts in awaiting.items()]

    def _owners_of(self, webinars: FeedReader) -> set[str]:
        """Return the owners of listed webinars; a user whose list could not be read may be one.

        :raises SliceFailure: if it is not known which users have lists
        """
        try:
            owners = {str(host_id) for _, host_id, *_ in webinars}
        except SliceFailure as error:
            if error.cause != REFUSED:
                raise
            return set(self._every_user())
        for loss in webinars.losses:
            if is_of_list(loss):  # of all users
                raise SliceFailure(loss.message, cause=loss.cause, failure_type=TRANSIENT, facts=loss.facts)
        lost = (loss.facts for loss in webinars.losses if loss.facts.get("object_type") == "user")
        return owners | {str(facts["object_id"]) for facts in lost}

    def _active_or_held(self, days: Window) -> list[tuple[str, str]] | None:
        """Return what `_active` does; nobody where Zoom fails to answer, which ends the asking for this sync."""
        if self._are_active_unknown:
            return []
        try:
            return self._active(days)
        except SliceFailure as error:
            self._are_active_unknown = True
            hold(self._cursors.all, error)
            return []

    def _active(self, days: Window) -> list[tuple[str, str]] | None:
        """Return id and e-mail of the hosts who were active, None if every user is to be asked.

        :raises SliceFailure: if Zoom fails to answer
        """
        if not self._asks_for_active:
            return None
        oldest = self.context.shared(ServedDays).first()
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
                    if error.cause != UNUSABLE:
                        raise
                    self._active_hosts.warn_once("users", error.message or "")
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
                        lost.message, cause=lost.cause, failure_type=FailureType.transient_error, facts=lost.facts
                    )
            except SliceFailure as error:
                self._users_failure = error
        return self._listed or {}

    def _note_user(self, id_: object, email: object) -> None:
        self._user_ids.append(str(id_))
        if self._listed is not None:
            # Active users come first: an address that two have is the active one's.
            self._listed.setdefault(str(id_) if email is None else str(email).lower() or str(id_), str(id_))


def _name_and_email(host: Mapping[str, Any]) -> tuple[str, str]:
    return str(host.get("id") or ""), str(host.get("email") or "").lower()


def hold(cursors: Iterable[SessionCursor], error: SliceFailure) -> None:
    """Hold the cursors that a fault concerns; the other streams go on."""
    for cursor in cursors:
        cursor.hold(error)
