"""Write what is made from the declarations of the streams: `make docs`.

That is docs/streams.md, the tables in README.md and docs/zoom.md, and the example of a configured catalog.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from source_zoom.streams import STREAMS, PastSessionStream, ReadGaps, ZoomStream
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.sessions.history import HistoryMeetings
from source_zoom.streams.sessions.hosts import ActiveHosts
from source_zoom.streams.sessions.report import SessionReport
from source_zoom.streams.windows.stream import ResumableStream
from source_zoom.zoom.meanings import EXPLANATIONS, NOTHING_THERE, name_of

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS = ROOT / "source_zoom" / "schemas"
GAPS_NAME = "read_gaps"
CATALOG = ROOT / "integration_tests" / "configured_catalog.json"

HEAD = """\
# Streams

Made from the declarations in `source_zoom/streams/` by `make docs`; a test fails when it is stale.

- **Scopes.** Of the two scopes of an endpoint either is enough: the granular one in an app made since March 2024, the
  classic one in an older app. A stream also needs those of the streams it is read from, which its table repeats.
- **Parameters** are those of every request, besides the page's. Of alternatives, each is a request of its own.
- **Needs** is the plan, licence or permission that Zoom asks for.
- **Skips.** Each answer of Zoom's has one meaning, by its HTTP status, code and text (`source_zoom/zoom/answers.py`).
  An answer of a meaning that a stream skips says that Zoom has nothing for this object. It is skipped and counted. An
  object with any other refusal is withheld: it becomes a row of [`read_gaps`](#read_gaps).

## In the catalog
"""

GAPS = """
### read_gaps

Written by the connector when all other streams have ended: one record for each object that a selected stream lacks.
It makes no request and needs no scope. [zoom.md](zoom.md#gaps) says how to use it.

| | |
|---|---|
| Primary key | {key} |
| Sync | full |

| Column | Type | Meaning |
|---|---|---|
{columns}"""

INTERNAL = """
## Behind the streams

These are read once for all streams that need them, and are not in the catalog.
"""

OPTIONAL = """
## Only where they help

`past_sessions` asks these to save requests or to find more hosts, as far as the app may call them.
"""

HELPERS: tuple[type[ZoomStream], ...] = (ActiveHosts, HistoryMeetings)


def rendered() -> dict[Path, str]:
    """Return what each file is to hold."""
    readme, guide = ROOT / "README.md", ROOT / "docs" / "zoom.md"
    return {
        ROOT / "docs" / "streams.md": _page(),
        readme: _filled(readme, streams=_overview(), scopes=_all_scopes()),
        guide: _filled(guide, streams=_contents(), scopes=_scopes_of_streams()),
        CATALOG: _catalog(),
    }


def _page() -> str:
    """Return the page of all streams."""
    internal = [cls for cls in STREAMS if cls.internal]
    return "".join(
        [
            HEAD,
            *map(_section, _public()),
            _gaps(),
            INTERNAL,
            *map(_section, internal),
            OPTIONAL,
            *map(_section, HELPERS),
        ]
    )


def _filled(file: Path, **blocks: str) -> str:
    """Return a file with what stands between its marks replaced; each line is indented as the mark is."""
    text = file.read_text(encoding="utf-8")
    for name, block in blocks.items():
        begin = f"<!-- {name}: written by `make docs` -->"
        found = re.search(rf"^( *){begin}\n.*?^ *<!-- end -->\n", text, re.MULTILINE | re.DOTALL)
        if found is None:
            raise ValueError(f"{file.name} has no place for the {name}")
        lines = [begin, *block.splitlines(), "<!-- end -->"]
        filled = "".join(f"{found[1]}{line}".rstrip() + "\n" for line in lines)
        text = f"{text[: found.start()]}{filled}{text[found.end() :]}"
    return text


def _table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(header)
    lines = [f"| {' | '.join(cells)} |" for cells in (names, *rows)]
    lines.insert(1, "|---" * len(names) + "|")
    return "\n".join(lines)


def _about(name: str) -> str:
    """Return what a stream holds, as its schema says it in a sentence."""
    sentence: str = _schema(name)["description"]
    return sentence[0].lower() + sentence[1:].rstrip(".")


def _schema(name: str) -> dict[str, Any]:
    schema: dict[str, Any] = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    return schema


def _overview() -> str:
    rows = [
        (
            f"`{_name(cls)}`",
            _about(_name(cls)),
            _quoted(_key(cls)),
            _sync(cls),
            cls.endpoint.label.value.capitalize(),
            f"`{cls.endpoint.scope}`{' (optional)' if _is_optional(cls) else ''}",
        )
        for cls in _public()
    ]
    gaps = (f"`{GAPS_NAME}`", _about(GAPS_NAME), _quoted(ReadGaps.primary_key), "full", "none", "none")
    header = ("Stream", "Content", "Primary key", "Sync", "Rate label", "Granular scope, besides its parents'")
    return _table(header, [*rows, gaps])


def _contents() -> str:
    rows = [
        (
            f"[{_name(cls)}]({_address(cls)})",
            _about(_name(cls)),
            _quoted(_key(cls)),
            f"{_sync(cls)}, full refresh" if _sync(cls) != "full" else "full refresh",
        )
        for cls in _public()
    ]
    gaps = (f"`{GAPS_NAME}`", f"{_about(GAPS_NAME)}: see [Gaps](#gaps)", _quoted(ReadGaps.primary_key), "full refresh")
    return _table(("Stream", "Content", "Primary key", "Sync mode"), [*rows, gaps])


def _all_scopes() -> str:
    """Return every scope there is, each once: first those that are needed, then the optional ones."""
    needed = dict.fromkeys(cls.endpoint.scopes for cls in STREAMS if not _is_optional(cls))
    optional = dict.fromkeys(cls.endpoint.scopes for cls in [*HELPERS, *STREAMS] if cls in HELPERS or _is_optional(cls))
    scopes = [*needed, *(scopes for scopes in optional if scopes not in needed)]
    classic = _quoted(dict.fromkeys(one.classic for one in scopes))
    granular = "\n".join(one.granular for one in scopes)
    wrapped = textwrap.fill(f"In an app with classic scopes: {classic}.", 117, break_on_hyphens=False)
    return f"```text\n{granular}\n```\n\n{wrapped}"


def _scopes_of_streams() -> str:
    rows = []
    for cls in _public():
        sources = [*reversed(list(_ancestors(cls))), cls]
        scopes = list(dict.fromkeys(one.endpoint.scopes for one in sources))
        granular = ", ".join(
            f"`{one.granular}`{' (optional)' if _is_optional(cls) and one == cls.endpoint.scopes else ''}"
            for one in scopes
        )
        if issubclass(cls, PastSessionStream):
            granular += f"; optional {_quoted(helper.endpoint.scope for helper in HELPERS)}"
        rows.append((f"`{_name(cls)}`", granular, _quoted(dict.fromkeys(one.classic for one in scopes))))
    return _table(("Stream", "Granular", "Classic"), rows)


def _catalog() -> str:
    """Return a catalog with every stream, incremental where it can be."""
    streams = [
        _configured(_name(cls), _key(cls), cls.cursor_field if _is_incremental(cls) else None) for cls in _public()
    ]
    streams.append(_configured(GAPS_NAME, list(ReadGaps.primary_key), None))
    return json.dumps({"streams": streams}, indent=2) + "\n"


def _configured(name: str, key: list[str], cursor: object) -> dict[str, Any]:
    stream: dict[str, Any] = {"name": name, "json_schema": {}}
    if cursor:
        stream["supported_sync_modes"] = ["full_refresh", "incremental"]
        stream["source_defined_cursor"] = True
        stream["default_cursor_field"] = [cursor]
    else:
        stream["supported_sync_modes"] = ["full_refresh"]
    stream["source_defined_primary_key"] = [[field] for field in key]
    if not cursor:
        return {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
    modes = {"sync_mode": "incremental", "cursor_field": [cursor], "destination_sync_mode": "append_dedup"}
    return {"stream": stream, **modes, "primary_key": stream["source_defined_primary_key"]}


def _public() -> list[type[ZoomStream]]:
    return [cls for cls in STREAMS if not cls.internal]


def _is_incremental(cls: type[ZoomStream]) -> bool:
    return issubclass(cls, ResumableStream)


def _sync(cls: type[ZoomStream]) -> str:
    return f"incremental on `{cls.cursor_field}`" if _is_incremental(cls) else "full"


def _is_optional(cls: type[ZoomStream]) -> bool:
    """Return whether a stream goes without its own endpoint where that is not open."""
    return issubclass(cls, SessionReport) and cls.detail_is_optional


def _section(cls: type[ZoomStream]) -> str:
    endpoint = cls.endpoint
    parents = {_name(parent): None for parent in _parents(cls)}
    sources = [source for parent in _parents(cls) for source in (parent, *_ancestors(parent))]
    facts = {
        "Endpoint": f"`GET /{endpoint.path}`",
        "Parameters": _parameters(cls),
        "Read from": _quoted(parents),
        "Primary key": _quoted(_key(cls)),
        "Sync": _sync(cls),
        "Rate label": endpoint.label.value.capitalize(),
        "Page size": str(endpoint.page_size or ""),
        "Granular scope": f"`{endpoint.scopes.granular}`",
        "Classic scope": f"`{endpoint.scopes.classic}`",
        "Scopes of what it is read from": _quoted({source.endpoint.scopes.granular: None for source in sources}),
        "Needs": cls.plan.name,
        "Skips": "<br>".join(_skips(cls)),
    }
    if cls not in STREAMS or cls.internal:
        del facts["Sync"]
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items() if value)
    return f"\n### {_name(cls)}\n\n<{_address(cls)}>\n\n| | |\n|---|---|\n{rows}"


def _gaps() -> str:
    """Return the section of the one stream that is not read from Zoom: its columns are those of its schema."""
    schema = _schema(GAPS_NAME)
    columns = "".join(
        f"| `{name}` | {_type(column)} | {column['description']} |\n" for name, column in schema["properties"].items()
    )
    return GAPS.format(key=_quoted(ReadGaps.primary_key), columns=columns)


def _type(column: dict[str, Any]) -> str:
    types = column["type"] if isinstance(column["type"], list) else [column["type"]]
    return str(column.get("format") or next(name for name in types if name != "null"))


def _name(cls: type[ZoomStream]) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).lstrip("_")


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _address(cls: type[ZoomStream]) -> str:
    varied = next(base for base in cls.__mro__ if "https://" in (base.__doc__ or ""))
    return (varied.__doc__ or "").split()[0].rstrip(".")


def _key(cls: type[ZoomStream]) -> list[str]:
    key: Any = cls.primary_key
    return [key] if isinstance(key, str) else [str(part) for part in key or []]


def _parents(cls: type[ZoomStream]) -> Iterator[type[ZoomStream]]:
    """Yield the stream whose records its slices are made of, and those that are read for it besides."""
    if issubclass(cls, ZoomSubStream):
        yield cls.parent_stream
    yield from (other for other in STREAMS if _name(other) in cls.wants_read)


def _ancestors(cls: type[ZoomStream]) -> Iterator[type[ZoomStream]]:
    for parent in _parents(cls):
        yield parent
        yield from _ancestors(parent)


def _parameters(cls: type[ZoomStream]) -> str:
    endpoint = cls.endpoint
    fixed = [f"`{name}={value}`" for name, value in endpoint.params.items()]
    alternatives = " or ".join(f"`{name}={value}`" for variant in endpoint.variants for name, value in variant.items())
    of_slice = [f"`{name}`" for name in endpoint.slice_params]
    return ", ".join([*fixed, *([alternatives] if alternatives else []), *of_slice])


def _skips(cls: type[ZoomStream]) -> list[str]:
    """Return each meaning with what it says."""
    skipped = (meaning for meaning in EXPLANATIONS if meaning in NOTHING_THERE & cls.skipped_meanings())
    return [f"`{name_of(meaning)}`: {EXPLANATIONS[meaning]}" for meaning in skipped]


if __name__ == "__main__":
    for path, content in rendered().items():
        path.write_text(content, encoding="utf-8")
