"""Hosts, sessions and participants, through the real requests stack against made-up answers."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import SyncMode
from freezegun import freeze_time

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.session_state import Session
from source_zoom.streams import ZoomStream
from source_zoom.streams.incremental import HostEnd
from source_zoom.streams.past_sessions import PastSessions
from source_zoom.streams.reports import ReportMeetingParticipants, ReportMeetings
from unit_tests.past import NOW, UUID, asked, read, row_of, sessions_of, slice_of, slices, tree
from unit_tests.zoom import API, DEAD_PAGE_TOKEN, TOKEN_URL, refusal, token

WINDOWS = [("2026-03-20", "2026-04-05"), ("2026-04-05", "2026-05-04"), ("2026-05-04", "2026-05-12")]
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[report:read:admin].")
NO_PERMISSION = refusal(400, 200, "No permission.")
SERVER_ERROR = refusal(500, 500, "Internal error.")
PARTICIPANTS = f"{API}/report/meetings/aBcD%3D%3D/participants"
DETAIL = f"{API}/report/meetings/aBcD%3D%3D"


@pytest.fixture(autouse=True)
def _on_the_tenth_of_may(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with freeze_time(NOW):
        yield


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    """An account of three in which ann was active, with no history, no sessions and no webinars."""
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(f"{API}/report/users", json={"users": [{"id": "ann", "email": "ann@x.org"}]})
        mocker.get(f"{API}/report/history_meetings", json={"history_meetings": []})
        mocker.get(f"{API}/users?status=active", json={"users": [{"id": "ann"}, {"id": "bob"}]})
        mocker.get(f"{API}/users?status=inactive", json={"users": [{"id": "cat"}]})
        for user in ("ann", "bob", "cat"):
            mocker.get(f"{API}/users/{user}/webinars", json={"webinars": []})
        yield mocker


def hosts(stream: PastSessions) -> list[set[str]]:
    """Hosts of each window."""
    found: dict[str, set[str]] = {}
    for slice_ in slices(stream):
        found.setdefault(slice_["window"].key, set()).add(slice_["user_id"])
    return list(found.values())


def days(query: dict[str, str]) -> tuple[str, str]:
    return query["from"], query["to"]


def history(**row: Any) -> dict[str, Any]:
    return {"json": {"history_meetings": [{"meeting_uuid": UUID, "host_email": "ann@x.org", **row}]}}


# Hosts


def test_active_hosts_of_each_window_are_asked_by_id_or_else_by_email(zoom: requests_mock.Mocker) -> None:
    users = [{"id": "ann", "email": "ann@x.org"}, {"id": "", "email": "guest@x.org"}, {"email": "other@x.org"}]
    zoom.get(f"{API}/report/users", json={"users": users})

    assert hosts(sessions_of(tree())) == [{"ann", "guest@x.org", "other@x.org"}] * 3
    assert asked(zoom, "users") == []


def test_active_hosts_are_asked_for_a_day_more_at_both_ends_and_no_range_twice(zoom: requests_mock.Mocker) -> None:
    slices(sessions_of(tree()))

    ranges = [days(query) for query in asked(zoom, "report/users")]
    assert max(Counter(ranges).values()) == 1
    assert min(first for first, _ in ranges) == "2026-03-19"
    assert max(last for _, last in ranges) == "2026-05-13"
    assert {query["type"] for query in asked(zoom, "report/users")} == {"active"}


def test_hosts_only_the_history_names_are_asked_by_email(zoom: requests_mock.Mocker) -> None:
    rows = [
        {"meeting_uuid": "1", "host_email": "ANN@x.org"},
        {"meeting_uuid": "2", "host_email": "webinar@x.org"},
        {"meeting_uuid": "3"},
    ]
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": rows})

    assert hosts(sessions_of(tree())) == [{"ann", "webinar@x.org"}] * 3


@pytest.mark.parametrize("answer", [NO_SCOPE, NO_PERMISSION], ids=["scope", "permission"])
def test_every_user_is_asked_where_zoom_does_not_tell_who_was_active_and_this_is_said_once(
    answer: dict[str, Any], zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/users", **answer)

    assert hosts(sessions_of(tree())) == [{"ann", "bob", "cat"}] * 3
    assert [query["status"] for query in asked(zoom, "users")] == ["active", "inactive"]
    assert len(asked(zoom, "report/users")) == 1
    said = [record for record in caplog.records if "every user is asked" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.WARNING]


def test_a_failing_call_for_the_active_hosts_is_not_taken_for_a_refusal(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users", **SERVER_ERROR)

    with pytest.raises(SliceFailure):
        slices(sessions_of(tree()))
    assert asked(zoom, "users") == []


def test_report_hosts_all_asks_every_user_and_not_who_was_active(zoom: requests_mock.Mocker) -> None:
    assert hosts(sessions_of(tree(report_hosts="all"))) == [{"ann", "bob", "cat"}] * 3
    assert asked(zoom, "report/users") == []


def test_users_that_are_read_anyway_are_not_asked_for_again(zoom: requests_mock.Mocker) -> None:
    stream = sessions_of(tree(report_hosts="all"))
    stream.follow_optional("users", iter([("dan", "dan@example.com"), ("eve", None)]))

    assert hosts(stream) == [{"dan", "eve", "cat"}] * 3
    assert [query["status"] for query in asked(zoom, "users")] == ["inactive"]


def test_host_that_lacks_days_is_asked_for_them_alone_and_without_a_call_for_who_was_active(
    zoom: requests_mock.Mocker,
) -> None:
    missing = {"done": {}, "missing": {"gone": [["2026-04-05", "2026-05-04"]]}}
    blob = {"version": 1, "end_time": "2026-05-10T08:00:00Z", "hosts": missing, "recent": {}, "retry": {}}

    found = slices(sessions_of(tree(blob)))

    assert [(slice_["user_id"], slice_["window"].key) for slice_ in found] == [
        ("gone", "2026-04-05"),
        ("ann", "2026-05-04"),
    ]
    assert found[1]["first"].to_date_string() == "2026-05-06"
    assert min(days(query)[0] for query in asked(zoom, "report/users")) >= "2026-05-05"


# The list of sessions


def test_list_is_asked_for_the_days_of_each_window(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": []})
    stream = sessions_of(tree())

    for slice_ in slices(stream):
        assert read(stream, slice_) == []

    queries = asked(zoom, "report/users/ann/meetings")
    assert [days(query) for query in queries] == WINDOWS
    assert {query["type"] for query in queries} == {"past"}


def test_one_participant_sessions_take_a_second_call(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users/ann/meetings?type=past", json={"meetings": [row_of("a")]})
    zoom.get(f"{API}/report/users/ann/meetings?type=pastOne", json={"meetings": [row_of("b")]})
    stream = sessions_of(tree(include_one_participant_sessions=True))

    assert [record["uuid"] for record in read(stream, slices(stream)[-1])] == ["a", "b"]


def test_days_that_expire_while_the_sync_goes_on_are_left_out_when_the_call_is_made(
    zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": []})
    stream = sessions_of(tree())
    found = slices(stream)

    with freeze_time("2026-10-15T09:30:00Z"):
        for slice_ in found:
            read(stream, slice_)

    assert [days(query) for query in asked(zoom, "report/users/ann/meetings")] == [
        ("2026-04-15", "2026-05-04"),
        ("2026-05-04", "2026-05-12"),
    ]
    assert len([record for record in caplog.records if "does not serve" in record.getMessage()]) == 1


def test_start_date_is_moved_up_to_the_six_months_that_are_served(zoom: requests_mock.Mocker) -> None:
    found = slices(sessions_of(tree(start_date="2020-01-01T00:00:00Z")))

    assert found[0]["first"].to_date_string() == "2025-11-10"
    for path in ("report/users", "report/history_meetings"):
        assert min(days(query)[0] for query in asked(zoom, path)) == "2025-11-10"


@pytest.mark.usefixtures("zoom")
def test_session_that_goes_on_is_not_told() -> None:
    stream = sessions_of(tree())
    slice_ = slices(stream)[-1]

    assert stream.child_key(row_of(end_time=""), slice_)[1] is None
    item: Any = stream.child_key(row_of(), slice_)[1]
    window, session = item
    assert (window, session.uuid, session.host_id) == (slice_["window"], UUID, "ann")
    assert (session.meeting_id, session.day) == ("85746065432", "2026-05-08")


@pytest.mark.usefixtures("zoom")
@pytest.mark.parametrize("name", ["end_time", "participants_count", "total_minutes", "duration"])
def test_fingerprint_changes_with_how_the_session_ended(name: str) -> None:
    stream = sessions_of(tree())
    slice_ = slices(stream)[-1]

    def fingerprint(**fields: Any) -> str:
        item: Any = stream.child_key(row_of(**fields), slice_)[1]
        return str(item[1].fingerprint)

    assert fingerprint(**{name: "2026-05-09T00:00:00Z"}) != fingerprint() == fingerprint(topic="changed")


@pytest.mark.usefixtures("zoom")
def test_end_of_a_list_names_window_host_and_error() -> None:
    stream = sessions_of(tree())
    first, *_, last = slices(stream)
    error = ValueError("a")

    keys = [stream.child_key_of_end(slice_, error) for slice_ in (first, last)]

    ends = [key[1] for key in keys if key is not None]
    assert all(isinstance(end, HostEnd) for end in ends)
    assert [(end.window, end.host_id, end.error) for end in ends if isinstance(end, HostEnd)] == [
        (slice_["window"], "ann", error) for slice_ in (first, last)
    ]


# The history


def joined(stream: PastSessions, slice_: Any) -> Session:
    item: Any = stream.child_key(row_of(), slice_)[1]
    session = item[1]
    assert isinstance(session, Session)
    return session


def test_history_adds_what_the_list_lacks(zoom: requests_mock.Mocker) -> None:
    fields = [{"field": "F", "value": "V"}]
    zoom.get(f"{API}/report/history_meetings", **history(department="D", tracking_fields=fields))
    stream = sessions_of(tree())

    session = joined(stream, slices(stream)[-1])

    assert session.joined
    row = json.loads(session.row)
    assert (row["dept"], row["tracking_fields"], row["topic"]) == ("D", fields, "T")


def test_history_of_a_window_is_let_go_with_its_last_list(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings", **history(department="D"))
    stream = sessions_of(tree())
    found = slices(stream)

    stream.child_key_of_end(found[-1], None)

    assert not joined(stream, found[-1]).joined
    assert joined(stream, found[0]).joined


def test_history_falls_back_to_smaller_pages_once(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings?page_size=300", **refusal(400, 300, "Invalid page_size."))
    zoom.get(f"{API}/report/history_meetings?page_size=30", **history())
    stream = sessions_of(tree())

    assert joined(stream, slices(stream)[-1]).joined
    sizes = [query["page_size"] for query in asked(zoom, "report/history_meetings")]
    assert sizes == ["300", "30", "30", "30"]


@pytest.mark.parametrize("answer", [NO_SCOPE, NO_PERMISSION], ids=["scope", "permission"])
def test_history_that_may_not_be_read_is_asked_for_once(answer: dict[str, Any], zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings", **answer)
    stream = sessions_of(tree())

    assert not joined(stream, slices(stream)[-1]).joined
    assert len(asked(zoom, "report/history_meetings")) == 1


# report_meetings


@pytest.fixture
def meetings(zoom: requests_mock.Mocker) -> ReportMeetings:
    stream = tree()["report_meetings"]
    assert isinstance(stream, ReportMeetings)
    assert zoom.request_history == []
    return stream


def test_joined_session_takes_no_call(meetings: ReportMeetings, zoom: requests_mock.Mocker) -> None:
    row = row_of(dept="D", tracking_fields=[])

    [record] = read(meetings, slice_of(row=row, has_history=True))

    assert record == {**row, "meeting_id": "85746065432", "host_id": "ann"}
    assert zoom.request_history == []


def test_session_the_history_lacks_is_asked_for(meetings: ReportMeetings, zoom: requests_mock.Mocker) -> None:
    zoom.get(DETAIL, json={"uuid": UUID, "id": 1, "dept": "D", "tracking_fields": [{"field": "F"}], "topic": "other"})

    [record] = read(meetings, slice_of())

    assert (record["dept"], record["tracking_fields"], record["topic"]) == ("D", [{"field": "F"}], "T")


@pytest.mark.parametrize("answer", [refusal(404, 3001, "Meeting does not exist."), refusal(400, 12702, "A year ago.")])
def test_row_without_a_detail_is_emitted_all_the_same(
    answer: dict[str, Any], meetings: ReportMeetings, zoom: requests_mock.Mocker
) -> None:
    zoom.get(DETAIL, **answer)

    assert [record["topic"] for record in read(meetings, slice_of())] == ["T"]


def test_row_whose_detail_fails_is_emitted_with_one_warning(
    meetings: ReportMeetings, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(DETAIL, **SERVER_ERROR)

    for _ in range(2):
        assert [record["topic"] for record in read(meetings, slice_of())] == ["T"]

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len([text for text in warnings if "dept and tracking_fields" in text]) == 1


def test_missing_scope_of_the_detail_costs_two_columns_and_is_said_once(
    meetings: ReportMeetings, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(DETAIL, **NO_SCOPE)

    for _ in range(3):
        assert [record["topic"] for record in read(meetings, slice_of())] == ["T"]

    assert len(asked(zoom, "report/meetings/aBcD%3D%3D")) == 1
    said = [record.getMessage() for record in caplog.records if "dept and tracking_fields" in record.getMessage()]
    assert len(said) == 1
    assert "report:read:meeting:admin" in said[0]


def test_retry_without_the_listed_row_takes_the_detail(meetings: ReportMeetings, zoom: requests_mock.Mocker) -> None:
    zoom.get(DETAIL, json=row_of(dept="D"))

    [record] = read(meetings, slice_of(retry=True))

    assert (record["topic"], record["dept"], record["meeting_id"]) == ("T", "D", "85746065432")


def test_host_known_by_email_only_has_no_id(meetings: ReportMeetings) -> None:
    [record] = read(meetings, slice_of(has_history=True, host="guest@x.org"))

    assert record["host_id"] is None


# report_meeting_participants


@pytest.fixture
def participants(zoom: requests_mock.Mocker) -> ReportMeetingParticipants:
    stream = tree()["report_meeting_participants"]
    assert isinstance(stream, ReportMeetingParticipants)
    assert zoom.request_history == []
    return stream


def attendance(user_id: str = "1", **fields: Any) -> dict[str, Any]:
    row = {"user_id": user_id, "name": "N", "join_time": "2026-05-08T10:00:00Z", "status": "in_meeting", "duration": 9}
    return {**row, **fields}


def page(*rows: Any, next_: str = "") -> dict[str, Any]:
    return {"json": {"participants": list(rows), "next_page_token": next_}}


def ids(stream: ZoomStream) -> list[str]:
    return [record["row_id"] for record in read(stream, slice_of())]


def test_rows_carry_their_session(participants: ReportMeetingParticipants, zoom: requests_mock.Mocker) -> None:
    zoom.get(PARTICIPANTS, **page(attendance()))

    [record] = read(participants, slice_of())

    assert (record["meeting_uuid"], record["meeting_id"], record["host_id"]) == (UUID, "85746065432", "ann")
    assert record["meeting_end_time"] == "2026-05-08T11:00:00Z"
    assert asked(zoom, "report/meetings/aBcD%3D%3D/participants")[0]["include_fields"] == "registrant_id"


def test_row_id_is_stable(participants: ReportMeetingParticipants, zoom: requests_mock.Mocker) -> None:
    rows = [attendance("1"), attendance("2"), attendance("1", join_time="2026-05-08T10:30:00Z"), {"name": "guest"}]
    zoom.get(PARTICIPANTS, **page(*rows))

    first, second = ids(participants), ids(participants)

    assert first == second
    assert len(set(first)) == 4
    assert first[0] == "e6925a0694d074b2854463b64be6a935"


def test_equal_rows_are_told_apart_by_their_order(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    zoom.get(PARTICIPANTS, [page(attendance(), attendance(), next_="t"), page(attendance())])

    assert len(set(ids(participants))) == 3


def test_row_that_is_completed_keeps_its_id_and_is_read_again(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    first, second = slice_of(), slice_of()
    zoom.get(PARTICIPANTS, **page(attendance(duration=0, leave_time="")))
    [before] = read(participants, first)
    zoom.get(PARTICIPANTS, **page(attendance(leave_time="2026-05-08T11:00:00Z", user_email="n@x.org")))
    [after] = read(participants, second)

    assert before["row_id"] == after["row_id"]
    assert (before["leave_time"], after["leave_time"]) == (None, "2026-05-08T11:00:00Z")
    assert (first.complete, second.complete) == (False, True)


def test_restart_after_a_dead_page_token_counts_equal_rows_from_the_start(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    pages = [page(attendance(), next_="t1"), refusal(400, 300, DEAD_PAGE_TOKEN)]
    zoom.get(PARTICIPANTS, [*pages, page(attendance(), next_="t2"), page(attendance())])

    found = ids(participants)

    assert len(found) == 3
    assert found[0] == found[1] != found[2]


# Giving up


def failing_since(day: str, zoom: requests_mock.Mocker) -> ReportMeetingParticipants:
    zoom.get(PARTICIPANTS, **SERVER_ERROR)
    times = {"start_time": "2026-04-28T10:00:00Z", "end_time": "2026-04-28T11:00:00Z"}
    entry = {"uuid": UUID, "host_id": "ann", "meeting_id": "1", "type": 2, "fingerprint": "f", "since": day, **times}
    blob = {"version": 1, "end_time": "2026-05-10T08:00:00Z", "hosts": {"done": {}, "missing": {}}, "recent": {}}
    stream = tree({**blob, "retry": {UUID: entry}})["report_meeting_participants"]
    assert isinstance(stream, ReportMeetingParticipants)
    return stream


def test_session_that_failed_for_seven_days_is_given_up_with_a_warning(
    zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    stream = failing_since("2026-05-03", zoom)
    stream.follow(iter(()))
    [slice_] = stream.stream_slices(SyncMode.full_refresh)

    assert read(stream, slice_) == []

    [said] = [record for record in caplog.records if "gives up" in record.getMessage()]
    assert said.levelno == logging.WARNING
    assert UUID in said.getMessage()
    assert stream.book is not None
    assert stream.book.state["retry"] == {}


def test_session_that_failed_for_less_is_tried_again_next_time(zoom: requests_mock.Mocker) -> None:
    stream = failing_since("2026-05-04", zoom)
    stream.follow(iter(()))
    [slice_] = stream.stream_slices(SyncMode.full_refresh)

    with pytest.raises(SliceFailure):
        read(stream, slice_)

    assert stream.book is not None
    assert list(stream.book.state["retry"]) == [UUID]


def test_session_is_not_given_up_for_a_missing_scope(zoom: requests_mock.Mocker) -> None:
    stream = failing_since("2026-01-01", zoom)
    zoom.get(PARTICIPANTS, **NO_SCOPE)
    stream.follow(iter(()))
    [slice_] = stream.stream_slices(SyncMode.full_refresh)

    with pytest.raises(StreamStopped):
        read(stream, slice_)
    assert stream.book is not None
    assert list(stream.book.state["retry"]) == [UUID]
