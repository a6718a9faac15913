"""Requests as the server reads them and replies as it sends them."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True)
class Request:
    """One HTTP request. ``target`` is what stood in the request line, still percent-encoded."""

    method: str
    target: str
    headers: Mapping[str, str]
    """Header values by lower-case name."""
    body: bytes = b""

    @cached_property
    def path(self) -> str:
        """The target up to the question mark, still percent-encoded."""
        return self.target.partition("?")[0]

    @cached_property
    def query(self) -> dict[str, str]:
        """The decoded query; of a repeated name the last value."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @cached_property
    def list_key(self) -> str:
        """What tells the list that is asked for from others: its path and its parameters but the page token."""
        return repr((self.path, sorted(one for one in self.query.items() if one[0] != "next_page_token")))


class Damage(Enum):
    """What the transport does to a reply on its way."""

    NONE = "none"
    RESET = "reset"
    """The connection is reset in mid-body."""


class Part(str, Enum):
    """What of a reply comes byte by byte."""

    BODY = "body"
    HEADERS = "headers"
    CONTINUE = "continue"
    """Nothing of it, but ``100 Continue`` without end."""


@dataclass(frozen=True)
class Drip:
    """A reply that comes one byte, or one ``100 Continue``, at a time."""

    part: Part
    seconds: float
    """Between two of them."""


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    code: int | None = None
    """Zoom's own error code, for the counters."""
    damage: Damage = Damage.NONE
    spoiled: bool = False
    """True when a fault made the body useless, so that asking again is right."""
    stall: float = 0.0
    """Seconds before anything of it is sent."""
    drip: Drip | None = None
    stream: Callable[[], Iterator[bytes]] | None = None
    """Makes the parts of a body that is too long to be held; ``body`` is empty then."""


def to_json(value: object) -> bytes:
    """Return compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def json_reply(value: object, status: int = 200) -> Reply:
    """Return a reply with that JSON body."""
    return Reply(status, to_json(value))


def error_reply(
    status: int,
    code: int,
    message: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Reply:
    """Return an error as Zoom words it: ``code``, ``message`` and, for refused fields, ``errors``."""
    body: dict[str, Any] = {"code": code, "message": message}
    if errors:
        body["errors"] = errors
    return Reply(status, to_json(body), headers=headers or {}, code=code)


class ZoomError(Exception):
    """An API call that Zoom refuses, with the HTTP status, Zoom's code and its message."""

    def __init__(self, status: int, code: int, message: str, *, field_name: str | None = None) -> None:
        """Name the refused parameter in ``field_name`` if there is one."""
        super().__init__(message)
        self.reply = error_reply(
            status,
            code,
            message,
            errors=[{"field": field_name, "message": "Invalid field."}] if field_name else None,
        )
