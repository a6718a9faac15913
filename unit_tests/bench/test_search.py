"""The simulation that ways to find the limits are compared in."""

import pytest

from bench import search
from bench.report import search_table
from sandbox.limits import Label


@pytest.mark.parametrize("account", search.ACCOUNTS, ids=lambda account: account.title)
def test_no_method_lets_more_pass_than_an_account_allows(account: search.Account) -> None:
    figures = search.simulate(search.Kept(), account)

    assert figures.ratio > search.SHARE / 100 * 0.99 * (0.9 if "half" in account.title else 1)
    assert figures.refused_percent < 20


def test_method_that_keeps_to_the_row_is_never_refused_and_takes_as_long_as_the_bound() -> None:
    [account] = [account for account in search.ACCOUNTS if account.title == "Pro"]

    figures = search.simulate(search.Even(), account)

    assert figures.ratio == pytest.approx(1, abs=0.02)
    assert figures.refused_percent == 0


def test_bound_counts_what_others_leave() -> None:
    work = search.WORK[Label.MEDIUM]

    assert search.Account("alone", "business_plus").bound == pytest.approx(work / 60 / 0.9)
    assert search.Account("half", "business_plus", other_use="50").bound == pytest.approx(work / 60 / 0.5)
    assert search.Account("turns", "business_plus", other_use="60:20/20").bound == pytest.approx(work / 60 / 0.65)


def test_table_has_a_line_for_each_method() -> None:
    table = search_table({method.title: [search.Figures(1.25, 0.5)] * 6 for method in search.METHODS})

    assert table.count("1.25, 0.5 %") == 6 * len(search.METHODS)
    assert "others use half of Business+" in table
