import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sandbox import Fault, Label, Limit
from unit_tests.sandbox.client import Client, Clock

Serve = Callable[..., Client]


def test_requests_are_counted_by_path_label_and_answer(serve: Serve) -> None:
    client = serve(oddities=False)
    client.user_ids()
    client.get("/meetings/1234567890")
    client.get("/nothing/here")

    counted = client.sandbox.counters()

    assert counted["requests"] == 3
    assert counted["by_path"] == {"/users": 1, "/meetings/{meetingId}": 1, "(unknown)": 1}
    assert counted["by_label"] == {"Medium": 1, "Light": 1}
    assert counted["statuses"] == {"200": 1, "404": 1, "400": 1}
    assert counted["codes"] == {"404/3001": 1, "400/2300": 1}
    assert (counted["token_requests"], counted["tokens_issued"]) == (1, 1)


def test_counters_over_http_and_their_reset(serve: Serve) -> None:
    client = serve()
    client.user_ids()
    base = f"{client.sandbox.url}/_sandbox"

    told = client.session.get(f"{base}/counters", timeout=10).json()

    assert 0 < told.pop("cpu_seconds") <= time.process_time()
    assert told.items() <= client.sandbox.counters().items()
    assert client.session.post(f"{base}/reset", timeout=10).ok
    assert client.sandbox.counters()["requests"] == 0


def test_only_a_second_look_at_a_final_answer_is_a_repetition(serve: Serve, clock: Clock) -> None:
    client = serve(limits={Label.MEDIUM: Limit(1)}, faults=(Fault.parse("http-500:rate=1,path=/users"),))
    for _ in range(5):
        client.get("/users")
        clock.now += 1
    client.get("/chat/channels")
    refused = client.get("/chat/channels", page_size=20)
    clock.now += 1
    client.get("/chat/channels", page_size=20)

    counted = client.sandbox.counters()

    assert refused.status_code == 429
    assert (counted["repeated"], counted["repeated_urls"]) == (1, ["/v2/users"])


def test_the_pace_of_a_label(serve: Serve, clock: Clock) -> None:
    client = serve(limits={Label.MEDIUM: Limit(1)})
    for _ in range(3):
        client.get("/users")
        clock.now += 0.5

    pace = client.sandbox.counters()["pace"]["Medium"]

    assert (pace["requests"], pace["passed"]) == (3, 2)
    assert pace["last"] - pace["first"] == 1.0
    assert pace["passed_per_second"] == 1.0


def test_requests_by_label_and_second_since_the_first(serve: Serve, clock: Clock) -> None:
    client = serve(limits={Label.MEDIUM: Limit(2)})
    began = clock.now  # a token was asked for
    clock.now += 3.5
    for _ in range(3):
        client.get("/users")
    client.get("/meetings/1234567890")
    clock.now += 1
    client.get("/users")

    counted = client.sandbox.counters()

    assert counted["first"] == began
    assert counted["by_second"] == {"Medium": {"3": [2, 1], "4": [1, 0]}, "Light": {"3": [1, 0]}}


def test_the_peak_of_concurrency(serve: Serve) -> None:
    client = serve(latency=0.4)

    with ThreadPoolExecutor(3) as pool:
        for number in range(3):
            pool.submit(client.get, "/users", role_id=number)

    assert client.sandbox.counters()["peak_concurrency"] == 3
