"""The form of a ledger of windows: what it holds, read from JSON without trust and written as JSON.

What the fields mean stands in `ledger.py`. A field that is not known is passed over, as a later version may have
written it. Anything else that differs from what `written` returns makes the ledger unusable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import pendulum

from source_zoom.streams.base.datetimes import TIME_FORMAT
from source_zoom.streams.windows.digests import DigestSet
from source_zoom.streams.windows.grid import ORIGIN, Window

VERSION = 2

_LAST_YEAR = 9998
_INT_BITS = 63

KindT = TypeVar("KindT")


_NUMBERS = ("http_status", "zoom_code")


@dataclass(frozen=True)
class Cause:
    """Why something could not be read.

    :param meaning: of the answer, or of what came instead of one
    :param refused: for good, so that asking again at once is pointless; else it is at fault
    """

    meaning: str
    http_status: int | None = None
    zoom_code: int | None = None
    refused: bool = False


@dataclass(frozen=True)
class MissingDays:
    """Days that were not read of an owner; without `since` and `cause` they are no gap, just not read yet."""

    days: Window
    since: str | None = None
    cause: Cause | None = None


@dataclass(frozen=True)
class Unread:
    """Something that cannot be read from a day on, such as an owner who is refused."""

    first: pendulum.Date
    asked: str
    since: str | None = None
    cause: Cause | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for good."""
        return self.cause is not None and self.cause.refused


@dataclass(frozen=True)
class Reach:
    """Which rows settings ask for.

    :param first: first day
    :param is_wide: whether also those that a setting can leave out: sessions with `one_participant`, as states have it
    :param last: last day of what was read, None for what is asked for
    """

    first: pendulum.Date
    is_wide: bool
    last: pendulum.Date | None = None


@dataclass
class LedgerData:
    """All that a ledger holds. `done`: by first day of a window and first day still to be read, marks of owners."""

    read_with: Reach
    end_time: pendulum.DateTime | None = None
    is_settled: bool = False
    covered: Reach | None = None
    done: dict[str, dict[str, DigestSet]] = field(default_factory=dict)
    missing: dict[str, list[MissingDays]] = field(default_factory=dict)
    refused: dict[str, Unread] = field(default_factory=dict)


class Unreadable(Protocol):
    """Something that a state says could not be read, and since when."""

    @property
    def since(self) -> str | None:
        """Day of the first failure."""

    @property
    def cause(self) -> Cause | None:
        """Why; None for what is just not read yet."""


def day_of(value: object) -> pendulum.Date:
    """Return the day that a text such as `2026-05-10` names.

    :raises TypeError: if it is no text
    :raises ValueError: if it names no day, or one in another form
    """
    day = pendulum.Date.fromisoformat(text(value))
    if day.isoformat() != value:
        raise ValueError("a day is not written as it should be")
    return day


def time_text(moment: pendulum.DateTime) -> str:
    """Return a moment as Zoom and the states write it, in UTC."""
    return moment.in_timezone("UTC").format(TIME_FORMAT)


def written(data: LedgerData, owners: str) -> dict[str, Any]:
    """Return a ledger as Airbyte keeps it; it shares no object with the data that can change.

    :param owners: what the owners are called
    """
    return {
        "version": VERSION,
        "end_time": time_text(data.end_time) if data.end_time else None,
        "settled": data.is_settled,
        "read_with": _reach(data.read_with),
        "covered": _reach(data.covered) if data.covered else None,
        owners: {
            "done": {
                key: {day: marks.encode() for day, marks in sorted(read.items()) if marks}
                for key, read in sorted(data.done.items())
            },
            "missing": {
                owner: [
                    {"first": one.days.first.isoformat(), "last": one.days.last.isoformat(), **reason(one)}
                    for one in ranges
                ]
                for owner, ranges in sorted(data.missing.items())
            },
            "refused": unread(data.refused),
        },
    }


def read(saved: Mapping[str, Any], now: pendulum.DateTime, owners: str) -> LedgerData | None:
    """Return what a state holds, None if it is not one that `written` returns.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """
    try:
        return LedgerData(**LedgerReader(now).ledger(saved, owners))
    except NOT_A_STATE:
        return None


NOT_A_STATE = (AttributeError, KeyError, OverflowError, TypeError, ValueError)
"""What a `LedgerReader` raises for anything but a state."""


def _reach(reach: Reach) -> dict[str, Any]:
    last = {"last": reach.last.isoformat()} if reach.last else {}
    return {"first": reach.first.isoformat(), **last, "one_participant": reach.is_wide}


def reason(entry: Unreadable) -> dict[str, Any]:
    """Return why something could not be read, as a state has it."""
    cause = entry.cause
    reason: dict[str, Any] = {"since": entry.since}
    if cause:
        reason.update(meaning=cause.meaning, http_status=cause.http_status, zoom_code=cause.zoom_code)
        reason.update({"refused": True} if cause.refused else {})
    return {name: value for name, value in reason.items() if value is not None}


