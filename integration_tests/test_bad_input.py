"""Files that are wrong: one sentence that says what and how to put it right, and not one request."""

import json
from pathlib import Path
from typing import Any

import pytest

from integration_tests.conftest import Serve
from integration_tests.connector import (
    CATALOG,
    Connector,
    Content,
    Output,
    assert_exact,
    assert_readable,
    catalog_of,
    config_of,
)
from sandbox import Sandbox


def with_secret(secret: str) -> dict[str, Any]:
    credentials = {"auth_type": "server_to_server", "account_id": "an account", "client_id": "an app"}
    return {"credentials": {**credentials, "client_secret": secret}}


PROPERTIES: dict[str, tuple[dict[str, Any], str]] = {
    "no credentials": ({"credentials": None}, "`credentials` is missing"),
    "credentials without type": (
        {"credentials": {"client_secret": "s3cret-s3cret"}},
        "`credentials.auth_type` is missing",
    ),
    "credentials of an unknown type": (
        {"credentials": {"auth_type": "basic", "client_secret": "s3cret-s3cret"}},
        "`credentials.auth_type` is unknown: it must be `server_to_server` or `oauth2.0`",
    ),
    "credentials of a JWT app": (
        {"credentials": {"auth_type": "jwt", "client_secret": "s3cret-s3cret"}},
        "Zoom switched JWT apps off in September 2023",
    ),
    "empty secret": (with_secret(""), "`credentials.client_secret` is missing or empty"),
    "blank secret": (with_secret(" "), "`credentials.client_secret` is missing or empty"),
    "bad date": ({"start_date": "31/01/2026"}, "`start_date` must be a date such as"),
    "date in the future": ({"start_date": "2999-01-01"}, "`start_date` is in the future"),
    "share of 0": ({"rate_limit_share": 0}, "`rate_limit_share` must be a whole number from 1 to 100"),
    "share of 101": ({"rate_limit_share": 101}, "`rate_limit_share` must be a whole number from 1 to 100"),
    "http to a foreign host": ({"api_url": "http://example.com/v2"}, "`api_url` must begin with https://"),
}

FILES: dict[str, tuple[str, Content, tuple[str, ...]]] = {
    "config file that is not there": (
        "config",
        Path("no-such-file.json"),
        ("config file no-such-file.json", "cannot be read"),
    ),
    "config file that is a folder": ("config", Path("sandbox"), ("config file sandbox", "cannot be read")),
    "config cut in half": (
        "config",
        '{"credentials": {"client_secret": "s3cret-s3cret",',
        ("config file", "not valid JSON"),
    ),
    "config that is a list": ("config", ["s3cret-s3cret"], ("config file", "must hold a JSON object")),
    "catalog that is not JSON": ("catalog", "streams: []", ("catalog file", "not valid JSON")),
    "catalog of another shape": (
        "catalog",
        {"streams": [{"name": "users"}]},
        ("catalog file", "not a configured catalog"),
    ),
    "state of another shape": (
        "state",
        {"users": {"cursor": "2026-01-01"}},
        ("state file", "not a list of Airbyte state"),
    ),
}


def assert_one_sentence(sentences: list[dict[str, Any]], *phrases: str) -> None:
    assert len(sentences) == 1
    assert_readable(sentences[0])
    assert sentences[0]["message"].count("\n") == 0
    for phrase in phrases:
        assert phrase in sentences[0]["message"]


def assert_nothing_done(output: Output, sandbox: Sandbox, *secrets: str) -> None:
    assert not {"RECORD", "STATE", "CATALOG"} & set(output.types())
    counters = sandbox.counters()
    assert (counters["requests"], counters["token_requests"]) == (0, 0)
    for secret in ("s3cret-s3cret", *secrets):
        assert secret not in output.text


@pytest.mark.parametrize("case", PROPERTIES)
def test_check_says_which_property_is_wrong(connector: Connector, serve: Serve, case: str) -> None:
    overrides, phrase = PROPERTIES[case]
    sandbox = serve()
    output = connector.run("check", config=config_of(sandbox, **overrides))
    assert output.exit_code == 0
    assert output.types() == ["CONNECTION_STATUS"]
    status = output.of_type("CONNECTION_STATUS")[0]["connectionStatus"]
    assert status["status"] == "FAILED"
    assert_one_sentence([status], phrase)
    assert_nothing_done(output, sandbox, sandbox.config()["credentials"]["client_secret"])


