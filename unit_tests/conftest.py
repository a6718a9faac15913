"""What holds for every unit test."""

from __future__ import annotations

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests() -> None:
    """The CDK keeps the secrets that are masked for the whole process: another test's may be a common word."""
    update_secrets([])
