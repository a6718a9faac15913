"""Paths and nodes of a JSON schema, as far as the schemas compared here use the language."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

JsonObject = dict[str, Any]

_UNSUPPORTED = frozenset({"$ref", "anyOf", "not", "oneOf", "patternProperties"})
_SCALARS = ("boolean", "integer", "number", "string")


def without_alternatives(node: JsonObject) -> JsonObject:
    """A node of Zoom's documents, without the alternatives of a field that has a scalar type.

    They say which values there are, and contradict the type: `complete_time` of `/archive_files` is a string that is
    an object or empty.
    """
    is_scalar = any(node.get("type") == scalar for scalar in _SCALARS)
    return {name: part for name, part in node.items() if not (is_scalar and name in {"anyOf", "oneOf"})}


def properties(schema: Mapping[str, Any]) -> Iterator[tuple[str, JsonObject]]:
    """Name and schema of each property, those of `allOf` branches included (a name may come twice)."""
    if unsupported := _UNSUPPORTED & schema.keys():
        raise ValueError(f"Cannot list the properties of a schema with {sorted(unsupported)}.")
    yield from schema.get("properties", {}).items()
    for branch in schema.get("allOf", ()):
        yield from properties(branch)


def nodes(schema: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, JsonObject]]:
    """Path and schema of all that is below the root: `a`, `a.b` for properties, `a[]` for the items of an array."""
    for name, child in properties(schema):
        child_path = f"{path}.{name}" if path else name
        yield child_path, child
        yield from nodes(child, child_path)
    if "items" in schema:
        items_path = f"{path}[]"
        yield items_path, schema["items"]
        yield from nodes(schema["items"], items_path)


def types(schema: Mapping[str, Any]) -> frozenset[str]:
    """JSON types that the node declares; an untyped node with branches is an object."""
    declared = schema.get("type", "object" if "allOf" in schema or "properties" in schema else [])
    return frozenset([declared] if isinstance(declared, str) else declared)


def value_paths(value: object, path: str = "") -> Iterator[str]:
    """Paths, spelled like those of `nodes`, of all that a JSON value holds."""
    if isinstance(value, dict):
        for name, child in value.items():
            child_path = f"{path}.{name}" if path else name
            yield child_path
            yield from value_paths(child, child_path)
    elif isinstance(value, list):
        for child in value:
            yield f"{path}[]"
            yield from value_paths(child, f"{path}[]")


def unique_object(pairs: list[tuple[str, Any]]) -> JsonObject:
    """`object_pairs_hook` that refuses a key given twice, which `json` lets the last one win."""
    keys = [key for key, _ in pairs]
    if repeated := {key for key in keys if keys.count(key) > 1}:
        raise ValueError(f"Keys given twice: {sorted(repeated)}.")
    return dict(pairs)


def parse(text: str) -> JsonObject:
    """The JSON object in `text`; raises ValueError where a key is given twice."""
    value: JsonObject = json.loads(text, object_pairs_hook=unique_object)
    return value
