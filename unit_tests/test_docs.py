"""The documents name what the connector has: the page made from the declarations, and the hand-written tables."""

from __future__ import annotations

import ast
import importlib.util
import inspect
import re
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from source_zoom.engine import with_ancestors
from source_zoom.streams import build, build_all
from source_zoom.streams.sessions.history import HistoryMeetings
from source_zoom.streams.sessions.hosts import ActiveHosts
from source_zoom.streams.webinars import WebinarPanelists
from source_zoom.zoom.endpoint import Scopes
from source_zoom.zoom.meanings import EXPLANATIONS, NOTHING_THERE, name_of
from unit_tests.fake_zoom import context

ROOT = Path(__file__).resolve().parents[1]
STREAMS = build(context())
PUBLIC = {name: stream for name, stream in STREAMS.items() if not stream.internal}
CATALOG = {name: stream for name, stream in build_all(context()).items() if not stream.internal}
"""With the stream that is not read from Zoom."""

OPTIONAL = (ActiveHosts.endpoint.scopes, HistoryMeetings.endpoint.scopes)
"""Scopes that no stream declares, of what is asked only where it may be."""

ALL_SCOPES = {*(stream.endpoint.scopes for stream in STREAMS.values()), *OPTIONAL}
WITH_STREAMS = ("README.md", "docs/zoom.md")


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, title: str) -> str:
    """The text under a heading, to the next one of its level."""
    match = re.search(rf"^(#+) {re.escape(title)}\n(.*?)(?=^\1 |\Z)", text(name), re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[2]


def table(body: str) -> dict[str, str]:
    """The rows of the first table of a text, by what the first cell names."""
    rows = re.findall(r"^\| (?:`(\w+)`|\[(\w+)\]\(.*?\)) \|(.*)\|$", body, re.MULTILINE)
    names = [quoted or linked for quoted, linked, _ in rows]
    assert len(set(names)) == len(names)
    return {quoted or linked: rest for quoted, linked, rest in rows}


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("document_streams", ROOT / "scripts" / "document_streams.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RENDERED: dict[Path, str] = script().rendered()


def quoted_messages() -> list[str]:
    """The messages in the first cells of the table of errors."""
    rows = re.findall(r"^\| (\".*?) \|", section("docs/zoom.md", "Errors, and what to do"), re.MULTILINE)
    return [quoted for row in rows for quoted in re.findall(r'"(.*?)"', row)]


def sentences() -> str:
    """All texts of the connector, with an ellipsis for each value, and adjacent strings joined."""
    found = []
    for path in sorted((ROOT / "source_zoom").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                found.append(
                    "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
    return "\n".join(found)


SENTENCES = sentences()


def needed(name: str) -> set[Scopes]:
    return {STREAMS[one].endpoint.scopes for one in with_ancestors(STREAMS, {name})}


@pytest.mark.parametrize("path", RENDERED, ids=lambda path: path.name)
def test_regenerating_what_the_declarations_say_changes_nothing(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == RENDERED[path], f"{path.name} is stale: run `make docs`"


def test_page_of_the_streams_has_a_section_for_each() -> None:
    sections = re.findall(r"^### (\w+)$", text("docs/streams.md"), re.MULTILINE)

    assert len(set(sections)) == len(sections)
    assert set(sections) == {*STREAMS, *CATALOG, "active_hosts", "history_meetings"}
    assert sections[: len(CATALOG)] == list(CATALOG)


@pytest.mark.parametrize("name", WITH_STREAMS)
def test_table_of_streams_names_those_of_the_catalog_in_their_order(name: str) -> None:
    assert list(table(section(name, "Streams"))) == list(CATALOG)


def test_readme_lists_every_scope_there_is_and_no_other() -> None:
    create = section("README.md", "1. Create the app at Zoom")
    granular, classic = create.split("In an app with classic scopes:")

    assert set(re.findall(r"^ +(\w+:read:\w+:admin)$", granular, re.MULTILINE)) == {
        scopes.granular for scopes in ALL_SCOPES
    }
    assert set(re.findall(r"`(\w+:read:admin)`", classic)) == {scopes.classic for scopes in ALL_SCOPES}


def test_page_for_users_lists_the_scopes_of_each_stream() -> None:
    rows = table(section("docs/zoom.md", "Scopes"))
    assert list(rows) == list(PUBLIC)

    def named(name: str) -> set[str]:
        """Scopes of a row, which may refer to those of another stream."""
        others = re.findall(r"those of `(\w+)`", rows[name])
        return set(re.findall(r"`(\w+:read:[\w:]*admin)`", rows[name])).union(*(named(other) for other in others))

    for name in PUBLIC:
        expected = {scope for scopes in needed(name) for scope in (scopes.granular, scopes.classic)}
        optional = {scopes.granular for scopes in OPTIONAL}
        assert named(name) - optional == expected, name


def test_page_for_users_has_each_stream_under_its_rate_label() -> None:
    limits = section("docs/zoom.md", "Rate limits")
    rows = dict(re.findall(r"^\| ((?:Phone-)?(?:[Ll]ight|[Mm]edium|[Hh]eavy)) \|.*\| (.*?) \|$", limits, re.MULTILINE))

    found = {label.lower(): set(re.findall(r"`(\w+)`", cell)) for label, cell in rows.items()}
    expected = {
        label: {name for name, stream in PUBLIC.items() if stream.endpoint.label.value == label} for label in found
    }
    assert found == expected
    assert set().union(*found.values()) == set(PUBLIC)


@pytest.mark.parametrize("name", [*WITH_STREAMS, "CHANGELOG.md"])
def test_nothing_is_promised_for_later(name: str) -> None:
    assert "not yet:" not in text(name).lower().replace("*", "")


@pytest.mark.parametrize("name", WITH_STREAMS)
def test_streams_that_zoom_removed_are_explained(name: str) -> None:
    for removed in ("meeting_files", "webinar_files"):
        assert f"`{removed}`" in text(name)
        assert removed not in STREAMS


def test_page_for_those_who_come_from_elsewhere_has_each_streams_key() -> None:
    streams = section("docs/migrating.md", "Streams and keys")
    declarative = re.findall(r"^\| `\w+` \| `(\w+)` \| [^|]+ \| ([^|]+) \|$", streams, re.MULTILINE)
    stitch = section("docs/migrating.md", "Stitch and `tap-zoom`")
    tables = re.findall(r"^\| `(\w+)` \| `\w+`, `\w+` \| ([^|]+) \|", stitch, re.MULTILINE)

    assert (len(declarative), len(tables)) == (19, 7)
    for name, key in declarative + tables:
        assert key == ", ".join(f"`{field}`" for field in PUBLIC[name].key_fields), name


def test_example_of_a_stream_is_the_real_class() -> None:
    [example] = re.findall(r"```python\n(.*?)```", text("CONTRIBUTING.md"), re.DOTALL)

    assert textwrap.dedent(example).strip() == inspect.getsource(WebinarPanelists).strip()


@pytest.mark.parametrize(
    ("room", "words"), [("engine", r"\b(?<!source_)zoom|meeting|webinar"), ("streams/base", r"meeting|webinar")]
)
def test_rooms_that_serve_any_api_name_no_product(room: str, words: str) -> None:
    for path in (ROOT / "source_zoom" / room).rglob("*.py"):
        assert re.search(words, path.read_text(encoding="utf-8"), re.IGNORECASE) is None, path


@pytest.mark.parametrize("title", ["The way of one request", "The way of one session"])
def test_ways_name_modules_that_exist(title: str) -> None:
    way = section("CONTRIBUTING.md", title)
    folders = [ROOT / "source_zoom", ROOT / "source_zoom" / "streams"]

    assert way.count("\n10. ") == 1
    for module in re.findall(r"`([\w/]+\.py)`", way):
        assert any((folder / module).is_file() for folder in [*folders, ROOT]), module


def test_changelog_names_every_stream() -> None:
    assert {name for name in CATALOG if f"`{name}`" not in text("CHANGELOG.md")} == set()


def test_page_for_users_explains_each_column_of_the_gaps() -> None:
    columns = table(section("docs/zoom.md", "Gaps"))

    assert set(columns) == set(CATALOG["read_gaps"].json_schema["properties"])


def test_page_for_users_names_every_meaning_that_is_skipped_in_its_words() -> None:
    rows = table(section("docs/zoom.md", "What is skipped"))

    assert set(rows) == {name_of(meaning) for meaning in EXPLANATIONS if meaning in NOTHING_THERE}
    for meaning, words in EXPLANATIONS.items():
        if meaning in NOTHING_THERE:
            assert words in rows[name_of(meaning)]


@pytest.mark.parametrize("quoted", quoted_messages())
def test_messages_that_the_page_for_users_quotes_are_in_the_code(quoted: str) -> None:
    """A user searches for the real text: what stands between the dots of a quotation is in some module."""
    for part in filter(None, (part.strip() for part in quoted.split("…"))):
        assert part in SENTENCES, part


def test_suggested_streams_exist() -> None:
    suggested = yaml.safe_load(text("metadata.yaml"))["data"]["suggestedStreams"]["streams"]

    assert set(suggested) <= set(CATALOG)
    assert len(set(suggested)) == len(suggested)
