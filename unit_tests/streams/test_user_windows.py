"""A stream that is read by user and window: a short declaration, and what becomes of users at fault or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pendulum
import pytest
import requests_mock

from source_zoom import streams
from source_zoom.streams.users import UserWindows
from source_zoom.streams.windows.grid import Windows, grid
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from unit_tests.fake_zoom import API, TOKEN_URL, refusal, token
from unit_tests.streams.base.test_withheld import Sync

TODAY = pendulum.now("UTC")
WINDOWS = list(grid(TODAY.subtract(days=100).date(), TODAY.date()))[-3:]
START = WINDOWS[0].first.add(days=2)
SERVER_ERROR = refusal(500, 500, "Internal error.")
NO_PERMISSION = refusal(400, 200, "No permission.")
GONE = refusal(404, 1001, "User does not exist.")


class Recordings(UserWindows):
    """Recordings of a user; `recordings` in the catalog."""

    endpoint = Endpoint(
        "users/{user_id}/recordings",
        RateLabel.MEDIUM,
        "cloud_recording:read:list_user_recordings:admin",
        records="meetings",
        page_size=300,
        slice_params=("from", "to"),
    )
    skips = Meaning.USER_GONE
    primary_key = "uuid"
    cursor_field = "start_time"
    rows_are = "recordings"
    follows = "active"

    @property
    def json_schema(self) -> Mapping[str, Any]:
        return {"type": "object", "properties": {name: {} for name in ("uuid", "user_id", "start_time")}}


class Archives(Recordings):
    """The same, by moments of a week each, kept for a year."""

    windows = Windows(days=7, months_kept=12, are_moments=True)


class Account:
    """Recordings by user and day."""

    def __init__(self) -> None:
        self.users = {"ann": "active", "bob": "active", "cid": "inactive"}
        self.days = [min(window.first.add(days=3), TODAY.date()).to_date_string() for window in WINDOWS]
        self.answers: dict[str, dict[str, Any]] = {}
        """In place of the recordings of a user."""
        self.asked: list[tuple[str, str, str]] = []

    def answer(self, request: Any, context: Any) -> dict[str, Any]:
        user, first, last = request.path.split("/")[-2], request.qs["from"][0], request.qs["to"][0]
        self.asked.append((user, first, last))
        if instead := self.answers.get(user):
            context.status_code = instead["status_code"]
            return dict(instead["json"])
        days = [day for day in self.days if first[:10] <= day <= last[:10]]
        return {"meetings": [{"uuid": f"{user} {day}", "start_time": f"{day}T10:00:00Z"} for day in days]}

    def list_users(self, request: Any, _: Any) -> dict[str, Any]:
        [status] = request.qs["status"]
        return {"users": [{"id": one, "email": f"{one}@x.org"} for one, has in self.users.items() if has == status]}


pytestmark = pytest.mark.usefixtures("sleepless")


@pytest.fixture(params=[Recordings])
def account(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    monkeypatch.setattr(streams, "STREAMS", (*streams.STREAMS, request.param))
    zoom = Account()
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(requests_mock.ANY, json=zoom.answer)
        mocker.get(f"{API}/users", json=zoom.list_users)
        yield zoom


def sync(state: Mapping[str, Any] | None = None, name: str = "recordings", **config: Any) -> Sync:
    return Sync(name, "read_gaps", state=state, **{"start_date": START.to_date_string(), **config})


def rows(*syncs: Sync, name: str = "recordings") -> set[str]:
    return {row["uuid"] for one in syncs for row in one.rows(name)}


def test_each_active_user_is_read_in_each_window(account: Account) -> None:
    first = sync()

    assert rows(first) == {f"{user} {day}" for user in ("ann", "bob") for day in account.days}
    assert {row["uuid"] for row in first.rows("recordings") if row["user_id"] == "ann"} == {
        f"ann {day}" for day in account.days
    }
    assert len(account.asked) == 2 * len(WINDOWS)
    assert first.error is None


def test_next_sync_asks_for_the_days_of_the_lookback(account: Account) -> None:
    first = sync()
    account.asked.clear()

    second = sync(first.states)

    oldest = TODAY.subtract(days=6).to_date_string()
    assert {user for user, _, _ in account.asked} == {"ann", "bob"}
    assert min(since for _, since, _ in account.asked) >= oldest
    assert second.error is None


def test_user_at_fault_is_a_gap_and_read_by_the_next_sync(account: Account) -> None:
    account.answers["ann"] = SERVER_ERROR
    first = sync()
    account.answers.clear()

    second = sync(first.states)

    assert first.status("recordings") == "COMPLETE"
    assert {gap[:3] for gap in first.gaps} == {("recordings", "user", "ann")}
    assert rows(first) == {f"bob {day}" for day in account.days}
    assert {f"ann {day}" for day in account.days} <= rows(second)
    assert second.gaps == []


def test_refused_user_is_asked_once_in_each_sync_and_read_when_let_in(account: Account) -> None:
    account.answers["ann"] = NO_PERMISSION
    first = sync()
    account.asked.clear()
    second = sync(first.states)
    again = [asked for asked in account.asked if asked[0] == "ann"]
    account.answers.clear()

    third = sync(second.states)

    assert (first.status("recordings"), second.status("recordings")) == ("COMPLETE", "COMPLETE")
    assert first.gaps == second.gaps == [("recordings", "user", "ann", "NO_PERMISSION")]
    assert len(again) == 1
    assert {f"ann {day}" for day in account.days} <= rows(third)
    assert third.gaps == []


def test_user_who_is_gone_is_skipped(account: Account) -> None:
    account.answers["ann"] = GONE

    first = sync()

    assert (rows(first), first.gaps, first.error) == ({f"bob {day}" for day in account.days}, [], None)


def test_new_user_is_read_from_the_watermark_on_and_a_deactivated_one_no_more(account: Account) -> None:
    first = sync()
    account.users = {"ann": "inactive", "bob": "active", "dan": "active"}
    account.days.append(TODAY.to_date_string())
    account.asked.clear()

    second = sync(first.states)

    assert {user for user, _, _ in account.asked} == {"bob", "dan"}
    assert f"dan {account.days[-1]}" in rows(second)


@pytest.mark.parametrize("status", ["active", "inactive"])
def test_where_the_list_of_users_is_at_fault_no_window_counts_as_read(account: Account, status: str) -> None:
    listed = account.list_users

    def fail(request: Any, context: Any) -> dict[str, Any]:
        if request.qs["status"] == [status]:
            context.status_code = 500
            return dict(SERVER_ERROR["json"])
        return listed(request, context)

    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(requests_mock.ANY, json=account.answer)
        mocker.get(f"{API}/users", json=fail)
        first = sync()

    second = sync(first.states)

    assert first.status("recordings") == "INCOMPLETE"
    assert first.states["recordings"]["end_time"] is None
    assert rows(second) == {f"{user} {day}" for user in ("ann", "bob") for day in account.days}


@pytest.mark.parametrize("account", [Archives], indirect=True)
def test_windows_of_moments_are_as_long_and_as_old_as_the_endpoint_serves(account: Account) -> None:
    start = TODAY.subtract(months=9)
    account.days = [start.add(days=days).to_date_string() for days in (2, 100, 200)]

    first = sync(name="archives", start_date=start.to_date_string())

    assert rows(first, name="archives") == {f"{user} {day}" for user in ("ann", "bob") for day in account.days}
    spans = [(moment(since), moment(until)) for _, since, until in account.asked]
    assert min(since for since, _ in spans) >= start.subtract(days=2)
    assert all(0 < (until - since).total_seconds() < 7 * 86_400 for since, until in spans)


def moment(text: str) -> pendulum.DateTime:
    return pendulum.from_format(text.upper(), "YYYY-MM-DD[T]HH:mm:ss[Z]")
