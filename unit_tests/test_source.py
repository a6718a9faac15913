"""The four commands through the CDK's entry point, against made-up answers."""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pendulum
import pytest
import requests
import requests_mock
from airbyte_cdk.models import (
    AirbyteMessageSerializer,
    AirbyteStreamStatus,
    ConfiguredAirbyteCatalog,
    FailureType,
    Level,
    Status,
    SyncMode,
    Type,
)
from airbyte_cdk.test.catalog_builder import CatalogBuilder
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, _run_command, discover, read
from airbyte_cdk.test.state_builder import StateBuilder

from source_zoom import SourceZoom
from source_zoom.entrypoint import ZoomEntrypoint
from source_zoom.streams import STREAMS, build, build_all
from unit_tests.contract.contracts import contract, sample
from unit_tests.fake_zoom import (
    ACCESS_TOKEN,
    API,
    CLIENT_SECRET,
    CONFIG,
    DAILY_LIMIT,
    TOKEN_URL,
    context,
    refusal,
    token,
)

pytestmark = pytest.mark.usefixtures("sleepless")

SCOPES = [cls.endpoint.scopes.granular for cls in STREAMS]
BY_NAME = build(context())
PUBLIC = [name for name, stream in build_all(context()).items() if not stream.internal]
OF_ZOOM = [name for name in PUBLIC if name != "read_gaps"]
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[user:read:list_users:admin].")
NO_PERMISSION = refusal(400, 200, "No permission.")
NO_WEBINARS = refusal(400, 200, "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars.")

ROWS = {
    "users": 3,
    "pending_users": 1,
    "meetings": 2,
    "meeting_registrants": 3,
    "meeting_questions": 1,
    "meeting_polls": 2,
    "meeting_poll_results": 1,
    "webinars": 1,
    "webinar_registrants": 3,
    "webinar_questions": 1,
    "webinar_panelists": 2,
    "webinar_polls": 1,
    "webinar_tracking_sources": 1,
    "webinar_absentees": 2,
    "webinar_poll_results": 1,
    "report_meetings": 1,
    "report_meeting_participants": 2,
    "report_webinars": 1,
    "report_webinar_participants": 2,
}
"""How many rows the account below has of each stream; of others there is a row of their sample."""


