"""Rows of published shapes, each made from its number and the seed when it is asked for."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from sandbox.dates import iso, midnight
from sandbox.dice import Dice
from sandbox.published import drawn, is_id
from sandbox.world import World
from sandbox.world.ids import Keys

SHAPES_FILE = Path(__file__).with_name("shapes.json")
SHAPES: dict[str, Any] = json.loads(SHAPES_FILE.read_text(encoding="utf-8"))
"""By stream: the operation and the shape of its rows, from Zoom's OpenAPI documents."""
ROWS = 1 << 13  # numbers for the rows of a day, or of a parent
_DAY = timedelta(days=1)
_LONGEST = 600  # seconds from the first to the last date-time of a row that has several
_TWIN_SHARE, _LEFT_OUT_SHARE = 8, 25
_BEYOND_DOUBLES, _IDS = 1 << 53, 1 << 62
_STEP = 0x1E3779B97F4A7C15  # odd, so that stepping by it meets every id once


Count: TypeAlias = Callable[[Dice], int]
"""Draws how many rows there are: on a day if they go by time, of each parent, or in all."""


def PerDay(mean: float) -> Count:  # noqa: N802  (these three read as nouns in the table)
    """Return so many on average, from none to twice as many."""
    return lambda dice: int((mean * 2 * dice.below(1000) + dice.below(1000)) / 1000)


def Between(least: int, most: int) -> Count:  # noqa: N802
    """Return any number from the least to the most."""
    return lambda dice: dice.between(least, most)


def Exactly(count: int) -> Count:  # noqa: N802
    """Return always the same number."""
    return lambda _: count


class After(NamedTuple):
    """Of every so many rows, one waits for some days after its time: to be listed, or for another value in a column."""

    days: float
    every: int = 1
    column: str = ""


class Until(NamedTuple):
    """Of every so many rows, one is announced some days before it is ready.

    Until then its fields of a name have a value that they never have later, and some of its date-times are empty.
    """

    days: float
    every: int
    field: str
    value: str
    empty: tuple[str, ...] = ()


@dataclass(frozen=True)
class Shaped:
    """A stream and its endpoint. Rows without a time count as made when the sandbox's first day began."""

    stream: str
    template: str
    rows: Count
    key: str | None = None  # the column that tells a row from all others
    by: str | None = None  # the column with a row's time, by which `from` and `to` select
    zone: str = "UTC"  # where the days of `from` and `to` begin
    kept_months: int | None = None
    of: str | None = None  # the stream of the rows that the path names: one of the table, or `users`
    carries: Mapping[str, str] = field(default_factory=dict)  # what a connector adds: the parent's column by its name
    per_parent: bool = False  # Zoom's keys are those of one parent: the primary key begins with what is carried
    records: str | None = None  # the array with the rows, where an answer has several
    twins: int = 1  # how often some rows are listed, equal in every column
    needs: str | None = None  # the feature (of LACKS) without which the endpoint is refused
    late: After | None = None  # rows that are listed late
    changes: After | None = None  # rows that change
    ready: Until | None = None  # rows that are announced before they are ready
    most_days: int | None = None  # the longest range of `from` and `to`, a month if not given
    defaults_select: bool = False  # whether a parameter that is left out has its published default

    @property
    def primary_key(self) -> tuple[str, ...]:
        """The primary key. A connector makes ``row_id`` where rows have none."""
        return (*(self.carries if self.per_parent else ()), self.key or "row_id")


Table: TypeAlias = Mapping[str, Shaped]


