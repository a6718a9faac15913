"""Which answers are asked for again, how long that waits, and when it ends: the CDK's hooks for all three."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NoReturn, TypeAlias

import requests
from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.streams.http.error_handlers import BackoffStrategy, ErrorHandler
from airbyte_cdk.sources.streams.http.error_handlers.response_models import ErrorResolution, ResponseAction

from source_zoom.engine import SliceFailure
from source_zoom.zoom.answers import classify, per_second_limit, retry_after
from source_zoom.zoom.endpoint import Endpoint
from source_zoom.zoom.limits import PATIENCE_SECONDS, LabelBudget
from source_zoom.zoom.meanings import Meaning, name_of
from source_zoom.zoom.token_watch import TokenWatch
from source_zoom.zoom.transport import AnswerTooLarge, AnswerTooSlow

MAX_RETRIES = 5
"""Further attempts after a server or network error: after 1, 2, 4, 8 and 16 s (the CDK's rate_limiting.py)."""

MAX_REFUSALS = 10_000
"""Attempts of one request in all; `PATIENCE_SECONDS` end a request before."""

MAX_TIME = timedelta(minutes=30)
"""For the CDK, which would give up without a reason; `PATIENCE_SECONDS` end a request before."""

CDK_SECONDS = 1.0
"""What the CDK adds to every wait of ours (rate_limiting.py, `sleep_on_ratelimit`)."""

_INSTANT = 0.001
"""The CDK takes 0 for no answer."""

COSTLY_SECONDS = 120.0
"""What has taken that long is not tried a second time in a sync."""

Answer: TypeAlias = requests.Response | requests.RequestException | None

COSTLY = (AnswerTooSlow, AnswerTooLarge)
"""What another attempt at once would only repeat, for ten minutes or a gigabyte."""


class ZoomErrorHandler(ErrorHandler):
    """Tells the CDK's HTTP client which answers to retry.

    Every final answer is handed on as a success, errors too: the client would log the bodies of those
    it fails and lose their code (http_client.py, `_handle_error_resolution`). The stream raises instead.
    """

    max_retries = MAX_REFUSALS
    max_time = int(MAX_TIME.total_seconds())

    def __init__(self, endpoint: Endpoint, budget: LabelBudget, tokens: TokenWatch) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._tokens = tokens

    def interpret_response(self, response: requests.Response | Exception | None) -> ErrorResolution:
        """Return what to do with an answer, or with the exception that came instead of one."""
        if not isinstance(response, requests.Response):
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, _unreachable(response))
        verdict = classify(response, self._endpoint)
        if verdict.meaning is Meaning.PACE:
            self._budget.policy.slow_down(per_second_limit(response))
        else:
            self._budget.policy.note_passed()
        if verdict.meaning is Meaning.TOKEN and not self._tokens.is_alive(response.request, self._budget.session):
            return ErrorResolution(ResponseAction.REFRESH_TOKEN_THEN_RETRY, FailureType.config_error, verdict.message)
        if verdict.meaning is Meaning.PAGE_TOKEN:
            return ErrorResolution(ResponseAction.RESET_PAGINATION)
        if verdict.is_passing:
            # RATE_LIMITED would print a status for hidden streams, too.
            return ErrorResolution(ResponseAction.RETRY, FailureType.transient_error, verdict.message)
        self._budget.accepted()
        if verdict.meaning is Meaning.OK:
            self._tokens.accepted(self._budget.session, response.request, self._budget.began())
        return ErrorResolution(ResponseAction.SUCCESS)


class ZoomBackoff(BackoffStrategy):
    """Says how long to wait before the next attempt, and when there is none.

    All attempts of a request are made by one thread, so failures are counted by thread; attempts that were
    only refused for their pace do not count.
    """

    def __init__(self, endpoint: Endpoint, budget: LabelBudget) -> None:
        self._endpoint = endpoint
        self._budget = budget
        self._thread = threading.local()

    def backoff_time(
        self, response_or_exception: requests.Response | requests.RequestException | None, attempt_count: int
    ) -> float | None:
        """Return seconds to wait, less those that the CDK adds; None for its exponential waits.

        :raises SliceFailure: when enough attempts were made
        :raises StreamStopped: when the label has answered nothing for long
        """
        if attempt_count == 1:
            self._thread.failures = 0
            self._thread.first_began = self._budget.began()
        answer = response_or_exception
        if not isinstance(answer, requests.Response):
            self._note_fault(answer, _unreachable(answer), cause=type(answer).__name__)
            return None
        verdict = classify(answer, self._endpoint)
        if verdict.meaning is Meaning.PACE:
            cause = f"HTTP {verdict.http_status}"
            self._budget.faulted(_path_of(answer), self._budget.began(), cause, is_of_label=True)
            self._give_up_if_late(answer, verdict.message.rstrip("."), name_of(verdict.meaning))
            if pause := retry_after(answer):
                self._budget.hold(pause)
            return -CDK_SECONDS + _INSTANT  # the request waits for its next turn (pace.py)
        if verdict.meaning is not Meaning.TOKEN:
            facts = {
                "meaning": name_of(verdict.meaning),
                "http_status": verdict.http_status,
                "zoom_code": verdict.zoom_code,
            }
            self._note_fault(answer, verdict.message.rstrip("."), cause=verdict.code, facts=facts)
        # The CDK logs the body of a 200 before its exponential waits (rate_limiting.py), not before ours.
        return float(max(2 ** (self._thread.failures - 1) - CDK_SECONDS, 0.01)) if answer.ok else None

    def _note_fault(
        self,
        answer: Answer,
        reason: str,
        *,
        cause: str,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        self._thread.failures += 1
        self._budget.faulted(_path_of(answer), self._budget.began(), _status_or(cause, answer))
        if self._thread.failures > MAX_RETRIES or isinstance(answer, COSTLY):
            self._give_up(answer, reason, cause, facts)
        self._give_up_if_late(answer, reason, cause, facts)

    def _give_up_if_late(self, answer: Answer, reason: str, cause: str, facts: Mapping[str, Any] | None = None) -> None:
        if self._is_late():
            self._give_up(answer, reason, cause, facts)

    def _is_late(self) -> bool:
        return self._budget.seconds_since(self._thread.first_began) >= PATIENCE_SECONDS

    def _give_up(self, answer: Answer, reason: str, cause: str, facts: Mapping[str, Any] | None) -> NoReturn:
        self._budget.gave_up(_path_of(answer), _status_or(cause, answer))
        tried = f", also at the last of {self._thread.failures} attempts" if self._thread.failures > 1 else ""
        raise SliceFailure(
            f"{reason}{tried} (GET /{self._endpoint.path}).",
            cause=cause,
            failure_type=FailureType.transient_error,
            again=True,
            costly=self._budget.seconds_since(self._thread.first_began) >= COSTLY_SECONDS,
            facts=facts,
        )


def _status_or(cause: str, answer: Answer) -> str:
    return f"HTTP {answer.status_code}" if isinstance(answer, requests.Response) else cause


def _path_of(answer: Answer) -> str:
    request = answer.request if answer is not None else None
    return str(request.url).partition("?")[0] if request is not None else ""


def _unreachable(error: Exception | None) -> str:
    if isinstance(error, COSTLY):
        return str(error).rstrip(".")
    return f"Zoom could not be reached ({type(error).__name__ if error else 'no answer'})"
