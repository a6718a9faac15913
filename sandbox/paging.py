"""Pages and their tokens.

https://developers.zoom.us/docs/api/using-zoom-apis/#pagination: a token goes back with the same other parameters,
lives 15 minutes, and the last page has an empty one.
"""

import base64
import binascii
import struct
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

_PAYLOAD = struct.Struct(">QQ")
_SEAL_SIZE = 8


@dataclass(frozen=True)
class Paging:
    """Page sizes of an endpoint and what it says of a dead token."""

    maximum: int = 300
    """The largest ``page_size`` that is accepted."""
    served: int = 300
    """The most rows a page really has."""
    default: int = 30


@dataclass(frozen=True)
class Page:
    """The part of a list that one request asks for."""

    offset: int
    size: int

    @property
    def number(self) -> int:
        """The page's number, from 1."""
        return self.offset // self.size + 1


class PageTokens:
    """Issues page tokens and takes them back. Nothing is stored: a token holds its offset and age, sealed."""

    def __init__(self, secret: str, lifetime: float, clock: Callable[[], float]) -> None:
        """Take the secret of the seal, the lifetime in seconds and the clock."""
        self._secret = blake2b(secret.encode()).digest()
        self._lifetime = lifetime
        self._clock = clock

    def issue(self, list_key: str, offset: int) -> str:
        """Return a token that continues a list, known by its ``Request.list_key``, at ``offset``."""
        payload = _PAYLOAD.pack(offset, int(self._clock() * 1000))
        return base64.urlsafe_b64encode(payload + self._seal(list_key, payload)).decode()

    def redeem(self, list_key: str, token: str) -> int | None:
        """Return the offset a token stands for, or None if it is foreign or too old."""
        try:
            raw = base64.b64decode(token, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        payload, seal = raw[: _PAYLOAD.size], raw[_PAYLOAD.size :]
        if len(payload) != _PAYLOAD.size or seal != self._seal(list_key, payload):
            return None
        offset, issued = _PAYLOAD.unpack(payload)
        expired = self._clock() >= issued / 1000 + self._lifetime
        return None if expired else int(offset)

    def _seal(self, list_key: str, payload: bytes) -> bytes:
        return blake2b(list_key.encode() + payload, key=self._secret, digest_size=_SEAL_SIZE).digest()
