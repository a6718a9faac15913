"""Each request the connector can make is one that Zoom's OpenAPI documents describe."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
import pendulum
import pytest

from source_zoom.streams import STREAMS, PastSessionStream, ZoomStream
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.sessions.listing import PastSessions
from source_zoom.streams.windows.grid import REPORTS, Window
from source_zoom.streams.windows.listing import WindowList
from unit_tests.contract.formats import DATE, DATE_TIME_WITH_ZONE
from unit_tests.contract.openapi import documented, needs_documents, query_parameters
from unit_tests.declared import DECLARED, instance, operation_of
from unit_tests.past import NOW, START

pytestmark = needs_documents

DAYS = Window(pendulum.Date.fromisoformat(START[:10]), pendulum.Date.fromisoformat(NOW[:10]))
CHOICES = {"recording_status"}
"""What a slice has one of the documented values of."""
UNDOCUMENTED_PAGE_TOKEN = {"WebinarList", "WebinarOwners"}
"""Whose answers carry a page token, though it is not among the parameters."""

UNDOCUMENTED_LARGEST_PAGE = {"HistoryMeetings", "SmallHistoryMeetings"}
"""Whose page size has no documented maximum: one of the two tries 300, the other is what it falls back to."""

every_stream = pytest.mark.parametrize("cls", DECLARED, ids=lambda cls: cls.__name__)


def parameters(cls: type[ZoomStream]) -> dict[str, Any]:
    """Each documented query parameter of an endpoint."""
    return query_parameters(operation_of(cls))


def queries(cls: type[ZoomStream]) -> Iterator[Mapping[str, Any]]:
    """The query of the first page and of a later one of each read, as the stream makes it."""
    stream = instance(cls)
    days = cls.windows.params(DAYS) if issubclass(cls, WindowList) else REPORTS.params(DAYS)
    slice_ = {name: days.get(name, "1") for name in cls.endpoint.slice_params}
    slice_ |= {name: schema_of(one)["enum"][0] for name, one in parameters(cls).items() if name in CHOICES}
    for variant in cls.endpoint.variants:
        yield stream.request_params(None, {**slice_, **variant})
        if cls.endpoint.page_size is not None:
            yield stream.request_params(None, {**slice_, **variant}, {"next_page_token": "t"})


def schema_of(parameter: Mapping[str, Any]) -> dict[str, Any]:
    schema: dict[str, Any] = parameter["schema"]
    return schema


@every_stream
def test_path_is_documented_for_get(cls: type[ZoomStream]) -> None:
    assert documented(operation_of(cls))


@every_stream
def test_every_placeholder_is_filled(cls: type[ZoomStream]) -> None:
    path = instance(cls).path(stream_slice=dict.fromkeys(re.findall(r"\{(\w+)\}", cls.endpoint.path), "a=="))

    assert not re.search(r"[{}]|None|//", path)
    assert len(path.split("/")) == len(cls.endpoint.path.split("/"))


@every_stream
def test_every_parameter_is_documented(cls: type[ZoomStream]) -> None:
    sent = {name for query in queries(cls) for name in query}
    undocumented = sent - set(parameters(cls))

    assert undocumented == ({"next_page_token"} if cls.__name__ in UNDOCUMENTED_PAGE_TOKEN else set())


@every_stream
def test_every_required_parameter_is_sent(cls: type[ZoomStream]) -> None:
    required = {name for name, parameter in parameters(cls).items() if parameter.get("required")}

    assert all(required <= set(query) for query in queries(cls))


@every_stream
def test_every_value_has_the_documented_form(cls: type[ZoomStream]) -> None:
    for query in queries(cls):
        for name, value in query.items():
            if name not in parameters(cls):
                continue
            schema = schema_of(parameters(cls)[name])
            # On the wire a boolean is one of two words.
            sent = value == "true" if schema["type"] == "boolean" and value in ("true", "false") else value
            jsonschema.validate(sent, schema, format_checker=jsonschema.FormatChecker())


@every_stream
def test_page_size_is_within_the_documented_maximum(cls: type[ZoomStream]) -> None:
    size = parameters(cls).get("page_size")
    if size is None or cls.__name__ in UNDOCUMENTED_LARGEST_PAGE:
        assert size is None or "maximum" not in schema_of(size)
        return
    assert cls.endpoint.page_size is not None
    assert 0 < cls.endpoint.page_size <= schema_of(size)["maximum"]


@every_stream
def test_list_with_documented_pages_asks_for_their_size(cls: type[ZoomStream]) -> None:
    assert ("page_size" in parameters(cls)) is (cls.endpoint.page_size is not None)


@every_stream
def test_days_have_the_documented_form(cls: type[ZoomStream]) -> None:
    are_moments = issubclass(cls, WindowList) and cls.windows.are_moments
    form, pattern = ("date-time", DATE_TIME_WITH_ZONE) if are_moments else ("date", DATE)
    for name in {"from", "to"} & set(parameters(cls)) & set(cls.endpoint.slice_params):
        # Of the history, the format is documented in words only.
        assert schema_of(parameters(cls)[name]).get("format", "date") == form
        assert all(pattern.fullmatch(query[name]) for query in queries(cls))


def test_both_kinds_of_listed_sessions_are_documented_values() -> None:
    kinds = schema_of(parameters(PastSessions)["type"])["enum"]

    assert {"past", "pastOne"} <= set(kinds)


def test_streams_about_past_sessions_are_asked_by_uuid() -> None:
    by_uuid = [cls for cls in STREAMS if issubclass(cls, PastSessionStream)]

    assert all("{uuid}" in cls.endpoint.path for cls in by_uuid)
    others = [cls for cls in STREAMS if issubclass(cls, ZoomSubStream) and cls not in by_uuid]
    assert not [cls for cls in others if "{uuid}" in cls.endpoint.path]
