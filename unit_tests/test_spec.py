from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from airbyte_cdk.models import ConnectorSpecificationSerializer
from airbyte_cdk.test.standard_tests._spec_lint import assert_spec_is_valid
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets

SPEC = yaml.safe_load((Path(__file__).parents[1] / "source_zoom" / "spec.yaml").read_text(encoding="utf-8"))
SCHEMA = SPEC["connectionSpecification"]
S2S = {"auth_type": "server_to_server", "account_id": "a", "client_id": "b", "client_secret": "c"}
OAUTH = {"auth_type": "oauth2.0", "client_id": "b", "client_secret": "c", "refresh_token": "d"}


def properties(schema: Mapping[str, Any] = SCHEMA, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, child in schema["properties"].items():
        yield f"{path}{name}", child
        for branch in child.get("oneOf", []):
            yield from properties(branch, f"{path}{name}.")


def valid(config: Mapping[str, Any]) -> bool:
    return bool(jsonschema.Draft7Validator(SCHEMA).is_valid(config))


def test_spec_is_a_connector_specification_without_advanced_auth() -> None:
    spec = ConnectorSpecificationSerializer.load(SPEC)
    assert spec.documentationUrl == "https://docs.airbyte.com/integrations/sources/zoom"
    assert spec.advanced_auth is None
    assert set(SPEC) == {"documentationUrl", "connectionSpecification"}


def test_spec_passes_the_lint_of_the_cdk() -> None:
    assert_spec_is_valid(ConnectorSpecificationSerializer.load(SPEC), connector_name="source-zoom")


def test_spec_is_a_valid_draft_7_schema() -> None:
    assert SCHEMA["$schema"] == "http://json-schema.org/draft-07/schema#"
    jsonschema.Draft7Validator.check_schema(SCHEMA)


def test_spec_has_the_properties_of_the_connector() -> None:
    assert list(SCHEMA["properties"]) == [
        "credentials",
        "start_date",
        "lookback_window_days",
        "rate_limit_plan",
        "rate_limit_share",
        "num_workers",
        "report_hosts",
        "include_one_participant_sessions",
        "on_gaps",
        "api_url",
        "authorization_endpoint",
    ]
    assert SCHEMA["required"] == ["credentials"]


@pytest.mark.parametrize("schema", [SCHEMA, *SCHEMA["properties"]["credentials"]["oneOf"]])
def test_objects_are_ordered_and_open(schema: Mapping[str, Any]) -> None:
    assert schema["additionalProperties"] is True
    assert [child["order"] for child in schema["properties"].values()] == list(range(len(schema["properties"])))


@pytest.mark.parametrize(("path", "schema"), list(properties()))
def test_property_is_described(path: str, schema: Mapping[str, Any]) -> None:
    assert schema["title"]
    assert schema["description"].endswith(".")
    assert schema["type"]
    assert ("pattern" in schema) == ("pattern_descriptor" in schema), path
    for example in [*schema.get("examples", []), *([schema["default"]] if "default" in schema else [])]:
        jsonschema.validate(example, schema)


def test_auth_type_tells_the_forms_of_credentials_apart() -> None:
    first, second = SCHEMA["properties"]["credentials"]["oneOf"]
    assert first["properties"]["auth_type"]["const"] == "server_to_server"
    assert second["properties"]["auth_type"]["const"] == "oauth2.0"
    assert "auth_type" in first["required"]
    assert "auth_type" in second["required"]


def test_only_the_stored_token_is_hidden() -> None:
    hidden = [path for path, schema in properties() if schema.get("airbyte_hidden")]
    assert hidden == ["credentials.access_token", "credentials.token_expiry_date"]


def test_the_secret_filter_of_the_cdk_finds_every_secret() -> None:
    config = {"credentials": OAUTH | {"client_secret": "s1", "access_token": "s2", "token_expiry_date": "s3"}}
    assert set(get_secrets(SCHEMA, config)) == {"s1", "s2", "s3", "d"}


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"credentials": S2S}, True),
        ({"credentials": OAUTH}, True),
        ({"credentials": OAUTH | {"access_token": "t", "token_expiry_date": "2026-01-01T00:00:00Z"}}, True),
        ({"credentials": S2S, "unknown": 1}, True),
        ({}, False),
        ({"credentials": {**S2S, "auth_type": "jwt"}}, False),
        ({"credentials": {**S2S, "client_id": ""}}, False),
        ({"credentials": {"auth_type": "oauth2.0"}}, False),
        ({"credentials": S2S, "lookback_window_days": 31}, False),
        ({"credentials": S2S, "num_workers": 1}, False),
        ({"credentials": S2S, "rate_limit_share": 0}, False),
        ({"credentials": S2S, "rate_limit_plan": "other"}, False),
        ({"credentials": S2S, "start_date": "yesterday"}, False),
        ({"credentials": S2S, "start_date": "2026-01-31T00:00:00"}, True),
        ({"credentials": S2S, "start_date": "2026-01-31 00:00"}, True),
        ({"credentials": S2S, "on_gaps": "ignore"}, False),
        ({"credentials": S2S, "api_url": "api.zoom.us"}, False),
    ],
)
def test_spec_accepts_and_refuses(config: Mapping[str, Any], expected: object) -> None:
    assert valid(config) is expected


def test_links_are_https() -> None:
    links = [link for _, schema in properties() for link in re.findall(r'href="([^"]*)"', schema["description"])]
    assert len(links) > 5
    assert all(link.startswith("https://") for link in links)
