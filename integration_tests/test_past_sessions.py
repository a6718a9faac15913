"""Past sessions: exact rows whatever Zoom's days are, and reads that cost what is new."""

import threading
from functools import partial
from typing import Any

import pendulum
import pytest
import requests

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import (
    MEETING_REPORTS,
    Message,
    Output,
    as_counted,
    assert_exact,
    assert_readable,
    assert_rows,
    catalog_of,
    config_of,
    read_here,
    state_of,
)
from sandbox import Fault, Reading, Sandbox
from sandbox.areas import ROUTES
from source_zoom.streams.windows import cursor
from source_zoom.streams.windows.grid import grid

pytestmark = pytest.mark.usefixtures("unpaced")

MEETINGS, PARTICIPANTS = MEETING_REPORTS

ACTIVE_HOSTS = "/report/users"
HISTORY = "/report/history_meetings"
HOST_REPORT = "/report/users/{userId}/meetings"
MEETING_REPORT = "/report/meetings/{meetingId}"
PARTICIPANT_REPORT = "/report/meetings/{meetingId}/participants"
LISTS = {ACTIVE_HOSTS, HISTORY, HOST_REPORT}

GRID_DAY = next(window.first for window in grid(pendulum.date(2026, 3, 1), pendulum.date(2026, 4, 1))).add(days=29)
"""A day that two windows share."""


@pytest.fixture
def serve(serve: Serve, clock: Clock) -> Serve:
    return partial(serve, clock)


def read(sandbox: Sandbox, state: list[Message] | None = None, *streams: str, **config: Any) -> Output:
    return read_here(config_of(sandbox, **config), catalog_of(*(streams or MEETING_REPORTS)), state or [])


def sessions_of(*outputs: Output) -> set[str]:
    return {str(row["uuid"]) for output in outputs for row in output.records(MEETINGS)}


def ended_since(sandbox: Sandbox, moment: pendulum.DateTime) -> set[str]:
    """The sessions that ended at a moment or later."""
    return {row["uuid"] for row in sandbox.expected_rows(MEETINGS) if row["end_time"] >= moment.to_iso8601_string()}


def assert_complete(output: Output) -> None:
    assert output.all_errors() == []
    assert all(output.statuses(stream)[-1] == "COMPLETE" for stream in MEETING_REPORTS)


# What Zoom does not document


DAYS_AND_EDGES = [(zone, last_day, 0) for zone in ("UTC", "UTC-8", "UTC+9") for last_day in ("inclusive", "exclusive")]
DAYS_AND_EDGES += [("UTC-8", "exclusive", -1), ("UTC-8", "exclusive", 1), ("UTC+9", "exclusive", -1)]


@pytest.mark.parametrize(("zone", "last_day", "days_after_edge"), DAYS_AND_EDGES)
def test_rows_are_exact_whatever_zoom_takes_for_a_day(
    serve: Serve, clock: Clock, zone: str, last_day: str, days_after_edge: int
) -> None:
    clock.moment = pendulum.datetime(*GRID_DAY.timetuple()[:3], hour=1).add(days=days_after_edge)
    sandbox = serve(report_zone=zone, report_to=last_day, report_delay_seconds=7200.0)
    first = read(sandbox)
    assert_exact(first, sandbox, MEETING_REPORTS)

    clock.advance(hours=4)
    sandbox.add_sessions(6, ended_minutes_ago=230)
    clock.advance(hours=20)
    sandbox.add_sessions(6, ended_minutes_ago=130)
    second = read(sandbox, first.last_states())
    assert_complete(second)
    for stream in MEETING_REPORTS:
        assert_rows([first, second], sandbox, stream)


# What an account or an app may lack


LACKING = [("", ""), ("history", ""), ("", "active-hosts-plan"), ("history", "active-hosts")]
LACKING += [("history-plan", "active-hosts-plan")]


