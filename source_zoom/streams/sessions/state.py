"""What one stream has read of past sessions: the state it resumes from. No threads, no HTTP, no clock.

A state (version 2) holds

- `end_time`: the watermark. All sessions that began before it were read, but for what the rest names.
- `settled`: whether all before the watermark was read so late that no report of it was still to come.
- `read_with`: the settings it was read with: `first` day, and sessions of `one_participant` or not.
- `covered`: where settings became wider, so that the watermark went back: the days and kinds of sessions that were
  read before. Gone when the watermark has passed them.
- `hosts.done`: hosts read in windows that the watermark has not passed yet: by the window's first day and the first
  day that is to be read again, a set of digests of their names.
- `hosts.missing`: days that could not be read of a host, though the watermark has passed them; asked for in each sync.
- `hosts.refused`: `names` of hosts who are refused for good, together where all else is the same: `first` day that
  was not read, and when they were last `asked`.
- `unknown`: the same of webinars whose instances could not be read; `refused` tells those refused for good.
- `recent`: sessions that will be listed again, by the day they began on: four sets of digests of uuid and
  fingerprint. Those of the first three are read again when 2, 6 and 24 hours have passed since their end; those of the
  last are settled, and read again only if their fingerprint changes.
- `retry`: sessions whose own request failed, with what is needed to ask again, and `asked`.

What could not be read has the cause (`meaning`, `http_status`, `zoom_code`, `refused`) and `since`, the day of the
first failure. Without these it is not a gap, only to be read in the next sync.

Reports arrive late, and a session is listed under the day it began on, so every sync starts some days
before the watermark: the config's lookback and `FIXED_DAYS`. A window that ends before that is settled:
its hosts need not be listed again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pendulum

from source_zoom.streams.sessions import state_form
from source_zoom.streams.sessions.digests import DigestSet, mark
from source_zoom.streams.sessions.state_form import (
    ROW_BYTES,
    STAGES,
    TIME_FORMAT,
    Cause,
    Holdings,
    MissingDays,
    Reach,
    Retry,
    Session,
    Unread,
    day_of,
    time_text,
)
from source_zoom.streams.windows.grid import DAYS, ORIGIN, Window, clipped, oldest_served

__all__ = ["TIME_FORMAT", "Cause", "HeldGap", "Session", "SessionState"]

FIXED_DAYS = 2
"""Days for a session that lasts over midnight (up to 30 hours) and for the unknown zone of Zoom's days."""

ZONE_DAYS = 1
"""By how much the day Zoom counts a session under can differ from the UTC day it began on."""

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


@dataclass(frozen=True)
class HeldGap:
    """Something that a state says could not be read.

    :param object_type: `host`, `session` or `webinar`
    :param since: UTC day of the first failure
    :param first_day: first of the days that lack it, and `last_day` the last one
    """

    object_type: str
    object_id: str
    meaning: str
    http_status: int | None
    zoom_code: int | None
    since: str
    first_day: str
    last_day: str


