"""One small job pool for the whole server: equal requests share one run, results are kept, cancel really stops.

Why not simply compute in the page's script: thirty students pressing "learn" at once would put thirty least-squares
fits on two cores (34-46 s each instead of 1-7 s), and a run could neither report progress nor be stopped.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from linattn_core.errors import Cancelled, LinattnError

LEASE = 20.0  # seconds without a sign of life after which a viewer counts as gone (a closed tab says no goodbye)
KEPT = 32  # results kept, least recently used out first
KEPT_BYTES = 512 * 2**20  # and together at most this much, as far as their sizes are known

_SERIALS = itertools.count()

Progress = Callable[[float, str], None]
Work = Callable[[Progress], Any]


class Job:
    """One piece of work and who waits for it; `fraction` and `words` say how far it is."""

    future: Future[Any]  # set by the pool before anybody else sees the job

    def __init__(self, key: Hashable) -> None:
        self.key, self.serial = key, next(_SERIALS)
        self.fraction, self.words = 0.0, "waiting for its turn"
        self.started: float | None = None
        self._viewers: dict[str, float] = {}
        self._stop = threading.Event()
        self._lock = threading.Lock()

    def watch(self, viewer: str) -> None:
        """A sign of life of `viewer`; a job that nobody watches any more stops by itself."""
        with self._lock:
            self._viewers[viewer] = time.monotonic()

    def leave(self, viewer: str) -> None:
        """`viewer` cancels: the work stops at its next step unless somebody else is waiting for the same result."""
        with self._lock:
            self._viewers.pop(viewer, None)
            if not self._viewers:
                self._stop.set()

    def tick(self, fraction: float, words: str) -> None:
        """Called by the work itself: note the progress; raises Cancelled when the work is no longer wanted."""
        self.fraction, self.words = min(max(float(fraction), 0.0), 1.0), words
        if self.abandoned():
            raise Cancelled("The run was cancelled; nothing was changed, start it again whenever you like.")

    def abandoned(self) -> bool:
        """Whether the last viewer has left or has not been heard of for `LEASE` seconds."""
        with self._lock:
            alive = any(time.monotonic() - seen < LEASE for seen in self._viewers.values())
        return self._stop.is_set() or not alive

    def done(self) -> bool:
        return self.future.done()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`; whether the job is done. Spares short jobs the flicker of a progress bar."""
        futures.wait([self.future], timeout=seconds)
        return self.future.done()

    def result(self) -> Any:
        """The result, or the error the work ended with."""
        return self.future.result(timeout=0)


class JobPool:
    """At most one job at a time on one thread; equal keys share a job; the last `kept` results stay."""

    def __init__(
        self, kept: int = KEPT, kept_bytes: int = KEPT_BYTES, weigh: Callable[[Any], int] = lambda _: 0
    ) -> None:
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="linattn-job")
        self._kept, self._kept_bytes, self._weigh = kept, kept_bytes, weigh
        self._finished: OrderedDict[Hashable, tuple[Job, int]] = OrderedDict()
        self._running: OrderedDict[Hashable, Job] = OrderedDict()
        self._lock = threading.Lock()

    def submit(self, key: Hashable, work: Work, viewer: str) -> Job:
        """The job for `key`: the finished one, the running one, or a new one; `viewer` counts as waiting for it."""
        with self._lock:
            if key in self._finished:
                self._finished.move_to_end(key)
                return self._finished[key][0]
            job = self._running.get(key)
            if job is not None and not job.abandoned():
                job.watch(viewer)
                return job
            job = Job(key)
            job.watch(viewer)
            self._running[key] = job
            job.future = self._threads.submit(self._run, job, work)
        return job

    def knows(self, key: Hashable) -> bool:
        """Whether the job for `key` is finished or under way."""
        with self._lock:
            return key in self._finished or key in self._running

    def ahead(self, job: Job) -> int:
        """How many jobs will run before this one."""
        with self._lock:
            waiting = list(self._running.values())
        return waiting.index(job) if job in waiting and job.started is None else 0

    def _run(self, job: Job, work: Work) -> Any:
        job.started = time.monotonic()
        keep, weight = False, 0
        try:
            job.tick(0.0, "starting")
            value = work(job.tick)
            keep, weight = True, self._weigh(value)
            return value
        except Cancelled:
            raise
        except LinattnError:
            keep = True  # the same request would fail the same way
            raise
        finally:
            self._close(job, keep, weight)

    def _close(self, job: Job, keep: bool, weight: int) -> None:
        with self._lock:
            if self._running.get(job.key) is job:
                del self._running[job.key]
            if keep:
                self._finished[job.key] = (job, weight)
            while len(self._finished) > self._kept or (len(self._finished) > 1 and self._bytes() > self._kept_bytes):
                self._finished.popitem(last=False)

    def _bytes(self) -> int:
        return sum(weight for _, weight in self._finished.values())
