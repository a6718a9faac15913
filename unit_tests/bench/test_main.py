"""`python -m bench` runs the cases that are named, and prints or writes what came out."""

from pathlib import Path

import pytest

from bench import engine, rates, report
from bench.__main__ import main
from bench.commands import Run
from sandbox.limits import Label
from unit_tests.bench.test_rates import BEGAN, figures


@pytest.fixture(autouse=True)
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The cases that would have been measured."""
    names: list[str] = []

    def against_limits(case: rates.Case) -> rates.Figures:
        names.append(case.name)
        return figures(case, {Label.LIGHT: [10] * 30})

    def without_limits(case: engine.Case) -> engine.Figures:
        names.append(case.name)
        return engine.Figures(case, Run(BEGAN, 5.0, 1000, 80.0, 4.0), 1.0, 10)

    monkeypatch.setattr(rates, "measure", against_limits)
    monkeypatch.setattr(engine, "measure", without_limits)
    return names


def test_a_few_cases_unless_some_are_named(measured: list[str]) -> None:
    main([])

    assert set(measured) == {*rates.SHORT, *engine.SHORT}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["rates"], [case.name for case in rates.CASES]),
        (["engine"], [case.name for case in engine.CASES]),
        (["rates", "--case", "auto-half", "--case", "auto-free"], ["auto-free", "auto-half"]),
        (["--case", "auto-half", "--case", "cdk"], ["auto-half", "cdk"]),
    ],
)
def test_the_cases_that_are_named(measured: list[str], arguments: list[str], names: list[str]) -> None:
    main(arguments)

    assert measured == names


def test_what_was_measured_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--case", "pro-100-150", "--case", "cdk"])

    printed = capsys.readouterr().out
    assert "Python 3." in printed
    assert "| Pro, share 100, 150 ms |" in printed
    assert " 30/s\n" in printed
    assert "| the CDK's own loop, one after another |" in printed


def test_all_can_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page, chart = tmp_path / "page.md", tmp_path / "chart.svg"
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "CHART", chart)

    main(["all", "--write"])

    titles = [case.title for case in rates.CASES] + [case.title for case in engine.CASES]
    assert all(f"| {title} " in page.read_text(encoding="utf-8") for title in titles)
    assert chart.read_text(encoding="utf-8").startswith("<svg ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rates", "--case", "cdk"], "no such case: cdk"),
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
