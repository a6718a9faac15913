"""Lists by windows whose items other streams read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from source_zoom.engine import Key
from source_zoom.streams.base.datetimes import utc_text
from source_zoom.streams.items.cursor import OwnerListed
from source_zoom.streams.items.state_form import Item
from source_zoom.streams.windows.ledger import ACCOUNT
from source_zoom.streams.windows.listing import WindowList
from source_zoom.streams.windows.stream import WindowStream

KEY_LIMIT = 5000
"""Items that the slowest stream may be behind the list; bounds memory on large accounts."""

WINDOWS_AHEAD = 2
"""Windows that are read at once for children: one may list all items of an account, and each is kept for them."""


@dataclass(frozen=True)
class ItemOf:
    """How a listed row becomes an item: what each of its fields says.

    :param key: field that identifies it, under the same name in paths and rows
    :param noun: what it is, for columns and gaps
    :param fingerprint: fields that change when the item has something new
    :param start: field with the moment it began
    :param end: field with the moment it ended; where a row lacks that, its start counts
    """

    key: str
    noun: str
    fingerprint: Sequence[str]
    start: str = "start_time"
    end: str = "end_time"

    def item(self, record: Mapping[str, Any], owner: str, *, keeps_row: bool) -> Item:
        """Return the item of a row.

        :raises ValueError: if the row does not say when it began
        """
        began = utc_text(record.get(self.start))
        if began is None:
            raise ValueError(f"its '{self.start}' is not a time")
        return Item(
            str(record[self.key]),
            owner,
            began,
            utc_text(record.get(self.end)) or began,
            "|".join(str(record.get(name)) for name in self.fingerprint),
            # A copy: orjson's own result keeps the eight kilobytes that it was written in.
            bytes(memoryview(orjson.dumps(record))) if keeps_row else b"",
        )

    def fields(self, item: Item) -> dict[str, str]:
        """Return the values of an item that paths and rows take: its key, and when it began."""
        return {self.key: item.key, f"{self.noun}_start_time": item.start_time}


class ItemList(WindowList):
    """A list by windows that tells its children of each item, and of the end of each owner's list.

    Its `child_key` returns the window and the item, under the item's key.
    """

    child_keys = {"identity": "", "item": ""}

    @property
    def key_limit(self) -> int | None:
        """Pause while a child is far behind."""
        return KEY_LIMIT

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return the end of an owner's list in a window."""
        end = OwnerListed(stream_slice["window"], stream_slice["owner"], error)
        return end, end


class ItemWindows(ItemList, WindowStream):
    """A window stream whose rows are the items.

    Declared by a subclass, besides what `WindowStream` asks for: `item`.
    """

    item: ClassVar[ItemOf]
    slices_ahead = WINDOWS_AHEAD
    tells_rows: ClassVar[bool] = False
    """Whether its children need the listed row."""

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return the window and the item, under its key."""
        item = self.item.item(record, stream_slice["owner"], keeps_row=self.tells_rows)
        return item.key, (stream_slice["window"], item)

    def with_keys(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record that has its keys, and can be an item.

        :raises ValueError: if it cannot
        """
        made = super().with_keys(record)
        self.item.item(made, ACCOUNT, keeps_row=False)
        return made
