"""Keeps secrets out of texts that come from a server or an exception, also where they quote half of one.

The CDK masks whole secrets only (airbyte_secrets_utils.py, `filter_secrets`): the first half of a token gets through.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from airbyte_cdk.utils import airbyte_secrets_utils

LONGEST_TEXT = 65_536
"""Characters of a text that are looked at; the rest is cut off."""

SHORTEST_PART = 8
"""Characters from which on a part of a secret is masked."""

SHORTEST_DIVISIBLE = 16
"""Characters that a secret has to have for its parts to be masked: those of a shorter one may be words."""

_MASK = "****"
_PATTERNS = (
    # Credentials of an Authorization header; a word in small letters is a sentence going on ("Basic accounts ...").
    re.compile(
        r"(?i:\b(?:bearer|basic)(?:\s|%20|\+)+)(?P<value>(?![a-z]{1,24}(?![\w.~+/=-]))[\w.~+/%-]{8,}=*)", re.ASCII
    ),
    # A JSON Web Token, which begins with the base64 of '{"'.
    re.compile(r"(?P<value>eyJ[\w-]{5,}(?:\.[\w-]+)*\.?)", re.ASCII),
)


def mask(text: str) -> str:
    """Return the first `LONGEST_TEXT` characters of a text with `****` for what is, or looks like, a secret.

    Masked are the secrets that the CDK knows, parts of them, what follows `Bearer` or `Basic`, and JSON Web Tokens.
    """
    secrets = _known_secrets()
    # A secret that lies across the cut has to be seen whole.
    text = text[: LONGEST_TEXT + max(map(len, secrets), default=0)]
    masked, done = [], 0
    for begin, end in _merged([*_whole(text, secrets), *_parts(text, secrets), *_patterns(text)]):
        if begin >= LONGEST_TEXT:
            break
        masked += [text[done:begin], _MASK]
        done = end
    masked.append(text[done:LONGEST_TEXT])
    return airbyte_secrets_utils.filter_secrets("".join(masked))  # should the CDK keep its secrets elsewhere one day


def shortened(text: str, limit: int) -> str:
    """Return a text in one line of at most `limit` characters: masked first, cut after."""
    return " ".join(mask(text).split())[:limit]


def _known_secrets() -> tuple[str, ...]:
    kept: Iterable[object] = getattr(airbyte_secrets_utils, "__SECRETS_FROM_CONFIG", ())
    return tuple(dict.fromkeys(str(secret) for secret in tuple(kept) if secret))


def _whole(text: str, secrets: Iterable[str]) -> Iterator[tuple[int, int]]:
    for secret in secrets:
        begin = text.find(secret)
        while begin >= 0:
            yield begin, begin + len(secret)
            begin = text.find(secret, begin + 1)


def _parts(text: str, secrets: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """Yield where the shortest parts of secrets are; side by side they make the longest."""
    parts = _shortest_parts(secrets)
    for begin in range(len(text) - SHORTEST_PART + 1):
        if text[begin : begin + SHORTEST_PART] in parts:
            yield begin, begin + SHORTEST_PART


@lru_cache(maxsize=1)
def _shortest_parts(secrets: tuple[str, ...]) -> frozenset[str]:
    return frozenset(
        secret[begin : begin + SHORTEST_PART]
        for secret in secrets
        if len(secret) >= SHORTEST_DIVISIBLE
        for begin in range(len(secret) - SHORTEST_PART + 1)
    )


def _patterns(text: str) -> Iterator[tuple[int, int]]:
    for pattern in _PATTERNS:
        yield from (match.span("value") for match in pattern.finditer(text))


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield spans from left to right, as one where they overlap or touch."""
    current: tuple[int, int] | None = None
    for begin, end in sorted(spans):
        if current is None:
            current = begin, end
        elif begin <= current[1]:
            current = current[0], max(current[1], end)
        else:
            yield current
            current = begin, end
    if current is not None:
        yield current
