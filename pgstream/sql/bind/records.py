"""Rows as values: `(row).field` and `(row).*`.

A record has no column names at run time, so fields are only found where the row is written out in the query: the
row of a FROM item, or the columns of a function that returns several.
"""

from typing import Any

from pgstream.errors import FeatureNotSupported, UndefinedColumn
from pgstream.functions.registry import Function
from pgstream.plan.expressions import Expr, Ref
from pgstream.sql.bind.calls import prepare_call
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.group_windows import is_group_window, window_fields
from pgstream.sql.bind.names import Level, SetCall, find_column, find_item
from pgstream.sql.bind.overloads import concrete
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType

Node = Any


def field_of(level: Level, node: Node, name: str) -> Expr:
    """`(node).name`."""
    for own, expr in _fields(level, node):
        if own == name:
            return expr
    raise UndefinedColumn(f'column "{name}" not found in data type record', position=getattr(node, "location", None))


def fields_of(level: Level, node: Node) -> list[tuple[str, Expr]]:
    """`(node).*`."""
    if len(node.indirection) != 1:
        raise FeatureNotSupported("field selection from an expression is not supported yet")
    return _fields(level, node.arg)


def _fields(level: Level, node: Node) -> list[tuple[str, Expr]]:
    if isinstance(node, ast.ColumnRef) and len(node.fields) <= 2:
        names = [part.sval for part in node.fields]
        plain = find_column(level, names[0], node.location) if len(names) == 1 else None
        item = find_item(level, names[0] if len(names) > 1 else None, names[-1], node.location)
        if plain is None and item is not None:
            return item.columns
    if isinstance(node, ast.FuncCall) and not is_group_window(node):
        return _function_fields(level, node)
    fields = window_fields(bind_expression(level, node))
    if fields:
        return fields
    raise FeatureNotSupported(
        "field selection from an expression is not supported yet", position=getattr(node, "location", None)
    )


def _function_fields(level: Level, node: Node) -> list[tuple[str, Expr]]:
    """The columns of a set-returning function that gives several, applied once for all its fields."""
    function, args, arguments = prepare_call(level, node)
    if not isinstance(function, Function) or len(function.output_types) < 2:
        raise FeatureNotSupported("field selection from an expression is not supported yet", position=node.location)
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
