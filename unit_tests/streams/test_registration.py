"""Registration of meetings and webinars: which calls a detail saves, and whose registrants are read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests_mock

from source_zoom.engine import Key
from source_zoom.streams import ZoomStream, build
from source_zoom.streams.registration import OfRegistration, RegistrableDetail
from unit_tests.past import read
from unit_tests.zoom import API, DEAD_PAGE_TOKEN, TOKEN_URL, context, refusal, token

NOUNS = ("meeting", "webinar")
OF_REGISTRATION = ("registrants", "questions")
GONE = refusal(404, 3001, "It does not exist: 1.")
OTHER_SKIPS = {
    "meeting": refusal(400, 3000, "Cannot access meeting info."),
    "webinar": refusal(400, 200, "Webinar plan is missing. You must subscribe to the webinar plan."),
}

every_noun = pytest.mark.parametrize("noun", NOUNS)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        yield mocker


@pytest.fixture
def streams() -> dict[str, ZoomStream]:
    return build(context())


def detail_of(noun: str, streams: dict[str, ZoomStream]) -> RegistrableDetail:
    stream = streams[f"{noun}s"]
    assert isinstance(stream, RegistrableDetail)
    return stream


def listed(noun: str) -> dict[str, Any]:
    """The slice of a detail."""
    return {f"{noun}_id": "1", "host_id": "h", **({"duration": 60} if noun == "webinar" else {})}


def slices(stream: ZoomStream, key: Key) -> list[Mapping[str, Any]]:
    assert isinstance(stream, OfRegistration)
    return list(stream.slices_of(dict(zip(stream.parent.child_keys, key, strict=True))))


def settings(**fields: Any) -> dict[str, Any]:
    return {"id": 1, "uuid": "a==", "host_id": "h", "settings": fields}


def key_of(noun: str, streams: dict[str, ZoomStream], record: Mapping[str, Any]) -> Key:
    stream = detail_of(noun, streams)
    return stream.child_key(stream.complete(dict(record), listed(noun)), listed(noun))


def page(*rows: Mapping[str, Any], after: str = "") -> dict[str, Any]:
    return {"json": {"registrants": list(rows), "next_page_token": after}}


def asked(zoom: requests_mock.Mocker) -> list[tuple[str, str | None]]:
    """Status and occurrence of each request for registrants."""
    queries = [request.qs for request in zoom.request_history if request.path.endswith("/registrants")]
    return [(query["status"][0], query.get("occurrence_id", [None])[0]) for query in queries]


def test_every_detail_and_its_children_are_shown_here(streams: dict[str, ZoomStream]) -> None:
    details = {name for name, stream in streams.items() if isinstance(stream, RegistrableDetail)}
    children = {name for name, stream in streams.items() if isinstance(stream, OfRegistration)}

    assert details == {f"{noun}s" for noun in NOUNS}
    assert children == {f"{noun}_{child}" for noun in NOUNS for child in OF_REGISTRATION}


# Which calls a detail saves


@every_noun
@pytest.mark.parametrize("child", OF_REGISTRATION)
def test_approval_type_2_saves_the_calls(noun: str, child: str, streams: dict[str, ZoomStream]) -> None:
    assert slices(streams[f"{noun}_{child}"], key_of(noun, streams, settings(approval_type=2))) == []


@every_noun
@pytest.mark.parametrize("child", OF_REGISTRATION)
@pytest.mark.parametrize(
    "record",
    [
        settings(approval_type=0),
        settings(approval_type=1),
        settings(approval_type=3),
        settings(approval_type=None),
        settings(approval_type="2"),
        settings(registration_type=2),
        settings(),
        {"id": 1, "uuid": "a==", "host_id": "h", "settings": None},
        {"id": 1, "uuid": "a==", "host_id": "h"},
    ],
    ids=lambda record: str(record.get("settings", "none")),
)
def test_nothing_else_saves_them(
    record: Mapping[str, Any], noun: str, child: str, streams: dict[str, ZoomStream]
) -> None:
    [slice_] = slices(streams[f"{noun}_{child}"], key_of(noun, streams, record))

    assert (slice_[f"{noun}_id"], slice_["host_id"]) == ("1", "h")


# Details that were not read


@every_noun
def test_gone_detail_has_no_children(noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/{noun}s/1", **GONE)
    detail = detail_of(noun, streams)

    assert read(detail, listed(noun)) == []
    assert detail.child_key_of_unread(listed(noun)) is None
    assert "1 x 404/3001" in (detail.closing_line() or "")


@every_noun
def test_gone_detail_is_gone_by_its_id(noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/{noun}s/1", **GONE)
    detail = detail_of(noun, streams)
    read(detail, listed(noun))

    assert detail.child_key_of_unread({**listed(noun), f"{noun}_id": "2"}) == ("2", "h", None, ())


@every_noun
@pytest.mark.parametrize("child", OF_REGISTRATION)
def test_children_of_a_detail_that_is_not_given_out_are_asked_for(
    child: str, noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1", **OTHER_SKIPS[noun])
    detail = detail_of(noun, streams)
    assert read(detail, listed(noun)) == []

    key = detail.child_key_of_unread(listed(noun))

    assert key == ("1", "h", None, ())
    assert len(slices(streams[f"{noun}_{child}"], key)) == 1


# Whose registrants are read


@every_noun
def test_statuses_are_asked_for_in_the_order_a_registrant_passes_them(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", [page({"id": "a"}), page({"id": "a"}), page({"id": "b"})])
    [slice_] = slices(streams[f"{noun}_registrants"], key_of(noun, streams, settings(approval_type=1)))

    records = read(streams[f"{noun}_registrants"], slice_)

    assert asked(zoom) == [("pending", None), ("approved", None), ("denied", None)]
    # One who was approved between two reads comes twice; the later row is right.
    assert [record["id"] for record in records] == ["a", "a", "b"]
    assert {(record[f"{noun}_id"], record["host_id"]) for record in records} == {("1", "h")}


def series(registration_type: Any) -> dict[str, Any]:
    occurrences = [{"occurrence_id": "100"}, {"occurrence_id": "200"}]
    return {**settings(approval_type=0, registration_type=registration_type), "occurrences": occurrences}


@every_noun
@pytest.mark.parametrize("registration_type", [1, 3, None, "2"])
def test_registrants_of_a_whole_series_are_asked_for_once(
    registration_type: Any, noun: str, streams: dict[str, ZoomStream]
) -> None:
    assert key_of(noun, streams, series(registration_type))[-1] == ()


@every_noun
def test_registrants_of_each_occurrence_are_asked_for_where_one_registers_for_each(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", **page())
    [slice_] = slices(streams[f"{noun}_registrants"], key_of(noun, streams, series(2)))

    assert read(streams[f"{noun}_registrants"], slice_) == []

    assert asked(zoom) == [
        (status, occurrence) for status in ("pending", "approved", "denied") for occurrence in (None, "100", "200")
    ]


@every_noun
def test_registrant_of_several_occurrences_comes_once_for_each_status(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    both = {"id": "both", "status": "pending"}
    moved_on = {"id": "both", "status": "approved"}
    answers = [page(both), page(both, {"id": "one", "status": "pending"}), page(both), *[page(moved_on)] * 3]
    zoom.get(f"{API}/{noun}s/1/registrants", [*answers, page()])
    [slice_] = slices(streams[f"{noun}_registrants"], key_of(noun, streams, series(2)))

    records = read(streams[f"{noun}_registrants"], slice_)

    found = Counter((record["id"], record["status"]) for record in records)
    assert found == {("both", "pending"): 1, ("one", "pending"): 1, ("both", "approved"): 1}
    assert records[-1]["status"] == "approved"


@every_noun
def test_series_without_occurrences_is_asked_for_as_a_whole(noun: str, streams: dict[str, ZoomStream]) -> None:
    record = {**series(2), "occurrences": None}

    assert key_of(noun, streams, record) == ("1", "h", 0, ())


@every_noun
def test_registrants_of_an_occurrence_start_again_after_a_dead_page_token(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    url = f"{API}/{noun}s/1/registrants"
    zoom.get(url, **page())
    dead = refusal(400, 300, DEAD_PAGE_TOKEN)
    first, last = {"id": "a", "status": "approved"}, {"id": "b", "status": "approved"}
    pages = [page(first, after="t1"), dead, page(first, after="t2"), page(last)]
    zoom.get(f"{url}?status=approved&occurrence_id=200", pages)
    [slice_] = slices(streams[f"{noun}_registrants"], key_of(noun, streams, series(2)))

    assert [record["id"] for record in read(streams[f"{noun}_registrants"], slice_)] == ["a", "b"]


@every_noun
def test_first_refusal_that_means_nothing_here_saves_the_other_reads(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", **GONE)
    stream = streams[f"{noun}_registrants"]
    [slice_] = slices(stream, key_of(noun, streams, series(2)))

    assert read(stream, slice_) == []

    assert asked(zoom) == [("pending", None)]
    assert stream.closing_line() == (
        f"Stream {noun}_registrants skipped what Zoom has nothing for: 1 x 404/3001 (it does not exist any more)."
    )


# Questions


@every_noun
@pytest.mark.parametrize(
    "body", [{"questions": []}, {"custom_questions": []}, {"questions": [], "custom_questions": []}]
)
def test_questions_are_one_record_with_the_key_of_their_parent(
    body: Mapping[str, Any], noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants/questions", json=body)
    [slice_] = slices(streams[f"{noun}_questions"], key_of(noun, streams, settings()))

    assert read(streams[f"{noun}_questions"], slice_) == [{**body, f"{noun}_id": "1", "host_id": "h"}]


@pytest.mark.parametrize(
    ("noun", "answer"),
    [
        ("meeting", refusal(400, 300, "Registration required has not been enabled for this meeting: 1.")),
        ("webinar", refusal(400, 3000, "Registration has not been enabled for this webinar: 1.")),
    ],
)
def test_questions_where_there_is_no_registration_are_skipped(
    noun: str, answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants/questions", **answer)
    stream = streams[f"{noun}_questions"]
    [slice_] = slices(stream, key_of(noun, streams, settings()))

    assert read(stream, slice_) == []
    assert "1 x 400/" in (stream.closing_line() or "")
