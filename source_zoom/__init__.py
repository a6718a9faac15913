"""Airbyte source connector for Zoom."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from source_zoom.source import SourceZoom

__all__ = ["SourceZoom"]


def __getattr__(name: str) -> Any:
    """Import the source when it is asked for: `spec` needs neither it nor the CDK."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from source_zoom.source import SourceZoom  # noqa: PLC0415

    return SourceZoom


def __dir__() -> list[str]:
    return __all__
