"""Who took part in a session, and when: a row for each time somebody came in."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.dice import Dice
from sandbox.world.people import FIRST_NAMES
from sandbox.world.sessions import Session

IN_MEETING, IN_WAITING_ROOM = "in_meeting", "in_waiting_room"
_MEMBER_PERCENT = 60
_WAITING_PERCENT = 15
_REJOIN_PERCENT = 20
_BREAKOUT_PERCENT = 10
_TWINS_PERCENT = 20
_FEWEST_FOR_TWINS = 4
_FIRST_USER_ID = 16_778_240
_USER_ID_STEP = 1024
_MOST_STAYS = 4


@dataclass(frozen=True)
class Person:
    """A participant."""

    place: int
    """From 0, which is the host."""
    user: int | None
    """The number of a user of this account; None for a guest."""
    guest_name: str


@dataclass(frozen=True)
class Stay:
    """The time between a participant's coming and going."""

    person: Person
    user_id: str
    join: datetime
    leave: datetime
    status: str = IN_MEETING
    breakout_room: str = ""

    @property
    def seconds(self) -> int:
        """How long it lasted."""
        return int((self.leave - self.join).total_seconds())


@dataclass(frozen=True)
class Attendance:
    """The participants of sessions, all drawn from the seed."""

    seed: int
    users: int
    """Active users, from whom members of the account are drawn."""

    def persons(self, session: Session) -> Iterator[Person]:
        """Yield the participants; two guests who cannot be told apart are yielded as the same person twice."""
        has_twins = session.participants >= _FEWEST_FOR_TWINS and self._dice(session, "twins").percent(_TWINS_PERCENT)
        last = session.participants - 1
        for place in range(session.participants):
            if has_twins and place >= last - 1:
                yield Person(last - 1, None, "iPhone")
            else:
                yield self._person(session, place)

    def stays(self, session: Session, *, settled: bool = True) -> list[Stay]:
        """Return the rows of all participants; the last has no duration yet where it is not settled."""
        stays = [stay for person in self.persons(session) for stay in self._stays(session, person)]
        if stays and not settled:
            last = stays.pop()
            stays.append(Stay(last.person, last.user_id, last.join, last.join, last.status, last.breakout_room))
        return stays

    def _dice(self, session: Session, *name: object) -> Dice:
        return Dice(self.seed, "attendance", session.number, *name)

    def _person(self, session: Session, place: int) -> Person:
        if place == 0:
            return Person(place, session.host, "")
        dice = self._dice(session, "person", place)
        if dice.percent(_MEMBER_PERCENT):
            return Person(place, dice.below(self.users), "")
        return Person(place, None, f"{dice.pick(FIRST_NAMES)} {dice.below(1000)}")

    def _stays(self, session: Session, person: Person) -> list[Stay]:
        dice = self._dice(session, "stays", person.place)
        spare = session.seconds // 4
        join, leave = session.start, session.end
        if person.place:
            join += timedelta(seconds=dice.below(min(spare, 300)))
            leave -= timedelta(seconds=dice.below(min(spare, 600)))
        pieces: list[tuple[datetime, datetime, str, str]] = []
        if person.place and dice.percent(_WAITING_PERCENT):
            let_in = join + timedelta(seconds=1 + dice.below(min(spare // 2, 120)))
            pieces.append((join, let_in, IN_WAITING_ROOM, ""))
            join = let_in
        third = (leave - join) // 3
        third -= timedelta(microseconds=third.microseconds)
        if person.place and dice.percent(_REJOIN_PERCENT):
            pieces.append((join, join + third, IN_MEETING, ""))
            pieces.append((join + third + timedelta(seconds=20), leave, IN_MEETING, ""))
        else:
            pieces.append((join, leave, IN_MEETING, ""))
        if dice.percent(_BREAKOUT_PERCENT):
            pieces.append((join + third, leave - third, IN_MEETING, dice.digits(8)))
        first = _FIRST_USER_ID + person.place * _MOST_STAYS * _USER_ID_STEP
        return [Stay(person, str(first + n * _USER_ID_STEP), *piece) for n, piece in enumerate(pieces)]
