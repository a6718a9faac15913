"""The connector's command line without rate limits: `python -m bench.unpaced WORKERS read ...`."""

from __future__ import annotations

import dataclasses
import sys
from typing import Any
from unittest.mock import patch

from source_zoom import run
from source_zoom.config import ZoomConfig
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.plan_search import PER_SECOND

UNPACED = 1_000_000.0
"""Requests per second that no machine reaches."""


def main(workers: int, arguments: list[str]) -> None:
    """Run a command with so many workers, also where the config does not allow that number."""
    for plan in PER_SECOND:
        PER_SECOND[plan] = dict.fromkeys(RateLabel, UNPACED)
    parse = ZoomConfig.parse

    def parse_with_workers(*args: Any, **others: Any) -> ZoomConfig:
        return dataclasses.replace(parse(*args, **others), num_workers=workers)

    with patch.object(ZoomConfig, "parse", parse_with_workers):
        run.main(arguments)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
