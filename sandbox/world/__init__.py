"""The account behind the sandbox. Every row is made from its number and the seed when it is asked for."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any

from sandbox.dates import midnight, months_later
from sandbox.world.attendance import Attendance, Person, Stay
from sandbox.world.ids import Keys, MeetingIds
from sandbox.world.meetings import (
    WEBINARS,
    Meeting,
    MeetingPlan,
    Occurrence,
    detail_row,
    list_row,
    panelist_rows,
    poll_rows,
    questions_row,
)
from sandbox.world.oddities import Oddities, list_entries
from sandbox.world.past import DEFAULT_RULES, PastSessions, ReportRules
from sandbox.world.people import User, make_user, names, user_row
from sandbox.world.registrants import Registrants, make_registrants, registrant_id, registrant_row
from sandbox.world.sessions import Session, SessionPlan, room
from sandbox.world.webinars import WEBINAR_KINDS, WebinarPlan

__all__ = ["ReportRules", "Size", "World"]

_EMAIL = re.compile(r"user(?P<number>0|[1-9]\d{0,8})@example\.com", re.ASCII)
_PENDING_USERS = 3
_MARGIN = timedelta(days=3)
"""From the oldest day of reports to the first session, so that no reader's time zone makes a difference."""
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
    sessions_per_host: int = 0
    session_months: int = 6
    hosting_percent: int = 100
    participants: tuple[int, int] = (2, 12)
    webinars: int = 0
    webinar_hosts_percent: int = 0


