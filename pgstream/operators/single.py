"""AssertSingle: the guard of a scalar subquery."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.circuit.operator import Operator, TickContext, arranged
from pgstream.delta import Delta
from pgstream.errors import CardinalityViolation
from pgstream.kernels.grouping import group_ids, group_sums
from pgstream.operators.arrange import keys_at, touched_keys
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class AssertSingle(Operator):
    """The input, arranged on `key`; raises once two rows agree on it at the end of a tick."""

    columns: tuple[SqlType, ...]
    key: tuple[int, ...]

    lean = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = arranged(inputs[0])
        if (delta.after.key_weights(touched_keys(delta.keys)) > 1).any():
            raise _more_than_one()
        return Delta(delta.columns, delta.weights)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        keys = keys_at(inputs[0], self.key, self.columns, tick)
        ids, first = group_ids(keys.hi, keys.lo)
        if (group_sums(inputs[0].weights, ids, len(first)) > 1).any():
            raise _more_than_one()
        return inputs[0]


def _more_than_one() -> CardinalityViolation:
    return CardinalityViolation("more than one row returned by a subquery used as an expression")
