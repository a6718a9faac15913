"""Ids that look random and can be turned back into the number they were made from, so that none is stored."""

import base64
import binascii
from hashlib import blake2b

from sandbox.dice import Dice

_MIX = 0x9E3779B97F4A7C15
_UNMIX = pow(_MIX, -1, 1 << 64)
_MASK = (1 << 64) - 1

_FEWEST_DIGITS = 10
_SPAN = {10: 9 * 10**9, 11: 9 * 10**10}
_STEP = 2_654_435_761
"""Shares no factor with the spans, so that stepping by it meets every id once."""


class Keys:
    """The 16-byte keys of one kind of thing: 8 bytes hold the scrambled number, 8 are a seal."""

    def __init__(self, seed: int, kind: str) -> None:
        self._secret = blake2b(f"{seed}/{kind}".encode()).digest()
        self._offset = Dice(seed, kind, "offset").below(1 << 64)

    def user_id(self, number: int) -> str:
        """Return the number as a user id: base64 for URLs, without padding."""
        return base64.urlsafe_b64encode(self._pack(number)).rstrip(b"=").decode()

    def user_number(self, user_id: str) -> int | None:
        """Return the number of a user id, or None if it is none of ours."""
        return self._unpack(user_id, b"-_", "==")

    def uuid(self, number: int) -> str:
        """Return the number as a UUID: plain base64, so that it may hold ``/``, ``//`` and ``+``."""
        return base64.b64encode(self._pack(number)).decode()

    def uuid_number(self, uuid: str) -> int | None:
        """Return the number of a UUID, or None if it is none of ours."""
        return self._unpack(uuid, b"+/", "")

    def _pack(self, number: int) -> bytes:
        mixed = ((number + self._offset) * _MIX & _MASK).to_bytes(8, "big")
        seal = blake2b(mixed, key=self._secret, digest_size=8).digest()
        return _shaped(seal[:4], seal[7]) + mixed + seal[4:]

    def _unpack(self, text: str, altchars: bytes, padding: str) -> int | None:
        try:
            raw = base64.b64decode(text + padding, altchars=altchars, validate=True)
        except (binascii.Error, ValueError):
            return None
        number = (int.from_bytes(raw[4:12], "big") * _UNMIX - self._offset) & _MASK
        return number if self._pack(number) == raw else None


def _shaped(head: bytes, luck: int) -> bytes:
    """Make the awkward cases frequent: of 16 heads, one begins with ``/``, one has ``//``, one ``+``."""
    first, second, third, fourth = head
    case = luck % 16
    if case == 0:
        first |= 0xFC
    elif case == 1:
        first, second, third = first | 0x03, 0xFF, third | 0xC0
    elif case == 2:  # noqa: PLR2004
        third = third & 0xC0 | 0x3E
    return bytes((first, second, third, fourth))


class MeetingIds:
    """Meeting ids: 64-bit integers, of 10 digits for even numbers and 11 for odd ones."""

    def __init__(self, seed: int) -> None:
        self._offset = Dice(seed, "meeting ids").below(_SPAN[10])

    def encode(self, number: int) -> int:
        """Return the id of a meeting's number."""
        digits = _FEWEST_DIGITS + number % 2
        span = _SPAN[digits]
        return span // 9 + (number // 2 * _STEP + self._offset) % span

    def decode(self, meeting_id: int) -> int | None:
        """Return the number behind an id, or None if it has another length."""
        digits = len(str(meeting_id))
        span = _SPAN.get(digits)
        if span is None:
            return None
        half = (meeting_id - span // 9 - self._offset) * pow(_STEP, -1, span) % span
        return half * 2 + digits - _FEWEST_DIGITS
