"""Shielding: a query that only subscribers want may fail, and fails them alone.

What a statement writes is everybody's; a subscription's query is its own. So where a tick fails in a node that nothing
but watched queries needs, it is taken without them.
"""

from collections.abc import Mapping
from dataclasses import replace

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.engine.head import Head
from pgstream.engine.steps import Deltas, advance

Failed = dict[int, Exception]
"""Why queries that were watched are not computed any more, by OID."""


def advance_shielded(
    circuit: Circuit, head: Head, deltas: Deltas, tick: TickContext
) -> tuple[Head, Mapping[Node, Delta], Failed]:
    """As `advance`; the head made is without the watched queries that failed."""
    failed: Failed = {}
    while True:
        try:
            made, outputs = advance(circuit, head, deltas, tick)
        except Exception as error:
            guilty = _guilty(head, circuit.failed)
            if not guilty:
                raise
            failed |= dict.fromkeys(guilty, error)
            roots = head.roots.drop(guilty)
            head = replace(head, roots=roots, watched=head.watched - guilty).pruned(head)
        else:
            return made, outputs, failed


def _guilty(head: Head, node: Node | None) -> frozenset[int]:
    """The watched queries that need `node`; none where something else needs it too."""
    hidden = frozenset(oid for oid in head.watched if oid not in head.catalog.objects and oid in head.roots.stored)
    if node is None or not hidden or node in head.roots.drop(hidden).live:
        return frozenset()
    return frozenset(oid for oid in hidden if node in Circuit.ancestors([head.roots.stored[oid]]))
