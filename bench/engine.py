"""Reads without limits and latency: what the connector itself costs, in time and in memory."""

from __future__ import annotations

import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.commands import SANDBOX, Run, account, read
from bench.pages import PAGES, ROWS

PAGE_SERVER = (sys.executable, "-m", "bench.pages")
SEQUENTIAL = (sys.executable, "-m", "bench.sequential")
_ROWS_PER_MEETING = ROWS * sum(PAGES.values())


@dataclass(frozen=True)
class Case:
    """A server, and the command that reads from it."""

    name: str
    title: str
    options: tuple[str, ...]
    """The server's."""
    command: tuple[str, ...]
    server: tuple[str, ...] = PAGE_SERVER
    streams: Collection[str] = ("meeting_registrants",)
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """What a case took. docs/benchmarks.md defines each."""

    case: Case
    run: Run
    start_up: float
    """Seconds to the first request."""
    requests: int

    @property
    def rows_per_second(self) -> float:
        """From the first request to the end of the process."""
        return self.run.rows / (self.run.seconds - self.start_up)


def unpaced(workers: int) -> tuple[str, ...]:
    """Return the command of the connector with so many workers and no limits."""
    return (sys.executable, "-m", "bench.unpaced", str(workers))


def pages(name: str, title: str, rows: int, command: Sequence[str]) -> Case:
    """Return the case of a command that reads so many registrants."""
    meetings = rows // _ROWS_PER_MEETING
    return Case(name, title, ("--meetings", str(meetings)), tuple(command), settings={"meetings": meetings})


def measure(case: Case) -> Figures:
    """Read from the server of a case once."""
    with account(*case.options, server=case.server) as target:
        run = read(target, case.settings, streams=case.streams, command=case.command)
        counters = target.counters()
    return Figures(case, run, counters["first"] - run.began, counters["requests"])


SESSIONS = (
    *("--users", "400", "--hosting-percent", "100", "--sessions-per-host", "150", "--participants", "2-2"),
    *("--no-oddities", "--webinar-hosts-percent", "0"),
)
CASES = (
    pages("cdk", "the CDK's own loop, one after another", 100_000, SEQUENTIAL),
    pages("workers-1", "this connector, 1 worker", 100_000, unpaced(1)),
    pages("workers-4", "4 workers", 100_000, unpaced(4)),
    pages("workers-32", "32 workers", 100_000, unpaced(32)),
    pages("million", "32 workers, ten times the rows", 1_000_000, unpaced(32)),
    pages("million-200", "200 workers, the same", 1_000_000, unpaced(200)),
    Case(
        "sessions",
        "32 workers, past meetings of 400 hosts in the sandbox",
        SESSIONS,
        unpaced(32),
        SANDBOX,
        ("report_meetings",),
    ),
)
SHORT = ("cdk", "workers-32")
"""Cases for a quick look."""
