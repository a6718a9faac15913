"""What Zoom says where it refuses, and where it was seen: the sources of the tests about meanings."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import requests

from source_zoom.zoom.endpoint import Endpoint
from unit_tests.contract.openapi import DOCUMENTS_FOLDER, SHARED_FOLDER
from unit_tests.fake_zoom import API, response

NOTES = SHARED_FOLDER / "zoom-api.md"


@dataclass(frozen=True)
class Said:
    """A refusal of Zoom's.

    :param source: path of the operation that documents it, else who has seen it
    """

    status: int
    code: int | None
    text: str
    source: str

    def __str__(self) -> str:
        return f"{self.status}/{self.code} {self.text[:30]}"

    @property
    def is_documented(self) -> bool:
        """Whether an operation is said to document it."""
        return self.source.startswith("/")

    def answer(self, url: str = f"{API}/meetings/1/polls") -> requests.Response:
        """The refusal as Zoom sends it."""
        body = {"code": self.code, "message": self.text}
        sent = {key: value for key, value in body.items() if value not in (None, "")}
        return response(self.status, sent or b"", url=url)

    def is_true(self) -> bool:
        """Whether the documents name it for its operation, or the notes for whoever has seen it."""
        if not self.is_documented:
            return self.text in notes() and self.source in notes()
        return any(code in (self.code, None) and self.text in text for code, text in refusals(self.source, self.status))


def path_of(endpoint: Endpoint) -> str:
    """Path of an endpoint as `refusals` takes it."""
    return "/" + _nameless(endpoint.path)


@cache
def notes() -> str:
    """The notes about Zoom's API."""
    return NOTES.read_text(encoding="utf-8")


@cache
def refusals(path: str, status: int) -> tuple[tuple[int | None, str], ...]:
    """Codes and texts that the documents name for a `GET` and an HTTP status."""
    for document in sorted(DOCUMENTS_FOLDER.glob("*.json")):
        for documented, item in _paths(document).items():
            if "get" in item and _nameless(documented) == _nameless(path):
                answers = item["get"]["responses"]
                if str(status) in answers:
                    return tuple(_coded(answers[str(status)].get("description", "")))
    return ()


@cache
def _paths(document: Path) -> dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]]:
    paths: dict[str, dict[str, dict[str, dict[str, dict[str, str]]]]] = json.loads(
        document.read_text(encoding="utf-8")
    ).get("paths", {})
    return paths


def _coded(description: str) -> Iterator[tuple[int | None, str]]:
    text = " ".join(re.sub(r"<br>", " ", description).split())
    before, *coded = re.split(r"\*\*Error Code:\*\* `(\d+)`", text)
    yield None, before
    for code, said in zip(coded[::2], coded[1::2], strict=True):
        yield int(code), said.strip()


def _nameless(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)
