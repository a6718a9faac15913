"""Airbyte's standard tests, as `acceptance-test-config.yml` lists them: `airbyte-cdk connector test`.

https://docs.airbyte.com/platform/connector-development/testing-connectors/ (those of the image: test_image.py)
"""

from pathlib import Path

import yaml
from airbyte_cdk.test.models.scenario import SCENARIO_SECTIONS

from integration_tests.airbyte_cdk_cli import ACCOUNT, airbyte_cdk
from integration_tests.connector import ROOT, STREAMS
from sandbox import Sandbox
from sandbox.areas import ROUTES
from sandbox.shaped import TABLE

NEED_VALID_CONFIG = {
    "test_basic_read": "read",
    "test_config_matches_spec": "spec",
    "test_discover": "discover",
    "test_fail_read_with_bad_catalog": "read",
}
"""Tests with their commands; the invalid configuration is listed for `check` alone."""

OUTCOMES = {
    "test_spec": "",
    **{f"{test}['config' Test Scenario]": "" for test in (*NEED_VALID_CONFIG, "test_check")},
    "test_check['invalid_config' Test Scenario]": "",
    **{
        f"{test}['invalid_config' Test Scenario]": f"skipped: `{command}` does not run for scenario 'invalid_config'"
        for test, command in NEED_VALID_CONFIG.items()
    },
}

FALLBACKS = {"/report/meetings/{meetingId}"}
"""Only asked where the account's history may not be read."""
NOT_READ = {line.template for line in TABLE.values() if line.stream not in STREAMS}
"""Endpoints that the sandbox has and no stream reads."""


def test_airbytes_command_passes_every_test_that_needs_no_image(connector_folder: Path, sandbox: Sandbox) -> None:
    arguments = ("connector", "test", connector_folder, "--pytest-arg=-m", "--pytest-arg=not image_tests")
    assert airbyte_cdk(*arguments, folder=connector_folder) == OUTCOMES
    assert sandbox.counters()["by_path"].keys() == {route.template for route in ROUTES} - FALLBACKS - NOT_READ


def test_account_is_listed_for_every_kind_of_test() -> None:
    """The outcomes do not tell `basic_read`, which has the records checked, from `full_refresh`."""
    listed = yaml.safe_load((ROOT / "acceptance-test-config.yml").read_text())["acceptance_tests"]
    of_account = {kind for kind in listed for test in listed[kind]["tests"] if test["config_path"] == ACCOUNT}
    assert of_account == set(SCENARIO_SECTIONS)
