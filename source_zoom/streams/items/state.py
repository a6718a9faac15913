"""What one stream has read of the items that a window stream lists: the state it resumes from.

No threads, no HTTP, no clock. A state is a ledger of owners (`windows/ledger.py`), and holds besides

- `recent`: items that will be listed again, by the day they began on: four sets of digests of key and fingerprint.
  Items of the first three sets are read again 2, 6 and 24 hours after their end. Those of the last are settled, and
  read again only if their fingerprint changes.
- `retry`: items whose own request failed, with what is needed to ask again, and when they were last `asked` for.

An item is listed under the day it began on. Where a stream needs the listed row, `retry` keeps it: the list itself is
not read again for a retry.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Generic, TypeVar

import pendulum

from source_zoom.streams.items import state_form
from source_zoom.streams.items.state_form import ROW_BYTES, STAGES, Item, ItemData, ItemT, Retry
from source_zoom.streams.windows.digests import DigestSet, mark
from source_zoom.streams.windows.grid import ORIGIN, REPORTS, Window, Windows
from source_zoom.streams.windows.ledger import ASKED_AGAIN, OWNERS, ZONE_DAYS, HeldGap, WindowLedger, held_gap
from source_zoom.streams.windows.ledger_form import Cause, Reach, day_of, time_text

__all__ = ["ASKED_AGAIN", "MILESTONES", "MOST_RETRIES", "SETTLED", "ItemState", "PlainItemState"]

MILESTONES = (2, 6, 24)
"""Hours after its end at which an item is read again if it was not complete, or was read before the first of them."""

SETTLED = STAGES - 1

MOST_RETRIES = 1000

ALL_ROWS_BYTES = 400_000
"""How many bytes of listed rows are kept for retries; beyond them, a retry has no row."""

DataT = TypeVar("DataT", bound="ItemData[Any]")


class ItemState(WindowLedger[DataT], Generic[ItemT, DataT]):
    """The state of one stream about items, during one sync.

    :param held: what an earlier sync left
    :param settings: those of this sync
    :param now: start of this sync; what happens later is the next one's business
    :param first_day: first UTC day of items to read
    :param lookback_days: days before the watermark to read again, as items arrive late
    :param owner_type: what an owner is, as gaps name it
    :param item_type: what an item is, as gaps name it
    :param keeps_row: whether a retry needs the listed row
    :param windows: how the list of items takes days
    """

    def __init__(  # noqa: PLR0913 - the settings of a stream
        self,
        held: DataT,
        settings: Reach,
        *,
        now: pendulum.DateTime,
        first_day: pendulum.Date,
        lookback_days: int,
        owner_type: str,
        item_type: str,
        keeps_row: bool,
        windows: Windows = REPORTS,
    ) -> None:
        oldest = windows.oldest_served(now).isoformat()
        served = {key: entry for key, entry in held.retry.items() if entry.item.day >= oldest}
        self.expired = len(held.retry) - len(served)
        """How many items were dropped as Zoom does not serve them any more."""
        held.retry = served
        super().__init__(
            held, settings, now=now, first_day=first_day, lookback_days=lookback_days, owner_type=owner_type
        )
        self._item_type = item_type
        self._keeps_row = keeps_row
        self._trimmed = first_day.isoformat()
        self.dropped = 0
        """How many items were dropped as more than `MOST_RETRIES` failed."""
        self._due = self._milestones(now)
        self._retried = set(self._held.retry)
        self._asked_first = self._refused_to_ask()
        self._noted: set[str] = set()
        self._listed: dict[tuple[Window, str], list[tuple[str, int]]] = {}
        """Day and digest of those of an owner's items in a window that `recent` has, for `_owner_done` to forget."""
        self._claimed: dict[str, set[str]] = {}
        """Keys by day, for the days that a window not yet passed can list."""
        self._pending: set[str] = set()

    # What is to be read

    def wants(self, window: Window, item: ItemT) -> bool:
        """Return whether a listed item is to be read: it is new, has changed, or was not complete when read."""
        need = self._lacks(window, item.listed_under)
        if need is None or item.day < self._trimmed:
            return False
        # `need.last` is no bound: what is listed beyond it was listed because it is new.
        if item.day < need.first.subtract(days=ZONE_DAYS).isoformat():
            return False
        return self._is_wanted(item) and not self._is_covered(item)

    def claim(self, window: Window, item: ItemT) -> bool:
        """Return whether a listed item is to be read; True once, as it can be listed in several places."""
        claimed = self._claimed.setdefault(item.day, set())
        if item.key in claimed:
            return False
        if not self.wants(window, item):
            self._note_listed(window, item)
            return False
        claimed.add(item.key)
        self._pending.add(item.key)
        return True

    def is_claimed(self, item: ItemT) -> bool:
        """Return whether an item was claimed in this sync and neither read nor failed yet.

        Until one of these, no place that lists it is finished: an owner can have two names, or two windows share a day.
        """
        return item.key in self._pending

    def owe(self, item: ItemT) -> bool:
        """Note that an item is to be read though no window lists it; return whether it is (then it is claimed).

        Until it is read, it is among the retries of each sync.
        """
        claimed = self._claimed.setdefault(item.day, set())
        if item.day < self._trimmed or item.key in claimed or not self._is_wanted(item):
            return False
        claimed.add(item.key)
        self._pending.add(item.key)
        self._keep(Retry(self._kept(item), time_text(self._now)))
        return True

    def retries(self) -> list[ItemT]:
        """Return the items of earlier syncs to ask for again.

        All that were at fault, and as many as `ASKED_AGAIN` of the refused ones, those asked longest ago first.
        """
        return [
            entry.item
            for key, entry in self._held.retry.items()
            if key in self._retried and (not entry.is_refused or key in self._asked_first)
        ]

    def was_refused(self, item: ItemT) -> bool:
        """Return whether an earlier sync was refused an item for good."""
        entry = self._held.retry.get(item.key)
        return entry is not None and entry.is_refused

    def other_refused(self) -> list[ItemT]:
        """Return the refused items that `retries` left out: to be asked for when one of those was read."""
        return [
            entry.item
            for key, entry in self._held.retry.items()
            if key in self._retried and entry.is_refused and key not in self._asked_first
        ]

    def gaps(self) -> list[HeldGap]:
        """Return what the state says could not be read: owners, items, in the order of their names."""
        gaps: list[HeldGap | None] = [*super().gaps()]
        gaps += [
            held_gap(self._item_type, key, one, one.item.day, one.item.day)
            for key, one in sorted(self._held.retry.items())
        ]
        return [gap for gap in gaps if gap is not None]

    # What was read

    def read(self, window: Window | None, item: ItemT, *, at: pendulum.DateTime, complete: bool) -> None:
        """Note that an item was read.

        :param window: the window it was listed in, None for a retry
        :param at: when its answer was read
        :param complete: whether its rows were all filled in
        """
        self._held.retry.pop(item.key, None)
        self._pending.discard(item.key)
        if not self._is_plausible(item.day):
            return
        milestones = self._milestones(at)
        stage = sum(item.end_time <= end for end in milestones)
        stage = SETTLED if complete and stage else stage
        number = _mark(item)
        stages = self._held.recent.setdefault(item.day, [DigestSet() for _ in range(STAGES)])
        for marks in stages:
            marks.discard(number)
        stages[stage].add(number)
        if window is not None:
            self._listed.setdefault((window, item.listed_under), []).append((item.day, number))

    def fail(self, item: ItemT, cause: Cause) -> None:
        """Note that an item could not be read: it is kept for a retry, and its owner can count as done.

        Of more than `MOST_RETRIES` the one that ended first is dropped.
        """
        known = self._held.retry.get(item.key)
        self._pending.discard(item.key)
        if not (known and known.is_refused):
            self._noted.add(item.key)
        since = known.since if known and known.since else self._today.isoformat()
        self._keep(Retry(self._kept(item), time_text(self._now), since, cause))

    def settle_noted(self) -> None:
        """Count the items that were refused in this sync as read, as the stream does without them."""
        for key in self._noted:
            entry = self._held.retry.get(key)
            if entry and entry.is_refused:
                self.read(None, entry.item, at=self._now, complete=True)

    # What the ledger asks

    def _owner_done(self, window: Window, owner: str, read_to: pendulum.Date) -> None:
        # The items of days that nothing lists again need not be known any more.
        if listed := self._listed.get((window, owner)):
            listed_again = read_to.subtract(days=ZONE_DAYS).isoformat()
            missing = [one.days for one in self._held.missing.get(owner, ())]
            for day, known in listed:
                if day < listed_again and not any(is_listed(day, days) for days in missing):
                    for marks in self._held.recent.get(day, ()):
                        marks.discard(known)

    def _window_passed(self, window: Window) -> None:
        listed_again = window.last.subtract(days=2 * ZONE_DAYS).isoformat()
        self._claimed = {
            day: keys for day, keys in self._claimed.items() if day >= listed_again or self._is_missing(day)
        }

    def _close(self, window: Window, owner: str) -> None:
        self._listed.pop((window, owner), None)
        super()._close(window, owner)

    def _forget_passed(self) -> None:
        super()._forget_passed()
        if next_day := self._next_day():
            held, oldest = self._held, next_day.subtract(days=ZONE_DAYS).isoformat()
            held.recent = {
                day: stages
                for day, stages in held.recent.items()
                if any(stages) and (day >= oldest or self._is_missing(day))
            }

    # Items

    def _is_missing(self, day: str) -> bool:
        """Return whether an owner lacks days whose list can have an item of a day."""
        return any(is_listed(day, one.days) for ranges in self._held.missing.values() for one in ranges)

    def _refused_to_ask(self) -> set[str]:
        refused = {key: entry for key, entry in self._held.retry.items() if entry.is_refused}
        return set(sorted(refused, key=lambda key: (refused[key].asked, key))[:ASKED_AGAIN])

    def _is_wanted(self, item: ItemT) -> bool:
        """Return whether an item was not read yet, or is to be read again."""
        if item.key in self._held.retry or item.key in self._retried:
            return False
        number = _mark(item)
        for stage, marks in enumerate(self._held.recent.get(item.day, ())):
            if number in marks:
                return stage < SETTLED and item.end_time <= self._due[stage]
        return True

    def _is_covered(self, item: ItemT) -> bool:
        """Return whether an item was read before the settings became wider."""
        covered = self._held.covered
        if covered is None or covered.last is None:
            return False
        first, last = covered.first.add(days=ZONE_DAYS), covered.last.subtract(days=ZONE_DAYS)
        return first.isoformat() <= item.day <= last.isoformat() and not any(
            is_listed(item.day, one.days) for one in self._held.missing.get(item.listed_under, ())
        )

    def _milestones(self, now: pendulum.DateTime) -> list[str]:
        """Return, for each milestone, the latest end of an item that has reached it."""
        seconds = now.timestamp()
        return [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds - 3600 * hours)) for hours in MILESTONES]

    def _is_plausible(self, day: str) -> bool:
        """Return whether items of a day can be noted in the state; others are read whenever they are listed."""
        try:
            return ORIGIN <= day_of(day) <= self._today.add(days=1)
        except ValueError:
            return False

    def _note_listed(self, window: Window, item: ItemT) -> None:
        """Remember that an item which was read before belongs to an owner in a window."""
        number = _mark(item)
        known = any(number in marks for marks in self._held.recent.get(item.day, ()))
        if known and item.listed_under in self._open.get(window, ()):
            # Once it is forgotten, no other list of this sync shall take it for new.
            self._claimed[item.day].add(item.key)
            self._listed.setdefault((window, item.listed_under), []).append((item.day, number))

    def _kept(self, item: ItemT) -> ItemT:
        """Return an item as it is kept for a retry, with the row an earlier sync listed if it has none."""
        known = self._held.retry.get(item.key)
        if not item.row and known:
            item = self._with_row_of(item, known.item)
        rows = sum(len(entry.item.row) for entry in self._held.retry.values())
        if not self._keeps_row or len(item.row) > ROW_BYTES or rows > ALL_ROWS_BYTES:
            item = self._without_row(item)
        return item

    def _with_row_of(self, item: ItemT, known: ItemT) -> ItemT:
        return replace(item, row=known.row)

    def _without_row(self, item: ItemT) -> ItemT:
        return replace(item, row=b"")

    def _keep(self, entry: Retry[ItemT]) -> None:
        retry = self._held.retry
        retry[entry.item.key] = entry
        if len(retry) > MOST_RETRIES:
            del retry[min(retry, key=lambda key: (retry[key].item.end_time, key))]
            self.dropped += 1


