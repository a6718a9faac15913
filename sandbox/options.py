"""Everything about a sandbox that can be chosen."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta, timezone
from typing import Any

from sandbox.faults import Fault
from sandbox.limits import PLANS, Label, Limit

LACKS: Mapping[str, str] = {
    "polls": "the feature",
    "webinars": "the plan, of which past sessions are left: all webinar calls answer 400/200",
    "reports": "every report answers 400/200, as on an account that is not paid",
    "phone": "Zoom Phone, whose endpoints answer 403/2031",
    "history": "the scope of the account's history",
    "history-plan": "the history answers 400/200",
    "active-hosts": "the scope of the report on active hosts",
    "active-hosts-plan": "that report answers 400/200",
    "past-occurrences": "registrants of a past occurrence answer 400/300",
}
"""What can be left out of an account, and what that means."""

REPORT_ZONES: Mapping[str, timezone] = {
    "UTC": timezone.utc,
    **{f"UTC{hours:+}": timezone(timedelta(hours=hours)) for hours in range(-12, 15) if hours},
}
REPORT_TO = ("inclusive", "exclusive")
REPORT_BORDERS = ("months", "days")
REPORT_OLD = ("refuse", "clamp")
_CHOICES: Mapping[str, Collection[str]] = {
    "report_zone": REPORT_ZONES,
    "report_to": REPORT_TO,
    "report_border": REPORT_BORDERS,
    "report_old": REPORT_OLD,
}


@dataclass(frozen=True)
class SandboxOptions:
    """Size, rules and faults of a sandbox. ``python -m sandbox --help`` explains each under the same name."""

    seed: int = 1
    today: date | None = None
    """The day around which meetings are placed; the current UTC day if None."""

    users: int = 20
    """Active users; a tenth as many are inactive, and a few are pending."""
    meetings: int = 5
    """Scheduled meetings of each active user."""
    registrants: tuple[int, int] = (0, 30)
    """Fewest and most registrants of a meeting or webinar with registration, over all statuses."""
    registration_percent: int = 60
    """Share of the meetings and webinars that require registration."""
    polls: int = 3
    """Most polls of a meeting or webinar; 0 leaves every poll list empty."""
    webinars: int = 3
    """Scheduled webinars of each user with a webinar licence."""
    webinar_hosts_percent: int = 20
    """Share of the active users with a webinar licence."""
    channels: int = 25
    sessions_per_host: int = 6
    """Past sessions of each host, beside the odd ones; 0 leaves the account without any."""
    session_months: int = 6
    """How far back they go."""
    hosting_percent: int = 60
    """Share of the active users who have held sessions."""
    participants: tuple[int, int] = (2, 12)
    """Fewest and most participants of a session, beside the odd ones."""
    oddities: bool = True
    """Users, meetings and sessions that vanish, refuse or come late, and repeated list entries."""
    shaped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Options of lines of ``sandbox.shaped.TABLE`` that are other than there, by stream."""
    without: frozenset[str] = frozenset()
    """What the account or the app lacks, some of ``LACKS``."""

    report_zone: str = "UTC"
    """The account's time zone, in which reports count days: one of ``REPORT_ZONES``."""
    report_to: str = "inclusive"
    """Whether the day ``to`` is part of a report: inclusive or exclusive."""
    report_border: str = "months"
    """How far reports go back: six calendar months or 180 days."""
    report_old: str = "refuse"
    """What becomes of a report from an older day on: refuse it, or clamp it to what is served."""
    report_future: int = 3
    """How many days after today the day ``to`` may lie."""
    report_delay_seconds: float = 0.0
    """From the end of a session until reports show it."""
    settle_seconds: float = 3600.0
    """From the end of a session until its last participant has a duration."""
    answers_delay_seconds: float = 0.0
    """From the end of a session until its participants, poll results, Q&A and absentees are known."""
    history_names_gone: bool = False
    """Whether the history names the sessions of the host who was deleted."""
    history_page_size: int = 300
    """Largest ``page_size`` of the account's history."""

    page_token_lifetime: float = 900.0
    """Seconds."""
    page_cap: int | None = None
    """Most rows of any page, however many are asked for."""
    token_lifetime: float = 3600.0
    """Seconds."""
    single_token: bool = False
    """A new access token invalidates the one before."""
    scopes: tuple[str, ...] | None = None
    """Granted scopes, classic or granular; None grants every granular one."""
    missing_scope_status: int = 400

    plan: str = "none"
    """Row of the rate limits: none, free, pro or business_plus."""
    limits: Mapping[Label, Limit] = field(default_factory=dict)
    """Limits that replace those of the plan."""
    retry_after: int | None = None
    """``Retry-After`` of a per-second 429 in seconds; None leaves it out."""

    latency: float = 0.0
    """Seconds slept before each API answer."""
    faults: tuple[Fault, ...] = ()

    def __post_init__(self) -> None:
        """Raise ValueError for values that make no sense."""
        if self.plan not in PLANS:
            raise ValueError(f"plan is {self.plan!r}, expected one of {', '.join(PLANS)}.")
        least, most = self.registrants
        if not 0 <= least <= most:
            raise ValueError(f"registrants is {least}..{most}, expected 0 <= fewest <= most.")
        if self.page_cap is not None and self.page_cap < 1:
            raise ValueError(f"page_cap is {self.page_cap}, expected at least 1.")
        least, most = self.participants
        if not 2 <= least <= most:  # noqa: PLR2004  (a session has two, or else only its host)
            raise ValueError(f"participants is {least}..{most}, expected 2 <= fewest <= most.")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {', '.join(known)}.")
        if not self.without <= set(LACKS):
            raise ValueError(f"without is {sorted(self.without)}, expected some of {', '.join(LACKS)}.")
        for name in (
            *("users", "meetings", "webinars", "polls", "channels", "latency"),
            *("sessions_per_host", "session_months", "report_delay_seconds", "settle_seconds"),
            *("report_future", "answers_delay_seconds"),
        ):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 0.")
