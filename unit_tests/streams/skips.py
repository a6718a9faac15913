"""For each endpoint and each meaning it skips, an answer of Zoom's that means it there, with its source.

Where Zoom documents the answer for a neighbour only, the neighbour's path is the source.
"""

from __future__ import annotations

from collections.abc import Mapping

from source_zoom.streams import ZoomStream
from source_zoom.zoom.meanings import Meaning
from unit_tests.said import Said

# Said of the operation itself, or of its neighbours

NO_HOSTING = Said(
    400,
    3161,
    "Meeting hosting and scheduling capabilities are not allowed for your user account.",
    "/users/{userId}/meetings",
)
NO_PLAN = Said(400, 200, "Only available for paid account: {accountId}", "/past_meetings/{meetingId}/participants")
NO_PHONE = Said(403, 2031, "Zoom Phone has not been enabled for this account.", "/phone/settings")
NO_LICENCE = Said(
    400,
    200,
    "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for this user in order to "
    "perform this action.",
    "/users/{userId}/webinars",
)
NO_LICENCE_OF_PAST = Said(
    200,
    200,
    "Webinar plan subscription is missing. Enable webinar for this user once the subscription is added:{userId}.",
    "/past_webinars/{webinarId}/absentees",
)
LACKING = {Meaning.NO_PLAN: NO_PLAN, Meaning.NO_LICENCE: NO_LICENCE_OF_PAST}
"""What Zoom says of a plan that lacks, where it does not say so of the operation itself."""

NO_ACCESS = Said(400, 3000, "Cannot access webinar info.", "/meetings/{meetingId}")
REGISTRATION_OFF = Said(
    400,
    3000,
    "Registration has not been enabled for this webinar: {webinarId}.",
    "/webinars/{webinarId}/registrants/questions",
)
TOO_OLD = Said(400, 12702, "Can not access a meeting a year ago.", "/past_meetings/{meetingId}/polls")
MEETING_GONE = Said(404, 3001, "Meeting does not exist: {meetingId}.", "/meetings/{meetingId}")

CODE_3000 = "Registration off → code 3000 (tap-zoom ignores it)"
"""What the notes say of registration questions; the text of that answer is not known."""


def _own(path: str, said: Said) -> Said:
    return Said(said.status, said.code, said.text, path)


def _of_webinar(path: str) -> dict[Meaning, Said]:
    return {
        Meaning.GONE: Said(404, 3001, "Webinar does not exist: {webinarId}.", path),
        Meaning.NO_LICENCE: _own(path, NO_LICENCE),
    }


def _of_past_webinar(path: str) -> dict[Meaning, Said]:
    return {
        Meaning.GONE: Said(404, 3001, "Webinar ID is invalid or not end.", path),
        Meaning.TOO_OLD: TOO_OLD,
    }


