"""Answers that quote secrets, or are huge: no part of a token is printed, and memory has a limit."""

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from integration_tests.connector import ROOT, Connector, config_of
from integration_tests.refusals import whole_catalog
from sandbox import Fault, Sandbox, SandboxOptions

SMALL: dict[str, Any] = {"users": 4, "meetings": 1, "webinars": 0, "sessions_per_host": 1, "oddities": False}
STREAMS = ("users", "meetings", "report_meetings", "report_meeting_participants", "channels")

HUGE_BYTES = 400_000_000
MOST_MEGABYTES = 400
TOKEN_PATH = "/oauth/token"
API_PATH = "/v2/"
"""What is in the URL of every other call."""

PART = 12
"""Characters of a secret that would be telling."""


def catalog(sandbox: Sandbox) -> dict[str, Any]:
    configured = whole_catalog(sandbox)
    return {"streams": [configured[name] for name in STREAMS]}


def parts(secret: str) -> set[str]:
    return {secret[begin : begin + PART] for begin in range(len(secret) - PART + 1)}


IMPATIENT_DEBUG = (sys.executable, "-m", "integration_tests.impatient")


@pytest.mark.parametrize("status", [400, 401, 403, 500])
@pytest.mark.parametrize("part", ["header", "middle"])
@pytest.mark.parametrize("path", [API_PATH, TOKEN_PATH])
def test_no_part_of_a_secret_is_printed_when_a_server_quotes_the_request(
    tmp_path: Path, status: int, part: str, path: str
) -> None:
    settings: dict[str, Any] = {"status": status} | ({"part": part} if part == "middle" else {})
    tokens: list[str] = []
    with Sandbox(SandboxOptions(**SMALL, faults=(Fault("quote", path=path, **settings),))) as sandbox:
        config = config_of(sandbox)
        issue = sandbox._tokens._issue

        def issued(api_url: str) -> dict[str, Any]:
            token: dict[str, Any] = issue(api_url)
            tokens.append(str(token["access_token"]))
            return token

        sandbox._tokens._issue = issued  # type: ignore[method-assign]
        connector = Connector(tmp_path, IMPATIENT_DEBUG)
        output = connector.run("read", "--debug", config=config, catalog=catalog(sandbox))
        assert output.exit_code == 1
        assert sandbox.faults()[0]["hits"] > 0
    secrets = [*tokens, config["credentials"]["client_secret"]]
    assert bool(tokens) == (path == API_PATH)
    for secret in secrets:
        assert not [piece for piece in parts(secret) if piece in output.text]


def resident_kilobytes(pid: int) -> int:
    """The most that a process has had in memory since its program began; 0 once it has ended.

    What the kernel tells of an ended child counts the moment before, when it was a copy of the tests.
    """
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return 0
    found = re.search(r"VmHWM:\s+(\d+) kB", text)
    return int(found[1]) if found else 0


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("path", [API_PATH, TOKEN_PATH])
def test_memory_has_a_limit_whatever_is_answered(tmp_path: Path, path: str, gzip: bool) -> None:  # noqa: FBT001
    fault = Fault("huge", bytes=HUGE_BYTES, path=path, gzip=gzip)
    with Sandbox(SandboxOptions(**SMALL, faults=(fault,))) as sandbox:
        connector = Connector(tmp_path, IMPATIENT_DEBUG)
        arguments = connector.arguments("read", {"config": config_of(sandbox), "catalog": catalog(sandbox)})
        with (tmp_path / "output").open("wb") as file:
            process = subprocess.Popen(arguments, cwd=ROOT, stdout=file, stderr=file)  # noqa: S603 - own command
            peak = 0
            while process.poll() is None:
                peak = max(peak, resident_kilobytes(process.pid))
                time.sleep(0.02)  # between two looks: the kernel keeps the peak
        assert process.returncode == 1
        assert 0 < peak / 1024 < MOST_MEGABYTES
        text = (tmp_path / "output").read_text()
        assert "larger than" in text or "no usable answer" in text
