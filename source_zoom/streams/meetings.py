"""Streams of Zoom's Meetings API."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.kind import MEETING
from source_zoom.streams.lists import MeetingList
from source_zoom.streams.registration import (
    OfRegistration,
    RegistrableDetail,
    Registrants,
    detail,
    questions,
    registrants,
)
from source_zoom.streams.sessions.answers import SessionAnswers, session_answers
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import PRO


class Meetings(RegistrableDetail):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}."""

    endpoint = detail("meetings/{meeting_id}", "meeting:read:meeting:admin")
    skips = Meaning.GONE | Meaning.FEATURE_OFF | Meaning.NO_HOSTING
    parent_stream = MeetingList
    kind = MEETING


class MeetingRegistrants(Registrants):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/registrants."""

    endpoint = registrants("meetings/{meeting_id}/registrants", "meeting:read:list_registrants:admin")
    plan = PRO
    skips = Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_HOSTING
    primary_key = ["meeting_id", "id", "occurrence_id"]
    parent_stream = Meetings


class MeetingQuestions(OfRegistration):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/registrants/questions."""

    endpoint = questions("meetings/{meeting_id}/registrants", "meeting:read:list_registration_questions:admin")
    plan = PRO
    skips = Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_HOSTING
    primary_key = "meeting_id"
    parent_stream = Meetings


class MeetingPolls(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/meetings/{meetingId}/polls."""

    endpoint = Endpoint(
        "meetings/{meeting_id}/polls", RateLabel.LIGHT, "meeting:read:list_polls:admin", records="polls"
    )
    plan = PRO
    skips = Meaning.GONE | Meaning.POLLS_OFF | Meaning.NO_HOSTING
    primary_key = ["meeting_id", "id"]
    parent_stream = MeetingList


class MeetingPollResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/past_meetings/{meetingId}/polls."""

    endpoint = session_answers("past_meetings/{uuid}/polls", "meeting:read:list_poll_results:admin")
    plan = PRO
    skips = Meaning.GONE | Meaning.POLLS_OFF | Meaning.TOO_OLD
    kind = MEETING


STREAMS: tuple[type[ZoomStream], ...] = (
    Meetings,
    MeetingRegistrants,
    MeetingQuestions,
    MeetingPolls,
    MeetingPollResults,
)
