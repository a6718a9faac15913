"""The lists of meetings and webinars, on which the streams about single ones and those about past ones build."""

from __future__ import annotations

from source_zoom.streams.registration import RegistrableList, list_keys
from source_zoom.zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.zoom.meanings import Meaning


class MeetingList(RegistrableList):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings."""

    endpoint = Endpoint(
        "users/{user_id}/meetings",
        label=RateLabel.MEDIUM,
        scopes=Scopes("meeting:read:admin", "meeting:read:list_meetings:admin"),
        records="meetings",
        page_size=300,
        params={"type": "scheduled"},
        skips=Meaning.USER_GONE | Meaning.NO_HOSTING,
    )
    string_id = "meeting_id"
    child_keys = list_keys("meeting_id")


class WebinarList(RegistrableList):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/users/{userId}/webinars.

    The page token is not among the documented parameters; answers carry it, and the text says to send it.
    """

    endpoint = Endpoint(
        "users/{user_id}/webinars",
        label=RateLabel.MEDIUM,
        scopes=Scopes("webinar:read:admin", "webinar:read:list_webinars:admin"),
        records="webinars",
        page_size=300,
        params={"type": "scheduled"},
        plan="Webinars licence",
        skips=Meaning.USER_GONE | Meaning.NO_HOSTING | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    string_id = "webinar_id"
    child_keys = list_keys("webinar_id")
