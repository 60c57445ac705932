"""Constants folded, predicates that are constant acted upon, and what is empty for certain left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pgstream.errors import SqlError
from pgstream.functions.calling import python_values
from pgstream.functions.registry import IMMUTABLE, EvalContext
from pgstream.plan import rewrite
from pgstream.plan.evaluate import evaluate
from pgstream.plan.expressions import (
    And,
    Call,
    Case,
    CastExpr,
    Coalesce,
    Col,
    Const,
    Expr,
    IsBool,
    IsNull,
    Not,
    Or,
    Ref,
)
from pgstream.plan.relations import (
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Project,
    Relation,
    Sessions,
    SetOp,
    Sort,
    TableCall,
    TopN,
    Values,
    Window,
)
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import FALSE, TRUE, conjunction, conjuncts

_CONTEXT = EvalContext({}, 0)
_IMMUTABLE_CASTS = frozenset(["bool", "int2", "int4", "int8", "numeric", "float4", "float8", "text", "varchar"])
"""Types whose casts among each other depend on no setting, but those of floats to texts."""


def _settled(source: str, target: str) -> bool:
    """Whether a cast gives the same in every session."""
    printed = source in ("float4", "float8") and target in ("text", "varchar")
    return {source, target} <= _IMMUTABLE_CASTS and not printed


def fold(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with constants computed, and without the parts they make void."""
    return rewrite.transform(rewrite.map_all(plan, _simpler), _void)


def _simpler(expr: Expr) -> Expr:
    """`expr`, whose operands are simple already, folded at its root."""
    match expr:
        case And(args):
            return _connected(args, And, FALSE, TRUE)
        case Or(args):
            return _common_factor(_connected(args, Or, TRUE, FALSE))
        case Not(Const(value, type)):
            return Const(None if value is None else not value, type)
        case Not(Not(arg)):
            return arg
        case Not(And(args)):
            return _simpler(Or(tuple(_simpler(Not(arg)) for arg in args)))
        case Not(Or(args)):
            return _simpler(And(tuple(_simpler(Not(arg)) for arg in args)))
        case IsNull(Const(value)):
            return Const(value is None, expr.type)
        case IsBool(Const(value), wanted):
            return Const(value is wanted, expr.type)
        case Coalesce(args):
            return _first(args, expr)
        case Case():
            return _reachable(expr)
        case Call() | CastExpr():
            return _computed(expr)
    return expr


def _connected(args: tuple[Expr, ...], node: type[And] | type[Or], decisive: Const, neutral: Const) -> Expr:
    parts: list[Expr] = []
    for arg in args:
        parts += arg.args if isinstance(arg, node) else (arg,)
    parts = [part for part in dict.fromkeys(parts) if part != neutral]
    if decisive in parts:
        return decisive
    if len(parts) < 2:
        return parts[0] if parts else neutral
    return node(tuple(parts))


def _common_factor(expr: Expr) -> Expr:
    """`(a AND b) OR (a AND c)` as `a AND (b OR c)`, so that `a` can be a join condition."""
    if not isinstance(expr, Or):
        return expr
    branches = [conjuncts(arg) for arg in expr.args]
    shared = [part for part in branches[0] if all(part in branch for branch in branches[1:])]
    if not shared:
        return expr
    rests = [conjunction(part for part in branch if part not in shared) for branch in branches]
    if any(rest is None for rest in rests):
        return conjunction(shared) or TRUE
    return conjunction([*shared, Or(tuple(rest for rest in rests if rest is not None))]) or TRUE


def _first(args: tuple[Expr, ...], whole: Coalesce) -> Expr:
    kept: list[Expr] = []
    for arg in args:
        if arg == Const(None, arg.type):
            continue
        kept.append(arg)
        if isinstance(arg, Const):
            break
    if not kept:
        return Const(None, whole.type)
    same_type = kept[0].type == whole.type
    return kept[0] if len(kept) == 1 and same_type else replace(whole, args=tuple(kept))


