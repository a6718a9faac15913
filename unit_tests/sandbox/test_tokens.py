from collections.abc import Callable
from typing import Any

import pytest
import requests

from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]


def refresh(client: Client, token: str) -> requests.Response:
    return client.request_token(grant_type="refresh_token", refresh_token=token)


def test_a_token_says_what_it_is_good_for(serve: Serve) -> None:
    body = serve(token_lifetime=1800.0).request_token().json()

    assert (body["token_type"], body["expires_in"]) == ("bearer", 1800)
    assert "user:read:list_users:admin" in body["scope"].split()


def test_wrong_secret(serve: Serve) -> None:
    client = serve()
    config = client.sandbox.config()

    response = client.session.post(config["authorization_endpoint"], auth=("who", "knows"), data={}, timeout=10)

    assert response.status_code == 400
    assert response.json() == {"reason": "Invalid client_id or client_secret", "error": "invalid_client"}


def test_wrong_account(serve: Serve) -> None:
    response = serve().request_token(grant_type="account_credentials", account_id="another")

    assert (response.status_code, response.json()) == (400, {"reason": "Bad Request", "error": "invalid_request"})


@pytest.mark.parametrize("place", ["params", "json"])
def test_the_grant_is_read_from_the_form_only(serve: Serve, place: str) -> None:
    client = serve()
    config = client.sandbox.config()
    credentials = config["credentials"]
    grant = {"grant_type": "account_credentials", "account_id": credentials["account_id"]}
    where: dict[str, Any] = {place: grant}

    response = client.session.post(
        config["authorization_endpoint"],
        auth=(credentials["client_id"], credentials["client_secret"]),
        timeout=10,
        **where,
    )

    assert response.status_code == 400
    assert response.json() == {"reason": "unsupported grant type", "error": "unsupported_grant_type"}


def test_refresh_tokens_rotate_and_the_old_one_dies(serve: Serve) -> None:
    client = serve()
    old = client.sandbox.oauth_config()["credentials"]["refresh_token"]

    first = refresh(client, old)
    again = refresh(client, old)
    second = refresh(client, first.json()["refresh_token"])

    assert first.json()["refresh_token"] not in {old, second.json()["refresh_token"]}
    assert (again.status_code, again.json()) == (400, {"reason": "Invalid Token!", "error": "invalid_grant"})
    assert second.json()["refresh_token"] == client.sandbox.refresh_token


def test_calls_need_a_token(serve: Serve) -> None:
    client = serve()

    answers = []
    for header in ("", "Bearer made-up", "Basic abc"):
        client.session.headers["Authorization"] = header
        answers.append(client.error("/users"))
    in_query = client.get("/users", access_token="abc").json()["message"]

    assert answers == [(401, 124)] * 3
    assert "not supported as query parameter" in in_query


def test_a_token_expires(serve: Serve, clock: Clock) -> None:
    client = serve(token_lifetime=3600.0)

    clock.now += 3599
    assert client.get("/users").ok
    clock.now += 1
    response = client.get("/users")

    assert (response.status_code, response.json()) == (401, {"code": 124, "message": "Access token is expired."})


@pytest.mark.parametrize(("single_token", "status"), [(False, 200), (True, 401)])
def test_whether_an_older_token_survives(serve: Serve, single_token: bool, status: int) -> None:  # noqa: FBT001
    client = serve(single_token=single_token)

    client.request_token()

    assert client.get("/users").status_code == status


@pytest.mark.parametrize("scope", ["user:read:admin", "user:read:list_users:admin"])
def test_the_classic_or_the_granular_scope_is_enough(serve: Serve, scope: str) -> None:
    assert serve(scopes=(scope,)).get("/users").ok


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_missing_scope_is_named(serve: Serve, status: int) -> None:
    client = serve(scopes=("user:read:admin",), missing_scope_status=status)

    response = client.get("/chat/channels")

    assert response.status_code == status
    assert response.json() == {
        "code": 4711,
        "message": "Invalid access token, does not contain scopes:[team_chat:read:list_channels:admin].",
    }
    assert client.sandbox.expected_keys("channels") == []
    assert len(client.sandbox.expected_keys("users")) == 4 + 1
