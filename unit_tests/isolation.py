"""What no unit test may do: reach for the network, and let real time pass."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pytest

LONGEST_WAIT_SECONDS = 0.1
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
REFUSED = (
    "A unit test {what}. Replace what does so, or use a fixture: `sleepless` skips every sleep, `loopback` allows "
    "servers on this machine and the time they take."
)


class Isolation:
    """What one test may do.

    :ivar has_loopback: whether it may have servers on this machine, and wait for them
    :ivar is_sleepless: whether each sleep is over at once
    :ivar refused: what it did that it may not, a sentence each
    """

    def __init__(self) -> None:
        self.has_loopback = False
        self.is_sleepless = False
        self.refused: list[str] = []
        self._earlier = set(threading.enumerate()) - {threading.main_thread()}

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse what one of Python's audit events tells of."""
        if event in {"socket.connect", "socket.getaddrinfo"}:
            address = args[0] if event == "socket.getaddrinfo" else args[1]
            host = address[0] if isinstance(address, tuple) else address
            if str(host) not in LOOPBACK:
                self.refuse(f"reaches for {host}")
        elif event == "socket.__new__" and not self.has_loopback:
            self.refuse("opens a socket")

    def pass_time(self, seconds: float | None) -> None:
        """Refuse to wait for more than a moment."""
        if not self.has_loopback and seconds is not None and seconds > LONGEST_WAIT_SECONDS:
            self.refuse(f"waits for {seconds:.3g} s")

    def refuse(self, what: str) -> None:
        """Fail the test here; `refused` tells at its end where somebody took that for an error of the network."""
        if threading.current_thread() in self._earlier:
            return  # left over from another test, such as a watchdog
        self.refused.append(REFUSED.format(what=what))
        pytest.fail(self.refused[-1])


_running: Isolation | None = None
"""That of the running test; None between two tests, and while others than unit tests run."""


@contextmanager
def isolated() -> Iterator[Isolation]:
    """Watch all that is done in a test, on whichever thread."""
    global _running  # noqa: PLW0603 - an audit hook is there for good
    wait = threading.Condition.wait

    def timed(self: threading.Condition, timeout: float | None = None) -> bool:
        is_woken = wait(self, timeout)
        if not is_woken:
            isolation.pass_time(timeout)
        return is_woken

    with patch.object(threading.Condition, "wait", timed):
        isolation = _running = Isolation()
        try:
            yield isolation
        finally:
            _running = None


def _audit(event: str, args: tuple[Any, ...]) -> None:
    running = _running  # a thread may outlive the test
    if running is not None and event.startswith("socket."):
        running.audit(event, args)


_sleep = time.sleep


def _watched_sleep(seconds: float) -> None:
    running = _running
    if running is not None and running.is_sleepless:
        return
    if running is not None:
        running.pass_time(seconds)
    _sleep(seconds)


# For good, and before the connector is imported, which keeps `time.sleep` as a default.
sys.addaudithook(_audit)
setattr(time, "sleep", _watched_sleep)  # noqa: B010 - mypy takes it for a function with other parameters
