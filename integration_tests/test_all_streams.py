"""All streams together and each alone, what an account may lack, and what ten new sessions cost."""

import json
from collections import Counter
from collections.abc import Collection
from functools import cache, partial
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft7Validator

from integration_tests.conftest import NOON, SMALL_ACCOUNT, Clock, Serve
from integration_tests.connector import (
    CATALOG,
    INCREMENTAL,
    PAST_SESSIONS,
    STREAMS,
    Connector,
    Output,
    assert_exact,
    assert_rows,
    catalog_of,
    config_of,
    read_here,
)
from sandbox import Sandbox, SandboxOptions
from sandbox.areas import ROUTES

OF_WEBINARS = frozenset(stream for stream in STREAMS if "webinar" in stream)
OF_POLLS = frozenset(stream for stream in STREAMS if "poll" in stream)
OF_PHONE = frozenset(stream for stream in STREAMS if stream.startswith("phone_"))
OF_REPORTS = frozenset(INCREMENTAL) - OF_PHONE - {"archive_files"}
NOT_TOLD_APART = {"report_webinars", "report_webinar_participants", "webinar_poll_results", "webinar_qna_results"}
"""Of past webinars Zoom only says "No permission.", whether the licence or the role lacks them."""

ASKED_BY_SESSION = {
    "/report/meetings/{meetingId}/participants",
    "/past_meetings/{meetingId}/polls",
    "/report/webinars/{webinarId}",
    "/report/webinars/{webinarId}/participants",
    "/past_webinars/{webinarId}/absentees",
    "/past_webinars/{webinarId}/polls",
    "/past_webinars/{webinarId}/qa",
}

SERIES_INSTANCES = 10

LARGE_ACCOUNT = SandboxOptions(
    seed=7,
    users=50,
    meetings=1,
    registrants=(0, 650),
    webinars=2,
    webinar_hosts_percent=20,
    hosting_percent=8,
    sessions_per_host=10,
    participants=(5, 700),
)


@pytest.fixture
def serve(serve: Serve, clock: Clock) -> Serve:
    return partial(serve, clock)


# A full read


def test_full_read_of_a_large_account_is_exact(connector: Connector) -> None:
    with Sandbox(LARGE_ACCOUNT) as sandbox:
        catalog = connector.run("discover", config=config_of(sandbox)).of_type("CATALOG")[0]["catalog"]
        sandbox.reset_counters()
        output = connector.run("read", config=config_of(sandbox), catalog=CATALOG)
    assert_is_large(sandbox)
    assert output.exit_code == 0
    assert output.all_errors() == []
    assert_exact(output, sandbox, STREAMS)
    for stream in catalog["streams"]:
        validator = Draft7Validator(stream["json_schema"])
        records = output.records(stream["name"])
        assert [error.message for record in records for error in validator.iter_errors(record)] == []
    counters = sandbox.counters()
    assert counters["repeated_urls"] == []
    assert counters["repeated"] == 0
    assert counters["token_requests"] == 1


def assert_is_large(sandbox: Sandbox) -> None:
    """The account has long series, long lists of people and some that are empty."""
    active = [row for row in sandbox.expected_rows("users") if row["status"] == "active"]
    assert len(active) == LARGE_ACCOUNT.users
    for kind in ("meeting", "webinar"):
        held = Counter(row[f"{kind}_id"] for row in sandbox.expected_rows(f"report_{kind}s"))
        assert max(held.values()) >= SERIES_INSTANCES
        attended = sandbox.expected_keys(f"report_{kind}_participants")
        assert max(int(rows) for _, rows in attended) > LARGE_ACCOUNT.participants[1] - 100
        registered = Counter(parent for parent, *_ in sandbox.expected_keys(f"{kind}_registrants"))
        assert max(registered.values()) > LARGE_ACCOUNT.registrants[1] - 100


@pytest.mark.usefixtures("unpaced")
def test_host_is_asked_for_under_one_name_only(serve: Serve, asked_urls: list[str]) -> None:
    """Active hosts and the history name some hosts by e-mail address only."""
    sandbox = serve()
    read_here(config_of(sandbox), CATALOG)
    ids = {row["email"].lower(): row["id"] for row in sandbox.expected_rows("users")}
    asked: Counter[tuple[str, str]] = Counter()
    for url in map(urlsplit, asked_urls):
        if url.path.startswith("/v2/report/users/"):
            host = unquote(url.path.split("/")[4])
            asked[ids.get(host.lower(), host), url.query] += 1
    assert asked
    assert [host for host, count in asked.items() if count > 1] == []


# Each stream alone


def rows_of(output: Output, stream: str) -> list[str]:
    """The stream's rows in an order that does not depend on threads.

    Without host_id, which is given where it is known: the report of active hosts names a host by e-mail only.
    """
    return sorted(
        json.dumps({name: value for name, value in record.items() if name != "host_id"}, sort_keys=True)
        for record in output.records(stream)
    )


@cache
def rows_of_all() -> dict[str, list[str]]:
    """The rows of the small account when all streams are read."""
    with Sandbox(SandboxOptions(**SMALL_ACCOUNT), clock=NOON.timestamp) as sandbox:
        output = read_here(config_of(sandbox), CATALOG)
        return {stream: rows_of(output, stream) for stream in STREAMS}


@pytest.mark.usefixtures("unpaced")
@pytest.mark.parametrize("stream", STREAMS)
def test_stream_alone_gives_the_same_rows(serve: Serve, stream: str) -> None:
    sandbox = serve()
    output = read_here(config_of(sandbox), catalog_of(stream))
    assert output.statuses(stream)[-1] == "COMPLETE"
    assert output.streams() == {stream}
    assert rows_of_all()[stream]
    assert rows_of(output, stream) == rows_of_all()[stream]
    assert sandbox.counters()["repeated_urls"] == []
    assert sandbox.counters()["token_requests"] == 1


