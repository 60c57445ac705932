"""Casts as the user writes them, COLLATE, and the functions SQL spells without parentheses."""

from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, UndefinedObject
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import Call, CastExpr, Const, Expr, RowExpr
from pgstream.sql.bind.binding import UNKNOWN
from pgstream.sql.bind.coercion import coerce, coerce_or_fail
from pgstream.sql.bind.dispatch import bind_expression, binds
from pgstream.sql.bind.expressions import array_expr
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import note_volatility
from pgstream.sql.bind.records import row_of
from pgstream.sql.bind.registered import is_registered, registered_oid
from pgstream.sql.bind.types import category, type_of
from pgstream.sql.parse import ast, enums
from pgstream.types.definition import SqlType

Node = Any


@binds(ast.TypeCast)
def bind_cast(level: Level, node: Node) -> Expr:
    """`expr::type` and CAST. An array constructor takes the element type from its cast."""
    binding = level.binding
    target = type_of(binding, node.typeName)
    if isinstance(node.arg, ast.A_ArrayExpr) and target.element is not None and target.name.startswith("_"):
        arg = array_expr(level, node.arg, target.element)
    elif isinstance(node.arg, ast.RowExpr) and target.definition.attributes is not None:
        args = tuple(bind_expression(level, item) for item in node.arg.args or ())
        arg = binding.located(RowExpr(args, row_of(binding, list(args)).type), node.arg)
    else:
        arg = bind_expression(level, node.arg)
    position = node.location if node.location is not None and node.location >= 0 else node.typeName.location
    if is_registered(target.name) and isinstance(arg, CastExpr) and isinstance(arg.arg, Const):
        arg = arg.arg if arg.type.name == "text" else arg
    if is_registered(target.name) and isinstance(arg, Const) and arg.type.name == "text" and arg.value is not None:
        return Const(registered_oid(binding, arg.value, target.name), target)
    return coerce_or_fail(binding, arg, target, "e", position)


@binds(ast.CollateClause)
def bind_collate(level: Level, node: Node) -> Expr:
    """COLLATE: there is one order of strings, by code point, which goes by a few names."""
    arg = bind_expression(level, node.arg)
    name = node.collname[-1].sval
    if arg.type == UNKNOWN:
        made = coerce(level.binding, arg, SqlType("text"), "i")
        assert made is not None
        arg = made
    if category(arg.type) != "S":
        raise DatatypeMismatch(f"collations are not supported by type {arg.type.bare()}", position=node.location)
    if name not in ("C", "POSIX", "default", "ucs_basic"):
        raise UndefinedObject(f'collation "{name}" for encoding "UTF8" does not exist', position=node.location)
    return arg


_NOW = {
    enums.SQLValueFunctionOp.SVFOP_CURRENT_DATE: "date",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_TIME: "timetz",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_TIME_N: "timetz",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP: "timestamptz",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_TIMESTAMP_N: "timestamptz",
    enums.SQLValueFunctionOp.SVFOP_LOCALTIME: "time",
    enums.SQLValueFunctionOp.SVFOP_LOCALTIME_N: "time",
    enums.SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP: "timestamp",
    enums.SQLValueFunctionOp.SVFOP_LOCALTIMESTAMP_N: "timestamp",
}

_SESSION = {
    enums.SQLValueFunctionOp.SVFOP_CURRENT_ROLE: "current_user",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_USER: "current_user",
    enums.SQLValueFunctionOp.SVFOP_USER: "current_user",
    enums.SQLValueFunctionOp.SVFOP_SESSION_USER: "session_user",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_CATALOG: "current_database",
    enums.SQLValueFunctionOp.SVFOP_CURRENT_SCHEMA: "current_schema",
}


@binds(ast.SQLValueFunction)
def bind_value_function(level: Level, node: Node) -> Expr:
    """CURRENT_DATE, CURRENT_USER and their kin."""
    wanted = _NOW.get(node.op)
    if wanted is None:
        function = _niladic(level, _SESSION[node.op], node)
        return Call(function, (), SqlType(function.result))
    now = Call(_niladic(level, "now", node), (), SqlType("timestamptz"))
    target = SqlType(wanted, -1 if node.typmod is None else node.typmod)
    return now if target == now.type else CastExpr(now, target, True)


def _niladic(level: Level, name: str, node: Node) -> Function:
    for function in functions_named(name):
        if not function.arguments:
            note_volatility(level.binding, function, node.location)
            return function
    raise FeatureNotSupported(f"{name} is not supported yet", position=node.location)
