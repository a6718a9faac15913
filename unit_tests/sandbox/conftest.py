from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from sandbox import Sandbox, SandboxOptions
from unit_tests.isolation import Isolation
from unit_tests.sandbox.client import Client, Clock


@pytest.fixture(autouse=True)
def _server(isolation: Isolation) -> None:
    """The sandbox is a server on this machine."""
    isolation.has_loopback = True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def serve(clock: Clock) -> Iterator[Callable[..., Client]]:
    with ExitStack() as stack:

        def start(*, authorized: bool = True, **options: Any) -> Client:
            sandbox = stack.enter_context(Sandbox(SandboxOptions(**{"users": 4, **options}), clock=clock))
            client = Client(sandbox)
            stack.enter_context(client.session)
            if authorized:
                client.authorize()
            return client

        yield start
