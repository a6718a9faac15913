"""The command line: `source-zoom spec|check|discover|read`.

Importing the CDK takes a second or more, so nothing here does before it has to.
"""

from __future__ import annotations

import gc
import os
import pkgutil
import sys
from collections.abc import Sequence

import orjson
import yaml

FAILED = 1
STDOUT = 1


def main(args: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0, or 1 with an error trace."""
    arguments = list(sys.argv[1:] if args is None else args)
    try:
        if arguments == ["spec"]:
            _print_spec()
        else:
            _run(arguments)
    except BrokenPipeError:
        # Nobody reads on. Standard output must not be flushed again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        sys.exit(FAILED)


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
