"""Scheduled webinars, with their tracking sources."""

from dataclasses import dataclass
from typing import Any

from sandbox.dice import Dice
from sandbox.world.meetings import WEBINARS, Kinds, Meeting, MeetingPlan
from sandbox.world.people import User

WEBINAR = 5
WEBINAR_KINDS = Kinds(once=WEBINAR, no_fixed_time=6, recurring=9, drawn=(5, 5, 9, 9, 6))

_MOST_SOURCES = 3


@dataclass(frozen=True)
class WebinarPlan:
    """What the webinars of a world depend on. The first of each host is a plain one with registration."""

    plan: MeetingPlan
    per_host: int
    users: int
    """Active users."""
    hosts_percent: int
    """Share of the active users who have a webinar licence."""
    sure_host: int | None = None
    """Has a licence in any case."""
    never_host: int | None = None
    """Has none in any case."""
    gone: int | None = None
    """The number of a webinar that was deleted since it was listed."""

    def has_license(self, user: int) -> bool:
        """Tell whether a user may hold webinars."""
        if user == self.sure_host:
            return True
        if user == self.never_host or not 0 <= user < self.users:
            return False
        return Dice(self.plan.seed, "webinar license", user).percent(self.hosts_percent)

    def numbers(self, user: int) -> range:
        """Return the numbers of a user's webinars."""
        first = WEBINARS + user * self.per_host
        return range(first, first + self.per_host if self.has_license(user) else first)

    def first(self, user: int) -> int | None:
        """Return the number of a user's first webinar."""
        return next(iter(self.numbers(user)), None)

    def host_of(self, number: int) -> int:
        """Return the user who holds a webinar."""
        return (number - WEBINARS) // self.per_host if self.per_host else -1

    def is_first(self, number: int) -> bool:
        """Tell whether this is the number of a host's first webinar."""
        return number >= WEBINARS and (number - WEBINARS) % self.per_host == 0

    def is_gone(self, number: int) -> bool:
        """Tell whether a webinar was deleted."""
        return number == self.gone

    def kind(self, number: int) -> int:
        """Return the type of a webinar."""
        return WEBINAR_KINDS.once if self.is_first(number) else self.plan.kind(number)

    def make(self, number: int, webinar_id: int, uuid: str, host: User) -> Meeting:
        """Return the webinar of that number."""
        return self.plan.make(number, webinar_id, uuid, host, must_register=self.is_first(number))


def tracking_source_ids(seed: int, webinar: Meeting) -> list[str]:
    """Return the ids of the places from which a webinar's registrants come."""
    if not webinar.has_registration:
        return []
    dice = Dice(seed, "tracking sources", webinar.number)
    return [dice.digits(13) for _ in range(dice.below(_MOST_SOURCES + 1))]


def tracking_source_rows(seed: int, webinar: Meeting, registrants: int) -> list[dict[str, Any]]:
    """Return the tracking sources of a webinar with that many registrants."""
    ids = tracking_source_ids(seed, webinar)
    rows = []
    for place, source_id in enumerate(ids):
        registered = sum(source_place(number, ids) == place for number in range(registrants))
        rows.append(
            {
                "id": source_id,
                "source_name": f"Source {place + 1}",
                "tracking_url": f"https://example.com/webinar/register/{source_id}/WN_{webinar.number}",
                "registration_count": registered,
                "visitor_count": 3 * registered,
            }
        )
    return rows


def source_place(registrant: int, sources: list[str]) -> int:
    """Return the place, among the tracking sources, of the one a registrant came from; past the last for none."""
    return registrant % (len(sources) + 1)
