"""The way of an API call: token, rate limit, scope, parameters, endpoint."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import unquote

from sandbox.canned import Answer, missing_scope
from sandbox.counters import Counters
from sandbox.faults import PARTICIPANTS, WEBINAR_PARTICIPANTS, FaultPlan
from sandbox.limits import RateLimiter
from sandbox.messages import Reply, Request, ZoomError, error_reply, json_reply
from sandbox.oauth import TokenEndpoint
from sandbox.paging import Page, PageTokens
from sandbox.refusals import dead_token
from sandbox.routing import Call, Listing, Route
from sandbox.targets import ObjectFaults
from sandbox.world import World

_UNKNOWN_ENDPOINT = "(unknown)"
_PARTICIPANTS = frozenset({PARTICIPANTS, WEBINAR_PARTICIPANTS})


@dataclass(frozen=True)
class Rules:
    """What a call's answer depends on, beside its endpoint."""

    scopes: frozenset[str]
    missing_scope_status: int
    page_cap: int | None
    withheld: frozenset[str] = frozenset()
    """Templates of endpoints that no scope of the app opens."""

    def grants(self, route: Route) -> bool:
        """Tell whether the app may call an endpoint: its classic or its granular scope is enough."""
        if route.template in self.withheld:
            return False
        return not self.scopes.isdisjoint({route.classic_scope, route.granular_scope})


@dataclass(frozen=True)
class Gateway:
    """Answers requests to ``/v2``. Thread-safe as its parts are."""

    routes: tuple[Route, ...]
    world: World
    rules: Rules
    tokens: TokenEndpoint
    limiter: RateLimiter
    page_tokens: PageTokens
    faults: FaultPlan
    object_faults: ObjectFaults
    counters: Counters
    clock: Callable[[], float]

    def answer(self, request: Request) -> tuple[Reply, float]:
        """Return the reply and the extra seconds it takes."""
        for route in self.routes:
            values = route.match(request.path)
            if values is not None and request.method == "GET":
                reply = self.faults.damaged(self._judge(route, values, request), route, request)
                reply = replace(reply, headers={"X-RateLimit-Category": route.label.category, **reply.headers})
                self.counters.api(route.template, route.label, request.target, reply)
                if route.template in _PARTICIPANTS and not request.query.get("next_page_token"):
                    self.counters.session(unquote(next(iter(values.values()))), reply)
                return reply, self.faults.delay(route, request)
        reply = error_reply(400, 2300, "This API endpoint is not recognized.")
        self.counters.api(_UNKNOWN_ENDPOINT, None, request.target, reply)
        return reply, 0.0

    def _judge(self, route: Route, values: dict[str, str], request: Request) -> Reply:
        if self.faults.kills_tokens():
            self.tokens.revoke_all()
        reply = (
            self.tokens.refuse(request)
            or self.faults.limit_reply(route.label, self.clock())
            or self.limiter.refuse(route.label, self.clock())
        )
        if reply:
            return reply
        if not self.rules.grants(route):
            return missing_scope(self.rules.missing_scope_status, route.granular_scope)
        try:
            return self._call(route, values, request)
        except ZoomError as error:
            return error.reply

    def _call(self, route: Route, values: dict[str, str], request: Request) -> Reply:
        query = route.read_query(request.query)
        page = self._page(route, request) if route.paging else None
        call = Call(route, values, query, page, self.world)
        reply = self.faults.reply_instead(call, request)
        return reply or self.object_faults.api_reply(call, request, partial(self._own, call, request))

    def _own(self, call: Call, request: Request, alter: Callable[[Answer], Answer]) -> Reply:
        try:
            answer = alter(call.route.answer(call))
        except ZoomError as error:
            return error.reply
        return json_reply(self._page_body(answer, call, request) if isinstance(answer, Listing) else answer)

    def _page(self, route: Route, request: Request) -> Page:
        size = route.page_size(request.query)
        if self.rules.page_cap is not None:
            size = min(size, self.rules.page_cap)
        token = request.query.get("next_page_token")
        if not token:
            return Page((route.page_number(request.query) - 1) * size, size)
        offset = self.page_tokens.redeem(request.list_key, token)
        if offset is None:
            raise dead_token(route.template)
        return Page(offset, size)

    def _page_body(self, listing: Listing, call: Call, request: Request) -> dict[str, Any]:
        page = call.page or Page(0, listing.total)
        listed = listing.total - listing.left_out
        begin = 0 if listing.is_endless else page.offset
        end = min(begin + page.size, listed)
        token = ""
        if listing.is_endless:
            token = self.page_tokens.issue(request.list_key, page.offset + page.size)
        elif end < listed:
            token = self.page_tokens.issue(request.list_key, end)
        if self.faults.repeats_page_token(call.route, request):
            token = request.query.get("next_page_token") or token or self.page_tokens.issue(request.list_key, 0)
        counts = {
            "page_size": page.size,
            "page_count": -(-listing.total // page.size),
            "page_number": page.number,
            "total_records": listing.total,
        }
        return {
            "next_page_token": token,
            **{name: counts[name] for name in listing.tells},
            **listing.extra,
            listing.key: listing.rows(begin, max(begin, end)),
        }
