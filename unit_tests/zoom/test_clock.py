"""What is said, and done, where this computer's clock is wrong."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import requests
from airbyte_cdk.models import FailureType
from freezegun import freeze_time

from source_zoom.engine import StreamStopped
from source_zoom.zoom.clock import MOST_SECONDS, TOLERATED_SECONDS, ClockCheck
from unit_tests.fake_zoom import response

NOW = datetime(2026, 5, 10, 9, 30, tzinfo=timezone.utc)


def answer(ahead: float) -> requests.Response:
    """An answer of a server by whose clock this computer is that many seconds ahead."""
    date = format_datetime(NOW - timedelta(seconds=ahead), usegmt=True)
    return response(200, {}, headers={"Date": date})


@pytest.mark.parametrize("ahead", [0, 2, -2, TOLERATED_SECONDS, -TOLERATED_SECONDS])
@freeze_time(NOW)
def test_clock_that_is_about_right_is_not_mentioned(ahead: float, caplog: pytest.LogCaptureFixture) -> None:
    ClockCheck().check(answer(ahead))

    assert not caplog.records


@pytest.mark.parametrize(
    ("ahead", "minutes"),
    [(TOLERATED_SECONDS + 1, "5"), (-3600, "60"), (MOST_SECONDS, "720"), (-MOST_SECONDS, "720")],
)
@freeze_time(NOW)
def test_clock_that_is_minutes_off_is_warned_of_once(
    ahead: float, minutes: str, caplog: pytest.LogCaptureFixture
) -> None:
    check = ClockCheck()

    with caplog.at_level(logging.INFO, "airbyte"):
        for _ in range(3):
            check.check(answer(ahead))

    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        f"This computer's clock differs from Zoom's by {minutes} minutes: set it, as past sessions are read by it."
    )


@pytest.mark.parametrize("ahead", [MOST_SECONDS + 1, -MOST_SECONDS - 1, 400 * 86_400])
@freeze_time(NOW)
def test_clock_that_is_half_a_day_off_stops_every_stream(ahead: float) -> None:
    check = ClockCheck()

    for later in (ahead, 0):  # at later calls, too, whatever they are answered
        with pytest.raises(StreamStopped) as caught:
            check.check(answer(later))
        assert (caught.value.cause, caught.value.failure_type) == ("clock", FailureType.config_error)
        assert f"by {abs(ahead) / 60:,.0f} minutes" in str(caught.value)


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 May 2026 09:30:00 GMT"])
@freeze_time(NOW)
def test_first_answer_decides_also_if_it_has_no_date(date: str | None, caplog: pytest.LogCaptureFixture) -> None:
    check = ClockCheck()

    check.check(response(200, {}, headers={} if date is None else {"Date": date}))
    check.check(answer(MOST_SECONDS * 2))  # which a cache may have kept

    assert not caplog.records
