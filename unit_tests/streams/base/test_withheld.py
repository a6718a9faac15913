"""What a sync makes of objects that Zoom withholds, through the whole engine: rows, status, warnings, gaps, state."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import (
    AirbyteMessage,
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    SyncMode,
    Type,
)
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom import SourceZoom
from source_zoom.judge import MOST_FAULTS
from source_zoom.streams.sessions.state import ASKED_AGAIN
from source_zoom.streams.windows.grid import grid
from source_zoom.zoom.retries import MAX_RETRIES
from unit_tests.fake_zoom import API, CONFIG, DAILY_LIMIT, TOKEN_URL, refusal, token
from unit_tests.past import row_of

pytestmark = pytest.mark.usefixtures("sleepless")

NO_PERMISSION = refusal(400, 200, "No permission.")
SERVER_ERROR = refusal(500, 500, "Internal error.")
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[x].")
NO_PLAN = refusal(400, 200, "Only available for paid account: acc.")
TODAY = pendulum.now("UTC")
DAYS_AGO = [TODAY.subtract(days=days).to_date_string() for days in range(10)]
HOSTS = ("ann", "bob", "cat")


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    """An account of three hosts, each with a meeting of two three days ago, which is not in the history."""
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(f"{API}/report/users", json={"users": [{"id": host, "email": f"{host}@x.org"} for host in HOSTS]})
        mocker.get(f"{API}/report/history_meetings", json={"history_meetings": []})
        for host in HOSTS:
            hosted(mocker, host, session(host))
        mocker.get(re.compile("/report/meetings/[^/]+$"), json=detail)
        mocker.get(re.compile("/report/meetings/[^/]+/participants"), json={"participants": [attendee()]})
        yield mocker


def session(uuid: str, **fields: Any) -> dict[str, Any]:
    return row_of(uuid, DAYS_AGO[3], participants_count=2, **fields)


def hosted(zoom: requests_mock.Mocker, host: str, *rows: Mapping[str, Any]) -> None:
    zoom.get(f"{API}/report/users/{host}/meetings", json={"meetings": list(rows)})


def detail(request: Any, _: Any) -> dict[str, Any]:
    return {"uuid": request.path.rpartition("/")[2], "dept": "D", "tracking_fields": []}


def attendee(**fields: Any) -> dict[str, Any]:
    return {"user_id": "1", "name": "N", "join_time": f"{DAYS_AGO[3]}T10:00:00Z", "duration": 9, **fields}


class Sync:
    """The messages of a sync of some streams, and the error that it ended with."""

    def __init__(
        self, *names: str, state: Mapping[str, Any] | None = None, mode: SyncMode = SyncMode.incremental, **config: Any
    ) -> None:
        builder = CatalogBuilder()
        for name in names:
            builder = builder.with_stream(name, SyncMode.full_refresh if name == "read_gaps" else mode)
        settings = {**CONFIG, "start_date": f"{DAYS_AGO[9]}T00:00:00Z", **config}
        self.messages: list[AirbyteMessage] = []
        self.error: AirbyteTracedException | None = None
        source = SourceZoom()
        try:
            messages = source.read(logging.getLogger("airbyte"), settings, builder.build(), _states(state or {}))
            self.messages.extend(messages)
        except AirbyteTracedException as error:
            self.error = error

    def rows(self, name: str) -> list[Mapping[str, Any]]:
        return [one.record.data for one in self.messages if one.record and one.record.stream == name]

    def uuids(self, name: str) -> list[str]:
        return sorted(str(row.get("uuid") or row.get("meeting_uuid") or row["webinar_uuid"]) for row in self.rows(name))

    def status(self, name: str) -> str:
        statuses = [one.trace.stream_status for one in self.messages if one.trace and one.trace.stream_status]
        return [str(one.status.value) for one in statuses if one.stream_descriptor.name == name][-1]

    @property
    def failures(self) -> list[tuple[str, str]]:
        """Stream and type of each error trace, in their order."""
        return [
            (one.trace.error.stream_descriptor.name, one.trace.error.failure_type.value)
            for one in self.messages
            if one.trace and one.trace.error and one.trace.error.stream_descriptor and one.trace.error.failure_type
        ]

    @property
    def gaps(self) -> list[tuple[str, str, str, str]]:
        return [(row["stream"], row["object_type"], row["object_id"], row["meaning"]) for row in self.rows("read_gaps")]

    @property
    def states(self) -> dict[str, Any]:
        """The last state of each stream."""
        return {
            one.state.stream.stream_descriptor.name: json.loads(
                orjson.dumps(vars(one.state.stream.stream_state), default=vars)
            )
            for one in self.messages
            if one.type is Type.STATE and one.state and one.state.stream
        }


def _states(blobs: Mapping[str, Any]) -> list[AirbyteStateMessage]:
    return [
        AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(StreamDescriptor(name=name), AirbyteStateBlob(**blob)),
        )
        for name, blob in blobs.items()
    ]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if line.levelname == "WARNING"]


# One object


@pytest.mark.usefixtures("zoom")
def test_account_that_withholds_nothing_has_no_gaps() -> None:
    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert sync.error is None
    for name in ("report_meetings", "report_meeting_participants"):
        assert sync.uuids(name) == list(HOSTS)
        assert sync.status(name) == "COMPLETE"
        assert sync.states[name]["end_time"][:10] == DAYS_AGO[0]
    assert all(row["dept"] == "D" for row in sync.rows("report_meetings"))
    assert sync.gaps == []
    assert sync.status("read_gaps") == "COMPLETE"


@pytest.mark.parametrize(
    "answer", [NO_PERMISSION, refusal(403, 403, "Forbidden."), SERVER_ERROR], ids=["400", "403", "500"]
)
def test_host_who_is_withheld_is_a_gap_and_no_other(
    answer: dict[str, Any], zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/report/users/bob/meetings", **answer)

    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert sync.error is None
    for name in ("report_meetings", "report_meeting_participants"):
        assert sync.uuids(name) == ["ann", "cat"]
        assert sync.status(name) == "COMPLETE"
        assert sync.states[name]["end_time"][:10] == DAYS_AGO[0]
        assert len([text for text in warnings(caplog) if f"Stream {name} lacks" in text and "bob" in text]) == 1
    assert [gap[:3] for gap in sync.gaps] == [
        (name, "host", "bob") for name in ("report_meeting_participants", "report_meetings")
    ]

    hosted(zoom, "bob", session("bob"))
    later = Sync("report_meetings", "report_meeting_participants", "read_gaps", state=sync.states)
    assert later.uuids("report_meetings") == ["bob"]
    assert later.gaps == []


@pytest.mark.parametrize("answer", [NO_PERMISSION, SERVER_ERROR], ids=["refused", "fault"])
def test_session_that_is_withheld_is_a_gap_and_no_other(answer: dict[str, Any], zoom: requests_mock.Mocker) -> None:
    path = f"{API}/report/meetings/bob/participants"
    zoom.get(path, **answer)

    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert sync.error is None
    assert sync.uuids("report_meetings") == list(HOSTS)
    assert sync.uuids("report_meeting_participants") == ["ann", "cat"]
    assert [gap[:3] for gap in sync.gaps] == [("report_meeting_participants", "session", "bob")]
    assert sync.states["report_meeting_participants"]["end_time"][:10] == DAYS_AGO[0]

    zoom.get(path, json={"participants": [attendee()]})
    later = Sync("report_meetings", "report_meeting_participants", "read_gaps", state=sync.states)
    assert later.uuids("report_meeting_participants") == ["bob"]
    assert later.gaps == []


def test_session_at_fault_is_tried_a_second_time_at_the_end(zoom: requests_mock.Mocker) -> None:
    path = f"{API}/report/meetings/ann/participants"
    zoom.get(path, [SERVER_ERROR] * 6 + [{"json": {"participants": [attendee()]}}])

    sync = Sync("report_meeting_participants", "read_gaps")

    assert sync.uuids("report_meeting_participants") == list(HOSTS)
    assert sync.rows("report_meeting_participants")[-1]["meeting_uuid"] == "ann"
    assert sync.gaps == []


@pytest.mark.parametrize("answer", [NO_PERMISSION, SERVER_ERROR], ids=["refused", "fault"])
def test_detail_that_is_withheld_costs_its_row_two_columns_until_it_answers(
    answer: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    zoom.get(f"{API}/report/meetings/bob", **answer)

    sync = Sync("report_meetings", "read_gaps")

    assert sync.error is None
    assert {row["uuid"]: row.get("dept") for row in sync.rows("report_meetings")} == {
        "ann": "D",
        "bob": None,
        "cat": "D",
    }
    assert [gap[:3] for gap in sync.gaps] == [("report_meetings", "session", "bob")]

    zoom.get(f"{API}/report/meetings/bob", json=detail)
    later = Sync("report_meetings", "read_gaps", state=sync.states)
    assert [(row["uuid"], row["dept"], row["topic"]) for row in later.rows("report_meetings")] == [("bob", "D", "T")]
    assert later.gaps == []


def test_row_that_cannot_be_used_is_a_gap_that_the_watermark_passes(zoom: requests_mock.Mocker) -> None:
    hosted(
        zoom, "bob", session("b1"), {**session("b2"), "id": None}, session("b3", start_time="at noon"), session("b4")
    )

    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert sync.error is None
    assert sync.uuids("report_meetings") == ["ann", "b1", "b4", "cat"]
    assert ("report_meetings", "host", "bob", "UNUSABLE") in sync.gaps
    assert len(sync.gaps) == 2
    assert sync.states["report_meetings"]["end_time"][:10] == DAYS_AGO[0]
    assert sync.states["report_meetings"]["hosts"]["missing"] == {}


# All objects


def many_hosts(zoom: requests_mock.Mocker, count: int) -> list[str]:
    """An account of more hosts, with a session each."""
    hosts = [f"host{number:02}" for number in range(count)]
    zoom.get(f"{API}/report/users", json={"users": [{"id": host, "email": f"{host}@x.org"} for host in hosts]})
    for host in hosts:
        hosted(zoom, host, session(host))
    return hosts


@pytest.mark.parametrize("count", [5, 30])
@pytest.mark.parametrize(
    "answer",
    [NO_PERMISSION, refusal(400, 4711, "Invalid access token, does not contain scopes:[x].")],
    ids=["role", "scope"],
)
def test_detail_that_no_session_has_is_done_without(
    answer: dict[str, Any], count: int, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    hosts = many_hosts(zoom, count)
    zoom.get(re.compile("/report/meetings/[^/]+$"), **answer)

    sync = Sync("report_meetings", "read_gaps")

    assert sync.uuids("report_meetings") == hosts
    assert (sync.error, sync.status("report_meetings")) == (None, "COMPLETE")
    assert sync.gaps == []
    assert len([text for text in warnings(caplog) if "dept and tracking_fields" in text]) == 1
    assert sync.states["report_meetings"]["end_time"][:10] == DAYS_AGO[0]


@pytest.mark.parametrize("count", [5, 30])
def test_sessions_that_are_all_refused_are_one_config_error_and_move_no_watermark(
    count: int, zoom: requests_mock.Mocker
) -> None:
    hosts = many_hosts(zoom, count)
    zoom.get(re.compile("/participants"), **NO_PERMISSION)

    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert sync.failures == [("report_meeting_participants", "config_error")]
    assert sync.error is not None
    assert sync.states["report_meeting_participants"]["end_time"] is None
    assert sync.gaps == []
    assert sync.uuids("report_meetings") == hosts
    assert sync.status("report_meetings") == "COMPLETE"


@pytest.mark.parametrize("count", [5, 30])
def test_hosts_who_are_all_refused_are_a_config_error(count: int, zoom: requests_mock.Mocker) -> None:
    many_hosts(zoom, count)
    zoom.get(re.compile("/report/users/[^/]+/meetings"), **NO_PERMISSION)

    sync = Sync("report_meetings", "report_meeting_participants")

    assert sync.failures == [(name, "config_error") for name in ("report_meeting_participants", "report_meetings")]
    assert {state["end_time"] for state in sync.states.values()} == {None}


# Plans


def test_stream_that_the_plan_lacks_is_empty_with_a_warning_and_its_state_stays(
    zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    before = Sync("report_meetings", "report_meeting_participants")
    hosted(zoom, "ann", session("ann"), session("another"))
    zoom.get(re.compile("/participants"), **NO_PLAN)

    sync = Sync("report_meetings", "report_meeting_participants", state=before.states)

    assert sync.error is None
    assert sync.uuids("report_meetings") == ["another"]
    assert sync.rows("report_meeting_participants") == []
    assert sync.status("report_meeting_participants") == "COMPLETE"
    assert sync.states["report_meeting_participants"] == before.states["report_meeting_participants"]
    assert any("report_meeting_participants is empty" in text for text in warnings(caplog))


def test_session_that_the_plan_lacks_is_skipped_and_counted_where_another_was_answered(
    zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    zoom.get(f"{API}/report/meetings/ann/participants", **NO_PLAN)

    sync = Sync("report_meeting_participants", "read_gaps")

    assert (sync.error, sync.gaps) == (None, [])
    assert sync.uuids("report_meeting_participants") == ["bob", "cat"]
    assert sync.states["report_meeting_participants"]["end_time"][:10] == DAYS_AGO[0]
    said = [line.getMessage() for line in caplog.records if "1 x NO_PLAN" in line.getMessage()]
    assert len(said) == 1


# The lists of hosts


@pytest.mark.parametrize("path", ["report/users", "report/history_meetings"])
def test_fault_of_the_lists_of_hosts_leaves_the_streams_incomplete_and_reads_what_is_known(
    path: str, zoom: requests_mock.Mocker
) -> None:
    times = {"start_time": f"{DAYS_AGO[3]}T10:00:00Z", "end_time": f"{DAYS_AGO[3]}T11:00:00Z"}
    row = {"meeting_uuid": "of ann", "meeting_id": 1, "host_email": "ann@x.org", "type": "Meeting", **times}
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": [row]})
    hosted(zoom, "ann%40x.org", session("of ann"))
    zoom.get(f"{API}/{path}", **SERVER_ERROR)

    sync = Sync("report_meetings", "report_meeting_participants")

    assert sync.uuids("report_meetings") == {"report/users": ["of ann"]}.get(path, list(HOSTS))
    assert sync.failures == [(name, "transient_error") for name in ("report_meeting_participants", "report_meetings")]
    assert {state["end_time"] for state in sync.states.values()} == {None}


def test_webinars_whose_reports_the_licence_lacks_have_their_listed_rows(
    zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    for host in HOSTS:
        hosted(zoom, host, session(host, type=5))
    zoom.get(re.compile("/report/webinars/"), **refusal(400, 200, "Webinar plan is missing. You must subscribe to it."))

    sync = Sync("report_webinars", "report_webinar_participants")

    assert sync.error is None
    assert sync.uuids("report_webinars") == list(HOSTS)
    assert sync.states["report_webinars"]["end_time"][:10] == DAYS_AGO[0]
    assert sync.states["report_webinar_participants"]["end_time"] is None
    assert [text.split()[1] for text in warnings(caplog) if "is empty" in text] == ["report_webinar_participants"]
    assert len([text for text in warnings(caplog) if "report_webinars has only what the list" in text]) == 1


# Hosts who are gone, and participants that are denied


def test_meetings_of_a_host_who_is_gone_are_read_by_the_names_that_the_history_has(zoom: requests_mock.Mocker) -> None:
    times = {"start_time": f"{DAYS_AGO[3]}T10:00:00Z", "end_time": f"{DAYS_AGO[3]}T11:00:00Z"}
    row = {"meeting_uuid": "left", "meeting_id": 1, "host_email": "eve@x.org", "type": "Meeting", **times}
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": [row]})
    zoom.get(f"{API}/report/users/eve%40x.org/meetings", **refusal(404, 1001, "User does not exist: eve@x.org."))

    sync = Sync("report_meetings", "report_meeting_participants", "read_gaps")

    assert (sync.error, sync.gaps) == (None, [])
    for name in ("report_meetings", "report_meeting_participants"):
        assert sync.uuids(name) == sorted([*HOSTS, "left"])


@pytest.mark.parametrize("encoding", ["a%2Fb", "a%252Fb"])
def test_participants_are_read_in_the_encoding_of_the_uuid_that_zoom_understands(
    encoding: str, zoom: requests_mock.Mocker
) -> None:
    hosted(zoom, "ann", session("a/b"))
    zoom.get(re.compile("/report/meetings/a"), **refusal(404, 3001, "Meeting does not exist."))
    zoom.get(f"{API}/report/meetings/{encoding}/participants", json={"participants": [attendee()]})

    sync = Sync("report_meeting_participants", "read_gaps")

    assert sync.uuids("report_meeting_participants") == ["a/b", "bob", "cat"]
    assert sync.gaps == []


def test_participants_that_zoom_denies_are_a_gap_that_each_sync_asks_for(zoom: requests_mock.Mocker) -> None:
    path = f"{API}/report/meetings/ann/participants"
    zoom.get(path, **refusal(404, 3001, "Meeting does not exist."))
    first = Sync("report_meeting_participants", "read_gaps")
    second = Sync("report_meeting_participants", "read_gaps", state=first.states)

    for sync in (first, second):
        assert sync.error is None
        assert sync.gaps == [("report_meeting_participants", "session", "ann", "GONE")]
    assert first.uuids("report_meeting_participants") == ["bob", "cat"]

    zoom.get(path, json={"participants": [attendee()]})
    third = Sync("report_meeting_participants", "read_gaps", state=second.states)
    assert third.uuids("report_meeting_participants") == ["ann"]
    assert third.gaps == []


@pytest.mark.parametrize("path", ["report/users", "report/history_meetings"])
@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, 300, "Invalid parameter."),
        refusal(401, 124, "Invalid access token."),
        refusal(403, 403, "Forbidden."),
        refusal(404, 404, "Not found."),
    ],
    ids=["400", "401", "403", "404"],
)
def test_lists_of_hosts_that_the_app_may_not_have_are_done_without(
    answer: dict[str, Any], path: str, zoom: requests_mock.Mocker, caplog: pytest.LogCaptureFixture
) -> None:
    zoom.get(f"{API}/users", json={"users": []})
    zoom.get(f"{API}/users?status=active", json={"users": [{"id": host} for host in HOSTS]})
    zoom.get(f"{API}/{path}", **answer)

    sync = Sync("report_meetings", "read_gaps")

    assert sync.error is None
    assert sync.uuids("report_meetings") == list(HOSTS)
    assert sync.gaps == []
    assert sync.states["report_meetings"]["end_time"][:10] == DAYS_AGO[0]
    assert len(warnings(caplog)) == 1


def test_token_that_is_refused_everywhere_is_a_config_error(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile(f"^{API}/"), **refusal(401, 124, "Invalid access token."))

    sync = Sync("report_meetings", "read_gaps")

    assert ("report_meetings", "config_error") in sync.failures
    assert sync.states["report_meetings"]["end_time"] is None


def test_what_was_under_way_when_a_host_was_refused_and_then_stopped_is_read_once_the_host_answers(
    zoom: requests_mock.Mocker,
) -> None:
    start = TODAY.subtract(days=85).date()
    windows = list(grid(start.subtract(days=1), TODAY.date()))
    days = [min(max(start, window.first.add(days=3)), TODAY.date()).to_date_string() for window in windows]
    phase, failed = "refused later", 0

    def listed(asked: Any, answer: Any) -> dict[str, Any]:
        nonlocal failed
        first, last = asked.qs["from"][0], asked.qs["to"][0]
        if phase == "refused" or (phase == "refused later" and first >= windows[-1].key):
            answer.status_code = 400
            return {"code": 200, "message": "No permission."}
        if phase == "refused later" and first >= windows[-2].key:
            failed += 1
            if failed <= MAX_RETRIES + 1:
                answer.status_code = 500
                return {"code": 500, "message": "Internal error."}
            answer.status_code = 429
            answer.headers["X-RateLimit-Type"] = "Daily-limit"
            return {"code": 429, "message": DAILY_LIMIT}
        return {"meetings": [row_of(day, day, participants_count=2) for day in days if first <= day <= last]}

    for host in HOSTS[1:]:
        hosted(zoom, host, row_of(host, days[-1], participants_count=2))
    zoom.get(f"{API}/report/users/ann/meetings", json=listed)
    read: set[str] = set()
    state: dict[str, Any] = {}
    for phase in ("refused later", "refused", "answers", "answers"):  # noqa: B007 - the answers look at it
        sync = Sync("report_meeting_participants", state=state, start_date=f"{start}T00:00:00Z")
        read |= set(sync.uuids("report_meeting_participants"))
        state = sync.states

    assert read == {*days, *HOSTS[1:]}


def test_a_row_that_cannot_be_used_costs_no_other_list(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/users?status=active", json={"users": [{"email": "odd@x.org"}, {"id": "ann"}]})
    zoom.get(f"{API}/users?status=inactive", json={"users": [{"id": host} for host in HOSTS[1:]]})
    hosted(zoom, "ann", session("ann"), {"id": 1, "end_time": f"{DAYS_AGO[3]}T11:00:00Z"})
    zoom.get(f"{API}/report/users/ann/meetings?type=pastOne", json={"meetings": [session("alone")]})

    users = Sync("users", "read_gaps", mode=SyncMode.full_refresh)
    sessions = Sync("report_meetings", report_hosts="all", include_one_participant_sessions=True)

    assert sorted(row["id"] for row in users.rows("users")) == list(HOSTS)
    assert users.gaps == [("users", "list", "users", "UNUSABLE")]
    assert sessions.error is None
    assert sessions.uuids("report_meetings") == ["alone", *HOSTS]


def test_series_whose_details_are_at_fault_leave_their_registrants_incomplete(zoom: requests_mock.Mocker) -> None:
    numbers = range(1, 3 + MOST_FAULTS)
    zoom.get(f"{API}/users?status=active", json={"users": [{"id": "ann"}]})
    zoom.get(f"{API}/users?status=inactive", json={"users": []})
    listed = [{"id": number, "uuid": f"u{number}", "type": 8, "host_id": "ann"} for number in numbers]
    zoom.get(f"{API}/users/ann/meetings", json={"meetings": listed})
    zoom.get(re.compile(rf"{API}/meetings/[0-9]+\?"), **SERVER_ERROR)
    zoom.get(re.compile("/registrants"), json={"registrants": []})

    sync = Sync("meeting_registrants", "read_gaps", mode=SyncMode.full_refresh)

    assert sync.status("meeting_registrants") == "INCOMPLETE"
    assert sync.failures == [("meeting_registrants", "transient_error")]
    assert {meaning for *_, meaning in sync.gaps} == {"BROKEN"}


@pytest.mark.parametrize("answer", [NO_PERMISSION, NO_SCOPE])
def test_sessions_that_are_known_are_read_though_owners_of_webinars_are_not(
    answer: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    everyone = [{"id": host, "email": f"{host}@x.org"} for host in (*HOSTS, *(f"u{number}" for number in range(12)))]
    zoom.get(f"{API}/report/history_meetings", **refusal(403, 0, "no"))
    zoom.get(f"{API}/users?status=active", json={"users": everyone})
    zoom.get(f"{API}/users?status=inactive", json={"users": []})
    zoom.get(re.compile("/users/[^/]+/webinars"), **answer)
    zoom.get(re.compile("/report/users/u[0-9]+/meetings"), json={"meetings": []})
    for host in HOSTS:
        hosted(zoom, host, session(host, type=5))
    zoom.get(re.compile("/report/webinars/[^/]+$"), json=detail)

    sync = Sync("report_webinars")

    assert sync.uuids("report_webinars") == list(HOSTS)
    # Without the scope it is not known whose webinars there are; where all lists are refused, every user is asked.
    assert sync.status("report_webinars") == ("COMPLETE" if answer is NO_PERMISSION else "INCOMPLETE")


@pytest.mark.parametrize("has_scope", [True, False])
def test_session_of_a_host_who_is_gone_has_a_row(zoom: requests_mock.Mocker, *, has_scope: bool) -> None:
    times = {"start_time": f"{DAYS_AGO[3]}T10:00:00Z", "end_time": f"{DAYS_AGO[3]}T11:00:00Z"}
    told = {"meeting_uuid": "gone", "meeting_id": 5, "type": "Meeting", "host_email": "cat@x.org", "participants": 4}
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": [{**told, **times}]})
    zoom.get(f"{API}/report/users/cat/meetings", **refusal(404, 1001, "User does not exist: cat."))
    if not has_scope:
        zoom.get(re.compile("/report/meetings/[^/]+$"), **NO_SCOPE)

    sync = Sync("report_meetings")

    [row] = [row for row in sync.rows("report_meetings") if row["uuid"] == "gone"]
    assert (row["meeting_id"], row["host_id"]) == ("5", "cat")
    assert row["dept"] == ("D" if has_scope else "")
    assert not [name for name in row if name.startswith("source_zoom")]


def test_each_stream_has_its_turn_when_hosts_who_were_refused_are_asked_again(zoom: requests_mock.Mocker) -> None:
    many = [f"h{number:02}" for number in range(ASKED_AGAIN + 5)]
    zoom.get(re.compile("/report/users/[hz]"), **NO_PERMISSION)
    now = TODAY.format("YYYY-MM-DD[T]HH:mm:ss[Z]")
    cause = {"meaning": "NO_PERMISSION", "refused": True}
    state: Mapping[str, Any] = {
        name: {
            "version": 2,
            "end_time": now,
            "settled": False,
            "read_with": {"first": DAYS_AGO[9], "one_participant": False},
            "covered": None,
            "hosts": {
                "done": {},
                "missing": {},
                "refused": [{"first": DAYS_AGO[5], "asked": now, **cause, "names": names}],
            },
            "unknown": [],
            "recent": {},
            "retry": {},
        }
        for name, names in {"report_meetings": many, "report_meeting_participants": [*many, "zed"]}.items()
    }

    for _ in range(2):
        state = Sync(*state, state=state).states

    assert "/v2/report/users/zed/meetings" in {asked.path for asked in zoom.request_history}
