"""Airbyte's standard tests, which every connector runs, as `acceptance-test-config.yml` lists them.

https://docs.airbyte.com/platform/connector-development/testing-connectors/
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from airbyte_cdk.test.models import ConnectorTestScenario
from airbyte_cdk.test.standard_tests import SourceTestSuiteBase

from integration_tests.conftest import SMALL_ACCOUNT
from integration_tests.connector import config_of
from sandbox import Sandbox, SandboxOptions
from source_zoom import SourceZoom

pytest_plugins = ["airbyte_cdk.test.standard_tests.pytest_hooks"]

REAL_CONFIG = Path("secrets/config.json")
SANDBOX_FOLDER = Path(tempfile.gettempdir()) / f"source-zoom-standards-{os.getpid()}"
SANDBOX_CONFIG = SANDBOX_FOLDER / "config.json"
"""Scenarios are collected before the sandbox has its port, so they get the path; each test process has its own."""


@pytest.fixture(scope="module", autouse=True)
def _sandbox() -> Iterator[None]:
    with Sandbox(SandboxOptions(**SMALL_ACCOUNT)) as sandbox:
        SANDBOX_FOLDER.mkdir(mode=0o700)
        SANDBOX_CONFIG.write_text(json.dumps(config_of(sandbox)))
        yield
    shutil.rmtree(SANDBOX_FOLDER)


class TestAirbyteStandards(SourceTestSuiteBase):
    connector = SourceZoom
    connector_name = "source-zoom"

    @classmethod
    def get_scenarios(cls) -> list[ConnectorTestScenario]:
        """What the file lists, but the sandbox in the place of a real account: a test run must not read that."""
        return [
            scenario.model_copy(update={"config_path": SANDBOX_CONFIG})
            if scenario.config_path == REAL_CONFIG
            else scenario
            for scenario in super().get_scenarios()
        ]
