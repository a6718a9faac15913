"""The generator of streams, on operations that are made up here."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft7Validator

from sandbox.shaped_rows import Between, Exactly, PerDay, Shaped
from scripts import make_shapes
from scripts.make_shapes import UndocumentedError
from scripts.new_stream import AREAS, CHANGELOG, GUIDE, ROOT, SANDBOX_TABLE, area_of, edits, facts_of, to_check
from scripts.stream_facts import Facts
from source_zoom.streams import STREAMS, ZoomStream
from source_zoom.streams.account import Groups
from source_zoom.streams.base.rows import KeyedRows
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.users import OfUsers, UserWindows
from source_zoom.streams.windows.stream import WindowStream
from source_zoom.zoom.endpoint import Endpoint, RateLabel
from source_zoom.zoom.plans import ANY, PRO, WEBINARS
from unit_tests.contract.formats import CHECKER
from unit_tests.contract.openapi import needs_documents

JsonObject = dict[str, Any]

ROW: JsonObject = {
    "name": {"type": "string", "description": "Name of the [badge](https://zoom.us), shown.\n * `a` - one"},
    "id": {"type": "string", "description": "The badge's ID. It is unique.", "example": "b1"},
    "level": {"type": "integer", "enum": [1, 2, 3]},
    "made_at": {"type": "string", "format": "date-time", "example": "2026-02-03T04:05:06Z"},
    "since": {"type": "string", "example": "2026-02-03"},
    "left_at": {"type": "string", "format": "date-time", "example": "yesterday"},
    "score": {"type": "string", "example": 7},
    "places": {"type": "array", "items": {"type": "object", "properties": {"at": {"type": "string"}}}},
    "owner": {"allOf": [{"properties": {"email": {"type": "string", "format": "email"}}}]},
}
PAGED = ("page_size", {"type": "integer", "maximum": 2000, "default": 30}), ("next_page_token", {"type": "string"})
DAYS = tuple((name, {"type": "string", "format": "date"}) for name in ("from", "to"))


def operation(row: JsonObject = ROW, *, records: str = "badges", **changes: Any) -> JsonObject:
    parameters = changes.pop("parameters", PAGED)
    answer = {
        "properties": {
            "next_page_token": {"type": "string", "example": "abc"},
            "page_size": {"type": "integer", "example": 10},
            "total_records": {"type": "integer", "example": 80},
            records: {"type": "array", "items": {"type": "object", "properties": row}},
        }
    }
    refused = changes.pop("refused", "**Error Code:** `300` <br>\n The next page token is invalid or expired. <br>")
    return {
        "tags": ["Badges"],
        "summary": "List all badges",
        "operationId": "badges",
        "description": "Badges.\n\n**Prerequisites**\n* Pro or higher plan.\n\n**[Rate Limit Label](x):** `MEDIUM`",
        "parameters": [{"name": name, "in": "query", "schema": schema} for name, schema in parameters],
        "responses": {
            "200": {"content": {"application/json": {"schema": {"type": "object", "allOf": [answer]}}}},
            "400": {"description": refused},
        },
        "x-extensions": {
            "x-macro-scopes": ["badge:write:admin", "badge:read:admin"],
            "x-granular-scopes": [" badge:read:list_badges", "badge:read:list_badges:admin"],
        },
        **changes,
    }


NO_ID = {name: schema for name, schema in ROW.items() if name != "id"}
GONE = (
    "**Error Code:** `1001` <br>\n User does not exist: $userId. <br> **Error Code:** `4130` <br>\n No such badge. <br>"
)
DOCUMENTS: dict[str, dict[str, JsonObject]] = {
    "users": {
        "/badges": operation(),
        "/badges/{badgeId}": operation(),
        "/groups/{groupId}/badges": operation(refused=GONE),
        "/groups/{groupId}/badges/{badgeId}/holders": operation(),
        "/groups/{groupId}/dated_badges": operation(parameters=DAYS),
        "/users/{userId}/badges": operation(refused=GONE),
        "/users/{userId}/dated_badges": operation(parameters=DAYS),
        "/account_badges": operation(records="account_badges", tags=["Groups"]),
        "/desks/spare_badges": operation(),
        "/rooms/spare_badges": operation(),
        "/lost_badges": operation(NO_ID, parameters=()),
    },
    "meetings": {
        "/report/badges": operation(NO_ID, parameters=(("page_size", {"type": "integer"}), *DAYS), tags=["Reports"]),
        "/report/undated_badges": operation({"id": {"type": "string"}}, parameters=DAYS),
        "/report/scoped_badges": operation() | {"x-extensions": {}},
        "/report/labelled_badges": operation(description="**[Rate Limit Label](x):** `ENORMOUS`"),
        "/report/unlabelled_badges": operation(description=""),
        "/report/chosen_badges": operation() | {"parameters": [{"name": "type", "in": "query", "required": True}]},
        "/report/shapeless_badges": operation({}),
        "/report/branched_badges": operation({"id": {"oneOf": [{"type": "string"}]}}),
        "/report/one_badge": operation() | {"responses": {"204": {}}},
    },
}


def write_documents(folder: Path) -> None:
    folder.mkdir(parents=True)
    for product, paths in DOCUMENTS.items():
        page = {"paths": {path: {"get": content} for path, content in paths.items()}}
        (folder / f"{product}.json").write_text(json.dumps(page), encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def _documents(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("shared") / "zoom-openapi"
    write_documents(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scripts.make_shapes.DOCUMENTS", folder)
        patch.setattr("unit_tests.said.DOCUMENTS_FOLDER", folder)
        yield


def declared(facts: Facts, area: str = "account") -> Any:
    """The class that is written, from the module it is written to."""
    module = ModuleType("area")
    exec(compile(edits(facts, area)[AREAS / f"{area}.py"], area, "exec"), vars(module))  # noqa: S102 - what is tested
    [*others, cls] = module.STREAMS
    assert {other.__name__ for other in others} == {
        known.__name__ for known in STREAMS if known.__module__ == f"source_zoom.streams.{area}"
    }
    return cls


def schema_of(facts: Facts) -> JsonObject:
    schema: JsonObject = json.loads(edits(facts, "account")[ROOT / f"source_zoom/schemas/{facts.name}.json"])
    return schema


def line_of(facts: Facts) -> Shaped:
    """The sandbox's line."""
    written = edits(facts, "account")[SANDBOX_TABLE]
    [line] = re.findall(rf'(Shaped\("{facts.name}".*?\)),\n    \)\n', written, re.DOTALL)
    names = {"Shaped": Shaped, "Exactly": Exactly, "Between": Between, "PerDay": PerDay}
    made = eval(line, names)  # noqa: S307 - likewise
    assert isinstance(made, Shaped)
    return made


