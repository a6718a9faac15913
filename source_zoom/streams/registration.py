"""What meetings and webinars have in common about registration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

import orjson
import pendulum
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.engine import Key, SliceFailure, StreamStopped
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.kind import Kind
from source_zoom.streams.users import OfUsers
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.zoom.meanings import Meaning

NO_REGISTRATION = 2
"""Value of `approval_type`; 0 and 1 mean that there is registration."""

PER_OCCURRENCE = 2
"""Value of `registration_type`: one registers for each occurrence of a series."""

FIXED_SERIES = frozenset({8, 9})
"""Types of series with fixed times, of a meeting and of a webinar: only there one may register for an occurrence."""

STATUSES = ({"status": "pending"}, {"status": "approved"}, {"status": "denied"})
"""In this order a registrant who moves on between two reads is met twice, never missed."""


def scheduled(path: str, scope: str) -> Endpoint:
    """Return the endpoint of a user's scheduled meetings or webinars, which are under the last word of the path."""
    records = path.rpartition("/")[2]
    return Endpoint(path, RateLabel.MEDIUM, scope, records=records, page_size=300, params={"type": "scheduled"})


def detail(path: str, scope: str) -> Endpoint:
    """Return the endpoint of a detail."""
    params = {"show_previous_occurrences": "true"}
    return Endpoint(path, RateLabel.LIGHT, scope, required_keys=("uuid",), params=params)


def questions(path: str, scope: str) -> Endpoint:
    """Return the endpoint of what registrants are asked.

    :param path: that of the registrants
    """
    return Endpoint(f"{path}/questions", RateLabel.LIGHT, scope, required_keys=("questions", "custom_questions"))


def registrants(path: str, scope: str) -> Endpoint:
    """Return the endpoint of registrants."""
    return Endpoint(
        path,
        RateLabel.MEDIUM,
        scope,
        records="registrants",
        page_size=300,
        slice_params=("occurrence_id",),
        variants=STATUSES,
    )


class Occurrence(NamedTuple):
    """One of the dates of a series."""

    id: str
    start_time: str | None
    """As Zoom writes it, in UTC."""

    def began_before(self, moment: pendulum.DateTime) -> bool:
        """Return whether it is known to have begun before a moment."""
        try:
            start = pendulum.parse(str(self.start_time))
        except ValueError:
            return False
        return isinstance(start, pendulum.DateTime) and start < moment


class RegistrableList(OfUsers):
    """The list of a user's meetings or webinars; its rows stand in for the details where an app may not ask for those.

    Declared by a subclass: `kind`.
    """

    internal = True
    kind: ClassVar[Kind]
    primary_key = "id"

    def __init_subclass__(cls) -> None:
        """Name the id in the slices of children after the kind."""
        super().__init_subclass__()
        cls.string_id = f"{cls.kind.noun}_id"
        names = ("host_id", "duration", "type")
        cls.child_keys = {cls.string_id: cls.string_id, **{name: name for name in names}, "row": ""}

    detail_scopes: Scopes | None = None
    """Scopes that open the detail; the stream of the details sets them when it is built."""

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return its id, its host (the listed user where Zoom names none), its minutes, type, and row."""
        scopes = self.detail_scopes
        may_ask = scopes is None or scopes.are_granted(self.context.authenticator.granted_scopes)
        return (
            record[str(self.string_id)],
            record.get("host_id") or stream_slice["user_id"],
            record.get("duration"),
            record.get("type"),
            None if may_ask else orjson.dumps(record),
        )


class RegistrableDetail(ZoomSubStream):
    """The detail of a meeting or webinar, which says whether and how one registers.

    Declared by a subclass: `kind`.
    """

    kind: ClassVar[Kind]
    primary_key = "uuid"
    carries = ("host_id",)

    def __init_subclass__(cls) -> None:
        """Name the id in the slices of children after the kind."""
        super().__init_subclass__()
        cls.string_id = f"{cls.kind.noun}_id"
        cls.child_keys = {
            cls.string_id: cls.string_id,
            "host_id": "host_id",
            "approval_type": "settings.approval_type",
            "occurrences": "occurrences",
        }

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        if isinstance(parent, RegistrableList):
            parent.detail_scopes = self.endpoint.scopes
        self._gone: set[str] = set()
        self.at_fault: set[str] = set()
        """Ids of those whose detail did not arrive, though Zoom did not refuse it."""
        self.reads_listed = False
        """Whether the app may not ask for details, so that the listed rows stand for them."""

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the detail; for an app without its scope the listed row, which has fewer columns.

        :raises SliceFailure: if it is missing
        """
        slice_ = stream_slice or {}
        if not self.reads_listed:
            try:
                yield from super().read_records(sync_mode, stream_slice=slice_)
            except StreamStopped as stopped:
                if stopped.cause != Meaning.SCOPE.name or not slice_.get("row"):
                    raise
                self.reads_listed = True
                self.warn_once("listed", f"Stream {self.name} has the columns of the list only: {stopped}")
            else:
                return
        yield self.with_keys(self.complete(orjson.loads(slice_["row"]), slice_))

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return its id, its host, whether registration is on, and for which occurrences."""
        if "settings" not in record:
            return self._unread_key(stream_slice)
        settings = record["settings"] or {}
        occurrences: tuple[Occurrence, ...] = ()
        if settings.get("registration_type") == PER_OCCURRENCE:
            occurrences = tuple(
                Occurrence(occurrence["occurrence_id"], occurrence.get("start_time"))
                for occurrence in record.get("occurrences") or []
                if occurrence.get("occurrence_id")
            )
        return record[str(self.string_id)], record["host_id"], settings.get("approval_type"), occurrences

    def note_skip(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> None:
        """Count one without a detail, and remember one that does not exist any more."""
        super().note_skip(verdict, stream_slice)
        if verdict.meaning is Meaning.GONE:
            self._gone.add(stream_slice[str(self.string_id)])

    def child_key_of_unread(self, stream_slice: Mapping[str, Any], error: Exception | None) -> Key | None:
        """Return it without its settings: most of what belongs to it can be read all the same."""
        if isinstance(error, SliceFailure) and error.again:
            self.at_fault.add(stream_slice[str(self.string_id)])
        return None if stream_slice[str(self.string_id)] in self._gone else self._unread_key(stream_slice)

    def _unread_key(self, stream_slice: Mapping[str, Any]) -> Key:
        occurrences = None if stream_slice.get("type") in FIXED_SERIES else ()
        return stream_slice[str(self.string_id)], stream_slice["host_id"], None, occurrences


class OfRegistration(ZoomSubStream):
    """Something that a meeting or webinar has only where one registers for it."""

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield nothing for one that says it has no registration."""
        if parent_key["approval_type"] != NO_REGISTRATION:
            yield parent_key


