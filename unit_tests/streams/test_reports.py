"""Hosts, sessions and participants, through the real requests stack against made-up answers."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import FailureType, SyncMode
from freezegun import freeze_time

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams import ZoomStream
from source_zoom.streams.reports import ReportMeetingParticipants, ReportMeetings
from source_zoom.streams.sessions.cursor import OwnerListed, SessionSlice
from source_zoom.streams.sessions.history import _Row
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.state import ASKED_AGAIN, Session
from source_zoom.streams.sessions.stream import PastSessionStream
from source_zoom.streams.windows.grid import Window
from source_zoom.zoom.probation import MOST_REFUSED
from unit_tests.fake_zoom import API, DAILY_LIMIT, DEAD_PAGE_TOKEN, TOKEN_URL, refusal, token
from unit_tests.past import (
    NOW,
    UUID,
    WINDOW,
    asked,
    blob_of,
    end_of_slice,
    feed_of,
    read,
    row_of,
    sessions_of,
    slice_of,
    slices,
    tree,
)

pytestmark = pytest.mark.usefixtures("sleepless")

# From a day before `start_date`, as Zoom may count in a zone west of UTC, to a day after today.
WINDOWS = [("2026-03-19", "2026-04-05"), ("2026-04-05", "2026-05-04"), ("2026-05-04", "2026-05-11")]
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[report:read:admin].")
NO_PERMISSION = refusal(400, 200, "No permission.")
SERVER_ERROR = refusal(500, 500, "Internal error.")
PARTICIPANTS = f"{API}/report/meetings/aBcD%3D%3D/participants"
DETAIL = f"{API}/report/meetings/aBcD%3D%3D"


@pytest.fixture(autouse=True)
def _on_the_tenth_of_may() -> Iterator[None]:
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
    known = {"meeting_uuid": UUID, "meeting_id": 85746065432, "host_email": "ann@x.org", "type": "Meeting"}
    return {"json": {"history_meetings": [{**known, **row}]}}


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
    assert min(first for first, _ in ranges) == "2026-03-18"
    # Nothing is asked for beyond tomorrow.
    assert max(last for _, last in ranges) == "2026-05-11"
    assert {query["type"] for query in asked(zoom, "report/users")} == {"active"}


def test_hosts_only_the_history_names_are_asked_by_email(zoom: requests_mock.Mocker) -> None:
    rows = [
        {"meeting_uuid": "1", "meeting_id": 1, "host_email": "ANN@x.org"},
        {"meeting_uuid": "2", "meeting_id": 2, "host_email": "webinar@x.org"},
        {"meeting_uuid": "3", "meeting_id": 3},
    ]
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": rows})

    assert hosts(sessions_of(tree())) == [{"ann", "webinar@x.org"}] * 3


LASTING_REFUSALS = {
    "scope": NO_SCOPE,
    "permission": NO_PERMISSION,
    "parameter": refusal(400, 300, "Invalid parameter."),
    "403": refusal(403, 403, "Forbidden."),
    "html": {"status_code": 403, "text": "<html>Forbidden</html>"},
    "404": refusal(404, 404, "Not found."),
}
every_refusal = pytest.mark.parametrize("answer", LASTING_REFUSALS.values(), ids=LASTING_REFUSALS)


@every_refusal
def test_every_user_is_asked_where_zoom_does_not_tell_who_was_active_and_this_is_said_once(
    answer: dict[str, Any], zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/users", **answer)

    assert hosts(sessions_of(tree())) == [{"ann", "bob", "cat"}] * 3
    assert [query["status"] for query in asked(zoom, "users")] == ["active", "inactive"]
    said = [record for record in caplog.records if "every user is asked" in record.getMessage()]
    assert [record.levelno for record in said] == [logging.WARNING]


def test_call_for_the_active_hosts_that_may_not_be_made_is_made_once(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users", **NO_PERMISSION)

    hosts(sessions_of(tree()))

    assert len(asked(zoom, "report/users")) == 1


def watermark(stream: ZoomStream) -> str | None:
    assert isinstance(stream, PastSessionStream)
    end_time = stream.session_cursor.state["end_time"]
    return str(end_time)[:10] if end_time else None


@pytest.mark.parametrize("path", ["report/users", "report/history_meetings"])
def test_fault_of_a_call_for_the_hosts_holds_the_watermark_and_those_known_are_read(
    path: str, zoom: requests_mock.Mocker
) -> None:
    zoom.get(f"{API}/report/history_meetings", **history(host_email="eve@x.org"))
    zoom.get(f"{API}/{path}", **SERVER_ERROR)
    streams = tree()
    sessions, meetings = sessions_of(streams), streams["report_meetings"]

    found = slices(sessions)

    assert {slice_["user_id"] for slice_ in found} == {{"report/users": "eve@x.org"}.get(path, "ann")}
    ends = [sessions.child_key_of_end(slice_, None) for slice_ in found]
    meetings.follow("past_sessions", feed_of(*[(str(number), end[1]) for number, end in enumerate(ends) if end]))
    with pytest.raises(SliceFailure, match="HTTP 500") as caught:
        slices(meetings)
    assert caught.value.failure_type is FailureType.transient_error
    assert watermark(meetings) is None


def test_fault_of_a_later_window_keeps_what_the_ones_before_have_read(zoom: requests_mock.Mocker) -> None:
    fine: dict[str, Any] = {"json": {"history_meetings": []}}
    zoom.get(f"{API}/report/history_meetings", [fine, SERVER_ERROR])
    streams = tree()
    sessions, meetings = sessions_of(streams), streams["report_meetings"]

    ends = [sessions.child_key_of_end(slice_, None) for slice_ in slices(sessions)]
    meetings.follow("past_sessions", feed_of(*[(str(number), end[1]) for number, end in enumerate(ends) if end]))

    with pytest.raises(SliceFailure, match="HTTP 500"):
        slices(meetings)
    assert len(ends) == 3
    assert watermark(meetings) == "2026-04-05"


def test_daily_limit_is_no_lasting_refusal_of_the_history(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings", **refusal(429, 429, DAILY_LIMIT))
    stream = sessions_of(tree())

    slices(stream)

    with pytest.raises(SliceFailure, match="daily limit") as caught:
        stream.cursors.all[0].raise_if_held()
    assert not isinstance(caught.value, StreamStopped)  # which would stop what is known already, too


def test_report_hosts_all_asks_every_user_and_not_who_was_active(zoom: requests_mock.Mocker) -> None:
    assert hosts(sessions_of(tree(report_hosts="all"))) == [{"ann", "bob", "cat"}] * 3
    assert asked(zoom, "report/users") == []


def test_users_that_are_read_anyway_are_not_asked_for_again(zoom: requests_mock.Mocker) -> None:
    stream = sessions_of(tree(report_hosts="all"))
    stream.follow("users", feed_of(("dan", "dan@x.org", "active"), ("eve", None, "inactive")))

    assert hosts(stream) == [{"dan", "eve"}] * 3
    assert asked(zoom, "users") == []


def test_two_users_of_one_address_are_both_asked_and_the_active_one_is_who_was_active(
    zoom: requests_mock.Mocker,
) -> None:
    users = [("dan", "dan@x.org", "active"), ("dan before", "dan@x.org", "inactive")]
    every, active = sessions_of(tree(report_hosts="all")), sessions_of(tree())
    for stream in (every, active):
        stream.follow("users", feed_of(*users))
    zoom.get(f"{API}/report/users", json={"users": [{"email": "dan@x.org"}]})

    assert hosts(every) == [{"dan", "dan before"}] * 3
    assert hosts(active) == [{"dan"}] * 3


def test_host_that_lacks_days_is_asked_for_them_alone_and_without_a_call_for_who_was_active(
    zoom: requests_mock.Mocker,
) -> None:
    april = Window(pendulum.date(2026, 4, 5), pendulum.date(2026, 5, 4))

    found = slices(sessions_of(tree(blob_of("ann", missing=[(april, "gone")]))))

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
        ("2026-05-04", "2026-05-11"),
    ]
    assert len([record for record in caplog.records if "does not serve" in record.getMessage()]) == 1


def test_start_date_is_moved_up_to_the_six_months_that_are_served(zoom: requests_mock.Mocker) -> None:
    found = slices(sessions_of(tree(start_date="2020-01-01T00:00:00Z")))

    # A day before what is served by UTC, which is cut off when the call is made.
    assert found[0]["first"].to_date_string() == "2025-11-09"
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
    assert all(isinstance(end, OwnerListed) for end in ends)
    assert [(end.window, end.owner, end.error) for end in ends if isinstance(end, OwnerListed)] == [
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


@every_refusal
def test_history_that_may_not_be_read_is_done_without_and_this_is_said_once(
    answer: dict[str, Any], zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/history_meetings", **answer)
    stream = sessions_of(tree())

    found = slices(stream)

    assert [slice_["user_id"] for slice_ in found] == ["ann"] * 3
    assert not joined(stream, found[-1]).joined
    stream.cursors.all[0].raise_if_held()
    [said] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert "history of meetings is not open" in said


def test_history_that_may_not_be_read_is_asked_for_once(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings", **NO_PERMISSION)

    slices(sessions_of(tree()))

    assert len(asked(zoom, "report/history_meetings")) == 1


@pytest.mark.parametrize("name", ["start_time", "end_time"])
def test_time_of_the_history_that_cannot_be_read_is_named_and_the_history_done_without(
    name: str, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/history_meetings", **history(**{name: "Friday, after lunch"}))
    stream = sessions_of(tree())

    assert [slice_["user_id"] for slice_ in slices(stream)] == ["ann"] * 3
    stream.cursors.all[0].raise_if_held()
    [said] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert f"'Friday, after lunch' of session {UUID}" in said


@pytest.mark.parametrize(
    "written", ["2026-05-08T11:00:00Z", "2026-05-08T13:00:00+02:00", "2026-05-08 11:00:00", "2026-05-08T11:00:00.000Z"]
)
def test_times_of_the_history_are_read_in_any_form(written: str) -> None:
    row = {"meeting_uuid": UUID, "meeting_id": 1, "end_time": written}

    assert _Row.of(row, {}).as_listed()["end_time"] == "2026-05-08T11:00:00Z"


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


OTHER = f"{API}/report/meetings/other"


def rows_and_error(stream: ZoomStream, slice_: SessionSlice) -> tuple[list[Any], SliceFailure | None]:
    """The rows of a slice, and what came behind them."""
    rows: list[Any] = []
    try:
        rows.extend(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))
    except SliceFailure as error:
        return rows, error
    return rows, None


@pytest.mark.parametrize(("answer", "again"), [(SERVER_ERROR, True), (NO_PERMISSION, False)], ids=["fault", "refused"])
def test_row_whose_detail_is_withheld_is_emitted_at_once_and_kept_for_the_retry(
    answer: dict[str, Any],
    again: bool,  # noqa: FBT001 - a case
    meetings: ReportMeetings,
    zoom: requests_mock.Mocker,
) -> None:
    zoom.get(DETAIL, **answer)
    zoom.get(OTHER, json={"uuid": "other", "dept": "D"})
    slice_ = slice_of()
    meetings.session_cursor.claim(WINDOW, slice_.session)

    rows, error = rows_and_error(meetings, slice_)
    if again:
        assert rows == []  # it comes with the second try, once
        rows, error = rows_and_error(meetings, slice_)

    assert [(row["topic"], "dept" in row) for row in rows] == [("T", False)]
    assert error is not None
    assert (type(error), error.again) == (SliceFailure, again)
    # No other row loses its columns.
    assert [row["dept"] for row in read(meetings, slice_of(uuid="other"))] == ["D"]

    end_of_slice(meetings, slice_, error)
    retry = tree(meetings.session_cursor.state)["report_meetings"]
    assert isinstance(retry, PastSessionStream)
    [again_slice] = retry.session_cursor.retries()
    zoom.get(DETAIL, json={"uuid": UUID, "dept": "D", "topic": "other"})
    [row] = read(retry, again_slice)
    assert (row["topic"], row["dept"], row["meeting_id"]) == ("T", "D", "85746065432")


@pytest.mark.parametrize("answer", [NO_PERMISSION, refusal(403, 403, "Forbidden.")], ids=["permission", "403"])
def test_rows_do_without_a_detail_that_is_refused_for_all(
    answer: dict[str, Any], meetings: ReportMeetings, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(re.compile("/report/meetings/"), **answer)

    for number in range(MOST_REFUSED + 5):
        slice_ = slice_of(uuid=str(number), host=f"host {number % 2}")
        rows, error = rows_and_error(meetings, slice_)
        assert [row["uuid"] for row in rows] == [str(number)]
        assert (error is not None) is (number < MOST_REFUSED - 1)
        end_of_slice(meetings, slice_, error)

    assert len([one for one in zoom.request_history if one.method == "GET"]) == MOST_REFUSED
    assert meetings.held_gaps() == []
    [said] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert "read without dept and tracking_fields" in said


def test_webinars_do_not_do_without_a_report_that_is_refused_for_all(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/report/webinars/"), **NO_PERMISSION)
    stream = tree()["report_webinars"]

    errors = [
        rows_and_error(stream, slice_of(uuid=str(number), host=f"host {number % 2}"))[1]
        for number in range(MOST_REFUSED)
    ]

    assert [type(error) for error in errors] == [SliceFailure] * (MOST_REFUSED - 1) + [StreamStopped]


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
    """The keys of the rows of the one session."""
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

    # Nothing leaves before the list was read to its end: the rows of the first attempt are not there.
    assert len(found) == len(set(found)) == 2


def test_list_that_shifts_between_its_pages_leaves_no_row_that_is_not_there(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    """The key of equal rows is their order: a row that moved to the next page would be a third one."""

    def shifting(total: int, *rows: Any, next_: str = "") -> dict[str, Any]:
        return {"json": {**page(*rows, next_=next_)["json"], "total_records": total}}

    passes = [shifting(2, attendance(), next_="t1"), shifting(3, attendance(), attendance())]
    settled = [shifting(2, attendance(), next_="t2"), shifting(2, attendance())]
    zoom.get(PARTICIPANTS, [*passes, *settled])
    slice_ = slice_of()

    found = [record["row_id"] for record in read(participants, slice_)]

    assert len(found) == len(set(found)) == 2
    assert len(asked(zoom, "report/meetings/aBcD%3D%3D/participants")) == 4
    assert slice_.complete


def test_session_whose_list_stays_short_of_its_count_is_not_settled(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(PARTICIPANTS, json={"participants": [attendance()], "total_records": 5})
    slice_ = slice_of()

    assert len(read(participants, slice_)) == 1

    assert not slice_.complete
    assert len(asked(zoom, "report/meetings/aBcD%3D%3D/participants")) == 2
    [said] = [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]
    assert "5 records" in said


# Participants that Zoom denies

GONE = refusal(404, 3001, "Meeting does not exist.")
ATTENDED = row_of(participants_count=3)
DAY_BEFORE = "2026-05-09T09:29:59Z"
LESS_THAN_A_DAY = "2026-05-09T09:30:01Z"


@pytest.mark.parametrize(
    ("row", "end", "is_gap"),
    [
        (ATTENDED, DAY_BEFORE, True),
        (ATTENDED, LESS_THAN_A_DAY, False),
        (row_of(participants_count=1), DAY_BEFORE, False),
        (row_of(), DAY_BEFORE, False),
    ],
    ids=["attended", "attended today", "one participant", "nobody knows"],
)
def test_participants_of_an_attended_session_are_a_gap_where_zoom_denies_them_a_day_later(
    row: dict[str, Any],
    end: str,
    is_gap: bool,  # noqa: FBT001 - a case
    participants: ReportMeetingParticipants,
    zoom: requests_mock.Mocker,
) -> None:
    zoom.get(PARTICIPANTS, **GONE)
    slice_ = slice_of(row=row, end=end)

    rows, error = rows_and_error(participants, slice_)

    assert rows == []
    assert (error is not None) is is_gap
    # Where it is none, it is asked for again while the report may still come.
    assert not slice_.complete
    if error is not None:
        assert (type(error), error.cause, error.again) == (SliceFailure, "GONE", False)
        assert error.facts["object_id"] == UUID


def test_uuid_with_a_slash_is_tried_in_the_other_encoding_once(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    once, twice = "report/meetings/a%2Fb/participants", "report/meetings/a%252Fb/participants"
    zoom.get(f"{API}/{once}", **GONE)
    zoom.get(f"{API}/{twice}", **page(attendance()))
    slice_ = slice_of(row={**ATTENDED, "uuid": "a/b"}, end=DAY_BEFORE, uuid="a/b")

    rows, error = rows_and_error(participants, slice_)
    assert rows == []
    assert error is not None
    assert error.again

    # The engine's second try, at the end of the stream.
    assert len(read(participants, slice_)) == 1
    assert (len(asked(zoom, once)), len(asked(zoom, twice))) == (1, 1)


def test_uuid_that_is_denied_in_both_encodings_is_a_gap(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    zoom.get(re.compile("/participants"), **GONE)
    slice_ = slice_of(row={**ATTENDED, "uuid": "a/b"}, end=DAY_BEFORE, uuid="a/b")

    errors = [rows_and_error(participants, slice_)[1] for _ in range(2)]

    assert [error and error.again for error in errors] == [True, False]


def test_participants_that_were_denied_before_stay_a_gap_without_the_listed_row(
    participants: ReportMeetingParticipants, zoom: requests_mock.Mocker
) -> None:
    zoom.get(PARTICIPANTS, **GONE)

    _, error = rows_and_error(participants, slice_of(refused=True, end=DAY_BEFORE))

    assert error is not None


@pytest.mark.parametrize(("count", "expected"), [(1, []), (2, [UUID]), (None, [UUID])])
def test_session_of_one_participant_has_no_list_of_participants(
    count: int | None, expected: list[str], participants: ReportMeetingParticipants
) -> None:
    sessions = participants.parent
    slice_ = {"user_id": "ann", "window": WINDOW}

    participants.follow("past_sessions", feed_of(sessions.child_key(row_of(participants_count=count), slice_)))
    assert isinstance(sessions, PastSessions)
    for book in sessions.cursors.all:
        book.open(WINDOW, {"ann"})

    assert [one["uuid"] for one in slices(participants)] == expected


# Rows of the list that cannot be used


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"id": None}, "it has no 'id'"),
        ({"id": 0}, "it has no 'id'"),
        ({"uuid": ""}, "it has no 'uuid'"),
        ({"start_time": "at noon"}, "its 'start_time' is not a time"),
        ({"end_time": "at noon"}, "its 'end_time' is not a time"),
    ],
    ids=lambda value: "" if isinstance(value, dict) else value,
)
def test_listed_row_that_cannot_be_used_is_one_gap_and_the_others_are_read(
    fault: dict[str, Any], reason: str, zoom: requests_mock.Mocker
) -> None:
    rows = [row_of("a"), {**row_of("b"), **fault}, row_of("c")]
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": rows})
    stream = sessions_of(tree())
    slice_ = slices(stream)[-1]

    found, error = rows_and_error(stream, slice_)

    assert [row["uuid"] for row in found] == ["a", "c"]
    assert error is not None
    assert reason in str(error)
    assert (error.facts["meaning"], error.facts["object_type"], error.facts["object_id"]) == ("UNUSABLE", "host", "ann")
    # Listing the host again would give the same: his list counts as read.
    [cursor, *_] = stream.cursors.all
    end: Any = stream.child_key_of_end(slice_, error)
    cursor.end_owner(end[1])
    assert (slice_["window"], "ann") not in {(slice_["window"], owner) for owner in cursor.owners(slice_["window"])}
    assert cursor.gaps() == []


def test_listed_times_are_told_in_one_form(zoom: requests_mock.Mocker) -> None:
    times = {"start_time": "2026-05-08T12:00:00+02:00", "end_time": "2026-05-08T11:00:00.000Z"}
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": [row_of(**times)]})
    stream = sessions_of(tree())

    [row] = read(stream, slices(stream)[-1])

    assert (row["start_time"], row["end_time"]) == ("2026-05-08T10:00:00Z", "2026-05-08T11:00:00Z")


# Hosts who are refused, or gone


def test_host_who_is_refused_decides_over_himself_only(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users", json={"users": [{"id": "ann"}, {"id": "bob"}]})
    zoom.get(f"{API}/report/users/ann/meetings", **NO_PERMISSION)
    zoom.get(f"{API}/report/users/bob/meetings", json={"meetings": [row_of()]})
    stream = sessions_of(tree())

    outcomes = {slice_["user_id"]: rows_and_error(stream, slice_) for slice_ in slices(stream)[-2:]}

    assert len(outcomes["bob"][0]) == 1
    error = outcomes["ann"][1]
    assert error is not None
    assert (type(error), error.cause, error.again) == (SliceFailure, "NO_PERMISSION", False)


def test_ten_hosts_refused_and_none_answered_stop_the_list(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users", json={"users": [{"id": f"host{number}"} for number in range(12)]})
    zoom.get(re.compile("/report/users/host"), **NO_PERMISSION)
    stream = sessions_of(tree(start_date="2026-05-08T00:00:00Z"))

    errors = [rows_and_error(stream, slice_)[1] for slice_ in slices(stream)]

    assert [type(error) for error in errors[:MOST_REFUSED]] == [SliceFailure] * (MOST_REFUSED - 1) + [StreamStopped]


REFUSED_HOSTS = [f"host{number:02}" for number in range(ASKED_AGAIN + 5)]


def probes(zoom: requests_mock.Mocker) -> list[str]:
    return [one.path.split("/")[-2] for one in zoom.request_history if "/report/users/host" in one.path]


def test_twenty_hosts_who_were_refused_are_asked_again_for_their_newest_days(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/report/users/host"), **NO_PERMISSION)
    stream = sessions_of(tree(blob_of("ann", refused=REFUSED_HOSTS)))

    found = slices(stream)

    assert probes(zoom) == REFUSED_HOSTS[:ASKED_AGAIN]
    assert {days(query) for query in asked(zoom, "report/users/host00/meetings")} == {("2026-05-08", "2026-05-10")}
    assert {slice_["user_id"] for slice_ in found} == {"ann"}
    # The next sync asks the others first.
    later = sessions_of(tree(stream.cursors.all[0].state)).cursors.all[0].refused_owners()
    assert later[:5] == REFUSED_HOSTS[ASKED_AGAIN:]


def test_all_hosts_who_were_refused_are_read_again_when_one_of_them_answers(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/report/users/host"), **NO_PERMISSION)
    zoom.get(f"{API}/report/users/host03/meetings", json={"meetings": []})
    stream = sessions_of(tree(blob_of("ann", refused=REFUSED_HOSTS)))

    found = slices(stream)

    assert probes(zoom) == REFUSED_HOSTS[:4]
    assert {slice_["user_id"] for slice_ in found} == {"ann", *REFUSED_HOSTS}
    assert {slice_["first"].to_date_string() for slice_ in found if slice_["user_id"] == "host09"} == {
        "2026-03-19",
        "2026-04-05",
        "2026-05-04",
    }


def test_ten_probes_that_are_refused_do_not_stop_the_list(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/report/users/host"), **NO_PERMISSION)
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": [row_of()]})
    stream = sessions_of(tree(blob_of("ann", refused=REFUSED_HOSTS)))

    found = slices(stream)

    assert len(probes(zoom)) == ASKED_AGAIN
    assert not stream.probation.is_failed
    assert [len(read(stream, slice_)) for slice_ in found] == [1]


def test_host_who_was_refused_and_is_gone_holds_nothing_back(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users/host00/meetings", **refusal(404, 1001, "User does not exist: host00."))
    stream = sessions_of(tree(blob_of("ann", refused=["host00"])))

    slices(stream)

    assert stream.cursors.all[0].refused_owners() == []


def test_probes_end_where_zoom_fails_to_answer(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/report/users/host"), **SERVER_ERROR)
    stream = sessions_of(tree(blob_of("ann", refused=REFUSED_HOSTS)))

    assert {slice_["user_id"] for slice_ in slices(stream)} == {"ann"}
    assert set(probes(zoom)) == {"host00"}
    assert len(stream.cursors.all[0].refused_owners()) == len(REFUSED_HOSTS)


def test_sessions_of_a_host_who_is_gone_are_those_that_the_history_names(zoom: requests_mock.Mocker) -> None:
    times = {"start_time": "2026-05-08T10:00:00Z", "end_time": "2026-05-08T11:00:00Z"}
    rows = [
        {"meeting_uuid": uuid, "meeting_id": 7, "host_email": email, "type": "Meeting", "participants": 4, **times}
        for uuid, email in (("of bob", "bob@x.org"), ("of ann", "ann@x.org"))
    ]
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": rows})
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": []})
    zoom.get(f"{API}/report/users/bob%40x.org/meetings", **refusal(404, 1001, "User does not exist: bob@x.org."))
    zoom.get(f"{API}/report/meetings/of%20bob/participants", **page(attendance()))
    streams = tree(start_date="2026-05-08T00:00:00Z")
    sessions, participants = sessions_of(streams), streams["report_meeting_participants"]

    keys = [sessions.child_key(row, slice_) for slice_ in slices(sessions) for row in read(sessions, slice_)]
    participants.follow("past_sessions", feed_of(*keys))
    found = slices(participants)

    assert [slice_["uuid"] for slice_ in found] == ["of bob"]
    [row] = read(participants, found[0])
    assert (row["meeting_uuid"], row["meeting_id"], row["host_id"]) == ("of bob", "7", None)
    # There is no listed row: the report of the session itself is asked for.
    zoom.get(f"{API}/report/meetings/of%20bob", json={**row_of("of bob"), "dept": "D"})
    streams["report_meetings"].follow("past_sessions", feed_of(*keys))
    [meeting] = slices(streams["report_meetings"])
    assert [row["dept"] for row in read(streams["report_meetings"], meeting)] == ["D"]
