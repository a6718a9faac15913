"""Tells a token that Zoom accepts no more from an object that Zoom refuses with HTTP 401."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import requests

from source_zoom.answers import error_of, json_body

INVALID_TOKEN = 124
"""Zoom's code for a token that it does not accept, which comes with HTTP 400, too."""


class _Accepted(NamedTuple):
    """A request that Zoom accepted: how it was sent, and when."""

    session: requests.Session
    url: str
    token: int
    sent: float


class TokenWatch:
    """Remembers which token was accepted last, and asks again where that is not known.

    Zoom answers 401 for a dead token, and for single objects too. A new token for each of those would be wasted, and
    with a refresh token be one more rotation; a dead token that is taken for a refused object would lose rows.

    :param clock: returns seconds, at any origin
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._accepted: _Accepted | None = None

    def accepted(self, session: requests.Session, request: requests.PreparedRequest, sent: float) -> None:
        """Note that a request was answered, and not for want of a token.

        :param sent: when it was sent, by the watch's clock
        """
        if request.url:
            self._accepted = _Accepted(session, request.url, _token_of(request), sent)

    def is_alive(self, request: requests.PreparedRequest) -> bool:
        """Return whether the token of a request that was refused is accepted otherwise.

        Where no request that was sent since has told it, the one that was accepted last is sent once more.
        """
        refused, token = self._clock(), _token_of(request)
        with self._lock:
            last = self._accepted
            if last is None or last.url == request.url:
                return False
            if last.token == token and last.sent >= refused:
                return True
            sent = self._clock()
            again = requests.Request("GET", last.url, headers={"Authorization": request.headers["Authorization"]})
            try:
                answer = last.session.send(again.prepare(), timeout=(10, 60), allow_redirects=False)
            except requests.RequestException:
                return False
            if not _is_accepted(answer):
                return False
            self.accepted(last.session, answer.request, sent)
            return True


def _is_accepted(answer: requests.Response) -> bool:
    """Return whether an answer shows that its token was accepted; Zoom refuses tokens with 401, and with code 124."""
    status = answer.status_code
    if status in {requests.codes.unauthorized, requests.codes.too_many} or status >= requests.codes.server_error:
        return False
    return error_of(json_body(answer))[0] != INVALID_TOKEN


def _token_of(request: requests.PreparedRequest) -> int:
    """Return what tells tokens apart without being one."""
    return hash(request.headers.get("Authorization"))
