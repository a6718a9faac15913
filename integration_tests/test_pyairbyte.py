"""PyAirbyte, in an environment of its own, reads the installed connector into DuckDB."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from integration_tests.conftest import SMALL_ACCOUNT
from integration_tests.connector import (
    GAPS,
    INCREMENTAL,
    OF_THE_ACCOUNT,
    PAST_SESSIONS,
    PRIMARY_KEYS,
    ROOT,
    STREAMS,
    Connector,
    Key,
    as_counted,
    config_of,
)
from sandbox import Sandbox, SandboxOptions
from sandbox.expected import COUNTED_BY_SESSION

pytestmark = pytest.mark.skipif(sys.version_info >= (3, 13), reason="PyAirbyte needs a Python before 3.13")

FOLDER = ROOT / "integration_tests" / "pyairbyte"
EXECUTABLE = Path(sys.executable).parent / "source-zoom"
INSTALL_SECONDS = 600.0
SYNC_SECONDS = 180.0
"""Most of it is PyAirbyte's own start."""

LESS_SCHEDULED: dict[str, Any] = {**SMALL_ACCOUNT, "meetings": 2, "channels": 40}
"""The small account after meetings and channels were removed and meetings were added; past sessions are the same."""
NEW_SESSIONS = {"meeting": 10, "webinar": 4}
JUST_ENDED_SECONDS = 4 * 3600
"""Sessions that may not have been settled at the first read, and are read again."""


@dataclass(frozen=True)
class Table:
    """A table as DuckDB has it."""

    columns: frozenset[str]
    filled: frozenset[str]
    """The columns that have a value in some row."""
    rows: Mapping[str, Key]
    """Each row's primary key, by the id that PyAirbyte gives a record when it arrives."""

    def keys(self) -> list[Key]:
        return list(self.rows.values())


@dataclass(frozen=True)
class Sync:
    """What a sync left behind, and what the sandbox says about it."""

    told: Mapping[str, Any]
    """What `sync.py` printed."""
    tables: Mapping[str, Table]
    expected: Mapping[str, list[Key]]
    filled: Mapping[str, set[str]]
    """The columns to which the sandbox has values."""
    counters: Mapping[str, Any]

    def report_requests(self) -> int:
        asked = self.counters["by_path"].items()
        return sum(count for path, count in asked if path.startswith(("/report/", "/past_")))


