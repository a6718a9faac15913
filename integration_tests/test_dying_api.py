"""Zoom dies in mid-sync: the sync ends soon, says so once for each stream, and the next one goes on exactly there."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

import pytest

from integration_tests.refusals import GAPS, Account, laboratory
from source_zoom.zoom import limits, retries

SCALE = 150
"""Seconds of reality in one of these tests: ten minutes, for an answer and for a label, become four seconds."""

SOON = 15 * 60 / SCALE
OVERHEAD = 30.0
"""Seconds that the work itself may take, which does not shrink with the waits."""

INCREMENTAL = ("report_meetings", "report_meeting_participants", "meeting_poll_results")
FULL = ("meetings", "meeting_polls", "channels")
STREAMS = (*INCREMENTAL, *FULL, GAPS)

DEATHS: dict[str, dict[str, Any]] = {
    "503": {"name": "refuse", "status": 503},
    "429": {"name": "refuse", "answer": "per-second"},
    "closed": {"name": "refuse", "answer": "reset"},
    "a byte a second": {"name": "drip", "path": "/v2/", "part": "body", "seconds": 1.0},
    "a byte of the headers a second": {"name": "drip", "path": "/v2/", "part": "headers", "seconds": 1.0},
}


@pytest.fixture(autouse=True)
def _short() -> Iterator[None]:
    with laboratory(), ExitStack() as stack:
        stack.enter_context(patch.object(limits, "ANSWER_SECONDS", limits.ANSWER_SECONDS / SCALE))
        patience = limits.PATIENCE_SECONDS / SCALE
        for module in (limits, retries):
            stack.enter_context(patch.object(module, "PATIENCE_SECONDS", patience))
        yield


@pytest.mark.parametrize("answered", [0, 8, 40])
@pytest.mark.parametrize("death", DEATHS)
def test_sync_ends_soon_and_is_taken_up_exactly(death: str, answered: int) -> None:
    with Account() as account:
        healthy = account.healthy(STREAMS).first
        account.sandbox.refuse(**DEATHS[death], after=answered + 1)
        started = time.monotonic()
        dying = account.read(STREAMS)
        assert time.monotonic() - started < SOON + OVERHEAD
        assert dying.exit_code == 1
        incomplete = {stream for stream in STREAMS if dying.status(stream) != "COMPLETE"}
        assert incomplete
        assert dying.errors == dict.fromkeys(incomplete, "transient_error")
        assert len(dying.output.all_errors()) == len(incomplete) + 1
        for stream in set(STREAMS) - incomplete - {GAPS}:
            assert dying.rows(stream).keys() == healthy.rows(stream).keys() or dying.gaps

        account.sandbox.allow()
        resumed = account.read(STREAMS, dying.state)
        assert resumed.errors == {}
        assert resumed.gaps == []
        for stream in (*INCREMENTAL, *FULL):
            union = {**(dying.rows(stream) if stream in INCREMENTAL else {}), **resumed.rows(stream)}
            assert union == healthy.rows(stream)
