"""The commands on the CDK's entry point: how messages are printed, and how the process ends."""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from airbyte_cdk.entrypoint import AirbyteEntrypoint
from airbyte_cdk.logger import PRINT_BUFFER, is_platform_debug_log_enabled
from airbyte_cdk.models import AirbyteMessage, ConnectorSpecification
from airbyte_cdk.models import Type as MessageType
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import get_secrets, update_secrets

from source_zoom.config import ZoomConfig
from source_zoom.engine import threads
from source_zoom.source import SourceZoom

FAILED = 1
SIGNALLED = 128
"""Exit codes of processes that a signal ended begin here."""
PATIENCE_SECONDS = 3.0
_ADDRESS = re.compile(r"[^\s\"/=&<>,;()]+(?:@|%40)[^\s\"'/=&<>,;()?]+")


class ZoomEntrypoint(AirbyteEntrypoint):
    """The CDK's entry point with the connector's own checks of the config."""

    def run(self, parsed_args: argparse.Namespace) -> Iterable[str]:
        """Yield the messages of a command, as the CDK's method does, but without making a temporary folder.

        The folder is for a cache of requests, which this connector does not have. Where none can be made, as in a
        container with a read-only file system, the CDK's method fails.

        :raises AirbyteTracedException: whatever ends the command
        """
        is_debugging = parsed_args.debug or is_platform_debug_log_enabled()
        for logger in (self.logger, logging.getLogger("airbyte")):
            logger.setLevel(logging.DEBUG if is_debugging else logging.INFO)
        for handler in logging.getLogger().handlers:
            handler.addFilter(without_addresses)
        yield from map(self.airbyte_message_to_string, self._messages(parsed_args))

    def _messages(self, parsed_args: argparse.Namespace) -> Iterable[AirbyteMessage]:
        specification = self.source.spec(self.logger)
        if parsed_args.command == "spec":
            return [AirbyteMessage(type=MessageType.SPEC, spec=specification)]
        config = self.source.configure(self.source.read_config(parsed_args.config), temp_dir="")
        if parsed_args.command == "check":
            # Without the trace of an error, which `run` prints as well.
            checked = self.check(specification, config)
            return (message for message in checked if message.type != MessageType.TRACE)
        if parsed_args.command == "discover":
            return self.discover(specification, config)
        catalog = self.source.read_catalog(parsed_args.catalog)
        return self.read(specification, config, catalog, self.source.read_state(parsed_args.state))

    @staticmethod
    def set_up_secret_filter(config: Mapping[str, Any], connection_specification: Mapping[str, Any]) -> None:
        """Mask the config's secrets in all output; a blank one would mask every space."""
        update_secrets([secret for secret in get_secrets(connection_specification, config) if str(secret).strip()])

    @staticmethod
    def validate_connection(source_spec: ConnectorSpecification, config: Mapping[str, Any]) -> None:  # noqa: ARG004
        """Check the config with sentences for the user instead of a JSON schema validator's.

        :raises AirbyteTracedException: config error that names the property and the remedy
        """
        ZoomConfig.parse(config)


def without_addresses(record: logging.LogRecord) -> bool:
    """Mask e-mail addresses in what is logged for debugging, such as the URL of each request; let all else pass.

    Zoom names hosts by address where they have no id. Warnings keep them: the user is to know whom they concern.
    """
    if record.levelno <= logging.DEBUG:
        record.msg, record.args = _ADDRESS.sub("****", record.getMessage()), ()
    return True


def end_on_signals() -> None:
    """End the process on SIGTERM or SIGINT as if the main thread had decided to, and never in the middle of a line.

    A signal that interrupts Python in a large write to a pipe loses the rest of it without an error, so
    the main thread must not see it then: a thread of its own waits for the signal, and for the lock that
    every write to standard output holds. It does not wait for a consumer that has stopped reading. A process
    in the background of a shell, which ignores SIGINT, still does.

    :raises AirbyteTracedException: config error, if there is no thread to be had
    """
    ending = {signal.SIGTERM, signal.SIGINT}
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        ending.remove(signal.SIGINT)
    exit_codes: list[int] = []
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(exit_codes[0]))
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    threads.start(_wait_for, ending, exit_codes, name="signals")


def _wait_for(ending: set[signal.Signals], exit_codes: list[int]) -> None:
    exit_codes.append(SIGNALLED + signal.sigwait(ending))
    if not PRINT_BUFFER.lock.acquire(timeout=PATIENCE_SECONDS):
        os._exit(exit_codes[0])
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)
    PRINT_BUFFER.lock.release()


def run(arguments: Sequence[str]) -> None:
    """Run a command to its end, or exit: with 1 behind an error trace.

    :raises OSError: if what it prints cannot be written
    """
    logging.raiseExceptions = False  # a log line nobody can receive is no reason to say more
    threading.stack_size(threads.STACK_BYTES)
    entrypoint = ZoomEntrypoint(SourceZoom())
    parsed = entrypoint.parse_args(list(arguments))
    if not parsed.command:
        sys.exit("usage: source-zoom {spec,check,discover,read} [--config FILE] [--catalog FILE] [--state FILE]")
    try:
        end_on_signals()
        with PRINT_BUFFER, closing(_closable(entrypoint.run(parsed))) as messages:
            _print(messages)
    except AirbyteTracedException as error:
        # This error is a sentence already; of any other, the CDK's hook logs the stack and prints a trace.
        error.emit_message()
        sys.exit(FAILED)


def _closable(messages: Iterable[str]) -> Generator[str, None, None]:
    """Return messages that end the sync's threads when they are closed, before the last line is flushed."""
    yield from messages


def _print(messages: Iterable[str]) -> None:
    for message in messages:
        # One string with its line break, so that no other thread's line comes between.
        print(f"{message}\n", end="")  # noqa: T201 - standard output is the protocol's
