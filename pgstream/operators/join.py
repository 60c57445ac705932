"""Join: the inner join of two arrangements, and the probing that semi and outer joins share with it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta, concat
from pgstream.functions.vector import ranges, valid
from pgstream.kernels.grouping import group_offsets, pair_up
from pgstream.operators.arrange import keys_at
from pgstream.operators.map import truths
from pgstream.plan.expressions import Expr
from pgstream.storage.gather import picked
from pgstream.storage.identity import Hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Matches, Spine
from pgstream.types.definition import SqlType

FEWER = 16
"""A spine of so many times fewer rows than a run is looked up in the run, not the run in the spine."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What an operator on two inputs compares: column types, key positions, and a residual condition.

    Keys match where all key columns are equal; types at the same place of the two keys are equal. A NULL matches
    nothing, but in the first `null_equal` columns of the keys it matches NULL (IS NOT DISTINCT FROM).
    The residual's Refs count positions through the left columns, then the right ones.
    """

    left: tuple[SqlType, ...]
    right: tuple[SqlType, ...]
    left_key: tuple[int, ...]
    right_key: tuple[int, ...]
    residual: Expr | None = None
    null_equal: int = 0

    @property
    def left_spec(self) -> ArrangementSpec:
        return ArrangementSpec(self.left, self.left_key)

    @property
    def right_spec(self) -> ArrangementSpec:
        return ArrangementSpec(self.right, self.right_key)

    def matchable(self, delta: Delta, *, flipped: bool) -> NDArray[np.bool_]:
        """The rows of the left side (the right with `flipped`) that have no NULL where it matches nothing."""
        keep = np.ones(len(delta), np.bool_)
        for position in (self.right_key if flipped else self.left_key)[self.null_equal :]:
            column = delta.columns[position]
            if column.null_count:
                keep &= valid(column)
        return keep


@dataclass(frozen=True, slots=True)
class Pairs:
    """Matching rows of both sides: the index of the probing row of each, and the whole row left before right."""

    probing: NDArray[np.int64]
    rows: Delta


def pairs(
    sides: Sides,
    delta: Delta,
    keys: Hash,
    spine: Spine,
    tick: TickContext,
    *,
    flipped: bool = False,
    consolidate: bool = False,
    ascending: bool = False,
) -> Pairs:
    """The rows of `delta` (of the left side; the right with `flipped`) with their matches in the other's `spine`.

    With `consolidate` a pair comes once, with its whole weight. `ascending`: `keys` are in the order of a run.
    """
    index = _meeting(keys, spine) if ascending else None
    if index is not None:
        delta, keys = delta.take(index), keys.take(index)
    keep = sides.matchable(delta, flipped=flipped)
    if not keep.all():
        chosen = np.flatnonzero(keep)
        delta, keys = delta.take(chosen), keys.take(chosen)
        index = chosen if index is None else index[chosen]
    found = _probed(spine, keys, consolidate=consolidate)
    probing = picked(delta, found.query)
    halves = (found.delta, probing) if flipped else (probing, found.delta)
    rows = Delta(halves[0].columns + halves[1].columns, probing.weights * found.delta.weights)
    query = found.query
    if sides.residual is not None and len(rows):
        kept = truths(sides.residual, rows, tick)
        rows, query = rows.filter(kept), query[kept]
    return Pairs(query if index is None else index[query], rows)


def _meeting(keys: Hash, spine: Spine) -> NDArray[np.int64] | None:
    """The rows of ascending `keys` that may be in a spine of far fewer rows; None where it has too many."""
    if spine.len_upper_bound * FEWER > keys.rows:
        return None
    words = np.unique(np.concatenate([np.empty(0, np.uint64), *(run.rows.key.hi for run in spine.runs)]))
    starts, stops = np.searchsorted(keys.hi, words, "left"), np.searchsorted(keys.hi, words, "right")
    return np.repeat(starts, stops - starts) + ranges(np.zeros(len(words), np.int64), stops - starts)


def _probed(spine: Spine, keys: Hash, *, consolidate: bool) -> Matches:
    """What `spine.probe` gives; stretches of equal keys, as an arranged delta has them, are looked up once."""
    changes = np.ones(keys.rows, np.bool_)
    np.logical_or(keys.hi[1:] != keys.hi[:-1], keys.lo[1:] != keys.lo[:-1], out=changes[1:])
    first = np.flatnonzero(changes)
    if len(first) * 2 > keys.rows:
        return spine.probe(keys, consolidate=consolidate, late=True)
    found = spine.probe(keys.take(first), consolidate=consolidate, late=True)
    rows, members = pair_up(np.cumsum(changes) - 1, group_offsets(found.query, len(first)))
    return Matches(rows, found.delta.take(members))


@dataclass(frozen=True, slots=True)
class Join(Operator):
    """The columns at `output` of every pair of rows that match; weights multiply.

    Bilinear: Δ(A⋈B) = ΔA⋈B' + A⋈ΔB, where B' is B after the tick.
    """

    sides: Sides
    output: tuple[int, ...]

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        both = self.sides.left + self.sides.right
        return tuple(both[position] for position in self.output)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        left, right = arranged(inputs[0]), arranged(inputs[1])
        found = []
        if len(left):
            found.append(pairs(self.sides, left, left.keys, right.after, tick, ascending=True))
        if len(right):
            found.append(pairs(self.sides, right, right.keys, left.before, tick, flipped=True, ascending=True))
        return concat([self.idle(()), *(each.rows.select(self.output) for each in found)])

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        """The smaller side is arranged and the larger one probes."""
        sides = self.sides
        flipped = len(inputs[0]) < len(inputs[1])
        built, probing = (inputs[0], inputs[1]) if flipped else (inputs[1], inputs[0])
        spec = replace(sides.left_spec if flipped else sides.right_spec, growing=True)
        keep = sides.matchable(built, flipped=not flipped)
        spine = Spine.empty(spec, tick.seed).insert(built.filter(keep))
        types, key = (sides.right, sides.right_key) if flipped else (sides.left, sides.left_key)
        keys = keys_at(probing, key, types, tick)
        return pairs(sides, probing, keys, spine, tick, flipped=flipped).rows.select(self.output)
