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
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.error import URLError

import duckdb

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
DATABASE = DEMO / "zoom.duckdb"
CONFIG = DEMO / "config.json"
CATALOG = DEMO / "configured_catalog.json"
GAPS = "read_gaps"
"""The stream that lists what could not be read: here nothing."""
STATE = DEMO / "state.json"
COMMAND = Path(sys.executable).parent / "source-zoom"

SANDBOX_OPTIONS = ("--users", "25", "--limits", "none", "--latency", "0.02")
SANDBOX_START_SECONDS = 30.0
COMMAND_SECONDS = 60.0
READ_SECONDS = 150.0

RATE_LIMIT_PLAN = "business_plus"
"""The sandbox sets no limits; this row of Zoom's keeps the demo short."""
NEW_SESSIONS = {"count": 10, "participants": 4, "ended_minutes_ago": 5}
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
    schema: Mapping[str, Any]
    primary_key: tuple[str, ...]
    is_incremental: bool

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


@contextmanager
def running_sandbox() -> Iterator[str]:
    """Start the sandbox on a free port, write its connector config to `CONFIG`, yield its address, and end it."""
    log = DEMO / "sandbox.log"
    command = [sys.executable, "-m", "sandbox", "--port", "0", *SANDBOX_OPTIONS, "--write-config", str(CONFIG)]
    with log.open("w") as errors:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True)
    try:
        yield _address(process, log)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(process: subprocess.Popen[str], log: Path) -> str:
    """Return the address in the sandbox's first line, which it prints once it listens."""
    silence = threading.Timer(SANDBOX_START_SECONDS, process.kill)
    silence.start()
    line = process.stdout.readline() if process.stdout else ""
    silence.cancel()
    _, listening, address = line.strip().partition("Sandbox listening on ")
    if not listening:
        raise DemoError(f"the sandbox did not start, see {log.relative_to(ROOT)}")
    return address


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
            schema=stream["json_schema"]["properties"],
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


def read(streams: Sequence[Stream], address: str, *options: str, name: str) -> Sync:
    """Run `read` and return what it delivered. A key that comes twice counts once: the later record holds."""
    before = requests_counted(address)
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
    return Sync(records, states, seconds, requests_counted(address).since(before))


def requests_counted(address: str) -> Requests:
    """Return how many requests the sandbox has counted since it started."""
    counters = get_json(f"{address}/_sandbox/counters")
    reports = sum(count for path, count in counters["by_path"].items() if path.startswith("/report/"))
    return Requests(counters["requests"], reports)


def save_state(sync: Sync) -> None:
    """Write the last state of each stream, the form in which Airbyte gives states back."""
    STATE.write_text(json.dumps(list(sync.states.values()), indent=2), encoding="utf-8")


def hold_sessions(address: str) -> list[str]:
    """Have sessions held in the sandbox; return their UUIDs."""
    body = json.dumps(NEW_SESSIONS).encode()
    return [str(uuid) for uuid in get_json(f"{address}/_sandbox/sessions", body)["uuids"]]


def load(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], sync: Sync) -> None:
    """Write the records of a sync into one table per stream.

    A full refresh replaces the table, an incremental sync the rows with the same key.
    """
    for stream in streams:
        columns = {column: column_type(schema) for column, schema in stream.schema.items()}
        definition = ", ".join(f"{_quoted(column)} {kind}" for column, kind in columns.items())
        key = ", ".join(_quoted(column) for column in stream.primary_key)
        table = _quoted(stream.name)
        create = "CREATE TABLE IF NOT EXISTS" if stream.is_incremental else "CREATE OR REPLACE TABLE"
        database.execute(f"{create} {table} ({definition}, PRIMARY KEY ({key}))")
        rows = DEMO / "records" / f"{stream.name}.jsonl"
        with rows.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(record) + "\n" for record in sync.records[stream.name].values())
        if sync.records[stream.name]:
            database.execute(
                f"INSERT OR REPLACE INTO {table} BY NAME SELECT * FROM read_json(?, format = 'newline_delimited', "  # noqa: S608 - names come from the catalog, quoted
                "columns = ?)",
                [str(rows), columns],
            )


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


