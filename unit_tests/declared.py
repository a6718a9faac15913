"""The streams as they are declared: their classes, an instance of each, and Zoom's operation that each reads."""

from __future__ import annotations

import re

from source_zoom.streams import STREAMS, ZoomStream, build
from source_zoom.streams.sessions.history import HistoryMeetings, SmallHistoryMeetings
from source_zoom.streams.sessions.hosts import ActiveHosts
from unit_tests.contract.openapi import Operation
from unit_tests.fake_zoom import context

HELPERS: tuple[type[ZoomStream], ...] = (ActiveHosts, HistoryMeetings, SmallHistoryMeetings)
"""Endpoints that another stream reads in its own time, so that they are no nodes of the tree."""
DECLARED = (*STREAMS, *HELPERS)
BY_NAME = build(context())

DOCS = re.compile(
    r"https://developers\.zoom\.us/docs/api/(?P<product>[a-z-]+)/#tag/(?P<tag>[a-z-]+)/get(?P<path>/\S+?)\.?$"
)


def instance(cls: type[ZoomStream]) -> ZoomStream:
    """Return an instance that makes no request."""
    if cls in HELPERS:
        return cls(context())
    return next(stream for stream in BY_NAME.values() if type(stream) is cls)


def operation_of(cls: type[ZoomStream]) -> Operation:
    """Return the operation whose page the docstring names: that of the stream, or of the one that it varies."""
    varied = [base for base in cls.__mro__ if issubclass(base, ZoomStream) and "endpoint" in vars(base)]
    first_lines = [(base.__doc__ or "").strip().split("\n")[0] for base in varied]
    docs = next(filter(None, map(DOCS.match, first_lines)), None)
    if docs is None:
        raise LookupError(f"The docstring of {cls.__name__} does not begin with Zoom's page of the endpoint.")
    return Operation(docs["product"], docs["path"], cls.endpoint.records)