@pytest.mark.parametrize(("history", "hosts"), LACKING)
def test_rows_are_exact_without_what_is_optional(serve: Serve, history: str, hosts: str) -> None:
    sandbox = serve(without=frozenset({history, hosts} - {""}))
    output = read(sandbox)
    assert_exact(output, sandbox, MEETING_REPORTS)
    expected = {row["uuid"]: row for row in sandbox.expected_rows(MEETINGS)}
    for row in output.records(MEETINGS):
        assert {name: row.get(name) for name in expected[row["uuid"]]} == expected[row["uuid"]]
    asked = sandbox.counters()["by_path"]
    assert asked[HOST_REPORT]
    assert asked.get("/users", 0) == (2 if hosts else 0)
    assert asked.get(MEETING_REPORT, 0) == (len(expected) if history else 0)
    assert sandbox.counters()["repeated_urls"] == []
    said = [line for line in output.warnings() if "every user is asked" in line]
    assert len(said) == (1 if hosts else 0)


def test_small_pages_of_the_history_do_as_well(serve: Serve) -> None:
    sandbox = serve(history_page_size=30)
    output = read(sandbox)
    assert_exact(output, sandbox, MEETING_REPORTS)
    assert MEETING_REPORT not in sandbox.counters()["by_path"]


def test_columns_that_may_not_be_had_cost_no_row(serve: Serve) -> None:
    report = {HOST_REPORT, PARTICIPANT_REPORT, ACTIVE_HOSTS}
    sandbox = serve(scopes=tuple(route.granular_scope for route in ROUTES if route.template in report))
    output = read(sandbox)
    assert_exact(output, sandbox, MEETING_REPORTS)
    assert all("dept" not in row and "tracking_fields" not in row for row in output.records(MEETINGS))
    said = [line for line in output.warnings() if "tracking_fields" in line]
    assert len(said) == 1
    assert "'report:read:meeting:admin'" in said[0]


def test_all_users_are_asked_where_that_is_wanted(serve: Serve) -> None:
    sandbox = serve(without=frozenset({"history"}))
    output = read(sandbox, report_hosts="all")
    assert_exact(output, sandbox, MEETING_REPORTS, Reading(all_hosts=True))
    assert sandbox.counters()["by_path"]["/users"] == 2
    assert ACTIVE_HOSTS not in sandbox.counters()["by_path"]


def test_users_that_are_read_anyway_are_not_asked_for_again(serve: Serve) -> None:
    sandbox = serve()
    output = read(sandbox, None, *MEETING_REPORTS, "users", report_hosts="all")
    assert_exact(output, sandbox, (*MEETING_REPORTS, "users"), Reading(all_hosts=True))
    assert sandbox.counters()["by_path"]["/users"] == 2
    assert sandbox.counters()["repeated_urls"] == []


def test_sessions_of_one_participant_are_read_where_that_is_wanted(serve: Serve) -> None:
    sandbox = serve(sessions_per_host=20)
    reading = Reading(one_participant=True)
    output = read(sandbox, include_one_participant_sessions=True)
    assert_exact(output, sandbox, MEETING_REPORTS, reading)
    assert len(sandbox.expected_keys(MEETINGS, reading)) > len(sandbox.expected_keys(MEETINGS))


def test_start_date_is_the_first_day(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=12)
    first = clock.moment.subtract(days=40).date()
    output = read(sandbox, start_date=str(first))
    reading = Reading(since=first)
    for stream in MEETING_REPORTS:
        assert output.statuses(stream)[-1] == "COMPLETE"
        assert set(sandbox.expected_keys(stream, reading)) < set(sandbox.expected_keys(stream))
        assert_rows([output], sandbox, stream, reading)


