"""What meetings and webinars have in common about registration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from airbyte_cdk.models import SyncMode

from source_zoom.engine import Key
from source_zoom.errors import Verdict
from source_zoom.streams.base import StreamContext, ZoomStream, ZoomSubStream

NO_REGISTRATION = 2
"""Value of `approval_type`; 0 and 1 mean that there is registration."""

PER_OCCURRENCE = 2
"""Value of `registration_type`: one registers for each occurrence of a series."""

STATUSES = ({"status": "pending"}, {"status": "approved"}, {"status": "denied"})
"""In this order a registrant who moves on between two reads is met twice, never missed."""


class RegistrableDetail(ZoomSubStream):
    """The detail of a meeting or webinar, which says whether and how one registers.

    Declared by a subclass: `string_id`, the name of its id in the slices of its children.
    """

    child_keys: ClassVar[Mapping[str, str]] = {}

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._gone: set[str] = set()

    @property
    def _id(self) -> str:
        if self.string_id is None:
            raise TypeError(f"{self.name} declares no string_id")
        return self.string_id

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return its id, its host, whether registration is on, and for which occurrences."""
        settings = record.get("settings") or {}
        occurrences: tuple[str, ...] = ()
        if settings.get("registration_type") == PER_OCCURRENCE:
            occurrences = tuple(occurrence["occurrence_id"] for occurrence in record.get("occurrences") or [])
        return record[self._id], record["host_id"], settings.get("approval_type"), occurrences

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count one without a detail, and remember one that does not exist any more."""
        super().note_skip(verdict, stream_slice)
        if verdict.code.endswith("/3001"):
            self._gone.add(stream_slice[self._id])

    def child_key_of_unread(self, stream_slice: Mapping[str, Any]) -> Key | None:
        """Return it without its settings: most of what belongs to it can be read all the same."""
        if stream_slice[self._id] in self._gone:
            return None
        return stream_slice[self._id], stream_slice["host_id"], None, ()


def registration_keys(string_id: str) -> Mapping[str, str]:
    """Return the `child_keys` of a detail."""
    return {
        string_id: string_id,
        "host_id": "host_id",
        "approval_type": "settings.approval_type",
        "occurrences": "occurrences",
    }


class OfRegistration(ZoomSubStream):
    """Something that a meeting or webinar has only where one registers for it."""

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield nothing for one that says it has no registration."""
        if parent_key["approval_type"] != NO_REGISTRATION:
            yield parent_key


class Registrants(OfRegistration):
    """Registrants in all statuses; where one registers for each occurrence, each has a list of its own."""

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield a read for each status, and for each occurrence where they have registrants of their own."""
        for read in super().reads(stream_slice):
            yield read
            for occurrence_id in stream_slice["occurrences"]:
                yield {**read, "occurrence_id": occurrence_id}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the registrants; one of several occurrences once for each status."""
        records = super().read_records(sync_mode, stream_slice=stream_slice)
        if not (stream_slice or {}).get("occurrences"):
            yield from records
            return
        met: set[tuple[str, str]] = set()
        for record in records:
            registrant = (record["id"], record.get("status", ""))
            if registrant not in met:
                met.add(registrant)
                yield record
