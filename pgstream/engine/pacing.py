"""Pacing: how fast a source may be read, by its options `rate_limit` (rows a second; 0: not at all) and `paused`."""

from dataclasses import dataclass
from math import inf

from pgstream.catalog.objects import Source
from pgstream.connectors import Limits

BATCHES_A_SECOND = 10
"""In how many pieces the rows of a second come at most."""


@dataclass(slots=True)
class Pacing:
    """What a source may give: `rate` rows a second, None for as many as there are."""

    rate: int | None
    paused: bool
    _owed: float = 0.0
    _since_s: float = 0.0

    @staticmethod
    def of(source: Source) -> "Pacing":
        options = dict(source.options)
        rate = options.get("rate_limit", options.get("source_rate_limit"))
        paused = options.get("paused", "false").lower() == "true" or rate == "0"
        return Pacing(int(rate) if rate is not None and rate.isdigit() else None, paused)

    def same(self, other: "Pacing") -> bool:
        return (self.rate, self.paused) == (other.rate, other.paused)

    @property
    def limits(self) -> Limits:
        """How much a batch may hold."""
        return Limits() if self.rate is None else Limits(rows=max(1, self.rate // BATCHES_A_SECOND))

    def allows(self, now_s: float) -> bool:
        """Whether a batch may be taken now."""
        if self.paused or self.rate is None:
            return not self.paused
        self._owed = max(0.0, self._owed - (now_s - self._since_s) * self.rate)
        self._since_s = now_s
        return self._owed <= 0.0

    @property
    def wait_s(self) -> float:
        """How long nothing may be taken, after what was; for ever while it is paused."""
        return inf if self.paused else 0.0 if self.rate is None else self._owed / self.rate

    def took(self, rows: int) -> None:
        """A batch was taken."""
        self._owed += rows
