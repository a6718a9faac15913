"""Streams with a state of their own, and those that read an endpoint window by window."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.base.stream import StreamContext, ZoomStream
from source_zoom.streams.windows.cursor import LedgerCursor
from source_zoom.streams.windows.grid import Window, as_days, grid, last_asked
from source_zoom.streams.windows.ledger import ZONE_DAYS, WindowLedger
from source_zoom.streams.windows.served import ServedDays

ACCOUNT = "account"
"""The one owner of what is read for the account as a whole."""

OUT_OF_REACH = (
    "Stream {name}: its state ends before {day}, the first day there is to read (start_date, and at most the six "
    "months Zoom serves): {what} between the two are not read."
)


class ResumableStream(ZoomStream):
    """A stream that resumes from a state, and is incremental."""

    cursor_field = ""
    rows_are: ClassVar[str] = "rows"
    """What its rows are, for messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._cursor: LedgerCursor[Any] | None = None

    @staticmethod
    @abstractmethod
    def usable(saved: Mapping[str, Any], *, now: Any) -> bool:
        """Return whether a state has the form that the stream's states have."""

    @abstractmethod
    def make_cursor(
        self, saved: Mapping[str, Any], repository: MessageRepository, *, incremental: bool
    ) -> LedgerCursor[Any]:
        """Return the cursor of a sync.

        :param saved: state of an earlier sync, empty to read from the config's start date on
        :param incremental: whether to emit states, or Airbyte's mark for a stream that was read in full
        """

    @property
    def incremental_field(self) -> str | None:
        """Cursor field."""
        return str(self.cursor_field)

    @property
    def closing_level(self) -> int:
        """Log level of the closing line; what the account lacks is warned of when the stream is judged."""
        return logging.INFO

    def held_gaps(self) -> list[Gap]:
        """Return the gaps that the state holds."""
        return self.ledger_cursor.gaps()

    def revert(self) -> None:
        """Say at the end that nothing was read."""
        self.ledger_cursor.revert()

    @property
    def ledger_cursor(self) -> LedgerCursor[Any]:
        """The cursor of this sync."""
        if self._cursor is None:
            raise TypeError(f"{self.name} has no cursor before make_cursor")
        return self._cursor

    def warn_if_out_of_reach(self, ledger: WindowLedger[Any]) -> None:
        """Say that days are lost that lie before the first one there is to read."""
        if ledger.is_out_of_reach:
            day = self.context.config.start_date.to_date_string()
            self.warn_once("out of reach", OUT_OF_REACH.format(name=self.name, day=day, what=self.rows_are))


class WindowStream(ResumableStream):
    """Reads an endpoint for the account as a whole, a range of days at a time: at most a month, six months back.

    Declared by a subclass, besides what `ZoomStream` asks for: `cursor_field`, and `from` and `to` among the
    endpoint's `slice_params`.
    """

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self._served = ServedDays()
        self._of_borders: set[tuple[Any, ...]] = set()
        """Keys of rows that two windows have, as neighbours share a day."""

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: Any) -> bool:
        """Return whether a state is that of a ledger."""
        return WindowLedger.usable(saved, now=now)

    def make_cursor(
        self, saved: Mapping[str, Any], repository: MessageRepository, *, incremental: bool
    ) -> LedgerCursor[Any]:
        """Return the cursor of a sync."""
        config = self.context.config
        ledger = WindowLedger.of(
            saved,
            now=self.context.now,
            first_day=config.start_date.date(),
            lookback_days=config.lookback_window_days,
        )
        self.warn_if_out_of_reach(ledger)
        self._cursor = LedgerCursor(self.name, ledger, repository, emits_sentinel=not incremental)
        return self._cursor

    def probe(self) -> bool:
        """Ask for the rows of today; return whether Zoom lets us read them.

        :raises SliceFailure: if it does not
        """
        today = self.context.now.date()
        next(iter(self.read_records(SyncMode.full_refresh, stream_slice={"first": today, "last": today})), None)
        return self.closing_line() is None

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the days to read of each window, oldest first."""
        today = self.context.now.date()
        for window in grid(self.ledger_cursor.earliest_day(), today):
            self.ledger_cursor.open(window, {ACCOUNT})
            if days := self.ledger_cursor.days_to_read(window, ACCOUNT):
                yield {"owner": ACCOUNT, "window": window, "first": days.first, "last": last_asked(window, today)}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of some days, as far as Zoom serves them.

        :raises SliceFailure: if a row is missing
        """
        slice_ = stream_slice or {}
        days = Window(slice_["first"], slice_["last"])
        if days.last < self._served.first():
            self.warn_once(
                "expired", f"Stream {self.name}: Zoom does not serve days before {self._served.first()} any more."
            )
            return
        borders = (slice_["window"].first, slice_["window"].last) if "window" in slice_ else ()
        near = {border.add(days=off).isoformat() for border in borders for off in (-ZONE_DAYS, 0, ZONE_DAYS)}
        for record in self._served.read(days, lambda served: self._read_of(slice_, served)):
            # What the other window emits is read again with that window, unless it was read to its end.
            if str(record[str(self.cursor_field)])[:10] not in near or self._is_first(record):
                yield record

    def _with_keys(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record that has its keys, and its time.

        :raises ValueError: if one is missing
        """
        if not record.get(str(self.cursor_field)):
            raise ValueError(f"it has no '{self.cursor_field}'")
        return super()._with_keys(record)

    def _is_first(self, record: Mapping[str, Any]) -> bool:
        key = tuple(record[name] for name in self.key_fields)
        with self._lock:
            is_first = key not in self._of_borders
            self._of_borders.add(key)
        return is_first

    def _read_of(self, slice_: Mapping[str, Any], days: Window) -> Iterator[Mapping[str, Any]]:
        return super().read_records(SyncMode.full_refresh, stream_slice={**slice_, **as_days(days)})

    def counts_refusal(self, verdict: Any, stream_slice: Mapping[str, Any]) -> bool:
        """Return False: a refusal of the account's list stops the stream."""
        return False

    def subject_of(self, stream_slice: Mapping[str, Any]) -> dict[str, str]:
        """Return the window, as gaps name it: by its first day that was not read."""
        return {"object_type": "window", "object_id": str(stream_slice.get("first", ""))}
