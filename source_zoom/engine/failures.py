"""What can go wrong while a tree of streams is read, and how much of it reaches the user."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airbyte_cdk.models import AirbyteMessage, FailureType, StreamDescriptor
from airbyte_cdk.models import Type as MessageType
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

SEVERITY = (FailureType.config_error, FailureType.system_error, FailureType.transient_error)
"""Types of errors, first those that an immediate retry helps least: the platform goes by the first it sees."""


class EngineClosed(Exception):  # noqa: N818 - a signal to stop, not an error to report
    """Raised in worker threads once nobody consumes their output any more."""


class SliceFailure(AirbyteTracedException):
    """One slice of a stream could not be read.

    :param message: one sentence for the user
    :param cause: equal for failures that have the same one
    :param failure_type: what the platform should make of it (retry, ask the user, report a bug)
    :param internal_message: details for the log
    :param again: whether a second try may succeed when all else has been read, as it is at fault and not refused
    :param costly: whether that try would take too long, and is left to the next sync
    :param facts: what the stream knows of the slice and of its refusal, for whoever reports it
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        message: str,
        *,
        cause: str,
        failure_type: FailureType,
        internal_message: str | None = None,
        again: bool = False,
        costly: bool = False,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message=message, internal_message=internal_message or message, failure_type=failure_type)
        self.cause = cause
        self.again = again
        self.costly = costly
        self.facts: dict[str, Any] = dict(facts or {})


class StreamStopped(SliceFailure):
    """No further slice of this stream can be read, so none is tried."""


class ParentIncomplete(SliceFailure):
    """What belongs to a part of an ancestor is missing, and it is not known which part that is.

    :param parent: name of the ancestor where it began
    :param error: what happened there
    """

    def __init__(self, parent: str, error: Exception) -> None:
        super().__init__(
            message_of(error),
            cause=getattr(error, "cause", type(error).__name__),
            failure_type=failure_type_of(error),
            internal_message=f"A part of '{parent}' could not be read: {message_of(error)}",
            facts=getattr(error, "facts", None),
        )
        self.parent = parent
        self.error = error


@dataclass(frozen=True)
class Loss:
    """One slice that was not read in the end, while others were.

    :param stream: name of the stream it is a slice of
    :param again: whether it was at fault, rather than refused
    """

    stream: str
    cause: str
    message: str
    again: bool
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, stream: str, error: SliceFailure) -> Loss:
        """Return what is kept of a failure."""
        return cls(stream, error.cause, message_of(error), error.again, error.facts)


class Outcome:
    """What became of a stream's slices, and of those of its ancestors whose records it depends on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.read = 0
        self.losses: list[Loss] = []
        self.inherited: list[Loss] = []
        self.stopped: SliceFailure | None = None
        """Why nothing more was read."""
        self.parent: Outcome | None = None
        """That of the stream whose keys the slices are made of."""

    def count_read(self) -> None:
        """Count a slice that was read to its end."""
        with self._lock:
            self.read += 1

    def lose(self, loss: Loss) -> None:
        """Note a slice that was not read."""
        with self._lock:
            self.losses.append(loss)

    def stop(self, error: SliceFailure) -> None:
        """Note that nothing more is read; the first reason counts."""
        with self._lock:
            self.stopped = self.stopped or error


def failure_type_of(error: BaseException | None) -> FailureType:
    """Return the failure type an exception carries, `system_error` where it carries none."""
    return error.failure_type if isinstance(error, AirbyteTracedException) else FailureType.system_error


def message_of(error: BaseException) -> str:
    """Return the sentence an exception has for the user."""
    if isinstance(error, AirbyteTracedException):
        return str(error)
    return f"An unexpected {type(error).__name__} occurred. Please report it."


class FailureLog:
    """Keeps the errors that leave streams incomplete, one for each cause, until all streams have ended.

    The platform goes by the first error trace of a sync, so they leave together and in an order. The CDK emits
    one, with a logged stack, for every failed partition (concurrent_read_processor.py, `on_exception`).
    """

    def __init__(self) -> None:
        self._errors: dict[tuple[str, FailureType, str], Exception] = {}

    @property
    def names(self) -> set[str]:
        """Streams with an error."""
        return {stream for stream, _, _ in self._errors}

    def note(self, stream: str, error: Exception) -> bool:
        """Keep an error; return whether it is the first with its cause in its stream."""
        key = (stream, failure_type_of(error), getattr(error, "cause", message_of(error)))
        is_new = key not in self._errors
        self._errors.setdefault(key, error)
        return is_new

    def traces(self, names: set[str]) -> list[AirbyteMessage]:
        """Return the error traces of some streams, first those that an immediate retry helps least."""
        order = sorted(self._errors.items(), key=lambda item: (SEVERITY.index(item[0][1]), item[0][0]))
        return [_trace(name, error) for (name, _, _), error in order if name in names]

    def summary(self, names: set[str]) -> AirbyteTracedException | None:
        """Return the error that ends the sync if any of the streams failed.

        The platform takes a non-zero exit code as the sign of a failed sync. The type is that of the first
        of the streams' own errors, which were traced before.
        """
        failed = self.names & names
        if not failed:
            return None
        types = {type_ for name, type_, _ in self._errors if name in failed}
        rest = "; everything else was read" if names - failed else ""
        message = f"These streams are incomplete: {', '.join(sorted(failed))}. The error of each says why{rest}."
        return AirbyteTracedException(
            message=message, internal_message=message, failure_type=next(kind for kind in SEVERITY if kind in types)
        )


def _trace(stream: str, error: Exception) -> AirbyteMessage:
    """Return an error trace: with a stack only for what nobody foresaw."""
    descriptor = StreamDescriptor(name=stream)
    if isinstance(error, AirbyteTracedException):
        message = error.as_airbyte_message(stream_descriptor=descriptor)
        if message.trace and message.trace.error:
            message.trace.error.stack_trace = None
        return message
    return AirbyteTracedException.from_exception(
        error,
        stream_descriptor=descriptor,
        message=f"An unexpected error occurred in stream {stream}: {type(error).__name__}. Please report it.",
    ).as_airbyte_message()


class FirstError:
    """Holds the first error it is given, for threads to share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._error: Exception | None = None

    def set(self, error: Exception) -> None:
        """Keep `error` unless there is one already."""
        with self._lock:
            self._error = self._error or error

    def get(self) -> Exception | None:
        """Return the kept error."""
        return self._error


def sanitised(message: AirbyteMessage) -> AirbyteMessage:
    """Mask secrets in an error trace, which the CDK's concurrent path does not do."""
    if message.type == MessageType.TRACE and message.trace and message.trace.error:
        error = message.trace.error
        error.message = filter_secrets(error.message)
        error.internal_message = filter_secrets(error.internal_message or "") or None
        error.stack_trace = filter_secrets(error.stack_trace or "") or None
    return message
