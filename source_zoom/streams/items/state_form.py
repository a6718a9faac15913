"""The form of a state about items: what it holds, read from JSON without trust and written as JSON.

What the fields mean stands in `state.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pendulum

from source_zoom.streams.windows import ledger_form
from source_zoom.streams.windows.digests import DigestSet
from source_zoom.streams.windows.ledger_form import (
    NOT_A_STATE,
    Cause,
    LedgerData,
    LedgerReader,
    a_list,
    an_object,
    reason,
    text,
)

STAGES = 4
"""Stages of a recent item: read before the first, second or third milestone (`state.py`), or settled."""

ROW_BYTES = 4096
"""Length of the longest listed row that is kept for a retry."""


@dataclass(frozen=True)
class Item:
    """Something that a window stream lists.

    :param key: what identifies it
    :param owner: whose window it was listed in
    :param start_time: when it began, as Zoom writes moments, in UTC
    :param end_time: when it ended, so that all of it should be there soon after
    :param fingerprint: how it ended; while it is the same there is no reason to read the item again
    :param row: the listed row as JSON, empty if it is not at hand any more
    """

    key: str
    owner: str
    start_time: str
    end_time: str
    fingerprint: str
    row: bytes = field(default=b"", compare=False, repr=False)

    @property
    def day(self) -> str:
        """UTC day it began on."""
        return self.start_time[:10]

    @property
    def listed_under(self) -> str:
        """The owner in whose list it is."""
        return self.owner


ItemT = TypeVar("ItemT", bound=Item)


@dataclass(frozen=True)
class Retry(Generic[ItemT]):
    """An item whose own request failed; one without `since` and `cause` was just not read yet."""

    item: ItemT
    asked: str
    since: str | None = None
    cause: Cause | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for good."""
        return self.cause is not None and self.cause.refused


@dataclass
class ItemData(LedgerData, Generic[ItemT]):
    """All that a state about items holds."""

    recent: dict[str, list[DigestSet]] = field(default_factory=dict)
    retry: dict[str, Retry[ItemT]] = field(default_factory=dict)


def written(held: ItemData[ItemT], owners: str, fields_of: Callable[[ItemT], Mapping[str, Any]]) -> dict[str, Any]:
    """Return a state as Airbyte keeps it; it shares no object with the data that can change.

    :param owners: what the owners are called
    :param fields_of: returns all that an item is made of, but for its key and its row
    """
    return {
        **ledger_form.written(held, owners),
        "recent": {
            day: [marks.encode() for marks in stages] for day, stages in sorted(held.recent.items()) if any(stages)
        },
        "retry": {
            key: {
                **fields_of(entry.item),
                **({"row": entry.item.row.decode()} if entry.item.row else {}),
                "asked": entry.asked,
                **reason(entry),
            }
            for key, entry in held.retry.items()
        },
    }


def read(saved: Mapping[str, Any], now: pendulum.DateTime, owners: str) -> ItemData[Item] | None:
    """Return what a state holds, None if it is not one that `written` returns.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """
    try:
        return ItemData(**ItemReader(now).items(saved, owners, _item))
    except NOT_A_STATE:
        return None


def fields_of(item: Item) -> dict[str, Any]:
    """Return all that an item is made of, but for its key and its row."""
    return {name: getattr(item, name) for name in _TEXTS}


_TEXTS = ("owner", "start_time", "end_time", "fingerprint")


def _item(key: str, entry: Mapping[str, Any], row: bytes) -> Item:
    owner, start_time, end_time, fingerprint = (text(entry[name]) for name in _TEXTS)
    return Item(key, owner, start_time, end_time, fingerprint, row)


class ItemReader(LedgerReader):
    """Takes a state apart."""

    def items(
        self, saved: Mapping[str, Any], owners: str, made: Callable[[str, Mapping[str, Any], bytes], ItemT]
    ) -> dict[str, Any]:
        """Return the fields of `ItemData`.

        :param made: returns the item that a key, its fields and its row make
        """
        return {
            **self.ledger(saved, owners),
            "recent": {self.key(day): _stages(stages) for day, stages in an_object(saved["recent"]).items()},
            "retry": {
                text(key): self._retry(text(key), an_object(entry), made)
                for key, entry in an_object(saved["retry"]).items()
            },
        }

    def _retry(
        self, key: str, entry: Mapping[str, Any], made: Callable[[str, Mapping[str, Any], bytes], ItemT]
    ) -> Retry[ItemT]:
        item = made(key, entry, text(entry.get("row", "")).encode())
        return Retry(item, self.asked(entry["asked"]), *self.reason(entry))


def _stages(value: object) -> list[DigestSet]:
    stages = [DigestSet.decode(text(marks)) for marks in a_list(value)]
    if len(stages) != STAGES:
        raise ValueError("recent items have other stages")
    return stages
