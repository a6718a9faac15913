"""What an account must have for an endpoint, and how Zoom says that it lacks it."""

from __future__ import annotations

from dataclasses import dataclass

from source_zoom.zoom.meanings import NOTHING, Meaning


@dataclass(frozen=True)
class Plan:
    """A plan, licence or permission.

    :param name: as the documents for users name it
    :param lacking: meanings of the answers that say that the account, or the host, lacks it; streams skip them
    """

    name: str = ""
    lacking: Meaning = NOTHING


ANY = Plan()
PRO = Plan("Pro plan", Meaning.NO_PLAN)
WEBINARS = Plan("Webinars licence", Meaning.NO_LICENCE | Meaning.NO_PLAN)
PHONE = Plan("Zoom Phone licence", Meaning.NO_PHONE)
ARCHIVING = Plan("Meeting and Webinar Archiving, enabled by Zoom support")
PRO_NEEDED = Plan(PRO.name)
"""The same, where its lack is no reason to skip an object: nothing could be read."""
