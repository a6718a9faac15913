"""Write a new stream from Zoom's OpenAPI documents: `make stream NAME=tracking_fields`.

It writes what the documents say: schema, class, sample, the sandbox's line, and what is made from these. What they do
not say is for a person, and is printed at the end.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from sandbox.shaped import TABLE
from scripts.make_shapes import JsonObject, UndocumentedError, find, lists, published
from scripts.stream_facts import Facts, snake, words_of
from source_zoom.streams import STREAMS, ZoomStream
from source_zoom.streams.users import Users
from source_zoom.streams.windows.listing import WindowList
from source_zoom.zoom.meanings import Meaning, name_of
from source_zoom.zoom.plans import ANY

ROOT = Path(__file__).resolve().parent.parent
AREAS = ROOT / "source_zoom" / "streams"
SANDBOX_TABLE = ROOT / "sandbox" / "shaped.py"
CHANGELOG = ROOT / "CHANGELOG.md"
GUIDE = ROOT / "docs" / "zoom.md"
DEFAULT_AREA = "account"
MANY, ENOUGH_FOR_EACH_VALUE = 40, 25
WIDTH = 120
BY_NAME = {snake(cls.__name__): cls for cls in STREAMS}
OPTIONS = {
    "get": "path of the operation, if Zoom has several of that name",
    "parent": "the stream whose rows the path names",
    "area": "the module of source_zoom/streams to put it in",
    "records": "key of the rows, if an answer has several lists",
}
GAPS = {"user", "meeting", "webinar"}
"""What paths name that a gap can be."""
IMPORTS = {
    "source_zoom.streams.base.rows": ("KeyedRows",),
    "source_zoom.streams.base.stream": ("ZoomStream", "ZoomSubStream"),
    "source_zoom.streams.users": ("OfUsers", "UserWindows"),
    "source_zoom.streams.windows.stream": ("WindowStream",),
    "source_zoom.zoom.endpoint": ("Endpoint", "RateLabel"),
    "source_zoom.zoom.plans": ("PHONE", "PRO", "WEBINARS", "Plan"),
}
"""Where a declaration's names come from."""


def facts_of(name: str, path: str | None = None, parent: str | None = None, records: str | None = None) -> Facts:
    """Return what the documents say of a stream.

    :param name: of the stream
    :param path: of the operation, if there may be several
    :param parent: name of the stream whose rows the path names
    :param records: key of the rows, if an answer has several lists

    :raises UndocumentedError: if the documents leave any of it open
    """
    if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name):
        raise UndocumentedError(f"'{name}' is no name for a stream: use lower-case words with underscores.")
    operations = published()
    path = f"/{path.strip('/')}" if path else _path(name, [*_paths(operations)])
    product, operation = find(operations, path)
    try:
        arrays = [*lists(operation)]
    except KeyError:
        arrays = []
    records = records or (arrays[0] if len(arrays) == 1 else None)
    if records not in arrays:
        choices = f"say which it is: RECORDS={' or RECORDS='.join(arrays)}" if arrays else "write this stream by hand"
        raise UndocumentedError(f"The answer of GET {path} does not have one list of records: {choices}.")
    facts = Facts(name, product, path, operation, records)
    return Facts(name, product, path, operation, records, _parent(facts, parent))


def _paths(operations: dict[str, JsonObject]) -> Iterator[str]:
    for paths in operations.values():
        yield from paths


def _path(name: str, paths: list[str]) -> str:
    """Return the path of a list that has a stream's name, in full or, if none has, at its end."""
    listing = {path: words_of(path) for path in paths if not path.endswith("}")}
    named = [path for path, words in listing.items() if words == name]
    found = named or [path for path, words in listing.items() if f"_{words}".endswith(f"_{name}")]
    if len(found) != 1:
        which = f"any of {', '.join(found)}" if found else "none that is named so"
        raise UndocumentedError(f"The endpoint of '{name}' may be {which}: say which it is, as in GET=/chat/channels.")
    return found[0]


def _parent(facts: Facts, name: str | None) -> type[ZoomStream] | None:
    if not facts.placeholders:
        return None
    if len(facts.placeholders) > 1:
        raise UndocumentedError(f"GET {facts.path} names more than one object: write this stream by hand.")
    if name is None and facts.path.startswith("/users/{"):
        return Users
    if name not in BY_NAME:
        known = f"There is no stream '{name}'" if name else f"GET {facts.path} names an object"
        raise UndocumentedError(f"{known}: say of which stream it is, as in PARENT=groups.")
    if issubclass(BY_NAME[name], WindowList):
        raise UndocumentedError(f"{name} is read by days: declare an ItemStream by hand, such as phone_call_elements.")
    return BY_NAME[name]


