"""Whatever is selected, in whatever order: the same rows, and nothing of what is not selected."""

import random

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

pytestmark = pytest.mark.usefixtures("unpaced")

SINGLES = [(stream,) for stream in STREAMS]

ORDERS = [
    tuple(reversed(STREAMS)),
    ("report_meeting_participants", "meeting_registrants", "users", "report_meetings", "channels", "meetings"),
    ("meetings", "meeting_polls", "users", "meeting_registrants"),
    ("report_meetings", "report_meeting_participants"),
    ("report_meeting_participants", "users"),
    ("meeting_polls", "report_meetings"),
]

_DICE = random.Random(7)
SAMPLE = [tuple(_DICE.sample(STREAMS, size)) for size in (2, 2, 3, 3, 4, 4, 5, 6)]

BY_COMMAND_LINE = [
    ("meeting_registrants",),
    ("report_meeting_participants",),
    ("meetings", "channels"),
    ("channels", "report_meetings"),
    ("meeting_polls", "meeting_registrants", "report_meeting_participants", "meetings"),
]

_LIST = {"/users", "/users/{userId}/meetings"}
_DETAIL = {*_LIST, "/meetings/{meetingId}"}
_SESSIONS = {"/report/users", "/report/history_meetings", "/report/users/{userId}/meetings"}
ENDPOINTS = {
    "users": {"/users"},
    "meetings": _DETAIL,
    "meeting_registrants": {*_DETAIL, "/meetings/{meetingId}/registrants"},
    "meeting_polls": {*_LIST, "/meetings/{meetingId}/polls"},
    "report_meetings": _SESSIONS,
    "report_meeting_participants": {*_SESSIONS, "/report/meetings/{meetingId}/participants"},
    "channels": {"/chat/channels"},
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
