"""What a complete and exact connector delivers of webinars as they were scheduled."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from sandbox.areas.webinars import (
    PANELISTS,
    TRACKING_SOURCES,
    WEBINAR_DETAIL,
    WEBINAR_POLLS,
    WEBINAR_QUESTIONS,
    WEBINAR_REGISTRANTS,
)
from sandbox.expected_reports import Access, Pair, Row
from sandbox.faults import WEBINAR_LIST
from sandbox.world import World
from sandbox.world.meetings import Meeting
from sandbox.world.webinars import panelist_rows, tracking_source_rows

WEBINAR_KEYS: dict[str, tuple[str, ...]] = {
    "webinars": ("uuid",),
    "webinar_registrants": ("webinar_id", "id", "occurrence_id"),
    "webinar_questions": ("webinar_id",),
    "webinar_panelists": ("webinar_id", "id"),
    "webinar_polls": ("webinar_id", "id"),
    "webinar_tracking_sources": ("webinar_id", "id"),
}


def listed_webinars(world: World, access: Access) -> Iterator[Meeting]:
    """Yield each webinar that a readable list shows, once, but those that are gone."""
    if not access.reaches("/users", "/v2/users"):
        return
    for number in world.users("active"):
        user = world.user(number)
        if world.has_webinar_license(user) and access.reaches(WEBINAR_LIST, f"/v2/users/{user.id}/webinars", number):
            for webinar in dict.fromkeys(world.listed_webinars(user)):
                if not world.is_webinar_gone(webinar):
                    yield world.webinar(webinar)


def registrant_pairs(world: World, meeting: Meeting, column: str, *, with_each: bool) -> Iterator[Pair]:
    """Yield the registrants of a meeting or webinar, whose id goes to ``column``; without an occurrence that is "".

    Where people register for each occurrence, those of each as well if ``with_each``: its detail names them.
    """
    for occurrence_id, status, numbers, occurrence in world.registrants(meeting).lists():
        if occurrence and not (with_each and world.lists_registrants_of(occurrence)):
            continue
        added = {column: str(meeting.id), "occurrence_id": occurrence_id}
        for number in numbers:
            key = (added[column], world.registrant_id(meeting, number), occurrence_id)
            yield key, partial(_registrant_row, world, meeting, number, status, added)


def _registrant_row(world: World, meeting: Meeting, number: int, status: str, added: Row) -> Row:
    return {**world.registrant_row(meeting, number, status), **added}


@dataclass(frozen=True)
class ExpectedWebinars:
    """Rows by stream; each method yields the keys with the rows."""

    world: World
    access: Access

    @property
    def streams(self) -> dict[str, Callable[[], Iterator[Pair]]]:
        """What yields the rows of each stream."""
        return {
            "webinars": self._webinars,
            "webinar_registrants": self._registrants,
            "webinar_questions": self._questions,
            "webinar_panelists": self._panelists,
            "webinar_polls": self._polls,
            "webinar_tracking_sources": self._tracking_sources,
        }

    def _reached(self, template: str) -> Iterator[Meeting]:
        for webinar in listed_webinars(self.world, self.access):
            if self.access.reaches(template, f"/v2{template.format(webinarId=webinar.id)}"):
                yield webinar

    def _webinars(self) -> Iterator[Pair]:
        for webinar in self._reached(WEBINAR_DETAIL):
            yield (webinar.uuid,), lambda webinar=webinar: self._webinar_row(webinar)  # type: ignore[misc]

    def _webinar_row(self, webinar: Meeting) -> Row:
        return {**self.world.webinar_detail_row(webinar, show_previous=True), "webinar_id": str(webinar.id)}

    def _registrants(self) -> Iterator[Pair]:
        for webinar in self._reached(WEBINAR_REGISTRANTS):
            with_each = self.access.reaches(WEBINAR_DETAIL, f"/v2/webinars/{webinar.id}")
            yield from registrant_pairs(self.world, webinar, "webinar_id", with_each=with_each)

    def _questions(self) -> Iterator[Pair]:
        for webinar in self._reached(WEBINAR_QUESTIONS):
            if webinar.has_registration:
                row = {**self.world.questions_row(webinar), "webinar_id": str(webinar.id)}
                yield (row["webinar_id"],), lambda row=row: row  # type: ignore[misc]

    def _panelists(self) -> Iterator[Pair]:
        for webinar in self._reached(PANELISTS):
            yield from _identified(webinar, panelist_rows(self.world.seed, webinar))

    def _polls(self) -> Iterator[Pair]:
        for webinar in self._reached(WEBINAR_POLLS):
            if not self.world.polls_off(webinar):
                yield from _identified(webinar, self.world.poll_rows(webinar) or [])

    def _tracking_sources(self) -> Iterator[Pair]:
        for webinar in self._reached(TRACKING_SOURCES):
            registrants = self.world.registrants(webinar).total
            yield from _identified(webinar, tracking_source_rows(self.world.seed, webinar, registrants))


def _identified(webinar: Meeting, rows: list[Row]) -> Iterator[Pair]:
    for part in rows:
        row = {**part, "webinar_id": str(webinar.id)}
        yield (row["webinar_id"], row["id"]), lambda row=row: row  # type: ignore[misc]
