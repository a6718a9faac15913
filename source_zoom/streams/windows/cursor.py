"""The cursor of a stream with a ledger: keeps it while threads read, and emits its states."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Generic, TypeVar

import orjson
import pendulum
from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams import NO_CURSOR_STATE_KEY
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record

from source_zoom.engine import Loss, ResumableCursor, SliceFailure, StreamStopped
from source_zoom.engine.partitions import SlicePartition
from source_zoom.streams.base.failures import UNUSABLE
from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.ledger import ACCOUNT, HeldGap, WindowLedger
from source_zoom.streams.windows.ledger_form import Cause

CHECKPOINT_SECONDS = 10.0
"""How much work a kill may cost, as a state leaves after so many seconds if something was done meanwhile."""

SECONDS_PER_KILOBYTE = 0.1
MOST_SECONDS_LONGER = 50.0
"""How much later the next state leaves, for each kilobyte of the last one, and at most."""

LedgerT = TypeVar("LedgerT", bound="WindowLedger[Any]")


def cause_of(error: SliceFailure | Loss) -> Cause:
    """Return what a state keeps of a failure."""
    facts = error.facts
    return Cause(
        str(facts.get("meaning", "UNKNOWN")), facts.get("http_status"), facts.get("zoom_code"), not error.again
    )


class LedgerCursor(ResumableCursor, Generic[LedgerT]):
    """Keeps one stream's ledger while threads read its owners window by window, and emits its states.

    :param emits_sentinel: whether the stream is read in full, so that its state is Airbyte's mark for that
    """

    def __init__(
        self, stream_name: str, ledger: LedgerT, repository: MessageRepository, *, emits_sentinel: bool
    ) -> None:
        self._name = stream_name
        self._state = ledger
        self._at_first = ledger.to_json()
        self._is_reverted = False
        self._repository = repository
        self._emits_sentinel = emits_sentinel
        self._lock = threading.Lock()
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS
        self._changed = False

    # What the stream asks and tells

    def earliest_day(self) -> pendulum.Date:
        """Return the first day to read."""
        with self._lock:
            return self._state.earliest_day()

    def first_day(self, window: Window) -> pendulum.Date | None:
        """Return the first day of a window to read of every owner, None if there is none."""
        with self._lock:
            return self._state.first_day(window)

    def owners(self, window: Window) -> set[str]:
        """Return owners who lack days of a window."""
        with self._lock:
            return self._state.owners(window)

    def days_to_read(self, window: Window, owner: str) -> Window | None:
        """Return the days of a window to read of an owner."""
        with self._lock:
            return self._state.days_to_read(window, owner)

    def open(self, window: Window, owners: Iterable[str]) -> None:
        """Announce a window and its owners, before any slice of it."""
        with self._lock:
            self._state.open(window, owners)
            self._changed = True

    def expect(self, owner: str, day: pendulum.Date, days: Window) -> bool:
        """Note that a row is not ready, so that the next sync reads its days again; return whether it will."""
        with self._lock:
            return self._state.expect(owner, day, days)

    @property
    def has_watermark(self) -> bool:
        """Whether a window was read, in this sync or an earlier one."""
        with self._lock:
            return self._state.end_time is not None

    def refused_owners(self) -> list[str]:
        """Return the owners who were refused, those asked longest ago first."""
        with self._lock:
            return self._state.refused_owners()

    def allow(self, owner: str) -> None:
        """Note that an owner who was refused is to be read again."""
        with self._lock:
            self._state.allow(owner)

    def asked(self, owner: str) -> None:
        """Note that an owner who was refused was asked again, and refused again."""
        with self._lock:
            self._state.asked(owner)
            self._changed = True

    def revert(self) -> None:
        """Say at the end that Zoom answered for nothing at all: the state stays as it was at the start."""
        with self._lock:
            self._is_reverted = True

    def gaps(self) -> list[Gap]:
        """Return what the state says could not be read."""
        with self._lock:
            return [self.gap_of(gap) for gap in self._state.gaps()]

    def gap_of(self, gap: HeldGap) -> Gap:
        """Return a gap of the state as `read_gaps` lists it; one of the account is named by its first day."""
        is_of_account = gap.object_type == ACCOUNT
        return Gap(
            stream=self._name,
            object_type="window" if is_of_account else gap.object_type,
            object_id=gap.first_day if is_of_account else gap.object_id,
            meaning=gap.meaning,
            http_status=gap.http_status,
            zoom_code=gap.zoom_code,
            since=gap.since,
            first_day=gap.first_day,
            last_day=gap.last_day,
        )

    # What the engine tells

    def close_partition(self, partition: Partition) -> None:
        """Note that an owner was read in a window; the CDK calls this behind the records, also if the read failed."""
        if isinstance(partition, SlicePartition) and partition.is_read:
            with self._lock:
                self._state.finish(*_place(partition))
                self._changed = True
            self._checkpoint_if_due()

    def fail_partition(self, partition: Partition, error: Exception) -> None:
        """Note that an owner could not be read in a window: each sync asks again, unless only a row was unusable."""
        if isinstance(error, SliceFailure) and not isinstance(error, StreamStopped):
            with self._lock:
                self._end(*_place(partition), error)
                self._changed = True
            self._checkpoint_if_due()

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emit the last state; called by the CDK before the stream's final status."""
        self._emit()

    # What else the CDK's interface has

    @property
    def state(self) -> MutableMapping[str, Any]:
        """State as Airbyte keeps it."""
        if self._emits_sentinel:
            return {NO_CURSOR_STATE_KEY: True}
        with self._lock:
            return self._at_first if self._is_reverted else self._state.to_json()

    def observe(self, record: Record) -> None:
        """Do nothing: a record says nothing about the rest of its window."""

    def should_be_synced(self, record: Record) -> bool:
        """Return True: what is not to be read is not asked for."""
        return True

    def _end(self, window: Window, owner: str, error: Exception | None) -> None:
        """Note how the list of an owner ended: read, though a row may be of no use, at fault, or refused."""
        if error is None or (isinstance(error, SliceFailure) and error.cause == UNUSABLE):
            self._state.finish(window, owner)
        elif isinstance(error, SliceFailure) and not isinstance(error, StreamStopped):
            cause = cause_of(error)
            if cause.refused and owner != ACCOUNT:
                self._state.refuse(window, owner, cause)
            else:
                self._state.miss(window, owner, cause)

    def _checkpoint_if_due(self) -> None:
        with self._lock:
            if self._emits_sentinel or not self._changed or time.monotonic() < self._next_checkpoint:
                return
            self._changed = False
            self._next_checkpoint = math.inf  # so that no other thread emits one before this one has left
        self._emit()

    def _emit(self) -> None:
        # Not under the lock: a full queue would block here, and the thread that empties it may want the lock.
        manager = ConnectorStateManager()
        state = self.state
        manager.update_state_for_stream(self._name, None, state)
        self._repository.emit_message(manager.create_state_message(self._name, None))
        longer = len(orjson.dumps(state)) / 1000 * SECONDS_PER_KILOBYTE
        self._next_checkpoint = time.monotonic() + CHECKPOINT_SECONDS + min(longer, MOST_SECONDS_LONGER)


def _place(partition: Partition) -> tuple[Window, str]:
    slice_: Mapping[str, Any] = partition.to_slice() or {}
    if isinstance(partition, SlicePartition):
        slice_ = partition.slice
    return slice_["window"], slice_["owner"]
