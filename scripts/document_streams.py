"""Write docs/streams.md from the declarations of the streams: `make docs`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from source_zoom.errors import NO_PERMISSION, RULES
from source_zoom.streams import STREAMS, PastSessionStream, ZoomStream
from source_zoom.streams.base import ZoomSubStream
from source_zoom.streams.history import HistoryMeetings
from source_zoom.streams.past_sessions import ActiveHosts
from source_zoom.streams.users import InactiveUsers

PAGE = Path(__file__).resolve().parent.parent / "docs" / "streams.md"

HEAD = """\
# Streams

Made from the declarations in `source_zoom/streams/` by `make docs`; a test fails when it is stale.

- **Scopes.** Of the two scopes of an endpoint either is enough: the granular one in an app made since March 2024, the
  classic one in an older app. A stream also needs those of the streams it is read from, which its table repeats.
- **Parameters** are those of every request, besides the page's. Of alternatives, each is a request of its own.
- **Skips.** Such an answer means that there is nothing for one object, or for this account. It is skipped, counted and
  reported. Every other refusal is an error, also Zoom's "No permission" for a single object.

## In the catalog
"""

INTERNAL = """
## Behind the streams

These are read once for all streams that need them, and are not in the catalog.
"""

OPTIONAL = """
## Only where they help

`past_sessions` asks these to save requests or to find more hosts, as far as the app may call them.
"""

HELPERS = (ActiveHosts, HistoryMeetings, InactiveUsers)


def render() -> str:
    """Return the page."""
    public = [cls for cls in STREAMS if not cls.internal]
    internal = [cls for cls in STREAMS if cls.internal]
    return "".join(
        [HEAD, *map(_section, public), INTERNAL, *map(_section, internal), OPTIONAL, *map(_section, HELPERS)]
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
        "Needs": endpoint.needs,
        "Skips": "<br>".join(_skips(cls)),
    }
    if cls not in STREAMS or cls.internal:
        del facts["Sync"]
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items() if value)
    return f"\n### {_name(cls)}\n\n<{_address(cls)}>\n\n| | |\n|---|---|\n{rows}"


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
    yield from (other for other in STREAMS if _name(other) in cls.also_needs)


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
    """Return each code with what it means there."""
    meanings: dict[int, dict[str, None]] = {}
    for rule in RULES:
        is_error = rule is NO_PERMISSION and cls.endpoint.is_per_object
        is_of_webinars = "webinar" in (rule.text or "") and "webinar" not in cls.endpoint.path
        if rule.code is None or rule.code not in cls.endpoint.skips or not rule.advice or is_error or is_of_webinars:
            continue
        meanings.setdefault(rule.code, {})[rule.advice] = None
    return [f"{code}: {', or '.join(advice)}" for code, advice in sorted(meanings.items())]


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
