"""Streams of Zoom's Meetings API."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.lists import MeetingList
from source_zoom.streams.registration import (
    STATUSES,
    OfRegistration,
    RegistrableDetail,
    Registrants,
    registration_keys,
)
from source_zoom.streams.sessions.answers import SessionAnswers
from source_zoom.streams.sessions.kind import MEETING
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.zoom.meanings import Meaning


class Meetings(RegistrableDetail):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}."""

    endpoint = Endpoint(
        "meetings/{meeting_id}",
        label=RateLabel.LIGHT,
        scopes=Scopes("meeting:read:admin", "meeting:read:meeting:admin"),
        required_keys=("uuid",),
        params={"show_previous_occurrences": "true"},
        skips=Meaning.GONE | Meaning.FEATURE_OFF | Meaning.NO_HOSTING,
    )
    primary_key = "uuid"
    parent_stream = MeetingList
    string_id = "meeting_id"
    carries = ("host_id",)
    child_keys = registration_keys("meeting_id")


class MeetingRegistrants(Registrants):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/registrants."""

    endpoint = Endpoint(
        "meetings/{meeting_id}/registrants",
        label=RateLabel.MEDIUM,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_registrants:admin"),
        records="registrants",
        page_size=300,
        slice_params=("occurrence_id",),
        variants=STATUSES,
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_HOSTING | Meaning.NO_PLAN,
    )
    primary_key = ["meeting_id", "id", "occurrence_id"]
    parent_stream = Meetings
    carries = ("meeting_id", "host_id")


class MeetingQuestions(OfRegistration):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/registrants/questions."""

    endpoint = Endpoint(
        "meetings/{meeting_id}/registrants/questions",
        label=RateLabel.LIGHT,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_registration_questions:admin"),
        required_keys=("questions", "custom_questions"),
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_HOSTING | Meaning.NO_PLAN,
    )
    primary_key = "meeting_id"
    parent_stream = Meetings
    carries = ("meeting_id", "host_id")


class MeetingPolls(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/polls."""

    endpoint = Endpoint(
        "meetings/{meeting_id}/polls",
        label=RateLabel.LIGHT,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_polls:admin"),
        records="polls",
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.POLLS_OFF | Meaning.NO_HOSTING | Meaning.NO_PLAN,
    )
    primary_key = ["meeting_id", "id"]
    parent_stream = MeetingList
    carries = ("meeting_id", "host_id")


class MeetingPollResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/past_meetings/{meetingId}/polls."""

    endpoint = Endpoint(
        "past_meetings/{uuid}/polls",
        label=RateLabel.MEDIUM,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_poll_results:admin"),
        records="questions",
        required_keys=("uuid", "id"),
        plan="Pro plan",
        skips=Meaning.GONE | Meaning.POLLS_OFF | Meaning.TOO_OLD | Meaning.NO_PLAN,
    )
    primary_key = ["meeting_uuid", "response_id"]
    cursor_field = "meeting_end_time"
    kind = MEETING
