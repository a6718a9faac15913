"""Runs the connector, on its command line or in this process, and makes its output easy to question."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalogSerializer,
)
from airbyte_cdk.test import entrypoint_wrapper
from airbyte_cdk.test.models import ExpectedOutcome

from sandbox import Reading, Sandbox
from sandbox.expected import COUNTED_BY_SESSION, DEFAULT_READING, numbered
from sandbox.shaped import TABLE
from source_zoom import SourceZoom

ROOT = Path(__file__).resolve().parent.parent
CATALOG: dict[str, Any] = json.loads((ROOT / "integration_tests" / "configured_catalog.json").read_text())
GAPS = "read_gaps"
"""The stream of what could not be read; it has no rows of Zoom's."""
STREAMS = tuple(name for configured in CATALOG["streams"] if (name := str(configured["stream"]["name"])) != GAPS)
PRIMARY_KEYS = {
    configured["stream"]["name"]: [path[0] for path in configured["stream"]["source_defined_primary_key"]]
    for configured in CATALOG["streams"]
}
INCREMENTAL = tuple(
    configured["stream"]["name"] for configured in CATALOG["streams"] if configured["sync_mode"] == "incremental"
)
OF_THE_ACCOUNT = tuple(name for name in INCREMENTAL if name in TABLE)
"""Those read by windows of the account."""
PAST_SESSIONS = tuple(name for name in INCREMENTAL if name not in OF_THE_ACCOUNT)
"""The incremental streams about past sessions."""
MEETING_REPORTS = ("report_meetings", "report_meeting_participants")
"""Two of them, where what is shown does not depend on the stream."""

TIMEOUT_SECONDS = 60.0

_MESSAGE_TYPES = frozenset({"SPEC", "CONNECTION_STATUS", "CATALOG", "RECORD", "STATE", "LOG", "TRACE", "CONTROL"})
_INSTALLED = Path(sys.executable).parent / "source-zoom"
COMMAND: tuple[str, ...] = (str(_INSTALLED),) if _INSTALLED.exists() else (sys.executable, str(ROOT / "main.py"))
IMPATIENT_COMMAND = (sys.executable, "-m", "integration_tests.impatient")
"""The command line with waits of a hundredth of a second, for failures that are retried for half a minute."""

Message = dict[str, Any]
Key = tuple[str | int, ...]
Content = Mapping[str, Any] | Sequence[Any] | str | Path
"""What a file is to hold: text as it is, anything else as JSON; a path is passed on as it is."""


@dataclass(frozen=True)
class Output:
    """What a command printed; `exit_code` is None for a read in this process."""

    messages: Sequence[Message]
    exit_code: int | None = None
    text: str = field(default="", repr=False)

    def of_type(self, kind: str) -> list[Message]:
        return [message for message in self.messages if message["type"] == kind]

    def types(self) -> list[str]:
        """The types of all messages but log lines, in order."""
        return [message["type"] for message in self.messages if message["type"] != "LOG"]

    def records(self, stream: str) -> list[dict[str, Any]]:
        return [row["record"]["data"] for row in self.of_type("RECORD") if row["record"]["stream"] == stream]

    def keys(self, stream: str) -> list[Key]:
        """Primary keys; of a stream whose keys the connector makes, what the sandbox has in their place."""
        if PRIMARY_KEYS[stream] == ["row_id"]:
            made = ({name: value for name, value in row.items() if name != "row_id"} for row in self.records(stream))
            return list(numbered(made))
        return [tuple(record[name] for name in PRIMARY_KEYS[stream]) for record in self.records(stream)]

    def statuses(self, stream: str) -> list[str]:
        return [
            trace["stream_status"]["status"]
            for trace in self._traces("STREAM_STATUS")
            if trace["stream_status"]["stream_descriptor"]["name"] == stream
        ]

    def errors(self, stream: str | None = None) -> list[dict[str, Any]]:
        """The error traces of a stream, or those that speak of none."""
        return [error for error in self.all_errors() if _name(error.get("stream_descriptor")) == stream]

    def all_errors(self) -> list[dict[str, Any]]:
        return [trace["error"] for trace in self._traces("ERROR")]

    def logs(self) -> list[str]:
        return [message["log"]["message"] for message in self.of_type("LOG")]

    def warnings(self) -> list[str]:
        return [row["log"]["message"] for row in self.of_type("LOG") if row["log"]["level"] == "WARN"]

    def states(self, stream: str) -> list[dict[str, Any]]:
        """The stream's states in the order in which they came."""
        return [message["state"]["stream"]["stream_state"] for message in self._state_messages(stream)]

    def last_states(self) -> list[Message]:
        """The content of a state file for the next read: each stream's last state."""
        return [self._state_messages(name)[-1]["state"] for name in STREAMS if self._state_messages(name)]

    def streams(self) -> set[str]:
        """The streams that anything but a log line speaks of."""
        return {name for name in map(stream_of, self.messages) if name is not None}

    def _state_messages(self, stream: str) -> list[Message]:
        return [message for message in self.of_type("STATE") if stream_of(message) == stream]

    def _traces(self, kind: str) -> list[dict[str, Any]]:
        return [message["trace"] for message in self.of_type("TRACE") if message["trace"]["type"] == kind]