class Rows:
    """The rows of a stream as they are now, each known by its number."""

    def __init__(self, lines: Table, stream: str, world: World) -> None:
        """Take the table, the stream, and the account."""
        self.line = lines[stream]
        self.parents = _parents(lines, self.line.of, world)
        self._fields: dict[str, Any] = SHAPES[stream]["row"]
        self._world, self._plan = world, world.sessions.plan
        times = sum(field.get("format") == "date-time" for field in self._fields.values())
        self._longest = _LONGEST if times > 1 else 1
        self._always = {self.line.key, self.line.by, self.line.changes and self.line.changes.column}
        self._always |= {name for name, field in self._fields.items() if field.get("required")}

    def all(self, first: date = date.min, last: date = date.max) -> Iterator[int]:
        """Yield all that are shown by now, twins repeated; by time, those of these UTC days."""
        parts: Iterator[int] = iter((0,))
        if self.parents:
            parts = self.parents.all()
        elif self.line.by:
            first, last = max(first, self._plan.first.date()), min(last, self._world.sessions.now.date())
            parts = iter(range(first.toordinal(), last.toordinal() + 1))
        return (number for part in parts for number in self.of(part))

    def of(self, part: int) -> Iterator[int]:
        """Yield those of a parent, or of a day by its ordinal, in the order of their times."""
        count = self.line.rows(self._dice("rows", part))
        for number in sorted(range(part * ROWS, part * ROWS + count), key=self.time):
            is_over = self.time(number) + self._length(number) <= self._world.sessions.now
            if is_over and self._has_come(self.line.late, number) is not False:
                yield from [number] * (1 if self._dice("twins", number).below(_TWIN_SHARE) else self.line.twins)

    def find(self, key: str) -> int | None:
        """Return the row of a primary key, which is text, or None if none is shown."""
        keys = self._keys(self.line.key or "")
        number = keys.uuid_number(key) if "uuid" in (self.line.key or "") else keys.user_number(key)
        return number if number is not None and number in self.of(number // ROWS) else None

    def time(self, number: int) -> datetime:
        """Return the time of a row, or of its parent."""
        if self.parents:
            return self.parents.time(number // ROWS)
        if self.line.by is None:
            return self._plan.last
        seconds = self._dice("time", number).below(86_400 - self._longest)
        return midnight(date.fromordinal(number // ROWS)) + timedelta(seconds=seconds)

    def row(self, number: int) -> dict[str, Any]:
        """Return the row, with some of its fields left out."""
        dice, changes = self._dice("row", number), self.line.changes
        known, is_announced = partial(self._known, number, dice), self._has_come(self.line.ready, number) is False
        fields = _of(self.line.ready, self._fields, is_announced=is_announced) if self.line.ready else self._fields
        values = {name: drawn(name, field, dice, known, number) for name, field in fields.items()}
        row = {name: value for name, value in values.items() if dice.below(_LEFT_OUT_SHARE) or name in self._always}
        row |= {self.line.by: iso(self.time(number))} if self.line.by else {}
        if self.parents:  # other ids are the parent's, so that rows can be joined by them
            parent = self.parents.row(number // ROWS)
            row |= {name: parent[name] for name in row if is_id(name) and name in parent and name != self.line.key}
        if changes and self._has_come(changes, number):
            row[changes.column] = _another(row[changes.column], self._fields[changes.column].get("enum"))
        if self.line.ready and is_announced:
            row |= dict.fromkeys(self.line.ready.empty, "")
        return row

    def _known(self, row: int, dice: Dice, name: str, field: Mapping[str, Any], item: int) -> Any:
        """Return an id, the e-mail address of a user, or a time from the row's to its end."""
        if is_id(name):
            return self._id(name, field, item)
        if field["format"] == "email":
            return self._world.user(dice.below(max(1, self._world.size.users))).email
        share = 0 if name.startswith("start") else 100 if name.startswith("end") else dice.below(100)
        return iso(self.time(row) + self._length(row) * share / 100)[: 10 if field["format"] == "date" else None]

    def _id(self, name: str, field: Mapping[str, Any], number: int) -> str | int:
        """Return an id that the column has in no other row."""
        if field["type"] == "integer" or field.get("format") == "digits":
            value = _BEYOND_DOUBLES + (number * _STEP + self._dice(name, 0).below(_IDS)) % _IDS
            return value if field["type"] == "integer" else str(value)
        return self._keys(name).uuid(number) if "uuid" in name else self._keys(name).user_id(number)

    def _has_come(self, after: After | Until | None, number: int) -> bool | None:
        """Tell whether a row's wait is over; None if the row is none of those that wait."""
        if after is None or self._dice(f"after {after}", number).below(after.every):
            return None
        return self.time(number) + after.days * _DAY <= self._world.sessions.now

    def _length(self, number: int) -> timedelta:
        """Return how long the thing a row is about takes; the row and its children are shown when it is over."""
        if self.parents:
            return self.parents._length(number // ROWS)  # noqa: SLF001
        return timedelta(seconds=self._dice("length", number).below(self._longest))

    def _keys(self, name: str) -> Keys:
        return Keys(self._world.seed, f"{self.line.stream}/{name}")

    def _dice(self, what: str, number: int) -> Dice:
        return Dice(self._world.seed, self.line.stream, what, number)


def _parents(lines: Table, of: str | None, world: World) -> Rows | None:
    return None if of is None else _Users(world) if of == "users" else Rows(lines, of, world)


class _Users(Rows):
    """The active users, as those whose rows others are."""

    def __init__(self, world: World) -> None:
        self.line = Shaped("users", "/users", rows=Exactly(world.size.users), key="id")
        self.parents = None
        self._world, self._plan = world, world.sessions.plan

    def all(self, first: date = date.min, last: date = date.max) -> Iterator[int]:
        return iter(self._world.users("active"))

    def find(self, key: str) -> int | None:
        user = self._world.find_user(key)
        return user.number if user and user.status == "active" else None

    def row(self, number: int) -> dict[str, Any]:
        return self._world.user_row(self._world.user(number))

    def _length(self, number: int) -> timedelta:
        return timedelta()


def _of(ready: Until, fields: Mapping[str, Any], *, is_announced: bool) -> dict[str, Any]:
    """Return fields of a row that have the values of one that is announced, or of one that is ready."""

    def values(name: str, field: Mapping[str, Any]) -> Mapping[str, Any]:
        if name == ready.field:
            return {**field, "enum": [one for one in field["enum"] if (one == ready.value) == is_announced]}
        if "items" in field:
            return {**field, "items": values("", field["items"])}
        parts = field.get("properties", {})
        return {**field, "properties": {one: values(one, part) for one, part in parts.items()}} if parts else field

    return {name: values(name, field) for name, field in fields.items()}


def _another(value: Any, choices: list[Any] | None) -> Any:
    if choices:
        return choices[(choices.index(value) + 1) % len(choices)]
    return f"{value} (changed)" if isinstance(value, str) else not value if isinstance(value, bool) else value + 1
