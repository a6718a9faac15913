"""The files a command is given: config, catalog, state. What is wrong with one is said in a sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
)
from airbyte_cdk.models import Type as MessageType
from airbyte_cdk.utils import AirbyteTracedException
from serpyco_rs import SchemaValidationError

MEGABYTE = 1 << 20
LARGEST = {"config": MEGABYTE, "catalog": 64 * MEGABYTE, "state": 512 * MEGABYTE}
"""Bytes that a file may have, by what it is; the output of a command may be larger, as it is read line by line."""
LONGEST_LINE = 64 * MEGABYTE
"""Bytes that a line of such an output may have."""

_CHUNK = MEGABYTE
_MISREAD = (SchemaValidationError, TypeError, AttributeError, ValueError, RecursionError)
"""What the CDK's serializers raise at values of another form."""

LOGGER = logging.getLogger("airbyte")


def read_json(path: str, what: str) -> Any:
    """Return the content of a JSON file.

    :param what: what the file is, a key of `LARGEST`
    :raises AirbyteTracedException: config error, if it cannot be read, is too large or is not JSON
    """
    with _opened(path, what) as file:
        return _parsed(_content(file, path, what), path, what)


@contextmanager
def _opened(path: str, what: str) -> Iterator[BinaryIO]:
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise _unusable(
            f"The {what} file {_shown(path)} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error


def _content(file: BinaryIO, path: str, what: str, before: bytes = b"") -> bytes:
    """Return the rest of a file behind what was read `before`; it must be text, which a device or a pipe need not."""
    content = bytearray(before)
    while chunk := file.read(_CHUNK):
        content += chunk
        _check(chunk, len(content), path, what)
    return bytes(content)


def _check(chunk: bytes, size: int, path: str, what: str) -> None:
    """Refuse what is not text by its first NUL, which JSON never holds, before what is too large has been read."""
    if b"\0" in chunk:
        raise _not_json(path, what, "it is not UTF-8 text")
    if size > LARGEST[what]:
        raise _unusable(
            f"The {what} file {_shown(path)} is larger than {LARGEST[what] // MEGABYTE} MB: "
            f"check that it is a {what} file."
        )


def _parsed(content: bytes, path: str, what: str) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}, {error.msg}"
    except RecursionError:
        reason = "it is nested too deep"
    except ValueError:
        reason = "it holds a number of too many digits"
    # No cause: none of these may quote the content, which can be credentials.
    raise _not_json(path, what, reason) from None


def read_config(path: str) -> dict[str, Any]:
    """Return the configuration, unchecked.

    :raises AirbyteTracedException: config error, if the file does not hold a JSON object
    """
    config = read_json(path, "config")
    if not isinstance(config, dict):
        raise _unusable(f"The config file {_shown(path)} must hold a JSON object with the property 'credentials'.")
    return config


def read_catalog(path: str) -> ConfiguredAirbyteCatalog:
    """Return the configured catalog.

    :raises AirbyteTracedException: config error, if the file does not hold one
    """
    content = read_json(path, "catalog")
    try:
        catalog: ConfiguredAirbyteCatalog = ConfiguredAirbyteCatalogSerializer.load(content)
        for configured in catalog.streams:
            configured.stream.name.encode()  # half a surrogate pair could not be printed
    except _MISREAD as error:
        raise _unusable(
            f"The catalog file {_shown(path)} is not a configured catalog ({_first_fault(error)}). "
            'Build it from what \'discover\' prints: {"streams": [{"stream": ..., "sync_mode": ..., '
            '"destination_sync_mode": ...}]}.'
        ) from None
    return catalog


