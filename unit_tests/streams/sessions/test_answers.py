"""Answers to polls and questions: each has a key that is the same on every run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests_mock
from freezegun import freeze_time

from source_zoom.engine import SliceFailure
from source_zoom.streams import ZoomStream
from source_zoom.streams.sessions.answers import SessionAnswers
from source_zoom.zoom.retries import MAX_RETRIES
from unit_tests.fake_zoom import API, DEAD_PAGE_TOKEN, TOKEN_URL, refusal, token
from unit_tests.past import NOW, UUID, asked, end_of_slice, read, slice_of, tree

pytestmark = pytest.mark.usefixtures("sleepless")

PATHS = {
    "meeting_poll_results": "past_meetings/aBcD%3D%3D/polls",
    "webinar_poll_results": "past_webinars/aBcD%3D%3D/polls",
    "webinar_qna_results": "past_webinars/aBcD%3D%3D/qa",
}

every_stream = pytest.mark.parametrize("name", PATHS)


@pytest.fixture(autouse=True)
def _on_the_tenth_of_may() -> Iterator[None]:
    with freeze_time(NOW):
        yield


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        yield mocker


def answers(*texts: str, minute: int = 5) -> list[dict[str, str]]:
    """What one voter answered."""
    return [{"question": "Q", "answer": text, "date_time": f"2026-05-08T10:{minute:02}:00Z"} for text in texts]


def voter(email: str = "", name: str = "Anonymous Attendee", *texts: str, minute: int = 5) -> dict[str, Any]:
    return {"email": email, "name": name, "question_details": answers(*(texts or ("Yes",)), minute=minute)}


def body(*rows: Mapping[str, Any], next_: str = "") -> dict[str, Any]:
    return {"json": {"id": 85746065432, "uuid": UUID, "questions": list(rows), "next_page_token": next_}}


def ids(zoom: requests_mock.Mocker, *pages: Any, name: str = "meeting_poll_results") -> list[str]:
    """The keys of the rows of an answer, or of several pages."""
    zoom.get(f"{API}/{PATHS[name]}", list(pages))
    return [record["response_id"] for record in read(tree()[name], slice_of())]


def test_every_stream_of_answers_is_shown_here() -> None:
    assert {name for name, stream in tree().items() if isinstance(stream, SessionAnswers)} == set(PATHS)


@every_stream
def test_rows_carry_their_session_and_every_answer(name: str, zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/{PATHS[name]}", **body(voter("ann@x.org", "Ann", "Yes", "No")))

    [record] = read(tree()[name], slice_of())

    noun = name.split("_", maxsplit=1)[0]
    assert (record[f"{noun}_uuid"], record[f"{noun}_id"], record["host_id"]) == (UUID, "85746065432", "ann")
    assert record[f"{noun}_end_time"] == "2026-05-08T11:00:00Z"
    assert [detail["answer"] for detail in record["question_details"]] == ["Yes", "No"]


@pytest.mark.parametrize("name", ["meeting_poll_results", "webinar_poll_results"])
def test_empty_date_time_of_an_answer_is_null(name: str, zoom: requests_mock.Mocker) -> None:
    row = {**voter("ann@x.org"), "question_details": [{"question": "Q", "answer": "A", "date_time": ""}]}
    zoom.get(f"{API}/{PATHS[name]}", **body(row))

    [record] = read(tree()[name], slice_of())

    assert record["question_details"][0]["date_time"] is None


@every_stream
def test_ids_are_the_same_on_a_second_run(name: str, zoom: requests_mock.Mocker) -> None:
    rows = [voter("ann@x.org", "Ann"), voter(), voter(), voter("", "Bob"), {"question_details": []}]

    first, second = (ids(zoom, body(*rows), name=name) for _ in range(2))

    assert first == second
    assert len(set(first)) == len(rows)


def test_id_does_not_change_from_release_to_release(zoom: requests_mock.Mocker) -> None:
    found = ids(zoom, body(voter("ann@x.org", "Ann"), voter("", "Bob")))

    assert found == ["4c391532fbc81d09f3f6c5aa6bd1118b", "fb84c738d20ace7c396037f0e38b1f5a"]


def test_id_of_a_voter_with_an_email_does_not_depend_on_the_answers(zoom: requests_mock.Mocker) -> None:
    [one] = ids(zoom, body(voter("ann@x.org", "Ann", "Yes")))
    [more] = ids(zoom, body(voter("ann@x.org", "Ann", "Yes", "No", minute=6)))

    assert one == more


def test_id_of_a_voter_with_an_email_does_not_depend_on_the_others(zoom: requests_mock.Mocker) -> None:
    [alone] = ids(zoom, body(voter("ann@x.org", "Ann")))
    among = ids(zoom, body(voter(), voter("bob@x.org", "Bob"), voter("ann@x.org", "Ann")))

    assert among[2] == alone
    assert len(set(among)) == 3


def test_one_email_with_two_names_is_two_voters(zoom: requests_mock.Mocker) -> None:
    assert len(set(ids(zoom, body(voter("room@x.org", "Ann"), voter("room@x.org", "Bob"))))) == 2


def test_one_email_with_one_name_twice_is_told_apart_by_order(zoom: requests_mock.Mocker) -> None:
    assert len(set(ids(zoom, body(voter("ann@x.org", "Ann", "Yes"), voter("ann@x.org", "Ann", "No"))))) == 2


def test_equal_names_without_an_email_are_told_apart_by_their_answers_in_any_order(
    zoom: requests_mock.Mocker,
) -> None:
    rows = [voter("", "Ann", "Yes"), voter("", "Ann", "No"), voter("", "Ann", "Yes", minute=6)]

    first, second = ids(zoom, body(*rows)), ids(zoom, body(*reversed(rows)))

    assert len(set(first)) == 3
    assert first == second[::-1]


def test_anonymous_voters_with_equal_answers_are_all_kept(zoom: requests_mock.Mocker) -> None:
    few, many = ids(zoom, body(*[voter()] * 3)), ids(zoom, body(*[voter()] * 4))

    assert len(set(many)) == 4
    assert many[:3] == few


@pytest.mark.parametrize("email", ["", None])
def test_no_email_and_an_empty_one_are_the_same(email: str | None, zoom: requests_mock.Mocker) -> None:
    row = voter("", "Ann")
    [expected] = ids(zoom, body({name: value for name, value in row.items() if name != "email"}))

    assert ids(zoom, body({**row, "email": email})) == [expected]


def test_restart_after_a_dead_page_token_counts_equal_rows_from_the_start(zoom: requests_mock.Mocker) -> None:
    dead = [body(voter(), next_="t1"), refusal(400, 300, DEAD_PAGE_TOKEN)]

    found = ids(zoom, *dead, body(voter(), next_="t2"), body(voter()))

    assert len(found) == 3
    assert found[0] == found[1] != found[2]


@every_stream
@pytest.mark.parametrize("mark", [{"uuid": UUID}, {"id": 85746065432}, {"id": 85746065432, "uuid": UUID}])
def test_session_whose_answer_has_no_list_is_empty(name: str, mark: dict[str, Any], zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/{PATHS[name]}", json=mark)
    stream = tree()[name]

    assert read(stream, slice_of()) == []
    assert stream.closing_line() is None
    assert len(asked(zoom, PATHS[name])) == 1


@every_stream
@pytest.mark.parametrize("cut_off", [{"json": {}}, {"text": '{"id": 1, "questions": [{"na'}, {"json": {"name": "?"}}])
def test_answer_that_is_cut_off_is_asked_for_again(
    name: str, cut_off: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    assert len(ids(zoom, cut_off, body(voter()), name=name)) == 1
    assert len(asked(zoom, PATHS[name])) == 2


@every_stream
def test_answer_that_stays_cut_off_is_a_failure(name: str, zoom: requests_mock.Mocker) -> None:
    with pytest.raises(SliceFailure):
        ids(zoom, {"json": {}}, name=name)

    assert len(asked(zoom, PATHS[name])) == 1 + MAX_RETRIES


@every_stream
def test_list_of_another_form_is_a_failure_in_spite_of_its_mark(name: str, zoom: requests_mock.Mocker) -> None:
    with pytest.raises(SliceFailure):
        ids(zoom, {"json": {"uuid": UUID, "questions": {}}}, name=name)


@pytest.mark.parametrize(
    ("name", "answer", "counted"),
    [
        ("meeting_poll_results", refusal(400, 12702, "Can not access a meeting a year ago."), "TOO_OLD (400/12702"),
        ("webinar_poll_results", refusal(404, 3001, "Webinar ID is invalid or not end."), "GONE (404/3001"),
        ("webinar_qna_results", refusal(404, 3001, "Webinar ID is invalid or not end."), "GONE (404/3001"),
        ("webinar_qna_results", refusal(200, 200, "Webinar plan subscription is missing."), "NO_LICENCE (200/200"),
    ],
)
def test_session_zoom_has_nothing_for_is_skipped_and_counted(
    name: str, answer: dict[str, Any], counted: str, zoom: requests_mock.Mocker
) -> None:
    zoom.get(f"{API}/{PATHS[name]}", **answer)
    stream: ZoomStream = tree()[name]

    assert read(stream, slice_of()) == []
    assert f"1 x {counted}" in (stream.closing_line() or "")


@every_stream
def test_session_that_is_refused_decides_over_itself_only(name: str, zoom: requests_mock.Mocker) -> None:
    noun = name.partition("_")[0]
    zoom.get(f"{API}/{PATHS[name]}", **refusal(400, 200, "No permission."))
    zoom.get(f"{API}/past_{noun}s/other/{PATHS[name].rpartition('/')[2]}", **body(voter()))
    stream = tree()[name]
    assert isinstance(stream, SessionAnswers)
    slice_, other = slice_of(), slice_of(uuid="other")

    with pytest.raises(SliceFailure) as caught:
        read(stream, slice_)

    error = caught.value
    assert (type(error), error.cause, error.again) == (SliceFailure, "NO_PERMISSION", False)
    assert (error.facts["object_type"], error.facts["object_id"]) == ("session", UUID)
    assert len(read(stream, other)) == 1
    for one, failure in ((slice_, error), (other, None)):
        end_of_slice(stream, one, failure)
    assert [(gap.object_id, gap.meaning) for gap in stream.held_gaps()] == [(UUID, "NO_PERMISSION")]


@every_stream
def test_session_without_an_answer_yet_is_not_settled(name: str, zoom: requests_mock.Mocker) -> None:
    slice_ = slice_of()
    zoom.get(f"{API}/{PATHS[name]}", [body(), body(voter())])
    stream = tree()[name]

    assert read(stream, slice_) == []
    assert not slice_.complete
    assert len(read(stream, slice_)) == 1
    assert slice_.complete
