"""Says at a stream's end whether it is complete, and what is to be said of what it lacks.

Airbyte sends COMPLETE for every stream of a sync that exits with 0, and for none otherwise; it swaps no table of a
sync that failed, and starts it again at once unless its first error is a config error (docs/platform.md). So single
objects do not fail a sync, and what an immediate retry cannot cure is a config error.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.config import OnGaps
from source_zoom.engine import Loss, Outcome, SliceFailure, TreeStream, slices_from, with_ancestors
from source_zoom.streams import StreamContext, ZoomStream
from source_zoom.streams.base.failures import REFUSED
from source_zoom.streams.base.gaps import Gap, merged, warning_of
from source_zoom.streams.windows.stream import ResumableStream
from source_zoom.zoom.meanings import EXPLANATIONS, LACKING, Meaning

LOGGER = logging.getLogger("airbyte")

WINDOW = "window"
"""Type of the gaps that are days of the account."""

MOST_FAULTS = 3
"""Objects at fault that a stream that is read in full may lack: one that is broken for good must not stop all."""

SCOPE, DAILY = str(Meaning.SCOPE.name), str(Meaning.DAILY.name)


class Judge:
    """Judges the streams of one sync.

    :param streams: every stream there is, by name
    :param modes: how the selected ones are read
    """

    def __init__(
        self, context: StreamContext, streams: Mapping[str, TreeStream], modes: Mapping[str, SyncMode]
    ) -> None:
        self._context = context
        self._streams = streams
        self._modes = modes
        self._today = context.now.to_date_string()

    def __call__(self, stream: TreeStream, outcome: Outcome) -> SliceFailure | None:
        """Return what leaves a stream incomplete, None if it is complete; warn of what it lacks all the same."""
        if not isinstance(stream, ZoomStream):
            return None
        lacked = None if outcome.losses or outcome.inherited else self._lacked(stream)
        stopped = outcome.stopped or self._all_refused(stream, outcome)
        if lacked is not None or (stopped is not None and stopped.cause == REFUSED):
            if isinstance(stream, ResumableStream):
                stream.revert()
            if stopped is None or Meaning.__members__.get(stopped.facts.get("meaning", ""), Meaning.UNKNOWN) in LACKING:
                words = EXPLANATIONS[lacked] if lacked else None
                why = stopped.message if stopped else stream.closing_line() or words
                LOGGER.warning(f"Stream {stream.name} is empty, as the account lacks what it needs: {why}")
                return None
            return stopped
        gaps = self._gaps(stream, outcome)
        self._context.gaps.add(gaps)
        if stopped is not None and (error := self._of_stop(stream, stopped)):
            return error
        return self._of_gaps(stream, outcome, gaps)

    def _is_incremental(self, stream: ZoomStream) -> bool:
        return isinstance(stream, ResumableStream) and self._modes.get(stream.name) is SyncMode.incremental

    def _lacked(self, stream: ZoomStream) -> Meaning | None:
        return stream.lacks if isinstance(stream, ResumableStream) else None

    def _all_refused(self, stream: ZoomStream, outcome: Outcome) -> SliceFailure | None:
        """Return the stop of a stream that was refused everything, but asked for too little to stop on the way."""
        losses = [*outcome.losses, *outcome.inherited]
        asked: TreeStream | None = stream
        while asked is not None:
            if isinstance(asked, ZoomStream) and asked.probation.is_failed:
                one = next((loss for loss in losses if loss.stream == asked.name and not loss.again), None)
                if one is not None:
                    refused = asked.failures.all_refused(one.message, one.facts)
                    if asked is not stream or not stream.does_without(refused):
                        return refused
                    outcome.losses = [loss for loss in outcome.losses if loss.again]
            asked = self._streams.get(slices_from(asked) or "")
        return None

    def _gaps(self, stream: ZoomStream, outcome: Outcome) -> list[Gap]:
        held = stream.held_gaps() if isinstance(stream, ResumableStream) else []
        # A window that the list lacks is told by the stream's own state, if the stream needs it at all.
        told = isinstance(stream, ResumableStream)
        inherited = [loss for loss in outcome.inherited if not (told and _is_window(loss))]
        lost = [Gap.of(stream.name, loss, self._today) for loss in (*outcome.losses, *inherited)]
        return merged([*held, *lost])

    def _of_stop(self, stream: ZoomStream, stopped: SliceFailure) -> SliceFailure | None:
        """Return the error of a stream that was not read to its end, None if its state holds the rest."""
        if stopped.cause == SCOPE:
            return self._of_scope(stream, stopped)
        if stopped.cause == DAILY and self._is_incremental(stream):
            LOGGER.warning(f"Stream {stream.name} goes on in the next sync, from its state: {stopped.message}")
            return None
        return stopped

    def _of_scope(self, stream: ZoomStream, stopped: SliceFailure) -> SliceFailure:
        """Return one error that names all scopes the stream lacks; the token only informs, as it can be old."""
        granted = self._context.authenticator.granted_scopes
        needed = [self._streams[name] for name in sorted(with_ancestors(self._streams, {stream.name}))]
        lacking = {
            str(one.endpoint.scopes): None
            for one in needed
            if isinstance(one, ZoomStream) and not one.endpoint.scopes.are_granted(granted)
        }
        if not lacking or granted is None:
            return stopped
        return SliceFailure(
            f"The Zoom app may not read {stream.name}: add the scope {' and '.join(lacking)} to the app at "
            "marketplace.zoom.us, then run again (new scopes can take a while to arrive).",
            cause=SCOPE,
            failure_type=FailureType.config_error,
        )

    def _of_gaps(self, stream: ZoomStream, outcome: Outcome, gaps: list[Gap]) -> SliceFailure | None:
        losses = [*outcome.losses, *outcome.inherited]
        if any(loss.cause == SCOPE for loss in losses):
            return self._of_scope(stream, _as_failure(next(loss for loss in losses if loss.cause == SCOPE)))
        if not gaps:
            return None
        warning = warning_of(stream.name, gaps)
        if self._context.config.on_gaps is OnGaps.FAIL:
            is_passing = all(gap.is_fault for gap in gaps)
            type_ = FailureType.transient_error if is_passing else FailureType.config_error
            return SliceFailure(f"{warning} (`on_gaps` is `fail`.)", cause="gaps", failure_type=type_)
        if self._is_too_faulty(stream, outcome, gaps):
            example = next((f" {loss.message}" for loss in losses if loss.again), "")
            return SliceFailure(f"{warning}{example}", cause="gaps", failure_type=FailureType.transient_error)
        LOGGER.warning(f"{warning} The stream read_gaps lists them.")
        return None

    def _is_too_faulty(self, stream: ZoomStream, outcome: Outcome, gaps: list[Gap]) -> bool:
        """Return whether objects at fault leave a stream incomplete.

        An incremental stream asks for them again in its next sync, unless most of it is at fault. A list of everything
        is no single object.
        """
        faults = [loss for loss in (*outcome.losses, *outcome.inherited) if loss.again]
        if any(loss.facts.get("object_type") == "list" for loss in faults):
            return True  # of everything
        if any(map(_is_window, faults)) and any(gap.object_type == WINDOW for gap in gaps):
            # A state holds what is missing of the account, but not where nothing was read, nor in full refresh.
            read = outcome.read or (outcome.parent.read if outcome.parent else 0)
            return not read or not self._is_incremental(stream)
        if self._is_incremental(stream):
            return _is_mostly_faulty(outcome)
        return sum(gap.is_fault for gap in gaps) > MOST_FAULTS  # objects: a host has a slice for each window


def _is_window(loss: Loss) -> bool:
    return loss.facts.get("object_type") == WINDOW


def _as_failure(loss: Loss) -> SliceFailure:
    return SliceFailure(loss.message, cause=loss.cause, failure_type=FailureType.config_error, facts=loss.facts)


def _is_mostly_faulty(outcome: Outcome) -> bool:
    faults = [loss for loss in outcome.losses if loss.again]
    objects = {(loss.facts.get("object_type"), loss.facts.get("object_id")) for loss in faults}
    own = len(objects) > MOST_FAULTS and len(faults) > outcome.read
    return own or (outcome.parent is not None and _is_mostly_faulty(outcome.parent))
