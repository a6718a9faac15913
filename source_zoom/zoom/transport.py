"""HTTP answers that end: by a deadline for the whole answer, and a limit on its size.

The time-outs of `requests` hold between two bytes, and it unpacks whatever it gets. Here a watchdog shuts the socket
down when the time is over, headers included; the body is unpacked in small steps (urllib3 does so since 2.6.0); and of
all threads one at a time reads, and keeps, a large answer.
"""

from __future__ import annotations

import io
import socket
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

import requests
from requests.adapters import HTTPAdapter

SMALL_BYTES = 2_000_000
"""What any number of threads may read, and keep, at once: an answer beyond it needs the process's one place."""

PLACE_SECONDS = 60.0
"""How long a thread waits for that place; then it reads on without it, as slow memory beats a dead sync."""

_STEP_BYTES = 65_536


class AnswerTooSlow(requests.exceptions.Timeout):
    """An answer was not complete in time."""


class AnswerTooLarge(requests.exceptions.RequestException):
    """An answer, unpacked, is larger than it may be."""


class BoundedAdapter(HTTPAdapter):
    """Reads whole answers, within a time and up to a size, through proxies, too.

    :param seconds: time from the start of `send` to the last byte of the answer; looking up the host's name and
        connecting count, but only the time-outs of `requests` end them
    :param most_bytes: size that an unpacked body may have
    :param connections: connections that are kept open, as many as threads send at once
    """

    def __init__(self, *, seconds: float, most_bytes: int, connections: int) -> None:
        super().__init__(pool_connections=1, pool_maxsize=connections)
        self._seconds = seconds
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self.in_flight = 0
        """How many requests are on their way, or wait for their answers."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the manager of direct connections, and have them watched."""
        super().init_poolmanager(*args, **kwargs)
        _have_watched(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Return the manager of connections through a proxy, which are watched."""
        return _have_watched(super().proxy_manager_for(proxy, **kwargs))

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        """Return the answer with its content, whatever `stream` says.

        :raises AnswerTooSlow: if it is not complete in time
        :raises AnswerTooLarge: if it has more bytes than it may have
        :raises requests.exceptions.RequestException: if it cannot be had at all
        """
        watch = _Watch(self._seconds)
        _this_thread.watch = watch
        _watchdog.add(watch)
        with self._lock:
            self.in_flight += 1
        response: requests.Response | None = None
        try:
            response = super().send(request, *args, **kwargs)
            response._content = self._body(response)  # noqa: SLF001 - as adapters do that have the whole body
        except BaseException as error:
            if response is not None:
                response.close()
                release(response)
            if watch.is_over and isinstance(error, Exception):
                raise self._too_slow(request) from None
            raise
        finally:
            with self._lock:
                self.in_flight -= 1
            _this_thread.watch = None
            _watchdog.discard(watch)
            watch.detach()
        if watch.is_over:  # a socket that was shut down looks like the end of a body without a length
            response.close()
            release(response)
            raise self._too_slow(request)
        return response

    def _body(self, response: requests.Response) -> bytes:
        has_place = False
        # It hands its bytes out without a copy, and when closed keeps none for those who keep the exception.
        with io.BytesIO() as body:
            for piece in response.iter_content(_STEP_BYTES):
                size = body.tell() + len(piece)
                if size > self._most_bytes:
                    megabytes = self._most_bytes / 1e6
                    raise AnswerTooLarge(f"The answer is larger than {megabytes:g} MB.", request=response.request)
                if size > SMALL_BYTES and not has_place:
                    has_place = True
                    _place_for(response)
                body.write(piece)
            return body.getvalue()

    def _too_slow(self, request: requests.PreparedRequest) -> AnswerTooSlow:
        return AnswerTooSlow(f"The answer was not complete within {self._seconds:g} seconds.", request=request)


def release(response: requests.Response) -> None:
    """Say that an answer's content is not needed any more; else it counts as kept until it is garbage."""
    give_back: Callable[[], object] = getattr(response, "give_back", _nothing)
    give_back()


def clock_difference(response: requests.Response) -> float | None:
    """Return by how many seconds this machine's clock is ahead of the `Date` header of an answer that just came.

    Negative where it is behind; None without a header that can be read. HTTP dates have whole seconds.
    """
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
        if date.tzinfo is None:
            date = date.replace(tzinfo=timezone.utc)
        return (datetime.now(timezone.utc) - date).total_seconds()
    except (ValueError, OverflowError):
        return None


# The place for a large answer


class _Place:
    """Room for large answers of one thread at a time; it may keep one page while it reads the next."""

    def __init__(self) -> None:
        # Re-entrant, as answers are collected, and so given back, at any line of any thread.
        self._changed = threading.Condition(threading.RLock())
        self._owner: threading.Thread | None = None  # not its ident, which the next thread may get
        self._kept = 0

    def take(self, seconds: float) -> bool:
        """Wait for the place; return whether this thread has it."""
        me = threading.current_thread()
        with self._changed:
            if not self._changed.wait_for(lambda: self._owner in (None, me), seconds):
                return False
            self._owner = me
            self._kept += 1
            return True

    def give_back(self) -> None:
        """Have one answer less in it."""
        with self._changed:
            self._kept -= 1
            if not self._kept:
                self._owner = None
                self._changed.notify()


_place = _Place()


def _place_for(response: requests.Response) -> None:
    if _place.take(PLACE_SECONDS):
        finalizer = weakref.finalize(response, _place.give_back)
        finalizer.atexit = False
        response.give_back = finalizer  # type: ignore[attr-defined]


def _nothing() -> None:
    pass


# The deadline


class _Watch:
    """The deadline of one answer, and the socket to shut down at it."""

    def __init__(self, seconds: float) -> None:
        self.deadline = time.monotonic() + seconds
        self.is_over = False
        self._lock = threading.Lock()
        self._lever: socket.socket | None = None
        self._is_own = False
        """Whether the lever is a duplicate, to be closed."""

    def attach(self, connected: Any, *, is_new: bool) -> None:
        """Take a connected socket, or what wraps one.

        :param is_new: whether TLS may still wrap it, which detaches it; then it is duplicated
        """
        with self._lock:
            self._close()
            self._is_own = is_new or not isinstance(connected, socket.socket)
            if self._is_own:
                # What family it is of makes no difference to a shutdown.
                connected = socket.fromfd(connected.fileno(), socket.AF_INET, socket.SOCK_STREAM)
            self._lever = connected
            if self.is_over:
                self._shut_down()

    def detach(self) -> None:
        """Leave the socket alone from here on."""
        with self._lock:
            self._close()

    def end(self) -> None:
        """Say that the time is over: whoever waits for the socket gets its end."""
        with self._lock:
            self.is_over = True
            self._shut_down()

    def _shut_down(self) -> None:
        if self._lever is not None:
            with suppress(OSError):  # the other side was first
                # Both ways: else Linux hands on what still arrives. Not by way of a TLS socket, which then reads on
                # without TLS.
                socket.socket.shutdown(self._lever, socket.SHUT_RDWR)

    def _close(self) -> None:
        if self._lever is not None and self._is_own:
            self._lever.close()
        self._lever = None


class _Watchdog:
    """Ends watches at their deadlines, on one thread for the whole process, started when it is first needed."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[_Watch] = set()
        self._wakes_at = 0.0
        self._thread: threading.Thread | None = None

    def add(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.add(watch)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
                self._thread.start()
            elif watch.deadline < self._wakes_at:
                self._changed.notify()

    def discard(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        while True:
            for watch in self._wait_for_overdue():
                watch.end()

    def _wait_for_overdue(self) -> list[_Watch]:
        with self._changed:
            now = time.monotonic()
            overdue = [watch for watch in self._watches if watch.deadline <= now]
            if not overdue:
                self._wakes_at = min((watch.deadline for watch in self._watches), default=now + threading.TIMEOUT_MAX)
                self._changed.wait(min(self._wakes_at - now, threading.TIMEOUT_MAX))
            self._watches.difference_update(overdue)
            return overdue


_watchdog = _Watchdog()
_this_thread = threading.local()


def _current_watch() -> _Watch | None:
    return getattr(_this_thread, "watch", None)


class _WatchedConnection:
    """Mixed into urllib3's connections: has the socket watched from the moment it is connected, or used again."""

    def _new_conn(self) -> Any:
        connected = super()._new_conn()  # type: ignore[misc]
        if watch := _current_watch():
            watch.attach(connected, is_new=True)
        return connected

    def _tunnel(self) -> None:
        super()._tunnel()  # type: ignore[misc]
        watch = _current_watch()
        if watch and watch.is_over:  # a socket that was shut down looks like the end of the proxy's headers
            raise TimeoutError

    def request(self, *args: Any, **kwargs: Any) -> None:
        connected, watch = getattr(self, "sock", None), _current_watch()
        if watch and connected is not None:
            watch.attach(connected, is_new=False)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _WatchedPool:
    """Mixed into urllib3's pools: a connection that is back in the pool is not this answer's any more."""

    def _put_conn(self, connection: Any) -> None:
        if watch := _current_watch():
            watch.detach()
        super()._put_conn(connection)  # type: ignore[misc]


def _have_watched(manager: Any) -> Any:
    manager.pool_classes_by_scheme = {
        scheme: pool if issubclass(pool, _WatchedPool) else _watched(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }
    return manager


@cache
def _watched(pool: Any) -> Any:
    connection = type(f"Watched{pool.ConnectionCls.__name__}", (_WatchedConnection, pool.ConnectionCls), {})
    return type(f"Watched{pool.__name__}", (_WatchedPool, pool), {"ConnectionCls": connection})
