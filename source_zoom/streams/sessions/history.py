"""The account-wide history of meetings: what it adds to the lists of single hosts."""

from __future__ import annotations

import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, TypeVar

import orjson
import pendulum
from airbyte_cdk.models import SyncMode

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams.base.datetimes import TIME_FORMAT, moment_of
from source_zoom.streams.base.failures import UNUSABLE
from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.sessions.unattended import WEBINAR_TYPE, unattended
from source_zoom.streams.windows.grid import Window, as_days, monthly
from source_zoom.streams.windows.served import ServedDays
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning

MEETING_TYPE = 2
"""A scheduled meeting: the history only says that it is a meeting."""

FROM_HISTORY = "source_zoom_history"
"""Marks a session that no host's list has; such records do not leave the connector."""

Kept = TypeVar("Kept")


class OptionalList(ZoomStream):
    """A list that not every account may call, and that is done without where it may not."""

    internal = True
    without_it: ClassVar[str]
    """What its lack means, in a sentence."""


class HistoryMeetings(OptionalList):
    """https://developers.zoom.us/docs/api/meetings/#tag/reports/get/report/history_meetings."""

    without_it = "The account's history of meetings is not open to the app, so each session is asked for its details."
    endpoint = Endpoint(
        "report/history_meetings",
        RateLabel.HEAVY,
        "report:read:list_history_meetings:admin",
        records="history_meetings",
        page_size=300,
        params={"meeting_type": "all"},
        slice_params=("from", "to"),
    )
    primary_key = "meeting_uuid"


class SmallHistoryMeetings(HistoryMeetings):
    """The same in pages of 30: Zoom does not publish how large a page may be."""

    endpoint = replace(HistoryMeetings.endpoint, page_size=30)


class _Row(NamedTuple):
    """What is kept of a row: a large account has hundreds of thousands in a window."""

    uuid: str
    host_email: str
    columns: dict[str, Any]
    session: tuple[Any, ...]
    """Number, whether it is a webinar, start, end, participants, minutes of all participants."""

    @classmethod
    def of(cls, row: Mapping[str, Any], shared: dict[str, dict[str, Any]]) -> _Row:
        """Return what is kept of a row; equal columns are one object, found in `shared`.

        :raises ValueError: if it does not say which session it is of, or when that was
        """
        columns = {"dept": row.get("department") or "", "tracking_fields": row.get("tracking_fields") or []}
        return cls(
            row["meeting_uuid"],
            sys.intern(str(row.get("host_email") or "").lower()),
            shared.setdefault(orjson.dumps(columns).decode(), columns),
            (
                row["meeting_id"],
                str(row.get("type")).lower() == "webinar",
                _utc(row.get("start_time"), row),
                _utc(row.get("end_time"), row),
                row.get("participants"),
                row.get("total_participant_minutes"),
            ),
        )

    @property
    def is_webinar(self) -> bool:
        """Whether it is a webinar that is over."""
        return bool(self.session[1] and self.session[3])

    def as_unattended(self) -> dict[str, Any]:
        """Return it as a webinar that the host's report may lack."""
        number, _, start, end, *_ = self.session
        return unattended(self.uuid, number, start, end)

    def as_listed(self) -> dict[str, Any]:
        """Return it in the form of a listed session."""
        number, is_webinar, start, end, participants, minutes = self.session
        return {
            "uuid": self.uuid,
            "id": number,
            "type": WEBINAR_TYPE if is_webinar else MEETING_TYPE,
            "start_time": start,
            "end_time": end,
            "participants_count": participants,
            "total_minutes": minutes,
            FROM_HISTORY: True,
        }


def _utc(text: object, row: Mapping[str, Any]) -> str | None:
    """Return a time as the reports write it, whose format the history does not document; None where there is none."""
    if not text:
        return None
    moment = moment_of(text)
    if moment is None:
        raise ValueError(f"the history's time '{text}' of session {row.get('meeting_uuid')} cannot be read")
    return moment.in_timezone("UTC").format(TIME_FORMAT)