def area_of(facts: Facts) -> str:
    """Return the area of the parent, else that of the streams under the same heading of Zoom's documents."""
    areas = {path.stem for path in AREAS.glob("*.py") if "\nSTREAMS:" in path.read_text(encoding="utf-8")} - {"lists"}
    parent = facts.parent.__module__.rpartition(".")[2] if facts.parent else None
    if parent in areas and facts.parent is not Users:
        return str(parent)
    of_heading: Counter[str] = Counter()
    of_product: Counter[str] = Counter()
    for cls in STREAMS:
        area, address = cls.__module__.rpartition(".")[2], (cls.__doc__ or "").split("/get/")[0]
        if area in areas and address.startswith("https:"):
            of_product[area] += f"/api/{facts.product}/" in address
            of_heading[area] += address == facts.address.split("/get/")[0]
    likely = [+of_heading, +of_product]
    return next((next(iter(found)) for found in likely if len(found) == 1), DEFAULT_AREA)


def edits(facts: Facts, area: str) -> dict[Path, str]:
    """Return what each file is to hold.

    :raises UndocumentedError: if one is there already, or has no place for it
    """
    module = AREAS / f"{area}.py"
    new = {
        ROOT / "source_zoom" / "schemas" / f"{facts.name}.json": _json(facts.schema()),
        ROOT / "unit_tests" / "resource" / "http" / "response" / f"{facts.name}.json": _json(facts.sample()),
    }
    there = [path for path in new if path.exists()]
    if there or facts.name in BY_NAME:
        what = ", ".join(str(path.relative_to(ROOT)) for path in there) or f"the stream {facts.name}"
        raise UndocumentedError(f"Nothing was written, as there is already {what}.")
    if not module.is_file():
        raise UndocumentedError(f"There is no area {area}: make source_zoom/streams/{area}.py with an empty STREAMS.")
    changed = {module: _with_class(module.read_text(encoding="utf-8"), facts)}
    if facts.name not in TABLE and is_served(facts):
        changed[SANDBOX_TABLE] = _with_line(SANDBOX_TABLE.read_text(encoding="utf-8"), facts)
    changed[CHANGELOG] = _with_entry(CHANGELOG.read_text(encoding="utf-8"), facts)
    changed[GUIDE] = _with_label(GUIDE.read_text(encoding="utf-8"), facts)
    return {**new, **changed}


def is_served(facts: Facts) -> bool:
    """Return whether a line of the sandbox's table serves it: a list, or the rows of a line or of the users."""
    if facts.parent is Users and facts.by_days:
        return False
    return facts.parent in {None, Users} or snake(facts.parent.__name__) in TABLE


