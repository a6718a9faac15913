"""Threads: one for each generator of slices, a pool for each rate label.

The CDK runs generators and partitions on one first-in-first-out pool and bounds its backlog as a
whole (partition_enqueuer.py). Then streams that wait for a parent block those that could go on, and
requests that wait for a slow rate limit hold back fast ones. Here each kind of waiting has its own
threads and each stream a backlog of its own.

All threads are daemons: one may be in a request with a five-minute timeout or in a back-off when
the sync ends, and the process must not wait for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import threads
from source_zoom.engine.failures import EngineClosed
from source_zoom.engine.messages import ClosableQueue
from source_zoom.engine.partitions import SlicePartition

Job = Callable[[], None]
GOODBYE_SECONDS = 2.0


class EngineFault:
    """Queue item that ends the sync: a thread failed outside of what the CDK catches."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class WorkerPool:
    """A fixed number of daemon threads that run jobs first in, first out.

    :raises AirbyteTracedException: config error, if there are not that many threads to be had
    """

    def __init__(self, name: str, size: int) -> None:
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._stopped = threading.Event()
        self.threads: list[threading.Thread] = []
        try:
            for number in range(size):
                self.threads.append(threads.start(self._work, name=f"{name}-{number}"))
        except AirbyteTracedException:
            self.stop()
            raise

    def submit(self, job: Job) -> None:
        """Queue a job; never blocks."""
        self._jobs.put(job)

    def stop(self) -> None:
        """Start no further job."""
        self._stopped.set()
        for _ in self.threads:
            self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None and not self._stopped.is_set():
            job()


class TaskRouter(ThreadPoolManager):
    """What the CDK's read processor submits its tasks to.

    The base class's constructor is not called: the one pool it wraps is what this class replaces.
    """

    def __init__(self, pools: Mapping[str, WorkerPool], queue: ClosableQueue) -> None:
        self._pools = pools
        self._queue = queue
        self._generators: list[threading.Thread] = []

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a partition on the pool of its stream, anything else (a generator) on a thread of its own.

        :raises AirbyteTracedException: config error, if there is no thread to be had
        """
        subject = args[0]
        if isinstance(subject, SlicePartition):
            self._pools[subject.pool].submit(lambda: self._run_partition(function, *args))
        else:
            self._generators.append(threads.start(self.guard, function, *args, name=f"slices-{subject.name}"))

    def prune_to_validate_has_reached_futures_limit(self) -> bool:
        """Say that there is room: each stream bounds its own backlog (partitions.py, `Backlog`)."""
        return False

    def check_for_errors_and_shutdown(self) -> None:
        """Stop the threads; errors have reached the main thread through the queue."""
        self.shutdown()

    def shutdown(self) -> None:
        """Stop the pools and give the threads a moment to leave, so that none is caught printing at exit."""
        for pool in self._pools.values():
            pool.stop()
        deadline = time.monotonic() + GOODBYE_SECONDS
        for thread in [*self._generators, *(thread for pool in self._pools.values() for thread in pool.threads)]:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run_partition(self, function: Callable[..., Any], partition: SlicePartition, *args: Any) -> None:
        try:
            self.guard(function, partition, *args)
        finally:
            self.guard(partition.finish)

    def guard(self, function: Callable[..., Any], *args: Any) -> None:
        """Call a function; the main thread learns of an error, and the end of the sync is none."""
        try:
            function(*args)
        except EngineClosed:
            return
        except BaseException as error:  # noqa: BLE001 - whatever it is, the main thread must learn of it or wait for ever
            self._report(error)

    def _report(self, error: BaseException) -> None:
        try:
            self._queue.put(EngineFault(error))  # type: ignore[arg-type]  # handled by engine.reader, not by the CDK
        except EngineClosed:
            return


def shares(workers: int, labels: Sequence[str]) -> dict[str, int]:
    """Share a number of workers out among labels as evenly as possible, at least one each.

    >>> shares(32, ["light", "medium", "heavy"])
    {'light': 11, 'medium': 11, 'heavy': 10}
    """
    even, rest = divmod(workers, len(labels))
    return {label: max(1, even + (position < rest)) for position, label in enumerate(labels)}
