"""The few users and meetings that behave as real ones sometimes do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.dice import Dice

_REPEATING_PERCENT = 20
_GONE_SLOT = 1
_SECRETIVE_SLOT = 2
_ODD_USERS = 8


@dataclass(frozen=True)
class Oddities:
    """Numbers of active users and of meetings; None or empty where the world is too small or oddities are off."""

    unlicensed_user: int | None = None
    """The meeting list answers 400/3161."""
    gone_user: int | None = None
    """Deleted since users were listed: the meeting list answers 404/1001."""
    pollless_user: int | None = None
    """Polls are switched off: 400/4400 on each of the user's meetings."""
    gone_meeting: int | None = None
    """Deleted since meetings were listed: 404/3001."""
    secretive_meeting: int | None = None
    """The detail answers 400/3000 while registrants can be read."""
    shared_meeting: int | None = None
    """Stands in the lists of two users."""
    second_host: int | None = None
    """The other user in whose list the shared meeting stands."""
    busy_host: int | None = None
    """Has held the odd sessions, beside ordinary ones."""
    webinar_host: int | None = None
    """Holds webinars only, and is no active host."""
    late_host: int | None = None
    """Has held one session, and is an active host only a day after it."""
    email_host: int | None = None
    """Stands among the active hosts without an id."""
    gone_webinar: int | None = None
    """Deleted since webinars were listed: 404/3001. A place among those of the host who holds webinars only."""

    @classmethod
    def choose(cls, seed: int, users: int, meetings: int, webinars: int) -> "Oddities":
        """Choose for a world of so many active users with so many meetings and webinars each."""
        dice = Dice(seed, "oddities")
        numbers = list(range(users))
        hosts: list[int | None] = [numbers.pop(dice.below(len(numbers))) for _ in range(min(users, _ODD_USERS))]
        hosts += [None] * (_ODD_USERS - len(hosts))
        host, second_host, pollless, unlicensed, gone, webinar_host, late_host, email_host = hosts

        def meeting(slot: int) -> int | None:
            return None if host is None or slot >= meetings else host * meetings + slot

        return cls(
            unlicensed_user=unlicensed,
            gone_user=gone,
            pollless_user=pollless,
            gone_meeting=meeting(_GONE_SLOT),
            secretive_meeting=meeting(_SECRETIVE_SLOT),
            shared_meeting=meeting(0),
            second_host=second_host,
            busy_host=host,
            webinar_host=webinar_host,
            late_host=late_host,
            email_host=email_host,
            gone_webinar=_GONE_SLOT if webinar_host is not None and webinars > _GONE_SLOT else None,
        )


def list_entries(seed: int, oddities: Oddities | None, host: int, meetings: int) -> Sequence[int]:
    """Return the numbers of the meetings in a user's list, in order and with repetitions."""
    own = range(host * meetings, (host + 1) * meetings)
    if oddities is None or not meetings:
        return own
    entries: list[int] = list(own)
    is_first = oddities.shared_meeting == own[0]
    if is_first:
        entries.insert(0, own[0])
    if is_first or Dice(seed, "repeats", host).percent(_REPEATING_PERCENT):
        entries.append(own[0])
    if host == oddities.second_host and oddities.shared_meeting is not None:
        entries.append(oddities.shared_meeting)
    return entries
