"""The account behind the sandbox. Every row is made from its number and the seed when it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sandbox.world.chat import channel_row
from sandbox.world.ids import Keys, MeetingIds
from sandbox.world.meetings import Meeting, MeetingPlan, Occurrence, meeting_detail_row, meeting_list_row
from sandbox.world.oddities import Oddities, list_entries
from sandbox.world.people import User, make_user, user_row
from sandbox.world.polls import poll_count, poll_row
from sandbox.world.registrants import Registrants, make_registrants, registrant_id, registrant_row

__all__ = ["Size", "World"]

_PENDING_USERS = 3
_INACTIVE_SHARE = 10
_INSTANCES = 1 << 16
"""UUID numbers per meeting; number 0 is the coming instance."""


@dataclass(frozen=True)
class Size:
    """How much there is of everything."""

    users: int
    meetings: int
    registrants: tuple[int, int]
    registration_percent: int
    polls: int
    channels: int


class World:
    """Users, meetings, registrants, polls and channels of one Zoom account."""

    def __init__(self, seed: int, today: datetime, size: Size, *, oddities: bool, without: frozenset[str]) -> None:
        """Take midnight UTC of the day around which everything happens, and the features the account lacks."""
        self.seed = seed
        self.today = today
        self.size = size
        self.without = without
        self.oddities = Oddities.choose(seed, size.users, size.meetings) if oddities else Oddities()
        self._has_repeats = oddities
        self._user_keys = Keys(seed, "users")
        self._session_keys = Keys(seed, "sessions")
        self._meeting_ids = MeetingIds(seed)
        self._plan = MeetingPlan(seed, today, size.registration_percent)
        inactive = -(-size.users // _INACTIVE_SHARE)
        self._numbers = {
            "active": range(size.users),
            "inactive": range(size.users, size.users + inactive),
            "pending": range(size.users + inactive, size.users + inactive + _PENDING_USERS),
        }

    # Users

    def users(self, status: str) -> range:
        """Return the numbers of the users of a status: active, inactive or pending."""
        return self._numbers[status]

    def user(self, number: int) -> User:
        """Return the user of that number."""
        status = next(status for status, numbers in self._numbers.items() if number in numbers)
        return make_user(self.seed, number, self._user_keys.user_id(number), status)

    def find_user(self, id_or_email: str) -> User | None:
        """Return the active or inactive user of that id or e-mail address."""
        number = self._user_keys.user_number(id_or_email)
        if number is None and id_or_email.startswith("user") and id_or_email.endswith("@example.com"):
            digits = id_or_email[len("user") : -len("@example.com")]
            number = int(digits) if digits.isdecimal() else None
        known = number is not None and (number in self._numbers["active"] or number in self._numbers["inactive"])
        return self.user(number) if known and number is not None else None

    def active_user(self, id_or_email: str) -> int | None:
        """Return the number of that active user, which is also its place in the list."""
        user = self.find_user(id_or_email)
        return user.number if user and user.number in self._numbers["active"] else None

    def user_row(self, user: User, include_fields: str | None = None) -> dict[str, Any]:
        """Return the row of a user."""
        return user_row(self.seed, user, self.today, include_fields)

    # Meetings

    def listed_meetings(self, user: User) -> Sequence[int]:
        """Return the numbers of the meetings in a user's list, in order and with repetitions."""
        if user.number not in self._numbers["active"]:
            return ()
        return list_entries(self.seed, self.oddities if self._has_repeats else None, user.number, self.size.meetings)

    def meeting(self, number: int) -> Meeting:
        """Return the meeting of that number."""
        return self._plan.make(
            number,
            self._meeting_ids.encode(number),
            self._session_keys.uuid(number * _INSTANCES),
            self.user(number // self.size.meetings),
            must_register=number == self.oddities.secretive_meeting,
        )

    def find_meeting(self, meeting_id: int) -> Meeting | None:
        """Return the meeting of that id, or None if there is none or it is gone."""
        number = self._meeting_ids.decode(meeting_id)
        if number is None or not 0 <= number < self.size.users * self.size.meetings:
            return None
        return None if self.is_gone(number) else self.meeting(number)

    def is_gone(self, number: int) -> bool:
        """Tell whether a meeting was deleted, alone or with its host."""
        return number == self.oddities.gone_meeting or number // self.size.meetings == self.oddities.gone_user

    def meeting_list_row(self, meeting: Meeting) -> dict[str, Any]:
        """Return the meeting as its host's list shows it."""
        return meeting_list_row(self.seed, meeting, self.today)

    def meeting_detail_row(
        self, meeting: Meeting, *, show_previous: bool, occurrence: Occurrence | None = None
    ) -> dict[str, Any]:
        """Return the meeting in full, with past occurrences or only the coming ones."""
        return meeting_detail_row(self.seed, meeting, self.today, show_previous=show_previous, occurrence=occurrence)

    # What belongs to a meeting

    def registrants(self, meeting: Meeting) -> Registrants:
        """Return the registrants of a meeting."""
        return make_registrants(self.seed, meeting, *self.size.registrants)

    def registrant_id(self, meeting: Meeting, number: int) -> str:
        """Return the id of a registrant."""
        return registrant_id(self.seed, meeting, number)

    def registrant_row(self, meeting: Meeting, number: int, status: str) -> dict[str, Any]:
        """Return the row of a registrant."""
        return registrant_row(self.seed, meeting, number, status, self.today)

    def polls_off(self, meeting: Meeting) -> bool:
        """Tell whether polls are switched off for the meeting's host."""
        return "polls" in self.without or meeting.host.number == self.oddities.pollless_user

    def poll_rows(self, meeting: Meeting) -> list[dict[str, Any]] | None:
        """Return the polls of a meeting, or None where Zoom does not find any."""
        count = poll_count(self.seed, meeting, self.size.polls)
        return None if count is None else [poll_row(self.seed, meeting, number) for number in range(count)]

    # Team Chat

    def channel_row(self, number: int) -> dict[str, Any]:
        """Return the row of a channel."""
        return channel_row(self.seed, number)


def midnight(moment: float) -> datetime:
    """Return the start of the UTC day of a time in seconds since the epoch."""
    return datetime.fromtimestamp(moment, timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
