"""Streams that read something of each item of a list: incremental by item, resumable by owner and window."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import pendulum
import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.base.pages import PageCount
from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.items.cursor import ItemCursor, ItemSlice, OwnerListed
from source_zoom.streams.items.listing import ItemList, ItemWindows
from source_zoom.streams.items.state import ItemState, PlainItemState
from source_zoom.streams.items.state_form import Item
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.ledger import ACCOUNT
from source_zoom.streams.windows.stream import ResumableStream
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import LACKING, Meaning


class OfItems(ResumableStream, ZoomSubStream):
    """Reads something of each item of a list: an `HttpSubStream` of the list, incremental."""

    parent: ItemList
    keeps_row: ClassVar[bool] = False
    """Whether a retry needs the listed row."""

    @abstractmethod
    def slice_of(self, item: Any, window: Window | None, *, was_refused: bool = False) -> ItemSlice[Any]:
        """Return the slice of an item."""

    def warn_of_lost(self, state: ItemState[Any, Any]) -> None:
        """Say what of an earlier sync's state cannot be read any more."""
        if state.expired:
            self.warn_once(
                "expired",
                f"Stream {self.name}: {state.expired:,} of the {self.rows_are} that could not be read began before "
                "what Zoom serves, and are not asked for any more.",
            )
        self.warn_if_out_of_reach(state, self.parent.first_day())

    def held_gaps(self) -> list[Gap]:
        """Return the gaps that the state holds."""
        if self.item_cursor.dropped:
            self.warn_once(
                "dropped",
                f"Stream {self.name}: {self.item_cursor.dropped:,} of the {self.rows_are} "
                "that could not be read are not kept for a later sync, as there are too many. A full refresh reads "
                "them when Zoom serves them again.",
            )
        return super().held_gaps()

    def stream_slices(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the items that failed before, then those that are new or have changed."""
        yield from self.item_cursor.retries()
        yield from super().stream_slices(sync_mode, cursor_field, stream_state)

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield items that are to be read because others were answered."""
        return self.item_cursor.late()

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield a slice for an item that is to be read; the end of an owner's list goes to the cursor."""
        told = parent_key["item"]
        if isinstance(told, OwnerListed):
            self.item_cursor.end_owner(told)
        if not isinstance(told, tuple):
            return
        window, item = told
        if self.is_about(item) and self.item_cursor.claim(window, item):
            yield self.slice_of(item, window)

    def is_about(self, item: Any) -> bool:
        """Return whether the stream has something for such an item."""
        return True

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a skip; what is not there yet may come within the lookback."""
        super().note_skip(verdict, stream_slice)
        if isinstance(stream_slice, ItemSlice):
            stream_slice.read_at = pendulum.now("UTC")
            stream_slice.complete = False
            stream_slice.is_lacking = verdict.meaning in LACKING

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal is news: an item that was refused before says nothing of the others."""
        return not (isinstance(stream_slice, ItemSlice) and stream_slice.was_refused)

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return the owner of the item; where the account owns all, the day: what one refuses says little of others."""
        if not isinstance(stream_slice, ItemSlice):
            return ""
        item = stream_slice.item
        return item.day if item.owner == ACCOUNT else item.owner

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the one read of an item."""
        return (stream_slice,)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of an item.

        :raises SliceFailure: if a row is missing
        """
        if not isinstance(stream_slice, ItemSlice):
            raise TypeError(f"{self.name} reads items, not {stream_slice!r}")
        stream_slice.complete = True  # a second try starts anew
        is_empty = True
        for row in self.rows(stream_slice):
            is_empty = False
            yield row
        if is_empty:
            stream_slice.complete = False

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Return the records of one page, and note when it was answered."""
        if isinstance(stream_slice, ItemSlice):
            stream_slice.read_at = pendulum.now("UTC")
        return super().parse_response(response, stream_slice=stream_slice)

    def rows(self, stream_slice: Any) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of an item: those of the endpoint."""
        yield from super().read_records(SyncMode.full_refresh, stream_slice=stream_slice)

    def note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        """Say that a list disagrees with its count; the item is not settled."""
        super().note_miscount(count, stream_slice)
        if isinstance(stream_slice, ItemSlice):
            stream_slice.complete = False

    @property
    def item_cursor(self) -> ItemCursor[Any, Any]:
        """The cursor of this sync."""
        cursor = self.ledger_cursor
        if not isinstance(cursor, ItemCursor):
            raise TypeError(f"{self.name} has a cursor that knows no items")
        return cursor


class ItemStream(OfItems):
    """Reads something of each row of a window stream.

    Declared by a subclass, besides what `ZoomSubStream` asks for: `cursor_field`, the column that says when the item
    began, and `rows_are`, what the items are.
    """

    parent: ItemWindows

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        columns = self.json_schema.get("properties", {})
        self.carried = tuple(name for name in self.parent.item.fields(Item("", "", "", "", "")) if name in columns)

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state is one of a stream about items."""
        return PlainItemState.usable(saved, now=now)

    def make_cursor(
        self, saved: Mapping[str, Any], repository: MessageRepository, *, incremental: bool
    ) -> ItemCursor[Any, Any]:
        """Return the cursor of a sync, which the list of items is read for.

        :param saved: state of an earlier sync, empty to read from the config's start date on
        :param incremental: whether to emit states, or Airbyte's mark for a stream that was read in full
        """
        config = self.context.config
        state = PlainItemState(
            saved,
            now=self.context.now,
            first_day=self.parent.first_day(),
            lookback_days=config.lookback_window_days,
            owner_type=self.parent.owner_type,
            item_type=self.parent.item.noun,
            keeps_row=self.keeps_row,
            windows=self.parent.windows,
        )
        self.warn_of_lost(state)
        cursor = self._cursor = ItemCursor(
            self.name,
            state,
            repository,
            emits_sentinel=not incremental,
            slice_of=self.slice_of,
            is_served=lambda: self.probation.is_passed,
        )
        self.parent.read_for(cursor)
        return cursor

    @property
    def lacks(self) -> Meaning | None:
        """What the account lacks, for the items or for their list."""
        return super().lacks or (None if self.probation.is_passed else self.parent.lacks)

    def slice_of(self, item: Item, window: Window | None, *, was_refused: bool = False) -> ItemSlice[Item]:
        """Return the slice of an item."""
        return ItemSlice(item, window, was_refused=was_refused, **self.parent.item.fields(item))
