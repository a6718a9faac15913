"""The benchmark measures; how much, depends on the machine, so that only the figures' sense is tested."""

import pytest

from bench import engine, rates
from bench.__main__ import main
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
    assert 0 < measured.sandbox_milliseconds < 1000


def test_a_plan_that_is_searched_for_is_another_than_the_one_of_the_sandbox() -> None:
    case = rates.Case("c", "c", "free", setting="auto")

    assert case.settings["rate_limit_plan"] == "auto"
    assert case.options[case.options.index("--limits") + 1] == "free"


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rates", "--case", "workers-32"], "no such case: workers-32"),
        (["rates", "--write"], "only figures of all cases"),
        (["all", "--case", "auto-half", "--write"], "only figures of all cases"),
        (["--write"], "only figures of all cases"),
        (["speed"], "invalid choice"),
    ],
)
def test_arguments_that_make_no_sense(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)

    assert said in capsys.readouterr().err


def test_what_was_measured_is_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(rates, "CASES", (rates.Case("small", "A small one", "business_plus", 100, 0, SMALLEST),))
    monkeypatch.setattr(engine, "CASES", (pages("few", "A few rows", ROWS, unpaced(4)),))

    main(["all"])

    printed = capsys.readouterr().out
    assert "Python 3." in printed
    assert "| A small one |" in printed
    assert "| A few rows |" in printed
    assert all(f" {rate}/s\n" in printed for rate in (80, 60, 40))
