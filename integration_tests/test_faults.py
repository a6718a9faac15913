"""Zoom on a bad day: rows are exact and the stream complete, or what is missing is said."""

import time
from collections.abc import Collection, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from integration_tests.conftest import NOON, SMALL_ACCOUNT, Clock, Serve
from integration_tests.connector import (
    CATALOG,
    GAPS,
    IMPATIENT_COMMAND,
    INCREMENTAL,
    PAST_SESSIONS,
    STREAMS,
    Connector,
    Key,
    Output,
    assert_exact,
    assert_readable,
    catalog_of,
    config_of,
    read_here,
)
from integration_tests.impatient import short_sleep
from sandbox import Fault, Label, Sandbox, SandboxOptions
from sandbox.areas import ROUTES
from sandbox.routing import Route
from source_zoom.judge import MOST_FAULTS

pytestmark = pytest.mark.usefixtures("unpaced")

USERS = "/users"
MEETING_LIST = "/users/{userId}/meetings"
DETAIL = "/meetings/{meetingId}"
REGISTRANTS = "/meetings/{meetingId}/registrants"
QUESTIONS = "/meetings/{meetingId}/registrants/questions"
POLLS = "/meetings/{meetingId}/polls"
POLL_RESULTS = "/past_meetings/{meetingId}/polls"
WEBINAR_LIST = "/users/{userId}/webinars"
WEBINAR_DETAIL = "/webinars/{webinarId}"
WEBINAR_REGISTRANTS = "/webinars/{webinarId}/registrants"
WEBINAR_QUESTIONS = "/webinars/{webinarId}/registrants/questions"
PANELISTS = "/webinars/{webinarId}/panelists"
WEBINAR_POLLS = "/webinars/{webinarId}/polls"
TRACKING_SOURCES = "/webinars/{webinarId}/tracking_sources"
INSTANCES = "/past_webinars/{webinarId}/instances"
ABSENTEES = "/past_webinars/{webinarId}/absentees"
WEBINAR_POLL_RESULTS = "/past_webinars/{webinarId}/polls"
QNA_RESULTS = "/past_webinars/{webinarId}/qa"
CHANNELS = "/chat/channels"
ACTIVE_HOSTS = "/report/users"
HISTORY = "/report/history_meetings"
HOST_REPORT = "/report/users/{userId}/meetings"
PARTICIPANTS = "/report/meetings/{meetingId}/participants"
WEBINAR_REPORT = "/report/webinars/{webinarId}"
WEBINAR_PARTICIPANTS = "/report/webinars/{webinarId}/participants"

OF_MEETINGS = ("meetings", "meeting_registrants", "meeting_questions", "meeting_polls")
OF_WEBINARS = (
    "webinars",
    "webinar_registrants",
    "webinar_questions",
    "webinar_panelists",
    "webinar_polls",
    "webinar_tracking_sources",
)

HIT = {
    USERS: {"users", "pending_users", *OF_MEETINGS, *OF_WEBINARS, "webinar_absentees"},
    MEETING_LIST: {*OF_MEETINGS},
    DETAIL: {"meetings"},
    REGISTRANTS: {"meeting_registrants"},
    QUESTIONS: {"meeting_questions"},
    POLLS: {"meeting_polls"},
    POLL_RESULTS: {"meeting_poll_results"},
    WEBINAR_LIST: {*OF_WEBINARS, "webinar_absentees"},
    WEBINAR_DETAIL: {"webinars"},
    WEBINAR_REGISTRANTS: {"webinar_registrants"},
    WEBINAR_QUESTIONS: {"webinar_questions"},
    PANELISTS: {"webinar_panelists"},
    WEBINAR_POLLS: {"webinar_polls"},
    TRACKING_SOURCES: {"webinar_tracking_sources"},
    INSTANCES: {"webinar_absentees"},
    ABSENTEES: {"webinar_absentees"},
    WEBINAR_POLL_RESULTS: {"webinar_poll_results"},
    QNA_RESULTS: {"webinar_qna_results"},
    WEBINAR_REPORT: {"report_webinars"},
    WEBINAR_PARTICIPANTS: {"report_webinar_participants"},
    CHANNELS: {"channels"},
    ACTIVE_HOSTS: {*PAST_SESSIONS},
    HISTORY: {*PAST_SESSIONS},
    HOST_REPORT: {*PAST_SESSIONS},
    PARTICIPANTS: {"report_meeting_participants"},
}
"""The streams that cannot be complete without an endpoint."""

