"""Flows: what pgstream_sources and pgstream_sinks tell of rows on their way."""

from collections import deque
from dataclasses import dataclass, field

from pgstream.catalog.session_facts import NO_MISHAPS, Mishaps
from pgstream.errors import SqlError

RATE_S = 10.0
"""Over how long a rate is measured."""

SHORTEST_S = 1.0
"""Over how long at least, where a source has just begun."""


@dataclass(slots=True)
class Flow:
    """What came of one source, or went into one sink, since the server started, and why it fails if it does."""

    rows: int = 0
    rejected: int = 0
    sqlstate: str | None = None
    error: str | None = None
    failing_since_us: int | None = None
    mishaps: Mishaps = NO_MISHAPS
    _recent: deque[tuple[float, int]] = field(default_factory=deque)
    _since_s: float | None = None

    def came(self, rows: int, rejected: int, now_s: float) -> None:
        """A batch was taken."""
        self.rows += rows
        self.rejected += rejected
        self.sqlstate = self.error = self.failing_since_us = None
        if self._since_s is None:
            self._since_s = now_s
        self._recent.append((now_s, rows))
        while self._recent[0][0] < now_s - RATE_S:
            self._recent.popleft()

    def failed(self, error: Exception, now_us: int) -> bool:
        """It could not be read, or written. Returns whether that is news."""
        before = self.sqlstate, self.error
        self.sqlstate = error.sqlstate if isinstance(error, SqlError) else "XX000"
        self.error = error.message if isinstance(error, SqlError) else str(error)
        self.failing_since_us = self.failing_since_us or now_us
        self.mishaps = Mishaps(self.mishaps.times + 1, self.error, now_us)
        return (self.sqlstate, self.error) != before

    def rate(self, now_s: float) -> float:
        """Rows a second, lately. Any thread may ask."""
        if self._since_s is None:
            return 0.0
        span_s = min(max(now_s - self._since_s, SHORTEST_S), RATE_S)
        return sum(rows for at, rows in list(self._recent) if at >= now_s - RATE_S) / span_s
