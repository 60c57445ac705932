"""The circuit: a shared, acyclic graph of operators that one step takes from tick to tick."""

import heapq
import time
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pgstream.circuit.fingerprint import fingerprint
from pgstream.circuit.operator import Clock, Operator, Series, TickContext
from pgstream.delta import Delta, concat
from pgstream.persistent import PersistentMap
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types.definition import SqlType

State = PersistentMap[int, Spine]
"""The spines of a circuit by arrangement id. Whoever kept one can go back to it."""


@dataclass(slots=True)
class Counters:
    """What a node did so far, for EXPLAIN ANALYZE."""

    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    steps: int = 0


@dataclass(eq=False, slots=True)
class Node:
    """An operator at its place in a circuit.

    `id` grows along every edge. `identity` and the arrangement ids derive from the structure alone, so that a
    restart that lowers the same plans finds the same states.
    """

    id: int
    operator: Operator
    inputs: tuple["Node", ...]
    identity: bytes
    arrangement_ids: tuple[int, ...]
    consumers: list["Node"] = field(default_factory=list, repr=False)
    counters: Counters = field(default_factory=Counters, repr=False)

    @property
    def types(self) -> tuple[SqlType, ...]:
        return self.operator.types


def _arrangement_id(identity: bytes, index: int) -> int:
    """A positive 63-bit number that only this arrangement of this computation has."""
    return int.from_bytes(fingerprint((identity, index))[:8], "little") >> 1