# Kinds


def test_list_is_declared_as_documented() -> None:
    cls = declared(facts_of("badges"))

    assert cls.__bases__ == (ZoomStream,)
    assert cls.__doc__ == "https://developers.zoom.us/docs/api/users/#tag/badges/get/badges."
    assert cls.endpoint == Endpoint(
        "badges", RateLabel.MEDIUM, "badge:read:list_badges:admin", records="badges", page_size=300
    )
    assert (cls.plan, cls.primary_key) == (PRO, "id")
    assert not cls.skips


def test_classic_scope_is_named_where_it_does_not_follow() -> None:
    facts = facts_of("badges")
    scopes = {"x-granular-scopes": ["badge:read:list:admin"], "x-macro-scopes": ["pin:read:admin"]}
    facts.operation["x-extensions"] = scopes

    assert declared(facts).endpoint.classic == "pin:read:admin"


def test_child_is_read_from_its_parent_which_gets_a_key_for_it() -> None:
    facts = facts_of("group_badges", parent="groups")
    cls = declared(facts)

    assert issubclass(cls, ZoomSubStream)
    assert cls.endpoint.path == "groups/{group_id}/badges"
    assert cls.primary_key == ["group_id", "id"]
    assert cls.parent_stream.__name__ == "Groups"
    assert cls.parent_stream.child_keys == {"group_id": "id"}
    assert Groups.child_keys == {}
    assert list(schema_of(facts)["properties"])[:2] == ["group_id", "id"]
    line = line_of(facts)
    assert (line.of, line.carries, line.primary_key) == ("groups", {"group_id": "id"}, ("group_id", "id"))


