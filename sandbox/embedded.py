"""The sandbox as an object: put together from its options, started, asked, stopped."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import islice
from types import TracebackType
from typing import Any

from sandbox.areas import ROUTES
from sandbox.areas.reports import ACTIVE_HOSTS, HISTORY
from sandbox.control import CONTROL_PREFIX, Control
from sandbox.counters import Counters
from sandbox.dates import midnight
from sandbox.expected import DEFAULT_READING, Expected, Key, Reading, Row
from sandbox.faults import Fault, FaultPlan
from sandbox.gateway import Gateway, Rules
from sandbox.limits import PLANS, RateLimiter
from sandbox.messages import Reply, Request
from sandbox.oauth import TOKEN_PATH, App, TokenEndpoint, TokenRules
from sandbox.objects import objects
from sandbox.options import REPORT_ZONES, SandboxOptions
from sandbox.paging import PageTokens, Paging
from sandbox.routing import Route
from sandbox.server import Server
from sandbox.shaped import routes, table
from sandbox.shaped_rows import Exactly
from sandbox.targets import ObjectFaults
from sandbox.world import ReportRules, Size, World, utc_day

_WITHHELD = {"history": HISTORY, "active-hosts": ACTIVE_HOSTS}


class Sandbox:
    """An embedded Zoom: a context manager that serves while it is open.

    ``with Sandbox(SandboxOptions(users=5)) as sandbox: call(sandbox.url)``
    """

    def __init__(
        self, options: SandboxOptions | None = None, *, port: int = 0, clock: Callable[[], float] = time.time
    ) -> None:
        """Listen on the port (0: a free one). ``clock`` gives seconds since the epoch for limits and lifetimes."""
        options = options or SandboxOptions()
        self._latency = options.latency
        self._app = App.of(options.seed)
        self._counters = Counters(clock)
        lines = table({"channels": {"rows": Exactly(options.channels)}, **options.shaped})
        served = _routes(options, routes(lines))
        self._world = _make_world(options, clock)
        self._faults = FaultPlan(
            options.faults, options.seed, (route.template for route in served), self._uuid_of_reported
        )
        self._object_faults = ObjectFaults(options.faults, (route.template for route in served), self._world, clock)
        withheld = frozenset(_WITHHELD[lack] for lack in options.without & set(_WITHHELD))
        open_scopes = tuple(sorted({route.granular_scope for route in served if route.template not in withheld}))
        scopes = open_scopes if options.scopes is None else options.scopes
        self._tokens = TokenEndpoint(
            self._app,
            TokenRules(scopes, options.token_lifetime, single_token=options.single_token),
            seed=options.seed,
            clock=clock,
        )
        rules = Rules(frozenset(scopes), options.missing_scope_status, options.page_cap, withheld)
        self._expected = Expected(served, self._world, rules, self._faults, lines)
        self._gateway = Gateway(
            routes=served,
            world=self._world,
            rules=rules,
            tokens=self._tokens,
            limiter=RateLimiter(
                {**PLANS[options.plan], **options.limits},
                shared_budget=options.plan in {"pro", "business_plus"},
                retry_after=options.retry_after,
                other_use=options.other_use,
                names_limit=not options.unnamed_limits,
            ),
            page_tokens=PageTokens(f"pages {options.seed}", options.page_token_lifetime, clock),
            faults=self._faults,
            object_faults=self._object_faults,
            counters=self._counters,
            clock=clock,
        )
        self._control = Control(self._counters, self._expected, self._world, self._object_faults)
        self._server = Server(port, self._answer)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )

    def __enter__(self) -> "Sandbox":  # noqa: PYI034  (typing.Self came with Python 3.11)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The address, without a path."""
        return self._server.url

    @property
    def refresh_token(self) -> str:
        """The refresh token that is valid now."""
        return self._tokens.refresh_token

    def config(self, **overrides: Any) -> dict[str, Any]:
        """Return a connector configuration with server-to-server credentials; ``overrides`` replace top-level keys."""
        return self._config({"auth_type": "server_to_server", "account_id": self._app.account_id}, overrides)

    def oauth_config(self, **overrides: Any) -> dict[str, Any]:
        """Return a connector configuration with the refresh token that is valid now."""
        return self._config({"auth_type": "oauth2.0", "refresh_token": self.refresh_token}, overrides)

    def counters(self) -> dict[str, Any]:
        """Return what ``GET /_sandbox/counters`` tells."""
        return self._counters.snapshot()

    def reset_counters(self) -> None:
        """Start counting from zero."""
        self._counters.reset()

    def expected_keys(self, stream: str, reading: Reading = DEFAULT_READING) -> list[Key]:
        """Return the primary keys of all rows that a complete and exact connector delivers.

        For streams whose keys hold a digest (participants, poll and Q&A results), each UUID with its number of rows.
        """
        return list(self._expected.keys(stream, reading))

    def expected_rows(self, stream: str, reading: Reading = DEFAULT_READING) -> Iterator[Row]:
        """Yield those rows, with the columns a connector adds to make the primary key."""
        return self._expected.rows(stream, reading)

    def add_sessions(
        self,
        count: int = 1,
        *,
        user: int | None = None,
        kind: str = "meeting",
        ended_minutes_ago: float = 5,
        participants: int = 2,
    ) -> list[str]:
        """Add sessions of half an hour that have just ended, and return their UUIDs.

        ``user`` is the number of their host, or else several hosts hold them in turn; ``kind`` is meeting or webinar.
        Raises ValueError for values that make no sense.
        """
        return self._world.sessions.add_ended(count, user, kind, ended_minutes_ago, participants)

    def refuse(self, **settings: Any) -> None:
        """Refuse single objects or calls from now on, whatever was refused before.

        The settings are those of the fault ``refuse``, or with ``name`` of another one that is about single objects.
        Raises ValueError for settings that make no sense.
        """
        self._object_faults.add(Fault.of_settings(settings))

    def allow(self) -> None:
        """Answer again what was refused while the sandbox ran."""
        self._object_faults.replace([])

    def faults(self) -> list[dict[str, Any]]:
        """Return what ``GET /_sandbox/faults`` tells: faults of single objects with their hits, also by path."""
        return self._object_faults.told()

    def objects(self) -> dict[str, list[dict[str, Any]]]:
        """Return what ``GET /_sandbox/objects`` tells: the users, meetings, webinars and past sessions there are."""
        return objects(self._world)

    def _uuid_of_reported(self, index: int) -> str:
        sessions = self._world.sessions.reported_meetings()
        session = next(islice(sessions, index, None), None)
        if session is None:
            raise ValueError(f"There is no session number {index} in the reports.")
        return session.uuid

    def _config(self, credentials: dict[str, str], overrides: dict[str, Any]) -> dict[str, Any]:
        app = {"client_id": self._app.client_id, "client_secret": self._app.client_secret}
        return {
            "credentials": {**credentials, **app},
            "api_url": f"{self.url}/v2",
            "authorization_endpoint": f"{self.url}{TOKEN_PATH}",
            **overrides,
        }

    def _answer(self, request: Request) -> Reply | Iterator[bytes]:
        if request.path.startswith(CONTROL_PREFIX):
            return self._control.answer(request)
        self._counters.opened()
        try:
            if request.path == TOKEN_PATH and request.method == "POST":
                reply = self._faults.token_reply() or self._object_faults.token_reply(
                    request, lambda: self._tokens.answer(request, self.url)
                )
                self._counters.token(reply)
                seconds = self._latency
            else:
                reply, extra = self._gateway.answer(request)
                seconds = self._latency + extra
            if seconds:
                time.sleep(seconds)  # the latency that was asked for
            return reply
        finally:
            self._counters.closed()


def _make_world(options: SandboxOptions, clock: Callable[[], float]) -> World:
    today = midnight(options.today or utc_day(clock()))
    size = Size(**{field.name: getattr(options, field.name) for field in fields(Size)})
    rules = ReportRules(
        zone=REPORT_ZONES[options.report_zone],
        includes_to=options.report_to == "inclusive",
        delay=options.report_delay_seconds,
        settle=options.settle_seconds,
        counts_days=options.report_border == "days",
        clamps=options.report_old == "clamp",
        days_ahead=options.report_future,
        answers_delay=options.answers_delay_seconds,
        names_gone=options.history_names_gone,
    )
    return World(
        options.seed, today, size, oddities=options.oddities, without=options.without, rules=rules, clock=clock
    )


def _routes(options: SandboxOptions, shaped: tuple[Route, ...]) -> tuple[Route, ...]:
    paging, others = Paging(maximum=options.history_page_size), {route.template: route for route in shaped}
    own = (others.get(route.template, route) for route in ROUTES)
    return tuple(replace(route, paging=paging) if route.template == HISTORY else route for route in own)
