"""What one stream has read of past sessions: the state it resumes from. No threads, no HTTP, no clock.

A state is a ledger of hosts (`windows/ledger.py`), which are under `hosts`, and holds besides

- `read_with` and `covered`: also whether with sessions of `one_participant`.
- `unknown`: the same of webinars whose instances could not be read; `refused` tells those refused for good.
- `recent`: sessions that will be listed again, by the day they began on: four sets of digests of uuid and
  fingerprint. Those of the first three are read again when 2, 6 and 24 hours have passed since their end; those of the
  last are settled, and read again only if their fingerprint changes.
- `retry`: sessions whose own request failed, with what is needed to ask again, and `asked`.

A session is listed under the day it began on. Its row is in `retry` if what lists it may not be asked again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pendulum

from source_zoom.streams.sessions import state_form
from source_zoom.streams.sessions.state_form import ROW_BYTES, STAGES, Holdings, Retry, Session
from source_zoom.streams.windows.digests import DigestSet, mark
from source_zoom.streams.windows.grid import ORIGIN, Window, oldest_served
from source_zoom.streams.windows.ledger import FIXED_DAYS, ZONE_DAYS, HeldGap, WindowLedger, held_gap
from source_zoom.streams.windows.ledger_form import TIME_FORMAT, Cause, Reach, Unread, day_of, time_text

__all__ = ["FIXED_DAYS", "TIME_FORMAT", "Cause", "HeldGap", "Session", "SessionState"]

MILESTONES = (2, 6, 24)
"""Hours after its end at which a session is read again whose report was not complete, or was read before the first."""

SETTLED = STAGES - 1

MOST_RETRIES = 1000
USER_PREFIX = "user:"
"""Before the id of a user whose list of webinars could not be read, among the webinars that are unknown."""

ALL_ROWS_BYTES = 400_000
"""How many bytes of listed rows are kept for retries; beyond them, a retry has what the detail has."""

ASKED_AGAIN = 20
"""Refused sessions (and hosts, and webinars) that are asked again in a sync."""


class SessionState(WindowLedger[Holdings]):
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
        held = state_form.read(saved, now) or Holdings(settings)
        oldest = oldest_served(now).isoformat()
        served = {uuid: entry for uuid, entry in held.retry.items() if entry.session.day >= oldest}
        self.expired = len(held.retry) - len(served)
        """How many sessions were dropped as Zoom does not serve them any more."""
        held.retry = served
        super().__init__(held, settings, now=now, first_day=first_day, lookback_days=lookback_days, owner_type="host")
        self._keeps_row = keeps_row
        self._trimmed = first_day.isoformat()
        self.dropped = 0
        """How many sessions were dropped as more than `MOST_RETRIES` failed."""
        self._due = self._milestones(now)
        self._retried = set(self._held.retry)
        self._asked_first = self._refused_to_ask()
        self._noted_sessions: set[str] = set()
        self._listed: dict[tuple[Window, str], list[tuple[str, int]]] = {}
        """Day and digest of what the state knows of a host's sessions in a window, to be forgotten with it."""
        self._claimed: dict[str, set[str]] = {}
        """UUIDs by day, as far as windows that are still to be passed can list them."""
        self._pending: set[str] = set()

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state has the form that `to_json` returns."""
        return state_form.read(saved, now) is not None

    # What is to be read

    def wants(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read: it is new, has changed, or was not complete when read."""
        need = self._lacks(window, session.host_id)
        if need is None or session.day < self._trimmed:
            return False
        # Beyond the last day nothing is left out: what is listed there was listed because it is new.
        if session.day < need.first.subtract(days=ZONE_DAYS).isoformat():
            return False
        return self._is_wanted(session) and not self._is_covered(session)

    def claim(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read; True once, as it can be listed in several places."""
        claimed = self._claimed.setdefault(session.day, set())
        if session.uuid in claimed:
            return False
        if not self.wants(window, session):
            self._note_listed(window, session)
            return False
        claimed.add(session.uuid)
        self._pending.add(session.uuid)
        return True

    def is_claimed(self, session: Session) -> bool:
        """Return whether a session was claimed in this sync and neither read nor failed yet.

        Whoever lists it in a second place, as under another name of its host, has not finished before that.
        """
        return session.uuid in self._pending

    def owe(self, session: Session) -> bool:
        """Note that a session is to be read though no window lists it; return whether it is (then it is claimed).

        Until it was read it is among the retries of each sync.
        """
        claimed = self._claimed.setdefault(session.day, set())
        if session.day < self._trimmed or session.uuid in claimed or not self._is_wanted(session):
            return False
        claimed.add(session.uuid)
        self._pending.add(session.uuid)
        self._keep(Retry(self._kept(session), time_text(self._now)))
        return True

    def retries(self) -> list[Session]:
        """Return the sessions of earlier syncs to ask for again.

        All that were at fault, and of the refused ones `ASKED_AGAIN`, first those asked longest ago.
        """
        return [
            entry.session
            for uuid, entry in self._held.retry.items()
            if uuid in self._retried and (not entry.is_refused or uuid in self._asked_first)
        ]

    def was_refused(self, session: Session) -> bool:
        """Return whether an earlier sync was refused a session for good."""
        entry = self._held.retry.get(session.uuid)
        return entry is not None and entry.is_refused

    def other_refused(self) -> list[Session]:
        """Return the refused sessions that `retries` left out: to be asked for when one of those was read."""
        return [
            entry.session
            for uuid, entry in self._held.retry.items()
            if uuid in self._retried and entry.is_refused and uuid not in self._asked_first
        ]

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
        gaps: list[HeldGap | None] = [*super().gaps()]
        gaps += [
            held_gap("session", uuid, one, one.session.day, one.session.day)
            for uuid, one in sorted(self._held.retry.items())
        ]
        gaps += [
            held_gap(_type_of(name), name.removeprefix(USER_PREFIX), one, one.first.isoformat(), today)
            for name, one in sorted(self._held.unknown.items())
        ]
        return [gap for gap in gaps if gap is not None]

    # What was read

    def read(self, window: Window | None, session: Session, *, at: pendulum.DateTime, complete: bool) -> None:
        """Note that a session was read.

        :param window: the window it was listed in, None for a retry
        :param at: when its answer was read
        :param complete: whether its rows were all filled in
        """
        self._held.retry.pop(session.uuid, None)
        self._pending.discard(session.uuid)
        if not self._is_plausible(session.day):
            return
        milestones = self._milestones(at)
        stage = sum(session.end_time <= end for end in milestones)
        stage = SETTLED if complete and stage else stage
        number = _mark(session)
        stages = self._held.recent.setdefault(session.day, [DigestSet() for _ in range(STAGES)])
        for marks in stages:
            marks.discard(number)
        stages[stage].add(number)
        if window is not None:
            self._listed.setdefault((window, session.host_id), []).append((session.day, number))

    def fail(self, session: Session, cause: Cause) -> None:
        """Note that a session could not be read: it is kept for a retry, and its host can count as done.

        Of more than `MOST_RETRIES` the one that ended first is dropped.
        """
        known = self._held.retry.get(session.uuid)
        self._pending.discard(session.uuid)
        if not (known and known.is_refused):
            self._noted_sessions.add(session.uuid)
        since = known.since if known and known.since else self._today.isoformat()
        self._keep(Retry(self._kept(session), time_text(self._now), since, cause))

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

    def settle_noted(self) -> None:
        """Count the sessions that were refused in this sync as read, as what was refused is done without."""
        for uuid in self._noted_sessions:
            entry = self._held.retry.get(uuid)
            if entry and entry.is_refused:
                self.read(None, entry.session, at=self._now, complete=True)

    def to_json(self) -> dict[str, Any]:
        """Return the state as Airbyte keeps it; no object of it is used further."""
        self._forget_passed()
        return state_form.written(self._held)

    # What the ledger asks

    def _unread(self) -> list[dict[str, Unread]]:
        return [self._held.refused, self._held.unknown]

    def _owner_done(self, window: Window, owner: str, read_to: pendulum.Date) -> None:
        # The sessions of days that nothing lists again need not be known any more.
        if listed := self._listed.get((window, owner)):
            listed_again = read_to.subtract(days=ZONE_DAYS).isoformat()
            for day, known in listed:
                if day < listed_again:
                    for marks in self._held.recent.get(day, ()):
                        marks.discard(known)

    def _window_passed(self, window: Window) -> None:
        listed_again = window.last.subtract(days=2 * ZONE_DAYS).isoformat()
        self._claimed = {day: uuids for day, uuids in self._claimed.items() if day >= listed_again}

    def _close(self, window: Window, owner: str) -> None:
        self._listed.pop((window, owner), None)
        super()._close(window, owner)

    def _forget_passed(self) -> None:
        super()._forget_passed()
        if next_day := self._next_day():
            held, oldest = self._held, next_day.subtract(days=ZONE_DAYS).isoformat()
            held.recent = {day: stages for day, stages in held.recent.items() if day >= oldest and any(stages)}

    # Sessions

    def _refused_to_ask(self) -> set[str]:
        refused = {uuid: entry for uuid, entry in self._held.retry.items() if entry.is_refused}
        return set(sorted(refused, key=lambda uuid: (refused[uuid].asked, uuid))[:ASKED_AGAIN])

    def _is_wanted(self, session: Session) -> bool:
        """Return whether a session was not read yet, or is to be read again."""
        if session.uuid in self._held.retry or session.uuid in self._retried:
            return False
        number = _mark(session)
        for stage, marks in enumerate(self._held.recent.get(session.day, ())):
            if number in marks:
                return stage < SETTLED and session.end_time <= self._due[stage]
        return True

    def _is_covered(self, session: Session) -> bool:
        """Return whether a session was read before the settings became wider."""
        covered = self._held.covered
        if covered is None or covered.last is None or (session.is_alone and not covered.one_participant):
            return False
        first, last = covered.first.add(days=ZONE_DAYS), covered.last.subtract(days=ZONE_DAYS)
        return first.isoformat() <= session.day <= last.isoformat() and not any(
            one.days.first.subtract(days=ZONE_DAYS).isoformat()
            <= session.day
            <= one.days.last.add(days=ZONE_DAYS).isoformat()
            for one in self._held.missing.get(session.host_id, ())
        )

    def _milestones(self, now: pendulum.DateTime) -> list[str]:
        """Return, for each milestone, the latest end of a session that has reached it."""
        seconds = now.timestamp()
        return [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds - 3600 * hours)) for hours in MILESTONES]

    def _is_plausible(self, day: str) -> bool:
        """Return whether sessions of a day can be noted in the state; others are read whenever they are listed."""
        try:
            return ORIGIN <= day_of(day) <= self._today.add(days=1)
        except ValueError:
            return False

    def _note_listed(self, window: Window, session: Session) -> None:
        """Remember that a session which was read before belongs to a host in a window."""
        number = _mark(session)
        known = any(number in marks for marks in self._held.recent.get(session.day, ()))
        if known and session.host_id in self._open.get(window, ()):
            # Once it is forgotten, no other list of this sync shall take it for new.
            self._claimed[session.day].add(session.uuid)
            self._listed.setdefault((window, session.host_id), []).append((session.day, number))

    def _kept(self, session: Session) -> Session:
        """Return a session as it is kept for a retry, with the row an earlier sync listed if it has none."""
        known = self._held.retry.get(session.uuid)
        if not session.row and known:
            session = replace(session, row=known.session.row, joined=known.session.joined)
        rows = sum(len(entry.session.row) for entry in self._held.retry.values())
        if not self._keeps_row or len(session.row) > ROW_BYTES or rows > ALL_ROWS_BYTES:
            session = replace(session, row=b"", joined=False)
        return session

    def _keep(self, entry: Retry) -> None:
        retry = self._held.retry
        retry[entry.session.uuid] = entry
        if len(retry) > MOST_RETRIES:
            del retry[min(retry, key=lambda uuid: (retry[uuid].session.end_time, uuid))]
            self.dropped += 1


def _mark(session: Session) -> int:
    return mark(session.uuid, session.fingerprint)


def _type_of(unknown: str) -> str:
    return "user" if unknown.startswith(USER_PREFIX) else "webinar"
