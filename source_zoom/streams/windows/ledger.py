"""Which days were read of which owner, in windows: the state of a stream without what it keeps of single items.

No threads, no HTTP, no clock. An owner is a host, a user, or the account. A ledger (version 2) holds

- `end_time`: the watermark. All that began before it was read, but for what the rest names.
- `settled`: whether all before the watermark was read so late that nothing of it was still to come.
- `read_with`: the settings it was read with, such as the `first` day.
- `covered`: the days that were read before settings became wider and the watermark went back. Gone when the watermark
  has passed them.

and under `owners`, or the stream's word for them,

- `done`: digests of the names of those who were read in windows that the watermark has not passed yet: a set for each
  first day of a window and first day that is to be read again.
- `missing`: by name, days that could not be read, or had a row that was not ready, though the watermark has passed
  them; asked for in each sync.
- `refused`: those who are refused for good: the `first` day that was not read, when they were last `asked`, and the
  `names` of all who have the same.

What could not be read has the cause (`meaning`, `http_status`, `zoom_code`, `refused`) and `since`, the day of the
first failure. Without these it is not a gap, only to be read in the next sync, as days with a row that Zoom has
announced and still works on. They stay as long as such a row is less than `UNFINISHED_DAYS` old.

Rows arrive late, and belong to a day in a time zone that is not known, so every sync starts some days before the
watermark: the config's lookback and `FIXED_DAYS`. A window that ends before that is settled: it need not be read again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import pendulum

from source_zoom.streams.windows import ledger_form
from source_zoom.streams.windows.digests import DigestSet, mark
from source_zoom.streams.windows.grid import DAYS, Window, clipped, ranges_of
from source_zoom.streams.windows.ledger_form import (
    Cause,
    LedgerData,
    MissingDays,
    Reach,
    Unread,
    Unreadable,
    day_of,
    time_text,
)

FIXED_DAYS = 2
"""Days for what lasts over midnight (a session up to 30 hours) and for the unknown zone of Zoom's days."""

ZONE_DAYS = 1
"""By how much the day Zoom counts something under can differ from the UTC day it began on."""

UNFINISHED_DAYS = 14
"""From this age on, a row that Zoom still works on is taken as it is."""

ASKED_AGAIN = 20
"""Owners (and items) who were refused and are asked again in a sync."""

OWNERS = "owners"

ACCOUNT = "account"
"""The one owner of what is read for the account as a whole, and what that owner is."""

DataT = TypeVar("DataT", bound=LedgerData)


@dataclass(frozen=True)
class HeldGap:
    """Something that a state says could not be read.

    :param object_type: what could not be read: an owner, an item or another thing, by the stream's word for it
    :param since: UTC day of the first failure
    :param first_day: first of the days that lack it, and `last_day` the last one
    """

    object_type: str
    object_id: str
    meaning: str
    http_status: int | None
    zoom_code: int | None
    since: str
    first_day: str
    last_day: str


