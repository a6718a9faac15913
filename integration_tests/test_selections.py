"""Whatever is selected, in whatever order: the same rows, and nothing of what is not selected."""

import random
from collections.abc import Iterator

import pytest

from integration_tests.conftest import Serve
from integration_tests.connector import (
    STREAMS,
    Connector,
    Output,
    assert_exact,
    catalog_of,
    config_of,
    read_here,
)
from sandbox import Sandbox
from sandbox.shaped import TABLE

pytestmark = pytest.mark.usefixtures("unpaced")

SINGLES = [(stream,) for stream in STREAMS]

ORDERS = [
    tuple(reversed(STREAMS)),
    ("report_meeting_participants", "meeting_registrants", "users", "report_meetings", "channels", "meetings"),
    ("meetings", "meeting_polls", "users", "meeting_registrants"),
    ("report_meetings", "report_meeting_participants"),
    ("report_meeting_participants", "users"),
    ("meeting_polls", "report_meetings"),
    ("webinar_absentees", "report_webinars", "webinar_questions", "webinar_polls"),
    ("webinar_qna_results", "webinar_registrants", "meeting_poll_results", "channels"),
]

_DICE = random.Random(7)
SAMPLE = [tuple(_DICE.sample(STREAMS, size)) for size in (2, 2, 3, 3, 5, 5, 9, 14)]

BY_COMMAND_LINE = [
    ("meeting_registrants",),
    ("report_meeting_participants",),
    ("meetings", "channels"),
    ("webinar_absentees", "report_meetings"),
    ("meeting_polls", "meeting_registrants", "report_meeting_participants", "meetings"),
]

_LIST = {"/users", "/users/{userId}/meetings"}
_DETAIL = {*_LIST, "/meetings/{meetingId}"}
_WEBINAR_LIST = {"/users", "/users/{userId}/webinars"}
_WEBINAR_DETAIL = {*_WEBINAR_LIST, "/webinars/{webinarId}"}
_SESSIONS = {"/report/users", "/report/history_meetings", "/report/users/{userId}/meetings"}


def _templates(stream: str) -> Iterator[str]:
    """The endpoint of a line of the sandbox's table, and those that it is read from."""
    line = TABLE.get(stream)
    yield line.template if line else f"/{stream}"
    if line and line.of:
        yield from _templates(line.of)


ENDPOINTS = {
    "users": {"/users"},
    "pending_users": {"/users"},
    "meetings": _DETAIL,
    "meeting_registrants": {*_DETAIL, "/meetings/{meetingId}/registrants"},
    "meeting_questions": {*_DETAIL, "/meetings/{meetingId}/registrants/questions"},
    "meeting_polls": {*_LIST, "/meetings/{meetingId}/polls"},
    "webinars": _WEBINAR_DETAIL,
    "webinar_registrants": {*_WEBINAR_DETAIL, "/webinars/{webinarId}/registrants"},
    "webinar_questions": {*_WEBINAR_DETAIL, "/webinars/{webinarId}/registrants/questions"},
    "webinar_panelists": {*_WEBINAR_LIST, "/webinars/{webinarId}/panelists"},
    "webinar_polls": {*_WEBINAR_LIST, "/webinars/{webinarId}/polls"},
    "webinar_tracking_sources": {*_WEBINAR_LIST, "/webinars/{webinarId}/tracking_sources"},
    "report_meetings": _SESSIONS,
    "report_meeting_participants": {*_SESSIONS, "/report/meetings/{meetingId}/participants"},
    "meeting_poll_results": {*_SESSIONS, "/past_meetings/{meetingId}/polls"},
    "report_webinars": {*_SESSIONS, "/report/webinars/{webinarId}"},
    "report_webinar_participants": {*_SESSIONS, "/report/webinars/{webinarId}/participants"},
    "webinar_poll_results": {*_SESSIONS, "/past_webinars/{webinarId}/polls"},
    "webinar_qna_results": {*_SESSIONS, "/past_webinars/{webinarId}/qa"},
    "webinar_absentees": {
        *_SESSIONS,
        *_WEBINAR_LIST,
        "/past_webinars/{webinarId}/instances",
        "/past_webinars/{webinarId}/absentees",
    },
    "channels": {"/chat/channels"},
    **{stream: set(_templates(stream)) for stream in TABLE},
}
"""What has to be called for a stream."""


def joined(streams: tuple[str, ...]) -> str:
    return "+".join(streams)


def assert_reads_only(output: Output, sandbox: Sandbox, streams: tuple[str, ...]) -> None:
    assert_exact(output, sandbox, streams)
    assert output.streams() == set(streams)
    assert output.all_errors() == []
    counters = sandbox.counters()
    assert set(counters["by_path"]) == set().union(*(ENDPOINTS[stream] for stream in streams))
    assert counters["repeated_urls"] == []
    assert counters["token_requests"] == 1


@pytest.mark.parametrize("streams", [*SINGLES, *ORDERS, *SAMPLE], ids=joined)
def test_selection_reads_its_streams_and_no_others(serve: Serve, streams: tuple[str, ...]) -> None:
    sandbox = serve()
    assert_reads_only(read_here(config_of(sandbox), catalog_of(*streams)), sandbox, streams)


@pytest.mark.parametrize("streams", BY_COMMAND_LINE, ids=joined)
def test_command_line_reads_the_same(connector: Connector, serve: Serve, streams: tuple[str, ...]) -> None:
    sandbox = serve()
    output = connector.run("read", config=config_of(sandbox), catalog=catalog_of(*streams))
    assert output.exit_code == 0
    assert_reads_only(output, sandbox, streams)


@pytest.mark.parametrize("workers", [2, 100])
def test_number_of_workers_changes_nothing(serve: Serve, workers: int) -> None:
    sandbox = serve()
    output = read_here(config_of(sandbox, num_workers=workers), catalog_of(*STREAMS))
    assert_reads_only(output, sandbox, STREAMS)
