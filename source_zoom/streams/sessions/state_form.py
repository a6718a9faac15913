"""The form of a state about past sessions: what it holds, read from JSON without trust and written as JSON.

What the fields mean stands in `state.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pendulum

from source_zoom.streams.items import state_form
from source_zoom.streams.items.state_form import Item, ItemData, ItemReader
from source_zoom.streams.windows.ledger_form import NOT_A_STATE, Unread, boolean, integer, text, unread

OWNERS = "hosts"

UNATTENDED = "unattended"
"""The owner, beside the hosts, of webinars that no report lists, as they are known otherwise and later."""


@dataclass(frozen=True)
class Session(Item):
    """A past meeting or webinar, as its host's report lists it.

    :param type: Zoom's number for the kind of meeting or webinar
    :param joined: whether the row has the columns that the list itself lacks
    :param is_reported: whether a host's report lists it; a webinar that nobody attended is known otherwise
    :param is_alone: whether nobody but one participant was there
    """

    meeting_id: str = field(kw_only=True)
    type: int = field(kw_only=True)
    joined: bool = field(default=False, kw_only=True)
    is_reported: bool = field(default=True, kw_only=True)
    is_alone: bool = field(default=False, kw_only=True)

    @property
    def listed_under(self) -> str:
        """The host whose report lists it, or the owner of what no report lists."""
        return self.owner if self.is_reported else UNATTENDED

    @property
    def uuid(self) -> str:
        """UUID of the instance."""
        return self.key

    @property
    def host_id(self) -> str:
        """Id of the host, or the e-mail address where Zoom lists no id."""
        return self.owner


@dataclass
class SessionData(ItemData[Session]):
    """All that a state holds."""

    unknown: dict[str, Unread] = field(default_factory=dict)


def written(held: SessionData) -> dict[str, Any]:
    """Return a state as Airbyte keeps it; it shares no object with the data that can change."""
    return {**state_form.written(held, OWNERS, _fields_of), "unknown": unread(held.unknown)}


def read(saved: Mapping[str, Any], now: pendulum.DateTime) -> SessionData | None:
    """Return what a state holds, None if it is not one that `written` returns.

    :param now: no day but the watermark's may lie more than a day ahead of it
    """
    reader = ItemReader(now)
    try:
        return SessionData(**reader.items(saved, OWNERS, _session), unknown=reader.unread(saved["unknown"]))
    except NOT_A_STATE:
        return None


_TEXTS = ("host_id", "meeting_id", "start_time", "end_time", "fingerprint")
_FLAGS = {"joined": False, "is_reported": True, "is_alone": False}


def _fields_of(session: Session) -> dict[str, Any]:
    return {
        **{name: getattr(session, name) for name in _TEXTS},
        "type": session.type,
        **{name: getattr(session, name) for name, usual in _FLAGS.items() if getattr(session, name) is not usual},
    }


def _session(uuid: str, entry: Mapping[str, Any], row: bytes) -> Session:
    host_id, meeting_id, start_time, end_time, fingerprint = (text(entry[name]) for name in _TEXTS)
    flags = {name: boolean(entry.get(name, usual)) for name, usual in _FLAGS.items()}
    type_ = integer(entry["type"])
    return Session(uuid, host_id, start_time, end_time, fingerprint, row, meeting_id=meeting_id, type=type_, **flags)
