"""What happened to a stream decides over its status, and over what the platform does with the sync."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from airbyte_cdk.models import FailureType, SyncMode

from source_zoom.engine import Loss, Outcome, SliceFailure, StreamStopped
from source_zoom.judge import MOST_FAULTS, Judge
from source_zoom.streams import PastSessionStream, StreamContext, ZoomStream, build_all
from source_zoom.streams.base.datetimes import TIME_FORMAT
from source_zoom.streams.base.failures import REFUSED
from source_zoom.streams.sessions.state import Session
from source_zoom.streams.windows.cursor import cause_of
from source_zoom.zoom.answers import Verdict
from source_zoom.zoom.meanings import Meaning
from source_zoom.zoom.probation import FEWEST_HOSTS, MOST_REFUSED
from unit_tests.fake_zoom import context

FULL, INCREMENTAL = SyncMode.full_refresh, SyncMode.incremental
CONFIG, TRANSIENT = FailureType.config_error, FailureType.transient_error
FAULT: dict[str, Any] = {"meaning": "BROKEN", "http_status": 500, "again": True}
REFUSAL: dict[str, Any] = {"meaning": "NO_PERMISSION", "http_status": 400, "zoom_code": 200, "again": False}


def failure(
    object_id: str = "u1",
    *,
    of: type[SliceFailure] = SliceFailure,
    kind: str = "",
    again: bool = False,
    object_type: str = "user",
    **facts: Any,
) -> SliceFailure:
    return of(
        f"GET said {facts['meaning']}.",
        cause=kind or facts["meaning"],
        failure_type=TRANSIENT if again else CONFIG,
        again=again,
        facts={"object_type": object_type, "object_id": object_id, **facts},
    )


def losses(count: int, *, stream: str = "meetings", object_type: str = "user", **facts: Any) -> list[Loss]:
    return [
        Loss.of(stream, failure(f"{object_type}{number}", object_type=object_type, **facts)) for number in range(count)
    ]


def outcome(
    *,
    read: int = 100,
    lost: Iterable[Loss] = (),
    inherited: Iterable[Loss] = (),
    stopped: SliceFailure | None = None,
    parent: Outcome | None = None,
) -> Outcome:
    made = Outcome()
    made.read = read
    made.losses, made.inherited = list(lost), list(inherited)
    made.stopped, made.parent = stopped, parent
    return made


class Court:
    """A judge of one stream, and what was said."""

    def __init__(self, name: str, mode: SyncMode, caplog: pytest.LogCaptureFixture, **config: Any) -> None:
        self.context: StreamContext = context(**config)
        streams = build_all(self.context)
        stream = streams[name]
        assert isinstance(stream, ZoomStream)
        self.stream = stream
        if isinstance(stream, PastSessionStream):
            stream.make_cursor({}, _NoRepository(), incremental=mode is INCREMENTAL)  # type: ignore[arg-type]
        self._judge = Judge(self.context, streams, {name: mode})
        self._caplog = caplog

    def judge(self, judged: Outcome) -> SliceFailure | None:
        return self._judge(self.stream, judged)

    @property
    def warnings(self) -> list[str]:
        return [record.message for record in self._caplog.records if record.levelname == "WARNING"]

    @property
    def gaps(self) -> list[tuple[str, str]]:
        return [(row["object_type"], row["object_id"]) for row in self.context.gaps.rows()]


class _NoRepository:
    def emit_message(self, message: object) -> None:
        pass


def is_complete_with_gaps(court: Court, judged: Outcome, count: int) -> bool:
    error = court.judge(judged)
    [warning] = court.warnings
    assert warning.endswith("The stream read_gaps lists them.")
    return error is None and len(court.gaps) == count


# Nothing happened


@pytest.mark.parametrize(("name", "mode"), [("meetings", FULL), ("report_meetings", INCREMENTAL)])
def test_stream_that_was_read_is_complete_and_nothing_is_said(
    name: str, mode: SyncMode, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court(name, mode, caplog)

    assert court.judge(outcome()) is None
    assert court.warnings == []
    assert court.gaps == []


# Single objects


@pytest.mark.parametrize(
    ("name", "mode"), [("meetings", FULL), ("report_meetings", FULL), ("report_meetings", INCREMENTAL)]
)
@pytest.mark.parametrize("count", [1, 50])
def test_refused_objects_are_gaps_however_many(
    name: str, mode: SyncMode, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court(name, mode, caplog)

    assert is_complete_with_gaps(court, outcome(lost=losses(count, **REFUSAL)), count)


@pytest.mark.parametrize("where", ["lost", "inherited"])
@pytest.mark.parametrize("count", [1, MOST_FAULTS])
def test_few_objects_at_fault_leave_a_full_refresh_complete(
    where: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court("meetings", FULL, caplog)

    assert is_complete_with_gaps(court, outcome(**{where: losses(count, **FAULT)}), count)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["meetings", "report_meetings"])
@pytest.mark.parametrize("where", ["lost", "inherited"])
def test_more_objects_at_fault_leave_a_full_refresh_incomplete_with_the_first_cause(
    name: str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court(name, FULL, caplog)

    error = court.judge(outcome(**{where: losses(MOST_FAULTS + 1, **FAULT)}))  # type: ignore[arg-type]

    assert error is not None
    assert error.failure_type is TRANSIENT
    assert str(error).endswith("user3. The next sync asks again. GET said BROKEN.")
    assert court.warnings == []  # the error says it
    assert len(court.gaps) == MOST_FAULTS + 1


def test_host_who_is_at_fault_in_many_windows_is_one_object(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("report_meetings", FULL, caplog)
    host = [Loss.of("past_sessions", failure("h1", object_type="host", **FAULT)) for _ in range(7)]

    assert is_complete_with_gaps(court, outcome(inherited=host), 1)


def test_refused_objects_do_not_count_as_faults(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("meetings", FULL, caplog)
    lost = [*losses(MOST_FAULTS, **FAULT), *losses(20, object_type="meeting", **REFUSAL)]

    assert is_complete_with_gaps(court, outcome(lost=lost), MOST_FAULTS + 20)


def test_what_the_state_holds_counts_in_a_full_refresh(caplog: pytest.LogCaptureFixture) -> None:
    """Webinars whose instances are at fault are no loss of the stream's own slices."""
    court = Court("webinar_absentees", FULL, caplog)
    assert isinstance(court.stream, PastSessionStream)
    for number in range(MOST_FAULTS + 1):
        court.stream.session_cursor.note_unknown(str(number), cause_of(failure(**FAULT)))

    error = court.judge(outcome())

    assert error is not None
    assert error.failure_type is TRANSIENT


