"""Read a sandbox Zoom with the connector's command line, load DuckDB, and compare with what the sandbox holds.

Run it with `make demo`. Exit code 0 means that every row of every stream arrived; otherwise the last line says what
did not. Messages, records and the database stay in `demo/`.
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
COMMAND = Path(sys.executable).parent / "source-zoom"

SANDBOX_OPTIONS = ("--users", "25", "--limits", "none", "--latency", "0.02")
SANDBOX_START_SECONDS = 30.0
COMMAND_SECONDS = 60.0
READ_SECONDS = 150.0

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
}

NEXT_STEPS = f"""\
The tables are in {DATABASE.relative_to(ROOT)}, the messages of each command in {DEMO.relative_to(ROOT)}/*.jsonl.

With your own account (README.md says how to get the three values):
  mkdir -p secrets && cp demo/config.json secrets/config.json
  edit secrets/config.json: your credentials, and without api_url and authorization_endpoint
  .venv/bin/source-zoom check --config secrets/config.json
  .venv/bin/source-zoom read --config secrets/config.json --catalog demo/configured_catalog.json"""


class DemoError(Exception):
    """Something is not as it should be; the message is one line for the user."""


@dataclass(frozen=True)
class Stream:
    """A stream of the discovered catalog."""

    name: str
    schema: Mapping[str, Any]
    primary_key: tuple[str, ...]

    def key_of(self, record: Mapping[str, Any]) -> tuple[Any, ...]:
        """Return the values of the primary key."""
        return tuple(record[column] for column in self.primary_key)


@dataclass(frozen=True)
class Sync:
    """What a `read` delivered: the latest record of every key, by stream, and what it took."""

    records: Mapping[str, Mapping[tuple[Any, ...], Mapping[str, Any]]]
    seconds: float
    requests: int


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


def read(streams: Sequence[Stream], address: str, *, name: str) -> Sync:
    """Run `read` and return what it delivered. A key that comes twice counts once: the later record holds."""
    requests = _requests_counted(address)
    started = time.monotonic()
    messages = connector("read", "--config", str(CONFIG), "--catalog", str(CATALOG), name=name, seconds=READ_SECONDS)
    seconds = time.monotonic() - started
    records: dict[str, dict[tuple[Any, ...], Mapping[str, Any]]] = {stream.name: {} for stream in streams}
    by_name = {stream.name: stream for stream in streams}
    for message in messages:
        if message["type"] == "RECORD":
            record = message["record"]
            stream = by_name[record["stream"]]
            records[stream.name][stream.key_of(record["data"])] = record["data"]
    return Sync(records, seconds, requests=_requests_counted(address) - requests)


def _requests_counted(address: str) -> int:
    return int(get_json(f"{address}/_sandbox/counters")["requests"])


def load(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], sync: Sync) -> None:
    """Write the records of a sync into one table per stream; a row with the same key is replaced."""
    for stream in streams:
        columns = {column: column_type(schema) for column, schema in stream.schema.items()}
        definition = ", ".join(f"{_quoted(column)} {kind}" for column, kind in columns.items())
        key = ", ".join(_quoted(column) for column in stream.primary_key)
        table = _quoted(stream.name)
        database.execute(f"CREATE TABLE IF NOT EXISTS {table} ({definition}, PRIMARY KEY ({key}))")
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


def get_json(url: str) -> Any:
    """Return the JSON answer of the sandbox's own pages."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310 - the address the sandbox printed
            return json.load(response)
    except (URLError, ValueError) as error:
        raise DemoError(f"{url} did not answer: {error}") from None


def compare(database: duckdb.DuckDBPyConnection, streams: Sequence[Stream], address: str) -> dict[str, int]:
    """Compare the keys in the tables with those the sandbox expects; return the number of rows per stream."""
    counts = {}
    for stream in streams:
        key = ", ".join(_quoted(column) for column in stream.primary_key)
        loaded = set(database.execute(f"SELECT {key} FROM {_quoted(stream.name)}").fetchall())  # noqa: S608 - likewise
        expected = {_as_key(key) for key in get_json(f"{address}/_sandbox/expected/{stream.name}")["keys"]}
        missing, surplus = len(expected - loaded), len(loaded - expected)
        if missing or surplus:
            raise DemoError(f"{stream.name}: {missing} of {len(expected)} rows are missing, {surplus} are unexpected")
        counts[stream.name] = len(loaded)
    return counts


def _as_key(key: Any) -> tuple[Any, ...]:
    return tuple(key) if isinstance(key, list) else (key,)


def show(counts: Mapping[str, int], sync: Sync) -> None:
    """Print the rows of each stream and what reading them took."""
    print(f"\n{'stream':<22}{'rows':>10}\n" + "-" * 32)
    for name, count in counts.items():
        print(f"{name:<22}{count:>10,}")
    print("-" * 32 + f"\n{'all':<22}{sum(counts.values()):>10,}")
    print(f"\nread in {sync.seconds:.1f} s with {sync.requests:,} requests")
    print("every key that the sandbox expects is there, and no other")


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
    step(f"sandbox: python -m sandbox --port 0 {' '.join(SANDBOX_OPTIONS)}")
    with running_sandbox() as address, duckdb.connect(str(DATABASE)) as database:
        step("source-zoom spec")
        spec()
        step("source-zoom check --config demo/config.json")
        check()
        step("source-zoom discover --config demo/config.json")
        streams = discover()
        step("source-zoom read --config demo/config.json --catalog demo/configured_catalog.json")
        sync = read(streams, address, name="read")
        load(database, streams, sync)
        show(compare(database, streams, address), sync)
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
