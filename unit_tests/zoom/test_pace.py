from __future__ import annotations

from itertools import pairwise

import pytest

from source_zoom.zoom.pace import BACK_SECONDS, LATE_SECONDS, LEAST_PER_SECOND, SLOWED_TO, Pace


def sent(pace: Pace, count: int, now: float = 0.0) -> list[float]:
    """Send requests as soon as they may be; return when."""
    moments = []
    for _ in range(count):
        now = pace.next_turn(now)
        pace.sent(now)
        moments.append(now)
    return moments


def at_rest(ceiling: float = 10.0) -> tuple[Pace, float]:
    """Return a pace that has been at its ceiling for two seconds, and the time."""
    pace = Pace(lambda _now: ceiling)
    return pace, sent(pace, int(2 * ceiling))[-1]


def test_ceiling_holds_until_something_is_refused() -> None:
    pace, now = at_rest()

    assert pace.rate(now) == pace.rate(now + 3600) == 10


def test_ceiling_that_moves_is_followed_at_once() -> None:
    ceiling = 10.0
    pace = Pace(lambda _now: ceiling)

    ceiling = 36.0

    assert pace.rate(0) == 36


def test_refusal_slows_down_to_a_little_less_than_what_had_passed() -> None:
    pace, now = at_rest(20)

    passed = pace.refused(now, now + 0.05)

    assert passed is not None
    assert passed == pytest.approx(19, abs=1)
    assert pace.rate(now + 0.05) == pytest.approx(passed * SLOWED_TO)


def test_refusal_of_a_burst_slows_down_to_no_less_than_half() -> None:
    pace = Pace(lambda _now: 20.0)
    [_, last] = sent(pace, 2)

    assert pace.refused(last, last + 0.1) == 1
    assert pace.rate(last + 0.1) == pytest.approx(10)


def test_rate_lingers_where_it_was_refused_and_is_back_at_the_ceiling_soon() -> None:
    ceiling, left = 40.0, 16.0
    pace = Pace(lambda _now: ceiling)
    now = sent(pace, 80)[-1]
    while pace.rate(now) > left:  # others use the rest
        now = sent(pace, int(left), now)[-1]
        pace.refused(now, now)
    slowed = pace.rate(now)
    assert slowed > left / 2

    rates = [pace.rate(now + second) for second in range(20)]

    assert rates == sorted(rates)
    assert rates[3] < slowed * 1.1
    assert rates[int(BACK_SECONDS) + 7] == ceiling
    assert max(later - earlier for earlier, later in pairwise(rates)) < ceiling / 3


def test_refusals_of_what_was_sent_before_are_one_event() -> None:
    pace, now = at_rest()
    pace.refused(now, now + 1)
    slowed = pace.rate(now + 1)

    assert pace.refused(now - 0.1, now + 1) is None
    assert pace.rate(now + 1) == slowed


def test_pace_that_is_refused_again_and_again_keeps_asking() -> None:
    pace, now = at_rest()
    for _ in range(50):
        now = pace.next_turn(now)
        pace.sent(now)
        pace.refused(now, now)

    assert LEAST_PER_SECOND <= pace.rate(now) < 1
    assert pace.next_turn(now) - now <= 1 / LEAST_PER_SECOND


def test_refusal_costs_a_gap() -> None:
    pace, now = at_rest(20)

    pace.refused(now, now)

    assert pace.next_turn(now) - now == pytest.approx(1 / pace.rate(now))


def test_turn_may_be_taken_a_little_late_without_being_lost() -> None:
    pace = Pace(lambda _now: 10.0)
    first = pace.next_turn(100.0)
    late = pace.next_turn(100.1 + LATE_SECONDS / 2)

    assert (first, late) == (100.0, 100.1 + LATE_SECONDS / 2)
    assert pace.next_turn(late) == pytest.approx(100.2)


def test_turns_that_nobody_takes_are_counted() -> None:
    pace = Pace(lambda _now: 10.0)
    assert pace.unused(0.0) == 1
    sent(pace, 1)

    assert [pace.unused(now) for now in (0.0, 0.05, 0.15, 1.1)] == [0, 0, 1, 10]


def test_proof_needs_a_history_and_no_refusal() -> None:
    pace = Pace(lambda _now: 10.0)
    moments = sent(pace, 40)

    assert pace.passed(moments[10], 2.5) == 0
    assert pace.passed(moments[-1], 2.5) == pytest.approx(10, rel=0.05)
    pace.refused(moments[-1], moments[-1])
    assert pace.passed(moments[-2], 2.5) == 0


def test_nothing_is_proved_before_anything_was_sent() -> None:
    assert Pace(lambda _now: 10.0).passed(100.0, 2.5) == 0


def test_window_of_a_minute_slows_the_whole_curve() -> None:
    pace = Pace(lambda _now: 20 / 60, seconds=60.0)
    now = sent(pace, 30)[-1]
    pace.refused(now, now)
    slowed = pace.rate(now)

    assert slowed == pytest.approx(20 / 60, rel=0.1)
    assert pace.rate(now + 30) < 20 / 60 * 1.001
    assert pace.rate(now + 20 * 60) == 20 / 60
