"""Ticks: from head to head."""

from collections.abc import Mapping
from dataclasses import replace

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.engine.head import Head, Outgoing, Seen

Deltas = Mapping[int, Delta]
"""Changes of tables and sources by OID, each with all of the relation's columns."""

TOLD_ROWS_MAX = 1000
"""Of how many rows a tick may be for a head to remember what it changed."""

TOLD_TICKS_MAX = 1024
"""How many ticks a head remembers."""


VIEW_SETTINGS: Mapping[str, str] = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
"""What expressions of views see in place of a session's settings, which a view outlives."""


def advance(circuit: Circuit, head: Head, deltas: Deltas, tick: TickContext) -> tuple[Head, Mapping[Node, Delta]]:
    """The head one tick later, after these changes, and the delta of every node that ran.

    Raises whatever an expression of a view raises; `head` is then as good as before.
    """
    clock = head.clock
    if circuit.waits:
        clock = clock._replace(now_us=max(clock.now_us, tick.clock.now_us))
    number, time_ms = head.tick + 1, max(tick.now_us // 1000, head.time_ms + 1)
    timed = replace(tick, time_ms=time_ms, clock=clock)
    state, outputs = circuit.step(head.state, head.roots.fed(deltas), timed, head.roots.live, fresh=False)
    made = replace(
        head,
        tick=number,
        time_ms=time_ms,
        state=state,
        outgoing=_outgoing(head, outputs, number),
        ticks=_told(head, deltas, time_ms),
        seen=_seen(head, outputs, time_ms),
        clock=clock,
    )
    return made, outputs


def _seen(head: Head, outputs: Mapping[Node, Delta], time_ms: int) -> Seen:
    """What watchers will be told of the ticks since the last commit."""
    found = {}
    for oid in head.watched:
        node = head.roots.stored.get(oid)  # none where it was dropped
        delta = None if node is None else outputs.get(node)
        if delta is not None and len(delta):
            found[oid] = Delta(tuple(delta.columns), delta.weights)
    return (*head.seen, (time_ms, found)) if found else head.seen


def _told(head: Head, deltas: Deltas, time_ms: int) -> tuple[tuple[int, Deltas], ...] | None:
    """The ticks that the next head remembers."""
    if head.ticks is None or len(head.ticks) >= TOLD_TICKS_MAX:
        return None
    if sum(len(delta) for delta in deltas.values()) > TOLD_ROWS_MAX:
        return None
    return (*head.ticks, (time_ms, deltas))


def _outgoing(head: Head, outputs: Mapping[Node, Delta], tick: int) -> Outgoing:
    if not head.roots.sent:
        return head.outgoing
    outgoing = dict(head.outgoing)
    for oid, node in head.roots.sent.items():
        delta = outputs.get(node)
        if delta is not None and len(delta):
            outgoing[oid] = (*outgoing.get(oid, ()), (tick, Delta(delta.columns, delta.weights)))
    return outgoing
