"""Every meaning has its group, and what a user reads of it."""

from __future__ import annotations

import pytest

from source_zoom.zoom.meanings import (
    ACCOUNT_WIDE,
    EXPLANATIONS,
    LACKING,
    NOTHING,
    NOTHING_THERE,
    PASSING,
    REMEDIES,
    Meaning,
    name_of,
)

WITHHELD = (
    Meaning.NO_PERMISSION
    | Meaning.INVALID
    | Meaning.WRONG_ADDRESS
    | Meaning.UNKNOWN
    | Meaning.OUT_OF_REACH
    | Meaning.TOKEN
)


@pytest.mark.parametrize("meaning", [meaning for meaning in Meaning if meaning is not Meaning.OK], ids=name_of)
def test_meaning_belongs_to_one_group_and_is_explained(meaning: Meaning) -> None:
    assert [meaning in group for group in (NOTHING_THERE, WITHHELD, PASSING, ACCOUNT_WIDE)].count(True) == 1
    assert EXPLANATIONS[meaning][0].islower() or EXPLANATIONS[meaning].startswith(("Zoom", "`"))
    assert not EXPLANATIONS[meaning].endswith(".")


def test_what_passes_has_a_remedy_and_what_is_not_there_needs_none() -> None:
    assert all(meaning in REMEDIES for meaning in Meaning if meaning in PASSING)
    assert not any(meaning in REMEDIES for meaning in Meaning if meaning in NOTHING_THERE)
    assert all(remedy.endswith(".") for remedy in REMEDIES.values())


def test_what_lacks_for_want_of_money_is_something_that_can_be_skipped() -> None:
    assert LACKING in NOTHING_THERE


def test_name_is_one_that_gaps_can_be_queried_by() -> None:
    names = [name_of(meaning) for meaning in Meaning]

    assert len(set(names)) == len(names)
    assert [Meaning[name] for name in names] == list(Meaning)
    assert name_of(NOTHING) == "UNKNOWN"