def read_state(path: str | None) -> list[AirbyteStateMessage]:
    """Return the state of an earlier sync; none where no path is given.

    The file is a list of state messages, as Airbyte keeps it, or the output of an earlier sync: then the
    last state of each stream counts.

    :raises AirbyteTracedException: config error, if the file is neither, or an item of it names no stream
    """
    if not path:
        return []
    with _opened(path, "state") as file:  # once, as it may be a pipe
        first = _first_line(file, path)
        content = (
            _states_printed(chain((first,), _lines(file, path)), path)
            if _message(first).get("type") in {kind.value for kind in MessageType}
            else _parsed(_content(file, path, "state", first), path, "state")
        )
    if content and not isinstance(content, list):
        raise _no_states(path, "it is not a list")
    if not all(map(_stream_name, content or [])):
        raise _no_states(path, "an item does not name its stream")
    messages = [(item, _state_message(item)) for item in content or []]
    for item, message in messages:
        if message is None:
            LOGGER.warning(
                f"The state of stream {_shown(_stream_name(item))} is not used, because a value in it is not of the "
                "expected form: the stream is read from the start on."
            )
    return [message for _, message in messages if message]


def _first_line(file: BinaryIO, path: str) -> bytes:
    """Return the first line that is not blank, and what stands before it."""
    text = bytearray()
    is_blank = True
    while chunk := file.readline(_CHUNK):
        text += chunk
        is_blank = is_blank and chunk.isspace()
        _check(chunk, len(text), path, "state")
        if chunk.endswith(b"\n") and not is_blank:
            break
    return bytes(text)


def _lines(file: BinaryIO, path: str) -> Iterator[bytes]:
    while line := file.readline(LONGEST_LINE + 1):
        if len(line) > LONGEST_LINE:
            raise _unusable(
                f"The state file {_shown(path)} has a line longer than {LONGEST_LINE // MEGABYTE} MB: "
                "check that it is the output of a command."
            )
        yield line


def _states_printed(lines: Iterator[bytes], path: str) -> list[Any]:
    """Return the last state of each stream in an output, which can be large, and cut off by what ended the command."""
    states: dict[tuple[str, str], Any] = {}
    unreadable = 0
    for line in lines:
        if b'"STATE"' not in line:
            continue
        message = _message(line)
        unreadable += not message
        state = message.get("state")
        if message.get("type") == "STATE" and isinstance(state, dict):
            states[_stream_name(state), str(_inside(state, "stream", "stream_descriptor", "namespace"))] = state
    if unreadable:
        LOGGER.warning(
            f"States in the file {_shown(path)} that are cut off or mixed with other text: {unreadable:,}. "
            "The last readable one of each stream is used."
        )
    if not states:
        LOGGER.warning(f"The state file {_shown(path)} is the output of a command and holds no state, so all is read.")
    return list(states.values())


def _stream_name(state: object) -> str:
    """Return the name of the stream that a state names, empty if it names none."""
    name = _inside(state, "stream", "stream_descriptor", "name")
    return name if isinstance(name, str) else ""


def _inside(value: object, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _state_message(item: Mapping[str, Any]) -> AirbyteStateMessage | None:
    """Return the state with its stream and content only; None where it could not be printed again."""
    stream = {key: item["stream"].get(key) for key in ("stream_descriptor", "stream_state")}
    if not isinstance(stream["stream_state"], dict | None):
        return None
    try:
        orjson.dumps(stream)
        message: AirbyteStateMessage = AirbyteStateMessageSerializer.load({"type": "STREAM", "stream": stream})
    except _MISREAD:
        return None
    return message


def _message(line: bytes) -> dict[str, Any]:
    """Return the object on a line, an empty one if there is none."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}


def _first_fault(error: Exception) -> str:
    if isinstance(error, SchemaValidationError) and error.errors:
        # Not the fault's message: it quotes the value, which may be a secret in the wrong place.
        return f"the value at '{_shown(error.errors[0].instance_path or '/')}' is not of the expected form"
    return "a value is not of the expected form"


def _shown(name: str) -> str:
    """Return a name with what is not Unicode escaped, so that it can be printed."""
    return name.encode("utf-8", "backslashreplace").decode()


def _no_states(path: str, reason: str) -> AirbyteTracedException:
    return _unusable(
        f"The state file {_shown(path)} is not a list of Airbyte state messages ({reason}). "
        "Give the last STATE message of each stream as an earlier sync printed it, or no state to start over."
    )


def _not_json(path: str, what: str, reason: str) -> AirbyteTracedException:
    return _unusable(f"The {what} file {_shown(path)} is not valid JSON ({reason}). Correct it and run again.")


def _unusable(message: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)
