"""Changelog: the changes of a relation, tick by tick, as long as they are to be remembered.

The rows are (second, time in ms, weight, columns…), keyed by the second. Only ticks are written down, which have a
time: what a backfill computes is no change.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta
from pgstream.operators.arrange import consolidated
from pgstream.storage.identity import Hash, Seed, key_hash
from pgstream.storage.order import OrderColumn
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

INT8 = SqlType("int8")
SECOND_MS = 1000

TRIMMED_SECONDS_MAX = 64
"""How many seconds of changes one tick forgets, so that none takes long."""

READ_SECONDS = 256
"""How many seconds of changes are read at once."""

SECOND, TIME, WEIGHT, FIRST = range(4)


@dataclass(frozen=True, slots=True)
class Changelog(Operator):
    """What its input changed by, for the last `retention_ms`. State: the changes, and the seconds that have any."""

    columns: tuple[SqlType, ...]
    retention_ms: int

    @property
    def types(self) -> tuple[SqlType, ...]:
        return (INT8, INT8, INT8, *self.columns)

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (
            ArrangementSpec(self.types, (SECOND,), ()),
            ArrangementSpec((INT8,), (), (OrderColumn(0),)),
        )

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = consolidated(Delta(tuple(inputs[0].columns), inputs[0].weights), tick)
        if tick.time_ms and len(delta):
            second = tick.time_ms // SECOND_MS
            state[0] = state[0].insert(_dated(delta, second, tick.time_ms))
            newest = state[1].tail(_all(tick.seed), 1).delta
            if not len(newest) or newest.columns[0][0].as_py() != second:
                state[1] = state[1].insert(Delta.of([pa.array([second], pa.int64())]))
            self._trim(tick, state)
        return self.idle(state)

    def _trim(self, tick: TickContext, state: list[Spine]) -> None:
        """Forgets seconds that are over for longer than the retention."""
        kept = (tick.time_ms - self.retention_ms) // SECOND_MS
        oldest = state[1].head(_all(tick.seed), TRIMMED_SECONDS_MAX).delta
        old = oldest.filter(oldest.columns[0].to_numpy() < kept)
        if len(old):
            rows = state[0].probe(_seconds(old.columns[0], tick.seed)).delta
            state[0] = state[0].insert(rows.negate())
            state[1] = state[1].insert(old.negate())


def _dated(delta: Delta, second: int, time_ms: int) -> Delta:
    count = len(delta)
    when = (pa.array(np.full(count, value, np.int64)) for value in (second, time_ms))
    return Delta.of((*when, pa.array(delta.weights), *delta.columns))


def _all(seed: Seed) -> Hash:
    return key_hash([], [], seed, 1)


def _seconds(seconds: pa.Array, seed: Seed) -> Hash:
    return key_hash([seconds], [INT8], seed, len(seconds))


class Logged(NamedTuple):
    """What one tick changed."""

    time_ms: int
    delta: Delta


def read(log: Spine, seconds: Spine, after_ms: int) -> Iterator[Logged]:
    """The changes later than `after_ms`, oldest first."""
    listed = np.sort(seconds.contents().columns[0].to_numpy())
    listed = listed[listed >= after_ms // SECOND_MS]
    for start in range(0, len(listed), READ_SECONDS):
        found = log.probe(_seconds(pa.array(listed[start : start + READ_SECONDS]), log.seed), consolidate=True).delta
        times = found.columns[TIME].to_numpy()
        order = np.argsort(times, kind="stable")
        order = order[times[order] > after_ms]
        bounds = [0, *(np.flatnonzero(np.diff(times[order])) + 1).tolist(), len(order)]
        for low, high in pairwise(bounds):
            if low < high:
                rows = found.take(order[low:high])
                yield Logged(
                    int(times[order[low]]), Delta(tuple(rows.columns[FIRST:]), rows.columns[WEIGHT].to_numpy())
                )
