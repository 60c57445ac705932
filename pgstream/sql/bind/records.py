"""Rows as values: ROW(…), the rows of FROM items, `(row).field` and `(row).*`.

`struct.field` without parentheses is found too, as streaming systems write it, where no relation has that name.
"""

from typing import Any

from pgstream.catalog.objects import MaterializedView, Source, Table, View
from pgstream.errors import UndefinedColumn, WrongObjectType
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import Const, Expr, FieldOf, Ref, RowExpr
from pgstream.sql.bind.binding import UNKNOWN, Binding
from pgstream.sql.bind.calls import prepare_call
from pgstream.sql.bind.coercion import RECORD, decided, undomained
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.group_windows import is_group_window, window_fields
from pgstream.sql.bind.names import Level, NameItem, SetCall, find_column, find_item
from pgstream.sql.bind.overloads import concrete
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType
from pgstream.types.described import record_type, row_type
from pgstream.types.domain import below

Node = Any


def row_of(binding: Binding, args: list[Expr]) -> RowExpr:
    """ROW(…). Literals stay open: what the row is compared with or cast to says what they are."""
    kept = tuple(arg if isinstance(arg, Const) else decided(binding, arg) for arg in args)
    types = (SqlType("text") if arg.type == UNKNOWN else arg.type.bare() for arg in kept)
    return RowExpr(kept, record_type((f"f{place}", type) for place, type in enumerate(types, 1)))


def row_type_of(binding: Binding, item: NameItem) -> SqlType:
    """The type of a FROM item's rows: that of its relation, or of its own where its columns have other names."""
    columns = [(name, expr.type) for name, expr in item.columns]
    thing = binding.catalog.objects.get(item.oid)
    if isinstance(thing, Table | View | MaterializedView | Source):
        declared = [(column.name, column.type) for column in thing.columns]
        if columns == declared:
            return row_type(thing.oid + 1, binding.catalog.schema_name(thing.schema_oid), thing.name, declared)
    return record_type((name, type.bare()) for name, type in columns)


def selected(level: Level, row: Expr, name: str) -> Expr:
    """`(row).name`."""
    for own, field in row_fields(level, row):
        if own == name:
            return field
    position = level.binding.position(row)
    shown = row.type.bare() if row.type.definition.attributes is not None else RECORD
    message = f'column "{name}" not found in data type {shown}'
    if row.type.definition.pseudo:
        message = f'could not identify column "{name}" in record data type'
    raise UndefinedColumn(message, position=position)


def row_fields(level: Level, row: Expr, name: str = "*") -> list[tuple[str, Expr]]:
    """The fields of an expression of a composite type. Raises WrongObjectType for another."""
    row = undomained(row)
    attributes = row.type.definition.attributes
    if attributes is None:
        fields = window_fields(row)
        if fields:
            return fields
        shown = row.type.bare()
        raise WrongObjectType(
            f"column notation .{name} applied to type {shown}, which is not a composite type",
            position=level.binding.position(row),
        )
    if isinstance(row, RowExpr):
        return [(own, decided(level.binding, arg)) for (own, _), arg in zip(attributes, row.args, strict=True)]
    return [(own, FieldOf(row, place, type)) for place, (own, type) in enumerate(attributes)]


def dotted_field(level: Level, names: list[str], position: int | None) -> Expr | None:
    """`column.field` and `relation.column.field`, however deep; None where the names mean something else."""
    if len(names) < 2 or (find_item(level, None, names[-2], position) is not None and len(names) == 2):
        return None
    found, rest = _head(level, names, position)
    if found is None or below(found.type).definition.attributes is None:
        return None
    for name in rest:
        found = selected(level, level.binding.located(found, position), name)
    return found


def _head(level: Level, names: list[str], position: int | None) -> tuple[Expr | None, list[str]]:
    """The column that dotted names begin with, and the names after it."""
    item = find_item(level, None, names[0], position)
    if item is None:
        plain = None
        if len(names) < 3 or find_item(level, names[0], names[1], position) is None:
            plain = find_column(level, names[0], position)
        return plain, names[1:]
    if len(names) < 3 or find_item(level, names[0], names[1], position) is not None:
        return None, []
    columns = item.named(names[1])
    return (columns[0] if len(columns) == 1 else None), names[2:]


def field_of(level: Level, node: Node, name: str) -> Expr:
    """`(node).name`."""
    found = _fields(level, node)
    if not isinstance(found, list):
        return selected(level, found, name)
    for own, expr in found:
        if own == name:
            return expr
    raise UndefinedColumn(f'column "{name}" not found in data type record', position=getattr(node, "location", None))


def fields_of(level: Level, node: Node) -> list[tuple[str, Expr]]:
    """`(node).*`."""
    if len(node.indirection) != 1:
        inner = ast.A_Indirection(arg=node.arg, indirection=node.indirection[:-1])
        return row_fields(level, bind_expression(level, inner))
    found = _fields(level, node.arg)
    return found if isinstance(found, list) else row_fields(level, found)


def star_fields(level: Level, names: list[str], position: int | None) -> list[tuple[str, Expr]] | None:
    """`column.*` where the column is a row; None where the names mean something else."""
    found = find_column(level, names[0], position) if len(names) == 1 else dotted_field(level, names, position)
    if found is None or found.type.definition.attributes is None:
        return None
    return row_fields(level, found)


def _fields(level: Level, node: Node) -> list[tuple[str, Expr]] | Expr:
    """The fields that `node` has by what it is, or else its value."""
    if isinstance(node, ast.ColumnRef) and len(node.fields) <= 2:
        names = [part.sval for part in node.fields]
        plain = find_column(level, names[0], node.location) if len(names) == 1 else None
        item = find_item(level, names[0] if len(names) > 1 else None, names[-1], node.location)
        if plain is None and item is not None:
            return item.columns
    if isinstance(node, ast.FuncCall) and not is_group_window(node):
        fields = _function_fields(level, node)
        if fields is not None:
            return fields
    return bind_expression(level, node)


def _function_fields(level: Level, node: Node) -> list[tuple[str, Expr]] | None:
    """The columns of a set-returning function that gives several, applied once for all its fields; None of another."""
    if not any(len(function.output_types) > 1 for function in functions_named(node.funcname[-1].sval)):
        return None
    function, args, arguments = prepare_call(level, node)
    if not isinstance(function, Function) or len(function.output_types) < 2:
        return None
    for call in level.set_calls:
        if call.function is function and call.args == args:
            return [(col.name, Ref(col)) for col in call.outputs]
    types = [
        concrete(arguments, kind, [arg.type.name for arg in args], node.location)[1] for kind in function.output_types
    ]
    outputs = tuple(
        level.binding.col(name, SqlType(kind)) for name, kind in zip(function.output_names, types, strict=True)
    )
    level.set_calls.append(SetCall(outputs, function, args))
    return [(col.name, Ref(col)) for col in outputs]
