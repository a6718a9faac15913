"""How one stream's books are kept while threads read its sessions, and when its states leave."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import orjson
import pendulum
import pytest
from airbyte_cdk.models import AirbyteMessage, AirbyteStateMessage, FailureType
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.engine import Key, SliceFailure, StreamStopped
from source_zoom.engine.feed import ParentFeed
from source_zoom.engine.partitions import SlicePartition
from source_zoom.streams import PastSessionStream, build
from source_zoom.streams.sessions.cursor import OwnerListed, SessionCursor, SessionSlice
from source_zoom.streams.sessions.listing import LATE_OWNERS, PastSessions
from source_zoom.streams.sessions.state import ASKED_AGAIN, Session, SessionState
from source_zoom.streams.sessions.state_form import UNATTENDED
from source_zoom.streams.windows.cursor import CHECKPOINT_SECONDS, MOST_SECONDS_LONGER, cause_of
from source_zoom.streams.windows.grid import Window, grid
from unit_tests.fake_zoom import context

NOW = pendulum.datetime(2026, 5, 10, 9, 30)
START = pendulum.date(2026, 2, 10)
WINDOWS = list(grid(START, NOW.date().add(days=1)))
FIRST, SECOND, THIRD, LAST = WINDOWS


class Outbox(MessageRepository):
    """Keeps the states, and whether the books were open to others while one left."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []
        self.lock_of: SessionCursor | None = None

    def emit_message(self, message: AirbyteMessage) -> None:
        assert isinstance(message.state, AirbyteStateMessage)
        assert message.state.stream is not None
        assert self.lock_of is None or not self.lock_of._lock.locked()
        blob = message.state.stream.stream_state
        self.states.append(json.loads(orjson.dumps(vars(blob), default=vars)))

    def log_message(self, level: Any, message_provider: Any) -> None:
        raise AssertionError("nothing is logged here")

    def consume_queue(self) -> Iterable[AirbyteMessage]:
        raise AssertionError("nobody drains this one")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 100.0
        clock = SimpleNamespace(monotonic=lambda: self.seconds)
        monkeypatch.setattr("source_zoom.streams.windows.cursor.time", clock)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def new_state(blob: Mapping[str, Any] | None = None) -> SessionState:
    return SessionState(json.loads(json.dumps(blob or {})), now=NOW, first_day=START, lookback_days=2)


def cursor(
    outbox: Outbox,
    *hosts: str,
    sentinel: bool = False,
    blob: Mapping[str, Any] | None = None,
    served: Callable[[], bool] = lambda: True,
) -> SessionCursor:
    book = SessionCursor("report_meetings", new_state(blob), outbox, emits_sentinel=sentinel, is_served=served)
    outbox.lock_of = book
    for window in WINDOWS if hosts else ():
        book.open(window, hosts)
    return book


def session(uuid: str = "s", *, day: str = "2026-03-20", host: str = "ann") -> Session:
    return Session(uuid, host, f"{day}T10:00:00Z", f"{day}T11:00:00Z", "f", meeting_id="1", type=2)


def partition(
    one: Session, window: Window | None = SECOND, *, complete: bool = True, lacking: bool = False, refused: bool = False
) -> SlicePartition:
    """A slice that was read to its end, or that failed, which the books are told."""
    slice_ = SessionSlice(one, window, was_refused=refused)
    slice_.complete, slice_.is_lacking = complete, lacking
    slice_.read_at = NOW
    part = SlicePartition(None, slice_)  # type: ignore[arg-type]  # only its slice is looked at
    part.is_read = True
    return part


def at_fault() -> SliceFailure:
    facts = {"meaning": "BROKEN", "http_status": 500, "zoom_code": 500}
    return SliceFailure(
        "Zoom answered 500.", cause="BROKEN", failure_type=FailureType.transient_error, again=True, facts=facts
    )


def refused(meaning: str = "NO_PERMISSION") -> SliceFailure:
    facts = {"meaning": meaning, "http_status": 400, "zoom_code": 200}
    return SliceFailure("No permission.", cause=meaning, failure_type=FailureType.config_error, facts=facts)


