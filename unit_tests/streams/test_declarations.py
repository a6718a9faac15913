"""What holds for every stream, checked on its declaration alone."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pendulum
import pytest

import source_zoom.streams
from source_zoom.engine import Role, slices_from
from source_zoom.streams import STREAMS, PastSessionStream, ReadGaps, ZoomStream, build_all
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.items.state_form import Item
from source_zoom.streams.items.stream import ItemStream
from source_zoom.streams.sessions.answers import SessionAnswers
from source_zoom.streams.sessions.hosts import ActiveHosts
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.windows.grid import Window
from source_zoom.streams.windows.stream import ResumableStream, WindowStream
from source_zoom.zoom.answers import classify
from source_zoom.zoom.endpoint import RateLabel
from source_zoom.zoom.meanings import LACKING, NOTHING, NOTHING_THERE, Meaning, name_of
from unit_tests.contract.openapi import documented, needs_documents, query_parameters
from unit_tests.declared import BY_NAME, DECLARED, HELPERS, instance, operation_of
from unit_tests.fake_zoom import context
from unit_tests.streams.skips import SKIPS, sources

SCHEMAS = Path(source_zoom.streams.__file__).parents[1] / "schemas"
PUBLIC = [cls for cls in STREAMS if not cls.internal]
SUBSTREAMS = [cls for cls in STREAMS if issubclass(cls, ZoomSubStream)]

CLASSIC_SCOPE = re.compile(r"[a-z_]+:read:admin")
GRANULAR_SCOPE = re.compile(r"[a-z_]+:read:[a-z_]+:admin")
NAME = re.compile(r"[a-z]+(_[a-z]+)*")
LARGEST_PAGE = 300
"""Zoom answers no endpoint with more, https://developers.zoom.us/docs/api/pagination/."""

DEFAULT_PAGE = 30

every_stream = pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)
every_public_stream = pytest.mark.parametrize("cls", PUBLIC, ids=lambda cls: cls.__name__)
every_substream = pytest.mark.parametrize("cls", SUBSTREAMS, ids=lambda cls: cls.__name__)


def placeholders(path: str) -> list[str]:
    return re.findall(r"\{(\w+)\}", path)


def slice_fields(cls: type[ZoomStream]) -> set[str]:
    """Fields of the slices: what the parent's key gives, or what the stream makes itself."""
    if cls is PastSessions:
        return {"user_id", "window", "first", "last", "from", "to"}
    if issubclass(cls, PastSessionStream):
        return {"uuid"}
    if issubclass(cls, ItemStream):
        return set(item_fields(cls))
    if issubclass(cls, (WindowStream, *HELPERS)):
        return {"from", "to"}
    return set(cls.parent_stream.child_keys) if issubclass(cls, ZoomSubStream) else set()


def item_fields(cls: type[ItemStream]) -> dict[str, str]:
    of = cls.parent_stream.item  # type: ignore[attr-defined]
    return dict(of.fields(Item("", "", "", "", "")))


def cursor_of(cls: type[ZoomStream]) -> set[str]:
    field = instance(cls).incremental_field
    return {field} if field else set()


def area_modules() -> Iterator[str]:
    for module in pkgutil.walk_packages(source_zoom.streams.__path__, "source_zoom.streams."):
        yield module.name


def test_every_concrete_stream_of_an_area_is_in_streams_or_read_by_one() -> None:
    declared = {
        member
        for name in area_modules()
        for _, member in inspect.getmembers(importlib.import_module(name), inspect.isclass)
        if issubclass(member, ZoomStream) and member.__module__ == name and hasattr(member, "endpoint")
    }

    assert declared == set(DECLARED)
    assert all(cls.internal for cls in HELPERS)
    assert not set(STREAMS) & set(HELPERS)
    assert not set(BY_NAME) & {instance(cls).name for cls in HELPERS}


def test_streams_are_unique_by_class_and_name() -> None:
    assert len(set(STREAMS)) == len(STREAMS)
    assert list(BY_NAME) == [instance(cls).name for cls in STREAMS]
    assert len(BY_NAME) == len(STREAMS)


def test_parents_come_before_children() -> None:
    for position, cls in enumerate(STREAMS):
        if issubclass(cls, ZoomSubStream):
            assert cls.parent_stream in STREAMS[:position]


@every_substream
def test_a_child_has_the_one_instance_of_its_parent(cls: type[ZoomSubStream]) -> None:
    stream = instance(cls)
    assert isinstance(stream, ZoomSubStream)
    assert stream.parent is instance(cls.parent_stream)
    assert slices_from(stream) == stream.parent.name


@every_stream
def test_name_is_the_class_name_in_snake_case(cls: type[ZoomStream]) -> None:
    name = instance(cls).name

    assert NAME.fullmatch(name)
    assert name.replace("_", "") == cls.__name__.lower()


@every_stream
def test_docstring_begins_with_zooms_page_of_the_endpoint(cls: type[ZoomStream]) -> None:
    documented = operation_of(cls).path

    assert re.sub(r"\{\w+\}", "{}", documented) == "/" + re.sub(r"\{\w+\}", "{}", cls.endpoint.path)