class World:
    """Users, meetings and webinars with what belongs to them, past sessions and channels of one Zoom account."""

    def __init__(  # noqa: PLR0913  (all that makes an account)
        self,
        seed: int,
        today: datetime,
        size: Size,
        *,
        oddities: bool,
        without: frozenset[str],
        rules: ReportRules = DEFAULT_RULES,
        clock: Callable[[], float] | None = None,
    ) -> None:
        """Take what the account is like.

        ``today`` is midnight UTC of the day around which meetings are placed, and ``without`` the features the
        account lacks. Past sessions are placed before the day that ``clock`` shows first, or else before ``today``.
        """
        self.seed = seed
        self.today = today
        self.size = size
        self.without = without
        self.oddities = Oddities()
        if oddities:
            self.oddities = Oddities.choose(seed, size.users, size.meetings, size.webinars)
        self._has_repeats = oddities
        self._user_keys = Keys(seed, "users")
        self._session_keys = Keys(seed, "sessions")
        self._meeting_ids = MeetingIds(seed)
        self._plan = MeetingPlan(seed, today, size.registration_percent)
        self._webinars = self._make_webinars()
        inactive = -(-size.users // _INACTIVE_SHARE)
        self._numbers = {
            "active": range(size.users),
            "inactive": range(size.users, size.users + inactive),
            "pending": range(size.users + inactive, size.users + inactive + _PENDING_USERS),
        }
        self.attendance = Attendance(seed, size.users)
        self.sessions = self._make_sessions(rules, clock or today.timestamp)

    # Users

    def users(self, status: str) -> range:
        """Return the numbers of the users of a status: active, inactive or pending."""
        return self._numbers[status]

    def user(self, number: int) -> User:
        """Return the user of that number."""
        status = next(status for status, numbers in self._numbers.items() if number in numbers)
        pmi = self._meeting_ids.encode(room(number))
        return make_user(self.seed, number, self._user_keys.user_id(number), status, pmi)

    def find_user(self, id_or_email: str) -> User | None:
        """Return the active or inactive user of that id or e-mail address."""
        number = self._user_keys.user_number(id_or_email)
        email = _EMAIL.fullmatch(id_or_email)
        if email:
            number = int(email["number"])
        known = number is not None and (number in self._numbers["active"] or number in self._numbers["inactive"])
        return self.user(number) if known and number is not None else None

    def user_row(self, user: User, include_fields: str | None = None) -> dict[str, Any]:
        """Return the row of a user."""
        return user_row(self.seed, user, self.today, include_fields)

    def display_name(self, user: User) -> str:
        """Return the name under which a user takes part."""
        return " ".join(names(self.seed, user.number))

    def department(self, user: User) -> str:
        """Return the department of a user."""
        return str(self.user_row(user)["dept"])

    # Past sessions

    def stays(self, session: Session) -> list[Stay]:
        """Return who was in a session and when, as far as it has been processed."""
        return self.attendance.stays(session, settled=self.sessions.is_settled(session))

    def _make_sessions(self, rules: ReportRules, clock: Callable[[], float]) -> PastSessions:
        last, size = midnight(utc_day(clock())), self.size
        first = midnight(months_later(last.date(), -size.session_months)) + _MARGIN
        plan = SessionPlan(
            seed=self.seed,
            first=min(first, last - _MARGIN),
            last=last,
            per_host=size.sessions_per_host,
            participants=size.participants,
            meetings=size.meetings,
            users=size.users,
            known_users=self._numbers["pending"].start,
            hosting_percent=size.hosting_percent,
            ids=self._meeting_ids,
            keys=Keys(self.seed, "past sessions"),
            kind_of_meeting=self._plan.kind,
            webinars=self._webinars,
            webinar_host=self.oddities.webinar_host,
        )
        sessions = PastSessions(plan, rules, self.oddities, clock=clock)
        if self._has_repeats and size.sessions_per_host:
            sessions.add_oddities(next(iter(self._numbers["inactive"]), None))
        return sessions

    # Meetings

    def listed_meetings(self, user: User) -> Sequence[int]:
        """Return the numbers of the meetings in a user's list, in order and with repetitions."""
        if user.number not in self._numbers["active"]:
            return ()
        return list_entries(self.seed, self.oddities if self._has_repeats else None, user.number, self.size.meetings)

    def meeting(self, number: int) -> Meeting:
        """Return the meeting of that number, which may be a webinar's."""
        ids = self._meeting_ids.encode(number), self._session_keys.uuid(number * _INSTANCES)
        if number >= WEBINARS:
            return self._webinars.make(number, *ids, self.user(self._webinars.host_of(number)))
        must_register = number == self.oddities.secretive_meeting
        return self._plan.make(number, *ids, self.user(number // self.size.meetings), must_register=must_register)

    def find_meeting(self, meeting_id: int) -> Meeting | None:
        """Return the meeting of that id, or None if there is none or it is gone."""
        number = self._meeting_ids.decode(meeting_id)
        if number is None or not 0 <= number < self.size.users * self.size.meetings:
            return None
        return None if self.is_gone(number) else self.meeting(number)

    def is_gone(self, number: int) -> bool:
        """Tell whether a meeting was deleted, alone or with its host."""
        return number == self.oddities.gone_meeting or number // self.size.meetings == self.oddities.gone_user

    def list_row(self, meeting: Meeting) -> dict[str, Any]:
        """Return the meeting or webinar as its host's list shows it."""
        return list_row(self.seed, meeting, self.today)

    def detail_row(
        self, meeting: Meeting, *, show_previous: bool, occurrence: Occurrence | None = None
    ) -> dict[str, Any]:
        """Return the meeting or webinar in full, with past occurrences or only the coming ones."""
        return detail_row(self.seed, meeting, self.today, show_previous=show_previous, occurrence=occurrence)

    # Webinars

    def has_webinar_license(self, user: User) -> bool:
        """Tell whether a user may hold webinars."""
        return "webinars" not in self.without and self._webinars.has_license(user.number)

    def listed_webinars(self, user: User) -> Sequence[int]:
        """Return the numbers of the webinars in a user's list, in order and with repetitions."""
        numbers = self._webinars.numbers(user.number)
        if user.number == self.oddities.webinar_host:
            return [*numbers, *numbers[:1]]
        return numbers

    def find_webinar(self, webinar_id: int) -> Meeting | None:
        """Return the webinar of that id, or None if there is none or it is gone."""
        number = self._meeting_ids.decode(webinar_id)
        if number is None or number < WEBINARS or number not in self._webinars.numbers(self._webinars.host_of(number)):
            return None
        return None if self.is_webinar_gone(number) else self.meeting(number)

    def is_webinar_gone(self, number: int) -> bool:
        """Tell whether a webinar was deleted, alone or with its host."""
        return self._webinars.is_gone(number) or self._webinars.host_of(number) == self.oddities.gone_user

    def _make_webinars(self) -> WebinarPlan:
        size, oddities = self.size, self.oddities
        gone = None
        if oddities.webinar_host is not None and oddities.gone_webinar is not None:
            gone = WEBINARS + oddities.webinar_host * size.webinars + oddities.gone_webinar
        return WebinarPlan(
            MeetingPlan(self.seed, self.today, size.registration_percent, WEBINAR_KINDS),
            per_host=size.webinars,
            users=size.users,
            hosts_percent=size.webinar_hosts_percent,
            sure_host=oddities.webinar_host,
            never_host=oddities.late_host,
            gone=gone,
        )

    # What belongs to a meeting or webinar

    def registrants(self, meeting: Meeting) -> Registrants:
        """Return the registrants of a meeting or webinar; a host's first webinar has as many as there may be."""
        least, most = self.size.registrants
        return make_registrants(self.seed, meeting, most if self._webinars.is_first(meeting.number) else least, most)

    def lists_registrants_of(self, occurrence: Occurrence) -> bool:
        """Tell whether the registrants of an occurrence can be read."""
        return "past-occurrences" not in self.without or occurrence.start >= self.today

    def registrant_of(self, session: Session, person: Person) -> int | None:
        """Return the number under which a participant had registered, or None."""
        if session.listed is None or person.user is not None:
            return None
        return _registration(person, self.registrants(self.meeting(session.listed)))

    def webinar_of(self, session: Session) -> Meeting | None:
        """Return the listed webinar of which a session is an instance, or None if there is none or it is gone."""
        number = session.listed_webinar
        return None if number is None or self.is_webinar_gone(number) else self.meeting(number)

    def absentees(self, session: Session, webinar: Meeting, occurrence: Occurrence | None = None) -> list[int]:
        """Return the numbers of the approved registrants of a webinar who did not come to a session of it."""
        registrants = self.registrants(webinar)
        asked = registrants.of_status("approved") if occurrence is None else registrants.listed("approved", occurrence)
        came = {_registration(person, registrants) for person in self.attendance.persons(session)}
        return [number for number in asked if number not in came]

    def questions_row(self, meeting: Meeting) -> dict[str, Any]:
        """Return the questions that people answer when they register for a meeting or webinar."""
        return questions_row(self.seed, meeting, self.today)

    def panelist_rows(self, webinar: Meeting) -> list[dict[str, Any]]:
        """Return the panelists of a webinar."""
        return panelist_rows(self.seed, webinar, self.today)

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
        return poll_rows(self.seed, meeting, self.today, self.size.polls)


def _registration(person: Person, registrants: Registrants) -> int | None:
    """Return the number under which a guest had registered: of the approved ones, each takes that of their place."""
    approved = registrants.of_status("approved")
    return approved[person.place] if person.user is None and person.place < len(approved) else None


def utc_day(moment: float) -> date:
    """Return the UTC day of a time in seconds since the epoch."""
    return datetime.fromtimestamp(moment, timezone.utc).date()
