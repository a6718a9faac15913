"""Measure speed, pace and memory of the connector against the sandbox.

Every scenario starts a sandbox of its own as a child process, reads from it and prints what was
measured beside the bound that the rate limits (or the latency) set. Nothing here passes or fails:
machines differ.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airbyte_cdk.models import SyncMode, Type
from airbyte_cdk.sources.streams.concurrent.cursor import FinalStateCursor

from source_zoom.auth import authenticator
from source_zoom.budget import Budgets
from source_zoom.config import ZoomConfig, normalise
from source_zoom.endpoint import RateLabel
from source_zoom.engine import TreeReader
from source_zoom.streams import StreamContext, ZoomStream, build

UNPACED = 1_000_000.0
"""Requests per second that no machine reaches."""


@dataclass(frozen=True)
class Account:
    """A running sandbox and the config that reads from it."""

    url: str
    config: dict[str, Any]
    config_file: Path

    def counters(self) -> dict[str, Any]:
        """Return what the sandbox has counted."""
        with urllib.request.urlopen(f"{self.url}/_sandbox/counters", timeout=30) as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))


@contextmanager
def account(*options: str) -> Iterator[Account]:
    """Run a sandbox with these options while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        config_file = Path(folder) / "config.json"
        command = [sys.executable, "-m", "sandbox", "--port", "0", "--write-config", str(config_file), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            line = process.stdout.readline() if process.stdout else ""
            url = line.split()[-1]
            yield Account(url, json.loads(config_file.read_text()), config_file)
        finally:
            process.terminate()
            process.wait(timeout=10)


def trees(target: Account, per_second: Mapping[RateLabel, float], workers: int) -> dict[str, ZoomStream]:
    """Return the streams of an account with a pace of one's own."""
    raw = normalise(target.config)
    config = ZoomConfig.parse(raw)
    return build(StreamContext(config, authenticator(config, raw), Budgets(per_second, workers)))


def read_together(streams: Mapping[str, ZoomStream], workers: int) -> tuple[int, float]:
    """Return rows and seconds of a read on the engine."""
    started = time.monotonic()
    reader = TreeReader(
        streams,
        cursor_of=lambda stream, repository: FinalStateCursor(stream.name, None, repository),
        workers=workers,
        logger=logging.getLogger("airbyte"),
    )
    selected = {name for name, stream in streams.items() if not stream.internal}
    rows = sum(message.type == Type.RECORD for message in reader.read(selected))
    return rows, time.monotonic() - started


def read_one_after_another(streams: Mapping[str, ZoomStream]) -> tuple[int, float]:
    """Return rows and seconds of the same requests, each sent when the one before was answered."""
    started = time.monotonic()
    rows = 0
    keys: dict[str, list[Any]] = {}
    for name, stream in streams.items():
        if stream.parent_stream_name is not None:
            stream.follow(keys[stream.parent_stream_name])
        keys[name] = []
        for slice_ in stream.stream_slices(sync_mode=SyncMode.full_refresh):
            records = list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))
            keys[name] += [stream.child_key(record, slice_ or {}) for record in records]
            if not records and (key := stream.child_key_of_unread(slice_ or {})):
                keys[name].append(key)
            rows += 0 if stream.internal else len(records)
        keys[name] = list({key[0]: key for key in keys[name] if key}.values())
    return rows, time.monotonic() - started


def speed() -> None:
    """50 users x 10 meetings, 50 ms latency, no limits: together and one after another."""
    options = ("--users", "50", "--meetings", "10", "--latency", "0.05", "--limits", "none")
    unpaced = dict.fromkeys(RateLabel, UNPACED)
    for workers in (16, 32, 64):
        with account(*options) as target:
            rows, seconds = read_together(trees(target, unpaced, workers), workers)
            requests = target.counters()["requests"]
        say(f"{workers} workers", f"{rows:,} rows, {requests:,} requests, {seconds:.2f} s, {requests / seconds:.0f}/s")
        if workers == 32:  # noqa: PLR2004 - the default of num_workers
            together = seconds
    with account(*options) as target:
        rows, alone = read_one_after_another(trees(target, unpaced, 1))
        requests = target.counters()["requests"]
    say("one after another", f"{rows:,} rows, {requests:,} requests, {alone:.2f} s")
    say("ratio at 32 workers", f"{alone / together:.1f}")


