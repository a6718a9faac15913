"""The route table's vocabulary: endpoints, their query parameters, and the matching of raw paths."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote
from zoneinfo import ZoneInfo

from sandbox.limits import Label
from sandbox.messages import ZoomError
from sandbox.paging import Page, Paging
from sandbox.published import PUBLISHED
from sandbox.refusals import invalid

if TYPE_CHECKING:
    from sandbox.world import World

_UNKNOWN = {"operation": "", "classic_scope": "", "granular_scope": ""}
_UNPUBLISHED: Mapping[str, Any] = {"label": "Light", "page": {}, "parameters": {}, "route": _UNKNOWN}
API_PREFIX = "/v2"
_NUMBER = re.compile(r"\d{1,19}", re.ASCII)
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def choice(*values: str) -> Callable[[str], str]:
    """Return a reader that accepts only these values."""

    def read(text: str) -> str:
        if text not in values:
            raise ValueError(text)
        return text

    return read


def boolean(text: str) -> bool:
    """Read ``true`` or ``false``; raises ValueError for anything else."""
    return {"true": True, "false": False}[choice("true", "false")(text.lower())]


def time_zone(text: str) -> ZoneInfo:
    """Read the name of a time zone; raises ValueError when there is none of that name."""
    try:
        return ZoneInfo(text)
    except (OSError, LookupError) as error:
        raise ValueError(text) from error


def refused(name: str) -> ZoomError:
    """Return the error for a parameter that Zoom refuses."""
    return invalid("Validation Failed.", name)


@dataclass(frozen=True)
class Parameter:
    """A documented query parameter: how it is read and what counts when it is absent."""

    name: str
    read: Callable[[str], Any] = str
    default: Any = None


@dataclass(frozen=True)
class Call:
    """An API call that has passed all checks."""

    route: "Route"
    values: Mapping[str, str]
    """The path's values, decoded once."""
    query: Mapping[str, Any]
    page: Page | None
    world: "World"

    @property
    def named(self) -> str:
        """The first value of the path, decoded once; empty if it has none."""
        return next(iter(self.values.values()), "")

    @property
    def number(self) -> int | None:
        """The number that the path names, or None if that is anything else."""
        return int(self.named) if _NUMBER.fullmatch(self.named) else None

    @property
    def uuid(self) -> str:
        """The UUID that the path names, or nothing where another path would have arrived.

        It may be encoded twice, and must be where it begins with a slash or has two in a row: gateways split it there.
        """
        return "" if self.named.startswith("/") or "//" in self.named else unquote(self.named)

    @property
    def thing(self) -> str:
        """What the path is about."""
        return "Webinar" if "webinarId" in self.values else "Meeting"


