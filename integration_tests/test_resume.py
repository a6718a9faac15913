"""Killed, refused, broken: the next read takes up what is missing, loses nothing and repeats little."""

import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pendulum
import pytest

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import (
    IMPATIENT_COMMAND,
    INCREMENTAL,
    MEETING_REPORTS,
    ROOT,
    TIMEOUT_SECONDS,
    Connector,
    Message,
    Output,
    as_counted,
    assert_exact,
    assert_rows,
    catalog_of,
    config_of,
    parsed,
    read_here,
)
from integration_tests.impatient import short_sleep
from sandbox import Fault, Label, Sandbox
from source_zoom.engine.heartbeat import Heartbeat
from source_zoom.streams.sessions.state import FIXED_DAYS
from source_zoom.zoom.retries import MAX_RETRIES

MEETINGS, PARTICIPANTS = MEETING_REPORTS
LOOKBACK_DAYS = 2
WORKERS = 4


def read(sandbox: Sandbox, state: list[Message] | None = None, *streams: str) -> Output:
    config = config_of(sandbox, num_workers=WORKERS, lookback_window_days=LOOKBACK_DAYS)
    return read_here(config, catalog_of(*(streams or MEETING_REPORTS)), state or [])


def sessions_of(stream: str, rows: list[dict[str, Any]]) -> set[str]:
    return {row["uuid" if stream == MEETINGS else "meeting_uuid"] for row in rows}


# Killed


KILLS_PER_SYNC = 5
LINES_BETWEEN = (5, 120)


def killed_after(process: "subprocess.Popen[bytes]", lines: int) -> Output:
    """What a process has printed when it is killed after some lines; what it had begun to print is lost."""
    assert process.stdout is not None
    text = b"".join(islice(process.stdout, lines))
    process.send_signal(signal.SIGKILL)
    text += process.stdout.read()
    process.stdout.close()
    process.wait(TIMEOUT_SECONDS)
    whole, _, _ = text.rpartition(b"\n")
    return Output(parsed(whole.decode() + "\n"), process.returncode)


def taken_up(earlier: list[Message], output: Output) -> list[Message]:
    """Each stream's last state, from an earlier read if it did not get to one in this."""
    names = {state["stream"]["stream_descriptor"]["name"]: state for state in [*earlier, *output.last_states()]}
    return list(names.values())


@pytest.mark.parametrize("seed", range(4))
def test_killed_reads_resume_from_their_last_states_and_lose_no_session(
    tmp_path: Path, serve: Serve, seed: int, record_property: Callable[[str, object], None]
) -> None:
    dice = random.Random(seed)
    sandbox = serve(sessions_per_host=15, latency=0.004)
    connector = Connector(tmp_path, IMPATIENT_COMMAND)
    files: dict[str, Any] = {
        "config": config_of(sandbox, num_workers=WORKERS),
        "catalog": catalog_of(*MEETING_REPORTS),
    }
    outputs: list[Output] = []
    state: list[Message] = []
    for _ in range(KILLS_PER_SYNC):
        process = connector.start("read", **files, state=state)
        output = killed_after(process, dice.randint(*LINES_BETWEEN))
        outputs.append(output)
        state = taken_up(state, output)
    assert {output.exit_code for output in outputs} == {-signal.SIGKILL}
    assert any(output.last_states() for output in outputs)

    outputs.append(connector.run("read", **files, state=state))
    assert outputs[-1].exit_code == 0
    for stream in MEETING_REPORTS:
        assert_rows(outputs, sandbox, stream)
        keys = [key for output in outputs for key in output.keys(stream)]
        record_property(f"{stream} repeated", len(keys) - len(set(keys)))
        assert_little_is_repeated(stream, outputs, sandbox)


def assert_little_is_repeated(stream: str, outputs: list[Output], sandbox: Sandbox) -> None:
    """What was read before a state is not read again, but for what was in flight then or has just ended."""
    just_ended = {
        row["uuid"]
        for row in sandbox.expected_rows(MEETINGS)
        if row["end_time"] > pendulum.now("UTC").subtract(hours=2, minutes=1).to_iso8601_string()
    }
    covered: set[str] = set()
    for output in outputs:
        again = covered & sessions_of(stream, output.records(stream)) - just_ended
        assert len(again) <= WORKERS
        covered |= sessions_of(stream, records_before_last_state(output, stream))


