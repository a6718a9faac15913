"""The figures follow from what the sandbox counted."""

from collections.abc import Mapping, Sequence
from itertools import chain

import pytest

from bench.commands import Run
from bench.rates import CASES, SHORT, Case, Figures
from sandbox.limits import PLANS, Label, RateLimiter

BEGAN = 1_700_000_000.0
HALF_A_SECOND = 500


def figures(
    case: Case, seconds: Mapping[Label, Sequence[int]], *, refused: int = 0, wall: float = 60.0, start_up: float = 2.0
) -> Figures:
    """Figures of a read in which so many requests of each label passed in each second; the first one's are refused."""
    first = BEGAN + start_up
    counters = {
        "first": first,
        "requests": sum(chain.from_iterable(seconds.values())) + refused,
        "refused": dict.fromkeys((label.value for label in seconds), 0) | {next(iter(seconds)).value: refused},
        "pace": {
            label.value: {"first": first, "last": first + len(counts), "passed": sum(counts)}
            for label, counts in seconds.items()
        },
        "by_second": {
            label.value: {str(second): [count, 0] for second, count in enumerate(counts) if count}
            for label, counts in seconds.items()
        },
        "cpu_seconds": 3.0,
    }
    return Figures(case, Run(BEGAN, wall, 600, 90.0, 9.0), counters)


@pytest.mark.parametrize(
    ("share", "other_use", "requests", "seconds"),
    [
        (100, "", 600, 10.0),
        (90, "", 540, 10.0),
        (90, "50", 300, 10.0),  # they leave less than the share
        (90, "5", 540, 10.0),  # they leave more
        (100, "50:4/6", 2 * 30 + 0, 2.0),
        (100, "50:4/6", 4 * 30 + 3 * 60, 7.0),
        (100, "50:4/6", 3 * (4 * 30 + 6 * 60) + 30, 31.0),
    ],
)
def test_the_bound_is_what_the_limit_and_other_apps_leave(
    share: int, other_use: str, requests: int, seconds: float
) -> None:
    case = Case("c", "c", "business_plus", share, other_use=other_use)

    assert case.seconds_for(requests, Label.MEDIUM) == pytest.approx(seconds)


def test_the_bound_holds_against_the_sandbox() -> None:
    case = Case("c", "c", "business_plus", 100, other_use="60:20/20")
    limiter = RateLimiter(PLANS["business_plus"], shared_budget=True, retry_after=None, other_use=case.others)
    tries = (at / 100 for at in range(10_000))

    passed = sum(limiter.refuse(Label.MEDIUM, BEGAN + at) is None for at in tries)

    # At each turn of the others, what passed in the second before is part of the window.
    assert case.seconds_for(passed, Label.MEDIUM) == pytest.approx(100, abs=2)


def test_a_limit_by_the_minute_counts_by_its_sixtieth() -> None:
    assert Case("c", "c", "pro", 50).seconds_for(10, Label.RESOURCE_INTENSIVE) == pytest.approx(120)


def test_the_busiest_label_is_the_one_that_takes_longest() -> None:
    case = Case("c", "c", "business_plus", 100, HALF_A_SECOND)

    measured = figures(case, {Label.LIGHT: [80] * 10, Label.MEDIUM: [40] * 20}, wall=2.0 + 2.5 + 20.0)

    assert measured.busiest is Label.MEDIUM
    assert measured.start_up == pytest.approx(2.0)
    assert measured.bound == pytest.approx(800 / 60)
    assert measured.ratio == pytest.approx(20 / (800 / 60))
    assert measured.reached_percent == pytest.approx(100 * 40 / 60)
    assert measured.rows_per_second == pytest.approx(600 / 24.5)
    assert measured.sandbox_milliseconds == pytest.approx(3000 / 1600)


def test_refusals_are_part_of_all_requests_and_not_of_those_needed() -> None:
    measured = figures(Case("c", "c", "pro", 100), {Label.LIGHT: [30] * 10}, refused=100)

    assert (measured.refused, measured.refused_percent) == (100, 25.0)
    assert measured.passed == {Label.LIGHT: 300}


def test_what_is_left_beside_other_apps_can_be_reached() -> None:
    case = Case("c", "c", "business_plus", 90, other_use="50:4/6")

    assert figures(case, {Label.MEDIUM: [30] * 4 + [60] * 6}).reached_percent == pytest.approx(100)


def test_how_long_a_label_takes_to_come_back_when_others_pause() -> None:
    case = Case("c", "c", "business_plus", 100, other_use="50:10/10")
    at_once, later, never, cut = ([60] * 10, [30] * 4 + [60] * 6, [50] * 10, [60] * 5)
    turn = [30] * 10

    measured = figures(case, {Label.MEDIUM: [*turn, *at_once, *turn, *later, *turn, *never, *turn, *cut]})

    assert measured.back_after() == [0, 4, None]


def test_nobody_comes_back_where_nobody_pauses() -> None:
    assert figures(Case("c", "c", "pro", other_use="50"), {Label.MEDIUM: [10] * 100}).back_after() == []


def test_a_plan_that_is_searched_for_is_another_than_the_one_of_the_sandbox() -> None:
    case = Case("c", "c", "free", setting="auto")

    assert case.settings["rate_limit_plan"] == "auto"
    assert case.options[case.options.index("--limits") + 1] == "free"


def test_cases_have_names_of_their_own() -> None:
    names = [case.name for case in CASES]

    assert len(set(names)) == len(names)
    assert set(SHORT) < set(names)
