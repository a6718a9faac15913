"""A concurrent reader for trees of streams. It knows the CDK and nothing of Zoom."""

from source_zoom.engine.cursors import ResumableCursor
from source_zoom.engine.failures import SliceFailure, StreamStopped
from source_zoom.engine.feed import Key
from source_zoom.engine.reader import TreeReader
from source_zoom.engine.tasks import TreeStream, with_ancestors

__all__ = ["Key", "ResumableCursor", "SliceFailure", "StreamStopped", "TreeReader", "TreeStream", "with_ancestors"]
