"""Write docs/streams.md from the declarations of the streams: `make docs`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from source_zoom.streams import STREAMS, PastSessionStream, ReadGaps, ZoomStream
from source_zoom.streams.base.stream import ZoomSubStream
from source_zoom.streams.sessions.history import HistoryMeetings
from source_zoom.streams.sessions.hosts import ActiveHosts
from source_zoom.zoom.meanings import EXPLANATIONS, NOTHING_THERE, name_of

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "streams.md"

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

HELPERS = (ActiveHosts, HistoryMeetings)


def render() -> str:
    """Return the page."""
    public = [cls for cls in STREAMS if not cls.internal]
    internal = [cls for cls in STREAMS if cls.internal]
    return "".join(
        [
            HEAD,
            *map(_section, public),
            _gaps(),
            INTERNAL,
            *map(_section, internal),
            OPTIONAL,
            *map(_section, HELPERS),
        ]
    )


def _section(cls: type[ZoomStream]) -> str:
    endpoint = cls.endpoint
    parents = {_name(parent): None for parent in _parents(cls)}
    sources = [source for parent in _parents(cls) for source in (parent, *_ancestors(parent))]
    facts = {
        "Endpoint": f"`GET /{endpoint.path}`",
        "Parameters": _parameters(cls),
        "Read from": _quoted(parents),
        "Primary key": _quoted(_key(cls)),
        "Sync": f"incremental on `{cls.cursor_field}`" if issubclass(cls, PastSessionStream) else "full",
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
    schema = json.loads((ROOT / "source_zoom" / "schemas" / "read_gaps.json").read_text(encoding="utf-8"))
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
    """Yield the stream it has a slice for each record of, and those that are read for it besides."""
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
    PAGE.write_text(render(), encoding="utf-8")
