"""Head: everything a database is at one tick, as one immutable value.

A tick, a statement or a definition is a function from head to head. Whoever keeps an old head keeps that state: a
reader its snapshot, a transaction its fork, the engine the head of the last commit to fall back to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from pgstream.catalog.catalog import Catalog
from pgstream.circuit.circuit import Circuit, Node
from pgstream.delta import Delta
from pgstream.operators.input import Input
from pgstream.storage.spine import Spine


@dataclass(frozen=True)
class Roots:
    """The nodes that keep what the catalog declares, by OID.

    stored  for a table, materialized view or index: the Arrange node that holds its rows
    sent    for a sink or feed: the node whose changes go out
    """

    stored: Mapping[int, Node] = field(default_factory=dict)
    sent: Mapping[int, Node] = field(default_factory=dict)

    def store(self, oid: int, node: Node) -> "Roots":
        return Roots({**self.stored, oid: node}, self.sent)

    def send(self, oid: int, node: Node) -> "Roots":
        return Roots(self.stored, {**self.sent, oid: node})

    def drop(self, oids: set[int]) -> "Roots":
        stored = {oid: node for oid, node in self.stored.items() if oid not in oids}
        return Roots(stored, {oid: node for oid, node in self.sent.items() if oid not in oids})

    @cached_property
    def live(self) -> frozenset[Node]:
        """All nodes that a tick may run."""
        return frozenset(Circuit.ancestors([*self.stored.values(), *self.sent.values()]))

    @cached_property
    def inputs(self) -> dict[int, list[Node]]:
        """The Input nodes of each stored relation, by its OID."""
        found: dict[int, list[Node]] = {}
        for node in self.live:
            if isinstance(node.operator, Input):
                found.setdefault(node.operator.oid, []).append(node)
        return found

    def fed(self, deltas: Mapping[int, Delta]) -> dict[Node, Delta]:
        """What the Input nodes are given in a tick in which the relations change by `deltas`."""
        return {
            node: delta.select(node.operator.positions)
            for oid, delta in deltas.items()
            for node in self.inputs.get(oid, ())
            if isinstance(node.operator, Input)
        }


Outgoing = Mapping[int, tuple[tuple[int, Delta], ...]]
"""What sinks have not been given yet: by the OID of the sink or feed, the ticks and their changes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a database after `tick`.

    state     every spine, by arrangement id
    offsets   how far each source has been read, by OID
    outgoing  changes for sinks since the last commit
    ticks     what each tick since the last commit changed; None where that is too much to be told again
    """

    tick: int
    catalog: Catalog
    roots: Roots = Roots()
    state: Mapping[int, Spine] = field(default_factory=dict)
    offsets: Mapping[int, bytes] = field(default_factory=dict)
    outgoing: Outgoing = field(default_factory=dict)
    ticks: tuple[Mapping[int, Delta], ...] | None = ()

    def rows(self, oid: int) -> Spine | None:
        """The rows of a stored relation or index, arranged by its key; None where there are none yet."""
        root = self.roots.stored.get(oid)
        return None if root is None else self.state.get(root.arrangement_ids[0])

    def with_offset(self, source_oid: int, offset: bytes) -> "Head":
        return replace(self, offsets={**self.offsets, source_oid: offset})
