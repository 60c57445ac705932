"""Backfill: the past of new nodes, computed from a snapshot while ticks go on.

The sub-circuit that the new nodes need is stepped with a state of its own, chunk by chunk over the contents of what
it reads; the changes that ticks bring meanwhile wait in a queue and are stepped afterwards. Once the queue is empty,
the state of the nodes that are new joins the head, between two ticks. Where the sub-circuit shares nodes with views
that exist, their state is computed along and dropped: a join cannot be asked for what it said in the past. What is
kept is read as it is kept, unless what it is made of is read as well, and gives it.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from pgstream.catalog.objects import Source
from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.circuit.operator import Clock, TickContext
from pgstream.delta import Delta
from pgstream.engine.head import Head
from pgstream.engine.reading import CHUNK_ROWS, Rereads
from pgstream.engine.roots import Roots
from pgstream.engine.steps import Deltas
from pgstream.operators.input import Input


@dataclass(slots=True)
class Progress:
    """How many of about `total` rows have been read."""

    done: int = 0
    total: int = 0


class Backfill:
    """What it takes for the nodes of `roots` that `head` does not have to join its ticks."""

    def __init__(self, circuit: Circuit, head: Head, roots: Roots, rereads: Rereads, tick: TickContext) -> None:
        self._circuit = circuit
        self._tick = tick
        self._begun = head.clock
        self._sending = {oid: node for oid, node in roots.sent.changed(head.roots.sent) if oid not in head.roots.sent}
        targets = [*roots.added(head.roots), *self._sending.values()]

        def given(node: Node) -> bool:
            return isinstance(node.operator, Input) or head.roots.keeps(node)

        self.within = Circuit.ancestors(targets, until=given)
        in_order = sorted(self.within, key=lambda node: node.id)
        self._leaves = [node for node in in_order if given(node) and self.within.isdisjoint(node.inputs)]
        self._fresh = [node for node in in_order if node not in head.roots.live]
        self._state = State()
        self._outgoing: dict[int, tuple[tuple[int, Delta], ...]] = {}
        self._waiting: deque[tuple[dict[Node, Delta], Clock]] = deque()
        self._awaits = any(node.operator.awaits is not None for node in self.within)
        self._reading = self._contents(head, rereads)
        self._read_all = False
        self.progress = Progress(0, sum(_rows(head, node) for node in self._leaves))
        self.instant = not any(_has_past(head, node) for node in self._leaves)
        self._step({}, self._past)

    @property
    def _past(self) -> Clock:
        """The clock for the contents as they were: of them, nothing is late."""
        return self._begun._replace(watermarks={}, past=True)

    def record(self, deltas: Deltas, outputs: Mapping[Node, Delta], clock: Clock) -> None:
        """What a tick changed that this backfill reads; called after every tick of the head until the end."""
        changed: dict[Node, Delta] = {}
        for node in self._leaves:
            if isinstance(node.operator, Input):
                delta = deltas.get(node.operator.oid)
                if delta is not None:
                    changed[node] = delta.select(node.operator.positions)
            elif node in outputs:
                changed[node] = outputs[node]
        if changed or self._awaits:
            self._waiting.append((changed, clock))

    def run(self) -> None:
        """Goes on to the end."""
        while not self.advance():
            pass

    def advance(self) -> bool:
        """Steps one chunk; True once everything up to now has been seen. Raises what the new nodes' expressions do."""
        if not self._read_all:
            part = next(self._reading, None)
            if part is not None:
                node, delta = part
                self._step({node: delta}, self._past)
                self.progress.done += len(delta)
                return False
            self._read_all = True
            if self._awaits:
                self._step({}, self._begun)
        if self._waiting:
            self._step(*self._waiting.popleft())
        return not self._waiting

    def finish(self, head: Head) -> Head:
        """`head` with the state of the new nodes, and with what new sinks have to send."""
        assert self._read_all
        assert not self._waiting
        ids = [id for node in self._fresh for id in node.arrangement_ids]
        state = head.state.update({id: self._state[id] for id in ids if id in self._state})
        outgoing = dict(head.outgoing)
        for oid, parts in self._outgoing.items():
            outgoing[oid] = (*outgoing.get(oid, ()), *((head.tick, delta) for _, delta in parts))
        return replace(head, state=state, outgoing=outgoing)

    def _step(self, inputs: Mapping[Node, Delta], clock: Clock) -> None:
        tick = replace(self._tick, clock=clock)
        self._state, outputs = self._circuit.step(self._state, inputs, tick, self.within)
        for oid, node in self._sending.items():
            delta = outputs.get(node)
            if delta is not None and len(delta):
                plain = Delta(delta.columns, delta.weights)
                self._outgoing[oid] = (*self._outgoing.get(oid, ()), (0, plain))

    def _contents(self, head: Head, rereads: Rereads) -> Iterator[tuple[Node, Delta]]:
        for node in self._leaves:
            for part in _parts(head, node, rereads):
                yield node, part


def _parts(head: Head, node: Node, rereads: Rereads) -> Iterable[Delta]:
    """What a leaf has given so far, in chunks."""
    if not isinstance(node.operator, Input):
        spine = head.state.get(node.arrangement_ids[0])
        return () if spine is None else spine.chunks(CHUNK_ROWS)
    oid, positions = node.operator.oid, node.operator.positions
    thing = head.catalog.objects.get(oid)
    if isinstance(thing, Source):
        if oid not in head.offsets:
            return ()
        return (part.select(positions) for part in rereads.replay(head, thing, frozenset(positions)))
    spine = head.rows(oid)
    return () if spine is None else spine.chunks(CHUNK_ROWS, positions)


def _has_past(head: Head, node: Node) -> bool:
    """Whether there is anything to read of a leaf."""
    read_already = isinstance(node.operator, Input) and node.operator.oid in head.offsets
    return read_already or _rows(head, node) > 0


def _rows(head: Head, node: Node) -> int:
    """About how many rows a leaf holds; 0 for a source, which is not counted."""
    if isinstance(node.operator, Input):
        spine = head.rows(node.operator.oid)
    else:
        spine = head.state.get(node.arrangement_ids[0])
    return 0 if spine is None else spine.len_upper_bound