def unread(entries: Mapping[str, Unread]) -> list[dict[str, Any]]:
    """Return the names together that have all else in common: thousands of owners can be refused alike."""
    groups: dict[Unread, list[str]] = {}
    for name, entry in sorted(entries.items()):
        groups.setdefault(entry, []).append(name)
    return [
        {"first": entry.first.isoformat(), "asked": entry.asked, **reason(entry), "names": names}
        for entry, names in groups.items()
    ]


class LedgerReader:
    """Takes a state apart.

    Its methods raise one of `NOT_A_STATE` for anything else.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """

    def __init__(self, now: pendulum.DateTime) -> None:
        self._latest = now.date().add(days=1)

    def ledger(self, saved: Mapping[str, Any], owners: str) -> dict[str, Any]:
        """Return the fields of `LedgerData`."""
        if integer(saved["version"]) != VERSION:
            raise ValueError("a state of another version")
        named = an_object(saved[owners])
        return {
            "end_time": None if saved["end_time"] is None else _moment(saved["end_time"]),
            "is_settled": boolean(saved["settled"]),
            "read_with": self._reach(saved["read_with"]),
            "covered": None if saved["covered"] is None else self._covered(saved["covered"]),
            "done": {
                self.key(key): {self.key(day): DigestSet.decode(text(marks)) for day, marks in an_object(read).items()}
                for key, read in an_object(named["done"]).items()
            },
            "missing": {
                text(owner): [self._missing(one) for one in a_list(ranges)]
                for owner, ranges in an_object(named["missing"]).items()
            },
            "refused": self.unread(named["refused"]),
        }

    def _day(self, value: object) -> pendulum.Date:
        day = day_of(value)
        if not ORIGIN <= day <= self._latest:
            raise ValueError("a day that no state is about")
        return day

    def key(self, day: object) -> str:
        """Return a day that names something, as a text."""
        return self._day(day).isoformat()

    def asked(self, moment: object) -> str:
        """Return when something was asked for last."""
        self._day(_moment(moment).date().isoformat())
        return str(moment)

    def _reach(self, value: object) -> Reach:
        entry = an_object(value)
        return Reach(self._day(entry["first"]), boolean(entry["one_participant"]))

    def _covered(self, value: object) -> Reach:
        reach = self._reach(value)
        return Reach(reach.first, reach.is_wide, self._day(an_object(value)["last"]))

    def _missing(self, value: object) -> MissingDays:
        entry = an_object(value)
        days = Window(self._day(entry["first"]), self._day(entry["last"]))
        if days.first > days.last:
            raise ValueError("days that end before they begin")
        return MissingDays(days, *self.reason(entry))

    def unread(self, value: object) -> dict[str, Unread]:
        """Return what cannot be read, by name."""
        entries: dict[str, Unread] = {}
        for group in map(an_object, a_list(value)):
            entry = Unread(self._day(group["first"]), self.asked(group["asked"]), *self.reason(group))
            entries.update({text(name): entry for name in a_list(group["names"])})
        return entries

    def reason(self, entry: Mapping[str, Any]) -> tuple[str | None, Cause | None]:
        """Return since when something could not be read, and why."""
        since = None if entry.get("since") is None else self.key(entry["since"])
        if entry.get("meaning") is None:
            return since, None
        status, code = (None if entry.get(name) is None else integer(entry[name]) for name in _NUMBERS)
        return since, Cause(text(entry["meaning"]), status, code, boolean(entry.get("refused", False)))


def _is(value: object, kind: type[KindT]) -> KindT:
    if not isinstance(value, kind):
        raise TypeError(f"a state has something else than a {kind.__name__}")
    return value


def an_object(value: object) -> Mapping[str, Any]:
    """Return a value that is an object."""
    return _is(value, dict)


def a_list(value: object) -> list[Any]:
    """Return a value that is a list."""
    return _is(value, list)


def boolean(value: object) -> bool:
    """Return a value that is true or false."""
    return _is(value, bool)


def integer(value: object) -> int:
    """Return a value that is an integer of 64 bits."""
    number = _is(value, int)
    if isinstance(value, bool) or number.bit_length() > _INT_BITS:
        raise TypeError("a state has something else than an integer of 64 bits")
    return number


def text(value: object) -> str:
    """Return a value that is a text that can be written."""
    found = _is(value, str)
    found.encode()  # a lone surrogate cannot be written
    return found


def _moment(value: object) -> pendulum.DateTime:
    moment = pendulum.from_format(text(value), TIME_FORMAT, tz="UTC")
    if not ORIGIN.year <= moment.year <= _LAST_YEAR or time_text(moment) != value:
        raise ValueError("a moment that no state is about")
    return moment
