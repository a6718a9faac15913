"""The list of webinars, on which the streams about webinars and those about past ones build."""

from __future__ import annotations

from source_zoom.endpoint import Endpoint, RateLabel, Scopes
from source_zoom.meanings import Meaning
from source_zoom.streams.registration import RegistrableList, list_keys

WEBINAR_SCOPES = Scopes("webinar:read:admin", "webinar:read:webinar:admin")
"""Those of the detail."""


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
        needs="Webinars licence",
        skips=Meaning.USER_GONE | Meaning.NO_HOSTING | Meaning.NO_LICENCE | Meaning.NO_PLAN,
    )
    detail_scopes = WEBINAR_SCOPES
    string_id = "webinar_id"
    child_keys = list_keys("webinar_id")
