"""Streams that are read for the account as a whole, window by window: what a sync reads, keeps and says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import SyncMode

from source_zoom.streams.windows.grid import DAYS, grid
from source_zoom.zoom.retries import MAX_RETRIES
from unit_tests.fake_zoom import API, DAILY_LIMIT, TOKEN_URL, refusal, token
from unit_tests.streams.base.test_withheld import Sync

pytestmark = pytest.mark.usefixtures("sleepless")

NAME = "report_operation_logs"
TODAY = pendulum.now("UTC")
WINDOWS = list(grid(TODAY.subtract(days=150).date(), TODAY.date()))[-4:]
START = WINDOWS[0].first.add(days=2)
SERVER_ERROR = refusal(500, 500, "Internal error.")


class Account:
    """Operations by day, of which Zoom may fail to serve some."""

    def __init__(self) -> None:
        self.days = [min(window.first.add(days=3), TODAY.date()).to_date_string() for window in WINDOWS]
        self.rows = [operation(day) for day in self.days]
        self.asked: list[tuple[str, str]] = []
        self.failing: dict[str, dict[str, Any]] = {}
        """An answer in place of the rows, by a day that was asked for."""

    def answer(self, request: Any, context: Any) -> dict[str, Any]:
        first, last = request.qs["from"][0], request.qs["to"][0]
        self.asked.append((first, last))
        for day, instead in self.failing.items():
            if first <= day <= last:
                context.status_code = instead["status_code"]
                context.headers.update(instead.get("headers", {}))
                return dict(instead["json"])
        served = [row for row in self.rows if "time" not in row or first <= str(row["time"])[:10] <= last]
        return {"operation_logs": served}


def operation(day: str, **fields: str) -> dict[str, Any]:
    return {"time": f"{day}T10:00:00Z", "operator": "ann@x.org", "action": "add", "category_type": "user", **fields}


@pytest.fixture
def account() -> Iterator[Account]:
    zoom = Account()
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(f"{API}/report/operationlogs", json=zoom.answer)
        yield zoom


def sync(state: dict[str, Any] | None = None, **settings: Any) -> Sync:
    return Sync(NAME, "read_gaps", state=state, **{"start_date": f"{START}T00:00:00Z", **settings})


def keys(*syncs: Sync) -> set[str]:
    return {row["row_id"] for one in syncs for row in one.rows(NAME)}


def times(one: Sync) -> list[str]:
    return sorted(row["time"][:10] for row in one.rows(NAME))


def ends(one: Sync) -> str:
    return str(one.states[NAME]["end_time"])[:10]


def test_first_sync_reads_every_window_in_ranges_of_at_most_a_month(account: Account) -> None:
    first = sync()

    assert times(first) == account.days
    assert (first.status(NAME), first.error, first.gaps) == ("COMPLETE", None, [])
    assert ends(first) == TODAY.to_date_string()
    for begin, end in account.asked:
        assert pendulum.from_format(end, "YYYY-MM-DD").diff(pendulum.from_format(begin, "YYYY-MM-DD")).in_days() <= DAYS


def test_next_sync_reads_the_lookback_only_and_a_late_row_in_it(account: Account) -> None:
    first = sync()
    account.asked.clear()
    late = TODAY.subtract(days=2).to_date_string()
    account.rows.append(operation(late, operator="late@x.org"))

    second = sync(first.states, lookback_window_days=1)

    assert len(account.asked) <= 2  # a window may have begun since
    assert all(begin >= TODAY.subtract(days=4).to_date_string() for begin, _ in account.asked)
    assert "late@x.org" in {row["operator"] for row in second.rows(NAME)}


def test_equal_rows_are_numbered_and_have_the_same_keys_on_every_run(account: Account) -> None:
    account.rows += [operation(account.days[0])] * 2

    first, again = sync(), sync()

    assert len(keys(first)) == len(first.rows(NAME)) == len(account.rows)
    assert keys(first) == keys(again)


def test_a_window_at_fault_is_missing_and_read_by_the_next_sync(account: Account) -> None:
    account.failing = {account.days[1]: SERVER_ERROR}
    first = sync()

    assert first.error is None
    assert first.status(NAME) == "COMPLETE"
    assert times(first) == [day for day in account.days if day != account.days[1]]
    [gap] = first.rows("read_gaps")
    assert (gap["object_type"], gap["meaning"], gap["first_day"]) == ("window", "BROKEN", gap["object_id"])
    assert gap["first_day"] <= account.days[1] <= gap["last_day"]
    assert ends(first) == TODAY.to_date_string()

    account.failing = {}
    account.asked.clear()
    second = sync(first.states)
    assert account.days[1] in times(second)
    assert account.days[0] not in times(second)
    assert second.gaps == []


def test_where_every_window_fails_the_stream_is_incomplete(account: Account) -> None:
    account.failing = dict.fromkeys(account.days, SERVER_ERROR)

    first = sync()

    assert first.status(NAME) == "INCOMPLETE"
    assert (NAME, "transient_error") in first.failures


def test_what_was_stopped_is_read_by_the_next_sync(account: Account) -> None:
    daily = {"status_code": 429, "json": {"code": 429, "message": DAILY_LIMIT}}
    account.failing = {account.days[-1]: {**daily, "headers": {"X-RateLimit-Type": "Daily-limit"}}}
    first = sync()
    account.failing = {}

    second = sync(first.states)

    assert first.status(NAME) == "COMPLETE"
    assert ends(first) < TODAY.to_date_string()
    assert set(times(first)) | set(times(second)) == set(account.days)


def test_a_row_that_cannot_be_used_is_named_and_the_others_read_once(account: Account) -> None:
    account.rows.append({"operator": "ann@x.org"})
    first = sync()
    account.asked.clear()
    second = sync(first.states)

    assert times(first) == account.days
    assert {gap["meaning"] for gap in first.rows("read_gaps")} == {"UNUSABLE"}
    assert (first.error, ends(first)) == (None, TODAY.to_date_string())
    assert len(account.asked) <= 2
    assert second.error is None


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (refusal(400, 200, "Only available for paid account: acc."), "COMPLETE", None),
        (refusal(400, 200, "No permission."), "INCOMPLETE", "config_error"),
        (refusal(400, 4711, "Invalid access token, does not contain scopes:[x]."), "INCOMPLETE", "config_error"),
    ],
)
def test_what_the_account_lacks_moves_no_watermark(
    answer: dict[str, Any], status: str, error: str | None, account: Account
) -> None:
    account.failing = dict.fromkeys(account.days, answer) | {TODAY.to_date_string(): answer}

    first = sync()

    assert first.status(NAME) == status
    assert first.failures == ([] if error is None else [(NAME, error)])
    assert first.states[NAME]["end_time"] is None
    assert len(account.asked) <= len(WINDOWS)


def test_a_start_date_that_moves_back_reads_the_difference(account: Account) -> None:
    later = WINDOWS[-2].first.add(days=10).to_date_string()
    first = sync(start_date=f"{later}T00:00:00Z")

    second = sync(first.states)

    assert set(times(second)) >= set(account.days) - set(times(first))


def test_full_refresh_reads_everything_and_keeps_no_state(account: Account) -> None:
    full = Sync(NAME, mode=SyncMode.full_refresh, start_date=f"{START}T00:00:00Z")

    assert times(full) == account.days
    assert "end_time" not in full.states[NAME]


def test_full_refresh_without_a_window_is_incomplete(account: Account) -> None:
    account.failing = {account.days[1]: SERVER_ERROR}

    full = Sync(NAME, mode=SyncMode.full_refresh, start_date=f"{START}T00:00:00Z")

    assert full.failures == [(NAME, "transient_error")]


@pytest.mark.usefixtures("account")
def test_state_of_an_account_that_has_caught_up_is_small() -> None:
    state = sync().states[NAME]

    assert len(str(state)) < 300
    assert state["owners"] == {"done": {}, "missing": {}, "refused": []}


def test_kept_fault_is_asked_for_no_longer_than_zoom_serves_it(account: Account) -> None:
    account.failing = {account.days[0]: SERVER_ERROR}
    state = sync().states
    assert len(account.asked) <= len(WINDOWS) + 2 * (MAX_RETRIES + 1)

    moved = sync(state, start_date=f"{WINDOWS[2].first}T00:00:00Z")

    assert moved.gaps == []
    assert re.match(r"\d{4}", ends(moved))
