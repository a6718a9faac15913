"""The real streams against made-up answers: what is asked, and asked again, and what comes out."""

from __future__ import annotations

from typing import Any

import pytest
import requests
import requests_mock
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.engine import StreamStopped
from source_zoom.engine.feed import ParentFeed
from source_zoom.streams import ZoomStream
from source_zoom.streams.base.stream import TIMEOUT_SECONDS
from source_zoom.streams.registration import Occurrence
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.limits import PATIENCE_SECONDS
from source_zoom.zoom.retries import MAX_RETRIES
from unit_tests.fake_zoom import (
    ACCESS_TOKEN,
    API,
    PER_SECOND_LIMIT,
    TOKEN_URL,
    refusal,
    token,
)
from unit_tests.past import feed_of
from unit_tests.streams.base.reading import MEETING, REGISTRANTS_OF, failure, gets, page, read

pytestmark = pytest.mark.usefixtures("sleeps")

OCCURRENCES = (Occurrence("o1", "2026-05-01T08:00:00Z"), Occurrence("o2", None))


# Requests


def test_requests_have_timeouts(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/users", **page("users"))

    read(streams["users"])

    assert gets(zoom)[0].timeout == TIMEOUT_SECONDS


# What passes


def test_expired_token_is_renewed_unseen(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.post(TOKEN_URL, [token(), {"json": {"access_token": "second", "expires_in": 3599}}])
    sent: list[str] = []

    def users(request: Any, answer: Any) -> Any:
        sent.append(request.headers["Authorization"])
        if sent[-1] == "Bearer second":
            return page("users", "a")["json"]
        answer.status_code = 401
        return {"code": 124, "message": "Access token is expired."}

    zoom.get(f"{API}/users", json=users)

    assert [record["id"] for record in read(streams["users"])] == ["a"]
    assert sent == [f"Bearer {ACCESS_TOKEN}", "Bearer second"]


def test_per_second_refusals_are_waited_for_and_seen_by_the_budget(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], sleeps: list[float]
) -> None:
    slow_down = refusal(429, 429, PER_SECOND_LIMIT, Retry_After="2")
    zoom.get(f"{API}/users", [slow_down, slow_down, page("users", "a")])
    policy = streams["users"].context.budgets[RateLabel.MEDIUM].policy
    naps: list[float] = []
    policy._sleep = naps.append

    assert len(read(streams["users"])) == 1
    # All threads of the label wait for as long as Zoom asks, and this one no longer.
    assert sum(naps) == pytest.approx(4, abs=0.3)
    assert sum(sleeps) < 0.1
    assert policy.refused == 2


def test_per_second_refusals_without_end_stop_the_label(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", **refusal(429, 429, PER_SECOND_LIMIT))
    budget = streams["users"].context.budgets[RateLabel.MEDIUM]
    naps = [0.0]
    budget._clock = budget.policy._clock = lambda: sum(naps)
    budget.policy._sleep = naps.append

    error = failure(streams["users"])

    assert isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.transient_error
    assert sum(naps) == pytest.approx(PATIENCE_SECONDS, rel=0.05)
    assert len(gets(zoom)) > PATIENCE_SECONDS / 10


PASSING: list[dict[str, Any]] = [
    {"exc": requests.ConnectionError("reset by peer")},
    {"exc": requests.ReadTimeout("timed out")},
    {"exc": requests.exceptions.ChunkedEncodingError("cut off")},
    {"status_code": 502, "text": "<html>Bad Gateway</html>"},
    {"status_code": 503, "text": ""},
    {"text": '{"users": [{"id": '},
    {"text": "<html>Please sign in</html>"},
    {"json": {"page_size": 300}},
]


@pytest.mark.parametrize("answer", PASSING, ids=repr)
def test_what_passes_is_retried_with_growing_waits(
    answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream], sleeps: list[float]
) -> None:
    zoom.get(f"{API}/users", [answer] * MAX_RETRIES + [page("users", "a")])

    assert len(read(streams["users"])) == 1
    assert list(filter(None, sleeps)) == pytest.approx([1, 2, 4, 8, 16], abs=0.02)


@pytest.mark.parametrize("answer", PASSING, ids=repr)
def test_what_does_not_pass_fails_the_slice_and_no_other(
    answer: dict[str, Any], zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [answer] * (MAX_RETRIES + 1) + [page("users", "a")])

    error = failure(streams["users"])

    assert not isinstance(error, StreamStopped)
    assert error.failure_type is FailureType.transient_error
    assert str(error).endswith("also at the last of 6 attempts (GET /users).")
    assert len(gets(zoom)) == MAX_RETRIES + 1
    assert len(read(streams["users"])) == 1


def test_attempts_are_counted_for_each_page_anew(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    broken = [{"status_code": 500}] * MAX_RETRIES
    zoom.get(f"{API}/users", [*broken, page("users", "a", after="t1"), *broken, page("users", "b")])

    assert [record["id"] for record in read(streams["users"])] == ["a", "b"]


# Records


def test_records_carry_their_parents_keys_and_keep_their_own(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    polls = [{"id": "p"}, {"id": "q", "host_id": "another"}, {"id": "r", "host_id": None}]
    zoom.get(f"{API}/meetings/1/polls", json={"polls": polls})

    assert read(streams["meeting_polls"], MEETING) == [
        {"id": "p", "meeting_id": "1", "host_id": "h"},
        {"id": "q", "meeting_id": "1", "host_id": "another"},
        {"id": "r", "meeting_id": "1", "host_id": "h"},
    ]


def test_skip_of_a_detail_is_no_record(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    zoom.get(f"{API}/meetings/1", **refusal(404, 3001, "Meeting does not exist: 1."))

    assert read(streams["meetings"], MEETING) == []


def test_unknown_fields_pass_through(zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]) -> None:
    user = {"id": "a", "status": "active", "new_in_2031": {"deep": [1, 2.5, None]}, "type": 2}
    zoom.get(f"{API}/users", json={"users": [user]})

    assert read(streams["users"]) == [user]


def test_empty_date_times_become_null_at_any_depth_and_nothing_else_does(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    meeting = {
        "id": 1,
        "uuid": "a==",
        "host_id": "h",
        "agenda": "",
        "start_time": "",
        "created_at": "2026-01-31T08:00:00Z",
        "occurrences": [
            {"occurrence_id": "", "start_time": ""},
            {"occurrence_id": "2", "start_time": "2026-02-28T08:00:00Z"},
        ],
        "recurrence": {"end_date_time": "", "weekly_days": ""},
        "settings": {"alternative_hosts": ""},
    }
    zoom.get(f"{API}/meetings/1", json=meeting)

    [record] = read(streams["meetings"], MEETING)

    assert record == {
        **meeting,
        "meeting_id": "1",
        "start_time": None,
        "occurrences": [
            {"occurrence_id": "", "start_time": None},
            {"occurrence_id": "2", "start_time": "2026-02-28T08:00:00Z"},
        ],
        "recurrence": {"end_date_time": None, "weekly_days": ""},
    }


@pytest.mark.parametrize("odd", [None, [], {}, "", 7, [None, "x", {"start_time": 7}]])
def test_date_times_in_an_unexpected_place_do_no_harm(
    odd: Any, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/meetings/1", json={"id": 1, "uuid": "a==", "occurrences": odd, "recurrence": odd})

    [record] = read(streams["meetings"], MEETING)

    assert (record["occurrences"], record["recurrence"]) == (odd, odd)


def test_meeting_id_is_the_id_as_a_string_beside_zooms_integer(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    large = 2**53 + 1
    zoom.get(f"{API}/users/h/meetings", json={"meetings": [{"id": large}]})
    zoom.get(f"{API}/meetings/{large}", json={"id": large, "uuid": "a=="})

    [listed] = read(streams["meeting_list"], {"user_id": "h"})
    [detail] = read(streams["meetings"], {"meeting_id": str(large), "host_id": "h"})

    for record in (listed, detail):
        assert (record["id"], record["meeting_id"]) == (large, str(large))


# Registrants


def test_registrants_are_read_pending_then_approved_then_denied(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    for status in ("pending", "approved", "denied"):
        pages = [page("registrants", f"{status}-1", after=f"{status}-token"), page("registrants", f"{status}-2")]
        zoom.get(f"{API}/meetings/1/registrants?status={status}", pages)

    records = read(streams["meeting_registrants"], REGISTRANTS_OF)

    assert [record["id"] for record in records] == [
        f"{status}-{number}" for status in ("pending", "approved", "denied") for number in (1, 2)
    ]
    assert {(record["meeting_id"], record["host_id"]) for record in records} == {("1", "h")}
    assert "approval_type" not in records[0]
    assert [(request.qs["status"], request.qs.get("next_page_token")) for request in gets(zoom)] == [
        ([status], token_) for status in ("pending", "approved", "denied") for token_ in (None, [f"{status}-token"])
    ]
    assert {request.qs["page_size"][0] for request in gets(zoom)} == {"300"}


def test_only_an_explicit_approval_type_2_saves_the_calls(streams: dict[str, ZoomStream]) -> None:
    registrants = streams["meeting_registrants"]

    keys = [("0", "h", 0, ()), ("1", "h", 1, ()), ("2", "h", 2, ()), ("unread", "h", None, ())]
    registrants.follow("meetings", feed_of(*keys))

    slices = list(registrants.stream_slices(sync_mode=SyncMode.full_refresh))
    assert [slice_ and slice_["meeting_id"] for slice_ in slices] == ["0", "1", "unread"]


@pytest.fixture
def registrants_by_read(zoom: requests_mock.Mocker) -> dict[tuple[str, str], dict[str, Any]]:
    """Registrants of meeting 1, or the refusal, by status and occurrence; none where nothing is said."""
    answers: dict[tuple[str, str], dict[str, Any]] = {}

    def registrants(request: Any, answer: Any) -> Any:
        [status], [occurrence] = request.qs["status"], request.qs.get("occurrence_id", [""])
        said = answers.get((status, occurrence), page("registrants"))
        answer.status_code = said.get("status_code", 200)
        return said["json"]

    zoom.get(f"{API}/meetings/1/registrants", json=registrants)
    return answers


def test_registrants_of_occurrences_are_read_for_each_status_and_told_apart(
    registrants_by_read: dict[tuple[str, str], dict[str, Any]],
    zoom: requests_mock.Mocker,
    streams: dict[str, ZoomStream],
) -> None:
    def registered(status: str, *ids: str) -> dict[str, Any]:
        return {"json": {"registrants": [{"id": id_, "status": status} for id_ in ids]}}

    registrants_by_read["pending", "o1"] = registered("pending", "a")
    registrants_by_read["approved", ""] = registered("approved", "b")
    registrants_by_read["approved", "o1"] = registered("approved", "a", "b")
    registrants_by_read["approved", "o2"] = registered("approved", "b", "c")

    records = read(streams["meeting_registrants"], {**REGISTRANTS_OF, "occurrences": OCCURRENCES})

    assert [(record["id"], record["status"], record["occurrence_id"]) for record in records] == [
        ("a", "pending", "o1"),
        ("b", "approved", ""),
        ("a", "approved", "o1"),
        ("b", "approved", "o1"),
        ("b", "approved", "o2"),
        ("c", "approved", "o2"),
    ]
    asked = [(request.qs["status"][0], request.qs.get("occurrence_id")) for request in gets(zoom)]
    assert asked == [
        (status, occurrence) for status in ("pending", "approved", "denied") for occurrence in (None, ["o1"], ["o2"])
    ]


def test_an_occurrence_that_is_gone_takes_no_other_with_it(
    registrants_by_read: dict[tuple[str, str], dict[str, Any]], streams: dict[str, ZoomStream]
) -> None:
    gone = refusal(404, 3001, "Meeting occurrence does not exist.")
    for status in ("pending", "approved", "denied"):
        registrants_by_read[status, "o1"] = gone
        registrants_by_read[status, "o2"] = page("registrants", f"{status} for o2")

    records = read(streams["meeting_registrants"], {**REGISTRANTS_OF, "occurrences": OCCURRENCES})

    assert [record["id"] for record in records] == ["pending for o2", "approved for o2", "denied for o2"]


# Keys


SERIES = [{"occurrence_id": "o1", "start_time": "2026-05-01T08:00:00Z"}, {"occurrence_id": "o2"}]


@pytest.mark.parametrize(
    ("detail", "approval_type", "occurrences"),
    [
        ({}, None, ()),
        ({"settings": None}, None, ()),
        ({"settings": {"approval_type": 2}}, 2, ()),
        ({"settings": {"approval_type": 0, "registration_type": 1}, "occurrences": SERIES}, 0, ()),
        ({"settings": {"approval_type": 0, "registration_type": 2}, "occurrences": SERIES}, 0, OCCURRENCES),
        ({"settings": {"approval_type": 0, "registration_type": 2}, "occurrences": None}, 0, ()),
        ({"settings": {"approval_type": 0, "registration_type": 2}}, 0, ()),
    ],
)
def test_key_of_a_meeting_says_whether_and_for_what_one_registers(
    detail: dict[str, Any],
    approval_type: int | None,
    occurrences: tuple[Occurrence, ...],
    streams: dict[str, ZoomStream],
) -> None:
    key = streams["meetings"].child_key({"meeting_id": "1", "host_id": "h", **detail}, MEETING)

    assert dict(zip(streams["meetings"].child_keys, key, strict=True)) == {
        "meeting_id": "1",
        "host_id": "h",
        "approval_type": approval_type,
        "occurrences": occurrences,
    }
    assert isinstance(hash(key), int)


@pytest.mark.parametrize(("host", "key"), [("h2", "h2"), ("", "u"), (None, "u")])
def test_key_of_a_listed_meeting_falls_back_to_the_listed_user(
    host: str | None, key: str, streams: dict[str, ZoomStream]
) -> None:
    record = {"meeting_id": "1", "host_id": host}

    assert streams["meeting_list"].child_key(record, {"user_id": "u"}) == ("1", key, None, None, None)


def test_key_of_a_meeting_that_could_not_be_read_is_known_all_the_same(streams: dict[str, ZoomStream]) -> None:
    error = ValueError("why it was not read")

    assert streams["meetings"].child_key_of_unread(MEETING, error) == ("1", "h", None, ())
    assert streams["users"].child_key_of_unread({}, error) is None
    assert streams["meeting_list"].child_key_of_unread({"user_id": "u"}, error) is None


def test_streams_without_an_engine_read_their_parents_themselves(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users", [page("users", "u1", after="t1"), page("users", "u2")])
    zoom.get(f"{API}/users/u1/meetings", json={"meetings": [{"id": 11, "host_id": "u1"}, {"id": 12}]})
    zoom.get(f"{API}/users/u2/meetings", json={"meetings": []})

    slices = list(streams["meeting_polls"].stream_slices(sync_mode=SyncMode.full_refresh))

    found = [(slice_["meeting_id"], slice_["host_id"]) for slice_ in slices if slice_]
    assert found == [("11", "u1"), ("12", "u1")]


def test_a_root_has_no_parent_to_follow(streams: dict[str, ZoomStream]) -> None:
    with pytest.raises(TypeError, match="users has no parent"):
        streams["users"].follow("meetings", ParentFeed("meetings").reader())


@pytest.mark.parametrize("name", ["users", "meetings", "meeting_polls", "channels"])
def test_no_stream_has_the_cdks_cursor_or_state(name: str, streams: dict[str, ZoomStream]) -> None:
    stream = streams[name]

    assert stream.cursor is None
    assert not stream.is_resumable
    assert not stream.supports_incremental
    assert stream.incremental_field is None
