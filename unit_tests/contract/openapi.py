"""Zoom's OpenAPI documents: what an endpoint's answer looks like. They are not part of this repository."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from unit_tests.contract.schema_tree import JsonObject, nodes, properties, types, without_alternatives

SHARED_FOLDER = Path(__file__).parents[3] / "shared"
DOCUMENTS_FOLDER = SHARED_FOLDER / "zoom-openapi"

needs_documents = pytest.mark.skipif(
    not DOCUMENTS_FOLDER.is_dir(), reason="Zoom's OpenAPI documents (../shared/zoom-openapi) are not here"
)


@dataclass(frozen=True)
class Operation:
    """A GET of Zoom: its document, its path, and the key of its records (None: the answer is the record)."""

    document: str
    path: str
    records: str | None

    def records_of(self, body: JsonObject) -> list[JsonObject]:
        """The records in an answer's body."""
        return [body] if self.records is None else list(body[self.records])


@dataclass
class DocumentedField:
    """What the documents say about one path of a record, over all operations that return it."""

    types: set[str] = field(default_factory=set)
    formats: set[str] = field(default_factory=set)
    examples: list[Any] = field(default_factory=list)


@cache
def _document(name: str) -> JsonObject:
    text = (DOCUMENTS_FOLDER / f"{name}.json").read_text(encoding="utf-8")
    document: JsonObject = json.loads(text, object_hook=without_alternatives)
    return document


def documented(operation: Operation) -> JsonObject:
    """What is documented about the operation; raises KeyError where there is no such one."""
    found: JsonObject = _document(operation.document)["paths"][operation.path]["get"]
    return found


def query_parameters(operation: Operation) -> dict[str, JsonObject]:
    """Each documented query parameter, by its name."""
    return {one["name"]: one for one in documented(operation).get("parameters", []) if one["in"] == "query"}


def body_schema(operation: Operation) -> JsonObject:
    """Schema of the JSON body of the operation's 200 answer."""
    schema: JsonObject = documented(operation)["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def record_schema(operation: Operation) -> JsonObject:
    """Schema of one record of the operation's 200 answer."""
    body = body_schema(operation)
    if operation.records is None:
        return body
    items: JsonObject = dict(properties(body))[operation.records]["items"]
    return items


def documented_fields(operations: Iterable[Operation]) -> dict[str, DocumentedField]:
    """Every path below a record of the operations, with what is documented about it."""
    fields: defaultdict[str, DocumentedField] = defaultdict(DocumentedField)
    for operation in operations:
        for path, node in nodes(record_schema(operation)):
            fields[path].types |= types(node)
            fields[path].formats |= {node["format"]} if "format" in node else set()
            fields[path].examples += [node["example"]] if "example" in node else []
    return dict(fields)


def example(schema: Mapping[str, Any]) -> object:
    """An instance put together from the documented examples; what has none is left out of its object or array."""
    if "example" in schema:
        return schema["example"]
    if "array" in types(schema):
        item = example(schema["items"])
        return [] if item is None else [item]
    if "object" in types(schema):
        members = {name: example(child) for name, child in properties(schema)}
        return {name: value for name, value in members.items() if value is not None}
    return None