class Circuit:
    """Nodes interned by (operator, inputs): two views with an equal subplan share it and its state."""

    def __init__(self) -> None:
        self._nodes: dict[bytes, Node] = {}
        self._starting: dict[bytes, Node] = {}
        """Those that have something to say before any input."""
        self._waiting: dict[bytes, Node] = {}
        """Those that wait for a time."""
        self._dues: dict[int, tuple[Spine, int | None]] = {}
        """When the first of a queue is due, by the queue's arrangement id, and the queue that was looked at."""
        self._loose: dict[Node, None] = {}
        """Those that perhaps nobody wants: new ones, and those that were let go."""
        self._next_id = 0
        self.held: frozenset[Node] = frozenset()
        """Those of the waiting for which time stands right before what they wait for."""
        self.failed: Node | None = None
        """Where the last step failed that did."""

    def __len__(self) -> int:
        return len(self._nodes)

    def nodes(self) -> Sequence[Node]:
        """Every node, inputs before consumers."""
        return sorted(self._nodes.values(), key=lambda node: node.id)

    def add(self, operator: Operator, inputs: Sequence[Node] = ()) -> Node:
        """The node that applies `operator` to `inputs`; the one that is there already, if any.

        A node lives until a `sweep` finds nobody who wants it.
        """
        identity = fingerprint((operator, tuple(node.identity for node in inputs)))
        found = self._nodes.get(identity)
        if found is not None:
            return found
        ids = tuple(_arrangement_id(identity, index) for index in range(len(operator.arrangements)))
        node = Node(self._next_id, operator, tuple(inputs), identity, ids)
        self._next_id += 1
        self._nodes[identity] = node
        self._loose[node] = None
        if operator.starts:
            self._starting[identity] = node
        if operator.awaits is not None:
            self._waiting[identity] = node
        for source in inputs:
            source.consumers.append(node)
        return node

    def let_go(self, nodes: Iterable[Node]) -> None:
        """Nodes that a caller of `sweep` wanted lastingly, and wants no more."""
        self._loose.update((node, None) for node in nodes if node.identity in self._nodes)

    def sweep(self, lasting: Container[Node], passing: Sequence[Container[Node]] = ()) -> None:
        """Frees every node that nobody wants, among those that were added or let go since they were last found wanted.

        Each of the containers holds the inputs of its own. What is in `lasting` stays until it is let go; what is only
        in one of `passing` is looked at again by the next sweep.
        """
        loose = [node for node in self._loose if node not in lasting]
        kept = [node for node in loose if any(node in wanted for wanted in passing)]
        self._loose = dict.fromkeys(kept)
        gone = [node for node in loose if node not in self._loose]
        for node in gone:
            del self._nodes[node.identity]
            self._starting.pop(node.identity, None)
            if self._waiting.pop(node.identity, None) is not None:
                self._dues.pop(node.arrangement_ids[-1], None)
        lost = set(gone)
        for source in dict.fromkeys(source for node in gone for source in node.inputs):
            source.consumers = [consumer for consumer in source.consumers if consumer not in lost]

    # -- time

    @property
    def waits(self) -> bool:
        """Whether some node waits for a time."""
        return bool(self._waiting)

    def series(self) -> set[Series]:
        """What some node waits for."""
        return {node.operator.awaits for node in self._waiting.values() if node.operator.awaits is not None}

    def closing_series(self) -> set[Series]:
        """What some node waits for that takes nothing of before."""
        return {node.operator.awaits or () for node in self._waiting.values() if node.operator.closes}

    def due(self, state: State, clock: Clock, within: Container[Node] | None) -> Iterator[Node]:
        """The nodes whose time has come."""
        for node in self._waiting.values():
            if node not in self.held and (within is None or node in within):
                due_us = self._due_us(node, state)
                if due_us is not None and due_us <= clock.reading(node.operator.awaits or ()):
                    yield node

    def next_due_us(self, state: State, within: Container[Node]) -> int | None:
        """The time of the world for which some node waits; None where none does."""
        waiting = (
            node
            for node in self._waiting.values()
            if node.operator.awaits == () and node in within and node not in self.held
        )
        return min((due for node in waiting if (due := self._due_us(node, state)) is not None), default=None)

    def _due_us(self, node: Node, state: State) -> int | None:
        queue = state.get(node.arrangement_ids[-1])
        if queue is None:
            return None
        known = self._dues.get(node.arrangement_ids[-1])
        if known is None or known[0] is not queue:
            known = self._dues[node.arrangement_ids[-1]] = queue, node.operator.due_us(queue)
        return known[1]

    def _held_back(self, node: Node, state: State, tick: TickContext) -> TickContext:
        """The tick as it is for a node that is held: nothing of what waits is due."""
        due_us, series = self._due_us(node, state), node.operator.awaits or ()
        if due_us is None or due_us > tick.clock.reading(series):
            return tick
        if not series:
            return replace(tick, clock=tick.clock._replace(now_us=due_us - 1))
        watermarks = {**tick.clock.watermarks, series: due_us - 1}
        return replace(tick, clock=tick.clock._replace(watermarks=watermarks))

    def specs(self) -> dict[int, ArrangementSpec]:
        """What each arrangement of the circuit looks like, for loading it."""
        return {
            id: spec
            for node in self._nodes.values()
            for id, spec in zip(node.arrangement_ids, node.operator.arrangements, strict=True)
        }

    @staticmethod
    def ancestors(targets: Iterable[Node], until: Callable[[Node], bool] = lambda _: False) -> set[Node]:
        """`targets` and all they depend on; what only nodes that are `until` depend on is left out."""
        found: set[Node] = set()
        waiting = list(targets)
        while waiting:
            node = waiting.pop()
            if node not in found:
                found.add(node)
                if not until(node):
                    waiting.extend(node.inputs)
        return found

    def step(
        self,
        state: State,
        inputs: Mapping[Node, Delta],
        tick: TickContext,
        within: Container[Node] | None = None,
        fresh: bool = True,
    ) -> tuple[State, dict[Node, Delta]]:
        """One tick: the new state, and the delta of every node that ran. `state` stays what it was.

        `inputs` gives the deltas of nodes whose own operator is then not asked (Input nodes), or, for an Arrange
        node, the delta of what it integrates. `within` restricts the step to a sub-circuit, as a backfill does.
        `fresh` says that there may be nodes that never ran.
        """
        changed: dict[int, Spine] = {}
        outputs: dict[Node, Delta] = {}
        first = dict.fromkeys(self._first(state, inputs, within, fresh))
        if self._waiting:
            first |= dict.fromkeys(self.due(state, tick.clock, within))
        waiting = [(node.id, node) for node in first]
        heapq.heapify(waiting)
        queued = {id for id, _ in waiting}
        while waiting:
            _, node = heapq.heappop(waiting)
            tick.check()
            try:
                seen = self._held_back(node, state, tick) if node in self.held else tick
                output = self._run(node, state, changed, inputs, outputs, seen)
            except Exception:
                self.failed = node
                raise
            outputs[node] = output
            if not len(output):
                continue
            for consumer in node.consumers:
                if consumer.id not in queued and (within is None or consumer in within):
                    queued.add(consumer.id)
                    heapq.heappush(waiting, (consumer.id, consumer))
        return state.update(changed), outputs

    def _first(
        self, state: State, inputs: Mapping[Node, Delta], within: Container[Node] | None, fresh: bool
    ) -> Iterator[Node]:
        """The nodes that run whatever others do: those with input, and those that never ran but must speak first."""
        for node, delta in inputs.items():
            if len(delta) and (within is None or node in within):
                yield node
        for node in self._starting.values() if fresh else ():
            silent = node.arrangement_ids[0] not in state and not len(inputs.get(node, ()))
            if silent and (within is None or node in within):
                yield node

    @staticmethod
    def _run(
        node: Node,
        state: State,
        changed: dict[int, Spine],
        inputs: Mapping[Node, Delta],
        outputs: Mapping[Node, Delta],
        tick: TickContext,
    ) -> Delta:
        started = time.perf_counter()
        given = inputs.get(node)
        operator = node.operator
        deltas = [given] if given is not None else [_seen(source, state, outputs, tick) for source in node.inputs]
        spines = _spines(node, state, tick)
        output = operator.step(tick, spines, deltas)
        changed.update(zip(node.arrangement_ids, spines, strict=True))
        counters = node.counters
        counters.rows_in += sum(len(delta) for delta in deltas)
        counters.rows_out += len(output)
        counters.seconds += time.perf_counter() - started
        counters.steps += 1
        return output

    def run_once(self, target: Node, inputs: Callable[[Node], Iterable[Delta]], tick: TickContext) -> Iterator[Delta]:
        """The rows of `target` over whole inputs, in parts: a SELECT. `inputs` gives the parts of an Input node.

        Stateless chains stream part by part; an operator with state gathers its inputs.
        """
        return _Once(target, inputs, tick).parts(target)


