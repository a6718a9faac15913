"""The first sync reads all that Zoom serves from the start date on, wherever Zoom counts its six months."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pendulum
import pytest

from integration_tests.refusals import Account, laboratory
from source_zoom.streams.windows.grid import grid

MEETINGS = "report_meetings"

ZONES = ("UTC", *(f"UTC{hours:+}" for hours in range(-12, 15) if hours))
FAR_ZONES = ("UTC-12", "UTC-8", "UTC", "UTC+9", "UTC+14")
BORDERS = ("months", "days")

NOON = pendulum.datetime(2026, 3, 15, 12)
EDGE = next(window.first for window in grid(pendulum.date(2026, 3, 1), pendulum.date(2026, 4, 1))).add(days=29)
"""A day that two windows share."""

MOMENTS = [
    pendulum.datetime(EDGE.year, EDGE.month, EDGE.day, hour).add(days=day) for day in (-1, 0, 1) for hour in (1, 23)
]
LONG_MONTH = pendulum.datetime(2026, 8, 31, 1)
"""Six months before there is no such day."""


@pytest.fixture(params=[NOON])
def moment(request: pytest.FixtureRequest) -> Iterator[pendulum.DateTime]:
    now: pendulum.DateTime = request.param
    with laboratory(lambda: now):
        yield now


def assert_all_served_rows_come(
    now: pendulum.DateTime, *, until: pendulum.DateTime | None = None, **options: Any
) -> None:
    """All rows since the start date come, none twice, and none that Zoom does not have.

    :param until: from then on Zoom gives none, though it has them
    """
    settings = {"users": 2, "meetings": 0, "webinars": 0, "sessions_per_host": 60, "participants": (2, 2)}
    with Account(now.timestamp, **settings, **options) as account:
        read = account.read((MEETINGS, "read_gaps"), start_date=None)
        assert read.output.all_errors() == []
        assert read.gaps == []
        assert read.repeated(MEETINGS) == []
        start = now.subtract(months=6).start_of("day").format("YYYY-MM-DD[T]HH:mm:ss[Z]")
        served = {row["uuid"]: row["start_time"] for row in account.sandbox.expected_rows(MEETINGS)}
        end = (until or now).format("YYYY-MM-DD[T]HH:mm:ss[Z]")
        wanted = {uuid for uuid, began in served.items() if start <= began < end}
        came = {row["uuid"] for row in read.output.records(MEETINGS)}
        assert len(wanted) > 50
        assert wanted <= came <= served.keys()


BORDERS_AND_ZONES = [*product(BORDERS, ["refuse"], ZONES), *product(BORDERS, ["clamp"], FAR_ZONES)]


@pytest.mark.parametrize(("border", "old", "zone"), BORDERS_AND_ZONES)
def test_border_in_any_zone(moment: pendulum.DateTime, zone: str, border: str, old: str) -> None:
    assert_all_served_rows_come(moment, report_zone=zone, report_border=border, report_old=old)


@pytest.mark.parametrize(
    ("moment", "zone"), list(product([*MOMENTS, LONG_MONTH], FAR_ZONES)), indirect=["moment"], ids=str
)
@pytest.mark.parametrize("future", [0, 3])
def test_border_early_and_late_in_the_day_around_an_edge_of_the_grid(
    moment: pendulum.DateTime, zone: str, future: int
) -> None:
    assert_all_served_rows_come(moment, report_zone=zone, report_border="months", report_future=future)


@pytest.mark.parametrize("zone", ZONES[::3])
def test_last_day_may_not_be_in_the_future(moment: pendulum.DateTime, zone: str) -> None:
    hours = int(zone.removeprefix("UTC") or 0)
    today = moment.add(hours=hours).start_of("day").subtract(hours=hours)
    assert_all_served_rows_come(moment, until=today, report_zone=zone, report_to="exclusive", report_future=0)
