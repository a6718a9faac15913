"""Threads: one for each generator of slices, a pool for each rate label.

The CDK runs generators and partitions on one first-in-first-out pool and bounds its backlog as a
whole (partition_enqueuer.py). Then streams that wait for a parent block those that could go on, and
requests that wait for a slow rate limit hold back fast ones. Here each kind of waiting has its own
threads and each stream a backlog of its own.

All threads are daemons: one may be in a request with a five-minute timeout or in a back-off when
the sync ends, and the process must not wait for it.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from itertools import count
from queue import PriorityQueue
from typing import Any

from airbyte_cdk.sources.concurrent_source.thread_pool_manager import ThreadPoolManager
from airbyte_cdk.utils import AirbyteTracedException

from source_zoom.engine import threads
from source_zoom.engine.failures import EngineClosed
from source_zoom.engine.messages import ClosableQueue
from source_zoom.engine.partitions import SlicePartition

Job = Callable[[], None]
GOODBYE_SECONDS = 2.0

THREADS_AT_FIRST = 4
"""Of each pool; more come when requests could be made that no thread is there to make."""

BUSY = 0.9
"""Of a core: beyond it, requests wait for this process, not for threads."""

LOOK_SECONDS = 0.1
"""How often it is looked whether threads are lacking."""


class EngineFault:
    """Queue item that ends the sync: a thread failed outside of what the CDK catches."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


class WorkerPool:
    """Daemon threads that run jobs: the most urgent first, of those the oldest.

    :param size: how many threads to begin with
    :raises AirbyteTracedException: config error, if there are not that many threads to be had
    """

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = 0
        """How many threads may take jobs; those beyond rest."""
        self._changed = threading.Condition()
        self._jobs: PriorityQueue[tuple[tuple[float, ...], int, Job | None]] = PriorityQueue()
        self._numbers = count()
        self._stopped = threading.Event()
        self.threads: list[threading.Thread] = []
        try:
            self.resize(size)
        except AirbyteTracedException:
            self.stop()
            raise

    @property
    def waiting(self) -> int:
        """How many jobs wait for a thread."""
        return self._jobs.qsize()

    def submit(self, job: Job, urgency: tuple[int, ...] = ()) -> None:
        """Queue a job; never blocks."""
        self._jobs.put((tuple(-degree for degree in urgency), next(self._numbers), job))

    def resize(self, size: int) -> None:
        """Let so many threads take jobs; start those that are lacking.

        :raises AirbyteTracedException: config error, if there is none to be had; the others go on
        """
        with self._changed:
            self.size = size
            self._changed.notify_all()
        for number in range(len(self.threads), size):
            self.threads.append(threads.start(self._work, number, name=f"{self.name}-{number}"))

    def stop(self) -> None:
        """Start no further job."""
        self._stopped.set()
        self.size = len(self.threads)
        with self._changed:
            self._changed.notify_all()
        for _ in self.threads:
            self._jobs.put(((-math.inf,), next(self._numbers), None))

    def _work(self, number: int) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: number < self.size)
            job = self._jobs.get()[-1]
            if job is None or self._stopped.is_set():
                return
            job()


class CpuLoad:
    """Tells what part of the time the process has computed since it was asked last; of one core, as Python uses one."""

    def __init__(self) -> None:
        self._asked, self._used = time.monotonic(), time.process_time()

    def __call__(self) -> float:
        """Return the part; 1 is a core."""
        asked, used = time.monotonic(), time.process_time()
        seconds, cpu = asked - self._asked, used - self._used
        self._asked, self._used = asked, used
        return cpu / seconds if seconds else 0.0


class Staff:
    """The pools of a sync, which grow while their work waits for nothing but threads.

    :param names: of the pools
    :param most: how many threads there may be in all
    :param lacking: returns how many threads more than those it has a pool could use; negative if it has too many
    :param load: returns what part of a core the process uses; more threads are no help where it uses all
    :raises AirbyteTracedException: config error, if there are no threads to begin with
    """

    def __init__(
        self,
        names: Iterable[str],
        most: int,
        lacking: Callable[[str, int], int],
        logger: logging.Logger,
        *,
        load: Callable[[], float] | None = None,
    ) -> None:
        names = list(names)
        self._load = load or CpuLoad()
        self._most = max(most, len(names))
        self._lacking = lacking
        self._logger = logger
        self._spared = max(1, self._most // (2 * max(1, len(names))))
        """What a pool takes from no other: half of an even share."""
        size = max(1, min(THREADS_AT_FIRST, self._spared))
        self.pools = {name: WorkerPool(name, size) for name in names}

    def look(self) -> None:
        """Add the threads that are lacking now; have one rest where there are too many."""
        is_busy = self._load() > BUSY
        for pool in self.pools.values():
            lacking = self._lacking(pool.name, pool.size)
            if lacking > 0 and not is_busy and (more := min(lacking, self._room(pool))) > 0:
                self._grow(pool, more)
            elif lacking < 0 and pool.size > THREADS_AT_FIRST:
                # A long slice gets on faster, as it shares the turns with fewer.
                pool.resize(pool.size - 1)

    def _room(self, pool: WorkerPool) -> int:
        """Return by how many threads a pool may grow at once."""
        others = sum(max(len(other.threads), self._spared) for other in self.pools.values() if other is not pool)
        return min(self._most - others - pool.size, pool.size, pool.waiting)

    def _grow(self, pool: WorkerPool, more: int) -> None:
        try:
            pool.resize(pool.size + more)
        except AirbyteTracedException as error:
            pool.resize(len(pool.threads))
            self._most = 0
            self._logger.warning(f"The sync goes on with the threads it has. {error.message}")

    def stop(self) -> None:
        """Start no further job."""
        for pool in self.pools.values():
            pool.stop()


class TaskRouter(ThreadPoolManager):
    """What the CDK's read processor submits its tasks to.

    The base class's constructor is not called: the one pool it wraps is what this class replaces.
    """

    def __init__(self, staff: Staff, queue: ClosableQueue) -> None:
        self._staff = staff
        self._queue = queue
        self._generators: list[threading.Thread] = []

    def submit(self, function: Callable[..., Any], *args: Any) -> None:
        """Run a partition on the pool of its stream, anything else (a generator) on a thread of its own.

        :raises AirbyteTracedException: config error, if there is no thread to be had
        """
        subject = args[0]
        if isinstance(subject, SlicePartition):
            job = partial(self._run_partition, function, *args)
            self._staff.pools[subject.pool].submit(job, subject.urgency)
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
        self._staff.stop()
        deadline = time.monotonic() + GOODBYE_SECONDS
        workers = [thread for pool in self._staff.pools.values() for thread in pool.threads]
        for thread in [*self._generators, *workers]:
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