@pytest.mark.parametrize(("command", "case"), [("discover", "empty secret"), ("read", "date in the future")])
def test_other_commands_fail_with_the_same_sentence(
    connector: Connector, serve: Serve, command: str, case: str
) -> None:
    overrides, phrase = PROPERTIES[case]
    sandbox = serve()
    files: dict[str, Content] = {"catalog": CATALOG} if command == "read" else {}
    output = connector.run(command, config=config_of(sandbox, **overrides), **files)
    assert output.exit_code == 1
    assert output.types() == ["TRACE"]
    assert_one_sentence(output.all_errors(), phrase)
    assert output.all_errors()[0]["failure_type"] == "config_error"
    assert_nothing_done(output, sandbox, sandbox.config()["credentials"]["client_secret"])


@pytest.mark.parametrize("case", FILES)
def test_read_says_which_file_is_wrong(connector: Connector, serve: Serve, case: str) -> None:
    name, content, phrases = FILES[case]
    sandbox = serve()
    files: dict[str, Content] = {"config": config_of(sandbox), "catalog": CATALOG, name: content}
    output = connector.run("read", **files)
    assert output.exit_code == 1
    assert output.types() == ["TRACE"]
    assert_one_sentence(output.all_errors(), *phrases)
    assert output.all_errors()[0]["failure_type"] == "config_error"
    assert_nothing_done(output, sandbox, sandbox.config()["credentials"]["client_secret"])


def test_check_says_that_the_config_file_is_wrong(connector: Connector, serve: Serve) -> None:
    sandbox = serve()
    output = connector.run("check", config=json.dumps(config_of(sandbox))[:-2])
    assert output.exit_code == 1
    assert output.types() == ["TRACE"]
    assert_one_sentence(output.all_errors(), "config file", "not valid JSON")
    assert_nothing_done(output, sandbox, sandbox.config()["credentials"]["client_secret"])


def test_read_names_the_streams_there_are_for_one_there_is_not(connector: Connector, serve: Serve) -> None:
    sandbox = serve()
    catalog = catalog_of("users")
    unknown = {**CATALOG["streams"][1], "stream": {**CATALOG["streams"][1]["stream"], "name": "meeting_files"}}
    output = connector.run("read", config=config_of(sandbox), catalog={"streams": [*catalog["streams"], unknown]})
    assert output.exit_code == 1
    assert_one_sentence(
        output.errors("meeting_files"), "'meeting_files'", "meeting_registrants", "Refresh the source schema"
    )
    assert output.statuses("meeting_files") == ["INCOMPLETE"]
    assert_exact(output, sandbox, ["users"])
    assert [error["failure_type"] for error in output.all_errors()] == ["config_error", "config_error"]


def test_streams_under_the_names_of_another_connectors_catalog_are_read_under_these(
    connector: Connector, serve: Serve
) -> None:
    sandbox = serve()
    names = {f"{kind}_questions": f"{kind}_registration_questions" for kind in ("meeting", "webinar")}
    catalog = catalog_of(*names)
    streams = [{**one, "stream": {**one["stream"], "name": names[one["stream"]["name"]]}} for one in catalog["streams"]]
    output = connector.run("read", config=config_of(sandbox), catalog={"streams": streams})
    assert output.exit_code == 0
    assert output.streams() == set(names.values())
    for name, given in names.items():
        assert output.statuses(given)[-1] == "COMPLETE"
        assert sorted((row[f"{name.split('_')[0]}_id"],) for row in output.records(given)) == sorted(
            sandbox.expected_keys(name)
        )


def test_other_primary_key_fails_a_stream_that_is_deduplicated_by_it(connector: Connector, serve: Serve) -> None:
    sandbox = serve()
    catalog = catalog_of("report_meetings", destination_sync_mode="append_dedup", primary_key=[["id"]])
    catalog["streams"] += catalog_of("users", destination_sync_mode="append_dedup", primary_key=[["id"]])["streams"]
    output = connector.run("read", config=config_of(sandbox), catalog=catalog)
    assert output.exit_code == 1
    assert_one_sentence(output.errors("report_meetings"), "'report_meetings'", "which is uuid", "clear the stream")
    assert output.statuses("report_meetings") == ["INCOMPLETE"]
    assert output.records("report_meetings") == []
    assert_exact(output, sandbox, ["users"])
