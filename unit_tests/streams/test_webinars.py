"""Webinars: their list, the sessions nobody came to, absentees and reports."""

from __future__ import annotations

import itertools
import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import pendulum
import pytest
import requests_mock
from airbyte_cdk.models import FailureType, SyncMode
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, FinalStateCursor
from freezegun import freeze_time

from source_zoom.engine import FeedReader, Key, Loss, SliceFailure, StreamStopped, TreeReader, TreeStream
from source_zoom.streams import PastSessionStream, ZoomStream, build
from source_zoom.streams.kind import MEETING, WEBINAR, WEBINAR_TYPES
from source_zoom.streams.sessions.cursor import SessionSlice
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.sessions.state import ASKED_AGAIN, Session
from source_zoom.streams.sessions.unattended import UnattendedWebinars, WebinarInstances, unattended
from source_zoom.streams.windows.grid import Window
from unit_tests.fake_zoom import API, TOKEN_URL, context, refusal, token
from unit_tests.past import (
    NOW,
    UUID,
    asked,
    end_of_slice,
    feed_of,
    read,
    row_of,
    sessions_of,
    slice_of,
    slices,
    tree,
)

pytestmark = pytest.mark.usefixtures("sleepless")

ANN = {"user_id": "ann"}
NO_PLAN = "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user."
NO_SCOPE = refusal(400, 4711, "Invalid access token, does not contain scopes:[report:read:admin].")
SERVER_ERROR = refusal(500, 500, "Internal error.")
REPORT = f"{API}/report/webinars/aBcD%3D%3D"
WINDOW = Window(pendulum.date(2026, 5, 4), pendulum.date(2026, 6, 2))
NOW_UTC = pendulum.datetime(2026, 5, 10, 9, 30)
REPORTED = ("report_webinars", "report_webinar_participants", "webinar_poll_results", "webinar_qna_results")


@pytest.fixture(autouse=True)
def _on_the_tenth_of_may() -> Iterator[None]:
    with freeze_time(NOW):
        yield


@pytest.fixture
def zoom() -> Iterator[requests_mock.Mocker]:
    """An account in which ann was active, with no history and no sessions."""
    with requests_mock.Mocker() as mocker:
        mocker.post(TOKEN_URL, **token())
        mocker.get(f"{API}/report/users", json={"users": [{"id": "ann", "email": "ann@x.org"}]})
        mocker.get(f"{API}/report/history_meetings", json={"history_meetings": []})
        mocker.get(f"{API}/report/users/ann/meetings", json={"meetings": []})
        yield mocker


@pytest.fixture
def streams() -> dict[str, ZoomStream]:
    return build(context())


# The list


@pytest.mark.parametrize(("status", "code"), [(400, "400/200"), (200, "200/200")])
def test_user_without_the_webinar_plan_is_skipped_and_counted(
    status: int, code: str, zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users/ann/webinars", **refusal(status, 200, NO_PLAN))
    zoom.get(f"{API}/users/bob/webinars", json={"webinars": [{"id": 1}]})
    webinars = streams["webinar_list"]

    assert read(webinars, ANN) == []
    assert [record["webinar_id"] for record in read(webinars, {"user_id": "bob"})] == ["1"]
    assert webinars.closing_line() == (
        f"Stream webinar_list skipped what Zoom has nothing for: 1 x NO_LICENCE ({code}: the user has no webinar "
        "licence)."
    )


def test_no_permission_for_a_users_webinars_is_a_failure(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    zoom.get(f"{API}/users/ann/webinars", **refusal(400, 200, "No permission."))

    with pytest.raises(SliceFailure, match="No permission"):
        read(streams["webinar_list"], ANN)


def test_list_is_read_to_its_end_though_zoom_documents_no_page_token(
    zoom: requests_mock.Mocker, streams: dict[str, ZoomStream]
) -> None:
    pages = [{"json": {"webinars": [{"id": number}], "next_page_token": f"t{number}"}} for number in (1, 2)]
    zoom.get(f"{API}/users/ann/webinars", [*pages, {"json": {"webinars": [{"id": 3}], "next_page_token": ""}}])

    assert [record["webinar_id"] for record in read(streams["webinar_list"], ANN)] == ["1", "2", "3"]
    first = {"type": "scheduled", "page_size": "300"}
    assert asked(zoom, "users/ann/webinars") == [
        first,
        {**first, "next_page_token": "t1"},
        {**first, "next_page_token": "t2"},
    ]


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"host_id": "h", "duration": 60, "type": 9}, ("5", "h", 60, 9, None)),
        ({"host_id": ""}, ("5", "ann", None, None, None)),
        ({}, ("5", "ann", None, None, None)),
    ],
)
def test_key_of_a_listed_webinar(fields: dict[str, Any], key: Key, streams: dict[str, ZoomStream]) -> None:
    assert streams["webinar_list"].child_key({"id": 5, "webinar_id": "5", **fields}, ANN) == key


