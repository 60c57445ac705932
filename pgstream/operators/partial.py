"""PartialSums: what the rows of one tick add up to, group by group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta
from pgstream.functions.vector import column_of
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.operators.aggregation import Aggregation
from pgstream.operators.arrange import keys_at
from pgstream.operators.group import INT8, accumulators
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class PartialSums(Operator):
    """For each group of a delta its keys, the number of rows (unless the input only grows), and the additive states.

    A row with those is added to its group by whoever sums them further: it stands for rows that come as well as for
    rows that go, and has the weight 1 either way. So nothing is kept here, and two ticks give a group two rows.
    """

    columns: tuple[SqlType, ...]
    keys: int
    aggregations: tuple[Aggregation, ...]
    growing: bool = False

    streams = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        states = sum(item.linear.states for item in accumulators(self.aggregations).values())
        return self.columns[: self.keys] + (INT8,) * (states + (not self.growing))

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        keys = keys_at(delta, range(self.keys), self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        sums = [] if self.growing else [group_sums(delta.weights, ids, len(first))]
        for item in accumulators(self.aggregations).values():
            sums += item.sums(delta, ids, len(first))
        columns = delta.select(range(self.keys)).take(first).columns
        found = Delta((*columns, *(column_of(part, INT8.storage) for part in sums)), np.ones(len(first), np.int64))
        return found if self.growing else found.filter(np.any([part != 0 for part in sums], axis=0))
