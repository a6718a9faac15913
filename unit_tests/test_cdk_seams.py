"""Where the connector takes hold of the CDK's inner parts: what a new version of the CDK may break, by name.

The names and sentences are not part of the CDK's interface. A version that changes one fails here, and the failure says
which module of the connector to look at.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import airbyte_cdk.sources.concurrent_source.concurrent_read_processor
import airbyte_cdk.sources.streams.http.http_client
import pytest
import requests
from airbyte_cdk.sources.concurrent_source.concurrent_read_processor import ConcurrentReadProcessor
from airbyte_cdk.sources.concurrent_source.concurrent_source import ConcurrentSource
from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.sources.streams.call_rate import HttpAPIBudget
from airbyte_cdk.sources.streams.http import HttpClient, HttpStream
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool

import source_zoom
from source_zoom.streams.base.failures import TOKEN_REJECTED

CALLED = [
    # What is called or replaced, its parameters, and the module that does so.
    (ConcurrentSource._handle_item, ("queue_item", "concurrent_stream_processor"), "engine/reader.py"),
    (ConcurrentReadProcessor._flag_exception, ("stream_name", "exception"), "engine/reader.py"),
    (ConcurrentReadProcessor.on_exception, ("exception",), "engine/reader.py"),
    (ConcurrentReadProcessor.on_record, ("record",), "engine/reader.py"),
    (
        ConcurrentSource.__init__,
        ("threadpool", "queue", "message_repository", "initial_number_partitions_to_generate"),
        "engine/reader.py",
    ),
    (ThreadPoolManager.submit, ("function", "args"), "engine/pools.py"),
    (ThreadPoolManager.prune_to_validate_has_reached_futures_limit, (), "engine/pools.py"),
    (ThreadPoolManager.check_for_errors_and_shutdown, (), "engine/pools.py"),
    (HttpStream._fetch_next_page, ("stream_slice", "next_page_token"), "streams/base/stream.py"),
    (
        HttpClient.__init__,
        ("name", "logger", "error_handler", "backoff_strategy", "session", "authenticator"),
        "streams/base/stream.py",
    ),
    (HttpAPIBudget.__init__, ("ratelimit_reset_header", "ratelimit_remaining_header"), "zoom/limits.py"),
    (HTTPConnection._new_conn, (), "zoom/transport.py"),
    (HTTPConnection._tunnel, (), "zoom/transport.py"),
    (HTTPConnectionPool._put_conn, ("conn",), "zoom/transport.py"),
]

SAID = [
    # Sentences of the CDK that are compared, and where.
    (airbyte_cdk.sources.streams.http.http_client, TOKEN_REJECTED, "streams/base/failures.py"),
    (airbyte_cdk.sources.concurrent_source.concurrent_read_processor, "Concurrent read failure", "engine/reader.py"),
]

OVERRIDDEN = {
    # Inner methods of the CDK and of libraries that are overridden, by the class that does so.
    "_TreeSource": {"_handle_item"},
    "ClosableQueue": {"_get", "_put", "_qsize"},
}


@pytest.mark.parametrize(
    ("called", "parameters", "module"), CALLED, ids=lambda value: getattr(value, "__qualname__", "")
)
def test_what_is_called_has_the_parameters(called: Any, parameters: tuple[str, ...], module: str) -> None:
    assert set(parameters) <= set(inspect.signature(called).parameters), f"see source_zoom/{module}"


@pytest.mark.parametrize(("speaker", "sentence", "module"), SAID, ids=[one[1][:20] for one in SAID])
def test_what_is_compared_is_still_said(speaker: Any, sentence: str, module: str) -> None:
    assert sentence in inspect.getsource(speaker), f"see source_zoom/{module}"


def test_http_streams_keep_their_client_where_it_is_replaced() -> None:
    assert "self._http_client" in inspect.getsource(HttpStream), "see source_zoom/streams/base/stream.py"
    assert "_content" in requests.Response.__attrs__, "see source_zoom/zoom/transport.py"


def classes() -> Iterator[type[Any]]:
    for module in pkgutil.walk_packages(source_zoom.__path__, "source_zoom."):
        for _, member in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if member.__module__ == module.name:
                yield member


def test_no_other_inner_method_of_a_library_is_overridden() -> None:
    found: dict[str, set[str]] = {}
    for cls in classes():
        foreign = [base for base in cls.__mro__ if not base.__module__.startswith("source_zoom")]
        inner = {
            name
            for name, member in vars(cls).items()
            if name.startswith("_") and not name.endswith("_") and inspect.isfunction(member)
        }
        if taken := {name for name in inner if any(name in vars(base) for base in foreign)}:
            found[cls.__name__] = taken

    assert found == OVERRIDDEN
