"""Fading: rows that are forgotten when nothing has touched their key for a while.

A key is touched when a row of it comes or goes. Its rows are then there for at least `idle_us` more, and at most a
sixteenth of that longer; afterwards they are retracted, and nothing is kept of them. What goes of a key that was
forgotten is passed over, as it is gone already.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, Series, TickContext
from pgstream.delta import Delta, concat
from pgstream.functions.vector import numbers
from pgstream.kernels.grouping import group_ids
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.operators.queue import INT8, condensed, first_us, queue_spec, taken
from pgstream.storage.gather import take_rows
from pgstream.storage.identity import Hash, row_hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

GRAINS = 16
"""In how many steps the time to be idle is told apart, so that a key that is touched all the time seldom moves."""


@dataclass(frozen=True)
class Fading(Operator):
    """The rows of `inner` over the input (None: the input itself), of `columns`, by the columns at `key`.

    An `inner` one is a Group of rows that only come, whose keys are the key.
    """

    columns: tuple[SqlType, ...]
    key: tuple[int, ...]
    idle_us: int
    inner: Operator | None = None

    awaits: Series = ()
    dated = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @cached_property
    def _named(self) -> tuple[SqlType, ...]:
        return tuple(self.columns[position] for position in self.key)

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """What `inner` keeps; the rows by key; of each key when it is forgotten; and the same as a queue."""
        own = () if self.inner is None else self.inner.arrangements
        moments = ArrangementSpec((*self._named, INT8), tuple(range(len(self.key))), ())
        return (*own, ArrangementSpec(self.columns, self.key, ()), moments, queue_spec(self._named))

    def due_us(self, queue: Spine) -> int | None:
        return first_us(queue)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        *own, rows, moments, queue = state
        now_us = tick.clock.reading(())
        due, queue = taken(queue, now_us)
        gone = self._rows_of(rows, due, tick)
        if len(due):
            moments = moments.insert(due.negate())
            rows = rows.insert(gone.negate())
            if self.inner is not None:
                self.inner.forget(tick, own, gone)
        made = self._made(tick, own, rows, inputs[0])
        rows = rows.insert(made) if len(made) else rows
        touched = made.select(self.key) if self.inner is None else inputs[0].select(self.key)
        if len(touched):
            moments, queue = self._touched(tick, rows, moments, queue, touched)
        state[:] = (*own, condensed(rows), condensed(moments), condensed(queue))
        return concat([gone.negate(), made])

    def _made(self, tick: TickContext, own: list[Spine], rows: Spine, given: Delta) -> Delta:
        """What comes and goes now, of what is known."""
        if self.inner is not None:
            made = self.inner.step(tick, own, [given])
            return Delta(tuple(made.columns), made.weights)
        change = consolidated(Delta(tuple(given.columns), given.weights), tick)
        leaving = np.flatnonzero(change.weights < 0)
        if not len(leaving):
            return change
        some = take_rows(change, leaving)
        keys = keys_at(some, self.key, self.columns, tick)
        there = rows.lookup_weights(keys, row_hash(some.columns, tick.seed, len(some)))
        weights = change.weights.copy()
        weights[leaving] = np.maximum(weights[leaving], -np.asarray(there))
        return Delta(change.columns, weights).filter(weights != 0)

    def _touched(
        self, tick: TickContext, rows: Spine, moments: Spine, queue: Spine, names: Delta
    ) -> tuple[Spine, Spine]:
        """When keys are forgotten that were touched now; of those that have no rows, nothing."""
        grain_us = max(self.idle_us // GRAINS, 1000)
        until_us = -(-(tick.clock.reading(()) + self.idle_us) // grain_us) * grain_us
        hashes = keys_at(names, range(len(self.key)), self._named, tick)
        keys, first = _firsts(hashes)
        names = take_rows(names, first)
        there = np.asarray(rows.key_weights(keys)) > 0
        before = moments.probe(keys, consolidate=True)
        known = np.full(len(first), -1, np.int64)
        known[before.query] = numbers(before.delta.columns[-1])
        stays = there & (known == until_us)
        old = before.delta.filter(~stays[before.query])
        new = names.filter(there & ~stays)
        fresh = Delta((*new.columns, pa.array(np.full(len(new), until_us, np.int64))), np.ones(len(new), np.int64))
        change = concat([old.negate(), fresh])
        return (moments.insert(change), queue.insert(change)) if len(change) else (moments, queue)

    def _rows_of(self, rows: Spine, due: Delta, tick: TickContext) -> Delta:
        if not len(due):
            return Delta.empty([type.storage for type in self.columns])
        keys = touched_keys(keys_at(due, range(len(self.key)), (*self._named, INT8), tick))
        return rows.probe(keys, consolidate=True).delta

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return inputs[0] if self.inner is None else self.inner.once(tick, inputs)


def _firsts(keys: Hash) -> tuple[Hash, NDArray[np.int64]]:
    """Each key once, and where it first is."""
    first = group_ids(keys.hi, keys.lo)[1]
    return keys.take(first), first