OPTIONAL = {ACTIVE_HOSTS, HISTORY}
"""What an account may lack: it has to answer, but may answer that."""

EMPTY_WITHOUT = {
    path: HIT[path]
    for path in (
        *(PARTICIPANTS, WEBINAR_REGISTRANTS, WEBINAR_QUESTIONS, PANELISTS, WEBINAR_POLLS, TRACKING_SOURCES),
        *(ABSENTEES, WEBINAR_POLL_RESULTS, QNA_RESULTS, WEBINAR_PARTICIPANTS, HOST_REPORT),
        *(MEETING_LIST, DETAIL, REGISTRANTS, QUESTIONS, POLLS),
    )
}
"""What a plan may lack altogether."""

PRODUCTS = {*EMPTY_WITHOUT, *OPTIONAL, POLL_RESULTS, WEBINAR_LIST, WEBINAR_DETAIL, INSTANCES, WEBINAR_REPORT}
"""Where Zoom's answer that a plan lacks something is no failure."""

FORBIDDEN = [USERS, MEETING_LIST, DETAIL, POLLS, CHANNELS, HISTORY, HOST_REPORT, PARTICIPANTS, WEBINAR_LIST, ABSENTEES]

OF_NOW = tuple(stream for stream in STREAMS if stream not in INCREMENTAL)

ON_LIGHT = {"meetings", "meeting_polls", "webinars", "webinar_polls", "webinar_absentees"}
"""The streams that cannot be complete without Light requests."""
ON_HEAVY = {
    "report_meetings",
    "report_meeting_participants",
    "report_webinars",
    "report_webinar_participants",
    "report_operation_logs",
}
"""The streams that need Heavy requests only."""
ON_PHONE = {"phone_call_history", "phone_call_elements"}
"""The streams of Zoom Phone, whose labels are its own."""

OF_ARCHIVE = {"archive_files"}
"""The incremental streams that need Medium requests only."""

WORKERS = 4


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", short_sleep)


@pytest.fixture
def serve(serve: Serve, clock: Clock) -> Serve:
    return lambda clock=clock, **options: serve(clock, **options)


@cache
def undisturbed() -> tuple[dict[str, set[Key]], int]:
    """What the account holds, and how many requests it takes to read it."""
    with Sandbox(SandboxOptions(**SMALL_ACCOUNT), clock=NOON.timestamp) as sandbox:
        output = read_here(config_of(sandbox), CATALOG)
        assert_exact(output, sandbox, STREAMS)
        return {stream: set(output.keys(stream)) for stream in STREAMS}, sandbox.counters()["requests"]


def read(sandbox: Sandbox, streams: Sequence[str] = STREAMS) -> Output:
    return read_here(config_of(sandbox, num_workers=WORKERS), catalog_of(*streams, GAPS))


def gaps_of(output: Output, stream: str) -> list[dict[str, Any]]:
    return [gap for gap in output.records(GAPS) if gap["stream"] == stream]


def assert_nothing_is_missing_unsaid(
    output: Output, incomplete: Collection[str], streams: Sequence[str] = STREAMS
) -> None:
    """These streams say that and why they are incomplete; each other one is complete and has all its rows.

    One of them may be complete where it lacks single objects, all of them listed: three at most in a full refresh.
    """
    rows, _ = undisturbed()
    failed = set()
    for stream in streams:
        delivered, errors = set(output.keys(stream)), output.errors(stream)
        assert delivered <= rows[stream]
        if stream in incomplete and output.statuses(stream)[-1] == "INCOMPLETE":
            assert errors
            failed.add(stream)
            continue
        assert output.statuses(stream)[-1] == "COMPLETE"
        assert errors == []
        if stream in incomplete:
            assert has_listed_gaps(output, stream)
        else:
            assert gaps_of(output, stream) == []
            assert delivered == rows[stream]
    for error in output.all_errors():
        assert_readable(error)
    summary = output.errors()
    assert len(summary) == (1 if failed else 0)
    assert all(name in summary[0]["message"] for name in failed)
    assert output.streams() == {*streams, GAPS}


