"""The SET list of UPDATE and ON CONFLICT DO UPDATE."""

from typing import Any

from pgstream.catalog.objects import Table, TableColumn
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, SqlError, SyntaxError42601
from pgstream.plan.expressions import Col, Expr, Ref, Subquery
from pgstream.plan.relations import Project
from pgstream.plan.rewrite import fresh_copy
from pgstream.sql.bind.dispatch import bind_expression, bind_query
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.stored import assigned, column_position, default_of, is_default, require_given
from pgstream.sql.parse import ast

Node = Any


def bind_assignments(level: Level, nodes: tuple[Node, ...], table: Table, old: tuple[Col, ...]) -> tuple[Expr, ...]:
    """One expression for each of the table's columns: the assigned value, or the old one."""
    made: dict[int, Expr] = {}
    level.clause = "UPDATE"
    for node in nodes:
        expr = None if is_default(node.val) else _value(level, node.val)
        place = column_position(table, node.name, node.location)
        if node.indirection:
            raise _part_assigned(table.columns[place], node)
        if place in made:
            raise SyntaxError42601(f'multiple assignments to same column "{node.name}"', position=None)
        column = table.columns[place]
        if expr is None:
            made[place] = default_of(level.binding, column)
        else:
            require_given(column, updated=True)
            made[place] = assigned(level.binding, expr, column, node.location)
    return tuple(made.get(i, Ref(col)) for i, col in enumerate(old))


def _part_assigned(column: TableColumn, node: Node) -> SqlError:
    """What is wrong with assigning to a part of `column`."""
    field = node.indirection[0]
    if isinstance(field, ast.String):
        return DatatypeMismatch(
            f'cannot assign to field "{field.sval}" of column "{column.name}" because its type'
            f" {column.type.bare()} is not a composite type",
            position=node.location,
        )
    return FeatureNotSupported("assignment to array elements is not supported yet", position=node.location)


def _value(level: Level, node: Node) -> Expr | None:
    """An assigned value; None for DEFAULT."""
    if not isinstance(node, ast.MultiAssignRef):
        return bind_expression(level, node)
    source = node.source
    if isinstance(source, ast.RowExpr):
        if len(source.args) != node.ncolumns:
            raise SyntaxError42601("number of columns does not match number of values", position=source.location)
        part = source.args[node.colno - 1]
        return None if is_default(part) else bind_expression(level, part)
    if isinstance(source, ast.SubLink):
        return _from_query(level, node, source)
    raise FeatureNotSupported(
        "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression",
        position=level.binding.position_of(source),
    )


def _from_query(level: Level, node: Node, source: Node) -> Expr:
    """One column of `(a, b) = (SELECT …)`."""
    plan = visible(bind_query(level.binding, source.subselect, level))
    if len(plan.columns) != node.ncolumns:
        raise SyntaxError42601("number of columns does not match number of values", position=source.location)
    plan, _ = fresh_copy(plan, level.binding.ids)
    col = plan.columns[node.colno - 1]
    out = level.binding.col(col.name, col.type)
    return level.binding.located(Subquery("scalar", Project(plan, ((out, Ref(col)),)), col.type), source.location)