def test_child_names_the_documented_refusals_with_their_meanings() -> None:
    text = edits(facts_of("group_badges", parent="groups"), "account")[AREAS / "account.py"]

    assert (
        "# Zoom documents 400/1001 (UNKNOWN) User does not exist: $userId.; 400/4130 (UNKNOWN) No such badge." in text
    )
    assert "# Zoom documents" not in edits(facts_of("badges"), "account")[AREAS / "account.py"]


def test_stream_of_single_users_follows_them() -> None:
    facts = facts_of("user_badges")
    cls = declared(facts, "users")

    assert [base.__name__ for base in cls.__bases__] == [OfUsers.__name__]
    assert cls.endpoint.path == "users/{user_id}/badges"
    assert cls.primary_key == ["user_id", "id"]
    assert line_of(facts).of == "users"


def test_what_takes_days_of_single_users_is_read_by_user_and_window() -> None:
    facts = facts_of("user_dated_badges")
    cls = declared(facts, "users")

    assert [base.__name__ for base in cls.__bases__] == [UserWindows.__name__]
    assert cls.endpoint.slice_params == ("from", "to")
    assert (cls.primary_key, cls.cursor_field) == (["user_id", "id"], "made_at")
    assert any("of each of users in windows of days" in line for line in to_check(facts, "users"))


def test_list_of_days_is_read_by_windows_and_its_rows_get_a_key() -> None:
    facts = facts_of("report_badges")
    cls = declared(facts, "reports")

    assert cls.__bases__ == (KeyedRows, WindowStream)
    assert cls.endpoint.slice_params == ("from", "to")
    assert cls.endpoint.page_size == 30, "the default, as no largest one is documented"
    assert (cls.primary_key, cls.cursor_field) == ("row_id", "made_at")
    assert cls.row_key == ("made_at", "name", "level", "since", "left_at", "score")
    assert schema_of(facts)["properties"]["made_at"]["type"] == "string"
    assert (line_of(facts).by, line_of(facts).twins) == ("made_at", 2)


def test_rows_without_a_key_get_one_in_a_list_too() -> None:
    facts = facts_of("lost_badges")

    assert declared(facts).__bases__ == (KeyedRows,)
    assert declared(facts).endpoint.page_size is None
    assert next(iter(schema_of(facts)["properties"])) == "row_id"


@pytest.mark.parametrize(
    ("text", "plan"),
    [
        ("**Prerequisites:**\n* Pro or a higher plan with Webinar add-on.", WEBINARS),
        ("**Prerequisite**: Pro, Business, or Education account", PRO),
        ("For a Pro plan.\n\n**Prerequisites**\n* None.", ANY),
        ("**Prerequisites**\n* None.\n\n**[Scopes](x)** pro", ANY),
    ],
)
def test_plan_is_that_of_the_prerequisites(text: str, plan: object) -> None:
    facts = facts_of("badges")
    facts.operation["description"] = f"{text}\n\n**[Rate Limit Label](x):** `LIGHT`"

    assert declared(facts).plan == plan


# Schema and sample


def test_schema_has_the_form_of_the_others() -> None:
    schema = schema_of(facts_of("badges"))
    columns = schema["properties"]

    assert schema["description"] == "Badges."
    assert list(columns) == ["id", *sorted(columns.keys() - {"id"})]
    assert columns["id"] == {"description": "The badge's ID.", "type": "string"}
    assert columns["name"] == {"description": "Name of the badge, shown.", "type": ["null", "string"]}
    assert columns["level"] == {"description": "Level.", "type": ["null", "integer"]}
    moment = {"type": ["null", "string"], "format": "date-time", "airbyte_type": "timestamp_with_timezone"}
    assert columns["made_at"] == {"description": "Made at.", **moment}
    assert columns["since"] == {"description": "Since.", "type": ["null", "string"], "format": "date"}
    assert "format" not in columns["left_at"], "the example is none"
    assert columns["score"]["type"] == ["null", "integer", "string"], "Zoom shows another type than it documents"
    place = {"at": {"description": "At.", "type": ["null", "string"]}}
    item = {"type": ["null", "object"], "additionalProperties": True, "properties": place}
    assert columns["places"] == {"description": "Places.", "type": ["null", "array"], "items": item}
    assert columns["owner"]["properties"]["email"]["type"] == ["null", "string"]


def test_types_stand_on_one_line() -> None:
    text = edits(facts_of("badges"), "account")[ROOT / "source_zoom/schemas/badges.json"]

    assert '      "type": ["null", "string"]\n' in text