class Connector:
    """The connector's command line, its files in a folder of their own."""

    def __init__(self, folder: Path, program: Sequence[str] = COMMAND) -> None:
        self._folder = folder
        self._program = program

    def run(self, command: str, *flags: str, **files: Content) -> Output:
        """Run a command to its end; fails for output that is not messages."""
        process = subprocess.run(  # noqa: S603 - this project's own command
            [*self.arguments(command, files), *flags],
            cwd=ROOT,
            capture_output=True,
            encoding="utf-8",
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        return Output(parsed(process.stdout, *flags), process.returncode, process.stdout + process.stderr)

    def start(self, command: str, **files: Content) -> "subprocess.Popen[bytes]":
        """Start a command whose standard output is a pipe; the caller ends it."""
        arguments = self.arguments(command, files)
        return subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE)  # noqa: S603 - likewise

    def arguments(self, command: str, files: Mapping[str, Content]) -> list[str]:
        """Write the files of a command, and return its arguments, the program first."""
        arguments = [*self._program, command]
        for name, content in files.items():
            path = content if isinstance(content, Path) else self._folder / f"{name}.json"
            if not isinstance(content, Path):
                path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
            arguments += [f"--{name}", str(path)]
        return arguments


def read_here(config: Mapping[str, Any], catalog: Mapping[str, Any], state: Iterable[Message] = ()) -> Output:
    """Read in this process, without the second or two that a new one takes to start."""
    output = entrypoint_wrapper.read(
        SourceZoom(),
        config,
        ConfiguredAirbyteCatalogSerializer.load(dict(catalog)),
        [AirbyteStateMessageSerializer.load(message) for message in state],
        expected_outcome=ExpectedOutcome.ALLOW_ANY,
    )
    return Output([AirbyteMessageSerializer.dump(message) for message in output.get_message_iterator()])


def config_of(sandbox: Sandbox, **overrides: Any) -> dict[str, Any]:
    """A configuration that reads the sandbox as fast as any account may be read."""
    return sandbox.config(**{"rate_limit_plan": "business_plus", "rate_limit_share": 100, **overrides})


def catalog_of(*streams: str, **changes: Any) -> dict[str, Any]:
    """The configured catalog with these streams in this order; ``changes`` replace what is configured of each."""
    by_name = {configured["stream"]["name"]: configured for configured in CATALOG["streams"]}
    return {"streams": [{**by_name[name], **changes} for name in streams]}


def state_of(stream: str, blob: Mapping[str, Any]) -> Message:
    """An item of a state file."""
    return {"type": "STREAM", "stream": {"stream_descriptor": {"name": stream}, "stream_state": dict(blob)}}


def parsed(text: str, *flags: str) -> list[Message]:
    """The messages in a command's standard output, which must hold nothing else but, if asked for, the CDK's DEBUG."""
    assert not text or text.endswith("\n")
    messages = [json.loads(line) for line in text.splitlines()]
    assert {message["type"] for message in messages} <= _MESSAGE_TYPES | ({"DEBUG"} if "--debug" in flags else set())
    return messages


def stream_of(message: Message) -> str | None:
    """The stream a message speaks of; None for log lines and for what concerns the whole sync."""
    if message["type"] == "RECORD":
        return str(message["record"]["stream"])
    if message["type"] == "STATE":
        return _name(message["state"]["stream"]["stream_descriptor"])
    if message["type"] == "TRACE":
        detail = message["trace"].get("stream_status") or message["trace"].get("error") or {}
        return _name(detail.get("stream_descriptor"))
    return None


def as_counted(stream: str, keys: Collection[Key]) -> list[Key]:
    """Distinct keys as the sandbox tells them, in order: of participants, each session with its number of rows."""
    distinct = set(keys)
    if stream not in COUNTED_BY_SESSION:
        return sorted(distinct)
    return sorted(Counter(session for session, _ in distinct).items())


def assert_rows(outputs: Sequence[Output], sandbox: Sandbox, stream: str, reading: Reading = DEFAULT_READING) -> None:
    """Every row of the stream arrived, in one read or another, and no other row."""
    expected = sandbox.expected_keys(stream, reading)
    assert expected, f"the sandbox has no {stream}, so nothing is shown"
    assert as_counted(stream, [key for output in outputs for key in output.keys(stream)]) == sorted(expected)


def assert_exact(
    output: Output, sandbox: Sandbox, streams: Collection[str], reading: Reading = DEFAULT_READING
) -> None:
    """Every row of these streams arrived, once, and each stream says that it is complete."""
    for stream in streams:
        assert_rows([output], sandbox, stream, reading)
        assert len(set(output.keys(stream))) == len(output.keys(stream))
        assert output.statuses(stream) == ["STARTED", "RUNNING", "COMPLETE"]
        assert output.errors(stream) == []


def assert_readable(error: Mapping[str, Any]) -> None:
    """The message is a line for people, and not a Python exception."""
    message = error["message"]
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message
    assert "Error(" not in message
    assert "Exception" not in message


def _name(descriptor: Mapping[str, Any] | None) -> str | None:
    return str(descriptor["name"]) if descriptor else None
