from __future__ import annotations

import base64
import string
import time
from collections.abc import Iterator

import pytest
from airbyte_cdk.utils import airbyte_secrets_utils
from airbyte_cdk.utils.airbyte_secrets_utils import add_to_secrets, update_secrets
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from source_zoom.zoom.masking import LONGEST_TEXT, mask, shortened

TOKEN = "".join(chr(65 + number % 26) + str(number) for number in range(300))
JWT = "eyJhbGciOiJIUzUxMiJ9.eyJhdWQiOiJodHRwczovL29hdXRoLnpvb20udXMifQ.c2lnbmF0dXJl-_x"
BASIC = base64.b64encode(b"client:secret-of-the-app").decode()


@pytest.fixture(autouse=True)
def known() -> Iterator[None]:
    """One token that the CDK knows, and a short secret."""
    before = list(vars(airbyte_secrets_utils)["__SECRETS_FROM_CONFIG"])
    update_secrets([TOKEN, "s3cr3t"])
    yield
    update_secrets(before)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nothing to hide", "nothing to hide"),
        ("", ""),
        (f"token {TOKEN} is refused", "token **** is refused"),
        (f"token {TOKEN[:293]}", "token ****"),
        (f"token '{TOKEN[40:48]}' and '{TOKEN[100:]}'", "token '****' and '****'"),
        (TOKEN[40:47], TOKEN[40:47]),
        (f"{TOKEN}{TOKEN}", "****"),
        ("my s3cr3t, s3cr3ts3cr3t", "my ****, ****"),
        ("s3cr3", "s3cr3"),
        ("Authorization: Bearer abcDEF123-._~+/x==;", "Authorization: Bearer ****;"),
        (f'{{"authorization": "basic {BASIC}"}}', '{"authorization": "basic ****"}'),
        (f"Basic%20{BASIC}", "Basic%20****"),
        (f"Bearer {'t' * 40}", "Bearer ****"),
        ("Basic accounts may not. bearer credential, required", "Basic accounts may not. bearer credential, required"),
        (f"invalid token {JWT}.", "invalid token ****"),
        (f"invalid token {JWT[:30]} or {JWT[21:50]}", "invalid token **** or ****"),
    ],
)
def test_what_is_masked(text: str, expected: str) -> None:
    assert mask(text) == expected


def test_a_secret_that_became_known_later_is_masked() -> None:
    later = "a-new-refresh-token-of-zoom"
    assert mask(later) == later

    add_to_secrets(later)

    assert mask(f"{later[:10]} {later}") == "**** ****"


def test_secrets_that_are_not_strings_are_masked() -> None:
    update_secrets([1234567890123456, None, ""])  # type: ignore[list-item]

    assert mask("code 1234567890123456, 234567890") == "code ****, ****"


@pytest.mark.parametrize("secret", [TOKEN, "s3cr3t"])
def test_a_secret_across_the_border_is_masked(secret: str) -> None:
    for shown in (1, len(secret) // 2, len(secret) - 1, len(secret)):
        before = "-" * (LONGEST_TEXT - shown)
        assert mask(before + secret + "-" * 100) == before + "****"


def test_a_long_text_is_cut_and_masked_quickly() -> None:
    text = f"{TOKEN[5:50]} Bearer {'x' * 50} eyJ eyJ... " * 2000
    started = time.process_time()

    masked = mask(text)

    assert time.process_time() - started < 2
    assert TOKEN[5:13] not in masked
    assert len(mask("x" * 10**6)) == LONGEST_TEXT


def test_a_text_is_masked_before_it_is_cut() -> None:
    text = f"The header\n 'Authorization:   Bearer {TOKEN}' \t was refused"

    assert shortened(text, 300) == "The header 'Authorization: Bearer ****' was refused"
    for limit in range(0, 60, 3):
        assert len(shortened(text, limit)) <= limit
        assert not parts(TOKEN) & parts(shortened(text, limit))


def parts(text: str) -> set[str]:
    return {text[begin : begin + 8] for begin in range(len(text) - 7)}


letters = string.ascii_letters + string.digits + "-._~+/="


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_no_eight_characters_of_a_token_survive(data: st.DataObject) -> None:
    tokens = data.draw(st.lists(st.text(letters, min_size=16, max_size=60), min_size=1, max_size=3))
    update_secrets(list(tokens))
    pieces = st.one_of(
        st.text(max_size=10),
        st.sampled_from(tokens).flatmap(lambda token: st.integers(0, len(token)).map(lambda at: token[at:])),
        st.sampled_from(tokens).flatmap(lambda token: st.integers(0, len(token)).map(lambda at: token[:at])),
        st.sampled_from(["Bearer ", "Basic ", "eyJ", " "]),
    )
    text = "".join(data.draw(st.lists(pieces, max_size=8)))

    masked = mask(text)

    assert not parts(masked) & set().union(*map(parts, tokens))
