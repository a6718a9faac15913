"""The account-wide history of meetings: what it adds to the lists of single hosts."""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar

import orjson
import pendulum
from airbyte_cdk.models import SyncMode

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.errors import SCOPE_KIND
from source_zoom.streams.base import ZoomStream
from source_zoom.streams.unreported import unreported
from source_zoom.windows import Window, monthly, oldest_served

LOGGER = logging.getLogger("airbyte")

REFUSED_PARAMETER = "400/300"

Kept = TypeVar("Kept")


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


class _Row(NamedTuple):
    """What is kept of a row: a large account has hundreds of thousands in a window."""

    uuid: str
    host_email: str
    columns: dict[str, Any]
    webinar: dict[str, Any] | None

    @classmethod
    def of(cls, row: Mapping[str, Any], shared: dict[str, dict[str, Any]]) -> _Row:
        """Return what is kept of a row; equal columns are one object, found in `shared`."""
        columns = {"dept": row.get("department") or "", "tracking_fields": row.get("tracking_fields") or []}
        is_webinar = str(row.get("type")).lower() == "webinar" and row.get("start_time") and row.get("end_time")
        return cls(
            row["meeting_uuid"],
            sys.intern(str(row.get("host_email") or "").lower()),
            shared.setdefault(orjson.dumps(columns).decode(), columns),
            unreported(row["meeting_uuid"], row["meeting_id"], row["start_time"], row["end_time"])
            if is_webinar
            else None,
        )


class WindowHistory:
    """What the account-wide history adds to the sessions of a window, kept while the window is listed.

    The history is optional: its scope may be missing, and one-participant sessions may not be in it.
    """

    def __init__(self, stream: HistoryMeetings) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._rows: dict[Window, dict[str, dict[str, Any]]] = {}
        self._listing: Counter[Window] = Counter()
        self.is_available = True
        """Whether the app may read it; not known before the first `load`."""

    def load(self, window: Window, days: Window) -> dict[str, list[dict[str, Any]]]:
        """Read the history of some days of a window.

        :return: the e-mail addresses of its hosts, each with the webinars it names, as sessions
        """
        held: dict[str, list[dict[str, Any]]] = {}
        columns: dict[str, dict[str, Any]] = {}
        shared: dict[str, dict[str, Any]] = {}
        first = max(days.first, oldest_served(pendulum.now("UTC")))
        for part in monthly(first, max(first, days.last)):
            rows = self._read(as_days(part.first, part.last), shared) if self.is_available else None
            if rows is None:
                if self.is_available:
                    LOGGER.info(
                        "The account's history of meetings is not open to the app: each is asked for its details."
                    )
                self.is_available = False
                return {}
            for row in rows:
                columns[row.uuid] = row.columns
                held.setdefault(row.host_email, [])
                if row.webinar is not None:
                    held[row.host_email].append(row.webinar)
        with self._lock:
            self._rows[window] = columns
        held.pop("", None)
        return held

    def _read(self, days: Mapping[str, str], shared: dict[str, dict[str, Any]]) -> list[_Row] | None:
        try:
            return optional(self._stream, days, lambda row: _Row.of(row, shared))
        except SliceFailure as error:
            if error.kind != REFUSED_PARAMETER or isinstance(self._stream, SmallHistoryMeetings):
                raise
            self._stream = SmallHistoryMeetings(self._stream.context)
            return self._read(days, shared)

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


def optional(
    stream: ZoomStream, slice_: Mapping[str, Any], keep: Callable[[Mapping[str, Any]], Kept]
) -> list[Kept] | None:
    """Return all rows of an endpoint that not every account may call, None if this one may not.

    :param keep: returns what is kept of a row
    :raises SliceFailure: if the endpoint may be called but does not answer
    """
    try:
        rows = [keep(row) for row in stream.read_records(SyncMode.full_refresh, stream_slice=slice_)]
    except StreamStopped as error:
        if error.kind == SCOPE_KIND:
            return None
        raise
    return None if stream.closing_line() else rows


def as_days(first: pendulum.Date, last: pendulum.Date) -> dict[str, str]:
    """Return the query parameters of a range of days."""
    return {"from": first.to_date_string(), "to": last.to_date_string()}
