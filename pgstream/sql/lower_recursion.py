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
from pgstream.plan.expressions import Const, Ref
from pgstream.plan.rewrite import ColIds
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_part import Part
from pgstream.sql.rounds import Rounds
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
    inside = Inside(lowering.circuit)
    types = tuple(col.type for col in recursion.columns)
    width = len(types)
    with_round = (*types, INT8)
    has, may_have = (inside.add(Input(oid, tuple(range(width + 1)), with_round)) for oid in (-1, -2))
    plan, round = Rounds({recursion.working: width}, ColIds.above(recursion)).numbered(recursion.step)
    inner = lowering.within(inside, {recursion.working: has})
    makes, _ = inner.mapped(plan, [Ref(col) for col in (*recursion.step.columns, round)])
    takes = may_have
    if not recursion.all:
        first = Cut(Const(1, INT8), None)
        takes = top_n(inside, may_have, range(width), [OrderColumn(width)], first, growing=False)
    base, _ = lowering.mapped(recursion.base, [Ref(col) for col in recursion.base.columns])
    places = inside.places([has, may_have, makes, takes])
    index = {node: i for i, node in enumerate(places)}
    term = Term(types, index[has], index[may_have], index[makes], index[takes], len(inside.given))
    operator = Fixpoint.of(tuple(places.values()), (term,), ROUNDS_MAX)
    node = lowering.circuit.add(operator, [*inside.given, base])
    return Part(node, {col.id: i for i, col in enumerate(recursion.columns)}, False)
