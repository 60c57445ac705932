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
from pgstream.delta import Column, Delta, concat
from pgstream.functions.vector import column_of, numbers, valid
from pgstream.operators.map import computed
from pgstream.operators.queue import condensed, first_us, queue_spec, taken
from pgstream.plan.expressions import Expr
from pgstream.plan.rewrite import used
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

CLOSED, OPEN, BOTH = "closed", "open", "both"
BOOL = SqlType("bool")


@dataclass(frozen=True, slots=True)
class Closing(Operator):
    """The rows of `inner` over the input (None: the input itself, of `columns`), each once `end` has come, by
    `kept_us`.

    `early` tells of a row of the input when what it belongs to ends at the earliest; a row for which that has passed
    is late, and ignored. Both are moments: a Ref's id is a position in the output, and in the input. Where rows are
    `touching`, one at the very end still belongs to what ends there, which then has to be passed.

    What is `given` is the rows whose end has come (CLOSED), those whose end has not (OPEN), or BOTH, with a column
    behind the others that is true for the first.
    """

    columns: tuple[SqlType, ...]
    inner: Operator | None
    end: Expr
    early: Expr
    series: Series
    given: str = CLOSED
    kept_us: int = 0
    touching: bool = False

    @property
    def types(self) -> tuple[SqlType, ...]:
        return (*self.columns, BOOL) if self.given == BOTH else self.columns

    @property
    def closes(self) -> bool:  # type: ignore[override]
        return self.given != OPEN

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
        rows = rows.filter(self._moments(self.early, rows, tick) > come_us)
        own, queue = state[:-1], state[-1]
        made = Delta.empty([type.storage for type in self.columns])
        if len(rows):
            made = rows if self.inner is None else self.inner.step(tick, own, [rows])
            if len(made):
                ends = column_of(self._moments(self.end, made, tick), pa.int64())
                queue = queue.insert(Delta((*made.columns, ends), made.weights))
        given, queue = taken(queue, come_us)
        given = given.select(range(len(self.columns)))
        if self.inner is not None and len(given):
            self.inner.forget(tick, own, given)
        state[:] = map(condensed, (*own, queue))
        return self._told(made, given)

    def _told(self, made: Delta, closed: Delta) -> Delta:
        """What is given of rows that came, and of those whose end has come."""
        if self.given == CLOSED:
            return closed
        opened = concat([Delta(tuple(made.columns), made.weights), closed.negate()]) if len(closed) else made
        if self.given == OPEN:
            return Delta(tuple(opened.columns), opened.weights)
        both = [
            Delta((*rows.columns, flags(len(rows), end)), rows.weights)
            for rows, end in ((opened, False), (closed, True))
        ]
        return concat(both) if len(closed) else both[0]

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        made = inputs[0] if self.inner is None else self.inner.once(tick, inputs)
        come = self._moments(self.end, made, tick) <= tick.clock.reading(self.series)
        closed, opened = made.filter(come), made.filter(~come)
        if self.given == BOTH:
            return self._told(made, closed)
        return opened if self.given == OPEN else closed

    def _moments(self, expr: Expr, rows: Delta, tick: TickContext) -> NDArray[np.int64]:
        """How far the watermark has come when the moments that `expr` gives for `rows` have, in microseconds; before
        everything where it gives none."""
        if not len(rows):
            return np.empty(0, np.int64)
        column = computed(expr, {id: rows.columns[id] for id in used(expr)}, len(rows), tick)
        moments = np.where(valid(column), numbers(column), BEGINNING_US)
        more_us = self.kept_us + self.touching
        return np.where((moments <= BEGINNING_US) | (moments >= END_US), moments, moments + more_us)


def flags(count: int, value: bool) -> Column:
    """A column of one truth value."""
    return pa.array(np.full(count, value, np.bool_))
