from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.dice import Dice
from sandbox.expected import PRIMARY_KEYS
from sandbox.world import Size, World
from sandbox.world.ids import Keys, MeetingIds
from unit_tests.sandbox.client import Client

Serve = Callable[..., Client]
TODAY = datetime(2026, 3, 1, tzinfo=timezone.utc)


def make_world(*, seed: int = 1, users: int = 20, meetings: int = 10, oddities: bool = False) -> World:
    size = Size(users, meetings, registrants=(10, 20), registration_percent=70, polls=3)
    return World(seed, TODAY, size, oddities=oddities, without=frozenset())


@given(st.integers(0, 2**33 * 2), st.integers(0, 10))
def test_ids_and_uuids_can_be_read_back(number: int, seed: int) -> None:
    keys, ids = Keys(seed, "users"), MeetingIds(seed)

    assert keys.user_number(keys.user_id(number)) == number
    assert keys.uuid_number(keys.uuid(number)) == number
    assert ids.decode(ids.encode(number)) == number
    assert len(str(ids.encode(number))) in {10, 11}


@given(st.text(max_size=30))
def test_made_up_ids_are_none_of_ours(text: str) -> None:
    keys = Keys(1, "users")

    assert keys.user_number(text) is None
    assert keys.uuid_number(text) is None


def test_uuids_hold_the_characters_that_make_trouble() -> None:
    uuids = [Keys(1, "sessions").uuid(number) for number in range(500)]

    assert all(len(uuid) == 24 and uuid.endswith("==") for uuid in uuids)
    assert sum(uuid.startswith("/") for uuid in uuids) > 20
    assert sum("//" in uuid for uuid in uuids) > 20
    assert sum("+" in uuid for uuid in uuids) > 20


def test_dice_do_not_run_dry() -> None:
    dice = Dice("any")

    draws = Counter(dice.below(4) for _ in range(4000))

    assert all(800 < count < 1200 for count in draws.values())
    assert len(draws) == 4


def test_the_same_seed_makes_the_same_account(serve: Serve) -> None:
    one, same, other = (serve(seed=seed, users=8, today=date(2026, 3, 1)).sandbox for seed in (1, 1, 2))

    for stream in PRIMARY_KEYS:
        rows = list(one.expected_rows(stream))
        assert rows == list(same.expected_rows(stream)) != list(other.expected_rows(stream))


def test_users_by_status() -> None:
    world = make_world(users=25)

    rows = {status: [world.user_row(world.user(n)) for n in world.users(status)] for status in ("inactive", "pending")}

    assert len(world.users("active")) == 25
    assert len(rows["inactive"]) == 3
    assert all(row["status"] == "inactive" and row["id"] for row in rows["inactive"])
    assert len(rows["pending"]) == 3
    assert not any("id" in row for row in rows["pending"])


def test_meetings_are_varied() -> None:
    world = make_world(users=50)
    meetings = [world.meeting(number) for number in range(500)]

    assert {meeting.type for meeting in meetings} == {2, 3, 8}
    assert {meeting.approval_type for meeting in meetings} == {0, 1, 2}
    assert {meeting.registration_type for meeting in meetings} == {1, 2, 3}
    assert {len(str(meeting.id)) for meeting in meetings} == {10, 11}
    assert len({meeting.id for meeting in meetings}) == len({meeting.uuid for meeting in meetings}) == 500
    details = [world.detail_row(meeting, show_previous=True) for meeting in meetings]
    hidden = [detail for detail in details if "approval_type" not in detail["settings"]]
    assert {meeting.has_registration for meeting in meetings if not meeting.shows_approval_type} == {True, False}
    assert len(hidden) > 20
    assert any(detail["start_time"] == "" for detail in details)
    assert Counter(
        None if polls is None else min(len(polls), 2) for polls in map(world.poll_rows, meetings)
    ).keys() == {
        None,
        0,
        1,
        2,
    }


def test_a_list_is_shorter_than_a_detail(serve: Serve) -> None:
    client = serve(users=20, oddities=False)
    rows = [row for user in client.user_ids() for row in client.rows(f"/users/{user}/meetings", "meetings")]
    cut = next(row for row in rows if len(row["agenda"]) == 250)

    detail = client.get(f"/meetings/{cut['id']}").json()

    assert detail["agenda"].startswith(cut["agenda"])
    assert 250 < len(detail["agenda"]) <= 2000
    assert "settings" not in cut


def test_past_occurrences_only_where_asked_for(serve: Serve) -> None:
    client = serve(users=10, oddities=False)
    full = client.first_meeting(
        lambda detail: bool(detail.get("occurrences")) and detail["occurrences"][0]["start_time"] < detail["start_time"]
    )

    short = client.get(f"/meetings/{full['id']}").json()
    first = client.get(f"/meetings/{full['id']}", occurrence_id=full["occurrences"][0]["occurrence_id"]).json()

    assert 0 < len(short["occurrences"]) < len(full["occurrences"])
    assert first["start_time"] == full["occurrences"][0]["start_time"]
    assert client.error(f"/meetings/{full['id']}", occurrence_id="1") == (404, 3001)


def test_oddities_are_there_and_can_be_left_out(serve: Serve) -> None:
    odd, even = serve(users=8), serve(users=8, oddities=False)

    answers = Counter(odd.get(f"/users/{user}/meetings").status_code for user in odd.user_ids())
    gone = Counter(odd.get(f"/meetings/{meeting}").status_code for meeting in odd.meeting_ids())
    polls = Counter(odd.get(f"/meetings/{meeting}/polls").json().get("code") for meeting in odd.meeting_ids())

    assert answers == {200: 6, 400: 1, 404: 1}
    assert (gone[400], gone[404]) == (1, 1)
    assert polls[4400] == 5
    assert all(even.get(f"/users/{user}/meetings").ok for user in even.user_ids())
    assert all(even.get(f"/meetings/{meeting}").ok for meeting in even.meeting_ids())
    assert len(even.meeting_ids()) == 8 * 5


