"""Whether a list comes to an end and agrees with its own count, and what is asked for until it does."""

from __future__ import annotations

import re
from typing import Any

import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import FailureType

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams import ZoomStream
from source_zoom.streams.base.failures import REFUSED
from source_zoom.streams.base.pages import MOST_EMPTY_PAGES, MOST_MISCOUNTS, ROWS_BEYOND_THE_TOTAL, PageCount
from source_zoom.zoom.limits import PATIENCE_SLICES
from source_zoom.zoom.probation import MOST_REFUSED
from unit_tests.fake_zoom import (
    API,
    DAILY_LIMIT,
    DEAD_PAGE_TOKEN,
    TOKEN_URL,
    refusal,
)
from unit_tests.streams.base.reading import MEETING, REGISTRANTS_OF, failure, gets, page, read

pytestmark = pytest.mark.usefixtures("sleeps")

DEAD_TOKEN = refusal(400, 300, DEAD_PAGE_TOKEN)


# The count


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


# Pages


def test_every_page_is_read_with_the_same_parameters(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    pages = [page("users", "a", after="t1"), page("users", after="t2"), page("users", "b", "c")]
    zoom.get(f"{API}/users", pages)

    assert [record["id"] for record in read(streams["users"])] == ["a", "b", "c"]
    first = {"status": ["active"], "include_fields": ["custom_attributes"], "page_size": ["300"]}
    assert [request.qs for request in gets(zoom)] == [
        first,
        {**first, "next_page_token": ["t1"]},
        {**first, "next_page_token": ["t2"]},
    ]


def test_awkward_page_token_is_sent_as_it_came(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/users", [page("users", "a", after="A+b/c==&d%2B"), page("users", "b")])

    read(streams["users"])

    assert gets(zoom)[1].url.endswith("next_page_token=A%2Bb%2Fc%3D%3D%26d%252B")


def test_pages_without_a_next_page_token_end_the_slice(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", json={"polls": [{"id": "p"}]})

    assert [record["id"] for record in read(streams["meeting_polls"], MEETING)] == ["p"]
    assert len(gets(zoom)) == 1


def test_page_token_is_followed_where_zoom_documents_none(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", [page("polls", "p", after="t1"), page("polls", "q")])

    assert [record["id"] for record in read(streams["meeting_polls"], MEETING)] == ["p", "q"]


def test_empty_list_that_says_so_without_a_list_is_an_answer(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", json={"page_size": 300, "total_records": 0})

    assert read(streams["users"]) == []
    assert len(gets(zoom)) == 1


# Page tokens that die


def test_slice_restarts_when_its_page_token_dies(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    answers = [page("users", "a", after="t1"), DEAD_TOKEN, page("users", "a", after="t2"), page("users", "b")]
    zoom.get(f"{API}/users", answers)

    assert [record["id"] for record in read(streams["users"])] == ["a", "a", "b"]
    tokens = [request.qs.get("next_page_token") for request in gets(zoom)]
    assert tokens == [None, ["t1"], None, ["t2"]]


def test_slice_restarts_as_long_as_each_attempt_gets_further(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    a, b, c, d = (page("users", id_, after=f"after-{id_}") for id_ in "abcd")
    zoom.get(f"{API}/users", [a, DEAD_TOKEN, a, b, DEAD_TOKEN, a, b, c, DEAD_TOKEN, a, b, c, d, page("users", "e")])

    assert "".join(record["id"] for record in read(streams["users"])) == "aababcabcde"


def test_slice_fails_when_a_restart_gets_no_further(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    first = page("users", "a", after="t1")
    zoom.get(f"{API}/users", [first, DEAD_TOKEN, first, DEAD_TOKEN, page("users", "never asked for")])

    error = failure(streams["users"])

    assert str(error) == ("The page token of GET /users expired after page 1, again and without getting further.")
    assert (error.cause, error.failure_type) == ("PAGE_TOKEN", FailureType.transient_error)
    assert not isinstance(error, StreamStopped)
    assert len(gets(zoom)) == 4


def test_page_token_that_dies_before_there_was_one_is_a_failure(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [DEAD_TOKEN])

    error = failure(streams["users"])

    assert (error.cause, error.failure_type) == ("INVALID", FailureType.config_error)
    assert len(gets(zoom)) == 1


# Lists without end


@pytest.mark.parametrize("tokens", [["t1", "t1"], ["t1", "t2", "t1"]])
def test_page_token_given_twice_is_a_failure(
    tokens: list[str], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [page("users", str(number), after=token_) for number, token_ in enumerate(tokens)])

    error = failure(streams["users"])

    assert str(error) == "GET /users does not end: Zoom gave the same page token twice."
    assert (error.cause, error.failure_type, error.again) == ("BROKEN", FailureType.transient_error, True)
    assert len(gets(zoom)) == len(tokens)


def fresh_tokens(*records: list[str], total: int | None = None) -> list[dict[str, Any]]:
    """Pages that each name another next one."""
    count = {} if total is None else {"total_records": total}
    return [
        {"json": {**page("users", *ids, after=f"t{number}")["json"], **count}} for number, ids in enumerate(records)
    ]


@pytest.mark.parametrize(
    ("pages", "reason", "requests_made"),
    [
        (fresh_tokens(["a", "b"], ["a", "b"], ["c"]), "a page was equal to the one before", 2),
        (fresh_tokens(["a"], [], [], [], ["b"]), "3 pages in a row were empty", 4),
        (
            fresh_tokens(*([f"{number}.{row}" for row in range(300)] for number in range(40)), total=600),
            "it says that it has 600 records and gave 3,900",
            13,
        ),
    ],
    ids=["the same page", "empty pages", "far more than the total"],
)
def test_pages_without_end_are_a_fault_though_no_token_comes_twice(
    pages: list[dict[str, Any]],
    reason: str,
    requests_made: int,
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
) -> None:
    zoom.get(f"{API}/users", pages)

    error = failure(streams["users"])

    assert str(error) == f"GET /users does not end: {reason}."
    assert (error.failure_type, error.again) == (FailureType.transient_error, True)
    assert len(gets(zoom)) == requests_made


def test_page_that_was_emitted_is_still_known_when_it_comes_again(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    """What a record gets on its way out must not make it another one."""
    same = [{"json": {"meetings": [{"id": 1}], "next_page_token": f"t{number}"}} for number in range(9)]
    zoom.get(f"{API}/users/u/meetings", same)

    assert "equal to the one before" in str(failure(streams["meeting_list"], {"user_id": "u"}))


# Lists that disagree with their own count


def counted(total: int, *ids: str, after: str = "") -> dict[str, Any]:
    return {"json": {"users": [{"id": id_} for id_ in ids], "total_records": total, "next_page_token": after}}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]


@pytest.mark.parametrize(
    "first_pass",
    [
        [counted(3, "a", "b")],
        [counted(2, "a", after="t1"), counted(3, "b")],
    ],
    ids=["shorter than its count", "count changed"],
)
def test_list_that_disagrees_with_its_count_is_read_once_more(
    first_pass: list[dict[str, Any]],
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
    caplog: pytest.LogCaptureFixture,
) -> None:
    zoom.get(f"{API}/users", [*first_pass, counted(3, "a", "b", "c"), counted(9, "never asked for")])

    assert [record["id"] for record in read(streams["users"])][-3:] == ["a", "b", "c"]
    assert len(gets(zoom)) == len(first_pass) + 1
    assert warnings(caplog) == []


def test_list_that_stays_short_of_its_count_is_said_once(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/users", **counted(500, "a", "b"))

    assert {record["id"] for record in read(streams["users"])} == {"a", "b"}
    assert len(gets(zoom)) == 2
    read(streams["users"])

    [said] = warnings(caplog)
    assert "500 records" in said
    assert "gave 2" in said


def test_count_that_is_wrong_for_every_list_is_not_trusted_any_more(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/users", **counted(500, "a", "b"))

    calls = []
    for _ in range(MOST_MISCOUNTS + 2):
        before = len(gets(zoom))
        read(streams["users"])
        calls.append(len(gets(zoom)) - before)

    assert calls == [2] * MOST_MISCOUNTS + [1, 1]
    assert len(warnings(caplog)) == 1


# What is refused


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        (refusal(400, 200, "No permission."), "NO_PERMISSION"),
        (refusal(400, 300, "Invalid meeting id."), "INVALID"),
        (refusal(403, 403, "Forbidden."), "NO_PERMISSION"),
        ({"status_code": 403, "text": "<html>Forbidden</html>"}, "NO_PERMISSION"),
        (refusal(404, 404, "Not found."), "UNKNOWN"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_object_that_is_refused_fails_its_slice_and_no_other(
    answer: dict[str, Any], meaning: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", **answer)
    zoom.get(f"{API}/meetings/2/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]

    error = failure(polls, MEETING)

    assert type(error) is SliceFailure
    assert (error.cause, error.failure_type, error.again) == (meaning, FailureType.config_error, False)
    assert {name: error.facts[name] for name in ("object_type", "object_id", "meaning", "http_status")} == {
        "object_type": "meeting",
        "object_id": "1",
        "meaning": meaning,
        "http_status": answer["status_code"],
    }
    assert polls.closing_line() is None
    assert [record["id"] for record in read(polls, {**MEETING, "meeting_id": "2"})] == ["p"]
    assert len(gets(zoom)) == 2


def test_object_refused_with_401_while_others_are_answered_fails_its_slice_with_no_new_token(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1/polls", **refusal(401, 124, "Invalid access token."))
    zoom.get(f"{API}/meetings/2/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]
    other = {**MEETING, "meeting_id": "2"}

    assert len(read(polls, other)) == 1
    error = failure(polls, MEETING)
    assert len(read(polls, other)) == 1

    assert (type(error), error.cause, error.failure_type) == (SliceFailure, "TOKEN", FailureType.config_error)
    assert len([request for request in zoom.request_history if request.method == "POST"]) == 1


def test_list_of_the_account_that_is_refused_stops_its_stream(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(404, 3001, "Meeting does not exist: 1."))

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert (error.cause, error.failure_type) == ("GONE", FailureType.config_error)
    assert str(error) == "GET /users was answered with HTTP 404: Meeting does not exist: 1."
    assert streams["users"].closing_line() is None


def test_ten_objects_refused_alike_and_none_answered_stop_the_stream(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(re.compile("/polls"), **refusal(400, 200, "No permission."))
    polls = streams["meeting_polls"]

    errors = [
        failure(polls, {**MEETING, "meeting_id": str(number), "host_id": f"host {number % 2}"})
        for number in range(MOST_REFUSED)
    ]

    assert [type(error) for error in errors] == [SliceFailure] * (MOST_REFUSED - 1) + [StreamStopped]
    assert (errors[-1].cause, errors[-1].failure_type) == (REFUSED, FailureType.config_error)
    assert "for all that it was asked for" in str(errors[-1])
    assert "Give the role" in str(errors[-1])


def test_ten_objects_refused_are_single_ones_where_another_was_answered(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(re.compile("/polls"), **refusal(400, 200, "No permission."))
    zoom.get(f"{API}/meetings/7/polls", **page("polls", "p"))
    polls = streams["meeting_polls"]
    read(polls, {**MEETING, "meeting_id": "7"})

    errors = [
        failure(polls, {**MEETING, "meeting_id": f"1{number}", "host_id": f"host {number % 2}"})
        for number in range(2 * MOST_REFUSED)
    ]

    assert {type(error) for error in errors} == {SliceFailure}


def test_daily_limit_ends_every_stream_of_the_label_without_another_request(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    reset = pendulum.now("UTC").add(hours=30).format("YYYY-MM-DD[T]HH:mm:ss[Z]")
    zoom.get(f"{API}/users", [refusal(429, 429, DAILY_LIMIT, Retry_After=reset)])
    zoom.get(f"{API}/meetings/1/polls", **page("polls", "p"))

    first = failure(streams["users"])
    sent = len(gets(zoom))
    others = [failure(streams[name], REGISTRANTS_OF) for name in ("users", "channels", "meeting_registrants")]

    for error in (first, *others):
        assert isinstance(error, StreamStopped)
        # A retry of the platform's, which comes at once, cannot help.
        assert error.failure_type is FailureType.config_error
        assert "daily limit for medium requests" in str(error)
        assert f"resets at {reset}" in str(error)
    assert sent == len(gets(zoom)) == 1
    assert len(read(streams["meeting_polls"], MEETING)) == 1


def test_slices_without_an_access_token_end_every_stream_of_the_label(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.post(TOKEN_URL, status_code=503)
    polls = streams["meeting_polls"]

    errors = [failure(polls, {**MEETING, "meeting_id": str(number)}) for number in range(PATIENCE_SLICES)]

    assert [type(error) for error in errors] == [SliceFailure] * (PATIENCE_SLICES - 1) + [StreamStopped]
    assert "(last: no access token)" in str(errors[-1])
    assert gets(zoom) == []
