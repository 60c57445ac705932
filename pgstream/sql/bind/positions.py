"""Where AST nodes stand: PostgreSQL's exprLocation, the leftmost character that belongs to an expression."""

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


def position_of(node: Node) -> int | None:
    """The position of the leftmost token of `node`; None where it has none."""
    if node is None:
        return None
    if isinstance(node, tuple):
        return _leftmost([position_of(part) for part in node])
    own = getattr(node, "location", None)
    parts = [position_of(getattr(node, name)) for name in _LEFT_OPERANDS.get(type(node), ())]
    return _leftmost([own, *parts])


def _leftmost(positions: list[int | None]) -> int | None:
    known = [position for position in positions if position is not None and position >= 0]
    return min(known, default=None)
