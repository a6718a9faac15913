"""Everything about a sandbox that can be chosen, each in one place: the command line is made from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta, timezone
from functools import partial
from typing import Any

from sandbox.areas import ROUTES
from sandbox.faults import Fault
from sandbox.limits import PLANS, Label, Limit, OtherUse, parse_limit

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


def _option(  # noqa: PLR0913  (all that an argument of the command line may need)
    group: str,
    default: Any,
    text: str,
    *,
    least: float | None = None,
    flag: str | None = None,
    read: Callable[[str], Any] | None = None,
    **others: Any,
) -> Any:
    """Declare an option of a group.

    The argument is called like the option unless ``flag`` says otherwise. Its values are read as what the default is
    unless ``read`` says how; where the default is an empty collection, it is repeatable. ``others`` are for argparse.
    """
    metadata = {"group": group, "help": text, "least": least, "flag": flag, "read": read, "others": others}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


_account, _rule, _trouble = (partial(_option, group) for group in ("the account", "its rules", "trouble"))


def _words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.replace(",", " ").split()))


@dataclass(frozen=True)
class SandboxOptions:
    """Size, rules and faults of a sandbox."""

    seed: int = _account(1, "same seed, same data")
    today: date | None = _account(  # noqa: RUF009  (a field, as the others are)
        None,
        "around which meetings are placed; the current UTC day if not given",
        read=date.fromisoformat,
        metavar="DATE",
    )
    users: int = _account(20, "active users; a tenth as many are inactive, and a few are pending", least=0)
    meetings: int = _account(5, "scheduled ones per active user", least=0)
    registrants: tuple[int, int] = _account((0, 30), "per meeting or webinar with registration, of any status", least=0)
    registration_percent: int = _account(60, "of the meetings and webinars require registration")
    polls: int = _account(3, "most polls of a meeting or webinar", least=0)
    webinars: int = _account(3, "scheduled ones per licensed user", least=0)
    webinar_hosts_percent: int = _account(20, "of the active users have a webinar licence")
    channels: int = _account(25, "public ones", least=0)
    sessions_per_host: int = _account(6, "past sessions of each host, beside the odd ones; 0: none at all", least=0)
    session_months: int = _account(6, "how far back they go; reports show six months", least=0)
    hosting_percent: int = _account(60, "of the active users have held sessions")
    participants: tuple[int, int] = _account((2, 12), "per session; one odd session has 700", least=2)
    oddities: bool = _account(
        default=True,
        text="no users, meetings and sessions that vanish, refuse or come late, no repeated list entries",
        flag="--no-oddities",
    )
    without: frozenset[str] = _account(
        frozenset(),
        "what the account or the app lacks; repeatable; "
        + "; ".join(f"{name}: {meaning}" for name, meaning in LACKS.items()),
        read=str,
        choices=list(LACKS),
    )
    shaped: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By stream, the options of its line of ``sandbox.shaped.TABLE`` that are to differ from those there."""

    plan: str = _rule("none", "plan of the rate limits", flag="--limits", choices=list(PLANS))
    limits: Mapping[Label, Limit] = _rule(
        dict,
        "replaces the plan's limit of a label: light, medium, heavy, resource-intensive, phone-...; repeatable",
        flag="--limit",
        read=parse_limit,
        metavar="LABEL=RATE/s[,daily=N]",
    )
    other_use: OtherUse | None = _rule(  # noqa: RUF009  (a field, as the others are)
        None,
        "percent of each limit that other apps use, evenly and without being refused; with :ON/OFF for ON seconds at a "
        "time, then OFF seconds nothing",
        read=OtherUse.parse,
        metavar="PERCENT[:ON/OFF]",
    )
    retry_after: int | None = _rule(None, "seconds that per-second refusals name; not sent by default", read=int)
    unnamed_limits: bool = _rule(default=False, text="per-second refusals have no headers that name the limit")
    token_lifetime: float = _rule(3600.0, "of an access token")
    single_token: bool = _rule(default=False, text="a new token invalidates the one before")
    scopes: tuple[str, ...] | None = _rule(
        None,
        "classic or granular; by default all granular ones: "
        + ", ".join(sorted({route.granular_scope for route in ROUTES})),
        read=_words,
        metavar="SCOPE,...",
    )
    missing_scope_status: int = _rule(400, "of a call without its scope", choices=[400, 401, 403])
    page_token_lifetime: float = _rule(900.0, "until a list cannot be continued")
    report_zone: str = _rule(
        "UTC",
        "the account's, in which reports count days: UTC, or UTC-12 to UTC+14",
        choices=list(REPORT_ZONES),
        metavar="ZONE",
    )
    report_to: str = _rule("inclusive", "whether the day TO is part of a report", choices=REPORT_TO)
    report_border: str = _rule(
        "months", "how far reports go back: six calendar months or 180 days", choices=("months", "days")
    )
    report_old: str = _rule(
        "refuse",
        "a report from an older day on is refused, or serves what there is",
        choices=("refuse", "clamp"),
    )
    report_future: int = _rule(3, "how many days after today the day TO may be", least=0)
    report_delay_seconds: float = _rule(0.0, "from the end of a session until reports show it", least=0)
    settle_seconds: float = _rule(
        3600.0, "from the end of a session until its last participant has a duration", least=0
    )
    answers_delay_seconds: float = _rule(
        0.0,
        "from the end of a session until its participants (404/3001 before), poll results, Q&A and absentees (empty "
        "before) are known",
        least=0,
    )
    history_names_gone: bool = _rule(
        default=False, text="the history names the sessions of the host who was deleted, and their UUIDs are answered"
    )
    history_page_size: int = _rule(300, "largest page of the account's history; more is refused")
    page_cap: int | None = _rule(None, "no page has more rows, however many are asked for", read=int, least=1)

    latency: float = _trouble(0.0, "before each answer", least=0)
    faults: tuple[Fault, ...] = _trouble(
        (), "repeatable; see below", flag="--fault", read=Fault.parse, metavar="NAME:key=value,..."
    )

    def __post_init__(self) -> None:
        """Raise ValueError for values that make no sense."""
        for option in fields(self):
            value, least = getattr(self, option.name), option.metadata.get("least")
            choices = option.metadata.get("others", {}).get("choices")
            given = value if isinstance(value, set | frozenset) else [value]
            if choices and not all(one in choices for one in given):
                raise ValueError(f"{option.name} is {value!r}, expected one of {', '.join(map(str, choices))}.")
            first, *more = value if isinstance(value, tuple) and value else (value,)
            if least is not None and value is not None and not least <= first <= max(more, default=first):
                raise ValueError(f"{option.name} is {value!r}, expected at least {least}, and the fewest first.")
