"""Answers that Zoom gives instead of what was asked for, by name.

The texts are those of https://developers.zoom.us/docs/api/meetings/ and /docs/api/users/; bodies that are empty, or a
page of HTML, come from the gateways in front of the API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias
from urllib.parse import unquote

from sandbox.limits import daily_refusal, per_second_refusal
from sandbox.messages import Damage, Reply, error_reply
from sandbox.oauth import App
from sandbox.refusals import (
    BAD_REQUEST,
    GONE,
    NO_PERMISSION,
    NOT_FOUND,
    gone,
    invalid,
    no_permission,
    no_webinars,
    user_gone,
)
from sandbox.routing import Call, Listing

Answer: TypeAlias = Listing | dict[str, Any]

_FORBIDDEN_PAGE = b"<!DOCTYPE html><html><body><h1>403 Forbidden</h1></body></html>"
_OK, _UNAUTHORIZED, _FORBIDDEN = 200, 401, 403
_DAILY_LIMIT, _RATE = 30_000, 10


@dataclass(frozen=True)
class Scene:
    """A call that is refused."""

    call: Call
    now: float
    """Seconds since the epoch."""
    seconds: float
    """How long a time-out lasts."""
    own: Callable[[Callable[[Answer], Answer]], Reply]
    """Makes the endpoint's own reply of its answer, which a function may have changed."""

    @property
    def named(self) -> str:
        """What the path names."""
        return unquote(self.call.named)


def server_error() -> Reply:
    """Return an HTTP 500."""
    return error_reply(500, 500, "Internal server error.")


def missing_scope(status: int, scope: str) -> Reply:
    """Return the 4711 of a call for which the token lacks a scope."""
    return error_reply(status, 4711, f"Invalid access token, does not contain scopes:[{scope}].")


def unchanged(answer: Answer) -> Answer:
    """Return the answer as it is."""
    return answer


def emptied(scene: Scene) -> Reply:
    """Return what the endpoint answers as long as there is nothing yet."""

    def alter(answer: Answer) -> Answer:
        if isinstance(answer, Listing):
            return replace(answer, total=0, rows=lambda *_: [])
        if scene.call.route.template.endswith("}"):
            return {}
        counts = {"total_records": 0} if "total_records" in answer else {}
        return {**{name: [] if isinstance(value, list) else value for name, value in answer.items()}, **counts}

    return scene.own(alter)


def _cut(scene: Scene) -> Reply:
    body = scene.own(unchanged).body
    return Reply(_OK, body[: len(body) // 2], spoiled=True)


def _plan(scene: Scene) -> Reply:
    account_id = App.of(scene.call.world.seed).account_id
    return error_reply(BAD_REQUEST, NO_PERMISSION, f"Only available for paid account: {account_id}.")


CANNED: Mapping[str, Callable[[Scene], Reply]] = {
    "no-permission": lambda scene: no_permission(scene.call.world).reply,
    "no-permission-403": lambda _: error_reply(_FORBIDDEN, NO_PERMISSION, "No permission."),
    "unauthorized": lambda _: error_reply(_UNAUTHORIZED, 124, "Invalid access token."),
    "unauthorized-empty": lambda _: Reply(_UNAUTHORIZED),
    "forbidden": lambda _: Reply(_FORBIDDEN),
    "forbidden-html": lambda _: Reply(_FORBIDDEN, _FORBIDDEN_PAGE, "text/html;charset=UTF-8"),
    "user-gone": lambda scene: user_gone(scene.call.route.template, scene.named).reply,
    "gone": lambda scene: gone(scene.call.thing, scene.named).reply,
    "error-500": lambda _: server_error(),
    "timeout": lambda scene: replace(scene.own(unchanged), stall=scene.seconds, spoiled=True),
    "cut": _cut,
    "reset": lambda scene: replace(scene.own(unchanged), damage=Damage.RESET, spoiled=True),
    "plan": _plan,
    "licence": lambda scene: no_webinars(scene.call.world).reply,
    "scope": lambda scene: missing_scope(BAD_REQUEST, scene.call.route.granular_scope),
    "daily": lambda scene: daily_refusal(scene.call.route.label, _DAILY_LIMIT, scene.now),
    "per-second": lambda scene: per_second_refusal(scene.call.route.label, _RATE, None),
    "bad-parameter": lambda _: invalid("Invalid parameter: from.").reply,
    "not-found": lambda _: Reply(NOT_FOUND),
    "invalid-webinar": lambda _: invalid("Invalid webinar ID.").reply,
    "too-early": lambda scene: error_reply(
        NOT_FOUND, GONE, f"{scene.call.thing} {scene.named} not found or has expired."
    ),
    "empty": emptied,
}
"""What each name stands for."""
