"""The stream of gaps: what a sync could not read while it read the rest."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams import Stream

from source_zoom.engine import FeedReader, Key, Parent
from source_zoom.streams.base.context import StreamContext


class ReadGaps(Stream):
    """One record for each object that a selected stream lacks; read when all others have ended."""

    internal: ClassVar[bool] = False
    is_last = True
    pool = "gaps"
    primary_key = ["stream", "object_type", "object_id"]
    key_fields = ("stream", "object_type", "object_id")
    parents: Sequence[Parent] = ()
    incremental_field: str | None = None
    key_limit: int | None = None
    slices_ahead: int | None = None
    closing_level = logging.INFO

    def __init__(self, context: StreamContext) -> None:
        super().__init__()
        self._gaps = context.gaps

    @property
    def is_resumable(self) -> bool:
        """Say no: the gaps are those of one sync."""
        return False

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Schema of the records."""
        return self.get_json_schema()

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the one slice."""
        yield {}

    def length_of(self, stream_slice: Mapping[str, Any]) -> int:
        """Return that the slice takes no request."""
        return 0

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield nothing more."""
        return ()

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Yield the gaps of all streams that have ended."""
        yield from self._gaps.rows()

    def closing_line(self) -> str | None:
        """Say nothing: each stream warns of its own."""
        return None

    def follow(self, name: str, keys: FeedReader) -> None:
        """Take the keys of a parent; there is none."""
        raise TypeError(f"{self.name} has no parent '{name}' to follow")

    def emits(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> bool:
        """Return whether to emit a gap: yes."""
        return True

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return a key for children; there are none."""
        raise TypeError(f"{self.name} has no children")

    def child_key_of_unread(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return nothing: there are no children."""
        return None

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return nothing: there are no children."""
        return None
