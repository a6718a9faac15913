"""Keys of a parent stream's records, written once and replayed by every child."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator

from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine.failures import EngineClosed, FirstError, SliceFailure, failure_type_of, message_of

Key = tuple[Hashable, ...]
"""What a child needs of a parent's record; the first element identifies the record."""


class ParentFeed:
    """An append-only log of keys that is complete once the parent is read.

    A reader waits for the writers, a writer never waits for a reader: children can be slow or
    absent without holding the parent up. Memory grows with the number of parent records only.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._changed = threading.Condition()
        self._keys: list[Key] = []
        self._seen: set[Hashable] = set()
        self._open = 1  # the parent's slice generator; every slice it makes adds one
        self._failure = FirstError()
        self._stopped = False

    def open_slice(self) -> None:
        """Count a slice of the parent whose keys are still to come."""
        with self._changed:
            self._open += 1

    def publish(self, key: Key) -> None:
        """Hand a key to every child, unless one with the same identity was published before."""
        with self._changed:
            if key[0] in self._seen:
                return
            self._seen.add(key[0])
            self._keys.append(key)
            self._changed.notify_all()

    def close_slice(self, error: Exception | None = None) -> None:
        """End a slice (or the generator of slices); with an error, children end incomplete."""
        if error is not None:
            self._failure.set(error)
        with self._changed:
            self._open -= 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Wake the readers for good: the sync is over."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Key]:
        """Replay all keys from the first one, waiting for those still to come.

        :raises SliceFailure: after the last key, if a part of the parent could not be read
        :raises EngineClosed: when the sync ends early
        """
        position = 0
        while True:
            batch = self._wait_beyond(position)
            if not batch:
                break
            position += len(batch)
            yield from batch
        cause = self._failure.get()
        if cause is not None:
            raise self._incomplete(cause)

    def _wait_beyond(self, position: int) -> list[Key]:
        with self._changed:
            while len(self._keys) <= position and self._open and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise EngineClosed
            return self._keys[position:]

    def _incomplete(self, cause: Exception) -> AirbyteTracedException:
        # A parent that is incomplete itself already names the stream where it began.
        if isinstance(cause, ParentIncomplete):
            return cause
        return ParentIncomplete(self._name, cause)


class ParentIncomplete(SliceFailure):
    """Everything that could be reached was read, but a part of an ancestor was missing."""

    def __init__(self, parent: str, cause: Exception) -> None:
        super().__init__(
            f"A part of '{parent}', which this stream depends on, could not be read, so what belongs to that "
            f"part is missing here. Cause: {message_of(cause)}",
            kind=f"parent {parent}",
            failure_type=failure_type_of(cause),
        )
