"""Reports about past sessions, read by a client that knows only Zoom's pages."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import Fault, Reading
from sandbox.options import REPORT_TO
from unit_tests.sandbox.client import MONTHS, Client, Clock

Serve = Callable[..., Client]
Row = dict[str, Any]

DAY = 86_400
WEBINAR_TYPES = {5, 6, 9}
AWKWARD: dict[str, Callable[[str], bool]] = {
    "leading slash": lambda uuid: uuid.startswith("/"),
    "two slashes": lambda uuid: "//" in uuid[1:] and not uuid.startswith("/"),
    "one slash": lambda uuid: "/" in uuid[1:] and not uuid.startswith("/") and "//" not in uuid,
    "plus": lambda uuid: "+" in uuid and "/" not in uuid,
}


def once(uuid: str) -> str:
    return quote(uuid, safe="")


def twice(uuid: str) -> str:
    return once(once(uuid))


def user_report(client: Client, user: str, **query: str) -> Iterator[Row]:
    for first, last in MONTHS:
        yield from client.rows(f"/report/users/{user}/meetings", "meetings", **{"from": first, "to": last, **query})


def all_users(client: Client) -> list[str]:
    return client.user_ids() + [user["id"] for user in client.rows("/users", "users", status="inactive")]


def active_hosts(client: Client) -> dict[str, str]:
    """The hosts by e-mail, with what addresses them."""
    rows = (row for first, last in MONTHS for row in client.rows("/report/users", "users", **window(first, last)))
    return {row["email"]: row["id"] or row["email"] for row in rows}


def history(client: Client, **query: str) -> list[Row]:
    months = [window(first, last) for first, last in MONTHS]
    return [
        row for month in months for row in client.rows("/report/history_meetings", "history_meetings", **month, **query)
    ]


def window(first: str, last: str) -> dict[str, str]:
    return {"from": first, "to": last}


def meetings_of(client: Client, users: list[str], **query: str) -> dict[str, Row]:
    rows = (row for user in users for row in user_report(client, user, **query))
    return {row["uuid"]: row for row in rows if row["type"] not in WEBINAR_TYPES}


def participants(client: Client, uuid: str) -> list[Row]:
    path = f"/report/meetings/{twice(uuid)}/participants"
    return list(client.rows(path, "participants", include_fields="registrant_id", page_size=300))


def expected_uuids(client: Client, **reading: Any) -> set[str]:
    return {str(key[0]) for key in client.sandbox.expected_keys("report_meetings", Reading(**reading))}


def last_month(clock: Clock) -> dict[str, str]:
    today = datetime.fromtimestamp(clock.now, timezone.utc).date()
    return window(str(today - timedelta(days=29)), str(today + timedelta(days=1)))


@pytest.mark.parametrize("zone", ["UTC", "UTC-12", "UTC-8", "UTC+9", "UTC+14"])
@pytest.mark.parametrize("to", REPORT_TO)
def test_a_patient_walk_finds_what_is_expected(serve: Serve, zone: str, to: str) -> None:
    client = serve(users=12, report_zone=zone, report_to=to, participants=(2, 4))

    everyone = meetings_of(client, all_users(client))
    lonely = meetings_of(client, all_users(client), type="pastOne")

    assert set(everyone) == expected_uuids(client, all_hosts=True)
    assert set(everyone) | set(lonely) == expected_uuids(client, all_hosts=True, one_participant=True)
    assert lonely
    assert not set(everyone) & set(lonely)


def test_what_is_known_of_active_hosts_and_of_history_adds_up(serve: Serve) -> None:
    client = serve(users=12)

    active = active_hosts(client)
    in_history = {row["host_email"]: row["host_email"] for row in history(client)}

    assert set(meetings_of(client, list(active.values()))) == expected_uuids(serve(users=12, without={"history"}))
    assert set(meetings_of(client, list({**in_history, **active}.values()))) == expected_uuids(client)
    assert set(in_history) - set(active)


def test_participants_are_those_expected(serve: Serve) -> None:
    client = serve(users=8)
    counts = {str(uuid): int(rows) for uuid, rows in client.sandbox.expected_keys("report_meeting_participants")}
    rows = list(client.sandbox.expected_rows("report_meeting_participants"))

    found = [{"meeting_uuid": uuid, **row} for uuid in counts for row in participants(client, str(uuid))]

    assert found == rows
    assert Counter(row["meeting_uuid"] for row in found) == counts
    assert max(counts.values()) > 700


def test_expected_rows_are_list_rows_completed_from_the_detail(serve: Serve) -> None:
    client = serve(users=6)
    listed = meetings_of(client, all_users(client))

    for row in client.sandbox.expected_rows("report_meetings", Reading(all_hosts=True)):
        detail = client.get(f"/report/meetings/{twice(row['uuid'])}").json()
        completed = {name: detail[name] for name in ("dept", "tracking_fields")}
        assert row == {**listed[row["uuid"]], **completed, "meeting_id": str(row["id"])}
        assert detail["total_minutes"] == row["total_minutes"]


@pytest.mark.parametrize("shape", AWKWARD)
def test_encoding_of_uuids(serve: Serve, shape: str) -> None:
    client = serve(users=30, oddities=False, sessions_per_host=20)
    uuid = next(uuid for uuid in expected_uuids(client) if AWKWARD[shape](uuid))

    single = client.get(f"/report/meetings/{once(uuid)}")
    double = client.get(f"/report/meetings/{twice(uuid)}")

    assert double.json()["uuid"] == uuid
    if shape in {"leading slash", "two slashes"}:
        assert (single.status_code, single.json()["code"]) == (404, 3001)
        assert client.error(f"/report/meetings/{once(uuid)}/participants") == (404, 3001)
    else:
        assert single.json()["uuid"] == uuid
        assert client.get(f"/report/meetings/{once(uuid)}/participants").ok


@pytest.mark.parametrize("meetings", [0, 5])
def test_a_numeric_id_answers_for_the_latest_instance_only(serve: Serve, meetings: int) -> None:
    client = serve(users=10, meetings=meetings)
    rows = client.sandbox.expected_rows("report_meetings", Reading(one_participant=True))
    instances: dict[int, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["start_time"]):
        instances.setdefault(row["id"], []).append(row["uuid"])

    answers = {meeting: client.get(f"/report/meetings/{meeting}").json()["uuid"] for meeting in instances}

    assert answers == {meeting: uuids[-1] for meeting, uuids in instances.items()}
    *_, second, most = sorted(map(len, instances.values()))
    assert second > 1
    assert most >= 31
    assert client.error("/report/meetings/1") == (404, 3001)
    assert client.error("/report/meetings/9999999999") == (404, 3001)


@pytest.mark.parametrize(
    "path", ["/report/users", "/report/users/user0@example.com/meetings", "/report/history_meetings"]
)
@pytest.mark.parametrize(
    ("first", "last", "status"),
    [
        ("2026-09-01", "2026-09-01", 200),
        ("2026-08-21", "2026-09-21", 200),
        ("2026-09-21", "2026-09-24", 200),
        ("2026-03-21", "2026-04-21", 200),
        ("2026-09-02", "2026-09-01", 400),
        ("2026-08-20", "2026-09-21", 400),
        ("2026-09-21", "2026-09-25", 400),
        ("2026-03-20", "2026-04-20", 400),
        ("2026-09-01", "tomorrow", 400),
        ("2026-09-01", "", 400),
        ("", "2026-09-01", 400),
    ],
)
def test_windows_that_zoom_serves_and_refuses(serve: Serve, path: str, first: str, last: str, status: int) -> None:
    response = serve(oddities=False).get(path, **window(first, last))

    assert (response.status_code, response.json().get("code")) == (status, None if status == 200 else 300)


def test_six_months_are_named_in_the_refusal(serve: Serve) -> None:
    response = serve().get("/report/users", **window("2026-01-01", "2026-01-20"))

    assert response.json()["message"].endswith("for a month that falls within the recent 6 months.")


@pytest.mark.parametrize(("lack", "refusal"), [("history", (400, 4711)), ("history-plan", (400, 200))])
def test_an_account_without_history(serve: Serve, clock: Clock, lack: str, refusal: tuple[int, int]) -> None:
    client = serve(without=frozenset({lack}))

    assert client.error("/report/history_meetings", **last_month(clock)) == refusal
    assert client.get("/report/users", **last_month(clock)).ok
    scope = client.request_token().json()["scope"]
    assert ("list_history_meetings" in scope) == (lack == "history-plan")


@pytest.mark.parametrize(("lack", "refusal"), [("active-hosts", (400, 4711)), ("active-hosts-plan", (400, 200))])
def test_an_account_without_active_hosts_is_read_user_by_user(
    serve: Serve, clock: Clock, lack: str, refusal: tuple[int, int]
) -> None:
    client = serve(users=12, without=frozenset({lack, "history"}))

    assert client.error("/report/users", **last_month(clock)) == refusal
    assert (
        expected_uuids(client) == expected_uuids(client, all_hosts=True) == set(meetings_of(client, all_users(client)))
    )


def test_an_account_without_reports(serve: Serve, clock: Clock) -> None:
    client = serve(without=frozenset({"reports"}))
    uuid = next(iter(expected_uuids(serve())))

    for path in (
        *("/report/users", "/report/users/user0@example.com/meetings", "/report/history_meetings"),
        *(f"/report/meetings/{twice(uuid)}", f"/report/meetings/{twice(uuid)}/participants"),
    ):
        response = client.get(path, **last_month(clock))
        assert (response.status_code, response.json()["code"]) == (400, 200)
        assert response.json()["message"].startswith("This is only available for paid account: ")
    assert expected_uuids(client) == set()
    assert client.sandbox.expected_keys("report_meeting_participants") == []


def test_history_pages_may_be_small(serve: Serve, clock: Clock) -> None:
    client = serve(history_page_size=30)

    refused = client.get("/report/history_meetings", page_size=300, **last_month(clock))
    assert (refused.status_code, refused.json()) == (400, {"code": 300, "message": "Invalid parameter: page_size."})
    assert client.get("/report/history_meetings", page_size=30, **last_month(clock)).ok


def test_history_has_every_session_once_and_filters(serve: Serve) -> None:
    client = serve(users=12)
    meetings, webinars = history(client, meeting_type="meeting"), history(client, meeting_type="webinar")
    uuids = {row["meeting_uuid"] for row in meetings}

    assert uuids == expected_uuids(client, all_hosts=True)
    assert {row["type"] for row in webinars} == {"Webinar"}
    assert len(history(client)) == len(meetings) + len(webinars)
    polled = history(client, report_type="poll")
    assert 0 < len(polled) < len(meetings)
    assert all(row["feature_used"]["poll"] for row in polled)
    assert history(client, report_type="survey") == []
    assert all(row["feature_used"]["avatar"] for row in history(client, meeting_feature="avatar"))
    named = str(meetings[0]["meeting_id"])
    assert {str(row["meeting_id"]) for row in history(client, search_key=named)} == {named}
    assert {row["meeting_uuid"] for row in history(client, date_type="end_time", meeting_type="meeting")} == uuids


def test_history_by_group(serve: Serve, clock: Clock) -> None:
    client = serve(users=12)
    owner = next(user for user in client.rows("/users", "users") if user["group_ids"])
    group = owner["group_ids"][0]

    assert {row["host_email"] for row in history(client, group_id=group)} <= {owner["email"]}
    rows = client.get("/report/users", group_id=group, type="inactive", **last_month(clock)).json()["users"]
    rows += client.get("/report/users", group_id=group, **last_month(clock)).json()["users"]
    assert [row["email"] for row in rows] == [owner["email"]]
    assert client.error("/report/history_meetings", group_id="none", **last_month(clock)) == (403, 12703)


def test_active_and_inactive_hosts_are_told_apart(serve: Serve, clock: Clock) -> None:
    client = serve(users=12)
    active, inactive = (
        client.get("/report/users", type=kind, **last_month(clock)).json() for kind in ("active", "inactive")
    )

    emails = [{row["email"] for row in body["users"]} for body in (active, inactive)]
    assert not emails[0] & emails[1]
    assert len(emails[0] | emails[1]) == 12 + 1
    assert active["total_meetings"] == sum(row["meetings"] for row in active["users"]) > 0
    assert inactive["total_meetings"] == 0
    assert (active["from"], active["to"]) == tuple(last_month(clock).values())


def test_odd_hosts(serve: Serve, clock: Clock) -> None:
    client = serve(users=12)
    active = active_hosts(client)
    inactive = [user for user in client.rows("/users", "users", status="inactive") if user["email"] in active]
    by_email = [email for email, address in active.items() if email == address]
    in_webinars = {row["host_email"] for row in history(client, meeting_type="webinar")}
    gone = [email for email in active if not client.get(f"/report/users/{email}/meetings", **last_month(clock)).ok]

    assert len(inactive) == 1
    assert len(list(user_report(client, inactive[0]["id"]))) == 3
    assert len(by_email) == 1
    assert list(user_report(client, by_email[0]))
    webinars_only = {email for email in in_webinars - set(active) if email in in_webinars}
    assert len(webinars_only) == 1
    assert {row["type"] for row in user_report(client, webinars_only.pop())} <= WEBINAR_TYPES
    assert len(gone) == 1


def test_a_late_host_becomes_active_a_day_after_the_session(serve: Serve, clock: Clock) -> None:
    client = serve(users=12, without=frozenset({"history"}))
    before, known = active_hosts(client), expected_uuids(client)

    clock.now += 22 * 3600
    client.authorize()

    new = set(active_hosts(client)) - set(before)
    assert len(new) == 1
    assert {row["uuid"] for row in user_report(client, new.pop())} <= expected_uuids(client) - known


def test_a_running_session_appears_when_it_has_ended(serve: Serve, clock: Clock) -> None:
    client = serve()
    before = expected_uuids(client)

    clock.now += 3600
    client.authorize()

    new = expected_uuids(client) - before
    assert len(new) == 1
    assert set(meetings_of(client, all_users(client))) >= new
    assert participants(client, new.pop())


def test_reports_may_be_late(serve: Serve, clock: Clock) -> None:
    client = serve(report_delay_seconds=1800)
    (uuid,) = client.sandbox.add_sessions(ended_minutes_ago=10)

    assert client.error(f"/report/meetings/{twice(uuid)}/participants") == (404, 3001)
    assert uuid not in expected_uuids(client) | set(meetings_of(client, all_users(client)))
    clock.now += 1200
    assert uuid in expected_uuids(client) & set(meetings_of(client, all_users(client)))
    assert len(participants(client, uuid)) >= 2


def test_the_last_row_of_a_recent_session_is_completed_later(serve: Serve, clock: Clock) -> None:
    client = serve(settle_seconds=600)
    (uuid,) = client.sandbox.add_sessions(ended_minutes_ago=5, participants=3)

    early = participants(client, uuid)
    clock.now += 300
    late = participants(client, uuid)

    changed = {"duration", "leave_time"}
    assert early[:-1] == late[:-1]
    assert (early[-1]["duration"], late[-1]["duration"] > 0) == (0, True)
    assert {**early[-1], **{name: late[-1][name] for name in changed}} == late[-1]


def test_sessions_grow_old(serve: Serve, clock: Clock) -> None:
    client = serve(users=8)
    uuids = expected_uuids(client)
    uuid = min(uuids)

    clock.now += 190 * DAY
    client.authorize()
    assert not uuids & expected_uuids(client)
    assert client.get(f"/report/meetings/{twice(uuid)}").ok
    clock.now += 200 * DAY
    client.authorize()
    assert client.error(f"/report/meetings/{twice(uuid)}") == (400, 12702)
    assert client.error(f"/report/meetings/{twice(uuid)}/participants") == (400, 12702)


def test_sessions_older_than_reports(serve: Serve) -> None:
    client = serve(users=8, session_months=12, oddities=False, hosting_percent=100)

    listed = meetings_of(client, all_users(client))

    assert set(listed) == expected_uuids(client, all_hosts=True)
    assert 8 <= len(listed) <= 8 * 4
    assert min(row["start_time"] for row in listed.values()) >= "2026-03-21"


def test_sessions_of_one_participant_have_a_report_but_no_participants(serve: Serve) -> None:
    client = serve(users=20)
    lonely = expected_uuids(client, one_participant=True) - expected_uuids(client)
    path = f"/report/meetings/{twice(lonely.pop())}"

    assert client.get(path).json()["participants_count"] == 1
    assert client.error(f"{path}/participants") == (404, 3001)


def test_webinars_have_no_meeting_report(serve: Serve) -> None:
    client = serve(users=12)
    uuid = history(client, meeting_type="webinar")[0]["meeting_uuid"]

    assert client.error(f"/report/meetings/{twice(uuid)}") == (404, 3001)


def test_sessions_that_somebody_joined(serve: Serve) -> None:
    client = serve(users=5, oddities=False)
    user = client.user_ids()[0]

    joined = list(user_report(client, user, type="pastJoined"))

    assert {row["uuid"] for row in user_report(client, user)} < {row["uuid"] for row in joined}
    assert all(row["join_time"] and row["leave_time"] for row in joined)
    assert len({row["user_email"] for row in joined}) > 1


def test_sessions_are_varied(serve: Serve) -> None:
    client = serve(users=30, sessions_per_host=20)
    rows = list(client.sandbox.expected_rows("report_meetings"))
    lengths = [moment(row["end_time"]) - moment(row["start_time"]) for row in rows]
    nights = {row["start_time"][:10] for row in rows if row["start_time"][:10] != row["end_time"][:10]}

    assert set(Counter(row["type"] for row in rows)) == {1, 2, 3, 4, 8}
    assert timedelta(hours=26) in lengths
    assert max(row["participants_count"] for row in rows) == 700
    assert any(
        all(str(first + timedelta(days=n)) in nights for n in range(30)) for first in map(date.fromisoformat, nights)
    )
    listed = {row["id"] for user in client.user_ids() for row in client.rows(f"/users/{user}/meetings", "meetings")}
    kinds = {row["type"] for row in rows if row["id"] in listed}
    assert kinds == {2, 3, 8}
    rooms = {user["pmi"] for user in client.rows("/users", "users")}
    assert {row["id"] for row in rows if row["type"] == 4} <= rooms


def test_participants_are_varied(serve: Serve) -> None:
    client = serve(users=30, sessions_per_host=10, registration_percent=100, registrants=(20, 30))
    rows = list(client.sandbox.expected_rows("report_meeting_participants"))
    members = [row for row in rows if row["id"]]
    times = Counter((row["meeting_uuid"], row["name"], row["id"], row["join_time"], row["user_id"]) for row in rows)
    stays = Counter(
        (row["meeting_uuid"], row["participant_user_id"]) for row in members if row["status"] == "in_meeting"
    )

    assert {row["status"] for row in rows} == {"in_meeting", "in_waiting_room"}
    assert any("bo_mtg_id" in row for row in rows)
    assert max(stays.values()) > 1
    assert all(row["participant_user_id"] == row["id"] and row["user_email"] for row in members)
    assert {(row["participant_user_id"], row["user_email"]) for row in rows if not row["id"]} == {("", "")}
    twins = [key for key, count in times.items() if count > 1]
    assert twins
    assert {(name, id_) for _, name, id_, _, _ in twins} == {("iPhone", "")}
    assert any(row["registrant_id"] for row in rows)
    assert all(row["join_time"] <= row["leave_time"] for row in rows)


def test_registrant_ids_are_those_of_the_meeting(serve: Serve) -> None:
    client = serve(users=10, registration_percent=100, registrants=(20, 30), oddities=False)
    registrants = {str(id_) for _, id_, _ in client.sandbox.expected_keys("meeting_registrants")}
    rows = list(client.sandbox.expected_rows("report_meeting_participants"))

    assert set() < {row["registrant_id"] for row in rows} - {""} <= registrants
    path = f"/report/meetings/{twice(rows[0]['meeting_uuid'])}/participants"
    assert "registrant_id" not in client.get(path).json()["participants"][0]


def test_a_broken_session_and_a_broken_host(serve: Serve, clock: Clock) -> None:
    whole = serve(users=8)
    broken = str(whole.sandbox.expected_keys("report_meetings")[2][0])
    client = serve(users=8, faults=(Fault("uuid-broken", index=2), Fault("report-host-broken", user=8)))

    assert client.get(f"/report/meetings/{twice(broken)}/participants").status_code == 500
    assert client.get(f"/report/meetings/{twice(broken)}").ok
    assert client.get("/report/users/user8@example.com/meetings", **last_month(clock)).status_code == 500
    uuids = expected_uuids(client)
    assert len(expected_uuids(whole) - uuids) == 3
    assert {uuid for uuid, _ in client.sandbox.expected_keys("report_meeting_participants")} == uuids - {broken}


def test_a_host_who_is_gone(serve: Serve, clock: Clock) -> None:
    client = serve(faults=(Fault("host-gone", user=1),), hosting_percent=100, oddities=False)

    assert client.error("/report/users/user1@example.com/meetings", **last_month(clock)) == (404, 1001)
    assert client.error("/report/users/nobody/meetings", **last_month(clock)) == (404, 1001)
    hosts = {row["user_email"] for row in client.sandbox.expected_rows("report_meetings")}
    assert hosts == {f"user{number}@example.com" for number in (0, 2, 3)}


def test_a_path_that_is_always_broken_takes_its_rows(serve: Serve) -> None:
    client = serve(faults=(Fault("http-500", path="/report/meetings/{meetingId}/participants"),))

    assert client.sandbox.expected_keys("report_meetings")
    assert client.sandbox.expected_keys("report_meeting_participants") == []


def test_how_often_sessions_were_asked_for(serve: Serve) -> None:
    client = serve(users=6)
    huge = max(client.sandbox.expected_keys("report_meeting_participants"), key=lambda key: key[1])[0]
    other = min(expected_uuids(client) - {huge})
    for _ in range(2):
        participants(client, str(huge))
    client.get(f"/report/meetings/{twice(other)}/participants")
    client.get(f"/report/meetings/{twice(other)}")

    counted = client.sandbox.counters()

    assert counted["sessions_asked"] == {huge: 2, other: 1}
    assert counted["by_path"]["/report/meetings/{meetingId}/participants"] == 2 * 4 + 1
    assert counted["by_label"] == {"Heavy": 10}
    client.sandbox.reset_counters()
    assert client.sandbox.counters()["sessions_asked"] == {}


def test_sessions_can_be_added_while_it_runs(serve: Serve) -> None:
    client = serve(users=6)
    url = f"{client.sandbox.url}/_sandbox/sessions"
    before = expected_uuids(client)

    wanted = {"count": 3, "user": 2, "ended_minutes_ago": 90, "participants": 4}
    added = client.session.post(url, json=wanted, timeout=10).json()["uuids"]
    spread = client.sandbox.add_sessions(5)
    (webinar,) = client.sandbox.add_sessions(user=2, kind="webinar")

    assert expected_uuids(client) - before == {*added, *spread}
    rows = {row["uuid"]: row for row in user_report(client, "user2@example.com")}
    assert {rows[uuid]["participants_count"] for uuid in added} == {4}
    assert {rows[uuid]["end_time"] for uuid in added} == {"2026-09-21T12:43:20Z"}
    assert rows[webinar]["type"] == 5
    assert {row["meeting_uuid"] for row in history(client)} >= {*added, *spread, webinar}
    detail = client.get(f"/report/meetings/{rows[added[0]]['id']}").json()
    assert detail["uuid"] == added[0]


@pytest.mark.parametrize(
    "body", ['{"type": "party"}', '{"user": 99}', '{"count": "many"}', '{"participants": 0}', "[1]", "nonsense"]
)
def test_sessions_that_cannot_be_added(serve: Serve, body: str) -> None:
    client = serve()

    response = client.session.post(f"{client.sandbox.url}/_sandbox/sessions", data=body, timeout=10)

    assert response.status_code == 400
    assert response.json()["error"]


def test_an_account_without_sessions(serve: Serve) -> None:
    client = serve(sessions_per_host=0)

    assert active_hosts(client) == {}
    assert history(client) == []
    with pytest.raises(ValueError, match="Nobody"):
        serve(users=0).sandbox.add_sessions()


def test_expected_sessions_over_http(serve: Serve) -> None:
    client = serve(users=20)
    base = f"{client.sandbox.url}/_sandbox/expected"

    def told(stream: str, **query: str) -> Any:
        return client.session.get(f"{base}/{stream}", params=query, timeout=10).json()

    counts = told("report_meeting_participants")
    assert counts["key_columns"] == ["meeting_uuid", "number of rows"]
    assert sum(number for _, number in counts["keys"]) == told("report_meeting_participants", rows="true")["count"]
    since = [key[0] for key in told("report_meetings", since="2026-08-01")["keys"]]
    starts = {row["uuid"]: row["start_time"] for row in told("report_meetings", rows="true")["rows"]}
    assert set(since) == {uuid for uuid, start in starts.items() if start >= "2026-08-01"}
    lonely = told("report_meetings", one_participant="true", hosts="all")["count"]
    assert lonely > told("report_meetings", hosts="all")["count"] >= told("report_meetings")["count"]
    assert "error" in told("report_meetings", since="yesterday")


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
