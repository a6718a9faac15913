"""Past webinars that no host's report lists, because nobody attended."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import pendulum
import requests

from source_zoom.engine import FeedReader, Key, Loss
from source_zoom.streams.base.context import StreamContext
from source_zoom.streams.base.datetimes import TIME_FORMAT, moment_of
from source_zoom.streams.base.failures import UNUSABLE
from source_zoom.streams.base.stream import ZoomStream, ZoomSubStream
from source_zoom.streams.lists import WebinarList
from source_zoom.streams.sessions.state import USER_PREFIX
from source_zoom.streams.windows.grid import Window
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.plans import WEBINARS

WEBINAR_TYPE = 5

LONGEST_MINUTES = 30 * 60
"""How long Zoom lets a session last; a longer plan is a mistake."""

NOBODY_CAME = "source_zoom_unattended"
"""Marks a listed session that no report has; such records do not leave the connector."""


def unattended(uuid: str, webinar_id: str, start_time: str, end_time: str) -> dict[str, Any]:
    """Return a webinar in the form of a listed session."""
    times = {"start_time": start_time, "end_time": end_time}
    return {"uuid": uuid, "id": webinar_id, "type": WEBINAR_TYPE, **times, NOBODY_CAME: True}


class UnattendedWebinars:
    """Past webinars that no host's report lists, as nobody attended: known by instance or from the history.

    :param keys: of the instances of every listed webinar; None where no stream wants such webinars
    """

    def __init__(self, keys: FeedReader | None = None) -> None:
        self._keys = keys
        self._lock = threading.Lock()
        self._rows: dict[str, dict[str, Any]] = {}
        self._reported: set[str] = set()
        self._instances: dict[str, list[dict[str, Any]]] = {}
        """As sessions, by webinar and by user."""
        self._unusable: list[Loss] = []

    @property
    def are_wanted(self) -> bool:
        """Whether a stream wants such webinars."""
        return self._keys is not None

    @property
    def are_known(self) -> bool:
        """Whether the instances are all there, so that `load` waits for nothing."""
        return self._keys is None or self._keys.is_complete

    @property
    def losses(self) -> list[Loss]:
        """What the instances lack, known once they were loaded."""
        return [*(self._keys.losses if self._keys is not None else ()), *self._unusable]

    @property
    def read(self) -> int:
        """How many webinars and users have instances; known once they were loaded."""
        return len(self._instances)

    def instances_of(self, name: str) -> list[dict[str, Any]]:
        """Return the instances of a webinar, or of all webinars of a user, that no report lists, as sessions.

        They are known once they were loaded, and all hosts listed.
        """
        with self._lock:
            return [row for row in self._instances.get(name, ()) if row["uuid"] not in self._reported]

    def load(self, now: pendulum.DateTime) -> None:
        """Read the keys to their end.

        :raises SliceFailure: if an instance is or could be missing, and it is not known of which webinar
        """
        for uuid, webinar_id, host_id, start_time, minutes in self._keys or ():
            start = moment_of(start_time)
            if start is None:
                # Whether it is over is not known.
                facts = {"object_type": "webinar", "object_id": str(webinar_id), "meaning": UNUSABLE}
                message = f"An instance of webinar {webinar_id} has no start time."
                self._unusable.append(Loss("webinar_instances", UNUSABLE, message, again=False, facts=facts))
            elif start <= now:
                # When it ended is not said; it was planned to last so long.
                lasted = minutes if isinstance(minutes, int) and 0 <= minutes <= LONGEST_MINUTES else 0
                end = min(start.add(minutes=lasted), now)
                times = (moment.in_timezone("UTC").format(TIME_FORMAT) for moment in (start, end))
                row = {**unattended(str(uuid), str(webinar_id), *times), "host_id": str(host_id)}
                for name in (str(webinar_id), f"{USER_PREFIX}{host_id}"):
                    self._instances.setdefault(name, []).append(row)
                with self._lock:
                    # The history knows better when it ended.
                    self._rows[row["uuid"]] = {**row, **self._rows.get(row["uuid"], {}), "host_id": row["host_id"]}

    def add(self, host: str, webinars: Iterable[dict[str, Any]]) -> None:
        """Add webinars of a host from the history, if any stream wants them; an instance knows better who that is."""
        if self.are_wanted:
            with self._lock:
                for row in webinars:
                    known = self._rows.get(row["uuid"], {"host_id": host})
                    self._rows[row["uuid"]] = {**row, "host_id": known["host_id"]}

    def note_reported(self, uuid: str) -> None:
        """Note that a report lists a webinar."""
        if self.are_wanted:
            with self._lock:
                self._reported.add(uuid)

    def of(self, window: Window) -> list[dict[str, Any]]:
        """Return the webinars that began in a window and that no report lists."""
        with self._lock:
            rows = [row for uuid, row in self._rows.items() if uuid not in self._reported]
        return [row for row in rows if _began_in(row, window)]


def _began_in(row: Mapping[str, Any], window: Window) -> bool:
    day = str(row["start_time"])[:10]
    return window.first.to_date_string() <= day <= window.last.to_date_string()


class RefusedBefore:
    """Webinars whose instances Zoom refused in an earlier sync.

    `resting` are those of them that this sync does not ask for.
    """

    def __init__(self) -> None:
        self.webinars: set[str] = set()
        self.resting: set[str] = set()


class WebinarInstances(ZoomSubStream):
    """https://developers.zoom.us/docs/api/meetings/#tag/webinars/get/past_webinars/{webinarId}/instances.

    Knows webinars that nobody attended, which no report lists.
    """

    internal = True
    endpoint = Endpoint(
        "past_webinars/{webinar_id}/instances",
        RateLabel.LIGHT,
        "webinar:read:list_past_instances:admin",
        records="webinars",
    )
    plan = WEBINARS
    skips = Meaning.GONE
    primary_key = "uuid"
    parent_stream = WebinarList
    child_keys = {"uuid": "uuid", "webinar_id": "webinar_id", "host_id": "host_id", "start": "", "duration": ""}

    def __init__(self, context: StreamContext, parent: ZoomStream) -> None:
        super().__init__(context, parent)
        self._resting: list[Mapping[str, Any]] = []
        self._was_let_in = False
        self._refused_before = context.shared(RefusedBefore)

    def slices_of(self, parent_key: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
        """Yield a webinar, but for one that was refused before and is not among those asked again."""
        if parent_key["webinar_id"] in self._refused_before.resting:
            self._resting.append(parent_key)
        else:
            yield parent_key

    def late_slices(self) -> Iterable[Mapping[str, Any] | None]:
        """Yield the other webinars that were refused before, if one of those asked again was answered."""
        if not self._was_let_in:
            return ()
        self._refused_before.resting.clear()
        return self._resting

    def counts_refusal(self, verdict: Verdict, stream_slice: Mapping[str, Any]) -> bool:
        """Return whether a refusal is news."""
        return stream_slice["webinar_id"] not in self._refused_before.webinars

    def parse_response(
        self,
        response: requests.Response,
        *,
        stream_state: Mapping[str, Any] | None = None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        """Return the instances, and note that a webinar which was refused before is refused no more."""
        if stream_slice and stream_slice["webinar_id"] in self._refused_before.webinars:
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
