"""Endpoints that are read window by window, for the cursors that need what they list."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, ClassVar

import pendulum
from airbyte_cdk.models import SyncMode

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.windows.cursor import LedgerCursor
from source_zoom.streams.windows.grid import REPORTS, Window, Windows, last_asked
from source_zoom.streams.windows.ledger import ACCOUNT, ASKED_AGAIN
from source_zoom.streams.windows.served import ServedDays
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import Meaning

LOGGER = logging.getLogger("airbyte")

PROBED_DAYS = 2
"""Newest days of a refused owner that are asked for, to see whether the refusal still stands."""


class WindowList(ZoomStream):
    """Reads an endpoint a range of days at a time.

    Its slices are the owners of each window, with the days that any of the cursors lacks of them. An owner is a user,
    or the account as a whole. Declared by a subclass, besides what `ZoomStream` asks for: `from` and `to` among the
    endpoint's `slice_params`, and `owner_field` with `owners` where it is not read for the account as a whole.
    """

    owner_field: ClassVar[str | None] = None
    """Field of a slice that names the owner; None for the account."""
    windows: ClassVar[Windows] = REPORTS
    """How the endpoint takes days."""

    def __init__(self, context: StreamContext) -> None:
        super().__init__(context)
        self.readers: list[LedgerCursor[Any]] = []
        self._served = ServedDays(windows=self.windows)
        self._gone: set[str] = set()

    def read_for(self, cursor: LedgerCursor[Any]) -> None:
        """Read what a cursor asks for, too."""
        self.readers.append(cursor)

    def first_day(self) -> pendulum.Date:
        """Return the first day to read: the config's, and at most as many months back as Zoom serves."""
        return max(self.context.config.start_date.date(), self.windows.oldest_served(self.context.now))

    def owners(self, window: Window, first: pendulum.Date, last: pendulum.Date) -> set[str]:
        """Return whom to read in a window.

        :param first: first day that the sync reads
        :param last: last day
        """
        return {ACCOUNT}

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the owners of each window, oldest first, with the days that are needed of them."""
        if self.owner_field:
            self._ask_refused_again()
        today = self.context.now.date()
        first = min((cursor.earliest_day() for cursor in self.readers), default=today)
        for window in self.windows.grid(first, today):
            owners = self.owners(window, first, today)
            self.open(window, owners)
            yield from self.slices_in(window, owners)

    def open(self, window: Window, owners: set[str]) -> None:
        """Announce a window and its owners to the cursors."""
        for cursor in self.readers:
            cursor.open(window, owners)

    def slices_in(self, window: Window, owners: set[str]) -> list[Mapping[str, Any]]:
        """Return the slices of a window that was opened."""
        slices: list[Mapping[str, Any]] = []
        for owner in sorted(owners):
            needs = [need for cursor in self.readers if (need := cursor.days_to_read(window, owner))]
            if needs:
                days = Window(min(need.first for need in needs), max(need.last for need in needs))
                last = last_asked(days, self.context.now.date())
                slices.append(
                    {"owner": owner, **self._named(owner), "window": window, "first": days.first, "last": last}
                )
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
        if not self.owner_field and self.lacks:
            return  # what the account lacks, it lacks on other days, too
        if not self.is_expired(slice_):
            days = Window(slice_["first"], slice_["last"])
            try:
                yield from self._served.read(days, lambda served: self._read_of(slice_, served))
            except SliceFailure as error:
                if self.owner_field:
                    raise
                yield from self._refused_window(error, days)

    def _refused_window(self, error: SliceFailure, days: Window) -> Iterator[Mapping[str, Any]]:
        """Say what a refusal of some days of the account means: it need not speak of other days.

        :raises SliceFailure: unless Zoom says that it serves no such days any more
        """
        meaning = error.facts.get("meaning")
        if meaning == Meaning.OUT_OF_REACH.name:
            self.warn_once("expired", f"Stream {self.name}: Zoom does not serve the days to {days.last} any more.")
            return
        if meaning == Meaning.INVALID.name:
            message = f"{error.message} It was asked for {days.first} to {days.last}."
            was_answered = self.probation.is_passed or any(cursor.has_watermark for cursor in self.readers)
            of = SliceFailure if was_answered else type(error)
            raise of(message, cause=error.cause, failure_type=error.failure_type, facts=error.facts)
        raise error
        yield  # a generator, like what it stands in for

    def is_expired(self, slice_: Mapping[str, Any]) -> bool:
        """Return whether Zoom serves none of a slice's days any more; say so once."""
        first = self._served.first()
        if slice_["last"] >= first:
            return False
        self.warn_once("expired", f"Stream {self.name}: Zoom does not serve days before {first} any more.")
        return True

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count an owner whose list Zoom does not have."""
        super().note_skip(verdict, stream_slice)
        self._gone.add(str(stream_slice.get(self.owner_field or "", ACCOUNT)))

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal speaks of the list: not that of days, nor of an owner who was refused before."""
        is_of_days = verdict.meaning in Meaning.INVALID | Meaning.OUT_OF_REACH
        return not is_of_days and not stream_slice.get("is_probe")

    def subject_of(self, stream_slice: Mapping[str, Any]) -> dict[str, str]:
        """Return the owner; for the account the window, named by its first day that is asked for."""
        if self.owner_field:
            return super().subject_of(stream_slice)
        return {"object_type": "window", "object_id": str(stream_slice.get("first", ""))}

    def _named(self, owner: str) -> dict[str, str]:
        return {self.owner_field: owner} if self.owner_field else {}

    def _read_of(self, slice_: Mapping[str, Any], days: Window) -> Iterator[Mapping[str, Any]]:
        return super().read_records(SyncMode.full_refresh, stream_slice={**slice_, **self.windows.params(days)})

    # Owners who were refused before

    def _ask_refused_again(self) -> None:
        """Ask a few of the owners who were refused in earlier syncs for their newest days.

        If one answers, all of them are read again.
        """
        # The cursors take turns, so that no owner waits for ever behind those of another cursor.
        turns = zip_longest(*(cursor.refused_owners() for cursor in self.readers))
        refused = dict.fromkeys(owner for turn in turns for owner in turn if owner is not None)
        today = self.context.now.date()
        days = Window(today.subtract(days=PROBED_DAYS), today)
        for owner in list(refused)[:ASKED_AGAIN]:
            try:
                answered = self._is_answered(owner, days)
            except StreamStopped as error:
                LOGGER.info(f"Stream {self.name}: who was refused before is not asked again: {error}")
                return
            except SliceFailure as error:
                for cursor in self.readers:
                    cursor.asked(owner)
                if error.again:
                    return
                continue
            for cursor in self.readers:
                for one in refused if answered else (owner,):  # nothing is held back of one who is gone
                    cursor.allow(one)
            if answered:
                return

    def _is_answered(self, owner: str, days: Window) -> bool:
        """Return whether Zoom lists what it has of an owner; False for one it does not know any more.

        :raises SliceFailure: if it refuses to
        """
        read = {**self._named(owner), "is_probe": True}
        self._gone.discard(owner)
        next(iter(self._served.read(days, lambda served: self._read_of(read, served))), None)
        return owner not in self._gone
