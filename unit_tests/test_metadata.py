"""metadata.yaml is what Airbyte's registry takes, and agrees with the code, the image and the package."""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
import yaml

from source_zoom.config import ZoomConfig
from source_zoom.engine.heartbeat import LONGEST_SILENCE_SECONDS
from source_zoom.streams import build, build_all
from unit_tests.fake_zoom import CONFIG, context

ROOT = Path(__file__).resolve().parents[1]
METADATA: dict[str, Any] = yaml.safe_load((ROOT / "metadata.yaml").read_text(encoding="utf-8"))
DATA: dict[str, Any] = METADATA["data"]


def stated(file: str, pattern: str) -> str:
    [found] = re.findall(pattern, (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    return str(found)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="airbyte-connector-models has no release for Python 3.13")
def test_registry_takes_it() -> None:
    from airbyte_connector_models.metadata.v0.connector_metadata_definition_v0 import (  # noqa: PLC0415
        ConnectorMetadataDefinitionV0,
    )

    definition = ConnectorMetadataDefinitionV0.model_validate(METADATA)
    assert definition.model_config["extra"] == "forbid"  # so no property was passed over
    assert definition.data.name == "Zoom"


def test_version_is_the_same_everywhere() -> None:
    version = stated("pyproject.toml", r'^version = "(.+)"$')
    assert DATA["dockerImageTag"] == version
    assert stated("Dockerfile", r"^LABEL io\.airbyte\.version=(.+)$") == version
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_name_and_base_are_those_of_the_image() -> None:
    assert DATA["dockerRepository"] == stated("Dockerfile", r"^LABEL io\.airbyte\.name=(.+)$")
    assert DATA["connectorBuildOptions"]["baseImage"] == stated("Dockerfile", r"^ARG BASE_IMAGE=(.+)$")


def test_hosts_are_zooms() -> None:
    assert set(DATA["allowedHosts"]["hosts"]) == {"zoom.us", "*.zoom.us", "zoomgov.com", "*.zoomgov.com"}
    config = ZoomConfig.parse({"credentials": CONFIG["credentials"]})
    for url in (config.api_url, config.authorization_endpoint):
        host = str(urlsplit(url).hostname)
        assert any(fnmatch(host, allowed) for allowed in DATA["allowedHosts"]["hosts"])


def test_suggested_streams_are_there() -> None:
    assert set(DATA["suggestedStreams"]["streams"]) <= {
        name for name, stream in build_all(context()).items() if not stream.internal
    }


def test_breaking_changes_name_streams_that_are_there_and_tell_what_to_do() -> None:
    streams = {name for name, stream in build(context()).items() if not stream.internal}
    changes = DATA["releases"]["breakingChanges"]

    assert changes
    for change in changes.values():
        assert {name for scope in change["scopedImpact"] for name in scope["impactedScopes"]} <= streams
        assert "Refresh the source schema" in change["message"]


def test_tags_say_what_it_is_written_in() -> None:
    assert DATA["tags"] == ["language:python", "cdk:python"]


def test_platform_is_patient_for_longer_than_a_sync_is_silent() -> None:
    """With a margin for a destination that does not take messages for a while."""
    assert DATA["maxSecondsBetweenMessages"] >= 3 * LONGEST_SILENCE_SECONDS


def test_icon_is_a_picture() -> None:
    icon = ET.parse(ROOT / DATA["icon"]).getroot()  # noqa: S314 - our own file
    assert icon.tag == "{http://www.w3.org/2000/svg}svg"
