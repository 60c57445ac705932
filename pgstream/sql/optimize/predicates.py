"""Boolean algebra over bound predicates: conjunctions, equality that takes NULLs as equal, NULL rejection."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from pgstream.functions.registry import OPERATORS, VOLATILE, Function
from pgstream.plan import rewrite
from pgstream.plan.expressions import (
    And,
    AnyAll,
    Call,
    CastExpr,
    Const,
    Expr,
    FieldOf,
    IsBool,
    IsDistinct,
    IsNull,
    Not,
    Or,
    Ref,
    Subquery,
    Subscript,
)
from pgstream.types.definition import SqlType

BOOL = SqlType("bool")
TRUE = Const(True, BOOL)
FALSE = Const(False, BOOL)

_COMPARISONS = ("=", "<", "<=", ">", ">=")
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def conjuncts(predicate: Expr | None) -> tuple[Expr, ...]:
    """The predicates that must all be true for `predicate` to be true; none for None and TRUE."""
    if predicate is None or predicate == TRUE:
        return ()
    if isinstance(predicate, And):
        return tuple(part for arg in predicate.args for part in conjuncts(arg))
    return (predicate,)


def conjunction(parts: Iterable[Expr]) -> Expr | None:
    """The predicate that is true where all of `parts` are; each is kept once, None if there are none."""
    once = tuple(dict.fromkeys(part for given in parts for part in conjuncts(given)))
    if len(once) < 2:
        return once[0] if once else None
    return And(once)


@cache
def equality(type: SqlType) -> Function:
    """The function behind `=` for two values of `type`."""
    operators = [operator for operator in OPERATORS.get("=", ()) if operator.left == operator.right]
    named = {operator.right: operator.function for operator in operators}
    if type.name in named:
        return named[type.name]
    if type.element is not None and "anyarray" in named:
        return named["anyarray"]
    if type.name.startswith("reg"):
        return named["oid"]
    return named["text"]  # the types that are stored as text: varchar, and json, which only grouping compares


def same(left: Expr, right: Expr) -> Expr:
    """`left IS NOT DISTINCT FROM right`: the NULL-safe equality that domains are joined back with."""
    return Not(IsDistinct(left, right, equality(left.type.bare())))


def comparison(expr: Expr) -> tuple[str, Expr, Expr] | None:
    """The operator and operands of `left < right` and its like; None where `expr` is none of =, <, <=, >, >=."""
    if not isinstance(expr, Call) or len(expr.args) != 2:
        return None
    name = comparison_of(expr.function)
    return None if name is None else (name, expr.args[0], expr.args[1])


def mirrored(name: str) -> str:
    """The operator that says the same with its operands exchanged."""
    return _MIRRORED[name]


@cache
def comparison_of(function: Function) -> str | None:
    """Which of =, <, <=, >, >= a function implements; None where it is another's."""
    for name in _COMPARISONS:
        if any(operator.function is function for operator in OPERATORS.get(name, ())):
            return name
    return None


def is_volatile(expr: Expr) -> bool:
    """Whether evaluating `expr` at another place or another number of times could show."""
    return any(isinstance(part, Call) and part.function.volatility == VOLATILE for part in rewrite.subexpressions(expr))


def has_subquery(expr: Expr) -> bool:
    """Whether a subquery stands anywhere in `expr`."""
    return any(isinstance(part, Subquery) for part in rewrite.subexpressions(expr))


def refers_only_to(expr: Expr, ids: Iterable[int]) -> bool:
    """Whether every column that `expr` needs is one of `ids`."""
    return set(rewrite.free_refs(expr)) <= set(ids)


def null_refs(expr: Expr) -> frozenset[int]:
    """Columns of which a single NULL makes `expr` NULL."""
    match expr:
        case Ref(col):
            return frozenset([col.id])
        case Call(function, args, _) if function.strict and not function.returns_set:
            return _union(null_refs(arg) for arg in args)
        case CastExpr(arg) | Not(arg) | FieldOf(arg):
            return null_refs(arg)
        case Subscript(array, lower, upper):
            return _union(null_refs(part) for part in (array, lower, upper) if part is not None)
    return frozenset()


def rejected_nulls(expr: Expr) -> frozenset[int]:
    """Columns of which a single NULL keeps `expr` from being true."""
    match expr:
        case And(args):
            return _union(rejected_nulls(arg) for arg in args)
        case Or(args):
            return frozenset.intersection(*(rejected_nulls(arg) for arg in args))
        case Not(IsNull(arg)) | IsBool(arg, False):
            return null_refs(arg)
        case IsBool(arg, True):
            return rejected_nulls(arg)
        case AnyAll(left, function, _, False) if function.strict:
            return null_refs(left)
        case Not(Or(args)):
            return _union(rejected_nulls(Not(arg)) for arg in args)
    return null_refs(expr)


def _union(sets: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset().union(*sets)


def equated(parts: Sequence[Expr], id: int, own: frozenset[int]) -> tuple[Expr, Expr] | None:
    """The first of `parts` that says column `id` = an expression over `own` columns of its very type, and that
    expression."""
    for part in parts:
        found = comparison(part)
        if found is None or found[0] != "=":
            continue
        for side, other in (found[1:], found[:0:-1]):
            if not (isinstance(side, Ref) and side.col.id == id and side.type.bare() == other.type.bare()):
                continue
            if refers_only_to(other, own) and rewrite.free_refs(other) and not is_volatile(other):
                return part, other
    return None
