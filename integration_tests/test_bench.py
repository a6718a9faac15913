"""The benchmark still measures; what it measures is for people to read."""

import json
from pathlib import Path

from bench.__main__ import UNPACED, Account, read_by_command, read_here
from integration_tests.connector import STREAMS
from sandbox import Sandbox
from source_zoom.zoom.endpoint import RateLabel


def account(sandbox: Sandbox, folder: Path) -> Account:
    return Account(sandbox.url, sandbox.config(), folder / "config.json")


def test_read_in_its_own_process_counts_every_row(sandbox: Sandbox, tmp_path: Path) -> None:
    rows, seconds = read_here(account(sandbox, tmp_path), dict.fromkeys(RateLabel, UNPACED), 4)
    assert rows >= sum(len(sandbox.expected_keys(stream)) for stream in STREAMS)
    assert seconds > 0


def test_read_by_command_tells_its_memory(sandbox: Sandbox, tmp_path: Path) -> None:
    target = account(sandbox, tmp_path)
    _, peak_kilobytes = read_by_command(target, {}, streams={"users"})
    assert peak_kilobytes > 10_000
    assert target.counters()["by_path"].keys() == {"/users"}
    assert [one["stream"]["name"] for one in json.loads((tmp_path / "catalog.json").read_text())["streams"]] == [
        "users"
    ]
