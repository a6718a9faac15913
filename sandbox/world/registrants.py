"""People who registered for a meeting."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.dice import Dice
from sandbox.published import drawn_row
from sandbox.world.meetings import PER_OCCURRENCE, Meeting, Occurrence

STATUSES = ("approved", "pending", "denied")
_TWO_OCCURRENCES_EVERY = 3


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
    row = drawn_row(
        f"{meeting.template}/registrants",
        "registrants",
        Dice(seed, "registrant row", meeting.number, number),
        today,
        id=registrant_id(seed, meeting, number),
        email=f"guest{number}.m{meeting.number}@example.org",
        status=status,
    )
    left_out = () if status == "approved" else ("join_url", "participant_pin_code")
    return {name: value for name, value in row.items() if name not in left_out}
