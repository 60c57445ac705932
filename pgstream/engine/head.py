"""Head: everything a database is at one tick, as one immutable value.

A tick, a statement or a definition is a function from head to head. Whoever keeps an old head keeps that state: a
reader its snapshot, a transaction its fork, the engine the head of the last commit to fall back to.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pgstream.catalog.catalog import Catalog
from pgstream.circuit.circuit import Node
from pgstream.storage.spine import Spine


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a database after `tick`.

    roots    the nodes that keep what the catalog declares, by OID: for a table or materialized view, and for an
             index, the Arrange node that holds the rows; for a sink or feed, the node whose changes go out
    state    every spine, by arrangement id
    offsets  how far each source has been read, by OID
    cursors  how far each sink has been written, by OID
    """

    tick: int
    catalog: Catalog
    roots: Mapping[int, Node]
    state: Mapping[int, Spine]
    offsets: Mapping[int, bytes] = field(default_factory=dict)
    cursors: Mapping[int, bytes] = field(default_factory=dict)

    def rows(self, oid: int) -> Spine | None:
        """The rows of a stored relation or index, arranged by its key; None where none came yet, or none are kept."""
        root = self.roots.get(oid)
        return self.state.get(root.arrangement_ids[0]) if root is not None and root.arrangement_ids else None
