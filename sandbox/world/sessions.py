"""Past sessions: meetings and webinars that were held, each made from its host and its place among the host's."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.dice import Dice
from sandbox.world.ids import Keys, MeetingIds
from sandbox.world.meetings import RECURRING, SCHEDULED, WEBINARS
from sandbox.world.webinars import WEBINAR, WEBINAR_KINDS, WebinarPlan

INSTANT, PERSONAL_ROOM = 1, 4

STORED = 1 << 30
"""Numbers from here on are those of sessions that are stored; smaller ones are derived."""
_UNLISTED = 1 << 31
"""Meeting numbers from here on: those of sessions whose meeting is in no list."""
_ROOMS = 1 << 32
"""Meeting numbers from here on: personal rooms; the even ones, because their ids have ten digits."""
_SERIES = 3 << 32
"""Meeting numbers from here on: a recurring meeting of each host that is in no list."""

_LISTED, _ALONE, _ROOM = "listed", "alone", "room"
_INSTANT, _WEBINAR = "instant", "webinar"
_KINDS = (_LISTED,) * 9 + (_ALONE,) * 5 + (_INSTANT,) * 3 + (_ROOM,) * 2 + (_WEBINAR,)
_KINDS_WITH_LICENSE = (_LISTED,) * 9 + (_ALONE,) * 2 + (_INSTANT,) * 2 + (_ROOM,) * 2 + (_WEBINAR,) * 5
_UNATTENDED_PERCENT = 10
_LONELY_PERCENT = 8
_LONG_PERCENT = 5
_LONG_FACTOR = 4


def room(user: int) -> int:
    """Return the meeting number of a user's personal room."""
    return _ROOMS + 2 * user


@dataclass(frozen=True)
class Session:
    """One instance of a meeting or webinar."""

    number: int
    uuid: str
    meeting_id: int
    listed_meeting: int | None
    """The number of the meeting in its host's list of which this is an instance."""
    listed_webinar: int | None
    """Likewise of the webinar."""
    host: int
    """A user's number."""
    type: int
    start: datetime
    end: datetime
    participants: int
    """Persons, the host included; nobody counts at a webinar without attendees."""

    @property
    def is_webinar(self) -> bool:
        """Tell whether it was a webinar."""
        return self.type in WEBINAR_KINDS.drawn

    @property
    def listed(self) -> int | None:
        """The number of the meeting or webinar, in a list, of which this is an instance."""
        return self.listed_meeting if self.listed_webinar is None else self.listed_webinar

    @property
    def is_reported(self) -> bool:
        """Tell whether Zoom's reports show it without being asked for sessions of one participant."""
        return self.participants > 1

    @property
    def seconds(self) -> int:
        """How long it lasted."""
        return int((self.end - self.start).total_seconds())

    @property
    def minutes(self) -> int:
        """How long it lasted, rounded up."""
        return -(-self.seconds // 60)


@dataclass(frozen=True)
class Outline:
    """What makes a session, without its ids."""

    host: int
    type: int
    start: datetime
    end: datetime
    participants: int
    meeting: int | None = None
    """The number of the meeting; None for one of its own."""


@dataclass(frozen=True)
class SessionPlan:
    """What the sessions of a world depend on.

    A host's time from ``first`` to ``last`` has ``per_host`` equal parts with one session in each.
    """

    seed: int
    first: datetime
    last: datetime
    per_host: int
    participants: tuple[int, int]
    meetings: int
    """Listed meetings of each active user."""
    users: int
    """Active users."""
    known_users: int
    """Active and inactive ones, who come next."""
    hosting_percent: int
    """Share of the active users who have held sessions."""
    ids: MeetingIds
    keys: Keys
    kind_of_meeting: Callable[[int], int]
    """Gives the type of a listed meeting by its number."""
    webinars: WebinarPlan
    webinar_host: int | None
    """Holds webinars only."""

    def slots(self, since: datetime, until: datetime) -> range:
        """Return the places of the sessions that may start in that time."""
        length = self.last - self.first
        first = (since - self.first) * self.per_host // length
        last = (until - self.first) * self.per_host // length
        return range(max(first, 0), min(last + 1, self.per_host))

    def make(self, host: int, slot: int) -> Session:
        """Return one of a host's sessions."""
        number = host * self.per_host + slot
        dice = Dice(self.seed, "session", number)
        is_listed = self.webinars.per_host > 0 and self.webinars.has_license(host)
        kind = dice.pick(_KINDS_WITH_LICENSE if is_listed else _KINDS)
        kind = _WEBINAR if host == self.webinar_host else kind
        length = int((self.last - self.first).total_seconds())
        start = self.first + timedelta(seconds=(slot * length + dice.below(length)) // self.per_host)
        minutes = dice.between(5, 90) * (_LONG_FACTOR if dice.percent(_LONG_PERCENT) else 1)
        end = start + timedelta(minutes=minutes, seconds=dice.below(60))
        lonely = dice.percent(_LONELY_PERCENT) and kind != _WEBINAR
        participants = 1 if lonely else dice.between(*self.participants)
        if kind == _WEBINAR and is_listed and Dice(self.seed, "unattended", number).percent(_UNATTENDED_PERCENT):
            participants = 0
        type_, meeting = self._meeting(dice, kind, host)
        return self.session(number, Outline(host, type_, start, end, participants, meeting))

    def session(self, number: int, outline: Outline) -> Session:
        """Return the session of that number."""
        meeting = _UNLISTED + number if outline.meeting is None else outline.meeting
        return Session(
            number=number,
            uuid=self.keys.uuid(number),
            meeting_id=self.ids.encode(meeting),
            listed_meeting=meeting if meeting < _UNLISTED else None,
            listed_webinar=meeting if meeting >= WEBINARS else None,
            host=outline.host,
            type=outline.type,
            start=outline.start,
            end=outline.end,
            participants=outline.participants,
        )

    def series(self, host: int) -> int:
        """Return the number of the host's recurring meeting that is in no list."""
        return _SERIES + host

    def only_session(self, meeting_id: int) -> int | None:
        """Return the number of a meeting's session, where it can have had one only."""
        number = self.ids.decode(meeting_id)
        return number - _UNLISTED if number is not None and _UNLISTED <= number < _ROOMS else None

    def host_of(self, meeting_id: int) -> int | None:
        """Return the user who holds the sessions of a meeting that may have several."""
        number = self.ids.decode(meeting_id)
        if number is None:
            return None
        if number >= WEBINARS:
            return self.webinars.host_of(number)
        if number >= _SERIES:
            return number - _SERIES
        if number >= _ROOMS:
            return (number - _ROOMS) // 2
        return number // self.meetings if self.meetings else None

    def _meeting(self, dice: Dice, kind: str, host: int) -> tuple[int, int | None]:
        if kind == _ROOM:
            return PERSONAL_ROOM, room(host)
        if kind == _LISTED and self.meetings:
            meeting = host * self.meetings + dice.below(self.meetings)
            return self.kind_of_meeting(meeting), meeting
        if kind == _LISTED:
            return RECURRING, self.series(host)
        if kind == _WEBINAR and self.webinars.numbers(host):
            webinar = dice.pick(self.webinars.numbers(host))
            return self.webinars.kind(webinar), webinar
        types = {_ALONE: SCHEDULED, _INSTANT: INSTANT, _WEBINAR: WEBINAR}
        return types[kind], None
