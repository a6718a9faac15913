"""Whoever reads the output may be slow, leave, or end the sync."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from integration_tests.conftest import Serve
from integration_tests.connector import (
    CATALOG,
    STREAMS,
    TIMEOUT_SECONDS,
    Connector,
    Output,
    assert_exact,
    catalog_of,
    config_of,
    parsed,
)

PAGE_SIZE = 300
MANY_USERS = 4_200
"""More than the pipe and the queue hold: some four megabytes."""

STALL_SECONDS = 2.0
END_SECONDS = 5.0
TERMINATED = 128 + signal.SIGTERM

LONG_SYNC = {"users": 200, "meetings": 4, "latency": 0.05}
"""Takes more than ten seconds at the rate limit, with every worker in a request."""

WORKERS = pytest.mark.parametrize("workers", [2, 100])


@contextmanager
def ended(process: "subprocess.Popen[bytes]") -> Iterator[IO[bytes]]:
    """The standard output of a process, which is gone afterwards, whatever the test does."""
    assert process.stdout is not None
    watchdog = threading.Timer(TIMEOUT_SECONDS, process.kill)
    watchdog.start()
    try:
        yield process.stdout
    finally:
        watchdog.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


def read_until(stdout: IO[bytes], is_reached: Callable[[Output], bool]) -> bytes:
    """The lines up to the first that fulfils the condition."""
    lines = []
    for line in stdout:
        lines.append(line)
        if is_reached(Output([json.loads(line)])):
            return b"".join(lines)
    raise EOFError("the connector ended before it got there")


def is_record_of(stream: str) -> Callable[[Output], bool]:
    return lambda line: bool(line.records(stream))


@WORKERS
def test_consumer_that_stalls_gets_every_row_and_holds_the_reading_up(
    connector: Connector, serve: Serve, workers: int
) -> None:
    sandbox = serve(users=MANY_USERS)
    process = connector.start("read", config=config_of(sandbox, num_workers=workers), catalog=catalog_of("users"))
    with ended(process) as stdout:
        first = read_until(stdout, is_record_of("users"))
        time.sleep(STALL_SECONDS)  # the stall itself
        assert process.poll() is None
        assert sandbox.counters()["requests"] < MANY_USERS / PAGE_SIZE
        output = Output(parsed((first + stdout.read()).decode()))
        assert process.wait(TIMEOUT_SECONDS) == 0
    assert_exact(output, sandbox, ["users"])


@WORKERS
def test_consumer_that_leaves_ends_the_process(connector: Connector, serve: Serve, workers: int) -> None:
    sandbox = serve(**LONG_SYNC)
    process = connector.start("read", config=config_of(sandbox, num_workers=workers), catalog=CATALOG)
    with ended(process) as stdout:
        read_until(stdout, is_record_of("meetings"))
        stdout.close()
        assert process.wait(END_SECONDS) == 1


@WORKERS
def test_sigterm_ends_the_process_behind_a_whole_line(connector: Connector, serve: Serve, workers: int) -> None:
    sandbox = serve(**LONG_SYNC)
    process = connector.start("read", config=config_of(sandbox, num_workers=workers), catalog=CATALOG)
    with ended(process) as stdout:
        first = read_until(stdout, is_record_of("meetings"))
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = stdout.read()
        assert process.wait(END_SECONDS) == TERMINATED
        assert time.monotonic() - asked < END_SECONDS
    whole, _, _ = (first + rest).rpartition(b"\n")
    output = Output(parsed(whole.decode() + "\n"))
    assert "meetings" in output.streams()
    assert all("COMPLETE" not in output.statuses(stream) for stream in STREAMS if stream.startswith("meeting"))


def test_sigterm_ends_a_process_whose_consumer_stalls(connector: Connector, serve: Serve) -> None:
    sandbox = serve(users=MANY_USERS)
    process = connector.start("read", config=config_of(sandbox), catalog=catalog_of("users"))
    with ended(process) as stdout:
        read_until(stdout, is_record_of("users"))
        time.sleep(STALL_SECONDS)  # the stall itself
        process.send_signal(signal.SIGTERM)
        assert process.wait(END_SECONDS) == TERMINATED
