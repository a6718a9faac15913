"""Archives that Zoom lists before they are ready, through the whole engine: rows, requests, state, log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import SyncMode

from source_zoom.streams.windows.ledger import UNFINISHED_DAYS
from unit_tests.fake_zoom import API, TOKEN_URL, refusal, token
from unit_tests.streams.base.test_withheld import Sync

NAME = "archive_files"
GAPS = "read_gaps"
NOON = pendulum.datetime(2026, 5, 20, 12)
START = "2026-04-01T00:00:00Z"
OLD = NOON.subtract(days=10)
"""Neither today nor in the lookback."""
SERVER_ERROR = refusal(500, 500, "Internal error.")

pytestmark = pytest.mark.usefixtures("sleepless")


class Account:
    """Archives, and the moment at which Zoom is asked for them."""

    def __init__(self) -> None:
        self.now = NOON
        self.archives: dict[str, dict[str, Any]] = {}
        self.listed: dict[str, str] = {}
        """The time by which each is listed, which may be one that it does not tell."""
        self.asked: list[tuple[str, str]] = []
        self.failing = ""
        """A moment for which Zoom fails to answer."""

    def add(self, uuid: str, at: pendulum.DateTime, status: str = "completed", **fields: Any) -> None:
        time = at.format("YYYY-MM-DD[T]HH:mm:ss[Z]")
        self.listed[uuid] = time
        times = {"start_time": time, "complete_time": time}
        self.archives[uuid] = {"uuid": uuid, "status": status, "archive_files": [], **times, **fields}

    def answer(self, request: Any, context: Any) -> dict[str, Any]:
        assert request.qs["query_date_type"] == ["archive_complete_time"]
        first, last = (request.qs[name][0].upper() for name in ("from", "to"))
        self.asked.append((first[:10], last[:10]))
        if first <= self.failing <= last:
            context.status_code = SERVER_ERROR["status_code"]
            return dict(SERVER_ERROR["json"])
        return {"meetings": [one for uuid, one in self.archives.items() if first <= self.listed[uuid] <= last]}

    def sync(self, before: Sync | None = None, **settings: Any) -> Sync:
        self.asked.clear()
        state = before.states if before else None
        return Sync(NAME, GAPS, state=state, **{"start_date": START, "lookback_window_days": 1, **settings})

    def days_asked(self) -> set[str]:
        """Days of the ranges that were asked for, but for those of the lookback."""
        lookback = self.now.subtract(days=3).to_date_string()
        return {day for span in self.asked for day in span if day < lookback}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    zoom = Account()
    monkeypatch.setattr(pendulum, "now", lambda tz="UTC": zoom.now.in_timezone(tz))
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(f"{API}/archive_files", json=zoom.answer)
        yield zoom


def statuses(one: Sync) -> dict[str, str]:
    return {row["uuid"]: row["status"] for row in one.rows(NAME)}


def missing(one: Sync) -> list[tuple[str, str]]:
    days = one.states[NAME]["owners"]["missing"].get("account", [])
    assert all(set(entry) == {"first", "last"} for entry in days)
    return [(entry["first"], entry["last"]) for entry in days]


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line.getMessage() for line in caplog.records if "not ready" in line.getMessage()]


def test_archive_that_is_not_ready_is_emitted_as_it_is_and_its_day_read_again(
    account: Account, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    account.add("a", OLD, "processing")
    account.add("b", OLD.add(minutes=1), "processing")
    account.add("c", OLD.subtract(days=3))

    first = account.sync()

    assert statuses(first) == {"a": "processing", "b": "processing", "c": "completed"}
    assert (first.error, first.gaps, first.status(NAME)) == (None, [], "COMPLETE")
    assert missing(first) == [(OLD.to_date_string(), OLD.to_date_string())]
    [line] = [one for one in caplog.records if "not ready" in one.getMessage()]
    assert line.levelname == "INFO"
    assert line.getMessage() == (
        "Stream archive_files: 2 archives are not ready. The next sync reads their days again."
    )

    account.add("a", OLD)
    account.add("b", OLD.add(minutes=1))
    account.now = NOON.add(hours=1)
    second = account.sync(first)
    assert statuses(second) == {"a": "completed", "b": "completed"}
    assert account.days_asked() == {OLD.to_date_string()}
    assert missing(second) == []
    assert len(said(caplog)) == 1

    account.now = NOON.add(hours=2)
    third = account.sync(second)
    assert (statuses(third), account.days_asked()) == ({}, set())


@pytest.mark.parametrize(
    ("status", "files", "waits"),
    [
        ("completed", ["completed", "processing"], True),
        ("processing", [], True),
        ("completed", ["failed", "completed"], False),
        ("completed", None, False),
        ("completed", [None, "processing"], True),
    ],
)
def test_archive_is_ready_when_all_its_files_are_or_failed(
    account: Account, status: str, files: list[str | None] | None, *, waits: bool
) -> None:
    account.add("a", OLD, status, archive_files=files and [one and {"status": one} for one in files])

    assert bool(missing(account.sync())) is waits


def test_archive_that_stays_unfinished_is_asked_for_until_it_is_fourteen_days_old(account: Account) -> None:
    account.add("a", NOON, "processing")
    syncs: list[Sync] = []
    asked = {}
    for day in range(UNFINISHED_DAYS + 4):
        account.now = NOON.add(days=day)
        syncs.append(account.sync(syncs[-1] if syncs else None))
        asked[day] = NOON.to_date_string() in {first for first, _ in account.asked}

    assert [day for day in range(5, UNFINISHED_DAYS + 4) if asked[day]] == list(range(5, UNFINISHED_DAYS + 1))
    assert all(one.gaps == [] and one.status(NAME) == "COMPLETE" for one in syncs)
    assert missing(syncs[-1]) == []


def test_archive_that_was_ready_when_no_sync_ran_for_weeks_is_read_by_the_next(account: Account) -> None:
    account.add("a", OLD, "processing")
    first = account.sync()
    account.add("a", OLD)
    account.now = NOON.add(days=60)

    assert statuses(account.sync(first)) == {"a": "completed"}


def test_archive_without_a_time_is_waited_for_from_its_start_on(account: Account) -> None:
    account.add("a", OLD, "processing", complete_time="")
    first = account.sync()

    [row] = first.rows(NAME)
    assert row["complete_time"] is None
    [(begin, end)] = missing(first)
    assert begin == OLD.to_date_string() < end
    # It may be complete at any later time.
    account.add("a", OLD.add(days=1), start_time=OLD.format("YYYY-MM-DD[T]HH:mm:ss[Z]"))
    account.now = NOON.add(hours=1)
    second = account.sync(first)
    assert statuses(second) == {"a": "completed"}
    assert missing(second) == []


@pytest.mark.parametrize(
    "fields", [{"complete_time": ""}, {"status": "processing", "complete_time": "", "start_time": ""}]
)
def test_archive_without_any_time_cannot_be_used(account: Account, fields: dict[str, Any]) -> None:
    account.add("a", OLD, **fields)
    account.add("b", OLD)

    one = account.sync()

    assert (statuses(one), missing(one)) == ({"b": "completed"}, [])
    assert [gap[3] for gap in one.gaps] == ["UNUSABLE"]


def test_day_at_fault_when_it_is_read_again_is_a_gap_and_read_by_a_later_sync(account: Account) -> None:
    account.add("a", OLD, "processing")
    first = account.sync()
    account.add("a", OLD)
    account.failing = OLD.format("YYYY-MM-DD[T]HH:mm:ss[Z]")

    second = account.sync(first)
    [gap] = second.rows(GAPS)
    assert (gap["first_day"], gap["last_day"]) == (OLD.to_date_string(), OLD.to_date_string())
    assert second.status(NAME) == "COMPLETE"

    account.failing = ""
    third = account.sync(second)
    assert (statuses(third), third.gaps, missing(third)) == ({"a": "completed"}, [], [])


def test_day_that_two_windows_share_is_read_again(account: Account) -> None:
    """Each of ten days is one of a border at some time, whichever day the windows begin on."""
    for ago in range(4, 14):
        account.add(f"a{ago}", NOON.subtract(days=ago), "processing")
    first = account.sync()
    for ago in range(4, 14):
        account.add(f"a{ago}", NOON.subtract(days=ago))
    account.now = NOON.add(hours=1)

    second = account.sync(first)

    assert len(first.rows(NAME)) == len(second.rows(NAME)) == 10
    assert set(statuses(second).values()) == {"completed"}
    assert missing(second) == []


def test_no_range_is_longer_than_seven_days_and_the_first_is_that_of_the_config(account: Account) -> None:
    start = NOON.subtract(years=2)
    account.sync(start_date=start.to_date_string())

    assert min(first for first, _ in account.asked) == start.subtract(days=1).to_date_string()
    spans = [pendulum.Date.fromisoformat(last) - pendulum.Date.fromisoformat(first) for first, last in account.asked]
    assert max(span.days for span in spans) == 6


def test_full_refresh_keeps_no_days(account: Account) -> None:
    account.add("a", OLD, "processing")

    full = Sync(NAME, mode=SyncMode.full_refresh, start_date=START)

    assert statuses(full) == {"a": "processing"}
    assert "owners" not in full.states[NAME]
