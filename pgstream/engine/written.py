"""Written: what a transaction has changed so far, statement by statement."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgstream.delta import Delta
from pgstream.engine.journal import merged
from pgstream.storage.consolidate import consolidate


@dataclass(slots=True)
class Written:
    """The changes of a transaction's statements. `shapes`: the tables whose rows were given another shape meanwhile,
    and how many changes came before."""

    changes: list[Mapping[int, Delta]] = field(default_factory=list)
    shapes: list[tuple[int, frozenset[int]]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def reshape(self, oids: frozenset[int]) -> None:
        """From now on the rows of these tables are of another shape."""
        self.shapes.append((len(self.changes), oids))

    def merged(self, only: frozenset[int] | None = None) -> dict[int, Delta]:
        """What has changed in each table, or `only` in some, since it got the shape that it has."""
        since = {oid: before for before, oids in self.shapes for oid in oids}
        kept = (
            {oid: delta for oid, delta in one.items() if place >= since.get(oid, 0) and (only is None or oid in only)}
            for place, one in enumerate(self.changes)
        )
        return {oid: consolidate(delta) for oid, delta in merged(kept).items()}

    @property
    def mark(self) -> tuple[int, int]:
        return len(self.changes), len(self.shapes)

    def back_to(self, mark: tuple[int, int]) -> None:
        """Forgets what came after `mark`."""
        changes, shapes = mark
        del self.changes[changes:]
        del self.shapes[shapes:]