@dataclass(frozen=True)
class Listing:
    """A list to be paged: how many rows there are, and how to get those from one position to another."""

    key: str
    total: int
    rows: Callable[[int, int], Sequence[Any]]
    tells: tuple[str, ...] = ("page_size", "page_count", "page_number", "total_records")
    """Which counts the answer has."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """What else the answer has."""
    left_out: int = 0
    """How many of the last rows are counted and never listed."""
    is_endless: bool = False
    """Whether every page has the first rows and a token of its own."""

    @classmethod
    def of(cls, key: str, rows: Sequence[Any], to_row: Callable[[Any], Any], **others: Any) -> "Listing":
        """Return the listing of things at hand, each made a row only when its page is read."""
        return cls(key, len(rows), lambda start, stop: [to_row(row) for row in rows[start:stop]], **others)


@dataclass(frozen=True)
class Route:
    """One endpoint of Zoom, as its reference page describes it."""

    template: str
    operation: str
    """Zoom's operationId."""
    label: Label
    classic_scope: str
    granular_scope: str
    handler: Callable[[Call], Listing | dict[str, Any]]
    parameters: tuple[Parameter, ...] = ()
    paging: Paging | None = None
    refuse: Callable[[str], ZoomError] = refused
    """Makes the error for a parameter that Zoom refuses."""
    needs: Mapping[str, Callable[["World"], ZoomError]] = field(default_factory=dict)
    """By feature of an account, the error where the account lacks it."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(API_PREFIX + _PLACEHOLDER.sub(r"(?P<\1>[^/]+)", self.template))

    def path(self, value: str) -> str:
        """Return the raw path of what has this id or UUID; encoded twice, as a UUID with slashes must be."""
        return API_PREFIX + _PLACEHOLDER.sub(quote(quote(value, safe=""), safe=""), self.template)

    def match(self, raw_path: str) -> dict[str, str] | None:
        """Return the path's values, each decoded once, or None if the path is another endpoint's."""
        match = self._pattern.fullmatch(raw_path)
        return {name: unquote(value) for name, value in match.groupdict().items()} if match else None

    def answer(self, call: Call) -> Listing | dict[str, Any]:
        """Return the endpoint's own answer; raises ZoomError if it refuses, or the account lacks what it needs."""
        for feature, error in self.needs.items():
            if feature in call.world.without:
                raise error(call.world)
        return self.handler(call)

    def read_query(self, query: Mapping[str, str]) -> dict[str, Any]:
        """Return the documented parameters as values; raises ZoomError 400/300 for one that cannot be used."""
        return {parameter.name: self._read(parameter, query) for parameter in self.parameters}

    def page_size(self, query: Mapping[str, str]) -> int:
        """Return how many rows the answer may have; raises ZoomError 400/300 for a size that Zoom refuses."""
        paging = self.paging or Paging()
        size = self._read(Parameter("page_size", int, paging.default), query)
        if not 1 <= size <= paging.maximum:
            raise self.refuse("page_size")
        return min(int(size), paging.served)

    def page_number(self, query: Mapping[str, str]) -> int:
        """Return the page asked for by number, from 1; raises ZoomError 400/300 for anything else."""
        number = self._read(Parameter("page_number", int, 1), query)
        if number < 1:
            raise self.refuse("page_number")
        return int(number)

    def _read(self, parameter: Parameter, query: Mapping[str, str]) -> Any:
        text = query.get(parameter.name, "")
        if not text:
            return parameter.default
        try:
            return parameter.read(text)
        except ValueError as error:
            raise self.refuse(parameter.name) from error


def published(
    template: str,
    handler: Callable[[Call], Listing | dict[str, Any]],
    facts: Mapping[str, Any] | None = None,
    *,
    has_defaults: bool = True,
    read: Mapping[str, Callable[[str], Any]] = {},
    **others: Any,
) -> Route:
    """Return the route of an endpoint, with what ``make shapes`` has found about it in Zoom's OpenAPI documents.

    ``read`` has the readers of parameters that are more than their published type; ``others`` replace what was found.
    """
    facts = facts or PUBLISHED.get(template, _UNPUBLISHED)
    parameters = tuple(
        Parameter(name, read.get(name) or _reader(one), one.get("default") if has_defaults else None)
        for name, one in facts["parameters"].items()
    )
    paging = Paging(**facts["page"]) if facts["page"] else None
    label, found = Label(facts["label"]), {"parameters": parameters, "paging": paging, **facts["route"]}
    return Route(template, label=label, handler=handler, **{**found, **others})


def _reader(parameter: Mapping[str, Any]) -> Callable[[str], Any]:
    if parameter["type"] == "array":
        read = _reader(parameter["items"])
        return lambda text: {*map(read, text.split(","))}
    if "enum" in parameter:
        return choice(*parameter["enum"])
    if parameter.get("format") in {"date", "date-time"}:
        return date.fromisoformat if parameter["format"] == "date" else _moment
    readers: dict[str, Callable[[str], Any]] = {"boolean": boolean, "integer": int}
    return readers.get(parameter["type"], str)


def _moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
