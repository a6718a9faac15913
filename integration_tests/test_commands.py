"""The four commands on the command line, against an account without trouble."""

import base64
from collections.abc import Iterable
from typing import Any

import pytest
from jsonschema import Draft7Validator

from integration_tests.conftest import SMALL_ACCOUNT, Serve
from integration_tests.connector import (
    CATALOG,
    GAPS,
    INCREMENTAL,
    PRIMARY_KEYS,
    STREAMS,
    Connector,
    Output,
    assert_exact,
    catalog_of,
    config_of,
    stream_of,
)
from sandbox import Sandbox, SandboxOptions


@pytest.fixture(scope="module")
def full_read(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sandbox, Output]:
    with Sandbox(SandboxOptions(**{**SMALL_ACCOUNT, "users": 12, "page_cap": 20})) as sandbox:
        connector = Connector(tmp_path_factory.mktemp("read"))
        output = connector.run("read", config=config_of(sandbox), catalog=CATALOG)
    return sandbox, output


def test_spec_is_one_message(connector: Connector) -> None:
    output = connector.run("spec")
    assert output.exit_code == 0
    assert output.types() == ["SPEC"]
    required = output.of_type("SPEC")[0]["spec"]["connectionSpecification"]["required"]
    assert required == ["credentials"]


def test_check_succeeds_with_one_message(connector: Connector, serve: Serve) -> None:
    sandbox = serve()
    output = connector.run("check", config=config_of(sandbox))
    assert output.exit_code == 0
    assert output.types() == ["CONNECTION_STATUS"]
    assert output.of_type("CONNECTION_STATUS")[0]["connectionStatus"] == {"status": "SUCCEEDED"}
    assert sandbox.counters()["requests"] == 1


def test_check_fails_for_a_wrong_secret_and_names_it(connector: Connector, serve: Serve) -> None:
    config = config_of(serve())
    config["credentials"]["client_secret"] = "not-the-secret"
    output = connector.run("check", config=config)
    assert output.exit_code == 0
    assert output.types() == ["CONNECTION_STATUS"]
    status = output.of_type("CONNECTION_STATUS")[0]["connectionStatus"]
    assert status["status"] == "FAILED"
    assert "`credentials.client_secret`" in status["message"]
    assert "not-the-secret" not in output.text


def test_check_names_each_stream_whose_scope_the_token_lacks(connector: Connector, serve: Serve) -> None:
    sandbox = serve(scopes=("user:read:admin", "meeting:read:list_meetings:admin", "meeting:read:list_polls:admin"))
    output = connector.run("check", config=config_of(sandbox))
    assert output.of_type("CONNECTION_STATUS")[0]["connectionStatus"] == {"status": "SUCCEEDED"}
    lacking = [line for line in output.logs() if line.startswith("The token lacks")]
    named = {stream for stream in STREAMS if any(f"'{stream}'" in line for line in lacking)}
    assert named == set(STREAMS) - {"users", "pending_users", "meeting_polls"}


def test_discover_finds_the_streams_of_the_committed_catalog(connector: Connector, serve: Serve) -> None:
    output = connector.run("discover", config=config_of(serve()))
    assert output.exit_code == 0
    assert output.types() == ["CATALOG"]
    discovered = output.of_type("CATALOG")[0]["catalog"]["streams"]
    for configured in CATALOG["streams"]:
        stream = next(stream for stream in discovered if stream["name"] == configured["stream"]["name"])
        assert stream["source_defined_primary_key"] == configured["stream"]["source_defined_primary_key"]
        assert stream["supported_sync_modes"] == configured["stream"]["supported_sync_modes"]
        assert stream.get("default_cursor_field") == configured["stream"].get("default_cursor_field")
        assert stream["is_resumable"] is False
    assert sorted(stream["name"] for stream in discovered) == sorted([*STREAMS, GAPS])


def test_read_delivers_every_row_once(full_read: tuple[Sandbox, Output]) -> None:
    sandbox, output = full_read
    assert output.exit_code == 0
    assert_exact(output, sandbox, STREAMS)
    assert output.all_errors() == []
    assert output.statuses(GAPS) == ["STARTED", "COMPLETE"]
    assert output.records(GAPS) == []


