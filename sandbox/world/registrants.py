"""People who registered for a meeting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sandbox.dice import Dice
from sandbox.world.meetings import PER_OCCURRENCE, Meeting, Occurrence
from sandbox.world.people import FIRST_NAMES, LAST_NAMES, iso

STATUSES = ("approved", "pending", "denied")
_TWO_OCCURRENCES_EVERY = 3
_COUNTRIES = ("BR", "DE", "IN", "JP", "NG", "US")
_EMPLOYEES = ("", "1-20", "21-50", "51-100", "101-250", "251-500", "501-1,000", "1,001-5,000", "More than 10,000")
_TIME_FRAMES = ("", "Within a month", "1-3 months", "4-6 months", "More than 6 months", "No timeframe")
_PURCHASE_ROLES = ("", "Decision Maker", "Evaluator/Recommender", "Influencer", "Not involved")


@dataclass(frozen=True)
class Registrants:
    """The registrants of one meeting: numbers from 0, in blocks of one status each."""

    meeting: Meeting
    total: int

    def of_status(self, status: str) -> range:
        """Return the numbers of the registrants with that status."""
        pending = (self.total + 2) // 6
        denied = (self.total + 5) // 12
        approved = self.total - pending - denied
        bounds = {
            "approved": (0, approved),
            "pending": (approved, approved + pending),
            "denied": (approved + pending, self.total),
        }
        return range(*bounds[status])

    def listed(self, status: str, occurrence: Occurrence | None) -> Sequence[int]:
        """Return the numbers that Zoom lists for a status and, where people register per occurrence, for one.

        Without an occurrence such a meeting lists those of the next one.
        """
        numbers = self.of_status(status)
        if self.meeting.registration_type != PER_OCCURRENCE:
            return numbers
        held = self.meeting.held_occurrences
        asked = occurrence or next(one for one in held if one.start == self.meeting.start)
        if asked not in held:
            return ()
        position = held.index(asked)
        return [number for number in numbers if position in self._registered_for(number, len(held))]

    @staticmethod
    def _registered_for(number: int, occurrences: int) -> tuple[int, ...]:
        first = number % occurrences
        return (first, (first + 1) % occurrences) if number % _TWO_OCCURRENCES_EVERY == 0 else (first,)


def make_registrants(seed: int, meeting: Meeting, least: int, most: int) -> Registrants:
    """Return the registrants of a meeting; none where nobody has to register."""
    total = Dice(seed, "registrants", meeting.number).between(least, most) if meeting.has_registration else 0
    return Registrants(meeting, total)


def registrant_id(seed: int, meeting: Meeting, number: int) -> str:
    """Return the id of a registrant."""
    return Dice(seed, "registrant", meeting.number, number).key()


def registrant_row(seed: int, meeting: Meeting, number: int, status: str, today: datetime) -> dict[str, Any]:
    """Return the registrant as Zoom lists it."""
    dice = Dice(seed, "registrant", meeting.number, number)
    row: dict[str, Any] = {
        "id": dice.key(),
        "first_name": dice.pick(FIRST_NAMES),
        "last_name": dice.pick(LAST_NAMES),
        "email": f"guest{number}.m{meeting.number}@example.org",
        "address": f"{dice.below(999)} Main Street",
        "city": "Springfield",
        "country": dice.pick(_COUNTRIES),
        "zip": dice.digits(5),
        "state": "",
        "phone": f"555{dice.digits(4)}",
        "industry": "",
        "org": f"Company {dice.below(50)}",
        "job_title": dice.pick(("", "Engineer", "Analyst", "Chef")),
        "purchasing_time_frame": dice.pick(_TIME_FRAMES),
        "role_in_purchase_process": dice.pick(_PURCHASE_ROLES),
        "no_of_employees": dice.pick(_EMPLOYEES),
        "comments": "",
        "custom_questions": [
            {"title": "What do you hope to learn?", "value": dice.pick(("", "How it works", "Prices"))}
        ],
        "status": status,
        "create_time": iso(today - timedelta(minutes=dice.below(40_000))),
    }
    if status == "approved":
        row["join_url"] = f"https://example.com/w/{meeting.id}?tk={row['id']}"
        row["participant_pin_code"] = dice.below(10**6)
    return row
