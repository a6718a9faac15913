"""What can go wrong while a tree of streams is read, and how much of it reaches the user."""

from __future__ import annotations

import logging
import threading
from collections import Counter

from airbyte_cdk.models import AirbyteMessage, FailureType
from airbyte_cdk.models import Type as MessageType
from airbyte_cdk.sources.concurrent_source.stream_thread_exception import StreamThreadException
from airbyte_cdk.utils import AirbyteTracedException
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

LOGGED_FAILURES_PER_STREAM = 20


class EngineClosed(Exception):  # noqa: N818 - a signal to stop, not an error to report
    """Raised in worker threads once nobody consumes their output any more."""


class SliceFailure(AirbyteTracedException):
    """One slice of a stream could not be read.

    :param message: one sentence for the user
    :param kind: equal for failures with the same cause; a stream reports each kind once
    :param failure_type: what the platform should make of it (retry, ask the user, report a bug)
    :param internal_message: details for the log
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        failure_type: FailureType,
        internal_message: str | None = None,
    ) -> None:
        super().__init__(message=message, internal_message=internal_message or message, failure_type=failure_type)
        self.kind = kind


class StreamStopped(SliceFailure):
    """No further slice of this stream can be read, so none is tried."""


def failure_type_of(error: BaseException | None) -> FailureType:
    """Return the failure type an exception carries, `system_error` where it carries none."""
    return error.failure_type if isinstance(error, AirbyteTracedException) else FailureType.system_error


def message_of(error: BaseException) -> str:
    """Return the sentence an exception has for the user."""
    if isinstance(error, AirbyteTracedException):
        return str(error)
    return f"an unexpected {type(error).__name__} occurred"


class FailureLog:
    """Lets the first failure of each kind through and counts the rest.

    The CDK emits an error trace and a logged stack for every failed partition
    (concurrent_read_processor.py, `on_exception`): under an outage that is one per object.
    """

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._kinds: set[tuple[str, FailureType, str]] = set()
        self._counts: Counter[str] = Counter()
        self._types: dict[str, set[FailureType]] = {}

    def admit(self, item: StreamThreadException) -> bool:
        """Note a failure; return whether it is the first of its kind in its stream."""
        name, error = item.stream_name, item.exception
        failure_type = failure_type_of(error)
        self._counts[name] += 1
        self._types.setdefault(name, set()).add(failure_type)
        kind = (name, failure_type, getattr(error, "kind", message_of(error)))
        if kind not in self._kinds:
            self._kinds.add(kind)
            return True
        if self._counts[name] <= LOGGED_FAILURES_PER_STREAM:
            detail = getattr(error, "internal_message", None) or message_of(error)
            self._logger.warning(f"Stream {name}: {detail}")
        return False

    def count(self, name: str) -> int:
        """Return how many failures of a stream were noted."""
        return self._counts[name]

    def summary(self, names: set[str]) -> AirbyteTracedException | None:
        """Return the error that ends the sync if any of the streams failed.

        The platform takes a non-zero exit code as the sign of a failed sync. The type is the one
        that asks most of the user among the streams' own errors, which were traced before.
        """
        failed = sorted(names & self._counts.keys())
        if not failed:
            return None
        types = set().union(*(self._types[name] for name in failed))
        order = (FailureType.config_error, FailureType.system_error, FailureType.transient_error)
        rest = "; everything else was read" if names - self._counts.keys() else ""
        return AirbyteTracedException(
            message=f"These streams are incomplete: {', '.join(failed)}. The error of each says why{rest}.",
            internal_message=f"Failures by stream: { {name: self._counts[name] for name in failed} }",
            failure_type=next(kind for kind in order if kind in types),
        )


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
