"""One endpoint of Zoom's API as data: everything a stream needs to know about the requests it makes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from string import Formatter
from typing import Any
from urllib.parse import quote


class RateLabel(str, Enum):
    """Zoom's rate limit labels; each account has a budget for each, and Zoom Phone has budgets of its own.

    https://developers.zoom.us/docs/api/rate-limits/
    """

    LIGHT = "light"
    MEDIUM = "medium"
    HEAVY = "heavy"
    RESOURCE_INTENSIVE = "resource-intensive"
    PHONE_LIGHT = "phone-light"
    PHONE_MEDIUM = "phone-medium"
    PHONE_HEAVY = "phone-heavy"


@dataclass(frozen=True)
class Scopes:
    """The scopes that open an endpoint to an account-wide app; either one is enough.

    Apps made since March 2024 have granular scopes, older ones classic scopes.
    """

    classic: str
    granular: str

    def are_granted(self, granted: frozenset[str] | None) -> bool:
        """Return whether a token's scopes open the endpoint; True where they are not known."""
        return granted is None or not granted.isdisjoint({self.classic, self.granular})

    def __str__(self) -> str:
        return f"'{self.granular}' (or '{self.classic}' in an app with classic scopes)"


@dataclass(frozen=True)
class Endpoint:
    """A `GET` endpoint.

    :param path: relative to the API's base URL, with the fields of a slice as placeholders
    :param label: rate limit label Zoom gives the endpoint
    :param scope: granular scope that opens it
    :param records: key of the list of records in an answer; None where the answer is one record
    :param required_keys: keys of which a sound answer has one: where it is one record, or may lack an empty list
    :param page_size: largest page Zoom allows; None where the endpoint has no pages
    :param params: query parameters of every request
    :param slice_params: fields of a slice that are sent as query parameters, where it has them
    :param variants: parameters that differ between the reads a slice takes, in the order they are made
    :param classic: classic scope that opens it, where that is not the first two parts of the granular one
    """

    path: str
    label: RateLabel
    scope: str
    records: str | None = None
    required_keys: tuple[str, ...] = ()
    page_size: int | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    slice_params: tuple[str, ...] = ()
    variants: tuple[Mapping[str, str], ...] = ({},)
    classic: str | None = None

    @property
    def scopes(self) -> Scopes:
        """Scopes that open it."""
        kind, access, *_ = self.scope.split(":")
        return Scopes(self.classic or f"{kind}:{access}:admin", self.scope)

    @property
    def is_per_object(self) -> bool:
        """Whether it speaks of one user, meeting or session rather than of the account."""
        return self.subject is not None

    @property
    def subject(self) -> str | None:
        """Field of a slice that names whom or what the endpoint speaks of: the first placeholder of its path."""
        return next((name for _, name, _, _ in Formatter().parse(self.path) if name), None)

    def render(self, slice_: Mapping[str, Any], *, twice: bool = False) -> str:
        """Return the path of a slice, percent-encoded; with `twice`, twice even where Zoom does not ask for that."""
        return self.path.format_map(_Encoded(slice_, twice=twice))

    def query(self, slice_: Mapping[str, Any], page_token: str | None = None) -> dict[str, Any]:
        """Return the query parameters of a slice's variant; the same for every page but for the token."""
        query = dict(self.params)
        if self.page_size is not None:
            query["page_size"] = self.page_size
        names = {*self.slice_params, *(name for variant in self.variants for name in variant)}
        query.update({name: slice_[name] for name in sorted(names) if name in slice_})
        if page_token:
            query["next_page_token"] = page_token
        return query


class _Encoded(dict[str, Any]):
    """A slice whose values are encoded when they are asked for."""

    def __init__(self, slice_: Mapping[str, Any], *, twice: bool) -> None:
        super().__init__(slice_)
        self._twice = twice

    def __getitem__(self, name: str) -> str:
        return path_segment(str(super().__getitem__(name)), twice=self._twice)


class Slashes:
    """How to encode UUIDs that have a slash, but neither begin with one nor have two in a row.

    Zoom's documents ask for one encoding of these; where it denies such a session, the other one is tried, once for
    each: at the end of the stream.
    """

    def __init__(self) -> None:
        self._tried: set[str] = set()

    def may_try_other(self, uuid: str) -> bool:
        """Return whether a UUID that was denied is worth a try in the other encoding; True once for each."""
        if "/" not in uuid or _needs_two(uuid) or uuid in self._tried:
            return False
        self._tried.add(uuid)
        return True

    def are_encoded_twice(self, uuid: str) -> bool:
        """Return whether to encode a UUID twice though Zoom does not ask for it."""
        return "/" in uuid and uuid in self._tried


def _needs_two(value: str) -> bool:
    return value.startswith("/") or "//" in value


def path_segment(value: str, *, twice: bool = False) -> str:
    """Encode a value for one segment of a path, twice where Zoom asks for that.

    "If you provide a meeting UUID that begins with a / character or contains the // characters, you
    must double-encode the meeting UUID", https://developers.zoom.us/docs/api/meetings/

    >>> path_segment("/abc//d==")
    '%252Fabc%252F%252Fd%253D%253D'
    >>> path_segment("a/b+c==")
    'a%2Fb%2Bc%3D%3D'
    """
    encoded = quote(value, safe="")
    return quote(encoded, safe="") if twice or _needs_two(value) else encoded
