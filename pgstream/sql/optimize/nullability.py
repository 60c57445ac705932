"""Which columns and expressions are never NULL, as far as a plan's shape tells."""

from __future__ import annotations

from collections.abc import Set

from pgstream.plan.expressions import (
    And,
    ArrayExpr,
    Case,
    CastExpr,
    Coalesce,
    Const,
    Expr,
    IsBool,
    IsDistinct,
    IsNull,
    Not,
    Or,
    Ref,
    RowExpr,
)
from pgstream.plan.relations import (
    Apply,
    Asof,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Lookup,
    Project,
    Relation,
    Scan,
    Sessions,
    Sort,
    TableCall,
    TopN,
    Values,
    Window,
)
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import rejected_nulls

NEVER_NULL = ("count", "regr_count")
"""Aggregates that are 0, and not NULL, over no rows."""


def not_null(expr: Expr, columns: Set[int]) -> bool:
    """Whether `expr` is never NULL over a relation whose `columns` never are."""
    match expr:
        case Ref(col):
            return col.id in columns
        case Const(value):
            return value is not None
        case IsNull() | IsBool() | IsDistinct() | ArrayExpr() | RowExpr():
            return True
        case And(args) | Or(args):
            return all(not_null(arg, columns) for arg in args)
        case Not(arg) | CastExpr(arg):
            return not_null(arg, columns)
        case Coalesce(args):
            return any(not_null(arg, columns) for arg in args)
        case Case(whens, otherwise):
            return not_null(otherwise, columns) and all(not_null(result, columns) for _, result in whens)
    return False


def not_null_columns(relation: Relation, facts: RelationFacts) -> frozenset[int]:
    """The ids of the columns of `relation` that are never NULL."""
    match relation:
        case Scan(oid, _, columns, positions):
            keys = {position for key in facts.unique_keys(oid) for position in key}
            return frozenset(col.id for col, at in zip(columns, positions, strict=True) if at in keys)
        case Values(columns, rows):
            kept = [all(not_null(row[i], frozenset()) for row in rows) for i in range(len(columns))]
            return frozenset(col.id for col, keep in zip(columns, kept, strict=True) if keep)
        case Filter(input, predicate):
            return not_null_columns(input, facts) | rejected_nulls(predicate)
        case Project(input, outputs):
            inner = not_null_columns(input, facts)
            return frozenset(col.id for col, expr in outputs if not_null(expr, inner))
        case Group(input, keys, aggregates):
            inner = not_null_columns(input, facts)
            counts = {col.id for col, call in aggregates if call.aggregate.name in NEVER_NULL}
            return frozenset(col.id for col, expr in keys if not_null(expr, inner)) | counts
        case (
            Join(kind, left, right, condition)
            | Apply(kind, left, right, condition)
            | Asof(kind, left, right, condition)
            | Lookup(kind, left, right, condition)
        ):
            return _joined(kind, left, right, condition, facts)
        case Distinct(input) | TopN(input) | Sort(input) | AssertSingle(input) | Window(input) | TableCall(input):
            return not_null_columns(input, facts)
        case Sessions(input, _, time, _, start, end):
            timed = {time.col.id} if isinstance(time, Ref) else set()
            return not_null_columns(input, facts) | timed | {start.id, end.id}
    return frozenset()


def _joined(kind: str, left: Relation, right: Relation, condition: Expr | None, facts: RelationFacts) -> frozenset[int]:
    ours = frozenset() if kind in ("right", "full") else not_null_columns(left, facts)
    theirs = not_null_columns(right, facts) if kind in ("inner", "right") else frozenset()
    demanded = rejected_nulls(condition) if condition is not None and kind in ("inner", "semi") else frozenset()
    return ours | theirs | (demanded & {col.id for col in left.columns + right.columns})
