"""Subqueries in expressions: EXISTS, scalar, ARRAY, IN, ANY and ALL."""

from typing import Any, Literal

from pgstream.errors import FeatureNotSupported, SyntaxError42601, UndefinedObject
from pgstream.plan.expressions import Expr, Ref, RowExpr, Subquery
from pgstream.plan.relations import Project, Relation
from pgstream.sql.bind.binding import BOOL
from pgstream.sql.bind.dispatch import bind_expression, bind_query, binds
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import apply_operator, compare_rows, operator_name
from pgstream.sql.bind.query import BoundQuery, visible
from pgstream.sql.parse import ast, enums
from pgstream.types.definition import array_of

Node = Any
Kind = enums.SubLinkType


@binds(ast.SubLink)
def bind_sublink(level: Level, node: Node) -> Expr:
    """A subquery in an expression, by its kind."""
    if level.clause == "DEFAULT":
        raise FeatureNotSupported("cannot use subquery in DEFAULT expression", position=node.location)
    is_array = node.subLinkType == Kind.ARRAY_SUBLINK
    query = bind_query(level.binding, node.subselect, level, ordered=is_array)
    match node.subLinkType:
        case Kind.EXISTS_SUBLINK:
            return Subquery("exists", visible(query), BOOL)
        case Kind.EXPR_SUBLINK:
            _check_one_column(query, node)
            return Subquery("scalar", visible(query), query.columns[0].type)
        case Kind.ARRAY_SUBLINK:
            return _array(query, node)
        case Kind.ROWCOMPARE_SUBLINK:
            return _row_compare(level, node, query)
        case _:
            return _any_all(level, node, query)


def _check_one_column(query: BoundQuery, node: Node) -> None:
    if len(query.columns) != 1:
        raise SyntaxError42601("subquery must return only one column", position=node.location)


def _array(query: BoundQuery, node: Node) -> Expr:
    """ARRAY(query): its Sort stays, and only the first column counts."""
    _check_one_column(query, node)
    type = query.columns[0].type
    try:
        made = array_of(type)
    except KeyError:
        raise UndefinedObject(f"could not find array type for data type {type}", position=node.location) from None
    return Subquery("array", query.plan, made)


def _left_side(level: Level, node: Node) -> list[Expr]:
    left = bind_expression(level, node.testexpr)
    return list(left.args) if isinstance(left, RowExpr) else [left]


def _check_width(lefts: list[Expr], plan: Relation, node: Node) -> None:
    if len(lefts) != len(plan.columns):
        word = "few" if len(plan.columns) < len(lefts) else "many"
        raise SyntaxError42601(f"subquery has too {word} columns", position=node.location)


def _any_all(level: Level, node: Node, query: BoundQuery) -> Expr:
    lefts = _left_side(level, node)
    plan = visible(query)
    _check_width(lefts, plan, node)
    name = "=" if not node.operName else operator_name(node.operName)
    rights: list[Expr] = [level.binding.located(Ref(col), node.location) for col in plan.columns]
    if len(lefts) == 1:
        test = apply_operator(level.binding, name, [lefts[0], rights[0]], node.location)
    else:
        test = compare_rows(level.binding, name, lefts, rights, node.location)
    kind: Literal["any", "all"] = "all" if node.subLinkType == Kind.ALL_SUBLINK else "any"
    return Subquery(kind, plan, BOOL, test)


def _row_compare(level: Level, node: Node, query: BoundQuery) -> Expr:
    """`(a, b) = (SELECT x, y …)`: the comparison moves into the query, which then has one column."""
    lefts = _left_side(level, node)
    plan = visible(query)
    _check_width(lefts, plan, node)
    rights: list[Expr] = [Ref(col) for col in plan.columns]
    test = compare_rows(level.binding, operator_name(node.operName), lefts, rights, node.location)
    col = level.binding.col("?column?", BOOL)
    return Subquery("scalar", Project(plan, ((col, test),)), BOOL)
