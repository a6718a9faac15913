"""A parent with a limit pauses for its slowest child, forgets what all have read, and never waits for a dead one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteMessage, FailureType, SyncMode
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from source_zoom.engine import (
    FeedReader,
    Key,
    Loss,
    Parent,
    ResumableCursor,
    Role,
    SliceFailure,
    StreamStopped,
    TreeStream,
)
from source_zoom.engine.failures import EngineClosed
from source_zoom.engine.feed import DROPPED_AT_ONCE, ParentFeed
from source_zoom.engine.partitions import SlicePartition
from source_zoom.engine.tasks import StreamTask
from unit_tests.engine.trees import Sync, TreeNode, final_state, numbered, reader, stop_of

COMPLETE = ["STARTED", "RUNNING", "COMPLETE"]
SOON = 0.2
"""Seconds in which a thread that waits for nothing is done many times over."""


class Background:
    """A call in a thread, which the test can look at."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self.error: Exception | None = None
        self._call = call
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except Exception as error:  # noqa: BLE001 - the test looks at it
            self.error = error

    def waits(self) -> bool:
        self._thread.join(SOON)
        return self._thread.is_alive()

    def has_ended(self) -> bool:
        self._thread.join(5)
        return not self._thread.is_alive()


def filled(feed: ParentFeed, count: int, published: set[Hashable] | None = None) -> None:
    """Publish numbers, as a slice that has published those."""
    of_slice = set() if published is None else published
    for number in range(count):
        feed.publish((number,), of_slice)


def take(keys: Iterator[Key], count: int) -> None:
    for _ in range(count):
        next(keys)


def test_parent_pauses_while_a_child_is_further_behind_than_the_limit() -> None:
    feed = ParentFeed("users", limit=10)
    fast, slow = iter(feed.reader()), iter(feed.reader())
    filled(feed, 11)
    take(fast, 11)

    parent = Background(feed.open_slice)
    assert parent.waits()
    take(slow, 1)

    assert parent.has_ended()
    assert parent.error is None


def test_parent_without_a_limit_or_without_children_never_pauses() -> None:
    for feed in (ParentFeed("users"), ParentFeed("users", limit=10)):
        if feed._limit is None:
            feed.reader()
        filled(feed, 1000)
        feed.open_slice()


def test_writers_are_never_held_up_by_the_limit() -> None:
    feed = ParentFeed("users", limit=1)
    keys = feed.reader()
    filled(feed, 500)
    feed.close_slice()

    assert list(keys) == [(number,) for number in range(500)]


@pytest.mark.parametrize("limit", [10, DROPPED_AT_ONCE * 3])
def test_parent_does_not_wait_for_a_child_that_died(limit: int) -> None:
    feed = ParentFeed("users", limit=limit)
    alive, dead = feed.reader(), feed.reader()
    filled(feed, limit + 1)
    take(iter(alive), limit + 1)
    parent = Background(feed.open_slice)
    assert parent.waits()

    dead.leave()

    ended = parent.has_ended()
    feed.stop()
    assert ended


def test_parent_that_pauses_is_woken_when_the_sync_ends() -> None:
    feed = ParentFeed("users", limit=1)
    feed.reader()
    filled(feed, 5)
    parent = Background(feed.open_slice)
    assert parent.waits()

    feed.stop()

    assert parent.has_ended()
    assert isinstance(parent.error, EngineClosed)


def test_what_every_child_has_read_is_dropped() -> None:
    feed = ParentFeed("users", limit=5000)
    fast, slow = iter(feed.reader()), iter(feed.reader())
    filled(feed, 1000)

    take(fast, 1000)
    assert len(feed._keys) == 1000
    take(slow, 700)
    assert len(feed._keys) <= 300 + DROPPED_AT_ONCE
    assert [next(slow)[0] for _ in range(300)] == list(range(700, 1000))
    assert len(feed._keys) <= DROPPED_AT_ONCE


def test_a_slice_tells_no_key_again_after_it_was_dropped() -> None:
    feed = ParentFeed("users", limit=5000)
    keys = feed.reader()
    published: set[Hashable] = set()
    filled(feed, 300, published)
    take(iter(keys), 300)
    filled(feed, 301, published)
    feed.close_slice()

    assert list(keys) == [(300,)]


@pytest.mark.parametrize(("limit", "told"), [(None, 300), (5000, 600)])
def test_with_a_limit_keys_are_told_apart_within_their_slice(limit: int | None, told: int) -> None:
    feed = ParentFeed("users", limit)
    keys = feed.reader()
    filled(feed, 300)
    filled(feed, 300)
    feed.close_slice()

    assert len(list(keys)) == told


def test_without_a_limit_nothing_is_dropped() -> None:
    feed = ParentFeed("users")
    filled(feed, 500)
    take(iter(feed.reader()), 500)

    assert len(feed._keys) == 500