def pace() -> None:
    """Read a Pro account, enforced by a sliding second, at the defaults: 90 % of the Pro row."""
    with account("--users", "60", "--meetings", "10", "--latency", "0.1", "--limits", "pro") as target:
        read_by_command(target, {})
        counters = target.counters()
    report_pace(counters, {"Light": 27.0, "Medium": 18.0})


def mix() -> None:
    """Medium at a tenth of its limit: Light work goes on at its own pace."""
    per_second = {**dict.fromkeys(RateLabel, 27.0), RateLabel.MEDIUM: 2.0}
    options = ("--users", "20", "--meetings", "20", "--registration-percent", "0", "--latency", "0.1")
    with account(*options, "--limit", "medium=3/s", "--limit", "light=30/s") as target:
        read_together(trees(target, per_second, 32), 32)
        counters = target.counters()
    report_pace(counters, {"Light": 27.0, "Medium": 2.0})


def memory() -> None:
    """300,000 registrants: peak memory of the command, its output thrown away."""
    options = ("--users", "10", "--meetings", "10", "--registrants", "3000-3000", "--registration-percent", "100")
    with account(*options, "--no-oddities") as target:
        seconds, peak = read_by_command(target, {"rate_limit_plan": "business_plus", "rate_limit_share": 100})
        requests = target.counters()["requests"]
    say("peak memory", f"{peak / 1024:.0f} MB ({requests:,} requests, {seconds:.1f} s)")


def read_by_command(target: Account, overrides: Mapping[str, Any]) -> tuple[float, int]:
    """Return seconds and peak memory (kB) of `source-zoom read` of every stream."""
    target.config_file.write_text(json.dumps({**target.config, **overrides}))
    command = [sys.executable, "main.py"]
    config = ["--config", str(target.config_file)]
    lines = subprocess.run([*command, "discover", *config], capture_output=True, check=True, text=True).stdout
    found = next(json.loads(line) for line in lines.splitlines() if '"CATALOG"' in line)["catalog"]["streams"]
    catalog_file = target.config_file.with_name("catalog.json")
    modes = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    catalog_file.write_text(json.dumps({"streams": [{"stream": stream, **modes} for stream in found]}))
    started = time.monotonic()
    process = subprocess.Popen([*command, "read", *config, "--catalog", str(catalog_file)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"source-zoom read ended with status {status}")
    return time.monotonic() - started, usage.ru_maxrss


def report_pace(counters: Mapping[str, Any], bounds: Mapping[str, float]) -> None:
    """Print the rate of each label beside the one it should keep."""
    for label, bound in bounds.items():
        pace_of = counters["pace"][label]
        say(
            label,
            f"{pace_of['requests']:,} requests, {pace_of['passed_per_second']:.1f}/s of {bound:g}/s "
            f"({pace_of['passed_per_second'] / bound:.0%}), {counters['refused'].get(label, 0)} refused",
        )


def say(what: str, figure: str) -> None:
    """Print one figure."""
    print(f"  {what + ':':<22}{figure}", flush=True)


SCENARIOS: dict[str, Callable[[], None]] = {"speed": speed, "pace": pace, "mix": mix, "memory": memory}


def main() -> None:
    """Run the scenarios that were named, or all."""
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(f"{name:<8} {run.__doc__}" for name, run in SCENARIOS.items()),
    )
    parser.add_argument("scenarios", nargs="*", metavar="|".join(SCENARIOS), help="all, if none is named")
    named = parser.parse_args().scenarios
    if unknown := set(named) - SCENARIOS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for name in named or SCENARIOS:
        print(f"{name}: {SCENARIOS[name].__doc__}", flush=True)
        SCENARIOS[name]()


if __name__ == "__main__":
    main()
