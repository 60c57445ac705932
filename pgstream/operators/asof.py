"""Asof: each left row with the one right row of its key that is nearest to it in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.circuit.operator import Arranged, Operator, TickContext, arranged
from pgstream.delta import Delta, concat
from pgstream.functions.vector import valid
from pgstream.operators.arrange import consolidated, keys_at
from pgstream.operators.join import Sides
from pgstream.operators.map import truths
from pgstream.storage.identity import Hash
from pgstream.storage.order import OrderColumn, order_keys
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.storage.stretches import Stretch, rows_within
from pgstream.types.definition import SqlType

Nearer = Literal[">=", ">", "<=", "<"]
"""How the time of a left row compares with that of the right row it is joined with."""


@dataclass(frozen=True)
class Nearest:
    """Of the right rows whose key is that of a left row, and to whose time the left row's compares as `nearer` says,
    the one that is nearest in time; of several of one time the first by row identity.

    `sides.residual` is asked of that row alone: where it does not hold, the left row has no match.
    """

    sides: Sides
    left_time: int
    right_time: int
    nearer: Nearer
    outer: bool

    @cached_property
    def types(self) -> tuple[SqlType, ...]:
        return self.sides.left + self.sides.right

    @property
    def backwards(self) -> bool:
        """Whether the match is before the left row in time: then both sides are arranged from the last time on."""
        return self.nearer in (">=", ">")

    @property
    def strict(self) -> bool:
        return self.nearer in (">", "<")

    # Rows without a time come first: no bound is before them, so nothing finds them.

    @cached_property
    def left_spec(self) -> ArrangementSpec:
        order = (OrderColumn(self.left_time, self.backwards, True),)
        return ArrangementSpec(self.sides.left, self.sides.left_key, order)

    @cached_property
    def right_spec(self) -> ArrangementSpec:
        order = (OrderColumn(self.right_time, self.backwards, True),)
        return ArrangementSpec(self.sides.right, self.sides.right_key, order)

    def joined(self, left: Delta, keys: Hash, right: Spine, tick: TickContext) -> Delta:
        """The rows of `left`, whose key hashes are `keys`, with their matches in `right`, arranged by `right_spec`."""
        asking = np.flatnonzero(self.sides.matchable(left, flipped=False) & valid(left.columns[self.left_time]))
        rows = left.take(asking)
        stretch = Stretch(start=order_keys(rows.columns, self.sides.left, self.left_spec.order), after=self.strict)
        query, found = rows_within(right, keys.take(asking), stretch, 1)
        picked = rows.take(query)
        pairs = Delta(tuple(picked.columns) + tuple(found.columns), picked.weights)
        if self.sides.residual is not None and len(pairs):
            kept = truths(self.sides.residual, pairs, tick)
            pairs, query = pairs.filter(kept), query[kept]
        if not self.outer:
            return pairs
        alone = np.ones(len(left), np.bool_)
        alone[asking[query]] = False
        single = left.filter(alone)
        nulls = tuple(pa.nulls(len(single), type.storage) for type in self.sides.right)
        return concat([pairs, Delta(tuple(single.columns) + nulls, single.weights)])

    def touched(self, changed: Arranged, left: Spine) -> Delta:
        """The rows of `left`, arranged by `left_spec`, whose match may be another after right rows `changed`: those
        that lie between a changed row and what came before it in order."""
        order = self.right_spec.order
        places = order_keys(changed.columns, self.sides.right, order)
        first, same_key = _neighbours(changed.keys, places)
        keys, places = changed.keys.take(first), places.take(pa.array(first))
        query, earlier = rows_within(changed.after, keys, Stretch(stop=places), 1, backwards=True)
        starts = _placed(order_keys(earlier.columns, self.sides.right, order), query, len(first))
        chained = np.flatnonzero(same_key)
        previous = _placed(places.take(pa.array(chained - 1)), chained, len(first))
        starts = pc.if_else(pc.greater(previous, starts), previous, starts)
        stretch = Stretch(
            starts.combine_chunks() if isinstance(starts, pa.ChunkedArray) else starts, places, not self.strict
        )
        return rows_within(left, keys, stretch).delta


def _neighbours(keys: Hash, places: pa.Array) -> "tuple[np.ndarray, np.ndarray]":
    """Of sorted rows the first of each key and place, and which of them follow one of their key."""
    same = np.zeros(len(places), np.bool_)
    same[1:] = (keys.hi[1:] == keys.hi[:-1]) & (keys.lo[1:] == keys.lo[:-1])
    equal = np.zeros(len(places), np.bool_)
    equal[1:] = pc.equal(places[1:], places[:-1]).to_numpy(zero_copy_only=False)
    first = np.flatnonzero(~(same & equal))
    return first, same[first]


def _placed(values: pa.Array, at: "np.ndarray", count: int) -> pa.Array:
    """A column of `count` order keys that has `values` at these rows, and elsewhere one before all others."""
    index = np.full(count, -1, np.int64)
    index[at] = np.arange(len(at))
    taken = values.take(pa.array(index, mask=index < 0))
    return pc.fill_null(taken, b"")


@dataclass(frozen=True, slots=True)
class Asof(Operator):
    """What `nearest` says, kept up to date: a changed right row touches the left rows up to the next one in time.

    Reads both sides from arrangements by its specs, and keeps nothing itself.
    """

    nearest: Nearest

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.nearest.types

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        left, right = arranged(inputs[0]), arranged(inputs[1])
        nearest, found = self.nearest, [self.idle(())]
        if len(left):
            found.append(nearest.joined(left, left.keys, right.after, tick))
        if len(right):
            rows = nearest.touched(right, left.before)
            keys = keys_at(rows, nearest.sides.left_key, nearest.sides.left, tick)
            found.append(nearest.joined(rows, keys, right.before, tick).negate())
            found.append(nearest.joined(rows, keys, right.after, tick))
        return consolidated(concat(found), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        nearest = self.nearest
        spine = Spine.empty(nearest.right_spec, tick.seed).insert(inputs[1])
        keys = keys_at(inputs[0], nearest.sides.left_key, nearest.sides.left, tick)
        return nearest.joined(inputs[0], keys, spine, tick)