def test_losses_are_known_behind_the_last_key() -> None:
    feed = ParentFeed("users")
    keys = feed.reader()
    feed.open_slice()
    error = SliceFailure("Zoom answered 500.", cause="500", failure_type=FailureType.transient_error)
    feed.publish((1,), set())
    feed.lose(Loss.of("users", error))
    feed.close_slice()
    feed.close_slice()

    assert list(keys) == [(1,)]  # and no error: which part is missing is known
    assert [(loss.stream, loss.message) for loss in keys.losses] == [("users", "Zoom answered 500.")]


# In a tree


def transient() -> SliceFailure:
    return SliceFailure("Zoom answered 500.", cause="500", failure_type=FailureType.transient_error)


class ManySlices(TreeNode):
    """A parent of many slices, which tells where each has ended and follows others where they are read."""

    tells_ends = False
    count = 40

    def __init__(self, *args: Any, optional: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.optional = optional
        self.followed: dict[str, Iterable[Key]] = {}

    @property
    def parents(self) -> Sequence[Parent]:
        return [*super().parents, *(Parent(name, Role.KEYS_IF_READ) for name in self.optional)]

    def follow(self, name: str, keys: Iterable[Key]) -> None:
        self.followed[name] = keys

    def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
        if self.followed:
            yield from ({"id": key[0]} for keys in self.followed.values() for key in keys)
            return
        yield from ({"id": f"slice{number}"} for number in range(self.count))

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        return (f"end of {stream_slice['id']}", error) if self.tells_ends else None


# A parent that is read only if it is asked for


class Asks(TreeNode):
    """Asks for the keys of others when it has read its own slice, or never."""

    def __init__(self, *args: Any, may_ask: Sequence[str], asks: bool, error: Exception | None = None) -> None:
        super().__init__(*args, pool="heavy")
        self.may_ask = may_ask
        self.asks = asks
        self.error = error
        self.followed: dict[str, FeedReader] = {}

    @property
    def parents(self) -> Sequence[Parent]:
        return [Parent(name, Role.KEYS_ON_DEMAND) for name in self.may_ask]

    def follow(self, name: str, keys: Iterable[Key]) -> None:
        assert isinstance(keys, FeedReader)
        self.followed[name] = keys

    def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
        yield {"id": "own"}
        if self.error is not None:
            raise self.error
        if self.asks:
            yield from ({"id": key[0]} for keys in self.followed.values() for key in keys)


def on_demand(*, asks: bool, error: Exception | None = None) -> tuple[TreeNode, TreeNode, Asks]:
    users = TreeNode("users", numbered(3), pool="medium")
    webinars = TreeNode("webinars", numbered(2), parent=users, pool="medium")
    return users, webinars, Asks("sessions", numbered(1), may_ask=["webinars"], asks=asks, error=error)


def read_at_once(*nodes: TreeNode, selected: set[str]) -> Sync:
    outcomes: list[Sync] = []
    assert Background(lambda: outcomes.append(Sync(reader(*nodes, workers=4).read(selected)))).has_ended()
    return outcomes[0]


def test_parent_on_demand_and_its_own_parent_are_read_when_it_is_asked_for() -> None:
    users, webinars, sessions = on_demand(asks=True)

    sync = read_at_once(users, webinars, sessions, selected={"sessions"})

    assert sync.ids("sessions").total() == 1 + 6
    assert sync.streams_spoken_of() == {"sessions"}
    assert sync.statuses("sessions") == COMPLETE
    assert (users.slices_read.total(), webinars.slices_read.total()) == (1, 3)


@pytest.mark.parametrize("error", [None, transient(), ValueError("unforeseen")], ids=["none", "foreseen", "unforeseen"])
def test_parent_on_demand_that_nobody_asks_for_is_not_read_and_holds_nothing_up(error: Exception | None) -> None:
    users, webinars, sessions = on_demand(asks=False, error=error)

    sync = read_at_once(users, webinars, sessions, selected={"sessions"})

    assert sync.statuses("sessions")[-1] == ("INCOMPLETE" if error else "COMPLETE")
    assert (users.slices_read.total(), webinars.slices_read.total()) == (0, 0)


def test_parent_that_one_may_ask_for_and_another_needs_is_read_once() -> None:
    users, webinars, sessions = on_demand(asks=True)
    polls = TreeNode("polls", numbered(1), parent=webinars)

    sync = read_at_once(users, webinars, sessions, polls, selected={"sessions", "polls"})

    assert (sync.ids("sessions").total(), sync.ids("polls").total()) == (7, 6)
    assert (users.slices_read.total(), webinars.slices_read.total()) == (1, 3)


def test_end_of_the_sync_releases_a_parent_on_demand() -> None:
    users, webinars, sessions = on_demand(asks=False)
    messages = reader(users, webinars, sessions, workers=4).read({"sessions"})

    assert next(iter(messages)) is not None
    assert Background(messages.close).has_ended()  # type: ignore[attr-defined]
    threads = {thread.name for thread in threading.enumerate()}
    assert not threads & {"slices-users", "slices-webinars"}


def test_keys_are_complete_when_the_last_slice_has_ended() -> None:
    feed = ParentFeed("users")
    keys = feed.reader()
    feed.open_slice()
    feed.close_slice()
    assert not keys.is_complete  # the generator may make another slice
    feed.close_slice()

    assert keys.is_complete


# A parent whose children fall behind


@pytest.mark.parametrize("workers", [2, 16])
@pytest.mark.parametrize("limit", [0, 1, 7, 5000])
def test_read_with_a_limit_is_exact(limit: int, workers: int) -> None:
    sessions = ManySlices("sessions", numbered(25), pool="heavy")
    sessions.key_limit = limit
    children = [TreeNode(name, numbered(2), parent=sessions) for name in ("one", "two")]

    sync = Sync(reader(sessions, *children, workers=workers).read({"one", "two"}))

    for child in children:
        ids = sync.ids(child.name)
        assert (len(ids), max(ids.values())) == (2000, 1)
        assert sync.statuses(child.name) == COMPLETE


def test_few_large_slices_are_read_ahead_of_a_child_that_is_slow() -> None:
    ahead, behind = 0, 0
    most = []

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        nonlocal ahead
        for record in numbered(25)(slice_):
            ahead += 1
            most.append(ahead - behind)
            yield record

    def slowly(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        nonlocal behind
        behind += 1
        yield {"id": slice_["id"]}

    sessions = ManySlices("sessions", read, pool="heavy")
    sessions.key_limit, sessions.slices_ahead = 10, 2
    child = TreeNode("child", slowly, parent=sessions)

    sync = Sync(reader(sessions, child, workers=16).read({"child"}))

    assert len(sync.ids("child")) == 1000
    assert max(most) < 10 + 16 * 4 + 3 * 25  # the limit, the child's own slices under way, and those read ahead


class DiesEarly(TreeNode):
    def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
        for number, slice_ in enumerate(super().stream_slices(sync_mode=sync_mode)):
            if number == 3:
                raise SliceFailure("Out of luck.", cause="luck", failure_type=FailureType.system_error)
            yield slice_


@pytest.mark.parametrize("limit", [5, 500])
def test_a_child_whose_slices_fail_does_not_stop_its_sibling(limit: int) -> None:
    sessions = ManySlices("sessions", numbered(25), pool="heavy")
    sessions.key_limit = limit
    alive = TreeNode("alive", numbered(1), parent=sessions)
    dead = DiesEarly("dead", numbered(1), parent=sessions)
    tree = reader(sessions, alive, dead, workers=4)
    outcomes: list[Sync] = []

    done = Background(lambda: outcomes.append(Sync(tree.read({"alive", "dead"}))))

    assert done.has_ended()
    [sync] = outcomes
    assert len(sync.ids("alive")) == 1000
    assert sync.statuses("alive") == COMPLETE
    assert sync.statuses("dead")[-1] == "INCOMPLETE"


@pytest.mark.parametrize("failing", [False, True])
def test_end_of_a_slice_is_told_behind_its_records_with_its_error(failing: bool) -> None:  # noqa: FBT001
    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield from numbered(5)(slice_)
        if failing:
            raise SliceFailure("Zoom answered 500.", cause="500", failure_type=FailureType.transient_error)

    told: list[Key] = []

    class Listens(TreeNode):
        def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
            for key in self._keys:
                told.append(key)
                yield {"id": str(key[0])}

    sessions = ManySlices("sessions", read, pool="heavy")
    sessions.tells_ends = True
    child = Listens("child", numbered(1), parent=sessions)

    Sync(reader(sessions, child, workers=8).read({"child"}))

    names = [str(key[0]) for key in told]
    for number in range(sessions.count):
        end = names.index(f"end of slice{number}")
        records = [names.index(f"slice{number}.{record}") for record in range(5)]
        assert max(records) < end
        error = told[end][1]
        assert isinstance(error, SliceFailure) if failing else error is None


def test_slice_that_was_never_read_does_not_end_without_an_error() -> None:
    sessions = ManySlices("sessions", numbered(1))
    sessions.tells_ends = True
    task = StreamTask(sessions, final_state(sessions, None), selected=False, workers=1, judge=stop_of)  # type: ignore[arg-type]
    keys = task.feed_for_children().reader()
    task.backlog.enter()
    task.feed_for_children().open_slice()

    SlicePartition(task, {"id": "a"}).finish()
    task.feed_for_children().close_slice()

    told: list[Key] = []
    with pytest.raises(SliceFailure):
        told.extend(keys)
    assert all(key[1] is not None for key in told)


def with_optional_parents() -> tuple[TreeNode, TreeNode, ManySlices]:
    """Users and instances, which sessions follow where they are read."""
    users, instances = TreeNode("users", numbered(3)), TreeNode("instances", numbered(2), pool="medium")
    return users, instances, ManySlices("sessions", numbered(1), optional=("users", "instances"))


@pytest.mark.parametrize(
    ("selected", "followed", "expected"),
    [
        ({"users"}, {"users"}, {"root.0.0": 1, "root.1.0": 1, "root.2.0": 1}),
        ({"users", "instances"}, {"users", "instances"}, {"root.0.0": 2, "root.1.0": 2, "root.2.0": 1}),
    ],
)
def test_optional_parents_are_followed_by_name_where_they_are_read(
    selected: set[str], followed: set[str], expected: dict[str, int]
) -> None:
    users, instances, sessions = with_optional_parents()

    sync = Sync(reader(users, instances, sessions).read(selected | {"sessions"}))

    assert sync.ids("sessions") == expected
    assert set(sessions.followed) == followed
    assert {tuple(sync.statuses(name)) for name in (*selected, "sessions")} == {tuple(COMPLETE)}


def test_optional_parents_are_not_read_where_they_are_not_selected() -> None:
    users, instances, sessions = with_optional_parents()

    sync = Sync(reader(users, instances, sessions).read({"sessions"}))

    assert len(sync.ids("sessions")) == sessions.count
    assert not users.slices_read
    assert not instances.slices_read


def test_what_a_stream_also_needs_is_read_unseen_with_its_ancestors_and_by_other_streams_too() -> None:
    users, instances, sessions = with_optional_parents()
    instances = TreeNode("instances", numbered(2), parent=users)
    absentees = TreeNode("absentees", numbered(1), parent=sessions)
    absentees.wants_read = ("instances",)

    sync = Sync(reader(users, instances, sessions, absentees).read({"absentees"}))

    assert set(sessions.followed) == {"users", "instances"}
    assert sum(users.slices_read.values()) == 1
    assert sum(instances.slices_read.values()) == 3
    assert len(sync.ids("absentees")) == 9
    assert sync.streams_spoken_of() == {"absentees"}


# Cursors


class Notes(FinalStateCursor, ResumableCursor):
    """Notes what it is told, and how many messages had left by then."""

    def __init__(self, name: str, repository: MessageRepository, seen: list[AirbyteMessage]) -> None:
        super().__init__(name, None, repository)
        self.failed: list[tuple[Mapping[str, Any], Exception]] = []
        self.errors_seen = 0
        self._seen = seen

    def fail_partition(self, partition: Partition, error: Exception) -> None:
        time.sleep(0.01)  # so that an error traced too early would have been seen
        self.errors_seen += sum(1 for message in self._seen if message.trace and message.trace.error)
        self.failed.append((partition.to_slice() or {}, error))


@pytest.mark.parametrize("kind", [SliceFailure, StreamStopped])
def test_cursor_is_told_of_a_failure_before_the_cdk(kind: type[SliceFailure]) -> None:
    def read(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise kind("Zoom answered 500.", cause="500", failure_type=FailureType.transient_error)
        yield {}

    node = ManySlices("sessions", read)
    node.count = 1
    seen: list[AirbyteMessage] = []
    cursors: list[Notes] = []

    def cursor_of(stream: TreeStream, repository: MessageRepository) -> Cursor:
        cursors.append(Notes(stream.name, repository, seen))
        return cursors[0]

    def watched() -> Iterator[AirbyteMessage]:
        for message in reader(node, cursor_of=cursor_of, workers=2).read({"sessions"}):
            seen.append(message)
            yield message

    sync = Sync(watched())

    [notes] = cursors
    assert [slice_ for slice_, _ in notes.failed] == [{"id": "slice0"}]
    assert isinstance(notes.failed[0][1], kind)
    assert notes.errors_seen == 0
    assert len(sync.errors("sessions")) == (1 if kind is StreamStopped else 0)


def test_cursor_is_told_of_a_fault_that_a_second_try_mends_neither_time() -> None:
    faults = iter([True, False])

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if next(faults):
            raise SliceFailure("Zoom answered 500.", cause="500", failure_type=FailureType.transient_error, again=True)
        yield from numbered(1)(slice_)

    node = ManySlices("sessions", read)
    node.count = 1
    cursors: list[Notes] = []

    def cursor_of(stream: TreeStream, repository: MessageRepository) -> Cursor:
        cursors.append(Notes(stream.name, repository, []))
        return cursors[0]

    sync = Sync(reader(node, cursor_of=cursor_of).read({"sessions"}))

    assert [notes.failed for notes in cursors] == [[]]
    assert len(sync.ids("sessions")) == 1