def records_before_last_state(output: Output, stream: str) -> list[dict[str, Any]]:
    states = output.states(stream)
    if not states:
        return []
    end = max(
        position
        for position, message in enumerate(output.messages)
        if message["type"] == "STATE" and message["state"]["stream"]["stream_descriptor"]["name"] == stream
    )
    return Output(output.messages[:end]).records(stream)


# In this process, with a time that stands still


@pytest.fixture
def quick(clock: Clock, unpaced: None, monkeypatch: pytest.MonkeyPatch) -> Clock:  # noqa: ARG001 - for its effect
    monkeypatch.setattr(time, "sleep", short_sleep)
    return clock


def ordinary_host(sandbox: Sandbox) -> tuple[int, str, str]:
    """Number, id and e-mail address of the user with the most sessions."""
    users = list(sandbox.expected_rows("users"))
    held = [row["user_email"] for row in sandbox.expected_rows(MEETINGS)]
    number = max(range(len(users)), key=lambda user: held.count(users[user]["email"]))
    return number, users[number]["id"], users[number]["email"]


def days_asked(urls: list[str]) -> Iterator[tuple[str, str, str]]:
    """Host, first and last day of each list of sessions that was asked for."""
    for url in urls:
        parts = urlsplit(url)
        if "/report/users/" in parts.path:
            query = parse_qs(parts.query)
            yield unquote(parts.path.split("/")[-2]), query["from"][0], query["to"][0]


WORLD: dict[str, Any] = {"oddities": False, "sessions_per_host": 30, "hosting_percent": 100}


def test_host_whose_list_fails_holds_no_other_up_and_only_its_days_are_asked_again(
    serve: Serve, quick: Clock, asked_urls: list[str]
) -> None:
    whole = serve(quick, **WORLD)
    number, host, email = ordinary_host(whole)
    names = {host, email}
    """In days of which Zoom does not name the host as active, the e-mail address of the history stands for the id."""
    broken = serve(quick, **WORLD, faults=(Fault("report-host-broken", user=number),))
    first = read(broken)
    for stream in MEETING_REPORTS:
        assert_rows([first], broken, stream)
        assert first.statuses(stream)[-1] == "COMPLETE"
        assert len([line for line in first.warnings() if f"Stream {stream} lacks" in line and host in line]) == 1
        state = first.states(stream)[-1]
        assert state["end_time"] == quick.moment.format("YYYY-MM-DD[T]HH:mm:ss[Z]")
        assert host in state["hosts"]["missing"]
        assert set(state["hosts"]["missing"]) <= names
        assert state["hosts"]["done"] == {}
    missing = first.states(MEETINGS)[-1]["hosts"]["missing"]
    oldest = quick.moment.subtract(months=6).add(days=1).to_date_string()
    lacking = {(name, max(days["first"], oldest)) for name in missing for days in missing[name]}
    assert {days["meaning"] for name in missing for days in missing[name]} == {"BROKEN"}
    assert first.all_errors() == []

    # The next day the host fails still: what it lacks grows, and the others move on.
    quick.advance(days=1)
    second = read(broken, first.last_states())
    assert host in second.states(MEETINGS)[-1]["hosts"]["missing"]
    assert set(second.states(MEETINGS)[-1]["hosts"]["missing"]) <= names
    assert second.records(MEETINGS) == []

    asked_urls.clear()
    third = read(whole, second.last_states())
    everywhere = quick.moment.subtract(days=LOOKBACK_DAYS + FIXED_DAYS).to_date_string()
    asked = list(days_asked(asked_urls))
    assert lacking <= {(name, first_day) for name, first_day, _ in asked}
    assert all(first_day >= everywhere for name, first_day, _ in asked if name not in names)
    assert len(asked) == len(set(asked))
    assert set(whole.counters()["sessions_asked"]) == sessions_of(PARTICIPANTS, third.records(PARTICIPANTS))
    for stream in MEETING_REPORTS:
        assert third.statuses(stream)[-1] == "COMPLETE"
        assert third.states(stream)[-1]["hosts"] == {"done": {}, "missing": {}, "refused": []}
        assert_rows([first, second, third], whole, stream)
        keys = [key for output in (first, second, third) for key in output.keys(stream)]
        assert len(keys) == len(set(keys))


