"""Map: filter and projection in one pass over a delta."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Column, Delta
from pgstream.functions.vector import booleans
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.rewrite import used
from pgstream.storage.gather import take_rows
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True)
class Map(Operator):
    """The `expressions` of the rows where `predicate` is true (None: of all). A Ref's id is an input position.

    `salt` tells apart volatile computations, which no two places of a plan may share.
    """

    predicate: Expr | None
    expressions: tuple[Expr, ...]
    salt: str = ""

    streams = True

    @cached_property
    def types(self) -> tuple[SqlType, ...]:
        return tuple(expr.type for expr in self.expressions)

    @cached_property
    def _needed(self) -> list[int]:
        """The input positions that the expressions read."""
        return sorted({id for expr in self.expressions for id in used(expr)})

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        needed, part = self._needed, delta.select(self._needed)
        if self.predicate is not None:
            keep = truths(self.predicate, delta, tick)
            if np.count_nonzero(keep) < len(keep):
                part = take_rows(part, keep.nonzero()[0])
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
    return booleans(column)
