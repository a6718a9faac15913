"""The lists of meetings and webinars, on which the streams about single ones and those about past ones build."""

from __future__ import annotations

from source_zoom.streams.base.stream import ZoomStream
from source_zoom.streams.kind import MEETING, WEBINAR
from source_zoom.streams.registration import RegistrableList, scheduled
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import WEBINARS


class MeetingList(RegistrableList):
    """https://developers.zoom.us/docs/api/meetings/#tag/meetings/get/users/{userId}/meetings."""

    endpoint = scheduled("users/{user_id}/meetings", "meeting:read:list_meetings:admin")
    skips = Meaning.USER_GONE | Meaning.NO_HOSTING
    kind = MEETING


class WebinarList(RegistrableList):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/users/{userId}/webinars.

    The page token is not among the documented parameters; answers carry it, and the text says to send it.
    """

    endpoint = scheduled("users/{user_id}/webinars", "webinar:read:list_webinars:admin")
    plan = WEBINARS
    skips = Meaning.USER_GONE | Meaning.NO_HOSTING
    kind = WEBINAR


class WebinarOwners(WebinarList):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/users/{userId}/webinars.

    Of every user, as the past webinars of a deactivated one still exist.
    """

    follows = "every"


STREAMS: tuple[type[ZoomStream], ...] = (MeetingList, WebinarList, WebinarOwners)
