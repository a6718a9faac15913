"""What a configured catalog selects: under second names too, and not what would go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteRecordMessage,
    AirbyteStream,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteStream,
    DestinationSyncMode,
    FailureType,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.stream_status_utils import as_airbyte_message as status_message

from source_zoom.selection import Selection
from source_zoom.streams import build_all
from unit_tests.fake_zoom import context

STREAMS = {name: stream for name, stream in build_all(context()).items() if not stream.internal}

OF_THE_DECLARATIVE_CONNECTOR = (
    "users",
    "meetings",
    "meeting_registrants",
    "meeting_polls",
    "meeting_poll_results",
    "meeting_registration_questions",
    "webinars",
    "webinar_panelists",
    "webinar_registrants",
    "webinar_absentees",
    "webinar_polls",
    "webinar_poll_results",
    "webinar_registration_questions",
    "webinar_tracking_sources",
    "webinar_qna_results",
    "report_meetings",
    "report_meeting_participants",
    "report_webinars",
    "report_webinar_participants",
)
"""The names in its manifest, `airbyte-integrations/connectors/source-zoom/manifest.yaml` of airbytehq/airbyte."""


def configured(
    name: str,
    key: list[list[str]] | None = None,
    mode: DestinationSyncMode = DestinationSyncMode.append_dedup,
    sync_mode: SyncMode = SyncMode.full_refresh,
) -> ConfiguredAirbyteStream:
    stream = AirbyteStream(name=name, json_schema={}, supported_sync_modes=[sync_mode])
    return ConfiguredAirbyteStream(stream=stream, sync_mode=sync_mode, destination_sync_mode=mode, primary_key=key)


def selection(*streams: ConfiguredAirbyteStream) -> Selection:
    return Selection.of(ConfiguredAirbyteCatalog(streams=list(streams)), STREAMS)


def errors(chosen: Selection) -> list[tuple[str, str, FailureType]]:
    """Stream, sentence and type of each error."""
    traces = [message.trace.error for message in chosen.failures.traces(chosen.failures.names)]  # type: ignore[union-attr]
    return [(error.stream_descriptor.name, error.message, error.failure_type) for error in traces]


def test_streams_are_selected_with_their_modes() -> None:
    chosen = selection(configured("users"), configured("report_meetings", sync_mode=SyncMode.incremental))

    assert chosen.modes == {"users": SyncMode.full_refresh, "report_meetings": SyncMode.incremental}
    assert chosen.names == {}
    assert errors(chosen) == []


def test_catalog_of_the_declarative_connector_is_read_whole() -> None:
    chosen = selection(*(configured(name, mode=DestinationSyncMode.append) for name in OF_THE_DECLARATIVE_CONNECTOR))

    assert errors(chosen) == []
    assert len(chosen.modes) == len(OF_THE_DECLARATIVE_CONNECTOR) == 19
    assert chosen.modes.keys() <= STREAMS.keys()
    assert chosen.names == {
        "meeting_questions": "meeting_registration_questions",
        "webinar_questions": "webinar_registration_questions",
    }


def messages_of(name: str) -> Iterable[AirbyteMessage]:
    """A message of each kind that names its stream."""
    manager = ConnectorStateManager()
    manager.update_state_for_stream(name, None, {"a": 1})
    descriptor = StreamDescriptor(name=name)
    yield AirbyteMessage(type=Type.RECORD, record=AirbyteRecordMessage(stream=name, data={"id": "1"}, emitted_at=1))
    yield manager.create_state_message(name, None)
    yield status_message(descriptor, AirbyteStreamStatus.COMPLETE)
    yield AirbyteTracedException(message="Odd.").as_airbyte_message(stream_descriptor=descriptor)


def names_in(messages: Iterable[AirbyteMessage]) -> list[str]:
    names: list[Any] = []
    for message in messages:
        if message.record:
            names.append(message.record.stream)
        if message.state and message.state.stream:
            names.append(message.state.stream.stream_descriptor.name)
        if message.trace:
            told = message.trace.stream_status or message.trace.error
            names.append(told.stream_descriptor.name)
    return names


def test_every_message_has_the_catalogs_name() -> None:
    chosen = selection(configured("meeting_registration_questions"), configured("users"))
    messages = [*messages_of("meeting_questions"), *messages_of("users")]

    assert names_in(chosen.as_catalogued(messages)) == ["meeting_registration_questions"] * 4 + ["users"] * 4


def test_stream_under_both_of_its_names_is_read_once() -> None:
    chosen = selection(configured("meeting_questions"), configured("meeting_registration_questions"))

    assert chosen.modes == {"meeting_questions": SyncMode.full_refresh}
    assert chosen.names == {}
    [(name, sentence, type_)] = errors(chosen)
    assert (name, type_) == ("meeting_registration_questions", FailureType.config_error)
    assert sentence == (
        "The catalog selects 'meeting_registration_questions' twice, as 'meeting_questions' is the same stream: "
        "leave one out."
    )


def test_unknown_stream_is_incomplete_with_a_config_error_and_the_rest_is_read() -> None:
    chosen = selection(configured("recordings"), configured("users"))

    assert chosen.modes == {"users": SyncMode.full_refresh}
    [(name, sentence, type_)] = errors(chosen)
    assert (name, type_) == ("recordings", FailureType.config_error)
    assert sentence.startswith("The catalog selects 'recordings', which this connector does not have. Refresh the ")
    first, *rest = chosen.as_catalogued(messages_of("users"))
    assert first.trace is not None
    assert first.trace.stream_status is not None
    assert first.trace.stream_status.status is AirbyteStreamStatus.INCOMPLETE
    assert names_in([first, *rest]) == ["recordings"] + ["users"] * 4
    summary = chosen.failures.summary({"users", "recordings"})
    assert summary is not None
    assert summary.failure_type is FailureType.config_error


@pytest.mark.parametrize("hidden", sorted(set(build_all(context())) - set(STREAMS)))
def test_hidden_stream_is_unknown(hidden: str) -> None:
    assert [name for name, _, _ in errors(selection(configured(hidden)))] == [hidden]


KEYS = {"users": [["id"]], "report_meeting_participants": [["meeting_uuid"], ["row_id"]]}


@pytest.mark.parametrize("name", KEYS)
@pytest.mark.parametrize(
    "key",
    ["same", "reversed", "none", "empty"],
)
def test_streams_own_primary_key_is_fine(name: str, key: str) -> None:
    own = KEYS[name]
    given = {"same": own, "reversed": own[::-1], "none": None, "empty": []}[key]

    assert errors(selection(configured(name, given))) == []


@pytest.mark.parametrize("key", [[["id"]], [["meeting_uuid"]], [["meeting_uuid"], ["row_id"], ["id"]], [["a", "b"]]])
def test_other_primary_key_would_lose_rows_where_they_are_deduplicated(key: list[list[str]]) -> None:
    name = "report_meeting_participants"

    chosen = selection(configured(name, key))

    assert chosen.modes == {}
    [(stream, sentence, type_)] = errors(chosen)
    assert (stream, type_) == (name, FailureType.config_error)
    assert sentence == (
        f"The catalog deduplicates '{name}' by another primary key than the stream's, which is meeting_uuid, "
        "row_id: records would overwrite each other. Refresh the source schema and clear the stream."
    )


@pytest.mark.parametrize("mode", [DestinationSyncMode.append, DestinationSyncMode.overwrite])
def test_other_primary_key_does_no_harm_where_nothing_is_deduplicated(mode: DestinationSyncMode) -> None:
    assert errors(selection(configured("report_meeting_participants", [["id"]], mode))) == []
