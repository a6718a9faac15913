"""Rows of past sessions that Zoom gives no key: one is made of what identifies them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson

from source_zoom.streams.incremental import PastSessionStream

KEY_BYTES = 16


class KeyedRows(PastSessionStream):
    """Gives each row a key that is the same on every run.

    Rows that are equal in what identifies them are told apart by their order. Declared by a subclass:
    `row_key`, the key's field, and `identity`.
    """

    row_key: ClassVar[str]

    def identity(self, record: Mapping[str, Any]) -> list[Any]:
        """Return what identifies a row and does not change when the row is completed later."""
        raise TypeError(f"{self.name} does not say what identifies a row")

    def attempt(self, stream_slice: Mapping[str, Any]) -> Callable[[Any], Mapping[str, Any]]:
        """Return what completes the rows of one pass over a session, counting equal ones from the start."""
        ordinals: Counter[bytes] = Counter()

        def complete(record: Any) -> Mapping[str, Any]:
            identity = orjson.dumps(self.identity(record))
            ordinals[identity] += 1
            numbered = f"{identity.decode()}{ordinals[identity]}".encode()
            record[self.row_key] = hashlib.blake2b(numbered, digest_size=KEY_BYTES).hexdigest()
            return self.complete(record, stream_slice)

        return complete


class SessionAnswers(KeyedRows):
    """Answers to polls or questions: one row for each voter, in which Zoom collects what they answered."""

    row_key = "response_id"

    def identity(self, record: Mapping[str, Any]) -> list[Any]:
        """Return e-mail address and name; of an anonymous voter there is only the whole row."""
        if record.get("email"):
            return [record["email"], record.get("name")]
        return [record.get("name"), record.get("question_details")]
