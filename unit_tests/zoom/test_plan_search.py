from __future__ import annotations

import pytest

from source_zoom.config import RateLimitPlan
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.plan_search import MOST_SHARE, NEXT_TRY_SECONDS, OVER, PER_SECOND, TRY_SECONDS, PlanSearch

FREE, PRO, BUSINESS_PLUS, AUTO = RateLimitPlan.FREE, RateLimitPlan.PRO, RateLimitPlan.BUSINESS_PLUS, RateLimitPlan.AUTO
LIGHT, MEDIUM, HEAVY = RateLabel.LIGHT, RateLabel.MEDIUM, RateLabel.HEAVY

# Zoom's table, https://developers.zoom.us/docs/api/rate-limits/
TABLE = {
    (FREE, LIGHT): 4.0,
    (FREE, MEDIUM): 2.0,
    (FREE, HEAVY): 1.0,
    (FREE, RateLabel.RESOURCE_INTENSIVE): 10 / 60,
    # Zoom Phone does not come with the Free plan.
    (FREE, RateLabel.PHONE_LIGHT): 20.0,
    (FREE, RateLabel.PHONE_MEDIUM): 10.0,
    (FREE, RateLabel.PHONE_HEAVY): 5.0,
    (PRO, LIGHT): 30.0,
    (PRO, MEDIUM): 20.0,
    (PRO, HEAVY): 10.0,
    (PRO, RateLabel.RESOURCE_INTENSIVE): 10 / 60,
    (PRO, RateLabel.PHONE_LIGHT): 20.0,
    (PRO, RateLabel.PHONE_MEDIUM): 10.0,
    (PRO, RateLabel.PHONE_HEAVY): 5.0,
    (BUSINESS_PLUS, LIGHT): 80.0,
    (BUSINESS_PLUS, MEDIUM): 60.0,
    (BUSINESS_PLUS, HEAVY): 40.0,
    (BUSINESS_PLUS, RateLabel.RESOURCE_INTENSIVE): 20 / 60,
    (BUSINESS_PLUS, RateLabel.PHONE_LIGHT): 40.0,
    (BUSINESS_PLUS, RateLabel.PHONE_MEDIUM): 20.0,
    (BUSINESS_PLUS, RateLabel.PHONE_HEAVY): 10.0,
}


@pytest.mark.parametrize("plan", [FREE, PRO, BUSINESS_PLUS])
def test_rows_are_those_of_zooms_table(plan: RateLimitPlan) -> None:
    assert PER_SECOND[plan] == pytest.approx({label: TABLE[plan, label] for label in RateLabel})


@pytest.mark.parametrize(("share", "expected"), [(1, 0.3), (50, 15.0), (90, 27.0), (100, 30 * MOST_SHARE)])
def test_share_scales_the_row_of_a_plan_that_is_known(share: int, expected: float) -> None:
    search = PlanSearch(PRO, share)

    search.passed(LIGHT, 1000, 0)
    search.refused(LIGHT, 4, 0)
    search.told(LIGHT, 80)
    search.doubt(LIGHT, 10_000)

    assert search.ceiling(LIGHT, 10_000) == pytest.approx(expected)


def test_search_begins_beyond_pro() -> None:
    search = PlanSearch(AUTO, 90)

    assert search.plan is None
    assert search.ceiling(MEDIUM, 0) == 20 * OVER


def test_what_passes_beyond_pro_on_one_label_proves_business_plus_for_all() -> None:
    search = PlanSearch(AUTO, 90)

    search.passed(HEAVY, 10.4, 1)
    assert search.plan is None
    search.passed(HEAVY, 11.9, 1)

    assert search.plan is BUSINESS_PLUS
    assert search.ceiling(LIGHT, 1) == 72
    search.doubt(LIGHT, 10_000)
    assert search.ceiling(LIGHT, 10_000) == 72


