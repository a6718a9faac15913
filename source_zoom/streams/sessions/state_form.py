"""The form of a state about past sessions: what it holds, read from JSON without trust and written as JSON.

What the fields mean stands in `state.py`. A field that is not known is passed over, as a later
version may have written it; anything else that is not as `written` makes it, makes the state unusable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pendulum

from source_zoom.streams.sessions.digests import DigestSet
from source_zoom.streams.windows.grid import ORIGIN, Window

VERSION = 2

STAGES = 4
"""Stages of a session of the lookback: read before the first, second, third milestone, and settled."""

ROW_BYTES = 4096
"""A listed row that is longer is not kept for a retry."""

TIME_FORMAT = "YYYY-MM-DD[T]HH:mm:ss[Z]"

_LAST_YEAR = 9998
_INT_BITS = 63

KindT = TypeVar("KindT")


@dataclass(frozen=True)
class Session:
    """A past meeting or webinar, as its host's report lists it.

    :param type: Zoom's number for the kind of meeting or webinar
    :param fingerprint: how it ended; while it is the same there is no reason to read the session again
    :param row: the listed row as JSON, empty if it is not at hand any more
    :param joined: whether the row has the columns that the list itself lacks
    :param is_reported: whether a host's report lists it; a webinar that nobody attended is known otherwise
    :param is_alone: whether nobody but one participant was there
    """

    uuid: str
    host_id: str
    meeting_id: str
    type: int
    start_time: str
    end_time: str
    fingerprint: str
    row: bytes = field(default=b"", compare=False, repr=False)
    joined: bool = False
    is_reported: bool = True
    is_alone: bool = False

    @property
    def day(self) -> str:
        """UTC day it began on."""
        return self.start_time[:10]


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
    """Days that were not read of a host; without `since` and `cause` they are no gap, just not read yet."""

    days: Window
    since: str | None = None
    cause: Cause | None = None


@dataclass(frozen=True)
class Unread:
    """What cannot be read from a day on: a host who is refused, or a webinar whose instances are not known."""

    first: pendulum.Date
    asked: str
    since: str | None = None
    cause: Cause | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for good."""
        return self.cause is not None and self.cause.refused


