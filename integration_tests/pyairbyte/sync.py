"""Sync a source into DuckDB with PyAirbyte, as a user would, and print the number of records read and of rows stored.

`python sync.py EXECUTABLE CONFIG DATABASE`, with the Python of an environment that has PyAirbyte.
"""

import json
import sys
from pathlib import Path

import airbyte as ab
from airbyte.caches import DuckDBCache


def main(executable: str, config: str, database: str) -> None:
    source = ab.get_source(
        "source-zoom", config=json.loads(Path(config).read_text()), local_executable=Path(executable)
    )
    source.check()
    source.select_all_streams()
    incremental = [
        stream.name
        for stream in source.discovered_catalog.streams
        if "incremental" in {mode.value for mode in stream.supported_sync_modes}
    ]
    others = [name for name in source.get_selected_streams() if name not in incremental]
    cache = DuckDBCache(db_path=database)
    new = source.read(cache, streams=incremental)
    # By default, PyAirbyte merges what has a primary key: what Zoom no longer has would stay.
    full = source.read(cache, streams=others, write_strategy="replace", force_full_refresh=True)
    stored = {name: len(dataset) for result in (new, full) for name, dataset in result.items()}
    told = {"incremental": new.processed_records, "full": full.processed_records, "stored": stored}
    print(json.dumps(told))  # noqa: T201 - for the test, in the last line


if __name__ == "__main__":
    main(*sys.argv[1:])