def has_listed_gaps(output: Output, stream: str) -> bool:
    """Whether a stream lacks single objects, each listed and warned of, none of them the list of everything."""
    gaps = gaps_of(output, stream)
    is_warned = any(f"Stream {stream} lacks what could not be read" in line for line in output.warnings())
    faults = [gap for gap in gaps if gap["meaning"] == "BROKEN"]
    is_listed = is_warned and all(gap["object_type"] != "list" for gap in gaps)
    return bool(gaps) and is_listed and (stream in PAST_SESSIONS or len(faults) <= MOST_FAULTS)


def incomplete_without(path: str, output: Output) -> set[str]:
    """The streams that are to say that they are incomplete.

    Registrants and questions can be read without the detail, but only there Zoom says for which occurrences people
    registered. So all rows and complete is right, and so is incomplete and said.
    """
    of_registration = {
        DETAIL: {"meeting_registrants", "meeting_questions"},
        WEBINAR_DETAIL: {"webinar_registrants", "webinar_questions"},
    }
    return HIT[path] | {
        stream for stream in of_registration.get(path, ()) if output.errors(stream) or gaps_of(output, stream)
    }


PASSING = [
    Fault("http-500", rate=0.2),
    Fault("reset", rate=0.2),
    Fault("truncate", rate=0.2),
    Fault("html", rate=0.2),
    Fault("per-second-limit", label=Label.LIGHT, every=12),
    Fault("unauthorized", at=1),
    Fault("unauthorized", at=20),
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{fault.name}-{fault.at or ''}")
def test_trouble_that_passes_costs_requests_but_no_rows(serve: Serve, fault: Fault) -> None:
    sandbox = serve(faults=(fault,))
    output = read(sandbox)
    assert_exact(output, sandbox, STREAMS)
    assert_nothing_is_missing_unsaid(output, incomplete=())
    assert sandbox.counters()["requests"] > undisturbed()[1]


def test_all_troubles_at_once_cost_no_rows(serve: Serve) -> None:
    faults = [Fault(name, rate=0.1) for name in ("http-500", "reset", "truncate", "html")]
    sandbox = serve(faults=(*faults, Fault("unauthorized", at=15), Fault("token-endpoint", status=503, times=2)))
    assert_exact(read(sandbox), sandbox, STREAMS)


@pytest.mark.parametrize("at", [1, 20, 40])
def test_dead_access_token_is_renewed_once_for_all_threads(serve: Serve, at: int) -> None:
    sandbox = serve(faults=(Fault("unauthorized", at=at),))
    output = read(sandbox)
    assert_exact(output, sandbox, STREAMS)
    counters = sandbox.counters()
    assert counters["codes"]["401/124"] >= 1
    assert counters["tokens_issued"] == 2


def test_token_endpoint_that_recovers_costs_nothing(serve: Serve) -> None:
    sandbox = serve(faults=(Fault("token-endpoint", status=503, times=3),))
    output = read(sandbox)
    assert_exact(output, sandbox, STREAMS)
    assert sandbox.counters()["token_requests"] == 4


@pytest.mark.parametrize("status", [400, 503])
def test_token_endpoint_that_stays_down_ends_the_sync_with_one_error_before_any_stream_begins(
    serve: Serve, status: int
) -> None:
    sandbox = serve(faults=(Fault("token-endpoint", status=status),))
    output = read(sandbox)
    assert set(output.types()) == {"TRACE"}
    [error] = output.all_errors()
    assert_readable(error)
    assert error["failure_type"] == ("config_error" if status == 400 else "transient_error")
    counters = sandbox.counters()
    assert counters["token_requests"] == (1 if status == 400 else 7)
    assert counters["requests"] == 0


def test_user_who_left_is_skipped_and_counted(serve: Serve) -> None:
    sandbox = serve(oddities=False, sessions_per_host=12, faults=(Fault("host-gone", user=2),))
    output = read(sandbox)
    assert_exact(output, sandbox, OF_NOW)
    # The account's history still names that user's past sessions.
    assert_exact(output, serve(oddities=False, sessions_per_host=12), PAST_SESSIONS)
    assert output.all_errors() == []
    assert any("1 x USER_GONE (404/1001" in line for line in output.logs())


def test_user_whose_meetings_cannot_be_listed_costs_only_that_users_rows(tmp_path: Path, serve: Serve) -> None:
    sandbox = serve(time.time, oddities=False, sessions_per_host=12, faults=(Fault("user-broken", user=2),))
    output = Connector(tmp_path, IMPATIENT_COMMAND).run("read", config=config_of(sandbox), catalog=CATALOG)
    for stream in OF_MEETINGS:
        assert sandbox.expected_keys(stream)
        assert sorted(output.keys(stream)) == sorted(sandbox.expected_keys(stream))
        assert output.statuses(stream) == ["STARTED", "RUNNING", "COMPLETE"]
        assert len([line for line in output.warnings() if f"Stream {stream} lacks" in line]) == 1
        [gap] = gaps_of(output, stream)
        assert (gap["object_type"], gap["meaning"], gap["http_status"]) == ("user", "BROKEN", 500)
    assert len({gap["object_id"] for gap in output.records(GAPS)}) == 1
    assert {gap["stream"] for gap in output.records(GAPS)} == {*OF_MEETINGS}
    assert_exact(output, sandbox, [stream for stream in STREAMS if stream not in OF_MEETINGS])
    assert output.streams() == {*STREAMS, GAPS}
    assert output.all_errors() == []
    assert output.exit_code == 0


@pytest.mark.parametrize(
    ("name", "path"), [*(("http-500", path) for path in HIT), *(("forbidden", path) for path in FORBIDDEN)]
)
def test_endpoint_that_never_answers_fails_what_needs_it_and_nothing_else(serve: Serve, name: str, path: str) -> None:
    sandbox = serve(faults=(Fault(name, path=path),))
    output = read(sandbox)
    if name == "forbidden" and path in OPTIONAL:
        assert_exact(output, serve(without=frozenset({"history"})), STREAMS)
        assert any("HTTP 403" in line for line in output.warnings())
        return
    assert_nothing_is_missing_unsaid(output, incomplete_without(path, output))
    status, type_ = ("500", "transient_error") if name == "http-500" else ("403", "config_error")
    for stream in HIT[path]:
        if output.statuses(stream)[-1] == "INCOMPLETE":
            assert f"HTTP {status}" in output.errors(stream)[0]["message"]
            assert output.errors(stream)[0]["failure_type"] == type_
        assert {str(gap["http_status"]) for gap in gaps_of(output, stream)} <= {status}


@pytest.mark.parametrize("path", [path for path in HIT if path not in PRODUCTS])
def test_error_in_a_200_is_an_error(serve: Serve, path: str) -> None:
    sandbox = serve(faults=(Fault("error-in-200", path=path),))
    output = read(sandbox)
    assert_nothing_is_missing_unsaid(output, incomplete_without(path, output))
    assert all("Only available for Paid account" in output.errors(stream)[0]["message"] for stream in HIT[path])


@pytest.mark.parametrize("path", EMPTY_WITHOUT)
def test_product_the_accounts_plan_lacks_is_an_empty_stream_and_said(serve: Serve, path: str) -> None:
    sandbox = serve(faults=(Fault("error-in-200", path=path),))
    output = read(sandbox)
    for stream in EMPTY_WITHOUT[path]:
        assert output.statuses(stream)[-1] == "COMPLETE"
        # Webinars that nobody attended are known without the reports.
        assert output.records(stream) == [] or (path, stream) == (HOST_REPORT, "webinar_absentees")
        assert gaps_of(output, stream) == []
    said = [line for line in output.warnings() if "plan does not include it" in line or "account lacks" in line]
    assert said
    others = [stream for stream in STREAMS if stream not in incomplete_without(path, output) | EMPTY_WITHOUT[path]]
    assert_exact(output, sandbox, others)


def test_report_the_accounts_plan_lacks_is_done_without(serve: Serve) -> None:
    sandbox = serve(faults=tuple(Fault("error-in-200", path=path) for path in sorted(OPTIONAL)))
    output = read(sandbox, PAST_SESSIONS)
    assert_nothing_is_missing_unsaid(output, incomplete=(), streams=PAST_SESSIONS)


SMALL_PAGES = [(CHANNELS, 2, OF_NOW), (MEETING_LIST, 2, OF_NOW), (PARTICIPANTS, 30, PAST_SESSIONS)]
SMALL_PAGES += [(path, 20, PAST_SESSIONS) for path in (HOST_REPORT, HISTORY)]


@pytest.mark.parametrize(("path", "rows", "streams"), SMALL_PAGES)
def test_dead_page_token_makes_the_list_start_again(
    serve: Serve, path: str, rows: int, streams: tuple[str, ...]
) -> None:
    sandbox = serve(page_cap=rows, faults=(Fault("dead-page-token", page=2, path=path),))
    output = read(sandbox, streams)
    assert_nothing_is_missing_unsaid(output, (), streams)
    assert output.all_errors() == []
    assert any(code.startswith("400/300") for code in sandbox.counters()["codes"])


@pytest.mark.parametrize("path", [CHANNELS, MEETING_LIST])
def test_page_token_that_is_always_dead_ends_the_list(serve: Serve, path: str) -> None:
    sandbox = serve(page_cap=2, faults=(Fault("dead-page-token", page=2, path=path, times=1_000_000),))
    output = read(sandbox, OF_NOW)
    assert_nothing_is_missing_unsaid(output, HIT[path], OF_NOW)
    assert all("page token" in output.errors(stream)[0]["message"] for stream in HIT[path])
    assert sandbox.counters()["by_path"][path] <= 2 * 2 * 2 * SMALL_ACCOUNT["users"]  # with a second try


@pytest.mark.parametrize("path", [USERS, CHANNELS])
def test_page_token_given_twice_ends_the_list(serve: Serve, path: str) -> None:
    sandbox = serve(page_cap=2, faults=(Fault("repeat-page-token", path=path),))
    output = read(sandbox, OF_NOW)
    for stream in HIT[path] & {*OF_NOW}:
        assert output.statuses(stream)[-1] == "INCOMPLETE"
        assert len(output.errors(stream)) == 1
        assert f"GET {path} does not end: Zoom gave the same page token twice." in output.errors(stream)[0]["message"]
        assert_readable(output.errors(stream)[0])
    assert_exact(output, serve(page_cap=2), [stream for stream in OF_NOW if stream not in HIT[path]])
    assert sandbox.counters()["by_path"][path] <= 2 * 2 * 3  # with a second try, and of users each status


@pytest.mark.parametrize(
    ("label", "after", "hit", "spared"),
    [
        (Label.LIGHT, 0, ON_LIGHT, {"users", "channels", *PAST_SESSIONS, *ON_PHONE} - ON_LIGHT),
        (Label.LIGHT, 10, {"meetings", "meeting_polls"}, {"users", "channels", *PAST_SESSIONS} - ON_LIGHT),
        (Label.MEDIUM, 20, {"meeting_registrants"}, {"users", *ON_HEAVY, *ON_PHONE}),
        (Label.MEDIUM, 0, {*STREAMS} - ON_HEAVY - ON_PHONE, ON_HEAVY | ON_PHONE),
        (Label.HEAVY, 0, {*INCREMENTAL} - ON_PHONE - OF_ARCHIVE, {*OF_NOW} | ON_PHONE | OF_ARCHIVE),
        (Label.HEAVY, 70, {"report_meeting_participants"}, {*OF_NOW} | ON_PHONE),
        (Label.PHONE_HEAVY, 0, ON_PHONE, {*STREAMS} - ON_PHONE),
        (Label.PHONE_LIGHT, 9, {"phone_call_elements"}, {*STREAMS} - {"phone_call_elements"}),
    ],
)
def test_daily_limit_ends_one_labels_streams_and_says_when_it_resets(
    serve: Serve, label: Label, after: int, hit: set[str], spared: set[str]
) -> None:
    sandbox = serve(faults=(Fault("daily-limit", label=label, after=after),))
    output = read(sandbox)
    goes_on = {line.split()[1] for line in output.warnings() if "goes on in the next sync" in line}
    said = {stream for stream in STREAMS if output.errors(stream)} | goes_on
    assert hit <= said
    assert not spared & said
    assert goes_on == said & {*INCREMENTAL}
    rows, _ = undisturbed()
    for stream in STREAMS:
        assert output.statuses(stream)[-1] == ("INCOMPLETE" if stream in said - goes_on else "COMPLETE")
        assert set(output.keys(stream)) <= rows[stream]
        assert stream in said or set(output.keys(stream)) == rows[stream]
    lines = [error["message"] for stream in said - goes_on for error in output.errors(stream)]
    lines += [line for line in output.warnings() if "goes on in the next sync" in line]
    assert len(lines) == len(said)
    for line in lines:
        assert f"daily limit for {label.value.lower()} requests is used up" in line
        assert "resets at 2" in line
    assert {error["failure_type"] for error in output.all_errors()} <= {"config_error"}
    if goes_on:  # what was not read is in the states
        second = read_here(config_of(serve()), catalog_of(*sorted(goes_on)), output.last_states())
        assert all({*output.keys(name), *second.keys(name)} == rows[name] for name in goes_on)
    assert sandbox.counters()["refused"][label.value] <= WORKERS


ROUTE_BY_PATH = {route.template: route for route in ROUTES}


def scopes_without(route: Route) -> tuple[str, ...]:
    return tuple(other.granular_scope for other in ROUTES if other is not route)


DETAILS = {DETAIL: "meeting", WEBINAR_DETAIL: "webinar"}


@pytest.mark.parametrize("path", DETAILS)
def test_missing_scope_of_a_detail_leaves_the_columns_of_the_list(serve: Serve, path: str) -> None:
    route, kind = ROUTE_BY_PATH[path], DETAILS[path]
    sandbox = serve(scopes=scopes_without(route))
    output = read(sandbox)
    [said] = [line for line in output.warnings() if f"Stream {kind}s has the columns of the list only" in line]
    assert f"'{route.granular_scope}'" in said
    rows, _ = undisturbed()
    assert output.statuses(f"{kind}s")[-1] == "COMPLETE"
    assert set(output.keys(f"{kind}s")) >= rows[f"{kind}s"]  # a deleted one is listed, but has no detail
    assert_names_the_scope(output, route, {f"{kind}_registrants"} if output.errors(f"{kind}_registrants") else ())
    others = {*STREAMS} - {f"{kind}s", f"{kind}_registrants", f"{kind}_questions"}
    assert all(set(output.keys(stream)) == rows[stream] for stream in others)
    assert all(output.statuses(stream)[-1] == "COMPLETE" for stream in others)


@pytest.mark.parametrize("path", [path for path in HIT if path not in {*OPTIONAL, WEBINAR_REPORT, *DETAILS}])
def test_missing_scope_fails_its_streams_at_once_and_is_named_in_both_forms(serve: Serve, path: str) -> None:
    route = ROUTE_BY_PATH[path]
    sandbox = serve(scopes=scopes_without(route))
    output = read(sandbox)
    assert_nothing_is_missing_unsaid(output, incomplete_without(path, output))
    assert_names_the_scope(output, route, HIT[path])
    assert sandbox.counters()["by_path"][path] <= WORKERS + 1


@pytest.mark.parametrize("status", [401, 403])
def test_missing_scope_is_known_by_its_code_whatever_the_status(serve: Serve, status: int) -> None:
    route = ROUTE_BY_PATH[POLLS]
    sandbox = serve(scopes=scopes_without(route), missing_scope_status=status)
    output = read(sandbox)
    assert_nothing_is_missing_unsaid(output, HIT[POLLS])
    assert_names_the_scope(output, route, HIT[POLLS])
    assert sandbox.counters()["tokens_issued"] == 1


def assert_names_the_scope(output: Output, route: Route, streams: Collection[str]) -> None:
    for stream in streams:
        errors: list[dict[str, Any]] = output.errors(stream)
        assert [error["failure_type"] for error in errors] == ["config_error"]
        assert f"'{route.granular_scope}'" in errors[0]["message"]
        assert f"'{route.classic_scope}'" in errors[0]["message"]
