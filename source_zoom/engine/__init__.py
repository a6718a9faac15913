"""A concurrent reader for trees of streams. It knows the CDK and nothing of Zoom."""

from source_zoom.engine.cursors import ResumableCursor
from source_zoom.engine.failures import FailureLog, Loss, Outcome, ParentIncomplete, SliceFailure, StreamStopped
from source_zoom.engine.feed import FeedReader, Key
from source_zoom.engine.reader import TreeReader
from source_zoom.engine.tasks import Parent, Role, TreeStream, slices_from, with_ancestors

__all__ = [
    "FailureLog",
    "FeedReader",
    "Key",
    "Loss",
    "Outcome",
    "Parent",
    "ParentIncomplete",
    "ResumableCursor",
    "Role",
    "SliceFailure",
    "StreamStopped",
    "TreeReader",
    "TreeStream",
    "slices_from",
    "with_ancestors",
]
