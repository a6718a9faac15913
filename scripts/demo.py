"""Read a sandbox Zoom with the connector's command line, load DuckDB, and compare with what the sandbox holds.

A first read takes everything; then ten sessions are held, and a second read resumes from the state of the first.
Run it with `make demo`. Exit code 0 means that every row of every stream arrived; otherwise the last line says what
did not. Messages, records, state and the database stay in `demo/`.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb

from sandbox import Sandbox, SandboxOptions

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
DATABASE = DEMO / "zoom.duckdb"
CONFIG = DEMO / "config.json"
CATALOG = DEMO / "configured_catalog.json"
STATE = DEMO / "state.json"
COMMAND = Path(sys.executable).parent / "source-zoom"

SANDBOX_OPTIONS = SandboxOptions(users=25, latency=0.02)
COMMAND_SECONDS = 60.0
READ_SECONDS = 150.0

GAPS = "read_gaps"
"""The stream that lists what could not be read: here nothing."""
EXPECTED = "expected"
"""The table of the rows with which a stream's are compared."""
RATE_LIMIT_PLAN = "business_plus"
"""The sandbox sets no limits; this row of Zoom's keeps the demo short."""
NEW_SESSIONS = 10
SESSIONS = "report_meetings"
PARTICIPANTS = "report_meeting_participants"

QUERIES = {
    "Hosts with the most scheduled meetings": """
        SELECT u.email, count(*) AS meetings, sum(m.duration) AS minutes
        FROM meetings AS m JOIN users AS u ON u.id = m.host_id
        GROUP BY ALL ORDER BY meetings DESC, u.email LIMIT 5
    """,
    "Meetings with the most registrants": """
        SELECT m.meeting_id, m.topic, count(*) AS registrants, count(*) FILTER (r.status = 'approved') AS approved
        FROM meeting_registrants AS r JOIN meetings AS m USING (meeting_id)
        GROUP BY ALL ORDER BY registrants DESC, m.meeting_id LIMIT 5
    """,
    "Months with the most past sessions": """
        SELECT strftime(m.end_time, '%Y-%m') AS month, count(DISTINCT m.uuid) AS sessions, count(*) AS participant_rows
        FROM report_meetings AS m JOIN report_meeting_participants AS p ON p.meeting_uuid = m.uuid
        GROUP BY ALL ORDER BY sessions DESC, month LIMIT 3
    """,
}

NEXT_STEPS = f"""\
The tables are in {DATABASE.relative_to(ROOT)}, the messages of each command in {DEMO.relative_to(ROOT)}/*.jsonl.

With your own account (README.md says how to get the three values):
  mkdir -p secrets && cp demo/config.json secrets/config.json
  edit secrets/config.json: your credentials and plan, and without api_url and authorization_endpoint
  .venv/bin/source-zoom check --config secrets/config.json
  .venv/bin/source-zoom read --config secrets/config.json --catalog demo/configured_catalog.json > secrets/read.jsonl
The next read takes what is new: add --state secrets/read.jsonl and write to another file."""


class DemoError(Exception):
    """Something is not as it should be; the message is one line for the user."""


