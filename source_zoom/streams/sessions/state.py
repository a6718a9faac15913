"""What one stream has read of past sessions: the state it resumes from. No threads, no HTTP, no clock.

A state is one of items (`items/state.py`) whose owners are hosts, under `hosts`, and holds besides

- in `read_with` and `covered`: whether they include sessions of `one_participant`.
- in `hosts`: the owner `unattended` of webinars that no report lists. They are known later than the hosts; until then,
  days of windows that the watermark has passed are among the `missing` ones.
- in `recent`, while such days are missing: digests of the UUIDs of the webinars that reports list on them.
- `unknown`: webinars whose instances could not be read, in the form of the owners in `refused`; an entry's own
  `refused` says whether that was for good.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pendulum

from source_zoom.streams.items.state import SETTLED, ItemState, is_listed
from source_zoom.streams.items.state_form import STAGES
from source_zoom.streams.sessions import state_form
from source_zoom.streams.sessions.state_form import UNATTENDED, Session, SessionData
from source_zoom.streams.windows.digests import DigestSet, mark
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.ledger import ASKED_AGAIN, FIXED_DAYS, HeldGap, held_gap
from source_zoom.streams.windows.ledger_form import Cause, MissingDays, Reach, Unread, time_text

__all__ = ["ASKED_AGAIN", "FIXED_DAYS", "Cause", "HeldGap", "Session", "SessionState"]

USER_PREFIX = "user:"
"""Before the id of a user whose list of webinars could not be read, among the webinars that are unknown."""


class SessionState(ItemState[Session, SessionData]):
    """The state of one stream about past sessions, during one sync.

    :param saved: state of an earlier sync, in the form `to_json` returns; one of another form counts as none
    :param now: start of this sync; what happens later is the next one's business
    :param first_day: first UTC day of sessions to read
    :param lookback_days: days before the watermark to read again, as reports arrive late
    :param one_participant: whether sessions with one participant are listed, too
    :param keeps_row: whether a retry needs the listed row
    """

    def __init__(  # noqa: PLR0913 - the settings of a stream
        self,
        saved: Mapping[str, Any],
        *,
        now: pendulum.DateTime,
        first_day: pendulum.Date,
        lookback_days: int,
        one_participant: bool = False,
        keeps_row: bool = False,
    ) -> None:
        settings = Reach(min(first_day, now.date().add(days=1)), one_participant)
        super().__init__(
            state_form.read(saved, now) or SessionData(settings),
            settings,
            now=now,
            first_day=first_day,
            lookback_days=lookback_days,
            owner_type="host",
            item_type="session",
            keeps_row=keeps_row,
        )

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state has the form that `to_json` returns."""
        return state_form.read(saved, now) is not None

    def postpone_unattended(self, window: Window) -> None:
        """Note that the watermark need not wait for what no report lists of a window.

        Its days are missing, though no gap, until `UNATTENDED` is announced and finished: in this sync, or in the next.
        """
        if need := self.days_to_read(window, UNATTENDED):
            days = Window(need.first, max(need.first, min(need.last, self._today)))
            self._fill(days, UNATTENDED)
            self._held.missing.setdefault(UNATTENDED, []).append(MissingDays(days))

    def leave_out(self, window: Window, owner: str) -> None:
        """Note that an owner who was announced is not read in a window after all."""
        self._close(window, owner)

    def claim(self, window: Window, item: Session) -> bool:
        """Return whether a listed session is to be read; True once, as it can be listed in several places."""
        is_new = super().claim(window, item)
        if not is_new:
            self._note_reported(item)
        return is_new

    def read(self, window: Window | None, item: Session, *, at: pendulum.DateTime, complete: bool) -> None:
        """Note that a session was read."""
        super().read(window, item, at=at, complete=complete)
        self._note_reported(item)

    def unknown_webinars(self) -> list[str]:
        """Return the webinars whose instances were refused, those asked longest ago first.

        One that was at fault is not among them: it is asked like any other.
        """
        unknown = {
            name: entry
            for name, entry in self._held.unknown.items()
            if entry.is_refused and not name.startswith(USER_PREFIX)
        }
        return sorted(unknown, key=lambda name: (unknown[name].asked, name))

    def gaps(self) -> list[HeldGap]:
        """Return what the state says could not be read: hosts, sessions, webinars, in the order of their names."""
        today = self._today.isoformat()
        unknown = [
            held_gap(_type_of(name), name.removeprefix(USER_PREFIX), one, one.first.isoformat(), today)
            for name, one in sorted(self._held.unknown.items())
        ]
        return [*super().gaps(), *(gap for gap in unknown if gap is not None)]

    def note_unknown(self, webinar_id: str, cause: Cause) -> None:
        """Note that a webinar's instances could not be read: those from this sync's first day on are not known."""
        known = self._held.unknown.get(webinar_id)
        # It may be one of a user's whose list could not be read since an earlier day.
        of_users = [one.first for name, one in self._held.unknown.items() if name.startswith(USER_PREFIX)]
        first, since = (known.first, known.since) if known else (min([self._first_day, *of_users]), None)
        today = self._today.isoformat()
        self._held.unknown[webinar_id] = Unread(min(first, self._today), time_text(self._now), since or today, cause)

    def known(self, webinar_id: str) -> pendulum.Date | None:
        """Note that a webinar's instances were read; return the first day to read them from, if they were not known.

        The watermark may have passed that day: what no window lists any more is noted by `owe`, before the state is
        written again.
        """
        entry = self._held.unknown.pop(webinar_id, None)
        return entry.first if entry else None

    def to_json(self) -> dict[str, Any]:
        """Return the state as Airbyte keeps it; no object of it is used further."""
        self._forget_passed()
        return state_form.written(self._held)

    # What the ledger and the items ask

    def _unread(self) -> list[dict[str, Unread]]:
        return [self._held.refused, self._held.unknown]

    def _is_covered(self, item: Session) -> bool:
        """Return whether a session was read before the settings became wider, when sessions like it were read."""
        covered = self._held.covered
        is_new = item.is_alone and covered is not None and not covered.is_wide
        return not is_new and super()._is_covered(item)

    def _is_wanted(self, item: Session) -> bool:
        """Return whether a session was not read yet, or is to be read again; not as unattended what was reported."""
        if not item.is_reported:
            stages = self._held.recent.get(item.day)
            if stages and _reported(item) in stages[SETTLED]:
                return False
        return super()._is_wanted(item)

    def _note_reported(self, item: Session) -> None:
        """Remember the UUID of a session that a report lists, while those of its day are awaited that none lists.

        The next sync may not list its host any more, and then know the session otherwise.
        """
        if item.is_reported and UNATTENDED in self._held.missing and self._is_plausible(item.day):
            days = [one.days for one in self._held.missing[UNATTENDED]]
            if any(is_listed(item.day, one) for one in days):
                stages = self._held.recent.setdefault(item.day, [DigestSet() for _ in range(STAGES)])
                stages[SETTLED].add(_reported(item))

    def _with_row_of(self, item: Session, known: Session) -> Session:
        return replace(item, row=known.row, joined=known.joined)

    def _without_row(self, item: Session) -> Session:
        return replace(item, row=b"", joined=False)


def _reported(session: Session) -> int:
    return mark(session.uuid)


def _type_of(unknown: str) -> str:
    return "user" if unknown.startswith(USER_PREFIX) else "webinar"
