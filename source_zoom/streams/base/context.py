"""What all streams of one sync share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import pendulum

from source_zoom.config import ZoomConfig
from source_zoom.streams.base.gaps import GapReport
from source_zoom.zoom.auth import ZoomAuthenticator
from source_zoom.zoom.clock import ClockCheck
from source_zoom.zoom.limits import Budgets
from source_zoom.zoom.token_watch import TokenWatch

SharedT = TypeVar("SharedT")


@dataclass(frozen=True)
class StreamContext:
    """What all streams of one sync share."""

    config: ZoomConfig
    authenticator: ZoomAuthenticator
    budgets: Budgets
    tokens: TokenWatch = field(default_factory=TokenWatch)
    clock: ClockCheck = field(default_factory=ClockCheck)
    gaps: GapReport = field(default_factory=GapReport)
    now: pendulum.DateTime = field(default_factory=lambda: pendulum.now("UTC"))
    """Start of the sync."""
    _shared: dict[Callable[[], Any], Any] = field(default_factory=dict)

    def shared(self, kind: Callable[[], SharedT]) -> SharedT:
        """Return the one object of a class that the streams of this sync have together, made when first asked for."""
        if kind not in self._shared:
            self._shared.setdefault(kind, kind())
        return cast(SharedT, self._shared[kind])
