"""Debts: what a sink that failed has not been given, kept in the store until it takes it.

    <number>/debt/<sink>             the sink's Debt, as JSON, while parcels wait
    <number>/parcel/<sink>/<n>       the changes of one commit, as an Arrow stream

See `docs/decisions/0007-a-failed-sink-is-owed.md`.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import pyarrow as pa

from pgstream.delta import Delta
from pgstream.engine.commit import Place
from pgstream.errors import FeatureNotSupported, SqlError
from pgstream.kernels.arrow_views import words

RETRY_S = 1.0
"""How long a sink that failed is left alone; twice as long after each failure more."""

RETRY_S_MAX = 60.0

Ticks = list[tuple[int, Delta]]


@dataclass(frozen=True, slots=True)
class Debt:
    """A sink that failed: why and since when, and the numbers of the parcels that wait for it, from `first` to
    before `next`. It is tried again at `until`, on the world's monotonic clock."""

    sqlstate: str
    error: str
    since_us: int
    first: int = 0
    next: int = 0
    failures: int = 0
    until: float = 0.0

    @property
    def parcels(self) -> range:
        return range(self.first, self.next)

    @property
    def state(self) -> str:
        """`paused` by who owns it, `blocked` by what no further try can mend, or `failing`."""
        return (
            "paused" if not self.sqlstate else "blocked" if self.sqlstate == FeatureNotSupported.sqlstate else "failing"
        )

    def failed(self, error: SqlError, now: float) -> "Debt":
        """This debt after one more failure."""
        wait = min(RETRY_S * 2.0 ** min(self.failures, 20), RETRY_S_MAX)
        if isinstance(error, FeatureNotSupported):
            wait = inf  # only another option mends it
        return replace(self, sqlstate=error.sqlstate, error=error.message, failures=self.failures + 1, until=now + wait)

    def pack(self) -> bytes:
        told = [self.sqlstate, self.error, self.since_us, self.first, self.next, self.failures]
        return json.dumps(told).encode()

    @staticmethod
    def unpack(packed: bytes) -> "Debt":
        """The debt as it was, to be paid at once."""
        return Debt(*json.loads(packed))


def debt_key(place: Place, oid: int) -> bytes:
    return place.key("debt", oid)


def parcel_key(place: Place, oid: int, number: int) -> bytes:
    return place.key("parcel", oid, number)


def pack_parcel(ticks: Sequence[tuple[int, Delta]]) -> bytes:
    """Changes of one sink: tick, weight and the row's columns. `ticks` is not empty."""
    made = []
    for tick, delta in ticks:
        columns = [pa.array(np.full(len(delta), tick, np.int64)), pa.array(delta.weights), *delta.columns]
        made.append(pa.RecordBatch.from_arrays(columns, [str(i) for i in range(len(columns))]))
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, made[0].schema) as stream:
        for batch in made:
            stream.write_batch(batch)
    packed: bytes = out.getvalue().to_pybytes()
    return packed


def unpack_parcel(packed: bytes) -> Iterator[tuple[int, Delta]]:
    """What was packed, tick by tick."""
    for batch in pa.ipc.open_stream(packed):
        tick, weights, *columns = batch.columns
        yield tick[0].as_py(), Delta(tuple(columns), words(weights, "int64"))
