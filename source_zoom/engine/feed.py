"""Keys of a parent stream's records, written once and replayed by every child."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Iterator

from source_zoom.engine.failures import EngineClosed, FirstError, Loss, ParentIncomplete

Key = tuple[Hashable, ...]
"""What a child needs of a parent's record; the first element identifies the record."""

DROPPED_AT_ONCE = 100


class ParentFeed:
    """A log of keys that is complete once the parent is read.

    A reader waits for the writers; a writer never waits for a reader, so slow or absent children do not
    hold the parent's workers up. A key whose identity was published before is dropped. Memory grows with
    the number of parent records only, or, with a limit, not even so: then the parent's generator (which
    holds no worker) pauses while a child is far behind, what every child has read is dropped, and keys
    are told apart within their slice only.

    :param limit: how many keys the slowest child may be behind before the parent makes no new slice
    :param is_on_demand: whether the parent is read only if a child asks for its keys
    """

    def __init__(self, name: str, limit: int | None = None, *, is_on_demand: bool = False) -> None:
        self._name = name
        self._limit = limit
        self._is_asked_for = not is_on_demand
        self._changed = threading.Condition()
        self._keys: list[Key] = []
        self._dropped = 0
        self._seen: set[Hashable] = set()
        self._readers: list[FeedReader] = []
        self._open = 1  # the parent's slice generator; every slice it makes adds one
        self._failure = FirstError()
        self._losses: list[Loss] = []
        self._stopped = False

    @property
    def losses(self) -> list[Loss]:
        """Slices of the parent, and of its own ancestors, whose keys are missing; complete behind the last key."""
        return self._losses

    def reader(self) -> FeedReader:
        """Return the keys for one child: all, from the first one."""
        reader = FeedReader(self)
        self._readers.append(reader)
        return reader

    def ask(self) -> None:
        """Have the parent read, if it is not read anyway."""
        with self._changed:
            self._is_asked_for = True
            self._changed.notify_all()

    def wait_until_asked(self) -> bool:
        """Wait until a child asks for the keys; return whether one did, before all had left or the sync ended.

        Nothing can hang: a child's generator leaves at its end, however that comes, and waits for no key before it
        has asked.
        """
        with self._changed:
            while not self._is_asked_for and self._readers and not self._stopped:
                self._changed.wait()
            return self._is_asked_for

    @property
    def is_complete(self) -> bool:
        """Whether all keys are there that will ever be, so that no reader has to wait."""
        with self._changed:
            return not self._open

    def open_slice(self) -> None:
        """Count a slice of the parent whose keys are still to come; waits if a child is too far behind.

        :raises EngineClosed: when the sync ends early
        """
        with self._changed:
            while self._limit is not None and self._behind() > self._limit and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise EngineClosed
            self._open += 1

    def publish(self, key: Key, of_slice: set[Hashable]) -> None:
        """Hand a key to every child, unless one with the same identity was published before.

        :param of_slice: identities that the slice has published; kept by the slice, and added to here
        """
        with self._changed:
            seen = self._seen if self._limit is None else of_slice
            if key[0] in seen:
                return
            seen.add(key[0])
            self._keys.append(key)
            self._changed.notify_all()

    def lose(self, *losses: Loss) -> None:
        """Tell the children of slices whose keys they do not get, before these are closed."""
        with self._changed:
            self._losses += losses

    def close_slice(self, error: Exception | None = None) -> None:
        """End a slice (or the generator of slices); with an error, what is missing is not known in full."""
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

    def next_batch(self, reader: FeedReader) -> list[Key]:
        """Return the keys a reader has not had yet, waiting for those still to come; none at the end.

        :raises EngineClosed: when the sync ends early
        """
        with self._changed:
            while self._dropped + len(self._keys) <= reader.position and self._open and not self._stopped:
                self._changed.wait()
            if self._stopped:
                raise EngineClosed
            return self._keys[reader.position - self._dropped :]

    def advance(self, reader: FeedReader) -> None:
        """Count a key as read."""
        with self._changed:
            reader.position += 1
            self._drop_read()
            if self._limit is not None:
                self._changed.notify_all()

    def forget(self, reader: FeedReader) -> None:
        """Stop waiting for a reader."""
        with self._changed:
            if reader in self._readers:
                self._readers.remove(reader)
            self._drop_read()
            self._changed.notify_all()

    def raise_if_incomplete(self) -> None:
        """Raise if it is not known which part of the parent could not be read.

        :raises ParentIncomplete: with the first error
        """
        error = self._failure.get()
        if isinstance(error, ParentIncomplete):
            raise error  # it names the stream where it began
        if error is not None:
            raise ParentIncomplete(self._name, error)

    def _behind(self) -> int:
        slowest = min((reader.position for reader in self._readers), default=None)
        return 0 if slowest is None else self._dropped + len(self._keys) - slowest

    def _drop_read(self) -> None:
        if self._limit is None:
            return
        read = len(self._keys) - self._behind()
        if read >= DROPPED_AT_ONCE or not self._readers:
            del self._keys[:read]
            self._dropped += read
            self._changed.notify_all()


class FeedReader:
    """One child's view of a feed."""

    def __init__(self, feed: ParentFeed) -> None:
        self._feed = feed
        self.position = 0

    def __iter__(self) -> Iterator[Key]:
        """Yield all keys from the first one, waiting for those still to come; this asks for them.

        :raises ParentIncomplete: after the last key, if keys are missing and it is not known which
        :raises EngineClosed: when the sync ends early
        """
        self._feed.ask()
        while batch := self._feed.next_batch(self):
            for key in batch:
                self._feed.advance(self)
                yield key
        self._feed.raise_if_incomplete()

    def ask(self) -> None:
        """Have the keys of a parent read that is read on demand; does not wait for them."""
        self._feed.ask()

    @property
    def is_complete(self) -> bool:
        """Whether all keys are there, so that taking them waits for nothing."""
        return self._feed.is_complete

    @property
    def losses(self) -> list[Loss]:
        """What the keys lack, known behind the last one."""
        return self._feed.losses

    def leave(self) -> None:
        """Read no further; the parent does not wait for this child any more."""
        self._feed.forget(self)