def test_account_whose_plan_has_no_reports_is_empty_and_said(serve: Serve) -> None:
    sandbox = serve(without=frozenset({"reports"}))
    output = read(sandbox, None, *MEETING_REPORTS, "users")
    assert_complete(output)
    assert all(output.records(stream) == [] for stream in MEETING_REPORTS)
    assert_exact(output, sandbox, ["users"])
    for stream in MEETING_REPORTS:
        said = [line for line in output.warnings() if f"Stream {stream} is empty" in line]
        assert len(said) == 1
        assert "only available for paid account" in said[0].lower()
        assert output.states(stream)[-1]["end_time"] is None  # nothing counts as read


def test_missing_scope_is_named_in_both_forms(serve: Serve) -> None:
    lacking = next(route for route in ROUTES if route.template == HOST_REPORT)
    sandbox = serve(scopes=tuple(route.granular_scope for route in ROUTES if route is not lacking))
    output = read(sandbox, None, *MEETING_REPORTS, "users")
    assert_exact(output, sandbox, ["users"])
    for stream in MEETING_REPORTS:
        assert output.statuses(stream)[-1] == "INCOMPLETE"
        errors = output.errors(stream)
        assert [error["failure_type"] for error in errors] == ["config_error"]
        assert f"'{lacking.granular_scope}'" in errors[0]["message"]
        assert f"'{lacking.classic_scope}'" in errors[0]["message"]
        assert_readable(errors[0])

    # Nothing that was not read is in the state: once the scope is there, all rows come.
    assert_exact(read(serve(), output.last_states()), sandbox=serve(), streams=MEETING_REPORTS)


# What is known late


INSTANCES = "/past_webinars/{webinarId}/instances"
WEBINAR_LIST = "/users/{userId}/webinars"
WEBINAR_REPORTS = ("report_webinars", "webinar_absentees")


def moments(urls: list[str], part: str, end: str = "") -> list[int]:
    """When URLs with some parts were asked for, as positions among all."""
    return [position for position, url in enumerate(urls) if part in url and end in url]


def test_list_of_sessions_does_not_wait_for_the_instances_of_webinars(serve: Serve, asked_urls: list[str]) -> None:
    sandbox = serve(faults=(Fault("slow", path=INSTANCES, seconds=0.3),), webinar_hosts_percent=60)
    output = read(sandbox, None, *MEETING_REPORTS, *WEBINAR_REPORTS, num_workers=6)
    assert_exact(output, sandbox, [*MEETING_REPORTS, *WEBINAR_REPORTS])
    first_host = moments(asked_urls, "/report/users/")[0]
    assert len([one for one in moments(asked_urls, "/instances") if one > first_host]) > 1
    assert moments(asked_urls, "/report/meetings/")[0] < moments(asked_urls, "/instances")[-1]
    assert sandbox.counters()["repeated_urls"] == []
    assert output.states("webinar_absentees")[-1]["hosts"] == {"done": {}, "missing": {}, "refused": []}


