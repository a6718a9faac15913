"""When refusals of single objects are a refusal of all, and how many are asked for until that is known."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from source_zoom.zoom.probation import FEWEST_HOSTS, MOST_REFUSED, Probation

THREADS = 32


def refuse(probation: Probation, count: int, cause: str = "NO_PERMISSION 400/200", host: str = "h{}") -> list[bool]:
    return [probation.refuse(cause, host.format(number)) for number in range(count)]


class Zoom:
    """Answers requests of many threads when it is told to, and counts those under way."""

    def __init__(self, probation: Probation) -> None:
        self.probation = probation
        self.changed = threading.Condition()
        self.under_way = 0
        self.asked = 0
        self.most = 0
        self._answers = 0

    def ask(self, number: int, take: Callable[[int], None]) -> None:
        """Be an object that is asked for: wait for a turn, then for an answer."""
        with self.probation.turn():
            with self.changed:
                self.under_way += 1
                self.asked += 1
                self.most = max(self.most, self.under_way)
                self.changed.notify_all()
                assert self.changed.wait_for(lambda: self._answers > 0, 20)
                self._answers -= 1
                self.under_way -= 1
            take(number)

    def answer(self, count: int) -> None:
        with self.changed:
            self._answers += count
            self.changed.notify_all()

    def wait_for(self, asked: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: self.asked >= asked, 20), f"{self.asked} were asked for"


def test_ten_alike_and_none_accepted_are_a_refusal_of_all() -> None:
    probation = Probation()

    assert refuse(probation, MOST_REFUSED) == [False] * (MOST_REFUSED - 1) + [True]
    assert probation.is_failed


def test_one_accepted_says_that_refusals_are_of_single_objects() -> None:
    probation = Probation()

    probation.accept()

    assert not any(refuse(probation, 10 * MOST_REFUSED))
    assert not probation.is_failed


def test_an_answer_that_comes_later_counts_too() -> None:
    probation = Probation()
    refuse(probation, MOST_REFUSED)

    probation.accept()

    assert not probation.is_failed
    assert not any(refuse(probation, 1))


def test_refusals_that_differ_are_no_refusal_of_all() -> None:
    probation = Probation()

    refuse(probation, 1, cause="TOKEN 401")

    assert not any(refuse(probation, 10 * MOST_REFUSED))
    assert not probation.is_failed


@pytest.mark.parametrize(("hosts", "is_failed"), [(FEWEST_HOSTS - 1, False), (FEWEST_HOSTS, True)])
def test_fewer_objects_are_enough_at_the_end_if_they_are_of_five_hosts(hosts: int, *, is_failed: bool) -> None:
    probation = Probation()

    # Some may still be accepted, so that nothing is said before the end.
    assert not any(refuse(probation, hosts))
    assert probation.is_failed is is_failed


def test_objects_of_one_host_are_that_host_s_until_there_are_ten() -> None:
    probation = Probation()

    refuse(probation, MOST_REFUSED - 1, host="ann")
    assert not probation.is_failed

    refuse(probation, 1, host="ann")
    assert probation.is_failed


def test_nothing_asked_for_is_nothing_refused() -> None:
    assert not Probation().is_failed


def test_no_more_than_ten_are_under_way_until_one_is_accepted() -> None:
    probation = Probation()
    zoom = Zoom(probation)
    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(zoom.ask, number, lambda _: probation.accept()) for number in range(THREADS)]
        zoom.wait_for(MOST_REFUSED)
        most_before = zoom.most
        zoom.answer(1)
        zoom.wait_for(THREADS)  # the one that was accepted has let all others go
        zoom.answer(THREADS)
        for future in futures:
            future.result(20)

    assert most_before == MOST_REFUSED
    assert zoom.most == THREADS - 1


def test_no_more_than_ten_are_under_way_or_refused_while_none_is_accepted() -> None:
    probation = Probation()
    zoom = Zoom(probation)
    verdicts: list[bool] = []
    at_once: list[int] = []

    def take(number: int) -> None:
        verdicts.append(probation.refuse("NO_PERMISSION 400/200", f"h{number}"))
        at_once.append(zoom.under_way + len(verdicts))

    with ThreadPoolExecutor(THREADS) as pool:
        futures = [pool.submit(zoom.ask, number, take) for number in range(MOST_REFUSED + 5)]
        zoom.answer(MOST_REFUSED + 5)
        for future in futures:
            future.result(20)

    assert zoom.most <= MOST_REFUSED
    assert all(count <= max(MOST_REFUSED, position + 2) for position, count in enumerate(at_once))
    # Those who waited are asked for one after another, until the stream is told to end.
    assert verdicts == [False] * (MOST_REFUSED - 1) + [True] * 6


def test_a_request_that_fails_gives_its_turn_back() -> None:
    probation = Probation()
    error = ConnectionError("cut")

    for _ in range(3 * MOST_REFUSED):
        with pytest.raises(ConnectionError), probation.turn():
            raise error

    with probation.turn():
        pass


def test_refused_objects_take_turns_one_by_one_rather_than_wait_for_ever() -> None:
    probation = Probation()
    refuse(probation, MOST_REFUSED)

    with probation.turn():
        waiting = threading.Event()
        done = threading.Event()

        def ask() -> None:
            waiting.set()
            with probation.turn():
                done.set()

        thread = threading.Thread(target=ask)
        thread.start()
        assert waiting.wait(10)
        assert not done.wait(0.05)
    thread.join(10)
    assert done.is_set()


def test_ten_refusals_of_one_host_are_that_hosts_and_an_answer_of_nothing_speaks_for_the_others() -> None:
    of_one, spared = Probation(), Probation()
    spared.spare()

    assert not any(of_one.refuse("NO_PERMISSION 400/200", "ann") for _ in range(MOST_REFUSED))
    assert of_one.refuse("NO_PERMISSION 400/200", "bob")
    assert not any(spared.refuse("NO_PERMISSION 400/200", str(number)) for number in range(2 * MOST_REFUSED))
    assert not spared.is_failed
