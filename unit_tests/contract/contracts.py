"""Which of Zoom's answers each stream's schema has to cover: what its class says, and what no class can know."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import requests_mock
from airbyte_cdk.models import SyncMode

from source_zoom.streams import PastSessionStream, ReadGaps, ZoomStream
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.items.state_form import Item
from source_zoom.streams.items.stream import ItemStream
from source_zoom.streams.registration import RegistrableDetail
from source_zoom.streams.sessions.report import SessionReport
from source_zoom.streams.windows.ledger import ACCOUNT
from source_zoom.streams.windows.stream import WindowStream
from unit_tests.contract.openapi import DocumentedField, Operation, documented_fields
from unit_tests.contract.schema_tree import JsonObject, parse
from unit_tests.declared import BY_NAME, operation_of
from unit_tests.fake_zoom import TOKEN_URL, token
from unit_tests.past import NOW, row_of, slice_of, tree

REPOSITORY = Path(__file__).parents[2]
SCHEMAS_FOLDER = REPOSITORY / "source_zoom" / "schemas"
SAMPLES_FOLDER = REPOSITORY / "unit_tests" / "resource" / "http" / "response"

SCHEMA_NAMES = sorted(path.stem for path in SCHEMAS_FOLDER.glob("*.json"))
STREAM_NAMES = sorted(name for name, stream in BY_NAME.items() if not stream.internal)
"""Streams whose rows are Zoom's."""

SEEN: Mapping[str, frozenset[str]] = {
    "meeting_poll_results": frozenset({"first_name", "last_name"}),
    "meetings": frozenset({"settings.enable_dedicated_group_chat"}),
    "pending_users": frozenset({"language", "phone_number"}),
    "report_meeting_participants": frozenset({"attentiveness_score"}),
    "users": frozenset({"language", "phone_number"}),
    "webinar_registrants": frozenset({"participant_pin_code"}),
}
"""What Zoom sends without documenting it: it stands in recorded answers, or in the declarative connector's schemas."""

WITHHELD: Mapping[str, frozenset[str]] = {
    "pending_users": frozenset({"host_key", "id"}),
    "users": frozenset({"host_key"}),
}
"""What Zoom documents and never sends: pending users have no id, and secrets are not asked for."""


@dataclass(frozen=True)
class StreamContract:
    """What the stream's class says.

    :param operations: those whose records it emits, or carries the fields of; the sample is an answer of the first
    :param own_columns: what the connector adds to Zoom's rows
    :param cursor_field: that of an incremental stream
    """

    name: str
    primary_key: frozenset[str]
    operations: tuple[Operation, ...]
    own_columns: frozenset[str]
    cursor_field: str | None

    @property
    def operation(self) -> Operation:
        """The operation whose answer the sample is."""
        return self.operations[0]

    @property
    def seen(self) -> frozenset[str]:
        """Fields that Zoom sends without documenting them."""
        return SEEN.get(self.name, frozenset())

    @property
    def withheld(self) -> frozenset[str]:
        """Documented fields that are never sent."""
        return WITHHELD.get(self.name, frozenset())

    def documented_fields(self) -> dict[str, DocumentedField]:
        """Every documented field of the stream's records that can be sent."""
        fields = documented_fields(self.operations)
        return {path: fields[path] for path in fields if path not in self.withheld}


@cache
def contract(name: str) -> StreamContract:
    """Return the contract of a stream whose rows are Zoom's."""
    stream = BY_NAME[name]
    operations = _operations(type(stream))
    return StreamContract(
        name,
        primary_key=frozenset(stream.key_fields),
        operations=operations,
        own_columns=_added_columns(name, operations[0]),
        cursor_field=stream.incremental_field,
    )


def primary_key(name: str) -> frozenset[str]:
    """The primary key of a stream, whoever makes its rows."""
    return contract(name).primary_key if name in BY_NAME else frozenset(ReadGaps.key_fields)


def own_columns(name: str) -> frozenset[str]:
    """What the connector adds to Zoom's rows."""
    return contract(name).own_columns if name in BY_NAME else frozenset()


def cursor_field(name: str) -> str | None:
    """The cursor field of an incremental stream."""
    return contract(name).cursor_field if name in BY_NAME else None


def sample(stream: str) -> JsonObject:
    """The body of the stream's sample answer."""
    return parse((SAMPLES_FOLDER / f"{stream}.json").read_text(encoding="utf-8"))


def _operations(cls: type[ZoomStream]) -> tuple[Operation, ...]:
    own = operation_of(cls)
    if not issubclass(cls, (RegistrableDetail, SessionReport)):
        return (own,)
    listed = operation_of(cls.parent_stream)  # whose rows it emits where it may not have the detail
    is_list_first = issubclass(cls, SessionReport) and cls.detail_is_optional
    return (listed, own) if is_list_first else (own, listed)


def _added_columns(name: str, operation: Operation) -> frozenset[str]:
    """Return the columns that a row has when the stream has read the sample, and had not in Zoom's answer."""
    stream = tree()[name]
    answer = {**sample(name), "next_page_token": ""}
    row = operation.records_of(answer)[0]
    listed = row_of() if operation == operation_of(type(stream)) else row
    with requests_mock.Mocker() as zoom:
        zoom.post(TOKEN_URL, **token())
        zoom.get(requests_mock.ANY, json=answer)
        record = next(iter(stream.read_records(SyncMode.full_refresh, stream_slice=_slice(stream, listed))))
    return frozenset(record.keys() - row.keys())


def _slice(stream: ZoomStream, listed: JsonObject) -> Mapping[str, Any]:
    """Return a slice of a stream; that of a past session has a listed row, and needs no request for more of it."""
    if isinstance(stream, PastSessionStream):
        return slice_of(row=listed, has_history=True)
    if isinstance(stream, ItemStream):
        return stream.slice_of(Item("x", ACCOUNT, NOW, NOW, ""), None)
    if isinstance(stream, WindowStream):
        return {"first": stream.context.now.date(), "last": stream.context.now.date()}
    if isinstance(stream, ZoomSubStream):
        key = dict.fromkeys(stream.parent.child_keys, "x") | {"row": None, "occurrences": ()}
        return next(iter(stream.slices_of(key)))
    return {}
