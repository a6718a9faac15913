"""Airbyte source connector for Zoom."""

from typing import TYPE_CHECKING, Any

__all__ = ["SourceZoom"]

if TYPE_CHECKING:
    from source_zoom.source import SourceZoom
else:

    def __getattr__(name: str) -> Any:
        """Import the source when it is asked for: `spec` needs neither it nor the CDK."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from source_zoom.source import SourceZoom  # noqa: PLC0415

        return SourceZoom

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
