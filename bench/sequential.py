"""The CDK's own loop over the pages of `bench.pages`, one after another: `python -m bench.sequential read ...`.

It stands for a connector that does no more than the CDK's example does.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import requests
from airbyte_cdk.entrypoint import launch
from airbyte_cdk.models import ConnectorSpecification
from airbyte_cdk.sources import AbstractSource
from airbyte_cdk.sources.streams import Stream
from airbyte_cdk.sources.streams.http import HttpStream

from bench.pages import FIRST_MEETING, PAGES


class MeetingRegistrants(HttpStream):
    """Registrants of meetings whose ids are known, in all statuses."""

    primary_key = "id"
    is_resumable = False  # else the CDK writes a state for each page

    def __init__(self, api_url: str, meetings: int) -> None:
        super().__init__()
        self._api_url = api_url
        self._meetings = meetings

    @property
    def url_base(self) -> str:
        """The address before each path."""
        return f"{self._api_url}/"

    def get_json_schema(self) -> Mapping[str, Any]:  # type: ignore[override]  # the CDK's is cached
        """Return a schema that leaves the rows as they are."""
        return {"type": "object", "properties": {}}

    def stream_slices(self, **_: Any) -> Iterable[Mapping[str, Any]]:
        """Yield each meeting with each status."""
        for number in range(self._meetings):
            for status in PAGES:
                yield {"meeting_id": FIRST_MEETING + number, "status": status}

    def path(self, *, stream_slice: Mapping[str, Any] | None = None, **_: Any) -> str:
        """Return the path of a meeting's registrants."""
        return f"meetings/{(stream_slice or {})['meeting_id']}/registrants"

    def request_params(
        self,
        stream_state: Mapping[str, Any] | None,
        stream_slice: Mapping[str, Any] | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the status and the page."""
        return {"status": (stream_slice or {})["status"], **(next_page_token or {})}

    def next_page_token(self, response: requests.Response) -> Mapping[str, Any] | None:
        """Return the token that the page names."""
        token = response.json()["next_page_token"]
        return {"next_page_token": token} if token else None

    def parse_response(self, response: requests.Response, **_: Any) -> Iterable[Mapping[str, Any]]:
        """Return the rows of a page."""
        rows: list[Mapping[str, Any]] = response.json()["registrants"]
        return rows


class Sequential(AbstractSource):
    """A source with that one stream."""

    def spec(self, logger: logging.Logger) -> ConnectorSpecification:
        """Return a specification that takes any config."""
        return ConnectorSpecification(connectionSpecification={})

    def check_connection(self, logger: logging.Logger, config: Mapping[str, Any]) -> tuple[bool, Any]:
        """Say that the server can be reached."""
        return True, None

    def streams(self, config: Mapping[str, Any]) -> list[Stream]:
        """Return the stream."""
        return [MeetingRegistrants(config["api_url"], config["meetings"])]


if __name__ == "__main__":
    launch(Sequential(), sys.argv[1:])
