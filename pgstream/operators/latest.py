"""Latest: the rows that a stream of writes by key leaves."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta, concat
from pgstream.errors import NotNullViolation
from pgstream.kernels.grouping import group_ids
from pgstream.operators.arrange import consolidated, keys_at
from pgstream.storage.gather import take_rows
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Latest(Operator):
    """For each key the row that was written last. The input is no Z-set but a sequence: a row of positive weight takes
    the place of the row with its key, one of negative weight removes that, whatever its other columns say."""

    columns: tuple[SqlType, ...]
    key: tuple[int, ...]

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (ArrangementSpec(self.columns, self.key, ()),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        writes = inputs[0]
        if any(pc.any(pc.is_null(writes.columns[position])).as_py() for position in self.key):
            raise NotNullViolation("null value in a column of the primary key violates not-null constraint")
        keys = keys_at(writes, self.key, self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        last = np.empty(len(first), np.int64)
        last[ids] = np.arange(len(writes))  # of equal indices the last assignment stays
        left = take_rows(writes, last)
        before = state[0].probe(keys.take(last), consolidate=True).delta
        change = consolidated(concat([before.negate(), left.filter(left.weights > 0)]), tick)
        if len(change):
            state[0] = state[0].insert(change)
        return change
