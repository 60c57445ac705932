"""Loop: the engine thread, its queue, and group commit.

Everything that changes state runs here, one job after another, so there are no locks. Jobs that arrive while a
commit is on its way to the disk share the next one: a client's acknowledgement waits for the commit that holds its
change, and many clients share one fsync.

    jobs ─▶ run each ─▶ background work ─▶ commit ─▶ acknowledge
     ▲                                                   │
     └───────────────────────────────────────────────────┘
"""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Protocol, TypeVar

from pgstream.world import World

T = TypeVar("T")
A = TypeVar("A")

COMMIT_INTERVAL_S = 0.25
"""How long changes that nobody waits for (sources, synchronous_commit = off) may stay undurable."""

FAILED_COMMIT_PAUSE_S = 1.0
"""How much longer that is after a commit that failed, as on a full disk. A client's change is tried at once."""

COMMIT_FAILED = "commit failed"

PATIENCE_S_MAX = 0.005
"""How long a turn may wait for clients to come back."""

JOBS_PER_COMMIT_MAX = 1024
"""How many queued jobs may share one commit, so that the first of them does not wait for ever."""


class Promise(Protocol):
    """Who waits for a job: a `Future`, or what a caller has instead of one."""

    def set_running_or_notify_cancel(self) -> bool:
        """The job begins; False where nobody wants it any more."""

    def set_result(self, result: Any, /) -> None:
        """It is done, and durable if that was asked for."""

    def set_exception(self, exception: BaseException | None, /) -> None:
        """It failed, or its commit did."""


class Worker(Protocol):
    """What the loop drives."""

    def work(self) -> float:
        """Does one short piece of background work: source batches, backfill chunks.

        Returns the seconds until there may be more: 0 means at once.
        """

    def dirty(self) -> bool:
        """Whether anything has changed since the last commit."""

    def commit(self) -> None:
        """Makes everything durable. On an exception, state is back where the last commit left it."""

    def failed(self, what: str, error: BaseException) -> None:
        """Tells the operator of what no client may be told."""


@dataclass(frozen=True, slots=True)
class _Job:
    """`run(asked)`; jobs in a row with an equal `run` are run by one call, which is given them all."""

    run: Callable[[Sequence[Any]], Sequence[Any]]
    asked: Any
    future: Promise
    durable: bool


class Later(Exception):
    """Raised by a job whose result comes from background work: whoever keeps the future calls `Loop.settle`."""


