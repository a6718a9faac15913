"""The form of a state about past sessions: what it holds, read from JSON without trust and written as JSON.

What the fields mean stands in `state.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pendulum

from source_zoom.streams.windows import ledger_form
from source_zoom.streams.windows.digests import DigestSet
from source_zoom.streams.windows.ledger_form import (
    NOT_A_STATE,
    Cause,
    LedgerData,
    LedgerReader,
    Unread,
    a_list,
    an_object,
    boolean,
    integer,
    reason,
    text,
    unread,
)

OWNERS = "hosts"

STAGES = 4
"""Stages of a session of the lookback: read before the first, second, third milestone, and settled."""

ROW_BYTES = 4096
"""A listed row that is longer is not kept for a retry."""


@dataclass(frozen=True)
class Session:
    """A past meeting or webinar, as its host's report lists it.

    :param type: Zoom's number for the kind of meeting or webinar
    :param fingerprint: how it ended; while it is the same there is no reason to read the session again
    :param row: the listed row as JSON, empty if it is not at hand any more
    :param joined: whether the row has the columns that the list itself lacks
    :param is_reported: whether a host's report lists it; a webinar that nobody attended is known otherwise
    :param is_alone: whether nobody but one participant was there
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
    is_alone: bool = False

    @property
    def day(self) -> str:
        """UTC day it began on."""
        return self.start_time[:10]


@dataclass(frozen=True)
class Retry:
    """A session whose own request failed; without `since` and `cause` it is just not read yet."""

    session: Session
    asked: str
    since: str | None = None
    cause: Cause | None = None

    @property
    def is_refused(self) -> bool:
        """Whether it was refused for good."""
        return self.cause is not None and self.cause.refused


@dataclass
class Holdings(LedgerData):
    """All that a state holds."""

    unknown: dict[str, Unread] = field(default_factory=dict)
    recent: dict[str, list[DigestSet]] = field(default_factory=dict)
    retry: dict[str, Retry] = field(default_factory=dict)


def written(held: Holdings) -> dict[str, Any]:
    """Return a state as Airbyte keeps it; it shares no object with the holdings that can change."""
    return {
        **ledger_form.written(held, OWNERS),
        "unknown": unread(held.unknown),
        "recent": {
            day: [marks.encode() for marks in stages] for day, stages in sorted(held.recent.items()) if any(stages)
        },
        "retry": {uuid: _retry(entry) for uuid, entry in held.retry.items()},
    }


def read(saved: Mapping[str, Any], now: pendulum.DateTime) -> Holdings | None:
    """Return what a state holds, None if it is not one that `written` returns.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """
    try:
        return _Reader(now).holdings(saved)
    except NOT_A_STATE:
        return None


def _retry(entry: Retry) -> dict[str, Any]:
    session = entry.session
    return {
        **{name: getattr(session, name) for name in _TEXTS},
        "type": session.type,
        **{name: getattr(session, name) for name, usual in _FLAGS.items() if getattr(session, name) is not usual},
        **({"row": session.row.decode()} if session.row else {}),
        "asked": entry.asked,
        **reason(entry),
    }


_TEXTS = ("host_id", "meeting_id", "start_time", "end_time", "fingerprint")
_FLAGS = {"joined": False, "is_reported": True, "is_alone": False}


class _Reader(LedgerReader):
    """Takes a state apart."""

    def holdings(self, saved: Mapping[str, Any]) -> Holdings:
        return Holdings(
            **self.ledger(saved, OWNERS),
            unknown=self.unread(saved["unknown"]),
            recent={self.key(day): self._stages(stages) for day, stages in an_object(saved["recent"]).items()},
            retry={text(uuid): self._retry(text(uuid), entry) for uuid, entry in an_object(saved["retry"]).items()},
        )

    def _stages(self, value: object) -> list[DigestSet]:
        stages = [DigestSet.decode(text(marks)) for marks in a_list(value)]
        if len(stages) != STAGES:
            raise ValueError("recent sessions have other stages")
        return stages

    def _retry(self, uuid: str, value: object) -> Retry:
        entry = an_object(value)
        host_id, meeting_id, start_time, end_time, fingerprint = (text(entry[name]) for name in _TEXTS)
        joined, is_reported, is_alone = (boolean(entry.get(name, usual)) for name, usual in _FLAGS.items())
        session = Session(
            uuid,
            host_id,
            meeting_id,
            integer(entry["type"]),
            start_time,
            end_time,
            fingerprint,
            row=text(entry.get("row", "")).encode(),
            joined=joined,
            is_reported=is_reported,
            is_alone=is_alone,
        )
        return Retry(session, self.asked(entry["asked"]), *self.reason(entry))
