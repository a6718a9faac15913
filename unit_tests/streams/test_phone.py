"""Calls and their elements where Zoom withholds days of the list, or sends odd calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pendulum
import pytest
import requests_mock

from source_zoom.streams.phone import PhoneCallHistory
from unit_tests.fake_zoom import API, TOKEN_URL, refusal, token
from unit_tests.streams.base.test_withheld import Sync

pytestmark = pytest.mark.usefixtures("sleepless")

CALLS, ELEMENTS = "phone_call_history", "phone_call_elements"
TODAY = pendulum.now("UTC")
DAYS = [TODAY.subtract(days=days).to_date_string() for days in (60, 40, 20)]
SERVER_ERROR = refusal(500, 500, "Internal error.")
VALIDATION_FAILED = refusal(400, 300, "Validation Failed.")


class Account:
    """A call on each of some days, of which Zoom may withhold one."""

    def __init__(self) -> None:
        self.calls = [call(day, f"call of {day}") for day in DAYS]
        self.withheld: dict[str, dict[str, Any]] = {}
        """Answers in place of the calls, by a day that was asked for."""
        self.asked: list[str] = []

    def list_calls(self, request: Any, context: Any) -> dict[str, Any]:
        first, last = request.qs["from"][0], request.qs["to"][0]
        for day, instead in self.withheld.items():
            if first <= day <= last:
                context.status_code = instead["status_code"]
                return dict(instead["json"])
        return {"call_history": [one for one in self.calls if first <= str(one.get("start_time"))[:10] <= last]}

    def read_call(self, request: Any, _: Any) -> dict[str, Any]:
        key = request.path.rsplit("/", 1)[1]
        self.asked.append(key)
        return {"call_elements": [{"call_element_id": f"element of {key}"}]}


def call(day: str, key: str, **fields: Any) -> dict[str, Any]:
    times = {"start_time": f"{day}T10:00:00Z", "end_time": f"{day}T10:05:00Z"}
    return {"call_history_uuid": key, "recording_status": "non_recorded", **times, **fields}


@pytest.fixture
def account() -> Iterator[Account]:
    zoom = Account()
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(requests_mock.ANY, json=zoom.read_call)
        mocker.get(f"{API}/phone/call_history", json=zoom.list_calls)
        yield zoom


def sync(state: Mapping[str, Any] | None = None) -> Sync:
    start = TODAY.subtract(days=70).to_date_string()
    return Sync(CALLS, ELEMENTS, "read_gaps", state=state, start_date=start)


def days(*syncs: Sync) -> set[str]:
    return {row["start_time"][:10] for one in syncs for row in one.rows(CALLS)}


def days_of_elements(*syncs: Sync) -> set[str]:
    return {row["call_start_time"][:10] for one in syncs for row in one.rows(ELEMENTS)}


@pytest.mark.parametrize("answer", [SERVER_ERROR, VALIDATION_FAILED], ids=["at fault", "refused"])
def test_days_that_are_withheld_for_good_leave_the_others_and_each_sync_complete(
    account: Account, answer: dict[str, Any]
) -> None:
    account.withheld[DAYS[1]] = answer
    syncs = [sync()]
    for _ in range(2):
        syncs.append(sync(syncs[-1].states))

    for one in syncs:
        assert {one.status(CALLS), one.status(ELEMENTS)} == {"COMPLETE"}, one.error
        assert {(gap[0], gap[1]) for gap in one.gaps} == {(CALLS, "window"), (ELEMENTS, "window")}
    assert days(*syncs) == days_of_elements(*syncs) == {DAYS[0], DAYS[2]}

    account.withheld.clear()
    last = sync(syncs[-1].states)
    assert DAYS[1] in days(last)
    assert DAYS[1] in days_of_elements(last)
    assert last.gaps == []


def test_refused_days_are_named_where_nothing_was_answered(account: Account) -> None:
    account.withheld["0001"] = VALIDATION_FAILED
    account.withheld |= dict.fromkeys(pendulum_days(70), VALIDATION_FAILED)

    one = sync()

    assert one.status(CALLS) == "INCOMPLETE"
    said = [
        m.trace.error.message for m in one.messages if m.trace and m.trace.error and m.trace.error.stream_descriptor
    ]
    assert any(TODAY.subtract(days=71).to_date_string() in sentence for sentence in said if sentence)


def pendulum_days(count: int) -> list[str]:
    return [TODAY.subtract(days=number).to_date_string() for number in range(-1, count + 3)]


def test_call_without_an_end_is_read_by_its_begin(account: Account) -> None:
    account.calls = [call(DAYS[0], "c", end_time=None)]

    assert days_of_elements(sync()) == {DAYS[0]}


@pytest.mark.parametrize("start", [None, "", "at noon"])
def test_call_without_a_begin_is_a_gap_and_the_others_are_read(account: Account, start: Any) -> None:
    odd = call(DAYS[0], "odd", start_time=start)
    listed = account.list_calls
    account.calls.append(odd)

    def list_all(request: Any, context: Any) -> dict[str, Any]:
        answer = listed(request, context)
        first, last = request.qs["from"][0], request.qs["to"][0]
        if first <= DAYS[0] <= last and odd not in answer["call_history"]:
            answer["call_history"].append(odd)
        return answer

    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(requests_mock.ANY, json=account.read_call)
        mocker.get(f"{API}/phone/call_history", json=list_all)
        one = sync()

    assert days(one) == days_of_elements(one) == set(DAYS)
    assert {gap[3] for gap in one.gaps} == {"UNUSABLE"}


def test_call_whose_key_is_a_word_of_the_connector_is_a_call(account: Account) -> None:
    account.calls = [call(DAYS[0], "end"), call(DAYS[0], "other")]

    first = sync()
    second = sync(first.states)

    assert {row["call_history_uuid"] for row in first.rows(ELEMENTS)} == {"end", "other"}
    assert second.rows(ELEMENTS) == []


def test_days_of_a_call_that_is_not_ready_are_listed_again_and_only_what_changed_is_read(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No call is announced early so far: this is for lists of items that are."""
    monkeypatch.setattr(PhoneCallHistory, "is_unfinished", lambda _, row: row.get("call_result") == "pending")
    # One is on each place in a window.
    days_ago = {number: TODAY.subtract(days=number).to_date_string() for number in (9, 10, 11)}
    ready = [call(day, f"call{number}", call_result="answered") for number, day in days_ago.items()]
    account.calls = [*ready, *(call(day, f"late{number}", call_result="pending") for number, day in days_ago.items())]
    first = sync()
    account.asked.clear()

    second = sync(first.states)
    assert account.asked == []
    account.calls = [*ready, *(call(day, f"late{number}", call_result="answered") for number, day in days_ago.items())]
    third = sync(second.states)

    assert sorted(account.asked) == ["late10", "late11", "late9"]
    assert {row["call_result"] for row in third.rows(CALLS)} == {"answered"}
    for name in (CALLS, ELEMENTS):
        assert second.states[name]["owners"]["missing"]
        assert third.states[name]["owners"]["missing"] == {}
        assert third.gaps == []
