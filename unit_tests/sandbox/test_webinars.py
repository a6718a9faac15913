"""Webinars, scheduled and past, and the answers given in sessions, read by a client that knows only Zoom's pages."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest

from sandbox import Fault, Reading
from sandbox.areas import ROUTES
from sandbox.expected import COUNTED_BY_SESSION, PRIMARY_KEYS
from unit_tests.sandbox.client import MONTHS, Client, Clock, keyed, occurrence_queries, times_nulled

Serve = Callable[..., Client]
Row = dict[str, Any]

WEBINAR_TYPES = {5, 6, 9}
DAY = 86_400
PER_WEBINAR = {
    "webinar_panelists": "panelists",
    "webinar_polls": "polls",
    "webinar_tracking_sources": "tracking_sources",
}
ANSWERS = {
    "webinar_poll_results": "/past_webinars/{}/polls",
    "webinar_qna_results": "/past_webinars/{}/qa",
    "meeting_poll_results": "/past_meetings/{}/polls",
}


def path_of(template: str, uuid: str) -> str:
    return template.format(quote(quote(uuid, safe=""), safe=""))


def all_users(client: Client) -> list[str]:
    return client.user_ids() + [user["id"] for user in client.rows("/users", "users", status="inactive")]


def reported(client: Client, *, webinars: bool) -> list[str]:
    """The sessions of all hosts' reports."""
    rows = (
        row
        for user in all_users(client)
        for first, last in MONTHS
        for row in client.rows(f"/report/users/{user}/meetings", "meetings", **{"from": first, "to": last})
    )
    return list(dict.fromkeys(row["uuid"] for row in rows if (row["type"] in WEBINAR_TYPES) == webinars))


def instances(client: Client) -> list[str]:
    paths = (f"/past_webinars/{webinar}/instances" for webinar in client.webinar_ids())
    return [row["uuid"] for path in paths for row in client.rows(path, "webinars")]


def answers(client: Client, stream: str, uuid: str) -> list[Row]:
    rows: list[Row] = client.get(path_of(ANSWERS[stream], uuid)).json().get("questions", [])
    return rows


def absentees(client: Client, uuid: str, **query: Any) -> list[Row]:
    return list(client.rows(path_of("/past_webinars/{}/absentees", uuid), "registrants", page_size=300, **query))


def registrants(client: Client, webinar: Row, **query: str) -> Iterator[Row]:
    path = f"/webinars/{webinar['id']}/registrants"
    for occurrence in occurrence_queries(webinar):
        for status in ("pending", "approved", "denied"):
            for row in client.rows(path, "registrants", status=status, page_size=300, **occurrence, **query):
                yield {**row, "occurrence_id": occurrence.get("occurrence_id", "")}


def details(client: Client) -> list[Row]:
    every = (client.get(f"/webinars/{one}", show_previous_occurrences="true") for one in client.webinar_ids())
    return [detail.json() for detail in every if detail.ok]


def expected(client: Client, stream: str, reading: Reading | None = None) -> dict[Any, int]:
    keys = client.sandbox.expected_keys(stream, reading or Reading(all_hosts=True))
    return {uuid: int(rows) for uuid, rows in keys} if stream in COUNTED_BY_SESSION else Counter(keys)


@pytest.mark.parametrize("seed", [1, 2])
def test_webinars_and_what_belongs_to_them_are_those_expected(serve: Serve, seed: int) -> None:
    client = serve(seed=seed, users=12, registrants=(10, 40))
    webinars = {str(one["id"]): one for one in details(client)}
    questions = {id_: client.get(f"/webinars/{id_}/registrants/questions") for id_ in webinars}
    found = {
        "webinars": {id_: [times_nulled(one)] for id_, one in webinars.items()},
        "webinar_registrants": {id_: list(registrants(client, one)) for id_, one in webinars.items()},
        "webinar_questions": {id_: [answer.json()] for id_, answer in questions.items() if answer.ok},
    }
    for stream, name in PER_WEBINAR.items():
        found[stream] = {id_: list(client.rows(f"/webinars/{id_}/{name}", name)) for id_ in webinars}

    for stream, parts in found.items():
        rows = keyed(stream, [{**row, "webinar_id": id_} for id_, rows in parts.items() for row in rows])
        assert rows
        assert expected(client, stream) == Counter(rows.keys())
        assert keyed(stream, list(client.sandbox.expected_rows(stream))) == rows