# Kinds of sessions


@pytest.mark.parametrize("type_", range(12))
def test_each_session_is_of_one_kind(type_: int) -> None:
    assert WEBINAR.includes(type_) is (type_ in WEBINAR_TYPES)
    assert MEETING.includes(type_) is not WEBINAR.includes(type_)


def test_types_of_webinars_are_zooms() -> None:
    # Webinar; recurring webinar without fixed times; with fixed times.
    assert {5, 6, 9} == WEBINAR_TYPES


# Sessions that no report lists


def loaded(*keys: tuple[Any, ...]) -> UnattendedWebinars:
    webinars = UnattendedWebinars(feed_of(*keys))
    webinars.load(NOW_UTC)
    return webinars


@pytest.mark.parametrize(
    ("start", "minutes", "end"),
    [
        ("2026-05-08T10:00:00Z", 90, "2026-05-08T11:30:00Z"),
        ("2026-05-08T23:30:00Z", 90, "2026-05-09T01:00:00Z"),
        ("2026-05-08T12:00:00+02:00", 90, "2026-05-08T11:30:00Z"),
        ("2026-05-08T10:00:00Z", 0, "2026-05-08T10:00:00Z"),
        ("2026-05-08T10:00:00Z", None, "2026-05-08T10:00:00Z"),
        ("2026-05-10T09:00:00Z", 90, "2026-05-10T09:30:00Z"),
        ("2026-05-10T09:30:00Z", 90, "2026-05-10T09:30:00Z"),
    ],
)
def test_unattended_webinar_ended_as_planned_but_not_after_now(start: str, minutes: int | None, end: str) -> None:
    [row] = loaded((UUID, "1", "ann", start, minutes)).of(WINDOW)

    assert (row["uuid"], row["id"], row["end_time"]) == (UUID, "1", end)
    assert row["start_time"] <= row["end_time"]
    assert WEBINAR.includes(row["type"])


def test_instance_that_is_still_to_come_is_none_of_the_past() -> None:
    assert loaded((UUID, "1", "ann", "2026-05-10T09:30:01Z", 60)).of(WINDOW) == []


@pytest.mark.parametrize("start", [None, "", "soon"])
def test_instance_without_a_start_time_is_a_loss_of_its_webinar(start: str | None) -> None:
    webinars = loaded((UUID, "1", "ann", start, 60), ("good", "2", "ann", "2026-05-08T10:00:00Z", 60))

    [loss] = webinars.losses
    assert "webinar 1 has no start time" in loss.message
    assert (loss.facts["object_type"], loss.facts["object_id"], loss.again) == ("webinar", "1", False)
    assert [row["uuid"] for row in webinars.of(WINDOW)] == ["good"]


@pytest.mark.parametrize("minutes", [-60, 10**15, "90"])
def test_planned_minutes_that_cannot_be_count_as_none(minutes: object) -> None:
    [row] = loaded((UUID, "1", "ann", "2026-05-08T10:00:00Z", minutes)).of(WINDOW)

    assert row["end_time"] == "2026-05-08T10:00:00Z"


def test_unattended_webinars_belong_to_the_windows_they_began_in() -> None:
    before = Window(pendulum.date(2026, 4, 5), pendulum.date(2026, 5, 4))
    webinars = loaded(
        ("april", "1", "ann", "2026-04-30T10:00:00Z", 60),
        ("shared", "1", "ann", "2026-05-04T10:00:00Z", 60),
        ("bobs", "2", "bob", "2026-05-08T10:00:00Z", 60),
    )

    assert [(row["uuid"], row["host_id"]) for row in webinars.of(WINDOW)] == [("shared", "ann"), ("bobs", "bob")]
    assert [row["uuid"] for row in webinars.of(before)] == ["april", "shared"]


