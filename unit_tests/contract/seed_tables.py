"""The table of columns that users of other Zoom connectors know. It is not part of this repository."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
import yaml

from unit_tests.contract.openapi import SHARED_FOLDER

TABLES_FILE = SHARED_FOLDER / "seed-tables.yaml"

needs_tables = pytest.mark.skipif(
    not TABLES_FILE.is_file(), reason="the seed tables (../shared/seed-tables.yaml) are not here"
)

# Names that the tables misspell; Zoom's answers have the right-hand one.
_API_SPELLING = {"county": "country", "occurence_id": "occurrence_id", "occurences": "occurrences"}


@cache
def _streams() -> dict[str, Any]:
    streams: dict[str, Any] = yaml.safe_load(TABLES_FILE.read_text(encoding="utf-8"))["streams"]
    return streams


def _paths(fields: Iterable[Mapping[str, Any]], prefix: str) -> Iterator[tuple[str, str]]:
    for column in fields:
        path = prefix + _API_SPELLING.get(column["name"], column["name"])
        yield path, column["type"]
        children = column.get("fields", [])
        if column["type"] == "OBJECT":
            yield from _paths(children, f"{path}.")
        elif [child["name"] for child in children] == ["value"]:
            # The tables' way to write an array of plain values.
            yield f"{path}[]", children[0]["type"]
        elif children:
            yield f"{path}[]", "OBJECT"
            yield from _paths(children, f"{path}[].")


def columns(stream: str) -> dict[str, str]:
    """Path (spelled as Zoom's API spells it) and type word of each column listed for the stream, nested ones too.

    None for a stream that the tables do not list.
    """
    return dict(_paths(_streams().get(stream, {}).get("columns", ()), ""))
