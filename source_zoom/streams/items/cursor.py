"""The cursor of a stream about items: keeps its state while threads read, and emits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import pendulum
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.engine.partitions import SlicePartition
from source_zoom.streams.items.state import ItemState
from source_zoom.streams.items.state_form import ItemT
from source_zoom.streams.windows.cursor import LedgerCursor, cause_of
from source_zoom.streams.windows.grid import Window

OwnerWindow = tuple[Window, str]


class OwnerListed:
    """Tells children, behind the items of an owner in a window, that there are no more.

    :param error: why the list is not complete, None if it is
    """

    def __init__(self, window: Window, owner: str, error: Exception | None) -> None:
        self.window = window
        self.owner = owner
        self.error = error


class ItemSlice(dict[str, Any], Generic[ItemT]):
    """The slice of one item.

    :param window: the window it was listed in, None where an earlier sync or another list knew of it
    :param was_refused: whether Zoom refused it in an earlier sync
    :param fields: values of the item that its path and its rows take
    """

    def __init__(self, item: ItemT, window: Window | None, *, was_refused: bool = False, **fields: Any) -> None:
        super().__init__(fields)
        self.item = item
        self.window = window
        self.was_refused = was_refused
        self.complete = True
        """Set to False by the stream that finds a row Zoom has not filled in yet, or none at all."""
        self.is_second_try = False
        """Set to True by a stream that emits nothing at the first fault, as the second try will."""
        self.is_lacking = False
        """Set to True where Zoom says that the account's plan or licence does not include it."""
        self.read_at: pendulum.DateTime | None = None
        """When Zoom answered for it."""


StateT = TypeVar("StateT", bound="ItemState[Any, Any]")


class ItemCursor(LedgerCursor[StateT], Generic[ItemT, StateT]):
    """Keeps one stream's state while threads read its items, and emits its states.

    An owner is done in a window when the list has ended and every item of it was read, or is a gap. Only then does
    the state say so.

    :param emits_sentinel: whether the stream is read in full, so that its state is Airbyte's mark for that
    :param slice_of: makes the slice of an item
    :param is_served: says whether Zoom has answered for anything of the stream; until then, an item that the account's
        plan is said to lack does not count as read
    """

    def __init__(  # noqa: PLR0913 - all but the first three by name
        self,
        stream_name: str,
        state: StateT,
        repository: MessageRepository,
        *,
        emits_sentinel: bool,
        slice_of: Callable[..., ItemSlice[ItemT]],
        is_served: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(stream_name, state, repository, emits_sentinel=emits_sentinel)
        self._slice_of = slice_of
        self._is_served = is_served
        self._waiting: Counter[OwnerWindow] = Counter()
        self._under_way: dict[str, set[OwnerWindow]] = {}
        """Where each item that is being read was listed: maybe in two windows, and under two names of its owner."""
        self._ended: dict[OwnerWindow, OwnerListed] = {}
        self._left: set[OwnerWindow] = set()
        self._lacking: list[ItemSlice[ItemT]] = []
        self._was_let_in = False

    # What the stream asks and tells

    def retries(self) -> list[ItemSlice[ItemT]]:
        """Return the items to try again."""
        with self._lock:
            return [
                self._slice_of(one, None, was_refused=self._state.was_refused(one)) for one in self._state.retries()
            ]

    def late(self) -> list[ItemSlice[ItemT]]:
        """Return the other items that were refused, if one of those tried again was answered."""
        with self._lock:
            others = self._state.other_refused() if self._was_let_in else []
            return [self._slice_of(one, None, was_refused=True) for one in others]

    def claim(self, window: Window, item: ItemT) -> bool:
        """Return whether a listed item is to be read; wherever it is listed, its owner is not done before that."""
        with self._lock:
            place = (window, item.listed_under)
            is_new = self._state.claim(window, item)
            if is_new:
                self._under_way.setdefault(item.key, set())
            places = self._under_way.get(item.key)
            if places is None:
                if self._state.is_claimed(item):
                    self._left.add(place)  # the stream stopped before reading it, and only then was it listed here
            elif place not in places:
                places.add(place)
                self._waiting[place] += 1
            return is_new

    def end_owner(self, end: OwnerListed) -> None:
        """Note that an owner's list has ended."""
        with self._lock:
            self._ended[end.window, end.owner] = end
            self._close_if_done((end.window, end.owner))
        self._checkpoint_if_due()

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emit the last state; called by the CDK before the stream's final status."""
        with self._lock:
            self._release_lacking()
        super().ensure_at_least_one_state_emitted()

    def settle_noted(self) -> None:
        """Count the items that were refused in this sync as read: the stream does without them."""
        with self._lock:
            self._state.settle_noted()

    @property
    def dropped(self) -> int:
        """How many items that failed are not kept any more, as there were too many."""
        return self._state.dropped

    # What the engine tells

    def close_partition(self, partition: Partition) -> None:
        """Note that an item was read; the CDK calls this behind its records on the queue, also if the read failed."""
        if not (isinstance(partition, SlicePartition) and partition.is_read):
            return
        slice_ = self._slice(partition)
        with self._lock:
            if slice_.is_lacking and not self._is_served():
                self._lacking.append(slice_)
                return
            self._release_lacking()
            self._read(slice_)
        self._checkpoint_if_due()

    def fail_partition(self, partition: Partition, error: Exception) -> None:
        """Note that an item could not be read: it is a gap; if the stream stopped, the next sync reads its owner."""
        slice_ = self._slice(partition)
        with self._lock:
            if isinstance(error, SliceFailure) and not isinstance(error, StreamStopped):
                self._state.fail(slice_.item, cause_of(error))
            else:
                self._left |= self._under_way.get(slice_.item.key, set())
            self._release(slice_)
        self._checkpoint_if_due()

    def _read(self, slice_: ItemSlice[ItemT]) -> None:
        at = slice_.read_at or pendulum.now("UTC")
        self._state.read(slice_.window, slice_.item, at=at, complete=slice_.complete)
        self._was_let_in = self._was_let_in or slice_.was_refused
        self._release(slice_)

    def _release_lacking(self) -> None:
        """Count what the plan lacks as read, once Zoom has answered for something else of the stream."""
        if self._lacking and self._is_served():
            lacking, self._lacking = self._lacking, []
            for slice_ in lacking:
                self._read(slice_)

    def _release(self, slice_: ItemSlice[ItemT]) -> None:
        self._changed = True
        for place in self._under_way.pop(slice_.item.key, ()):
            self._waiting[place] -= 1
            self._close_if_done(place)

    def _close_if_done(self, place: OwnerWindow) -> None:
        end = self._ended.get(place)
        if end is None or self._waiting[place]:
            return
        del self._ended[place], self._waiting[place]
        self._changed = True
        if place not in self._left:
            self._end(*place, end.error)

    def _slice(self, partition: Partition) -> ItemSlice[ItemT]:
        slice_ = partition.slice if isinstance(partition, SlicePartition) else None
        if not isinstance(slice_, ItemSlice):
            raise TypeError(f"a partition of a stream about items has the slice {slice_!r}")
        return slice_
