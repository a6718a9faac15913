"""Meetings and webinars."""

from __future__ import annotations

from dataclasses import dataclass

WEBINAR_TYPES = frozenset({5, 6, 9})
"""Webinar, recurring webinar without and with fixed times; every other type is a kind of meeting."""


@dataclass(frozen=True)
class Kind:
    """What a session is; the noun begins the names of its columns."""

    noun: str

    def includes(self, type_: int) -> bool:
        """Return whether Zoom's number for a session stands for this kind."""
        return (type_ in WEBINAR_TYPES) is (self is WEBINAR)


MEETING = Kind("meeting")
WEBINAR = Kind("webinar")
