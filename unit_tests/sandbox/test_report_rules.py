"""What the days of reports are, how far reports reach, and what comes late."""

from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import Reading
from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]

PATHS = ["/report/users", "/report/users/user0@example.com/meetings", "/report/history_meetings"]
ALL = Reading(all_hosts=True)


def at(clock: Clock, moment: str) -> None:
    clock.now = datetime.fromisoformat(moment).replace(tzinfo=timezone.utc).timestamp()


def twice(uuid: str) -> str:
    return quote(quote(uuid, safe=""), safe="")


def status(client: Client, path: str, first: date, last: date) -> int:
    return client.get(path, **{"from": str(first), "to": str(last)}).status_code


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("zone", "moment", "today"),
    [
        ("UTC", "2026-09-21T23:59:59", date(2026, 9, 21)),
        ("UTC+12", "2026-09-21T11:59:59", date(2026, 9, 21)),
        ("UTC+12", "2026-09-21T12:00:00", date(2026, 9, 22)),
        ("UTC+14", "2026-09-21T10:00:00", date(2026, 9, 22)),
        ("UTC-12", "2026-09-21T11:59:59", date(2026, 9, 20)),
        ("UTC-3", "2026-09-21T03:00:00", date(2026, 9, 21)),
    ],
)
@pytest.mark.parametrize(("border", "ahead"), [("months", 0), ("days", 1)])
def test_today_and_the_oldest_day_are_those_of_the_zone(
    serve: Serve, clock: Clock, *, path: str, zone: str, moment: str, today: date, border: str, ahead: int
) -> None:
    at(clock, moment)
    client = serve(users=1, oddities=False, report_zone=zone, report_border=border, report_future=ahead)
    oldest = today.replace(month=3) if border == "months" else today - timedelta(days=180)
    day = timedelta(days=1)

    assert status(client, path, oldest, oldest + 7 * day) == 200
    assert status(client, path, oldest - day, oldest + 7 * day) == 400
    assert status(client, path, today, today + ahead * day) == 200
    assert status(client, path, today, today + (ahead + 1) * day) == 400


def test_a_session_is_counted_under_the_day_of_the_zone(serve: Serve, clock: Clock) -> None:
    at(clock, "2026-09-21T23:00:00")
    days: dict[str, Any] = {}
    for zone in ("UTC-12", "UTC", "UTC+14"):
        client = serve(users=1, oddities=False, report_zone=zone)
        (uuid,) = client.sandbox.add_sessions(user=0)
        for path in (PATHS[1], PATHS[2]):
            key = path.rpartition("/")[2]
            for day in ("2026-09-21", "2026-09-22"):
                rows = client.get(path, **{"from": day, "to": day}).json()[key]
                if uuid in {row.get("uuid") or row.get("meeting_uuid") for row in rows}:
                    days.setdefault(zone, set()).add(day)

    assert days == {"UTC-12": {"2026-09-21"}, "UTC": {"2026-09-21"}, "UTC+14": {"2026-09-22"}}


@pytest.mark.parametrize("path", PATHS)
def test_older_days_can_be_left_out_silently(serve: Serve, path: str) -> None:
    key = path.rpartition("/")[2]
    options: dict[str, Any] = {"users": 3, "sessions_per_host": 40, "session_months": 8, "hosting_percent": 100}
    client = serve(oddities=False, report_old="clamp", report_border="days", **options)
    refused = serve(oddities=False, report_border="days", **options).get(
        path, **{"from": "2026-03-10", "to": "2026-04-10"}
    )

    def answer(first: str, last: str) -> dict[str, Any]:
        body: dict[str, Any] = client.get(path, page_size=300, **{"from": first, "to": last}).json()
        return body

    assert refused.json()["message"] == (
        "Report can only be provided for a month that falls within the recent 6 months."
    )
    assert answer("2026-03-10", "2026-04-10")[key] == answer("2026-03-25", "2026-04-10")[key] != []
    assert answer("2026-03-10", "2026-04-10").get("from") in {"2026-03-10", None}
    assert answer("2026-02-01", "2026-02-20")[key] == []


