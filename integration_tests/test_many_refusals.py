"""Refusals that last cost a sync little, however many they are; a role that may see nothing of a kind is told so."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pendulum
import pytest

from integration_tests.refusals import GAPS, NEIGHBOUR, NOON, Account, Read, laboratory

HOST_REPORT = "/report/users/{userId}/meetings"
PARTICIPANTS = "/report/meetings/{meetingId}/participants"

HOSTS = 2_800
REFUSED_HOSTS = 2_000
"""At least so many of the hosts are refused."""
SHARES = (2, 3, 5, 23)
"""Every second host, every third of the rest, and so on."""
FIRST_DAY = "2026-02-10"

MOST_ASKED_AGAIN = 20
LARGEST_STATE = 200_000
"""Bytes: twenty for each host's name of twenty-two characters would be forty thousand, and a destination takes it."""


class Time:
    """A time that the sandbox and the connector share."""

    def __init__(self) -> None:
        self.moment = NOON

    def __call__(self) -> float:
        return self.moment.timestamp()

    def now(self) -> pendulum.DateTime:
        return self.moment


@pytest.fixture
def moment() -> Iterator[Time]:
    time = Time()
    with laboratory(time.now):
        yield time


def state_bytes(read: Read) -> int:
    return max(len(json.dumps(message)) for message in read.state)


def test_thousands_of_refused_hosts_cost_twenty_requests_a_sync_and_are_read_once_zoom_answers(
    moment: Time, record_property: Callable[[str, object], None]
) -> None:
    streams = ("report_meetings", GAPS)
    settings = {"users": HOSTS, "meetings": 0, "webinars": 0, "sessions_per_host": 1, "participants": (2, 2)}
    with Account(moment, **settings, report_delay_seconds=0.0) as account:
        whole = account.read(streams, start_date=FIRST_DAY)
        assert whole.errors == {}
        healthy = account.read(streams, whole.state, start_date=FIRST_DAY)
        hosts = {str(row["host_id"]) for row in whole.output.records("report_meetings")}

        for share in SHARES:
            account.sandbox.refuse(path=HOST_REPORT, of=share, answer="no-permission")
        reads = [account.read(streams, start_date=FIRST_DAY)]
        refused = {gap["object_id"] for gap in reads[0].gaps}
        assert len(refused) >= REFUSED_HOSTS
        assert reads[0].errors == {}
        others = {key: row for key, row in whole.rows("report_meetings").items() if row["host_id"] not in refused}
        assert others
        assert reads[0].rows("report_meetings") == others

        asked: list[int] = []
        for _ in range(3):
            moment.moment += timedelta(hours=1)
            reads.append(account.read(streams, reads[-1].state, start_date=FIRST_DAY))
            asked.append(reads[-1].requests - healthy.requests)
            assert reads[-1].errors == {}
            assert {gap["object_id"] for gap in reads[-1].gaps} == refused
            assert state_bytes(reads[-1]) < LARGEST_STATE
        assert max(asked) <= MOST_ASKED_AGAIN

        account.sandbox.allow()
        for _ in range(2):
            reads.append(account.read(streams, reads[-1].state, start_date=FIRST_DAY))
        union: dict[str, object] = {}
        for read in reads:
            union |= read.rows("report_meetings")
        assert union == whole.rows("report_meetings")
        assert reads[-1].gaps == []
        figures = f"{len(hosts):,} hosts, {len(refused):,} refused: {asked} requests more in the next syncs, states of "
        record_property("figures", figures + f"{[state_bytes(read) for read in reads]} bytes")


def test_role_that_may_read_no_participants_is_one_config_error_after_ten_refusals(moment: Time) -> None:
    streams = ("report_meeting_participants", "report_meetings", NEIGHBOUR, GAPS)
    with Account(moment, users=12, sessions_per_host=10) as account:
        healthy = account.healthy(streams)
        account.sandbox.refuse(path=PARTICIPANTS, answer="no-permission")
        first = account.read(streams)
        assert first.errors == {"report_meeting_participants": "config_error"}
        assert first.exit_code == 1
        [error] = first.output.errors("report_meeting_participants")
        assert "No permission." in error["message"]
        assert "role" in error["message"]
        assert first.gaps == []
        [fault] = account.sandbox.faults()
        assert fault["hits"] <= 10
        for stream in ("report_meetings", NEIGHBOUR):
            assert first.rows(stream) == healthy.first.rows(stream)

        second = account.read(streams, first.state)
        assert second.errors == {"report_meeting_participants": "config_error"}
        [fault] = account.sandbox.faults()
        assert fault["hits"] <= 2 * 10

        account.sandbox.allow()
        third = account.read(streams, second.state)
        assert third.errors == {}
        assert third.rows("report_meeting_participants") == healthy.first.rows("report_meeting_participants")
