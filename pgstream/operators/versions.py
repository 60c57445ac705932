"""Versions: the rows that a relation has had, each valid from its time on until that of the next one of its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import BEGINNING_US, Operator, Series, TickContext
from pgstream.delta import Delta, Indices, concat
from pgstream.functions.vector import valid
from pgstream.kernels.grouping import group_ids
from pgstream.operators.arrange import consolidated, keys_at
from pgstream.operators.expiring import LIMIT, is_full, limit_for, of_rows, unsuperseded
from pgstream.storage.identity import Hash
from pgstream.storage.order import OrderColumn, order_keys
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.storage.stretches import Stretch, rows_within
from pgstream.types.definition import SqlType

BOOL = SqlType("bool")


@dataclass(frozen=True)
class Versions(Operator):
    """Of each key and time the row that was written last, with a column behind the others that is true where that was
    the key's end. Of versions before the watermark of `series` and `low_us`, if any, the last is kept.

    The input is the changes of a relation with that key: a row that goes and is not replaced in its tick is an end, at
    its own time. Or it is the `writes` by key of a source, in order, of which those of negative weight are ends.
    """

    columns: tuple[SqlType, ...]
    key: tuple[int, ...]
    time: int
    writes: bool
    series: Series = ()
    low_us: int = 0

    dated = True

    @cached_property
    def types(self) -> tuple[SqlType, ...]:
        return (*self.columns, BOOL)

    @cached_property
    def spec(self) -> ArrangementSpec:
        return ArrangementSpec(self.types, self.key, (OrderColumn(self.time, True, True),))

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """Every version by key, from the last on."""
        return (self.spec, LIMIT)

    @property
    def awaits(self) -> Series | None:  # type: ignore[override]
        return self.series or None

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        rows = inputs[0] if self.writes else consolidated(inputs[0], tick)
        put = self._written(self._timed(rows, state[0], tick), tick) if self.writes else self._replacing(rows, tick)
        made = self._marked(put)
        keys = keys_at(made, self.key, self.types, tick)
        change = consolidated(concat([self._there(made, keys, state[0]).negate(), _once(made)]), tick)
        if len(change):
            state[0] = state[0].insert(change)
        come_us = tick.clock.reading(self.series) if self.series else BEGINNING_US
        if come_us > BEGINNING_US and is_full(state[0], state[1]):
            kept = unsuperseded(state[0], self.time, come_us + self.low_us)
            state[:] = of_rows(state[0], kept), limit_for(state[1], len(kept))
        return change

    def _replacing(self, rows: Delta, tick: TickContext) -> Delta:
        """What a tick's changes write: the rows that came, and those that went whose key has none now."""
        keys = keys_at(rows, self.key, self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        came = rows.weights > 0
        stays = np.zeros(len(first), np.bool_)
        stays[ids[came]] = True
        return rows.filter(came | ~stays[ids])

    def _timed(self, rows: Delta, spine: Spine, tick: TickContext) -> Delta:
        """The writes, where an end that has no time is that of the last version."""
        ends = np.flatnonzero((rows.weights < 0) & ~valid(rows.columns[self.time]))
        if not len(ends):
            return rows
        keys = keys_at(rows, self.key, self.columns, tick)
        query, last = spine.head(keys.take(ends), 1, positions=(self.time,))
        known = dict(zip(ends[query].tolist(), last.columns[0].to_pylist(), strict=True))
        times, latest = rows.columns[self.time].to_pylist(), dict[tuple[int, int], Any]()
        for i, key in enumerate(zip(keys.hi.tolist(), keys.lo.tolist(), strict=True)):
            if times[i] is None and rows.weights[i] < 0:
                times[i] = max((t for t in (latest.get(key), known.get(i)) if t is not None), default=None)
            elif times[i] is not None:
                latest[key] = max(times[i], latest.get(key, times[i]))
        column = pa.array(times, rows.columns[self.time].type)
        return Delta((*rows.columns[: self.time], column, *rows.columns[self.time + 1 :]), rows.weights)

    def _written(self, rows: Delta, tick: TickContext) -> Delta:
        """The last of the writes of each key and time."""
        keys = keys_at(rows, (*self.key, self.time), self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        last: Indices = np.empty(len(first), np.int64)
        last[ids] = np.arange(len(rows))  # of equal indices the last assignment stays
        return rows.take(last)

    def _marked(self, rows: Delta) -> Delta:
        return Delta((*rows.columns, pa.array(rows.weights < 0)), rows.weights)

    def _there(self, made: Delta, keys: Hash, spine: Spine) -> Delta:
        """The versions of the same keys and times that there are already."""
        places = order_keys(made.columns, self.types, self.spec.order)
        query, found = rows_within(spine, keys, Stretch(start=places), 1)
        theirs = order_keys(found.columns, self.types, self.spec.order)
        same = np.array(theirs.to_pylist(), object) == np.array(places.take(pa.array(query)).to_pylist(), object)
        return found.filter(np.asarray(same, np.bool_))


def _once(rows: Delta) -> Delta:
    return Delta(rows.columns, np.ones(len(rows), np.int64))
