"""What one stream has read of past sessions: the state it resumes from. No threads, no HTTP, no clock.

A state holds

- `end_time`: the watermark. All sessions that began before it were read, but for what the rest names.
- `hosts.done`: hosts read in windows that the watermark has not passed yet.
- `hosts.missing`: days that could not be read of a host, though the watermark has passed them.
- `recent`: sessions that will be listed again, by the day they began on: a digest of the uuid and one of
  how the session ended, so that it is read again only if that has changed.
- `retry`: sessions whose own request failed for good, with the day of the first failure.

Reports arrive late, and a session is listed under the day it began on, so every sync starts some days
before the watermark: the config's lookback and `FIXED_DAYS`. A window that ends before that is settled:
its hosts need not be listed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pendulum

from source_zoom.windows import DAYS, Window, clipped

FIXED_DAYS = 2
"""Days for a session that lasts over midnight (up to 30 hours) and for the unknown zone of Zoom's days."""

ZONE_DAYS = 1
"""By how much the day Zoom counts a session under can differ from the UTC day it began on."""

SETTLING_MINUTES = 120
"""A session that ended less than this before it was read is read again: its report may have been half done."""

MOST_RETRIES = 1000
RETRY_DAYS = 7

RETRIED = {
    "uuid": str,
    "host_id": str,
    "meeting_id": str,
    "type": int,
    "start_time": str,
    "end_time": str,
    "fingerprint": str,
    "since": str,
}
"""What is kept of a session for a retry, and the day of its first failure."""

TIME_FORMAT = "YYYY-MM-DD[T]HH:mm:ss[Z]"
VERSION = 1


@dataclass(frozen=True)
class Session:
    """A past meeting or webinar, as its host's report lists it.

    :param type: Zoom's number for the kind of meeting or webinar
    :param fingerprint: how it ended; while it is the same there is no reason to read the session again
    :param row: the listed row as JSON, empty if it is not at hand any more
    :param joined: whether the row has the columns that the list itself lacks
    :param is_reported: whether a host's report lists it; a webinar that nobody attended is known otherwise
    """

    uuid: str
    host_id: str
    meeting_id: str
    type: int
    start_time: str
    end_time: str
    fingerprint: str
    row: bytes = field(default=b"", compare=False, repr=False)
    joined: bool = False
    is_reported: bool = True

    @property
    def day(self) -> str:
        """UTC day it began on."""
        return self.start_time[:10]


def digest(text: str, size: int) -> str:
    """Return `2 * size` characters that stand for a text."""
    return hashlib.blake2b(text.encode(), digest_size=size).hexdigest()


