"""Roots: which nodes of the circuit a head needs, counted so that a definition costs what it adds or drops."""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pgstream.circuit.circuit import Node
from pgstream.delta import Delta
from pgstream.operators.input import Input
from pgstream.persistent import PersistentMap

Nodes = PersistentMap[int, Node]


@dataclass(frozen=True, slots=True)
class Live(Container[Node]):
    """The nodes that a tick may run, as a persistent value: how many uses each has, by roots and by live consumers.

    kept    how many stored relations a node itself keeps, where it keeps any
    inputs  the Input nodes of each relation, by its OID
    dated   how many of them it matters to in which tick something came
    """

    uses: PersistentMap[Node, int] = field(default_factory=PersistentMap)
    kept: PersistentMap[Node, int] = field(default_factory=PersistentMap)
    inputs: PersistentMap[int, tuple[Node, ...]] = field(default_factory=PersistentMap)
    dated: int = 0

    def __contains__(self, node: object) -> bool:
        return node in self.uses

    def __iter__(self) -> Iterator[Node]:
        return iter(self.uses)

    def __len__(self) -> int:
        return len(self.uses)

    def gone(self, before: "Live") -> Iterator[Node]:
        """The nodes that are live in `before` and not here."""
        return self.uses.gone(before.uses)

    def with_root(self, node: Node, stored: bool) -> "Live":
        """These nodes with one more root, and what it depends on."""
        uses: dict[Node, int] = {}
        inputs: dict[int, tuple[Node, ...]] = {}
        dated = self.dated
        waiting = [node]
        while waiting:
            used = waiting.pop()
            count = uses[used] if used in uses else self.uses.get(used, 0)
            uses[used] = count + 1
            if not count:
                waiting.extend(used.inputs)
                dated += used.operator.dated
                if isinstance(used.operator, Input):
                    oid = used.operator.oid
                    inputs[oid] = (*inputs.get(oid, self.inputs.get(oid, ())), used)
        kept = self.kept.put(node, self.kept.get(node, 0) + 1) if stored else self.kept
        return Live(self.uses.update(uses), kept, self.inputs.update(inputs), dated)

    def without_roots(self, stored: Iterable[Node], sent: Iterable[Node]) -> "Live":
        """These nodes without some roots, and what only they needed."""
        uses: dict[Node, int] = {}
        kept: dict[Node, int] = {}
        for node in stored:
            kept[node] = kept.get(node, self.kept.get(node, 0)) - 1
        waiting = [*stored, *sent]
        while waiting:
            used = waiting.pop()
            uses[used] = uses.get(used, self.uses.get(used, 0)) - 1
            if not uses[used]:
                waiting.extend(used.inputs)
        unused = {node for node, count in uses.items() if not count}
        inputs: dict[int, tuple[Node, ...]] = {}
        for oid in {node.operator.oid for node in unused if isinstance(node.operator, Input)}:
            inputs[oid] = tuple(node for node in self.inputs[oid] if node not in unused)
        dated = self.dated - sum(node.operator.dated for node in unused)
        return Live(_counted(self.uses, uses), _counted(self.kept, kept), _nonempty(self.inputs, inputs), dated)


def _counted(counts: PersistentMap[Node, int], changed: Mapping[Node, int]) -> PersistentMap[Node, int]:
    """`counts` after these changes; what is counted no more is left out."""
    return counts.update(changed).without([node for node, count in changed.items() if not count])


def _nonempty(
    inputs: PersistentMap[int, tuple[Node, ...]], changed: Mapping[int, tuple[Node, ...]]
) -> PersistentMap[int, tuple[Node, ...]]:
    return inputs.update(changed).without([oid for oid, nodes in changed.items() if not nodes])


@dataclass(frozen=True, slots=True)
class Roots:
    """The nodes that keep what the catalog declares, by OID.

    stored  for a table, materialized view or index: the Arrange node that holds its rows
    sent    for a sink or feed: the node whose changes go out
    live    all nodes that a tick may run: these, and what they depend on
    """

    stored: Nodes = field(default_factory=PersistentMap)
    sent: Nodes = field(default_factory=PersistentMap)
    live: Live = field(default_factory=Live)

    def store(self, oid: int, node: Node) -> "Roots":
        rest = self.drop([oid])
        return replace(rest, stored=rest.stored.put(oid, node), live=rest.live.with_root(node, True))

    def send(self, oid: int, node: Node) -> "Roots":
        rest = self.drop([oid])
        return replace(rest, sent=rest.sent.put(oid, node), live=rest.live.with_root(node, False))

    def drop(self, oids: Iterable[int]) -> "Roots":
        chosen = list(oids)
        stored = [self.stored[oid] for oid in chosen if oid in self.stored]
        sent = [self.sent[oid] for oid in chosen if oid in self.sent]
        if not stored and not sent:
            return self
        return Roots(self.stored.without(chosen), self.sent.without(chosen), self.live.without_roots(stored, sent))

    def added(self, before: "Roots") -> list[Node]:
        """The roots whose nodes are live here and were not in `before`."""
        changed = (*self.stored.changed(before.stored), *self.sent.changed(before.sent))
        return [node for _, node in changed if node not in before.live]

    def keeps(self, node: Node) -> bool:
        """Whether `node` holds the rows of a relation."""
        return node in self.live.kept

    def fed(self, deltas: Mapping[int, Delta]) -> dict[Node, Delta]:
        """What the Input nodes are given in a tick in which the relations change by `deltas`."""
        return {
            node: delta.select(node.operator.positions)
            for oid, delta in deltas.items()
            for node in self.live.inputs.get(oid, ())
            if isinstance(node.operator, Input)
        }
