"""Unit tests cannot reach for the network or wait, unless they say so."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable

import pytest

from unit_tests.isolation import Isolation

OUTSIDE = "192.0.2.1"
"""An address that is nobody's, https://www.rfc-editor.org/rfc/rfc5737."""


def reach_out() -> None:
    with socket.socket() as connection:
        connection.settimeout(0.01)
        connection.connect((OUTSIDE, 443))


def look_up() -> None:
    socket.getaddrinfo("api.zoom.us", 443)


def listen() -> None:
    socket.create_server(("127.0.0.1", 0)).close()


def sleep() -> None:
    time.sleep(0.11)  # just more than a test may wait


def wait() -> None:
    threading.Event().wait(0.11)


@pytest.mark.parametrize(
    ("deed", "said"),
    [
        (reach_out, "opens a socket"),
        (look_up, "reaches for api.zoom.us"),
        (listen, "opens a socket"),
        (sleep, "waits for 0.11 s"),
        (wait, "waits for 0.11 s"),
    ],
)
def test_test_that_leaves_its_isolation_fails_there_and_at_its_end(
    deed: Callable[[], None], said: str, isolation: Isolation
) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"A unit test {said}. Replace"):
        deed()

    assert len(isolation.refused) == 1
    isolation.refused.clear()


def test_what_a_thread_does_counts_and_no_error_handler_hides_it(isolation: Isolation) -> None:
    def work() -> None:
        with contextlib.suppress(Exception):
            sleep()
        done.append("went on")

    def handled() -> None:
        with contextlib.suppress(pytest.fail.Exception):
            work()

    done: list[str] = []
    thread = threading.Thread(target=handled)
    thread.start()
    thread.join()

    assert done == []
    assert len(isolation.refused) == 1
    isolation.refused.clear()


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize("deed", [listen, sleep, wait])
def test_server_on_this_machine_may_be_there_and_be_waited_for(deed: Callable[[], None]) -> None:
    deed()


@pytest.mark.usefixtures("loopback")
@pytest.mark.parametrize(("deed", "host"), [(reach_out, OUTSIDE), (look_up, "api.zoom.us")])
def test_no_test_leaves_this_machine(deed: Callable[[], None], host: str, isolation: Isolation) -> None:
    with pytest.raises(pytest.fail.Exception, match=f"reaches for {host}"):
        deed()
    isolation.refused.clear()


@pytest.mark.usefixtures("sleepless")
def test_sleepless_test_takes_no_time() -> None:
    began = time.monotonic()
    time.sleep(60)  # what the fixture takes the time out of

    assert time.monotonic() - began < 1


def test_wait_that_is_ended_in_time_is_none() -> None:
    event = threading.Event()
    thread = threading.Thread(target=event.set)
    thread.start()

    assert event.wait(60)
    thread.join()
