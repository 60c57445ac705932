"""Ticks: from head to head."""

from collections.abc import Mapping
from dataclasses import replace

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.engine.head import Head, Outgoing

Deltas = Mapping[int, Delta]
"""Changes of tables and sources by OID, each with all of the relation's columns."""


def advance(circuit: Circuit, head: Head, deltas: Deltas, tick: TickContext) -> tuple[Head, Mapping[Node, Delta]]:
    """The head one tick later, after these changes, and the delta of every node that ran.

    Raises whatever an expression of a view raises; `head` is then as good as before.
    """
    state, outputs = circuit.step(head.state, head.roots.fed(deltas), tick, head.roots.live)
    number = head.tick + 1
    return replace(head, tick=number, state=state, outgoing=_outgoing(head, outputs, number)), outputs


def _outgoing(head: Head, outputs: Mapping[Node, Delta], tick: int) -> Outgoing:
    if not head.roots.sent:
        return head.outgoing
    outgoing = dict(head.outgoing)
    for oid, node in head.roots.sent.items():
        delta = outputs.get(node)
        if delta is not None and len(delta):
            outgoing[oid] = (*outgoing.get(oid, ()), (tick, Delta(delta.columns, delta.weights)))
    return outgoing
