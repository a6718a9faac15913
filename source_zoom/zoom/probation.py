"""Tells a role that may read nothing of a stream from single objects that are withheld."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

MOST_REFUSED = 10
"""Objects that are asked for while all are refused."""

FEWEST_HOSTS = 5
"""Hosts that must all be refused before the stream counts as refused, where it has fewer than ten objects."""


class Probation:
    """Lets few objects of a stream be asked for until Zoom has answered for one.

    A refusal of one object concerns that one only; ten alike, and none accepted, are a refusal of all. Until that is
    decided, no more than ten requests are under way or were refused.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._refused = 0
        self._causes: set[str] = set()
        self._hosts: set[str] = set()
        self.is_passed = False
        """Whether an object was answered for."""
        self._is_spared = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until one more object may be asked for."""
        with self._changed:
            while not self._is_open and self._under_way and self._under_way + self._refused >= MOST_REFUSED:
                self._changed.wait()
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def accept(self) -> None:
        """Note that an object was answered for."""
        if not self.is_passed:
            with self._changed:
                self.is_passed = True
                self._changed.notify_all()

    def spare(self) -> None:
        """Note that there was nothing for an object: the refusals are not of all."""
        if not self._is_spared:
            with self._changed:
                self._is_spared = True
                self._changed.notify_all()

    def refuse(self, cause: str, host: str) -> bool:
        """Note that an object was refused; return whether nothing of the stream will be answered for.

        :param cause: equal for refusals alike
        :param host: whose object it is
        """
        with self._changed:
            self._refused += 1
            self._causes.add(cause)
            self._hosts.add(host)
            return self._is_failed and self._refused >= MOST_REFUSED and len(self._hosts) > 1

    @property
    def is_failed(self) -> bool:
        """Whether all that was asked for was refused alike, and it was enough to say so of the rest."""
        with self._changed:
            return self._is_failed and (self._refused >= MOST_REFUSED or len(self._hosts) >= FEWEST_HOSTS)

    @property
    def _is_failed(self) -> bool:
        return not self._is_open and len(self._causes) == 1

    @property
    def _is_open(self) -> bool:
        return self.is_passed or self._is_spared
