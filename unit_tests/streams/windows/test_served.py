"""Which days are asked for, whichever days Zoom serves."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pendulum
import pytest
from airbyte_cdk.models import FailureType

from source_zoom.engine import SliceFailure
from source_zoom.streams.windows.grid import Window, oldest_served
from source_zoom.streams.windows.served import MOST_DAYS_LATER, ServedDays
from source_zoom.zoom.meanings import Meaning

NOW = pendulum.datetime(2026, 5, 10, 9, 30)
TODAY = NOW.date()
BORDER = pendulum.date(2025, 11, 10)
OLD = Window(BORDER.subtract(days=10), BORDER.add(days=15))
NEW = Window(TODAY.subtract(days=20), TODAY.add(days=9))
MONTHS = "OUT_OF_REACH"
NO_REASON = "INVALID"


@dataclass
class Zoom:
    """A report with one row for each day, which refuses days that it does not serve."""

    first: pendulum.Date = BORDER
    last: pendulum.Date | None = None
    meaning: str = MONTHS
    asked: list[Window] = field(default_factory=list)

    def read(self, days: Window) -> Iterator[str]:
        self.asked.append(days)
        assert days.first <= days.last
        if days.first < self.first or (self.last and days.last > self.last):
            raise refusal(self.meaning)
        for day in range((days.last - days.first).days + 1):
            yield days.first.add(days=day).to_date_string()


def refusal(meaning: str) -> SliceFailure:
    return SliceFailure(
        "GET /report/users/{user_id}/meetings was refused.",
        cause=meaning,
        failure_type=FailureType.config_error,
        facts={"meaning": meaning},
    )


def served(now: pendulum.DateTime = NOW) -> ServedDays:
    return ServedDays(lambda: now)


def days_of(first: pendulum.Date, last: pendulum.Date) -> list[str]:
    return [first.add(days=day).to_date_string() for day in range((last - first).days + 1)]


def test_days_that_are_served_are_asked_for_as_they_are() -> None:
    zoom, days = Zoom(), Window(BORDER, BORDER.add(days=29))

    assert list(served().read(days, zoom.read)) == days_of(days.first, days.last)
    assert zoom.asked == [days]


def test_days_before_six_months_and_after_tomorrow_are_not_asked_for() -> None:
    zoom = Zoom()

    list(served().read(OLD, zoom.read))
    list(served().read(NEW, zoom.read))

    assert zoom.asked == [Window(BORDER, OLD.last), Window(NEW.first, TODAY.add(days=1))]


@pytest.mark.parametrize(
    "days",
    [Window(BORDER.subtract(days=30), BORDER.subtract(days=1)), Window(TODAY.add(days=2), TODAY.add(days=9))],
    ids=["too old", "not come yet"],
)
def test_nothing_is_asked_for_where_no_day_is_served(days: Window) -> None:
    zoom = Zoom()

    assert list(served().read(days, zoom.read)) == []
    assert zoom.asked == []


@pytest.mark.parametrize("meaning", [MONTHS, NO_REASON])
@pytest.mark.parametrize("later", [1, 3, MOST_DAYS_LATER])
def test_border_is_learned_a_day_at_a_time_and_once(meaning: str, later: int) -> None:
    zoom, days = Zoom(first=BORDER.add(days=later), meaning=meaning), served()

    assert list(days.read(OLD, zoom.read)) == days_of(BORDER.add(days=later), OLD.last)
    assert [asked.first for asked in zoom.asked] == [BORDER.add(days=day) for day in range(later + 1)]
    assert days.first() == BORDER.add(days=later)

    zoom.asked.clear()
    list(days.read(OLD, zoom.read))
    assert zoom.asked == [Window(BORDER.add(days=later), OLD.last)]


def test_border_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    days, zoom = served(), Zoom(first=BORDER.add(days=1))

    with caplog.at_level(logging.INFO, "airbyte"):
        for _ in range(3):
            list(days.read(OLD, zoom.read))

    assert [record.getMessage() for record in caplog.records] == ["Zoom's reports serve the days from 2025-11-11 on."]


@pytest.mark.parametrize(("meaning", "learned"), [(NO_REASON, 0), (MONTHS, MOST_DAYS_LATER)])
def test_host_who_is_refused_whatever_is_asked_costs_a_week_of_requests(meaning: str, learned: int) -> None:
    zoom, days = Zoom(first=pendulum.date(2999, 1, 1), meaning=meaning), served()

    with pytest.raises(SliceFailure) as caught:
        list(days.read(OLD, zoom.read))

    assert caught.value.facts["meaning"] == meaning
    assert [asked.first for asked in zoom.asked] == [BORDER.add(days=day) for day in range(MOST_DAYS_LATER + 1)]
    # What had no reason moves the border for nobody else; what named six months does.
    assert days.first() == BORDER.add(days=learned)


def test_others_are_asked_for_from_the_border_after_a_refusal_without_a_reason() -> None:
    days, other = served(), Zoom()
    with pytest.raises(SliceFailure):
        list(days.read(OLD, Zoom(first=pendulum.date(2999, 1, 1), meaning=NO_REASON).read))

    list(days.read(OLD, other.read))

    assert other.asked == [Window(BORDER, OLD.last)]


@pytest.mark.parametrize(
    "meaning", [meaning.name for meaning in Meaning if meaning.name not in {MONTHS, NO_REASON} and meaning.name != "OK"]
)
def test_other_refusals_are_not_about_days(meaning: str) -> None:
    zoom = Zoom(first=pendulum.date(2999, 1, 1), meaning=meaning)

    with pytest.raises(SliceFailure):
        list(served().read(OLD, zoom.read))

    assert len(zoom.asked) == 1


@pytest.mark.parametrize("meaning", [MONTHS, NO_REASON])
def test_refusal_far_from_the_border_is_not_about_it(meaning: str) -> None:
    days = Window(BORDER.add(days=MOST_DAYS_LATER), BORDER.add(days=30))
    zoom = Zoom(first=pendulum.date(2999, 1, 1), meaning=meaning)

    with pytest.raises(SliceFailure):
        list(served().read(days, zoom.read))

    assert zoom.asked == [days]


def test_range_that_shrinks_to_nothing_has_no_rows() -> None:
    zoom, days = Zoom(first=BORDER.add(days=3)), Window(BORDER.subtract(days=28), BORDER.add(days=1))

    assert list(served().read(days, zoom.read)) == []
    assert [asked.first for asked in zoom.asked] == [BORDER, BORDER.add(days=1)]


def test_day_to_come_is_asked_for_once_more_as_today_and_then_never() -> None:
    zoom, days = Zoom(last=TODAY, meaning=NO_REASON), served()

    assert list(days.read(NEW, zoom.read)) == days_of(NEW.first, TODAY)
    assert [asked.last for asked in zoom.asked] == [TODAY.add(days=1), TODAY]

    zoom.asked.clear()
    list(days.read(NEW, zoom.read))
    assert zoom.asked == [Window(NEW.first, TODAY)]


def test_refusal_that_today_does_not_cure_leaves_tomorrow_to_others() -> None:
    days, other = served(), Zoom()
    with pytest.raises(SliceFailure):
        list(days.read(NEW, Zoom(last=pendulum.date(1999, 1, 1), meaning=NO_REASON).read))

    list(days.read(NEW, other.read))

    assert other.asked == [Window(NEW.first, TODAY.add(days=1))]


def test_both_ends_can_be_refused() -> None:
    first = BORDER.add(days=2)
    zoom, days = Zoom(first=first, last=TODAY, meaning=NO_REASON), served()

    assert list(days.read(Window(BORDER, TODAY.add(days=9)), zoom.read)) == days_of(first, TODAY)
    assert days.first() == first


def test_failure_behind_some_rows_is_not_hidden() -> None:
    def read(_: Window) -> Iterator[str]:
        yield "row"
        raise refusal("BROKEN")

    rows = served().read(NEW, read)

    assert next(rows) == "row"
    with pytest.raises(SliceFailure):
        next(rows)


def test_border_moves_on_while_a_sync_lasts() -> None:
    moment = NOW
    days = ServedDays(lambda: moment)
    list(days.read(OLD, Zoom(first=BORDER.add(days=2)).read))

    moment = NOW.add(days=3)

    assert days.first() == BORDER.add(days=5)


def in_zone(zone: str) -> Callable[[pendulum.DateTime], pendulum.Date]:
    return lambda now: now.in_timezone(zone).subtract(months=6).date()


@pytest.mark.parametrize(
    "oldest",
    [
        in_zone("UTC"),
        in_zone("Pacific/Auckland"),
        in_zone("Pacific/Kiritimati"),
        in_zone("Pacific/Niue"),
        lambda now: now.subtract(days=180).date(),
        lambda now: now.in_timezone("Pacific/Kiritimati").subtract(days=180).date(),
        lambda now: oldest_served(now).add(days=1),
    ],
    ids=["UTC", "Auckland", "UTC+14", "UTC-11", "180 days", "180 days UTC+14", "exclusive"],
)
def test_every_day_that_is_served_is_read_however_zoom_counts(
    oldest: Callable[[pendulum.DateTime], pendulum.Date],
) -> None:
    start = pendulum.datetime(2027, 8, 25)
    for hour in range(0, 366 * 24, 67):  # every hour of the day, and every third day of a year
        now = start.add(hours=hour)
        zoom = Zoom(first=oldest(now))
        first = max(oldest(now), oldest_served(now))
        days = Window(oldest_served(now).subtract(days=3), oldest_served(now).add(days=10))

        assert list(served(now).read(days, zoom.read)) == days_of(first, days.last), now
