"""The failures of a stream's slices: what they say to the user, and the facts that gaps and states are made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import Loss, SliceFailure, StreamStopped
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.masking import mask
from source_zoom.zoom.meanings import REMEDIES, Meaning, name_of

UNUSABLE = "UNUSABLE"
"""Meaning of a gap whose record came, but without what identifies it."""

REFUSED = "refused"
"""Kind of a stop: everything that was asked for was refused alike."""

TOKEN_REJECTED = "Refreshed OAuth access token is rejected by the API."  # noqa: S105 - a sentence
"""What the CDK says of a token that is refused again (http_client.py, `_handle_error_resolution`)."""


def is_of_list(loss: Loss) -> bool:
    """Return whether records of a list are missing of which it is not known which they are.

    A record that came without what identifies it does not count: nothing could be read of it anyway.
    """
    return loss.facts.get("object_type") == "list" and loss.cause != UNUSABLE


class Failures:
    """Makes the failures of one stream.

    :param subject_of: returns whom or what a slice speaks of, as gaps name it
    """

    def __init__(self, endpoint: Endpoint, subject_of: Callable[[Mapping[str, Any]], Mapping[str, str]]) -> None:
        self._endpoint = endpoint
        self._subject_of = subject_of

    def make(  # noqa: PLR0913 - all but the first by name
        self,
        message: str,
        *,
        meaning: Meaning,
        stream_slice: Mapping[str, Any],
        failure_type: FailureType = FailureType.transient_error,
        again: bool = False,
        verdict: Verdict | None = None,
        kind: type[SliceFailure] = SliceFailure,
    ) -> SliceFailure:
        """Return a failure whose request is named in the log only, as ids are in it.

        :param message: one sentence for the user
        :param meaning: of the answer, or of what came in its place; equal for failures that have the same cause
        :param failure_type: what the platform should make of it
        :param again: whether a second try may succeed when all else has been read
        :param verdict: on the answer, if there was one
        """
        where = f"GET /{self._endpoint.render(stream_slice)}"
        if "uuid" in stream_slice:
            where += f" (session {stream_slice['uuid']})"
        return kind(
            message,
            cause=name_of(meaning),
            failure_type=failure_type,
            internal_message=f"{message} Request: {where}",
            again=again,
            facts={
                **self._subject_of(stream_slice),
                "meaning": name_of(meaning),
                "http_status": verdict.http_status if verdict else None,
                "zoom_code": verdict.zoom_code if verdict else None,
                "message": message,
            },
        )

    def refused(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure for an answer; it stops the stream if every other slice would be answered alike."""
        is_wide = verdict.is_account_wide or not self._endpoint.is_per_object
        return self.make(
            verdict.message,
            meaning=verdict.meaning,
            stream_slice=stream_slice,
            failure_type=verdict.failure_type,
            again=verdict.is_passing,
            verdict=verdict,
            kind=StreamStopped if is_wide and not verdict.is_passing else SliceFailure,
        )

    def all_refused(self, message: str, facts: Mapping[str, Any]) -> StreamStopped:
        """Return what stops a stream of which everything that was asked for was refused alike.

        :param message: what one of the refusals said
        :param facts: those of that refusal
        """
        remedy = REMEDIES.get(Meaning[facts["meaning"]], "")
        return StreamStopped(
            f"Zoom refuses GET /{self._endpoint.path} for all that it was asked for. {message} {remedy}".rstrip(),
            cause=REFUSED,
            failure_type=FailureType.config_error,
            facts=facts,
        )

    def explained(self, error: AirbyteTracedException, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return an error of the HTTP client or the authenticator without the response bodies it quotes."""
        message = mask(str(error))
        if message == TOKEN_REJECTED:
            message = (
                f"Zoom refuses the access token for GET /{self._endpoint.path}, a new one too: check at "
                "marketplace.zoom.us that the app is activated and has the scopes it needs."
            )
        is_config = error.failure_type is FailureType.config_error
        explained = self.make(
            message,
            meaning=Meaning.TOKEN if is_config else Meaning.BROKEN,
            stream_slice=stream_slice,
            failure_type=error.failure_type or FailureType.system_error,
            again=not is_config,
            kind=StreamStopped if is_config else SliceFailure,
        )
        if isinstance(error, SliceFailure):
            explained.cause = error.cause
            explained.costly = error.costly
            explained.facts.update(error.facts)
        return explained

    def expired(self, pages: int, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure of a list whose page token dies again and again.

        :param pages: how many there were before it did
        """
        return self.make(
            f"The page token of GET /{self._endpoint.path} expired after page {pages}, again and without getting "
            "further.",
            meaning=Meaning.PAGE_TOKEN,
            stream_slice=stream_slice,
            again=True,
        )

    def endless(self, why: str, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure of a list that does not seem to end."""
        return self.make(
            f"GET /{self._endpoint.path} does not end: {why}.",
            meaning=Meaning.BROKEN,
            stream_slice=stream_slice,
            again=True,
        )

    def unusable(self, fault: Exception, stream_slice: Mapping[str, Any]) -> SliceFailure:
        """Return the failure of a slice with a record that cannot be used.

        :param fault: why; the text of a ValueError is for the user
        """
        what = str(fault) if type(fault) is ValueError else f"it has an unexpected form ({type(fault).__name__})"
        error = self.make(
            f"A record of GET /{self._endpoint.path} cannot be used: {what}. The others were read.",
            meaning=Meaning.UNKNOWN,
            stream_slice=stream_slice,
            failure_type=FailureType.system_error,
        )
        error.facts["meaning"] = error.cause = UNUSABLE
        return error
