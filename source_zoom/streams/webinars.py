"""Streams of Zoom's Webinars API."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.kind import WEBINAR
from source_zoom.streams.lists import WebinarList
from source_zoom.streams.registration import (
    OfRegistration,
    RegistrableDetail,
    Registrants,
    detail,
    questions,
    registrants,
)
from source_zoom.streams.sessions.answers import SessionAnswers, session_answers
from source_zoom.streams.sessions.stream import PastSessionStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import WEBINARS


class Webinars(RegistrableDetail):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}."""

    endpoint = detail("webinars/{webinar_id}", "webinar:read:webinar:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.FEATURE_OFF
    parent_stream = WebinarList
    kind = WEBINAR


class WebinarRegistrants(Registrants):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/registrants."""

    endpoint = registrants("webinars/{webinar_id}/registrants", "webinar:read:list_registrants:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF
    primary_key = ["webinar_id", "id", "occurrence_id"]
    parent_stream = Webinars


class WebinarQuestions(OfRegistration):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/registrants/questions."""

    endpoint = questions("webinars/{webinar_id}/registrants", "webinar:read:list_registration_questions:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF
    primary_key = "webinar_id"
    parent_stream = Webinars


class WebinarPanelists(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/panelists."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/panelists", RateLabel.MEDIUM, "webinar:read:list_panelists:admin", records="panelists"
    )
    plan = WEBINARS
    skips = Meaning.GONE
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList


class WebinarPolls(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/polls."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/polls", RateLabel.LIGHT, "webinar:read:list_polls:admin", records="polls"
    )
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.POLLS_OFF
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList


class WebinarTrackingSources(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}/tracking_sources."""

    endpoint = Endpoint(
        "webinars/{webinar_id}/tracking_sources",
        RateLabel.MEDIUM,
        "webinar:read:list_tracking_sources:admin",
        records="tracking_sources",
    )
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList


class WebinarAbsentees(PastSessionStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/absentees."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/absentees",
        RateLabel.HEAVY,
        "webinar:read:list_absentees:admin",
        records="registrants",
        page_size=300,
    )
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.USER_GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF
    primary_key = ["webinar_uuid", "id"]
    wants_read = ("webinar_instances",)
    kind = WEBINAR
    reads_unattended = True


class WebinarPollResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/polls."""

    endpoint = session_answers("past_webinars/{uuid}/polls", "webinar:read:list_past_polls:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.POLLS_OFF | Meaning.TOO_OLD
    kind = WEBINAR


class WebinarQnaResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/qa."""

    endpoint = session_answers("past_webinars/{uuid}/qa", "webinar:read:past_qa:admin")
    plan = WEBINARS
    skips = Meaning.GONE | Meaning.TOO_OLD
    kind = WEBINAR


STREAMS: tuple[type[ZoomStream], ...] = (
    Webinars,
    WebinarRegistrants,
    WebinarQuestions,
    WebinarPanelists,
    WebinarPolls,
    WebinarTrackingSources,
    WebinarPollResults,
    WebinarQnaResults,
    WebinarAbsentees,
)
