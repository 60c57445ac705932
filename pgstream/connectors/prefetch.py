"""Reading ahead: a source's next batches are made by other threads while the engine works on the last one.

One thread plans, since each offset follows from the one before; a small pool fetches, several readings at once;
batches come out in the order planned. Kernels release the GIL, so decoding overlaps with the tick.
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from pgstream.connectors.source import Batch, Limits, Offset, Reading, Rows, Source

USUAL_LIMITS = Limits()


class Prefetch:
    """A source read ahead from an offset on, by at most `depth` batches.

    `ready` is called, from another thread, whenever `take` may have something new to give.
    """

    def __init__(
        self,
        source: Source,
        offset: Offset,
        needed: frozenset[int],
        pool: ThreadPoolExecutor,
        *,
        limits: Limits = USUAL_LIMITS,
        until: Offset | None = None,
        depth: int = 3,
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._source, self._offset, self._needed, self._pool = source, offset, needed, pool
        self._limits, self._until, self._depth, self._ready = limits, until, depth, ready
        self._changed = threading.Condition()
        self._planned: deque[tuple[Reading, Future[Rows]]] = deque()
        self._waiting: tuple[bool, float | None] | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self._woken = False
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._plan_next():
                pass
        except BaseException as error:
            with self._changed:
                self._failure = error
                self._changed.notify_all()
            self._ready()

    def _plan_next(self) -> bool:
        """Plans one reading, or waits. Returns False when there is no more to plan."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._planned) < self._depth)
            if self._closed:
                return False
            self._woken = False
        reading = self._source.plan(self._offset, self._limits, self._needed, self._until)
        if reading.next == self._offset:
            with self._changed:
                self._waiting = (reading.exhausted, reading.wait_until)
                self._changed.notify_all()
            self._ready()
            return not reading.exhausted and self._pause(0.02)
        self._offset = reading.next
        fetching = self._pool.submit(reading.fetch)
        with self._changed:
            self._waiting = (True, None) if reading.exhausted else None
            self._planned.append((reading, fetching))
            self._changed.notify_all()
        # Only now: whoever is told that there is something must find it planned.
        fetching.add_done_callback(lambda _: self._ready())
        return not reading.exhausted

    def _pause(self, seconds: float) -> bool:
        """Waits before the source is asked again. Returns False when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._woken, seconds)
            return not self._closed

    def wake(self) -> None:
        """Has the source asked again at once."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    @property
    def exhausted(self) -> bool:
        """Whether everything has been taken and nothing will come."""
        with self._changed:
            return not self._planned and self._waiting is not None and self._waiting[0]

    @property
    def caught_up(self) -> bool:
        """Whether everything has been taken that there was when the source was last asked."""
        with self._changed:
            return not self._planned and self._waiting is not None

    def take(self, wait_seconds: float = 0.0) -> Batch | None:
        """The next batch if it is made, or is within `wait_seconds`; None else. Raises what the source raised."""
        with self._changed:
            if not self._planned and self._failure is None and wait_seconds:
                self._changed.wait_for(
                    lambda: self._planned or self._failure or self._closed or (self._waiting and self._waiting[0]),
                    wait_seconds,
                )
            if not self._planned:
                if self._failure is not None:
                    raise self._failure
                return None
            reading, fetching = self._planned[0]
        if not fetching.done():
            if wait_seconds == 0.0:
                return None
            try:
                fetching.exception(wait_seconds)
            except TimeoutError:
                return None
        with self._changed:
            self._planned.popleft()
            self._changed.notify_all()
        return Batch(fetching.result(), reading.next, reading.exhausted, reading.wait_until)

    def close(self) -> None:
        """Stops reading ahead. The source is the caller's to close."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()
        for _, fetching in self._planned:
            fetching.cancel()
