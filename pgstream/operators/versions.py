"""Versions: the rows that a relation has had, each valid from its time on until that of the next one of its key."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta, Indices, concat
from pgstream.kernels.grouping import group_ids
from pgstream.operators.arrange import consolidated, keys_at
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
    the key's end.

    The input is the changes of a relation with that key: a row that goes and is not replaced in its tick is an end, at
    its own time. Or it is the `writes` by key of a source, in order, of which those of negative weight are ends.
    """

    columns: tuple[SqlType, ...]
    key: tuple[int, ...]
    time: int
    writes: bool

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
        return (self.spec,)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        rows = inputs[0] if self.writes else consolidated(inputs[0], tick)
        put = self._written(rows, tick) if self.writes else self._replacing(rows, tick)
        made = self._marked(put)
        keys = keys_at(made, self.key, self.types, tick)
        change = consolidated(concat([self._there(made, keys, state[0]).negate(), _once(made)]), tick)
        if len(change):
            state[0] = state[0].insert(change)
        return change

    def _replacing(self, rows: Delta, tick: TickContext) -> Delta:
        """What a tick's changes write: the rows that came, and those that went whose key has none now."""
        keys = keys_at(rows, self.key, self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        came = rows.weights > 0
        stays = np.zeros(len(first), np.bool_)
        stays[ids[came]] = True
        return rows.filter(came | ~stays[ids])

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
