"""Gaps are merged by object, warned of once, and listed in order."""

from __future__ import annotations

from typing import Any

import pytest
from airbyte_cdk.models import FailureType, SyncMode
from jsonschema import Draft7Validator

from source_zoom.engine import Loss, SliceFailure
from source_zoom.streams import ReadGaps
from source_zoom.streams.base.gaps import Gap, GapReport, merged, warning_of
from unit_tests.fake_zoom import context


def gap(object_id: str, meaning: str = "NO_PERMISSION", **fields: Any) -> Gap:
    return Gap(**{"stream": "meetings", "object_type": "user", "object_id": object_id, "meaning": meaning, **fields})


def loss(**facts: Any) -> Loss:
    error = SliceFailure("Zoom refuses.", cause="400/200", failure_type=FailureType.config_error, facts=facts)
    return Loss.of("meeting_list", error)


def test_gap_of_a_loss_has_its_facts() -> None:
    facts: dict[str, Any] = {"object_type": "user", "object_id": "u1", "meaning": "NO_PERMISSION"}
    facts |= {"http_status": 400, "zoom_code": 200}

    assert Gap.of("meetings", loss(**facts), "2026-05-10") == Gap(stream="meetings", since="2026-05-10", **facts)


def test_gap_of_a_loss_without_facts_says_so() -> None:
    assert Gap.of("meetings", loss(), "2026-05-10") == Gap(
        "meetings", "unknown", "unknown", "unknown", since="2026-05-10"
    )


@pytest.mark.parametrize(
    ("meaning", "is_fault"),
    [
        ("BROKEN", True),
        ("PACE", True),
        ("NOT_READY", True),
        ("PAGE_TOKEN", True),
        ("NO_PERMISSION", False),
        ("TOKEN", False),
        ("UNKNOWN", False),
        ("UNUSABLE", False),
        ("unknown", False),
    ],
)
def test_fault_is_what_may_pass(meaning: str, is_fault: bool) -> None:  # noqa: FBT001 - a case
    assert gap("u1", meaning).is_fault is is_fault


def test_one_gap_for_each_object_from_the_first_day_it_lacks_to_the_last() -> None:
    gaps = [
        gap("u1", "BROKEN", first_day="2026-04-01", last_day="2026-04-30", since="2026-05-02"),
        gap("u2"),
        gap("u1", "NO_PERMISSION", first_day="2026-03-01", last_day="2026-03-31", since="2026-05-01"),
        gap("u1"),
        gap("u1", object_type="host"),
    ]

    assert merged(gaps) == [
        gap("u1", "BROKEN", first_day="2026-03-01", last_day="2026-04-30", since="2026-05-01"),
        gap("u2"),
        gap("u1", object_type="host"),
    ]


def test_warning_counts_by_kind_names_the_first_five_and_the_remedy_of_most() -> None:
    gaps = [gap(f"u{number}") for number in range(6)] + [gap("u9", "BROKEN")]

    assert warning_of("meetings", gaps) == (
        "Stream meetings lacks what could not be read: 6 x user (NO_PERMISSION), 1 x user (BROKEN): u0, u1, u2, u3, u4 "
        "and others. Give the role of the app's owner the permission, and let it see all users."
    )


def test_warning_of_what_has_no_remedy_ends_with_the_objects() -> None:
    for meaning in ("UNUSABLE", "UNKNOWN"):
        assert warning_of("meetings", [gap("u1", meaning)]).endswith(f"1 x user ({meaning}): u1.")


def test_report_has_each_object_of_each_stream_once_in_the_order_of_its_key() -> None:
    report = GapReport()
    report.add([gap("u2"), gap("u1")])
    report.add([gap("u1", "BROKEN"), gap("u1", stream="meeting_polls")])

    assert [(row["stream"], row["object_id"], row["meaning"]) for row in report.rows()] == [
        ("meeting_polls", "u1", "NO_PERMISSION"),
        ("meetings", "u1", "NO_PERMISSION"),
        ("meetings", "u2", "NO_PERMISSION"),
    ]


def test_rows_of_the_stream_fit_its_schema_and_have_its_key() -> None:
    shared = context()
    stream = ReadGaps(shared)
    shared.gaps.add([gap("u1"), gap("u2", "BROKEN", http_status=500, since="2026-05-01", first_day="2026-05-01")])

    rows = list(stream.read_records(SyncMode.full_refresh, stream_slice={}))

    validator = Draft7Validator(stream.json_schema)
    assert len(rows) == 2
    assert [error.message for row in rows for error in validator.iter_errors(row)] == []
    assert set(rows[0]) == set(stream.json_schema["properties"])
    assert all(row[name] for row in rows for name in stream.key_fields)
