"""Expiring: state that watermarks bound. What nothing can ask for any more is dropped, now and then.

Rows are not dropped one by one, when their moment comes, but together, when there are twice as many as the last time
that the state was looked through: so a row costs little more than to keep it, and what is kept is at most twice what
is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import BEGINNING_US, END_US, Arranged, Operator, Series, TickContext
from pgstream.delta import Column, Delta
from pgstream.functions.vector import column_of, numbers, valid
from pgstream.operators.arrange import Arrange
from pgstream.operators.queue import FEW, INT8
from pgstream.operators.temporal import DAY_US
from pgstream.storage.identity import key_hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

LIMIT = ArrangementSpec((INT8,), ())
"""One row: how many rows the state may have before it is looked through again. None: few."""


def is_full(spine: Spine, limit: Spine) -> bool:
    """Whether it is time to look `spine` through."""
    allowed = int(numbers(limit.contents().columns[0])[0]) if limit else FEW
    return spine.len_upper_bound > allowed


def of_rows(spine: Spine, rows: Delta) -> Spine:
    """A spine of just `rows` in the place of `spine`."""
    return Spine.empty(spine.spec, spine.seed, spine.pace).insert(rows)


def limit_for(limit: Spine, rows: int) -> Spine:
    """When to look through again what now has so many rows."""
    allowed = column_of(np.array([max(2 * rows, FEW)]), pa.int64())
    return of_rows(limit, Delta((allowed,), np.ones(1, np.int64)))


def moments(column: Column, without: int) -> NDArray[np.int64]:
    """Dates and timestamps in microseconds; `without` where there is none."""
    values = numbers(column).astype(np.int64)
    if column.type == pa.date32():
        values = np.clip(values, BEGINNING_US // DAY_US, END_US // DAY_US) * DAY_US
    return np.where(valid(column), np.clip(values, BEGINNING_US, END_US), without)


def unsuperseded(spine: Spine, time: int, until_us: int) -> Delta:
    """Of an arrangement in which the rows of a key lie from the last `time` on, the rows but for those of before
    `until_us` behind which there is a later one of before that."""
    rows, spec = spine.contents(), spine.spec
    old = moments(rows.columns[time], END_US) < until_us
    keys = key_hash([rows.columns[i] for i in spec.key], [spec.types[i] for i in spec.key], spine.seed, len(rows))
    changes = np.ones(len(rows), np.bool_)
    np.logical_or(keys.hi[1:] != keys.hi[:-1], keys.lo[1:] != keys.lo[:-1], out=changes[1:])
    earlier: NDArray[np.int64] = np.cumsum(old) - old
    starts = np.flatnonzero(changes)
    return rows.filter(~(old & (earlier > earlier[starts][np.cumsum(changes) - 1])))


@dataclass(frozen=True, slots=True)
class Past:
    """What is true of a row once the watermark has come further than the moment at `position`, less `low_us`.

    `settles`: a row without that moment is never past, for it may change; else it is from the beginning, for it
    matches nothing.
    """

    position: int
    low_us: int
    settles: bool = False

    def of(self, rows: Delta, come_us: int) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = moments(rows.columns[self.position], END_US if self.settles else BEGINNING_US) < (
            come_us + self.low_us
        )
        return found


Expiry = tuple[tuple[Past, ...], ...]
"""A row is not needed any more if of each of these one holds."""


@dataclass(frozen=True)
class Expiring(Operator):
    """An Arrange under `spec` that drops what is past by the watermark of `series`, by `expiry`."""

    spec: ArrangementSpec
    expiry: Expiry
    series: Series

    arranges = True
    closes = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types

    @property
    def awaits(self) -> Series:  # type: ignore[override]
        return self.series

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (self.spec, LIMIT)

    @cached_property
    def _arrange(self) -> Arrange:
        return Arrange(self.spec)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Arranged:
        own = [state[0]]
        made = self._arrange.step(tick, own, inputs)
        state[0] = own[0]
        come_us = tick.clock.reading(self.series)
        if come_us > BEGINNING_US and is_full(state[0], state[1]):
            rows = state[0].contents()
            past = np.ones(len(rows), np.bool_)
            for any_of in self.expiry:
                past &= np.logical_or.reduce([one.of(rows, come_us) for one in any_of])
            rows = rows.filter(~past)
            state[:] = of_rows(state[0], rows), limit_for(state[1], len(rows))
        return made

    def idle(self, state: Sequence[Spine]) -> Arranged:
        return self._arrange.idle(state)
