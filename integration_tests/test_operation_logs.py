"""The operation logs of an account, read by windows of days: in full, day by day, killed, and where Zoom fails."""

from __future__ import annotations

import random
import time

import pytest

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import Output, catalog_of, config_of, read_here
from sandbox import Sandbox
from sandbox.expected import numbered
from sandbox.shaped_rows import After, PerDay

NAME = "report_operation_logs"
PATH = "/report/operationlogs"
GAPS = "read_gaps"

pytestmark = pytest.mark.usefixtures("unpaced")


def rows(*outputs: Output) -> list[tuple[object, ...]]:
    """What a warehouse holds that keeps one row of each key: the rows without their keys, equal ones numbered."""
    by_key = {row["row_id"]: row for output in outputs for row in output.records(NAME)}
    return sorted(numbered({name: value for name, value in row.items() if name != "row_id"} for row in by_key.values()))


def read(sandbox: Sandbox, *before: Output) -> Output:
    return read_here(config_of(sandbox), catalog_of(NAME, GAPS), before[-1].last_states() if before else ())


def expected(sandbox: Sandbox) -> list[tuple[object, ...]]:
    return sorted(sandbox.expected_keys(NAME))


def test_each_sync_adds_what_is_new_late_rows_included(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped={NAME: {"rows": PerDay(4), "late": After(2, every=3), "twins": 3}})
    outputs = [read(sandbox)]
    for hours in (1, 23, 24, 72, 24 * 20):
        clock.advance(hours=hours)
        outputs.append(read(sandbox, *outputs))
        assert outputs[-1].statuses(NAME)[-1] == "COMPLETE"

    assert rows(*outputs) == expected(sandbox)
    assert len(outputs[1].records(NAME)) < len(outputs[0].records(NAME)) / 5


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_any_moment_nothing_is_lost(serve: Serve, clock: Clock, seed: int) -> None:
    sandbox = serve(clock, shaped={NAME: {"rows": PerDay(40)}})
    whole = read(sandbox)
    position = random.Random(seed).randrange(len(whole.messages))
    killed = Output(whole.messages[:position])

    resumed = read_here(config_of(sandbox), catalog_of(NAME, GAPS), killed.last_states())

    assert rows(killed, resumed) == expected(sandbox)


def test_where_the_list_is_at_fault_the_stream_is_incomplete_and_the_next_sync_reads_all(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleep = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: sleep(seconds / 1000))  # the waits between attempts
    sandbox = serve(clock)
    sandbox.refuse(path=PATH, answer="error-500")
    first = read(sandbox)
    sandbox.allow()

    second = read(sandbox, first)

    assert first.statuses(NAME)[-1] == "INCOMPLETE"
    assert [error["failure_type"] for error in first.errors(NAME)] == ["transient_error"]
    assert {gap["object_type"] for gap in first.records(GAPS)} == {"window"}
    assert rows(second) == expected(sandbox)
    assert second.records(GAPS) == []
