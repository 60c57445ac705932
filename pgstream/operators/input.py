"""Input: where the changes of a stored relation enter a circuit."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Input(Operator):
    """The columns at `positions` of the stored relation `oid`; whoever steps the circuit gives their deltas.

    A source decodes no more columns than its Inputs name.
    """

    oid: int
    positions: tuple[int, ...]
    columns: tuple[SqlType, ...]

    external = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        delta = inputs[0]
        assert len(delta.columns) == len(self.columns), self
        return delta.filter(delta.weights != 0)
