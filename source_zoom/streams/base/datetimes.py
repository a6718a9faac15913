"""Date-times of Zoom's: as moments, and where they are empty strings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pendulum

TIME_FORMAT = "YYYY-MM-DD[T]HH:mm:ss[Z]"
"""How Zoom writes moments."""


def moment_of(text: object) -> pendulum.DateTime | None:
    """Return the moment that a text names, in UTC where it names no zone; None if it names none."""
    try:
        moment = pendulum.parse(str(text), strict=False) if text else None
    except (ValueError, OverflowError):
        return None
    return moment if isinstance(moment, pendulum.DateTime) else None


def utc_text(text: object) -> str | None:
    """Return a text's moment as Zoom writes moments, in UTC; None if it names none."""
    moment = moment_of(text)
    return moment.in_timezone("UTC").format(TIME_FORMAT) if moment else None


class DateTimeFields:
    """The date-time fields of a JSON schema, at any depth.

    Zoom sends "" for a date-time that is not set, which a warehouse cannot load as a timestamp.
    """

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._tree = _tree_of(schema)

    def null_empty(self, record: dict[str, Any]) -> None:
        """Replace empty-string date-times by null, in place."""
        _null_empty(record, self._tree)


Tree = dict[str, "Tree | None"]
"""Field name to None for a date-time, to a tree for an object (or a list of objects) that contains some."""


def _tree_of(schema: Mapping[str, Any]) -> Tree:
    tree: Tree = {}
    for name, subschema in schema.get("properties", {}).items():
        if subschema.get("format") == "date-time":
            tree[name] = None
        else:
            subtree = _tree_of(subschema.get("items", subschema))
            if subtree:
                tree[name] = subtree
    return tree


def _null_empty(value: Any, tree: Tree) -> None:
    if isinstance(value, list):
        for item in value:
            _null_empty(item, tree)
    elif isinstance(value, dict):
        for name, subtree in tree.items():
            if subtree is not None:
                _null_empty(value.get(name), subtree)
            elif value.get(name) == "":
                value[name] = None