@pytest.mark.parametrize("stream", STREAMS)
def test_read_delivers_every_field_as_zoom_gives_it(full_read: tuple[Sandbox, Output], stream: str) -> None:
    sandbox, output = full_read
    # Participants and answers have no key of Zoom's, so the rows of a session are compared in their order.
    key = [name for name in PRIMARY_KEYS[stream] if name not in {"row_id", "response_id"}]
    # Operations have none at all.
    key = key or sorted({column for row in sandbox.expected_rows(stream) for column in row})
    delivered, expected = by_key(output.records(stream), key), by_key(sandbox.expected_rows(stream), key)
    assert delivered.keys() == expected.keys()
    for name, rows in expected.items():
        for record, row in zip(delivered[name], rows, strict=True):
            assert {column: record.get(column) for column in row} == row


def by_key(rows: Iterable[dict[str, Any]], names: list[str]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    grouped: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for row in rows:
        grouped.setdefault(tuple(row.get(name) for name in names), []).append(row)
    return grouped


@pytest.mark.parametrize("stream", STREAMS)
def test_read_sends_the_last_state_behind_the_last_record_and_before_complete(
    full_read: tuple[Sandbox, Output], stream: str
) -> None:
    messages = [message for message in full_read[1].messages if stream_of(message) == stream]
    assert [message["type"] for message in messages[-2:]] == ["STATE", "TRACE"]
    assert messages[-1]["trace"]["stream_status"]["status"] == "COMPLETE"
    kinds = [message["type"] for message in messages]
    states = [message["state"] for message in messages if message["type"] == "STATE"]
    assert sum(state["sourceStats"]["recordCount"] for state in states) == kinds.count("RECORD")
    assert stream in INCREMENTAL or len(states) == 1  # these leave one every few seconds
    assert kinds[:2] == ["TRACE", "TRACE"]
    assert set(kinds[2:-2]) <= {"RECORD", "STATE"}


def test_read_records_fit_the_discovered_schema(
    full_read: tuple[Sandbox, Output], connector: Connector, serve: Serve
) -> None:
    discovered = connector.run("discover", config=config_of(serve())).of_type("CATALOG")[0]["catalog"]["streams"]
    for stream in discovered:
        validator = Draft7Validator(stream["json_schema"])
        records = full_read[1].records(stream["name"])
        assert bool(records) is (stream["name"] != GAPS)
        assert [error.message for record in records for error in validator.iter_errors(record)] == []


def test_read_asks_nothing_twice_and_takes_one_token(full_read: tuple[Sandbox, Output]) -> None:
    counters = full_read[0].counters()
    assert counters["repeated_urls"] == []
    assert counters["repeated"] == 0
    assert counters["token_requests"] == 1
    assert counters["requests"] > len(STREAMS)


def test_read_prints_no_credentials(full_read: tuple[Sandbox, Output]) -> None:
    sandbox, output = full_read
    credentials = sandbox.config()["credentials"]
    pair = f"{credentials['client_id']}:{credentials['client_secret']}"
    assert credentials["client_secret"] not in output.text
    assert base64.b64encode(pair.encode()).decode() not in output.text


def test_read_hands_back_the_refresh_token_that_replaces_the_used_one(connector: Connector, serve: Serve) -> None:
    sandbox = serve()
    config = sandbox.oauth_config(rate_limit_plan="business_plus")
    first = connector.run("read", config=config, catalog=catalog_of("users"))
    assert_exact(first, sandbox, ["users"])
    rotated = [message["control"]["connectorConfig"]["config"] for message in first.of_type("CONTROL")]
    assert [kept["credentials"]["refresh_token"] for kept in rotated] == [sandbox.refresh_token]
    assert sandbox.refresh_token != config["credentials"]["refresh_token"]

    second = connector.run("read", config=rotated[0], catalog=catalog_of("users"))
    assert second.exit_code == 0
    assert_exact(second, sandbox, ["users"])
