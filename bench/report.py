"""What was measured, as text for the terminal, as tables for docs/benchmarks.md, and as a chart."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path

from bench import engine, rates, search
from bench.commands import ROOT
from sandbox.limits import Label

PAGE = ROOT / "docs" / "benchmarks.md"
CHART = ROOT / "docs" / "benchmarks.svg"
COLUMNS = 100
"""Of a line of text."""

_BLOCKS = " ▁▂▃▄▅▆▇█"
_NAME_COLUMNS = max(len(label.value) for label in Label) + 1
_RATE_COLUMNS = 7
_TICKS = 10
_COLOURS = {Label.LIGHT: "#2a9d8f", Label.MEDIUM: "#3a6ea5", Label.HEAVY: "#c8553d"}


def rates_table(measured: Iterable[rates.Figures]) -> str:
    """Return the table of reads against limits."""
    header = (
        "Case",
        "Wall",
        "Start-up",
        "Bound",
        "Label",
        "Ratio",
        "Refused",
        "Rows/s",
        "Of what is left",
        "CPU",
        "Peak",
    )
    rows = [
        (
            figures.case.title,
            f"{figures.run.seconds:.1f} s",
            f"{figures.start_up:.2f} s",
            f"{figures.bound:.1f} s",
            figures.busiest.value,
            f"{figures.ratio:.2f}",
            f"{figures.refused:,} ({figures.refused_percent:.1f} %)",
            f"{figures.rows_per_second:,.0f}",
            f"{figures.reached_percent:.0f} %",
            f"{figures.run.cpu_seconds:.1f} s",
            f"{figures.run.peak_megabytes:.0f} MB",
        )
        for figures in measured
    ]
    return _table(header, rows)


def engine_table(measured: Iterable[engine.Figures]) -> str:
    """Return the table of reads without limits."""
    header = ("Case", "Rows", "Requests", "Wall", "Start-up", "Rows/s", "CPU", "Peak")
    rows = [
        (
            figures.case.title,
            f"{figures.run.rows:,}",
            f"{figures.requests:,}",
            f"{figures.run.seconds:.1f} s",
            f"{figures.start_up:.2f} s",
            f"{figures.rows_per_second:,.0f}",
            f"{figures.run.cpu_seconds:.1f} s",
            f"{figures.run.peak_megabytes:.0f} MB",
        )
        for figures in measured
    ]
    return _table(header, rows)


def search_table(compared: search.Comparison) -> str:
    """Return the table of ways to find the limits."""
    rows = [
        (title, *(f"{figures.ratio:.2f}, {figures.refused_percent:.1f} %" for figures in measured))
        for title, measured in compared.items()
    ]
    return _table(("Method", *(account.title for account in search.ACCOUNTS)), rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table, whose columns but the first are aligned at the right."""
    first, *others = (max(map(len, column)) for column in zip(header, *rows, strict=True))
    lines = [[row[0].ljust(first), *map(str.rjust, row[1:], others)] for row in (header, *rows)]
    lines.insert(1, ["-" * first, *("-" * (width - 1) + ":" for width in others)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def rates_notes(figures: rates.Figures) -> str:
    """Return what a table has no room for: the account, the requests over time, and how other apps were followed."""
    passed = ", ".join(f"{label.value} {count:,}" for label, count in figures.passed.items())
    cost = f"{figures.sandbox_milliseconds:.2f} ms CPU of the sandbox for a request"
    lines = [f"{figures.case.title}: {figures.run.rows:,} rows; {passed}; {cost}", *text_chart(figures)]
    if back := figures.back_after():
        told = ", ".join("never" if seconds is None else f"{seconds} s" for seconds in back)
        lines.append(f"when the others paused, back at {rates.BACK:.0%} of the allowed rate after: {told}")
    return "\n".join(lines)


def text_chart(figures: rates.Figures) -> Iterator[str]:
    """Yield a line for each label: what passed over time, full blocks where that is the allowed rate, behind it.

    A label that was refused has a second line with a mark for each time.
    """
    room = COLUMNS - _NAME_COLUMNS - _RATE_COLUMNS
    width = math.ceil(figures.length / room)
    for label in sorted(figures.passed, key=list(Label).index):
        allowed = figures.case.per_second(label)
        buckets = list(_buckets(figures.seconds(label), width))
        blocks = "".join(_block(passed / seconds / allowed) for passed, _, seconds in buckets)
        yield f"{label.value:<{_NAME_COLUMNS}}{blocks:<{room}}{f'{allowed:.3g}/s':>{_RATE_COLUMNS}}"
        if any(refused for _, refused, _ in buckets):
            marks = "".join("x" if refused else " " for _, refused, _ in buckets)
            yield f"{'  refused':<{_NAME_COLUMNS}}{marks}".rstrip()
    yield f"{'':<{_NAME_COLUMNS}}{f'{width} s a column, {figures.length} s in all':>{room}}"


def _buckets(seconds: Sequence[tuple[int, int]], width: int) -> Iterator[tuple[int, int, int]]:
    """Yield how many passed and how many were refused in each of so many seconds, and how many seconds there are."""
    for begin in range(0, len(seconds), width):
        part = seconds[begin : begin + width]
        yield sum(passed for passed, _ in part), sum(refused for _, refused in part), len(part)


def _block(share: float) -> str:
    """Return a block as high as a share of 1; the lowest for anything above nothing."""
    return _BLOCKS[0] if not share else _BLOCKS[max(1, min(8, round(8 * share)))]


def svg_chart(figures: rates.Figures) -> str:
    """Return a chart of the requests of each label by second, with the rate that its limit and the share allow."""
    width, height, left, gap = 860, 120, 70, 46
    labels = sorted(figures.passed, key=list(Label).index)
    across = width / figures.length
    parts = [f'<text x="{left}" y="20" class="title">Requests per second: {figures.case.title}</text>']
    for number, label in enumerate(labels):
        top = 40 + number * (height + gap)
        allowed, limit = figures.case.per_second(label), figures.case.limits[label]
        passed = [count for count, _ in figures.seconds(label)]
        scale = height / max(*passed, limit.per_second) / 1.05
        bottom, line = top + height, top + height - allowed * scale
        steps = " ".join(f"V{bottom - count * scale:.1f} h{across:.3f}" for count in passed)
        colour = _COLOURS.get(label, "#777777")
        parts += [
            f'<path d="M{left} {bottom} {steps} V{bottom} Z" fill="{colour}" fill-opacity="0.7"/>',
            f'<line x1="{left}" y1="{line:.1f}" x2="{left + width}" y2="{line:.1f}" class="allowed"/>',
            f'<line x1="{left}" y1="{bottom}" x2="{left + width}" y2="{bottom}" class="axis"/>',
            f'<text x="{left - 8}" y="{bottom - height / 2}" text-anchor="end">{label.value}</text>',
            f'<text x="{left + width + 8}" y="{line + 4:.1f}">{allowed:.3g}/s</text>',
            *_ticks(figures.length, left, bottom, across),
        ]
    size = f"{left + width + 70} {40 + len(labels) * (height + gap)}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif">',
            "<style>text{font-size:12px;fill:#777}.title{font-size:15px}.axis{stroke:#777}",
            ".allowed{stroke:#777;stroke-dasharray:5 4}</style>",
            *parts,
            "</svg>\n",
        ]
    )


