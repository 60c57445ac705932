"""The statements of one command, each run over the rows from before it: what they did so far."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgstream.delta import Delta, concat
from pgstream.engine.references import Event


@dataclass(slots=True)
class Together:
    """What the statements that are through have changed, and what foreign keys must yet be told of it."""

    deltas: dict[int, Delta] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def add(self, deltas: Mapping[int, Delta]) -> None:
        """One more statement is through."""
        for oid, delta in deltas.items():
            self.deltas[oid] = self.with_earlier(oid, delta)

    def with_earlier(self, oid: int, delta: Delta) -> Delta:
        """A change of a table, behind those before it."""
        earlier = self.deltas.get(oid)
        return delta if earlier is None else concat([earlier, delta])
