"""Which of Zoom's answers each stream's schema has to cover."""

from dataclasses import dataclass
from pathlib import Path

from unit_tests.contract.openapi import DocumentedField, Operation, documented_fields
from unit_tests.contract.schema_tree import JsonObject, parse

REPOSITORY = Path(__file__).parents[2]
SCHEMAS_FOLDER = REPOSITORY / "source_zoom" / "schemas"
SAMPLES_FOLDER = REPOSITORY / "unit_tests" / "resource" / "http" / "response"

SCHEMA_NAMES = sorted(path.stem for path in SCHEMAS_FOLDER.glob("*.json"))


@dataclass(frozen=True)
class StreamContract:
    """The operation whose records the stream emits, others whose fields they carry too, and what the connector adds.

    `cursor_field` is that of an incremental stream. `seen` are fields that Zoom sends without documenting them: they
    stand in recorded answers, or in the schemas of the declarative connector. `withheld` are documented fields that
    are never sent: pending users have no id, and secrets are not asked for.
    """

    primary_key: frozenset[str]
    operation: Operation
    joined: tuple[Operation, ...] = ()
    own_columns: frozenset[str] = frozenset()
    cursor_field: str | None = None
    seen: frozenset[str] = frozenset()
    withheld: frozenset[str] = frozenset()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations whose documented fields the schema has to hold."""
        return (self.operation, *self.joined)

    def documented_fields(self) -> dict[str, DocumentedField]:
        """Every documented field of the stream's records that can be sent."""
        fields = documented_fields(self.operations)
        return {path: fields[path] for path in fields if path not in self.withheld}


SEEN_OF_USERS = frozenset({"language", "phone_number"})

MADE_HERE = {"read_gaps": frozenset({"stream", "object_type", "object_id"})}
"""Primary keys of the streams whose rows are not Zoom's."""


