"""The pages of a slice: fetched, judged and followed to the last one, if need be from the first one again."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import orjson
import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.pagination_reset_exception import PaginationResetRequiredException
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import SliceFailure, StreamStopped
from source_zoom.streams.base.failures import Failures
from source_zoom.zoom.answers import Verdict, classify, is_mended, json_body
from source_zoom.zoom.clock import ClockCheck
from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.limits import LabelBudget
from source_zoom.zoom.meanings import LACKING, Meaning, name_of
from source_zoom.zoom.probation import Probation

MOST_EMPTY_PAGES = 3
ROWS_BEYOND_THE_TOTAL = 3000
"""How far a list may go beyond its own count before it is taken for endless: ten of the largest pages."""

MOST_MISCOUNTS = 3
"""Lists that are read twice because they disagree with their own count, before the counts are not trusted any more."""


class NothingHere(Exception):  # noqa: N818 - not an error: the endpoint lists the answer among its skips
    """Ends a read that Zoom has nothing for."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


class PageCount:
    """Counts the pages of one pass over a list."""

    def __init__(self) -> None:
        self.pages = 0
        self.records = 0
        self.total: int = 0
        """What the last page said."""
        self._totals: set[int] = set()
        self._tokens: set[str] = set()
        self._last = b""
        self._empty = 0

    def add(self, records: Sequence[Any], total: object, token: str | None) -> str | None:
        """Count a page; return why the list does not seem to end, None if it may.

        :param total: the list's own count, if the page gives one
        :param token: the token of the next page
        """
        self.pages += 1
        self.records += len(records)
        if type(total) is int:
            self._totals.add(total)
            self.total = total
        self._empty = 0 if records else self._empty + 1
        if token is None:
            return None
        if token in self._tokens:
            return "Zoom gave the same page token twice"
        self._tokens.add(token)
        page = hashlib.blake2b(orjson.dumps(records), digest_size=16).digest()  # records change on their way
        is_same = bool(records) and page == self._last
        self._last = page
        if is_same:
            return "a page was equal to the one before"
        if self._empty >= MOST_EMPTY_PAGES:
            return f"{MOST_EMPTY_PAGES} pages in a row were empty"
        if self._totals and self.records > max(self._totals) + ROWS_BEYOND_THE_TOTAL:
            return f"it says that it has {max(self._totals):,} records and gave {self.records:,}"
        return None

    @property
    def differs(self) -> bool:
        """Whether the list changed while it was read, or gave fewer records than it says that it has."""
        return len(self._totals) > 1 or (bool(self._totals) and self.records < self.total)


