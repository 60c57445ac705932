"""Recursions, lowered: what a term reads besides its own rows stays outside; the rest is a circuit within a node."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import Operator
from pgstream.operators.derived import top_n
from pgstream.operators.fixpoint import ROUNDS_MAX, Fixpoint, Place, Term
from pgstream.operators.input import Input
from pgstream.operators.topn import Cut
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Const, Ref
from pgstream.plan.rewrite import ColIds
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part
from pgstream.sql.rounds import Numbered, Rounds
from pgstream.storage.order import OrderColumn
from pgstream.types import INT8


class Inside(Circuit):
    """The circuit within a node that `outer` will have; `given` are the nodes that it is to read."""

    def __init__(self, outer: Circuit) -> None:
        super().__init__()
        self.outer = outer
        self.given: list[Node] = []
        self.shared: dict[Node, int] = {}

    def give(self, node: Node) -> Node:
        """The inner node for a node outside."""
        number = self.given.index(node) if node in self.given else len(self.given)
        if number == len(self.given):
            self.given.append(node)
        return super().add(Input(number, tuple(range(len(node.types))), node.types))

    def add(self, operator: Operator, inputs: Sequence[Node] = ()) -> Node:
        """As in any circuit; what is integrated of what is given is integrated outside, for all who want it."""
        source = inputs[0].operator if inputs else None
        if not operator.arranges or not isinstance(source, Input) or source.oid < 0:
            return super().add(operator, inputs)
        integral = self.give(self.outer.add(operator, [self.given[source.oid]]))
        assert isinstance(integral.operator, Input)
        node = super().add(operator, [integral])
        self.shared[node] = integral.operator.oid
        return node

    def places(self, targets: Sequence[Node]) -> dict[Node, Place]:
        """Everything that `targets` need, inputs first."""
        wanted = sorted(self.ancestors(targets), key=lambda node: node.id)
        index = {node: i for i, node in enumerate(wanted)}
        return {
            node: Place(node.operator, tuple(index[source] for source in node.inputs), self.shared.get(node))
            for node in wanted
        }


class RecursiveLowerer(Lowerer, Protocol):
    """What this needs of `sql/lower.py` besides."""

    def within(self, inside: Inside, working: Mapping[int, Node]) -> Lowerer: ...


def lower_recursion(lowering: RecursiveLowerer, recursion: rel.Recursion) -> Part:
    """The node that keeps the rows of `recursion`. Raises FeatureNotSupported."""
    terms = _Terms(lowering, {recursion.working: recursion.columns})
    rounds = Rounds(terms.widths, ColIds.above(recursion))
    base, _ = lowering.mapped(recursion.base, [Ref(col) for col in recursion.base.columns])
    terms.make(recursion.working, recursion.step.columns, rounds.numbered(recursion.step), not recursion.all, base)
    return Part(terms.node(ROUNDS_MAX, False), {col.id: i for i, col in enumerate(recursion.columns)}, False)


def lower_mutual(lowering: RecursiveLowerer, mutual: rel.Mutual) -> Part:
    """The node that keeps the rows of all relations of `mutual`. Raises FeatureNotSupported."""
    terms = _Terms(lowering, dict(zip(mutual.workings, mutual.relations, strict=True)))
    rounds = Rounds(terms.widths, ColIds.above(mutual), meeting=True)
    for working, term in zip(mutual.workings, mutual.terms, strict=True):
        terms.make(working, term.columns, rounds.numbered(term), False)
    node = terms.node(mutual.limit or ROUNDS_MAX, mutual.returns)
    return Part(node, {col.id: i for i, col in enumerate(mutual.columns)}, False)


class _Terms:
    """Terms on their way into one node."""

    def __init__(self, lowering: RecursiveLowerer, relations: Mapping[int, Sequence[Col]]) -> None:
        self._lowering = lowering
        self._inside = Inside(lowering.circuit)
        self._types = {working: tuple(col.type for col in columns) for working, columns in relations.items()}
        self.widths = {working: len(types) for working, types in self._types.items()}
        self._has = {working: self._fed(number * 2, working) for number, working in enumerate(relations)}
        self._may_have = {working: self._fed(number * 2 + 1, working) for number, working in enumerate(relations)}
        self._nodes: list[tuple[Node, Node, Node, Node]] = []
        self._bases: list[Node | None] = []

    def _fed(self, number: int, working: int) -> Node:
        """Where rows of a relation are given, with their round."""
        types = (*self._types[working], INT8)
        return self._inside.add(Input(-1 - number, tuple(range(len(types))), types))

    def make(
        self, working: int, columns: Sequence[Col], numbered: Numbered, once: bool, base: Node | None = None
    ) -> None:
        """The next relation is what `numbered` makes in rows of `columns`, each `once`, and what `base` gives."""
        plan, round = numbered
        inner = self._lowering.within(self._inside, self._has)
        makes, _ = inner.mapped(plan, [Ref(col) for col in (*columns, round)])
        takes = may_have = self._may_have[working]
        if once:
            width = self.widths[working]
            first = Cut(Const(1, INT8), None)
            takes = top_n(self._inside, may_have, range(width), [OrderColumn(width)], first, growing=False)
        self._nodes.append((self._has[working], may_have, makes, takes))
        self._bases.append(base)

    def node(self, rounds_max: int, returns: bool) -> Node:
        """The node outside."""
        places = self._inside.places([node for nodes in self._nodes for node in nodes])
        index = {node: i for i, node in enumerate(places)}
        given, terms = list(self._inside.given), []
        for types, nodes, base in zip(self._types.values(), self._nodes, self._bases, strict=True):
            has, may_have, makes, takes = (index[node] for node in nodes)
            terms.append(Term(types, has, may_have, makes, takes, None if base is None else len(given)))
            given += [] if base is None else [base]
        operator = Fixpoint.of(tuple(places.values()), tuple(terms), rounds_max, returns)
        return self._lowering.circuit.add(operator, given)
