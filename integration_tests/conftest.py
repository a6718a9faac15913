import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pendulum
import pytest
import requests

pytest.register_assert_rewrite("integration_tests.airbyte_cdk_cli", "integration_tests.connector")

from integration_tests.airbyte_cdk_cli import copy_connector  # noqa: E402 - after asserts are to be rewritten
from integration_tests.connector import Connector, config_of  # noqa: E402
from sandbox import Sandbox, SandboxOptions  # noqa: E402
from source_zoom.zoom.endpoint import RateLabel  # noqa: E402
from source_zoom.zoom.plan_search import PER_SECOND  # noqa: E402

SMALL_ACCOUNT: dict[str, Any] = {
    "seed": 7,
    "users": 8,
    "meetings": 3,
    "registrants": (0, 8),
    "channels": 45,
    "sessions_per_host": 2,
    "webinar_hosts_percent": 30,
}
"""Small, but with each of the sandbox's oddities, lists of several pages, and registration for single occurrences."""

NOON = pendulum.datetime(2026, 3, 15, 12)

Serve = Callable[..., Sandbox]


class Clock:
    """A time that the sandbox and a connector in this process share; it stands still until it is moved."""

    def __init__(self, moment: pendulum.DateTime) -> None:
        self.moment = moment

    def __call__(self) -> float:
        return self.moment.timestamp()

    def now(self, tz: str = "UTC") -> pendulum.DateTime:
        return self.moment.in_timezone(tz)

    def advance(self, **duration: int) -> None:
        self.moment = self.moment.add(**duration)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    stopped = Clock(NOON)
    monkeypatch.setattr(pendulum, "now", stopped.now)
    return stopped


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(clock: Callable[[], float] = time.time, **options: Any) -> Sandbox:
            return stack.enter_context(Sandbox(SandboxOptions(**{**SMALL_ACCOUNT, **options}), clock=clock))

        yield start


@pytest.fixture
def connector(tmp_path: Path) -> Connector:
    return Connector(tmp_path)


@pytest.fixture
def sandbox(serve: Serve) -> Sandbox:
    return serve()


@pytest.fixture
def connector_folder(tmp_path: Path, sandbox: Sandbox) -> Path:
    """A copy of the connector that has the sandbox for its account, with a name by which Airbyte knows a source."""
    folder = tmp_path / "source-zoom"
    copy_connector(folder, json.dumps(config_of(sandbox)))
    return folder


@pytest.fixture
def asked_urls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that a connector in this process sends."""
    urls: list[str] = []
    send = requests.Session.send

    def record(self: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        urls.append(str(request.url))
        return send(self, request, **kwargs)

    monkeypatch.setattr(requests.Session, "send", record)
    return urls


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads in this process at a rate that only the machine limits."""
    for plan in PER_SECOND:
        monkeypatch.setitem(PER_SECOND, plan, dict.fromkeys(RateLabel, 10_000.0))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the image tests ran and measured, which no assertion shows."""
    reports = [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]
    lines = [str(value) for report in reports for name, value in report.user_properties if name == "image"]
    if lines:
        terminalreporter.section("image")
        for line in lines:
            terminalreporter.write_line(line)
