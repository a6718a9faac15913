"""Everything about a sandbox that can be chosen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from sandbox.faults import Fault
from sandbox.limits import PLANS, Label, Limit


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
    """Fewest and most registrants of a meeting with registration, over all statuses."""
    registration_percent: int = 60
    """Share of the meetings that require registration."""
    polls: int = 3
    """Most polls of a meeting; 0 leaves every poll list empty."""
    channels: int = 25
    oddities: bool = True
    """Users and meetings that vanish or refuse, and repeated list entries."""
    without: frozenset[str] = frozenset()
    """Features that the account lacks; ``polls`` is known."""

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
        for name in ("users", "meetings", "polls", "channels", "latency"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at least 0.")
