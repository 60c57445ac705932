"""Asof over event times: what watermarks have passed is settled, and forgotten or not given before that.

BoundedAsof   gives its rows at once and corrects them, until they are settled
FinalAsof     gives each row once, when it is settled
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import BEGINNING_US, END_US, Operator, Series, TickContext
from pgstream.delta import Delta
from pgstream.functions.vector import column_of, valid
from pgstream.operators.arrange import Arrange, keys_at
from pgstream.operators.asof import Asof, Nearest
from pgstream.operators.expiring import LIMIT, is_full, limit_for, moments, of_rows, unsuperseded
from pgstream.operators.queue import condensed, first_us, queue_spec, taken
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class BoundedAsof(Operator):
    """As Asof, of sides none of whose changes concerns a time more than `low_us` before the watermark of `series`."""

    nearest: Nearest
    series: Series
    low_us: int

    closes = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.nearest.types

    @property
    def awaits(self) -> Series:  # type: ignore[override]
        return self.series

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (self.nearest.left_spec, self.nearest.right_spec, LIMIT)

    @cached_property
    def _arranges(self) -> tuple[Arrange, Arrange]:
        return Arrange(self.nearest.left_spec), Arrange(self.nearest.right_spec)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        sides = []
        for i, arrange in enumerate(self._arranges):
            own = [state[i]]
            sides.append(arrange.step(tick, own, [inputs[i]]))
            state[i] = own[0]
        given = Asof(self.nearest).step(tick, [], sides)
        come_us = tick.clock.reading(self.series)
        if come_us > BEGINNING_US and (is_full(state[0], state[2]) or is_full(state[1], state[2])):
            self._forget(state, come_us + self.low_us, tick)
        return given

    def _forget(self, state: list[Spine], until_us: int, tick: TickContext) -> None:
        """Drops what no row of `until_us` or later concerns, nor an earlier one that is still there."""
        nearest = self.nearest
        left = state[0].contents()
        if nearest.backwards:
            kept = left.filter(moments(left.columns[nearest.left_time], BEGINNING_US) >= until_us)
            rest = unsuperseded(state[1], nearest.right_time, until_us)
        else:
            right = state[1].contents()
            old = moments(right.columns[nearest.right_time], END_US) < until_us
            kept = left.filter(~self._met(left, right.filter(old), tick))
            rest = right.filter(~old)
        state[0], state[1] = of_rows(state[0], kept), of_rows(state[1], rest)
        state[2] = limit_for(state[2], max(len(kept), len(rest)))

    def _met(self, left: Delta, old: Delta, tick: TickContext) -> Bools:
        """Which left rows have their match among `old` right rows, before which none can come any more; and those that
        have no time."""
        nearest = self.nearest
        spine = Spine.empty(nearest.right_spec, tick.seed).insert(old)
        rows = Delta(left.columns, np.arange(1, len(left) + 1))
        sides = replace(nearest.sides, residual=None)
        inner = Nearest(sides, nearest.left_time, nearest.right_time, nearest.nearer, False)
        keys = keys_at(left, nearest.sides.left_key, nearest.sides.left, tick)
        met = ~valid(left.columns[nearest.left_time])
        met[inner.joined(rows, keys, spine, tick).weights - 1] = True
        return met

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return Asof(self.nearest).once(tick, inputs)


@dataclass(frozen=True)
class FinalAsof(Operator):
    """What `nearest` says of each left row when the watermark of `series` has passed its time, less `low_us`: then no
    right row can come before it any more. A left row that comes after that is late, and ignored."""

    nearest: Nearest
    series: Series
    low_us: int

    closes = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.nearest.types

    @property
    def awaits(self) -> Series:  # type: ignore[override]
        return self.series

    @cached_property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """The right rows, and the left ones that wait."""
        return (self.nearest.right_spec, LIMIT, queue_spec(self.nearest.sides.left))

    def due_us(self, queue: Spine) -> int | None:
        return first_us(queue)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        come_us = tick.clock.reading(self.series)
        state[0] = state[0].insert(inputs[1])
        due = self._due(inputs[0])
        late = (due <= come_us) & (due > BEGINNING_US)
        waiting = Delta((*inputs[0].columns, column_of(due, pa.int64())), inputs[0].weights).filter(~late)
        queue = state[2].insert(waiting) if len(waiting) else state[2]
        rows, queue = taken(queue, come_us)
        state[2] = condensed(queue)
        given = self._joined(rows.select(range(len(self.nearest.sides.left))), state[0], tick)
        if come_us > BEGINNING_US and is_full(state[0], state[1]):
            rest = unsuperseded(state[0], self.nearest.right_time, come_us + self.low_us)
            state[0], state[1] = of_rows(state[0], rest), limit_for(state[1], len(rest))
        return given

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        rows = inputs[0].filter(self._due(inputs[0]) <= tick.clock.reading(self.series))
        return self._joined(rows, Spine.empty(self.nearest.right_spec, tick.seed).insert(inputs[1]), tick)

    def _joined(self, rows: Delta, right: Spine, tick: TickContext) -> Delta:
        sides = self.nearest.sides
        return self.nearest.joined(rows, keys_at(rows, sides.left_key, sides.left, tick), right, tick)

    def _due(self, rows: Delta) -> NDArray[np.int64]:
        """Which watermark each left row waits for: one behind its time, as a right row may still come at it. One
        without a time waits for none."""
        times = moments(rows.columns[self.nearest.left_time], BEGINNING_US)
        return np.where((times > BEGINNING_US) & (times < END_US), times + 1 - self.low_us, times)