class Registrants(OfRegistration):
    """Registrants in all statuses; where one registers for each occurrence, each has a list of its own.

    Zoom's rows do not say of which occurrence they are, so `occurrence_id` is added: the one asked for, or
    "" for the meeting or webinar as a whole. One who registered for two occurrences has a row and a status
    for each.
    """

    def length_of(self, stream_slice: Mapping[str, Any]) -> int:
        """Return how many reads it takes: of each status, for each occurrence."""
        return len(STATUSES) * (1 + len(stream_slice["occurrences"] or ()))

    def reads(self, stream_slice: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield a read for each status, and for each occurrence where they have registrants of their own.

        The read of an occurrence has `occurrence_is_past`, whether it has begun: if so, Zoom may answer 400/300.
        """
        occurrences = [
            {"occurrence_id": occurrence.id, "occurrence_is_past": occurrence.began_before(self.context.now)}
            for occurrence in stream_slice["occurrences"] or ()
        ]
        for read in super().reads(stream_slice):
            yield read
            for occurrence in occurrences:
                yield {**read, **occurrence}

    def complete(self, record: Any, stream_slice: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the occurrence that was asked for, "" where none was."""
        record["occurrence_id"] = stream_slice.get("occurrence_id", "")
        return super().complete(record, stream_slice)

    def read_records(
        self,
        sync_mode: SyncMode,
        cursor_field: list[str] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        stream_state: Mapping[str, Any] | None = None,
    ) -> Iterator[Mapping[str, Any]]:
        """Yield the registrants.

        :raises SliceFailure: if some are missing, also where the occurrences of a series are not known
        """
        slice_ = stream_slice or {}
        yield from super().read_records(sync_mode, stream_slice=slice_)
        if slice_["occurrences"] is None:
            raise self._series_unknown(slice_)

    def _series_unknown(self, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure of a series whose occurrences are not known, for the reason its detail is not."""
        parent, meaning = self.parent, Meaning.UNKNOWN
        is_fault = False
        if isinstance(parent, RegistrableDetail):
            is_fault = stream_slice[str(parent.string_id)] in parent.at_fault
            meaning = Meaning.BROKEN if is_fault else Meaning.SCOPE if parent.reads_listed else Meaning.UNKNOWN
        error = self.failures.make(
            f"The detail of a series was not read, so that registrants of its single occurrences may be missing "
            f"from {self.name}.",
            meaning=meaning,
            stream_slice=stream_slice,
            failure_type=FailureType.transient_error if is_fault else FailureType.config_error,
            again=is_fault,
        )
        error.costly = is_fault  # a second try would find the detail missing, too
        return error

    def is_nothing(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether there is nothing, as also where Zoom does not know an occurrence that has begun."""
        is_over = stream_slice.get("occurrence_is_past") and verdict.meaning is Meaning.INVALID
        return bool(is_over) or super().is_nothing(verdict, stream_slice)

    def missing_values(self, name: str) -> tuple[Any, ...]:
        """Return the values that a field of the key must not have: "" is the meeting or webinar as a whole."""
        return (None,) if name == "occurrence_id" else super().missing_values(name)