class WindowLedger(Generic[DataT]):
    """Which days of which owner were read, during one sync.

    Windows are opened, oldest first, with the owners to read in them. Each owner is then finished, missed, refused or
    left. The watermark passes a window when none of its owners is left, nor any of an earlier window.

    :param data: what an earlier sync left
    :param settings: those of this sync
    :param now: start of this sync; what happens later is the next one's business
    :param first_day: first UTC day to read; Zoom is asked from the day before on, under which zones west of UTC count
        its first hours
    :param lookback_days: days before the watermark to read again, as rows arrive late
    :param owner_type: what an owner is, as gaps name it
    """

    def __init__(  # noqa: PLR0913 - the settings of a stream
        self,
        data: DataT,
        settings: Reach,
        *,
        now: pendulum.DateTime,
        first_day: pendulum.Date,
        lookback_days: int,
        owner_type: str,
    ) -> None:
        self._held = data
        self._now = now
        self._today = now.date()
        self._owner_type = owner_type
        self._margin = lookback_days + FIXED_DAYS
        self._changing = self._today.subtract(days=self._margin)
        """First day of which rows may still come; a window that ends more than `ZONE_DAYS` before is settled."""
        self._settles = self._changing.subtract(days=ZONE_DAYS)
        self._oldest = first_day.subtract(days=ZONE_DAYS)
        if self._held.end_time:
            self._held.end_time = min(self._held.end_time, now)
        self._take_settings(settings)
        self.is_out_of_reach = self._forget_unserved(first_day)
        """Whether days that were not read lie before the first day."""
        self._first_day = max(self._oldest, self._next_day() or self._oldest)
        self._settled_to = self._held.end_time.date() if self._held.is_settled and self._held.end_time else None
        self._forget_done()
        self._open: dict[Window, set[str]] = {}
        self._passed: set[Window] = set()
        self._unfinished: dict[str, set[pendulum.Date]] = {}
        """By owner, days on which this sync met a row that is not ready."""

    @classmethod
    def of(
        cls,
        saved: Mapping[str, Any],
        *,
        now: pendulum.DateTime,
        first_day: pendulum.Date,
        lookback_days: int,
        owner_type: str = ACCOUNT,
    ) -> WindowLedger[LedgerData]:
        """Return the ledger of owners about whom no more is kept than their days.

        :param saved: state of an earlier sync, in the form `to_json` returns; one of another form counts as none
        """
        settings = Reach(min(first_day, now.date().add(days=1)), is_wide=False)
        data = ledger_form.read(saved, now, OWNERS) or LedgerData(settings)
        return WindowLedger(
            data, settings, now=now, first_day=first_day, lookback_days=lookback_days, owner_type=owner_type
        )

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state has the form that `to_json` returns.

        Fields that are not known are ignored. A watermark in the future counts as now; any other day more than one
        day ahead makes it unusable.
        """
        return ledger_form.read(saved, now, OWNERS) is not None

    @property
    def end_time(self) -> pendulum.DateTime | None:
        """The watermark."""
        return self._held.end_time

    def earliest_day(self) -> pendulum.Date:
        """Return the first day that has to be listed of any owner."""
        missing = [one.days.first for ranges in self._held.missing.values() for one in ranges]
        return max(self._oldest, min([self._first_day, *missing]))

    def first_day(self, window: Window) -> pendulum.Date | None:
        """Return the first day of a window to list of every owner, None if all of it was read."""
        if window in self._passed or (self._settled_to and window.last <= self._settled_to):
            return None
        first = max(window.first, self._first_day)
        covered = self._held.covered
        # Days read before the settings became wider have nothing more to read, unless only some of their rows were.
        is_enough = covered and covered.is_wide >= self._held.read_with.is_wide
        if covered and covered.last and is_enough and first > covered.first.add(days=ZONE_DAYS):
            first = max(first, covered.last.add(days=1))
        return first if window.last >= first else None

    def owners(self, window: Window) -> set[str]:
        """Return the owners who lack days of a window; they may not be active any more."""
        return {
            owner for owner, ranges in self._held.missing.items() if any(overlap(one.days, window) for one in ranges)
        }

    def days_to_read(self, window: Window, owner: str) -> Window | None:
        """Return the days of a window to list of an owner, None if there are none, or if the owner is refused."""
        return None if owner in self._held.refused else self._lacks(window, owner)

    def refused_owners(self) -> list[str]:
        """Return the owners who were refused, those asked longest ago first."""
        return sorted(self._held.refused, key=lambda owner: (self._held.refused[owner].asked, owner))

    def gaps(self) -> list[HeldGap]:
        """Return what the ledger says could not be read, in the order of the owners' names."""
        today = self._today.isoformat()
        gaps = [
            held_gap(self._owner_type, owner, one, one.days.first.isoformat(), one.days.last.isoformat())
            for owner, ranges in sorted(self._held.missing.items())
            for one in ranges
        ]
        gaps += [
            held_gap(self._owner_type, owner, one, one.first.isoformat(), today)
            for owner, one in sorted(self._held.refused.items())
        ]
        return [gap for gap in gaps if gap is not None]

    def open(self, window: Window, owners: Iterable[str]) -> None:
        """Announce a window and the owners that are read in it, in the order of the windows; more may follow later.

        What a refused owner lacks of it is kept, too: the window may have been under way when the refusal came.
        """
        owners = set(owners)
        for owner in owners & self._held.refused.keys():
            if lacking := self._lacks(window, owner):
                self._refuse_from(owner, lacking.first)
        self._open.setdefault(window, set()).update(owner for owner in owners if self.days_to_read(window, owner))
        self._pass_finished()

    def finish(self, window: Window, owner: str) -> None:
        """Note that an owner was read in a window, with all that is in it."""
        if owner not in self._open.get(window, ()):
            return  # listed for another stream
        self._fill(window, owner)
        self._keep_unfinished(window, owner)
        read_to = self._read_to(window)
        if read_to > window.first:
            self._note_done(window, owner, read_to)
        self._close(window, owner)

    def expect(self, owner: str, day: pendulum.Date, days: Window) -> bool:
        """Note that a row of an owner is not ready, before its window is finished; return whether it is read again.

        :param day: UTC day of the row
        :param days: those to read again, in the next sync, as they may list it
        """
        if day <= self._today.subtract(days=UNFINISHED_DAYS):
            return False
        self._unfinished.setdefault(owner, set()).update(clipped(days, days.first, self._today).each())
        return True

    def miss(self, window: Window, owner: str, cause: Cause) -> None:
        """Note that an owner was at fault in a window: each further sync asks for the days again."""
        need = self._lacks(window, owner)
        if owner in self._open.get(window, ()) and need is not None:
            if owner in self._held.refused:
                self._refuse_from(owner, need.first)
            else:
                self._lack(owner, Window(need.first, max(need.first, min(need.last, self._today))), cause)
        self._close(window, owner)

    def refuse(self, window: Window, owner: str, cause: Cause) -> None:
        """Note that an owner was refused for good in a window: the watermark passes without that owner from now on."""
        need = self._lacks(window, owner)
        if owner in self._open.get(window, ()) and need is not None:
            if owner in self._held.refused:
                self._refuse_from(owner, need.first)
            else:
                ranges = self._held.missing.pop(owner, [])
                since = min([self._today.isoformat(), *(one.since for one in ranges if one.since)])
                first = min([need.first, *(one.days.first for one in ranges)])
                self._held.refused[owner] = Unread(first, time_text(self._now), since, replace(cause, refused=True))
        self._close(window, owner)

    def asked(self, owner: str) -> None:
        """Note that a refused owner was asked again, and is still refused."""
        if entry := self._held.refused.get(owner):
            self._held.refused[owner] = replace(entry, asked=time_text(self._now))

    def allow(self, owner: str) -> None:
        """Note that Zoom answers for a refused owner again: the days since then are missing now, and read as such."""
        if entry := self._held.refused.pop(owner, None):
            missing = [one.days.first for one in self._held.missing.get(owner, ())]
            days = Window(min([entry.first, self._today, *missing]), self._today)
            cause = replace(entry.cause, refused=False) if entry.cause else None
            self._held.missing[owner] = [MissingDays(days, entry.since, cause)]

    def to_json(self) -> dict[str, Any]:
        """Return the state as Airbyte keeps it; no object of it is used further."""
        self._forget_passed()
        return ledger_form.written(self._held, OWNERS)

    # What a subclass adds

    def _owner_done(self, window: Window, owner: str, read_to: pendulum.Date) -> None:
        """Note that an owner was read in a window up to a day."""

    def _window_passed(self, window: Window) -> None:
        """Note that the watermark has passed a window."""

    def _unread(self) -> list[dict[str, Unread]]:
        """Return all entries that have a first day of their own."""
        return [self._held.refused]

    # Settings and borders, when a state is taken up

    def _take_settings(self, settings: Reach) -> None:
        """Let the watermark go back if the settings are wider than those the state was read with."""
        held, old = self._held, self._held.read_with
        held.read_with = settings
        is_more = settings.is_wide and not old.is_wide
        if settings.first >= old.first and not is_more:
            return
        reached = self._next_day()
        spans = [held.covered] if held.covered else []
        if reached is not None:
            spans.append(Reach(old.first, old.is_wide, reached.subtract(days=1)))
        held.covered = joined(spans)
        held.end_time, held.is_settled = None, False
        # With more kinds of rows to read, no window is done any more; with more days, none that has some of these.
        edge = old.first.add(days=ZONE_DAYS).isoformat()
        held.done = {} if is_more else {key: read for key, read in held.done.items() if key > edge}
        for entries in self._unread():
            for name, entry in entries.items():
                entries[name] = replace(entry, first=self._oldest)

    def _forget_unserved(self, first_day: pendulum.Date) -> bool:
        """Drop what lies before the first day; return whether something that was not read is among it."""
        held = self._held
        gap = held.end_time is not None and held.end_time.date() < first_day
        for owner, ranges in list(held.missing.items()):
            gap = gap or any(one.cause and one.days.first < self._oldest for one in ranges)
            served = [
                replace(one, days=clipped(one.days, self._oldest, one.days.last))
                for one in ranges
                if one.days.last >= self._oldest
            ]
            held.missing[owner] = served
            if not served:
                del held.missing[owner]
        for entries in self._unread():
            for name, entry in entries.items():
                entries[name] = replace(entry, first=max(entry.first, self._oldest))
        return gap

    def _forget_done(self) -> None:
        oldest = self._first_day.subtract(days=DAYS).isoformat()
        self._held.done = {key: read for key, read in self._held.done.items() if key >= oldest}

    # Owners

    def _lacks(self, window: Window, owner: str) -> Window | None:
        """Return the days of a window that were not read of an owner, refused or not."""
        missing = [one.days for one in self._held.missing.get(owner, ()) if overlap(one.days, window)]
        first = self.first_day(window)
        for read_to, owners in self._held.done.get(window.key, {}).items():
            if first and mark(owner) in owners:
                first = None if read_to >= window.last.isoformat() else max(first, day_of(read_to))
        needs = [*missing, *([Window(first, window.last)] if first else [])]
        if not needs:
            return None
        return clipped(window, min(days.first for days in needs), max(days.last for days in needs))

    def _is_settled(self, window: Window) -> bool:
        return window.last < self._settles

    def _read_to(self, window: Window) -> pendulum.Date:
        """Return the first day of a window that has to be read again of an owner who is finished now."""
        return window.last if self._is_settled(window) else self._changing

    def _note_done(self, window: Window, owner: str, read_to: pendulum.Date) -> None:
        number = mark(owner)
        done = self._held.done.setdefault(window.key, {})
        for owners in done.values():
            owners.discard(number)
        done.setdefault(read_to.isoformat(), DigestSet()).add(number)
        self._owner_done(window, owner, read_to)

    def _fill(self, window: Window, owner: str) -> None:
        """Take the days of a window off what an owner lacks."""
        left: list[MissingDays] = []
        for one in self._held.missing.pop(owner, []):
            days = one.days
            if days.first < window.first:
                left.append(replace(one, days=Window(days.first, min(days.last, window.first))))
            if days.last > window.last:
                left.append(replace(one, days=Window(max(days.first, window.last), days.last)))
        if left:
            self._held.missing[owner] = left

    def _keep_unfinished(self, window: Window, owner: str) -> None:
        """Let the days of a window be missing that have a row which is not ready, also if another window listed it."""
        missing = self._held.missing.get(owner, [])
        days = [
            day
            for day in sorted(self._unfinished.get(owner, ()))
            if window.first <= day <= window.last and not any(one.days.first <= day <= one.days.last for one in missing)
        ]
        if days:
            self._held.missing[owner] = [*missing, *map(MissingDays, ranges_of(days))]

    def _lack(self, owner: str, days: Window, cause: Cause) -> None:
        """Note days that an owner lacks; what was missing of them before keeps its first failure."""
        before = [one.since for one in self._held.missing.get(owner, ()) if one.since and overlap(one.days, days)]
        self._fill(days, owner)
        since = min([self._today.isoformat(), *before])
        self._held.missing.setdefault(owner, []).append(MissingDays(days, since, replace(cause, refused=False)))

    def _refuse_from(self, owner: str, first: pendulum.Date) -> None:
        """Note that a refused owner lacks earlier days, too."""
        entry = self._held.refused[owner]
        self._held.refused[owner] = replace(entry, first=min(entry.first, first))

    def _close(self, window: Window, owner: str) -> None:
        self._open.get(window, set()).discard(owner)
        self._pass_finished()

    # The watermark

    def _next_day(self) -> pendulum.Date | None:
        """Return the first day that a sync from the watermark on lists, None without a watermark."""
        if self._held.end_time is None:
            return None
        day = self._held.end_time.date()
        return day if self._held.is_settled else day.subtract(days=self._margin)

    def _pass_finished(self) -> None:
        """Move the watermark over the first windows, as far as no owner of them is left."""
        held = self._held
        while self._open:
            window = next(iter(self._open))
            if self._open[window]:
                break
            del self._open[window]
            self._passed.add(window)
            held.done.pop(window.key, None)
            self._window_passed(window)
            end = self._now if window.last >= self._today else _midnight(window.last)
            if held.end_time is None or end > held.end_time:
                held.end_time, held.is_settled = end, self._is_settled(window)
            self._forget_passed()

    def _forget_passed(self) -> None:
        """Forget what no list from the watermark on can name."""
        held, next_day = self._held, self._next_day()
        if next_day is None:
            return
        if held.covered and held.covered.last and held.covered.last < next_day:
            held.covered = None


def joined(spans: list[Reach]) -> Reach | None:
    """Return what was covered: both spans as one if they touch each other, else the one that reaches farther."""
    spans = sorted((span for span in spans if span.last and span.first <= span.last), key=lambda span: str(span.last))
    if not spans:
        return None
    earlier, later = spans[0], spans[-1]
    if earlier.last and later.first <= earlier.last.add(days=1):
        both = earlier.is_wide and later.is_wide
        return Reach(min(earlier.first, later.first), both, later.last)
    return later


def held_gap(object_type: str, name: str, entry: Unreadable, first: str, last: str) -> HeldGap | None:
    """Return the gap that an entry is, None if it was just not read yet."""
    cause, since = entry.cause, entry.since
    if cause is None or since is None:
        return None
    return HeldGap(object_type, name, cause.meaning, cause.http_status, cause.zoom_code, since, first, last)


def overlap(days: Window, window: Window) -> bool:
    """Return whether some days are a window's to read; the one day it shares with a neighbour is not enough."""
    if days.first == days.last:
        return window.first <= days.first <= window.last
    return days.first < window.last and days.last > window.first


def _midnight(day: pendulum.Date) -> pendulum.DateTime:
    return pendulum.datetime(day.year, day.month, day.day)
