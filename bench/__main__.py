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
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from airbyte_cdk.models import Type

from source_zoom import SourceZoom
from source_zoom.config import RateLimitPlan
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.limits import PER_SECOND

CATALOG = Path(__file__).resolve().parent.parent / "integration_tests" / "configured_catalog.json"
LATENCY_SECONDS = 0.05
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
    """Run a sandbox with these options while the block runs, in a process that takes no time from this one."""
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


def read_here(target: Account, per_second: Mapping[RateLabel, float], workers: int) -> tuple[int, float]:
    """Return rows and seconds of a read of every stream in this process, at the pace that is given."""
    plan = {"rate_limit_plan": RateLimitPlan.BUSINESS_PLUS.value, "rate_limit_share": 100}
    config = {**target.config, **plan, "num_workers": workers}
    source = SourceZoom()
    catalog = source.read_catalog(str(CATALOG))
    started = time.monotonic()
    with patch.dict(PER_SECOND, {RateLimitPlan.BUSINESS_PLUS: dict(per_second)}):
        messages = source.read(logging.getLogger("airbyte"), config, catalog)
        rows = sum(message.type == Type.RECORD for message in messages)
    return rows, time.monotonic() - started


def speed() -> None:
    """50 users x 10 meetings, 50 ms latency, no limits."""
    options = ("--users", "50", "--meetings", "10", "--latency", str(LATENCY_SECONDS), "--limits", "none")
    for workers in (16, 32, 64):
        with account(*options) as target:
            rows, seconds = read_here(target, dict.fromkeys(RateLabel, UNPACED), workers)
            requests = target.counters()["requests"]
        alone = requests * LATENCY_SECONDS
        say(
            f"{workers} workers",
            f"{rows:,} rows, {requests:,} requests, {seconds:.2f} s, {requests / seconds:.0f}/s; "
            f"one after another they would wait for {alone:.0f} s, {alone / seconds:.1f} times as long",
        )


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
        read_here(target, per_second, 32)
        counters = target.counters()
    report_pace(counters, {"Light": 27.0, "Medium": 2.0})


def memory() -> None:
    """300,000 registrants: peak memory of the command, its output thrown away."""
    options = ("--users", "10", "--meetings", "10", "--registrants", "3000-3000", "--registration-percent", "100")
    with account(*options, "--no-oddities") as target:
        seconds, peak = read_by_command(target, {"rate_limit_plan": "business_plus", "rate_limit_share": 100})
        requests = target.counters()["requests"]
    say("peak memory", f"{peak / 1024:.0f} MB ({requests:,} requests, {seconds:.1f} s)")


def sessions() -> None:
    """54,000 past meetings of 400 hosts: peak memory of the command that lists them, its output thrown away."""
    options = ("--users", "400", "--hosting-percent", "100", "--sessions-per-host", "150", "--participants", "2-2")
    with account(*options, "--no-oddities", "--webinar-hosts-percent", "0") as target:
        fast = {"rate_limit_plan": "business_plus", "rate_limit_share": 100}
        seconds, peak = read_by_command(target, fast, streams={"report_meetings"})
        requests = target.counters()["requests"]
    say("peak memory", f"{peak / 1024:.0f} MB ({requests:,} requests, {seconds:.1f} s)")


def read_by_command(target: Account, overrides: Mapping[str, Any], streams: Collection[str] = ()) -> tuple[float, int]:
    """Return seconds and peak memory (kB) of `source-zoom read` of these streams, or of every one."""
    target.config_file.write_text(json.dumps({**target.config, **overrides}))
    catalog = json.loads(CATALOG.read_text())["streams"]
    chosen = [configured for configured in catalog if not streams or configured["stream"]["name"] in streams]
    catalog_file = target.config_file.with_name("catalog.json")
    catalog_file.write_text(json.dumps({"streams": chosen}))
    command = [sys.executable, "main.py", "read", "--config", str(target.config_file), "--catalog", str(catalog_file)]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # `process` itself was not asked to wait
    if status:
        raise SystemExit(f"source-zoom read ended with exit code {process.returncode}")
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


SCENARIOS: dict[str, Callable[[], None]] = {
    "speed": speed,
    "pace": pace,
    "mix": mix,
    "memory": memory,
    "sessions": sessions,
}


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
    logging.getLogger("airbyte").setLevel(logging.ERROR)
    for name in named or SCENARIOS:
        print(f"{name}: {SCENARIOS[name].__doc__}", flush=True)
        SCENARIOS[name]()


if __name__ == "__main__":
    main()
