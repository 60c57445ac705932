"""A world without an operating system: time passes when it is slept through, and randomness has a seed."""

from random import Random


class SimulatedWorld:
    """A `World` that is the same in every run. Each look at a clock takes a microsecond."""

    def __init__(self, seed: int, start_us: int = 1_767_225_600_000_000) -> None:
        self._random = Random(seed)
        self._now_us = start_us

    def now_us(self) -> int:
        self._now_us += 1
        return self._now_us

    def monotonic(self) -> float:
        return self.now_us() / 1e6

    def random_bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass."""
        self._now_us += int(seconds * 1e6)
