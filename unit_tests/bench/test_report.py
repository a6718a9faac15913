"""What was measured can be read."""

import re
from xml.etree import ElementTree as ET

import pytest

from bench import engine, rates, report
from bench.commands import Run
from sandbox.limits import Label
from unit_tests.bench.test_rates import BEGAN, figures

CASE = rates.Case("c", "Business+, share 90", "business_plus")
LONG = {Label.LIGHT: [72] * 420, Label.MEDIUM: [27] * 216 + [0] * 96 + [54] * 108}


def test_a_line_for_each_label_with_the_rate_that_is_allowed() -> None:
    lines = list(report.text_chart(figures(CASE, LONG)))

    light, medium, below = lines
    assert re.fullmatch(r"Light +█+ +72/s", light)
    assert re.fullmatch(r"Medium +▄+ +█+ +54/s", medium)
    assert below.endswith("6 s a column, 420 s in all")
    assert all(len(line) <= report.COLUMNS for line in lines)


def test_what_is_refused_is_marked_where_it_was() -> None:
    measured = figures(CASE, {Label.MEDIUM: [54] * 4})
    measured.counters["by_second"]["Medium"]["2"] = [1, 40]

    medium, refused, _ = report.text_chart(measured)

    assert medium.index("▁") == refused.index("x")
    assert refused.count("x") == 1


def test_the_notes_tell_when_a_label_was_back() -> None:
    turns = rates.Case("c", "turns", "business_plus", 100, other_use="50:10/10")

    notes = report.rates_notes(figures(turns, {Label.MEDIUM: [30] * 13 + [60] * 7 + [30] * 20}))

    assert notes.endswith("after: 3 s, never")


def test_the_chart_is_svg_and_has_each_label() -> None:
    chart = report.svg_chart(figures(CASE, LONG))

    texts = [element.text for element in ET.fromstring(chart).iter() if element.tag.endswith("text")]  # noqa: S314
    assert {"Light", "Medium", "72/s", "54/s", "Requests per second: Business+, share 90"} <= {*texts}


def test_the_page_has_a_place_for_everything_and_defines_every_column() -> None:
    own = engine.Figures(engine.CASES[0], Run(BEGAN, 5.0, 1000, 80.0, 4.0), 1.0, 10)
    biggest = next(case for case in rates.CASES if case.name == rates.BIGGEST)
    page = report.PAGE.read_text(encoding="utf-8")

    written = report.page_and_chart([figures(biggest, LONG)], [own], {}, page)[0]

    assert "| the CDK's own loop, one after another |" in written
    assert biggest.title in written
    assert written.count("<!-- end -->") == page.count("<!-- end -->") == 4
    for header in re.findall(r"^\| Case +\|(.*)\|$", written, re.MULTILINE):
        assert all(f"**{column.strip()}**" in page for column in header.split("|"))


def test_writing_again_changes_nothing() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    blocks = {"engine": "| a |\n|---|"}

    once = report.filled(page, blocks)

    assert report.filled(once, blocks) == once != page
    with pytest.raises(ValueError, match="no place for the weather"):
        report.filled(page, {"weather": ""})
