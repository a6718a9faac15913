from __future__ import annotations

import contextlib
import json
import os
import re
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.models import FailureType, SyncMode
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom import inputs

SECRET = "s3cr3t-value"
STREAM = {"name": "users", "json_schema": {}, "supported_sync_modes": ["full_refresh"]}
CONFIGURED = {"stream": STREAM, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
STATE: dict[str, Any] = {
    "type": "STREAM",
    "stream": {"stream_descriptor": {"name": "users"}, "stream_state": {"end_time": "2026-01-31"}},
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], str]:
    def write(content: Any) -> str:
        path = tmp_path / "input.json"
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    return write


def fault(read: Callable[[str], object], path: str) -> str:
    """The message of the fault in a file, after the checks that hold for every fault."""
    with pytest.raises(AirbyteTracedException) as caught:
        read(path)
    error = caught.value
    assert error.failure_type is FailureType.config_error
    message = error.message or ""
    assert path in message
    assert message.endswith(".")
    assert "\n" not in message
    assert SECRET not in message + (error.internal_message or "") + "".join(traceback.format_exception(error))
    return message.replace(path, "FILE")


READERS = {"config": inputs.read_config, "catalog": inputs.read_catalog, "state": inputs.read_state}
every_reader = pytest.mark.parametrize(("what", "read"), READERS.items(), ids=READERS)


@every_reader
def test_missing_file_is_named(what: str, read: Callable[[str], object], tmp_path: Path) -> None:
    assert fault(read, str(tmp_path / "input.json")) == (
        f"The {what} file FILE cannot be read: No such file or directory. Check its path and permissions."
    )


@every_reader
def test_folder_in_place_of_a_file_is_named(what: str, read: Callable[[str], object], tmp_path: Path) -> None:
    assert fault(read, str(tmp_path)) == (
        f"The {what} file FILE cannot be read: Is a directory. Check its path and permissions."
    )


@every_reader
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "line 1, Expecting value"),
        (b"client_secret: " + SECRET.encode(), "line 1, Expecting value"),
        (b'{"credentials":\n {"client_secret": "' + SECRET.encode(), "line 2, Unterminated string starting at"),
        (b'{"client_secret": "' + SECRET.encode() + b'",}', r"line 1, .+"),
        (b'{"client_secret": "' + SECRET.encode() + b'\xff"}', "it is not UTF-8 text"),
        (f'{{"client_secret": "{SECRET}"}}'.encode("utf-16"), "it is not UTF-8 text"),
    ],
)
def test_file_that_is_not_json_is_named_and_not_quoted(
    what: str, read: Callable[[str], object], content: bytes, reason: str, write: Callable[[Any], str]
) -> None:
    assert re.fullmatch(
        rf"The {what} file FILE is not valid JSON \({reason}\)\. Correct it and run again\.",
        fault(read, write(content)),
    )


@every_reader
def test_file_nested_too_deep_is_a_fault_of_the_file(
    what: str, read: Callable[[str], object], write: Callable[[Any], str]
) -> None:
    assert fault(read, write(b"[" * 200_000)).startswith(f"The {what} file FILE is not valid JSON")


@every_reader
def test_byte_order_mark_is_no_fault_of_the_content(
    what: str, read: Callable[[str], object], write: Callable[[Any], str]
) -> None:
    content = {"config": {}, "catalog": {"streams": []}, "state": []}[what]

    read(write(b"\xef\xbb\xbf" + json.dumps(content).encode()))


@every_reader
@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
def test_endless_device_is_a_fault_at_once(what: str, read: Callable[[str], object]) -> None:
    assert fault(read, "/dev/zero") == (
        f"The {what} file FILE is not valid JSON (it is not UTF-8 text). Correct it and run again."
    )


@contextmanager
def endless_pipe(path: Path, text: bytes) -> Iterator[str]:
    """A pipe that gives the same text for as long as anyone reads it."""
    os.mkfifo(path)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), path.open("wb", buffering=0) as pipe:
            while True:
                pipe.write(text)

    writer = threading.Thread(target=write)
    writer.start()
    yield str(path)
    writer.join(10)
    assert not writer.is_alive()


@every_reader
@pytest.mark.parametrize("text", [b" " * 4096, b"[\n" * 2048, b"\n" * 4096], ids=["blanks", "lines", "blank lines"])
def test_endless_pipe_is_a_fault(
    what: str, read: Callable[[str], object], text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "LARGEST", dict.fromkeys(inputs.LARGEST, inputs.MEGABYTE))
    with endless_pipe(tmp_path / "pipe", text) as path:
        assert fault(read, path) == f"The {what} file FILE is larger than 1 MB: check that it is a {what} file."


def test_limits_are_those_of_the_files_that_there_are() -> None:
    assert {what: size >> 20 for what, size in inputs.LARGEST.items()} == {"config": 1, "catalog": 64, "state": 512}
    assert inputs.LONGEST_LINE >> 20 == 64