class PlainItemState(ItemState[Item, ItemData[Item]]):
    """The state of a stream whose items have no fields but those of `Item`.

    :param saved: state of an earlier sync, in the form `to_json` returns; one of another form counts as none
    :param now: start of this sync
    :param first_day: first UTC day of items to read
    :param lookback_days: days before the watermark to read again
    :param owner_type: what an owner is, as gaps name it
    :param item_type: what an item is, as gaps name it
    :param keeps_row: whether a retry needs the listed row
    :param windows: how the list of items takes days
    """

    def __init__(  # noqa: PLR0913 - the settings of a stream
        self,
        saved: Mapping[str, Any],
        *,
        now: pendulum.DateTime,
        first_day: pendulum.Date,
        lookback_days: int,
        owner_type: str,
        item_type: str,
        keeps_row: bool = False,
        windows: Windows = REPORTS,
    ) -> None:
        settings = Reach(min(first_day, now.date().add(days=1)), is_wide=False)
        super().__init__(
            state_form.read(saved, now, OWNERS) or ItemData(settings),
            settings,
            now=now,
            first_day=first_day,
            lookback_days=lookback_days,
            owner_type=owner_type,
            item_type=item_type,
            keeps_row=keeps_row,
            windows=windows,
        )

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state has the form that `to_json` returns."""
        return state_form.read(saved, now, OWNERS) is not None

    def to_json(self) -> dict[str, Any]:
        """Return the state as Airbyte keeps it; no object of it is used further."""
        self._forget_passed()
        return state_form.written(self._held, OWNERS, state_form.fields_of)


def is_listed(day: str, days: Window) -> bool:
    """Return whether a list of some days can have an item of a day."""
    first, last = days.first.subtract(days=ZONE_DAYS), days.last.add(days=ZONE_DAYS)
    return first.isoformat() <= day <= last.isoformat()


def _mark(item: Item) -> int:
    return mark(item.key, item.fingerprint)
