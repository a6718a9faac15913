"""What a complete connector delivers of the streams of one table line each: all rows made, whatever it was asked for.

Nothing here knows pages, windows or filters, so that no mistake about them can be here as well as in a connector.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from sandbox.expected_reports import Access, Key, Row
from sandbox.shaped import TABLE
from sandbox.shaped_rows import ROWS, Rows, Table
from sandbox.world import World

SHAPED_KEYS: dict[str, tuple[str, ...]] = {stream: (line.key or "row_id",) for stream, line in TABLE.items()}
"""A connector makes ``row_id`` where rows have no key."""


class ExpectedShaped:
    """Rows made so far, also those that the endpoint no longer serves."""

    def __init__(self, world: World, access: Access, lines: Table) -> None:
        """Take the account, what can be read of it, and the table."""
        self._world, self._access, self._lines = world, access, lines

    def rows(self, stream: str, carried: Mapping[str, str] | None = None) -> Iterator[Row]:
        """Yield every row. ``carried`` names columns to add: the name of the parent's column by the new name."""
        rows = Rows(self._lines, stream, self._world)
        for number in rows.all() if self._is_readable(rows) else ():
            parent = rows.parents.row(number // ROWS) if rows.parents and carried else {}
            yield {**rows.row(number), **{name: parent.get(column) for name, column in (carried or {}).items()}}

    def keys(self, stream: str) -> Iterator[Key]:
        """Yield the primary key of every row, or what ``numbered`` makes of rows that have none."""
        key = self._lines[stream].key
        return numbered(self.rows(stream)) if key is None else ((row[key],) for row in self.rows(stream))

    def _is_readable(self, rows: Rows) -> bool:
        template = rows.line.template
        own = rows.line.needs not in self._world.without and self._access.reaches(template, f"/v2{template}")
        return own and (rows.parents is None or self._is_readable(rows.parents))


def numbered(rows: Iterable[Row]) -> Iterator[Key]:
    """Yield each row as JSON, with its number among those that are equal to it, from 0."""
    seen: Counter[str] = Counter()
    for row in rows:
        text = json.dumps(row, sort_keys=True)
        yield text, seen[text]
        seen[text] += 1