@dataclass(frozen=True)
class Syncs:
    """A first sync, one after sessions were held and scheduled meetings and channels removed, and what was held."""

    declared: Mapping[str, set[str]]
    """The properties in the schemas that `discover` prints."""
    first: Sync
    second: Sync
    new: Mapping[str, set[str]]
    just_ended: set[str]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The Python of an environment with PyAirbyte."""
    environment = tmp_path_factory.mktemp("pyairbyte") / "venv"
    program = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    install = ["pip", "install", "--require-hashes", "--requirement", FOLDER / "requirements.txt", "--python", program]
    try:
        for arguments in (["venv", "--python", sys.executable, environment], install):
            uv(*map(str, arguments))
        yield program
    finally:
        shutil.rmtree(environment, ignore_errors=True)


def uv(*arguments: str | Path) -> None:
    """Run uv. If it fails, there is nothing to test with: CI must have it, a user need not."""
    command = [sys.executable, "-m", "uv", "--quiet", *arguments]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=INSTALL_SECONDS)  # noqa: S603
    except subprocess.SubprocessError as error:
        said = " ".join(str(getattr(error, "stderr", None) or error).split())
        reason = f"PyAirbyte could not be installed from the package index: {said}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)


@pytest.fixture(scope="module")
def syncs(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Syncs:
    folder = tmp_path_factory.mktemp("syncs")
    now = time.time()
    before, after = SandboxOptions(**SMALL_ACCOUNT), SandboxOptions(**LESS_SCHEDULED)
    # With a clock that stands still, both have the same past.
    with Sandbox(before, clock=lambda: now) as zoom, Sandbox(after, clock=lambda: now) as later_zoom:
        catalog = Connector(folder).run("discover", config=config_of(zoom)).of_type("CATALOG")[0]["catalog"]
        zoom.reset_counters()
        first = sync(python, folder, zoom)
        just_ended = {
            row["uuid"]
            for stream in ("report_meetings", "report_webinars")
            for row in zoom.expected_rows(stream)
            if row["end_time"] > time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now - JUST_ENDED_SECONDS))
        }
        new = {kind: set(later_zoom.add_sessions(count, kind=kind)) for kind, count in NEW_SESSIONS.items()}
        second = sync(python, folder, later_zoom)
    declared = {stream["name"]: set(stream["json_schema"]["properties"]) for stream in catalog["streams"]}
    return Syncs(declared, first, second, new, just_ended)


def sync(python: Path, folder: Path, zoom: Sandbox) -> Sync:
    """Sync into a database that stays in the folder; fails if PyAirbyte does."""
    config, database = folder / "config.json", folder / "zoom.duckdb"
    config.write_text(json.dumps(config_of(zoom)))
    environment = {
        **os.environ,
        "AIRBYTE_OFFLINE_MODE": "1",
        "DO_NOT_TRACK": "1",
        # PyAirbyte's files stay in the folder.
        **dict.fromkeys(("AIRBYTE_PROJECT_DIR", "AIRBYTE_LOGGING_ROOT", "HOME", "USERPROFILE"), str(folder)),
    }
    process = subprocess.run(  # noqa: S603 - this project's own program
        [python, FOLDER / "sync.py", EXECUTABLE, config, database],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        timeout=SYNC_SECONDS,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout.splitlines()[-1])
    with duckdb.connect(str(database), read_only=True) as connection:
        tables = {stream: table(connection, stream) for stream in STREAMS}
    return Sync(
        told=told,
        tables=tables,
        expected={stream: sorted(zoom.expected_keys(stream)) for stream in STREAMS},
        filled={
            stream: {name for row in zoom.expected_rows(stream) for name, value in row.items() if value is not None}
            for stream in STREAMS
        },
        counters=zoom.counters(),
    )


def table(connection: duckdb.DuckDBPyConnection, stream: str) -> Table:
    columns = [str(row[0]) for row in connection.execute(f"DESCRIBE {stream}").fetchall()]
    counts = connection.execute(f"SELECT count(COLUMNS(*)) FROM {stream}").fetchall()[0]  # noqa: S608 - a known name
    key = ", ".join(PRIMARY_KEYS[stream])
    rows = connection.execute(f"SELECT _airbyte_raw_id, {key} FROM {stream}").fetchall()  # noqa: S608 - likewise
    assert len({row[0] for row in rows}) == len(rows)
    return Table(
        columns=frozenset(columns),
        filled=frozenset(name for name, count in zip(columns, counts, strict=True) if count),
        rows={row[0]: row[1:] for row in rows},
    )


def assert_holds_the_account(sync: Sync, declared: Mapping[str, set[str]]) -> None:
    """Each table has every row, once, no other row, and every declared column, filled where Zoom has values."""
    assert [stream for stream in STREAMS if not sync.expected[stream]] == []
    for stream, stored in sync.tables.items():
        if stream in PAST_SESSIONS or stream not in INCREMENTAL:  # operations have a key of the connector's alone
            assert as_counted(stream, stored.keys()) == sync.expected[stream], stream
        rows = sync.expected[stream]
        count = sum(int(row[1]) for row in rows) if stream in COUNTED_BY_SESSION else len(rows)
        assert len(stored.rows) == sync.told["stored"][stream] == count, stream
        assert declared[stream] - stored.columns == set(), stream
        assert sync.filled[stream] - stored.filled == set(), stream


def test_first_read_stores_every_row_and_every_declared_column(syncs: Syncs) -> None:
    assert set(syncs.declared) - {GAPS} == set(syncs.first.tables)
    assert_holds_the_account(syncs.first, syncs.declared)


def test_second_read_stores_what_is_new_and_drops_what_is_gone(syncs: Syncs) -> None:
    removed = {
        stream
        for stream in STREAMS
        if not {*syncs.first.expected[stream]} <= {*syncs.second.expected[stream]} and stream not in INCREMENTAL
    }
    assert removed >= {"meetings", "meeting_registrants", "channels"}
    assert_holds_the_account(syncs.second, syncs.declared)


def test_second_read_returns_only_new_sessions_and_those_that_had_just_ended(syncs: Syncs) -> None:
    written = 0
    for stream in PAST_SESSIONS:
        before, after = syncs.first.tables[stream].rows, syncs.second.tables[stream].rows
        arrived = [key for raw_id, key in after.items() if raw_id not in before]
        written += len(arrived)
        new = syncs.new["webinar" if "webinar" in stream else "meeting"]
        assert {str(key[0]) for key in arrived} - syncs.just_ended == new, stream
    for stream in OF_THE_ACCOUNT:  # those of the lookback, too
        written += len(syncs.second.tables[stream].rows.keys() - syncs.first.tables[stream].rows.keys())
    assert written == syncs.second.told["incremental"]
    assert written < syncs.first.told["incremental"] / 4
    assert (
        set(syncs.second.counters["sessions_asked"]) <= syncs.new["meeting"] | syncs.new["webinar"] | syncs.just_ended
    )
    assert syncs.second.report_requests() < syncs.first.report_requests() / 3
