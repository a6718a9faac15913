"""A tree is read once, completely, in any selection, and never hangs."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteLogMessage, AirbyteMessage, FailureType, Level, SyncMode, Type
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.partition_reader import PartitionReader
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_zoom.engine import FailureLog, Key, Outcome, SliceFailure, StreamStopped, TreeStream
from source_zoom.engine.heartbeat import Heartbeat
from source_zoom.engine.messages import ClosableQueue, OrderedMessageRepository
from source_zoom.engine.pools import Staff, TaskRouter
from source_zoom.engine.reader import _TreeSource, has_ended, stream_of
from source_zoom.engine.tasks import StreamTask
from unit_tests.engine.trees import LOGGER, Sync, TreeNode, loss_of, numbered, reader, stop_of

COMPLETE = ["STARTED", "RUNNING", "COMPLETE"]
INCOMPLETE = ["STARTED", "RUNNING", "INCOMPLETE"]


def family() -> list[TreeNode]:
    """Users, a list of meetings each, and three children on two pools, one of them two levels down."""
    users = TreeNode("users", numbered(20), pool="medium")
    meetings = TreeNode("meetings", numbered(5), parent=users, pool="medium")
    details = TreeNode("details", numbered(1), parent=meetings, pool="light")
    polls = TreeNode("polls", numbered(2), parent=meetings, pool="light")
    registrants = TreeNode("registrants", numbered(3), parent=details, pool="heavy")
    channels = TreeNode("channels", numbered(7), pool="medium")
    return [users, meetings, details, polls, registrants, channels]


COUNTS = {"users": 20, "meetings": 100, "details": 100, "polls": 200, "registrants": 300, "channels": 7}


@pytest.mark.parametrize("workers", [2, 3, 8, 100])
def test_read_of_all_streams_is_exact_at_any_number_of_workers(workers: int) -> None:
    sync = Sync(reader(*family(), workers=workers).read(set(COUNTS)))

    assert sync.error is None
    for name, count in COUNTS.items():
        ids = sync.ids(name)
        assert (len(ids), max(ids.values())) == (count, 1)
        assert sync.statuses(name) == COMPLETE


@pytest.mark.parametrize(
    "selected", [set(some) for size in range(1, 7) for some in itertools.combinations(COUNTS, size)], ids=sorted
)
def test_read_of_any_selection_gives_the_same_rows_and_reads_no_slice_twice(selected: set[str]) -> None:
    nodes = family()

    sync = Sync(reader(*nodes, workers=4).read(selected))

    assert {name: len(sync.ids(name)) for name in selected} == {name: COUNTS[name] for name in selected}
    assert sync.streams_spoken_of() == selected
    assert all(count == 1 for node in nodes for count in node.slices_read.values())


def test_read_of_nothing_ends_at_once() -> None:
    assert Sync(reader(*family()).read(set())).messages == []


def test_state_comes_behind_the_records_and_before_complete() -> None:
    sync = Sync(reader(*family(), workers=16).read(set(COUNTS)))

    for name, count in COUNTS.items():
        order = [
            message.type.value
            if not (message.trace and message.trace.stream_status)
            else message.trace.stream_status.status.value
            for message in sync.messages
            if (message.record and message.record.stream == name)
            or is_state_of(message, name)
            or (message.trace and message.trace.stream_status.stream_descriptor.name == name)
        ]
        assert order == ["STARTED", "RUNNING", *["RECORD"] * count, "STATE", "COMPLETE"]


# Signs of life

LOOK_SECONDS = 0.01
PATIENCE_SECONDS = 20.0


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("source_zoom.engine.reader.Heartbeat", partial(Heartbeat, interval_seconds=LOOK_SECONDS))


@pytest.mark.usefixtures("looks_often")
@pytest.mark.parametrize("selected", [{"users"}, {"meetings"}, {"users", "meetings"}], ids=sorted)
def test_silent_stream_shows_its_state_until_it_goes_on(selected: set[str]) -> None:
    go_on = threading.Event()

    def slow(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        assert go_on.wait(PATIENCE_SECONDS)
        yield from numbered(2)(slice_)

    users = TreeNode("users", slow)
    messages = reader(users, TreeNode("meetings", numbered(3), parent=users)).read(selected)
    signs = 0
    seen = []
    for message in messages:
        seen.append(message)
        if not go_on.is_set() and message.state:
            signs += 1
            if signs == 2:
                go_on.set()
    sync = Sync(iter(seen))

    assert [message.type for message in seen if message.type in (Type.RECORD, Type.STATE)][:2] == [Type.STATE] * 2
    assert sync.streams_spoken_of() == selected
    for name in selected:
        assert len(sync.ids(name)) == {"users": 2, "meetings": 6}[name]
        assert sync.statuses(name) == COMPLETE
        last_state, end = (
            max(number for number, message in enumerate(seen) if about(message, name))
            for about in (is_state_of, is_end_of)
        )
        assert last_state < end


def is_state_of(message: AirbyteMessage, name: str) -> bool:
    stream = message.state and message.state.stream
    return bool(stream and stream.stream_descriptor.name == name)


def is_end_of(message: AirbyteMessage, name: str) -> bool:
    return has_ended(message) and stream_of(message) == name


class CountingCursor(FinalStateCursor):
    """Says in its state how many slices were read."""

    closed = 0

    def close_partition(self, partition: Partition) -> None:
        self.closed += 1

    @property
    def state(self) -> MutableMapping[str, Any]:
        return {"closed": self.closed}


@pytest.mark.usefixtures("looks_often")
def test_state_of_a_silent_stream_covers_no_record_behind_it() -> None:
    """The consumer stalls, the heartbeat takes that for silence, and slices are read behind its state."""
    go_on = threading.Event()
    cursors: dict[str, CountingCursor] = {}

    def counting(stream: TreeStream, repository: MessageRepository) -> CountingCursor:
        return cursors.setdefault(stream.name, CountingCursor(stream.name, None, repository))

    def one(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        assert slice_["id"] < "root.5" or go_on.wait(PATIENCE_SECONDS)
        yield from numbered(1)(slice_)

    users = TreeNode("users", numbered(10))
    meetings = TreeNode("meetings", one, parent=users)
    tree = reader(users, meetings, cursor_of=counting, workers=2)
    messages = tree.read({"meetings"})
    seen = [next(messages)]
    while cursors["meetings"].closed < 5:
        seen.append(next(messages))
    time.sleep(8 * LOOK_SECONDS)  # the stall: long enough for the heartbeat to look
    go_on.set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while cursors["meetings"].closed < 10 and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)  # the consumer goes on to stall while slices are read
        if cursors["meetings"].closed < 10:
            seen.append(next(messages))
    seen += messages

    delivered = 0
    for message in seen:
        delivered += message.record is not None
        if message.state and message.state.stream:
            assert vars(message.state.stream.stream_state)["closed"] <= delivered
    assert delivered == 10


@pytest.mark.usefixtures("looks_often")
def test_stream_that_has_ended_shows_no_state_while_another_is_silent() -> None:
    signs = itertools.count()
    go_on = threading.Event()

    def slow(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        assert go_on.wait(PATIENCE_SECONDS)
        yield from numbered(1)(slice_)

    users = TreeNode("users", numbered(3))
    seen = []
    for message in reader(users, TreeNode("meetings", slow, parent=users)).read({"users", "meetings"}):
        seen.append(message)
        if message.state and next(signs) == 5:
            go_on.set()

    ends = [number for number, message in enumerate(seen) if is_end_of(message, "users")]
    assert len(ends) == 1
    assert not any(is_state_of(message, "users") for message in seen[ends[0] :])


def test_state_that_comes_too_late_is_dropped() -> None:
    """One that was on its way to the queue while the stream ended."""
    queue = ClosableQueue()
    repository = OrderedMessageRepository(queue)
    cursor = CountingCursor("users", None, repository)
    task = StreamTask(TreeNode("users", numbered(1)), cursor, selected=True, workers=1, judge=stop_of)
    unfinished = {"users": task}
    router = TaskRouter(Staff([], 1, lambda _pool, _threads: 0, LOGGER), queue)
    source = _TreeSource(repository, router, FailureLog(), unfinished, logger=LOGGER)
    cursor.ensure_at_least_one_state_emitted()
    [state] = repository.consume_queue()

    assert list(source._handle_item(state, None)) == [state]  # type: ignore[arg-type]
    unfinished.clear()
    assert list(source._handle_item(state, None)) == []  # type: ignore[arg-type]


def test_message_of_no_stream_that_a_worker_emits_arrives() -> None:
    """As the CDK's slice logs do when debugging."""
    note = AirbyteMessage(type=Type.LOG, log=AirbyteLogMessage(level=Level.INFO, message="a note"))
    repositories: list[MessageRepository] = []

    def keeping(stream: TreeStream, repository: MessageRepository) -> FinalStateCursor:
        repositories.append(repository)
        return FinalStateCursor(stream.name, None, repository)

    def noting(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        repositories[0].emit_message(note)
        yield from numbered(1)(slice_)

    node = TreeNode("users", noting)
    messages = reader(node, cursor_of=keeping, workers=2).read({"users"})

    assert note in list(messages)


def test_records_and_states_are_the_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    beats = []

    class Counted(Heartbeat):
        def beat(self) -> None:
            beats.append(1)

    monkeypatch.setattr("source_zoom.engine.reader.Heartbeat", Counted)
    sync = Sync(reader(*family()).read({"users", "channels"}))

    assert len(beats) == sum(message.type in (Type.RECORD, Type.STATE) for message in sync.messages)


def test_heartbeat_shows_only_what_was_not_heard() -> None:
    shown: list[int] = []
    heartbeat = Heartbeat(lambda: shown.append(1), itertools.count().__next__)
    heartbeat.beat()
    heartbeat.look()
    assert shown == []
    heartbeat.look()
    assert shown == [1]
    heartbeat.stop()


def test_heartbeat_is_silent_while_the_read_gets_nowhere() -> None:
    shown: list[int] = []
    made = iter([0, 0, 1, 1, 2])
    heartbeat = Heartbeat(lambda: shown.append(1), lambda: next(made))
    counts = []
    for _ in range(4):
        heartbeat.look()
        counts.append(len(shown))
    heartbeat.stop()

    assert counts == [0, 1, 1, 2]


@pytest.mark.usefixtures("looks_often")
def test_sync_that_gets_nowhere_shows_no_sign_of_life() -> None:
    made = itertools.repeat(0)
    looks = threading.Event()

    def nothing_made() -> int:
        if len(looked) > 5:
            looks.set()
        looked.append(1)
        return next(made)

    looked: list[int] = []

    def slow(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        assert looks.wait(PATIENCE_SECONDS)
        yield from numbered(1)(slice_)

    sync = Sync(reader(TreeNode("users", slow), made=nothing_made).read({"users"}))

    states = [number for number, message in enumerate(sync.messages) if message.state]
    records = [number for number, message in enumerate(sync.messages) if message.record]
    assert len(states) == 1  # the last one
    assert records[0] < states[0]


@pytest.mark.usefixtures("looks_often")
def test_fault_of_the_heartbeat_ends_the_sync() -> None:
    never = threading.Event()

    def silent(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        never.wait()
        yield {}

    class Broken(FinalStateCursor):
        def ensure_at_least_one_state_emitted(self) -> None:
            raise ValueError("no state")

    def broken_cursor(stream: TreeStream, repository: MessageRepository) -> Broken:
        return Broken(stream.name, None, repository)

    node = TreeNode("users", silent)
    with pytest.raises(ValueError, match="no state"):
        list(reader(node, cursor_of=broken_cursor, workers=2).read({"users"}))
    never.set()


@pytest.mark.usefixtures("looks_often")
def test_heartbeat_ends_with_a_read_that_nobody_takes_on() -> None:
    never = threading.Event()

    def silent(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        never.wait()
        yield {}

    messages = reader(TreeNode("users", silent)).read({"users"})
    assert any(message.state for message in messages)
    messages.close()  # type: ignore[attr-defined]
    assert "heartbeat" not in {thread.name for thread in threading.enumerate()}
    never.set()


def broken(at: str, error: Exception, read: Any) -> Any:
    def read_or_fail(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        if slice_["id"] == at:
            raise error
        yield from read(slice_)

    return read_or_fail


def transient(kind: str = "500", *, again: bool = False) -> SliceFailure:
    return SliceFailure("Zoom answered 500.", cause=kind, failure_type=FailureType.transient_error, again=again)


# Losses


def test_one_slice_that_fails_is_a_loss_and_every_stream_complete() -> None:
    users, meetings, *rest = family()
    meetings._read = broken("root.3", transient(), numbered(5))

    sync = Sync(reader(users, meetings, *rest).read(set(COUNTS)))

    lost = {"meetings": 5, "details": 5, "polls": 10, "registrants": 15}
    for name, count in COUNTS.items():
        assert len(sync.ids(name)) == count - lost.get(name, 0)
        assert sync.statuses(name) == COMPLETE
        assert sync.errors(name) == []
    assert sync.error is None


def test_judge_is_told_at_the_end_of_each_selected_stream_of_its_losses_and_of_its_ancestors() -> None:
    users, meetings, *rest = family()
    meetings._read = broken("root.3", transient(), numbered(5))
    judged: dict[str, Outcome] = {}

    def judge(stream: TreeStream, outcome: Outcome) -> None:
        assert stream.name not in judged
        judged[stream.name] = outcome

    Sync(reader(users, meetings, *rest, judge=judge).read(set(COUNTS) - {"details"}))

    assert judged.keys() == COUNTS.keys() - {"details"}
    assert {name: (len(one.losses), len(one.inherited)) for name, one in judged.items()} == {
        "users": (0, 0),
        "meetings": (1, 0),
        "polls": (0, 1),
        "registrants": (0, 1),  # of the parent's parent
        "channels": (0, 0),
    }
    assert {name: one.read for name, one in judged.items()} == {
        "users": 1,
        "meetings": 19,
        "polls": 95,
        "registrants": 95,
        "channels": 1,
    }
    [loss] = judged["meetings"].losses
    assert judged["registrants"].inherited == [loss]
    assert (loss.stream, loss.cause, loss.message, loss.again) == ("meetings", "500", "Zoom answered 500.", False)
    assert judged["polls"].parent is judged["meetings"]
    assert judged["meetings"].stopped is None


def test_what_the_judge_says_leaves_the_stream_incomplete_and_the_others_complete() -> None:
    users, meetings, *rest = family()
    meetings._read = broken("root.3", transient(), numbered(5))

    sync = Sync(reader(users, meetings, *rest, judge=loss_of).read(set(COUNTS)))

    for name, count in {"meetings": 95, "details": 95, "polls": 190, "registrants": 285}.items():
        assert len(sync.ids(name)) == count
        assert sync.statuses(name) == INCOMPLETE
        assert [error.message for error in sync.errors(name)] == ["meetings: Zoom answered 500."]
        assert sync.errors(name)[0].failure_type is FailureType.transient_error
    for name in ("users", "channels"):
        assert sync.statuses(name) == COMPLETE
    assert sync.error is not None
    assert sync.error.failure_type is FailureType.transient_error
    assert "details, meetings, polls, registrants" in str(sync.error)


def test_a_slice_that_fails_half_way_is_a_loss_of_its_children_too() -> None:
    def half(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield {"id": f"{slice_['id']}.0"}
        raise transient()

    users = TreeNode("users", half)
    meetings = TreeNode("meetings", numbered(2), parent=users)

    sync = Sync(reader(users, meetings, judge=loss_of).read({"meetings"}))

    assert len(sync.ids("meetings")) == 2
    assert sync.statuses("meetings") == INCOMPLETE


def test_a_parent_that_knows_its_key_without_reading_costs_its_children_nothing() -> None:
    users = TreeNode("users", numbered(4))
    details = TreeNode(
        "details",
        broken("root.1", transient(), numbered(1)),
        parent=users,
        unread_key=lambda slice_: (f"{slice_['id']}.0",),
    )
    registrants = TreeNode("registrants", numbered(2), parent=details)

    sync = Sync(reader(users, details, registrants, judge=loss_of).read({"details", "registrants"}))

    assert len(sync.ids("registrants")) == 8
    assert sync.statuses("registrants") == COMPLETE
    assert sync.statuses("details") == INCOMPLETE


# A second try


class FailsAtFirst:
    """Reads a record, fails in the first tries of some slices, and notes in which order it was asked."""

    def __init__(self, tries: Mapping[str, int], *, again: bool = True) -> None:
        self.asked: list[str] = []
        self._tries = dict(tries)
        self._again = again
        self._lock = threading.Lock()

    def __call__(self, slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        id_ = slice_["id"]
        with self._lock:
            self.asked.append(id_)
            fails = self._tries.get(id_, 0) > 0
            self._tries[id_] = self._tries.get(id_, 0) - 1
        yield {"id": f"{id_}.0"}
        if fails:
            raise transient(again=self._again)
        yield {"id": f"{id_}.1"}


def test_slice_at_fault_is_tried_once_more_when_all_others_were_read() -> None:
    read = FailsAtFirst({"root.3": 1})
    users = TreeNode("users", numbered(50))
    meetings = TreeNode("meetings", read, parent=users)
    polls = TreeNode("polls", numbered(1), parent=meetings)

    sync = Sync(reader(users, meetings, polls, workers=4, judge=loss_of).read({"meetings", "polls"}))

    assert read.asked.count("root.3") == 2
    assert read.asked[-1] == "root.3"
    assert len(read.asked) == 51
    assert sync.statuses("meetings") == sync.statuses("polls") == COMPLETE
    assert len(sync.ids("meetings")) == 100
    assert sync.ids("meetings")["root.3.0"] == 2  # once for each try, as a deduplicating destination puts right
    assert polls.slices_read["root.3.0"] == polls.slices_read["root.3.1"] == 1


def test_slice_at_fault_in_its_second_try_too_is_lost_and_not_tried_a_third_time() -> None:
    read = FailsAtFirst({"root.3": 2})
    users = TreeNode("users", numbered(5))
    meetings = TreeNode("meetings", read, parent=users)
    polls = TreeNode("polls", numbered(1), parent=meetings)

    sync = Sync(reader(users, meetings, polls, judge=loss_of).read({"meetings", "polls"}))

    assert read.asked.count("root.3") == 2
    assert [error.message for error in sync.errors("meetings")] == ["meetings: Zoom answered 500."]
    assert sync.statuses("polls") == INCOMPLETE


def test_refused_slice_is_not_tried_again() -> None:
    read = FailsAtFirst({"root.3": 1}, again=False)
    users = TreeNode("users", numbered(5))

    Sync(reader(users, TreeNode("meetings", read, parent=users)).read({"meetings"}))

    assert read.asked.count("root.3") == 1


def test_children_wait_for_what_a_second_try_may_still_bring() -> None:
    users = TreeNode("users", FailsAtFirst({"root": 1}))
    meetings = TreeNode("meetings", numbered(1), parent=users)

    sync = Sync(reader(users, meetings, judge=loss_of).read({"meetings"}))

    assert meetings.slices_read == {"root.0": 1, "root.1": 1}
    assert sync.statuses("meetings") == COMPLETE


@pytest.mark.parametrize("workers", [2, 16])
def test_everything_at_fault_at_first_is_read_in_the_end(workers: int) -> None:
    """More slices than there is room for in the backlog."""
    users = TreeNode("users", numbered(200))
    read = FailsAtFirst({f"root.{number}": 1 for number in range(200)})
    meetings = TreeNode("meetings", read, parent=users)

    sync = Sync(reader(users, meetings, workers=workers, judge=loss_of).read({"meetings"}))

    assert len(sync.ids("meetings")) == 400
    assert sync.statuses("meetings") == COMPLETE


def test_stop_after_a_slice_was_put_aside_leaves_its_second_try_out() -> None:
    asked: Counter[str] = Counter()

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        asked[slice_["id"]] += 1
        if slice_["id"] == "root.0":
            raise transient(again=True)
        raise StreamStopped("Add the scope.", cause="4711", failure_type=FailureType.config_error)
        yield {}

    users = TreeNode("users", numbered(2))

    sync = Sync(reader(users, TreeNode("meetings", read, parent=users), workers=2).read({"meetings"}))

    assert asked["root.0"] <= 1
    assert [error.message for error in sync.errors("meetings")] == ["Add the scope."]


# Late slices


def test_late_slices_are_made_when_all_others_were_read() -> None:
    order: list[str] = []

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        time.sleep(0.001)  # so that a late slice made too early would come between
        order.append(slice_["id"])
        yield {"id": slice_["id"]}

    def late() -> Iterator[Mapping[str, Any]]:
        order.append("late begins")
        yield {"id": "late"}

    users = TreeNode("users", numbered(30))
    meetings = TreeNode("meetings", read, parent=users, late=late())
    polls = TreeNode("polls", numbered(1), parent=meetings)

    sync = Sync(reader(users, meetings, polls).read({"meetings", "polls"}))

    assert order[30:] == ["late begins", "late"]
    assert len(sync.ids("meetings")) == len(sync.ids("polls")) == 31
    assert polls.slices_read["late"] == 1


def test_late_slices_are_made_when_slices_that_failed_were_tried_again_and_are_tried_again_themselves() -> None:
    tries: list[str] = []

    def read(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        tries.append(slice_["id"])
        if slice_["id"] != "root" and tries.count(slice_["id"]) == 1:
            raise transient(again=True)
        yield {"id": slice_["id"]}

    users = TreeNode("users", numbered(1))
    meetings = TreeNode("meetings", read, parent=users, late=[{"id": "late"}])

    sync = Sync(reader(users, meetings).read({"meetings"}))

    assert tries == ["root.0", "root.0", "late", "late"]
    assert sync.ids("meetings") == {"root.0": 1, "late": 1}


# A stream that is read when all others have ended


def last_of(ended: list[str]) -> TreeNode:
    """Tells which others had ended when it was read."""
    return TreeNode("gaps", lambda _: iter([{"id": name} for name in ended]), pool="gaps", is_last=True)


def test_last_stream_is_read_when_all_others_have_ended() -> None:
    ended: list[str] = []
    users, meetings, *rest = family()
    meetings._read = broken("root.3", transient(), numbered(5))

    def judge(stream: TreeStream, outcome: Outcome) -> SliceFailure | None:
        ended.append(stream.name)
        return loss_of(stream, outcome)

    sync = Sync(reader(last_of(ended), users, meetings, *rest, judge=judge).read({*COUNTS, "gaps"}))

    assert sync.ids("gaps").keys() == COUNTS.keys()
    assert sync.statuses("gaps") == COMPLETE
    ends = [stream_of(message) for message in sync.messages if has_ended(message)]
    assert ends[-1] == "gaps"
    first = next(
        number for number, message in enumerate(sync.messages) if message.record and message.record.stream == "gaps"
    )
    assert sum(map(has_ended, sync.messages[:first])) == len(COUNTS)


def test_last_stream_alone_is_read_at_once() -> None:
    sync = Sync(reader(last_of(["nothing else"])).read({"gaps"}))

    assert len(sync.ids("gaps")) == 1
    assert sync.statuses("gaps") == COMPLETE


def test_consumer_that_leaves_ends_a_last_stream_that_still_waits() -> None:
    never = threading.Event()

    def silent(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        never.wait()
        yield {}

    messages = reader(TreeNode("users", silent), last_of([])).read({"users", "gaps"})
    next(messages)
    messages.close()  # type: ignore[attr-defined]
    never.set()

    assert [name for name in engine_threads() if "gaps" in name] == []


# Errors


@pytest.mark.parametrize("fails_late", [False, True])
def test_error_of_a_generator_ends_the_children_of_what_was_put_aside(*, fails_late: bool) -> None:
    put_aside, ended = threading.Event(), threading.Event()

    class Sessions(TreeNode):
        def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
            yield {"id": "s"}
            if not fails_late:
                put_aside.wait(10)
            ended.set()
            raise KeyError("odd")

        def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
            told.append(error)
            return None

    def at_fault(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        put_aside.set()
        if fails_late:
            ended.wait(10)
        raise transient(again=True)
        yield {}

    told: list[Exception | None] = []
    sessions = Sessions("sessions", at_fault)
    rows = TreeNode("rows", numbered(1), parent=sessions)

    sync = Sync(reader(sessions, rows, judge=loss_of).read({"sessions", "rows"}))

    assert sync.statuses("sessions") == sync.statuses("rows") == ["STARTED", "INCOMPLETE"]
    assert [type(error) for error in told] == [SliceFailure]


def test_errors_of_one_kind_are_traced_once() -> None:
    def always(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise KeyError("odd" if slice_["id"] < "root.5" else "odder")
        yield {}

    users = TreeNode("users", numbered(9))

    sync = Sync(reader(users, TreeNode("meetings", always, parent=users)).read({"users", "meetings"}))

    assert len(sync.errors("meetings")) == 1
    assert sync.statuses("meetings") == ["STARTED", "INCOMPLETE"]
    assert sync.statuses("users") == COMPLETE


def stopped_by(error: Exception) -> Any:
    def read(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise error
        yield {}

    return read


FORESEEN = {
    "away": StreamStopped("Zoom is away.", cause="503", failure_type=FailureType.transient_error),
    "scope": StreamStopped("Add the scope.", cause="4711", failure_type=FailureType.config_error),
}


def test_error_traces_leave_at_the_end_config_errors_first_and_without_a_stack_where_foreseen(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", LOGGER.name)
    nodes = [TreeNode(name, stopped_by(error)) for name, error in FORESEEN.items()]
    nodes += [TreeNode("odd", stopped_by(KeyError("odd"))), TreeNode("users", numbered(500), pool="heavy")]

    sync = Sync(reader(*nodes).read({"away", "scope", "odd", "users"}))

    traced = [number for number, message in enumerate(sync.messages) if message.trace and message.trace.error]
    assert traced == list(range(len(sync.messages) - 3, len(sync.messages)))
    errors = [sync.messages[number].trace.error for number in traced]  # type: ignore[union-attr]
    assert [error.stream_descriptor.name for error in errors] == ["scope", "odd", "away"]
    assert [error.message for error in errors][::2] == ["Add the scope.", "Zoom is away."]
    assert "KeyError" in errors[1].message
    assert [error.stack_trace is None for error in errors] == [True, False, True]
    emitted = [sync.messages[number].trace.emitted_at for number in traced]  # type: ignore[union-attr]
    assert emitted == sorted(emitted)
    assert sync.error is not None
    assert sync.error.failure_type is FailureType.config_error
    assert "everything else was read" in str(sync.error)
    # What nobody foresaw is logged with its stack, too.
    [told] = [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]
    assert told.message == "Stream odd: An unexpected KeyError occurred. Please report it."
    assert told.exc_info


def test_errors_known_before_are_traced_with_the_others_in_order() -> None:
    known = FailureLog()
    known.note("recordings", AirbyteTracedException(message="There is none.", failure_type=FailureType.config_error))

    sync = Sync(
        reader(TreeNode("away", stopped_by(FORESEEN["away"])), TreeNode("users", numbered(1))).read(
            {"away", "users"}, known
        )
    )

    errors = [message.trace.error for message in sync.messages if message.trace and message.trace.error]
    assert [error.message for error in errors] == ["There is none.", "Zoom is away."]
    assert sync.error is not None
    assert "away, recordings" in str(sync.error)


def test_error_known_before_is_raised_where_nothing_is_left_to_read() -> None:
    known = FailureLog()
    known.note("recordings", AirbyteTracedException(message="There is none.", failure_type=FailureType.config_error))

    sync = Sync(reader(*family()).read(set(), known))

    assert [message.trace.error.message for message in sync.messages if message.trace] == ["There is none."]
    assert sync.error is not None
    assert "everything else" not in str(sync.error)


def test_error_of_a_hidden_stream_is_not_traced() -> None:
    users = TreeNode("users", stopped_by(FORESEEN["scope"]))

    sync = Sync(reader(users, TreeNode("meetings", numbered(1), parent=users)).read({"meetings"}))

    assert sync.streams_spoken_of() == {"meetings"}
    [error] = sync.errors("meetings")
    assert error.message == "Add the scope."
    assert "'users'" in error.internal_message
    assert error.failure_type is FailureType.config_error


class Ends(TreeNode):
    """Makes one slice, and then ends with an error."""

    error: Exception

    def stream_slices(self, *, sync_mode: SyncMode) -> Iterator[Mapping[str, Any]]:
        yield {"id": "before"}
        raise self.error


@pytest.mark.parametrize(
    ("error", "message", "of_children"),
    [
        (transient(), "Zoom answered 500.", "Zoom answered 500."),
        (
            KeyError("odd"),
            "An unexpected error occurred in stream sessions: KeyError. Please report it.",
            "An unexpected KeyError occurred. Please report it.",
        ),
    ],
)
def test_generator_that_fails_leaves_its_stream_incomplete_and_reads_what_came_before(
    error: Exception, message: str, of_children: str
) -> None:
    sessions = Ends("sessions", numbered(2))
    sessions.error = error
    rows = TreeNode("rows", numbered(1), parent=sessions)

    sync = Sync(reader(sessions, rows, judge=loss_of).read({"sessions", "rows"}))

    assert len(sync.ids("sessions")) == len(sync.ids("rows")) == 2
    assert sync.statuses("sessions") == sync.statuses("rows") == INCOMPLETE
    [own] = sync.errors("sessions")
    assert own.message == message
    [inherited] = sync.errors("rows")
    assert inherited.message == of_children
    assert inherited.internal_message.startswith("A part of 'sessions' could not be read: ")


def test_generator_that_ends_with_a_stop_leaves_its_stream_and_its_children_incomplete() -> None:
    sessions = Ends("sessions", numbered(2))
    sessions.error = FORESEEN["away"]
    rows = TreeNode("rows", numbered(1), parent=sessions)

    sync = Sync(reader(sessions, rows).read({"sessions", "rows"}))

    assert sync.statuses("sessions")[-1] == sync.statuses("rows")[-1] == "INCOMPLETE"
    assert [error.message for error in sync.errors("sessions")] == ["Zoom is away."]
    assert sync.errors("rows")[0].message == "Zoom is away."
    assert "'sessions'" in sync.errors("rows")[0].internal_message


def test_a_stopped_stream_reads_no_further_slice() -> None:
    def stop(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise StreamStopped("Add the scope.", cause="4711", failure_type=FailureType.config_error)
        yield {}

    users = TreeNode("users", numbered(500))
    meetings = TreeNode("meetings", stop, parent=users)

    sync = Sync(reader(users, meetings, workers=2).read({"users", "meetings"}))

    assert sum(meetings.slices_read.values()) <= 2
    assert [error.message for error in sync.errors("meetings")] == ["Add the scope."]
    assert sync.error is not None
    assert sync.error.failure_type is FailureType.config_error


def test_an_unexpected_exception_is_traced_without_secrets() -> None:
    def leak(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise ValueError("token s3cr3t is bad")
        yield {}

    update_secrets(["s3cr3t"])
    sync = Sync(reader(TreeNode("users", leak)).read({"users"}))
    update_secrets([])

    [error] = sync.errors("users")
    assert error.failure_type is FailureType.system_error
    assert "s3cr3t" not in f"{error.message}{error.internal_message}{error.stack_trace}"
    assert "****" in error.internal_message


def test_a_repeated_parent_record_is_read_once_by_children() -> None:
    users = TreeNode("users", lambda _: iter([{"id": "a"}, {"id": "b"}, {"id": "a"}]))
    meetings = TreeNode("meetings", numbered(1), parent=users)

    sync = Sync(reader(users, meetings).read({"users", "meetings"}))

    assert meetings.slices_read == {"a": 1, "b": 1}
    assert len(sync.ids("users")) == 2  # the parent's own rows are untouched: 'a' came twice
    assert sync.ids("users")["a"] == 2


def test_children_start_before_their_parent_has_ended() -> None:
    first_child_read = threading.Event()

    def slow(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield {"id": "a"}
        assert first_child_read.wait(10)
        yield {"id": "b"}

    def child(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        first_child_read.set()
        yield {"id": slice_["id"]}

    users = TreeNode("users", slow, pool="medium")
    meetings = TreeNode("meetings", child, parent=users)

    assert len(Sync(reader(users, meetings, workers=2).read({"meetings"})).ids("meetings")) == 2


def test_one_pool_asleep_does_not_hold_up_another() -> None:
    light_done = threading.Event()

    def asleep(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        assert light_done.wait(10)
        yield {"id": slice_["id"]}

    def last(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield {"id": slice_["id"]}
        if slice_["id"] == "root.999":
            light_done.set()

    users = TreeNode("users", numbered(1000), pool="medium")
    heavy = TreeNode("heavy", asleep, parent=users, pool="heavy")
    light = TreeNode("light", last, parent=users, pool="light")

    sync = Sync(reader(users, heavy, light, workers=3).read({"heavy", "light"}))

    assert (len(sync.ids("heavy")), len(sync.ids("light"))) == (1000, 1000)


def engine_threads() -> list[str]:
    return [
        thread.name
        for thread in threading.enumerate()
        if thread.name.startswith(("slices-", "light-", "medium-", "heavy-", "progress"))
    ]


@pytest.mark.parametrize("workers", [2, 100])
@pytest.mark.parametrize("after", [0, 1, 50, 2500])
def test_a_consumer_that_leaves_ends_every_thread(workers: int, after: int) -> None:
    users = TreeNode("users", numbered(200), pool="medium")
    meetings = TreeNode("meetings", numbered(50), parent=users)
    messages = reader(users, meetings, workers=workers).read({"users", "meetings"})

    for _ in range(after + 1):
        next(messages)
    messages.close()  # type: ignore[attr-defined]

    assert engine_threads() == []


@pytest.mark.parametrize("workers", [2, 100])
def test_a_stalled_consumer_loses_nothing(workers: int) -> None:
    users = TreeNode("users", numbered(100), pool="medium")
    meetings = TreeNode("meetings", numbered(100), parent=users)
    messages = reader(users, meetings, workers=workers).read({"meetings"})

    first = next(message for message in messages if message.type == Type.RECORD)
    read = 0
    while read < (read := meetings.slices_read.total()):
        time.sleep(0.05)  # until the queue of 2,000 is full and every worker waits for room
    sync = Sync(itertools.chain([first], messages))

    assert len(sync.ids("meetings")) == 10_000
    assert engine_threads() == []


def test_a_fault_in_a_thread_ends_the_sync_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> None:
        raise SystemError("out of luck")

    monkeypatch.setattr(PartitionReader, "process_partition", fault)

    with pytest.raises(SystemError, match="out of luck"):
        list(reader(*family()).read(set(COUNTS)))
    assert engine_threads() == []