class SessionState:
    """The state of one stream during one sync.

    Windows are opened, oldest first, with the hosts to read in them; each host is then finished, missed, refused or
    left; the watermark passes a window when no host of it or of those before is left.

    :param saved: state of an earlier sync, in the form `to_json` returns; one of another form counts as none
    :param now: start of this sync; what happens later is the next one's business
    :param first_day: first UTC day of sessions to read; listed is from a day before, as zones west of UTC count its
        first hours under that
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
        self._now = now
        self._today = now.date()
        self._margin = lookback_days + FIXED_DAYS
        self._changing = self._today.subtract(days=self._margin)
        """First day of which reports may still come; a window that ends more than `ZONE_DAYS` before is settled."""
        self._settles = self._changing.subtract(days=ZONE_DAYS)
        self._keeps_row = keeps_row
        self._trimmed = first_day.isoformat()
        self._oldest = first_day.subtract(days=ZONE_DAYS)
        settings = Reach(min(first_day, self._today.add(days=1)), one_participant)
        self._held = state_form.read(saved, now) or Holdings(settings)
        if self._held.end_time:
            self._held.end_time = min(self._held.end_time, now)
        self.expired = self._forget_expired_retries()
        """How many sessions were dropped as Zoom does not serve them any more."""
        self.dropped = 0
        """How many sessions were dropped as more than `MOST_RETRIES` failed."""
        self._take_settings(settings)
        self.is_out_of_reach = self._forget_unserved(first_day)
        """Whether days that were not read lie before the first day."""
        self._first_day = max(self._oldest, self._next_day() or self._oldest)
        self._settled_to = self._held.end_time.date() if self._held.is_settled and self._held.end_time else None
        self._forget_done()
        self._due = self._milestones(now)
        self._retried = set(self._held.retry)
        self._asked_first = self._refused_to_ask()
        self._noted_sessions: set[str] = set()
        self._open: dict[Window, set[str]] = {}
        self._passed: set[Window] = set()
        self._listed: dict[tuple[Window, str], list[tuple[str, int]]] = {}
        """Day and digest of what the state knows of a host's sessions in a window, to be forgotten with it."""
        self._claimed: dict[str, set[str]] = {}
        """UUIDs by day, as far as windows that are still to be passed can list them."""
        self._pending: set[str] = set()

    @staticmethod
    def usable(saved: Mapping[str, Any], *, now: pendulum.DateTime) -> bool:
        """Return whether a state has the form that `SessionState.to_json` returns.

        Fields that are not known are ignored. A watermark in the future counts as now; any other day more than one
        day ahead makes it unusable.
        """
        return state_form.read(saved, now) is not None

    @property
    def end_time(self) -> pendulum.DateTime | None:
        """The watermark."""
        return self._held.end_time

    # What is to be read

    def earliest_day(self) -> pendulum.Date:
        """Return the first day that has to be listed of any host."""
        missing = [one.days.first for ranges in self._held.missing.values() for one in ranges]
        return max(self._oldest, min([self._first_day, *missing]))

    def first_day(self, window: Window) -> pendulum.Date | None:
        """Return the first day of a window to list of every host, None if all of it was read."""
        if window in self._passed or (self._settled_to and window.last <= self._settled_to):
            return None
        first = max(window.first, self._first_day)
        covered = self._held.covered
        # What was read before settings became wider has nothing more to read, unless it lacks a kind of sessions.
        is_enough = covered and covered.one_participant >= self._held.read_with.one_participant
        if covered and covered.last and is_enough and first > covered.first.add(days=ZONE_DAYS):
            first = max(first, covered.last.add(days=1))
        return first if window.last >= first else None

    def hosts(self, window: Window) -> set[str]:
        """Return the hosts that lack days of a window, who may not be active any more."""
        return {
            host for host, ranges in self._held.missing.items() if any(_overlap(one.days, window) for one in ranges)
        }

    def days_to_read(self, window: Window, host: str) -> Window | None:
        """Return the days of a window to list of a host, None if there are none, or if the host is refused."""
        return None if host in self._held.refused else self._lacks(window, host)

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

    def refused_hosts(self) -> list[str]:
        """Return the hosts who were refused, those asked longest ago first."""
        return sorted(self._held.refused, key=lambda host: (self._held.refused[host].asked, host))

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
        gaps = [
            _gap("host", host, one, one.days.first.isoformat(), one.days.last.isoformat())
            for host, ranges in sorted(self._held.missing.items())
            for one in ranges
        ]
        gaps += [
            _gap("host", host, one, one.first.isoformat(), today) for host, one in sorted(self._held.refused.items())
        ]
        gaps += [
            _gap("session", uuid, one, one.session.day, one.session.day)
            for uuid, one in sorted(self._held.retry.items())
        ]
        gaps += [
            _gap(_type_of(name), name.removeprefix(USER_PREFIX), one, one.first.isoformat(), today)
            for name, one in sorted(self._held.unknown.items())
        ]
        return [gap for gap in gaps if gap is not None]

    # What was read

    def open(self, window: Window, hosts: Iterable[str]) -> None:
        """Announce a window and the hosts that are read in it, in the order of the windows.

        What a refused host lacks of it is kept, too: the window may be one that was under way when he was refused.
        """
        hosts = set(hosts)
        for host in hosts & self._held.refused.keys():
            if lacking := self._lacks(window, host):
                self._refuse_from(host, lacking.first)
        self._open[window] = {host for host in hosts if self.days_to_read(window, host)}
        self._pass_finished()

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

    def finish(self, window: Window, host: str) -> None:
        """Note that a host was read in a window, with all its sessions."""
        if host not in self._open.get(window, ()):
            return  # listed for another stream
        self._fill(window, host)
        read_to = self._read_to(window)
        if read_to > window.first:
            self._note_done(window, host, read_to)
        self._close(window, host)

    def miss(self, window: Window, host: str, cause: Cause) -> None:
        """Note that a host was at fault in a window: each further sync asks for the days again."""
        need = self._lacks(window, host)
        if host in self._open.get(window, ()) and need is not None:
            if host in self._held.refused:
                self._refuse_from(host, need.first)
            else:
                self._lack(host, Window(need.first, max(need.first, min(need.last, self._today))), cause)
        self._close(window, host)

    def refuse(self, window: Window, host: str, cause: Cause) -> None:
        """Note that a host was refused for good in a window: the watermark passes without that host from now on."""
        need = self._lacks(window, host)
        if host in self._open.get(window, ()) and need is not None:
            if host in self._held.refused:
                self._refuse_from(host, need.first)
            else:
                ranges = self._held.missing.pop(host, [])
                since = min([self._today.isoformat(), *(one.since for one in ranges if one.since)])
                first = min([need.first, *(one.days.first for one in ranges)])
                self._held.refused[host] = Unread(first, time_text(self._now), since, replace(cause, refused=True))
        self._close(window, host)

    def asked(self, host: str) -> None:
        """Note that a refused host was asked again, and is still refused."""
        if entry := self._held.refused.get(host):
            self._held.refused[host] = replace(entry, asked=time_text(self._now))

    def allow(self, host: str) -> None:
        """Note that a refused host answers again: the days since are missing now, and read as such."""
        if entry := self._held.refused.pop(host, None):
            days = Window(min(entry.first, self._today), self._today)
            cause = replace(entry.cause, refused=False) if entry.cause else None
            self._held.missing[host] = [MissingDays(days, entry.since, cause)]

    def note_unknown(self, webinar_id: str, cause: Cause) -> None:
        """Note that a webinar's instances could not be read: those from this sync's first day on are not known."""
        known = self._held.unknown.get(webinar_id)
        # It may be one of a user's whose list could not be read since an earlier day.
        of_users = [one.first for name, one in self._held.unknown.items() if name.startswith(USER_PREFIX)]
        first, since = (known.first, known.since) if known else (min([self._first_day, *of_users]), None)
        today = self._today.isoformat()
        self._held.unknown[webinar_id] = Unread(min(first, self._today), time_text(self._now), since or today, cause)

    def asked_webinar(self, webinar_id: str) -> None:
        """Note that a webinar was asked for its instances again, and is still refused."""
        if entry := self._held.unknown.get(webinar_id):
            self._held.unknown[webinar_id] = replace(entry, asked=time_text(self._now))

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

    # Settings and borders, when a state is taken up

    def _take_settings(self, settings: Reach) -> None:
        """Let the watermark go back if the settings are wider than those the state was read with."""
        held, old = self._held, self._held.read_with
        held.read_with = settings
        is_more = settings.one_participant and not old.one_participant
        if settings.first >= old.first and not is_more:
            return
        reached = self._next_day()
        spans = [held.covered] if held.covered else []
        if reached is not None:
            spans.append(Reach(old.first, old.one_participant, reached.subtract(days=1)))
        held.covered = _joined(spans)
        held.end_time, held.is_settled = None, False
        # What was done in a window of the difference is not all there is of it.
        edge = old.first.add(days=ZONE_DAYS).isoformat()
        held.done = {} if is_more else {key: read for key, read in held.done.items() if key > edge}
        for entries in (held.refused, held.unknown):
            for name, entry in entries.items():
                entries[name] = replace(entry, first=self._oldest)

    def _forget_expired_retries(self) -> int:
        oldest = oldest_served(self._now).isoformat()
        served = {uuid: entry for uuid, entry in self._held.retry.items() if entry.session.day >= oldest}
        expired = len(self._held.retry) - len(served)
        self._held.retry = served
        return expired

    def _forget_unserved(self, first_day: pendulum.Date) -> bool:
        """Drop what lies before the first day; return whether something that was not read is among it."""
        held = self._held
        gap = held.end_time is not None and held.end_time.date() < first_day
        for host, ranges in list(held.missing.items()):
            gap = gap or any(one.days.first < self._oldest for one in ranges)
            served = [
                replace(one, days=clipped(one.days, self._oldest, one.days.last))
                for one in ranges
                if one.days.last >= self._oldest
            ]
            held.missing[host] = served
            if not served:
                del held.missing[host]
        for entries in (held.refused, held.unknown):
            for name, entry in entries.items():
                entries[name] = replace(entry, first=max(entry.first, self._oldest))
        return gap

    def _forget_done(self) -> None:
        oldest = self._first_day.subtract(days=DAYS).isoformat()
        self._held.done = {key: read for key, read in self._held.done.items() if key >= oldest}

    def _refused_to_ask(self) -> set[str]:
        refused = {uuid: entry for uuid, entry in self._held.retry.items() if entry.is_refused}
        return set(sorted(refused, key=lambda uuid: (refused[uuid].asked, uuid))[:ASKED_AGAIN])

    # Sessions

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

    # Hosts

    def _lacks(self, window: Window, host: str) -> Window | None:
        """Return the days of a window that were not read of a host, refused or not."""
        ranges = self._held.missing.get(host, ())
        firsts = [max(window.first, one.days.first) for one in ranges if _overlap(one.days, window)]
        first = self.first_day(window)
        for read_to, hosts in self._held.done.get(window.key, {}).items():
            if first and mark(host) in hosts:
                first = None if read_to >= window.last.isoformat() else max(first, day_of(read_to))
        if first:
            firsts.append(first)
        return Window(min(firsts), window.last) if firsts else None

    def _is_settled(self, window: Window) -> bool:
        return window.last < self._settles

    def _read_to(self, window: Window) -> pendulum.Date:
        """Return the first day of a window that has to be read again of a host who is finished now."""
        return window.last if self._is_settled(window) else self._changing

    def _note_done(self, window: Window, host: str, read_to: pendulum.Date) -> None:
        number = mark(host)
        done = self._held.done.setdefault(window.key, {})
        for hosts in done.values():
            hosts.discard(number)
        done.setdefault(read_to.isoformat(), DigestSet()).add(number)
        # The sessions of days that nothing lists again need not be known any more.
        if listed := self._listed.get((window, host)):
            listed_again = read_to.subtract(days=ZONE_DAYS).isoformat()
            for day, known in listed:
                if day < listed_again:
                    for marks in self._held.recent.get(day, ()):
                        marks.discard(known)

    def _fill(self, window: Window, host: str) -> None:
        """Take the days of a window off what a host lacks."""
        left: list[MissingDays] = []
        for one in self._held.missing.pop(host, []):
            days = one.days
            if days.first < window.first:
                left.append(replace(one, days=Window(days.first, min(days.last, window.first))))
            if days.last > window.last:
                left.append(replace(one, days=Window(max(days.first, window.last), days.last)))
        if left:
            self._held.missing[host] = left

    def _lack(self, host: str, days: Window, cause: Cause) -> None:
        """Note days that a host lacks; what was missing of them before keeps its first failure."""
        before = [one.since for one in self._held.missing.get(host, ()) if one.since and _overlap(one.days, days)]
        self._fill(days, host)
        since = min([self._today.isoformat(), *before])
        self._held.missing.setdefault(host, []).append(MissingDays(days, since, replace(cause, refused=False)))

    def _refuse_from(self, host: str, first: pendulum.Date) -> None:
        """Note that a refused host lacks earlier days, too."""
        entry = self._held.refused[host]
        self._held.refused[host] = replace(entry, first=min(entry.first, first))

    def _close(self, window: Window, host: str) -> None:
        self._listed.pop((window, host), None)
        self._open.get(window, set()).discard(host)
        self._pass_finished()

    # The watermark

    def _next_day(self) -> pendulum.Date | None:
        """Return the first day that a sync from the watermark on lists, None without a watermark."""
        if self._held.end_time is None:
            return None
        day = self._held.end_time.date()
        return day if self._held.is_settled else day.subtract(days=self._margin)

    def _pass_finished(self) -> None:
        """Move the watermark over the first windows, as far as no host of them is left."""
        held = self._held
        while self._open:
            window = next(iter(self._open))
            if self._open[window]:
                break
            del self._open[window]
            self._passed.add(window)
            held.done.pop(window.key, None)
            listed_again = window.last.subtract(days=2 * ZONE_DAYS).isoformat()
            self._claimed = {day: uuids for day, uuids in self._claimed.items() if day >= listed_again}
            end = self._now if window.last >= self._today else _midnight(window.last)
            if held.end_time is None or end > held.end_time:
                held.end_time, held.is_settled = end, self._is_settled(window)
            self._forget_passed()

    def _forget_passed(self) -> None:
        """Forget what no list from the watermark on can name."""
        held, next_day = self._held, self._next_day()
        if next_day is None:
            return
        oldest = next_day.subtract(days=ZONE_DAYS).isoformat()
        held.recent = {day: stages for day, stages in held.recent.items() if day >= oldest and any(stages)}
        if held.covered and held.covered.last and held.covered.last < next_day:
            held.covered = None


