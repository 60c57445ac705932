"""Momentary: an operator all of whose related input comes in one tick, so that it need not remember any.

Above rows that are given window by window, when the window closes, whatever is computed within windows is complete at
once: its first step is its last.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.circuit.operator import Operator, TickContext
from pgstream.delta import Delta
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType


@dataclass(frozen=True, slots=True)
class Momentary(Operator):
    """What `inner` gives for the input of one tick, as if there had been none before."""

    inner: Operator

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.inner.types

    @property
    def arranges(self) -> bool:  # type: ignore[override]
        return self.inner.arranges

    @property
    def lean(self) -> bool:  # type: ignore[override]
        return self.inner.lean

    def step(self, tick: TickContext, state: list[Spine], inputs: Sequence[Delta]) -> Delta:
        return self.inner.step(tick, [Spine.empty(spec, tick.seed) for spec in self.inner.arrangements], inputs)

    def once(self, tick: TickContext, inputs: Sequence[Delta]) -> Delta:
        return self.inner.once(tick, inputs)

    def idle(self, state: Sequence[Spine]) -> Delta:
        # Nothing is asked of what is empty, so no seed matters.
        return self.inner.idle([Spine.empty(spec, (0, 0)) for spec in self.inner.arrangements])
