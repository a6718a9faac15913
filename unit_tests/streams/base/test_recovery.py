"""What one object, one row or one odd moment must not decide over the rest: whole syncs, and the books of sessions."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests_mock
from airbyte_cdk.models import SyncMode

from source_zoom.engine import Loss, SliceFailure
from source_zoom.streams.base.pages import MOST_MISCOUNTS, PageCount, PageReader
from source_zoom.streams.windows.cursor import cause_of
from unit_tests.fake_zoom import API, TOKEN_URL, refusal, token
from unit_tests.past import feed_of, read, sessions_of, slice_of, tree
from unit_tests.streams.base.test_withheld import (
    HOSTS,
    NO_PERMISSION,
    SERVER_ERROR,
    TODAY,
    Sync,
    hosted,
    session,
    zoom,
)
from unit_tests.streams.sessions import test_stream as books
from unit_tests.streams.sessions.test_stream import outbox

__all__ = ["outbox", "zoom"]

pytestmark = pytest.mark.usefixtures("sleepless")


def state_of(sync: Sync, name: str) -> dict[str, Any]:
    """The last state of a stream, as Airbyte keeps it."""
    states = [
        message.state.stream.stream_state
        for message in sync.messages
        if message.state and message.state.stream and message.state.stream.stream_descriptor.name == name
    ]
    kept: dict[str, Any] = json.loads(json.dumps(states[-1], default=vars))
    return kept


def test_ten_refusals_of_one_hosts_sessions_do_not_stop_the_others(zoom: requests_mock.Mocker) -> None:
    hosted(zoom, "ann", *[session(f"ann{number}") for number in range(12)])
    zoom.get(re.compile("/report/meetings/ann[^/]*/participants"), **NO_PERMISSION)
    for host in ("bob", "cat"):
        hosted(zoom, host, session(f"{host}0"))

    sync = Sync("report_meeting_participants", num_workers=2)

    assert sync.status("report_meeting_participants") == "COMPLETE"
    assert set(sync.uuids("report_meeting_participants")) >= {"bob0", "cat0"}


def test_webinar_without_a_licence_hides_no_faults_of_the_others(zoom: requests_mock.Mocker) -> None:
    hosted(zoom, "ann", *[session(f"w{number}", type=5) for number in range(6)])
    zoom.get(re.compile("/past_webinars/[^/]+/polls"), **SERVER_ERROR)
    zoom.get(re.compile("/past_webinars/w0/polls"), **refusal(400, 200, "Webinar plan is missing."))

    sync = Sync("webinar_poll_results", "read_gaps", mode=SyncMode.full_refresh)

    assert sync.status("webinar_poll_results") == "INCOMPLETE"


def test_refused_host_who_is_at_fault_now_keeps_no_other_from_being_asked_again(zoom: requests_mock.Mocker) -> None:
    for host in ("ann", "bob"):
        zoom.get(f"{API}/report/users/{host}/meetings", **NO_PERMISSION)
    state = state_of(Sync("report_meetings"), "report_meetings")
    asked_before = [group["asked"] for group in state["hosts"]["refused"]]
    for group in state["hosts"]["refused"]:
        group["asked"] = "2020-01-01T00:00:00Z"
    zoom.get(f"{API}/report/users/ann/meetings", **SERVER_ERROR)
    hosted(zoom, "bob", session("bob"))

    after = state_of(Sync("report_meetings", state={"report_meetings": state}), "report_meetings")

    asked = {name: group["asked"] for group in after["hosts"]["refused"] for name in group["names"]}
    assert asked["ann"] >= asked_before[0]
    assert asked.get("bob", "2020-01-01T00:00:00Z") == "2020-01-01T00:00:00Z"


def test_refused_host_is_let_in_again_where_todays_date_is_refused(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users/ann/meetings", **NO_PERMISSION)
    state = state_of(Sync("report_meetings"), "report_meetings")

    def west_of_utc(host: str) -> Any:
        def answer(request: Any, context: Any) -> dict[str, Any]:
            if request.qs["to"][0] >= TODAY.to_date_string():
                context.status_code = 400
                return {"code": 300, "message": "Invalid to date."}
            return {"meetings": [session(host)]}

        return answer

    for host in HOSTS:
        zoom.get(f"{API}/report/users/{host}/meetings", json=west_of_utc(host))

    sync = Sync("report_meetings", state={"report_meetings": state})

    assert "ann" in sync.uuids("report_meetings")
    assert state_of(sync, "report_meetings")["hosts"]["refused"] == []


def test_unusable_row_among_the_active_hosts_has_every_user_asked(zoom: requests_mock.Mocker) -> None:
    rows = [*({"id": host, "email": f"{host}@x.org"} for host in HOSTS), {"dept": "x"}]
    zoom.get(f"{API}/report/users", json={"users": rows})
    zoom.get(f"{API}/users", json={"users": rows[:-1]})
    for host in HOSTS:
        hosted(zoom, host, session(host))

    sync = Sync("report_meetings")

    assert sync.status("report_meetings") == "COMPLETE"
    assert set(sync.uuids("report_meetings")) == set(HOSTS)


def test_owners_of_webinars_are_not_known_where_a_page_of_users_is_lost() -> None:
    sessions = sessions_of(tree())
    lost = Loss("users", "BROKEN", "A page is at fault.", again=True, facts={"object_type": "list"})
    webinars = feed_of(("1", "ann", 60, 5, None), losses=[lost])

    with pytest.raises(SliceFailure, match="A page is at fault"):
        sessions._hosts._owners_of(webinars)


def test_rows_of_a_session_are_not_dropped_when_another_thread_miscounts(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = tree()["report_meeting_participants"]
    look = PageReader._is_to_be_read_again

    def look_before_the_other(self: PageReader, count: PageCount, *, is_second_look: bool) -> bool:
        said = look(self, count, is_second_look=is_second_look)
        self._miscounts = MOST_MISCOUNTS
        return said

    monkeypatch.setattr(PageReader, "_is_to_be_read_again", look_before_the_other)
    row = {"user_id": "1", "name": "N", "join_time": "2026-05-08T10:00:00Z", "duration": 9}
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(requests_mock.ANY, json={"participants": [row], "total_records": 2})

        assert len(read(stream, slice_of())) == 1


def test_owed_instance_that_is_listed_too_leaves_no_window_open(outbox: Any) -> None:
    first = books.cursor(outbox, "ann")
    first.note_unknown("7", cause_of(books.at_fault()))
    for window in books.WINDOWS:
        first.end_owner(books.end(window))
    book = books.next_sync(outbox, first)
    owed = books.session("w", day="2026-03-20")
    book.note_known("7", [owed])
    for window in books.WINDOWS:
        book.open(window, ["ann"])
        book.claim(window, owed)
        book.end_owner(books.end(window))
    assert book._state._open

    [late] = book.late()
    book._read(late)

    assert not book._state._open
