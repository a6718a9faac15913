"""Reads against enforced rate limits: how much longer a sync takes than the limits alone would make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bench.commands import Run, account, read
from sandbox.limits import PLANS, Label, Limit, OtherUse

TINY = ("--users", "4")
FIFTY = ("--users", "50", "--meetings", "13", "--registrants", "0-25")
THOUSAND = (
    *("--users", "1000", "--meetings", "1", "--registrants", "0-2", "--registration-percent", "50", "--polls", "0"),
    *("--webinars", "1", "--sessions-per-host", "1", "--participants", "2-2"),
)
"""Many objects with few rows."""

ROUND_TRIPS = 5
"""Before the requests of most labels can begin: token, users, their lists, what is listed, what belongs to that."""

BACK = 0.9
"""Of the allowed rate: then a label counts as back at it."""

_SMOOTHED_SECONDS = 3


@dataclass(frozen=True)
class Case:
    """An account, its limits, and the settings with which it is read."""

    name: str
    title: str
    plan: str
    """Row of the limits, by the sandbox's name."""
    share: int = 90
    """`rate_limit_share`, in percent."""
    milliseconds: int = 150
    """Of each answer."""
    size: tuple[str, ...] = FIFTY
    setting: str = ""
    """`rate_limit_plan`, if it is not the row."""
    other_use: str = ""
    """The sandbox's option."""

    @property
    def limits(self) -> Mapping[Label, Limit]:
        """What each label allows to all apps."""
        return PLANS[self.plan]

    @property
    def options(self) -> tuple[str, ...]:
        """The sandbox's arguments."""
        others = ("--other-use", self.other_use) if self.other_use else ()
        limits = ("--limits", self.plan, "--unnamed-limits")  # as Zoom's page of 2026 has it
        return (*self.size, *limits, "--latency", str(self.milliseconds / 1000), *others)

    @property
    def settings(self) -> dict[str, Any]:
        """What the config has beside credentials."""
        return {"rate_limit_plan": self.setting or self.plan, "rate_limit_share": self.share}

    @cached_property
    def others(self) -> OtherUse:
        """What other apps use."""
        return OtherUse.parse(self.other_use or "0")

    def per_second(self, label: Label) -> float:
        """Return the rate at which a label may be asked while no other app asks: its limit by the share."""
        return self.limits[label].per_second * self.share / 100

    def seconds_for(self, requests: float, label: Label) -> float:
        """Return the time in which so many requests of a label may be made: the bound."""
        alone, others = self.per_second(label), self.others
        beside = min(alone, alone / self.share * (100 - others.percent))
        turns, rest = divmod(requests, others.on * beside + others.off * alone)
        busy, idle = min(rest / beside, others.on), max(rest - others.on * beside, 0) / alone
        return turns * (others.on + others.off) + busy + idle