def test_list_of_sessions_does_not_wait_for_the_owners_of_webinars(
    serve: Serve, asked_urls: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = serve(without=frozenset({"history"}), faults=(Fault("slow", path=WEBINAR_LIST, seconds=0.2),))
    at_once = at_once_in(monkeypatch, "/webinars?")
    output = read(sandbox, None, "report_webinars")
    assert_exact(output, sandbox, ["report_webinars"])
    assert moments(asked_urls, "/report/users/")[0] < moments(asked_urls, "/users/", "/webinars?")[-1]
    assert max(at_once) > 2
    asked = sandbox.counters()["by_path"]
    assert asked["/users"] == 2


def at_once_in(monkeypatch: pytest.MonkeyPatch, part: str) -> list[int]:
    """How many requests with a part in their URL were under way, at each of them."""
    lock, under_way, seen = threading.Lock(), 0, []
    send = requests.Session.send

    def count(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        nonlocal under_way
        if part not in str(request.url):
            return send(self, request, **kwargs)
        with lock:
            under_way += 1
            seen.append(under_way)
        try:
            return send(self, request, **kwargs)
        finally:
            with lock:
                under_way -= 1

    monkeypatch.setattr(requests.Session, "send", count)
    return seen


def test_owners_of_webinars_are_not_asked_for_where_the_history_is_open(serve: Serve) -> None:
    sandbox = serve()
    output = read(sandbox, None, "report_webinars")
    assert_exact(output, sandbox, ["report_webinars"])
    assert set(sandbox.counters()["by_path"]) == {*LISTS, "/report/webinars/{webinarId}"}


# The next reads


def test_second_read_asks_for_lists_and_for_sessions_that_just_ended(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=40)
    first = read(sandbox)
    just_ended = ended_since(sandbox, clock.moment.subtract(hours=2))
    assert just_ended
    assert just_ended < sessions_of(first)

    # Two hours after the end of each they are read once more; so it is with those that ended since.
    clock.advance(hours=2)
    sandbox.reset_counters()
    second = read(sandbox, first.last_states())
    assert_complete(second)
    since = ended_since(sandbox, clock.moment.subtract(hours=2))
    assert sessions_of(second) == just_ended | since
    asked = sandbox.counters()
    assert asked["sessions_asked"] == dict.fromkeys(just_ended | since, 1)
    assert set(asked["by_path"]) == {*LISTS, PARTICIPANT_REPORT}

    # Once all are settled, nothing is left but the lists.
    clock.advance(hours=3)
    third = read(sandbox, second.last_states())
    sandbox.reset_counters()
    fourth = read(sandbox, third.last_states())
    assert_complete(fourth)
    assert fourth.of_type("RECORD") == []
    assert set(sandbox.counters()["by_path"]) == LISTS
    for stream in MEETING_REPORTS:
        assert_rows([first, second, third, fourth], sandbox, stream)


def test_ten_new_sessions_cost_ten_calls(serve: Serve, clock: Clock) -> None:
    sandbox = serve(oddities=False, sessions_per_host=40)
    first = read(sandbox)
    clock.advance(hours=4)
    new = set(sandbox.add_sessions(10, ended_minutes_ago=180))
    sandbox.reset_counters()
    second = read(sandbox, first.last_states())
    assert_complete(second)
    assert sandbox.counters()["sessions_asked"] == dict.fromkeys(new, 1)
    assert sessions_of(second) == new
    for stream in MEETING_REPORTS:
        assert_rows([first, second], sandbox, stream)


def test_incremental_read_of_a_large_account_costs_what_is_new(serve: Serve, clock: Clock) -> None:
    users = 10_000
    sandbox = serve(
        users=users,
        meetings=0,
        oddities=False,
        hosting_percent=2,
        session_months=1,
        sessions_per_host=2,
        participants=(2, 3),
    )
    first = read(sandbox, start_date=str(clock.moment.subtract(days=32).date()))
    hosts = {row["host_id"] for row in first.records(MEETINGS)}
    assert 0.01 * users < len(hosts) < 0.03 * users
    for stream in MEETING_REPORTS:
        state = dict(first.states(stream)[-1])
        del state["recent"]
        assert len(str(state)) < 1000
        assert state["hosts"] == {"done": {}, "missing": {}, "refused": []}

    clock.advance(hours=4)
    new = set(sandbox.add_sessions(25, ended_minutes_ago=180))
    sandbox.reset_counters()
    second = read(sandbox, first.last_states(), start_date=str(clock.moment.subtract(days=32).date()))
    assert_complete(second)
    assert sessions_of(second) == new
    asked = sandbox.counters()
    assert asked["sessions_asked"] == dict.fromkeys(new, 1)
    assert set(asked["by_path"]) == {*LISTS, PARTICIPANT_REPORT}
    assert sum(count for path, count in asked["by_path"].items() if path in LISTS) < 0.03 * users


def test_session_over_midnight_that_was_running_and_one_that_reports_show_late_come_with_the_second_read(
    serve: Serve, clock: Clock
) -> None:
    clock.moment = clock.moment.start_of("day").subtract(minutes=30)
    sandbox = serve(report_delay_seconds=5400.0)
    first = read(sandbox)
    assert_exact(first, sandbox, MEETING_REPORTS)
    clock.advance(hours=4)
    second = read(sandbox, first.last_states())
    running_or_late = sessions_of(second) - sessions_of(first)
    assert len(running_or_late) >= 2
    assert {str(row["start_time"])[:10] for row in second.records(MEETINGS) if row["uuid"] in running_or_late}
    for stream in MEETING_REPORTS:
        assert_rows([first, second], sandbox, stream)
        assert second.statuses(stream)[-1] == "COMPLETE"


def test_host_who_is_active_only_a_day_later_is_read_then(serve: Serve, clock: Clock) -> None:
    sandbox = serve(without=frozenset({"history"}))
    first = read(sandbox)
    assert_exact(first, sandbox, MEETING_REPORTS)
    clock.advance(hours=26)
    second = read(sandbox, first.last_states())
    before, after = ({row["user_email"] for row in output.records(MEETINGS)} for output in (first, second))
    assert len(after - before) == 1
    for stream in MEETING_REPORTS:
        assert_rows([first, second], sandbox, stream)


def test_rows_that_were_not_filled_in_yet_are_read_again_under_the_same_key(serve: Serve, clock: Clock) -> None:
    sandbox = serve()
    first = read(sandbox)
    unfilled = {key for key, row in by_key(first).items() if not row["duration"]}
    assert unfilled
    clock.advance(hours=3)
    second = read(sandbox, first.last_states())
    filled = by_key(second)
    assert unfilled <= filled.keys()
    assert all(filled[key]["duration"] > 0 for key in unfilled)
    assert_rows([first, second], sandbox, PARTICIPANTS)
    third = read(sandbox, second.last_states())
    assert not unfilled & by_key(third).keys()


def by_key(output: Output) -> dict[tuple[Any, ...], dict[str, Any]]:
    return dict(zip(output.keys(PARTICIPANTS), output.records(PARTICIPANTS), strict=True))


def test_row_unfilled_for_longer_than_two_hours_is_read_until_it_is_filled(serve: Serve, clock: Clock) -> None:
    """It is asked for 2, 6 and 24 hours after the session's end."""
    sandbox = serve(settle_seconds=12 * 3600.0)
    first = read(sandbox)
    unfilled = {key for key, row in by_key(first).items() if not row["duration"]}
    assert unfilled
    sessions, state = {uuid for uuid, _ in unfilled}, first.last_states()
    sandbox.reset_counters()
    for hours in (2, 4):
        clock.advance(hours=hours)
        state = read(sandbox, state).last_states()
    asked = sandbox.counters()["sessions_asked"]
    assert {uuid: count for uuid, count in asked.items() if uuid in sessions and count not in {1, 2}} == {}
    assert sessions <= asked.keys()
    clock.advance(hours=18)
    last = read(sandbox, state)
    assert all(by_key(last)[key]["duration"] > 0 for key in unfilled)
    # Then they are settled.
    sandbox.reset_counters()
    clock.advance(hours=1)
    read(sandbox, last.last_states())
    assert not sessions & sandbox.counters()["sessions_asked"].keys()


# What is selected


@pytest.mark.parametrize("stream", MEETING_REPORTS)
def test_one_of_the_streams_alone(serve: Serve, clock: Clock, stream: str) -> None:
    sandbox = serve()
    first = read(sandbox, None, stream)
    assert_exact(first, sandbox, [stream])
    assert first.streams() == {stream}
    assert (PARTICIPANT_REPORT in sandbox.counters()["by_path"]) == (stream == PARTICIPANTS)
    clock.advance(hours=4)
    sandbox.add_sessions(5, ended_minutes_ago=180)
    second = read(sandbox, first.last_states(), stream)
    assert_rows([first, second], sandbox, stream)


def test_stream_that_is_selected_later_is_read_from_its_start(serve: Serve, clock: Clock) -> None:
    sandbox = serve()
    first = read(sandbox, None, MEETINGS)
    clock.advance(hours=4)
    new = set(sandbox.add_sessions(5, ended_minutes_ago=180))
    sandbox.reset_counters()
    second = read(sandbox, first.last_states())
    assert_complete(second)
    assert_rows([second], sandbox, PARTICIPANTS)
    assert len(second.keys(PARTICIPANTS)) == len(set(second.keys(PARTICIPANTS)))
    assert new <= sessions_of(second)
    assert sessions_of(second) <= new | ended_since(sandbox, clock.moment.subtract(hours=7))
    assert_rows([first, second], sandbox, MEETINGS)
    assert sandbox.counters()["repeated_urls"] == []

    sandbox.reset_counters()
    clock.advance(hours=3)
    third = read(sandbox, second.last_states())
    fourth = read(sandbox, third.last_states())
    assert fourth.of_type("RECORD") == []


def test_stream_with_an_older_state_catches_up_and_the_other_is_not_read_again(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=40, oddities=False)
    first = read(sandbox)
    clock.advance(days=20)
    early = set(sandbox.add_sessions(5, ended_minutes_ago=180))
    second = read(sandbox, first.last_states(), PARTICIPANTS)
    clock.advance(days=15)
    late = set(sandbox.add_sessions(5, ended_minutes_ago=180))
    sandbox.reset_counters()
    third = read(sandbox, [*second.last_states(), *first.last_states()[:1]])
    assert_complete(third)
    assert sandbox.counters()["sessions_asked"] == dict.fromkeys(late, 1)
    assert sessions_of(third) == early | late
    # The oldest sessions are not served any more, but had been read.
    assert {uuid for (uuid,) in sandbox.expected_keys(MEETINGS)} < sessions_of(first, third)
    rows = as_counted(PARTICIPANTS, [key for output in (first, second, third) for key in output.keys(PARTICIPANTS)])
    assert set(sandbox.expected_keys(PARTICIPANTS)) < set(rows)


# States that came from elsewhere


def served(clock: Clock) -> pendulum.Date:
    """The first day that Zoom still serves."""
    return clock.moment.subtract(months=6).date()


STATE: dict[str, Any] = {
    "version": 2,
    "end_time": None,
    "settled": False,
    "read_with": {"first": "2025-09-15", "one_participant": False},
    "covered": None,
    "hosts": {"done": {}, "missing": {}, "refused": []},
    "unknown": [],
    "recent": {},
    "retry": {},
}


def blob(end_time: pendulum.DateTime | None, **parts: Any) -> dict[str, Any]:
    """A state of this connector."""
    moment = end_time.format("YYYY-MM-DD[T]HH:mm:ss[Z]") if end_time else None
    return {**STATE, "end_time": moment, **parts}


def test_state_of_seven_months_ago_is_continued_from_the_first_day_served(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=12)
    old = blob(clock.moment.subtract(months=7), retry={})
    output = read(sandbox, [state_of(stream, old) for stream in MEETING_REPORTS])
    assert_exact(output, sandbox, MEETING_REPORTS)
    for stream in MEETING_REPORTS:
        said = [line for line in output.warnings() if stream in line]
        assert len(said) == 1
        assert str(served(clock)) in said[0]


def test_missing_days_that_are_out_of_reach_are_dropped_and_said(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=12)
    first = read(sandbox, None, MEETINGS)
    gone = clock.moment.subtract(months=7).date()
    state = first.last_states()
    state[0]["stream"]["stream_state"]["hosts"]["missing"] = {
        "a-host": [{"first": str(gone), "last": str(gone.add(days=5)), "since": str(gone), "meaning": "BROKEN"}]
    }
    second = read(sandbox, state, MEETINGS)
    assert second.statuses(MEETINGS)[-1] == "COMPLETE"
    assert len([line for line in second.warnings() if MEETINGS in line]) == 1
    assert second.states(MEETINGS)[-1]["hosts"]["missing"] == {}
    assert_rows([first, second], sandbox, MEETINGS)


def test_state_in_the_future_counts_as_now(serve: Serve, clock: Clock) -> None:
    sandbox = serve(sessions_per_host=90)
    future = blob(clock.moment.add(years=5))
    output = read(sandbox, [state_of(stream, future) for stream in MEETING_REPORTS])
    assert_complete(output)
    reading = Reading(since=clock.moment.subtract(days=4).date())
    for stream in MEETING_REPORTS:
        assert_rows([output], sandbox, stream, reading)
        assert output.states(stream)[-1]["end_time"] == clock.moment.format("YYYY-MM-DD[T]HH:mm:ss[Z]")


@pytest.mark.parametrize(
    "foreign",
    [
        {"__ab_no_cursor_state_message": True},
        {"date": "2026-01-01"},
        {"end_time": "2026-03-01T00:00:00Z"},
        {"states": [{"partition": {"parent_slice": {}, "uuid": "x"}, "cursor": {"end_time": "2026-03-01"}}]},
        {**STATE, "end_time": "yesterday"},
        {"version": 1, "end_time": None, "hosts": {"done": {}, "missing": {}}, "recent": {}, "retry": {}},
        {**STATE, "version": 3},
        {**STATE, "retry": {"u": {}}},
        {**STATE, "hosts": {"done": {}, "missing": [], "refused": []}},
    ],
    ids=[
        "sentinel",
        "legacy",
        "similar",
        "declarative",
        "no date",
        "earlier version",
        "later version",
        "damaged",
        "list",
    ],
)
def test_state_of_another_kind_is_as_none_and_said_once(serve: Serve, foreign: dict[str, Any]) -> None:
    sandbox = serve(oddities=False)
    output = read(sandbox, [state_of(stream, foreign) for stream in MEETING_REPORTS])
    assert_exact(output, sandbox, MEETING_REPORTS)
    for stream in MEETING_REPORTS:
        assert len([line for line in output.warnings() if f"The state of stream {stream} is not used" in line]) == 1


def test_full_refresh_ignores_the_state_and_leaves_airbytes_mark(serve: Serve, clock: Clock) -> None:
    sandbox = serve()
    first = read(sandbox)
    clock.advance(hours=4)
    in_full = catalog_of(*MEETING_REPORTS, sync_mode="full_refresh", destination_sync_mode="overwrite")
    second = read_here(config_of(sandbox), in_full, first.last_states())
    assert_exact(second, sandbox, MEETING_REPORTS)
    for stream in MEETING_REPORTS:
        assert second.states(stream) == [{"__ab_no_cursor_state_message": True}]
    third = read(sandbox, second.last_states())
    assert_exact(third, sandbox, MEETING_REPORTS)
    assert third.states(MEETINGS)[-1]["end_time"]


# States on the way


def test_states_leave_while_work_goes_on(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cursor, "CHECKPOINT_SECONDS", 0.01)
    sandbox = serve(sessions_per_host=12)
    output = read(sandbox)
    assert_exact(output, sandbox, MEETING_REPORTS)
    for stream in MEETING_REPORTS:
        kinds = [
            message["type"]
            for message in output.messages
            if message["type"] in {"RECORD", "STATE"} and stream in str(message)[:200]
        ]
        assert kinds.count("STATE") > 3
        assert "RECORD" in kinds[kinds.index("STATE") :]
        end_times = [state["end_time"] or "" for state in output.states(stream)]
        assert end_times == sorted(end_times)


def test_same_days_are_asked_once_of_the_account(serve: Serve, asked_urls: list[str]) -> None:
    sandbox = serve()
    assert_exact(read(sandbox), sandbox, MEETING_REPORTS)
    whole_account = [url for url in asked_urls if "/report/users?" in url or "/report/history_meetings?" in url]
    assert whole_account
    assert len(whole_account) == len(set(whole_account))