def _json(value: JsonObject) -> str:
    """Return JSON as the repository has it: types on one line."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return re.sub(r'"type": \[\s+([^\]]*?)\s+\]', lambda found: f'"type": [{" ".join(found[1].split())}]', text) + "\n"


def _declaration(facts: Facts) -> str:
    """Return the class."""
    of_users = facts.parent is Users
    kind = "OfUsers" if of_users else "ZoomSubStream" if facts.parent else "ZoomStream"
    if facts.by_days:
        kind = "UserWindows" if of_users else "WindowStream"
    bases = [*([] if facts.key else ["KeyedRows"]), kind]
    if bases == ["KeyedRows", "ZoomStream"]:
        del bases[1]
    endpoint = facts.endpoint
    arguments = [repr(endpoint.path), f"RateLabel.{endpoint.label.name}", repr(endpoint.scope)]
    optional = ("classic", "records", "page_size", "slice_params")
    arguments += [f"{name}={getattr(endpoint, name)!r}" for name in optional if getattr(endpoint, name)]
    key = facts.primary_key
    lines = [f"endpoint = Endpoint({', '.join(arguments)})"]
    lines += [f"plan = {facts.plan_source}"] if facts.plan != ANY else []
    lines += _to_choose_from(facts)
    lines += [f"primary_key = {key if len(key) > 1 else key[0]!r}"]
    lines += [f"cursor_field = {facts.time!r}"] if facts.time else []
    lines += [] if facts.key else [f"row_key = {tuple(facts.row_key)!r}"]
    lines += [f"rows_are = {facts.records.replace('_', ' ')!r}"] if facts.by_days else []
    if facts.parent and facts.parent is not Users:
        lines.append(f"parent_stream = {facts.parent.__name__}")
    head = f'class {facts.class_name}({", ".join(bases)}):\n    """{facts.address}."""\n\n'
    return head + "".join(f"    {line}\n" for line in lines)


def _to_choose_from(facts: Facts) -> list[str]:
    """Return a comment with the documented refusals of one object, among which a person chooses what is skipped."""
    told = [
        f"{one.status}/{one.code} ({name_of(meaning)}) {one.text}"
        for one, meaning in facts.refusals
        if facts.parent and meaning not in facts.plan.lacking
    ]
    comment = f"Zoom documents {'; '.join(told)}" if told else ""
    return textwrap.wrap(comment, WIDTH - 6, initial_indent="# ", subsequent_indent="# ")


def _with_class(text: str, facts: Facts) -> str:
    """Return an area with the class before its list of streams, and in it; its parent with a key for children."""
    declaration = _declaration(facts)
    names_used = set(re.findall(r"\w+", declaration))
    if facts.parent:
        text = _with_child_keys(text, facts)
    tree = ast.parse(text)
    [listed] = [node for node in tree.body if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "STREAMS"]
    members = re.findall(r"\w+", ast.unparse(listed.value)) if listed.value else []
    lines = text.splitlines(keepends=True)
    last_import = max(node.end_lineno or 0 for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom))
    needed = [
        f"from {module} import {', '.join(used)}\n"
        for module, known in _importable(facts).items()
        if (used := [name for name in known if name in names_used and f"class {name}(" not in text])
    ]
    tail = f"STREAMS: tuple[type[ZoomStream], ...] = ({', '.join([*members, facts.class_name])},)\n"
    head = [*lines[:last_import], *needed, *lines[last_import : listed.lineno - 1]]
    return "".join([*head, declaration, "\n\n", tail, *lines[listed.end_lineno :]])


def _importable(facts: Facts) -> dict[str, tuple[str, ...]]:
    return {**IMPORTS, **({facts.parent.__module__: (facts.parent.__name__,)} if facts.parent else {})}


def _with_child_keys(text: str, facts: Facts) -> str:
    """Return an area whose parent stream has a key for children."""
    parent = facts.parent
    if parent is None or parent.child_keys:
        return text
    head = f"class {parent.__name__}("
    if head not in text or not isinstance(parent.primary_key, str):
        raise UndocumentedError(f"{parent.__name__} has no child_keys, and its primary key is not one column.")
    before, after = text.split(head)
    keys = f"{{{facts.parent_field!r}: {parent.primary_key!r}}}"
    after = re.sub(r"(\n    primary_key = .*\n)", lambda found: f"{found[1]}    child_keys = {keys}\n", after, count=1)
    return before + head + after


def _with_line(text: str, facts: Facts) -> str:
    """Return the sandbox's module with a line at the end of its table."""
    lines = text.splitlines(keepends=True)
    calls = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Shaped"
    ]
    end = max(node.end_lineno or 0 for node in calls)
    values = max([len(node.get("enum", ())) for field in facts.row.values() for node in field.nodes], default=0)
    count = f"Exactly({max(MANY, values * ENOUGH_FOR_EACH_VALUE)})"
    options = {
        "of": repr(snake(facts.parent.__name__)) if facts.parent else None,
        "rows": "PerDay(3)" if facts.by_days else "Between(0, 5)" if facts.parent else count,
        "by": repr(facts.time) if facts.by_days else None,
        "kept_months": "6" if facts.by_days else None,
        "records": repr(facts.records) if len(lists(facts.operation)) > 1 else None,
        "key": repr(facts.key) if facts.key else None,
        "twins": None if facts.key else "2",
        "carries": f"{{{facts.parent_field!r}: {facts.parent.primary_key!r}}}" if facts.parent else None,
        "per_parent": "True" if facts.parent else None,
    }
    said = ", ".join(f"{name}={value}" for name, value in options.items() if value)
    line = f"Shaped({facts.name!r}, {facts.path!r}, {said}),".replace("'", '"')
    indent = " " * 8
    wrapped = textwrap.wrap(line, WIDTH - 1, initial_indent=indent, subsequent_indent=f"{indent}       ")
    return "".join([*lines[:end], *(f"{one}\n" for one in wrapped), *lines[end:]])