@dataclass(frozen=True)
class Stream:
    """A stream of the discovered catalog."""

    name: str
    columns: Mapping[str, str]
    """Type of each in DuckDB."""
    primary_key: tuple[str, ...]
    is_incremental: bool

    @property
    def definition(self) -> str:
        """The columns as SQL defines them."""
        return ", ".join(f"{_quoted(column)} {kind}" for column, kind in self.columns.items())

    def key_of(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the primary key."""
        return tuple(record[column] for column in self.primary_key)


@dataclass(frozen=True)
class Sync:
    """What a `read` delivered: the latest record of every key and the last state, by stream, and what it took."""

    records: Mapping[str, Mapping[tuple[Any, ...], Mapping[str, Any]]]
    states: Mapping[str, Mapping[str, Any]]
    seconds: float
    requests: Requests


@dataclass(frozen=True)
class Requests:
    """How many requests the sandbox has had, and how many of them were for reports."""

    all: int
    reports: int

    def since(self, earlier: Requests) -> Requests:
        """Return how many came after an earlier count."""
        return Requests(self.all - earlier.all, self.reports - earlier.reports)


def connector(*arguments: str, name: str, seconds: float = COMMAND_SECONDS) -> list[dict[str, Any]]:
    """Run a command of the connector, save its output as `demo/<name>.jsonl` and return its messages."""
    output = DEMO / f"{name}.jsonl"
    with output.open("wb") as stdout:
        try:
            result = subprocess.run(
                [COMMAND, *arguments], stdout=stdout, stderr=subprocess.PIPE, timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise DemoError(f"'source-zoom {name}' took longer than {seconds:.0f} s") from None
    messages = _messages(output)
    if result.returncode != 0:
        raise DemoError(f"'source-zoom {name}' ended with code {result.returncode}: {_reason(messages, result.stderr)}")
    return messages


def _messages(output: Path) -> list[dict[str, Any]]:
    with output.open(encoding="utf-8") as lines:
        try:
            return [json.loads(line) for line in lines]
        except ValueError:
            raise DemoError(f"{output.relative_to(ROOT)} has a line that is not a message") from None


def _reason(messages: Sequence[Mapping[str, Any]], stderr: bytes) -> str:
    """Return the last error trace's message, or what else there is."""
    errors = [message["trace"]["error"] for message in messages if message.get("trace", {}).get("error")]
    if errors:
        return str(errors[-1]["message"])
    lines = stderr.decode(errors="replace").strip().splitlines()
    return lines[-1] if lines else "no message"


def only(messages: Sequence[Mapping[str, Any]], kind: str) -> Any:
    """Return the content of the one message of a kind; more or fewer are an error."""
    found = [message for message in messages if message["type"] == kind]
    if len(found) != 1:
        raise DemoError(f"{len(found)} messages of type {kind} instead of one")
    return found[0][{"SPEC": "spec", "CONNECTION_STATUS": "connectionStatus", "CATALOG": "catalog"}[kind]]


def spec() -> None:
    """Run `spec` and see that it describes the configuration."""
    if "connectionSpecification" not in only(connector("spec", name="spec"), "SPEC"):
        raise DemoError("the spec has no connectionSpecification")


def check() -> None:
    """Run `check` and see that the connection works."""
    status = only(connector("check", "--config", str(CONFIG), name="check"), "CONNECTION_STATUS")
    if status["status"] != "SUCCEEDED":
        raise DemoError(f"the check failed: {status.get('message')}")


def discover() -> list[Stream]:
    """Run `discover`, write the configured catalog of every stream, and return the streams."""
    catalog = only(connector("discover", "--config", str(CONFIG), name="discover"), "CATALOG")
    configured = [_configured(stream) for stream in catalog["streams"]]
    CATALOG.write_text(json.dumps({"streams": configured}, indent=2), encoding="utf-8")
    return [
        Stream(
            name=stream["name"],
            columns={name: column_type(one) for name, one in stream["json_schema"]["properties"].items()},
            primary_key=tuple(path[0] for path in stream["source_defined_primary_key"]),
            is_incremental="incremental" in stream["supported_sync_modes"],
        )
        for stream in catalog["streams"]
    ]


def _configured(stream: Mapping[str, Any]) -> dict[str, Any]:
    incremental = "incremental" in stream["supported_sync_modes"]
    return {
        "stream": stream,
        "sync_mode": "incremental" if incremental else "full_refresh",
        "destination_sync_mode": "append_dedup" if incremental else "overwrite",
        "primary_key": stream["source_defined_primary_key"],
    }


def read(streams: Sequence[Stream], sandbox: Sandbox, *options: str, name: str) -> Sync:
    """Run `read` and return what it delivered. A key that comes twice counts once: the later record holds."""
    before = requests_counted(sandbox)
    started = time.monotonic()
    command = ("read", "--config", str(CONFIG), "--catalog", str(CATALOG), *options)
    messages = connector(*command, name=name, seconds=READ_SECONDS)
    seconds = time.monotonic() - started
    records: dict[str, dict[tuple[Any, ...], Mapping[str, Any]]] = {stream.name: {} for stream in streams}
    states = {}
    by_name = {stream.name: stream for stream in streams}
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            stream = by_name[record["stream"]]
            records[stream.name][stream.key_of(record["data"])] = record["data"]
        elif message["type"] == "STATE":
            states[message["state"]["stream"]["stream_descriptor"]["name"]] = message["state"]
    return Sync(records, states, seconds, requests_counted(sandbox).since(before))


def requests_counted(sandbox: Sandbox) -> Requests:
    """Return how many requests the sandbox has counted since it started."""
    counters = sandbox.counters()
    reports = sum(count for path, count in counters["by_path"].items() if path.startswith("/report/"))
    return Requests(counters["requests"], reports)


def save_state(sync: Sync) -> None:
    """Write the last state of each stream, the form in which Airbyte gives states back."""
    STATE.write_text(json.dumps(list(sync.states.values()), indent=2), encoding="utf-8")


def load(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], sync: Sync) -> None:
    """Write the records of a sync into one table per stream.

    A full refresh replaces the table, an incremental sync the rows with the same key.
    """
    for stream in streams:
        create = "CREATE TABLE IF NOT EXISTS" if stream.is_incremental else "CREATE OR REPLACE TABLE"
        key = ", ".join(map(_quoted, stream.primary_key))
        database.execute(f"{create} {_quoted(stream.name)} ({stream.definition}, PRIMARY KEY ({key}))")
        insert(database, stream, stream.name, sync.records[stream.name].values(), "INSERT OR REPLACE")


