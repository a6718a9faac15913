"""Streams of Zoom's Webinars API."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.lists import WebinarList
from source_zoom.streams.registration import (
    STATUSES,
    OfRegistration,
    RegistrableDetail,
    Registrants,
    registration_keys,
)
from source_zoom.streams.sessions.answers import SessionAnswers
from source_zoom.streams.sessions.kind import WEBINAR
from source_zoom.streams.sessions.stream import PastSessionStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.zoom.meanings import Meaning


class Webinars(RegistrableDetail):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}."""

    endpoint = Endpoint(
        "webinars/{webinar_id}",
        label=RateLabel.LIGHT,
        scopes=Scopes("webinar:read:admin", "webinar:read:webinar:admin"),
        required_keys=("uuid",),
        params={"show_previous_occurrences": "true"},
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.FEATURE_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = "uuid"
    parent_stream = WebinarList
    string_id = "webinar_id"
    carries = ("host_id",)
    child_keys = registration_keys("webinar_id")


class WebinarRegistrants(Registrants):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/registrants."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/registrants",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_registrants:admin"),
        records="registrants",
        page_size=300,
        slice_params=("occurrence_id",),
        variants=STATUSES,
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_id", "id", "occurrence_id"]
    parent_stream = Webinars
    carries = ("webinar_id", "host_id")


class WebinarQuestions(OfRegistration):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/registrants/questions."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/registrants/questions",
        label=RateLabel.LIGHT,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_registration_questions:admin"),
        required_keys=("questions", "custom_questions"),
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = "webinar_id"
    parent_stream = Webinars
    carries = ("webinar_id", "host_id")


class WebinarPanelists(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/panelists."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/panelists",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_panelists:admin"),
        records="panelists",
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList
    carries = ("webinar_id", "host_id")


class WebinarPolls(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/polls."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/polls",
        label=RateLabel.LIGHT,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_polls:admin"),
        records="polls",
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.POLLS_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList
    carries = ("webinar_id", "host_id")


class WebinarTrackingSources(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/tracking_sources."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/tracking_sources",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_tracking_sources:admin"),
        records="tracking_sources",
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList
    carries = ("webinar_id", "host_id")


class WebinarAbsentees(PastSessionStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/absentees."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/absentees",
        label=RateLabel.HEAVY,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_absentees:admin"),
        records="registrants",
        page_size=300,
        plan="Webinars licence",
        skips=Meaning.GONE
        | Meaning.USER_GONE
        | Meaning.NO_REGISTRATION
        | Meaning.FEATURE_OFF
        | Meaning.NO_LICENCE
        | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "id"]
    cursor_field = "webinar_end_time"
    also_needs = ("webinar_instances",)
    kind = WEBINAR
    reads_unattended = True


class WebinarPollResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/polls."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/polls",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_past_polls:admin"),
        records="questions",
        required_keys=("uuid", "id"),
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.POLLS_OFF | Meaning.TOO_OLD | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "response_id"]
    cursor_field = "webinar_end_time"
    kind = WEBINAR


class WebinarQnaResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/qa."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/qa",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:past_qa:admin"),
        records="questions",
        required_keys=("uuid", "id"),
        plan="Webinars licence",
        skips=Meaning.GONE | Meaning.TOO_OLD | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "response_id"]
    cursor_field = "webinar_end_time"
    kind = WEBINAR