def _mark(session: Session) -> int:
    return mark(session.uuid, session.fingerprint)


def _joined(spans: list[Reach]) -> Reach | None:
    """Return what was covered: what two spans have that touch each other, else the one that reaches farther."""
    spans = sorted((span for span in spans if span.last and span.first <= span.last), key=lambda span: str(span.last))
    if not spans:
        return None
    earlier, later = spans[0], spans[-1]
    if earlier.last and later.first <= earlier.last.add(days=1):
        both = earlier.one_participant and later.one_participant
        return Reach(min(earlier.first, later.first), both, later.last)
    return later


def _type_of(unknown: str) -> str:
    return "user" if unknown.startswith(USER_PREFIX) else "webinar"


def _gap(object_type: str, name: str, entry: MissingDays | Unread | Retry, first: str, last: str) -> HeldGap | None:
    cause, since = entry.cause, entry.since
    if cause is None or since is None:
        return None
    return HeldGap(object_type, name, cause.meaning, cause.http_status, cause.zoom_code, since, first, last)


def _overlap(days: Window, window: Window) -> bool:
    """Return whether some days are a window's to read; the one it shares with a neighbour is not enough."""
    if days.first == days.last:
        return window.first <= days.first <= window.last
    return days.first < window.last and days.last > window.first


def _midnight(day: pendulum.Date) -> pendulum.DateTime:
    return pendulum.datetime(day.year, day.month, day.day)