SKIPS: Mapping[str, Mapping[Meaning, Said]] = {
    "groups": {Meaning.NO_PLAN: Said(400, 200, "Only available for Paid account.", "/groups")},
    "phone/call_history": {Meaning.NO_PHONE: NO_PHONE},
    "phone/call_history/{call_history_uuid}": {Meaning.NO_PHONE: NO_PHONE},
    "users/{user_id}/meetings": {
        Meaning.USER_GONE: Said(404, 1001, "User does not exist: {userId}.", "/users/{userId}/meetings"),
        Meaning.NO_HOSTING: NO_HOSTING,
    },
    "meetings/{meeting_id}": {
        Meaning.GONE: MEETING_GONE,
        Meaning.FEATURE_OFF: NO_ACCESS,
        Meaning.NO_HOSTING: Said(
            400,
            3161,
            "Your user account is not allowed meeting hosting and scheduling capabilities.",
            "/meetings/{meetingId}",
        ),
    },
    "meetings/{meeting_id}/registrants": {
        Meaning.GONE: _own("/meetings/{meetingId}/registrants", MEETING_GONE),
        Meaning.FEATURE_OFF: Said(400, 300, "Cannot access webinar info.", "/meetings/{meetingId}/registrants"),
        Meaning.NO_HOSTING: _own("/meetings/{meetingId}/registrants", NO_HOSTING),
        Meaning.NO_REGISTRATION: Said(400, 300, "This meeting has not registration required", "ZoomNet"),
    },
    "meetings/{meeting_id}/registrants/questions": {
        Meaning.GONE: _own("/meetings/{meetingId}/registrants/questions", MEETING_GONE),
        Meaning.NO_HOSTING: _own("/meetings/{meetingId}/registrants/questions", NO_HOSTING),
        Meaning.NO_REGISTRATION: REGISTRATION_OFF,
        Meaning.FEATURE_OFF: Said(400, 3000, "", CODE_3000),
    },
    "meetings/{meeting_id}/polls": {
        Meaning.POLLS_OFF: Said(400, 4400, "Meeting polls disabled.", "/meetings/{meetingId}/polls"),
        Meaning.NO_HOSTING: _own("/meetings/{meetingId}/polls", NO_HOSTING),
        Meaning.GONE: MEETING_GONE,
    },
    "past_meetings/{uuid}/polls": {
        Meaning.TOO_OLD: TOO_OLD,
        Meaning.GONE: Said(
            404, 3001, "Meeting does not exist: {meetingId}.", "/past_meetings/{meetingId}/participants"
        ),
        Meaning.POLLS_OFF: Said(400, 4400, "Meeting polls disabled.", "/meetings/{meetingId}/polls"),
    },
    "users/{user_id}/webinars": {
        Meaning.USER_GONE: Said(404, 1001, "User does not exist: {userId}.", "/users/{userId}/webinars"),
        Meaning.NO_LICENCE: NO_LICENCE,
        Meaning.NO_HOSTING: NO_HOSTING,
    },
    "webinars/{webinar_id}": {
        Meaning.GONE: Said(400, 300, "Invalid webinar ID.", "/webinars/{webinarId}"),
        Meaning.NO_LICENCE: Said(
            400,
            200,
            "Webinar plan is missing. You must subscribe to the webinar plan and enable webinars for user {userId} to "
            "perform this action.",
            "/webinars/{webinarId}",
        ),
        Meaning.FEATURE_OFF: NO_ACCESS,
    },
    "webinars/{webinar_id}/registrants": {
        **_of_webinar("/webinars/{webinarId}/registrants"),
        Meaning.NO_REGISTRATION: REGISTRATION_OFF,
        Meaning.FEATURE_OFF: Said(400, 300, "Cannot access webinar info.", "/meetings/{meetingId}/registrants"),
    },
    "webinars/{webinar_id}/registrants/questions": {
        **_of_webinar("/webinars/{webinarId}/registrants/questions"),
        Meaning.NO_REGISTRATION: REGISTRATION_OFF,
        Meaning.FEATURE_OFF: Said(400, 3000, "", CODE_3000),
    },
    "webinars/{webinar_id}/panelists": _of_webinar("/webinars/{webinarId}/panelists"),
    "webinars/{webinar_id}/polls": {
        **_of_webinar("/webinars/{webinarId}/polls"),
        Meaning.POLLS_OFF: Said(400, 4400, "Webinar polls disabled.", "/webinars/{webinarId}/polls"),
    },
    "webinars/{webinar_id}/tracking_sources": {
        **_of_webinar("/webinars/{webinarId}/tracking_sources"),
        Meaning.NO_REGISTRATION: REGISTRATION_OFF,
        Meaning.FEATURE_OFF: NO_ACCESS,
    },
    "past_webinars/{webinar_id}/instances": {
        Meaning.GONE: Said(400, 300, "Invalid webinar ID.", "/past_webinars/{webinarId}/instances"),
    },
    "report/users/{user_id}/meetings": {
        Meaning.USER_GONE: Said(
            404, 1001, "User {userId} not exist or not belong to this account.", "/report/users/{userId}/meetings"
        ),
        Meaning.NO_HOSTING: NO_HOSTING,
    },
    "report/meetings/{uuid}": {
        Meaning.GONE: Said(404, 3001, "Meeting {meetingId} not found or has expired.", "/report/meetings/{meetingId}"),
        Meaning.USER_GONE: Said(404, 1001, "User does not exist.", "/report/meetings/{meetingId}"),
        Meaning.TOO_OLD: Said(400, 12702, "Can not access meeting a year ago.", "/report/meetings/{meetingId}"),
        Meaning.NO_PLAN: Said(200, 200, "This is only available for paid account.", "/report/meetings/{meetingId}"),
    },
    "report/meetings/{uuid}/participants": {
        Meaning.GONE: Said(
            404, 3001, "Meeting {MeetingId} not found or has expired.", "/report/meetings/{meetingId}/participants"
        ),
        Meaning.USER_GONE: Said(
            400, 1010, "User does not belong to this account:{accountId}.", "/report/meetings/{meetingId}/participants"
        ),
        Meaning.TOO_OLD: Said(
            400, 12702, "Can not access meeting a year ago.", "/report/meetings/{meetingId}/participants"
        ),
        Meaning.NO_PLAN: Said(
            200,
            200,
            "Only available for Paid or ZMP account: {accountId}.",
            "/report/meetings/{meetingId}/participants",
        ),
    },
    "report/webinars/{uuid}": {
        Meaning.GONE: Said(404, 3001, "Meeting {meetingId} not found or has expired.", "/report/webinars/{webinarId}"),
        Meaning.USER_GONE: Said(
            400, 1010, "User does not belong to this account:{accountId}.", "/report/webinars/{webinarId}"
        ),
        Meaning.TOO_OLD: Said(400, 12702, "Can not access a webinar a year ago.", "/report/webinars/{webinarId}"),
        Meaning.NO_PLAN: Said(
            200, 200, "This is only available for paid account:{accountId}.", "/report/webinars/{webinarId}"
        ),
    },
    "report/webinars/{uuid}/participants": {
        Meaning.GONE: Said(
            404, 3001, 'Webinar "{webinarId}" not found or has expired', "/report/webinars/{webinarId}/participants"
        ),
        Meaning.USER_GONE: Said(
            400, 1010, "User does not belong to this account: {accountId}", "/report/webinars/{webinarId}/participants"
        ),
        Meaning.TOO_OLD: Said(
            400, 12702, "Can not access a webinar a year ago.", "/report/webinars/{webinarId}/participants"
        ),
        Meaning.NO_PLAN: Said(
            200,
            200,
            "Only available for Paid or ZMP account: {accountId}.",
            "/report/webinars/{webinarId}/participants",
        ),
    },
    "past_webinars/{uuid}/absentees": {
        Meaning.GONE: Said(
            404, 3001, "Webinar {webinarUUID} not found or expired.", "/past_webinars/{webinarId}/absentees"
        ),
        Meaning.USER_GONE: Said(
            400, 1010, "User does not belong to this account: {accountId}.", "/past_webinars/{webinarId}/absentees"
        ),
        Meaning.NO_REGISTRATION: Said(
            400,
            3000,
            "This webinar doesn't have registration required: {webinarUUID}.",
            "/past_webinars/{webinarId}/absentees",
        ),
        Meaning.FEATURE_OFF: NO_ACCESS,
    },
    "past_webinars/{uuid}/polls": {
        **_of_past_webinar("/past_webinars/{webinarId}/polls"),
        Meaning.POLLS_OFF: Said(400, 4400, "Webinar polls disabled.", "/webinars/{webinarId}/polls"),
    },
    "past_webinars/{uuid}/qa": _of_past_webinar("/past_webinars/{webinarId}/qa"),
}
"""By the path of the endpoint, besides what a plan lacks."""


def sources(cls: type[ZoomStream]) -> dict[Meaning, Said]:
    """Return the answer that each meaning skipped by a stream is known from."""
    lacking = {meaning: said for meaning, said in LACKING.items() if meaning in cls.plan.lacking}
    return {**lacking, **SKIPS.get(cls.endpoint.path, {})}
