"""Answers to the polls and questions of past sessions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.sessions.stream import PastSessionStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel


def session_answers(path: str, scope: str) -> Endpoint:
    """Return the endpoint of a session's answers."""
    return Endpoint(path, RateLabel.MEDIUM, scope, records="questions", required_keys=("uuid", "id"))


class SessionAnswers(KeyedRows, PastSessionStream):
    """Answers to polls or questions: one row for each voter, in which Zoom collects what they answered."""

    row_key_field = "response_id"

    def identity(self, record: Mapping[str, Any]) -> list[Any]:
        """Return e-mail address and name; of an anonymous voter there is only the whole row."""
        if record.get("email"):
            return [record["email"], record.get("name")]
        return [record.get("name"), record.get("question_details")]