def test_sample_is_one_whole_page_that_shows_every_field() -> None:
    facts = facts_of("badges")
    page = json.loads(edits(facts, "account")[ROOT / "unit_tests/resource/http/response/badges.json"])
    [row] = page.pop("badges")

    assert page == {"next_page_token": "", "page_size": 300, "total_records": 1}
    assert row.keys() == ROW.keys()
    assert (row["id"], row["level"], row["made_at"]) == ("b1", 1, "2026-02-03T04:05:06Z")
    assert row["places"] == [{"at": "text"}]
    assert row["owner"] == {"email": "text"}
    Draft7Validator(schema_of(facts), format_checker=CHECKER).validate(row)


# What cannot be told


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"name": "Badges"}, "'Badges' is no name for a stream"),
        ({"name": "medals"}, "The endpoint of 'medals' may be none that is named so: say which it is, as in GET="),
        ({"name": "badge_holders"}, "names more than one object"),
        ({"name": "medals", "path": "/medals"}, "No document has GET /medals."),
        ({"name": "group_badges"}, "names an object: say of which stream it is, as in PARENT=groups."),
        ({"name": "group_badges", "parent": "medals"}, "There is no stream 'medals'"),
        ({"name": "group_badges", "parent": "phone_call_history"}, "declare an ItemStream by hand"),
        ({"name": "medals", "path": "/report/one_badge"}, "does not have one list of records: write this stream by"),
        (
            {"name": "badges", "records": "medals"},
            "does not have one list of records: say which it is: RECORDS=badges.",
        ),
    ],
)
def test_unclear_wish_is_refused_in_a_sentence(asked: dict[str, str], said: str) -> None:
    with pytest.raises(UndocumentedError, match=re.escape(said)):
        facts_of(**asked)


def test_name_that_several_have_lists_them() -> None:
    several = "The endpoint of 'spare_badges' may be any of /desks/spare_badges, /rooms/spare_badges: say which it is"
    with pytest.raises(UndocumentedError, match=several):
        facts_of("spare_badges")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/report/undated_badges", "its rows have no date-time"),
        ("/report/scoped_badges", "no scope that lets an app of the account read"),
        ("/report/labelled_badges", "no budget for the rate label Enormous"),
        ("/report/unlabelled_badges", "has no rate label"),
        ("/report/chosen_badges", "requires type: write this stream by hand."),
        ("/report/shapeless_badges", "does not say what a row of 'badges' is"),
        ("/report/branched_badges", "alternatives for a field"),
    ],
)
def test_operation_that_does_not_say_enough_is_refused_before_anything_is_written(path: str, said: str) -> None:
    facts = facts_of("medals", path)

    with pytest.raises(UndocumentedError, match=re.escape(said)):
        edits(facts, "account")


def test_days_of_each_row_of_a_parent_are_refused_as_what_is_left_out_would_be_lost() -> None:
    facts = facts_of("group_dated_badges", parent="groups")

    with pytest.raises(UndocumentedError, match="takes days of each row of a parent: write this stream by hand"):
        edits(facts, "account")


def test_missing_documents_are_named_with_their_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_shapes, "DOCUMENTS", tmp_path)

    with pytest.raises(
        UndocumentedError, match=r"not here: put them, or a link to them, into \.\./shared/zoom-openapi"
    ):
        facts_of("badges")


def test_what_is_there_is_not_written_over() -> None:
    with pytest.raises(UndocumentedError, match=r"Nothing was written, as there is already source_zoom/schemas/groups"):
        edits(facts_of("groups", "/badges"), "account")


def test_area_must_be_there() -> None:
    with pytest.raises(UndocumentedError, match="There is no area medals"):
        edits(facts_of("badges"), "medals")


# Where it is written


@pytest.mark.parametrize(
    ("name", "parent", "area"),
    [
        ("badges", None, "account"),
        ("account_badges", None, "account"),
        ("report_badges", None, "reports"),
        ("group_badges", "groups", "account"),
    ],
)
def test_area_is_that_of_the_parent_or_of_zooms_heading(name: str, parent: str | None, area: str) -> None:
    assert area_of(facts_of(name, parent=parent)) == area


