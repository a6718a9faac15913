"""The archive of an account, some of which is listed before it is ready: in full, day by day, killed, at fault."""

from __future__ import annotations

import random
from typing import Any

import pytest

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import Output, assert_exact, assert_rows, catalog_of, config_of, read_here
from integration_tests.impatient import short_sleep
from sandbox import Sandbox
from sandbox.shaped_rows import After, PerDay, Until

NAME = "archive_files"
PATH = "/archive_files"
GAPS = "read_gaps"
EMPTY = ("complete_time",)
FOREVER = 1000.0

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", short_sleep)


def read(sandbox: Sandbox, *before: Output) -> Output:
    return read_here(config_of(sandbox), catalog_of(NAME, GAPS), before[-1].last_states() if before else ())


def shaped(**archives: Any) -> dict[str, dict[str, Any]]:
    return {NAME: {"rows": PerDay(4), **archives}}


def until(days: float, every: int, empty: tuple[str, ...] = ()) -> Until:
    return Until(days, every, "status", "processing", empty)


def last_rows(*outputs: Output) -> dict[str, Any]:
    """What a warehouse holds that keeps the last row of each key."""
    return {row["uuid"]: row for output in outputs for row in output.records(NAME)}


def expected(sandbox: Sandbox) -> dict[str, Any]:
    """What it is to hold; messages leave out what is null."""
    rows = ({name: one for name, one in row.items() if one is not None} for row in sandbox.expected_rows(NAME))
    return {row["uuid"]: row for row in rows}


def waiting(output: Output) -> set[str]:
    """Days that the last state leaves to be read."""
    state = output.states(NAME)[-1]
    return {one["first"] for one in state["owners"]["missing"].get("account", [])}


def test_all_is_read_once_and_what_is_not_ready_as_it_is(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped())

    output = read(sandbox)

    assert_exact(output, sandbox, (NAME,))
    assert last_rows(output) == expected(sandbox)
    assert {row["status"] for row in output.records(NAME)} == {"completed", "processing"}
    assert output.records(GAPS) == []
    assert len([line for line in output.logs() if "are not ready" in line]) == 1


@pytest.mark.parametrize("empty", [(), EMPTY], ids=["with a time", "without"])
def test_each_sync_adds_what_is_new_late_or_ready_by_now(serve: Serve, clock: Clock, empty: tuple[str, ...]) -> None:
    """Most become ready long after the lookback has passed them."""
    ready = until(8, 3, empty)
    sandbox = serve(clock, shaped=shaped(late=After(2, every=3), ready=ready))
    outputs = [read(sandbox)]
    for hours in (1, 23, 24, 72, 24 * 7, 24 * 20, 24 * 9):
        clock.advance(hours=hours)
        outputs.append(read(sandbox, *outputs))
        assert last_rows(*outputs) == expected(sandbox)
        assert outputs[-1].records(GAPS) == []
        assert outputs[-1].statuses(NAME)[-1] == "COMPLETE"

    assert len(outputs[1].records(NAME)) < len(outputs[0].records(NAME)) / 5


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_nothing_is_lost(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("source_zoom.streams.windows.cursor.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("source_zoom.streams.windows.cursor.SECONDS_PER_KILOBYTE", 0.0)
    sandbox = serve(clock, shaped=shaped(rows=PerDay(6), ready=until(9, 2, EMPTY)))
    whole = read(sandbox)
    killed = Output(whole.messages[: random.Random(seed).randrange(len(whole.messages))])
    clock.advance(days=9)

    resumed = read_here(config_of(sandbox), catalog_of(NAME, GAPS), killed.last_states())

    assert last_rows(killed, resumed) == expected(sandbox)


def test_failed_window_is_a_gap_and_the_next_sync_reads_it(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped())
    sandbox.refuse(path=PATH, answer="error-500", times=40)  # of the first windows, whatever is tried
    first = read(sandbox)
    sandbox.allow()

    second = read(sandbox, first)

    assert {gap["object_type"] for gap in first.records(GAPS)} == {"window"}
    assert last_rows(first, second) == expected(sandbox)
    assert second.records(GAPS) == []


@pytest.mark.parametrize("answer", ["no-permission", "error-500"])
def test_where_all_is_withheld_the_state_keeps_the_days_that_wait(serve: Serve, clock: Clock, answer: str) -> None:
    sandbox = serve(clock, shaped=shaped(ready=until(8, 2)))
    first = read(sandbox)
    clock.advance(days=1)
    sandbox.refuse(path=PATH, answer=answer)
    second = read(sandbox, first)
    sandbox.allow()
    clock.advance(days=9)

    third = read(sandbox, second)

    assert second.statuses(NAME)[-1] == "INCOMPLETE"
    assert last_rows(first, second, third) == expected(sandbox)
    assert third.records(GAPS) == []


def test_what_never_becomes_ready_is_asked_for_until_it_is_fourteen_days_old(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped(ready=until(FOREVER, 2)))
    outputs = [read(sandbox)]
    requests = []
    for _ in range(20):
        clock.advance(days=1)
        before = sandbox.counters()["by_path"][PATH]
        outputs.append(read(sandbox, *outputs))
        requests.append(sandbox.counters()["by_path"][PATH] - before)
        oldest = clock.now().subtract(days=13).to_date_string()
        assert min(waiting(outputs[-1])) >= oldest
        assert outputs[-1].records(GAPS) == []

    assert_rows(outputs, sandbox, NAME)
    assert max(requests) <= 4  # of seven days each
    assert "processing" in {row["status"] for row in last_rows(*outputs).values()}


def test_account_that_has_caught_up_has_a_small_state(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped(rows=PerDay(50), ready=until(FOREVER, 2)))

    state = read(sandbox).states(NAME)[-1]

    assert len(str(state)) < 600
