"""Measure the connector against servers on this machine that stand in for Zoom.

Without arguments it runs a few cases, within five minutes; `all` takes half an hour. Nothing here
passes or fails, as machines differ. docs/benchmarks.md says what each figure is.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from bench import engine, rates, report, search

SCENARIOS = ("rates", "engine", "search", "all")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the cases that were asked for."""
    titles = {case.name: case.title for case in rates.CASES} | {case.name: case.title for case in engine.CASES}
    listed = [f"  {name:<20}{title}" for name, title in titles.items()]
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(["cases of rates, then of engine:", *listed]),
    )
    parser.add_argument("scenario", nargs="?", choices=SCENARIOS, help="every case of it, unless some are named")
    parser.add_argument("--case", action="append", default=[], metavar="NAME", help="repeatable; see below")
    parser.add_argument(
        "--write", action="store_true", help="write docs/benchmarks.md and its chart; of all cases only"
    )
    parsed = parser.parse_args(arguments)
    by_limits = [case for case in rates.CASES if parsed.scenario not in {"engine", "search"}]
    without = [case for case in engine.CASES if parsed.scenario not in {"rates", "search"}]
    names = set(parsed.case) if parsed.case or parsed.scenario else {*rates.SHORT, *engine.SHORT}
    if unknown := names - {case.name for case in by_limits} - {case.name for case in without}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if parsed.write and (names or parsed.scenario != "all"):
        parser.error("only figures of all cases can be written: python -m bench all --write")
    run(
        [case for case in by_limits if not names or case.name in names],
        [case for case in without if not names or case.name in names],
        compares=parsed.scenario in {"search", "all"},
        writes=parsed.write,
    )


def run(
    by_limits: Sequence[rates.Case], without: Sequence[engine.Case], *, compares: bool = False, writes: bool = False
) -> None:
    """Measure these cases, and print or also write what came out."""
    print(report.machine(), flush=True)
    figures = []
    for case in by_limits:
        figures.append(rates.measure(case))
        print(f"\n{report.rates_notes(figures[-1])}", flush=True)
    if figures:
        print(f"\n{report.rates_table(figures)}", flush=True)
    own = []
    for one in without:
        own.append(engine.measure(one))
        print(f"\n{one.title}: {own[-1].rows_per_second:,.0f} rows/s", flush=True)
    if own:
        print(f"\n{report.engine_table(own)}", flush=True)
    compared = search.compare() if compares else {}
    if compared:
        print(f"\n{report.search_table(compared)}", flush=True)
    if writes:
        report.write(figures, own, compared)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the servers and commands are ended, too
    main()
