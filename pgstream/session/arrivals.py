"""Answers of the engine on their way to sessions: all that one commit acknowledges wake the event loop once.

The engine's thread posts, the event loop's thread takes. Neither waits for the other, and there is no lock: appending
to a deque, and taking the last item of a list, happen at once or not at all.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

Arrive = Callable[[Any, BaseException | None], None]
"""Is given the result, or the exception, on the event loop's thread."""


class Arrivals:
    """What has been answered and not been taken yet."""

    def __init__(self) -> None:
        self._posted: deque[tuple[Arrive, Any, BaseException | None]] = deque()
        self._awake = False
        self._loop: asyncio.AbstractEventLoop | None = None

    def expect(self, arrive: Arrive) -> "Expected":
        """A promise for the engine; called on the event loop's thread."""
        self._loop = asyncio.get_running_loop()
        return Expected(self, arrive)

    def post(self, arrive: Arrive, result: Any, error: BaseException | None) -> None:
        """Has `arrive` called soon. From any thread."""
        self._posted.append((arrive, result, error))
        if not self._awake:
            self._awake = True
            assert self._loop is not None
            try:
                self._loop.call_soon_threadsafe(self._deliver)
            except RuntimeError:  # the loop is closed: nobody is there to be told
                self._posted.clear()
                self._awake = False

    def _deliver(self) -> None:
        self._awake = False  # first: what is posted from here on wakes the loop again
        while self._posted:
            arrive, result, error = self._posted.popleft()
            arrive(result, error)


class Expected:
    """One answer that is waited for: `engine.loop.Promise`, and what a session cancels."""

    __slots__ = ("_arrivals", "_arrive", "_claim")

    def __init__(self, arrivals: Arrivals, arrive: Arrive) -> None:
        self._arrivals = arrivals
        self._arrive = arrive
        self._claim = [True]
        """Empty once the job runs, or is cancelled: whoever takes the item was first."""

    def _claimed(self) -> bool:
        try:
            return self._claim.pop()
        except IndexError:
            return False

    def set_running_or_notify_cancel(self) -> bool:
        return self._claimed()

    def set_result(self, result: Any, /) -> None:
        self._arrivals.post(self._arrive, result, None)

    def set_exception(self, exception: BaseException | None, /) -> None:
        self._arrivals.post(self._arrive, None, exception)

    def cancel(self) -> bool:
        """Ends the waiting with CancelledError; False where the job runs already, for then it may be durable."""
        if not self._claimed():
            return False
        self.set_exception(asyncio.CancelledError())
        return True