def test_participants_and_answers_come_late(serve: Serve, clock: Clock) -> None:
    client = serve(
        users=8, answers_delay_seconds=3600, settle_seconds=0, webinar_hosts_percent=100, registrants=(20, 30)
    )
    (meeting,) = client.sandbox.add_sessions(ended_minutes_ago=10, participants=6)
    (webinar,) = client.sandbox.add_sessions(ended_minutes_ago=10, participants=6, kind="webinar")
    streams = {
        "report_meeting_participants": (f"/report/meetings/{twice(meeting)}/participants", "participants", 404),
        "report_webinar_participants": (f"/report/webinars/{twice(webinar)}/participants", "participants", 404),
        "meeting_poll_results": (f"/past_meetings/{twice(meeting)}/polls", "questions", 200),
        "webinar_poll_results": (f"/past_webinars/{twice(webinar)}/polls", "questions", 200),
        "webinar_qna_results": (f"/past_webinars/{twice(webinar)}/qa", "questions", 200),
        "webinar_absentees": (f"/past_webinars/{twice(webinar)}/absentees", "registrants", 200),
    }

    def asked() -> dict[str, tuple[int, int]]:
        answers = {stream: (client.get(path, page_size=300), key) for stream, (path, key, _) in streams.items()}
        return {name: (answer.status_code, len(answer.json().get(key, ()))) for name, (answer, key) in answers.items()}

    def expected() -> dict[str, int]:
        return {
            stream: sum(row.get("meeting_uuid", row.get("webinar_uuid")) in {meeting, webinar} for row in rows)
            for stream in streams
            for rows in [client.sandbox.expected_rows(stream, ALL)]
        }

    early = asked(), expected()
    clock.now += 3000
    late = asked(), expected()

    assert early == ({name: (code, 0) for name, (_, _, code) in streams.items()}, dict.fromkeys(streams, 0))
    assert late[0] == {stream: (200, count) for stream, count in late[1].items()}
    assert all(late[1].values())
    assert {(key[0],) for key in client.sandbox.expected_keys("report_meetings", ALL)} >= {(meeting,)}


def test_the_history_may_name_the_sessions_of_the_host_who_is_gone(serve: Serve, clock: Clock) -> None:
    today = datetime.fromtimestamp(clock.now, timezone.utc).date()
    window = {"from": str(today - timedelta(days=30)), "to": str(today), "meeting_type": "meeting"}
    client, other = (
        serve(users=12, sessions_per_host=12, history_names_gone=True),
        serve(users=12, sessions_per_host=12),
    )

    def named(asked: Client) -> dict[str, str]:
        rows = asked.rows("/report/history_meetings", "history_meetings", page_size=300, **window)
        return {row["meeting_uuid"]: row["host_email"] for row in rows}

    more = {uuid: host for uuid, host in named(client).items() if uuid not in named(other)}
    (email,) = set(more.values())
    assert client.error(f"/report/users/{email}/meetings", **window) == (404, 1001)
    paths = [f"/report/meetings/{twice(uuid)}/participants" for uuid in more]
    assert [client.get(path).status_code for path in paths] == [200] * len(more)
    assert {other.get(path).status_code for path in paths} == {404}
    keys, others = (
        {stream: {key[0] for key in one.sandbox.expected_keys(stream)} for stream in ("report_meetings", PARTICIPANTS)}
        for one in (client, other)
    )
    assert keys["report_meetings"] == others["report_meetings"]
    assert more.keys() <= keys[PARTICIPANTS] - others[PARTICIPANTS]
    assert more.keys() <= {one["uuid"] for one in client.sandbox.objects()["sessions"]}


PARTICIPANTS = "report_meeting_participants"
