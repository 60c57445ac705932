"""VALUES as a query."""

from typing import Any

from pgstream.errors import SyntaxError42601
from pgstream.plan.expressions import Col, Const, Expr, Param, Ref, Subquery
from pgstream.plan.relations import Project, Relation, SetOp, Values
from pgstream.plan.rewrite import subexpressions, used
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import common_typmod, to_common
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import ONE_ROW, BoundQuery
from pgstream.sql.bind.targets import Target

Node = Any


def bind_values(level: Level, node: Node, keep_unknown: bool) -> tuple[BoundQuery, list[Target]]:
    """VALUES lists as a relation with columns column1, column2, …"""
    binding = level.binding
    rows = bind_rows(level, node.valuesLists)
    columns: list[list[Expr]] = [list(column) for column in zip(*rows, strict=True)]
    cols = []
    for i, column in enumerate(columns):
        if keep_unknown and len(rows) == 1:
            type = column[0].type
        else:
            made, bare = to_common(binding, column, "VALUES")
            columns[i] = list(made)
            type = common_typmod(made, bare)
        cols.append(binding.col(f"column{i + 1}", type))
    typed = [tuple(row) for row in zip(*columns, strict=True)]
    plan = rows_plan(binding, tuple(cols), typed)
    targets = [Target(col.name, Ref(col), None) for col in cols]
    return BoundQuery(plan, tuple(cols)), targets


def bind_rows(level: Level, lists: tuple[tuple[Node, ...], ...]) -> list[list[Expr]]:
    """The expressions of VALUES lists. Raises SyntaxError42601 unless all are of one length."""
    outer, level.clause = level.clause, "VALUES"
    width = len(lists[0])
    rows = []
    for items in lists:
        if len(items) != width:
            where = level.binding.position_of(items)
            raise SyntaxError42601("VALUES lists must all be the same length", position=where)
        rows.append([bind_expression(level, item) for item in items])
    level.clause = outer
    return rows


def rows_plan(binding: Binding, cols: tuple[Col, ...], rows: list[tuple[Expr, ...]]) -> Relation:
    """Rows as a relation: Values where they are constant, else a union of one-row projections."""
    if all(_is_constant(expr) for row in rows for expr in row):
        return Values(cols, tuple(rows))
    if len(rows) == 1:
        return Project(ONE_ROW, tuple(zip(cols, rows[0], strict=True)))
    inputs = tuple(
        Project(ONE_ROW, tuple((binding.col(col.name, col.type), expr) for col, expr in zip(cols, row, strict=True)))
        for row in rows
    )
    return SetOp("union", True, inputs, cols)


def _is_constant(expr: Expr) -> bool:
    if isinstance(expr, Const | Param):
        return True
    return not used(expr) and not any(isinstance(part, Subquery) for part in subexpressions(expr))
