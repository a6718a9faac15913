"""Write what Zoom's OpenAPI documents say about the sandbox's endpoints: `make shapes`.

Both files have label, scopes, parameters and page sizes of each: sandbox/shapes.json, for those in the table, with the
shape of a row; sandbox/routes.json, for all others, with that of the answer.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.areas import ROUTES
from sandbox.published import ROUTES_FILE
from sandbox.shaped import TABLE
from sandbox.shaped_rows import SHAPES, SHAPES_FILE, Shaped
from unit_tests.contract.schema_tree import without_alternatives

DOCUMENTS = Path(__file__).resolve().parents[2] / "shared" / "zoom-openapi"
PRODUCTS = (
    *("users", "meetings", "phone", "team-chat", "accounts", "rooms", "revenue-accelerator", "scheduler"),
    *("number-management", "qss", "ai-companion", "account-level"),
)
WIDTH = 120
COUNTS = ("page_size", "page_count", "page_number", "total_records")
PAGING = {"page_size", "page_number", "next_page_token"}
EXAMPLES = {
    "date-time": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"),
    "date": re.compile(r"\d{4}-\d\d-\d\d"),
    "email": re.compile(r"[^@\s]+@[^@\s]+\.\w+"),
    "digits": re.compile(r"\+?\d+"),
}
"""Formats that the documents leave to the example."""
BOUNDS = {"integer": ("minimum", "maximum"), "array": ("minItems",)}
"""What is kept of what a value must be, by type."""

MISSING = (
    "Zoom's OpenAPI documents are not here: put them, or a link to them, into ../shared/zoom-openapi, each as "
    "<product>.json, from https://developers.zoom.us/api-hub/<product>/methods/endpoints.json."
)

JsonObject = dict[str, Any]


class UndocumentedError(Exception):
    """Zoom's documents do not say what is needed; the message is one sentence for a person."""


def render(*streams: str) -> dict[Path, str]:
    """Return the text of each file; with `streams`, only of the shapes, in which those of these lines are made anew.

    :raises UndocumentedError: if the documents are not here, or lack an operation
    """
    operations = published()
    made = {stream: _shape(TABLE[stream], *find(operations, TABLE[stream].template)) for stream in streams or TABLE}
    shapes = {stream: made.get(stream) or SHAPES[stream] for stream in TABLE}
    others = set() if streams else {route.template for route in ROUTES} - {line.template for line in TABLE.values()}
    routes = {path: _answer(*find(operations, path)) for path in others}
    files = {SHAPES_FILE: shapes, **({ROUTES_FILE: routes} if others else {})}
    return {file: "\n".join(_lines(found)) + "\n" for file, found in files.items()}


def published() -> dict[str, JsonObject]:
    """Return the `get` operations that are documented, by product and path.

    :raises UndocumentedError: if the documents are not here
    """
    files = {product: DOCUMENTS / f"{product}.json" for product in PRODUCTS}
    texts = {product: file.read_text(encoding="utf-8") for product, file in files.items() if file.is_file()}
    pages = {product: json.loads(text, object_hook=without_alternatives) for product, text in texts.items()}
    if not pages:
        raise UndocumentedError(MISSING)
    return {
        product: {path: item["get"] for path, item in page["paths"].items() if "get" in item}
        for product, page in pages.items()
    }


def find(operations: Mapping[str, JsonObject], path: str) -> tuple[str, JsonObject]:
    """Return the product and the operation of a path.

    :raises UndocumentedError: if there is none
    """
    for product, paths in operations.items():
        if path in paths:
            return product, paths[path]
    raise UndocumentedError(f"No document has GET {path}.")


def queries(operation: JsonObject) -> dict[str, JsonObject]:
    """Return the query parameters of an operation by their names."""
    return {one["name"]: one for one in operation.get("parameters", ()) if one["in"] == "query"}


def lists(operation: JsonObject) -> dict[str, JsonObject]:
    """Return the arrays of an answer that may hold its records."""
    body = _properties(_body(operation))
    return {name: part for name, part in body.items() if part.get("type") == "array" and not part.get("deprecated")}


def scope(operation: JsonObject, kind: str) -> str:
    """Return the scope that allows an app of the account to read, and no more.

    :raises UndocumentedError: if there is none
    """
    scopes = [scope.strip() for scope in operation.get("x-extensions", {}).get(kind, ())]
    reading = [scope for scope in scopes if ":read:" in scope and scope.endswith(":admin")]
    if not reading:
        raise UndocumentedError("The operation has no scope that lets an app of the account read.")
    return str(reading[0])


