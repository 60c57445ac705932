"""UNION, INTERSECT and EXCEPT."""

from typing import Any, Literal

from pgstream.errors import FeatureNotSupported, SyntaxError42601
from pgstream.plan.expressions import Col, Expr, Ref
from pgstream.plan.relations import Project, Relation, SetOp, Values
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.coercion import common_type, common_typmod, to_common_type
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.ordering import check_comparable
from pgstream.sql.bind.query import BoundQuery, visible
from pgstream.sql.bind.targets import Target
from pgstream.sql.parse import enums
from pgstream.types.definition import SqlType

Node = Any
Kind = Literal["union", "intersect", "except"]

_KINDS: dict[Any, Kind] = {
    enums.SetOperation.SETOP_UNION: "union",
    enums.SetOperation.SETOP_INTERSECT: "intersect",
    enums.SetOperation.SETOP_EXCEPT: "except",
}


def bind_set_operation(level: Level, node: Node) -> tuple[BoundQuery, list[Target]]:
    """The set operation at the top of `node`, whose own WITH, ORDER BY and LIMIT are the caller's."""
    plan = _operation(level, node)
    targets = [Target(col.name, Ref(col), None) for col in plan.columns]
    return BoundQuery(plan, plan.columns), targets


def _operation(level: Level, node: Node) -> SetOp:
    binding = level.binding
    kind = _KINDS[node.op]
    left, right = _branch(level, node.larg), _branch(level, node.rarg)
    lefts, rights = outputs_of(left), outputs_of(right)
    if len(lefts) != len(rights):
        where = next((p for p in (binding.position(expr) for expr in rights) if p is not None), None)
        raise SyntaxError42601(f"each {kind.upper()} query must have the same number of columns", position=where)
    types = [_type(binding, kind, [a, b]) for a, b in zip(lefts, rights, strict=True)]
    left, right = (retyped(binding, plan, types, kind.upper()) for plan in (left, right))
    cols = tuple(binding.col(col.name, type) for col, type in zip(left.columns, types, strict=True))
    if not (kind == "union" and node.all):
        for col, expr in zip(cols, lefts, strict=True):
            check_comparable(binding, binding.located(Ref(col), expr))
    inputs = (*_flattened(left, kind, bool(node.all)), right)
    return SetOp(kind, bool(node.all), inputs, cols)


def _type(binding: Binding, kind: Kind, pair: list[Expr]) -> SqlType:
    return common_typmod(pair, common_type(binding, pair, kind.upper()))


def _flattened(plan: Relation, kind: Kind, all: bool) -> tuple[Relation, ...]:
    """The inputs of a left branch that is the same UNION, so that a chain of them is one node."""
    if kind == "union" and isinstance(plan, SetOp) and plan.kind == "union" and plan.all == all:
        return plan.inputs
    return (plan,)


def _branch(level: Level, node: Node) -> Relation:
    """One side: a further set operation, or a query of its own."""
    plain = not (node.sortClause or node.limitCount or node.limitOffset or node.withClause)
    if node.op != enums.SetOperation.SETOP_NONE and plain:
        return _operation(level, node)
    if node.lockingClause:
        raise FeatureNotSupported("FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT")
    return visible(bind_query(level.binding, node, level, keep_unknown=True))


def outputs_of(plan: Relation) -> list[Expr]:
    """What the columns of a plan are computed as, where it is a projection or one row of values."""
    if isinstance(plan, Project):
        return [expr for _, expr in plan.outputs]
    if isinstance(plan, Values) and len(plan.rows) == 1:
        return list(plan.rows[0])
    return [Ref(col) for col in plan.columns]


def retyped(binding: Binding, plan: Relation, types: list[SqlType], construct: str) -> Relation:
    """`plan` with its columns coerced to `types`."""
    if [col.type for col in plan.columns] == types:
        return plan
    exprs = [
        to_common_type(binding, expr, type.bare(), construct) if expr.type != type else expr
        for expr, type in zip(outputs_of(plan), types, strict=True)
    ]
    cols = [_col(binding, col, expr) for col, expr in zip(plan.columns, exprs, strict=True)]
    if isinstance(plan, Project):
        return Project(plan.input, tuple(zip(cols, exprs, strict=True)))
    if isinstance(plan, Values) and len(plan.rows) == 1:
        return Values(tuple(cols), (tuple(exprs),))
    return Project(plan, tuple(zip(cols, exprs, strict=True)))


def _col(binding: Binding, col: Col, expr: Expr) -> Col:
    return binding.col(col.name, expr.type)