def test_meeting_questions_are_those_expected(serve: Serve) -> None:
    client = serve(users=8)
    asked = {one: client.get(f"/meetings/{one}/registrants/questions") for one in client.meeting_ids()}

    found = [{**answer.json(), "meeting_id": str(one)} for one, answer in asked.items() if answer.ok]

    assert found == list(client.sandbox.expected_rows("meeting_questions"))
    assert expected(client, "meeting_questions") == Counter((row["meeting_id"],) for row in found)
    assert {(answer.status_code, answer.json()["code"]) for answer in asked.values() if not answer.ok} == {
        (400, 3000),
        (404, 3001),
    }


@pytest.mark.parametrize("zone", ["UTC", "UTC+9"])
def test_reports_on_webinars_are_those_expected(serve: Serve, zone: str) -> None:
    client = serve(users=15, report_zone=zone, webinar_hosts_percent=60, sessions_per_host=12)
    uuids = reported(client, webinars=True)
    reports = [client.get(path_of("/report/webinars/{}", uuid)).json() for uuid in uuids]
    attended = {
        uuid: list(
            client.rows(
                path_of("/report/webinars/{}/participants", uuid), "participants", include_fields="registrant_id"
            )
        )
        for uuid in uuids
    }

    assert {(report["uuid"],): 1 for report in reports} == expected(client, "report_webinars")
    rows = client.sandbox.expected_rows("report_webinars", Reading(all_hosts=True))
    by_uuid = {report["uuid"]: {**report, "webinar_id": str(report["id"])} for report in reports}
    assert {row["uuid"]: row for row in rows} == by_uuid
    assert {uuid: len(rows) for uuid, rows in attended.items()} == expected(client, "report_webinar_participants")
    assert any(row["registrant_id"] for rows in attended.values() for row in rows)
    assert {report["type"] for report in reports} == WEBINAR_TYPES


@pytest.mark.parametrize("stream", ANSWERS)
def test_answers_are_those_expected(serve: Serve, stream: str) -> None:
    client = serve(users=12)
    uuids = reported(client, webinars=stream != "meeting_poll_results")
    found = {uuid: answers(client, stream, uuid) for uuid in uuids}

    assert {uuid: len(rows) for uuid, rows in found.items() if rows} == expected(client, stream)
    column = PRIMARY_KEYS[stream][0]
    for row in client.sandbox.expected_rows(stream, Reading(all_hosts=True)):
        assert {name: value for name, value in row.items() if name != column} in found[row[column]]
    assert any(not rows for rows in found.values())


def test_absentees_are_those_expected(serve: Serve) -> None:
    client = serve(users=15, registrants=(5, 40))
    known = {*reported(client, webinars=True), *instances(client)}
    found = {(uuid, row["id"]): row for uuid in known for row in absentees(client, uuid)}

    assert Counter(found.keys()) == expected(client, "webinar_absentees")
    rows = list(client.sandbox.expected_rows("webinar_absentees", Reading(all_hosts=True)))
    assert {(row["webinar_uuid"], row["id"]): row for row in rows} == {
        (uuid, id_): {"webinar_uuid": uuid, **row} for (uuid, id_), row in found.items()
    }
    approved = {id_ for _, id_, _ in client.sandbox.expected_keys("webinar_registrants")}
    assert {id_ for _, id_ in found} <= approved


def test_who_came_is_not_absent(serve: Serve) -> None:
    client = serve(users=15, registrants=(40, 40), participants=(8, 12))
    counts = Counter[str]()
    for uuid in reported(client, webinars=True):
        path = path_of("/report/webinars/{}/participants", uuid)
        came = {row["registrant_id"] for row in client.rows(path, "participants", include_fields="registrant_id")}
        missing = {row["id"] for row in absentees(client, uuid)}
        assert not came & missing
        counts["came"] += len(came - {""})
        counts["missing"] += len(missing)

    assert min(counts.values()) > 0


