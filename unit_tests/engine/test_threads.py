"""Threads in little memory, each as able to fail as in much."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import threads

ROOT = Path(__file__).parents[2]


@pytest.fixture
def small_stacks() -> Iterator[None]:
    before = threading.stack_size(threads.STACK_BYTES)
    yield
    threading.stack_size(before)


def test_thread_runs_what_it_is_given_and_does_not_hold_up_the_process() -> None:
    seen: list[tuple[object, ...]] = []
    thread = threads.start(lambda *args: seen.append(args), 1, "two", name="reader")
    thread.join(10)
    assert seen == [(1, "two")]
    assert (thread.name, thread.daemon) == ("reader", True)


def test_no_thread_is_a_config_error_that_names_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(AirbyteTracedException, match="lower `num_workers`") as caught:
        threads.start(print, name="reader")
    assert caught.value.failure_type is FailureType.config_error
    assert "Thread reader beside" in (caught.value.internal_message or "")


@pytest.mark.usefixtures("small_stacks")
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_answer_is_an_error_and_not_the_end_of_the_process(opening: str) -> None:
    caught: list[BaseException] = []

    def parse() -> None:
        try:
            json.loads(opening * 100_000)
        except (RecursionError, ValueError) as error:
            caught.append(error)

    threads.start(parse, name="parser").join(10)
    assert len(caught) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit of address space is counted as on Linux")
def test_two_hundred_threads_take_a_fraction_of_the_usual_memory() -> None:
    """200 stacks of 8 MB are 1,600 MB."""
    code = """
import resource, threading
from source_zoom.engine import threads

def figures():
    fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return [int(fields[name].split()[0]) // 1024 for name in ("VmSize", "VmRSS")]

threading.stack_size(threads.STACK_BYTES)
released = threading.Event()
before = figures()
started = [threads.start(released.wait, name=str(n)) for n in range(200)]
after = figures()
released.set()
print(*(late - early for late, early in zip(after, before)))
"""
    command = [sys.executable, "-c", code]
    environment = {"MALLOC_ARENA_MAX": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)  # noqa: S603
    reserved, resident = map(int, done.stdout.split())
    assert reserved < 800
    assert resident < 20