class Loop:
    """The engine thread. `submit` may be called from any thread; the worker is only touched on this one."""

    def __init__(self, worker: Worker, world: World) -> None:
        self._worker = worker
        self._world = world
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._stopping = False
        self._ended = False
        self._settled: list[tuple[Promise, Any]] = []
        self._last_commit = world.monotonic()
        self._together = 0
        """How many waited for the last turn's commit."""
        self._patience_s = 0.0

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Runs what is queued, commits, and ends the thread. Later submissions are never answered."""
        self._stopping = True
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join()
        while not self._ended:
            self.turn()

    def wake(self) -> None:
        """Lets background work run now, as when a prefetched batch has arrived."""
        self._jobs.put(None)

    def submit(self, run: Callable[[], T], *, durable: bool = True) -> "Future[T]":
        """Runs `run` on the engine thread.

        The future resolves with its result once what it changed is durable, or as soon as it has run where
        `durable` is false; with its exception if it fails, or if the commit does.
        """
        future: Future[T] = Future()
        self._jobs.put(_Job(_alone(run), None, future, durable))
        return future

    def submit_shared(
        self, run: Callable[[Sequence[A]], Sequence[T | BaseException]], asked: A, *, durable: bool
    ) -> "Future[T]":
        """As `submit`, for work that neighbours in the queue with an equal `run` share: it is given what each of them
        asked, and returns the result of each, or its exception; it raises nothing."""
        future: Future[T] = Future()
        self.submit_promised(run, asked, future, durable=durable)
        return future

    def submit_promised(
        self, run: Callable[[Sequence[A]], Sequence[T | BaseException]], asked: A, promise: Promise, *, durable: bool
    ) -> None:
        """As `submit_shared`, for who brings his own promise: a `Future` costs more than many a job."""
        self._jobs.put(_Job(run, asked, promise, durable))

    def submit_open(self, run: "Callable[[Future[T]], T]") -> "Future[T]":
        """As `submit`, for work that may outlast its job: `run` is given the future, and raises Later to keep it."""
        future: Future[T] = Future()
        self._jobs.put(_Job(_alone(lambda: run(future)), None, future, True))
        return future

    def settle(self, future: "Future[T]", result: T) -> None:
        """Resolves a kept future with the next commit. Called on the engine thread."""
        self._settled.append((future, result))

    def _run(self) -> None:
        pause = 0.0
        while not self._ended:
            pause = self.turn(pause)

    def turn(self, pause: float = 0.0) -> float:
        """Once round, after waiting up to `pause` seconds for work. Returns how long the next turn may wait.

        For whoever did not `start` the thread, and drives the loop on its own.
        """
        jobs = self._gathered(self._take(pause))
        started = self._world.monotonic()
        finished = [done for run, some in groupby(jobs, _run_of) for done in self._perform(run, list(some))]
        pause = 0.0 if self._stopping else self._work()
        settled, self._settled = self._settled, []
        self._commit_if_due([*finished, *settled])
        self._together = len(finished)
        self._patience_s = min((self._world.monotonic() - started) / 2, PATIENCE_S_MAX)
        if self._stopping and self._jobs.empty():
            self._commit_if_due([], closing=True)
            self._ended = True
        return pause

    def _work(self) -> float:
        """Background work; what it raises is reported and is nobody's end."""
        try:
            return self._worker.work()
        except Exception as error:
            self._worker.failed("background work failed", error)
            return 0.0

    def _take(self, pause: float) -> list[_Job]:
        """The queued jobs, after waiting up to `pause` seconds for the first; a dirty worker waits only until its
        commit is due."""
        if self._worker.dirty():
            pause = min(pause, max(0.0, self._last_commit + COMMIT_INTERVAL_S - self._world.monotonic()))
        jobs: list[_Job] = []
        try:
            first = self._jobs.get(timeout=pause) if pause > 0 else self._jobs.get_nowait()
            while len(jobs) < JOBS_PER_COMMIT_MAX:
                if first is not None:
                    jobs.append(first)
                first = self._jobs.get_nowait()
        except queue.Empty:
            return jobs
        if first is not None:
            jobs.append(first)
        return jobs

    def _gathered(self, jobs: list[_Job]) -> list[_Job]:
        """`jobs`, and those of the clients that were answered together last time, who are about to ask again: they
        are waited for half as long as that turn took, so that they share this one too."""
        if not any(job.durable for job in jobs):
            return jobs
        until = self._world.monotonic() + self._patience_s
        while len(jobs) < self._together and (left := until - self._world.monotonic()) > 0:
            try:
                job = self._jobs.get(timeout=left)
            except queue.Empty:
                break
            if job is not None:
                jobs.append(job)
        return jobs

    def _perform(
        self, run: Callable[[Sequence[Any]], Sequence[Any]], jobs: Sequence[_Job]
    ) -> "Iterator[tuple[Promise, Any]]":
        """Runs jobs; yields what must wait for the commit, and answers the others."""
        live = [job for job in jobs if job.future.set_running_or_notify_cancel()]
        for job, result in zip(live, run([job.asked for job in live]), strict=True):
            if isinstance(result, Later):
                continue
            if isinstance(result, BaseException):
                job.future.set_exception(result)
            elif job.durable and self._worker.dirty():
                yield job.future, result
            else:
                job.future.set_result(result)

    def _commit_if_due(self, finished: "list[tuple[Promise, Any]]", closing: bool = False) -> None:
        due = closing or bool(finished) or self._world.monotonic() - self._last_commit >= COMMIT_INTERVAL_S
        if due and self._worker.dirty():
            try:
                self._worker.commit()
                self._last_commit = self._world.monotonic()
            except BaseException as error:
                self._worker.failed(COMMIT_FAILED, error)
                for future, _ in finished:
                    future.set_exception(error)
                finished = []
                self._last_commit = self._world.monotonic() + FAILED_COMMIT_PAUSE_S
        for future, result in finished:
            future.set_result(result)


def _run_of(job: _Job) -> Callable[[Sequence[Any]], Sequence[Any]]:
    return job.run


def _alone(run: Callable[[], Any]) -> Callable[[Sequence[Any]], Sequence[Any]]:
    """A job's own `run`, equal to no other's."""

    def each(_asked: Sequence[Any]) -> Sequence[Any]:
        try:
            return [run()]
        except BaseException as error:
            return [error]

    return each
