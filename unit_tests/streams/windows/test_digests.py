"""Sets of digests: what goes in comes out, short and as text that JSON takes as it is."""

from __future__ import annotations

import base64
import json
import random

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from source_zoom.streams.windows.digests import MARK_BITS, DigestSet, digest, mark

MARKS = st.sets(st.integers(0, 2**MARK_BITS - 1) | st.integers(0, 300), max_size=50)


@given(MARKS)
def test_a_set_is_read_back_as_it_was(marks: set[int]) -> None:
    text = DigestSet(marks).encode()

    again = DigestSet.decode(text)

    assert len(again) == len(marks)
    assert all(number in again for number in marks)
    assert DigestSet(marks).encode() == again.encode() == text


@given(MARKS, st.integers(0, 300))
def test_adding_and_taking_off_change_the_text(marks: set[int], number: int) -> None:
    changing = DigestSet(marks)
    changing.encode()

    changing.add(number)
    assert number in changing
    assert changing.encode() == DigestSet(marks | {number}).encode()
    changing.discard(number)
    assert number not in changing
    assert changing.encode() == DigestSet(marks - {number}).encode()


def test_no_character_needs_escaping() -> None:
    alphabet = {chr(byte) for number in range(2**16) for byte in base64.b85encode(number.to_bytes(2, "big"))}

    text = "".join(sorted(alphabet))

    assert len(text) == 85
    assert json.dumps(text) == orjson.dumps(text).decode() == f'"{text}"'


def test_twenty_thousand_digests_take_less_than_six_and_a_half_characters_each() -> None:
    made = random.Random(8)

    marks = {made.getrandbits(MARK_BITS) for _ in range(20_000)}

    assert len(DigestSet(marks).encode()) < 6.5 * 20_000


def packed(*data: int) -> str:
    return base64.b85encode(bytes(data)).decode()


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "\\",
        "é",
        "\ud800",
        "a b",
        "~~~~~",
        "0",
        packed(200),
        packed(5, 0),
        packed(5, 0x80, 0x00),
        packed(*[255] * 6, 127),
        packed(*[255] * 200_000),
        packed(*[255] * 6, 0x3F, 1),
    ],
)
def test_garbage_raises(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of several places of Python's
        DigestSet.decode(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_raises(text: str) -> None:
    try:
        decoded = DigestSet.decode(text)
    except ValueError:
        return
    assert decoded.encode() == text


def test_a_mark_depends_on_every_text_and_their_order() -> None:
    assert mark("a", "b") == mark("a", "b") < 2**MARK_BITS
    assert len({mark("a", "b"), mark("b", "a"), mark("ab"), mark("a"), mark("a", "b", "")}) == 5


def test_a_digest_has_two_characters_for_each_byte() -> None:
    assert len(digest("a", 6)) == 12
    assert digest("a", 6) == digest("a", 6) != digest("b", 6)
