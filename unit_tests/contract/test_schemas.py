"""The streams' schemas: complete, typed as Zoom's API types them, and all of one form."""

import re
from collections.abc import Iterator

import pytest
from airbyte_cdk.sources.utils.schema_helpers import ResourceSchemaLoader
from jsonschema import Draft7Validator

from unit_tests.contract.contracts import (
    SCHEMA_NAMES,
    SCHEMAS_FOLDER,
    SEEN,
    STREAM_NAMES,
    WITHHELD,
    contract,
    cursor_field,
    own_columns,
    primary_key,
)
from unit_tests.contract.formats import DATE, DATE_TIME_WITH_ZONE
from unit_tests.contract.openapi import DocumentedField, documented_fields, needs_documents
from unit_tests.contract.schema_tree import JsonObject, nodes, parse, types
from unit_tests.contract.seed_tables import columns, needs_tables
from unit_tests.declared import BY_NAME

SEED_TYPES = {
    "ARRAY": "array",
    "BOOLEAN": "boolean",
    "DATE-TIME": "string",
    "INTEGER": "integer",
    "OBJECT": "object",
    "STRING": "string",
}

NULLABLE_CURSORS = {"archive_files": ("complete_time",)}
"""Zoom lists an archive that is not complete."""

each_stream = pytest.mark.parametrize("stream", STREAM_NAMES)
each_schema = pytest.mark.parametrize("stream", SCHEMA_NAMES)
each_incremental_stream = pytest.mark.parametrize(
    "stream", [name for name in STREAM_NAMES if BY_NAME[name].incremental_field]
)
each_schema_file = pytest.mark.parametrize(
    "name", sorted(path.relative_to(SCHEMAS_FOLDER).as_posix() for path in SCHEMAS_FOLDER.rglob("*.json"))
)


def fields_of(stream: str) -> dict[str, JsonObject]:
    return dict(nodes(ResourceSchemaLoader("source_zoom").get_schema(stream)))


def raw_schema(name: str) -> JsonObject:
    return parse((SCHEMAS_FOLDER / name).read_text(encoding="utf-8"))


def raw_nodes(schema: JsonObject) -> Iterator[JsonObject]:
    """The schema and all schemas in it, before references are resolved."""
    yield schema
    for child in schema.get("properties", {}).values():
        yield from raw_nodes(child)
    if "items" in schema:
        yield from raw_nodes(schema["items"])


def json_type(value: object) -> str:
    return {bool: "boolean", dict: "object", float: "number", int: "integer", list: "array", str: "string"}[type(value)]


def documented_format(documented: DocumentedField) -> str | None:
    """The format that the examples show: what Zoom calls a date-time may be a date, or a time without zone."""
    texts = [example for example in documented.examples if isinstance(example, str)]
    if texts and all(DATE_TIME_WITH_ZONE.fullmatch(text) for text in texts):
        return "date-time"
    if texts and all(DATE.fullmatch(text) for text in texts):
        return "date"
    return None if texts else next(iter(documented.formats & {"date", "date-time"}), None)


@needs_documents
@each_stream
def test_schema_holds_every_documented_field(stream: str) -> None:
    missing = contract(stream).documented_fields().keys() - fields_of(stream).keys()

    assert not missing


@needs_documents
@each_stream
def test_schema_types_every_documented_field_as_zoom_does(stream: str) -> None:
    fields = fields_of(stream)
    documented = contract(stream).documented_fields()
    expected = {
        path: entry.types | {json_type(value) for value in entry.examples} for path, entry in documented.items()
    }

    assert {path: types(fields[path]) - {"null"} for path in expected} == expected


@needs_documents
@each_stream
def test_schema_marks_date_times_as_zooms_examples_show_them(stream: str) -> None:
    fields = fields_of(stream)
    documented = contract(stream).documented_fields()
    expected = {path: documented_format(entry) for path, entry in documented.items()}

    assert {path: fields[path].get("format") for path in expected} == expected


@needs_documents
@each_stream
def test_schema_gives_64_bit_fields_the_integer_type(stream: str) -> None:
    fields = fields_of(stream)
    documented = contract(stream).documented_fields()
    wide = [path for path, entry in documented.items() if "int64" in entry.formats]

    assert {path for path in wide if "integer" not in types(fields[path])} == set()


@needs_tables
@each_stream
def test_schema_holds_every_seed_column(stream: str) -> None:
    assert not columns(stream).keys() - fields_of(stream).keys()