@pytest.mark.parametrize("count", [1, MOST_FAULTS + 1, 100])
def test_objects_at_fault_leave_an_incremental_stream_complete_while_most_were_read(
    count: int, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court("report_meetings", INCREMENTAL, caplog)

    assert is_complete_with_gaps(court, outcome(read=count, lost=losses(count, **FAULT)), count)


def test_few_objects_at_fault_leave_an_incremental_stream_complete_even_if_there_was_nothing_else(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One session that is broken for good is all there is to read in many a sync."""
    court = Court("report_meetings", INCREMENTAL, caplog)

    assert is_complete_with_gaps(court, outcome(read=0, lost=losses(MOST_FAULTS, **FAULT)), MOST_FAULTS)


# Most of a stream, and a list of everything


@pytest.mark.parametrize("own", [True, False])
def test_most_of_a_stream_at_fault_leaves_it_incomplete(own: bool, caplog: pytest.LogCaptureFixture) -> None:  # noqa: FBT001
    court = Court("report_meetings", INCREMENTAL, caplog)
    faulty = outcome(read=9, lost=losses(10, **FAULT))

    error = court.judge(faulty if own else outcome(read=9, inherited=faulty.losses, parent=faulty))

    assert error is not None
    assert error.failure_type is TRANSIENT
    assert str(error).endswith("GET said BROKEN.")


@pytest.mark.parametrize(("name", "mode"), [("users", FULL), ("report_meetings", INCREMENTAL)])
def test_list_of_everything_at_fault_leaves_a_stream_incomplete(
    name: str, mode: SyncMode, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court(name, mode, caplog)

    error = court.judge(outcome(inherited=losses(1, stream="users", object_type="list", **FAULT)))

    assert error is not None
    assert error.failure_type is TRANSIENT


@pytest.mark.parametrize(("name", "mode"), [("meetings", FULL), ("report_meetings", INCREMENTAL)])
@pytest.mark.parametrize(
    "stop",
    [
        failure(of=StreamStopped, cause="label", meaning="BROKEN", again=True),  # a label that stopped answering
        failure(of=StreamStopped, meaning="NO_PERMISSION"),  # of a list of everything
        failure(of=StreamStopped, meaning="ACCOUNT"),
    ],
    ids=["label", "list", "account"],
)
def test_stop_is_the_streams_error_as_it_is(
    name: str, mode: SyncMode, stop: SliceFailure, caplog: pytest.LogCaptureFixture
) -> None:
    assert Court(name, mode, caplog).judge(outcome(stopped=stop)) is stop


# Scopes


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
def test_missing_scope_leaves_a_stream_incomplete_and_all_that_are_lacking_are_named(
    mode: SyncMode, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    court = Court("webinar_absentees", mode, caplog)
    granted = frozenset({"report:read:admin", "user:read:admin", "webinar:read:list_past_instances:admin"})
    monkeypatch.setattr(type(court.context.authenticator), "granted_scopes", granted)

    error = court.judge(outcome(stopped=failure(of=StreamStopped, meaning="SCOPE")))

    assert error is not None
    assert error.failure_type is CONFIG
    for scope in ("webinar:read:list_absentees:admin", "webinar:read:list_webinars:admin"):
        assert f"'{scope}'" in str(error)
    for scope in ("list_past_instances", "report:read", "user:read"):
        assert scope not in str(error)


@pytest.mark.parametrize("granted", [None, frozenset({"meeting:read:admin", "user:read:admin"})])
def test_missing_scope_of_which_the_token_does_not_tell_is_the_one_that_zoom_names(
    granted: frozenset[str] | None, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    court = Court("meetings", FULL, caplog)
    monkeypatch.setattr(type(court.context.authenticator), "granted_scopes", granted)
    stop = failure(of=StreamStopped, meaning="SCOPE")

    assert court.judge(outcome(stopped=stop)) is stop


# The role


def refuse(court: Court, count: int, hosts: int) -> list[Loss]:
    """Have objects refused alike; return the losses they are."""
    for number in range(count):
        court.stream.probation.refuse("NO_PERMISSION 400/200", f"h{number % hosts}")
    return losses(count, stream=court.stream.name, **REFUSAL)


@pytest.mark.parametrize(
    ("count", "hosts"), [(MOST_REFUSED, 1), (FEWEST_HOSTS, FEWEST_HOSTS), (MOST_REFUSED, MOST_REFUSED)]
)
def test_objects_refused_alike_and_none_accepted_are_a_refusal_of_all(
    count: int, hosts: int, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court("meeting_polls", FULL, caplog)

    error = court.judge(outcome(read=0, lost=refuse(court, count, hosts)))

    assert error is not None
    assert (error.failure_type, error.cause) == (CONFIG, REFUSED)
    assert "for all that it was asked for" in str(error)
    assert "Give the role of the app's owner the permission" in str(error)
    assert court.gaps == []


@pytest.mark.parametrize(("count", "hosts"), [(1, 1), (MOST_REFUSED - 1, FEWEST_HOSTS - 1)])
def test_fewer_refused_objects_are_gaps(count: int, hosts: int, caplog: pytest.LogCaptureFixture) -> None:
    court = Court("meeting_polls", FULL, caplog)

    assert is_complete_with_gaps(court, outcome(read=0, lost=refuse(court, count, hosts)), count)


def test_refused_objects_are_gaps_where_one_was_accepted(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("meeting_polls", FULL, caplog)
    court.stream.probation.accept()

    assert is_complete_with_gaps(court, outcome(lost=refuse(court, 50, 50)), 50)


def test_refusal_of_all_on_the_way_moves_no_watermark(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("report_meeting_participants", INCREMENTAL, caplog)
    assert isinstance(court.stream, PastSessionStream)
    before = court.stream.session_cursor.state
    ended = court.context.now.subtract(days=1).format(TIME_FORMAT)
    session = Session("a==", "ann", ended, ended, "f", meeting_id="1", type=2)
    stop = court.stream.failures.all_refused("No permission.", {"meaning": "NO_PERMISSION"})
    court.stream.session_cursor._state.fail(session, cause_of(failure(**REFUSAL)))
    assert court.stream.session_cursor.state != before

    assert court.judge(outcome(read=0, stopped=stop)) is stop
    assert court.stream.session_cursor.state == before


# The day's requests


def test_daily_quota_leaves_an_incremental_stream_complete_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("report_meetings", INCREMENTAL, caplog)

    assert court.judge(outcome(stopped=failure(of=StreamStopped, meaning="DAILY"))) is None
    assert court.warnings == ["Stream report_meetings goes on in the next sync, from its state: GET said DAILY."]


@pytest.mark.parametrize("name", ["meetings", "report_meetings"])
def test_daily_quota_leaves_a_full_refresh_incomplete_with_a_config_error(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    stop = failure(of=StreamStopped, meaning="DAILY")

    assert Court(name, FULL, caplog).judge(outcome(stopped=stop)) is stop
    assert Verdict(Meaning.DAILY, 429).failure_type is CONFIG


# The plan or licence


def skip(court: Court, count: int, meaning: Meaning) -> None:
    """Have Zoom say of objects what the account lacks."""
    for _ in range(count):
        court.stream.note_skip(Verdict(meaning, 400, 200), {})


@pytest.mark.parametrize("mode", [FULL, INCREMENTAL])
@pytest.mark.parametrize("meaning", [Meaning.NO_PLAN, Meaning.NO_LICENCE])
def test_what_the_plan_lacks_is_empty_and_complete_with_a_warning_and_moves_no_watermark(
    mode: SyncMode, meaning: Meaning, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court("webinar_poll_results", mode, caplog)
    assert isinstance(court.stream, PastSessionStream)
    before = court.stream.session_cursor.state
    skip(court, 12, meaning)

    assert court.judge(outcome(read=12)) is None
    [warning] = court.warnings
    assert warning.startswith("Stream webinar_poll_results is empty, as the account lacks what it needs")
    assert court.stream.session_cursor.state == before


def test_what_single_users_lack_is_no_matter_where_another_was_answered_for(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("webinar_poll_results", INCREMENTAL, caplog)
    skip(court, 12, Meaning.NO_LICENCE)
    court.stream.probation.accept()

    assert court.judge(outcome(read=12)) is None
    assert court.warnings == []


def test_list_that_the_plan_lacks_is_empty_and_complete(caplog: pytest.LogCaptureFixture) -> None:
    court = Court("channels", FULL, caplog)
    stop = court.stream.failures.all_refused("Only available for paid account.", {"meaning": "NO_PLAN"})

    assert court.judge(outcome(read=0, stopped=stop)) is None
    [warning] = court.warnings
    assert "Only available for paid account." in warning


# `on_gaps`


@pytest.mark.parametrize(
    ("lost", "type_"),
    [
        (losses(1, **REFUSAL), CONFIG),
        (losses(1, **FAULT), TRANSIENT),
        ([*losses(1, **FAULT), *losses(1, object_type="meeting", **REFUSAL)], CONFIG),
    ],
    ids=["refused", "at fault", "both"],
)
@pytest.mark.parametrize(("name", "mode"), [("meetings", FULL), ("report_meetings", INCREMENTAL)])
def test_with_on_gaps_fail_every_gap_leaves_its_stream_incomplete(
    name: str, mode: SyncMode, lost: list[Loss], type_: FailureType, caplog: pytest.LogCaptureFixture
) -> None:
    court = Court(name, mode, caplog, on_gaps="fail")

    error = court.judge(outcome(lost=lost))

    assert error is not None
    assert error.failure_type is type_
    assert str(error).endswith("(`on_gaps` is `fail`.)")
    assert len(court.gaps) == len(lost)


def test_with_on_gaps_fail_what_was_refused_before_and_is_not_asked_for_now_is_no_passing_fault(
    caplog: pytest.LogCaptureFixture,
) -> None:
    court = Court("webinar_absentees", INCREMENTAL, caplog, on_gaps="fail")
    assert isinstance(court.stream, PastSessionStream)
    court.stream.session_cursor.note_unknown("77", cause_of(failure(**REFUSAL)))

    error = court.judge(outcome())

    assert error is not None
    assert error.failure_type is CONFIG