def insert(
    database: duckdb.DuckDBPyConnection,
    stream: Stream,
    table: str,
    rows: Iterable[Mapping[str, Any]],
    how: str = "INSERT",
) -> None:
    """Add rows to a table with the columns of a stream."""
    file = DEMO / "records" / f"{table}.jsonl"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    if file.stat().st_size:
        selected = "SELECT * FROM read_json(?, format = 'newline_delimited', columns = ?)"
        database.execute(f"{how} INTO {_quoted(table)} BY NAME {selected}", [str(file), stream.columns])


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_type(schema: Mapping[str, Any]) -> str:
    """Return DuckDB's type for a property of a stream's JSON schema; what has no single scalar type is JSON."""
    declared = schema.get("type", [])
    types = {declared} if isinstance(declared, str) else set(declared)
    types.discard("null")
    if types == {"string"}:
        return {"date-time": "TIMESTAMPTZ", "date": "DATE"}.get(schema.get("format", ""), "VARCHAR")
    scalars = {"integer": "BIGINT", "number": "DOUBLE", "boolean": "BOOLEAN"}
    return scalars.get(types.pop(), "JSON") if len(types) == 1 else "JSON"


def compare(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], sandbox: Sandbox) -> None:
    """Compare the rows in the tables with those the sandbox expects, in every column that these have."""
    for stream in streams:
        rows = [] if stream.name == GAPS else list(sandbox.expected_rows(stream.name))
        columns = {column for row in rows for column in row} & stream.columns.keys() or stream.primary_key
        database.execute(f"CREATE OR REPLACE TEMP TABLE {EXPECTED} ({stream.definition})")
        insert(database, stream, EXPECTED, rows)
        missing = _without(database, EXPECTED, stream.name, columns)
        surplus = _without(database, stream.name, EXPECTED, columns)
        if missing or surplus:
            raise DemoError(f"{stream.name}: {missing} of {len(rows)} rows are missing, {surplus} are unexpected")


def _without(database: duckdb.DuckDBPyConnection, table: str, other: str, columns: Iterable[str]) -> int:
    """Return how many rows a table has that another one lacks, equal ones counted."""
    selected = ", ".join(map(_quoted, sorted(columns)))
    one, two = (f"SELECT {selected} FROM {_quoted(name)}" for name in (table, other))  # noqa: S608 - likewise
    (count,) = database.execute(f"SELECT count(*) FROM ({one} EXCEPT ALL {two})").fetchall()[0]  # noqa: S608 - likewise
    return int(count)