@every_stream
def test_path_is_relative_and_its_placeholders_are_fields_of_the_slice(cls: type[ZoomStream]) -> None:
    path = cls.endpoint.path

    assert path == path.strip("/")
    assert set(placeholders(path)) <= slice_fields(cls)


@every_stream
def test_parameters_taken_from_the_slice_are_fields_of_it(cls: type[ZoomStream]) -> None:
    # These a stream spreads over several reads.
    assert set(cls.endpoint.slice_params) <= slice_fields(cls) | {"occurrence_id", "recording_status"}


@every_stream
def test_answer_is_a_list_or_a_record_with_marks(cls: type[ZoomStream]) -> None:
    endpoint = cls.endpoint

    assert endpoint.records or endpoint.required_keys
    assert endpoint.records not in endpoint.required_keys
    assert endpoint.records is not None or endpoint.page_size is None


@every_stream
def test_list_has_marks_only_where_zoom_leaves_an_empty_one_out(cls: type[ZoomStream]) -> None:
    # Without the key of the session, an answer without the list is an error or is cut off.
    marks = ("uuid", "id") if issubclass(cls, SessionAnswers) else ()

    assert cls.endpoint.records is None or cls.endpoint.required_keys == marks


@every_stream
def test_parameters_and_variants_do_not_name_what_paging_sets(cls: type[ZoomStream]) -> None:
    names = [
        *cls.endpoint.params,
        *cls.endpoint.slice_params,
        *{name for variant in cls.endpoint.variants for name in variant},
    ]

    assert len(set(names)) == len(names)
    assert not {"page_size", "next_page_token", "page_number"} & set(names)


@every_stream
def test_label_is_one_of_zooms(cls: type[ZoomStream]) -> None:
    assert isinstance(cls.endpoint.label, RateLabel)
    assert instance(cls).pool == cls.endpoint.label.value


@every_stream
def test_scopes_are_those_of_an_account_wide_app(cls: type[ZoomStream]) -> None:
    assert CLASSIC_SCOPE.fullmatch(cls.endpoint.scopes.classic)
    assert GRANULAR_SCOPE.fullmatch(cls.endpoint.scopes.granular)


@every_stream
def test_primary_key_is_declared(cls: type[ZoomStream]) -> None:
    keys = instance(cls).key_fields

    assert keys or cls is ActiveHosts  # some hosts have an id, some only an e-mail address
    assert len(set(keys)) == len(keys)


@every_substream
def test_carried_keys_are_fields_of_the_parents_key(cls: type[ZoomSubStream]) -> None:
    stream = instance(cls)
    assert isinstance(stream, ZoomSubStream)
    told = item_fields(cls) if issubclass(cls, ItemStream) else cls.parent_stream.child_keys
    assert set(stream.carried) <= set(told)


@every_substream
def test_a_parent_declares_its_key_and_gives_a_value_for_each_field(cls: type[ZoomSubStream]) -> None:
    parent = instance(cls.parent_stream)
    ids = {"id": 1, "meeting_id": "1", "webinar_id": "1", "host_id": "h"}
    times = {"start_time": "2026-05-10T10:00:00Z", "end_time": "2026-05-10T11:00:00Z"}
    record = {**ids, "uuid": "a==", "call_history_uuid": "c", **times}
    window = Window(pendulum.date(2026, 5, 4), pendulum.date(2026, 6, 2))

    key = parent.child_key(record, {"user_id": "u", "owner": "u", "window": window, **ids, "duration": 60})

    assert len(key) == len(cls.parent_stream.child_keys)
    assert key[0] is not None


@every_stream
def test_what_a_stream_also_needs_is_declared_before_it_and_hidden(cls: type[ZoomStream]) -> None:
    before = list(BY_NAME)[: list(BY_NAME).index(instance(cls).name)] if cls in STREAMS else []

    assert set(cls.wants_read) <= set(before)
    assert all(BY_NAME[name].internal for name in cls.wants_read)


def test_optional_parents_are_declared_before_the_stream_that_follows_them() -> None:
    names = list(BY_NAME)
    roles = {Role.KEYS_IF_READ, Role.KEYS_ON_DEMAND}
    optional = {name: [one.name for one in BY_NAME[name].parents if one.role in roles] for name in names}
    followed = {name: parents for name, parents in optional.items() if parents}

    assert followed == {"past_sessions": ["users", "webinar_list", "webinar_owners", "webinar_instances"]}
    assert all(names.index(parent) < names.index("past_sessions") for parent in followed["past_sessions"])


def test_schema_files_are_those_of_the_public_streams() -> None:
    # The gaps of a sync are no endpoint's records.
    assert {path.stem for path in SCHEMAS.glob("*.json")} == {instance(cls).name for cls in PUBLIC} | {"read_gaps"}


@every_stream
def test_internal_streams_have_an_empty_schema(cls: type[ZoomStream]) -> None:
    assert (instance(cls).json_schema == {}) is cls.internal


@pytest.mark.parametrize("cls", [cls for cls in DECLARED if not issubclass(cls, ResumableStream)])
def test_only_streams_with_a_state_are_incremental(cls: type[ZoomStream]) -> None:
    assert cursor_of(cls) == set()
    assert not instance(cls).is_resumable