class WindowHistory:
    """What the account-wide history adds to the sessions of a window, kept while the window is listed.

    The history is optional: its scope may be missing, and one-participant sessions may not be in it.
    """

    def __init__(self, stream: HistoryMeetings) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows: dict[Window, dict[str, _Row]] = {}
        self._listing: Counter[Window] = Counter()
        self.is_available = True
        """Whether the app may read it; not known before the first `load`."""

    def load(self, window: Window, days: Window) -> dict[str, list[dict[str, Any]]]:
        """Read the history of some days of a window.

        :return: the e-mail addresses of its hosts, each with the webinars it names, as sessions
        :raises SliceFailure: if Zoom fails to answer; the history counts as not available from then on
        """
        held: dict[str, list[dict[str, Any]]] = {}
        kept: dict[str, _Row] = {}
        shared: dict[str, dict[str, Any]] = {}
        first = max(days.first, self._stream.context.shared(ServedDays).first())
        for part in monthly(first, max(first, days.last)):
            try:
                rows = self._read(part, shared) if self.is_available else None
            except SliceFailure:
                self.is_available = False
                raise
            if rows is None:
                self.is_available = False
                return {}
            for row in rows:
                kept[row.uuid] = row
                held.setdefault(row.host_email, [])
                if row.is_webinar:
                    held[row.host_email].append(row.as_unattended())
        with self._lock:
            self._rows[window] = kept
        held.pop("", None)
        return held

    def _read(self, days: Window, shared: dict[str, dict[str, Any]]) -> list[_Row] | None:
        is_small = isinstance(self._stream, SmallHistoryMeetings)
        try:
            return optional(self._stream, days, lambda row: _Row.of(row, shared), is_said=is_small)
        except _RefusedParameter:
            self._stream = SmallHistoryMeetings(self._stream.context)
            return self._read(days, shared)

    def expect(self, window: Window, slices: int) -> None:
        """Say how many slices of a window will be listed, or how many more."""
        with self._lock:
            self._listing[window] += slices
            if not self._listing[window]:
                self._rows.pop(window, None)

    def is_listed(self, window: Window) -> bool:
        """Return whether all slices of a window have ended, with their second tries."""
        with self._lock:
            return self._listing[window] <= 0

    def join(self, window: Window, row: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return a listed row with the columns of the history, and whether it had any."""
        with self._lock:
            kept = self._rows.get(window, {}).get(row["uuid"])
        return ({**row, **kept.columns}, True) if kept else (dict(row), False)

    def emails_since(self, window: Window, first: pendulum.Date) -> set[str]:
        """Return the e-mail addresses of the hosts of sessions in a window that began on a day, or later.

        What began the day before counts, too: it may be that day in Zoom's zone.
        """
        day = first.subtract(days=1).to_date_string()
        with self._lock:
            rows = self._rows.get(window, {}).values()
            return {row.host_email for row in rows if row.host_email and (row.session[2] or day) >= day}

    def of_host(self, window: Window, emails: set[str]) -> list[dict[str, Any]]:
        """Return the sessions of a host in a window that are over, as listed sessions."""
        with self._lock:
            rows = self._rows.get(window, {}).values()
            return [row.as_listed() for row in rows if row.host_email in emails and row.session[3]]

    def release(self, window: Window) -> None:
        """Count a slice as listed; the last one of a window lets its history go."""
        with self._lock:
            self._listing[window] -= 1
            if self._listing[window] <= 0:
                self._rows.pop(window, None)


class _RefusedParameter(Exception):  # noqa: N818 - a reason to ask otherwise
    """The endpoint does not accept a parameter."""


def optional(
    stream: OptionalList, days: Window, keep: Callable[[Mapping[str, Any]], Kept], *, is_said: bool = True
) -> list[Kept] | None:
    """Return all rows of an endpoint that not every account may call, None if this one may not.

    Any lasting refusal is "may not", and said once: nothing else depends on such a call.

    :param keep: returns what is kept of a row
    :param is_said: whether a refused parameter is said and ends it, rather than being a reason to ask otherwise
    :raises SliceFailure: if Zoom fails to answer, or the day's requests are used up
    """
    try:
        return [
            keep(row)
            for row in stream.context.shared(ServedDays).read(
                days,
                lambda served: stream.read_records(SyncMode.full_refresh, stream_slice=as_days(served)),
            )
        ]
    except SliceFailure as error:
        meaning = error.facts.get("meaning")
        # A new token that is refused, too, may be refused for this list only; if not, the next request fails as well.
        if meaning == UNUSABLE:
            stream.warn_once("not open", f"{stream.without_it} {error.message}")
            return None
        is_answer = isinstance(error, StreamStopped) and (
            error.facts.get("http_status") is not None or meaning == Meaning.TOKEN.name
        )
        if not is_answer or meaning in {Meaning.DAILY.name, Meaning.ACCOUNT.name}:
            raise
        if meaning == Meaning.INVALID.name and not is_said:
            raise _RefusedParameter from None
        stream.warn_once("not open", f"{stream.without_it} {error.message}")
        return None
    except (KeyError, TypeError, ValueError) as fault:
        stream.warn_once(
            "not open", f"{stream.without_it} A row of GET /{stream.endpoint.path} cannot be used: {fault}."
        )
        return None