def test_a_webinar_that_nobody_attended(serve: Serve) -> None:
    client = serve(users=12)
    months = [{"from": first, "to": last} for first, last in MONTHS]
    seen = {*reported(client, webinars=True)}
    seen |= {
        row["meeting_uuid"]
        for month in months
        for row in client.rows("/report/history_meetings", "history_meetings", **month)
    }
    alone = {
        row["uuid"]
        for user in all_users(client)
        for month in months
        for row in client.rows(f"/report/users/{user}/meetings", "meetings", type="pastOne", **month)
    }

    unattended = {*instances(client)} - seen - alone

    assert unattended
    assert any(absentees(client, uuid) for uuid in unattended)
    for uuid in unattended:
        assert client.error(path_of("/report/webinars/{}", uuid)) == (404, 3001)
        assert client.error(path_of("/report/webinars/{}/participants", uuid)) == (404, 3001)
        assert answers(client, "webinar_poll_results", uuid) == answers(client, "webinar_qna_results", uuid) == []
    known = {uuid for uuid, _ in client.sandbox.expected_keys("webinar_absentees")}
    assert {uuid for uuid in unattended if absentees(client, uuid)} <= known


def test_instances_are_in_history_and_the_hosts_report(serve: Serve) -> None:
    client = serve(users=12)
    in_reports = set(reported(client, webinars=True))
    series = {webinar: client.get(f"/past_webinars/{webinar}/instances").json() for webinar in client.webinar_ids()}
    longest = max((body.get("webinars", []) for body in series.values()), key=len)

    assert len(longest) >= 10
    starts = [row["start_time"] for row in longest]
    assert starts == sorted(starts)
    assert len({row["uuid"] for row in longest} & in_reports) >= 10
    last = max((row for row in longest if row["uuid"] in in_reports), key=lambda row: str(row["start_time"]))
    webinar = next(one for one, body in series.items() if body.get("webinars") == longest)
    assert client.get(f"/past_webinars/{webinar}/qa").json()["uuid"] == longest[-1]["uuid"]
    assert client.get(path_of("/past_webinars/{}/qa", last["uuid"])).json()["id"] == webinar


def test_users_with_and_without_a_licence(serve: Serve) -> None:
    client = serve(users=100, webinars=2, sessions_per_host=0)
    seen = Counter(client.get(f"/users/{user}/webinars").json().get("code", "fine") for user in client.user_ids())

    assert 10 <= seen["fine"] <= 32
    assert seen[1001] == 1
    assert seen["fine"] + seen[200] + 1 == 100
    refused = next(user for user in client.user_ids() if not client.get(f"/users/{user}/webinars").ok)
    body = client.get(f"/users/{refused}/webinars").json()
    assert "Webinar plan is missing." in body["message"] or body["code"] == 1001


def test_webinar_lists_are_paged_and_filtered(serve: Serve) -> None:
    client = serve(users=1, webinars=40, webinar_hosts_percent=100, oddities=False)
    path = f"/users/{client.user_ids()[0]}/webinars"

    first = client.get(path, page_size=15).json()
    second = client.get(path, page_size=15, next_page_token=first["next_page_token"]).json()
    upcoming = list(client.rows(path, "webinars", type="upcoming"))

    assert (len(first["webinars"]), first["total_records"]) == (15, 40)
    assert not {row["id"] for row in first["webinars"]} & {row["id"] for row in second["webinars"]}
    assert 0 < len(upcoming) < 40
    assert client.error(path, page_size=301) == (400, 300)
    assert client.error(path, type="past") == (400, 300)
    assert client.error("/users/nobody/webinars") == (404, 1001)


def test_webinars_are_varied(serve: Serve) -> None:
    client = serve(users=40, webinars=5, webinar_hosts_percent=50, registrants=(0, 650), sessions_per_host=1)
    webinars = details(client)
    shown = Counter(one["settings"].get("approval_type", "omitted") for one in webinars)
    totals = {
        client.get(f"/webinars/{one['id']}/registrants", page_size=1).json().get("total_records") for one in webinars
    }

    assert {one["type"] for one in webinars} == WEBINAR_TYPES
    assert {len(str(one["id"])) for one in webinars} == {10, 11}
    assert min(shown[kind] for kind in (0, 1, 2, "omitted")) > 0
    assert {one["settings"].get("registration_type") for one in webinars} == {None, 1, 2, 3}
    assert max(total or 0 for total in totals) > 300
    ids = [row["id"] for user in client.user_ids() for row in client.rows(f"/users/{user}/webinars", "webinars")]
    assert len(ids) == len(set(ids)) + 1
    assert len(set(ids)) - len(webinars) == 1