def test_a_meeting_whose_detail_is_refused_has_registrants(serve: Serve) -> None:
    client = serve(users=8, registrants=(3, 3))

    refused = next(meeting for meeting in client.meeting_ids() if client.get(f"/meetings/{meeting}").status_code == 400)

    assert client.error(f"/meetings/{refused}") == (400, 3000)
    assert list(client.rows(f"/meetings/{refused}/registrants", "registrants"))


def test_lists_repeat_meetings_within_and_across_users_and_pages(serve: Serve) -> None:
    client = serve(users=8, page_cap=3)
    lists = [list(client.rows(f"/users/{user}/meetings", "meetings")) for user in client.user_ids()]

    within = [Counter(row["id"] for row in rows).most_common(1)[0][1] for rows in lists if rows]
    owners = Counter(meeting for rows in lists for meeting in {row["id"] for row in rows})

    assert max(within) == 3
    assert sorted(owners.values())[-2:] == [1, 2]


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/users", {"status": "asleep"}),
        ("/users", {"include_fields": "shoe_size"}),
        ("/users/{user}/meetings", {"type": "past"}),
        ("/users/{user}/meetings", {"from": "yesterday"}),
        ("/users/{user}/meetings", {"timezone": "Mars/Olympus"}),
        ("/meetings/x12", {}),
        ("/meetings/12345678901234567890", {}),
        ("/meetings/{meeting}", {"show_previous_occurrences": "perhaps"}),
        ("/meetings/{meeting}/registrants", {"status": "late"}),
        ("/meetings/{meeting}/polls", {"anonymous": "2"}),
    ],
)
def test_values_that_zoom_refuses(serve: Serve, path: str, query: dict[str, str]) -> None:
    client = serve(oddities=False)
    path = path.format(user=client.user_ids()[0], meeting=client.meeting_ids()[0])

    assert client.error(path, **query) == (400, 300)


def test_unknown_parameters_are_ignored(serve: Serve) -> None:
    assert serve().get("/users", colour="blue").ok


def test_users_are_filtered_and_completed(serve: Serve) -> None:
    client = serve(users=40)

    admins = list(client.rows("/users", "users", role_id="1"))
    licensed = list(client.rows("/users", "users", license="zoom_compliance_management"))
    with_key = client.get("/users", include_fields="host_key").json()["users"]

    assert 0 < len(admins) < 40
    assert {user["role_id"] for user in admins} == {"1"}
    assert 0 < len(licensed) < 40
    assert all(user["host_key"] for user in with_key)


def test_meetings_are_filtered_by_type_and_day(serve: Serve) -> None:
    client = serve(users=1, meetings=40, oddities=False, today=date(2026, 3, 1))
    path = f"/users/{client.user_ids()[0]}/meetings"

    def starts(**query: str) -> list[str]:
        return [row.get("start_time", "") for row in client.rows(path, "meetings", **query)]

    scheduled = starts(type="scheduled")
    fixed = sorted(filter(None, scheduled))
    assert sorted(starts(type="upcoming")) == [start for start in fixed if start >= "2026-03-01"]
    assert sorted(starts(type="previous_meetings")) == [start for start in fixed if start < "2026-03-01"]
    assert starts(type="live") == []
    one_day = fixed[10][:10]
    asked = {"from": one_day, "to": one_day}
    assert {start[:10] for start in starts(**asked) if start} == {one_day}


def test_days_are_those_of_the_time_zone(serve: Serve) -> None:
    client = serve(users=1, meetings=40, oddities=False)
    path = f"/users/{client.user_ids()[0]}/meetings"
    late = next(row for row in client.rows(path, "meetings") if row.get("start_time", "")[11:] > "16")
    day = late["start_time"][:10]

    def ids(zone: str) -> set[int]:
        asked = {"from": day, "to": day, "timezone": zone}
        return {row["id"] for row in client.rows(path, "meetings", **asked)}

    assert late["id"] in ids("UTC")
    assert late["id"] not in ids("Asia/Tokyo")


def test_polls_are_filtered_by_anonymity(serve: Serve) -> None:
    client = serve(users=10, meetings=10, oddities=False)
    paths = [f"/meetings/{meeting}/polls" for meeting in client.meeting_ids()]
    every, anonymous, named = (
        [poll["id"] for path in paths for poll in client.get(path, **query).json().get("polls", ())]
        for query in ({}, {"anonymous": "true"}, {"anonymous": "false"})
    )

    assert anonymous
    assert named
    assert sorted(anonymous + named) == sorted(every)


def test_registration_not_required_has_its_own_error(serve: Serve) -> None:
    client = serve(oddities=False)
    open_meeting = client.first_meeting(lambda detail: detail["settings"].get("approval_type") == 2)

    response = client.get(f"/meetings/{open_meeting['id']}/registrants")

    message = f"This meeting has not registration required: {open_meeting['id']}"
    assert (response.status_code, response.json()) == (400, {"code": 300, "message": message})


def test_an_account_without_polls(serve: Serve) -> None:
    client = serve(without=frozenset({"polls"}), oddities=False)

    assert {client.error(f"/meetings/{meeting}/polls") for meeting in client.meeting_ids()} == {(400, 4400)}
    assert client.sandbox.expected_keys("meeting_polls") == []