# Against Zoom's OpenAPI documents


def parameters_of(cls: type[ZoomStream]) -> dict[str, Any]:
    return {name: one["schema"] for name, one in query_parameters(operation_of(cls)).items()}


@needs_documents
@every_stream
def test_page_size_is_the_largest_that_zoom_allows(cls: type[ZoomStream]) -> None:
    page_size = parameters_of(cls).get("page_size")

    if page_size and "maximum" not in page_size:  # then the stream has a variant of Zoom's default, to fall back to
        assert cls.endpoint.page_size in {LARGEST_PAGE, DEFAULT_PAGE}
    else:
        assert cls.endpoint.page_size == (min(page_size["maximum"], LARGEST_PAGE) if page_size else None)


@needs_documents
@every_stream
def test_parameters_and_their_values_are_documented(cls: type[ZoomStream]) -> None:
    parameters = parameters_of(cls)
    sent = [(name, value) for part in (cls.endpoint.params, *cls.endpoint.variants) for name, value in part.items()]

    assert set(cls.endpoint.slice_params) <= set(parameters)
    for name, value in sent:
        assert name in parameters
        assert value in parameters[name].get("enum", [value])
        assert parameters[name]["type"] != "boolean" or value in {"true", "false"}


@needs_documents
@every_stream
def test_scopes_are_those_zoom_documents(cls: type[ZoomStream]) -> None:
    extensions = documented(operation_of(cls))["x-extensions"]

    assert cls.endpoint.scopes.classic in extensions["x-macro-scopes"]
    assert cls.endpoint.scopes.granular in extensions["x-granular-scopes"]


@needs_documents
@every_stream
def test_label_is_the_documented_one(cls: type[ZoomStream]) -> None:
    label = re.search(r"\*\*\[?Rate Limit Label\]?[^`]*`([A-Za-z-]+)`", documented(operation_of(cls))["description"])

    assert label is not None
    product = "phone-" if cls.endpoint.path.startswith("phone/") else ""  # Zoom Phone has limits of its own
    assert product + label[1].lower() == cls.endpoint.label.value


SKIPPED = [
    pytest.param(cls, meaning, id=f"{cls.__name__}-{name_of(meaning)}")
    for cls in DECLARED
    for meaning in Meaning
    if meaning in cls.skipped_meanings()
]


@every_stream
def test_only_what_says_that_nothing_is_there_is_skipped(cls: type[ZoomStream]) -> None:
    assert cls.skipped_meanings() & ~NOTHING_THERE == NOTHING


@every_stream
def test_each_meaning_that_is_skipped_has_a_source(cls: type[ZoomStream]) -> None:
    assert {meaning for meaning in Meaning if meaning in cls.skipped_meanings()} == set(sources(cls))


@pytest.mark.parametrize(("cls", "meaning"), SKIPPED)
def test_answer_of_the_source_has_that_meaning_for_the_endpoint(cls: type[ZoomStream], meaning: Meaning) -> None:
    assert classify(sources(cls)[meaning].answer(), cls.endpoint).meaning is meaning


@needs_documents
@pytest.mark.parametrize(("cls", "meaning"), SKIPPED)
def test_source_says_so(cls: type[ZoomStream], meaning: Meaning) -> None:
    said = sources(cls)[meaning]

    assert said.is_true(), f"{said.source} does not say {said}"


def test_sources_are_those_of_endpoints_that_exist() -> None:
    assert set(SKIPS) <= {cls.endpoint.path for cls in DECLARED}


@every_stream
def test_registration_is_skipped_only_where_one_registers(cls: type[ZoomStream]) -> None:
    registers = ("registrants", "absentees", "tracking_sources")

    assert Meaning.NO_REGISTRATION not in cls.skipped_meanings() or any(word in cls.endpoint.path for word in registers)


@every_stream
def test_polls_are_skipped_only_where_there_are_polls(cls: type[ZoomStream]) -> None:
    assert Meaning.POLLS_OFF not in cls.skipped_meanings() or cls.endpoint.path.endswith("/polls")


@every_stream
def test_a_plan_is_named_where_its_lack_is_skipped(cls: type[ZoomStream]) -> None:
    assert cls.plan.name or not cls.skipped_meanings() & LACKING


@every_stream
def test_what_an_endpoint_speaks_of_has_a_name_for_gaps(cls: type[ZoomStream]) -> None:
    type_ = instance(cls).subject_of({})["object_type"]
    assert type_ in {"list", "window", "user", "host", "meeting", "webinar", "session", "call"}
    assert (type_ in {"list", "window"}) is (cls.endpoint.subject is None)


# The stream without an endpoint


def test_gaps_are_the_last_of_all_streams_and_no_stream_of_zooms() -> None:
    everything = build_all(context())

    assert list(everything) == [*BY_NAME, "read_gaps"]
    assert isinstance(everything["read_gaps"], ReadGaps)
    assert not everything["read_gaps"].is_resumable
    assert [name for name, stream in everything.items() if stream.is_last][-1] == "read_gaps"
