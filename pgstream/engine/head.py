"""Head: everything a database is at one tick, as one immutable value.

A tick, a statement or a definition is a function from head to head. Whoever keeps an old head keeps that state: a
reader its snapshot, a transaction its fork, the engine the head of the last commit to fall back to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pgstream.catalog.catalog import Catalog
from pgstream.circuit.circuit import State
from pgstream.circuit.operator import DAWN, Clock
from pgstream.delta import Delta
from pgstream.engine.roots import Roots
from pgstream.persistent import PersistentMap
from pgstream.storage.spine import Spine

Outgoing = Mapping[int, tuple[tuple[int, Delta], ...]]
"""What sinks have not been given yet: by the OID of the sink or feed, the ticks and their changes."""

Seen = tuple[tuple[int, Mapping[int, Delta]], ...]
"""Changes of relations that are watched: the time of each tick in ms, and by OID what it changed."""


Marks = Mapping[int, Mapping[str, int]]
"""How far each partition of a source or table says that event time has come, by OID and name, in microseconds."""


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a database after `tick`.

    state     every spine, by arrangement id
    offsets   how far each source has been read, by OID
    outgoing  changes for sinks since the last commit
    ticks     the time of each tick since the last commit, and what it changed; None where that is too much to be told
    time_ms   when the tick was, in ms since 1970; it grows from tick to tick, so it may be ahead of the clock
    watched   the OIDs of stored relations whose changes somebody wants to be told
    seen      those changes since the last commit
    clock     how far the times have come that views wait for
    marks     what the watermarks of the clock are made of
    """

    tick: int
    catalog: Catalog
    roots: Roots = field(default_factory=Roots)
    state: State = field(default_factory=PersistentMap)
    offsets: Mapping[int, bytes] = field(default_factory=dict)
    outgoing: Outgoing = field(default_factory=dict)
    ticks: tuple[tuple[int, Mapping[int, Delta]], ...] | None = ()
    time_ms: int = 0
    watched: frozenset[int] = frozenset()
    seen: Seen = ()
    clock: Clock = DAWN
    marks: Marks = field(default_factory=dict)

    def rows(self, oid: int) -> Spine | None:
        """The rows of a stored relation or index, arranged by its key; None where there are none yet."""
        root = self.roots.stored.get(oid)
        return None if root is None else self.state.get(root.arrangement_ids[0])

    @property
    def tells_ticks(self) -> bool:
        """Whether somebody is told of each tick, who must not see half of a transaction."""
        return bool(self.watched) or self.remembers_ticks

    @property
    def remembers_ticks(self) -> bool:
        """Whether it matters later which tick changed what."""
        return bool(self.catalog.subscription_oids) or bool(self.roots.live.dated)

    def pruned(self, before: "Head") -> "Head":
        """This head, made of `before`, without the state of nodes and the offsets of sources that it has no more."""
        gone = [id for node in self.roots.live.gone(before.roots.live) for id in node.arrangement_ids]
        offsets = {oid: offset for oid, offset in self.offsets.items() if oid in self.catalog.objects}
        return replace(self, state=self.state.without(gone), offsets=offsets)

    def with_offset(self, source_oid: int, offset: bytes) -> "Head":
        return replace(self, offsets={**self.offsets, source_oid: offset})
