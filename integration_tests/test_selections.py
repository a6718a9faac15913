"""Whatever is selected, in whatever order: the same rows, and nothing of what is not selected."""

from itertools import combinations

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

SUBSETS = [subset for size in range(1, len(STREAMS) + 1) for subset in combinations(STREAMS, size)]

ORDERS = [
    ("channels", "meeting_polls", "meeting_registrants", "meetings", "users"),
    ("meeting_registrants", "users", "channels", "meetings", "meeting_polls"),
    ("meetings", "meeting_polls", "users", "meeting_registrants", "channels"),
    ("meeting_polls", "users"),
    ("meeting_registrants", "meetings"),
    ("channels", "meeting_registrants", "users"),
]

BY_COMMAND_LINE = [
    ("meeting_registrants",),
    ("meeting_polls",),
    ("meetings", "channels"),
    ("channels", "meeting_registrants"),
    ("meeting_polls", "meeting_registrants", "meetings"),
    ("meeting_polls", "channels", "meetings", "users"),
]

_LIST = {"/users", "/users/{userId}/meetings"}
_DETAIL = {*_LIST, "/meetings/{meetingId}"}
ENDPOINTS = {
    "users": {"/users"},
    "meetings": _DETAIL,
    "meeting_registrants": {*_DETAIL, "/meetings/{meetingId}/registrants"},
    "meeting_polls": {*_LIST, "/meetings/{meetingId}/polls"},
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


@pytest.mark.parametrize("streams", SUBSETS, ids=joined)
def test_subset_reads_its_streams_and_no_others(serve: Serve, streams: tuple[str, ...]) -> None:
    sandbox = serve()
    assert_reads_only(read_here(config_of(sandbox), catalog_of(*streams)), sandbox, streams)


@pytest.mark.parametrize("streams", ORDERS, ids=joined)
def test_order_of_the_catalog_changes_nothing(serve: Serve, streams: tuple[str, ...]) -> None:
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
