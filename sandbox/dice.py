"""Pseudo-random draws that depend only on a name, so that a row can be made from its index alone."""

import base64
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_NEARLY_EMPTY = 1 << 64
_FULL = 1 << 512


class Dice:
    """An endless supply of draws; two dice of the same name draw the same."""

    __slots__ = ("_name", "_pool", "_refills")

    def __init__(self, *name: object) -> None:
        self._name = "/".join(map(str, name)).encode()
        self._pool = 0
        self._refills = 0

    def below(self, bound: int) -> int:
        """Return an integer from 0 to ``bound`` - 1; the bound is at most 2**64."""
        if self._pool < _NEARLY_EMPTY:
            digest = blake2b(self._name, salt=self._refills.to_bytes(16, "big")).digest()
            self._pool = int.from_bytes(digest, "big") | _FULL
            self._refills += 1
        self._pool, drawn = divmod(self._pool, bound)
        return drawn

    def between(self, least: int, most: int) -> int:
        """Return an integer from ``least`` to ``most``, both included."""
        return least + self.below(most - least + 1)

    def percent(self, share: int) -> bool:
        """Return true in ``share`` of 100 draws."""
        return self.below(100) < share

    def pick(self, values: Sequence[T]) -> T:
        """Return one of the values."""
        return values[self.below(len(values))]

    def digits(self, count: int) -> str:
        """Return that many decimal digits."""
        return str(self.below(10**count)).zfill(count)

    def key(self) -> str:
        """Return a key of 22 characters, which is how Zoom writes the ids of users, registrants and polls."""
        raw = self.below(1 << 64).to_bytes(8, "big") + self.below(1 << 64).to_bytes(8, "big")
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