CONTRACTS = {
    "channels": StreamContract(
        primary_key=frozenset({"id"}),
        operation=Operation("team-chat", "/chat/channels", "channels"),
    ),
    "groups": StreamContract(
        primary_key=frozenset({"id"}),
        operation=Operation("users", "/groups", "groups"),
    ),
    "meeting_poll_results": StreamContract(
        primary_key=frozenset({"meeting_uuid", "response_id"}),
        operation=Operation("meetings", "/past_meetings/{meetingId}/polls", "questions"),
        own_columns=frozenset({"meeting_uuid", "response_id", "meeting_id", "host_id", "meeting_end_time"}),
        cursor_field="meeting_end_time",
        seen=frozenset({"first_name", "last_name"}),
    ),
    "meeting_polls": StreamContract(
        primary_key=frozenset({"meeting_id", "id"}),
        operation=Operation("meetings", "/meetings/{meetingId}/polls", "polls"),
        own_columns=frozenset({"meeting_id", "host_id"}),
    ),
    "meeting_questions": StreamContract(
        primary_key=frozenset({"meeting_id"}),
        operation=Operation("meetings", "/meetings/{meetingId}/registrants/questions", None),
        own_columns=frozenset({"meeting_id", "host_id"}),
    ),
    "meeting_registrants": StreamContract(
        primary_key=frozenset({"meeting_id", "id", "occurrence_id"}),
        operation=Operation("meetings", "/meetings/{meetingId}/registrants", "registrants"),
        own_columns=frozenset({"meeting_id", "occurrence_id", "host_id"}),
    ),
    "meetings": StreamContract(
        primary_key=frozenset({"uuid"}),
        operation=Operation("meetings", "/meetings/{meetingId}", None),
        joined=(Operation("meetings", "/users/{userId}/meetings", "meetings"),),
        own_columns=frozenset({"meeting_id"}),
        seen=frozenset({"settings.enable_dedicated_group_chat"}),
    ),
    "pending_users": StreamContract(
        primary_key=frozenset({"email"}),
        operation=Operation("users", "/users", "users"),
        seen=SEEN_OF_USERS,
        withheld=frozenset({"host_key", "id"}),
    ),
    "report_meeting_participants": StreamContract(
        primary_key=frozenset({"meeting_uuid", "row_id"}),
        operation=Operation("meetings", "/report/meetings/{meetingId}/participants", "participants"),
        own_columns=frozenset({"meeting_uuid", "row_id", "meeting_id", "host_id", "meeting_end_time"}),
        cursor_field="meeting_end_time",
        seen=frozenset({"attentiveness_score"}),
    ),
    "report_meetings": StreamContract(
        primary_key=frozenset({"uuid"}),
        operation=Operation("meetings", "/report/users/{userId}/meetings", "meetings"),
        joined=(Operation("meetings", "/report/meetings/{meetingId}", None),),
        own_columns=frozenset({"meeting_id", "host_id"}),
        cursor_field="end_time",
    ),
    "phone_call_elements": StreamContract(
        primary_key=frozenset({"call_element_id"}),
        operation=Operation("phone", "/phone/call_history/{callHistoryUuid}", "call_elements"),
        own_columns=frozenset({"call_history_uuid", "call_start_time"}),
        cursor_field="call_start_time",
    ),
    "phone_call_history": StreamContract(
        primary_key=frozenset({"call_history_uuid"}),
        operation=Operation("phone", "/phone/call_history", "call_history"),
        cursor_field="start_time",
    ),
    "report_operation_logs": StreamContract(
        primary_key=frozenset({"row_id"}),
        operation=Operation("meetings", "/report/operationlogs", "operation_logs"),
        own_columns=frozenset({"row_id"}),
        cursor_field="time",
    ),
    "report_webinar_participants": StreamContract(
        primary_key=frozenset({"webinar_uuid", "row_id"}),
        operation=Operation("meetings", "/report/webinars/{webinarId}/participants", "participants"),
        own_columns=frozenset({"webinar_uuid", "row_id", "webinar_id", "host_id", "webinar_end_time"}),
        cursor_field="webinar_end_time",
    ),
    "report_webinars": StreamContract(
        primary_key=frozenset({"uuid"}),
        operation=Operation("meetings", "/report/webinars/{webinarId}", None),
        joined=(Operation("meetings", "/report/users/{userId}/meetings", "meetings"),),
        own_columns=frozenset({"webinar_id", "webinar_uuid", "host_id"}),
        cursor_field="end_time",
    ),
    "users": StreamContract(
        primary_key=frozenset({"id"}),
        operation=Operation("users", "/users", "users"),
        seen=SEEN_OF_USERS,
        withheld=frozenset({"host_key"}),
    ),
    "webinar_absentees": StreamContract(
        primary_key=frozenset({"webinar_uuid", "id"}),
        operation=Operation("meetings", "/past_webinars/{webinarId}/absentees", "registrants"),
        own_columns=frozenset({"webinar_uuid", "webinar_id", "host_id", "webinar_end_time"}),
        cursor_field="webinar_end_time",
    ),
    "webinar_panelists": StreamContract(
        primary_key=frozenset({"webinar_id", "id"}),
        operation=Operation("meetings", "/webinars/{webinarId}/panelists", "panelists"),
        own_columns=frozenset({"webinar_id", "host_id"}),
    ),
    "webinar_poll_results": StreamContract(
        primary_key=frozenset({"webinar_uuid", "response_id"}),
        operation=Operation("meetings", "/past_webinars/{webinarId}/polls", "questions"),
        own_columns=frozenset({"webinar_uuid", "response_id", "webinar_id", "host_id", "webinar_end_time"}),
        cursor_field="webinar_end_time",
    ),
    "webinar_polls": StreamContract(
        primary_key=frozenset({"webinar_id", "id"}),
        operation=Operation("meetings", "/webinars/{webinarId}/polls", "polls"),
        own_columns=frozenset({"webinar_id", "host_id"}),
    ),
    "webinar_qna_results": StreamContract(
        primary_key=frozenset({"webinar_uuid", "response_id"}),
        operation=Operation("meetings", "/past_webinars/{webinarId}/qa", "questions"),
        own_columns=frozenset({"webinar_uuid", "response_id", "webinar_id", "host_id", "webinar_end_time"}),
        cursor_field="webinar_end_time",
    ),
    "webinar_questions": StreamContract(
        primary_key=frozenset({"webinar_id"}),
        operation=Operation("meetings", "/webinars/{webinarId}/registrants/questions", None),
        own_columns=frozenset({"webinar_id", "host_id"}),
    ),
    "webinar_registrants": StreamContract(
        primary_key=frozenset({"webinar_id", "id", "occurrence_id"}),
        operation=Operation("meetings", "/webinars/{webinarId}/registrants", "registrants"),
        own_columns=frozenset({"webinar_id", "occurrence_id", "host_id"}),
        seen=frozenset({"participant_pin_code"}),
    ),
    "webinar_tracking_sources": StreamContract(
        primary_key=frozenset({"webinar_id", "id"}),
        operation=Operation("meetings", "/webinars/{webinarId}/tracking_sources", "tracking_sources"),
        own_columns=frozenset({"webinar_id", "host_id"}),
    ),
    "webinars": StreamContract(
        primary_key=frozenset({"uuid"}),
        operation=Operation("meetings", "/webinars/{webinarId}", None),
        joined=(Operation("meetings", "/users/{userId}/webinars", "webinars"),),
        own_columns=frozenset({"webinar_id"}),
    ),
}

STREAM_NAMES = sorted(set(SCHEMA_NAMES) - MADE_HERE.keys())
"""Streams whose rows are Zoom's."""


def primary_key(stream: str) -> frozenset[str]:
    """The primary key of a stream, whoever makes its rows."""
    return MADE_HERE.get(stream) or CONTRACTS[stream].primary_key


def own_columns(stream: str) -> frozenset[str]:
    """What the connector adds to Zoom's rows."""
    return CONTRACTS[stream].own_columns if stream in CONTRACTS else frozenset()


def sample(stream: str) -> JsonObject:
    """The body of the stream's sample answer."""
    return parse((SAMPLES_FOLDER / f"{stream}.json").read_text(encoding="utf-8"))
