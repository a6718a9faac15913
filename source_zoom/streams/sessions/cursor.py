"""The cursor of a stream about past sessions: keeps its state while threads read, and emits it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pendulum
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.engine.partitions import SlicePartition
from source_zoom.streams.base.gaps import Gap
from source_zoom.streams.sessions.state import Cause, Session, SessionState
from source_zoom.streams.windows.cursor import LedgerCursor, cause_of
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.ledger import HeldGap

HostWindow = tuple[Window, str]


class HostListed:
    """What children are told behind the sessions of a host in a window.

    :param error: why the list is not complete, None if it is
    """

    def __init__(self, window: Window, host_id: str, error: Exception | None) -> None:
        self.window = window
        self.host_id = host_id
        self.error = error


class SessionSlice(dict[str, Any]):
    """The slice of one session.

    :param window: the window it was listed in, None where an earlier sync or another list knew of it
    :param was_refused: whether an earlier sync was refused it
    """

    def __init__(self, session: Session, window: Window | None, *, was_refused: bool = False) -> None:
        super().__init__(uuid=session.uuid)
        self.session = session
        self.window = window
        self.was_refused = was_refused
        self.complete = True
        """Set to False by the stream that finds a row Zoom has not filled in yet, or none at all."""
        self.is_second_try = False
        """Set to True by a stream that leaves all to the second try which a fault is given."""
        self.is_lacking = False
        """Set to True where Zoom says that the account's plan or licence does not include it."""
        self.read_at: pendulum.DateTime | None = None
        """When Zoom answered for it."""


