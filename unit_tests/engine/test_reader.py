"""A tree is read once, completely, in any selection, and never hangs."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, MutableMapping
from functools import partial
from typing import Any

import pytest
from airbyte_cdk.models import AirbyteLogMessage, AirbyteMessage, FailureType, Level, Type
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import FinalStateCursor
from airbyte_cdk.sources.streams.concurrent.partition_reader import PartitionReader
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.utils.airbyte_secrets_utils import update_secrets

from source_zoom.engine import SliceFailure, StreamStopped, TreeReader, TreeStream
from source_zoom.engine.failures import FailureLog
from source_zoom.engine.heartbeat import Heartbeat
from source_zoom.engine.messages import ClosableQueue, OrderedMessageRepository
from source_zoom.engine.pools import TaskRouter
from source_zoom.engine.reader import _TreeSource, has_ended, stream_of
from source_zoom.engine.tasks import StreamTask
from unit_tests.engine.trees import LOGGER, Outcome, TreeNode, numbered, reader

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
    outcome = Outcome(reader(*family(), workers=workers).read(set(COUNTS)))

    assert outcome.error is None
    for name, count in COUNTS.items():
        ids = outcome.ids(name)
        assert (len(ids), max(ids.values())) == (count, 1)
        assert outcome.statuses(name) == COMPLETE


@pytest.mark.parametrize(
    "selected", [set(some) for size in range(1, 7) for some in itertools.combinations(COUNTS, size)], ids=sorted
)
def test_read_of_any_selection_gives_the_same_rows_and_reads_no_slice_twice(selected: set[str]) -> None:
    nodes = family()

    outcome = Outcome(reader(*nodes, workers=4).read(selected))

    assert {name: len(outcome.ids(name)) for name in selected} == {name: COUNTS[name] for name in selected}
    assert outcome.streams_spoken_of() == selected
    assert all(count == 1 for node in nodes for count in node.slices_read.values())


def test_read_of_nothing_ends_at_once() -> None:
    assert Outcome(reader(*family()).read(set())).messages == []


def test_state_comes_behind_the_records_and_before_complete() -> None:
    outcome = Outcome(reader(*family(), workers=16).read(set(COUNTS)))

    for name, count in COUNTS.items():
        order = [
            message.type.value
            if not (message.trace and message.trace.stream_status)
            else message.trace.stream_status.status.value
            for message in outcome.messages
            if (message.record and message.record.stream == name)
            or (message.state and message.state.stream.stream_descriptor.name == name)
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
    outcome = Outcome(iter(seen))

    assert [message.type for message in seen if message.type in (Type.RECORD, Type.STATE)][:2] == [Type.STATE] * 2
    assert outcome.streams_spoken_of() == selected
    for name in selected:
        assert len(outcome.ids(name)) == {"users": 2, "meetings": 6}[name]
        assert outcome.statuses(name) == COMPLETE
        last_state, end = (
            max(number for number, message in enumerate(seen) if about(message, name))
            for about in (is_state_of, is_end_of)
        )
        assert last_state < end


def is_state_of(message: AirbyteMessage, name: str) -> bool:
    return message.state is not None and message.state.stream.stream_descriptor.name == name


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
    tree = TreeReader({"users": users, "meetings": meetings}, cursor_of=counting, workers=2, logger=LOGGER)
    messages = tree.read({"meetings"})
    seen = [next(messages)]
    while cursors["meetings"].closed < 5:
        seen.append(next(messages))
    time.sleep(20 * LOOK_SECONDS)  # the stall: long enough for the heartbeat to look
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
        if message.state:
            assert message.state.stream.stream_state.closed <= delivered
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
    task = StreamTask(
        TreeNode("users", numbered(1)), cursor := CountingCursor("users", None, repository), selected=True, workers=1
    )
    unfinished = {"users": task}
    source = _TreeSource(repository, TaskRouter({}, queue), FailureLog(LOGGER), unfinished, logger=LOGGER)
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
    messages = TreeReader({"users": node}, cursor_of=keeping, workers=2, logger=LOGGER).read({"users"})

    assert note in list(messages)


def test_records_and_states_are_the_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    beats = []

    class Counted(Heartbeat):
        def beat(self) -> None:
            beats.append(1)

    monkeypatch.setattr("source_zoom.engine.reader.Heartbeat", Counted)
    outcome = Outcome(reader(*family()).read({"users", "channels"}))

    assert len(beats) == sum(message.type in (Type.RECORD, Type.STATE) for message in outcome.messages)


def test_heartbeat_shows_only_what_was_not_heard() -> None:
    shown: list[int] = []
    heartbeat = Heartbeat(lambda: shown.append(1))
    heartbeat.beat()
    heartbeat.look()
    assert shown == []
    heartbeat.look()
    assert shown == [1]
    heartbeat.stop()


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
        list(TreeReader({"users": node}, cursor_of=broken_cursor, workers=2, logger=LOGGER).read({"users"}))
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


def transient(kind: str = "500") -> SliceFailure:
    return SliceFailure("Zoom answered 500.", kind=kind, failure_type=FailureType.transient_error)


def test_one_slice_failing_leaves_its_siblings_and_the_other_streams_complete() -> None:
    users, meetings, *rest = family()
    meetings._read = broken("root.3", transient(), numbered(5))

    outcome = Outcome(reader(users, meetings, *rest).read(set(COUNTS)))

    assert outcome.statuses("users") == outcome.statuses("channels") == COMPLETE
    for name, lost in {"meetings": 5, "details": 5, "polls": 10, "registrants": 15}.items():
        assert len(outcome.ids(name)) == COUNTS[name] - lost
        assert outcome.statuses(name) == INCOMPLETE
        assert len(outcome.errors(name)) == 1
        assert outcome.errors(name)[0].failure_type is FailureType.transient_error
    assert "Cause: Zoom answered 500." in outcome.errors("polls")[0].message
    assert "'meetings'" in outcome.errors("registrants")[0].message
    assert outcome.error is not None
    assert outcome.error.failure_type is FailureType.transient_error
    assert "details, meetings, polls, registrants" in str(outcome.error)


def test_a_slice_that_fails_half_way_leaves_its_children_incomplete() -> None:
    def half(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        yield {"id": f"{slice_['id']}.0"}
        raise transient()

    users = TreeNode("users", half)
    meetings = TreeNode("meetings", numbered(2), parent=users)

    outcome = Outcome(reader(users, meetings).read({"meetings"}))

    assert len(outcome.ids("meetings")) == 2
    assert outcome.statuses("meetings") == INCOMPLETE


def test_a_parent_that_knows_its_key_without_reading_costs_its_children_no_rows() -> None:
    users = TreeNode("users", numbered(4))
    details = TreeNode(
        "details",
        broken("root.1", transient(), numbered(1)),
        parent=users,
        unread_key=lambda slice_: (f"{slice_['id']}.0",),
    )
    registrants = TreeNode("registrants", numbered(2), parent=details)

    outcome = Outcome(reader(users, details, registrants).read({"registrants"}))

    assert len(outcome.ids("registrants")) == 8
    assert outcome.statuses("registrants") == INCOMPLETE  # what the record would have told is still unknown


def test_failures_of_one_kind_are_traced_once_and_of_two_kinds_twice() -> None:
    def always(slice_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise transient("500" if slice_["id"] < "root.5" else "502")
        yield {}

    users = TreeNode("users", numbered(9))
    meetings = TreeNode("meetings", always, parent=users)

    outcome = Outcome(reader(users, meetings).read({"users", "meetings"}))

    assert len(outcome.errors("meetings")) == 2
    assert outcome.statuses("meetings") == ["STARTED", "INCOMPLETE"]
    assert outcome.statuses("users") == COMPLETE


def test_a_stopped_stream_reads_no_further_slice() -> None:
    def stop(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise StreamStopped("Add the scope.", kind="4711", failure_type=FailureType.config_error)
        yield {}

    users = TreeNode("users", numbered(500))
    meetings = TreeNode("meetings", stop, parent=users)

    outcome = Outcome(reader(users, meetings, workers=2).read({"users", "meetings"}))

    assert sum(meetings.slices_read.values()) <= 2
    assert [error.message for error in outcome.errors("meetings")] == ["Add the scope."]
    assert outcome.error is not None
    assert outcome.error.failure_type is FailureType.config_error


def test_an_unexpected_exception_is_traced_without_secrets() -> None:
    def leak(_: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        raise ValueError("token s3cr3t is bad")
        yield {}

    update_secrets(["s3cr3t"])
    outcome = Outcome(reader(TreeNode("users", leak)).read({"users"}))
    update_secrets([])

    [error] = outcome.errors("users")
    assert error.failure_type is FailureType.system_error
    assert "s3cr3t" not in f"{error.message}{error.internal_message}{error.stack_trace}"
    assert "****" in error.internal_message


def test_a_repeated_parent_record_is_read_once_by_children() -> None:
    users = TreeNode("users", lambda _: iter([{"id": "a"}, {"id": "b"}, {"id": "a"}]))
    meetings = TreeNode("meetings", numbered(1), parent=users)

    outcome = Outcome(reader(users, meetings).read({"users", "meetings"}))

    assert meetings.slices_read == {"a": 1, "b": 1}
    assert len(outcome.ids("users")) == 2  # the parent's own rows are untouched: 'a' came twice
    assert outcome.ids("users")["a"] == 2


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

    assert len(Outcome(reader(users, meetings, workers=2).read({"meetings"})).ids("meetings")) == 2


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

    outcome = Outcome(reader(users, heavy, light, workers=3).read({"heavy", "light"}))

    assert (len(outcome.ids("heavy")), len(outcome.ids("light"))) == (1000, 1000)


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
    messages.close()

    assert engine_threads() == []


@pytest.mark.parametrize("workers", [2, 100])
def test_a_stalled_consumer_loses_nothing(workers: int) -> None:
    users = TreeNode("users", numbered(100), pool="medium")
    meetings = TreeNode("meetings", numbered(100), parent=users)
    messages = reader(users, meetings, workers=workers).read({"meetings"})

    first = next(message for message in messages if message.type == Type.RECORD)
    time.sleep(0.3)  # long enough for the queue of 2,000 to fill and every worker to wait for room
    outcome = Outcome(itertools.chain([first], messages))

    assert len(outcome.ids("meetings")) == 10_000
    assert engine_threads() == []


def test_a_fault_in_a_thread_ends_the_sync_instead_of_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: Any) -> None:
        raise SystemError("out of luck")

    monkeypatch.setattr(PartitionReader, "process_partition", fault)

    with pytest.raises(SystemError, match="out of luck"):
        list(reader(*family()).read(set(COUNTS)))
    assert engine_threads() == []
