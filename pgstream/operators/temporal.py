"""Temporal: rows that are there for a time, and come and go by the clock with no input."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import BEGINNING_US, END_US, Operator, Series, TickContext
from pgstream.delta import Column, Delta, concat
from pgstream.functions.vector import column_of, numbers, valid
from pgstream.operators.calendar_bound import CalendarBound
from pgstream.operators.queue import condensed, first_us, queue_spec, taken
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Bound:
    """A moment in each row's life: the date or timestamp at `position`, and microseconds more."""

    position: int
    shift_us: int


@dataclass(frozen=True, slots=True)
class Temporal(Operator):
    """The input's rows from the last of `begins` on until the first of `ends`, and while all of `calendar` hold; a
    bound that is NULL is never.

    What a tick sees depends on the input and the clock alone, however it came there. Only rows that will come or go are
    kept, until they have.
    """

    columns: tuple[SqlType, ...]
    begins: tuple[Bound, ...]
    ends: tuple[Bound, ...]
    calendar: tuple[CalendarBound, ...] = ()

    awaits: Series = ()

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """The rows that will come or go, by when they do."""
        return (queue_spec(self.columns),)

    def due_us(self, queue: Spine) -> int | None:
        return first_us(queue)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        now_us = tick.clock.reading(())
        due, queue = taken(state[0], now_us)
        moved = due.select(range(len(self.columns)))
        # Until it was due, everything was as right before that.
        gone = moved.filter(self._there(moved, numbers(due.columns[-1]) - 1)).negate()
        come, later = self._sorted(concat([moved, Delta(tuple(inputs[0].columns), inputs[0].weights)]), now_us)
        state[0] = condensed(queue.insert(later) if len(later) else queue)
        return concat([gone, come])

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return self._sorted(inputs[0], tick.clock.reading(()))[0]

    def _life(self, rows: Delta) -> tuple[Ints, Ints]:
        """When each row comes and goes."""
        begin, end = np.full(len(rows), BEGINNING_US), np.full(len(rows), END_US)
        for bound in self.begins:
            begin = np.maximum(begin, self._moments(rows.columns[bound.position], bound, END_US))
        for bound in self.ends:
            end = np.minimum(end, self._moments(rows.columns[bound.position], bound, BEGINNING_US))
        return begin, end

    def _moments(self, column: Column, bound: Bound, never: int) -> Ints:
        moments = np.clip(self._clipped(column, bound.position) + bound.shift_us, BEGINNING_US, END_US)
        return np.where(valid(column), moments, never)

    def _clipped(self, column: Column, position: int) -> Ints:
        """Moments in microseconds. Infinite ones lie outside of all others with every shift."""
        values = numbers(column).astype(np.int64)
        if self.columns[position].name == "date":
            values = np.clip(values, BEGINNING_US // DAY_US, END_US // DAY_US) * DAY_US
        return np.clip(values, BEGINNING_US, END_US)

    def _there(self, rows: Delta, now_us: Ints) -> NDArray[np.bool_]:
        """Which rows are there, each at a moment of its own."""
        begin, end = self._life(rows)
        there = (begin <= now_us) & (now_us < end)
        for bound in self.calendar if len(rows) else ():
            column = rows.columns[bound.position]
            there &= valid(column) & bound.holds(self._clipped(column, bound.position), now_us)
        return there

    def _sorted(self, rows: Delta, now_us: int) -> tuple[Delta, Delta]:
        """Those rows that are there now, and all that may come or go, with the time of that."""
        now = np.full(len(rows), now_us)
        begin, end = self._life(rows)
        times = np.where(begin > now_us, begin, end)
        for bound in self.calendar if len(rows) else ():
            column = rows.columns[bound.position]
            changes = bound.changes(self._clipped(column, bound.position), now)
            times = np.where(begin > now_us, times, np.minimum(times, changes))
        waiting = (begin < end) & (end > now_us) & (times < END_US)
        for bound in self.calendar:
            waiting &= valid(rows.columns[bound.position])
        later = Delta((*rows.columns, column_of(times, pa.int64())), rows.weights).filter(waiting)
        return rows.filter(self._there(rows, now)), later
