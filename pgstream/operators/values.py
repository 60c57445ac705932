"""Values: rows that are there from the first tick on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta
from pgstream.operators.map import computed
from pgstream.plan.expressions import Expr
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

_MARK = ArrangementSpec((SqlType("bool"),), (0,), ())


@dataclass(frozen=True, slots=True)
class Values(Operator):
    """Literal `rows` of expressions without references. The arrangement holds one row once they were emitted."""

    columns: tuple[SqlType, ...]
    rows: tuple[tuple[Expr, ...], ...]
    salt: str = ""

    starts = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (_MARK,)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        if state[0].total():
            return self.idle(state)
        state[0] = state[0].insert(Delta.of([pa.array([True])]))
        return self.once(tick, inputs)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        columns = []
        for position, type in enumerate(self.columns):
            parts = [computed(row[position], {}, 1, tick) for row in self.rows]
            columns.append(pa.concat_arrays(parts) if parts else pa.array([], type.storage))
        return Delta(tuple(columns), np.ones(len(self.rows), np.int64))