def _spines(node: Node, state: State, tick: TickContext) -> list[Spine]:
    """The node's own arrangements in `state`, empty ones where it never ran."""
    found = []
    for index, id in enumerate(node.arrangement_ids):
        spine = state.get(id)
        found.append(Spine.empty(node.operator.arrangements[index], tick.seed) if spine is None else spine)
    return found


def _seen(source: Node, state: State, outputs: Mapping[Node, Delta], tick: TickContext) -> Delta:
    """What `source` gives its consumers this tick."""
    output = outputs.get(source)
    return source.operator.idle(_spines(source, state, tick)) if output is None else output


class _Once:
    """One evaluation of a sub-circuit over whole inputs; what two consumers want is computed once and kept."""

    def __init__(self, target: Node, inputs: Callable[[Node], Iterable[Delta]], tick: TickContext) -> None:
        self._inputs = inputs
        self._tick = tick
        self._kept: dict[Node, list[Delta]] = {}
        self._uses: dict[Node, int] = {}
        for node in Circuit.ancestors([target]):
            for source in self._sources(node):
                self._uses[source] = self._uses.get(source, 0) + 1

    @staticmethod
    def _sources(node: Node) -> list[Node]:
        """The nodes whose rows `node` asks for: a lean operator wants no arrangement built below it."""
        if not node.operator.lean:
            return list(node.inputs)
        return [source.inputs[0] if source.operator.arranges else source for source in node.inputs]

    def parts(self, node: Node) -> Iterator[Delta]:
        """The rows of `node`, part by part."""
        if self._uses.get(node, 0) < 2:
            return self._fresh(node)
        if node not in self._kept:
            self._kept[node] = list(self._fresh(node))
        return iter(self._kept[node])

    def _fresh(self, node: Node) -> Iterator[Delta]:
        operator = node.operator
        sources = self._sources(node)
        if operator.external:
            for part in self._inputs(node):
                self._tick.check()
                yield operator.once(self._tick, [part])
        elif operator.streams:
            for index, source in enumerate(sources):
                for part in self.parts(source):
                    self._tick.check()
                    yield operator.once(self._tick, self._alone(part, index, sources))
        else:
            self._tick.check()
            yield operator.once(self._tick, [self._whole(source) for source in sources])

    def _whole(self, node: Node) -> Delta:
        parts = list(self.parts(node))
        if node.operator.arranges and len(parts) == 1:
            return parts[0]
        return concat([Delta.empty([type.storage for type in node.types]), *parts])

    @staticmethod
    def _alone(part: Delta, index: int, sources: Sequence[Node]) -> list[Delta]:
        """`part` as the input at `index`, with nothing in the other inputs."""
        empties = [Delta.empty([type.storage for type in source.types]) for source in sources]
        empties[index] = part
        return empties
