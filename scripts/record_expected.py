"""Write integration_tests/expected_records.jsonl from a read of the sandbox: `make records`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from unittest.mock import patch

import pendulum

from integration_tests.conftest import NOON, SMALL_ACCOUNT, Clock
from integration_tests.connector import CATALOG, PRIMARY_KEYS, STREAMS, assert_exact, config_of, read_here
from sandbox import Sandbox, SandboxOptions

FILE = Path(__file__).resolve().parent.parent / "integration_tests" / "expected_records.jsonl"
ROWS_PER_STREAM = 3


def render() -> str:
    """Return the first rows by primary key of every stream, as a read at a fixed time delivers them."""
    clock = Clock(NOON)
    with Sandbox(SandboxOptions(**SMALL_ACCOUNT), clock=clock) as sandbox, patch.object(pendulum, "now", clock.now):
        output = read_here(config_of(sandbox), CATALOG)
        assert_exact(output, sandbox, STREAMS)
    lines = []
    for stream in STREAMS:
        rows = sorted(output.records(stream), key=lambda row: [row[name] for name in PRIMARY_KEYS[stream]])
        lines += [{"stream": stream, "data": row} for row in rows[:ROWS_PER_STREAM]]
    return "".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines)


if __name__ == "__main__":
    logging.disable()
    FILE.write_text(render(), encoding="utf-8")
