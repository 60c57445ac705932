"""Literal rows: what INSERT … VALUES adds, read off its plan without a circuit."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pgstream.delta import Column, Delta
from pgstream.functions.calling import column_from
from pgstream.functions.registry import EvalContext
from pgstream.functions.vector import repeated
from pgstream.plan import relations as rel
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import CastExpr, Col, Const, Expr, Param, Ref
from pgstream.sql.optimize.predicates import has_subquery


def is_literal(plan: rel.Relation) -> bool:
    """Whether `plan` is projections over literal rows, and looks at nothing stored."""
    if isinstance(plan, rel.Values):
        return bool(plan.rows and plan.columns) and not any(has_subquery(expr) for row in plan.rows for expr in row)
    if isinstance(plan, rel.Project):
        return not any(has_subquery(expr) for _, expr in plan.outputs) and is_literal(plan.input)
    return False


def literal_rows(plan: rel.Relation, context: EvalContext, params: Sequence[Column]) -> Delta | None:
    """The rows of projections over literal rows; None for any other plan."""
    if not is_literal(plan):
        return None
    if isinstance(plan, rel.Values):
        return Delta.of([_column([row[i] for row in plan.rows], context, params) for i in range(len(plan.columns))])
    assert isinstance(plan, rel.Project)
    inner = literal_rows(plan.input, context, params)
    assert inner is not None
    values = {col.id: column for col, column in zip(plan.input.columns, inner.columns, strict=True)}
    return Delta.of([evaluate(expr, values, len(inner), context, params) for _, expr in plan.outputs])


def _column(values: Sequence[Expr], context: EvalContext, params: Sequence[Column]) -> Column:
    """One column of literal rows; constants, and casts of them, are computed for all rows at once."""
    first = values[0]
    if isinstance(first, Const) and all(isinstance(v, Const) and v.type == first.type for v in values):
        return column_from([value.value for value in values if isinstance(value, Const)], first.type)
    if isinstance(first, CastExpr) and all(_like(value, first) for value in values):
        inner = _column([value.arg for value in values if isinstance(value, CastExpr)], context, params)
        cast = replace(first, arg=Ref(Col(0, "", first.arg.type)))
        return evaluate(cast, {0: inner}, len(values), context, params)
    return pa.concat_arrays([evaluate(value, {}, 1, context, params) for value in values])


def _like(value: Expr, first: CastExpr) -> bool:
    """Whether `value` is the same cast of a value of the same type."""
    return isinstance(value, CastExpr) and replace(value, arg=first.arg) == first and value.arg.type == first.arg.type


_NUMBERS = frozenset({"int2", "int4", "int8", "float4", "float8", "numeric"})
_STRINGS = frozenset({"text", "varchar", "bpchar"})


@dataclass(frozen=True, slots=True)
class PlainRow:
    """The one row of an INSERT as its parameters and constants, and casts of them that are the same in every session,
    so that many rows are made at once."""

    sources: tuple[Expr, ...]

    @staticmethod
    def of(plan: rel.Relation) -> "PlainRow | None":
        """None where the plan is anything more."""
        if not isinstance(plan, rel.Values) or len(plan.rows) != 1:
            return None
        sources = tuple(value for value in plan.rows[0] if _is_plain(value))
        return PlainRow(sources) if sources and len(sources) == len(plan.rows[0]) else None

    def rows(self, params: Sequence[Column], count: int, context: EvalContext) -> tuple[Column, ...]:
        """`count` rows, from as many values of each parameter."""
        return tuple(_many(source, params, count, context) for source in self.sources)


def _is_plain(expr: Expr) -> bool:
    if isinstance(expr, CastExpr):
        alike = any(expr.type.name in kind and expr.arg.type.name in kind for kind in (_NUMBERS, _STRINGS))
        return alike and _is_plain(expr.arg)
    return isinstance(expr, Param | Const)


def _many(source: Expr, params: Sequence[Column], count: int, context: EvalContext) -> Column:
    if isinstance(source, Param):
        return params[source.index - 1]
    if isinstance(source, CastExpr):
        argument = _many(source.arg, params, count, context)
        return evaluate(replace(source, arg=Ref(Col(0, "", source.arg.type))), {0: argument}, count, context)
    assert isinstance(source, Const)
    return repeated(column_from([source.value], source.type)[0], count)
