"""Derived operators: relational algebra as small graphs of physical operators.

Arrange nodes are interned, so the parts of an outer join, and other joins on the same keys, share their state.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pgstream.circuit.circuit import Circuit, Node
from pgstream.circuit.operator import Series
from pgstream.operators.arrange import Arrange
from pgstream.operators.distinct import Distinct, GrowingDistinct
from pgstream.operators.expiring import Expiring, Expiry
from pgstream.operators.framing import WindowItem
from pgstream.operators.join import Join, Sides
from pgstream.operators.map import Map
from pgstream.operators.semijoin import SemiJoin
from pgstream.operators.setop import SetOperation
from pgstream.operators.single import AssertSingle
from pgstream.operators.topn import Cut, GrowingFirst, GrowingTopN, TopN
from pgstream.operators.union import Union
from pgstream.operators.window import Window
from pgstream.plan.expressions import Col, Const, Expr, Ref
from pgstream.plan.rewrite import substitute, used
from pgstream.storage.order import OrderColumn
from pgstream.storage.run import ArrangementSpec
from pgstream.types.definition import SqlType


def at(position: int, type: SqlType) -> Ref:
    """The input column at `position`; equal computations must be equal values, so it has no name."""
    return Ref(Col(position, "", type))


def arrange(
    circuit: Circuit, node: Node, key: Sequence[int], order: Sequence[OrderColumn] = (), *, growing: bool = False
) -> Node:
    """`node` integrated by the columns at `key`, in `order` within a key. `growing`: nothing is ever retracted, and
    equal rows may stand side by side."""
    return circuit.add(Arrange(ArrangementSpec(node.types, tuple(key), tuple(order), growing)), [node])


@dataclass(frozen=True, slots=True)
class Expiries:
    """When the sides of a join need rows no more, as the watermark of `series` goes on; never, where that is empty."""

    series: Series
    left: Expiry
    right: Expiry

    def mirrored(self) -> "Expiries":
        return Expiries(self.series, self.right, self.left)


NOT_EXPIRING = Expiries((), (), ())


def _arranged_sides(
    circuit: Circuit,
    nodes: tuple[Node, Node],
    sides: Sides,
    expiries: Expiries,
    growing: tuple[bool, bool] = (False, False),
) -> list[Node]:
    found = []
    keys, expiry = (sides.left_key, sides.right_key), (expiries.left, expiries.right)
    for node, key, grows, expires in zip(nodes, keys, growing, expiry, strict=True):
        spec = ArrangementSpec(node.types, tuple(key), (), grows)
        operator = Expiring(spec, expires, expiries.series) if expires else Arrange(spec)
        found.append(circuit.add(operator, [node]))
    return found


def inner_join(
    circuit: Circuit,
    left: Node,
    right: Node,
    sides: Sides,
    output: Sequence[int],
    growing: tuple[bool, bool] = (False, False),
    expiries: Expiries = NOT_EXPIRING,
) -> Node:
    """The columns at `output` (left before right) of the pairs that match. `growing`: which sides retract nothing."""
    arranged = _arranged_sides(circuit, (left, right), sides, expiries, growing)
    return circuit.add(Join(sides, tuple(output)), arranged)


def semi_join(
    circuit: Circuit, left: Node, right: Node, sides: Sides, *, anti: bool, expiries: Expiries = NOT_EXPIRING
) -> Node:
    """The left rows with a match, or (`anti`) those without."""
    return circuit.add(SemiJoin(sides, anti), _arranged_sides(circuit, (left, right), sides, expiries))


def outer_join(
    circuit: Circuit,
    left: Node,
    right: Node,
    sides: Sides,
    output: Sequence[int],
    keep: Literal["left", "right", "full"],
    expiries: Expiries = NOT_EXPIRING,
) -> Node:
    """The inner join, and the rows of the kept side that match nothing, padded with NULLs."""
    parts = [inner_join(circuit, left, right, sides, output, expiries=expiries)]
    types = sides.left + sides.right
    split = len(sides.left)
    if keep != "right":
        alone = semi_join(circuit, left, right, sides, anti=True, expiries=expiries)
        parts.append(_padded(circuit, alone, output, types, range(split)))
    if keep != "left":
        alone = semi_join(circuit, right, left, mirrored(sides), anti=True, expiries=expiries.mirrored())
        parts.append(_padded(circuit, alone, output, types, range(split, len(types))))
    return union(circuit, parts)


def _padded(circuit: Circuit, node: Node, output: Sequence[int], types: Sequence[SqlType], own: range) -> Node:
    """The rows of `node`, whose columns are those at `own`, as rows of `output` with NULL in the others."""
    columns: list[Expr] = [
        at(position - own.start, types[position]) if position in own else Const(None, types[position])
        for position in output
    ]
    return circuit.add(Map(None, tuple(columns)), [node])


def mirrored(sides: Sides) -> Sides:
    """The same comparison seen from the right."""
    residual = sides.residual
    if residual is not None:
        split, width = len(sides.left), len(sides.left) + len(sides.right)
        moved = {i: (i + width - split) if i < split else i - split for i in range(width)}
        residual = substitute(residual, {i: at(moved[i], col.type) for i, col in used(residual).items()})
    return replace(
        sides,
        left=sides.right,
        right=sides.left,
        left_key=sides.right_key,
        right_key=sides.left_key,
        residual=residual,
    )


def union(circuit: Circuit, inputs: Sequence[Node]) -> Node:
    """All rows of all inputs."""
    return inputs[0] if len(inputs) == 1 else circuit.add(Union(inputs[0].types), inputs)


def distinct(circuit: Circuit, node: Node, *, growing: bool) -> Node:
    """Each row once."""
    if growing:
        return circuit.add(GrowingDistinct(node.types), [node])
    return circuit.add(Distinct(node.types), [arrange(circuit, node, range(len(node.types)))])


def set_operation(circuit: Circuit, inputs: Sequence[Node], kind: Literal["intersect", "except"], *, all: bool) -> Node:
    """INTERSECT or EXCEPT of the inputs, from left to right."""
    found = inputs[0]
    for other in inputs[1:]:
        sides = [arrange(circuit, node, range(len(node.types))) for node in (found, other)]
        found = circuit.add(SetOperation(found.types, kind, all), sides)
    return found


def assert_single(circuit: Circuit, node: Node, key: Sequence[int]) -> Node:
    """The input; an error where two rows agree on `key`."""
    return circuit.add(AssertSingle(node.types, tuple(key)), [arrange(circuit, node, key)])


def top_n(
    circuit: Circuit,
    node: Node,
    partition: Sequence[int],
    order: Sequence[OrderColumn],
    cut: Cut,
    *,
    growing: bool,
) -> Node:
    """Of each partition the rows that `cut` leaves."""
    spec = ArrangementSpec(node.types, tuple(partition), tuple(order))
    if growing and _is_one(cut):
        return circuit.add(GrowingFirst(spec), [node])
    if growing and cut.limit is not None and not (isinstance(cut.limit, Const) and cut.limit.value is None):
        return circuit.add(GrowingTopN(spec, cut), [node])
    return circuit.add(TopN(spec, cut), [circuit.add(Arrange(spec), [node])])


def window(
    circuit: Circuit, node: Node, partition: Sequence[int], order: Sequence[OrderColumn], items: Sequence[WindowItem]
) -> Node:
    """The input's columns and one for each of `items`."""
    spec = ArrangementSpec(node.types, tuple(partition), tuple(order))
    return circuit.add(Window(spec, tuple(items)), [circuit.add(Arrange(spec), [node])])


def _is_one(cut: Cut) -> bool:
    """Whether `cut` leaves just the first row."""
    limit, offset = cut.limit, cut.offset
    alone = offset is None or (isinstance(offset, Const) and not offset.value)
    return alone and cut.whole == "rows" and isinstance(limit, Const) and limit.value == 1
