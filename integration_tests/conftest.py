from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytest.register_assert_rewrite("integration_tests.connector")

from integration_tests.connector import Connector  # noqa: E402 - after its asserts are to be rewritten
from sandbox import Sandbox, SandboxOptions  # noqa: E402
from source_zoom.budget import PER_SECOND  # noqa: E402
from source_zoom.endpoint import RateLabel  # noqa: E402

SMALL_ACCOUNT: dict[str, Any] = {
    "seed": 7,
    "users": 6,
    "meetings": 3,
    "registrants": (0, 8),
    "channels": 45,
    "page_cap": 7,
}
"""Small, but with each of the sandbox's oddities, lists of several pages, and registration for single occurrences."""

Serve = Callable[..., Sandbox]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(**options: Any) -> Sandbox:
            return stack.enter_context(Sandbox(SandboxOptions(**{**SMALL_ACCOUNT, **options})))

        yield start


@pytest.fixture
def connector(tmp_path: Path) -> Connector:
    return Connector(tmp_path)


@pytest.fixture
def unpaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads in this process at a rate that only the machine limits."""
    for plan in PER_SECOND:
        monkeypatch.setitem(PER_SECOND, plan, dict.fromkeys(RateLabel, 10_000.0))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The CDK's image tests build and run the image with a container engine, and download for it."""
    if "image_tests" in config.getoption("markexpr"):
        return
    for item in items:
        if item.get_closest_marker("image_tests"):
            item.add_marker(pytest.mark.skip(reason="needs a container engine and a network: -m image_tests runs it"))