def test_registrants_by_occurrence_and_tracking_source(serve: Serve) -> None:
    client = serve(users=30, webinar_hosts_percent=60, registrants=(40, 40), registration_percent=100)
    webinars = details(client)
    per_occurrence = next(
        one for one in webinars if one["settings"].get("registration_type") == 2 and len(one.get("occurrences", ())) > 2
    )
    plain = list(client.rows(f"/webinars/{per_occurrence['id']}/registrants", "registrants", status="approved"))
    everyone = {row["id"] for row in registrants(client, per_occurrence) if row["status"] == "approved"}
    assert len(plain) < len(everyone)

    webinar, sources = next(
        (one, rows)
        for one in webinars
        if one["type"] == 5
        if (rows := client.get(f"/webinars/{one['id']}/tracking_sources").json()["tracking_sources"])
    )
    for source in sources:
        from_there = list(registrants(client, webinar, tracking_source_id=source["id"]))
        assert len(from_there) == source["registration_count"] > 0
    assert list(registrants(client, webinar, tracking_source_id="none")) == []


def test_absentees_of_an_occurrence(serve: Serve) -> None:
    client = serve(
        users=30, webinar_hosts_percent=60, registrants=(40, 40), registration_percent=100, sessions_per_host=20
    )
    sessions = {
        uuid: one
        for one in details(client)
        if one.get("occurrences") and one["settings"].get("registration_type") == 2
        for uuid in (row["uuid"] for row in client.get(f"/past_webinars/{one['id']}/instances").json()["webinars"])
    }
    uuid, webinar = next(iter(sessions.items()))
    occurrence = next(one["occurrence_id"] for one in webinar["occurrences"] if one["status"] == "available")
    some, every = absentees(client, uuid, occurrence_id=occurrence), absentees(client, uuid)

    assert {row["id"] for row in some} < {row["id"] for row in every}
    assert client.error(path_of("/past_webinars/{}/absentees", uuid), occurrence_id="1") == (400, 300)


def test_answers_are_varied(serve: Serve) -> None:
    client = serve(users=30, webinar_hosts_percent=60, participants=(6, 20), sessions_per_host=12)
    for stream in ANSWERS:
        rows = list(client.sandbox.expected_rows(stream))
        anonymous = [row for row in rows if row["name"] == "Anonymous Attendee"]
        column = PRIMARY_KEYS[stream][0]
        named = Counter((row[column], row["name"]) for row in rows if row["name"] != "Anonymous Attendee")

        assert {row["email"] for row in anonymous} == {""}
        assert max(Counter(map(repr, anonymous)).values()) > 1, stream
        assert max(len(row["question_details"]) for row in rows) > 1
        assert max(named.values()) > 1
        addressed = Counter((row[column], row["email"]) for row in rows if row["email"])
        assert max(addressed.values()) == 1
        assert any(";" in one["answer"] for row in rows for one in row["question_details"])


def test_instant_meetings_have_no_polls(serve: Serve) -> None:
    client = serve(users=15)
    rows = list(client.sandbox.expected_rows("report_meetings"))
    instant = [row["uuid"] for row in rows if row["type"] == 1]

    assert instant
    assert not any(answers(client, "meeting_poll_results", uuid) for uuid in instant)


def test_an_account_without_polls_has_no_results(serve: Serve) -> None:
    client = serve(users=8, without=frozenset({"polls"}))

    assert expected(client, "webinar_poll_results") == expected(client, "meeting_poll_results") == {}
    assert expected(client, "webinar_polls") == {}
    assert {client.error(f"/webinars/{one['id']}/polls") for one in details(client)} == {(400, 4400)}
    assert expected(client, "webinar_qna_results")


def test_an_account_without_webinars(serve: Serve) -> None:
    whole, client = serve(users=8), serve(users=8, without=frozenset({"webinars"}))
    webinar, uuid = whole.webinar_ids()[0], reported(whole, webinars=True)[0]

    assert {client.error(f"/users/{user}/webinars") for user in client.user_ids()} == {(400, 200), (404, 1001)}
    for name in ("", "/registrants", "/registrants/questions", "/panelists", "/polls", "/tracking_sources"):
        refusal = client.get(f"/webinars/{webinar}{name}")
        assert (refusal.status_code, refusal.json()["code"]) == (400, 200)
        assert refusal.json()["message"].startswith("Webinar plan is missing.")
    for path in (
        "/past_webinars/{}/polls",
        "/past_webinars/{}/qa",
        "/report/webinars/{}",
        "/report/webinars/{}/participants",
    ):
        refusal = client.get(path_of(path, uuid))
        assert (refusal.status_code, refusal.json()) == (400, {"code": 200, "message": "No permission."})
    assert client.error(f"/past_webinars/{webinar}/instances") == (400, 200)
    assert client.error(path_of("/past_webinars/{}/absentees", uuid)) == (200, 200)
    for stream in PRIMARY_KEYS:
        if "webinar" in stream:
            assert expected(client, stream) == {}
        else:
            assert expected(client, stream) == expected(whole, stream)


