"""Distinct: each row once, by SQL equality of all columns."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta, concat
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.storage.identity import Hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Distinct(Operator):
    """One row for each key of an arrangement on all columns: of spellings that are equal (1.0, 1.00) the one whose
    row identity comes first, so that the choice does not depend on how the rows arrived."""

    columns: tuple[SqlType, ...]

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = arranged(inputs[0])
        keys = touched_keys(delta.keys)
        return consolidated(concat([_firsts(delta.after, keys, 1), _firsts(delta.before, keys, -1)]), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        keys = keys_at(inputs[0], range(len(self.columns)), self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        first = first[group_sums(inputs[0].weights, ids, len(first)) > 0]
        return Delta(inputs[0].take(first).columns, np.ones(len(first), np.int64))


def _firsts(spine: Spine, keys: Hash, sign: int) -> Delta:
    found = spine.head(keys, 1).delta
    return Delta(found.columns, np.full(len(found), sign, np.int64))


@dataclass(frozen=True, slots=True)
class GrowingDistinct(Operator):
    """Distinct of an input that only grows: keeps the rows it gave, of equal spellings the first."""

    columns: tuple[SqlType, ...]

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def arrangements(self) -> tuple[ArrangementSpec, ...]:
        return (ArrangementSpec(self.columns, tuple(range(len(self.columns))), ()),)

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        new = self.once(tick, inputs)
        keys = keys_at(new, range(len(self.columns)), self.columns, tick)
        new = new.filter(state[0].key_weights(keys) == 0)
        if len(new):
            state[0] = state[0].insert(new)
        return new

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return Distinct(self.columns).once(tick, inputs)
