"""Streams of Zoom's Webinars API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import requests
from airbyte_cdk.sources.message import MessageRepository

from source_zoom.answers import Verdict
from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.engine import Key
from source_zoom.meanings import Meaning
from source_zoom.session_state import ASKED_AGAIN
from source_zoom.streams.base import StreamContext, ZoomStream, ZoomSubStream
from source_zoom.streams.incremental import WEBINAR, PastSessionStream, SessionCursor
from source_zoom.streams.past_sessions import PastSessions
from source_zoom.streams.registration import (
    STATUSES,
    OfRegistration,
    RegistrableDetail,
    Registrants,
    registration_keys,
)
from source_zoom.streams.results import SessionAnswers
from source_zoom.streams.webinar_list import WEBINAR_SCOPES, WebinarList


class Webinars(RegistrableDetail):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/webinars/{webinarId}."""

    endpoint = Endpoint(
        "webinars/{webinar_id}",
        label=RateLabel.LIGHT,
        scopes=WEBINAR_SCOPES,
        marks=("uuid",),
        params={"show_previous_occurrences": "true"},
        needs="Webinars licence",
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
        needs="Webinars licence",
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
        marks=("questions", "custom_questions"),
        needs="Webinars licence",
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
        needs="Webinars licence",
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
        needs="Webinars licence",
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
        needs="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_REGISTRATION | Meaning.FEATURE_OFF | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_id", "id"]
    parent_stream = WebinarList
    carries = ("webinar_id", "host_id")


class WebinarInstances(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/instances.

    Knows webinars that nobody attended, which no report lists.
    """

    internal = True
    endpoint = Endpoint(
        "past_webinars/{webinar_id}/instances",
        label=RateLabel.LIGHT,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_past_instances:admin"),
        records="webinars",
        needs="Webinars licence",
        skips=Meaning.GONE | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = "uuid"
    parent_stream = WebinarList
    child_keys = {"uuid": "uuid", "webinar_id": "webinar_id", "host_id": "host_id", "start": "", "duration": ""}

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._resting: list[Mapping[str, Any]] = []
        self._was_let_in = False

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield a webinar, but for one that was refused before and is not among those asked again."""
        if parent_key["webinar_id"] in self.context.resting_webinars:
            self._resting.append(parent_key)
        else:
            yield parent_key

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield the other webinars that were refused before, if one of those asked again was answered."""
        if not self._was_let_in:
            return ()
        self.context.resting_webinars.clear()
        return self._resting

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal is news."""
        return stream_slice["webinar_id"] not in self.context.refused_webinars

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Return the instances, and note that one who was refused before is not any more."""
        if stream_slice and stream_slice["webinar_id"] in self.context.refused_webinars:
            self._was_let_in = True
        return super().parse_response(response, stream_slice=stream_slice)

    def child_key(self, record: Mapping[str, Any], stream_slice: Mapping[str, Any]) -> Key:
        """Return the instance with what is known of its webinar."""
        return (
            record["uuid"],
            stream_slice["webinar_id"],
            stream_slice["host_id"],
            record.get("start_time"),
            stream_slice["duration"],
        )


class WebinarAbsentees(PastSessionStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/absentees."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/absentees",
        label=RateLabel.HEAVY,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_absentees:admin"),
        records="registrants",
        page_size=300,
        needs="Webinars licence",
        skips=Meaning.GONE
        | Meaning.USER_GONE
        | Meaning.NO_REGISTRATION
        | Meaning.FEATURE_OFF
        | Meaning.NO_LICENCE
        | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "id"]
    cursor_field = "webinar_end_time"
    parent_stream = PastSessions
    also_needs = ("webinar_instances",)
    kind = WEBINAR
    reads_unreported = True

    def keep_books(self, blob: Mapping[str, Any], repository: MessageRepository, *, incremental: bool) -> SessionCursor:
        """Return the cursor of a sync; of the webinars whose instances were refused, a few are asked for again."""
        book = super().keep_books(blob, repository, incremental=incremental)
        refused = book.unknown_webinars()
        self.context.refused_webinars.update(refused)
        self.context.resting_webinars.update(refused[ASKED_AGAIN:])
        return book


class WebinarPollResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/polls."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/polls",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_past_polls:admin"),
        records="questions",
        marks=("uuid", "id"),
        needs="Webinars licence",
        skips=Meaning.GONE | Meaning.POLLS_OFF | Meaning.TOO_OLD | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "response_id"]
    cursor_field = "webinar_end_time"
    parent_stream = PastSessions
    kind = WEBINAR


class WebinarQnaResults(SessionAnswers):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/qa."""

    endpoint = Endpoint(
        "past_webinars/{uuid}/qa",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:past_qa:admin"),
        records="questions",
        marks=("uuid", "id"),
        needs="Webinars licence",
        skips=Meaning.GONE | Meaning.TOO_OLD | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    primary_key = ["webinar_uuid", "response_id"]
    cursor_field = "webinar_end_time"
    parent_stream = PastSessions
    kind = WEBINAR
