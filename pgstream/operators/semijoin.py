"""SemiJoin: the left rows that have a match on the right, or have none."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import Arranged, Operator, TickContext, arranged
from pgstream.delta import Delta, Weights, concat
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.operators.arrange import each_once, keys_at
from pgstream.operators.join import Sides, pairs
from pgstream.storage.identity import Hash
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class SemiJoin(Operator):
    """The left rows with a match (`anti`: without one), each with its own weight. A NULL key matches nothing.

    Reads the same arrangements as a Join on the same keys and keeps nothing itself: a changed right row touches only
    the left rows that it matches, and whether those matched before is asked from the arrangement before the tick.
    """

    sides: Sides
    anti: bool

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.sides.left

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        left, right = arranged(inputs[0]), arranged(inputs[1])
        found = [self.idle(())]
        if len(left):
            found.append(self._kept(left, left.keys, right.after, tick))
        if len(right) and self.sides.residual is None:
            found.append(self._flipped_keys(left, right))
        elif len(right):
            found.append(self._flipped_rows(left, right, tick))
        return concat(found)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        left, right = inputs
        spine = Spine.empty(self.sides.right_spec, tick.seed).insert(right)
        return self._kept(left, keys_at(left, self.sides.left_key, self.sides.left, tick), spine, tick)

    def _matched(self, left: Delta, keys: Hash, spine: Spine, tick: TickContext) -> NDArray[np.bool_]:
        """Which rows of `left` have a match in `spine`."""
        if self.sides.residual is None:
            return (spine.key_weights(keys) > 0) & self.sides.matchable(left, flipped=False)
        once = Delta(left.columns, np.ones(len(left), np.int64))
        found = pairs(self.sides, once, keys, spine, tick)
        counts: Weights = group_sums(found.rows.weights, found.probing, len(left))
        return counts > 0

    def _kept(self, left: Delta, keys: Hash, spine: Spine, tick: TickContext) -> Delta:
        return Delta(left.columns, left.weights).filter(self._matched(left, keys, spine, tick) != self.anti)

    def _flipped_keys(self, left: Arranged, right: Arranged) -> Delta:
        """The earlier left rows of the keys that came to have a match, or lost their last."""
        rows = np.flatnonzero(self.sides.matchable(right, flipped=True))
        keys = right.keys.take(rows)
        keys = keys.take(group_ids(keys.hi, keys.lo)[1])
        had, has = right.before.key_weights(keys) > 0, right.after.key_weights(keys) > 0
        flipped = np.flatnonzero(had != has)
        sign = np.where(has[flipped] != self.anti, 1, -1)
        found = left.before.probe(keys.take(flipped))
        return Delta(found.delta.columns, found.delta.weights * sign[found.query])

    def _flipped_rows(self, left: Arranged, right: Arranged, tick: TickContext) -> Delta:
        """The earlier left rows that some changed right row matches, where that changed whether they match."""
        touching = Delta(right.columns, np.ones(len(right), np.int64))
        touched = pairs(self.sides, touching, right.keys, left.before, tick, flipped=True, consolidate=True).rows
        rows = each_once(touched.select(range(len(self.sides.left))), tick)
        keys = keys_at(rows, self.sides.left_key, self.sides.left, tick)
        had, has = (self._matched(rows, keys, spine, tick) for spine in (right.before, right.after))
        sign = (has.astype(np.int64) - had) * (-1 if self.anti else 1)
        return Delta(rows.columns, rows.weights * sign).filter(sign != 0)