def _ticks(length: int, left: int, bottom: int, across: float) -> Iterator[str]:
    """Yield some seconds below an axis."""
    for second in range(0, length, max(1, round(length / _TICKS))):
        yield f'<text x="{left + second * across:.1f}" y="{bottom + 16}" text-anchor="middle">{second} s</text>'


def machine() -> str:
    """Return what the figures depend on: day, machine and versions."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    processor = models[0] if models else platform.processor() or platform.machine()
    return (
        f"{datetime.now(timezone.utc):%Y-%m-%d}, {os.cpu_count()} cores ({processor}), {platform.system()}, "
        f"Python {platform.python_version()}, airbyte-cdk {version('airbyte-cdk')}, "
        f"source-zoom {version('source-zoom')}. The server that stands in for Zoom runs on the same cores."
    )


def write(by_limits: Sequence[rates.Figures], without: Sequence[engine.Figures], compared: search.Comparison) -> None:
    """Write docs/benchmarks.md anew between its marks, and the chart beside it."""
    page, chart = page_and_chart(by_limits, without, compared, PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(page, encoding="utf-8")
    CHART.write_text(chart, encoding="utf-8")


def page_and_chart(
    by_limits: Sequence[rates.Figures], without: Sequence[engine.Figures], compared: search.Comparison, page: str
) -> tuple[str, str]:
    """Return the page with these figures instead of those it has, and the chart of the biggest account."""
    notes = "\n\n".join(map(rates_notes, by_limits))
    blocks = {
        "machine": machine(),
        "rates": f"{rates_table(by_limits)}\n\n```text\n{notes}\n```",
        "search": search_table(compared),
        "engine": engine_table(without),
    }
    biggest = next(figures for figures in by_limits if figures.case.name == rates.BIGGEST)
    return filled(page, blocks), svg_chart(biggest)


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """Return a text with what stands between its marks replaced; raises ValueError if there is no such mark."""
    for name, block in blocks.items():
        begin, end = f"<!-- {name}: written by `python -m bench all --write` -->", "<!-- end -->"
        if begin not in text:
            raise ValueError(f"There is no place for the {name}.")
        before, _, rest = text.partition(begin)
        text = f"{before}{begin}\n{block}\n{end}{rest.partition(end)[2]}"
    return text
