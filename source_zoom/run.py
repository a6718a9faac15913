"""The command line: `source-zoom spec|check|discover|read`.

Importing the CDK takes a second or more, so nothing here does before it has to.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import os
import pkgutil
import signal
import sys
from collections.abc import Sequence

import orjson
import yaml

FAILED = 1
TERMINATED = 128 + signal.SIGTERM
STDOUT = 1
STDERR = 2
UNWRITABLE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF})


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0, or 1 with an error trace."""
    # As the first process of a container it would otherwise not be ended before `entrypoint` waits for signals.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))
    arguments = list(sys.argv[1:] if args is None else args)
    _speak_utf8()
    try:
        if arguments == ["spec"]:
            _print_spec()
        else:
            _run(arguments)
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        # Standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        if error.errno != errno.EPIPE:  # then nobody reads on, which is no fault
            _say(f"nothing more can be written: {error.strerror}")
        sys.exit(FAILED)


def _speak_utf8() -> None:
    """Print UTF-8 whatever the locale, as the protocol is JSON; exit if there is nothing to print on."""
    if sys.stdout is None:  # closed by the caller
        _say("standard output is closed, and all messages go there")
        sys.exit(FAILED)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _say(sentence: str) -> None:
    with contextlib.suppress(OSError):  # standard error can be closed, too
        os.write(STDERR, f"source-zoom: {sentence}\n".encode())


def _print_spec() -> None:
    """Print the message that the CDK makes of the file (airbyte_cdk/connector.py, `spec`)."""
    specification = yaml.safe_load(pkgutil.get_data("source_zoom", "spec.yaml") or b"")
    sys.stdout.write(orjson.dumps({"type": "SPEC", "spec": specification}).decode() + "\n")
    sys.stdout.flush()


def _run(arguments: Sequence[str]) -> None:
    gc.disable()  # what is imported stays, and looking for garbage in it takes a fifth of the time
    from source_zoom.entrypoint import run  # noqa: PLC0415 - see above

    gc.freeze()
    gc.enable()
    run(arguments)
