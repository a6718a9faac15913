"""Lists that change while they are read, or do not hold what they count."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sandbox.routing import Listing

_MARKS = ("user_id", "uuid", "meeting_uuid", "id", "email")
"""What tells rows apart: the first of these that a row has."""


def shifted(listing: Listing) -> Listing:
    """Return the list with a new row at its front; an empty one stays empty."""
    if not listing.total:
        return listing

    def rows(start: int, stop: int) -> Sequence[Any]:
        if start:
            return listing.rows(start - 1, stop - 1)
        return [_newcomer(listing.rows(0, 1)[0]), *listing.rows(0, stop - 1)]

    return replace(listing, total=listing.total + 1, rows=rows)


def _newcomer(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row like another one, but of something else."""
    mark = next((name for name in _MARKS if row.get(name)), None)
    return row if mark is None else {**row, mark: _another(row[mark])}


def _another(value: int | str) -> int | str:
    if isinstance(value, int):
        return value + 1
    return str(int(value) + 1) if value.isdecimal() else value.swapcase()
