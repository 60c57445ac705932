"""Where AST nodes stand: PostgreSQL's exprLocation, the leftmost character that belongs to an expression."""

from collections.abc import Iterable, Mapping
from typing import Any

from pgstream.sql.parse import ast

Node = Any

_LEFT_OPERANDS: dict[type, tuple[str, ...]] = {
    ast.A_Expr: ("lexpr",),
    ast.FuncCall: ("args",),
    ast.TypeCast: ("arg", "typeName"),
    ast.CollateClause: ("arg",),
    ast.A_Indirection: ("arg",),
    ast.SubLink: ("testexpr",),
    ast.BooleanTest: ("arg",),
    ast.NullTest: ("arg",),
    ast.BoolExpr: ("args",),
    ast.ResTarget: (),
    ast.SortBy: ("node",),
}


def position_of(node: Node, constants: Mapping[int, int]) -> int | None:
    """The position of the leftmost token of `node`; None where it has none.

    `constants` holds the positions of constants by id(): pglast gives them none.
    """
    if node is None:
        return None
    if isinstance(node, tuple):
        return leftmost([position_of(part, constants) for part in node])
    if isinstance(node, ast.A_Const):
        return constants.get(id(node))
    own = getattr(node, "location", None)
    parts = [position_of(getattr(node, name), constants) for name in _LEFT_OPERANDS.get(type(node), ())]
    return leftmost([own, *parts])


def leftmost(positions: Iterable[int | None]) -> int | None:
    """The least of the positions that are known."""
    known = [position for position in positions if position is not None and position >= 0]
    return min(known, default=None)