def label(product: str, operation: JsonObject) -> str:
    """Return the rate label.

    :raises UndocumentedError: if there is none
    """
    match = re.search(r"Rate Limit Label\b.*?`([\w-]+)`", operation["description"], re.IGNORECASE | re.DOTALL)
    if match is None:
        raise UndocumentedError("The operation has no rate label.")
    name = match[1].capitalize()
    return f"Phone-{name.lower()}" if product == "phone" else name


def _body(operation: JsonObject) -> JsonObject:
    schema: JsonObject = operation["responses"]["200"]["content"]["application/json"]["schema"]
    return schema


def _shape(line: Shaped, product: str, operation: JsonObject) -> JsonObject:
    body, parameters = _properties(_body(operation)), queries(operation)
    [records] = [name for name in lists(operation) if line.records in {None, name}]
    scalars = sorted(name for name, part in body.items() if part.get("type") not in {"array", "object"})
    return {
        **_route(product, operation),
        "body": [name for name in scalars if name not in {*COUNTS, "next_page_token"}],
        "counts": [name for name in scalars if name in COUNTS],
        "records": records,
        "row": {
            name: _column(part, parameters.get(name), is_required=name in body[records]["items"].get("required", ()))
            for name, part in _properties(body[records]["items"]).items()
        },
    }


def _answer(product: str, operation: JsonObject) -> JsonObject:
    body = _properties(_body(operation))
    told = {name: _field(part) for name, part in body.items() if name not in {*COUNTS, "next_page_token"}}
    return {**_route(product, operation), "answer": told}


def _route(product: str, operation: JsonObject) -> JsonObject:
    parameters = queries(operation)
    size = parameters.get("page_size", {}).get("schema", {})
    page = {"default": size.get("default", 30), "maximum": size.get("maximum", 300)}
    return {
        "label": label(product, operation),
        "page": page if "next_page_token" in parameters else {},
        "parameters": {name: _parameter(one) for name, one in parameters.items() if name not in PAGING},
        "route": {
            "operation": operation["operationId"],
            "classic_scope": scope(operation, "x-macro-scopes"),
            "granular_scope": scope(operation, "x-granular-scopes"),
        },
    }


def _properties(schema: JsonObject) -> JsonObject:
    """Return the properties of a schema, those of its branches included."""
    found: JsonObject = {}
    for branch in schema.get("allOf", ()):
        found |= _properties(branch)
    found |= schema.get("properties", {})
    return found


def _parameter(parameter: JsonObject) -> JsonObject:
    schema = parameter["schema"]
    default = {"default": schema["default"]} if "default" in schema else {}
    return {**_field(schema), **default, **({"required": True} if parameter.get("required") else {})}


def _field(schema: JsonObject) -> JsonObject:
    parts = _properties(schema)
    kind = schema.get("type", "object" if parts else "string")
    field: JsonObject = {"type": kind}
    if kind == "string" and "enum" not in schema:
        text = str(schema.get("example", ""))
        form = next((name for name, pattern in EXAMPLES.items() if pattern.fullmatch(text)), None)
        field |= {"format": told} if (told := schema.get("format", form)) else {}
    if "enum" in schema and kind != "boolean":
        field["enum"] = schema["enum"]
    field |= {name: schema[name] for name in BOUNDS.get(kind, ()) if name in schema}
    if kind == "array":
        field["items"] = _field(schema["items"])
    if kind == "object":
        field["properties"] = {name: _field(part) for name, part in parts.items()}
    return field


def _column(schema: JsonObject, parameter: JsonObject | None, *, is_required: bool) -> JsonObject:
    """Return the field of a row; Zoom may publish its values only with the filter of the same name."""
    field, values = _field(schema), (parameter or {"schema": {}})["schema"].get("enum", ())
    said = {"required": True} if is_required else {}
    return {**({"enum": [one for one in values if one != "all"]} if values else {}), **field, **said}


def _lines(value: Any, depth: int = 0, name: str = "") -> Iterator[str]:
    """Yield the lines of a value: one if it fits, else one or more for each member."""
    head = " " * depth + (f"{json.dumps(name)}: " if name else "")
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    if not isinstance(value, dict) or len(head + text) < WIDTH:
        yield head + text
        return
    yield head + "{"
    for position, key in enumerate(sorted(value), 1):
        *others, last = _lines(value[key], depth + 1, key)
        yield from others
        yield last + ("," if position < len(value) else "")
    yield " " * depth + "}"


if __name__ == "__main__":
    try:
        texts = render(*sys.argv[1:])
    except UndocumentedError as error:
        sys.exit(str(error))
    for file, text in texts.items():
        file.write_text(text, encoding="utf-8")
