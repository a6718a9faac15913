"""Base classes: a stream is an `Endpoint` plus the keys it shares with its parent and its children.

Why the CDK's defaults are switched off, in airbyte-cdk 7.39.1: its resumable full refresh reads only
the first page when streams run concurrently, and writes whole parent records into the state of every
substream (http.py, `_read_single_page` and `HttpSubStream`). So there is no cursor, and a slice is
read to its last page or fails.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import cached_property, partial
from typing import Any, ClassVar

import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.sources.streams.http import HttpClient, HttpStream, HttpSubStream

from source_zoom.engine import FeedReader, Key, Parent, Role, SliceFailure, StreamStopped
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.datetimes import DateTimeFields
from source_zoom.streams.base.failures import UNUSABLE, Failures
from source_zoom.streams.base.pages import NothingHere, PageCount, PageReader
from source_zoom.streams.base.skips import Skips
from source_zoom.zoom.answers import Verdict, json_body
from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.meanings import NOTHING, Meaning
from source_zoom.zoom.plans import ANY, Plan
from source_zoom.zoom.probation import Probation
from source_zoom.zoom.retries import ZoomBackoff, ZoomErrorHandler

TIMEOUT_SECONDS = (10, 120)
"""To connect, and between two bytes of an answer."""

# The client's error lines repeat what the stream reports, with whole response bodies, which can hold
# passwords (http_client.py, `_handle_error_resolution`); its debug lines hold them too.
_client_logger = logging.getLogger("airbyte.http_client")
_client_logger.setLevel(logging.CRITICAL)


class ZoomStream(HttpStream):
    """Reads an endpoint once: `users`, `channels`.

    Declared by a subclass: `endpoint`, `primary_key`, and if it has children `child_keys`.
    """

    endpoint: ClassVar[Endpoint]
    object_type: ClassVar[str | None] = None
    """What a slice speaks of, as gaps name it; None for what the path's first field names, a user for `user_id`."""
    plan: ClassVar[Plan] = ANY
    """What the account must have for it."""
    skips: ClassVar[Meaning] = NOTHING
    """Meanings of answers that say "nothing there" for one slice, besides those that say that the plan is lacking."""
    internal: ClassVar[bool] = False
    """Whether the stream only serves others and is not in the catalog."""
    child_keys: ClassVar[Mapping[str, str]] = {}
    """What children get of a record: the name it has in their slices, and the record's field. The first identifies."""
    wants_read: ClassVar[tuple[str, ...]] = ()
    """Names of streams besides its ancestors that have to be read for it."""
    is_last: ClassVar[bool] = False
    is_read_whole: ClassVar[bool] = False
    """Whether nothing of a slice is emitted before all its pages were read: where a row's key depends on the others."""
    string_id: ClassVar[str | None] = None
    """Field that repeats the record's 64-bit `id` as a string, the form children carry it in."""

    def __init__(self, context: StreamContext) -> None:
        self.context = context
        budget = context.budgets[self.endpoint.label]
        super().__init__(authenticator=context.authenticator, api_budget=budget.api_budget)
        self._http_client = HttpClient(
            name=self.name,
            logger=_client_logger,
            error_handler=ZoomErrorHandler(self.endpoint, budget, context.tokens),
            backoff_strategy=ZoomBackoff(self.endpoint, budget),
            session=budget.session,
            authenticator=context.authenticator,
        )
        self.probation = Probation()
        self.failures = Failures(self.endpoint, self.subject_of)
        self._reader = PageReader(self, budget, context.clock)
        self._skips = Skips()
        self._lock = threading.Lock()
        self._warned: set[str] = set()
        self._date_times = DateTimeFields(self.json_schema)

    @classmethod
    def skipped_meanings(cls) -> Meaning:
        """Return the meanings of answers that are skipped for one slice; any other but OK is an error."""
        return cls.skips | cls.plan.lacking

    # What HttpStream asks for

    @property
    def url_base(self) -> str:
        """Base URL of the API, with the trailing slash `urljoin` needs."""
        return self.context.config.api_url + "/"

    @property
    def is_resumable(self) -> bool:
        """Say no: page tokens live 15 minutes, too short to resume from."""
        return False

    def path(
        self,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> str:
        """Return the path of the slice."""
        return self.endpoint.render(stream_slice or {})

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> MutableMapping[str, Any]:
        """Return the same parameters for every page of a slice, as Zoom wants it, plus the page token."""
        return self.endpoint.query(stream_slice or {}, (next_page_token or {}).get("next_page_token"))

    def request_kwargs(self, *args: Any, **kwargs: Any) -> Mapping[str, Any]:
        """Set timeouts, as the CDK has none by default, and stay on the host that the config names."""
        return {"timeout": TIMEOUT_SECONDS, "allow_redirects": False}

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Return the token of the next page, also where Zoom does not document that there are pages."""
        token = json_body(response).get("next_page_token") if self.endpoint.records else None
        return {"next_page_token": token} if token else None

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Return the records of one page, as Zoom sent them."""
        body = json_body(response)
        return body.get(self.endpoint.records, []) if self.endpoint.records else [body]

    def stream_slices(
        self,
        *,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the one slice of a stream without a parent."""
        yield {}

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield every record of a slice.

        :raises SliceFailure: if a record is missing; behind all others, if it cannot be used
        :raises StreamStopped: if no other slice of the stream could be read either
        """
        unusable: SliceFailure | None = None
        for position, read in enumerate(self.reads(stream_slice or {})):
            try:
                yield from self._reader.read(read, partial(self._records_of, read))
            except NothingHere as skip:
                self.note_skip(skip.verdict, read)
                if position == 0:
                    return  # the others would be told the same
            except SliceFailure as error:
                if error.cause != UNUSABLE:
                    raise
                unusable = error
        if unusable is not None:
            raise unusable

    # What the engine asks for

    @property
    def json_schema(self) -> Mapping[str, Any]:
        """Schema of the records, `schemas/<name>.json`; internal streams have none."""
        return {} if self.internal else self.get_json_schema()

    @property
    def pool(self) -> str:
        """Worker pool: one for each rate label."""
        return self.endpoint.label.value

    @property
    def parents(self) -> Sequence[Parent]:
        """The streams it builds on."""
        return [Parent(name, Role.READ) for name in self.wants_read]

    @cached_property
    def key_fields(self) -> Sequence[str]:
        """Primary key as a list of top-level fields."""
        key = self.primary_key
        return [key] if isinstance(key, str) else [str(part) for part in key or []]

    @property
    def incremental_field(self) -> str | None:
        """Cursor field; none, these streams are read in full."""
        return None

    def follow(self, name: str, keys: FeedReader) -> None:
        """Take the keys of a parent; there is none."""
        raise TypeError(f"{self.name} has no parent '{name}' to follow")

    def emits(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> bool:
        """Return whether to emit a record: yes, as no other slice has it."""
        return True

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return what children need of a record, in the order of `child_keys`."""
        return tuple(record.get(field, stream_slice.get(name)) for name, field in self.child_keys.items())

    def keys_one_after_another(self) -> Iterator[Key]:
        """Yield the keys of all records without an engine: one request after another."""
        for slice_ in self.stream_slices(sync_mode=SyncMode.full_refresh):
            for record in self.read_records(SyncMode.full_refresh, stream_slice=slice_):
                yield self.child_key(record, slice_ or {})

    def child_key_of_unread(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return nothing: a list that could not be read has unknown records."""
        return None

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield nothing: the slices do not depend on each other."""
        return ()

    def child_key_of_end(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return nothing: children need not know where a slice ends."""
        return None

    @property
    def key_limit(self) -> int | None:
        """Set no limit: most keys are slim."""
        return None

    @property
    def slices_ahead(self) -> int | None:
        """Set no limit: most slices have few records."""
        return None

    @property
    def lacks(self) -> Meaning | None:
        """What the account lacks, if nothing was answered for and Zoom's text says why."""
        return None if self.probation.is_passed else self._skips.lacking

    @property
    def closing_level(self) -> int:
        """Log level of the closing line: a warning if there is nothing because the account lacks it."""
        return logging.WARNING if self.lacks else logging.INFO

    def closing_line(self) -> str | None:
        """Return what was skipped, by meaning, for the log."""
        return self._skips.line(self.name)

    def probe(self) -> bool:
        """Ask for one page; return whether Zoom lets us read it.

        :raises SliceFailure: if it does not
        """
        next(iter(self.read_records(SyncMode.full_refresh, stream_slice={})), None)
        return self.closing_line() is None

    # What the reader of its pages asks for

    def fetch(self, stream_slice: Mapping[str, Any], token: Mapping[str, Any] | None) -> requests.Response:
        """Ask Zoom for a page, as the CDK does: again where `ZoomErrorHandler` says so."""
        _, response = self._fetch_next_page(stream_slice, next_page_token=token)
        return response

    def is_nothing(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether an answer says that there is nothing for a slice."""
        return verdict.meaning in self.skipped_meanings()

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal speaks of the stream as a whole: yes, unless the object was refused before."""
        return True

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return whose object a slice is."""
        return stream_slice.get("host_id") or stream_slice.get("user_id") or ""

    def note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        """Say once that a list disagrees with its own count, after it was read twice."""
        self.warn_once(
            "miscount",
            f"Stream {self.name}: GET /{self.endpoint.render(stream_slice)} says that it has {count.total:,} records "
            f"and gave {count.records:,}, also when it was read again. What it gave was read.",
        )

    def warn_once(self, topic: str, message: str) -> None:
        """Log a warning unless one of the same topic was logged for this stream."""
        with self._lock:
            if topic in self._warned:
                return
            self._warned.add(topic)
        logging.getLogger("airbyte").warning(message)

    # What becomes of a page

    def _records_of(
        self, stream_slice: Mapping[str, Any], pages: Iterable[requests.Response]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the records of one pass over a slice.

        :raises SliceFailure: behind the last one, if one cannot be used
        """
        complete = self.attempt(stream_slice)
        unusable: SliceFailure | None = None
        for response in pages:
            for record in self.parse_response(response, stream_slice=stream_slice):
                try:
                    yield self.with_keys(complete(record))
                except (AttributeError, KeyError, TypeError, ValueError) as fault:
                    unusable = self.failures.unusable(fault, stream_slice)
        if unusable is not None:
            raise unusable

    def attempt(self, stream_slice: Mapping[str, Any]) -> Callable[[Any], Mapping[str, Any]]:
        """Return what completes the records of one pass over a slice, from its first page on."""
        return lambda record: self.complete(record, stream_slice)

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add to a record what the catalog promises beyond Zoom's answer."""
        if self.string_id is not None:
            record[self.string_id] = str(record["id"])
        return self.with_date_times(record)

    def with_date_times(self, record: dict[str, Any]) -> Mapping[str, Any]:
        """Return a record whose date-times a warehouse can load: null where Zoom sends an empty string."""
        self._date_times.null_empty(record)
        return record

    def with_keys(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record that has its keys.

        :raises ValueError: if one is missing, which would make it overwrite others in a warehouse
        """
        for name, missing in self._required:
            if record.get(name) in missing:
                raise ValueError(f"it has no '{name}'")
        return record

    @cached_property
    def _required(self) -> Sequence[tuple[str, tuple[Any, ...]]]:
        """Fields that every record must have, each with the values that count as none."""
        names = (*self.key_fields, *(("id",) if self.string_id else ()))
        return [(name, self.missing_values(name)) for name in names]

    def missing_values(self, name: str) -> tuple[Any, ...]:
        """Return the values that a field of the key must not have."""
        return (None, "")

    # What else subclasses may refine

    def length_of(self, stream_slice: Mapping[str, Any]) -> int:
        """Return how many requests a slice takes, as far as is known: here those that read it once."""
        return 1

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the reads a slice takes, one after another: one for each variant of the endpoint."""
        return ({**stream_slice, **variant} for variant in self.endpoint.variants)

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a read that Zoom had nothing for."""
        self._skips.add(verdict)

    def subject_of(self, stream_slice: Mapping[str, Any]) -> dict[str, str]:
        """Return whom or what a slice speaks of, as gaps name it."""
        subject = self.endpoint.subject
        if subject is None:
            return {"object_type": "list", "object_id": self.name}
        type_ = self.object_type or subject.removesuffix("_id")
        return {"object_type": type_, "object_id": str(stream_slice.get(subject, ""))}

    def does_without(self, stopped: StreamStopped) -> bool:
        """Return whether the stream is complete without what was refused for all its objects: no."""
        return False


class ZoomSubStream(HttpSubStream, ZoomStream):
    """Reads an endpoint once for each key of its parent.

    Declared by a subclass, besides what `ZoomStream` asks for: `parent_stream`.
    """

    parent_stream: ClassVar[type[ZoomStream]]
    carries: ClassVar[tuple[str, ...] | None] = None
    """What its records get of the parent's key; None for all that it has columns for."""
    parent: ZoomStream

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(parent=parent, context=context)
        self._keys: Iterable[Key] | None = None
        columns = self.json_schema.get("properties", {})
        self.carried = tuple(name for name in parent.child_keys if name in columns)
        if self.carries is not None:
            self.carried = self.carries

    @property
    def parents(self) -> Sequence[Parent]:
        """The stream whose keys its slices are made of, and others."""
        return [Parent(self.parent.name), *super().parents]

    def follow(self, name: str, keys: Iterable[Key]) -> None:
        """Make slices of these keys instead of reading the parent once more."""
        self._keys = keys

    def stream_slices(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any] | None]:
        """Yield the slices of each of the parent's keys."""
        for key in self._keys if self._keys is not None else self.parent.keys_one_after_another():
            yield from self.slices_of(dict(zip(self.parent.child_keys, key, strict=True)))

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the slices one parent record makes: one."""
        yield parent_key

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the parent's keys to a record that lacks them."""
        for name in self.carried:
            if name in self.key_fields or record.get(name) is None:
                record[name] = stream_slice[name]
        return super().complete(record, stream_slice)
