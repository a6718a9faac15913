"""Scheduled meetings with their occurrences; webinars are meetings, too."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sandbox.dates import iso
from sandbox.dice import Dice
from sandbox.published import drawn_row
from sandbox.world.people import User

WEBINARS = 7 << 31
"""Numbers from here on are those of webinars."""
SCHEDULED, NO_FIXED_TIME, RECURRING = 2, 3, 8
AUTOMATIC, MANUAL, NO_REGISTRATION = 0, 1, 2
ONCE_FOR_ALL, PER_OCCURRENCE, CHOSEN_OCCURRENCES = 1, 2, 3
_AGENDA_IN_LISTS = 250
_OMITTED_PERCENT = 15
_DELETED_PERCENT = 10
_PMI_PERCENT = 10
_NO_POLLS_PERCENT = 35
_POLLS_UNKNOWN_PERCENT = 15
_MOST_PANELISTS = 4
_WEEK = timedelta(days=7)
_TOPICS = ("Weekly planning", "Customer onboarding", "Quarterly review", "Produkt-Demo", "採用面接", "All hands")
_SENTENCE = "We go through the open points, decide what can be decided and note who does what until when. "


class Kinds(NamedTuple):
    """Zoom's numbers for the kinds of a meeting, or of a webinar, and how often each is drawn."""

    once: int
    no_fixed_time: int
    recurring: int
    drawn: tuple[int, ...]


MEETING_KINDS = Kinds(SCHEDULED, NO_FIXED_TIME, RECURRING, (SCHEDULED,) * 6 + (RECURRING,) * 3 + (NO_FIXED_TIME,))


@dataclass(frozen=True)
class Occurrence:
    """One date of a recurring meeting."""

    start: datetime
    deleted: bool

    @property
    def id(self) -> str:
        """Zoom's id of an occurrence: its start in milliseconds since the epoch."""
        return str(int(self.start.timestamp()) * 1000)


@dataclass(frozen=True)
class Meeting:
    """What is known of a meeting, or of a webinar, without looking at the row."""

    number: int
    id: int
    uuid: str
    host: User
    type: int
    start: datetime | None
    """None without a fixed time."""
    duration: int
    """Minutes."""
    approval_type: int
    shows_approval_type: bool
    registration_type: int
    occurrences: tuple[Occurrence, ...]
    pmi: str | None
    """The host's personal meeting id, where it was used to schedule the meeting."""

    @property
    def is_webinar(self) -> bool:
        """Tell whether it is a webinar."""
        return self.number >= WEBINARS

    @property
    def template(self) -> str:
        """The template of its path."""
        return "/webinars/{webinarId}" if self.is_webinar else "/meetings/{meetingId}"

    @property
    def has_registration(self) -> bool:
        """Tell whether people have to register."""
        return self.approval_type != NO_REGISTRATION

    @property
    def held_occurrences(self) -> tuple[Occurrence, ...]:
        """The occurrences that were not deleted."""
        return tuple(occurrence for occurrence in self.occurrences if not occurrence.deleted)

    def occurrence(self, occurrence_id: str) -> Occurrence | None:
        """Return the occurrence of that id."""
        return next((one for one in self.occurrences if one.id == occurrence_id), None)


@dataclass(frozen=True)
class MeetingPlan:
    """What the meetings, or the webinars, of a world depend on."""

    seed: int
    today: datetime
    registration_percent: int
    kinds: Kinds = MEETING_KINDS

    def kind(self, number: int) -> int:
        """Return the type that a meeting has unless it is made a plain one."""
        return Dice(self.seed, "meeting", number).pick(self.kinds.drawn)

    def make(self, number: int, meeting_id: int, uuid: str, host: User, *, must_register: bool) -> Meeting:
        """Return the meeting of that number; ``must_register`` makes it a plain one with registration."""
        dice = Dice(self.seed, "meeting", number)
        kind = dice.pick(self.kinds.drawn)
        registers = dice.percent(self.registration_percent)
        approval_type = dice.pick((AUTOMATIC, AUTOMATIC, MANUAL)) if registers else NO_REGISTRATION
        if must_register:
            kind, approval_type = self.kinds.once, AUTOMATIC
        if kind == self.kinds.no_fixed_time:
            approval_type = NO_REGISTRATION
        is_recurring = kind == self.kinds.recurring
        occurrences = self._occurrences(dice) if is_recurring else ()
        return Meeting(
            number=number,
            id=meeting_id,
            uuid=uuid,
            host=host,
            type=kind,
            start=self._start(dice, kind, occurrences),
            duration=dice.pick((15, 30, 45, 60, 90)),
            approval_type=approval_type,
            shows_approval_type=not dice.percent(_OMITTED_PERCENT),
            registration_type=dice.pick((ONCE_FOR_ALL, PER_OCCURRENCE, CHOSEN_OCCURRENCES))
            if is_recurring
            else ONCE_FOR_ALL,
            occurrences=occurrences,
            pmi=dice.digits(10) if not is_recurring and dice.percent(_PMI_PERCENT) else None,
        )

    def _occurrences(self, dice: Dice) -> tuple[Occurrence, ...]:
        count = dice.between(2, 8)
        first = self.today + timedelta(hours=dice.below(24)) - dice.below(count) * _WEEK
        starts = [first + number * _WEEK for number in range(count)]
        return tuple(
            Occurrence(start, deleted=start > self.today and start != starts[-1] and dice.percent(_DELETED_PERCENT))
            for start in starts
        )

    def _start(self, dice: Dice, kind: int, occurrences: tuple[Occurrence, ...]) -> datetime | None:
        if kind == self.kinds.no_fixed_time:
            return None
        if occurrences:
            return next(one.start for one in occurrences if one.start >= self.today and not one.deleted)
        return self.today + timedelta(days=dice.between(-25, 60), minutes=15 * dice.below(96))


