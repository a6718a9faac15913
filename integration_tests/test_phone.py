"""The calls of Zoom Phone, read by windows of days, and what happened in each of them, read call by call."""

from __future__ import annotations

import random
from typing import Any

import pytest

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import Output, assert_exact, assert_rows, catalog_of, config_of, read_here
from integration_tests.impatient import short_sleep
from sandbox import Sandbox
from sandbox.shaped_rows import After, Between, PerDay

CALLS, ELEMENTS = BOTH = ("phone_call_history", "phone_call_elements")
CALL_PATH, ELEMENT_PATH = "/phone/call_history", "/phone/call_history/{callHistoryUuid}"
GAPS = "read_gaps"
STATUS = "recording_status"

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", short_sleep)


def read(sandbox: Sandbox, *before: Output, streams: tuple[str, ...] = BOTH) -> Output:
    return read_here(config_of(sandbox), catalog_of(*streams, GAPS), before[-1].last_states() if before else ())


def shaped(**calls: Any) -> dict[str, dict[str, Any]]:
    return {CALLS: {"rows": PerDay(3), **calls}, ELEMENTS: {"rows": Between(1, 3)}}


def test_both_are_exact_and_no_call_is_asked_for_twice(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped())

    output = read(sandbox)

    assert_exact(output, sandbox, BOTH)
    counters = sandbox.counters()
    assert counters["by_path"][ELEMENT_PATH] == len(output.records(CALLS))
    assert counters["repeated_urls"] == []


def test_elements_have_their_call(serve: Serve, clock: Clock) -> None:
    output = read(serve(clock, shaped=shaped()))

    began = {call["call_history_uuid"]: call["start_time"] for call in output.records(CALLS)}
    assert {row["call_history_uuid"]: row["call_start_time"] for row in output.records(ELEMENTS)} == began


def test_elements_alone_are_read_without_emitting_a_call(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped())

    first = read(sandbox, streams=(ELEMENTS,))
    second = read(sandbox, first, streams=(ELEMENTS,))

    assert_exact(first, sandbox, (ELEMENTS,))
    assert first.streams() == {ELEMENTS, GAPS}
    assert second.records(ELEMENTS) == []


@pytest.mark.parametrize("defaults", [False, True], ids=["lists-all", "lists-what-is-recorded"])
def test_calls_without_a_recording_are_read_whatever_zoom_lists_by_default(
    serve: Serve, clock: Clock, *, defaults: bool
) -> None:
    sandbox = serve(clock, shaped=shaped(changes=After(1, every=4, column=STATUS), defaults_select=defaults))

    output = read(sandbox)

    assert_exact(output, sandbox, BOTH)
    assert {row[STATUS] for row in output.records(CALLS)} == {"recorded", "non_recorded"}
    windows, asked = 92, sandbox.counters()["by_path"][CALL_PATH]
    assert asked == 2 * windows if defaults else asked < 1.3 * windows  # some have no call without a recording


def test_late_and_changed_calls_arrive_within_the_lookback(serve: Serve, clock: Clock) -> None:
    changes = After(1.5, every=3, column=STATUS)
    sandbox = serve(clock, shaped=shaped(late=After(2, every=3), changes=changes))
    outputs = [read(sandbox)]
    for hours in (1, 5, 23, 24, 72, 24 * 20):
        clock.advance(hours=hours)
        outputs.append(read(sandbox, *outputs))
        assert [outputs[-1].statuses(stream)[-1] for stream in BOTH] == ["COMPLETE", "COMPLETE"]

    for stream in BOTH:
        assert_rows(outputs, sandbox, stream)
    calls = {row["call_history_uuid"]: row[STATUS] for output in outputs for row in output.records(CALLS)}
    assert calls == {row["call_history_uuid"]: row[STATUS] for row in sandbox.expected_rows(CALLS)}
    assert len(outputs[1].records(ELEMENTS)) < len(outputs[0].records(ELEMENTS)) / 10