def get_json(url: str, body: bytes | None = None) -> Any:
    """Return the JSON answer of the sandbox's own pages; a body is posted."""
    try:
        with urllib.request.urlopen(url, body, timeout=30) as response:  # noqa: S310 - the address the sandbox printed
            return json.load(response)
    except (URLError, ValueError) as error:
        raise DemoError(f"{url} did not answer: {error}") from None


def compare(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], address: str) -> None:
    """Compare the keys in the tables with those the sandbox expects."""
    for stream in streams:
        if stream.name == GAPS:
            if _loaded_keys(database, stream, counted=False):
                raise DemoError(f"{GAPS}: something could not be read")
            continue
        answer = get_json(f"{address}/_sandbox/expected/{stream.name}")
        # Where only the connector can make a row's key, the sandbox gives the number of rows by its first column.
        loaded = _loaded_keys(database, stream, counted="key_columns" in answer)
        expected = {_as_key(key) for key in answer["keys"]}
        if stream.primary_key == ("row_id",):  # a key of the connector's alone: what can be compared is how many
            loaded, expected = {(len(loaded), "rows")}, {(len(expected), "rows")}
        missing, surplus = len(expected - loaded), len(loaded - expected)
        if missing or surplus:
            raise DemoError(f"{stream.name}: {missing} of {len(expected)} keys are missing, {surplus} are unexpected")


def _loaded_keys(database: duckdb.DuckDBPyConnection, stream: Stream, *, counted: bool) -> set[tuple[Any, ...]]:
    """Return the keys in a table, or each value of the first key column with its number of rows."""
    columns = [_quoted(column) for column in stream.primary_key]
    selected = f"{columns[0]}, count(*)" if counted else ", ".join(columns)
    grouped = f"GROUP BY {columns[0]}" if counted else ""
    query = f"SELECT {selected} FROM {_quoted(stream.name)} {grouped}"  # noqa: S608 - names come from the catalog, quoted
    return set(database.execute(query).fetchall())


def _as_key(key: Any) -> tuple[Any, ...]:
    return tuple(key) if isinstance(key, list) else (key,)


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
    print("\nafter each read, every key that the sandbox expects was there, and no other")
    print(
        f"the second read took the {NEW_SESSIONS['count']} new sessions, and again what had just ended before the first"
    )


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


def choose_plan() -> None:
    """Set the pace of the reads in the config that the sandbox wrote."""
    config = json.loads(CONFIG.read_text(encoding="utf-8"))
    CONFIG.write_text(json.dumps({**config, "rate_limit_plan": RATE_LIMIT_PLAN}, indent=2), encoding="utf-8")


def main() -> None:
    """Run the demo."""
    (DEMO / "records").mkdir(parents=True, exist_ok=True)
    DATABASE.unlink(missing_ok=True)
    step(f"sandbox: python -m sandbox --port 0 {' '.join(SANDBOX_OPTIONS)}")
    with running_sandbox() as address, duckdb.connect(str(DATABASE)) as database:
        choose_plan()
        step(f"config: rate_limit_plan {RATE_LIMIT_PLAN}, which keeps this short; the default is the row of Pro")
        step("source-zoom spec")
        spec()
        step("source-zoom check --config demo/config.json")
        check()
        step("source-zoom discover --config demo/config.json")
        streams = discover()
        command = "source-zoom read --config demo/config.json --catalog demo/configured_catalog.json"
        step(command)
        first = read(streams, address, name="read")
        load(database, streams, first)
        compare(database, streams, address)
        save_state(first)
        uuids = hold_sessions(address)
        step(f"{len(uuids)} sessions were held; {command} --state demo/state.json")
        second = read(streams, address, "--state", str(STATE), name="read-2")
        load(database, streams, second)
        find(uuids, second)
        compare(database, streams, address)
        show(streams, first, second)
        show_queries(database)
    print(f"\n{NEXT_STEPS}")


def _on_sigterm(_signum: int, _frame: FrameType | None) -> None:
    sys.exit(1)  # through every `finally`, so that the sandbox ends too


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _on_sigterm)
    try:
        main()
    except DemoError as error:
        sys.exit(f"demo failed: {error}")
    except KeyboardInterrupt:
        sys.exit("demo interrupted")
