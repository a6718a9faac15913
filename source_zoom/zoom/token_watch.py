"""Tells a token that Zoom accepts no more from an object that Zoom refuses with HTTP 401."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import requests

from source_zoom.engine import SliceFailure
from source_zoom.zoom.answers import error_of, json_body

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
        self._accepted: dict[requests.Session, _Accepted] = {}
        """The last one of each session."""

    def accepted(self, session: requests.Session, request: requests.PreparedRequest, sent: float) -> None:
        """Note that a request was answered, and not for want of a token.

        :param sent: when it was sent, by the watch's clock
        """
        if request.url:
            self._accepted[session] = _Accepted(session, request.url, _token_of(request), sent)

    def is_alive(self, request: requests.PreparedRequest, session: requests.Session | None = None) -> bool:
        """Return whether the token of a request that was refused is accepted otherwise.

        If no request that was sent since tells, one that was accepted is sent once more: the last of the same
        session, or of another one where that does not tell.
        """
        refused, token = self._clock(), _token_of(request)
        with self._lock:
            accepted = sorted(self._accepted.values(), key=lambda one: (one.session is not session, -one.sent))
            others = [one for one in accepted if one.url != request.url]
            if any(one.token == token and one.sent >= refused for one in others):
                return True
            for last in others:
                is_accepted = self._is_accepted_again(last, request)
                if is_accepted is not None:
                    return is_accepted
            return False

    def _is_accepted_again(self, last: _Accepted, request: requests.PreparedRequest) -> bool | None:
        """Return whether the token of a request is accepted for what was accepted before; None if that does not tell.

        Zoom refuses tokens with 401, and with code 124.
        """
        sent = self._clock()
        again = requests.Request("GET", last.url, headers={"Authorization": request.headers["Authorization"]})
        try:
            answer = last.session.send(again.prepare(), timeout=(10, 60), allow_redirects=False)
        except (requests.RequestException, SliceFailure):  # or its rate limit is used up for the day
            return None
        status = answer.status_code
        if status == requests.codes.too_many or status >= requests.codes.server_error:
            return None
        if status == requests.codes.unauthorized or error_of(json_body(answer))[0] == INVALID_TOKEN:
            return False
        self.accepted(last.session, answer.request, sent)
        return True


def _token_of(request: requests.PreparedRequest) -> int:
    """Return what tells tokens apart without being one."""
    return hash(request.headers.get("Authorization"))
