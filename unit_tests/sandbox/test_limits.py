from collections.abc import Callable
from datetime import datetime, timezone

import pytest

from sandbox import Label, Limit
from sandbox.limits import PLANS, OtherUse, RateLimiter, parse_limit
from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]
NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc).timestamp()


def limiter(
    limits: dict[Label, Limit], *, shared_budget: bool = False, other_use: OtherUse | None = None
) -> RateLimiter:
    return RateLimiter(limits, shared_budget=shared_budget, retry_after=None, other_use=other_use)


def test_the_window_slides() -> None:
    limits = limiter({Label.LIGHT: Limit(2)})

    refused = [limits.refuse(Label.LIGHT, NOON + at) is not None for at in (0.0, 0.9, 0.95, 1.0, 1.1, 1.9)]

    assert refused == [False, False, True, False, True, False]


def test_resource_intensive_counts_by_the_minute() -> None:
    limits = limiter(dict(PLANS["pro"]))

    refused = [limits.refuse(Label.RESOURCE_INTENSIVE, NOON + second) is not None for second in range(12)]

    assert refused == [False] * 10 + [True] * 2
    assert limits.refuse(Label.RESOURCE_INTENSIVE, NOON + 60) is None


def test_a_used_up_day_lasts_until_midnight_utc() -> None:
    limits = limiter({Label.HEAVY: Limit(10, daily=2)})
    assert [limits.refuse(Label.HEAVY, NOON + second) for second in range(2)] == [None, None]

    refusal = limits.refuse(Label.HEAVY, NOON + 2)

    assert refusal is not None
    assert refusal.headers["Retry-After"] == "2026-03-02T00:00:00Z"
    assert refusal.headers["X-RateLimit-Type"] == "Daily-limit"
    assert b"maximum daily rate limit" in refusal.body
    assert limits.refuse(Label.HEAVY, NOON + 12 * 3600) is None


def test_heavy_and_resource_intensive_share_a_day_where_the_plan_says_so() -> None:
    limits = {Label.HEAVY: Limit(10, daily=2), Label.RESOURCE_INTENSIVE: Limit(10, 60.0, 2)}

    shared, apart = limiter(limits, shared_budget=True), limiter(limits)
    for one in (shared, apart):
        assert one.refuse(Label.HEAVY, NOON) is None
        assert one.refuse(Label.RESOURCE_INTENSIVE, NOON) is None

    assert shared.refuse(Label.HEAVY, NOON + 5) is not None
    assert apart.refuse(Label.HEAVY, NOON + 5) is None


def test_a_per_second_refusal_over_http(serve: Serve, clock: Clock) -> None:
    client = serve(limits={Label.MEDIUM: Limit(1)})

    first, second = client.get("/users"), client.get("/users")
    clock.now += 1
    third = client.get("/users")

    assert [first.status_code, second.status_code, third.status_code] == [200, 429, 200]
    assert second.json() == {
        "code": 429,
        "message": "You have reached the maximum per-second rate limit for this API. Try again later.",
    }
    assert second.headers["X-RateLimit-Type"] == "QPS"
    assert second.headers["X-RateLimit-Limit"] == "1"
    assert second.headers["X-RateLimit-Remaining"] == "0"
    assert "Retry-After" not in second.headers
    assert client.sandbox.counters()["refused"] == {"Medium": 1}


def test_retry_after_in_seconds_by_option(serve: Serve) -> None:
    client = serve(limits={Label.MEDIUM: Limit(1)}, retry_after=2)

    assert [client.get("/users").headers.get("Retry-After") for _ in range(2)] == [None, "2"]


def passed_by_second(limits: RateLimiter, label: Label, seconds: int) -> list[int]:
    """How many of a hundred requests a second pass."""
    return [
        sum(limits.refuse(label, NOON + second + part / 100) is None for part in range(100))
        for second in range(seconds)
    ]


def test_other_apps_take_their_share_of_each_label() -> None:
    limits = limiter({Label.LIGHT: Limit(40), Label.MEDIUM: Limit(20)}, other_use=OtherUse(75))

    assert passed_by_second(limits, Label.LIGHT, 4) == [10] * 4
    assert passed_by_second(limits, Label.MEDIUM, 4) == [5] * 4


def test_other_apps_may_come_and_go() -> None:
    limits = limiter({Label.LIGHT: Limit(40)}, other_use=OtherUse(50, on=2, off=3))

    passed = passed_by_second(limits, Label.LIGHT, 10)

    assert passed[3:5] == passed[8:] == [40, 40]
    assert passed[1] == passed[6] == 20
    # What passed in the second before a turn begins still counts, and so does that of the others when it has ended.
    assert all(20 <= count <= 40 for count in (passed[0], passed[2], passed[7]))
    assert passed[5] < 40


def test_other_use_by_the_minute() -> None:
    limits = limiter({Label.RESOURCE_INTENSIVE: Limit(10, 60.0)}, other_use=OtherUse(50))

    assert sum(limits.refuse(Label.RESOURCE_INTENSIVE, NOON + second) is None for second in range(60)) == 5


def test_other_use_is_read() -> None:
    assert OtherUse.parse("50") == OtherUse(50)
    assert OtherUse.parse("60:20/10") == OtherUse(60, on=20, off=10)


@pytest.mark.parametrize("text", ["", "half", "101", "60:20", "60:0/20", "60:20/0"])
def test_no_other_use_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not of the form"):
        OtherUse.parse(text)


def test_labels_do_not_share_a_window_and_every_answer_names_its_own(serve: Serve) -> None:
    client = serve(limits={Label.MEDIUM: Limit(1)})
    medium = client.get("/users")

    light = client.get("/meetings/1234567890")

    assert medium.headers["X-RateLimit-Category"] == "Medium"
    assert (light.headers["X-RateLimit-Category"], light.status_code) == ("Light", 404)
    assert client.get("/users").headers["X-RateLimit-Category"] == "Medium"


@pytest.mark.parametrize(
    ("text", "label", "limit"),
    [
        ("medium=20/s,daily=500", Label.MEDIUM, Limit(20, 1.0, 500)),
        ("Light=80/s", Label.LIGHT, Limit(80)),
        ("resource-intensive=10/min", Label.RESOURCE_INTENSIVE, Limit(10, 60.0)),
    ],
)
def test_limits_are_read(text: str, label: Label, limit: Limit) -> None:
    assert parse_limit(text) == (label, limit)


@pytest.mark.parametrize("text", ["medium", "medium=20", "fast=20/s", "medium=20/h"])
def test_other_limits_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not"):
        parse_limit(text)