class PagedStream(Protocol):
    """What a reader asks of the stream whose pages it reads."""

    endpoint: ClassVar[Endpoint]
    is_read_whole: ClassVar[bool]
    probation: Probation
    failures: Failures

    @property
    def name(self) -> str:
        """Name in the catalog."""

    def fetch(self, stream_slice: Mapping[str, Any], token: Mapping[str, Any] | None) -> requests.Response:
        """Ask Zoom for a page: the first one without a token.

        :raises PaginationResetRequiredException: if the token is dead
        :raises AirbyteTracedException: if there is no answer to judge
        """

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Return the token of the next page, None behind the last one."""

    def is_nothing(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether an answer says that there is nothing for a slice."""

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal speaks of the stream as a whole."""

    def host_of(self, stream_slice: Mapping[str, Any]) -> object:
        """Return whose object a slice is."""

    def note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        """Take note of a list that disagrees with its own count, after it was read twice."""

    def warn_once(self, topic: str, message: str) -> None:
        """Log a warning unless one of the same topic was logged for this stream."""


class PageReader:
    """Reads the pages of a stream's slices; the threads that read them share it.

    :param budget: of the stream's label
    :param clock: compares that of this machine with Zoom's
    """

    def __init__(self, stream: PagedStream, budget: LabelBudget, clock: ClockCheck) -> None:
        self._stream = stream
        self._budget = budget
        self._clock = clock
        self._lock = threading.Lock()
        self._miscounts = 0
        self._refused_all: StreamStopped | None = None

    def read(
        self,
        stream_slice: Mapping[str, Any],
        records_of: Callable[[Iterable[requests.Response]], Iterator[Mapping[str, Any]]],
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the records of all pages: from the first page again if a page token dies, or the list shifts.

        :param records_of: returns the records of one pass over the slice, from its first page on
        :raises NothingHere: if Zoom has nothing for the slice
        :raises SliceFailure: if it refuses it, or the list cannot be read to its end
        :raises StreamStopped: if no other slice of the stream could be read either
        """
        furthest, is_second_look = 0, False
        while True:
            count = PageCount()
            try:
                if self._stream.is_read_whole:
                    pages = list(self._pages(stream_slice, count))
                    again = self._is_to_be_read_again(count, is_second_look=is_second_look)
                    if not again:
                        yield from records_of(pages)
                else:
                    yield from records_of(self._pages(stream_slice, count))
                    again = self._is_to_be_read_again(count, is_second_look=is_second_look)
            except PaginationResetRequiredException:
                if count.pages <= furthest:
                    raise self._stream.failures.expired(count.pages, stream_slice) from None
                furthest = count.pages
                continue
            if not again:
                if count.differs:
                    self._note_miscount(count, stream_slice)
                return
            is_second_look = True

    def _is_to_be_read_again(self, count: PageCount, *, is_second_look: bool) -> bool:
        """Return whether a list changed while it was read, or lacks records, and is worth a second look."""
        return count.differs and not is_second_look and self._miscounts < MOST_MISCOUNTS

    def _note_miscount(self, count: PageCount, stream_slice: Mapping[str, Any]) -> None:
        with self._lock:
            self._miscounts += 1
        self._stream.note_miscount(count, stream_slice)

    def _pages(self, stream_slice: Mapping[str, Any], count: PageCount) -> Iterator[requests.Response]:
        """Yield the pages of one pass, each counted."""
        with self._stream.probation.turn():
            if self._refused_all is not None:  # while this thread waited for its turn
                raise self._refused_all.with_traceback(None)
            response = self._page(stream_slice, None)
        while True:
            body, records_key = json_body(response), self._stream.endpoint.records
            records = body.get(records_key) or [] if records_key else []
            token = self._stream.next_page_token(response)
            fault = count.add(records, body.get("total_records"), (token or {}).get("next_page_token"))
            if fault:
                raise self._stream.failures.endless(fault, stream_slice)
            yield response
            if token is None:
                return
            response = self._page(stream_slice, token)

    def _page(self, stream_slice: Mapping[str, Any], token: Mapping[str, Any] | None) -> requests.Response:
        """Return one page, if the answer is one."""
        self._budget.raise_if_used_up()
        try:
            response = self._stream.fetch(stream_slice, token)
        except StreamStopped as error:
            raise error.with_traceback(None) from None
        except AirbyteTracedException as error:
            raise self._unanswered(error, stream_slice) from None
        self._clock.check(response)
        verdict = classify(response, self._stream.endpoint)
        if verdict.meaning is Meaning.OK:
            self._stream.probation.accept()
            if is_mended(response):
                self._stream.warn_once(
                    "mended",
                    f"Stream {self._stream.name}: an answer of GET /{self._stream.endpoint.path} has characters that "
                    "are not UTF-8; each became a question mark.",
                )
            return response
        if self._stream.is_nothing(verdict, stream_slice):
            if verdict.meaning not in LACKING:
                self._stream.probation.spare()
            raise NothingHere(verdict)
        raise self._refused(verdict, stream_slice)

    def _unanswered(self, error: AirbyteTracedException, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure of a page that no answer came for."""
        if error.failure_type is not FailureType.config_error and not isinstance(error, SliceFailure):
            # Without an access token every slice fails: that must have an end, too.
            self._budget.gave_up(self._stream.endpoint.render(stream_slice), "no access token")
        return self._stream.failures.explained(error, stream_slice)

    def _refused(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure for an answer, or for all that was asked for if that was refused alike."""
        error = self._stream.failures.refused(verdict, stream_slice)
        if isinstance(error, StreamStopped):
            if verdict.meaning is Meaning.DAILY:
                self._budget.use_up(error)
            return error
        if not verdict.is_passing and self._stream.counts_refusal(verdict, stream_slice):
            host = str(self._stream.host_of(stream_slice))
            if self._stream.probation.refuse(f"{name_of(verdict.meaning)} {verdict.code}", host):
                self._refused_all = self._stream.failures.all_refused(verdict.message, error.facts)
                return self._refused_all
        return error
