"""Whether the pages of a list come to an end, and agree with the count that the list gives of itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson

MOST_EMPTY_PAGES = 3
ROWS_BEYOND_THE_TOTAL = 3000
"""How far a list may go beyond its own count before it is taken for endless: ten of the largest pages."""


class PageCount:
    """Counts the pages of one pass over a list."""

    def __init__(self) -> None:
        self.pages = 0
        self.records = 0
        self.total: int = 0
        """What the last page said."""
        self._totals: set[int] = set()
        self._tokens: set[str] = set()
        self._last = b""
        self._empty = 0

    def add(self, records: Sequence[Any], total: object, token: str | None) -> str | None:
        """Count a page; return why the list does not seem to end, None if it may.

        :param total: the list's own count, if the page gives one
        :param token: the token of the next page
        """
        self.pages += 1
        self.records += len(records)
        if type(total) is int:
            self._totals.add(total)
            self.total = total
        self._empty = 0 if records else self._empty + 1
        page = hashlib.blake2b(orjson.dumps(records), digest_size=16).digest()  # records change on their way
        is_same = bool(records) and page == self._last
        self._last = page
        if token is None:
            return None
        if token in self._tokens:
            return "Zoom gave the same page token twice"
        self._tokens.add(token)
        if is_same:
            return "a page was equal to the one before"
        if self._empty >= MOST_EMPTY_PAGES:
            return f"{MOST_EMPTY_PAGES} pages in a row were empty"
        if self._totals and self.records > max(self._totals) + ROWS_BEYOND_THE_TOTAL:
            return f"it says that it has {max(self._totals):,} records and gave {self.records:,}"
        return None

    @property
    def differs(self) -> bool:
        """Whether the list changed while it was read, or gave fewer records than it says that it has."""
        return len(self._totals) > 1 or (bool(self._totals) and self.records < self.total)