def _with_entry(text: str, facts: Facts) -> str:
    """Return the change log with a line among the streams of the version that is being made."""
    newest, mark, older = text.partition("\n## [")[2].partition("\n## [")
    section = re.search(r"### Streams\n\n(- .*\n(  .*\n)*)*", newest)
    if section is None:
        raise UndocumentedError(f"The newest version in {CHANGELOG.name} has no section 'Streams'.")
    about = facts.about[:1].lower() + facts.about[1:]
    is_plain = about.rstrip(".") == facts.name.replace("_", " ")
    entry = textwrap.fill(f"- `{facts.name}`{'.' if is_plain else f': {about}'}", WIDTH, subsequent_indent="  ")
    head = text.partition("\n## [")[0] + "\n## ["
    return f"{head}{newest[: section.end()]}{entry}\n{newest[section.end() :]}{mark}{older}"


def _with_label(text: str, facts: Facts) -> str:
    """Return the page for users with the stream under its rate label."""
    label = facts.endpoint.label.value.capitalize()
    found, count = re.subn(rf"^(\| {label} \|.*) \|$", rf"\1, `{facts.name}` |", text, count=1, flags=re.MULTILINE)
    if not count:
        raise UndocumentedError(f"{GUIDE.name} has no row for the rate label {label}.")
    return found


def write(facts: Facts, area: str) -> None:
    """Write the stream, put its class into form, and make what is made from it.

    :raises UndocumentedError: if it cannot be written; then nothing was
    :raises subprocess.CalledProcessError: if a command fails on what was written
    """
    for path, text in edits(facts, area).items():
        path.write_text(text, encoding="utf-8")
    module = f"source_zoom/streams/{area}.py"
    _run("-m", "ruff", "check", "--quiet", "--fix", "--select", "I", module)
    _run("-m", "ruff", "format", "--quiet", module)
    _run("scripts/document_streams.py")
    if is_served(facts):
        _run("scripts/make_shapes.py", facts.name)
        _run("scripts/record_expected.py")


def _run(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=True)


def to_check(facts: Facts, area: str) -> list[str]:
    """Return what a person has to look at, and the commands to run."""
    parts = [f"of each of {snake(facts.parent.__name__)}"] if facts.parent else []
    how = " ".join([*parts, *(["in windows of days"] if facts.by_days else [])]) or "as one list"
    made = "" if facts.key else f", made of {', '.join(facts.row_key)}: keep what identifies a row and does not change"
    skipped = " | ".join(name_of(meaning) for meaning in Meaning if meaning in facts.plan.lacking)
    lines = [
        f"Kind: source_zoom/streams/{area}.py reads GET {facts.path} {how}.",
        f"Key: {', '.join(facts.primary_key)}{made}.{f' Cursor: {facts.time}.' if facts.time else ''}",
        f"Plan: {facts.plan.name or 'none'}, and {skipped or 'nothing'} is skipped. Compare Zoom's prerequisites.",
    ]
    if _to_choose_from(facts):
        lines.append(
            "Skips: turn the comment in the class into `skips`, with the source of each meaning in "
            "unit_tests/streams/skips.py; UNKNOWN needs a row in RULES first (zoom/answers.py)."
        )
    if facts.has_no_maximum:
        lines.append(
            f"Page size: {facts.page_size}, as no largest is documented: name it in UNDOCUMENTED_LARGEST_PAGE (tests)."
        )
    if not is_served(facts):
        lines.append("Sandbox: its table cannot serve that: do it in sandbox/areas/, then `make shapes records`.")
    by_hand = ["the tree of streams in README.md", "the number of requests in docs/zoom.md"]
    by_hand += ["its state in integration_tests/sample_state.json"] if facts.by_days else []
    type_ = (facts.parent_field or "").removesuffix("_id")
    by_hand += (
        [f"`{type_}` among the names that gaps have (docs/zoom.md, tests)"] if type_ and type_ not in GAPS else []
    )
    lines.append(f"By hand: {', '.join(by_hand)}.")
    return [*lines, "Then: git diff; make lint; make test"]


def main() -> None:
    """Do what the command line asks for, or say in one sentence why not."""
    parser = argparse.ArgumentParser(prog="new_stream.py", description=__doc__)
    parser.add_argument("--name", required=True, help="of the stream")
    for name, about in OPTIONS.items():
        parser.add_argument(f"--{name}", default="", help=about)
    options = parser.parse_args()
    try:
        facts = facts_of(options.name, options.get or None, options.parent or None, options.records or None)
        area = options.area or area_of(facts)
        write(facts, area)
    except UndocumentedError as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"What was written does not do, see above: {' '.join(map(str, error.cmd[1:]))}")
    print(*to_check(facts, area), sep="\n")


if __name__ == "__main__":
    main()
