"""Rows that Zoom gives no key: one is made of what identifies them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson

from source_zoom.streams.base.stream import ZoomStream

KEY_BYTES = 16


class KeyedRows(ZoomStream):
    """Gives each row a key that is the same on every run.

    Rows that are equal in what identifies them are told apart by their order. Declared by a subclass: `row_key`.
    """

    row_key: ClassVar[tuple[str, ...]] = ()
    """Columns that identify a row, and do not change when it is completed later."""
    row_key_field: ClassVar[str] = "row_id"
    """Column that the key is in."""

    def identity(self, record: Mapping[str, Any]) -> list[Any]:
        """Return what identifies a row: its columns of `row_key`."""
        return [record.get(name) for name in self.row_key]

    def attempt(self, stream_slice: Mapping[str, Any]) -> Callable[[Any], Mapping[str, Any]]:
        """Return what completes the rows of one pass over a slice, counting equal ones from the start."""
        ordinals: Counter[bytes] = Counter()

        def complete(record: Any) -> Mapping[str, Any]:
            identity = orjson.dumps(self.identity(record))
            ordinals[identity] += 1
            numbered = f"{identity.decode()}{ordinals[identity]}".encode()
            record[self.row_key_field] = hashlib.blake2b(numbered, digest_size=KEY_BYTES).hexdigest()
            return self.complete(record, stream_slice)

        return complete