class SessionCursor(LedgerCursor[SessionState]):
    """Keeps one stream's state while threads read its sessions, and emits its states.

    A host is done in a window when its list has ended and every session of it was read, or is a gap. Only then does
    the state say so.

    :param emits_sentinel: whether the stream is read in full, so that its state is Airbyte's mark for that
    :param is_served: says whether Zoom has answered for anything of the stream; until then, what the account's plan
        lacks does not count as read
    """

    def __init__(
        self,
        stream_name: str,
        state: SessionState,
        repository: MessageRepository,
        *,
        emits_sentinel: bool,
        is_served: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__(stream_name, state, repository, emits_sentinel=emits_sentinel)
        self._is_served = is_served
        self._waiting: Counter[HostWindow] = Counter()
        self._under_way: dict[str, set[HostWindow]] = {}
        """Where each session that is being read was listed: under either name of its host, in either window."""
        self._ended: dict[HostWindow, HostListed] = {}
        self._left: set[HostWindow] = set()
        self._lacking: list[SessionSlice] = []
        self._owed: list[Session] = []
        self._was_let_in = False
        self._held_by: SliceFailure | None = None

    # What the list of sessions asks and tells

    def open(self, window: Window, host_ids: Iterable[str]) -> None:
        """Announce a window and its hosts, before any slice of it."""
        with self._lock:
            if self._held_by is None:
                self._state.open(window, host_ids)
                self._changed = True

    def hold(self, error: SliceFailure) -> None:
        """Let the watermark pass no window that is not open yet: which sessions these have is not known in full.

        Those that are known are read, also where the error stops another stream.
        """
        plain = SliceFailure(str(error), cause=error.cause, failure_type=error.failure_type, facts=error.facts)
        with self._lock:
            self._held_by = self._held_by or plain

    def refused_hosts(self) -> list[str]:
        """Return the hosts who were refused, those asked longest ago first."""
        with self._lock:
            return self._state.refused_owners()

    def allow(self, host_id: str) -> None:
        """Note that a host who was refused is to be read again."""
        with self._lock:
            self._state.allow(host_id)

    def asked(self, host_id: str) -> None:
        """Note that a host who was refused was asked again, and refused again."""
        with self._lock:
            self._state.asked(host_id)
            self._changed = True

    def unknown_webinars(self) -> list[str]:
        """Return the webinars whose instances were refused, those asked longest ago first."""
        with self._lock:
            return self._state.unknown_webinars()

    def note_unknown(self, webinar_id: str, cause: Cause) -> None:
        """Note that the instances of a webinar could not be read."""
        with self._lock:
            self._state.note_unknown(webinar_id, cause)
            self._changed = True

    def note_known(self, webinar_id: str, sessions: Iterable[Session]) -> None:
        """Note that the instances of a webinar were read; those that earlier syncs did not know of are owed."""
        with self._lock:
            first = self._state.known(webinar_id)
            if first is not None:
                owed = [one for one in sessions if one.day >= first.isoformat() and self._state.owe(one)]
                self._under_way.update({one.uuid: set() for one in owed})
                self._owed += owed
                self._changed = True

    # What the stream asks and tells

    def retries(self) -> list[SessionSlice]:
        """Return the sessions to try again."""
        with self._lock:
            return [SessionSlice(one, None, was_refused=self._state.was_refused(one)) for one in self._state.retries()]

    def late(self) -> list[SessionSlice]:
        """Return what is owed, and the other sessions that were refused, if one of those tried again was answered."""
        with self._lock:
            owed, self._owed = self._owed, []
            others = self._state.other_refused() if self._was_let_in else []
            return [
                *(SessionSlice(one, None) for one in owed),
                *(SessionSlice(one, None, was_refused=True) for one in others),
            ]

    def claim(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read; its host waits for it, under any name."""
        with self._lock:
            place = (window, session.host_id)
            is_new = self._state.claim(window, session)
            if is_new:
                self._under_way[session.uuid] = set()
            places = self._under_way.get(session.uuid)
            if places is None:
                if self._state.is_claimed(session):
                    self._left.add(place)  # it was stopped before it was listed here, too
            elif place not in places:
                places.add(place)
                self._waiting[place] += 1
            return is_new

    def end_host(self, end: HostListed) -> None:
        """Note that a host's list has ended."""
        with self._lock:
            self._ended[end.window, end.host_id] = end
            self._close_if_done((end.window, end.host_id))
        self._checkpoint_if_due()

    def gap_of(self, gap: HeldGap) -> Gap:
        """Return a gap of the state as it is listed."""
        return replace(super().gap_of(gap), object_type=gap.object_type, object_id=gap.object_id)

    def ensure_at_least_one_state_emitted(self) -> None:
        """Emit the last state; called by the CDK before the stream's final status."""
        with self._lock:
            self._release_lacking()
        super().ensure_at_least_one_state_emitted()

    def raise_if_held(self) -> None:
        """Raise the error that holds the watermark, if there is one."""
        if self._held_by is not None:
            raise self._held_by.with_traceback(None)

    def settle_noted(self) -> None:
        """Count the sessions that were refused in this sync as read: what was refused is done without."""
        with self._lock:
            self._state.settle_noted()

    @property
    def dropped(self) -> int:
        """How many sessions that failed are not kept any more, as there were too many."""
        return self._state.dropped

    # What the engine tells

    def close_partition(self, partition: Partition) -> None:
        """Note that a session was read; called by the CDK when its records are on the queue, and for failures."""
        if not (isinstance(partition, SlicePartition) and partition.is_read):
            return
        slice_ = _session_slice(partition)
        with self._lock:
            if slice_.is_lacking and not self._is_served():
                self._lacking.append(slice_)
                return
            self._release_lacking()
            self._read(slice_)
        self._checkpoint_if_due()

    def fail_partition(self, partition: Partition, error: Exception) -> None:
        """Note that a session could not be read: a gap, or its host is left for the next sync."""
        slice_ = _session_slice(partition)
        with self._lock:
            if isinstance(error, SliceFailure) and not isinstance(error, StreamStopped):
                self._state.fail(slice_.session, cause_of(error))
            else:
                self._left |= self._under_way.get(slice_.session.uuid, set())
            self._release(slice_)
        self._checkpoint_if_due()

    # What the CDK's interface has besides

    def _read(self, slice_: SessionSlice) -> None:
        at = slice_.read_at or pendulum.now("UTC")
        self._state.read(slice_.window, slice_.session, at=at, complete=slice_.complete)
        self._was_let_in = self._was_let_in or slice_.was_refused
        self._release(slice_)

    def _release_lacking(self) -> None:
        """Count what the plan lacks as read, once Zoom has answered for something else of the stream."""
        if self._lacking and self._is_served():
            lacking, self._lacking = self._lacking, []
            for slice_ in lacking:
                self._read(slice_)

    def _release(self, slice_: SessionSlice) -> None:
        self._changed = True
        for place in self._under_way.pop(slice_.session.uuid, ()):
            self._waiting[place] -= 1
            self._close_if_done(place)

    def _close_if_done(self, place: HostWindow) -> None:
        end = self._ended.get(place)
        if end is None or self._waiting[place]:
            return
        del self._ended[place], self._waiting[place]
        self._changed = True
        if place in self._left:
            return
        if end.error is None:
            self._state.finish(*place)
        elif isinstance(end.error, SliceFailure) and not isinstance(end.error, StreamStopped):
            cause = cause_of(end.error)
            if cause.refused:
                self._state.refuse(*place, cause)
            else:
                self._state.miss(*place, cause)


def _session_slice(partition: Partition) -> SessionSlice:
    slice_ = partition.slice if isinstance(partition, SlicePartition) else None
    if not isinstance(slice_, SessionSlice):
        raise TypeError(f"a partition of a stream about sessions has the slice {slice_!r}")
    return slice_
