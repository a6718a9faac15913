"""What people answered in polls and asked in Q&As of past sessions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.dates import iso
from sandbox.dice import Dice
from sandbox.world.attendance import Person
from sandbox.world.reports import features_used
from sandbox.world.sessions import INSTANT, STORED, Session

if TYPE_CHECKING:
    from sandbox.world import World

ANONYMOUS = "Anonymous Attendee"
"""The name Zoom gives to whoever answers without a name."""

_VOTING_PERCENT = 70
_ANONYMOUS_POLL_PERCENT = 50
_QNA_PERCENT = 50
_ASKING_PERCENT = 40
_ANONYMOUS_QUESTION_PERCENT = 40
_WITH_EMAIL_PERCENT = 50
_RENAMED_PERCENT = 30
_POLL: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("How useful was this session?", ("Extremely useful", "Somewhat useful", "Not useful")),
    ("Which days suit you?", ("Monday", "Monday;Friday", "Wednesday")),
    ("What should we do better?", ("", "Nothing", "More breaks")),
)
_SECRET_POLL = ("Would you come again?", ("Yes", "No"))
_ANSWERED = ("", "Yes", "Yes;Next week")
_ASKED = ("Will there be a recording?", "When is the next session?", "Where are the slides?")


@dataclass(frozen=True)
class Voice:
    """Somebody who answers or asks, as Zoom names them."""

    place: int
    name: str
    email: str


def poll_result_rows(world: "World", session: Session) -> list[dict[str, Any]]:
    """Return the answers of a session's polls: a row for each voter, and one for each anonymous vote.

    Anonymous votes may be equal in all they show. The first participant, who is the host, does not vote.
    """
    polled = session.type != INSTANT and features_used(world, session)["poll"]
    if not polled or "polls" in world.without or session.host == world.oddities.pollless_user:
        return []
    dice = Dice(world.seed, "poll results", session.number)
    named, secret, has_secret = dice.key(), dice.key(), dice.percent(_ANONYMOUS_POLL_PERCENT)
    at = iso(session.start + timedelta(minutes=3))
    rows, votes = [], []
    for voice in _voices(world, session, "voter", _VOTING_PERCENT):
        dice = Dice(world.seed, "vote", session.number, voice.place)
        details = [
            {"answer": dice.pick(answers), "date_time": at, "polling_id": named, "question": question}
            for question, answers in _POLL[: dice.between(1, len(_POLL))]
        ]
        rows.append({"email": voice.email, "name": voice.name, "question_details": details})
        question, answers = _SECRET_POLL
        vote = {"answer": dice.pick(answers), "date_time": at, "polling_id": secret, "question": question}
        votes.append({"email": "", "name": ANONYMOUS, "question_details": [vote]})
    return rows + (votes if has_secret else [])


def qna_rows(world: "World", session: Session) -> list[dict[str, Any]]:
    """Return the questions of a webinar with their answers: a row for each person who asked."""
    has_any = session.number >= STORED or Dice(world.seed, "qna", session.number).percent(_QNA_PERCENT)
    if not (has_any and session.is_webinar):
        return []
    rows = []
    for voice in _voices(world, session, "asker", _ASKING_PERCENT):
        dice = Dice(world.seed, "question", session.number, voice.place)
        is_anonymous = dice.percent(_ANONYMOUS_QUESTION_PERCENT)
        asked = _ASKED[:1] if is_anonymous else _ASKED[: dice.between(1, len(_ASKED))]
        details = [{"answer": dice.pick(_ANSWERED), "question": question} for question in asked]
        rows.append(
            {
                "email": "" if is_anonymous else voice.email,
                "name": ANONYMOUS if is_anonymous else voice.name,
                "question_details": details,
            }
        )
    return rows


def _voices(world: "World", session: Session, role: str, share: int) -> Iterator[Voice]:
    """Yield those who take part in a poll or Q&A: the first participant beside the host, and a share of the others.

    A user who came twice is yielded once; guests may share a name and have no address.
    """
    seen: set[int] = set()
    for place, person in enumerate(world.attendance.persons(session)):
        dice = Dice(world.seed, role, session.number, place)
        if place and person.user not in seen and (place == 1 or dice.percent(share)):
            if person.user is not None:
                seen.add(person.user)
            yield _voice(world, dice, place, person)


def _voice(world: "World", dice: Dice, place: int, person: Person) -> Voice:
    if person.user is not None:
        user = world.user(person.user)
        return Voice(place, world.display_name(user), user.email)
    email = f"guest{place}@example.org" if dice.percent(_WITH_EMAIL_PERCENT) else ""
    return Voice(place, "Guest" if dice.percent(_RENAMED_PERCENT) else person.guest_name, email)
