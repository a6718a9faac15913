"""Runs Airbyte's own command for testing a connector, on a copy of this one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

from integration_tests.connector import ROOT

COMMAND = Path(sys.executable).parent / "airbyte-cdk"
FOLDERS = ("integration_tests", "source_zoom")
FILES = ("acceptance-test-config.yml", "main.py", "metadata.yaml", "pyproject.toml")
ACCOUNT = "secrets/config.json"
TIMEOUT_SECONDS = 300.0


def copy_connector(target: Path, config: str) -> None:
    """Make a folder with a configuration, so that no real account is read and nothing is written beside the sources."""
    for name in FOLDERS:
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, target)
    (target / ACCOUNT).parent.mkdir()
    (target / ACCOUNT).write_text(config)


def airbyte_cdk(*arguments: object, folder: Path, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Run the command, which must succeed, and return what its report says of each test: nothing if it passed."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    process = subprocess.run(  # noqa: S603 - the command of a dependency
        [COMMAND, *map(str, arguments)],
        cwd=folder,
        env={**inherited, **(env or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    report = ET.parse(folder / "build" / "test-results" / "standard-tests-junit.xml")  # noqa: S314 - just written
    return {
        case.attrib["name"]: " ".join(f"{part.tag}: {part.attrib['message'].partition(':')[0]}" for part in case)
        for case in report.iter("testcase")
    }
