"""Joins, lowered: what each side keeps, by which keys, and for how long."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pgstream.circuit.circuit import Node
from pgstream.operators.derived import NOT_EXPIRING, Expiries, at, inner_join, outer_join, semi_join
from pgstream.operators.join import Sides
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import substitute, used
from pgstream.sql.lower_close import Momentarily
from pgstream.sql.lower_expiry import lifetimes
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_keys import Condition, take_apart
from pgstream.sql.lower_part import Part, Wanted
from pgstream.sql.optimize.predicates import conjunction


@dataclass(slots=True)
class Joined:
    """The two sides of a join on their way: the columns that are wanted of each, and what is compared of them."""

    join: rel.Join | rel.Asof | rel.Lookup
    condition: Condition
    wanted: tuple[Wanted, Wanted]
    keys: tuple[tuple[int, ...], tuple[int, ...]]

    @staticmethod
    def of(join: rel.Join | rel.Asof | rel.Lookup, condition: Condition, needed: frozenset[int]) -> "Joined":
        reads = needed | (frozenset() if condition.residual is None else used(condition.residual).keys())
        lefts, rights = (
            Wanted(Ref(col) for col in side.columns if col.id in reads) for side in (join.left, join.right)
        )
        keys = lefts.positions(pair[0] for pair in condition.keys), rights.positions(pair[1] for pair in condition.keys)
        return Joined(join, condition, (lefts, rights), keys)

    def lowered(self, lowering: Lowerer) -> tuple[Node, Node, tuple[bool, bool]]:
        """The node of each side, and which of them only grow. Nothing more can be wanted of them then."""
        condition = self.condition
        left, left_grows = lowering.mapped(_filtered(self.join.left, condition.left), self.wanted[0].exprs)
        right, right_grows = lowering.mapped(_filtered(self.join.right, condition.right), self.wanted[1].exprs)
        return left, right, (left_grows, right_grows)

    @property
    def places(self) -> dict[int, int]:
        """The position of each column in the rows of both sides, by id."""
        both = self._both()
        return {expr.col.id: i for i, expr in enumerate(both) if isinstance(expr, Ref)}

    def sides(self, left: Node, right: Node) -> Sides:
        """What an operator on the two nodes compares."""
        both, residual = self._both(), self.condition.residual
        if residual is not None:
            residual = substitute(residual, {id: at(i, both[i].type) for id, i in self.places.items()})
        return Sides(left.types, right.types, *self.keys, residual, self.condition.null_equal)

    def _both(self) -> Sequence[Expr]:
        return [*self.wanted[0].exprs, *self.wanted[1].exprs]


def column_ids(join: rel.Join | rel.Asof | rel.Lookup) -> tuple[set[int], set[int]]:
    """The ids of the columns of each side."""
    return {col.id for col in join.left.columns}, {col.id for col in join.right.columns}


def lower_join(lowering: Lowerer, join: rel.Join, needed: frozenset[int]) -> Part:
    """The node for `join`."""
    joined = Joined.of(join, pushed(join.kind, take_apart(join.condition, *column_ids(join))), needed)
    lives = None if isinstance(lowering.circuit, Momentarily) else lifetimes(join, lowering.facts, joined.wanted)
    left, right, grows = joined.lowered(lowering)
    expiries = NOT_EXPIRING if lives is None else lives.expiries(grows)
    return _node(lowering, joined, (left, right), grows, expiries, [c.id for c in join.columns if c.id in needed])


def _node(
    lowering: Lowerer,
    joined: Joined,
    nodes: tuple[Node, Node],
    grows: tuple[bool, bool],
    expiries: Expiries,
    needed: Iterable[int],
) -> Part:
    assert isinstance(joined.join, rel.Join)
    circuit, kind, sides, places = lowering.circuit, joined.join.kind, joined.sides(*nodes), joined.places
    if kind == "semi" or kind == "anti":
        node = semi_join(circuit, *nodes, sides, anti=kind == "anti", expiries=expiries)
        own = {id: i for id, i in places.items() if i < len(nodes[0].types)}
        return Part(node, own, all(grows) and kind == "semi")
    output = {id: places[id] for id in needed}
    found = {id: i for i, id in enumerate(output)}
    if kind == "inner":
        return Part(inner_join(circuit, *nodes, sides, tuple(output.values()), grows, expiries), found, all(grows))
    return Part(outer_join(circuit, *nodes, sides, tuple(output.values()), kind, expiries), found, False)


def _filtered(relation: Relation, predicate: Expr | None) -> Relation:
    return relation if predicate is None else rel.Filter(relation, predicate)


def pushed(kind: rel.JoinKind, condition: Condition) -> Condition:
    """`condition` with the predicates of one side kept apart only where they may be applied before the join."""
    left = condition.left if kind in ("inner", "semi", "right") else None
    right = condition.right if kind in ("inner", "semi", "anti", "left") else None
    stay = [p for p, pushed in ((condition.left, left), (condition.right, right)) if p is not None and pushed is None]
    residual = conjunction([*stay, *([] if condition.residual is None else [condition.residual])])
    return replace(condition, left=left, right=right, residual=residual)