@pytest.mark.parametrize(
    ("label", "passed", "plan"),
    [(LIGHT, 30, PRO), (MEDIUM, 19, PRO), (HEAVY, 11, PRO), (LIGHT, 4, FREE), (MEDIUM, 2, FREE), (HEAVY, 1, FREE)],
)
def test_what_passes_before_a_refusal_speaks_for_the_row_it_is_near_to(
    label: RateLabel, passed: float, plan: RateLimitPlan
) -> None:
    search = PlanSearch(AUTO, 90)

    search.refused(label, passed, 1)

    assert search.plan is plan
    assert search.ceiling(LIGHT, 1) == pytest.approx(PER_SECOND[plan][LIGHT] * 0.9)


@pytest.mark.parametrize(("label", "passed"), [(LIGHT, 15), (MEDIUM, 10), (HEAVY, 5), (RateLabel.PHONE_HEAVY, 1)])
def test_what_is_near_to_no_row_speaks_of_other_apps(label: RateLabel, passed: float) -> None:
    search = PlanSearch(AUTO, 90)

    search.refused(label, passed, 1)

    assert search.plan is None


def test_row_that_refusals_spoke_for_is_doubted_later_on_one_label_and_then_seldom() -> None:
    search = PlanSearch(AUTO, 90)
    search.refused(MEDIUM, 20, 0)
    for pause in (NEXT_TRY_SECONDS, 2 * NEXT_TRY_SECONDS, 4 * NEXT_TRY_SECONDS):
        search.doubt(LIGHT, pause - 1)
        assert search.ceiling(LIGHT, pause - 1) == 27

        search.doubt(LIGHT, pause)
        search.doubt(HEAVY, pause)
        assert search.ceiling(LIGHT, pause) == 30 * OVER
        assert search.ceiling(HEAVY, pause) == 9
        search.refused(HEAVY, 3, pause)
        assert search.ceiling(LIGHT, pause) == 30 * OVER
        search.refused(LIGHT, 30, 0)  # the clock starts again

        assert search.ceiling(LIGHT, pause) == 27


def test_doubt_that_nothing_answers_ends() -> None:
    search = PlanSearch(AUTO, 90)
    search.refused(MEDIUM, 20, 0)
    search.doubt(LIGHT, NEXT_TRY_SECONDS)
    over = NEXT_TRY_SECONDS + TRY_SECONDS

    assert search.ceiling(LIGHT, over) == 27
    search.doubt(LIGHT, over)
    search.doubt(LIGHT, over + NEXT_TRY_SECONDS)
    assert search.ceiling(LIGHT, over + NEXT_TRY_SECONDS) == 36


def test_row_that_is_doubted_is_left_for_a_larger_one() -> None:
    search = PlanSearch(AUTO, 90)
    search.refused(LIGHT, 4, 0)
    search.doubt(LIGHT, NEXT_TRY_SECONDS)

    search.passed(LIGHT, 4.7, NEXT_TRY_SECONDS + 3)
    assert search.plan is None
    search.passed(LIGHT, 35, NEXT_TRY_SECONDS + 6)

    assert search.plan is BUSINESS_PLUS


@pytest.mark.parametrize(
    ("label", "limit", "plan"),
    [(LIGHT, 80, BUSINESS_PLUS), (HEAVY, 10, PRO), (MEDIUM, 2, FREE), (RateLabel.PHONE_HEAVY, 5, PRO)],
)
def test_what_zoom_says_settles_it(label: RateLabel, limit: float, plan: RateLimitPlan) -> None:
    search = PlanSearch(AUTO, 90)

    search.told(label, limit)
    search.doubt(LIGHT, 10_000)

    assert search.plan is plan
    assert search.ceiling(LIGHT, 10_000) == pytest.approx(PER_SECOND[plan][LIGHT] * 0.9)


def test_number_that_is_no_rows_tells_nothing() -> None:
    search = PlanSearch(AUTO, 90)

    search.told(LIGHT, 6000)

    assert search.plan is None


def test_small_share_is_of_pro_without_a_search() -> None:
    search = PlanSearch(AUTO, 50)

    search.passed(LIGHT, 1000, 0)
    search.refused(LIGHT, 4, 0)

    assert search.ceiling(LIGHT, 0) == 15
    search.told(LIGHT, 80)
    assert search.ceiling(LIGHT, 0) == 40
