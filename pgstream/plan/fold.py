"""Constant folding: an expression with what depends on neither rows, parameters nor the session computed once."""

from dataclasses import fields, replace
from typing import Any

import pyarrow as pa

from pgstream.errors import SqlError
from pgstream.functions.calling import python_values
from pgstream.functions.registry import CASTS, IMMUTABLE, EvalContext
from pgstream.functions.vector import repeated
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import And, AnyAll, Call, CastExpr, Const, Expr, IsDistinct, Or, Param, Ref, Subquery
from pgstream.types.definition import SqlType

_TIMELESS = frozenset(
    ("bool", "int2", "int4", "int8", "float4", "float8", "numeric", "text", "varchar", "bpchar", "name", "uuid")
) | {"json", "jsonb", "oid", "unknown"}
"""Types whose text means the same in every session."""


def fold(expr: Expr, context: EvalContext) -> Expr:
    """`expr` with its immutable constant parts computed; what raises an error is left to raise it at run time."""
    if isinstance(expr, Const | Ref | Param | Subquery):
        return expr
    changes = {}
    for field in fields(expr):
        old = getattr(expr, field.name)
        new = _folded(old, context)
        if new is not old:
            changes[field.name] = new
    made: Expr = replace(expr, **changes) if changes else expr
    if isinstance(made, And | Or):
        made = _settled(made)
    return _computed(made, context) if _is_constant(made) else made


def _folded(part: Any, context: EvalContext) -> Any:
    """A field of an expression: expressions inside it folded, anything else as it is."""
    if isinstance(part, Expr):
        return fold(part, context)
    if isinstance(part, tuple) and part:
        made = tuple(_folded(own, context) for own in part)
        return made if any(new is not old for new, old in zip(made, part, strict=True)) else part
    return part


def _parts(part: Any) -> list[Expr]:
    if isinstance(part, Expr):
        return [part]
    return [own for inner in part for own in _parts(inner)] if isinstance(part, tuple) else []


def _is_constant(expr: Expr) -> bool:
    if isinstance(expr, Const | Ref | Param | Subquery):
        return False
    if isinstance(expr, Call) and expr.function.volatility != IMMUTABLE:
        return False
    if isinstance(expr, AnyAll) and expr.function.volatility != IMMUTABLE:
        return False
    if isinstance(expr, IsDistinct) and expr.equals.volatility != IMMUTABLE:
        return False
    if isinstance(expr, CastExpr) and not _immutable_cast(expr.arg.type, expr.type):
        return False
    if expr.type.name == "record":
        return False
    return all(isinstance(own, Const) for field in fields(expr) for own in _parts(getattr(expr, field.name)))


def _immutable_cast(source: SqlType, target: SqlType) -> bool:
    """Whether a cast means the same in every session."""
    declared = CASTS.get((source.name, target.name))
    if declared is not None and source.name != target.name:
        return declared.function is None or declared.function.volatility == IMMUTABLE
    inner, outer = source.element, target.element
    if inner is not None and outer is not None:
        return inner.name == outer.name or _immutable_cast(inner, outer)
    if source.name == target.name:
        return True
    return source.name in _TIMELESS and target.name in _TIMELESS


def _settled(expr: And | Or) -> Expr:
    """AND without constant trues, or OR without falses; the constant that decides alone."""
    decisive = isinstance(expr, Or)
    if any(isinstance(arg, Const) and arg.value is decisive for arg in expr.args):
        return Const(decisive, expr.type)
    kept = tuple(arg for arg in expr.args if not (isinstance(arg, Const) and arg.value is (not decisive)))
    if len(kept) == len(expr.args):
        return expr
    if not kept:
        return Const(not decisive, expr.type)
    return kept[0] if len(kept) == 1 else replace(expr, args=kept)


def _computed(expr: Expr, context: EvalContext) -> Expr:
    try:
        value = evaluate(expr, {}, 1, context)
    except SqlError:
        return expr
    column = repeated(value, 1) if isinstance(value, pa.Scalar) else value
    return Const(python_values(column, expr.type)[0], expr.type)
