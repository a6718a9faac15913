"""The list of past sessions that every stream about them follows.

It is read once for all of them, by window and host:

    window - hosts - PastSessions - report_meetings, report_meeting_participants, webinar_absentees ...

https://developers.zoom.us/docs/api/meetings/#tag/reports
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import pendulum
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.engine import FeedReader, Key, Loss, Parent, Role, SliceFailure
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.datetimes import utc_text
from source_zoom.streams.base.failures import UNUSABLE, is_of_list
from source_zoom.streams.items.listing import ItemList
from source_zoom.streams.kind import WEBINAR, Kind
from source_zoom.streams.sessions.cursor import SessionCursor
from source_zoom.streams.sessions.history import (
    FROM_HISTORY,
    HistoryMeetings,
    WindowHistory,
)
from source_zoom.streams.sessions.hosts import Cursors, HostFinder, hold
from source_zoom.streams.sessions.state import USER_PREFIX, Session
from source_zoom.streams.sessions.state_form import UNATTENDED
from source_zoom.streams.sessions.unattended import NOBODY_CAME, RefusedBefore, UnattendedWebinars
from source_zoom.streams.windows.cursor import cause_of
from source_zoom.streams.windows.grid import Window, last_asked
from source_zoom.streams.windows.served import ServedDays
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import PRO_NEEDED

LOGGER = logging.getLogger("airbyte")

TRANSIENT = FailureType.transient_error

MOST_FAULTS = 3
"""With more webinars at fault than this, and than were read, it is the list that is at fault."""

JOINED_COLUMNS = ("dept", "tracking_fields")

LATE_OWNERS = "late owners"
"""Stands for owners of webinars in a window until they are known, so that the watermark waits for them."""


class PastSessions(ItemList):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/users/{userId}/meetings.

    Its slices are the hosts of each window. It is read once for all streams about past sessions that
    were selected; each says through its cursor which days of which host it needs. It begins with the hosts that are
    known. Owners of webinars, and webinars that no report lists, are added to a window when all of them are known.
    """

    internal = True
    endpoint = Endpoint(
        "report/users/{user_id}/meetings",
        RateLabel.HEAVY,
        "report:read:user:admin",
        records="meetings",
        page_size=300,
        slice_params=("from", "to"),
        variants=({"type": "past"},),
    )
    plan = PRO_NEEDED
    skips = Meaning.USER_GONE | Meaning.NO_HOSTING
    primary_key = "uuid"
    owner_field = "user_id"

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.cursors = Cursors()
        self._history = WindowHistory(HistoryMeetings(context))
        self._hosts = HostFinder(context, self.cursors, self._history)
        self._served = context.shared(ServedDays)
        self._without_unattended: list[Window] = []
        """Windows of which it is still to be told what no report lists."""
        self._is_loaded = False
        self._unattended_fault: SliceFailure | None = None
        self._unknown: dict[str, Loss] = {}
        """Webinars and users whose instances could not be read."""

    def probe(self) -> bool:
        """Ask for the hosts of today."""
        return self._hosts.probe()

    def register(self, cursor: SessionCursor, kind: Kind, *, reads_unattended: bool = False) -> None:
        """List what a cursor asks for, too."""
        self.read_for(cursor)
        self.cursors.register(cursor, kind, reads_unattended=reads_unattended)

    @property
    def parents(self) -> Sequence[Parent]:
        """Streams whose keys are used: to save a call where they are read, or to know of more hosts or sessions."""
        return [
            Parent("users", Role.KEYS_IF_READ),
            Parent("webinar_list", Role.KEYS_IF_READ),
            Parent("webinar_owners", Role.KEYS_ON_DEMAND),
            Parent("webinar_instances", Role.KEYS_IF_READ),
        ]

    def follow(self, name: str, keys: FeedReader) -> None:
        """Take their keys."""
        if name == "users":
            self._hosts.follow_users(keys)
        elif name in {"webinar_list", "webinar_owners"}:
            self._hosts.follow_webinars(keys)
        else:
            self._hosts.unattended = UnattendedWebinars(keys)

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the hosts of each window, oldest first, with the days that are needed of them; then late ones."""
        yield from super().stream_slices(sync_mode=sync_mode)
        yield from self._of_late_owners(wait=True)

    def late_slices(self) -> Iterator[Mapping[str, Any]]:
        """Yield what no report lists, when all hosts were listed."""
        if self._are_unattended_known(wait=True):
            yield from self._of_unattended(self._without_unattended)
            self._note_known()
        elif self._unattended_fault is not None:
            hold(self.cursors.of_unattended, self._unattended_fault)

    def owners(self, window: Window, first: pendulum.Date, last: pendulum.Date) -> set[str]:
        """Return the hosts of a window."""
        return self._hosts.of(window, first, last)

    def open(self, window: Window, owners: set[str]) -> None:
        """Announce a window and its hosts to the cursors, and that others may follow."""
        if self._hosts.unattended.are_wanted:
            for cursor in self.cursors.of_unattended:
                cursor.postpone_unattended(window)
            if any(cursor.days_to_read(window, UNATTENDED) for cursor in self.cursors.of_unattended):
                self._without_unattended.append(window)
        if window in self._hosts.awaiting_owners:
            for cursor in self.cursors.of_webinars:
                cursor.open(window, {LATE_OWNERS})
        super().open(window, owners)

    def slices_in(self, window: Window, owners: set[str]) -> list[Mapping[str, Any]]:
        """Return the slices of a window; the history keeps it until the last of them has ended.

        With them come those of earlier windows that have come to be known, and do not wait for anything.
        """
        slices = self._slices_of(window, owners)
        slices += self._of_late_owners(wait=False)
        if self._are_unattended_known(wait=False):
            listed = [one for one in self._without_unattended if self._is_listed(one)]
            slices += self._of_unattended(listed)
        return slices

    def _slices_of(self, window: Window, owners: set[str]) -> list[Mapping[str, Any]]:
        slices = super().slices_in(window, owners)
        self._history.expect(window, len(slices))
        return slices

    def _is_listed(self, window: Window) -> bool:
        """Return whether all hosts of a window are known, and were listed."""
        return window not in self._hosts.awaiting_owners and self._history.is_listed(window)

    def _of_late_owners(self, *, wait: bool) -> Iterator[Mapping[str, Any]]:
        """Yield the slices of owners of webinars, in the windows that were opened before these were known."""
        for window, owners in self._hosts.late_owners(wait=wait):
            for cursor in self.cursors.of_webinars:
                cursor.open(window, owners)
                cursor.leave_out(window, LATE_OWNERS)
            yield from self._slices_of(window, owners)

    def _of_unattended(self, windows: Iterable[Window]) -> Iterator[Mapping[str, Any]]:
        """Yield the slices of what no report lists in some windows, whose hosts were all listed."""
        today = self.context.now.date()
        for window in list(windows):
            self._without_unattended.remove(window)
            for cursor in self.cursors.of_unattended:
                cursor.open(window, {UNATTENDED})
            days = {"first": window.first, "last": last_asked(window, today)}
            yield {"owner": UNATTENDED, **self._named(UNATTENDED), "window": window, **days}

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
        """Yield a host's sessions as far as Zoom serves the days, or what no report lists."""
        host_slice = stream_slice or {}
        if self.is_expired(host_slice):
            return
        if host_slice["owner"] == UNATTENDED:
            yield from self._hosts.unattended.of(host_slice["window"])
            return
        for record in self._of_host(host_slice):
            if WEBINAR.includes(int(record.get("type") or 0)):
                self._hosts.unattended.note_reported(record["uuid"])
            yield record

    def _of_host(self, host_slice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the sessions that the list has, and of a host who is gone those that the history has."""
        listed: set[str] = set()
        unusable: SliceFailure | None = None
        try:
            for record in super().read_records(SyncMode.full_refresh, stream_slice=host_slice):
                listed.add(record["uuid"])
                yield record
        except SliceFailure as error:
            if error.cause != UNUSABLE:
                raise
            unusable = error
        if host_slice["user_id"] in self._gone:
            emails = self._hosts.emails_of(host_slice["user_id"])
            for record in self._history.of_host(host_slice["window"], emails):
                if record["uuid"] not in listed:
                    yield record
        if unusable is not None:
            raise unusable

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
                moment = utc_text(record[name])
                if moment is None:
                    raise ValueError(f"its '{name}' is not a time")
                record[name] = moment
        return record  # type: ignore[no-any-return]

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return a session that has ended; one that goes on will be listed again."""
        window = stream_slice["window"]
        if not record.get("end_time"):
            return f"running {record['uuid']}", None
        if record.get(NOBODY_CAME):
            return record["uuid"], (window, _unattended_session(record))
        row, joined = self._history.join(window, record)
        # A session of the day that two windows share is listed in both, and a host may be listed under two
        # names; a stream may need it in any of these places, and reads it once (`SessionState.claim`).
        return record["uuid"], (window, _session(record, row, stream_slice["user_id"], joined=joined))

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return the end of a host's list."""
        if stream_slice["owner"] != UNATTENDED:
            self._history.release(stream_slice["window"])
        return super().child_key_of_end(stream_slice, error)

    # Webinars that no report lists

    def _are_unattended_known(self, *, wait: bool) -> bool:
        """Return whether it is known what no report lists.

        :param wait: whether to wait for the instances of webinars
        """
        if not self._is_loaded and (wait or self._hosts.unattended.are_known):
            self._is_loaded = True
            try:
                self._load_unattended()
            except SliceFailure as error:
                self._unattended_fault = error
        return self._is_loaded and self._unattended_fault is None

    def _load_unattended(self) -> None:
        """Load the instances of webinars; those that could not be read are unknown, and asked for in a later sync.

        :raises SliceFailure: if it is not known of which webinars instances are missing
        """
        self._hosts.unattended.load(self.context.now)
        for loss in self._hosts.unattended.losses:
            if is_of_list(loss):  # of all users
                raise SliceFailure(loss.message, cause=loss.cause, failure_type=TRANSIENT)
            if loss.facts.get("object_type") != "list":
                prefix = USER_PREFIX if loss.facts.get("object_type") == "user" else ""
                self._unknown[f"{prefix}{loss.facts.get('object_id')}"] = loss
        faults = [loss for loss in self._unknown.values() if loss.again]
        if len(faults) > MOST_FAULTS and len(faults) > self._hosts.unattended.read:
            one = faults[0]
            raise SliceFailure(one.message, cause=one.cause, failure_type=TRANSIENT)
        for cursor in self.cursors.of_unattended:
            for name, loss in self._unknown.items():
                cursor.note_unknown(name, cause_of(loss))

    def _note_known(self) -> None:
        """Tell the cursors of webinars that were unknown before and are known now."""
        is_user_lost = any(name.startswith(USER_PREFIX) for name in self._unknown)
        for cursor in self.cursors.of_unattended:
            unknown = {
                f"{USER_PREFIX if gap.object_type == 'user' else ''}{gap.object_id}"
                for gap in cursor.gaps()
                if gap.object_type in {"user", "webinar"}
            }
            for name in unknown - self._unknown.keys() - self.context.shared(RefusedBefore).resting:
                rows = self._hosts.unattended.instances_of(name)
                if not rows and is_user_lost and not name.startswith(USER_PREFIX):
                    continue  # it may be one of that user's, and was not asked for
                cursor.note_known(name, [_unattended_session(row) for row in rows])


def _unattended_session(row: Mapping[str, Any]) -> Session:
    return _session(row, row, row["host_id"], joined=False)


def _session(record: Mapping[str, Any], row: Mapping[str, Any], host: str, *, joined: bool) -> Session:
    """Return a listed session.

    :param row: the record with what the history adds
    """
    is_listed = not record.get(FROM_HISTORY)
    return Session(
        record["uuid"],
        host,
        record.get("start_time") or record["end_time"],
        record["end_time"],
        "|".join(str(record.get(name)) for name in ("end_time", "participants_count", "total_minutes", "duration")),
        # A copy: orjson's own result keeps the eight kilobytes that it was written in.
        bytes(memoryview(orjson.dumps(row))),
        meeting_id=str(record["id"]),
        type=int(record.get("type") or 0),
        joined=joined and is_listed,
        is_reported=not record.get(NOBODY_CAME),
        is_alone=record.get("participants_count") == 1,
    )