def test_host_zoom_no_longer_knows_leaves_the_state(serve: Serve, quick: Clock) -> None:
    number, _, _ = ordinary_host(serve(quick, **WORLD))
    broken = serve(quick, **WORLD, faults=(Fault("report-host-broken", user=number),))
    gone = serve(quick, **WORLD, faults=(Fault("host-gone", user=number),))
    first = read(broken)
    second = read(gone, first.last_states())
    for stream in MEETING_REPORTS:
        assert second.statuses(stream)[-1] == "COMPLETE"
        assert second.states(stream)[-1]["hosts"] == {"done": {}, "missing": {}, "refused": []}
        # Its sessions are in the history, so that what belongs to them can be read by UUID.
        rows = as_counted(stream, [key for read_ in (first, second) for key in read_.keys(stream)])
        assert set(rows) >= set(gone.expected_keys(stream))


INDEX = 11


@pytest.fixture
def refused(serve: Serve, quick: Clock) -> tuple[Sandbox, str]:
    """An account, and the session whose participants it never tells."""
    sandbox = serve(quick, **WORLD, faults=(Fault("uuid-broken", index=INDEX),))
    return sandbox, str(sandbox.expected_keys(MEETINGS)[INDEX][0])


ATTEMPTS = 2 * (MAX_RETRIES + 1)
"""Of a request that fails: retries, and a second try when all else has been read."""


def test_session_that_fails_for_ever_is_a_gap_and_delays_and_repeats_nothing_else(
    refused: tuple[Sandbox, str], quick: Clock
) -> None:
    sandbox, uuid = refused
    first = read(sandbox)
    assert_exact(first, sandbox, [MEETINGS])
    assert_is_gap(first, uuid)
    assert_rows([first], sandbox, PARTICIPANTS)
    state = first.states(PARTICIPANTS)[-1]
    assert list(state["retry"]) == [uuid]
    assert state["retry"][uuid]["since"] == quick.moment.to_date_string()
    assert state["end_time"] == first.states(MEETINGS)[-1]["end_time"]
    assert state["hosts"] == {"done": {}, "missing": {}, "refused": []}
    assert sandbox.counters()["sessions_asked"].pop(uuid) == ATTEMPTS

    quick.advance(days=3)
    read_again = sessions_of(PARTICIPANTS, read(sandbox, first.last_states()).records(PARTICIPANTS))
    new = set(sandbox.add_sessions(4, ended_minutes_ago=180))
    sandbox.reset_counters()
    second = read(sandbox, first.last_states())
    assert sandbox.counters()["sessions_asked"] == {**dict.fromkeys(new | read_again, 1), uuid: ATTEMPTS}
    assert second.statuses(MEETINGS)[-1] == "COMPLETE"
    assert_is_gap(second, uuid)
    kept = {name: second.states(PARTICIPANTS)[-1]["retry"][uuid][name] for name in ("since", "meaning", "http_status")}
    assert kept == {"since": state["retry"][uuid]["since"], "meaning": "BROKEN", "http_status": 500}


def assert_is_gap(output: Output, uuid: str) -> None:
    """The stream is complete, and people can find out which session is missing."""
    assert output.all_errors() == []
    assert output.statuses(PARTICIPANTS)[-1] == "COMPLETE"
    said = [line for line in output.warnings() if "lacks what could not be read" in line]
    assert [f"1 x session (BROKEN): {uuid}" in line for line in said] == [True]


