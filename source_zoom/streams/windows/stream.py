"""Streams with a state of their own, and those that read an endpoint window by window."""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, ClassVar

import pendulum
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.datetimes import moment_of
from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.windows.borders import Borders
from source_zoom.streams.windows.cursor import LedgerCursor
from source_zoom.streams.windows.grid import Window, clipped
from source_zoom.streams.windows.ledger import ACCOUNT, ZONE_DAYS, WindowLedger
from source_zoom.streams.windows.listing import WindowList

OUT_OF_REACH = (
    "Stream {name}: its state ends before {day}, the first day there is to read (start_date, and at most what "
    "Zoom serves): {what} between the two are not read."
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
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
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
        """Return the gaps that the state holds; none where the stream is read for its children only."""
        return self.ledger_cursor.gaps() if self._cursor else []

    def revert(self) -> None:
        """Say at the end that nothing was read."""
        if self._cursor:
            self._cursor.revert()

    @property
    def ledger_cursor(self) -> LedgerCursor[Any]:
        """The cursor of this sync."""
        if self._cursor is None:
            raise TypeError(f"{self.name} has no cursor before make_cursor")
        return self._cursor

    def warn_if_out_of_reach(self, ledger: WindowLedger[Any], first_day: pendulum.Date) -> None:
        """Warn that days which were not read are lost, as they lie before the first one there is to read."""
        if ledger.is_out_of_reach:
            day = first_day.isoformat()
            self.warn_once("out of reach", OUT_OF_REACH.format(name=self.name, day=day, what=self.rows_are))


class WindowStream(ResumableStream, WindowList):
    """Reads an endpoint window by window, from where its state says that the last sync ended.

    Declared by a subclass, besides what `WindowList` asks for: `cursor_field`.
    """

    owner_type: ClassVar[str] = ACCOUNT
    """What an owner is, as gaps name it."""

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self._borders = Borders()
        self._unfinished: set[Hashable] = set()

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
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
            first_day=self.first_day(),
            lookback_days=config.lookback_window_days,
            owner_type=self.owner_type,
        )
        self.warn_if_out_of_reach(ledger, self.first_day())
        self._cursor = LedgerCursor(self.name, ledger, repository, emits_sentinel=not incremental)
        self.read_for(self._cursor)
        return self._cursor

    def probe(self) -> bool:
        """Ask for the rows of today; return whether Zoom lets us read them.

        :raises SliceFailure: if it does not
        """
        today = self.context.now.date()
        next(iter(self.read_records(SyncMode.full_refresh, stream_slice={"first": today, "last": today})), None)
        return self.closing_line() is None

    def slices_in(self, window: Window, owners: set[str]) -> list[Mapping[str, Any]]:
        """Return the slices of a window that was opened."""
        slices = super().slices_in(window, owners)
        self._borders.expect(window, [slice_["owner"] for slice_ in slices])
        return slices

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
        try:
            for record in super().read_records(sync_mode, stream_slice=slice_):
                if "window" in slice_ and self.is_unfinished(record):
                    self._expect(record, slice_)
                yield record
        finally:
            if "window" in slice_:
                self._borders.end(slice_["window"], slice_["owner"])

    def emits(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> bool:
        """Return whether to emit a row: once, though the two windows that share a day both list it."""
        if "window" not in stream_slice:
            return True
        day = str(self.time_of(record))[:10]
        # What the other window emits is read again with that window, unless it was read to its end.
        return self._borders.is_first(stream_slice["window"], stream_slice["owner"], day, self._key_of(record))

    def is_unfinished(self, record: Mapping[str, Any]) -> bool:
        """Return whether Zoom has announced a row that is not ready.

        It is emitted as it is, and the next syncs read its days again, until it is ready or `UNFINISHED_DAYS` old.
        """
        return False

    def time_of(self, record: Mapping[str, Any]) -> Any:
        """Return the time of a row: that of its cursor field.

        If a row that is not ready may lack that, an earlier one, from which on Zoom may list it.
        """
        return record.get(str(self.cursor_field))

    def closing_line(self) -> str | None:
        """Return what was skipped, and how many rows are not ready, for the log."""
        count = len(self._unfinished)
        waiting = f"Stream {self.name}: {count:,} {self.rows_are} are not ready. The next sync reads their days again."
        return " ".join(filter(None, (super().closing_line(), waiting if count else None))) or None

    def with_keys(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record that has its keys, and its time.

        :raises ValueError: if one is missing
        """
        if not self.time_of(record):
            raise ValueError(f"it has no '{self.cursor_field}'")
        return super().with_keys(record)

    def _expect(self, record: Mapping[str, Any], slice_: Mapping[str, Any]) -> None:
        """Have the days that were asked for and may list a row be read again."""
        moment = moment_of(self.time_of(record))
        if moment is None:
            return
        day = moment.in_timezone("UTC").date()
        off = 0 if self.windows.are_moments else ZONE_DAYS
        last = day.add(days=off) if record.get(str(self.cursor_field)) else slice_["last"]
        days = clipped(Window(slice_["first"], slice_["last"]), day.subtract(days=off), last)
        waiting = [cursor.expect(slice_["owner"], day, days) for cursor in self.readers]
        if any(waiting):
            with self._lock:
                self._unfinished.add(self._key_of(record))

    def _key_of(self, record: Mapping[str, Any]) -> Hashable:
        return tuple(record[name] for name in self.key_fields)