@pytest.fixture(autouse=True)
def _as_the_command_line_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airbyte_cdk.test.entrypoint_wrapper.AirbyteEntrypoint", ZoomEntrypoint)


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    """An account with two active users, a meeting each, a poll each, three registrants of the first, one of the rest.

    Another user is inactive, and one has yet to accept the invitation.

    One of the users hosted a meeting and a webinar three days ago, in each of which two took part and one answered a
    poll, and another webinar, to which nobody came.
    """
    ended = pendulum.now("UTC").subtract(days=3)
    days = {"start_time": ended.subtract(hours=1), "end_time": ended}
    times = {name: moment.format("YYYY-MM-DD[T]HH:mm:ss[Z]") for name, moment in days.items()}
    session = {"id": 9, "uuid": "/s//9==", "type": 2, "participants_count": 2, "total_minutes": 60, **times}
    attended = {**session, "id": 3, "uuid": "w==", "type": 5}
    registered = {"registrants": [{"id": "absent"}]}
    answered = [{"name": "N", "email": "n@x.org", "question_details": [{"answer": "Yes"}]}]
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token(*SCOPES))
        for name in set(OF_ZOOM) - set(ROWS):
            path = re.sub(r"\{\w+\}", "[^/]+", BY_NAME[name].endpoint.path)
            mocker.get(re.compile(rf"{API}/{path}(\?|$)"), json=partial(one_row, name))
        first, second = {"users": [{"id": "u1"}], "next_page_token": "t1"}, {"users": [{"id": "u2"}]}
        mocker.get(f"{API}/users?status=active", [{"json": first}, {"json": second}])
        mocker.get(f"{API}/users?status=inactive", json={"users": [{"id": "u3"}]})
        mocker.get(f"{API}/users?status=pending", json={"users": [{"email": "u4@x.org"}]})
        for meeting, user in ((1, "u1"), (2, "u2")):
            mocker.get(f"{API}/users/{user}/meetings", json={"meetings": [{"id": meeting, "host_id": user}]})
            detail = {"id": meeting, "uuid": f"{meeting}==", "host_id": user, "settings": {"approval_type": meeting}}
            mocker.get(f"{API}/meetings/{meeting}", json=detail)
            mocker.get(f"{API}/meetings/{meeting}/polls", json={"polls": [{"id": "p"}]})
        webinar = {"id": 3, "uuid": "3==", "host_id": "u1", "duration": 60, "settings": {"approval_type": 0}}
        mocker.get(f"{API}/users/u1/webinars", json={"webinars": [webinar]})
        mocker.get(f"{API}/users/u2/webinars", **NO_WEBINARS)
        mocker.get(f"{API}/webinars/3", json=webinar)
        for path, records in (("panelists", 2), ("polls", 1), ("tracking_sources", 1)):
            mocker.get(f"{API}/webinars/3/{path}", json={path: [{"id": str(number)} for number in range(records)]})
        for one in ("meetings/1", "webinars/3"):
            mocker.get(f"{API}/{one}/registrants/questions", json={"questions": [], "custom_questions": []})
            for status in ("pending", "approved", "denied"):
                mocker.get(f"{API}/{one}/registrants?status={status}", json={"registrants": [{"id": status}]})
        instances = [{"uuid": uuid, "start_time": times["start_time"]} for uuid in ("w==", "unattended==")]
        mocker.get(f"{API}/past_webinars/3/instances", json={"webinars": instances})
        mocker.get(f"{API}/past_webinars/w%3D%3D/absentees", json=registered)
        mocker.get(f"{API}/past_webinars/unattended%3D%3D/absentees", json=registered)
        mocker.get(f"{API}/past_meetings/%252Fs%252F%252F9%253D%253D/polls", json={"questions": answered})
        mocker.get(f"{API}/past_webinars/w%3D%3D/polls", json={"questions": answered})
        mocker.get(f"{API}/past_webinars/w%3D%3D/qa", json={"id": 3, "uuid": "w=="})
        mocker.get(f"{API}/report/webinars/w%3D%3D", json={"id": 3, "uuid": "w==", **times})
        mocker.get(f"{API}/report/users", json={"users": [{"id": "u1", "email": "u1@x.org"}]})
        history = {
            "meeting_uuid": session["uuid"],
            "meeting_id": 9,
            "host_email": "u1@x.org",
            "department": "D",
            "tracking_fields": [],
        }
        mocker.get(f"{API}/report/history_meetings", json={"history_meetings": [history]})
        mocker.get(f"{API}/report/users/u1/meetings", json={"meetings": [session, attended]})
        rows = [{"user_id": str(n), "name": "", "join_time": times["start_time"], "duration": 1} for n in range(2)]
        for one in ("meetings/%252Fs%252F%252F9%253D%253D", "webinars/w%3D%3D"):
            mocker.get(f"{API}/report/{one}/participants", json={"participants": rows})
        yield mocker


def one_row(name: str, request: Any, _: Any) -> dict[str, Any]:
    """An answer with the first row of the sample; of today, where it is asked for by days."""
    operation, today = contract(name).operation, pendulum.now("UTC").to_date_string()
    row = operation.records_of(sample(name))[0]
    if field := contract(name).cursor_field:
        row[field] = f"{today}T00:00:00Z"
    is_asked = request.qs.get("from", [today])[0] <= today <= request.qs.get("to", [today])[0]
    return {str(operation.records): [row] if is_asked else []}


def catalog(*names: str) -> ConfiguredAirbyteCatalog:
    builder = CatalogBuilder()
    for name in names:
        builder = builder.with_stream(name, SyncMode.full_refresh)
    return builder.build()