@pytest.mark.parametrize("is_loaded_first", [True, False])
def test_history_knows_when_a_webinar_ended_and_its_instance_whose_it_was(*, is_loaded_first: bool) -> None:
    webinars = UnattendedWebinars(feed_of((UUID, "1", "ann", "2026-05-08T10:00:00Z", 60)))
    steps: list[Callable[[], None]] = [
        lambda: webinars.load(NOW_UTC),
        lambda: webinars.add("ann@x.org", [unattended(UUID, "1", "2026-05-08T10:00:00Z", "2026-05-08T10:40:00Z")]),
    ]

    for step in steps if is_loaded_first else reversed(steps):
        step()

    [row] = webinars.of(WINDOW)
    assert (row["end_time"], row["host_id"]) == ("2026-05-08T10:40:00Z", "ann")


def test_nothing_is_kept_where_no_stream_wants_such_webinars() -> None:
    webinars = UnattendedWebinars()
    webinars.add("ann", [row_of(type=5)])

    webinars.load(NOW_UTC)

    assert webinars.of(WINDOW) == []


# Where sessions come from


def with_instances(*uuids: str, host: str = "ann") -> tuple[dict[str, ZoomStream], PastSessions]:
    streams = tree(start_date="2026-05-06T00:00:00Z")
    sessions = sessions_of(streams)
    sessions.follow("webinar_instances", feed_of(*[(uuid, "1", host, "2026-05-08T10:00:00Z", 60) for uuid in uuids]))
    return streams, sessions


def found(sessions: PastSessions) -> list[tuple[str, bool]]:
    """UUID of each session that is told to the children, and whether a report lists it."""
    told: dict[Any, Any] = {}
    for slice_ in [*slices(sessions), None]:
        for one in [slice_] if slice_ else sessions.late_slices():
            for record in read(sessions, one):
                key = sessions.child_key(record, one)
                assert key[0] not in told
                told[key[0]] = key[1]
    return [(item[1].uuid, item[1].is_reported) for item in told.values() if item is not None]


def history(uuid: str, type_: str = "Webinar", email: str = "ANN@x.org", **fields: Any) -> dict[str, Any]:
    times = {"start_time": "2026-05-08T10:00:00Z", "end_time": "2026-05-08T10:40:00Z"}
    return {"meeting_uuid": uuid, "meeting_id": 1, "host_email": email, "type": type_, **times, **fields}


def test_sessions_are_those_of_report_history_and_instances_without_duplicates(zoom: requests_mock.Mocker) -> None:
    webinars = [row_of("in all", type=5), row_of("reported", type=5)]
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": webinars})
    rows = [history("in all"), history("in history"), history("in both"), history("a meeting", "Meeting")]
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": rows})
    _, sessions = with_instances("in all", "in both", "an instance")

    assert sorted(found(sessions)) == [
        ("an instance", False),
        ("in all", True),
        ("in both", False),
        ("in history", False),
        ("reported", True),
    ]