def topic(seed: int, number: int) -> str:
    """Return the topic of a meeting."""
    return f"{Dice(seed, 'topic', number).pick(_TOPICS)} {number}"


def list_row(seed: int, meeting: Meeting, today: datetime) -> dict[str, Any]:
    """Return the meeting or webinar as a user's list shows it: few fields, a cut agenda."""
    dice = Dice(seed, "list row", meeting.number)
    records = "webinars" if meeting.is_webinar else "meetings"
    return drawn_row(
        f"/users/{{userId}}/{records}",
        records,
        dice,
        today,
        uuid=meeting.uuid,
        id=meeting.id,
        host_id=meeting.host.id,
        topic=topic(seed, meeting.number),
        type=meeting.type,
        duration=meeting.duration,
        agenda=(_SENTENCE * dice.below(7)).strip()[:_AGENDA_IN_LISTS],
        start_time=None if meeting.start is None else iso(meeting.start),
        pmi=None if meeting.is_webinar else meeting.pmi,
    )


def detail_row(
    seed: int, meeting: Meeting, today: datetime, *, show_previous: bool, occurrence: Occurrence | None
) -> dict[str, Any]:
    """Return everything about the meeting or webinar, or about one occurrence of it.

    Its agenda has up to 2,000 characters and begins as that of the list.
    """
    dice, listed = Dice(seed, "detail", meeting.number), list_row(seed, meeting, today)
    recurrence = _recurrence(dice, meeting, None if show_previous else today)
    start = meeting.start if occurrence is None else occurrence.start
    more = {"agenda": listed["agenda"] + " and so on" * 20} if len(listed["agenda"]) == _AGENDA_IN_LISTS else {}
    start_time = "" if start is None else iso(start)
    own = {"pmi": None, **listed, **more, **recurrence, "host_email": meeting.host.email, "start_time": start_time}
    row = drawn_row(meeting.template, "", dice, today, **own)
    row["settings"]["approval_type"] = meeting.approval_type
    row["settings"]["registration_type"] = meeting.registration_type
    if not meeting.shows_approval_type:
        del row["settings"]["approval_type"]
    if not meeting.has_registration:
        del row["settings"]["registration_type"], row["registration_url"]
    return row


def _recurrence(dice: Dice, meeting: Meeting, since: datetime | None) -> dict[str, Any]:
    """Return the columns that only a recurring meeting or webinar has, with its occurrences from a time on."""
    if not meeting.occurrences:
        return {"recurrence": None, "occurrences": None}
    return {
        "recurrence": {
            "type": 2,
            "repeat_interval": 1,
            "weekly_days": "1",
            "end_times": len(meeting.occurrences),
            "end_date_time": dice.pick(("", iso(meeting.occurrences[-1].start))),
        },
        "occurrences": [
            {
                "occurrence_id": one.id,
                "start_time": iso(one.start),
                "duration": meeting.duration,
                "status": "deleted" if one.deleted else "available",
            }
            for one in meeting.occurrences
            if since is None or one.start >= since
        ],
    }


def panelist_rows(seed: int, webinar: Meeting, today: datetime) -> list[dict[str, Any]]:
    """Return the panelists of a webinar."""
    dice = Dice(seed, "panelists", webinar.number)
    count = dice.below(_MOST_PANELISTS + 1)
    return [drawn_row(f"{webinar.template}/panelists", "panelists", dice, today) for _ in range(count)]


def questions_row(seed: int, meeting: Meeting, today: datetime) -> dict[str, Any]:
    """Return the questions that people answer when they register."""
    return drawn_row(f"{meeting.template}/registrants/questions", "", Dice(seed, "questions", meeting.number), today)


def poll_rows(seed: int, meeting: Meeting, today: datetime, most: int) -> list[dict[str, Any]] | None:
    """Return the polls of a meeting as they were set up, or None where Zoom says 404/404 instead of an empty list."""
    dice = Dice(seed, "polls", meeting.number)
    luck = dice.below(100)
    if luck < _POLLS_UNKNOWN_PERCENT:
        return None
    count = 0 if luck < _POLLS_UNKNOWN_PERCENT + _NO_POLLS_PERCENT or not most else dice.between(1, most)
    return [drawn_row(f"{meeting.template}/polls", "polls", dice, today) for _ in range(count)]
