"""Sources read on the engine's own thread, for simulated time: it does not pass for other threads."""

from typing import Any

from pgstream.connectors.source import Limits, read


class Inline:
    """What `Prefetch` gives, read when it is asked for, at most `limits` at a time."""

    limits = Limits()

    def __init__(self, source: Any, offset: bytes, needed: frozenset[int], _pool: Any, **_: Any) -> None:
        self._source, self._offset, self._needed = source, offset, needed
        self.exhausted = self.caught_up = False

    def take(self) -> Any:
        """The next batch; None where there is none yet."""
        batch = read(self._source, self._offset, self.limits, self._needed)
        self.exhausted = batch.exhausted
        self.caught_up = batch.exhausted or batch.next == self._offset
        if batch.next == self._offset:
            return None
        self._offset = batch.next
        return batch

    def close(self) -> None:
        """Nothing is held."""
