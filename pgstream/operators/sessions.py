"""Sessions: rows that follow one another within a gap, and the window from the first to the last of them.

Kept by buckets of time as long as the gap: two rows of one bucket are of one session, rows of sessions that a row may
join lie in its bucket or beside it, and no bucket between the first and the last row of a session is empty. So a tick
finds the sessions it touches by one probe, and their rows by a second one, and computes just those anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Column, Delta, concat
from pgstream.functions.binning import lengths
from pgstream.functions.calendar import finite, moment_column
from pgstream.functions.vector import column_of, numbers, ranges, valid
from pgstream.kernels.grouping import group_ids
from pgstream.operators.arrange import consolidated, keys_at
from pgstream.operators.map import computed
from pgstream.plan.expressions import Expr
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
INT8 = SqlType("int8")


@dataclass(frozen=True, slots=True)
class Sessions(Operator):
    """The input's columns, then start and end of the session that the row is in; rows without a time are left out.

    Two rows of one `partition` are in one session if no more than `gap` lies between them, or rows of it between them
    fill what lies there. A session ends `gap` after its last row. `gap` refers to no column.

    A row may stand for several rows of one bucket, of which the first is at `time` and the last at `last`.
    """

    columns: tuple[SqlType, ...]
    partition: tuple[int, ...]
    time: int
    last: int
    gap: Expr

    @property
    def types(self) -> tuple[SqlType, ...]:
        moment = self.columns[self.time]
        return (*self.columns, moment, moment)

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        """The output with the bucket of each row, by partition and bucket."""
        bucket = len(self.columns) + 2
        return (ArrangementSpec((*self.types, INT8), (*self.partition, bucket)),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = self._timed(inputs[0])
        if not len(delta):
            return self.idle(state)
        gap = self._gap(tick)
        old = self._touched(delta, state[0], gap, tick)
        rows = consolidated(concat([old.select(range(len(self.columns))), delta]), tick)
        assert (rows.weights > 0).all(), "a session lost a row that it did not have"
        change = consolidated(concat([self._windowed(rows, gap, tick), old.negate()]), tick)
        state[0] = state[0].insert(self._stored(change, gap))
        return change

    def forget(self, tick: TickContext, state: list[Spine], rows: Delta) -> None:
        state[0] = state[0].insert(self._stored(rows, self._gap(tick)).negate())

    def _stored(self, rows: Delta, gap: int) -> Delta:
        """Rows of the output with their buckets."""
        return Delta((*rows.columns, column_of(self._moments(rows) // gap, pa.int64())), rows.weights)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return self._windowed(self._timed(inputs[0]), self._gap(tick), tick)

    def _gap(self, tick: TickContext) -> int:
        return int(lengths(computed(self.gap, {}, 1, tick), "gap", calendar=False).us[0])

    def _moments(self, rows: Delta) -> Ints:
        return numbers(rows.columns[self.time])

    def _timed(self, delta: Delta) -> Delta:
        """The rows that have a finite time."""
        return delta.filter(valid(delta.columns[self.time]) & finite(self._moments(delta)))

    def _touched(self, delta: Delta, before: Spine, gap: int, tick: TickContext) -> Delta:
        """The rows before this tick of every session that a row of `delta` is in, or may be from now on."""
        at = self._moments(delta) // gap
        beside = np.concatenate([at - 1, at, at + 1])
        near = self._found(delta, np.tile(np.arange(len(delta)), 3), beside, before, tick)
        start, end = (numbers(near.columns[len(self.columns) + i]) for i in range(2))
        identity = keys_at(near, (*self.partition, len(self.columns)), self.types, tick)
        each = group_ids(identity.hi, identity.lo)[1]
        first = start[each] // gap
        counts = (end[each] - gap) // gap - first + 1
        return self._found(near, np.repeat(each, counts), ranges(first, counts), before, tick)

    def _found(self, like: Delta, rows: Ints, buckets: Ints, spine: Spine, tick: TickContext) -> Delta:
        """What `spine` holds in these buckets of the partitions of these rows of `like`."""
        picks = pa.array(rows)
        columns = [like.columns[position].take(picks) for position in self.partition]
        asked = Delta((*columns, column_of(buckets, pa.int64())), np.ones(len(rows), np.int64))
        types = (*(self.columns[position] for position in self.partition), INT8)
        keys = keys_at(asked, range(len(types)), types, tick)
        distinct = keys.take(group_ids(keys.hi, keys.lo)[1])
        return spine.probe(distinct, consolidate=True, positions=range(len(self.types))).delta

    def _windowed(self, rows: Delta, gap: int, tick: TickContext) -> Delta:
        """`rows`, with the session that each is in among them."""
        if not len(rows):
            return self.idle(())
        owner = keys_at(rows, self.partition, self.columns, tick)
        at = self._moments(rows)
        order = np.lexsort((at, owner.lo, owner.hi))
        owner, at, till = owner.take(order), at[order], numbers(rows.columns[self.last])[order]
        changes = (owner.hi[1:] != owner.hi[:-1]) | (owner.lo[1:] != owner.lo[:-1])
        buckets = at // gap
        firsts = np.flatnonzero(np.append(True, changes | (buckets[1:] != buckets[:-1])))
        lasts = np.maximum.reduceat(till, firsts)
        opens = np.append(True, changes[firsts[1:] - 1] | (at[firsts[1:]] - lasts[:-1] > gap))
        ends = np.append(np.flatnonzero(opens)[1:], len(firsts)) - 1
        first = firsts[opens]
        counts = np.diff(np.append(first, len(order)))
        moments = self._bounds(at[first], lasts[ends] + gap, counts)
        sorted_rows = rows.take(order)
        return Delta((*sorted_rows.columns, *moments), sorted_rows.weights)

    def _bounds(self, start: Ints, end: Ints, counts: Ints) -> tuple[Column, Column]:
        moment = self.columns[self.time]
        return moment_column(np.repeat(start, counts), moment), moment_column(np.repeat(end, counts), moment)
