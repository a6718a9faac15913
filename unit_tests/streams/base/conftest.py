from collections.abc import Iterator
from dataclasses import replace

import pytest
import requests_mock

from source_zoom.streams import ZoomStream, build
from source_zoom.streams.users import Users
from unit_tests.fake_zoom import TOKEN_URL, context, token


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between attempts, which are not waited for."""
    waits: list[float] = []
    monkeypatch.setattr("time.sleep", waits.append)
    return waits


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        yield mocker


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> dict[str, ZoomStream]:
    """Every stream; of `users` the active ones only, so that there is a list which takes one read."""
    monkeypatch.setattr(Users, "endpoint", replace(Users.endpoint, variants=({"status": "active"},)))
    return build(context())