class SessionState:
    """The state of one stream during one sync.

    Windows are opened, oldest first, with the hosts to read in them; each host is then finished, missed or
    left; the watermark passes a window when all hosts of it and of those before are finished or missed.

    :param blob: state of an earlier sync, in the form `blob` returns
    :param now: start of this sync; what happens later is the next one's business
    :param first_day: first day to read where there is no watermark
    """

    def __init__(
        self, blob: Mapping[str, Any], *, now: pendulum.DateTime, first_day: pendulum.Date, lookback_days: int
    ) -> None:
        self._now = now
        self._margin = lookback_days + FIXED_DAYS
        hosts = blob.get("hosts", {})
        self.end_time: pendulum.DateTime | None = min(_moment(blob["end_time"]), now) if blob.get("end_time") else None
        self._done: dict[str, set[str]] = {key: set(names) for key, names in hosts.get("done", {}).items()}
        self._missing: dict[str, list[Window]] = {
            host: [Window(_day(first), _day(last)) for first, last in ranges]
            for host, ranges in hosts.get("missing", {}).items()
        }
        self._recent: dict[str, dict[str, str]] = {day: dict(seen) for day, seen in blob.get("recent", {}).items()}
        self._retry: dict[str, dict[str, Any]] = {uuid: dict(entry) for uuid, entry in blob.get("retry", {}).items()}
        self._first_day = first_day
        if self.end_time:
            self._first_day = max(first_day, self.end_time.date().subtract(days=self._margin))
        self._oldest = first_day
        self.is_out_of_reach = self._forget_unserved()
        self._retried = set(self._retry)
        self._open: dict[Window, set[str]] = {}
        self._passed: set[Window] = set()
        self._read: dict[tuple[Window, str], list[Session]] = {}
        self._claimed: dict[str, set[str]] = {}
        """UUIDs by day, as far as windows that are still to be passed can list them."""

    # What is to be read

    def earliest_day(self) -> pendulum.Date:
        """Return the first day that has to be read of any host."""
        missing = [window.first for windows in self._missing.values() for window in windows]
        return max(self._oldest, min([self._first_day, *missing]))

    def first_day(self, window: Window) -> pendulum.Date | None:
        """Return the first day of a window to read of every host, None if all of it was read."""
        if window in self._passed:
            return None
        return max(window.first, self._first_day) if window.last >= self._first_day else None

    def hosts(self, window: Window) -> set[str]:
        """Return the hosts that lack days of a window, who may not be active any more."""
        return {host for host, ranges in self._missing.items() if any(_overlap(days, window) for days in ranges)}

    def need(self, window: Window, host: str) -> Window | None:
        """Return the days of a window to read of a host, None if there are none."""
        firsts = [max(window.first, days.first) for days in self._missing.get(host, []) if _overlap(days, window)]
        first = self.first_day(window)
        if first and host not in self._done.get(window.key, ()):
            firsts.append(first)
        return Window(min(firsts), window.last) if firsts else None

    def wants(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read: it is new, or has changed since it was read."""
        need = self.need(window, session.host_id)
        if need is None or session.uuid in self._retry or session.uuid in self._retried:
            return False
        # Beyond the last day nothing is left out: what is listed there was listed because it is new.
        if session.day < need.first.subtract(days=ZONE_DAYS).to_date_string():
            return False
        return self._recent.get(session.day, {}).get(digest(session.uuid, 6)) != digest(session.fingerprint, 3)

    def claim(self, window: Window, session: Session) -> bool:
        """Return whether a listed session is to be read; True once, as it can be listed in several places."""
        claimed = self._claimed.setdefault(session.day, set())
        if session.uuid in claimed or not self.wants(window, session):
            return False
        claimed.add(session.uuid)
        return True

    def retries(self) -> list[Session]:
        """Return the sessions whose request failed in an earlier sync."""
        return [
            Session(**{name: value for name, value in entry.items() if name != "since"})
            for entry in self._retry.values()
        ]

    # What was read

    def open(self, window: Window, hosts: Iterable[str]) -> None:
        """Announce a window and the hosts that are read in it, in the order of the windows."""
        self._open[window] = {host for host in hosts if self.need(window, host)}
        self._pass_finished()

    def read(self, window: Window | None, session: Session, *, at: pendulum.DateTime, complete: bool) -> None:
        """Note that a session was read.

        :param window: the window it was listed in, None for a retry
        :param at: when it was read
        :param complete: whether its rows were all filled in
        """
        self._retry.pop(session.uuid, None)
        settled = session.end_time <= at.subtract(minutes=SETTLING_MINUTES).in_timezone("UTC").format(TIME_FORMAT)
        if settled and complete:
            self._recent.setdefault(session.day, {})[digest(session.uuid, 6)] = digest(session.fingerprint, 3)
            if window is not None:
                self._read.setdefault((window, session.host_id), []).append(session)

    def fail(self, session: Session) -> bool:
        """Note that a session cannot be read; return whether it is kept for a retry."""
        if session.uuid not in self._retry:
            if len(self._retry) >= MOST_RETRIES:
                return False
            entry = {name: getattr(session, name) for name in RETRIED if name != "since"}
            self._retry[session.uuid] = {**entry, "since": self._now.to_date_string()}
        return True

    def give_up(self, session: Session) -> bool:
        """Drop a session that was retried for `RETRY_DAYS`; return whether it was."""
        since = self._retry.get(session.uuid, {}).get("since")
        if since is None or since > self._now.subtract(days=RETRY_DAYS).to_date_string():
            return False
        del self._retry[session.uuid]
        return True

    def finish(self, window: Window, host: str) -> None:
        """Note that a host was read in a window, with all its sessions."""
        if host not in self._open.get(window, ()):
            return  # listed for another stream
        self._fill(window, host)
        if self._is_settled(window):
            self._done.setdefault(window.key, set()).add(host)
        self._close(window, host)

    def miss(self, window: Window, host: str) -> None:
        """Note that a host could not be read in a window, for the next sync to ask again."""
        need = self.need(window, host)
        if need is not None:
            self._fill(window, host)
            last = max(need.first, min(need.last, self._now.date()))
            self._missing.setdefault(host, []).append(Window(need.first, last))
        self._close(window, host)

    def blob(self) -> dict[str, Any]:
        """Return the state as Airbyte keeps it; no object of it is used further."""
        return {
            "version": VERSION,
            "end_time": self.end_time.format(TIME_FORMAT) if self.end_time else None,
            "hosts": {
                "done": {key: sorted(hosts) for key, hosts in sorted(self._done.items())},
                "missing": {
                    host: [[days.first.to_date_string(), days.last.to_date_string()] for days in ranges]
                    for host, ranges in sorted(self._missing.items())
                },
            },
            "recent": {day: dict(seen) for day, seen in sorted(self._recent.items()) if seen},
            "retry": {uuid: dict(entry) for uuid, entry in self._retry.items()},
        }

    # The books

    def _forget_unserved(self) -> bool:
        """Drop what lies before the first day; return whether something that was not read is among it."""
        gap = self.end_time is not None and self.end_time.date() < self._oldest
        for host, ranges in list(self._missing.items()):
            gap = gap or any(days.first < self._oldest for days in ranges)
            served = [clipped(days, self._oldest, days.last) for days in ranges if days.last >= self._oldest]
            self._missing[host] = served
            if not served:
                del self._missing[host]
        self._done = {key: hosts for key, hosts in self._done.items() if _day(key).add(days=DAYS) >= self._first_day}
        return gap

    def _is_settled(self, window: Window) -> bool:
        return window.last < self._now.date().subtract(days=self._margin + ZONE_DAYS)

    def _fill(self, window: Window, host: str) -> None:
        """Take the days of a window off what a host lacks."""
        left: list[Window] = []
        for days in self._missing.pop(host, []):
            if days.first < window.first:
                left.append(Window(days.first, min(days.last, window.first)))
            if days.last > window.last:
                left.append(Window(max(days.first, window.last), days.last))
        if left:
            self._missing[host] = left

    def _close(self, window: Window, host: str) -> None:
        sessions = self._read.pop((window, host), [])
        if self._is_settled(window):
            # The last days of a window are read again while the watermark stands at its end.
            listed_again = window.last.subtract(days=self._margin + 2 * ZONE_DAYS).to_date_string()
            for session in sessions:
                if session.day < listed_again:
                    self._recent.get(session.day, {}).pop(digest(session.uuid, 6), None)
        self._open.get(window, set()).discard(host)
        self._pass_finished()

    def _pass_finished(self) -> None:
        """Move the watermark over the first windows, as far as no host of them is left."""
        for window in list(self._open):
            if self._open[window]:
                return
            del self._open[window]
            self._passed.add(window)
            self._done.pop(window.key, None)
            listed_again = window.last.subtract(days=2 * ZONE_DAYS).to_date_string()
            self._claimed = {day: uuids for day, uuids in self._claimed.items() if day >= listed_again}
            end = self._now if window.last >= self._now.date() else _midnight(window.last)
            self.end_time = max(self.end_time, end) if self.end_time else end
        if self.end_time:
            oldest = self.end_time.date().subtract(days=self._margin + 2 * ZONE_DAYS).to_date_string()
            self._recent = {day: seen for day, seen in self._recent.items() if day >= oldest and seen}


def is_session_state(blob: Mapping[str, Any]) -> bool:
    """Return whether a blob has the form that `SessionState.blob` returns."""
    hosts = blob.get("hosts")
    try:
        return (
            blob.get("version") == VERSION
            and isinstance(hosts, Mapping)
            and (blob["end_time"] is None or bool(_moment(blob["end_time"])))
            and all(_day(key) <= date.max and isinstance(names, list) for key, names in hosts["done"].items())
            and all(_day(first) <= _day(last) for ranges in hosts["missing"].values() for first, last in ranges)
            and all(isinstance(mark, str) for seen in blob["recent"].values() for mark in seen.values())
            and all(
                all(isinstance(entry[name], kind) for name, kind in RETRIED.items()) for entry in blob["retry"].values()
            )
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _overlap(days: Window, window: Window) -> bool:
    """Return whether some days are a window's to read; the one it shares with a neighbour is not enough."""
    if days.first == days.last:
        return window.first <= days.first <= window.last
    return days.first < window.last and days.last > window.first


def _day(text: str) -> pendulum.Date:
    return pendulum.Date.fromisoformat(text)


def _moment(text: str) -> pendulum.DateTime:
    return pendulum.from_format(text, TIME_FORMAT, tz="UTC")


def _midnight(day: pendulum.Date) -> pendulum.DateTime:
    return pendulum.datetime(day.year, day.month, day.day)
