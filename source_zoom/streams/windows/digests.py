"""Digests, and sets of them that are short as text.

A set of n digests of 48 bits needs about log2(2**48 / n) bits for each as the distance to the next one:
for 20,000 of them 35 bits, which are five bytes of seven bits, or 6.3 characters in base 85.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

MARK_BITS = 48
"""Of the texts that are not among 20,000 members, one in ten thousand million is taken for one of them."""


def digest(text: str, size: int) -> str:
    """Return `2 * size` characters that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


def mark(*texts: str) -> int:
    """Return a number of `MARK_BITS` that stands for some texts in their order."""
    joined = "\n".join(texts).encode()
    return int.from_bytes(hashlib.blake2b(joined, digest_size=MARK_BITS // 8).digest(), "big")


class DigestSet:
    """A set of numbers that `mark` returns, and its text, which is kept until the set changes."""

    def __init__(self, marks: Iterable[int] = ()) -> None:
        self._marks = set(marks)
        self._text: str | None = None

    def __contains__(self, number: object) -> bool:
        return number in self._marks

    def __len__(self) -> int:
        return len(self._marks)

    def add(self, number: int) -> None:
        """Add a number, which may be there already."""
        if number not in self._marks:
            self._marks.add(number)
            self._text = None

    def discard(self, number: int) -> None:
        """Take a number out, if it is there."""
        if number in self._marks:
            self._marks.remove(number)
            self._text = None

    def encode(self) -> str:
        """Return the set as text: no character of it needs escaping in JSON."""
        if self._text is None:
            packed = bytearray()
            append = packed.append
            before = 0
            for number in sorted(self._marks):
                gap, before = number - before, number
                while gap > 127:  # noqa: PLR2004 - seven bits a byte; the eighth says that more follow
                    append(gap & 127 | 128)
                    gap >>= 7
                append(gap)
            self._text = base64.b85encode(packed).decode()
        return self._text

    @classmethod
    def decode(cls, text: str) -> DigestSet:
        """Return the set that a text stands for.

        :raises ValueError: if `encode` does not return such a text
        """
        packed = base64.b85decode(text)
        if packed and packed[-1] > 127:  # noqa: PLR2004
            raise ValueError("the last number of a set of digests is cut off")
        marks: list[int] = []
        number = gap = shift = 0
        for byte in packed:
            gap |= (byte & 127) << shift
            shift += 7
            if shift > MARK_BITS + 1:
                raise ValueError("a set of digests has a number that is written too long")
            if byte < 128:  # noqa: PLR2004
                if (gap == 0 and marks) or (byte == 0 and gap):
                    raise ValueError("a set of digests has a number twice, or one that is written too long")
                number += gap
                marks.append(number)
                gap = shift = 0
        if number >> MARK_BITS or base64.b85encode(packed).decode() != text:
            raise ValueError("a set of digests has a number that is too large, or characters that say nothing")
        decoded = cls(marks)
        decoded._text = text
        return decoded
