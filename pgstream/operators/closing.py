"""Closing: rows that are given once, when the watermark has passed their end.

What makes the rows (groups, sessions) goes on by itself; what it makes waits in a queue until nothing can change it any
more. Then it is given, and everything that was kept for it is forgotten: the state is that of the open windows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import BEGINNING_US, END_US, Operator, Series, TickContext
from pgstream.delta import Delta
from pgstream.functions.vector import column_of, numbers, valid
from pgstream.operators.map import computed
from pgstream.operators.queue import condensed, first_us, queue_spec, taken
from pgstream.plan.expressions import Expr
from pgstream.plan.rewrite import used
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Closing(Operator):
    """The rows of `inner` over the input (None: the input itself, of `columns`), each once `end` has come.

    `early` tells of a row of the input when what it belongs to ends at the earliest; a row for which that has passed
    is late, and ignored. Both are moments: a Ref's id is a position in the output, and in the input. Where rows are
    `touching`, one at the very end still belongs to what ends there, which then has to be passed.
    """

    columns: tuple[SqlType, ...]
    inner: Operator | None
    end: Expr
    early: Expr
    series: Series
    touching: bool = False

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def awaits(self) -> Series:  # type: ignore[override]
        return self.series

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """What `inner` keeps, then the queue."""
        return (*(() if self.inner is None else self.inner.arrangements), queue_spec(self.columns))

    def due_us(self, queue: Spine) -> int | None:
        return first_us(queue)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        come_us = tick.clock.reading(self.series)
        rows = inputs[0]
        rows = rows.filter(self._over(self.early, rows, tick) > come_us)
        own, queue = state[:-1], state[-1]
        if len(rows):
            made = rows if self.inner is None else self.inner.step(tick, own, [rows])
            if len(made):
                ends = column_of(self._over(self.end, made, tick), pa.int64())
                queue = queue.insert(Delta((*made.columns, ends), made.weights))
        given, queue = taken(queue, come_us)
        given = given.select(range(len(self.columns)))
        if self.inner is not None and len(given):
            self.inner.forget(tick, own, given)
        state[:] = map(condensed, (*own, queue))
        return given

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        made = inputs[0] if self.inner is None else self.inner.once(tick, inputs)
        return made.filter(self._over(self.end, made, tick) <= tick.clock.reading(self.series))

    def _over(self, expr: Expr, rows: Delta, tick: TickContext) -> NDArray[np.int64]:
        """When what ends at `expr` can be changed by no row that is in time."""
        moments = _moments(expr, rows, tick)
        return moments + (moments < END_US) if self.touching else moments


def _moments(expr: Expr, rows: Delta, tick: TickContext) -> NDArray[np.int64]:
    """The moments that `expr` gives for `rows`, in microseconds; before all others where it gives none."""
    if not len(rows):
        return np.empty(0, np.int64)
    column = computed(expr, {id: rows.columns[id] for id in used(expr)}, len(rows), tick)
    return np.where(valid(column), numbers(column), BEGINNING_US)
