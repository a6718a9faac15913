"""What holds for every unit test: no network, no waiting, and no secrets of other tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets
from hypothesis import settings

from unit_tests.isolation import Isolation, isolated

# Besides what Hypothesis chooses where `CI` is set: no deadline, which a busy machine may miss.
settings.register_profile("unhurried", settings(), deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def isolation() -> Iterator[Isolation]:
    """What the test may do; it fails if it did more."""
    with isolated() as rules:
        yield rules
    if rules.refused:
        pytest.fail(rules.refused[0], pytrace=False)


@pytest.fixture
def loopback(isolation: Isolation) -> None:
    """A test with servers on this machine, which takes its time."""
    isolation.has_loopback = True


@pytest.fixture
def sleepless(isolation: Isolation) -> None:
    """A test in which each sleep is over at once: that of a retry, or before the turn of a request."""
    isolation.is_sleepless = True


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """The CDK keeps the secrets that are masked for the whole process: another test's may be a common word."""
    update_secrets([])