@every_reader
def test_file_up_to_the_limit_is_read(
    what: str, read: Callable[[str], object], write: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "LARGEST", dict.fromkeys(inputs.LARGEST, 3000))
    content = json.dumps({"config": {}, "catalog": {"streams": []}, "state": []}[what]).encode()
    read(write(content.ljust(3000)))
    assert "is larger than" in fault(read, write(content.ljust(3001)))
    assert "is larger than" in fault(read, write(content + b"\n" * 3000))


def test_path_that_is_no_text_is_shown_escaped() -> None:
    with pytest.raises(AirbyteTracedException, match=r"The config file no\\udcff cannot be read"):
        inputs.read_config("no\udcff")


# Config


def test_config_is_returned_as_it_is(write: Callable[[Any], str]) -> None:
    config = {"credentials": {"client_secret": SECRET}, "unknown": [1, None]}

    assert inputs.read_config(write(config)) == config


@pytest.mark.parametrize("content", [[], [{"client_secret": SECRET}], SECRET, 7, None])
def test_config_that_is_no_object_is_a_fault(content: Any, write: Callable[[Any], str]) -> None:
    assert fault(inputs.read_config, write(content)) == (
        "The config file FILE must hold a JSON object with the property 'credentials'."
    )


# Catalog


def test_catalog_is_loaded(write: Callable[[Any], str]) -> None:
    [configured] = inputs.read_catalog(write({"streams": [CONFIGURED]})).streams

    assert (configured.stream.name, configured.sync_mode) == ("users", SyncMode.full_refresh)


@pytest.mark.parametrize(
    "content",
    [
        [],
        [CONFIGURED],
        "users",
        None,
        {},
        {"credentials": {"client_secret": SECRET}},
        {"streams": None},
        {"streams": {}},
        {"streams": ["users"]},
        {"streams": [STREAM]},
        {"streams": [{**CONFIGURED, "sync_mode": "sometimes"}]},
        {"streams": [{key: value for key, value in CONFIGURED.items() if key != "stream"}]},
        {"streams": [{**CONFIGURED, "stream": {"name": 7}}]},
        {"streams": [{**CONFIGURED, "stream": {**STREAM, "name": "\ud800"}}]},
        {"streams": [{**CONFIGURED, "generation_id": float("inf")}]},
        {"type": "CATALOG", "catalog": {"streams": [STREAM]}},
    ],
)
def test_catalog_of_another_shape_is_a_fault_that_says_how_to_make_one(
    content: Any, write: Callable[[Any], str]
) -> None:
    message = fault(inputs.read_catalog, write(content))

    assert message.startswith("The catalog file FILE is not a configured catalog (")
    assert message.endswith(
        "Build it from what 'discover' prints: "
        '{"streams": [{"stream": ..., "sync_mode": ..., "destination_sync_mode": ...}]}.'
    )
    assert "()" not in message


def test_fault_in_a_catalog_is_located(write: Callable[[Any], str]) -> None:
    message = fault(inputs.read_catalog, write({"streams": [CONFIGURED, {**CONFIGURED, "sync_mode": 7}]}))

    assert "streams/1/sync_mode" in message


# State


def test_no_path_is_no_state() -> None:
    assert inputs.read_state(None) == []


@pytest.mark.parametrize("content", [[], {}, None])
def test_empty_file_is_no_state(content: Any, write: Callable[[Any], str]) -> None:
    assert inputs.read_state(write(content)) == []


def test_state_of_each_stream_is_loaded(write: Callable[[Any], str]) -> None:
    [message] = inputs.read_state(write([STATE]))

    assert message.stream is not None
    assert message.stream.stream_descriptor.name == "users"
    assert message.stream.stream_state is not None
    assert message.stream.stream_state.__dict__ == {"end_time": "2026-01-31"}


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        {"credentials": {"client_secret": SECRET}},
        {"users": {"end_time": "2026-01-31"}},
        "users",
        7,
        ["users"],
        [7],
        [None],
        [{}],
        [{"type": "STREAM"}],
        [{"type": "LEGACY", "data": {"users": {}}}],
        [{"type": "GLOBAL", "global": {"shared_state": {}, "stream_states": []}}],
        [{"type": "STREAM", "stream": {"stream_state": {}}}],
        [{"type": "STREAM", "stream": {"stream_descriptor": {}}}],
        [{"type": "STREAM", "stream": {"stream_descriptor": {"name": ["users"]}}}],
        [STATE, {"type": "STATE", "state": STATE}],
    ],
)
def test_state_of_another_shape_is_a_fault_that_says_what_to_give(content: Any, write: Callable[[Any], str]) -> None:
    message = fault(inputs.read_state, write(content))

    assert message.startswith("The state file FILE is not a list of Airbyte state messages (")
    assert message.endswith(
        "Give the last STATE message of each stream as an earlier sync printed it, or no state to start over."
    )
    assert "()" not in message


