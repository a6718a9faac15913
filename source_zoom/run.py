"""The command line: `source-zoom spec|check|discover|read`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER
from airbyte_cdk.models import ConnectorSpecification, FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.config import ZoomConfig
from source_zoom.source import SourceZoom

FAILED = 1
STDOUT = 1


class ZoomEntrypoint(AirbyteEntrypoint):
    """The CDK's entry point with the connector's own checks of the config."""

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:  # noqa: ARG004
        """Check the config with sentences for the user instead of a JSON schema validator's.

        :raises AirbyteTracedException: config error that names the property and the remedy
        """
        ZoomConfig.parse(config)


class Termination:
    """Ends the process on SIGTERM as if the main thread had decided to, but not in the middle of a line.

    A second signal ends it even there, for a consumer that has stopped reading.
    """

    def __init__(self) -> None:
        self.printing = False
        self._exit_code: int | None = None
        signal.signal(signal.SIGTERM, self._on_signal)

    def raise_if_asked(self) -> None:
        """Exit if the signal came while a line was being printed.

        :raises SystemExit: 128 + the signal's number
        """
        if self._exit_code is not None:
            sys.exit(self._exit_code)

    def _on_signal(self, signum: int, _frame: FrameType | None) -> None:
        asked_before = self._exit_code is not None
        self._exit_code = 128 + signum
        if not self.printing or asked_before:
            sys.exit(self._exit_code)


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0, or 1 with an error trace."""
    termination = Termination()
    entrypoint = ZoomEntrypoint(SourceZoom())
    parsed = entrypoint.parse_args(list(args) if args is not None else sys.argv[1:])
    try:
        with PRINT_BUFFER:
            _print(entrypoint.run(parsed), termination)
    except AirbyteTracedException as error:
        if error.failure_type is not FailureType.config_error:
            raise  # the CDK's hook logs the stack, then prints the trace
        error.emit_message()
        sys.exit(FAILED)
    except BrokenPipeError:
        # Nobody reads on. Standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        sys.exit(FAILED)


def _print(messages: Iterable[str], termination: Termination) -> None:
    for message in messages:
        termination.printing = True
        # One string with its line break, so that no other thread's line comes between.
        print(f"{message}\n", end="")  # noqa: T201 - standard output is the protocol's
        termination.printing = False
        termination.raise_if_asked()
