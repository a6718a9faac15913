"""Which streams a configured catalog selects, under which names, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    FailureType,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message as status_message

from source_zoom.engine import FailureLog, TreeStream

SECOND_NAMES: Mapping[str, str] = {
    "meeting_registration_questions": "meeting_questions",
    "webinar_registration_questions": "webinar_questions",
}
"""Names that the declarative airbyte/source-zoom gives two streams, as a kept catalog has them."""

DEDUPLICATING = frozenset({DestinationSyncMode.append_dedup})


@dataclass(frozen=True)
class Selection:
    """The streams to read, and those of the catalog that cannot be.

    :param modes: sync mode of each stream that is read
    :param names: name in the catalog of each stream that has another one there
    :param failures: errors of the streams that cannot be read, by their names in the catalog
    """

    modes: Mapping[str, SyncMode]
    names: Mapping[str, str]
    failures: FailureLog

    @classmethod
    def of(cls, catalog: ConfiguredAirbyteCatalog, streams: Mapping[str, TreeStream]) -> Selection:
        """Return what a catalog selects.

        :param streams: those of the connector's own catalog
        """
        modes: dict[str, SyncMode] = {}
        names: dict[str, str] = {}
        failures = FailureLog()
        for configured in catalog.streams:
            given = configured.stream.name
            name = given if given in streams else SECOND_NAMES.get(given, given)
            fault = _fault_of(configured, name, streams, modes)
            if fault is not None:
                failures.note(given, _config_error(fault))
                continue
            modes[name] = configured.sync_mode
            if name != given:
                names[name] = given
        return cls(modes, names, failures)

    def as_catalogued(self, messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
        """Yield messages under the names that the catalog has, after the statuses of what cannot be read."""
        for name in sorted(self.failures.names):
            yield status_message(StreamDescriptor(name=name), AirbyteStreamStatus.INCOMPLETE)
        for message in messages:
            if self.names:
                _rename(message, self.names)
            yield message


def _fault_of(
    configured: ConfiguredAirbyteStream, name: str, streams: Mapping[str, TreeStream], selected: Mapping[str, Any]
) -> str | None:
    given = configured.stream.name
    if name not in streams:
        return (
            f"The catalog selects '{given}', which this connector does not have. Refresh the source schema, or select "
            f"among: {', '.join(sorted(streams))}."
        )
    if name in selected:
        return f"The catalog selects '{given}' twice, as '{name}' is the same stream: leave one out."
    declared = [[field] for field in streams[name].key_fields]
    key = configured.primary_key or []
    if configured.destination_sync_mode in DEDUPLICATING and key and sorted(key) != sorted(declared):
        fields = ", ".join(field for (field,) in declared)
        return (
            f"The catalog deduplicates '{given}' by another primary key than the stream's, which is {fields}: records "
            "would overwrite each other. Refresh the source schema and clear the stream."
        )
    return None


def _config_error(sentence: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=sentence, internal_message=sentence, failure_type=FailureType.config_error)


def _rename(message: AirbyteMessage, names: Mapping[str, str]) -> None:
    if message.record is not None:
        message.record.stream = names.get(message.record.stream, message.record.stream)
    trace = message.trace
    for descriptor in (
        message.state.stream.stream_descriptor if message.state and message.state.stream else None,
        trace.stream_status.stream_descriptor if trace and trace.stream_status else None,
        trace.error.stream_descriptor if trace and trace.error else None,
    ):
        if descriptor is not None:
            descriptor.name = names.get(descriptor.name, descriptor.name)
