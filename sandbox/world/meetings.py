"""Scheduled meetings with their occurrences."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sandbox.dice import Dice
from sandbox.world.people import TIME_ZONES, User, iso

SCHEDULED, NO_FIXED_TIME, RECURRING = 2, 3, 8
AUTOMATIC, MANUAL, NO_REGISTRATION = 0, 1, 2
ONCE_FOR_ALL, PER_OCCURRENCE, CHOSEN_OCCURRENCES = 1, 2, 3
_AGENDA_IN_LISTS = 250
_OMITTED_PERCENT = 15
_DELETED_PERCENT = 10
_PMI_PERCENT = 10
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


def meeting_list_row(seed: int, meeting: Meeting, today: datetime) -> dict[str, Any]:
    """Return the meeting as a user's list shows it: few fields, a cut agenda."""
    dice = Dice(seed, "meeting row", meeting.number)
    row: dict[str, Any] = {
        "uuid": meeting.uuid,
        "id": meeting.id,
        "host_id": meeting.host.id,
        "topic": topic(seed, meeting.number),
        "type": meeting.type,
        "duration": meeting.duration,
        "timezone": dice.pick(TIME_ZONES),
        "agenda": cut_agenda(dice),
        "created_at": iso(today - timedelta(days=30, minutes=dice.below(300_000))),
        "join_url": f"https://example.com/j/{meeting.id}",
    }
    if meeting.start is not None:
        row["start_time"] = iso(meeting.start)
    if meeting.pmi is not None:
        row["pmi"] = meeting.pmi
    return row


def meeting_detail_row(
    seed: int, meeting: Meeting, today: datetime, *, show_previous: bool, occurrence: Occurrence | None
) -> dict[str, Any]:
    """Return everything about the meeting, or about one occurrence of it."""
    row = meeting_list_row(seed, meeting, today)
    full = Dice(seed, "meeting detail", meeting.number)
    row.update(
        {
            "agenda": full_agenda(row["agenda"]),
            "assistant_id": full.pick(("", full.key())),
            "host_email": meeting.host.email,
            "status": "waiting",
            "start_url": f"https://example.com/s/{meeting.id}?zak={full.key()}",
            "chat_join_url": f"https://example.com/launch/jc/{meeting.id}",
            "password": full.digits(6),
            "encrypted_password": full.key(),
            "pstn_password": full.digits(6),
            "h323_password": full.digits(6),
            "pre_schedule": False,
            "template_id": "",
            "dynamic_host_key": full.digits(6),
            "creation_source": full.pick(("other", "open_api", "web_portal")),
            "tracking_fields": [
                {"field": "Department", "value": full.pick(("Sales", "Support")), "visible": True}
                for _ in range(full.below(2))
            ],
            "settings": _settings(full, meeting),
        }
    )
    if meeting.start is None:
        row["start_time"] = ""
    if meeting.has_registration:
        row["registration_url"] = f"https://example.com/meeting/register/{full.key()}"
    if meeting.occurrences:
        row |= recurrence_columns(full, meeting, None if show_previous else today)
    if occurrence is not None:
        row["start_time"] = iso(occurrence.start)
    return row


def recurrence_columns(dice: Dice, meeting: Meeting, since: datetime | None) -> dict[str, Any]:
    """Return the columns that only a recurring meeting or webinar has, with its occurrences from a time on."""
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


def cut_agenda(dice: Dice) -> str:
    """Return an agenda as lists show it."""
    return (_SENTENCE * dice.below(7)).strip()[:_AGENDA_IN_LISTS]


def full_agenda(cut: str) -> str:
    """Return an agenda of up to 2,000 characters that begins as the cut one of the lists does."""
    return cut if len(cut) < _AGENDA_IN_LISTS else cut + " and so on" * 20