STOPPED = StreamStopped("Add the scope.", cause="scope", failure_type=FailureType.config_error)


def end(window: Window, host: str = "ann", error: Exception | None = None) -> OwnerListed:
    return OwnerListed(window, host, error)


def watermark(book: SessionCursor) -> str | None:
    moment = book.state["end_time"]
    return moment[:10] if moment else None


def test_host_is_done_when_his_list_has_ended_and_every_session_was_read(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    for uuid in ("s", "t"):
        assert book.claim(SECOND, session(uuid))

    book.close_partition(partition(session("s")))
    book.end_owner(end(SECOND))
    assert watermark(book) == "2026-03-07"
    book.close_partition(partition(session("t")))
    assert watermark(book) == "2026-04-05"


def test_host_without_sessions_is_done_with_his_list(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")

    for window in WINDOWS:
        book.end_owner(end(window))

    assert watermark(book) == "2026-05-10"


def test_session_that_is_not_wanted_does_not_hold_its_host(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    book.claim(SECOND, session())
    book.close_partition(partition(session()))

    assert not book.claim(SECOND, session())
    book.end_owner(end(SECOND))
    assert watermark(book) == "2026-04-05"


def test_session_that_failed_is_put_aside_and_its_host_is_done(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    book.claim(SECOND, session())
    book.end_owner(end(SECOND))

    book.fail_partition(partition(session()), at_fault())

    assert watermark(book) == "2026-04-05"
    assert list(book.state["retry"]) == ["s"]
    assert [slice_.item for slice_ in next_sync(outbox, book).retries()] == [session()]


def test_session_that_was_refused_is_a_gap_and_its_host_is_done(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    for uuid in ("s", "t"):
        book.claim(SECOND, session(uuid))
    book.end_owner(end(SECOND))

    book.fail_partition(partition(session("s")), refused())
    book.close_partition(partition(session("t")))

    assert watermark(book) == "2026-04-05"
    [gap] = book.gaps()
    assert (gap.object_type, gap.object_id, gap.meaning) == ("session", "s", "NO_PERMISSION")
    assert (gap.http_status, gap.zoom_code, gap.since) == (400, 200, "2026-05-10")
    assert (gap.first_day, gap.last_day) == ("2026-03-20", "2026-03-20")


def test_session_listed_under_both_names_of_its_host_holds_both_and_is_read_once(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "ann@x.org")
    for host in ("ann", "ann@x.org"):
        book.end_owner(end(FIRST, host))
    assert book.claim(SECOND, session(host="ann@x.org"))
    assert not book.claim(SECOND, session(host="ann"))
    for host in ("ann", "ann@x.org"):
        book.end_owner(end(SECOND, host))

    # What a kill leaves: the session may not be known as read under either name.
    assert watermark(book) == "2026-03-07"
    assert book.state["hosts"]["done"] == {}

    book.close_partition(partition(session(host="ann@x.org")))
    assert watermark(book) == "2026-04-05"


def test_failure_of_a_session_under_both_names_of_its_host_releases_both(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "ann@x.org")
    for host in ("ann", "ann@x.org"):
        book.end_owner(end(FIRST, host))
        book.claim(SECOND, session(host=host))
        book.end_owner(end(SECOND, host))

    book.fail_partition(partition(session()), at_fault())

    assert watermark(book) == "2026-04-05"
    assert list(book.state["retry"]) == ["s"]


def test_stop_of_a_session_under_both_names_of_its_host_leaves_both(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "ann@x.org")
    for host in ("ann", "ann@x.org"):
        book.end_owner(end(FIRST, host))
        book.claim(SECOND, session(host=host))
        book.end_owner(end(SECOND, host))

    book.fail_partition(partition(session()), STOPPED)

    assert watermark(book) == "2026-03-07"
    assert book.state["hosts"]["done"] == {}
    assert book.gaps() == []


@pytest.mark.parametrize("order", [1, -1], ids=["list ends first", "list ends last"])
def test_session_that_stopped_the_stream_leaves_its_host_for_the_next_sync(order: int, outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    for uuid in ("s", "t"):
        book.claim(SECOND, session(uuid))
    steps: list[Callable[[], None]] = [
        lambda: book.end_owner(end(SECOND)),
        lambda: book.fail_partition(partition(session("s")), STOPPED),
        lambda: book.close_partition(partition(session("t"))),
    ]

    for step in steps[::order]:
        step()

    assert watermark(book) == "2026-03-07"
    assert book.state["retry"] == {}
    assert book.state["hosts"] == {"done": {}, "missing": {}, "refused": []}


def missing_days(book: SessionCursor) -> dict[str, list[tuple[str, str]]]:
    return {
        host: [(one["first"], one["last"]) for one in ranges] for host, ranges in book.state["hosts"]["missing"].items()
    }


def test_list_at_fault_is_missing_and_one_that_was_stopped_is_left(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "bob")
    book.end_owner(end(FIRST, "bob"))

    book.end_owner(end(FIRST, "ann", at_fault()))
    assert watermark(book) == "2026-03-07"
    assert missing_days(book) == {"ann": [("2026-02-09", "2026-03-07")]}
    [gap] = book.gaps()
    assert (gap.object_type, gap.object_id, gap.meaning) == ("host", "ann", "BROKEN")
    assert next_sync(outbox, book).owners(FIRST) == {"ann"}

    book.end_owner(end(SECOND, "ann", STOPPED))
    book.end_owner(end(SECOND, "bob"))
    assert watermark(book) == "2026-03-07"


def test_host_who_is_refused_is_a_gap_that_the_others_pass(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "bob")

    for window in WINDOWS:
        book.end_owner(end(window, "bob"))
        book.end_owner(end(window, "ann", refused()))

    assert watermark(book) == "2026-05-10"
    [gap] = book.gaps()
    assert (gap.object_type, gap.object_id, gap.meaning) == ("host", "ann", "NO_PERMISSION")
    assert (gap.first_day, gap.last_day) == ("2026-02-09", "2026-05-10")
    later = next_sync(outbox, book)
    assert later.refused_owners() == ["ann"]
    assert later.owners(LAST) == set()
    assert later.days_to_read(LAST, "ann") is None


def test_host_who_answers_again_has_all_days_since_to_be_read(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", "bob")
    for window in WINDOWS:
        book.end_owner(end(window, "bob"))
        book.end_owner(end(window, "ann", refused()))
    later = next_sync(outbox, book)

    later.allow("ann")

    assert [window for window in WINDOWS if later.owners(window) == {"ann"}] == WINDOWS
    for window in WINDOWS:
        later.open(window, {"ann", "bob"} if window is LAST else {"ann"})
        later.end_owner(end(window))
    later.end_owner(end(LAST, "bob"))
    assert later.gaps() == []
    assert missing_days(later) == {}


def next_sync(outbox: Outbox, book: SessionCursor) -> SessionCursor:
    """The books of a sync that takes up where another ended."""
    return cursor(outbox, blob=book.state)


def test_retry_belongs_to_no_window(outbox: Outbox) -> None:
    first = cursor(outbox, "ann")
    first.claim(SECOND, session())
    first.fail_partition(partition(session()), at_fault())
    book = next_sync(outbox, first)

    book.close_partition(partition(book.retries()[0].item, None))

    assert book.state["retry"] == {}
    assert not book._waiting


def test_session_with_a_row_that_is_not_filled_in_is_read_again_and_the_others_are_settled(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    for uuid in ("s", "t"):
        book.claim(LAST, session(uuid, day="2026-05-09"))

    book.close_partition(partition(session("s", day="2026-05-09"), LAST, complete=False))
    book.close_partition(partition(session("t", day="2026-05-09"), LAST))

    hours_later = SessionState(book.state, now=NOW.add(hours=20), first_day=START, lookback_days=2)
    assert hours_later.claim(LAST, session("s", day="2026-05-09"))
    assert not hours_later.claim(LAST, session("t", day="2026-05-09"))


def test_partition_of_another_stream_is_a_fault(outbox: Outbox) -> None:
    part = SlicePartition(None, {"id": 1})  # type: ignore[arg-type]  # only its slice is looked at
    part.is_read = True

    with pytest.raises(TypeError, match="items"):
        cursor(outbox).close_partition(part)


def test_slice_that_failed_is_not_taken_for_read(outbox: Outbox) -> None:
    """The CDK closes a partition whose read ended without an exception, as one that was put aside does."""
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    book.claim(SECOND, session())
    book.end_owner(end(SECOND))
    part = partition(session())
    part.is_read = False

    book.close_partition(part)

    assert watermark(book) == "2026-03-07"
    assert book.state["retry"] == {}


def test_session_that_was_stopped_before_its_host_was_listed_under_the_other_name_leaves_that_too(
    outbox: Outbox,
) -> None:
    book = cursor(outbox, "ann", "ann@x.org")
    for host in ("ann", "ann@x.org"):
        book.end_owner(end(FIRST, host))
    book.claim(SECOND, session(host="ann"))
    book.fail_partition(partition(session(host="ann")), STOPPED)

    assert not book.claim(SECOND, session(host="ann@x.org"))
    book.end_owner(end(SECOND, "ann@x.org"))

    assert book.state["hosts"]["done"] == {}


# What holds the watermark


def test_no_window_passes_of_which_it_is_not_known_which_sessions_it_has(outbox: Outbox) -> None:
    book = cursor(outbox)
    for window in (FIRST, SECOND):
        book.open(window, {"ann"})
    book.end_owner(end(FIRST))

    book.hold(at_fault())
    book.open(THIRD, {"ann"})
    for window in (SECOND, THIRD):
        book.end_owner(end(window))

    # Those that were opened before are known in full.
    assert watermark(book) == "2026-04-05"
    with pytest.raises(SliceFailure, match="500"):
        book.raise_if_held()


def test_books_that_nothing_holds_raise_nothing(outbox: Outbox) -> None:
    cursor(outbox).raise_if_held()


def test_reverted_books_have_the_state_that_they_began_with(outbox: Outbox) -> None:
    before = cursor(outbox, "ann")
    before.end_owner(end(FIRST))
    book = next_sync(outbox, before)
    for window in WINDOWS[1:]:
        book.open(window, {"ann"})
        book.claim(window, session())
        book.fail_partition(partition(session()), refused())
        book.end_owner(end(window))
    assert book.state != before.state

    book.revert()

    assert book.state == before.state
    book.ensure_at_least_one_state_emitted()
    assert outbox.states[-1] == before.state


# What the plan lacks


def test_session_that_the_plan_lacks_counts_as_read_only_when_zoom_has_answered_for_another(outbox: Outbox) -> None:
    served = False
    book = cursor(outbox, "ann", served=lambda: served)
    book.end_owner(end(FIRST))
    for uuid in ("s", "t"):
        book.claim(SECOND, session(uuid))
    book.end_owner(end(SECOND))

    book.close_partition(partition(session("s"), lacking=True))
    assert watermark(book) == "2026-03-07"

    served = True
    book.close_partition(partition(session("t")))
    assert watermark(book) == "2026-04-05"


def test_session_that_the_plan_lacks_is_left_where_zoom_answered_for_none(outbox: Outbox) -> None:
    book = cursor(outbox, "ann", served=lambda: False)
    book.end_owner(end(FIRST))
    book.claim(SECOND, session())
    book.end_owner(end(SECOND))
    book.close_partition(partition(session(), lacking=True))

    book.ensure_at_least_one_state_emitted()

    assert [state["end_time"] for state in outbox.states] == ["2026-03-07T00:00:00Z"]


# Sessions that were refused before


def refused_before(outbox: Outbox, count: int) -> SessionCursor:
    book = cursor(outbox, "ann")
    for number in range(count):
        book.claim(SECOND, session(f"s{number:02}"))
        book.fail_partition(partition(session(f"s{number:02}")), refused())
    return next_sync(outbox, book)


def test_twenty_refused_sessions_are_asked_again_and_the_others_when_one_answers(outbox: Outbox) -> None:
    book = refused_before(outbox, ASKED_AGAIN + 5)

    asked = book.retries()
    assert len(asked) == ASKED_AGAIN
    assert all(slice_.was_refused for slice_ in asked)
    for slice_ in asked[1:]:
        book.fail_partition(partition(slice_.item, None, refused=True), refused())
    assert book.late() == []

    book.close_partition(partition(asked[0].item, None, refused=True))
    others = book.late()
    assert len({slice_["uuid"] for slice_ in [*asked, *others]}) == ASKED_AGAIN + 5
    assert all(slice_.was_refused for slice_ in others)


def test_refused_sessions_take_turns(outbox: Outbox) -> None:
    book = refused_before(outbox, ASKED_AGAIN + 5)
    first = book.retries()
    book._state._now = NOW.add(days=1)  # asked at another time than the first ones
    for slice_ in first:
        book.fail_partition(partition(slice_.item, None, refused=True), refused())

    second = [slice_["uuid"] for slice_ in next_sync(outbox, book).retries()]

    assert {f"s{number:02}" for number in range(ASKED_AGAIN, ASKED_AGAIN + 5)} <= set(second)


# Webinars whose instances were refused


def not_reported(uuid: str = "s", *, day: str = "2026-03-20") -> Session:
    return replace(session(uuid, day=day), type=5, is_reported=False, fingerprint="planned")


def with_unattended(outbox: Outbox, *hosts: str) -> SessionCursor:
    """The books of a sync that has not learned yet what no report lists."""
    book = cursor(outbox)
    for window in WINDOWS:
        book.postpone_unattended(window)
        book.open(window, hosts)
    return book


def test_watermark_passes_what_no_report_lists_and_the_state_keeps_its_days_until_it_was_read(outbox: Outbox) -> None:
    book = with_unattended(outbox, "ann")
    for window in WINDOWS:
        book.end_owner(end(window))

    assert watermark(book) == "2026-05-10"
    assert book.state["hosts"]["done"] == {}
    assert [first for first, _ in missing_days(book)[UNATTENDED]] == [
        "2026-02-09",
        "2026-03-07",
        "2026-04-05",
        "2026-05-04",
    ]
    assert book.gaps() == []

    book.open(SECOND, {UNATTENDED})
    assert book.claim(SECOND, not_reported())
    book.end_owner(end(SECOND, UNATTENDED))
    assert len(missing_days(book)[UNATTENDED]) == 4
    book.close_partition(partition(not_reported()))
    assert [first for first, _ in missing_days(book)[UNATTENDED]] == ["2026-02-09", "2026-04-05", "2026-05-04"]
    for window in (FIRST, THIRD, LAST):
        book.open(window, {UNATTENDED})
        book.end_owner(end(window, UNATTENDED))
    assert book.state["hosts"] == {"done": {}, "missing": {}, "refused": []}
    assert watermark(book) == "2026-05-10"


def test_next_sync_reads_what_no_report_lists_but_not_what_one_has_listed(outbox: Outbox) -> None:
    book = with_unattended(outbox, "ann")
    assert book.claim(SECOND, session("reported"))
    book.close_partition(partition(session("reported")))
    for window in WINDOWS:
        book.end_owner(end(window))

    later = next_sync(outbox, book)

    assert later.earliest_day() == pendulum.date(2026, 2, 9)
    later.postpone_unattended(SECOND)
    later.open(SECOND, {UNATTENDED})
    assert not later.claim(SECOND, not_reported("reported"))
    assert later.claim(SECOND, not_reported("other"))
    later.end_owner(end(SECOND, UNATTENDED))
    later.close_partition(partition(not_reported("other")))
    assert [first for first, _ in missing_days(later)[UNATTENDED]] == ["2026-02-09", "2026-04-05", "2026-05-04"]
    # When none of them is awaited any more, the UUIDs go, too.
    for window in (FIRST, THIRD, LAST):
        later.open(window, {UNATTENDED})
        later.end_owner(end(window, UNATTENDED))
    assert later.state["recent"] == {}


def test_webinar_of_the_day_that_two_windows_share_is_read_once_though_both_were_passed(outbox: Outbox) -> None:
    book = with_unattended(outbox)
    shared = not_reported(day=SECOND.last.to_date_string())
    assert watermark(book) == "2026-05-10"

    for window in (SECOND, THIRD):
        book.open(window, {UNATTENDED})
    assert [book.claim(window, shared) for window in (SECOND, THIRD)] == [True, False]
    for window in (SECOND, THIRD):
        book.end_owner(end(window, UNATTENDED))

    assert len(missing_days(book)[UNATTENDED]) == 4
    book.close_partition(partition(shared))
    assert len(missing_days(book)[UNATTENDED]) == 2


def test_window_waits_for_owners_who_are_announced_later(outbox: Outbox) -> None:
    book = cursor(outbox)
    book.open(FIRST, {LATE_OWNERS})
    book.open(FIRST, {"ann"})
    book.end_owner(end(FIRST))
    assert watermark(book) is None

    book.open(FIRST, {"dan"})
    book.leave_out(FIRST, LATE_OWNERS)
    assert watermark(book) is None
    book.end_owner(end(FIRST, "dan"))

    assert watermark(book) == "2026-03-07"
    # Who came late is known anew in each sync.
    assert LATE_OWNERS not in str(book.state)


def test_instances_that_come_to_be_known_are_owed(outbox: Outbox) -> None:
    first = cursor(outbox, "ann")
    first.note_unknown("7", cause_of(refused()))
    for window in WINDOWS:
        first.end_owner(end(window))
    book = next_sync(outbox, first)
    assert book.unknown_webinars() == ["7"]
    assert [(gap.object_type, gap.object_id) for gap in book.gaps()] == [("webinar", "7")]

    book.note_known("7", [session("w")])

    assert [slice_["uuid"] for slice_ in book.late()] == ["w"]
    assert book.unknown_webinars() == []
    # Until it was read it is in the state, as no window lists it any more.
    assert list(book.state["retry"]) == ["w"]
    assert book.gaps() == []


def test_instances_of_a_webinar_that_was_never_unknown_are_not_owed(outbox: Outbox) -> None:
    book = cursor(outbox, "ann")

    book.note_known("7", [session("w")])

    assert book.late() == []


# States


def test_state_leaves_when_it_is_due_and_something_was_done(clock: Clock, outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.end_owner(end(FIRST))
    assert outbox.states == []

    clock.seconds += CHECKPOINT_SECONDS
    book.end_owner(end(SECOND))
    assert [state["end_time"] for state in outbox.states] == ["2026-04-05T00:00:00Z"]

    clock.seconds += CHECKPOINT_SECONDS - 0.1
    book.end_owner(end(THIRD))
    assert len(outbox.states) == 1

    clock.seconds += 0.2  # longer by what the state's size costs
    book.claim(LAST, session(day="2026-05-09"))
    book.close_partition(partition(session(day="2026-05-09"), LAST))
    assert len(outbox.states) == 2


def test_large_state_leaves_less_often_but_within_a_minute(clock: Clock, outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    for number in range(1500):
        book.claim(SECOND, session(f"session {number} with a long name"))
        book.fail_partition(partition(session(f"session {number} with a long name")), at_fault())
    clock.seconds += CHECKPOINT_SECONDS
    book.end_owner(end(FIRST))
    assert len(outbox.states) == 1

    clock.seconds += CHECKPOINT_SECONDS + 1
    book.end_owner(end(SECOND))
    assert len(outbox.states) == 1

    clock.seconds += MOST_SECONDS_LONGER
    book.end_owner(end(THIRD))
    assert len(outbox.states) == 2


def test_no_state_leaves_while_nothing_is_done(clock: Clock, outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book._changed = False
    book.claim(SECOND, session())
    clock.seconds += 100 * CHECKPOINT_SECONDS

    book.end_owner(end(SECOND))

    assert outbox.states == []


def test_failure_is_a_reason_for_a_state(clock: Clock, outbox: Outbox) -> None:
    book = cursor(outbox, "ann")
    book.claim(SECOND, session())
    clock.seconds += CHECKPOINT_SECONDS

    book.fail_partition(partition(session()), at_fault())

    assert [list(state["retry"]) for state in outbox.states] == [["s"]]


def test_checkpoints_come_within_the_thirty_seconds_that_are_promised() -> None:
    assert CHECKPOINT_SECONDS <= 30


def test_last_state_leaves_always(outbox: Outbox) -> None:
    book = cursor(outbox)

    book.ensure_at_least_one_state_emitted()

    assert outbox.states == [new_state().to_json()]


def test_stream_read_in_full_leaves_airbytes_mark_only(clock: Clock, outbox: Outbox) -> None:
    book = cursor(outbox, "ann", sentinel=True)
    clock.seconds += CHECKPOINT_SECONDS
    for window in WINDOWS:
        book.end_owner(end(window))
    assert outbox.states == []

    book.ensure_at_least_one_state_emitted()

    assert outbox.states == [{"__ab_no_cursor_state_message": True}]


@pytest.mark.parametrize("seed", range(5))
def test_any_order_of_many_threads_ends_with_everything_done(seed: int, outbox: Outbox) -> None:
    hosts = [f"host{number}" for number in range(10)]
    book = cursor(outbox, *hosts)
    outbox.lock_of = None  # another thread may hold it
    jobs: list[Any] = []
    for window in WINDOWS:
        day = window.last.subtract(days=3).to_date_string() if window is not LAST else "2026-05-08"
        for host in hosts:
            jobs.append(lambda window=window, host=host: book.end_owner(end(window, host)))
            for number in range(5):
                one = session(f"{host}.{window.key}.{number}", day=day, host=host)
                assert book.claim(window, one)
                part = partition(one, window)
                jobs.append(
                    (lambda part=part: book.fail_partition(part, at_fault()))
                    if number == 0
                    else (lambda part=part: book.close_partition(part))
                )
    random.Random(seed).shuffle(jobs)
    threads = threading.active_count()

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(job) for job in jobs]:
            future.result()

    state = book.state
    assert watermark(book) == "2026-05-10"
    assert state["hosts"] == {"done": {}, "missing": {}, "refused": []}
    assert len(state["retry"]) == len(hosts) * len(WINDOWS)
    assert threading.active_count() == threads


# Two streams, one list


def two_streams() -> tuple[PastSessions, list[PastSessionStream]]:
    streams = build(context())
    parent = streams["past_sessions"]
    assert isinstance(parent, PastSessions)
    children = [streams[name] for name in ("report_meetings", "report_meeting_participants")]
    return parent, [child for child in children if isinstance(child, PastSessionStream)]


def slices(child: PastSessionStream, keys: Iterable[Key]) -> list[Any]:
    return [slice_ for key in keys for slice_ in child.slices_of(dict(zip(child.parent.child_keys, key, strict=True)))]


def listed(uuid: str, day: pendulum.Date) -> dict[str, Any]:
    return {"uuid": uuid, "id": 1, "type": 2, "start_time": f"{day}T10:00:00Z", "end_time": f"{day}T11:00:00Z"}


def test_session_of_the_shared_day_reaches_a_stream_that_needs_the_later_window_only(outbox: Outbox) -> None:
    """The first stream was stopped (a daily limit, a kill) when it had read the host's first window but not this
    session, whose turn came with the second; the other stream is behind, so the first window is listed again."""
    parent, (ahead, behind) = two_streams()
    interrupted = new_state()
    interrupted.open(FIRST, {"ann", "bob"})
    interrupted.open(SECOND, {"ann"})
    interrupted.finish(FIRST, "ann")
    ahead._cursor = cursor(outbox, "ann", "bob", blob=interrupted.to_json())
    behind._cursor = cursor(outbox, "ann", "bob")
    feed = ParentFeed("past_sessions", parent.key_limit)
    readers = [feed.reader(), feed.reader()]

    for window in (FIRST, SECOND):
        slice_ = {"owner": "ann", "user_id": "ann", "window": window}
        published: set[Hashable] = set()
        feed.publish(parent.child_key(listed("shared", FIRST.last), slice_), published)
        end_key = parent.child_key_of_end(slice_, None)
        assert end_key is not None
        feed.publish(end_key, published)
    feed.close_slice()

    assert [slice_["uuid"] for slice_ in slices(behind, readers[1])] == ["shared"]
    assert [slice_["uuid"] for slice_ in slices(ahead, readers[0])] == ["shared"]
