"""ORDER BY items: directions, NULLs, and types that have an order."""

from typing import Any

from pgstream.errors import FeatureNotSupported, UndefinedFunction
from pgstream.plan.expressions import Expr, SortKey
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import decided
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.types import is_orderable
from pgstream.sql.parse import enums

Node = Any


def sort_key(level: Level, node: Node) -> SortKey:
    """A SortBy node whose expression is over the input: no ordinals and no output names."""
    return sort_key_over(level.binding, bind_expression(level, node.node), node)


def sort_key_over(binding: Binding, expr: Expr, node: Node) -> SortKey:
    """`expr` in the direction that a SortBy node asks for. Raises UndefinedFunction where its type has no order."""
    expr = decided(binding, expr)
    check_orderable(binding, expr)
    return SortKey(expr, *direction_of(node))


def direction_of(node: Node) -> tuple[bool, bool]:
    """Whether a SortBy node sorts descending, and whether NULLs come first."""
    match node.sortby_dir:
        case enums.SortByDir.SORTBY_USING:
            descending = _using(node)
        case direction:
            descending = direction == enums.SortByDir.SORTBY_DESC
    match node.sortby_nulls:
        case enums.SortByNulls.SORTBY_NULLS_FIRST:
            nulls_first = True
        case enums.SortByNulls.SORTBY_NULLS_LAST:
            nulls_first = False
        case _:
            nulls_first = descending
    return descending, nulls_first


def _using(node: Node) -> bool:
    name = node.useOp[-1].sval
    if name not in ("<", ">"):
        raise FeatureNotSupported(f"ORDER BY USING {name} is not supported", position=node.location)
    return bool(name == ">")


def check_orderable(binding: Binding, expr: Expr) -> None:
    if not is_orderable(expr.type):
        raise UndefinedFunction(
            f"could not identify an ordering operator for type {expr.type.bare()}",
            hint="Use an explicit ordering operator or modify the query.",
            position=binding.position(expr),
        )


def check_comparable(binding: Binding, expr: Expr) -> None:
    """Raises UndefinedFunction where the type has no equality, as GROUP BY and DISTINCT need."""
    if not is_orderable(expr.type):
        raise UndefinedFunction(
            f"could not identify an equality operator for type {expr.type.bare()}", position=binding.position(expr)
        )