def with_content(content: object, name: str = "users", **descriptor: object) -> dict[str, Any]:
    stream = {"stream_descriptor": {"name": name, **descriptor}, "stream_state": content}
    return {"type": "STREAM", "stream": stream}


@pytest.mark.parametrize(
    "unusable",
    [
        with_content([]),
        with_content("2026-01-31"),
        with_content(7),
        with_content({"end_time": 2**64}),
        with_content({"end_time": "\ud800"}),
        with_content({"\ud800": 1}),
        with_content({}, namespace=[1]),
        with_content(json.loads("[" * 300 + "]" * 300)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("form", ["list", "output"])
def test_state_with_a_value_of_another_form_is_not_used_and_the_others_are(
    unusable: dict[str, Any], form: str, write: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    states = [unusable, with_content({"end_time": "2026-01-31"}, "report_meetings")]
    printed = b"".join(json.dumps({"type": "STATE", "state": state}).encode() + b"\n" for state in states)
    messages = inputs.read_state(write(line(LOG) + printed if form == "output" else states))

    assert [message.stream.stream_descriptor.name for message in messages if message.stream] == ["report_meetings"]
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.message.startswith("The state of stream users is not used, because a value in it is not of the ")


def test_name_of_a_stream_that_cannot_be_printed_is_shown_escaped(
    write: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    assert inputs.read_state(write([with_content({}, "\ud800")])) == []
    assert "The state of stream \\ud800 is not used" in caplog.text


@pytest.mark.parametrize(
    "more",
    [
        {"sourceStats": {"recordCount": "many"}},
        {"id": 2**64},
        {"global": 7},
        {"type": "GLOBAL"},
        {"type": None},
        {"x": 1},
    ],
    ids=repr,
)
def test_other_fields_of_a_state_do_not_count(more: dict[str, Any], write: Callable[[Any], str]) -> None:
    [message] = inputs.read_state(write([{**STATE, **more}]))
    assert message.stream is not None
    assert message.stream.stream_state is not None
    assert message.stream.stream_state.__dict__ == {"end_time": "2026-01-31"}


def test_line_of_an_output_that_is_too_long_is_a_fault(
    write: Callable[[Any], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "LONGEST_LINE", inputs.MEGABYTE)
    monkeypatch.setattr(inputs, "LARGEST", {"state": 2000})
    long_line = line({"type": "LOG", "log": {"level": "INFO", "message": "x" * inputs.MEGABYTE}})
    assert days(write(line(LOG) * 100 + line(state("2026-01-01")))) == ["2026-01-01"]
    assert fault(inputs.read_state, write(line(LOG) + long_line + line(state("2026-01-01")))) == (
        "The state file FILE has a line longer than 1 MB: check that it is the output of a command."
    )


def line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, ensure_ascii=False).encode() + b"\n"


LOG = {"type": "LOG", "log": {"level": "INFO", "message": "Grüße"}}


def state(day: str) -> dict[str, Any]:
    blob = {"end_time": day, "host": "Zoë"}
    return {"type": "STATE", "state": {**STATE, "stream": {**STATE["stream"], "stream_state": blob}}}


def days(path: str) -> list[str]:
    return [message.stream.stream_state.end_time for message in inputs.read_state(path) if message.stream]  # type: ignore[union-attr]


def test_last_state_in_an_output_counts(write: Callable[[Any], str], caplog: pytest.LogCaptureFixture) -> None:
    assert days(write(line(LOG) + line(state("2026-01-01")) + line(state("2026-01-02")) + line(LOG))) == ["2026-01-02"]
    assert caplog.records == []


def test_output_that_was_cut_off_anywhere_has_the_states_before(write: Callable[[Any], str]) -> None:
    whole = line(LOG) + line(state("2026-01-01"))
    last = line(state("2026-01-02"))
    for cut in range(len(last) - 2):
        assert days(write(whole + last[:cut])) == ["2026-01-01"]
    assert days(write(whole + last[:-1])) == ["2026-01-02"]


def test_other_text_in_an_output_is_passed_over_and_lost_states_are_counted(
    write: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    glued = line(LOG) + line(state("2026-01-01")) + b"Traceback: \xff\n" + line(state("2026-01-02"))[:-20] + line(LOG)
    assert days(write(glued)) == ["2026-01-01"]
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert "cut off or mixed with other text: 1." in record.message


def test_output_without_a_state_is_said_to_have_none(
    write: Callable[[Any], str], caplog: pytest.LogCaptureFixture
) -> None:
    assert days(write(line(LOG))) == []
    assert "holds no state, so all is read" in caplog.text


@pytest.mark.parametrize("content", [line(LOG) * 5000 + line(state("2026-01-01")), json.dumps([STATE]).encode()])
def test_state_can_come_from_a_pipe(content: bytes, tmp_path: Path) -> None:
    """As `--state <(jq ...)` gives it: what is read once is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert len(inputs.read_state(str(pipe))) == 1
    writer.join(10)
    assert not writer.is_alive()