def test_history_alone_adds_nothing_where_no_stream_wants_it(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": [history("in history")]})

    assert found(sessions_of(tree(start_date="2026-05-06T00:00:00Z"))) == []


@pytest.mark.parametrize("missing", ["start_time", "end_time"])
def test_webinar_of_the_history_without_its_times_is_left_to_the_other_sources(
    missing: str, zoom: requests_mock.Mocker
) -> None:
    rows = [history("x", **{missing: ""})]
    zoom.get(f"{API}/report/history_meetings", json={"history_meetings": rows})

    assert found(with_instances()[1]) == []


def test_host_who_was_not_active_need_not_be_asked_for_the_unattended_webinar(zoom: requests_mock.Mocker) -> None:
    _, sessions = with_instances("x", host="dan")

    assert found(sessions) == [("x", False)]
    assert asked(zoom, "report/users/dan/meetings") == []


def test_list_of_a_host_that_fails_loses_no_webinar(zoom: requests_mock.Mocker) -> None:
    """If the report turns out to have it, the next sync reads it again, with the row of the report."""
    zoom.get(f"{API}/report/users/ann/meetings", **SERVER_ERROR)
    _, sessions = with_instances("x")
    [slice_] = slices(sessions)
    with pytest.raises(SliceFailure):
        read(sessions, slice_)

    [late] = sessions.late_slices()

    assert [row["uuid"] for row in read(sessions, late)] == ["x"]


def test_webinar_that_goes_on_is_not_taken_for_one_nobody_came_to(zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": [row_of("x", type=5, end_time="")]})

    assert found(with_instances("x")[1]) == []


@pytest.mark.usefixtures("zoom")
def test_instances_have_what_is_known_of_their_webinar(streams: dict[str, ZoomStream]) -> None:
    slice_ = {"webinar_id": "1", "host_id": "ann", "duration": 60}
    record = {"uuid": UUID, "start_time": "2026-05-08T10:00:00Z"}

    key = streams["webinar_instances"].child_key(record, slice_)

    assert key == (UUID, "1", "ann", "2026-05-08T10:00:00Z", 60)


# Owners of webinars


@pytest.fixture
def without_history(zoom: requests_mock.Mocker) -> requests_mock.Mocker:
    """An account whose history may not be read, and in which bob, who was not active, has a webinar of dan's."""
    zoom.get(f"{API}/report/history_meetings", **NO_SCOPE)
    zoom.get(f"{API}/users?status=active", json={"users": [{"id": "ann"}, {"id": "bob"}]})
    zoom.get(f"{API}/users?status=inactive", json={"users": []})
    zoom.get(f"{API}/users/ann/webinars", **refusal(400, 200, NO_PLAN))
    zoom.get(f"{API}/users/bob/webinars", json={"webinars": [{"id": 1, "host_id": "dan"}]})
    return zoom


def hosts_for(zoom: requests_mock.Mocker, *names: str) -> set[str]:
    """Hosts who are asked for their past sessions in a sync of these streams."""
    zoom.get(re.compile("/report/users/[^/]+/meetings"), json={"meetings": []})
    streams = build(context(start_date="2026-05-06T00:00:00Z"))

    def cursor_of(stream: TreeStream, repository: MessageRepository) -> Cursor:
        if isinstance(stream, PastSessionStream) and stream.name in names:
            return stream.make_cursor({}, repository, incremental=True)
        return FinalStateCursor(stream.name, None, repository)

    reader = TreeReader(
        streams,
        cursor_of=cursor_of,
        judge=lambda _, outcome: outcome.stopped,
        workers=4,
        lacking=lambda _pool, _threads: 4,
        logger=logging.getLogger("airbyte"),
        made=itertools.count().__next__,
    )
    assert [message for message in reader.read(set(names)) if message.record] == []
    paths = [one.path.split("/") for one in zoom.request_history if "/report/users/" in one.path]
    assert len(paths) == len({path[-2] for path in paths})
    return {path[-2] for path in paths}


def test_owners_of_webinars_are_asked_where_the_history_may_not_be_read(without_history: requests_mock.Mocker) -> None:
    assert hosts_for(without_history, "report_meetings", "report_webinars") == {"ann", "dan"}
    assert len(asked(without_history, "users/bob/webinars")) == 1


def test_owners_are_not_asked_for_meetings(without_history: requests_mock.Mocker) -> None:
    assert hosts_for(without_history, "report_meetings", "meeting_poll_results") == {"ann"}
    assert asked(without_history, "users/bob/webinars") == []


def test_owners_are_not_asked_where_the_history_may_be_read(without_history: requests_mock.Mocker) -> None:
    without_history.get(f"{API}/report/history_meetings", json={"history_meetings": []})

    assert hosts_for(without_history, "report_webinars") == {"ann"}
    assert asked(without_history, "users/bob/webinars") == []


def test_list_of_webinars_that_is_read_anyway_is_not_asked_for_again(without_history: requests_mock.Mocker) -> None:
    without_history.get(f"{API}/webinars/1/polls", json={"polls": []})

    assert hosts_for(without_history, "report_webinars", "webinar_polls") == {"ann", "dan"}
    assert len(asked(without_history, "users/bob/webinars")) == 1


@pytest.mark.parametrize(
    "answer",
    [SERVER_ERROR, refusal(400, 200, "No permission."), refusal(404, 404, "?")],
    ids=["fault", "refused", "404"],
)
def test_user_whose_list_of_webinars_is_withheld_may_be_an_owner_and_hides_no_other(
    answer: dict[str, Any], without_history: requests_mock.Mocker
) -> None:
    without_history.get(f"{API}/users/ann/webinars", json={"webinars": []})
    without_history.get(f"{API}/users?status=inactive", json={"users": [{"id": "fay"}, {"id": "gus"}]})
    without_history.get(f"{API}/users/fay/webinars", **answer)
    without_history.get(f"{API}/users/gus/webinars", json={"webinars": [{"id": 2, "host_id": "gus"}]})

    assert hosts_for(without_history, "report_webinars") == {"ann", "dan", "fay", "gus"}


@pytest.mark.usefixtures("without_history")
def test_user_whose_list_of_webinars_was_lost_where_it_is_read_anyway_may_be_an_owner() -> None:
    streams = tree(start_date="2026-05-06T00:00:00Z")
    sessions = sessions_of(streams)
    lost = Loss("webinar_list", "BROKEN", "HTTP 500", again=True, facts={"object_type": "user", "object_id": "fay"})
    sessions.follow("webinar_list", feed_of(("1", "eve", 60, 5, None), losses=[lost]))

    assert [slice_["user_id"] for slice_ in slices(sessions)] == ["ann", "eve", "fay"]
    sessions.cursors.all[0].raise_if_held()


@pytest.mark.usefixtures("without_history")
def test_list_of_webinars_that_is_not_known_holds_the_streams_about_webinars_only() -> None:
    streams = tree(start_date="2026-05-06T00:00:00Z")
    sessions = sessions_of(streams)
    stopped = StreamStopped("Add the scope.", cause="SCOPE", failure_type=FailureType.config_error)
    sessions.follow("webinar_list", feed_of(error=stopped))

    assert {slice_["user_id"] for slice_ in slices(sessions)} == {"ann"}
    held = {}
    for name, stream in streams.items():
        if isinstance(stream, PastSessionStream):
            try:
                stream.session_cursor.raise_if_held()
                held[name] = False
            except SliceFailure:
                held[name] = True
    assert {name for name, is_held in held.items() if is_held} == {
        name for name, stream in streams.items() if isinstance(stream, PastSessionStream) and stream.kind is WEBINAR
    }


# Instances that are refused


def instances_lost(*webinar_ids: str, again: bool = False) -> list[Loss]:
    facts = {"object_type": "webinar", "meaning": "NO_PERMISSION", "http_status": 400, "zoom_code": 200}
    return [
        Loss("webinar_instances", "NO_PERMISSION", "No permission.", again=again, facts={**facts, "object_id": id_})
        for id_ in webinar_ids
    ]


def absentees_of(streams: dict[str, ZoomStream]) -> PastSessionStream:
    stream = streams["webinar_absentees"]
    assert isinstance(stream, PastSessionStream)
    return stream


def sync_with(blob: dict[str, Any], instances: FeedReader) -> tuple[dict[str, ZoomStream], dict[str, Any]]:
    """The streams, and the state of the absentees, of a sync that reads every list to its end."""
    streams = tree(blob)
    sessions, absentees = sessions_of(streams), absentees_of(streams)
    sessions.follow("webinar_instances", instances)
    keys = []
    for made in (sessions.stream_slices(sync_mode=SyncMode.full_refresh), sessions.late_slices()):
        for slice_ in made:
            keys += [sessions.child_key(row, slice_) for row in read(sessions, slice_)]
            end = sessions.child_key_of_end(slice_, None)
            assert end is not None
            keys.append((f"end {slice_['window'].key} {slice_['user_id']}", end[1]))
    absentees.follow("past_sessions", feed_of(*keys))
    for slice_ in [*slices(absentees), *absentees.late_slices()]:
        end_of_slice(absentees, slice_)
    return streams, dict(absentees.session_cursor.state)


def unknown(streams: dict[str, ZoomStream]) -> list[tuple[str, str]]:
    return [(gap.object_id, gap.meaning) for gap in absentees_of(streams).held_gaps() if gap.object_type == "webinar"]


@pytest.mark.usefixtures("zoom")
@pytest.mark.parametrize("again", [True, False], ids=["fault", "refused"])
def test_webinar_whose_instances_are_withheld_is_a_gap_that_the_watermark_passes(
    again: bool,  # noqa: FBT001 - a case
) -> None:
    streams, state = sync_with({}, feed_of(losses=instances_lost("7", again=again)))

    assert unknown(streams) == [("7", "NO_PERMISSION")]
    assert state["end_time"] == NOW
    others = [one for one in streams.values() if isinstance(one, PastSessionStream) and one.name != "webinar_absentees"]
    assert all(one.held_gaps() == [] for one in others)


@pytest.mark.usefixtures("zoom")
def test_instances_that_answer_later_are_read_though_no_window_lists_them_any_more() -> None:
    _, state = sync_with({}, feed_of(losses=instances_lost("7")))
    late = ("in April", "7", "ann", "2026-04-10T10:00:00Z", 60)
    streams = tree(state)
    sessions, absentees = sessions_of(streams), absentees_of(streams)

    sessions.follow("webinar_instances", feed_of(late))
    slices(sessions)
    list(sessions.late_slices())
    absentees.follow("past_sessions", feed_of())

    assert slices(absentees) == []
    assert [slice_["uuid"] for slice_ in absentees.late_slices() if slice_] == ["in April"]
    assert unknown(streams) == []


@pytest.mark.usefixtures("zoom")
def test_webinar_that_is_not_listed_any_more_is_no_gap() -> None:
    _, state = sync_with({}, feed_of(losses=instances_lost("7")))

    streams, _ = sync_with(state, feed_of())

    assert unknown(streams) == []


@pytest.mark.usefixtures("zoom")
def test_webinar_stays_a_gap_where_the_list_of_its_owner_fails() -> None:
    """It was not asked for; so its instances are as unknown as before."""
    _, state = sync_with({}, feed_of(losses=instances_lost("7")))
    facts = {"object_type": "user", "object_id": "ann"}
    lost = Loss("webinar_list", "BROKEN", "HTTP 500", again=True, facts=facts)

    streams, _ = sync_with(state, feed_of(losses=[lost]))

    assert unknown(streams) == [("7", "NO_PERMISSION")]


REFUSED_WEBINARS = [f"{number:02}" for number in range(ASKED_AGAIN + 5)]


def instances_after_refusals() -> WebinarInstances:
    """The instances in a sync that follows on one in which many were refused."""
    _, state = sync_with({}, feed_of(losses=instances_lost(*REFUSED_WEBINARS)))
    stream = tree(state)["webinar_instances"]
    assert isinstance(stream, WebinarInstances)
    stream.follow("webinar_list", feed_of(*[(id_, "ann", 60, 5, None) for id_ in [*REFUSED_WEBINARS, "new"]]))
    return stream


def ids_of(found: Iterable[Any]) -> list[str]:
    return [slice_["webinar_id"] for slice_ in found]


def test_twenty_webinars_that_were_refused_are_asked_for_again(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/instances"), **refusal(400, 200, "No permission."))
    stream = instances_after_refusals()

    found = slices(stream)

    assert ids_of(found) == [*REFUSED_WEBINARS[:ASKED_AGAIN], "new"]
    for slice_ in found[:-1]:
        # What was refused before does not speak of the others.
        with pytest.raises(SliceFailure) as caught:
            read(stream, slice_)
        assert type(caught.value) is SliceFailure
    assert ids_of(stream.late_slices()) == []


def test_all_webinars_that_were_refused_are_asked_for_when_one_of_them_answers(zoom: requests_mock.Mocker) -> None:
    zoom.get(re.compile("/instances"), json={"webinars": []})
    stream = instances_after_refusals()

    found = slices(stream)
    read(stream, found[0])

    assert ids_of(stream.late_slices()) == REFUSED_WEBINARS[ASKED_AGAIN:]


@pytest.mark.usefixtures("zoom")
def test_webinars_that_are_not_asked_for_in_a_sync_stay_gaps() -> None:
    _, state = sync_with({}, feed_of(losses=instances_lost(*REFUSED_WEBINARS)))

    streams, _ = sync_with(state, feed_of(losses=instances_lost(*REFUSED_WEBINARS[:ASKED_AGAIN])))

    assert [id_ for id_, _ in unknown(streams)] == REFUSED_WEBINARS


# Which streams read them


@pytest.fixture
def listed(zoom: requests_mock.Mocker) -> tuple[dict[str, ZoomStream], list[Key]]:
    """A meeting, a webinar and a webinar nobody came to, as the list tells them."""
    rows = [row_of("meeting"), row_of("webinar", type=9)]
    zoom.get(f"{API}/report/users/ann/meetings", json={"meetings": rows})
    streams, sessions = with_instances("unattended")
    [slice_] = slices(sessions)
    keys = [sessions.child_key(record, slice_) for record in read(sessions, slice_)]
    [late] = sessions.late_slices()
    return streams, [*keys, *(sessions.child_key(record, late) for record in read(sessions, late))]


def read_by(stream: ZoomStream, keys: list[Key]) -> list[str]:
    assert isinstance(stream, PastSessionStream)
    stream.follow("webinar_list", feed_of(*keys))
    return [slice_["uuid"] for slice_ in slices(stream)]


@pytest.mark.parametrize("name", REPORTED)
def test_unattended_webinar_is_none_for_the_streams_of_reports(
    name: str, listed: tuple[dict[str, ZoomStream], list[Key]]
) -> None:
    streams, keys = listed

    assert read_by(streams[name], keys) == ["webinar"]


def test_unattended_webinar_has_absentees(listed: tuple[dict[str, ZoomStream], list[Key]]) -> None:
    streams, keys = listed

    assert read_by(streams["webinar_absentees"], keys) == ["webinar", "unattended"]


@pytest.mark.parametrize("name", ["report_meetings", "report_meeting_participants", "meeting_poll_results"])
def test_webinars_are_none_for_the_streams_of_meetings(
    name: str, listed: tuple[dict[str, ZoomStream], list[Key]]
) -> None:
    streams, keys = listed

    assert read_by(streams[name], keys) == ["meeting"]


def test_absentees_alone_read_what_no_report_lists_and_need_the_instances_for_it(
    streams: dict[str, ZoomStream],
) -> None:
    about_past = [stream for stream in streams.values() if isinstance(stream, PastSessionStream)]

    assert [stream.name for stream in about_past if stream.reads_unattended] == ["webinar_absentees"]
    assert [stream.name for stream in about_past if stream.wants_read] == ["webinar_absentees"]


# Absentees


def absentee_slice(uuid: str) -> SessionSlice:
    times = ("2026-05-08T10:00:00Z", "2026-05-08T11:00:00Z")
    return SessionSlice(Session(uuid, "ann", *times, "f", meeting_id="1", type=5, is_reported=False), WINDOW)


@pytest.mark.parametrize(
    ("uuid", "segment"), [("a/b==", "a%2Fb%3D%3D"), ("/a==", "%252Fa%253D%253D"), ("a//b==", "a%252F%252Fb%253D%253D")]
)
def test_absentees_are_asked_for_by_uuid_and_carry_it(uuid: str, segment: str, zoom: requests_mock.Mocker) -> None:
    zoom.get(f"{API}/past_webinars/{segment}/absentees", json={"registrants": [{"id": "r"}]})

    [record] = read(tree()["webinar_absentees"], absentee_slice(uuid))

    assert (record["webinar_uuid"], record["webinar_id"], record["host_id"]) == (uuid, "1", "ann")
    assert record["webinar_end_time"] == "2026-05-08T11:00:00Z"
    assert asked(zoom, f"past_webinars/{segment}/absentees") == [{"page_size": "300"}]


@pytest.mark.parametrize(
    "answer",
    [
        refusal(400, 3000, "This webinar doesn't have registration required: x."),
        refusal(404, 3001, "Webinar x not found or expired."),
        refusal(200, 200, "Webinar plan subscription is missing. Enable webinar for this user."),
        refusal(400, 1010, "User does not belong to this account: acc."),
    ],
    ids=["no registration", "gone", "no plan", "another account"],
)
def test_webinar_that_has_no_absentees_is_skipped_and_counted(
    answer: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    zoom.get(f"{API}/past_webinars/x/absentees", **answer)
    stream = tree()["webinar_absentees"]

    assert read(stream, absentee_slice("x")) == []
    assert " 1 x " in (stream.closing_line() or "")


# report_webinars


COLUMNS = {"webinar_id": "85746065432", "webinar_uuid": UUID, "host_id": "ann"}


def report(zoom: requests_mock.Mocker, answer: Mapping[str, Any]) -> ZoomStream:
    zoom.get(REPORT, **answer)
    return tree()["report_webinars"]


@pytest.mark.parametrize("has_history", [True, False])
def test_each_webinar_is_asked_for_and_the_listed_row_fills_the_rest(
    has_history: bool,  # noqa: FBT001 - a case
    zoom: requests_mock.Mocker,
) -> None:
    detail = {"uuid": UUID, "id": 85746065432, "topic": "As reported", "dept": "D", "tracking_fields": []}
    stream = report(zoom, {"json": detail})

    [record] = read(stream, slice_of(row=row_of(type=5, user_email="ann@x.org"), has_history=has_history))

    expected = {**row_of(type=5, user_email="ann@x.org"), **detail, **COLUMNS}
    assert record == expected
    assert len(asked(zoom, "report/webinars/aBcD%3D%3D")) == 1


def test_retry_without_the_listed_row_has_the_report(zoom: requests_mock.Mocker) -> None:
    stream = report(zoom, {"json": row_of(type=5)})

    [record] = read(stream, slice_of(retry=True))

    assert (record["uuid"], record["webinar_id"], record["end_time"]) == (UUID, "85746065432", "2026-05-08T11:00:00Z")


@pytest.mark.parametrize(
    "answer",
    [
        refusal(404, 3001, "Webinar does not exist."),
        refusal(400, 12702, "Can not access a webinar a year ago."),
        refusal(200, 200, NO_PLAN),
    ],
    ids=["gone", "a year ago", "no plan"],
)
def test_row_without_a_report_of_its_own_is_emitted_all_the_same(
    answer: dict[str, Any], zoom: requests_mock.Mocker
) -> None:
    [record] = read(report(zoom, answer), slice_of(row=row_of(type=5)))

    assert record == {**row_of(type=5), **COLUMNS}


@pytest.mark.parametrize(
    ("answer", "again"), [(SERVER_ERROR, True), (refusal(400, 200, "No permission."), False)], ids=["fault", "refused"]
)
def test_webinar_whose_report_is_withheld_has_its_listed_row_at_once_and_the_report_later(
    answer: dict[str, Any],
    again: bool,  # noqa: FBT001 - a case
    zoom: requests_mock.Mocker,
) -> None:
    stream = report(zoom, answer)
    assert isinstance(stream, PastSessionStream)
    slice_ = slice_of(row=row_of(type=5, total_minutes=90))
    if again:
        with pytest.raises(SliceFailure):  # the row comes with the second try, once
            list(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))
    records = iter(stream.read_records(SyncMode.full_refresh, stream_slice=slice_))

    assert next(records) == {**row_of(type=5, total_minutes=90), **COLUMNS}
    with pytest.raises(SliceFailure) as caught:
        next(records)
    assert (type(caught.value), caught.value.again) == (SliceFailure, again)

    end_of_slice(stream, slice_, caught.value)
    later = tree(stream.session_cursor.state)["report_webinars"]
    assert isinstance(later, PastSessionStream)
    [retry] = later.session_cursor.retries()
    zoom.get(REPORT, json={"uuid": UUID, "dept": "D"})
    assert read(later, retry) == [{**row_of(type=5, total_minutes=90), "dept": "D", **COLUMNS}]


def test_missing_scope_of_the_report_fails_the_stream_and_names_the_scope(zoom: requests_mock.Mocker) -> None:
    with pytest.raises(StreamStopped, match="report:read:webinar:admin"):
        read(report(zoom, NO_SCOPE), slice_of(row=row_of(type=5)))
