"""Write docs/streams.md from the declarations of the streams: `python scripts/document_streams.py`."""

from __future__ import annotations

from pathlib import Path

from source_zoom.errors import RULES
from source_zoom.streams import STREAMS, PastSessionStream, ZoomStream
from source_zoom.streams.base import ZoomSubStream
from source_zoom.streams.history import HistoryMeetings
from source_zoom.streams.past_sessions import ActiveHosts

PAGE = Path(__file__).resolve().parent.parent / "docs" / "streams.md"

HEAD = """\
# Streams

Made from the declarations in `source_zoom/streams/` by `scripts/document_streams.py`; a test fails when it is stale.

A stream also needs the scopes of its parents, up to the root. Of the two scopes of an endpoint either is enough: the
granular one in an app made since March 2024, the classic one in an older app. Where Zoom's code for an answer is listed
under "skips", the answer means that there is nothing for one object; it is skipped, counted and reported. Every other
refusal is an error.
"""

LISTS = """
## Lists behind the streams

These are read for the streams above, are not in the catalog, and make one request more for each parent.
"""

OPTIONAL = """
`active_hosts` and `history_meetings` are optional: without them every user is asked for past sessions, and the columns
`dept` and `tracking_fields` are asked for one by one.
"""


def render() -> str:
    """Return the page."""
    public = [cls for cls in STREAMS if not cls.internal]
    internal = [*(cls for cls in STREAMS if cls.internal), ActiveHosts, HistoryMeetings]
    return "".join([HEAD, *map(_section, public), LISTS, *map(_section, internal), OPTIONAL])


def _section(cls: type[ZoomStream]) -> str:
    endpoint = cls.endpoint
    facts = {
        "Endpoint": f"`GET /{endpoint.path}`",
        "Parent": f"`{_name(cls.parent_stream)}`" if issubclass(cls, ZoomSubStream) else "none",
        "Primary key": ", ".join(f"`{field}`" for field in _key(cls)) or "none",
        "Cursor": f"`{cls.cursor_field}`" if issubclass(cls, PastSessionStream) else "none, read in full",
        "Rate label": endpoint.label.value.capitalize(),
        "Page size": str(endpoint.page_size or "one page"),
        "Granular scope": f"`{endpoint.scopes.granular}`",
        "Classic scope": f"`{endpoint.scopes.classic}`",
        "Needs": endpoint.needs or "any plan",
        "Skips": "; ".join(_skips(cls)) or "nothing",
    }
    rows = "".join(f"| {name} | {value} |\n" for name, value in facts.items())
    return f"\n### {_name(cls)}\n\n<{_address(cls)}>\n\n| | |\n|---|---|\n{rows}"


def _name(cls: type[ZoomStream]) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).lstrip("_")


def _address(cls: type[ZoomStream]) -> str:
    return (cls.__doc__ or "").split()[0].rstrip(".")


def _key(cls: type[ZoomStream]) -> list[str]:
    key = cls.primary_key
    return [key] if isinstance(key, str) else list(key or [])


def _skips(cls: type[ZoomStream]) -> list[str]:
    found = {}
    for rule in RULES:
        if rule.code in cls.endpoint.skips and rule.advice:
            found[f"{rule.code}: {rule.advice}"] = None
    return sorted(found)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
