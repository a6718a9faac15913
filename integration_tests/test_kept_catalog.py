"""A connection of the declarative connector, as it was: its settings, its catalog and its state are taken."""

from pathlib import Path
from typing import Any

import pytest

from integration_tests.conftest import Serve
from integration_tests.connector import CATALOG, Connector, config_of
from sandbox.expected import COUNTED_BY_SESSION
from sandbox.shaped import TABLE

RENAMED = {
    "meeting_questions": "meeting_registration_questions",
    "webinar_questions": "webinar_registration_questions",
}
"""The names that two streams have there."""

ABSENT = {"pending_users", "channels", "read_gaps", *TABLE}
"""The streams that it does not have."""


def kept_catalog(destination_sync_mode: str) -> dict[str, Any]:
    """Its catalog: full refreshes, with keys that are not those of this connector."""
    names = [configured["stream"]["name"] for configured in CATALOG["streams"]]
    return {
        "streams": [
            {
                "stream": {
                    "name": RENAMED.get(name, name),
                    "json_schema": {},
                    "supported_sync_modes": ["full_refresh"],
                    "source_defined_primary_key": [["id"]],
                },
                "primary_key": [["id"]],
                "cursor_field": [],
                "sync_mode": "full_refresh",
                "destination_sync_mode": destination_sync_mode,
            }
            for name in names
            if name not in ABSENT
        ]
    }


def kept_state(catalog: dict[str, Any]) -> list[dict[str, Any]]:
    """Its state: a mark of what was read in full, or the states of a parent's slices."""
    blobs: tuple[dict[str, Any], ...] = (
        {"__ab_no_cursor_state_message": True},
        {"__ab_full_refresh_sync_complete": True},
        {"states": []},
    )
    return [
        {
            "type": "STREAM",
            "stream": {
                "stream_descriptor": {"name": configured["stream"]["name"]},
                "stream_state": blobs[number % len(blobs)],
            },
        }
        for number, configured in enumerate(catalog["streams"])
    ]


@pytest.mark.parametrize("mode", ["overwrite", "append"])
@pytest.mark.parametrize("with_state", [True, False])
def test_its_streams_are_read_under_its_names(
    tmp_path: Path,
    serve: Serve,
    mode: str,
    with_state: bool,  # noqa: FBT001
) -> None:
    sandbox = serve(oddities=False, sessions_per_host=20)
    nested = config_of(sandbox)
    credentials = nested.pop("credentials")
    credentials.pop("auth_type")
    config = {**nested, **credentials, "authorization_endpoint": nested["authorization_endpoint"]}
    catalog = kept_catalog(mode)
    assert len(catalog["streams"]) == 19
    files = {"state": kept_state(catalog)} if with_state else {}
    output = Connector(tmp_path).run("read", config=config, catalog=catalog, **files)
    assert output.exit_code == 0
    assert output.all_errors() == []
    for configured in CATALOG["streams"]:
        own = configured["stream"]["name"]
        if own in ABSENT:
            continue
        name = RENAMED.get(own, own)
        rows = output.records(name)
        assert output.statuses(name)[-1] == "COMPLETE"
        expected = sandbox.expected_keys(own)
        keys = [path[0] for path in configured["stream"]["source_defined_primary_key"]]
        count = sum(int(key[1]) for key in expected) if own in COUNTED_BY_SESSION else len(expected)
        assert len({tuple(row[key] for key in keys) for row in rows}) == len(rows) == count
        assert count
    assert output.streams() == {configured["stream"]["name"] for configured in catalog["streams"]}
