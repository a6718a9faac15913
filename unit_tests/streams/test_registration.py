"""Registration of meetings and webinars: which calls a detail saves, and whose registrants are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import SyncMode
from freezegun import freeze_time

from source_zoom.engine import Key, SliceFailure, StreamStopped
from source_zoom.streams import ZoomStream, build
from source_zoom.streams.registration import OfRegistration, RegistrableDetail
from unit_tests.fake_zoom import API, DEAD_PAGE_TOKEN, TOKEN_URL, context, refusal, token
from unit_tests.past import NOW, read

pytestmark = pytest.mark.usefixtures("sleepless")

NOUNS = ("meeting", "webinar")
OF_REGISTRATION = ("registrants", "questions")
GONE = refusal(404, 3001, "It does not exist: 1.")
OTHER_SKIPS = {
    "meeting": refusal(400, 3000, "Cannot access meeting info."),
    "webinar": refusal(400, 200, "Webinar plan is missing. You must subscribe to the webinar plan."),
}

every_noun = pytest.mark.parametrize("noun", NOUNS)


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
    assert detail.child_key_of_unread(listed(noun), None) is None
    assert "1 x GONE (404/3001" in (detail.closing_line() or "")


@every_noun
def test_gone_detail_is_gone_by_its_id(noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/{noun}s/1", **GONE)
    detail = detail_of(noun, streams)
    read(detail, listed(noun))

    assert detail.child_key_of_unread({**listed(noun), f"{noun}_id": "2"}, None) == ("2", "h", None, ())


@every_noun
@pytest.mark.parametrize("child", OF_REGISTRATION)
def test_children_of_a_detail_that_is_not_given_out_are_asked_for(
    child: str, noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1", **OTHER_SKIPS[noun])
    detail = detail_of(noun, streams)
    assert read(detail, listed(noun)) == []

    key = detail.child_key_of_unread(listed(noun), None)

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
def test_registrant_of_several_occurrences_has_a_row_and_a_status_for_each(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    url = f"{API}/{noun}s/1/registrants"
    zoom.get(url, **page())
    for status, occurrence in (("pending", "100"), ("approved", "200")):
        zoom.get(f"{url}?status={status}&occurrence_id={occurrence}", **page({"id": "both", "status": status}))
    stream = streams[f"{noun}_registrants"]
    [slice_] = slices(stream, key_of(noun, streams, series(2)))

    records = read(stream, slice_)

    assert [(record["occurrence_id"], record["status"]) for record in records] == [
        ("100", "pending"),
        ("200", "approved"),
    ]
    assert len({tuple(record[name] for name in stream.key_fields) for record in records}) == 2


@every_noun
def test_registrant_of_the_whole_has_an_empty_occurrence(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", [page({"id": "a"}), page(), page()])
    stream = streams[f"{noun}_registrants"]
    [slice_] = slices(stream, key_of(noun, streams, settings(approval_type=0)))

    [record] = read(stream, slice_)

    assert {name: record[name] for name in stream.key_fields} == {f"{noun}_id": "1", "id": "a", "occurrence_id": ""}


@every_noun
@pytest.mark.parametrize("id_", [None, ""])
def test_registrant_without_an_id_cannot_be_used_and_the_others_can(
    id_: str | None, noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", [page({"id": id_}, {"id": "a"}), page(), page()])
    stream = streams[f"{noun}_registrants"]
    [slice_] = slices(stream, key_of(noun, streams, settings(approval_type=0)))
    records = stream.read_records(SyncMode.full_refresh, stream_slice=slice_)

    assert next(iter(records))["id"] == "a"
    with pytest.raises(SliceFailure, match="it has no 'id'"):
        next(iter(records))


@every_noun
@pytest.mark.parametrize(
    ("start_time", "is_past"),
    [
        ("2026-05-10T09:29:59Z", True),
        ("2026-05-10T11:29:59+02:00", True),
        ("2026-05-10T09:30:00Z", False),
        ("2027-01-01T00:00:00Z", False),
        ("", False),
        (None, False),
        ("soon", False),
    ],
)
def test_read_of_an_occurrence_says_whether_it_has_begun(start_time: str | None, is_past: bool, noun: str) -> None:  # noqa: FBT001 - a case
    with freeze_time(NOW):
        streams = build(context())
    stream = streams[f"{noun}_registrants"]
    record = {**series(2), "occurrences": [{"occurrence_id": "100", "start_time": start_time}]}
    [slice_] = slices(stream, key_of(noun, streams, record))

    reads = [(read_.get("occurrence_id"), read_.get("occurrence_is_past")) for read_ in stream.reads(slice_)]

    assert reads == [(None, None), ("100", is_past)] * 3
    assert {"occurrence_id"} == stream.endpoint.query({"occurrence_id": "100", "occurrence_is_past": True}).keys() - {
        *stream.endpoint.query({})
    }


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

    records = read(streams[f"{noun}_registrants"], slice_)

    assert [(record["id"], record["occurrence_id"]) for record in records] == [("a", "200"), ("a", "200"), ("b", "200")]


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
        f"Stream {noun}_registrants skipped what Zoom has nothing for: 1 x GONE (404/3001: it does not exist any more)."
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
    assert "1 x NO_REGISTRATION (400/" in (stream.closing_line() or "")


# Occurrences that are over


INVALID = refusal(400, 300, "Invalid occurrence.")
DATED = [
    {"occurrence_id": "100", "start_time": "2026-05-01T08:00:00Z"},
    {"occurrence_id": "200", "start_time": "2026-06-01T08:00:00Z"},
]


def dated_series(noun: str, refused: str, zoom: requests_mock.Mocker) -> tuple[ZoomStream, Mapping[str, Any]]:
    """The registrants of a series of which one date is over, and Zoom refuses one."""
    with freeze_time(NOW):
        streams = build(context())
    url = f"{API}/{noun}s/1/registrants"
    zoom.get(url, **page())
    zoom.get(f"{url}?status=approved&occurrence_id=200", **page({"id": "a"}))
    for status in ("pending", "approved", "denied"):
        zoom.get(f"{url}?status={status}&occurrence_id={refused}", **INVALID)
    record = {**series(2), "occurrences": DATED}
    [slice_] = slices(streams[f"{noun}_registrants"], key_of(noun, streams, record))
    return streams[f"{noun}_registrants"], slice_


@every_noun
def test_refusal_of_an_occurrence_that_is_over_is_a_skip(noun: str, zoom: requests_mock.Mocker) -> None:
    stream, slice_ = dated_series(noun, "100", zoom)

    assert [(record["id"], record["occurrence_id"]) for record in read(stream, slice_)] == [("a", "200")]

    assert len(asked(zoom)) == 9
    assert "3 x INVALID (400/300" in (stream.closing_line() or "")


@every_noun
def test_refusal_of_an_occurrence_that_is_to_come_is_a_failure(noun: str, zoom: requests_mock.Mocker) -> None:
    stream, slice_ = dated_series(noun, "200", zoom)

    with pytest.raises(SliceFailure) as caught:
        read(stream, slice_)

    assert (type(caught.value), caught.value.cause) == (SliceFailure, "INVALID")
    assert caught.value.facts["object_id"] == "1"


# Apps that may not ask for details


LIST_SCOPES = {"meeting": "meeting:read:list_meetings:admin", "webinar": "webinar:read:list_webinars:admin"}
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[...].")
TYPES = (2, 5, 8, 9)


def details_and_keys(
    noun: str, zoom: requests_mock.Mocker, *scopes: str
) -> tuple[dict[str, ZoomStream], list[Mapping[str, Any]]]:
    """The streams of an app whose token names some scopes, and the slices of details, one of each type."""
    zoom.post(TOKEN_URL, **token(*scopes))
    zoom.get(
        f"{API}/users/h/{noun}s",
        json={f"{noun}s": [{"id": type_, "uuid": f"{type_}==", "type": type_} for type_ in TYPES]},
    )
    for type_ in TYPES:
        zoom.get(f"{API}/{noun}s/{type_}", **NO_SCOPE)
    streams = build(context())
    list_ = streams[f"{noun}_list"]
    keys = [list_.child_key(record, {"user_id": "h"}) for record in read(list_, {"user_id": "h"})]
    return streams, [dict(zip(list_.child_keys, key, strict=True)) for key in keys]


@every_noun
def test_listed_rows_stand_for_the_details_that_an_app_may_not_ask_for(
    noun: str, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    streams, found = details_and_keys(noun, zoom, LIST_SCOPES[noun])
    detail = detail_of(noun, streams)

    records = [record for slice_ in found for record in read(detail, slice_)]

    assert [(record["uuid"], record[f"{noun}_id"], record["host_id"]) for record in records] == [
        (f"{type_}==", str(type_), "h") for type_ in TYPES
    ]
    # Asked once: the token is no proof.
    assert len([request for request in zoom.request_history if f"/{noun}s/" in request.path]) == 1
    [said] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert f"Stream {noun}s has the columns of the list only" in said
    assert f"{noun}:read:{noun}:admin" in said


@every_noun
@pytest.mark.parametrize("is_named", [True, False])
def test_detail_that_the_token_opens_or_that_is_answered_is_not_replaced_by_the_list(
    is_named: bool,  # noqa: FBT001 - a case
    noun: str,
    zoom: requests_mock.Mocker,
) -> None:
    streams, found = details_and_keys(noun, zoom, LIST_SCOPES[noun], *([f"{noun}:read:{noun}:admin"] * is_named))
    detail = detail_of(noun, streams)

    if is_named:
        with pytest.raises(StreamStopped, match="add the scope"):
            read(detail, found[0])
    else:
        zoom.get(f"{API}/{noun}s/2", json={"id": 2, "uuid": "2==", "host_id": "h", "topic": "of the detail"})
        assert [record["topic"] for record in read(detail, found[0])] == ["of the detail"]


@every_noun
def test_registrants_are_incomplete_only_where_one_may_register_for_an_occurrence_that_is_not_known(
    noun: str, zoom: requests_mock.Mocker
) -> None:
    streams, found = details_and_keys(noun, zoom, LIST_SCOPES[noun])
    detail, registrants = detail_of(noun, streams), streams[f"{noun}_registrants"]
    outcomes = {}

    for slice_ in found:
        [record] = read(detail, slice_)
        [of_it] = slices(registrants, detail.child_key(record, slice_))
        zoom.get(f"{API}/{noun}s/{of_it[f'{noun}_id']}/registrants", **page({"id": "a"}))
        rows: list[Mapping[str, Any]] = []
        kind = None
        try:
            rows.extend(registrants.read_records(SyncMode.full_refresh, stream_slice=of_it))
        except SliceFailure as error:
            kind = error.cause
        outcomes[slice_["type"]] = kind
        assert [row["id"] for row in rows] == ["a"] * 3
        assert len(asked(zoom)) % 3 == 0

    assert outcomes == {2: None, 5: None, 8: "SCOPE", 9: "SCOPE"}


@every_noun
def test_series_whose_detail_failed_has_the_registrants_of_the_whole_and_a_gap(
    noun: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/{noun}s/1/registrants", **page({"id": "a"}))
    detail, registrants = detail_of(noun, streams), streams[f"{noun}_registrants"]
    key = detail.child_key_of_unread({**listed(noun), "type": 8}, ValueError("why it was not read"))
    assert key == ("1", "h", None, None)
    [slice_] = slices(registrants, key)
    rows: list[Mapping[str, Any]] = []

    with pytest.raises(SliceFailure, match="single occurrences") as caught:
        rows.extend(registrants.read_records(SyncMode.full_refresh, stream_slice=slice_))

    assert caught.value.facts["object_id"] == "1"
    assert [row["id"] for row in rows] == ["a"] * 3
    assert asked(zoom) == [("pending", None), ("approved", None), ("denied", None)]