def test_an_account_without_reports_has_absentees_of_instances_only(serve: Serve) -> None:
    client = serve(users=12, without=frozenset({"reports"}))
    uuid = instances(client)[0]

    assert client.error(path_of("/report/webinars/{}", uuid)) == (400, 200)
    assert client.error(path_of("/report/webinars/{}/participants", uuid)) == (400, 200)
    assert expected(client, "report_webinars") == expected(client, "webinar_qna_results") == {}
    assert {uuid for uuid, _ in expected(client, "webinar_absentees")} <= {*instances(client)}
    assert expected(client, "webinar_absentees")


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/webinars/x12", (400, 300)),
        ("/webinars/1", (404, 3001)),
        ("/webinars/{meeting}", (404, 3001)),
        ("/webinars/{webinar}?occurrence_id=1", (404, 3001)),
        ("/webinars/{webinar}/registrants?status=late", (400, 300)),
        ("/webinars/{webinar}/polls?anonymous=2", (400, 300)),
        ("/webinars/1/panelists", (404, 3001)),
        ("/webinars/none/tracking_sources", (400, 300)),
        ("/meetings/{webinar}", (404, 3001)),
        ("/past_webinars/{uuid}/instances", (400, 300)),
        ("/past_webinars/1/instances", (404, 3001)),
        ("/past_webinars/nonsense/absentees", (404, 3001)),
        ("/past_webinars/{meeting_uuid}/absentees", (404, 3001)),
        ("/past_webinars/{meeting_uuid}/polls", (404, 3001)),
        ("/past_webinars/nonsense/qa", (404, 3001)),
        ("/past_meetings/{uuid}/polls", (404, 3001)),
        ("/past_meetings/nonsense/polls", (404, 3001)),
        ("/report/webinars/{meeting_uuid}", (404, 3001)),
        ("/report/meetings/{uuid}", (404, 3001)),
    ],
)
def test_what_zoom_refuses(serve: Serve, path: str, refusal: tuple[int, int]) -> None:
    client = serve(users=8)
    values = {
        "webinar": client.webinar_ids()[0],
        "meeting": client.meeting_ids()[0],
        "uuid": path_of("{}", reported(client, webinars=True)[0]),
        "meeting_uuid": path_of("{}", reported(client, webinars=False)[0]),
    }

    assert client.error(path.format(**values)) == refusal


def test_uuids_with_slashes_must_be_encoded_twice(serve: Serve) -> None:
    client = serve(users=60, webinar_hosts_percent=100)
    uuid = next(uuid for uuid in instances(client) if uuid.startswith("/") or "//" in uuid)
    once = quote(uuid, safe="")

    for path in (
        "/past_webinars/{}/absentees",
        "/past_webinars/{}/polls",
        "/past_webinars/{}/qa",
        "/report/webinars/{}",
    ):
        assert client.error(path.format(once)) == (404, 3001)
        assert client.get(path_of(path, uuid)).json().get("code") != 3001


def test_registration_that_is_off(serve: Serve) -> None:
    client = serve(users=30, webinar_hosts_percent=60)
    closed = [one for one in details(client) if one["settings"].get("approval_type") == 2]
    held = [
        row["uuid"] for one in closed for row in client.get(f"/past_webinars/{one['id']}/instances").json()["webinars"]
    ]

    for one in closed:
        for name in ("registrants", "registrants/questions"):
            assert client.error(f"/webinars/{one['id']}/{name}") == (400, 3000)
        assert client.get(f"/webinars/{one['id']}/tracking_sources").json()["tracking_sources"] == []
    assert held
    assert {client.error(path_of("/past_webinars/{}/absentees", uuid)) for uuid in held} == {(400, 3000)}


