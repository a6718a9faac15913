"""Write what Zoom's OpenAPI documents say about the sandbox's endpoints: `make shapes`.

Of those of the table sandbox/shapes.json has the shape, too, and of all others sandbox/routes.json label and scopes.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.areas import ROUTES
from sandbox.routing import ROUTES_FILE
from sandbox.shaped import TABLE
from sandbox.shaped_rows import SHAPES_FILE, Shaped

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

JsonObject = dict[str, Any]


def render(documents: Path = DOCUMENTS) -> dict[Path, str]:
    """Return the text of each file."""
    pages = {name: json.loads((documents / f"{name}.json").read_text(encoding="utf-8"))["paths"] for name in PRODUCTS}
    shapes = {stream: _shape(line, *_operation(pages, line.template)) for stream, line in TABLE.items()}
    others = {route.template for route in ROUTES} - {line.template for line in TABLE.values()}
    routes = {one: {"label": _label(*_operation(pages, one)), **_route(_operation(pages, one)[1])} for one in others}
    return {file: "\n".join(_lines(found)) + "\n" for file, found in ((SHAPES_FILE, shapes), (ROUTES_FILE, routes))}


def _operation(pages: Mapping[str, JsonObject], template: str) -> tuple[str, JsonObject]:
    for product, paths in pages.items():
        if "get" in paths.get(template, {}):
            return product, paths[template]["get"]
    raise LookupError(f"No document has GET {template}.")


def _shape(line: Shaped, product: str, operation: JsonObject) -> JsonObject:
    queries = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
    body = _properties(operation["responses"]["200"]["content"]["application/json"]["schema"])
    arrays = [name for name, part in body.items() if part.get("type") == "array" and not part.get("deprecated")]
    [records] = [name for name in arrays if line.records in {None, name}]
    size = queries.get("page_size", {}).get("schema", {})
    scalars = sorted(name for name, part in body.items() if part.get("type") not in {"array", "object"})
    page = {"default": size.get("default", 30), "maximum": size.get("maximum", 300)}
    return {
        "body": [name for name in scalars if name not in {*COUNTS, "next_page_token"}],
        "counts": [name for name in scalars if name in COUNTS],
        "label": _label(product, operation),
        "page": page if "next_page_token" in queries else {},
        "parameters": {name: _parameter(one) for name, one in queries.items() if name not in PAGING},
        "records": records,
        "route": _route(operation),
        "row": {name: _column(part, queries.get(name)) for name, part in _properties(body[records]["items"]).items()},
    }


def _route(operation: JsonObject) -> JsonObject:
    return {
        "operation": operation["operationId"],
        "classic_scope": _scope(operation, "x-macro-scopes"),
        "granular_scope": _scope(operation, "x-granular-scopes"),
    }


def _properties(schema: JsonObject) -> JsonObject:
    """Return the properties of a schema, those of its branches included."""
    found: JsonObject = {}
    for branch in schema.get("allOf", ()):
        found |= _properties(branch)
    found |= schema.get("properties", {})
    return found


def _scope(operation: JsonObject, kind: str) -> str:
    """Return the scope that allows to read and no more, for the whole account."""
    scopes = [scope.strip() for scope in operation["x-extensions"][kind]]
    return str(next(scope for scope in scopes if ":read:" in scope and scope.endswith(":admin")))


def _label(product: str, operation: JsonObject) -> str:
    match = re.search(r"Rate Limit Label\b.*?`([\w-]+)`", operation["description"], re.IGNORECASE | re.DOTALL)
    if match is None:
        raise LookupError("The operation has no rate label.")
    label = match[1].capitalize()
    return f"Phone-{label.lower()}" if product == "phone" else label


def _parameter(parameter: JsonObject) -> JsonObject:
    schema = parameter["schema"]
    said = {name: schema[name] for name in ("default", "maximum") if name in schema}
    return {**_field(schema), **said, **({"required": True} if parameter.get("required") else {})}


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
    if kind == "array":
        field["items"] = _field(schema["items"])
    if kind == "object":
        field["properties"] = {name: _field(part) for name, part in parts.items()}
    return field


def _column(schema: JsonObject, parameter: JsonObject | None) -> JsonObject:
    """Return the field of a row, whose values may be published with the filter of its name only."""
    field, values = _field(schema), (parameter or {"schema": {}})["schema"].get("enum", ())
    return {**({"enum": [one for one in values if one != "all"]} if values else {}), **field}


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
    if not DOCUMENTS.is_dir():
        sys.exit("Zoom's OpenAPI documents are not in ../shared/zoom-openapi.")
    for file, text in render().items():
        file.write_text(text, encoding="utf-8")
