"""The connector's command line with short waits: `python -m integration_tests.impatient read ...`.

Requests are not paced, failures are retried at once, and states leave often.
"""

import time

from source_zoom.run import main
from source_zoom.streams.windows import cursor

LONGEST_WAIT_SECONDS = 0.01
CHECKPOINT_SECONDS = 0.05

_sleep = time.sleep


def short_sleep(seconds: float) -> None:
    """Wait, but not for long: what is retried for half a minute fails within a second."""
    _sleep(min(seconds, LONGEST_WAIT_SECONDS))


if __name__ == "__main__":
    setattr(time, "sleep", short_sleep)  # noqa: B010 - mypy takes it for a function with other parameters
    cursor.CHECKPOINT_SECONDS = CHECKPOINT_SECONDS
    main()