def test_absentees_without_a_licence_are_an_error_in_200(serve: Serve) -> None:
    client = serve(users=40, sessions_per_host=12)
    own = set(instances(client))
    former = [uuid for uuid in reported(client, webinars=True) if uuid not in own]

    codes = Counter(client.error(path_of("/past_webinars/{}/absentees", uuid)) for uuid in former)

    assert codes[200, 200] > 0
    assert set(codes) <= {(200, 200), (404, 3001)}
    assert not {uuid for uuid, _ in client.sandbox.expected_keys("webinar_absentees")} & set(former)


def test_results_grow_too_old(serve: Serve, clock: Clock) -> None:
    client = serve(users=8)
    webinar, meeting = (reported(client, webinars=kind)[0] for kind in (True, False))

    clock.now += 400 * DAY
    client.authorize()

    assert client.error(path_of("/past_meetings/{}/polls", meeting)) == (400, 12702)
    assert client.error(path_of("/report/webinars/{}", webinar)) == (400, 12702)
    assert client.error(path_of("/report/webinars/{}/participants", webinar)) == (400, 12702)
    assert client.error(path_of("/past_webinars/{}/polls", webinar)) == (404, 3001)
    assert client.error(path_of("/past_webinars/{}/absentees", webinar)) == (404, 3001)


def test_added_webinars_have_everything(serve: Serve) -> None:
    client = serve(users=12, registrants=(5, 40))
    before = {stream: expected(client, stream) for stream in PRIMARY_KEYS if "webinar" in stream}
    added = set(client.sandbox.add_sessions(10, kind="webinar", participants=4))

    assert len(added) == 10
    assert added <= set(instances(client)) & set(reported(client, webinars=True))
    for stream in ("webinar_poll_results", "webinar_qna_results", "report_webinar_participants"):
        assert expected(client, stream).keys() - before[stream].keys() == added
    for stream in ("report_webinars", "webinar_absentees"):
        assert {key[0] for key in expected(client, stream).keys() - before[stream].keys()} == added
    for stream in ("webinars", "webinar_registrants"):
        assert expected(client, stream) == before[stream]


def test_added_meetings_have_poll_results(serve: Serve) -> None:
    client = serve(users=12)
    before = expected(client, "meeting_poll_results").keys()
    added = set(client.sandbox.add_sessions(10))

    assert expected(client, "meeting_poll_results").keys() - before == added


def test_owners_of_webinars_are_known_without_history(serve: Serve) -> None:
    client = serve(users=12, without=frozenset({"history"}))
    blind = serve(users=12, without=frozenset({"history"}), webinars=0)
    whole = serve(users=12)

    mine = {key[0] for key in client.sandbox.expected_keys("report_webinars")}
    assert mine
    assert mine <= {key[0] for key in whole.sandbox.expected_keys("report_webinars")}
    assert len(blind.sandbox.expected_keys("report_webinars")) < len(mine)


def test_faults_take_rows(serve: Serve) -> None:
    whole = serve(users=12)
    host = next(n for n in range(12) if whole.get(f"/users/user{n}@example.com/webinars").ok)
    client = serve(
        users=12, faults=(Fault("host-gone", user=host), Fault("http-500", path="/past_webinars/{webinarId}/qa"))
    )

    assert client.error(f"/users/user{host}@example.com/webinars") == (404, 1001)
    lost = set(expected(whole, "webinars")) - set(expected(client, "webinars"))
    assert {row["host_email"] for row in whole.sandbox.expected_rows("webinars") if (row["uuid"],) in lost} == {
        f"user{host}@example.com"
    }
    assert expected(client, "webinar_qna_results") == {}
    assert set(expected(client, "report_webinars")) < set(expected(whole, "report_webinars"))


@pytest.mark.parametrize(
    "route", [route for route in ROUTES if "webinar" in route.template or "past" in route.template]
)
def test_scopes_can_be_refused(serve: Serve, route: Any) -> None:
    scopes = tuple(one.granular_scope for one in ROUTES if one.granular_scope != route.granular_scope)
    client = serve(users=8, scopes=scopes)

    assert client.error(route.template.format(userId="x", webinarId="1", meetingId="1")) == (400, 4711)
    classic = serve(users=8, scopes=(route.classic_scope,))
    assert classic.get(route.template.format(userId="x", webinarId="1", meetingId="1")).json().get("code") != 4711


def test_participants_of_webinars_are_counted_by_session(serve: Serve) -> None:
    client = serve(users=8)
    uuid = reported(client, webinars=True)[0]

    client.get(path_of("/report/webinars/{}/participants", uuid))

    assert client.sandbox.counters()["sessions_asked"] == {uuid: 1}