def check(
    source: SourceZoom, config: Mapping[str, Any], *, debug: bool = False, expecting_exception: bool = False
) -> EntrypointOutput:
    """Run `check`; the CDK's wrapper has functions for the other commands only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        args = ["check", "--config", str(path), *(["--debug"] if debug else [])]
        return _run_command(source, args, expecting_exception)


def status_of(output: EntrypointOutput) -> tuple[Status, str | None]:
    [message] = output.connection_status_messages
    assert message.connectionStatus is not None
    return message.connectionStatus.status, message.connectionStatus.message


def failed_with(output: EntrypointOutput) -> str:
    """The sentence a check failed with, after the checks that hold for every failure."""
    status, message = status_of(output)
    assert status is Status.FAILED
    assert message is not None
    assert message.endswith(".")
    assert "\n" not in message
    assert "Traceback" not in message
    assert output.errors == []
    return message


def logged(output: EntrypointOutput, level: Level) -> list[str]:
    return [message.log.message for message in output.logs if message.log and message.log.level is level]


def gets(zoom: requests_mock.Mocker) -> Counter[str]:
    return Counter(request.url for request in zoom.request_history if request.method == "GET")


def everything(output: EntrypointOutput) -> str:
    return "\n".join(json.dumps(AirbyteMessageSerializer.dump(message)) for message in output.get_message_iterator())


def final_status(output: EntrypointOutput, name: str) -> AirbyteStreamStatus:
    return output.get_stream_statuses(name)[-1]


def errors_of(output: EntrypointOutput, name: str) -> list[Any]:
    return [
        message.trace.error
        for message in output.errors
        if message.trace
        and message.trace.error
        and message.trace.error.stream_descriptor
        and message.trace.error.stream_descriptor.name == name
    ]


# check


def test_check_succeeds_with_one_token_and_one_page(zoom: requests_mock.Mocker) -> None:
    output = check(SourceZoom(), CONFIG)

    assert status_of(output) == (Status.SUCCEEDED, None)
    assert logged(output, Level.WARN) == []
    assert [request.method for request in zoom.request_history] == ["POST", "GET"]


@pytest.mark.parametrize(
    "granted",
    [
        [cls.endpoint.scopes.classic for cls in STREAMS],
        [cls.endpoint.scopes.granular for cls in STREAMS],
    ],
    ids=["classic", "granular"],
)
def test_check_is_content_with_either_form_of_scopes(granted: list[str], zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, **token(*granted))

    assert logged(check(SourceZoom(), CONFIG), Level.WARN) == []


def test_check_names_each_stream_and_the_scope_it_lacks_in_the_log_and_succeeds(zoom: requests_mock.Mocker) -> None:
    missing = {"meeting:read:list_polls:admin", "team_chat:read:list_channels:admin"}
    zoom.post(TOKEN_URL, **token(*(set(SCOPES) - missing)))

    output = check(SourceZoom(), CONFIG)

    assert status_of(output)[0] is Status.SUCCEEDED
    polls, channels = sorted(logged(output, Level.WARN), key=lambda line: "channels" in line)
    assert "'meeting_polls'" in polls
    assert "'meeting:read:list_polls:admin' (or 'meeting:read:admin' in an app with classic scopes)" in polls
    assert "'channels'" in channels
    assert "'team_chat:read:list_channels:admin' (or 'chat_channel:read:admin' in an app" in channels


def test_check_names_the_streams_whose_ancestors_lack_a_scope(zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, **token(*(set(SCOPES) - {"meeting:read:list_meetings:admin"})))

    lines = logged(check(SourceZoom(), CONFIG), Level.WARN)

    assert all("'meeting:read:list_meetings:admin'" in line for line in lines)
    named = {name for line in lines for name in re.findall(r"'(\w+)'", line)}
    assert named == {"meetings", "meeting_registrants", "meeting_questions", "meeting_polls"}


def test_check_names_the_streams_that_lack_a_scope_of_what_is_read_for_them_besides(
    zoom: requests_mock.Mocker,
) -> None:
    zoom.post(TOKEN_URL, **token(*(set(SCOPES) - {"webinar:read:list_past_instances:admin"})))

    [line] = logged(check(SourceZoom(), CONFIG), Level.WARN)

    assert "'webinar_absentees'" in line
    assert "'webinar:read:list_past_instances:admin'" in line


def test_check_names_no_scope_where_the_token_does_not_tell(zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, **token())

    assert logged(check(SourceZoom(), CONFIG), Level.WARN) == []


def test_check_tells_the_user_of_no_stream_the_catalog_does_not_have(zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, **token("another:read:scope:admin"))

    named = {name for line in logged(check(SourceZoom(), CONFIG), Level.WARN) for name in re.findall(r"'(\w+)'", line)}

    assert named == set(OF_ZOOM)


ROOTS = ("report/users", *dict.fromkeys(cls.endpoint.path for cls in STREAMS if cls.endpoint.subject is None))
"""What `check` asks for, until one answers."""


@pytest.mark.parametrize("refused", [("users",), ("users", "report/users"), ("users", "chat/channels")])
def test_check_succeeds_while_any_stream_can_be_read(refused: tuple[str, ...], zoom: requests_mock.Mocker) -> None:
    for path in refused:
        zoom.get(f"{API}/{path}", **NO_SCOPE)

    assert status_of(check(SourceZoom(), CONFIG))[0] is Status.SUCCEEDED


def test_check_fails_with_the_scope_where_no_stream_can_be_read(zoom: requests_mock.Mocker) -> None:
    for path in ROOTS:
        zoom.get(f"{API}/{path}", **NO_SCOPE)

    assert "add the scope 'user:read:list_users:admin'" in failed_with(check(SourceZoom(), CONFIG))


def test_check_fails_where_one_stream_lacks_its_scope_and_the_other_is_not_permitted(
    zoom: requests_mock.Mocker,
) -> None:
    for path in ROOTS:
        zoom.get(f"{API}/{path}", **(NO_SCOPE if path == "users" else NO_PERMISSION))

    assert "add the scope 'user:read:list_users:admin'" in failed_with(check(SourceZoom(), CONFIG))


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"reason": "Invalid client_id or client_secret", "error": "invalid_client"}, "`credentials.client_secret`"),
        ({"reason": "Bad Request", "error": "invalid_request"}, "`credentials.account_id`"),
        ({"reason": "unsupported grant type", "error": "unsupported_grant_type"}, "Server-to-Server OAuth app"),
    ],
)
def test_check_fails_with_what_is_wrong_about_the_credentials(
    body: Mapping[str, str], named: str, zoom: requests_mock.Mocker
) -> None:
    zoom.post(TOKEN_URL, status_code=400, json=body)

    assert named in failed_with(check(SourceZoom(), CONFIG))
    assert gets(zoom) == {}


def passing_error_of(output: EntrypointOutput) -> str:
    """The sentence of a check that says nothing of the config: Airbyte takes a failed status for a config error."""
    assert output.connection_status_messages == []
    error = output.errors[-1].trace.error  # type: ignore[union-attr]
    assert error.failure_type is FailureType.transient_error
    return str(error.message)


def test_check_without_a_network_gives_no_status_but_a_passing_error() -> None:
    with requests_mock.Mocker() as nowhere:
        nowhere.register_uri(requests_mock.ANY, requests_mock.ANY, exc=requests.ConnectionError("no route to host"))

        output = check(SourceZoom(), CONFIG, expecting_exception=True)

    assert "could not be reached" in passing_error_of(output)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ({"exc": requests.ConnectTimeout("api.zoom.us")}, "Zoom could not be reached (ConnectTimeout)"),
        (refusal(503, 0, "Away."), "GET /users was answered with HTTP 503: Away"),
        ({"text": "<html>"}, "GET /users was answered with HTTP 200: an HTML page"),
    ],
    ids=["no answer", "503", "a page"],
)
def test_check_while_the_api_is_away_gives_no_status_but_a_passing_error(
    answer: dict[str, Any], sentence: str, zoom: requests_mock.Mocker
) -> None:
    zoom.get(requests_mock.ANY, **answer)

    output = check(SourceZoom(), CONFIG, expecting_exception=True)

    assert passing_error_of(output).startswith(sentence)
    assert len(gets(zoom)) == 1  # one stream tells enough


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({"credentials": {}}, "`credentials` is missing"),
        ({"credentials": {"auth_type": "basic"}}, "`credentials.auth_type`"),
        ({"credentials": {"auth_type": "jwt"}}, "JWT apps"),
        ({"credentials": None, "account_id": "a", "client_id": "b"}, "`client_secret` is missing"),
        ({"anchor_date": "yesterday"}, "`anchor_date`"),
        ({"other": 2**64}, "`other` cannot be saved again"),
        ({"num_workers": 1}, "`num_workers`"),
        ({"rate_limit_plan": "gold"}, "`rate_limit_plan`"),
        ({"start_date": "yesterday"}, "`start_date`"),
        ({"api_url": "http://api.zoom.us/v2"}, "`api_url`"),
    ],
)
def test_check_fails_with_the_property_that_is_wrong_without_a_request(
    fault: Mapping[str, Any], named: str, zoom: requests_mock.Mocker
) -> None:
    assert named in failed_with(check(SourceZoom(), {**CONFIG, **fault}))
    assert zoom.request_history == []


@pytest.mark.usefixtures("zoom")
def test_check_warns_of_a_start_date_that_is_moved_up_once() -> None:
    output = check(SourceZoom(), {**CONFIG, "start_date": "2020-01-01"})

    [line] = logged(output, Level.WARN)
    assert line.startswith("`start_date` 2020-01-01 was moved up to ")


@pytest.mark.usefixtures("zoom")
def test_check_accepts_the_config_of_an_older_connector() -> None:
    flat = {
        "account_id": "acc",
        "client_id": "cid",
        "client_secret": CLIENT_SECRET,
        "authorization_endpoint": TOKEN_URL,
    }

    output = check(SourceZoom(), flat)

    assert status_of(output)[0] is Status.SUCCEEDED
    assert CLIENT_SECRET not in everything(output)


# discover


def test_discover_lists_the_public_streams_without_a_request(zoom: requests_mock.Mocker) -> None:
    message = discover(SourceZoom(), CONFIG).catalog

    assert message.catalog is not None
    streams = build_all(context())
    assert [stream.name for stream in message.catalog.streams] == PUBLIC
    assert PUBLIC[-1] == "read_gaps"
    for stream in message.catalog.streams:
        assert stream.source_defined_primary_key == [[field] for field in streams[stream.name].key_fields]
        assert stream.json_schema == streams[stream.name].json_schema
        field = streams[stream.name].incremental_field
        modes = [SyncMode.full_refresh, SyncMode.incremental] if field else [SyncMode.full_refresh]
        assert stream.supported_sync_modes == modes
        assert stream.default_cursor_field == ([field] if field else None)
        assert stream.source_defined_cursor is (True if field else None)
        assert not stream.is_resumable
    assert zoom.request_history == []


def test_discover_with_a_bad_config_is_a_config_error() -> None:
    output = discover(SourceZoom(), {**CONFIG, "num_workers": 1}, expecting_exception=True)

    [error] = output.errors
    assert error.trace is not None
    assert error.trace.error is not None
    assert error.trace.error.failure_type is FailureType.config_error
    assert "`num_workers`" in error.trace.error.message


# read


def test_read_gives_every_row_and_asks_for_nothing_twice(zoom: requests_mock.Mocker) -> None:
    output = read(SourceZoom(), CONFIG, catalog(*PUBLIC))

    rows = Counter(message.record.stream for message in output.records if message.record)
    assert {name: rows[name] for name in ROWS} == ROWS
    # Nobody asked a question, and nothing is missing.
    assert set(rows) == set(PUBLIC) - {"webinar_qna_results", "read_gaps"}
    assert {final_status(output, name) for name in PUBLIC} == {AirbyteStreamStatus.COMPLETE}
    assert output.errors == []
    assert set(gets(zoom).values()) == {1}
    assert len([request for request in zoom.request_history if request.method == "POST"]) == 1


@pytest.mark.parametrize("path", ["users/u./webinars", "past_webinars/3/instances"])
def test_missing_scope_for_webinars_leaves_the_meetings_of_the_past_complete(
    path: str, zoom: requests_mock.Mocker
) -> None:
    zoom.get(re.compile(f"{API}/{path}"), **NO_SCOPE)
    others = ("report_meetings", "report_meeting_participants", "meeting_poll_results")

    output = read(SourceZoom(), CONFIG, catalog(*others, "webinar_absentees"), expecting_exception=True)

    assert final_status(output, "webinar_absentees") is AirbyteStreamStatus.INCOMPLETE
    assert {final_status(output, name) for name in others} == {AirbyteStreamStatus.COMPLETE}
    rows = Counter(message.record.stream for message in output.records if message.record)
    assert {name: rows[name] for name in others} == dict(zip(others, (1, 2, 1), strict=True))


def test_missing_scopes_for_history_and_webinars_leave_the_meetings_of_the_past_complete(
    zoom: requests_mock.Mocker,
) -> None:
    zoom.get(f"{API}/report/history_meetings", **NO_SCOPE)
    zoom.get(re.compile(f"{API}/users/u./webinars"), **NO_SCOPE)
    zoom.get(f"{API}/report/meetings/%252Fs%252F%252F9%253D%253D", json={"uuid": "/s//9=="})

    output = read(SourceZoom(), CONFIG, catalog("report_meetings", "report_webinars"), expecting_exception=True)

    assert final_status(output, "report_meetings") is AirbyteStreamStatus.COMPLETE
    assert [message.record.stream for message in output.records if message.record].count("report_meetings") == 1


def test_instance_without_a_time_is_a_gap_of_its_webinar(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/past_webinars/3/instances", json={"webinars": [{"uuid": "x=="}]})
    names = ("report_meetings", "report_meeting_participants", "webinar_absentees")

    output = read(SourceZoom(), CONFIG, catalog(*names, "read_gaps"))

    assert {final_status(output, name) for name in names} == {AirbyteStreamStatus.COMPLETE}
    rows = Counter(message.record.stream for message in output.records if message.record)
    assert [rows[name] for name in names] == [1, 2, 1]
    [gap] = rows_of(output, "read_gaps")
    assert (gap["stream"], gap["object_type"], gap["object_id"]) == ("webinar_absentees", "webinar", "3")


def states_of(output: EntrypointOutput) -> list[Any]:
    """Each state that a sync emitted, as the next one takes it."""
    return [message.state for message in output.state_messages]


def rows_of(output: EntrypointOutput, name: str) -> list[Any]:
    return [message.record.data for message in output.records if message.record and message.record.stream == name]


ROWS = {
    "users": 3,
    "meetings": 2,
    "meeting_polls": 2,
    "webinars": 1,
    "webinar_panelists": 2,
    "webinar_absentees": 2,
    "report_meetings": 1,
    "report_meeting_participants": 2,
}
OBJECTS: Mapping[str, tuple[str, str, dict[str, int]]] = {
    "users/u2/meetings": ("user", "u2", {"meetings": 1, "meeting_polls": 1}),
    "meetings/2/polls": ("meeting", "2", {"meeting_polls": 1}),
    "users/u1/webinars": ("user", "u1", {"webinars": 1, "webinar_panelists": 2, "webinar_absentees": 1}),
    "webinars/3/panelists": ("webinar", "3", {"webinar_panelists": 2}),
    "past_webinars/3/instances": ("webinar", "3", {"webinar_absentees": 1}),
    "report/users/u1/meetings": (
        "host",
        "u1",
        # Of the webinars, both are known by instance; there may be others.
        {"report_meetings": 1, "report_meeting_participants": 2, "webinar_absentees": 0},
    ),
    "report/meetings/%252Fs%252F%252F9%253D%253D/participants": (
        "session",
        "/s//9==",
        {"report_meeting_participants": 2},
    ),
}
"""What belongs to single objects: its type, its id, and the rows of each stream that are missing without it."""

REFUSED, AT_FAULT = refusal(400, 200, "No permission."), refusal(500, 500, "Internal error.")
ANSWERS: Mapping[str, tuple[dict[str, Any], str]] = {
    "401": (refusal(401, 124, "Invalid access token."), "TOKEN"),
    "403": (refusal(403, 403, "Forbidden."), "NO_PERMISSION"),
    "403 of a page": (
        {"status_code": 403, "text": "<html>", "headers": {"Content-Type": "text/html"}},
        "NO_PERMISSION",
    ),
    "unknown": (refusal(400, 1, "Odd."), "UNKNOWN"),
}


@pytest.mark.parametrize(
    ("path", "answer", "meaning"),
    [
        *((path, REFUSED, "NO_PERMISSION") for path in OBJECTS),
        *((path, AT_FAULT, "BROKEN") for path in OBJECTS),
        *(("meetings/2/polls", *answer) for answer in ANSWERS.values()),
    ],
    ids=[*(f"refused {path}" for path in OBJECTS), *(f"at fault {path}" for path in OBJECTS), *ANSWERS],
)
def test_one_object_that_cannot_be_read_is_a_gap_and_all_else_is_read(
    path: str, answer: dict[str, Any], meaning: str, zoom: requests_mock.Mocker
) -> None:
    object_type, object_id, lacking = OBJECTS[path]
    zoom.get(f"{API}/{path}", **answer)

    output = read(SourceZoom(), CONFIG, catalog(*ROWS, "read_gaps"))

    assert output.errors == []
    assert {final_status(output, name) for name in (*ROWS, "read_gaps")} == {AirbyteStreamStatus.COMPLETE}
    assert {name: len(rows_of(output, name)) for name in ROWS} == {
        name: count - lacking.get(name, 0) for name, count in ROWS.items()
    }
    gaps = rows_of(output, "read_gaps")
    assert {(gap["object_type"], gap["object_id"], gap["meaning"]) for gap in gaps} == {
        (object_type, object_id, meaning)
    }
    assert {gap["stream"] for gap in gaps} == lacking.keys()
    warned = [line for line in logged(output, Level.WARN) if "lacks what could not be read" in line]
    assert len(warned) == len(gaps)


@pytest.mark.parametrize("path", ["users/u1/webinars", "past_webinars/3/instances"])
@pytest.mark.parametrize("answer", [REFUSED, AT_FAULT], ids=["refused", "at fault"])
def test_webinars_that_nobody_attended_are_read_when_their_list_is(
    path: str, answer: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    """They lie before the watermark by then, and no report names them."""
    start = pendulum.now("UTC").subtract(days=60).to_iso8601_string()
    instances: dict[str, Any] = {"json": {"webinars": [{"uuid": "unattended==", "start_time": start}]}}
    lists: dict[str, dict[str, Any]] = {
        "users/u1/webinars": {"json": {"webinars": [{"id": 3, "uuid": "3==", "host_id": "u1", "duration": 60}]}},
        "past_webinars/3/instances": instances,
    }
    zoom.get(f"{API}/users?status=active", json={"users": [{"id": "u1"}, {"id": "u2"}]})
    zoom.get(f"{API}/past_webinars/3/instances", **instances)
    selected = CatalogBuilder().with_stream("webinar_absentees", SyncMode.incremental).build()
    config = {**CONFIG, "start_date": pendulum.now("UTC").subtract(days=90).to_date_string()}

    zoom.get(f"{API}/{path}", **answer)
    first = read(SourceZoom(), config, selected)
    zoom.get(f"{API}/{path}", **lists[path])
    second = read(SourceZoom(), config, selected, states_of(first)[-1:])
    third = read(SourceZoom(), config, selected, states_of(second)[-1:])

    uuids = [[row["webinar_uuid"] for row in rows_of(output, "webinar_absentees")] for output in (first, second, third)]
    assert uuids == [["w=="], ["unattended=="], []]
    assert final_status(first, "webinar_absentees") is AirbyteStreamStatus.COMPLETE


@pytest.mark.usefixtures("zoom")
def test_read_of_a_child_reads_its_parents_unseen() -> None:
    output = read(SourceZoom(), CONFIG, catalog("meeting_polls"))

    messages = [message for message in output.get_message_iterator() if message.type is not Type.LOG]
    assert {message.record.stream for message in messages if message.record} == {"meeting_polls"}
    for hidden in ("users", "meeting_list"):
        assert f'"{hidden}"' not in json.dumps([AirbyteMessageSerializer.dump(message) for message in messages])


@pytest.mark.parametrize("name", ["recordings", "meeting_list"])
@pytest.mark.usefixtures("zoom")
def test_read_of_a_stream_there_is_not_leaves_that_one_incomplete_and_reads_the_others(name: str) -> None:
    output = read(SourceZoom(), CONFIG, catalog("users", name), expecting_exception=True)

    [error] = errors_of(output, name)
    assert error.failure_type is FailureType.config_error
    assert error.message == (
        f"The catalog selects '{name}', which this connector does not have. Refresh the source schema, or select "
        f"among: {', '.join(sorted(PUBLIC))}."
    )
    assert output.get_stream_statuses(name) == [AirbyteStreamStatus.INCOMPLETE]
    assert len(rows_of(output, "users")) == 3
    assert final_status(output, "users") is AirbyteStreamStatus.COMPLETE


def test_read_of_nothing_but_a_stream_there_is_not_makes_no_request(zoom: requests_mock.Mocker) -> None:
    output = read(SourceZoom(), CONFIG, catalog("recordings"), expecting_exception=True)

    assert output.get_stream_statuses("recordings") == [AirbyteStreamStatus.INCOMPLETE]
    assert len(errors_of(output, "recordings")) == 1
    assert zoom.request_history == []


def test_read_without_a_token_fails_once_and_before_any_stream(zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, status_code=400, json={"reason": "Bad Request", "error": "invalid_request"})

    output = read(SourceZoom(), CONFIG, catalog("users", "channels"), expecting_exception=True)

    [error] = output.errors
    assert error.trace is not None
    assert error.trace.error is not None
    assert error.trace.error.failure_type is FailureType.config_error
    assert "`credentials.account_id`" in error.trace.error.message
    assert output.get_stream_statuses("users") == []
    assert gets(zoom) == {}


@pytest.mark.usefixtures("zoom")
def test_read_names_the_streams_of_a_state_that_are_not_there() -> None:
    state = StateBuilder().with_stream_state("issues", {"a": 1}).with_stream_state("users", {"b": 2}).build()

    output = read(SourceZoom(), CONFIG, catalog("users"), state)

    [warning] = [line for line in logged(output, Level.WARN) if "state" in line]
    assert warning.endswith("what this connector does not have: issues.")


def test_read_says_that_the_rest_was_read_only_if_there_is_a_rest(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/chat/channels", **NO_SCOPE)

    for names, rest in ((("channels",), False), (("channels", "users"), True)):
        output = read(SourceZoom(), CONFIG, catalog(*names), expecting_exception=True)
        assert ("These streams are incomplete: channels." in everything(output)) is True
        assert ("everything else was read" in everything(output)) is rest


def test_read_with_a_missing_scope_fails_that_stream_and_reads_the_others(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile(f"{API}/meetings/./polls"), **NO_SCOPE)

    output = read(SourceZoom(), CONFIG, catalog("users", "meeting_polls", "channels"), expecting_exception=True)

    [error] = errors_of(output, "meeting_polls")
    assert error.failure_type is FailureType.config_error
    assert "'meeting:read:list_polls:admin'" in error.message
    assert final_status(output, "meeting_polls") is AirbyteStreamStatus.INCOMPLETE
    assert final_status(output, "users") is final_status(output, "channels") is AirbyteStreamStatus.COMPLETE


def test_read_names_the_scope_of_the_ancestor_that_lacks_it(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile(f"{API}/users/u./meetings"), **NO_SCOPE)

    output = read(SourceZoom(), CONFIG, catalog("meeting_polls"), expecting_exception=True)

    [error] = errors_of(output, "meeting_polls")
    assert error.failure_type is FailureType.config_error
    assert "'meeting:read:list_meetings:admin'" in error.message


def test_read_with_a_used_up_day_ends_the_streams_of_that_label_incomplete(zoom: requests_mock.Mocker) -> None:
    reset = pendulum.now("UTC").add(hours=30).format("YYYY-MM-DD[T]HH:mm:ss[Z]")
    zoom.get(f"{API}/chat/channels", **refusal(429, 429, DAILY_LIMIT, Retry_After=reset))

    output = read(SourceZoom(), CONFIG, catalog("channels"), expecting_exception=True)

    [error] = errors_of(output, "channels")
    assert error.failure_type is FailureType.config_error  # an immediate retry could not help
    assert f"resets at {reset}" in error.message
    assert final_status(output, "channels") is AirbyteStreamStatus.INCOMPLETE


def test_read_tells_what_was_skipped_by_meaning(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/meetings/2/polls", **refusal(404, 3001, "Meeting does not exist: 2."))

    output = read(SourceZoom(), CONFIG, catalog("meeting_polls"))

    assert final_status(output, "meeting_polls") is AirbyteStreamStatus.COMPLETE
    line = "Stream meeting_polls skipped what Zoom has nothing for: 1 x GONE (404/3001: it does not exist any more)."
    assert line in logged(output, Level.INFO)


def test_read_of_a_list_of_everything_that_the_role_does_not_include_is_a_config_error(
    zoom: requests_mock.Mocker,
) -> None:
    zoom.get(f"{API}/chat/channels", **NO_PERMISSION)

    output = read(SourceZoom(), CONFIG, catalog("channels", "users"), expecting_exception=True)

    assert final_status(output, "channels") is AirbyteStreamStatus.INCOMPLETE
    assert final_status(output, "users") is AirbyteStreamStatus.COMPLETE
    [error] = errors_of(output, "channels")
    assert error.failure_type is FailureType.config_error
    assert error.message == "GET /chat/channels was answered with HTTP 400: No permission."


def test_read_of_what_the_plan_does_not_include_is_empty_with_a_warning(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/users/u1/webinars", **NO_WEBINARS)

    output = read(SourceZoom(), CONFIG, catalog("webinars", "webinar_panelists"))

    assert output.records == []
    for name in ("webinars", "webinar_panelists"):
        assert final_status(output, name) is AirbyteStreamStatus.COMPLETE
    assert output.errors == []
    [line] = logged(output, Level.WARN)
    assert line == (
        "Stream webinar_list skipped what Zoom has nothing for: "
        "2 x NO_LICENCE (400/200: the user has no webinar licence)."
    )


# Secrets


def leaky(zoom: requests_mock.Mocker) -> None:
    """Make Zoom repeat the secrets it was sent in the errors it answers with."""
    zoom.get(f"{API}/users", **refusal(400, 300, f"Bad token {ACCESS_TOKEN} of {CLIENT_SECRET}"))


@pytest.mark.parametrize("sound", [True, False])
def test_no_command_shows_a_secret(sound: bool, zoom: requests_mock.Mocker) -> None:  # noqa: FBT001 - a case
    if not sound:
        leaky(zoom)

    for output in (
        check(SourceZoom(), CONFIG, debug=True),
        discover(SourceZoom(), CONFIG),
        read(SourceZoom(), CONFIG, catalog(*PUBLIC), expecting_exception=not sound, debug=True),
    ):
        shown = everything(output)
        assert shown
        assert ACCESS_TOKEN not in shown
        assert CLIENT_SECRET not in shown
        assert "Basic Y2lk" not in shown


def test_secrets_that_the_token_endpoint_repeats_are_not_shown(zoom: requests_mock.Mocker) -> None:
    zoom.post(TOKEN_URL, status_code=400, json={"reason": f"no such secret {CLIENT_SECRET}", "error": "odd"})

    for output in (
        check(SourceZoom(), CONFIG, debug=True),
        read(SourceZoom(), CONFIG, catalog("users"), expecting_exception=True, debug=True),
    ):
        assert CLIENT_SECRET not in everything(output)


def test_password_in_a_broken_answer_is_not_shown(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/chat/channels", text='{"channels": [{"password": "pa55w0rd"')

    output = read(SourceZoom(), CONFIG, catalog("channels"), expecting_exception=True)

    assert "pa55w0rd" not in everything(output)
    assert Type.RECORD not in {message.type for message in output.get_message_iterator()}
