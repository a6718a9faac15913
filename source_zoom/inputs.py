"""The files a command is given: config, catalog, state. What is wrong with one is said in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateMessage,
    AirbyteStateMessageSerializer,
    ConfiguredAirbyteCatalog,
    ConfiguredAirbyteCatalogSerializer,
    FailureType,
)
from airbyte_cdk.utils import AirbyteTracedException
from serpyco_rs import SchemaValidationError


def read_json(path: str, what: str) -> Any:
    """Return the content of a JSON file.

    :param what: what the file is, for the error
    :raises AirbyteTracedException: config error, if it cannot be read or is not JSON
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _unusable(
            f"The {what} file {path} cannot be read: {error.strerror}. Check its path and permissions."
        ) from error
    except json.JSONDecodeError as error:
        reason = f"line {error.lineno}, {error.msg}"
    except UnicodeDecodeError:
        reason = "it is not UTF-8 text"
    except RecursionError:
        reason = "it is nested too deep"
    # No cause: none of these may quote the content, which can be credentials.
    raise _unusable(f"The {what} file {path} is not valid JSON ({reason}). Correct it and run again.") from None


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
    """Return the state of an earlier sync; none where no path is given or the file holds none.

    :raises AirbyteTracedException: config error, if the file is not a list of state messages
    """
    content = read_json(path, "state") if path else None
    if not content:
        return []
    try:
        if not isinstance(content, list):
            raise TypeError("it is not a list")
        messages = [AirbyteStateMessageSerializer.load(item) for item in content]
        if not all(message.stream or message.global_ for message in messages):
            raise TypeError("an item has neither 'stream' nor 'global'")
    except (SchemaValidationError, TypeError, AttributeError) as error:
        raise _unusable(
            f"The state file {path} is not a list of Airbyte state messages ({_first_fault(error)}). "
            "Give the last STATE message of each stream as an earlier sync printed it, or no state to start over."
        ) from None
    return messages


def _first_fault(error: Exception) -> str:
    if isinstance(error, SchemaValidationError) and error.errors:
        fault = error.errors[0]
        return f"at '{fault.instance_path}': {fault.message}" if fault.instance_path else str(fault.message)
    return str(error)


def _unusable(message: str) -> AirbyteTracedException:
    return AirbyteTracedException(message=message, internal_message=message, failure_type=FailureType.config_error)