# What an account may lack


LACKING: list[tuple[str, Collection[str], str]] = [
    ("webinars", OF_WEBINARS, "webinar"),
    ("polls", OF_POLLS, "polls are switched off"),
    ("reports", OF_REPORTS, "as the account lacks what it needs"),
    ("phone", OF_PHONE, "the account has no Zoom Phone"),
]


@pytest.mark.usefixtures("unpaced")
@pytest.mark.parametrize(("lack", "empty", "said"), LACKING)
def test_streams_of_a_product_the_account_lacks_are_empty_and_complete(
    serve: Serve, lack: str, empty: Collection[str], said: str
) -> None:
    sandbox = serve(without=frozenset({lack}))
    output = read_here(config_of(sandbox), CATALOG)
    assert_exact(output, sandbox, [stream for stream in STREAMS if stream not in empty])
    for stream in empty:
        # Of a webinar whose report is refused there is what the list says of it.
        assert output.records(stream) == [] or (lack, stream) == ("webinars", "report_webinars")
        if lack == "webinars" and stream in NOT_TOLD_APART:
            assert output.statuses(stream)[-1] == "INCOMPLETE"
            assert [error["failure_type"] for error in output.errors(stream)] == ["config_error"]
            assert "Give the role of the app's owner the permission" in output.errors(stream)[0]["message"]
            continue
        assert output.errors(stream) == []
        assert output.statuses(stream)[-1] == "COMPLETE"
    assert any(said in line for line in output.logs())
    assert sandbox.counters()["repeated_urls"] == []


@pytest.mark.usefixtures("unpaced")
@pytest.mark.parametrize("lack", ["history", "history-plan", "active-hosts", "active-hosts-plan"])
def test_reports_that_only_save_calls_may_be_lacking(serve: Serve, lack: str) -> None:
    sandbox = serve(without=frozenset({lack}))
    assert_exact(read_here(config_of(sandbox), CATALOG), sandbox, STREAMS)


@pytest.mark.usefixtures("unpaced")
@pytest.mark.parametrize("stream", sorted(OF_WEBINARS & {*PAST_SESSIONS}))
def test_webinar_hosts_are_found_without_the_history(serve: Serve, stream: str) -> None:
    sandbox = serve(without=frozenset({"history"}))
    assert_exact(read_here(config_of(sandbox), catalog_of(stream)), sandbox, [stream])


@pytest.mark.usefixtures("unpaced")
def test_missing_scope_of_the_webinar_report_fails_that_stream_alone(serve: Serve) -> None:
    lacking = next(route for route in ROUTES if route.template == "/report/webinars/{webinarId}")
    sandbox = serve(scopes=tuple(route.granular_scope for route in ROUTES if route is not lacking))
    output = read_here(config_of(sandbox), CATALOG)
    named = [error for error in output.errors("report_webinars") if error["failure_type"] == "config_error"]
    assert any(f"'{lacking.granular_scope}'" in error["message"] for error in named)
    assert output.statuses("report_webinars")[-1] == "INCOMPLETE"
    for stream in STREAMS:
        if stream != "report_webinars":
            assert output.statuses(stream)[-1] == "COMPLETE"
            assert_rows([output], sandbox, stream)


# New sessions


@pytest.mark.usefixtures("unpaced")
@pytest.mark.parametrize("streams", [PAST_SESSIONS, STREAMS], ids=["past-sessions", "all"])
def test_second_read_returns_new_sessions_and_asks_nothing_about_older_ones(
    serve: Serve, clock: Clock, asked_urls: list[str], streams: tuple[str, ...]
) -> None:
    sandbox = serve(oddities=False, sessions_per_host=12)
    first = read_here(config_of(sandbox), catalog_of(*streams))
    assert_exact(first, sandbox, streams)

    clock.advance(hours=4)
    held = {stream: {str(key[0]) for key in sandbox.expected_keys(stream)} for stream in PAST_SESSIONS}
    new = {kind: set(sandbox.add_sessions(10, kind=kind, ended_minutes_ago=180)) for kind in ("meeting", "webinar")}
    sandbox.reset_counters()
    asked_urls.clear()
    second = read_here(config_of(sandbox), catalog_of(*streams), first.last_states())
    assert second.all_errors() == []
    for stream in PAST_SESSIONS:
        added = new["webinar" if "webinar" in stream else "meeting"]
        assert {str(key[0]) for key in second.keys(stream)} == added, stream
        assert_rows([first, second], sandbox, stream)
        assert not held[stream] & added

    about = {part for url in asked_urls for part in urlsplit(url).path.split("/") if part.endswith(("%3D", "%253D"))}
    assert {unquote(unquote(part)) for part in about} == new["meeting"] | new["webinar"]
    assert set(sandbox.counters()["sessions_asked"]) == new["meeting"] | new["webinar"]
    asked = sandbox.counters()["by_path"]
    for route in ROUTES:
        if route.template in ASKED_BY_SESSION:
            assert asked[route.template] == len(new["meeting"])
    assert sandbox.counters()["repeated_urls"] == []

    # Once they are settled, nothing is left of the sessions but their lists.
    clock.advance(hours=3)
    third = read_here(config_of(sandbox), catalog_of(*streams), second.last_states())
    assert all(third.records(stream) == [] for stream in PAST_SESSIONS)