def _reachable(case: Case) -> Expr:
    whens: list[tuple[Expr, Expr]] = []
    otherwise = case.otherwise
    for condition, result in case.whens:
        if condition == TRUE:
            otherwise = result
            break
        if not isinstance(condition, Const):
            whens.append((condition, result))
    if whens:
        return replace(case, whens=tuple(whens), otherwise=otherwise)
    return otherwise if otherwise.type == case.type else replace(case, whens=((TRUE, otherwise),))


def _computed(expr: Call | CastExpr) -> Expr:
    """The value of a call of constants; an error it raises is left to happen when, and if, it runs."""
    operands = rewrite.operands(expr)
    if isinstance(expr, Call):
        if expr.function.volatility != IMMUTABLE or expr.function.returns_set:
            return expr
        if expr.function.strict and any(operand == Const(None, operand.type) for operand in operands):
            return Const(None, expr.type)
    elif not _settled(expr.arg.type.name, expr.type.name):
        return expr
    if not all(isinstance(operand, Const) for operand in operands):
        return expr
    try:
        column = evaluate(expr, {}, 1, _CONTEXT)
    except SqlError:
        return expr
    return Const(python_values(column, expr.type)[0], expr.type)


def _nothing(columns: Sequence[Col]) -> Relation:
    return Values(tuple(columns), ())


def _empty(relation: Relation) -> bool:
    return isinstance(relation, Values) and not relation.rows


def _void(node: Relation) -> Relation:
    """`node` without inputs that are empty, and empty itself where they make it so."""
    match node:
        case Filter(input, Const(value)):
            return input if value is True else _nothing(node.columns)
        case Filter(Filter(input, inner), outer):
            return Filter(input, conjunction([inner, outer]) or TRUE)
        case Join():
            return _void_join(node)
        case SetOp():
            return _void_set_operation(node)
        case TopN(_, _, _, Const(0)):
            return _nothing(node.columns)
        case TopN(input, _, _, None, None) | TopN(input, _, _, Const(None), None):
            return input
        case Group(input, keys) if keys and _empty(input):
            return _nothing(node.columns)
        case (
            Project(input)
            | Filter(input)
            | Distinct(input)
            | TopN(input)
            | Sort(input)
            | Window(input)
            | TableCall(input)
            | Sessions(input)
            | AssertSingle(input)
        ) if _empty(input):
            return _nothing(node.columns)
    return node


def _void_join(node: Join) -> Relation:
    if isinstance(node.condition, Const):
        if node.condition.value is True:
            node = replace(node, condition=None)
        elif node.kind in ("inner", "semi"):
            return _nothing(node.columns)
        elif node.kind in ("left", "anti"):
            node = replace(node, right=_nothing(node.right.columns), condition=None)
    left, right = _empty(node.left), _empty(node.right)
    if (left and node.kind not in ("right", "full")) or (right and node.kind in ("inner", "semi", "right")):
        return _nothing(node.columns)
    if right and node.kind == "anti":
        return node.left
    if right and node.kind in ("left", "full"):
        nulls: tuple[tuple[Col, Expr], ...] = tuple((col, Const(None, col.type)) for col in node.right.columns)
        return Project(node.left, tuple((col, Ref(col)) for col in node.left.columns) + nulls)
    return node


def _void_set_operation(node: SetOp) -> Relation:
    first, *others = node.inputs
    if node.kind == "intersect" and any(_empty(input) for input in node.inputs):
        return _nothing(node.columns)
    if node.kind == "except" and _empty(first):
        return _nothing(node.columns)
    kept = tuple(input for input in node.inputs if not _empty(input))
    if node.kind == "except":
        kept = (first, *(input for input in others if not _empty(input)))
    if node.kind == "intersect" or len(kept) == len(node.inputs):
        return node
    if not kept:
        return _nothing(node.columns)
    if len(kept) > 1:
        return replace(node, inputs=kept)
    outputs = tuple((col, Ref(old)) for col, old in zip(node.columns, kept[0].columns, strict=True))
    only = Project(kept[0], outputs)
    return only if node.all else Distinct(only)
