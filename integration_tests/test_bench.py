"""The benchmark measures; how much, depends on the machine, so that only the figures' sense is tested."""

import pytest

from bench import engine, rates
from bench.engine import SEQUENTIAL, pages, unpaced
from bench.pages import PAGES
from sandbox.limits import Label

SMALLEST = ("--users", "2", "--meetings", "1", "--webinars", "1", "--sessions-per-host", "1", "--no-oddities")
ROWS = 5_000
MEETINGS = 2


def test_a_read_against_limits() -> None:
    case = rates.Case("c", "c", "business_plus", 100, 20, SMALLEST, other_use="40:1/1")

    measured = rates.measure(case)

    counted = {label: sum(passed for passed, _ in measured.seconds(label)) for label in Label}
    assert counted == dict.fromkeys(Label, 0) | measured.passed
    assert measured.passed.keys() == {Label.LIGHT, Label.MEDIUM, Label.HEAVY}  # and no label of Zoom Phone
    assert measured.run.rows > 2
    assert 0 < measured.start_up < measured.run.seconds
    assert 0 < measured.bound < measured.run.seconds
    assert 0 < measured.reached_percent <= 100
    assert measured.run.peak_megabytes > 30
    assert measured.run.cpu_seconds > 0
    assert 0 < measured.sandbox_milliseconds < 1000


@pytest.mark.parametrize(
    ("command", "more"), [(SEQUENTIAL, 0), (unpaced(1), 2 + MEETINGS), (unpaced(200), 2 + MEETINGS)]
)
def test_a_read_without_limits(command: tuple[str, ...], more: int) -> None:
    measured = engine.measure(pages("c", "c", ROWS, command))

    assert measured.run.rows == ROWS
    assert measured.requests >= MEETINGS * sum(PAGES.values()) + more
    assert 0 < measured.start_up < measured.run.seconds
    assert measured.rows_per_second > 0
    assert measured.run.peak_megabytes > 30
