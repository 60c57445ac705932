"""Arrange: the integral of a stream, indexed by a key; the one place where an operator's input becomes state.

Operators that need the past of an input read it from the Arrange node below them. As nodes are shared, two joins of
one relation on one key keep it once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgstream.circuit.operator import Arranged, Operator, TickContext
from pgstream.delta import Delta
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.storage.gather import take_rows
from pgstream.storage.identity import Hash, key_hash, row_hash
from pgstream.storage.run import ArrangementSpec, build_run
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Arrange(Operator):
    """The input as it is, integrated under `spec`."""

    spec: ArrangementSpec

    arranges = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.spec.types

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (self.spec,)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Arranged:
        before = state[0]
        assert not self.spec.growing or not (inputs[0].weights < 0).any(), "what only grows lost a row"
        run = build_run(inputs[0], self.spec, tick.seed)
        if run is None:
            return self.idle(state)
        state[0] = after = before.insert_run(run)
        return Arranged(run.rows.columns, run.rows.weights, run.rows.key, before, after)

    def idle(self, state: Sequence[Spine]) -> Arranged:
        nothing = np.empty(0, np.uint64)
        empty = Delta.empty(self.spec.storages)
        return Arranged(empty.columns, empty.weights, Hash(nothing, nothing), state[0], state[0])


def keys_at(delta: Delta, positions: Sequence[int], types: Sequence[SqlType], tick: TickContext) -> Hash:
    """The key hash of each row of `delta`, by the columns at `positions`; `types` are those of all columns."""
    columns = [delta.columns[position] for position in positions]
    return key_hash(columns, [types[position] for position in positions], tick.seed, len(delta))


def each_once(delta: Delta, tick: TickContext) -> Delta:
    """The first of each set of identical rows, with the weight that it has there."""
    identity = row_hash(delta.columns, tick.seed, len(delta))
    return take_rows(delta, group_ids(identity.hi, identity.lo)[1])


def consolidated(delta: Delta, tick: TickContext) -> Delta:
    """The same change with every row named once, and none of weight 0."""
    identity = row_hash(delta.columns, tick.seed, len(delta))
    ids, first = group_ids(identity.hi, identity.lo)
    if len(first) == len(delta):
        return delta.filter(delta.weights != 0)
    weights = group_sums(delta.weights, ids, len(first))
    kept = np.flatnonzero(weights)
    return Delta(take_rows(delta, first[kept]).columns, weights[kept])


def touched_keys(keys: Hash) -> Hash:
    """Each key once."""
    return keys.take(group_ids(keys.hi, keys.lo)[1])