def _settings(dice: Dice, meeting: Meeting) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "additional_data_center_regions": [],
        "allow_host_control_participant_mute_state": False,
        "allow_multiple_devices": dice.percent(50),
        "alternative_host_manage_cloud_recording": False,
        "alternative_host_manage_meeting_summary": False,
        "alternative_host_update_polls": dice.percent(50),
        "alternative_hosts": dice.pick(("", "user1@example.com;user2@example.com")),
        "alternative_hosts_email_notification": True,
        "approved_or_denied_countries_or_regions": dice.pick(
            (
                {"enable": False},
                {"enable": True, "method": "approve", "approved_list": ["DE", "JP"], "denied_list": []},
                {"enable": True, "method": "deny", "approved_list": [], "denied_list": ["BR"]},
            )
        ),
        "audio": dice.pick(("both", "telephony", "voip", "thirdParty")),
        "audio_conference_info": "",
        "authentication_domains": "",
        "authentication_exception": [
            {"email": "guest@example.com", "name": "Guest", "join_url": f"https://example.com/s/{meeting.id}"}
            for _ in range(dice.below(2))
        ],
        "authentication_name": "Sign in to Zoom",
        "authentication_option": f"signIn_{dice.key()}",
        "auto_recording": dice.pick(("local", "cloud", "none")),
        "auto_add_recording_to_video_management": {
            "enable": True,
            "channels": [{"channel_id": dice.key(), "name": "Recordings"}],
        },
        "auto_start_ai_companion_questions": False,
        "auto_start_meeting_summary": dice.percent(30),
        "breakout_room": {
            "enable": True,
            "rooms": [{"name": "Room 1", "participants": ["user1@example.com", "user2@example.com"]}],
        },
        "calendar_type": dice.pick((1, 2)),
        "close_registration": False,
        "cn_meeting": False,
        "contact_email": meeting.host.email,
        "contact_name": f"User {meeting.host.number}",
        "continuous_meeting_chat": {
            "enable": True,
            "auto_add_invited_external_users": False,
            "auto_add_meeting_participants": dice.percent(50),
            "channel_id": dice.key(),
        },
        "custom_keys": [{"key": "project", "value": dice.digits(3)}],
        "device_testing": False,
        "disable_participant_video": False,
        "email_in_attendee_report": True,
        "email_notification": True,
        "encryption_type": dice.pick(("enhanced_encryption", "e2ee")),
        "enforce_login": False,
        "enforce_login_domains": "",
        "focus_mode": False,
        "global_dial_in_countries": ["US"],
        "global_dial_in_numbers": [
            {"city": "New York", "country": "US", "country_name": "US", "number": "+1 2125550100", "type": "toll"}
        ],
        "host_save_video_order": False,
        "host_video": dice.percent(50),
        "in_meeting": False,
        "internal_meeting": dice.percent(30),
        "jbh_time": dice.pick((0, 5, 10, 15)),
        "join_before_host": dice.percent(50),
        "language_interpretation": {
            "enable": True,
            "interpreters": [
                {
                    "email": "interpreter@example.com",
                    "languages": "US,FR",
                    "interpreter_languages": "English,French",
                }
                for _ in range(dice.below(2))
            ],
        },
        "meeting_authentication": dice.percent(30),
        "meeting_invitees": [{"email": "guest@example.com", "internal_user": False}],
        "mute_upon_entry": dice.percent(50),
        "participant_focused_meeting": False,
        "participant_video": dice.percent(50),
        "private_meeting": dice.percent(10),
        "push_change_to_calendar": False,
        "question_and_answer": {
            "enable": True,
            "allow_submit_questions": True,
            "allow_anonymous_questions": dice.percent(50),
            "question_visibility": "all",
            "attendees_can_comment": False,
            "attendees_can_upvote": False,
        },
        "registrants_confirmation_email": True,
        "registrants_email_notification": True,
        "request_permission_to_unmute_participants": False,
        "resources": [
            {"resource_type": "whiteboard", "resource_id": dice.key(), "permission_level": "editor"}
            for _ in range(dice.below(2))
        ],
        "show_join_info": False,
        "show_share_button": False,
        "sign_language_interpretation": {
            "enable": True,
            "interpreters": [
                {"email": "interpreter@example.com", "sign_language": "American"} for _ in range(dice.below(2))
            ],
        },
        "summary_template_id": "",
        "use_pmi": meeting.pmi is not None,
        "waiting_room": dice.percent(50),
        "waiting_room_options": {"mode": "custom", "who_goes_to_waiting_room": "everyone"},
        "watermark": False,
        "who_can_ask_questions": dice.between(1, 5),
        "who_will_receive_summary": dice.between(1, 4),
    }
    if meeting.shows_approval_type:
        settings["approval_type"] = meeting.approval_type
    if meeting.has_registration:
        settings["registration_type"] = meeting.registration_type
    return settings