def find(uuids: Sequence[str], sync: Sync) -> None:
    """See that a sync delivered these sessions and participants of each."""
    listed = {uuid for (uuid,) in sync.records[SESSIONS]}
    attended = {uuid for uuid, _ in sync.records[PARTICIPANTS]}
    for name, found in {SESSIONS: listed, PARTICIPANTS: attended}.items():
        missing = set(uuids) - found
        if missing:
            raise DemoError(f"{name}: nothing of {len(missing)} of the {len(uuids)} new sessions arrived")


def show(streams: Sequence[Stream], first: Sync, second: Sync) -> None:
    """Print the rows of each stream and what reading them took, in both reads."""
    print(f"\n{'stream':<30}{'sync mode':<14}{'first read':>12}{'second read':>13}\n" + "-" * 69)
    for stream in streams:
        mode = "incremental" if stream.is_incremental else "full refresh"
        rows = [len(sync.records[stream.name]) for sync in (first, second)]
        print(f"{stream.name:<30}{mode:<14}{rows[0]:>12,}{rows[1]:>13,}")
    print("-" * 69)
    print(f"{'requests':<44}{first.requests.all:>12,}{second.requests.all:>13,}")
    print(f"{'  of them for reports':<44}{first.requests.reports:>12,}{second.requests.reports:>13,}")
    print(f"{'seconds':<44}{first.seconds:>12.1f}{second.seconds:>13.1f}")
    print("\nafter each read, every row that the sandbox expects was there, in all its columns, and no other")
    print(f"the second read took the {NEW_SESSIONS} new sessions, and again what had just ended before the first")


def show_queries(database: duckdb.DuckDBPyConnection) -> None:
    """Print the example queries and their results."""
    for title, query in QUERIES.items():
        result = database.execute(query)
        header = [column[0] for column in result.description or []]
        rows = [[str(value) for value in row] for row in result.fetchall()]
        widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
        print(f"\n{title}")
        for row in (header, *rows):
            print("  " + "  ".join(value.ljust(width) for value, width in zip(row, widths, strict=True)).rstrip())


def step(text: str) -> None:
    """Say what comes next."""
    print(f"== {text}", flush=True)


def main() -> None:
    """Run the demo."""
    (DEMO / "records").mkdir(parents=True, exist_ok=True)
    DATABASE.unlink(missing_ok=True)
    size = f"{SANDBOX_OPTIONS.users} users, {SANDBOX_OPTIONS.latency * 1000:.0f} ms for each answer"
    step(f"sandbox: {size}; python -m sandbox runs one of your own")
    with Sandbox(SANDBOX_OPTIONS) as sandbox, duckdb.connect(str(DATABASE)) as database:
        CONFIG.write_text(json.dumps(sandbox.config(rate_limit_plan=RATE_LIMIT_PLAN), indent=2), encoding="utf-8")
        step(f"config: rate_limit_plan {RATE_LIMIT_PLAN}, which keeps this short; the default is the row of Pro")
        step("source-zoom spec")
        spec()
        step("source-zoom check --config demo/config.json")
        check()
        step("source-zoom discover --config demo/config.json")
        streams = discover()
        command = "source-zoom read --config demo/config.json --catalog demo/configured_catalog.json"
        step(command)
        first = read(streams, sandbox, name="read")
        load(database, streams, first)
        compare(database, streams, sandbox)
        save_state(first)
        uuids = sandbox.add_sessions(NEW_SESSIONS, participants=4)
        step(f"{NEW_SESSIONS} sessions were held; {command} --state demo/state.json")
        second = read(streams, sandbox, "--state", str(STATE), name="read-2")
        load(database, streams, second)
        find(uuids, second)
        compare(database, streams, sandbox)
        show(streams, first, second)
        show_queries(database)
    print(f"\n{NEXT_STEPS}")


def _on_sigterm(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(1)  # so that `subprocess.run` ends the connector


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        main()
    except DemoError as error:
        sys.exit(f"demo failed: {error}")
    except KeyboardInterrupt:
        sys.exit("demo interrupted")
