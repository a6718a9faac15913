"""The sample answers: such as Zoom documents them, and covered by the streams' schemas."""

import pytest
from airbyte_cdk.sources.utils.schema_helpers import ResourceSchemaLoader
from jsonschema import Draft4Validator, Draft7Validator

from unit_tests.contract.contracts import SAMPLES_FOLDER, STREAM_NAMES, contract, sample
from unit_tests.contract.formats import CHECKER
from unit_tests.contract.openapi import body_schema, documented_fields, example, needs_documents, record_schema
from unit_tests.contract.schema_tree import JsonObject, nodes, value_paths

each_stream = pytest.mark.parametrize("stream", STREAM_NAMES)


def stream_schema(stream: str) -> JsonObject:
    return ResourceSchemaLoader("source_zoom").get_schema(stream)


def sample_records(stream: str) -> list[JsonObject]:
    return contract(stream).operation.records_of(sample(stream))


def test_every_stream_has_a_sample() -> None:
    assert {path.stem for path in SAMPLES_FOLDER.glob("*.json")} == set(STREAM_NAMES)


@each_stream
def test_sample_records_have_the_keys_that_zoom_sends(stream: str) -> None:
    keys = contract(stream).primary_key - contract(stream).own_columns
    records = sample_records(stream)

    assert records
    assert all(record.get(key) for record in records for key in keys)


@each_stream
def test_sample_records_fit_the_stream_schema(stream: str) -> None:
    validator = Draft7Validator(stream_schema(stream), format_checker=CHECKER)

    assert [error.message for record in sample_records(stream) for error in validator.iter_errors(record)] == []


@each_stream
def test_stream_schema_declares_every_field_of_the_sample(stream: str) -> None:
    declared = {path for path, _ in nodes(stream_schema(stream))}

    assert not {path for record in sample_records(stream) for path in value_paths(record)} - declared


@needs_documents
@each_stream
def test_sample_fits_zooms_response_schema(stream: str) -> None:
    # OpenAPI 3.0 schemas are an extension of an early draft: draft 4 is the nearest one.
    validator = Draft4Validator(body_schema(contract(stream).operation), format_checker=CHECKER)

    assert [error.message for error in validator.iter_errors(sample(stream))] == []


@needs_documents
@each_stream
def test_sample_shows_every_field_that_zoom_documents(stream: str) -> None:
    shown = {path for record in sample_records(stream) for path in value_paths(record)}

    documented = documented_fields([contract(stream).operation]).keys() - contract(stream).withheld
    assert not documented - shown


@each_stream
def test_sample_shows_every_field_that_zoom_sends_without_documenting_it(stream: str) -> None:
    shown = {path for record in sample_records(stream) for path in value_paths(record)}

    assert shown >= contract(stream).seen


@needs_documents
@each_stream
def test_zooms_documented_examples_fit_the_stream_schema(stream: str) -> None:
    validator = Draft7Validator(stream_schema(stream), format_checker=CHECKER)

    for operation in contract(stream).operations:
        record = example(record_schema(operation))
        assert record
        assert [error.message for error in validator.iter_errors(record)] == []
