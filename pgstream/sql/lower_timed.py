"""Joins that choose by time, lowered: the columns that they compare, and how long they keep what."""

from collections.abc import Sequence
from dataclasses import dataclass

from pgstream.circuit.circuit import Node
from pgstream.operators.arrange import Arrange
from pgstream.operators.asof import Asof, Nearest
from pgstream.operators.derived import at
from pgstream.operators.join import Sides
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Expr, Ref
from pgstream.plan.rewrite import substitute, used
from pgstream.sql.lower_group import Lowerer
from pgstream.sql.lower_keys import Condition, take_apart
from pgstream.sql.lower_part import Part, Wanted


@dataclass(frozen=True, slots=True)
class _Both:
    """The two sides of a join, lowered: their nodes and whether they only grow, and what of them is compared."""

    left: Node
    right: Node
    growing: tuple[bool, bool]
    sides: Sides
    places: dict[int, int]
    extra: tuple[int, ...]

    def part(self, node: Node, growing: bool, needed: frozenset[int]) -> Part:
        return Part(node, {id: i for id, i in self.places.items() if id in needed}, growing)


def lower_asof(lowering: Lowerer, join: rel.Asof, needed: frozenset[int]) -> Part:
    """The node for an ASOF join, or for one with the versions of the right side's rows."""
    condition = take_apart(join.condition, *_ids(join))
    assert condition.left is condition.right is condition.residual is None, "ASOF joins compare by equations"
    both = _lowered(lowering, join, condition, join.residual, needed, (join.time,), (join.version,))
    left_time, right_time = both.extra
    nearest = Nearest(both.sides, left_time, right_time, join.nearer, join.kind == "left")
    add = lowering.circuit.add
    arranged = [add(Arrange(nearest.left_spec), [both.left]), add(Arrange(nearest.right_spec), [both.right])]
    return both.part(add(Asof(nearest), arranged), False, needed)


def _ids(join: rel.Asof | rel.Lookup) -> tuple[set[int], set[int]]:
    return {col.id for col in join.left.columns}, {col.id for col in join.right.columns}


def _lowered(
    lowering: Lowerer,
    join: rel.Asof | rel.Lookup,
    condition: Condition,
    residual: Expr | None,
    needed: frozenset[int],
    left_extra: Sequence[Expr],
    right_extra: Sequence[Expr],
) -> _Both:
    reads = needed | (frozenset() if residual is None else used(residual).keys())
    lefts, rights = (Wanted(Ref(col) for col in side.columns if col.id in reads) for side in (join.left, join.right))
    left_key = lefts.positions(pair[0] for pair in condition.keys)
    right_key = rights.positions(pair[1] for pair in condition.keys)
    extra = (*lefts.positions(left_extra), *rights.positions(right_extra))
    left, left_grows = lowering.mapped(join.left, lefts.exprs)
    right, right_grows = lowering.mapped(join.right, rights.exprs)
    both = [*lefts.exprs, *rights.exprs]
    places = {expr.col.id: i for i, expr in enumerate(both) if isinstance(expr, Ref)}
    if residual is not None:
        residual = substitute(residual, {id: at(i, both[i].type) for id, i in places.items()})
    sides = Sides(left.types, right.types, left_key, right_key, residual, condition.null_equal)
    return _Both(left, right, (left_grows, right_grows), sides, places, extra)
