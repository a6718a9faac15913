"""The files a command is given: config, catalog, state. What is wrong with one is said in a sentence."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

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

LOGGER = logging.getLogger("airbyte")


def read_json(path: str, what: str) -> Any:
    """Return the content of a JSON file.

    :param what: what the file is, for the error
    :raises AirbyteTracedException: config error, if it cannot be read or is not JSON
    """
    with _opened(path, what) as file:
        return _parsed(file.read(), path, what)


@contextmanager
def _opened(path: str, what: str) -> Iterator[BinaryIO]:
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise _unusable(
            f"The {what} file {path} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error


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
        raise _unusable(f"The config file {path} must hold a JSON object with the property 'credentials'.")
    return config


def read_catalog(path: str) -> ConfiguredAirbyteCatalog:
    """Return the configured catalog.

    :raises AirbyteTracedException: config error, if the file does not hold one
    """
    try:
        return ConfiguredAirbyteCatalogSerializer.load(read_json(path, "catalog"))
    except (SchemaValidationError, TypeError, AttributeError) as error:
        raise _unusable(
            f"The catalog file {path} is not a configured catalog ({_first_fault(error)}). "
            'Build it from what \'discover\' prints: {"streams": [{"stream": ..., "sync_mode": ..., '
            '"destination_sync_mode": ...}]}.'
        ) from None


def read_state(path: str | None) -> list[AirbyteStateMessage]:
    """Return the state of an earlier sync; none where no path is given.

    The file is a list of state messages, as Airbyte keeps it, or the output of an earlier sync: then the
    last state of each stream counts.

    :raises AirbyteTracedException: config error, if the file is neither
    """
    if not path:
        return []
    with _opened(path, "state") as file:  # once, as it may be a pipe
        first = next((line for line in file if line.strip()), b"")
        is_output = _message(first).get("type") in {kind.value for kind in MessageType}
        content = (
            _states_printed(chain((first,), file), path) if is_output else _parsed(first + file.read(), path, "state")
        )
    try:
        if content and not isinstance(content, list):
            raise TypeError("it is not a list")
        messages = [AirbyteStateMessageSerializer.load(item) for item in content or []]
        if not all(message.stream for message in messages):
            raise TypeError("an item has no 'stream'")
    except (SchemaValidationError, TypeError, AttributeError) as error:
        raise _unusable(
            f"The state file {path} is not a list of Airbyte state messages ({_first_fault(error)}). "
            "Give the last STATE message of each stream as an earlier sync printed it, or no state to start over."
        ) from None
    return messages


def _states_printed(lines: Iterable[bytes], path: str) -> list[Any]:
    """Return the last state of each stream in an output, which can be large, and cut off by what ended the command."""
    states: dict[str, Any] = {}
    unreadable = 0
    for line in lines:
        if b'"STATE"' not in line:
            continue
        message = _message(line)
        unreadable += not message
        if message.get("type") == "STATE" and isinstance(message.get("state"), dict):
            stream = message["state"].get("stream")
            descriptor = stream.get("stream_descriptor") if isinstance(stream, dict) else None
            states[json.dumps(descriptor, sort_keys=True)] = message["state"]
    if unreadable:
        LOGGER.warning(
            f"States in the file {path} that are cut off or mixed with other text: {unreadable:,}. "
            "The last readable one of each stream is used."
        )
    if not states:
        LOGGER.warning(f"The state file {path} is the output of a command and holds no state, so all is read.")
    return list(states.values())


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
        return f"the value at '{error.errors[0].instance_path or '/'}' is not of the expected form"
    return str(error) if type(error) is TypeError else "a value is not of the expected form"


def _not_json(path: str, what: str, reason: str) -> AirbyteTracedException:
    return _unusable(f"The {what} file {path} is not valid JSON ({reason}). Correct it and run again.")


def _unusable(message: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)
