"""Where threads start, and what is said when there are no more to be had."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.utils import AirbyteTracedException

STACK_BYTES = 3 << 20
"""Address space a thread reserves; resident is what it uses, some 15 kB.

The usual 8 MB times a hundred workers exceed what some computers allow a process. With less than 2 MB an answer nested
a thousand deep ends the process instead of failing to be parsed (Python 3.13); 3 MB hold the deepest recursion that
Python lets any of its functions do.
"""

NO_THREAD = (
    "This computer lets the connector start no more threads: lower `num_workers`, or raise the limit of processes or "
    "of memory (for a container its pids limit, else `ulimit -u` and `ulimit -v`)."
)


def start(target: Callable[..., object], *args: Any, name: str) -> threading.Thread:
    """Return a daemon thread that has begun to call `target`.

    :raises AirbyteTracedException: config error, if there is no thread to be had
    """
    thread = threading.Thread(target=target, args=args, name=name, daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        raise AirbyteTracedException(
            message=NO_THREAD,
            internal_message=f"Thread {name} beside {threading.active_count()} others: {error}",
            failure_type=FailureType.config_error,
        ) from error
    return thread
