"""The processes of a measurement: a server that stands in for Zoom, and the command that reads from it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
CATALOG = ROOT / "integration_tests" / "configured_catalog.json"
CONNECTOR = (sys.executable, "main.py")
SANDBOX = (sys.executable, "-m", "sandbox")
PHONE = "phone_"
"""How the streams begin that need Zoom Phone. It is left out: few accounts have it, and its labels are its own."""

_RECORD = b'{"type":"RECORD"'
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Account:
    """A running server and the config that reads from it."""

    url: str
    config: Mapping[str, Any]
    folder: Path
    """For the files of commands."""

    def counters(self) -> dict[str, Any]:
        """Return what the server has counted."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/counters", timeout=60) as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))


@dataclass(frozen=True)
class Run:
    """What a read took."""

    began: float
    """In seconds since the epoch."""
    seconds: float
    """From the start of its process to the end."""
    rows: int
    peak_megabytes: float
    cpu_seconds: float


@contextmanager
def account(*options: str, server: Sequence[str] = SANDBOX) -> Iterator[Account]:
    """Run a server while the block runs: the sandbox with these options, or another one."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = folder / "config.json"
        command = [*server, "--write-config", str(config), *options]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            try:
                line = process.stdout.readline() if process.stdout else ""
                if not line:
                    raise SystemExit(f"{' '.join(command)} does not run")
                yield Account(line.split()[-1], json.loads(config.read_text()), folder)
            finally:
                process.terminate()


def read(
    target: Account,
    settings: Mapping[str, Any] | None = None,
    *,
    streams: Collection[str] = (),
    command: Sequence[str] = CONNECTOR,
) -> Run:
    """Read from an account with a command, and return what it took.

    :param settings: are added to the config
    :param streams: names of those to read; all that do not need Zoom Phone, if none is named
    :raises SystemExit: if the command fails
    """
    config, catalog = target.folder / "config.json", target.folder / "catalog.json"
    config.write_text(json.dumps({**target.config, **(settings or {})}))
    configured = json.loads(CATALOG.read_text())["streams"]
    names = streams or [one["stream"]["name"] for one in configured if not one["stream"]["name"].startswith(PHONE)]
    catalog.write_text(json.dumps({"streams": [one for one in configured if one["stream"]["name"] in names]}))
    whole = [*command, "read", "--config", str(config), "--catalog", str(catalog)]
    began = time.time()
    with subprocess.Popen(whole, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            rows = _rows(process.stdout) if process.stdout else 0
        except BaseException:
            process.terminate()
            raise
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.time() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # `process` itself was not asked to wait
    if process.returncode:
        raise SystemExit(f"{' '.join(whole)} ended with exit code {process.returncode}")
    per_megabyte = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return Run(began, seconds, rows, usage.ru_maxrss / per_megabyte, usage.ru_utime + usage.ru_stime)


def _rows(output: IO[bytes]) -> int:
    """Return how many records a command prints, and keep none."""
    rows, rest = 0, b""
    while chunk := output.read(_CHUNK):
        text = rest + chunk
        rows += text.count(_RECORD)
        rest = text[1 - len(_RECORD) :]
    return rows