@pytest.mark.parametrize("seed", range(6))
def test_killed_at_any_moment_nothing_is_lost(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("source_zoom.streams.windows.cursor.CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr("source_zoom.streams.windows.cursor.SECONDS_PER_KILOBYTE", 0.0)
    sandbox = serve(clock, shaped=shaped())
    whole = read(sandbox)
    killed = Output(whole.messages[: random.Random(seed).randrange(len(whole.messages))])

    resumed = read_here(config_of(sandbox), catalog_of(*BOTH, GAPS), killed.last_states())

    for stream in BOTH:
        assert_rows([killed, resumed], sandbox, stream)


def test_failed_window_is_a_gap_of_both_and_the_next_sync_reads_it(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped())
    sandbox.refuse(path=CALL_PATH, answer="error-500", times=60)  # of the first windows, whatever is tried
    first = read(sandbox)
    sandbox.allow()

    second = read(sandbox, first)

    assert {gap["object_type"] for gap in first.records(GAPS)} == {"window"}
    assert {gap["stream"] for gap in first.records(GAPS)} == set(BOTH)
    for stream in BOTH:
        assert_rows([first, second], sandbox, stream)
    assert second.records(GAPS) == []


@pytest.mark.parametrize("answer", ["no-permission", "error-500", "not-found"])
def test_one_call_that_is_withheld_decides_over_itself_only(serve: Serve, clock: Clock, answer: str) -> None:
    sandbox = serve(clock, shaped=shaped())
    call = list(sandbox.expected_rows(CALLS))[7]["call_history_uuid"]
    sandbox.refuse(path=ELEMENT_PATH, object=call, answer=answer)
    first = read(sandbox)
    second = read(sandbox, first)
    sandbox.allow()

    third = read(sandbox, second)

    for output in (first, second):
        assert [(gap["stream"], gap["object_type"], gap["object_id"]) for gap in output.records(GAPS)] == [
            (ELEMENTS, "call", call)
        ]
        assert output.statuses(ELEMENTS)[-1] == "COMPLETE"
    assert_exact(first, sandbox, (CALLS,))
    assert call not in {row["call_history_uuid"] for row in first.records(ELEMENTS)}
    assert {row["call_history_uuid"] for row in third.records(ELEMENTS)} >= {call}
    assert_rows([first, second, third], sandbox, ELEMENTS)
    assert third.records(GAPS) == []


def test_first_days_whose_calls_are_all_refused_are_gaps_and_the_others_are_read(serve: Serve, clock: Clock) -> None:
    """Ten refusals stop a stream only where they are of several days, or nothing else is answered."""
    sandbox = serve(clock, shaped=shaped(rows=PerDay(9)))
    calls = sorted(sandbox.expected_rows(CALLS), key=lambda row: str(row["start_time"]))
    first_day = [row for row in calls if row["start_time"][:10] == calls[0]["start_time"][:10]]
    for row in first_day:
        sandbox.refuse(path=ELEMENT_PATH, object=row["call_history_uuid"], answer="no-permission")

    output = read(sandbox)

    assert output.statuses(ELEMENTS)[-1] == "COMPLETE"
    assert len(output.records(GAPS)) == len(first_day)
    read_of = {row["call_history_uuid"] for row in output.records(ELEMENTS)}
    assert read_of == {row["call_history_uuid"] for row in calls} - {row["call_history_uuid"] for row in first_day}


def test_few_refused_calls_of_a_quiet_hour_are_gaps(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped(rows=PerDay(12)))
    first = read(sandbox)
    clock.advance(hours=8)
    sandbox.refuse(path=ELEMENT_PATH, answer="no-permission")

    second = read(sandbox, first)

    known = {row["call_history_uuid"] for row in first.records(CALLS)}
    new = {row["call_history_uuid"] for row in second.records(CALLS)} - known
    assert 0 < len(new) < 10
    assert second.statuses(ELEMENTS)[-1] == "COMPLETE"
    assert {gap["object_id"] for gap in second.records(GAPS)} >= new


def test_account_without_zoom_phone_has_empty_streams_and_a_warning(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock, shaped=shaped(), without={"phone"})

    first = read(sandbox)

    for stream in BOTH:
        assert first.statuses(stream)[-1] == "COMPLETE"
        assert any(f"Stream {stream} is empty" in line for line in first.warnings())
        assert first.states(stream)[-1]["end_time"] is None
    assert first.all_errors() == []
    assert sandbox.counters()["by_path"][CALL_PATH] < 10  # those under way when the first was answered


def test_calls_once_read_the_elements_are_caught_up_on(serve: Serve, clock: Clock) -> None:
    """A user who selects the elements later gets them of all calls, while the list goes on from its state."""
    sandbox = serve(clock, shaped=shaped())
    before = read(sandbox, streams=(CALLS,))

    output = read(sandbox, before)

    assert_rows([output], sandbox, ELEMENTS)
    assert_rows([before, output], sandbox, CALLS)