def test_pages_for_people_name_the_stream() -> None:
    texts = edits(facts_of("badges"), "account")

    newest = texts[CHANGELOG].split("\n## [")[1]
    assert newest.count("- `badges`.\n") == 1
    assert re.search(r"^\| Medium \|.*, `badges` \|$", texts[GUIDE], re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "parent"), [("badges", None), ("report_badges", None), ("group_badges", "groups"), ("user_badges", None)]
)
def test_what_to_check_is_said_in_eight_lines_at_most(name: str, parent: str | None) -> None:
    facts = facts_of(name, parent=parent)
    lines = to_check(facts, "account")

    assert len(lines) <= 8
    for fact in (facts.path, ", ".join(facts.primary_key), "Pro plan", "make test"):
        assert any(fact in line for line in lines)


def test_object_that_gaps_have_no_name_for_is_said() -> None:
    of_groups = to_check(facts_of("group_badges", parent="groups"), "account")
    of_users = to_check(facts_of("user_badges"), "users")

    assert any("`group` among the names that gaps have" in line for line in of_groups)
    assert not any("gaps" in line for line in of_users)


def test_parent_that_no_line_of_the_sandbox_serves_is_said() -> None:
    facts = facts_of("meeting_badges", "/groups/{groupId}/badges", "meeting_list")

    assert SANDBOX_TABLE not in edits(facts, "meetings")
    assert any(line.startswith("Sandbox: ") for line in to_check(facts, "meetings"))


def test_a_new_stream_is_read_from_the_sandbox_and_passes_the_linter(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in ("CHANGELOG.md", "README.md", "pyproject.toml", "docs", "integration_tests", "sandbox", "scripts"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        clone.mkdir(exist_ok=True)
        copy(ROOT / name, clone / name)
    for name in ("source_zoom", "unit_tests"):
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    write_documents(tmp_path / "shared" / "zoom-openapi")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        environment = {"PYTHONPATH": str(clone), "PATH": ""}
        return subprocess.run(  # noqa: S603 - this project's own command
            command, cwd=clone, env=environment, capture_output=True, text=True, check=False
        )

    written = run("scripts/new_stream.py", "--name", "badges")
    assert written.returncode == 0, written.stderr
    assert len(written.stdout.splitlines()) <= 8
    records = (clone / "integration_tests" / "expected_records.jsonl").read_text(encoding="utf-8")
    rows = [json.loads(line) for line in records.splitlines()]
    assert len([row for row in rows if row["stream"] == "badges"]) == 3
    assert "\n### badges\n" in (clone / "docs" / "streams.md").read_text(encoding="utf-8")
    for check in ("check", "format"):
        linted = run("-m", "ruff", check, *(["--check"] if check == "format" else []), "source_zoom", "sandbox")
        assert linted.returncode == 0, linted.stdout
    again = run("scripts/new_stream.py", "--name", "badges")
    assert again.returncode == 1
    assert again.stderr.startswith("Nothing was written, as there is already source_zoom/schemas/badges.json")


# Against Zoom's documents


@needs_documents
@pytest.mark.parametrize(
    ("name", "path", "parent"),
    [
        ("groups", "/groups", None),
        ("channels", "/chat/channels", None),
        ("report_operation_logs", "/report/operationlogs", None),
        ("webinar_panelists", "/webinars/{webinarId}/panelists", "webinar_list"),
        ("webinar_tracking_sources", "/webinars/{webinarId}/tracking_sources", "webinar_list"),
        ("meeting_polls", "/meetings/{meetingId}/polls", "meeting_list"),
    ],
)
def test_streams_that_there_are_would_be_written_alike(
    name: str, path: str, parent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(make_shapes, "DOCUMENTS", ROOT.parent / "shared" / "zoom-openapi")
    facts = facts_of(name, path, parent)
    known: Any = next(cls for cls in STREAMS if cls.__name__ == facts.class_name)

    assert facts.endpoint == known.endpoint
    assert facts.primary_key == ([known.primary_key] if isinstance(known.primary_key, str) else known.primary_key)
    written = json.loads((ROOT / f"source_zoom/schemas/{name}.json").read_text(encoding="utf-8"))
    assert undescribed(facts.schema()) == undescribed(written)


def undescribed(node: Any) -> Any:
    """A schema without what people write, members in their order."""
    if isinstance(node, dict):
        return [
            (key, undescribed(part)) for key, part in node.items() if key != "description" or isinstance(part, dict)
        ]
    return node
