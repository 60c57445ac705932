"""Time, randomness and sleep: the seam that simulation replaces.

Everything in pgstream that would otherwise ask the operating system for the time or for random bytes asks a
`World`, so that a test can run a whole server from one seed.
"""

import os
import time
from typing import Protocol


class World(Protocol):
    """The outside as the engine sees it."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 00:00:00 UTC, as `now()` reports them."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean anything."""

    def random_bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes, for cancellation keys, hash seeds and salts."""

    def sleep(self, seconds: float) -> None:
        """Blocks the calling thread."""


class RealWorld:
    """The operating system's clock and randomness."""

    def now_us(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
