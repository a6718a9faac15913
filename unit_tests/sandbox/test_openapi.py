"""Answers have the shape that Zoom publishes."""

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any
from urllib.parse import quote

import pytest
from jsonschema import Draft7Validator

from sandbox.areas import ROUTES
from sandbox.areas.past import INSTANCES
from sandbox.faults import WEBINAR_LIST
from sandbox.routing import Route
from unit_tests.contract.openapi import DOCUMENTS_FOLDER, needs_documents
from unit_tests.contract.schema_tree import without_alternatives
from unit_tests.sandbox.client import MONTHS, WEEKS, Client

ARCHIVES = "/archive_files"
DOCUMENTS = ("users.json", "meetings.json", "team-chat.json", "phone.json")

Serve = Callable[..., Client]
Schema = dict[str, Any]

NOT_SHOWN = {f".recurrence.{name}" for name in ("monthly_day", "monthly_week", "monthly_week_day")}
"""The sandbox's recurring meetings are weekly."""
ENDING = (".call_logs", ".call_path", ".caller_acconut_code", ".id")
"""What Zoom Phone is about to leave out, and what beside a call's elements is not in the list of calls."""

pytestmark = needs_documents


@cache
def operation(template: str) -> Schema:
    for name in DOCUMENTS:
        text = (DOCUMENTS_FOLDER / name).read_text(encoding="utf-8")
        paths = json.loads(text, object_hook=without_alternatives)["paths"]
        if template in paths:
            found: Schema = paths[template]["get"]
            return found
    raise LookupError(template)


def closed(schema: Any) -> Any:
    """Return the schema with the parts of allOf merged and no property allowed that it does not name."""
    if not isinstance(schema, dict):
        return schema
    merged = {name: part for name, part in schema.items() if name != "allOf"}
    for part in map(closed, schema.get("allOf", ())):
        merged["properties"] = {**merged.get("properties", {}), **part.get("properties", {})}
        merged["required"] = merged.get("required", []) + part.get("required", [])
    if "properties" in merged:
        merged["properties"] = {name: closed(part) for name, part in merged["properties"].items()}
        merged["additionalProperties"] = False
    if "items" in merged:
        merged["items"] = closed(merged["items"])
    return merged


def published(schema: Schema, where: str = "") -> Iterator[str]:
    """Yield the path of every property in the schema."""
    yield from published(schema["items"], where) if "items" in schema else ()
    for name, part in schema.get("properties", {}).items():
        yield f"{where}.{name}"
        yield from published(part, f"{where}.{name}")


def answered(value: Any, where: str = "") -> Iterator[str]:
    """Yield the path of every property in the answers."""
    if isinstance(value, list):
        for part in value:
            yield from answered(part, where)
    if isinstance(value, dict):
        for name, part in value.items():
            yield f"{where}.{name}"
            yield from answered(part, f"{where}.{name}")


def paths(client: Client, template: str) -> Iterator[str]:
    if template.startswith("/phone"):
        calls = client.sandbox.expected_keys("phone_call_history")
        uuids = (quote(quote(str(uuid), safe=""), safe="") for (uuid,) in calls)
        days = (f"{template}?from={first}&to={last}" for first, last in MONTHS)
        yield from (template.format(callHistoryUuid=uuid) for uuid in uuids) if "{" in template else days
    elif template == ARCHIVES:
        yield from (f"{template}?from={first}&to={last}&query_date_type=archive_complete_time" for first, last in WEEKS)
    elif template.startswith(("/report", "/past")):
        yield from session_paths(client, template)
    elif "{userId}" in template:
        yield from (template.format(userId=user) for user in client.user_ids())
    elif "{meetingId}" in template:
        yield from (template.format(meetingId=meeting) for meeting in client.meeting_ids())
    elif "{webinarId}" in template:
        yield from (template.format(webinarId=webinar) for webinar in client.webinar_ids())
    else:
        yield template
        yield from (f"{template}?status=pending&include_fields={name}" for name in ("custom_attributes", "host_key"))


def session_paths(client: Client, template: str) -> Iterator[str]:
    if template == INSTANCES:
        yield from (template.format(webinarId=webinar) for webinar in client.webinar_ids())
        return
    if "{meetingId}" in template or "{webinarId}" in template:
        stream = "report_meetings" if "{meetingId}" in template else "report_webinars"
        uuids = [quote(quote(str(key[0]), safe=""), safe="") for key in client.sandbox.expected_keys(stream)]
        paths = (template.format(meetingId=uuid, webinarId=uuid) for uuid in uuids)
        yield from (f"{path}?include_fields=registrant_id" for path in paths)
        return
    users = client.user_ids() if "{userId}" in template else [""]
    for user in users:
        yield from (f"{template.format(userId=user)}?from={first}&to={last}" for first, last in MONTHS)
    if users[0]:
        first, last = MONTHS[-1]
        yield f"{template.format(userId=users[0])}?from={first}&to={last}&type=pastJoined"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_answers_fit_the_published_schema(serve: Serve, route: Route) -> None:
    client = serve(users=15, registrants=(8, 20))
    content = operation(route.template)["responses"]["200"]["content"]["application/json"]
    schema = closed(content["schema"])
    validator = Draft7Validator(schema)
    answers = [client.get(path, show_previous_occurrences="true") for path in paths(client, route.template)]

    bodies = [answer.json() for answer in answers if answer.ok and "code" not in answer.json()]

    assert {error.message for body in bodies for error in validator.iter_errors(body)} == set()
    missing = set(published(schema)) - set(answered(bodies))
    assert {
        one for one in missing if not (route.label.name.startswith("PHONE") and one.startswith(ENDING))
    } <= NOT_SHOWN


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_routes_declare_what_is_published(route: Route) -> None:
    page = operation(route.template)
    queries = {one["name"]: one["schema"] for one in page.get("parameters", ()) if one["in"] == "query"}
    paging = {"page_size", "page_number", "next_page_token"}

    assert route.operation == page["operationId"]
    assert {parameter.name for parameter in route.parameters} == set(queries) - paging
    assert bool(route.paging) == ("next_page_token" in queries or route.template == WEBINAR_LIST)
    if route.paging:
        assert route.paging.maximum == queries["page_size"].get("maximum", 300)
        assert route.paging.default == queries["page_size"].get("default", 30)
    extensions = page["x-extensions"]
    assert route.classic_scope in extensions["x-macro-scopes"]
    assert route.granular_scope in extensions["x-granular-scopes"]


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation)
def test_routes_carry_the_published_rate_label(route: Route) -> None:
    description = operation(route.template)["description"]

    assert f"`{route.label.category.upper()}`" in description.upper()
    assert route.label.name.startswith("PHONE") == route.template.startswith("/phone/")
