"""Scheduled webinars, with their panelists and tracking sources."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sandbox.dice import Dice
from sandbox.world.meetings import (
    Kinds,
    Meeting,
    MeetingPlan,
    Occurrence,
    cut_agenda,
    full_agenda,
    recurrence_columns,
    topic,
)
from sandbox.world.people import FIRST_NAMES, LAST_NAMES, TIME_ZONES, User, iso

WEBINARS = 7 << 31
"""Numbers from here on, among those of meetings, are those of webinars."""
WEBINAR = 5
WEBINAR_KINDS = Kinds(once=WEBINAR, no_fixed_time=6, recurring=9, drawn=(5, 5, 9, 9, 6))

_MOST_PANELISTS = 4
_MOST_SOURCES = 3
_NOTICE = {"enable": True, "type": 1}


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


def webinar_list_row(seed: int, webinar: Meeting, today: datetime) -> dict[str, Any]:
    """Return the webinar as its host's list shows it."""
    dice = Dice(seed, "webinar row", webinar.number)
    row: dict[str, Any] = {
        "uuid": webinar.uuid,
        "id": webinar.id,
        "host_id": webinar.host.id,
        "topic": topic(seed, webinar.number),
        "type": webinar.type,
        "duration": webinar.duration,
        "timezone": dice.pick(TIME_ZONES),
        "agenda": cut_agenda(dice),
        "created_at": iso(today),
        "join_url": f"https://example.com/j/{webinar.id}",
        "is_simulive": dice.percent(20),
    }
    if webinar.start is not None:
        row["start_time"] = iso(webinar.start)
    return row


def webinar_detail_row(
    seed: int, webinar: Meeting, today: datetime, *, show_previous: bool, occurrence: Occurrence | None
) -> dict[str, Any]:
    """Return everything about the webinar, or about one occurrence of it."""
    row = webinar_list_row(seed, webinar, today)
    dice = Dice(seed, "webinar detail", webinar.number)
    row |= {
        "agenda": full_agenda(row["agenda"]),
        "host_email": webinar.host.email,
        "template_id": "",
        "start_url": f"https://example.com/s/{webinar.id}?zak={dice.key()}",
        "password": dice.digits(6),
        "encrypted_passcode": dice.key(),
        "h323_passcode": dice.digits(6),
        "record_file_id": dice.key() if row["is_simulive"] else "",
        "transition_to_live": False,
        "simulive_delay_start": {"enable": row["is_simulive"], "time": 10, "timeunit": "second"},
        "creation_source": dice.pick(("other", "open_api", "web_portal")),
        "tracking_fields": [
            {"field": "Department", "value": dice.pick(("Sales", "Support")), "visible": True}
            for _ in range(dice.below(2))
        ],
        "settings": _settings(dice, webinar),
    }
    if webinar.start is None:
        row["start_time"] = ""
    if webinar.has_registration:
        row["registration_url"] = f"https://example.com/webinar/register/{dice.key()}"
    if webinar.occurrences:
        row |= recurrence_columns(dice, webinar, None if show_previous else today)
    if occurrence is not None:
        row["start_time"] = iso(occurrence.start)
    return row


def panelist_rows(seed: int, webinar: Meeting) -> list[dict[str, Any]]:
    """Return the panelists of a webinar."""
    count = Dice(seed, "panelists", webinar.number).below(_MOST_PANELISTS + 1)
    return [_panelist_row(Dice(seed, "panelist", webinar.number, place), webinar, place) for place in range(count)]


def _panelist_row(dice: Dice, webinar: Meeting, place: int) -> dict[str, Any]:
    return {
        "id": dice.key(),
        "name": f"{dice.pick(FIRST_NAMES)} {dice.pick(LAST_NAMES)}",
        "email": f"panelist{place}.w{webinar.number}@example.org",
        "join_url": f"https://example.com/w/{webinar.id}?tk={dice.key()}",
        "virtual_background_id": dice.key(),
        "name_tag_id": dice.key(),
        "name_tag_name": "Speaker",
        "name_tag_pronouns": "",
        "name_tag_description": dice.pick(("", "Engineer")),
    }


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


def _settings(dice: Dice, webinar: Meeting) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "additional_data_center_regions": [],
        "allow_multiple_devices": dice.percent(50),
        "alternative_hosts": dice.pick(("", "user1@example.com")),
        "alternative_host_update_polls": dice.percent(50),
        "attendees_and_panelists_reminder_email_notification": _NOTICE,
        "audio": dice.pick(("both", "telephony", "voip", "thirdParty")),
        "audio_conference_info": "",
        "authentication_domains": "",
        "authentication_name": "Sign in to Zoom",
        "authentication_option": f"signIn_{dice.key()}",
        "auto_recording": dice.pick(("local", "cloud", "none")),
        "close_registration": False,
        "contact_email": webinar.host.email,
        "contact_name": f"User {webinar.host.number}",
        "email_language": "en-US",
        "enforce_login": False,
        "enforce_login_domains": "",
        "follow_up_absentees_email_notification": _NOTICE,
        "follow_up_attendees_email_notification": _NOTICE,
        "global_dial_in_countries": ["US"],
        "global_dial_in_numbers": [
            {"city": "New York", "country": "US", "country_name": "US", "number": "+1 2125550100", "type": "toll"}
        ],
        "hd_video": False,
        "hd_video_for_attendees": False,
        "host_video": dice.percent(50),
        "language_interpretation": {
            "enable": True,
            "interpreters": [
                {
                    "email": "interpreter@example.com",
                    "languages": "US,FR",
                    "interpreter_languages": "English,French",
                }
            ],
        },
        "sign_language_interpretation": {
            "enable": True,
            "interpreters": [{"email": "interpreter@example.com", "sign_language": "American"}],
        },
        "panelist_authentication": False,
        "meeting_authentication": dice.percent(30),
        "add_watermark": False,
        "add_audio_watermark": False,
        "on_demand": False,
        "panelists_invitation_email_notification": True,
        "panelists_video": True,
        "post_webinar_survey": dice.percent(30),
        "practice_session": False,
        "question_and_answer": {
            "enable": True,
            "allow_submit_questions": True,
            "allow_anonymous_questions": True,
            "answer_questions": "all",
            "attendees_can_comment": True,
            "attendees_can_upvote": True,
            "allow_auto_reply": False,
            "auto_reply_text": "",
        },
        "registrants_confirmation_email": True,
        "registrants_email_notification": True,
        "registrants_restrict_number": 0,
        "send_1080p_video_to_attendees": False,
        "show_share_button": True,
        "show_join_info": False,
        "survey_url": "",
        "enable_session_branding": False,
        "request_permission_to_unmute_participants": False,
        "allow_host_control_participant_mute_state": False,
        "email_in_attendee_report": True,
    }
    if webinar.shows_approval_type:
        settings["approval_type"] = webinar.approval_type
    if webinar.has_registration:
        settings["registration_type"] = webinar.registration_type
    return settings
