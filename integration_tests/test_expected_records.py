"""The committed examples of what the connector delivers, records and states, are those of a read today."""

import json
import re
from typing import Any

import pytest

from integration_tests.conftest import Clock, Serve
from integration_tests.connector import INCREMENTAL, ROOT, STREAMS, catalog_of, config_of, read_here
from scripts.record_expected import FILE, render

pytestmark = pytest.mark.usefixtures("unpaced")


def by_stream(text: str) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = {}
    for line in map(json.loads, text.splitlines()):
        rows.setdefault(line["stream"], []).append(line["data"])
    return rows


def test_records_of_every_stream_are_those_in_the_file() -> None:
    """If a change of records is meant, `make records` writes the file anew."""
    expected = by_stream(FILE.read_text(encoding="utf-8"))
    assert list(expected) == list(STREAMS)
    delivered = by_stream(render())
    for stream in STREAMS:
        assert delivered[stream] == expected[stream], stream


def form_of(states: list[dict[str, Any]]) -> Any:
    """States with a zero for each digit of dates, and one digest in each set of them that has any."""
    for state in states:
        recent = state["stream"]["stream_state"].get("recent", {})
        for day, stages in recent.items():
            recent[day] = ["digest" if digests else "" for digests in stages]
    text = re.sub(r'"[0-9:TZ-]{6,}"', lambda value: re.sub("[0-9]", "0", value[0]), json.dumps(states))
    return json.loads(text)


def test_sample_state_has_the_form_of_what_a_read_leaves(serve: Serve, clock: Clock) -> None:
    sandbox = serve(clock)
    for kind in ("meeting", "webinar"):
        sandbox.add_sessions(kind=kind, ended_minutes_ago=180)  # so that each stream has something recent
    left = read_here(config_of(sandbox), catalog_of(*INCREMENTAL)).last_states()
    for state in left:
        del state["sourceStats"]  # the sync's number of records, which is in the message but is no state
    sample = json.loads((ROOT / "integration_tests" / "sample_state.json").read_text(encoding="utf-8"))
    assert form_of(sample) == form_of(left)
