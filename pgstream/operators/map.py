"""Map: filter and projection in one pass over a delta."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Column, Delta
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Map(Operator):
    """The `expressions` of the rows where `predicate` is true (None: of all). A Ref's id is an input position.

    `salt` tells apart volatile computations, which no two places of a plan may share.
    """

    predicate: Expr | None
    expressions: tuple[Expr, ...]
    salt: str = ""

    streams = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return tuple(expr.type for expr in self.expressions)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        needed = sorted({id for expr in self.expressions for id in used(expr)})
        part = delta.select(needed)
        if self.predicate is not None:
            part = part.filter(truths(self.predicate, delta, tick))
        columns = dict(zip(needed, part.columns, strict=True))
        return Delta(tuple(computed(e, columns, len(part), tick) for e in self.expressions), part.weights)


def computed(expr: Expr, columns: dict[int, Column], count: int, tick: TickContext) -> Column:
    """`expr` over `count` rows whose columns are numbered by position."""
    if isinstance(expr, Ref):
        return columns[expr.col.id]
    return evaluate(expr, columns, count, tick.evaluation, tick.params)


def truths(predicate: Expr, delta: Delta, tick: TickContext) -> NDArray[np.bool_]:
    """Where `predicate` is true (neither false nor NULL) among the rows of `delta`."""
    columns = {id: delta.columns[id] for id in used(predicate)}
    column = computed(predicate, columns, len(delta), tick)
    return np.asarray(pc.fill_null(column, False).to_numpy(zero_copy_only=False), np.bool_)