@dataclass(frozen=True)
class Figures:
    """What a case took. docs/benchmarks.md defines each."""

    case: Case
    run: Run
    counters: Mapping[str, Any]

    @property
    def start_up(self) -> float:
        """Seconds to the first request."""
        return float(self.counters["first"]) - self.run.began

    @cached_property
    def passed(self) -> dict[Label, int]:
        """How many requests of each label were answered: what the read needed."""
        return {Label(name): pace["passed"] for name, pace in self.counters["pace"].items()}

    @property
    def refused(self) -> int:
        """How many requests were refused, on all labels."""
        return sum(self.counters["refused"].values())

    @property
    def refused_percent(self) -> float:
        """The same, of all that were made."""
        return 100 * self.refused / int(self.counters["requests"])

    @property
    def busiest(self) -> Label:
        """The label that sets the bound."""
        return max(self.passed, key=lambda label: self.case.seconds_for(self.passed[label], label))

    @property
    def bound(self) -> float:
        """Seconds that the limits alone would take."""
        return self.case.seconds_for(self.passed[self.busiest], self.busiest)

    @property
    def ratio(self) -> float:
        """How many times as long as that it took, without start-up and five round trips."""
        round_trips = ROUND_TRIPS * self.case.milliseconds / 1000
        return (self.run.seconds - self.start_up - round_trips) / self.bound

    @property
    def reached_percent(self) -> float:
        """Of what other apps left of the busiest label's limit, from its first request to its last."""
        others, pace = self.case.others, self.counters["pace"][self.busiest.value]
        begin, end = (float(pace[name]) - self._turns_began for name in ("first", "last"))
        others_seconds = (others.busy_seconds(end) - others.busy_seconds(begin)) * others.percent / 100
        left = self.case.limits[self.busiest].per_second * (end - begin - others_seconds)
        return 100 * float(pace["passed"]) / left

    @property
    def rows_per_second(self) -> float:
        """Of the whole command."""
        return self.run.rows / self.run.seconds

    @property
    def sandbox_milliseconds(self) -> float:
        """CPU that the sandbox spent on a request."""
        return 1000 * float(self.counters["cpu_seconds"]) / float(self.counters["requests"])

    @property
    def _turns_began(self) -> float:
        """When the sandbox began the turns of other apps: at the first request that has a limit."""
        return min(float(pace["first"]) for pace in self.counters["pace"].values())

    def seconds(self, label: Label) -> list[tuple[int, int]]:
        """Return how many requests of a label passed and were refused in each second since the first of all."""
        counted = self.counters["by_second"].get(label.value, {})
        every = (counted.get(str(second), (0, 0)) for second in range(self.length))
        return [(passed, refused) for passed, refused in every]

    @property
    def length(self) -> int:
        """How many seconds there were from the first request to the last."""
        return 1 + max(int(second) for counted in self.counters["by_second"].values() for second in counted)

    def back_after(self) -> list[int | None]:
        """Return, for each pause of other apps, after how many seconds the busiest label was back at its rate.

        None stands for a pause in which it never was. A pause in which its work ended is left out.
        """
        others, label = self.case.others, self.busiest
        if not others.off:
            return []
        passed = [count for count, _ in self.seconds(label)]
        offset = self._turns_began - float(self.counters["first"])
        end = float(self.counters["pace"][label.value]["last"]) - float(self.counters["first"])
        found: list[int | None] = []
        pause = offset + others.on
        while pause + others.off <= end:
            begins = range(round(pause), round(pause) + others.off - _SMOOTHED_SECONDS + 1)
            enough = BACK * self.case.per_second(label) * _SMOOTHED_SECONDS
            back = (at for at in begins if sum(passed[at : at + _SMOOTHED_SECONDS]) >= enough)
            at = next(back, None)
            found.append(None if at is None else at - begins.start)
            pause += others.on + others.off
        return found


def measure(case: Case) -> Figures:
    """Read the account of a case once."""
    with account(*case.options) as target:
        before = target.counters()
        run = read(target, case.settings)
        counters = target.counters()
    return Figures(case, run, {**counters, "cpu_seconds": counters["cpu_seconds"] - before["cpu_seconds"]})


BUSINESS, PRO, FREE = "business_plus", "pro", "free"
AUTO = "auto"
BIGGEST = "thousand"
CASES = (
    *(
        Case(f"business-90-{latency}", f"Business+, share 90, {latency:,} ms", BUSINESS, milliseconds=latency)
        for latency in (50, 150, 500, 1000)
    ),
    *(
        Case(f"business-100-{latency}", f"Business+, share 100, {latency} ms", BUSINESS, 100, latency)
        for latency in (50, 150, 500)
    ),
    *(Case(f"pro-{share}-150", f"Pro, share {share}, 150 ms", PRO, share) for share in (90, 100)),
    Case("auto-free", "auto on Free, 4 users", FREE, size=TINY, setting=AUTO),
    Case("auto-pro", "auto on Pro", PRO, setting=AUTO),
    Case("auto-business", "auto on Business+", BUSINESS, setting=AUTO),
    Case("auto-half", "auto on Business+, others use half", BUSINESS, setting=AUTO, other_use="50"),
    Case(
        "auto-turns",
        "auto on Business+, 1,000 users, others use 60 % every other 20 s",
        BUSINESS,
        size=THOUSAND,
        setting=AUTO,
        other_use="60:20/20",
    ),
    Case(BIGGEST, "Business+, share 90, 0 ms, 1,000 users", BUSINESS, milliseconds=0, size=THOUSAND),
)
SHORT = ("business-90-150", "auto-business", "auto-half")
"""Cases for a quick look."""
