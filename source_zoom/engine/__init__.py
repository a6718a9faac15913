"""A concurrent reader for trees of streams. It knows the CDK, and no API.

    reader      one thread: takes messages off the queue, yields them, and ends streams in order
       |
    pools       threads: one for each generator of slices, a pool for each rate limit
       |
    partitions  one slice: generated, queued, read, finished; once more if that may help
       |
    tasks       one stream in one sync: what it follows, what became of its slices
       |
    feed        keys of a parent's records, written once, replayed by every child

Each layer imports from those below it. All may use the small parts, which know nothing of the layers: `backlog`,
`cursors`, `failures`, `heartbeat`, `messages`, `progress`, `threads`, `ticker`.
"""

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
