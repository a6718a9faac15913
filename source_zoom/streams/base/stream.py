"""Base classes: a stream is an `Endpoint` plus the keys it shares with its parent and its children.

Why the CDK's defaults are switched off, in airbyte-cdk 7.39.1: its resumable full refresh reads only
the first page when streams run concurrently, and writes whole parent records into the state of every
substream (http.py, `_read_single_page` and `HttpSubStream`). So there is no cursor, and a slice is
read to its last page or fails.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeVar, cast

import pendulum
import requests
from airbyte_cdk.models import FailureType, SyncMode
from airbyte_cdk.sources.streams.http import HttpClient, HttpStream, HttpSubStream
from airbyte_cdk.sources.streams.http.pagination_reset_exception import PaginationResetRequiredException
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.config import ZoomConfig
from source_zoom.engine import FeedReader, Key, Loss, Parent, Role, SliceFailure, StreamStopped
from source_zoom.streams.base.datetimes import DateTimeFields
from source_zoom.streams.base.gaps import GapReport
from source_zoom.streams.base.pages import PageCount
from source_zoom.zoom.answers import Verdict, classify, is_mended, json_body
from source_zoom.zoom.auth import ZoomAuthenticator
from source_zoom.zoom.clock import ClockCheck
from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.limits import Budgets
from source_zoom.zoom.masking import mask
from source_zoom.zoom.meanings import EXPLANATIONS, LACKING, NOTHING, REMEDIES, Meaning, name_of
from source_zoom.zoom.plans import ANY, Plan
from source_zoom.zoom.probation import Probation
from source_zoom.zoom.retries import ZoomBackoff, ZoomErrorHandler
from source_zoom.zoom.token_watch import TokenWatch

TIMEOUT_SECONDS = (10, 120)
"""To connect, and between two bytes of an answer."""

UNUSABLE = "UNUSABLE"
"""Meaning of a gap whose record came, but without what identifies it."""

REFUSED = "refused"
"""Kind of a stop: everything that was asked for was refused alike."""

MOST_MISCOUNTS = 3
"""Lists that are read twice because they disagree with their own count, before it is the count that is not trusted."""

TOKEN_REJECTED = "Refreshed OAuth access token is rejected by the API."  # noqa: S105 - a sentence
"""What the CDK says of a token that is refused again (http_client.py, `_handle_error_resolution`)."""

# The client's error lines repeat what the stream reports, with whole response bodies, which can hold
# passwords (http_client.py, `_handle_error_resolution`); its debug lines hold them too.
_client_logger = logging.getLogger("airbyte.http_client")
_client_logger.setLevel(logging.CRITICAL)


SharedT = TypeVar("SharedT")


@dataclass(frozen=True)
class StreamContext:
    """What all streams of one sync share."""

    config: ZoomConfig
    authenticator: ZoomAuthenticator
    budgets: Budgets
    tokens: TokenWatch = field(default_factory=TokenWatch)
    clock: ClockCheck = field(default_factory=ClockCheck)
    gaps: GapReport = field(default_factory=GapReport)
    now: pendulum.DateTime = field(default_factory=lambda: pendulum.now("UTC"))
    """Start of the sync."""
    _shared: dict[Callable[[], Any], Any] = field(default_factory=dict)

    def shared(self, kind: Callable[[], SharedT]) -> SharedT:
        """Return the one object of a class that the streams of this sync have together, made when first asked for."""
        if kind not in self._shared:
            self._shared.setdefault(kind, kind())
        return cast(SharedT, self._shared[kind])


def is_of_list(loss: Loss) -> bool:
    """Return whether records of a list are missing of which it is not known which they are.

    One that came without what identifies it is no record that anything could be read of.
    """
    return loss.facts.get("object_type") == "list" and loss.cause != UNUSABLE


class _NothingHere(Exception):  # noqa: N818 - not an error: the endpoint lists the answer among its skips
    """Ends a read that Zoom has nothing for."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class ZoomStream(HttpStream):
    """Reads an endpoint once: `users`, `channels`.

    Declared by a subclass: `endpoint`, `primary_key`, and if it has children `child_keys`.
    """

    endpoint: ClassVar[Endpoint]
    object_type: ClassVar[str | None] = None
    """What a slice speaks of, as gaps name it; None for what the path's first field is the id of."""
    plan: ClassVar[Plan] = ANY
    """What the account must have for it."""
    skips: ClassVar[Meaning] = NOTHING
    """Meanings of answers that say "nothing there" for one slice, besides those of a plan that lacks."""
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
        self._budget = context.budgets[self.endpoint.label]
        super().__init__(authenticator=context.authenticator, api_budget=self._budget.api_budget)
        self._http_client = HttpClient(
            name=self.name,
            logger=_client_logger,
            error_handler=ZoomErrorHandler(self.endpoint, self._budget, context.tokens),
            backoff_strategy=ZoomBackoff(self.endpoint, self._budget),
            session=self._budget.session,
            authenticator=context.authenticator,
        )
        self.probation = Probation()
        self._refused_all: StreamStopped | None = None
        self._skipped: Counter[tuple[Meaning, str]] = Counter()
        self._miscounts = 0
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
                yield from self._read_to_the_end(read)
            except _NothingHere as skip:
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

    @property
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
    def skipped(self) -> Counter[Meaning]:
        """How many reads Zoom had nothing for, by what it said."""
        with self._lock:
            counts: Counter[Meaning] = Counter()
            for (meaning, _), count in self._skipped.items():
                counts[meaning] += count
            return counts

    @property
    def lacks(self) -> Meaning | None:
        """What the account lacks, if nothing was answered for and Zoom's text says why."""
        lacking = [meaning for meaning in self.skipped if meaning in LACKING]
        return lacking[0] if lacking and not self.probation.is_passed else None

    @property
    def closing_level(self) -> int:
        """Log level of the closing line: a warning if there is nothing because the account lacks it."""
        return logging.WARNING if self.lacks else logging.INFO

    def closing_line(self) -> str | None:
        """Return what was skipped, by meaning, for the log."""
        with self._lock:
            skipped = sorted(self._skipped.items(), key=lambda item: (name_of(item[0][0]), item[0][1]))
        if not skipped:
            return None
        counts = ", ".join(
            f"{count:,} x {name_of(meaning)} ({code}: {EXPLANATIONS[meaning]})" for (meaning, code), count in skipped
        )
        return f"Stream {self.name} skipped what Zoom has nothing for: {counts}."

    def probe(self) -> bool:
        """Ask for one page; return whether Zoom lets us read it.

        :raises SliceFailure: if it does not
        """
        next(iter(self.read_records(SyncMode.full_refresh, stream_slice={})), None)
        return self.closing_line() is None

    # What subclasses may refine

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield the reads a slice takes, one after another: one for each variant of the endpoint."""
        return ({**stream_slice, **variant} for variant in self.endpoint.variants)

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

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count a read that Zoom had nothing for."""
        with self._lock:
            self._skipped[verdict.meaning, verdict.code] += 1

    # Reading a slice

    def _read_to_the_end(self, stream_slice: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Yield the records of all pages: from the first page again if a page token dies, or the list shifts."""
        furthest, shifted = 0, 0
        while True:
            count = PageCount()
            try:
                again = False
                if self.is_read_whole:
                    pages = list(self._pages(stream_slice, count))
                    again = self._is_to_be_read_again(count, shifted)
                    if not again:
                        yield from self._completed(pages, stream_slice)
                else:
                    yield from self._completed(self._pages(stream_slice, count), stream_slice)
                    again = self._is_to_be_read_again(count, shifted)
            except PaginationResetRequiredException:
                if count.pages <= furthest:
                    raise self._failure(
                        f"The page token of GET /{self.endpoint.path} expired after page {count.pages}, again and "
                        "without getting further.",
                        meaning=Meaning.PAGE_TOKEN,
                        stream_slice=stream_slice,
                        again=True,
                    ) from None
                furthest = count.pages
                continue
            if not again:
                if count.differs:
                    self.note_miscount(count, stream_slice)
                return
            shifted += 1

    def _is_to_be_read_again(self, count: PageCount, shifted: int) -> bool:
        """Return whether a list changed while it was read, or lacks records, and is worth a second look."""
        return count.differs and not shifted and self._miscounts < MOST_MISCOUNTS

    def _completed(
        self, pages: Iterable[requests.Response], stream_slice: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the records of one pass over a slice.

        :raises SliceFailure: behind the last one, if one cannot be used
        """
        complete = self.attempt(stream_slice)
        unusable: SliceFailure | None = None
        for response in pages:
            for record in self.parse_response(response, stream_slice=stream_slice):
                try:
                    yield self._with_keys(complete(record))
                except (AttributeError, KeyError, TypeError, ValueError) as fault:
                    unusable = self._unusable(fault, stream_slice)
        if unusable is not None:
            raise unusable

    def note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        """Say once that a list disagrees with its own count, after it was read twice."""
        with self._lock:
            self._miscounts += 1
        self.warn_once(
            "miscount",
            f"Stream {self.name}: GET /{self.endpoint.render(stream_slice)} says that it has {count.total:,} records "
            f"and gave {count.records:,}, also when it was read again. What it gave was read.",
        )

    def _with_keys(self, record: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a record that has its keys.

        :raises ValueError: if one is missing, which would make it overwrite others in a warehouse
        """
        for name in (*self.key_fields, *(("id",) if self.string_id else ())):
            if record.get(name) in self.missing_values(name):
                raise ValueError(f"it has no '{name}'")
        return record

    def missing_values(self, name: str) -> tuple[Any, ...]:
        """Return the values that a field of the key must not have."""
        return (None, "")

    def _unusable(self, fault: Exception, stream_slice: Mapping[str, Any]) -> SliceFailure:
        what = str(fault) if type(fault) is ValueError else f"it has an unexpected form ({type(fault).__name__})"
        error = self._failure(
            f"A record of GET /{self.endpoint.path} cannot be used: {what}. The others were read.",
            meaning=Meaning.UNKNOWN,
            stream_slice=stream_slice,
            failure_type=FailureType.system_error,
        )
        error.facts["meaning"] = error.cause = UNUSABLE
        return error

    def _pages(self, stream_slice: Mapping[str, Any], count: PageCount) -> Iterator[requests.Response]:
        token: Mapping[str, Any] | None = None
        while True:
            if token is None:
                with self.probation.turn():
                    if self._refused_all is not None:  # while this thread waited for its turn
                        raise self._refused_all.with_traceback(None)
                    response = self._page(stream_slice, token)
            else:
                response = self._page(stream_slice, token)
            records = json_body(response).get(self.endpoint.records) or [] if self.endpoint.records else []
            token = self.next_page_token(response)
            fault = count.add(records, json_body(response).get("total_records"), (token or {}).get("next_page_token"))
            if fault:
                raise self._failure(
                    f"GET /{self.endpoint.path} does not end: {fault}.",
                    meaning=Meaning.BROKEN,
                    stream_slice=stream_slice,
                    again=True,
                )
            yield response
            if token is None:
                return

    def _page(self, stream_slice: Mapping[str, Any], token: Mapping[str, Any] | None) -> requests.Response:
        self._budget.raise_if_used_up()
        try:
            _, response = self._fetch_next_page(stream_slice, next_page_token=token)
        except StreamStopped as error:
            raise error.with_traceback(None) from None
        except AirbyteTracedException as error:
            raise self._explained(error, stream_slice) from None
        self.context.clock.check(response)
        verdict = classify(response, self.endpoint)
        if verdict.meaning is Meaning.OK:
            self.probation.accept()
            if is_mended(response):
                self.warn_once(
                    "mended",
                    f"Stream {self.name}: an answer of GET /{self.endpoint.path} has characters that are not UTF-8; "
                    "each became a question mark.",
                )
            return response
        if self.is_nothing(verdict, stream_slice):
            if verdict.meaning not in LACKING:
                self.probation.spare()
            raise _NothingHere(verdict)
        raise self._refused(verdict, stream_slice)

    def warn_once(self, topic: str, message: str) -> None:
        """Log a warning unless one of the same topic was logged for this stream."""
        with self._lock:
            if topic in self._warned:
                return
            self._warned.add(topic)
        logging.getLogger("airbyte").warning(message)

    def _refused(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure for an answer; what no other slice would be spared stops the stream."""
        is_wide = verdict.is_account_wide or not self.endpoint.is_per_object
        error = self._failure(
            verdict.message,
            meaning=verdict.meaning,
            stream_slice=stream_slice,
            failure_type=verdict.failure_type,
            again=verdict.is_passing,
            verdict=verdict,
            of=StreamStopped if is_wide and not verdict.is_passing else SliceFailure,
        )
        if verdict.meaning is Meaning.DAILY and isinstance(error, StreamStopped):
            self._budget.use_up(error)
        if type(error) is SliceFailure and not verdict.is_passing and self.counts_refusal(verdict, stream_slice):
            host = str(self.host_of(stream_slice))
            if self.probation.refuse(f"{name_of(verdict.meaning)} {verdict.code}", host):
                self._refused_all = self.all_refused(verdict.message, error.facts)
                return self._refused_all
        return error

    def all_refused(self, message: str, facts: Mapping[str, Any]) -> StreamStopped:
        """Return what stops a stream of which everything that was asked for was refused alike.

        :param message: what one of the refusals said
        :param facts: those of that refusal
        """
        remedy = REMEDIES.get(Meaning[facts["meaning"]], "")
        return StreamStopped(
            f"Zoom refuses GET /{self.endpoint.path} for all that it was asked for. {message} {remedy}".rstrip(),
            cause=REFUSED,
            failure_type=FailureType.config_error,
            facts=facts,
        )

    def does_without(self, stopped: StreamStopped) -> bool:
        """Return whether the stream is complete without what was refused for all its objects: no."""
        return False

    def is_nothing(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether an answer says that there is nothing for a slice."""
        return verdict.meaning in self.skipped_meanings()

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal speaks of the stream as a whole: yes, unless the object was refused before."""
        return True

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return whose object a slice is."""
        return stream_slice.get("host_id") or stream_slice.get("user_id") or ""

    def _explained(self, error: AirbyteTracedException, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return an error of the HTTP client or the authenticator without the response bodies it quotes."""
        message = mask(str(error))
        if message == TOKEN_REJECTED:
            message = (
                f"Zoom refuses the access token for GET /{self.endpoint.path}, a new one too: check at "
                "marketplace.zoom.us that the app is activated and has the scopes it needs."
            )
        is_config = error.failure_type is FailureType.config_error
        if not is_config and not isinstance(error, SliceFailure):
            # Without an access token every slice fails: that must have an end, too.
            self._budget.gave_up(self.endpoint.render(stream_slice), "no access token")
        explained = self._failure(
            message,
            meaning=Meaning.TOKEN if is_config else Meaning.BROKEN,
            stream_slice=stream_slice,
            failure_type=error.failure_type or FailureType.system_error,
            again=not is_config,
            of=StreamStopped if is_config else SliceFailure,
        )
        if isinstance(error, SliceFailure):
            explained.cause = error.cause
            explained.costly = error.costly
            explained.facts.update(error.facts)
        return explained

    def _failure(  # noqa: PLR0913 - all but the first by name
        self,
        message: str,
        *,
        meaning: Meaning,
        stream_slice: Mapping[str, Any],
        failure_type: FailureType = FailureType.transient_error,
        again: bool = False,
        verdict: Verdict | None = None,
        of: type[SliceFailure] = SliceFailure,
    ) -> SliceFailure:
        where = f"GET /{self.endpoint.render(stream_slice)}"
        if "uuid" in stream_slice:
            where += f" (session {stream_slice['uuid']})"
        return of(
            message,
            cause=name_of(meaning),
            failure_type=failure_type,
            internal_message=f"{message} Request: {where}",
            again=again,
            facts={
                **self.subject_of(stream_slice),
                "meaning": name_of(meaning),
                "http_status": verdict.http_status if verdict else None,
                "zoom_code": verdict.zoom_code if verdict else None,
                "message": message,
            },
        )

    def subject_of(self, stream_slice: Mapping[str, Any]) -> dict[str, str]:
        """Return whom or what a slice speaks of, as gaps name it."""
        subject = self.endpoint.subject
        if subject is None:
            return {"object_type": "list", "object_id": self.name}
        type_ = self.object_type or subject.removesuffix("_id")
        return {"object_type": type_, "object_id": str(stream_slice.get(subject, ""))}


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
