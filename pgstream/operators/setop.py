"""SetOperation: INTERSECT and EXCEPT, which compare how often a row stands on either side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta, concat
from pgstream.operators.arrange import consolidated, keys_at, touched_keys
from pgstream.storage.identity import Hash
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

Weights = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SetOperation(Operator):
    """Both inputs arranged on all columns; the left side's first spelling of a key stands for all its copies."""

    columns: tuple[SqlType, ...]
    kind: Literal["intersect", "except"]
    all: bool

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    @property
    def spec(self) -> ArrangementSpec:
        return ArrangementSpec(self.columns, tuple(range(len(self.columns))), ())

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        left, right = arranged(inputs[0]), arranged(inputs[1])
        both = [np.concatenate(halves) for halves in zip(left.keys, right.keys, strict=True)]
        keys = touched_keys(Hash(both[0], both[1]))
        new = self._result(left.after, right.after, keys)
        return consolidated(concat([new, self._result(left.before, right.before, keys).negate()]), tick)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        left, right = (Spine.empty(self.spec, tick.seed).insert(delta) for delta in inputs)
        return self._result(left, right, touched_keys(keys_at(inputs[0], self.spec.key, self.columns, tick)))

    def _result(self, left: Spine, right: Spine, keys: Hash) -> Delta:
        """The output's rows of `keys`."""
        copies = self._copies(left.key_weights(keys), right.key_weights(keys))
        shown = np.flatnonzero(copies)
        found = left.head(keys.take(shown), 1)
        return Delta(found.delta.columns, copies[shown][found.query])

    def _copies(self, left: Weights, right: Weights) -> Weights:
        if self.kind == "intersect":
            both: Weights = np.minimum(left, right)
            return both if self.all else np.minimum(both, 1)
        if self.all:
            surplus: Weights = np.maximum(left - right, 0)
            return surplus
        return ((left > 0) & (right <= 0)).astype(np.int64)
