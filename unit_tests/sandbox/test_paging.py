from collections.abc import Callable

import pytest

from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]
DEAD = {"code": 300, "message": "The next page token is invalid or expired."}


def test_pages_join_up_to_the_whole_list(serve: Serve) -> None:
    client = serve(users=7)

    whole = client.get("/users", page_size=300).json()
    pages = list(client.rows("/users", "users", page_size=3))

    assert pages == whole["users"]
    assert len(pages) == whole["total_records"] == 7
    assert whole["next_page_token"] == ""


def test_a_page_tells_where_it_stands(serve: Serve) -> None:
    client = serve(users=7)

    first = client.get("/users", page_size=3).json()
    second = client.get("/users", page_size=3, next_page_token=first["next_page_token"]).json()

    assert (first["page_number"], first["page_count"], first["page_size"]) == (1, 3, 3)
    assert second["page_number"] == 2


def test_page_number_reads_the_same_page_as_a_token(serve: Serve) -> None:
    client = serve(users=7)

    first = client.get("/users", page_size=3).json()
    by_token = client.get("/users", page_size=3, next_page_token=first["next_page_token"]).json()
    by_number = client.get("/users", page_size=3, page_number=2).json()

    assert by_number["users"] == by_token["users"]


def test_users_are_capped_at_300_though_2000_may_be_asked_for(serve: Serve) -> None:
    client = serve(users=301, meetings=0)

    page = client.get("/users", page_size=2000).json()

    assert (len(page["users"]), page["page_size"]) == (300, 300)
    assert client.error("/users", page_size=2001) == (400, 300)


@pytest.mark.parametrize("size", ["0", "-1", "301", "many"])
def test_page_sizes_that_zoom_refuses(serve: Serve, size: str) -> None:
    client = serve()

    response = client.get(f"/users/{client.user_ids()[0]}/meetings", page_size=size)

    assert response.status_code == 400
    assert response.json()["code"] == 300
    assert response.json()["errors"] == [{"field": "page_size", "message": "Invalid field."}]


def test_channels_come_twenty_at_most_and_ten_by_default(serve: Serve) -> None:
    client = serve(channels=45)

    assert len(client.get("/chat/channels").json()["channels"]) == 10
    assert len(client.get("/chat/channels", page_size=20).json()["channels"]) == 20
    assert client.error("/chat/channels", page_size=21) == (400, 300)


def test_page_cap_shortens_every_page(serve: Serve) -> None:
    client = serve(users=7, page_cap=2)

    assert len(client.get("/users", page_size=300).json()["users"]) == 2
    assert len(client.user_ids()) == 7


def test_token_expires(serve: Serve, clock: Clock) -> None:
    client = serve(users=7, page_token_lifetime=900.0)
    token = client.get("/users", page_size=3).json()["next_page_token"]

    clock.now += 899
    assert client.get("/users", page_size=3, next_page_token=token).ok
    clock.now += 2
    response = client.get("/users", page_size=3, next_page_token=token)

    assert (response.status_code, response.json()) == (400, DEAD)


@pytest.mark.parametrize("query", [{"page_size": 2}, {"page_size": 3, "status": "inactive"}, {}])
def test_token_belongs_to_its_other_parameters(serve: Serve, query: dict[str, str]) -> None:
    client = serve(users=7)
    token = client.get("/users", page_size=3).json()["next_page_token"]

    response = client.get("/users", next_page_token=token, **query)

    assert (response.status_code, response.json()) == (400, DEAD)


@pytest.mark.parametrize("token", ["abc", "!!", "AAAA" * 8])
def test_made_up_tokens_are_refused(serve: Serve, token: str) -> None:
    assert serve().error("/users", next_page_token=token) == (400, 300)


def test_team_chat_words_a_dead_token_differently(serve: Serve) -> None:
    response = serve().get("/chat/channels", next_page_token="abc")

    assert response.json()["message"] == "The next page token is either invalid or has expired."
