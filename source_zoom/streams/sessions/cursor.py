"""The cursor of a stream about past sessions: keeps its state while threads read, and emits it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from airbyte_cdk.sources.message import MessageRepository

from source_zoom.engine import SliceFailure
from source_zoom.streams.items.cursor import ItemCursor, ItemSlice, OwnerListed
from source_zoom.streams.sessions.state import Cause, Session, SessionState
from source_zoom.streams.windows.grid import Window

__all__ = ["OwnerListed", "SessionCursor", "SessionSlice"]


class SessionSlice(ItemSlice[Session]):
    """The slice of one session.

    :param window: the window it was listed in, None where an earlier sync or another list knew of it
    :param was_refused: whether Zoom refused it in an earlier sync
    """

    def __init__(self, session: Session, window: Window | None, *, was_refused: bool = False) -> None:
        super().__init__(session, window, was_refused=was_refused, uuid=session.uuid)

    @property
    def session(self) -> Session:
        """The session."""
        return self.item


class SessionCursor(ItemCursor[Session, SessionState]):
    """Keeps one stream's state while threads read its sessions, and emits its states.

    :param emits_sentinel: whether the stream is read in full, so that its state is Airbyte's mark for that
    :param is_served: says whether Zoom has answered for anything of the stream; until then, a session that the
        account's plan is said to lack does not count as read
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
        super().__init__(
            stream_name,
            state,
            repository,
            emits_sentinel=emits_sentinel,
            slice_of=SessionSlice,
            is_served=is_served,
        )
        self._owed: list[Session] = []
        self._held_by: SliceFailure | None = None

    def open(self, window: Window, owners: Iterable[str]) -> None:
        """Announce a window and its hosts, before any slice of it."""
        if self._held_by is None:
            super().open(window, owners)

    def leave_out(self, window: Window, owner: str) -> None:
        """Note that an owner who was announced is not read in a window after all."""
        with self._lock:
            self._state.leave_out(window, owner)
            self._changed = True

    def hold(self, error: SliceFailure) -> None:
        """Let the watermark pass no window that is not open yet, as not all sessions of these are known.

        Those that are known are read, even if the error stops another stream.
        """
        plain = SliceFailure(str(error), cause=error.cause, failure_type=error.failure_type, facts=error.facts)
        with self._lock:
            self._held_by = self._held_by or plain

    def raise_if_held(self) -> None:
        """Raise the error that holds the watermark, if there is one."""
        if self._held_by is not None:
            raise self._held_by.with_traceback(None)

    # Webinars that no report lists

    def postpone_unattended(self, window: Window) -> None:
        """Let the watermark pass a window before it is known what no report lists of it; `open` announces that."""
        if self._held_by is None:
            with self._lock:
                self._state.postpone_unattended(window)
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

    def late(self) -> list[ItemSlice[Session]]:
        """Return what is owed, and the other sessions that were refused, if one of those tried again was answered."""
        with self._lock:
            owed, self._owed = self._owed, []
        return [*(SessionSlice(one, None) for one in owed), *super().late()]
