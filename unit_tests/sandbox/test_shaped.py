"""Endpoints of one table line each."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest

from sandbox.areas import ROUTES
from sandbox.expected import numbered
from sandbox.limits import PLANS, Label
from sandbox.published import ROUTES_FILE
from sandbox.shaped import TABLE, table
from sandbox.shaped_rows import SHAPES, SHAPES_FILE, After, Between, Exactly, PerDay, Rows, Shaped, Until
from scripts import make_shapes
from unit_tests.contract.openapi import needs_documents
from unit_tests.sandbox.client import WEEKS, Client, Clock

Serve = Callable[..., Client]
Row = dict[str, Any]

LOGS, CALLS, ELEMENTS = "report_operation_logs", "phone_call_history", "phone_call_elements"
ARCHIVES = "archive_files"
BY_COMPLETION = {"query_date_type": "archive_complete_time"}
PATHS = {stream: line.template for stream, line in TABLE.items()}
DATED = [LOGS, CALLS]
NOON = datetime(2026, 9, 21, 12, tzinfo=timezone.utc)
TODAY = NOON.date()
DAY = 86_400.0
FIRST = date(2026, 3, 22)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON.timestamp())


def days(first: date, last: date) -> Iterator[str]:
    return ((first + timedelta(days=day)).isoformat() for day in range((last - first).days + 1))


def element_path(call: str) -> str:
    return PATHS[ELEMENTS].format(callHistoryUuid=quote(quote(call, safe=""), safe=""))


def listed(client: Client, stream: str, first: date = FIRST, last: date = TODAY, **query: Any) -> list[Row]:
    """The rows of a naive reader: each day on its own, or all at once where there are no days."""
    records = SHAPES[stream]["records"]
    if stream == ELEMENTS:
        return [
            {**row, "call_history_uuid": call["call_history_uuid"], "call_start_time": call["start_time"]}
            for call in listed(client, CALLS, first, last)
            for row in client.get(element_path(call["call_history_uuid"])).json()[records]
        ]
    if stream == ARCHIVES:
        weeks = ({"from": first, "to": last, **BY_COMPLETION, **query} for first, last in WEEKS)
        rows = (row for week in weeks for row in client.rows(PATHS[stream], records, **week))
        return [{**row, "complete_time": row["complete_time"] or None} for row in rows]
    if stream not in DATED:
        return list(client.rows(PATHS[stream], records, **query))
    spans = ({"from": day, "to": day} for day in days(first, last))
    return [row for span in spans for row in client.rows(PATHS[stream], records, **span, **query)]


def sorted_rows(rows: Iterator[Row] | list[Row]) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# Shapes


@needs_documents
def test_shapes_are_current() -> None:
    for file, text in make_shapes.render().items():
        assert file.read_text(encoding="utf-8") == text, "run `make shapes`"


def test_each_line_has_a_shape_and_a_route() -> None:
    assert SHAPES.keys() == TABLE.keys()
    assert {line.template for line in TABLE.values()} <= {route.template for route in ROUTES}


def test_shapes_name_no_address() -> None:
    assert "http" not in SHAPES_FILE.read_text(encoding="utf-8") + ROUTES_FILE.read_text(encoding="utf-8")


@pytest.mark.parametrize("stream", TABLE)
def test_key_and_time_are_columns(stream: str) -> None:
    line, columns = TABLE[stream], SHAPES[stream]["row"]
    assert {line.key, line.by} - {None} <= columns.keys()
    assert line.of in {None, *TABLE}
    assert ("{" in line.template) == (line.of is not None)


# Rows


@pytest.mark.parametrize("stream", TABLE)
def test_a_naive_reader_gets_what_is_expected(serve: Serve, stream: str) -> None:
    client = serve(channels=45)
    rows = listed(client, stream)
    expected = list(client.sandbox.expected_rows(stream))
    assert len(rows) >= 40
    assert sorted_rows(rows) == sorted_rows(expected)


@pytest.mark.parametrize("stream", TABLE)
def test_keys_are_unique_and_those_of_the_rows(serve: Serve, stream: str) -> None:
    client = serve()
    keys = client.sandbox.expected_keys(stream)
    rows = list(client.sandbox.expected_rows(stream))
    assert len(set(keys)) == len(keys) == len(rows)
    line = TABLE[stream]
    made = numbered(rows) if line.key is None else (tuple(row[name] for name in line.primary_key) for row in rows)
    assert keys == list(made)


@pytest.mark.parametrize("stream", TABLE)
def test_a_seed_makes_its_rows(serve: Serve, stream: str) -> None:
    one, same, other = (list(serve(seed=seed).sandbox.expected_rows(stream)) for seed in (3, 3, 4))
    assert one == same
    assert not set(sorted_rows(one)) & set(sorted_rows(other))


@pytest.mark.parametrize("stream", TABLE)
def test_every_value_appears_and_some_fields_are_left_out(serve: Serve, stream: str) -> None:
    client = serve(channels=45)
    rows = list(client.sandbox.expected_rows(stream))
    line = TABLE[stream]
    for name, field in SHAPES[stream]["row"].items():
        seen = [row[name] for row in rows if name in row]
        assert seen
        assert all(value in seen for value in field.get("enum", ()))
        if name in {line.key, line.by} or field.get("required"):
            assert len(seen) == len(rows)
        elif len(rows) > 300:
            assert len(rows) * 0.85 < len(seen) < len(rows)


def test_mails_are_those_of_users_and_times_follow_each_other(serve: Serve) -> None:
    client = serve(users=4)
    mails = {user["email"] for user in client.rows("/users", "users")}
    rows = list(client.sandbox.expected_rows(CALLS))
    assert {row["caller_email"] for row in rows if "caller_email" in row} == mails
    for row in rows:
        start, end = moment(row["start_time"]), moment(row.get("end_time") or row["start_time"])
        answer = moment(row.get("answer_time") or row["start_time"])
        assert start <= answer
        assert "end_time" not in row or answer <= end
        assert start.date() == end.date() == answer.date()


def test_uuids_have_slashes_and_are_found_encoded_twice(serve: Serve) -> None:
    client = serve()
    uuids = [str(uuid) for (uuid,) in client.sandbox.expected_keys(CALLS)]
    heads = [uuid for uuid in uuids if uuid.startswith("/")]
    inner = [uuid for uuid in uuids if "//" in uuid]
    assert heads
    assert inner
    for uuid in (heads[0], inner[0]):
        assert client.get(element_path(uuid)).json()["call_history_uuid"] == uuid
        once = PATHS[ELEMENTS].format(callHistoryUuid=quote(uuid, safe=""))
        assert client.error(once) == (404, 404)
    plain = next(uuid for uuid in uuids if "/" not in uuid)
    assert client.get(PATHS[ELEMENTS].format(callHistoryUuid=quote(plain, safe=""))).ok
    assert client.error(element_path("AAAA")) == (404, 404)


def test_elements_are_joined_by_the_ids_of_their_call(serve: Serve) -> None:
    client = serve()
    calls = {row["call_history_uuid"]: row for row in client.sandbox.expected_rows(CALLS)}
    elements = list(client.sandbox.expected_rows(ELEMENTS))
    counts = Counter(element["call_history_uuid"] for element in elements)
    assert counts.keys() == calls.keys()
    assert set(counts.values()) == {1, 2, 3, 4}
    for element in elements:
        call = calls[element["call_history_uuid"]]
        assert element.get("call_id") in {None, call.get("call_id", element.get("call_id"))}


def test_some_logs_are_twins(serve: Serve) -> None:
    client = serve()
    keys = client.sandbox.expected_keys(LOGS)
    numbers = Counter(number for _, number in keys)
    assert set(numbers) == {0, 1}
    assert numbers[0] / 20 < numbers[1] < numbers[0] / 4


def test_integer_ids_are_unique_and_beyond_what_a_double_holds(monkeypatch: pytest.MonkeyPatch, serve: Serve) -> None:
    fields = {
        "id": {"type": "integer"},
        "day": {"type": "string", "format": "date"},
        "share": {"type": "number"},
        "is_on": {"type": "boolean"},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}}}},
    }
    monkeypatch.setitem(SHAPES, "things", {"row": fields})
    lines = {
        "things": Shaped("things", "/things", rows=Exactly(500), key="id", changes=After(0, column="is_on")),
    }
    client = serve()
    rows = Rows(lines, "things", client.sandbox._world)
    made = [rows.row(number) for number in rows.all()]
    ids = [row["id"] for row in made]
    parts = [part["id"] for row in made for part in row.get("parts", ())]
    assert len(set(ids)) == len(ids) == 500
    assert len(set(parts)) == len(parts) > 500
    assert all(1 << 53 < one < 1 << 63 for one in ids + parts)
    assert any(int(float(one)) != one for one in ids)
    assert {row.get("day") for row in made} == {None, "2026-09-21"}
    assert {row["is_on"] for row in made} == {True, False}


@pytest.mark.parametrize(("rows", "most"), [(PerDay(3), 6), (PerDay(0.2), 1), (Between(2, 5), 5), (Exactly(1), 1)])
def test_counts_of_a_day(serve: Serve, rows: Any, most: int) -> None:
    client = serve(shaped={LOGS: {"rows": rows, "twins": 1, "zone": "UTC"}})
    counts = Counter(row["time"][:10] for row in client.sandbox.expected_rows(LOGS))
    mean = sum(counts.values()) / 180
    assert max(counts.values()) == most
    assert mean == pytest.approx({6: 3, 5: 3.5}.get(most, 0.2 if rows(_never) == 0 else 1), rel=0.3)


class _Never:
    def below(self, bound: int) -> int:
        return 0

    def between(self, least: int, most: int) -> int:
        return least


_never: Any = _Never()


# Time


@pytest.mark.parametrize("stream", DATED)
def test_rows_appear_when_their_time_has_come(serve: Serve, clock: Clock, stream: str) -> None:
    client = serve(shaped={stream: {"rows": PerDay(40), "twins": 1}}, session_months=1)
    by = TABLE[stream].by or ""
    before = sorted_rows(client.sandbox.expected_rows(stream))
    newest = max(row[by] for row in client.sandbox.expected_rows(stream))
    assert NOON - timedelta(hours=6) < moment(newest) <= NOON
    clock.now += DAY / 2
    after = sorted_rows(client.sandbox.expected_rows(stream))
    assert set(before) < set(after)
    new = [json.loads(row) for row in set(after) - set(before)]
    assert all(NOON - timedelta(minutes=10) <= moment(row[by]) <= NOON + timedelta(days=0.5) for row in new)
    client.authorize()
    assert sorted_rows(listed(client, stream, last=TODAY + timedelta(days=1))) == after


def test_late_rows_are_listed_days_after_their_time(serve: Serve, clock: Clock) -> None:
    """The account with late rows ends up with those of one without."""
    late = {CALLS: {"late": After(2, every=3)}}
    slow, prompt = serve(shaped=late).sandbox, serve().sandbox
    held, known = (set(sandbox.expected_keys(CALLS)) for sandbox in (slow, prompt))
    times = {row["call_history_uuid"]: moment(row["start_time"]) for row in prompt.expected_rows(CALLS)}
    missing = known - held
    assert missing
    assert held < known
    assert all(NOON - timedelta(days=2) < times[str(uuid)] for (uuid,) in missing)
    clock.now += 2 * DAY
    assert known <= set(slow.expected_keys(CALLS))


def test_elements_of_a_late_call_are_late(serve: Serve, clock: Clock) -> None:
    client = serve(shaped={CALLS: {"rows": PerDay(20), "late": After(2, every=2)}}, session_months=1)
    before = {row["call_history_uuid"] for row in client.sandbox.expected_rows(ELEMENTS)}
    clock.now += 2 * DAY
    client.authorize()
    late = {
        row["call_history_uuid"]
        for row in client.sandbox.expected_rows(CALLS)
        if row["call_history_uuid"] not in before and moment(row["start_time"]) < NOON - timedelta(hours=1)
    }
    assert late
    clock.now -= 2 * DAY
    client.authorize()
    assert client.error(element_path(late.pop())) == (404, 404)


def test_a_call_is_shown_with_all_its_elements(serve: Serve, clock: Clock) -> None:
    sandbox = serve(shaped={CALLS: {"rows": PerDay(300)}}, session_months=0).sandbox

    def elements() -> Counter[Any]:
        return Counter(row["call_history_uuid"] for row in sandbox.expected_rows(ELEMENTS))

    shown = {uuid for (uuid,) in sandbox.expected_keys(CALLS)}
    before = elements()
    clock.now += 600
    after = elements()
    assert before.keys() == shown < after.keys()
    assert before == {uuid: after[uuid] for uuid in shown}


def test_a_changed_row_keeps_its_key(serve: Serve, clock: Clock) -> None:
    changes = After(3, every=2, column="recording_status")
    client = serve(shaped={CALLS: {"changes": changes}})
    before = {row["call_history_uuid"]: row for row in client.sandbox.expected_rows(CALLS)}
    clock.now += DAY
    after = {row["call_history_uuid"]: row for row in client.sandbox.expected_rows(CALLS)}
    assert before.keys() < after.keys()
    changed = {key for key, row in before.items() if row != after[key]}
    assert changed
    for key in changed:
        assert {**before[key], "recording_status": ""} == {**after[key], "recording_status": ""}
        assert NOON - timedelta(days=3) < moment(before[key]["start_time"]) <= NOON - timedelta(days=2)
    client.authorize()
    assert sorted_rows(listed(client, CALLS, last=TODAY + timedelta(days=1))) == sorted_rows([*after.values()])


def test_groups_change_on_the_day_after_the_first_and_grow_where_asked(serve: Serve, clock: Clock) -> None:
    client = serve(shaped={"groups": {"late": After(2, every=4)}})
    held: list[dict[str, int]] = []
    for _ in range(3):
        held.append({row["id"]: row["total_members"] for row in client.sandbox.expected_rows("groups")})
        clock.now += DAY
    first, second, third = held
    assert first.keys() == second.keys() < third.keys()
    assert len(third) == 40
    assert 0 < sum(first[key] != second[key] for key in first) < len(first)
    assert all(second[key] == third[key] for key in second)


def test_an_archive_is_announced_before_it_is_ready(serve: Serve, clock: Clock) -> None:
    client = serve(shaped={ARCHIVES: {"rows": PerDay(20), "ready": Until(3, 2, "status", "processing")}})

    def statuses() -> dict[str, set[str]]:
        return {
            row["uuid"]: {row["status"], *(file["status"] for file in row.get("archive_files", ()))}
            for row in client.sandbox.expected_rows(ARCHIVES)
        }

    before, times = statuses(), {row["uuid"]: row["complete_time"] for row in client.sandbox.expected_rows(ARCHIVES)}
    announced = {uuid for uuid, found in before.items() if found == {"processing"}}
    assert announced
    assert announced == {uuid for uuid, found in before.items() if "processing" in found}
    assert all(NOON - timedelta(days=3) < moment(times[uuid]) for uuid in announced)
    clock.now += 3 * DAY
    assert {value for uuid in announced for value in statuses()[uuid]} == {"completed", "failed"}


def test_an_archive_that_is_not_ready_may_lack_its_time_until_then(serve: Serve, clock: Clock) -> None:
    client = serve(shaped={ARCHIVES: {"rows": PerDay(20)}})
    before = {row["uuid"]: row["complete_time"] for row in client.sandbox.expected_rows(ARCHIVES)}
    clock.now += 3 * DAY
    after = {row["uuid"]: row["complete_time"] for row in client.sandbox.expected_rows(ARCHIVES)}
    assert None in before.values()
    assert None not in {after[uuid] for uuid in before}


def test_a_range_of_moments_is_a_week_of_one_kind_of_time(serve: Serve) -> None:
    client = serve(shaped={ARCHIVES: {"rows": PerDay(20), "ready": None}})

    def asked(first: str, last: str, **query: str) -> Any:
        return client.get(PATHS[ARCHIVES], **{"from": first, "to": last, **BY_COMPLETION, **query})

    rows = asked("2026-08-01T06:00:00Z", "2026-08-01T17:59:59Z", page_size="300").json()["meetings"]
    wanted = [
        row
        for row in client.sandbox.expected_rows(ARCHIVES)
        if "2026-08-01T06:00:00Z" <= row["complete_time"] <= "2026-08-01T17:59:59Z"
    ]
    assert sorted_rows(rows) == sorted_rows(wanted) != []
    assert asked("2020-08-01T00:00:00Z", "2020-08-08T00:00:00Z").ok
    assert asked("2026-09-20T00:00:00Z", "2026-09-26T00:00:00Z").ok
    for refused in (
        asked("2026-08-01T00:00:00Z", "2026-08-08T00:00:01Z"),
        asked("2026-08-01", "2026-08-02"),
        asked("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", query_date_type=""),
        asked("2026-08-01T00:00:00Z", "2026-08-02T00:00:00Z", query_date_type="meeting_start_time"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (400, 300)


# Days


@pytest.mark.parametrize("stream", DATED)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/Los_Angeles"])
def test_days_begin_in_the_zone_of_the_line(serve: Serve, stream: str, zone: str) -> None:
    client = serve(shaped={stream: {"zone": zone, "rows": PerDay(10)}})
    by, records = TABLE[stream].by or "", SHAPES[stream]["records"]
    made = list(client.sandbox.expected_rows(stream))
    for day in days(date(2026, 9, 1), date(2026, 9, 9)):
        rows = list(client.rows(PATHS[stream], records, **{"from": day, "to": day}))
        wanted = [row for row in made if moment(row[by]).astimezone(ZoneInfo(zone)).date().isoformat() == day]
        assert sorted_rows(rows) == sorted_rows(wanted)
    assert made


def test_logs_are_counted_in_another_zone(serve: Serve) -> None:
    client = serve(shaped={LOGS: {"rows": PerDay(20)}})
    rows = listed(client, LOGS, date(2026, 8, 1), date(2026, 8, 31))
    utc_days = {moment(row["time"]).date().isoformat() for row in rows}
    assert (min(utc_days), max(utc_days)) == ("2026-07-31", "2026-08-31")


@pytest.mark.parametrize("stream", DATED)
def test_a_range_is_a_month_of_the_last_six(serve: Serve, stream: str) -> None:
    client = serve()

    def asked(**query: str) -> tuple[int, int]:
        response = client.get(PATHS[stream], **query)
        return response.status_code, response.json().get("code", 0)

    assert asked(**{"from": "2026-08-01", "to": "2026-09-01"}) == (200, 0)
    assert asked(**{"from": "2026-08-01", "to": "2026-09-02"}) == (400, 300)
    assert asked(**{"from": "2026-08-02", "to": "2026-08-01"}) == (400, 300)
    assert asked(**{"from": "2026-08-02"}) == (400, 300)
    assert asked(to="2026-08-02") == (400, 300)
    assert asked(**{"from": "yesterday", "to": "2026-08-02"}) == (400, 300)
    assert asked(**{"from": "2026-09-21", "to": "2026-09-25"}) == (400, 300)
    assert asked(**{"from": "2026-03-21", "to": "2026-03-22"}) == (200, 0)
    old = client.get(PATHS[stream], **{"from": "2026-03-20", "to": "2026-03-22"})
    assert (old.status_code, old.json()["code"]) == (400, 300)
    assert "recent 6 months" in old.json()["message"]


def test_without_days_there_are_the_calls_of_24_hours_and_no_logs(serve: Serve) -> None:
    client = serve(shaped={CALLS: {"rows": PerDay(30)}})
    rows = list(client.rows(PATHS[CALLS], "call_history"))
    begin = NOON - timedelta(days=1)
    wanted = [row for row in client.sandbox.expected_rows(CALLS) if moment(row["start_time"]) > begin]
    assert rows
    assert sorted_rows(rows) == sorted_rows(wanted)
    assert client.error(PATHS[LOGS]) == (400, 300)


def test_elements_go_when_their_call_is_too_old_and_stay_expected(serve: Serve, clock: Clock) -> None:
    client = serve()
    oldest = min(client.sandbox.expected_rows(CALLS), key=lambda row: str(row["start_time"]))["call_history_uuid"]
    assert client.get(element_path(oldest)).ok
    clock.now += 10 * DAY
    client.authorize()
    assert client.error(element_path(oldest)) == (404, 404)
    assert (oldest,) in client.sandbox.expected_keys(CALLS)


# Parameters and pages


def test_filters_select(serve: Serve) -> None:
    client = serve()
    month = {"from": "2026-08-01", "to": "2026-08-31"}
    logs = list(client.rows(PATHS[LOGS], "operation_logs", **month))
    calls = list(client.rows(PATHS[CALLS], "call_history", **month))

    def of(stream: str, **query: str) -> list[Row]:
        return list(client.rows(PATHS[stream], SHAPES[stream]["records"], **month, **query))

    assert of(LOGS, category_type="user") == [row for row in logs if row.get("category_type") == "user"]
    assert of(LOGS, category_type="all") == logs
    assert of(CALLS, time_type="start_time") == calls
    assert of(CALLS, recording_status="recorded") == [row for row in calls if row.get("recording_status") == "recorded"]
    chosen = [row for row in calls if row.get("call_result") in {"answered", "busy"}]
    assert of(CALLS, call_results="answered,busy") == chosen


@pytest.mark.parametrize(
    "query",
    [
        {"keyword": "a"},
        {"with_voicemail": "true"},
        {"time_type": "end_time"},
        {"directions": "up"},
        {"page_size": "301"},
    ],
)
def test_what_is_not_served_is_refused(serve: Serve, query: dict[str, str]) -> None:
    assert serve().error(PATHS[CALLS], **{"from": "2026-08-01", "to": "2026-08-31"}, **query) == (400, 300)


@pytest.mark.parametrize("stream", ["groups", LOGS, CALLS])
def test_pages_make_up_the_list(serve: Serve, clock: Clock, stream: str) -> None:
    client = serve()
    query = {"from": "2026-08-01", "to": "2026-08-31"} if stream in DATED else {}
    records = SHAPES[stream]["records"]
    whole = client.get(PATHS[stream], page_size=300, **query).json()
    assert list(client.rows(PATHS[stream], records, page_size=7, **query)) == whole[records]
    first = client.get(PATHS[stream], **query).json()
    assert len(first[records]) == 30 < len(whole[records])
    assert first.get("total_records", len(whole[records])) == len(whole[records])
    token = first["next_page_token"]
    assert client.error(PATHS[stream], **{**query, "next_page_token": "x" + token}) == (400, 300)
    clock.now += 900
    assert client.error(PATHS[stream], **{**query, "next_page_token": token}) == (400, 300)


# The gateway


@pytest.mark.parametrize("stream", TABLE)
def test_refusals_by_template(serve: Serve, stream: str) -> None:
    client = serve()
    call = str(client.sandbox.expected_keys(CALLS)[-1][0])
    path = element_path(call) if stream == ELEMENTS else PATHS[stream]
    query = (
        {"from": "2026-09-01", "to": "2026-09-02"} if stream in DATED else BY_COMPLETION if stream == ARCHIVES else {}
    )
    client.sandbox.refuse(path=PATHS[stream], answer="no-permission")
    assert client.error(path, **query) == (400, 200)
    assert client.sandbox.faults()[0]["hits"] == 1
    client.sandbox.allow()
    client.sandbox.refuse(path=PATHS[stream], status=404, code=4130, text="Gone.", times=1)
    assert client.error(path, **query) == (404, 4130)
    assert client.get(path, **query).ok


def test_one_call_is_refused(serve: Serve) -> None:
    client = serve()
    one, other = (str(client.sandbox.expected_keys(CALLS)[place][0]) for place in (0, 1))
    client.sandbox.refuse(path=PATHS[ELEMENTS], object=one, answer="not-found")
    assert client.get(element_path(one)).status_code == 404
    assert client.get(element_path(other)).ok


@pytest.mark.parametrize("stream", TABLE)
def test_a_scope_that_lacks_is_named_and_expected_to_leave_nothing(serve: Serve, stream: str) -> None:
    scope = SHAPES[stream]["route"]["granular_scope"]
    client = serve(scopes=tuple(route.granular_scope for route in ROUTES if route.granular_scope != scope))
    path = element_path("AAAA") if stream == ELEMENTS else PATHS[stream]
    assert client.error(path) == (400, 4711)
    lacking = {stream, *(name for name, line in TABLE.items() if line.of == stream)}
    for name in TABLE:
        assert (client.sandbox.expected_keys(name) == []) == (name in lacking)


def test_an_account_without_reports_has_no_logs(serve: Serve) -> None:
    client = serve(without=frozenset({"reports"}))
    assert client.error(PATHS[LOGS], **{"from": "2026-09-01", "to": "2026-09-02"}) == (400, 200)
    assert client.sandbox.expected_keys(LOGS) == []
    assert client.sandbox.expected_keys(CALLS)


def test_zoom_phone_has_limits_of_its_own(serve: Serve) -> None:
    client = serve(plan="pro")
    query = {"from": "2026-09-01", "to": "2026-09-02"}
    assert [client.get(PATHS[CALLS], **query).status_code for _ in range(6)] == [200] * 5 + [429]
    refusal = client.get(PATHS[CALLS], **query)
    assert refusal.headers["X-RateLimit-Category"] == "Heavy"
    assert client.get(PATHS[LOGS], **query).ok
    assert set(client.sandbox.counters()["by_label"]) == {"Phone-heavy", "Heavy"}


@pytest.mark.parametrize(("plan", "rates"), [("pro", (20, 10, 5)), ("business_plus", (40, 20, 10))])
def test_rates_of_zoom_phone(plan: str, rates: tuple[int, ...]) -> None:
    labels = (Label.PHONE_LIGHT, Label.PHONE_MEDIUM, Label.PHONE_HEAVY)
    assert tuple(PLANS[plan][label].rate for label in labels) == rates
    assert [label for label in labels if Label.parse(label.value.lower()) is not label] == []


# Options


def test_options_change_single_lines() -> None:
    changed = table({"groups": {"rows": Exactly(2)}})
    assert {**changed, "groups": TABLE["groups"]} == TABLE
    assert replace(changed["groups"], rows=TABLE["groups"].rows) == TABLE["groups"]


@pytest.mark.parametrize("options", [{"group": {}}, {"groups": {"row": 3}}])
def test_unknown_options_are_refused(serve: Serve, options: dict[str, Any]) -> None:
    with pytest.raises((KeyError, TypeError)):
        serve(shaped=options)
