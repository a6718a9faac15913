"""Whether a list comes to an end, and agrees with its own count."""

from __future__ import annotations

from typing import Any

import pytest

from source_zoom.streams.base.pages import MOST_EMPTY_PAGES, ROWS_BEYOND_THE_TOTAL, PageCount


def rows(first: int, count: int = 300) -> list[dict[str, Any]]:
    return [{"id": number, "topic": "T"} for number in range(first, first + count)]


def test_list_that_ends_is_counted() -> None:
    count = PageCount()

    assert count.add(rows(0), 450, "t1") is None
    assert count.add(rows(300, 150), 450, None) is None

    assert (count.pages, count.records, count.total, count.differs) == (2, 450, 450, False)


def test_token_that_comes_twice_has_no_end() -> None:
    count = PageCount()

    assert count.add(rows(0), None, "t1") is None
    assert count.add(rows(300), None, "t2") is None
    assert count.add(rows(600), None, "t1") == "Zoom gave the same page token twice"


def test_page_that_is_equal_to_the_one_before_has_no_end() -> None:
    count = PageCount()

    assert count.add(rows(0), None, "t1") is None
    assert count.add(rows(0), None, "t2") == "a page was equal to the one before"


def test_records_that_were_changed_on_their_way_are_told_by_what_they_were() -> None:
    count, page = PageCount(), rows(0)
    count.add(page, None, "t1")
    for record in page:
        record["meeting_id"] = "1"

    assert count.add(rows(0), None, "t2") == "a page was equal to the one before"


def test_pages_that_differ_in_one_value_are_not_equal() -> None:
    count, page = PageCount(), rows(0)
    count.add(page, None, "t1")
    page[-1]["topic"] = "U"

    assert count.add(page, None, "t2") is None


def test_some_empty_pages_are_no_end() -> None:
    count = PageCount()

    faults = [count.add([], None, f"t{number}") for number in range(MOST_EMPTY_PAGES)]

    assert faults == [None] * (MOST_EMPTY_PAGES - 1) + ["3 pages in a row were empty"]


def test_records_between_empty_pages_begin_the_count_anew() -> None:
    count = PageCount()

    for number in range(0, 40, 2):
        assert count.add([], None, f"a{number}") is None
        assert count.add([], None, f"b{number}") is None
        assert count.add(rows(number, 1), None, f"c{number}") is None


def test_list_that_gives_far_more_than_it_says_has_no_end() -> None:
    count, given = PageCount(), 0
    fault = None
    while fault is None:
        fault = count.add(rows(given), 2, f"t{given}")
        given += 300

    assert fault == f"it says that it has 2 records and gave {given:,}"
    assert ROWS_BEYOND_THE_TOTAL < given <= ROWS_BEYOND_THE_TOTAL + 302


@pytest.mark.parametrize("page", [rows(9000, 1), [], rows(0)], ids=["beyond the total", "empty", "equal"])
def test_last_page_is_an_end_whatever_came_before(page: list[Any]) -> None:
    count = PageCount()
    count.add([], 1, "t1")
    count.add([], 1, "t2")
    count.add(rows(0, ROWS_BEYOND_THE_TOTAL + 1), 1, "t3")
    if page == rows(0):
        count.add(page, 1, "t4")

    assert count.add(page, 1, None) is None


@pytest.mark.parametrize(
    ("totals", "differs"),
    [
        ((2, 2), False),
        ((None, None), False),
        ((None, 2), False),
        ((1, 1), False),  # more records than it says: it grew, or does not count what Zoom adds
        ((2, 3), True),
        ((3, 2), True),
        ((3, 3), True),
        (("3", "3"), False),
        ((True, True), False),
    ],
)
def test_list_that_changed_or_lacks_records_differs(totals: tuple[object, object], *, differs: bool) -> None:
    count = PageCount()

    count.add(rows(0, 1), totals[0], "t1")
    count.add(rows(1, 1), totals[1], None)

    assert count.differs is differs