@needs_documents
@needs_tables
@each_stream
def test_schema_types_seed_columns_that_zoom_no_longer_documents_as_the_table_does(stream: str) -> None:
    fields = fields_of(stream)
    documented = contract(stream).documented_fields()
    undocumented = {path: word for path, word in columns(stream).items() if path not in documented}

    assert {path: types(fields[path]) - {"null"} for path in undocumented} == {
        path: {SEED_TYPES[word]} for path, word in undocumented.items()
    }
    assert {path for path, word in undocumented.items() if word == "DATE-TIME"} == {
        path for path in undocumented if fields[path].get("format") == "date-time"
    }


@each_stream
def test_schema_declares_what_zoom_sends_without_documenting_it_and_nothing_that_it_never_sends(stream: str) -> None:
    assert contract(stream).seen <= fields_of(stream).keys()
    assert not contract(stream).withheld & fields_of(stream).keys()


def test_what_no_class_knows_is_said_of_streams_that_there_are() -> None:
    assert SEEN.keys() | WITHHELD.keys() <= set(STREAM_NAMES)


@needs_documents
@each_stream
def test_what_is_said_to_be_undocumented_or_withheld_is(stream: str) -> None:
    documented = documented_fields(contract(stream).operations).keys()

    assert not contract(stream).seen & documented
    assert contract(stream).withheld <= documented


@needs_documents
@needs_tables
@each_stream
def test_schema_declares_no_field_of_unknown_origin(stream: str) -> None:
    documented = contract(stream).documented_fields().keys()
    known = documented | columns(stream).keys() | own_columns(stream) | contract(stream).seen

    assert not fields_of(stream).keys() - known


@each_stream
def test_connector_columns_are_strings(stream: str) -> None:
    fields = fields_of(stream)

    assert all(types(fields[column]) - {"null"} == {"string"} for column in own_columns(stream))


@each_schema
def test_only_the_primary_key_and_the_cursor_are_never_null(stream: str) -> None:
    not_null = {path for path, field in fields_of(stream).items() if "null" not in types(field)}

    may_be_null = {None, *NULLABLE_CURSORS.get(stream, ())}
    assert not_null == primary_key(stream) | ({cursor_field(stream)} - may_be_null)


@each_incremental_stream
def test_the_cursor_is_a_date_time(stream: str) -> None:
    assert fields_of(stream)[str(cursor_field(stream))].get("format") == "date-time"


@each_schema
def test_arrays_have_typed_items(stream: str) -> None:
    arrays = [field for field in fields_of(stream).values() if "array" in types(field)]

    assert all(types(field.get("items", {})) for field in arrays)


@each_schema
def test_ids_are_never_numbers(stream: str) -> None:
    numbers = {path for path, field in fields_of(stream).items() if "number" in types(field)}

    assert not {path for path in numbers if re.search(r"(^|[._])(u?u?ids?|pmi)(\[\])?$", path)}


@each_schema
def test_date_times_have_one_form(stream: str) -> None:
    for path, field in fields_of(stream).items():
        is_date_time = field.get("format") == "date-time"
        assert field.get("format") in {None, "date", "date-time"}, path
        assert field.get("airbyte_type") == ("timestamp_with_timezone" if is_date_time else None), path
        assert "format" not in field or types(field) - {"null"} == {"string"}, path


@each_schema
def test_every_property_has_a_description(stream: str) -> None:
    undescribed = {
        path
        for path, field in fields_of(stream).items()
        if not path.endswith("[]") and not field.get("description", "").strip()
    }

    assert not undescribed


@each_schema
def test_key_columns_come_first_and_the_rest_in_alphabetical_order(stream: str) -> None:
    names = list(raw_schema(f"{stream}.json")["properties"])
    leading = primary_key(stream) | own_columns(stream)
    count = sum(name in leading | {"id", "host_id"} for name in names)

    assert set(names[: len(primary_key(stream))]) == primary_key(stream)
    assert leading <= set(names[:count])
    assert names[count:] == sorted(names[count:])


@each_schema
def test_top_level_is_a_draft_7_object(stream: str) -> None:
    schema = raw_schema(f"{stream}.json")

    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert schema["type"] == "object"
    assert schema.keys() == {"$schema", "description", "type", "additionalProperties", "properties"}


@each_schema_file
def test_file_is_valid_draft_7(name: str) -> None:
    Draft7Validator.check_schema(raw_schema(name))


@each_schema_file
def test_objects_stay_open(name: str) -> None:
    objects = [node for node in raw_nodes(raw_schema(name)) if "object" in types(node)]

    assert objects
    assert all(node.get("additionalProperties") is True and "properties" in node for node in objects)


@each_schema_file
def test_references_stand_alone(name: str) -> None:
    assert all(len(node) == 1 for node in raw_nodes(raw_schema(name)) if "$ref" in node)


@each_schema_file
def test_values_are_not_enumerated(name: str) -> None:
    assert not any({"enum", "const", "required"} & node.keys() for node in raw_nodes(raw_schema(name)))