def test_session_that_answers_again_is_read_once_more_and_leaves_the_state(
    refused: tuple[Sandbox, str], serve: Serve, quick: Clock
) -> None:
    sandbox, uuid = refused
    whole = serve(quick, **WORLD)
    first = read(sandbox)
    second = read(whole, first.last_states())
    assert whole.counters()["sessions_asked"] == {uuid: 1}
    assert second.statuses(PARTICIPANTS)[-1] == "COMPLETE"
    assert second.states(PARTICIPANTS)[-1]["retry"] == {}
    assert_rows([first, second], whole, PARTICIPANTS)
    quick.advance(hours=1)
    assert read(whole, second.last_states()).of_type("RECORD") == []


def test_session_is_asked_for_in_each_sync_for_as_long_as_it_fails(
    refused: tuple[Sandbox, str], serve: Serve, quick: Clock
) -> None:
    sandbox, uuid = refused
    state = read(sandbox).last_states()
    for _ in range(3):
        quick.advance(days=20)
        sandbox.reset_counters()
        output = read(sandbox, state)
        assert_is_gap(output, uuid)
        assert sandbox.counters()["sessions_asked"][uuid] == ATTEMPTS
        state = output.last_states()
    last = read(serve(quick, **WORLD), state)
    assert uuid in sessions_of(PARTICIPANTS, last.records(PARTICIPANTS))
    assert last.states(PARTICIPANTS)[-1]["retry"] == {}


@pytest.mark.parametrize("after", [0, 20, 60, 200])
def test_read_that_the_daily_limit_ended_goes_on_where_it_was(serve: Serve, quick: Clock, after: int) -> None:
    whole = serve(quick, **WORLD)
    limited = serve(quick, **WORLD, faults=(Fault("daily-limit", label=Label.HEAVY, after=after),))
    first = read(limited)
    assert first.all_errors() == []
    assert first.statuses(PARTICIPANTS)[-1] == "COMPLETE"
    [said] = [line for line in first.warnings() if f"Stream {PARTICIPANTS} goes on in the next sync" in line]
    assert "daily limit for heavy requests is used up" in said
    assert limited.counters()["refused"][Label.HEAVY.value] <= WORKERS + 1
    second = read(whole, first.last_states())
    for stream in MEETING_REPORTS:
        assert second.statuses(stream)[-1] == "COMPLETE"
        assert_rows([first, second], whole, stream)
        read_first, read_again = (sessions_of(stream, output.records(stream)) for output in (first, second))
        assert len(read_first & read_again) <= WORKERS


@pytest.mark.usefixtures("quick")
def test_states_that_show_a_sync_is_alive_can_be_gone_on_from(
    serve: Serve, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_zoom.engine.reader.Heartbeat", partial(Heartbeat, interval_seconds=0.02))
    sandbox = serve(clock, **WORLD, latency=0.02)
    whole = read(sandbox, [], PARTICIPANTS)
    assert_exact(whole, sandbox, [PARTICIPANTS])
    shown = [position for position, message in enumerate(whole.messages) if message["type"] == "STATE"]
    assert len(shown) > 4
    for position in shown[:: len(shown) // 4]:
        before = Output(whole.messages[:position])
        rest = read(sandbox, [whole.messages[position]["state"]], PARTICIPANTS)
        assert_rows([before, rest], sandbox, PARTICIPANTS)


def test_states_that_are_committed_can_be_read_from(serve: Serve, quick: Clock) -> None:
    """Airbyte's name for one that is ahead of its time is abnormal."""
    sandbox = serve(quick)
    for name in ("sample_state", "abnormal_state"):
        state = json.loads((ROOT / "integration_tests" / f"{name}.json").read_text())
        assert [item["stream"]["stream_descriptor"]["name"] for item in state] == list(INCREMENTAL)
        now = quick.moment.format("YYYY-MM-DD[T]HH:mm:ss[Z]")
        ahead = [item["stream"]["stream_state"]["end_time"] > now for item in state]
        assert ahead == [name == "abnormal_state"] * len(INCREMENTAL)
        output = read(sandbox, state, *INCREMENTAL)
        for stream in INCREMENTAL:
            assert output.statuses(stream)[-1] == "COMPLETE"
            assert output.states(stream)[-1]["end_time"] == now
        assert not any("is not used" in line for line in output.warnings())
