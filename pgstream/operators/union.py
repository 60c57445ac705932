"""Union: the sum of several inputs."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta, concat
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Union(Operator):
    """UNION ALL: all rows of all inputs, which have equal column types."""

    columns: tuple[SqlType, ...]

    streams = True

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.columns

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        return concat([Delta(delta.columns, delta.weights) for delta in inputs])
