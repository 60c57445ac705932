"""The SET list of UPDATE and ON CONFLICT DO UPDATE."""

from typing import Any

from pgstream.catalog.objects import Table, TableColumn
from pgstream.errors import DatatypeMismatch, FeatureNotSupported, SqlError, SyntaxError42601, UndefinedColumn
from pgstream.plan.expressions import Col, Expr, FieldOf, Ref, RowExpr, Subquery
from pgstream.plan.relations import Project
from pgstream.plan.rewrite import fresh_copy
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression, bind_query
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.stored import assigned, column_position, default_of, is_default, require_given
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType

Node = Any


def bind_assignments(level: Level, nodes: tuple[Node, ...], table: Table, old: tuple[Col, ...]) -> tuple[Expr, ...]:
    """One expression for each of the table's columns: the assigned value, or the old one."""
    made: dict[int, Expr] = {}
    level.clause = "UPDATE"
    for node in nodes:
        expr = None if is_default(node.val) else _value(level, node.val)
        place = column_position(table, node.name, node.location)
        if node.indirection:
            row = made.get(place, Ref(old[place]))
            made[place] = _part_assigned(level, table.columns[place], node, row, expr)
            continue
        if place in made:
            raise SyntaxError42601(f'multiple assignments to same column "{node.name}"', position=None)
        column = table.columns[place]
        if expr is None:
            made[place] = default_of(level.binding, column)
        else:
            require_given(column, updated=True)
            made[place] = assigned(level.binding, expr, column, node.location)
    return tuple(made.get(i, Ref(col)) for i, col in enumerate(old))


def _part_assigned(level: Level, column: TableColumn, node: Node, row: Expr, expr: Expr | None) -> Expr:
    """The value of `column`, so far `row`, with another field; `expr` is None for DEFAULT."""
    path = [part.sval for part in node.indirection if isinstance(part, ast.String)]
    if column.type.definition.attributes is None or len(path) < len(node.indirection):
        raise _no_part(column, node)
    if expr is None:
        raise FeatureNotSupported("cannot set a subfield to DEFAULT", position=node.location)
    return _with_field(level, row, path, expr, (column.name, node.location))


def _with_field(level: Level, row: Expr, path: list[str], expr: Expr, place: tuple[str, int]) -> Expr:
    """`row` with another value in one of its fields, or in one of those within it."""
    column, position = place
    attributes = row.type.definition.attributes
    if attributes is None:
        raise DatatypeMismatch(
            f'cannot assign to field "{path[0]}" of column "{column}" because its type'
            f" {row.type.bare()} is not a composite type",
            position=position,
        )
    if path[0] not in [name for name, _ in attributes]:
        raise UndefinedColumn(
            f'cannot assign to field "{path[0]}" of column "{column}" because there is no such column in data type'
            f" {row.type.bare()}",
            position=position,
        )
    fields: list[Expr] = []
    for at, (name, type) in enumerate(attributes):
        field: Expr = row.args[at] if isinstance(row, RowExpr) else FieldOf(row, at, type)
        if name == path[0] and len(path) > 1:
            field = _with_field(level, field, path[1:], expr, (name, position))
        elif name == path[0]:
            field = _as_field(level, expr, name, type, position)
        fields.append(field)
    return RowExpr(tuple(fields), row.type)


def _as_field(level: Level, expr: Expr, name: str, type: SqlType, position: int) -> Expr:
    made = coerce(level.binding, expr, type, "a")
    if made is None:
        raise DatatypeMismatch(
            f'subfield "{name}" is of type {type.bare()} but expression is of type {expr.type.bare()}',
            hint="You will need to rewrite or cast the expression.",
            position=position,
        )
    return made


def _no_part(column: TableColumn, node: Node) -> SqlError:
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