@dataclass(frozen=True)
class Retry:
    """A session whose own request failed; without `since` and `cause` it is just not read yet."""

    session: Session
    asked: str
    since: str | None = None
    cause: Cause | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for good."""
        return self.cause is not None and self.cause.refused


@dataclass(frozen=True)
class Reach:
    """Which sessions settings ask for: from a day on (and to another one), with one participant or more."""

    first: pendulum.Date
    one_participant: bool
    last: pendulum.Date | None = None


@dataclass
class Holdings:
    """All that a state holds. `done`: by first day of a window and first day still to be read, marks of hosts."""

    read_with: Reach
    end_time: pendulum.DateTime | None = None
    is_settled: bool = False
    covered: Reach | None = None
    done: dict[str, dict[str, DigestSet]] = field(default_factory=dict)
    missing: dict[str, list[MissingDays]] = field(default_factory=dict)
    refused: dict[str, Unread] = field(default_factory=dict)
    unknown: dict[str, Unread] = field(default_factory=dict)
    recent: dict[str, list[DigestSet]] = field(default_factory=dict)
    retry: dict[str, Retry] = field(default_factory=dict)


def day_of(text: object) -> pendulum.Date:
    """Return the day that a text such as `2026-05-10` names.

    :raises TypeError: if it is no text
    :raises ValueError: if it names no day, or one in another form
    """
    day = pendulum.Date.fromisoformat(_text(text))
    if day.isoformat() != text:
        raise ValueError("a day is not written as it should be")
    return day


def time_text(moment: pendulum.DateTime) -> str:
    """Return a moment as Zoom and the states write it, in UTC."""
    return moment.in_timezone("UTC").format(TIME_FORMAT)


def written(held: Holdings) -> dict[str, Any]:
    """Return a state as Airbyte keeps it; it shares no object with the held that can change."""
    return {
        "version": VERSION,
        "end_time": time_text(held.end_time) if held.end_time else None,
        "settled": held.is_settled,
        "read_with": _reach(held.read_with),
        "covered": _reach(held.covered) if held.covered else None,
        "hosts": {
            "done": {
                key: {day: hosts.encode() for day, hosts in sorted(read.items()) if hosts}
                for key, read in sorted(held.done.items())
            },
            "missing": {
                host: [
                    {"first": one.days.first.isoformat(), "last": one.days.last.isoformat(), **_reason(one)}
                    for one in ranges
                ]
                for host, ranges in sorted(held.missing.items())
            },
            "refused": _unread(held.refused),
        },
        "unknown": _unread(held.unknown),
        "recent": {
            day: [marks.encode() for marks in stages] for day, stages in sorted(held.recent.items()) if any(stages)
        },
        "retry": {uuid: _retry(entry) for uuid, entry in held.retry.items()},
    }


def read(saved: Mapping[str, Any], now: pendulum.DateTime) -> Holdings | None:
    """Return what a state holds, None if it is not one that `written` returns.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """
    try:
        return _Reader(now).held(saved)
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        return None


def _reach(reach: Reach) -> dict[str, Any]:
    last = {"last": reach.last.isoformat()} if reach.last else {}
    return {"first": reach.first.isoformat(), **last, "one_participant": reach.one_participant}


def _reason(entry: MissingDays | Unread | Retry) -> dict[str, Any]:
    cause = entry.cause
    reason: dict[str, Any] = {"since": entry.since}
    if cause:
        reason.update(meaning=cause.meaning, http_status=cause.http_status, zoom_code=cause.zoom_code)
        reason.update({"refused": True} if cause.refused else {})
    return {name: value for name, value in reason.items() if value is not None}


def _unread(entries: Mapping[str, Unread]) -> list[dict[str, Any]]:
    """Return names that have all else in common together: thousands of hosts can be refused alike."""
    groups: dict[Unread, list[str]] = {}
    for name, entry in sorted(entries.items()):
        groups.setdefault(entry, []).append(name)
    return [
        {"first": entry.first.isoformat(), "asked": entry.asked, **_reason(entry), "names": names}
        for entry, names in groups.items()
    ]


def _retry(entry: Retry) -> dict[str, Any]:
    session = entry.session
    return {
        **{name: getattr(session, name) for name in _TEXTS},
        "type": session.type,
        **{name: getattr(session, name) for name, usual in _FLAGS.items() if getattr(session, name) is not usual},
        **({"row": session.row.decode()} if session.row else {}),
        "asked": entry.asked,
        **_reason(entry),
    }


_TEXTS = ("host_id", "meeting_id", "start_time", "end_time", "fingerprint")
_NUMBERS = ("http_status", "zoom_code")
_FLAGS = {"joined": False, "is_reported": True, "is_alone": False}


class _Reader:
    """Takes a state apart; its methods raise what `read` catches."""

    def __init__(self, now: pendulum.DateTime) -> None:
        self._latest = now.date().add(days=1)

    def held(self, saved: Mapping[str, Any]) -> Holdings:
        if _integer(saved["version"]) != VERSION:
            raise ValueError("a state of another version")
        hosts = _object(saved["hosts"])
        return Holdings(
            end_time=None if saved["end_time"] is None else _moment(saved["end_time"]),
            is_settled=_bool(saved["settled"]),
            read_with=self._reach(saved["read_with"]),
            covered=None if saved["covered"] is None else self._covered(saved["covered"]),
            done={
                self._key(key): {self._key(day): DigestSet.decode(_text(marks)) for day, marks in _object(read).items()}
                for key, read in _object(hosts["done"]).items()
            },
            missing={
                _text(host): [self._missing(one) for one in _list(ranges)]
                for host, ranges in _object(hosts["missing"]).items()
            },
            refused=self._unread(hosts["refused"]),
            unknown=self._unread(saved["unknown"]),
            recent={self._key(day): self._stages(stages) for day, stages in _object(saved["recent"]).items()},
            retry={_text(uuid): self._retry(_text(uuid), entry) for uuid, entry in _object(saved["retry"]).items()},
        )

    def _day(self, text: object) -> pendulum.Date:
        day = day_of(text)
        if not ORIGIN <= day <= self._latest:
            raise ValueError("a day that no state is about")
        return day

    def _key(self, text: object) -> str:
        return self._day(text).isoformat()

    def _asked(self, text: object) -> str:
        self._day(_moment(text).date().isoformat())
        return str(text)

    def _reach(self, value: object) -> Reach:
        entry = _object(value)
        return Reach(self._day(entry["first"]), _bool(entry["one_participant"]))

    def _covered(self, value: object) -> Reach:
        reach = self._reach(value)
        return Reach(reach.first, reach.one_participant, self._day(_object(value)["last"]))

    def _missing(self, value: object) -> MissingDays:
        entry = _object(value)
        days = Window(self._day(entry["first"]), self._day(entry["last"]))
        if days.first > days.last:
            raise ValueError("days that end before they begin")
        return MissingDays(days, *self._reason(entry))

    def _unread(self, value: object) -> dict[str, Unread]:
        entries: dict[str, Unread] = {}
        for group in map(_object, _list(value)):
            entry = Unread(self._day(group["first"]), self._asked(group["asked"]), *self._reason(group))
            entries.update({_text(name): entry for name in _list(group["names"])})
        return entries

    def _stages(self, value: object) -> list[DigestSet]:
        stages = [DigestSet.decode(_text(marks)) for marks in _list(value)]
        if len(stages) != STAGES:
            raise ValueError("recent sessions have other stages")
        return stages

    def _retry(self, uuid: str, value: object) -> Retry:
        entry = _object(value)
        host_id, meeting_id, start_time, end_time, fingerprint = (_text(entry[name]) for name in _TEXTS)
        joined, is_reported, is_alone = (_bool(entry.get(name, usual)) for name, usual in _FLAGS.items())
        session = Session(
            uuid,
            host_id,
            meeting_id,
            _integer(entry["type"]),
            start_time,
            end_time,
            fingerprint,
            row=_text(entry.get("row", "")).encode(),
            joined=joined,
            is_reported=is_reported,
            is_alone=is_alone,
        )
        return Retry(session, self._asked(entry["asked"]), *self._reason(entry))

    def _reason(self, entry: Mapping[str, Any]) -> tuple[str | None, Cause | None]:
        since = None if entry.get("since") is None else self._key(entry["since"])
        if entry.get("meaning") is None:
            return since, None
        status, code = (None if entry.get(name) is None else _integer(entry[name]) for name in _NUMBERS)
        return since, Cause(_text(entry["meaning"]), status, code, _bool(entry.get("refused", False)))


def _is(value: object, kind: type[KindT]) -> KindT:
    if not isinstance(value, kind):
        raise TypeError(f"a state has something else than a {kind.__name__}")
    return value


def _object(value: object) -> Mapping[str, Any]:
    return _is(value, dict)


def _list(value: object) -> list[Any]:
    return _is(value, list)


def _bool(value: object) -> bool:
    return _is(value, bool)


def _integer(value: object) -> int:
    number = _is(value, int)
    if isinstance(value, bool) or number.bit_length() > _INT_BITS:
        raise TypeError("a state has something else than an integer of 64 bits")
    return number


def _text(value: object) -> str:
    text = _is(value, str)
    text.encode()  # a lone surrogate cannot be written
    return text


def _moment(value: object) -> pendulum.DateTime:
    moment = pendulum.from_format(_text(value), TIME_FORMAT, tz="UTC")
    if not ORIGIN.year <= moment.year <= _LAST_YEAR or time_text(moment) != value:
        raise ValueError("a moment that no state is about")
    return moment
