"""The SELECT list: stars expanded, and the names of unnamed columns as PostgreSQL chooses them (FigureColname)."""

from dataclasses import dataclass, replace
from typing import Any

from pgstream.errors import SyntaxError42601, UndefinedColumn
from pgstream.plan.expressions import Expr
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level, find_item, missing_item
from pgstream.sql.bind.records import fields_of, star_fields
from pgstream.sql.bind.shared_names import share_name
from pgstream.sql.parse import ast, enums
from pgstream.sql.streaming.rewriting import STAR

Node = Any


@dataclass(slots=True)
class Target:
    """One column of a SELECT list; `junk` ones are only there to order or group by."""

    name: str
    expr: Expr
    node: Node = None
    junk: bool = False


def bind_targets(level: Level, nodes: tuple[Node, ...]) -> list[Target]:
    """The items of a SELECT or RETURNING list."""
    targets: list[Target] = []
    for node in nodes:
        value = node.val
        if isinstance(value, ast.ColumnRef) and isinstance(value.fields[-1], ast.A_Star):
            targets += [Target(name, expr, node) for name, expr in expand_star(level, value)]
        elif isinstance(value, ast.A_Indirection) and isinstance(value.indirection[-1], ast.A_Star):
            targets += [Target(name, expr, node) for name, expr in fields_of(level, value)]
        elif isinstance(value, ast.FuncCall) and value.funcname[-1].sval.startswith(STAR):
            targets += [Target(name, expr, node) for name, expr in changed_star(level, value)]
        else:
            expr = bind_expression(level, value)
            targets.append(Target(node.name or figure_name(value), expr, node))
            share_name(level, node, expr)
    return targets


def expand_star(level: Level, node: Node) -> list[tuple[str, Expr]]:
    """`*`, `t.*` and `schema.t.*`."""
    names = [part.sval for part in node.fields[:-1]]
    if not names:
        found = [column for item in level.items if item.columns_visible for column in item.columns]
        if not level.items:
            raise SyntaxError42601("SELECT * with no tables specified is not valid", position=node.location)
    else:
        schema, alias = (names[-2] if len(names) > 1 else None), names[-1]
        item = find_item(level, schema, alias, node.location)
        fields = None if item is not None else star_fields(level, names, node.location)
        if item is None and fields is None:
            raise missing_item(level, alias, node.location)
        found = item.columns if item is not None else fields or []
    return [(name, level.binding.located(replace(expr), node.location)) for name, expr in found]


def changed_star(level: Level, node: Node) -> list[tuple[str, Expr]]:
    """`* EXCEPT (a)`, `t.* REPLACE (a + 1 AS a)` and `* RENAME (a AS b)`, one behind the other or alone.

    `node` is the call that the rewriting made of it: a letter says how, constants among the arguments how else.
    """
    qualifier = tuple(node.funcname[:-1])
    found = expand_star(level, ast.ColumnRef(fields=(*qualifier, ast.A_Star()), location=node.location))
    how, arguments = node.funcname[-1].sval[-1], list(node.args)
    while arguments:
        argument = arguments.pop(0)
        if isinstance(argument, ast.A_Const) and isinstance(argument.val, ast.String):
            how = argument.val.sval
        elif how == "e":
            at = _starred(level, found, argument)
            found = [pair for i, pair in enumerate(found) if i != at]
        elif how == "r":
            at = _starred(level, found, arguments.pop(0))
            found[at] = (found[at][0], bind_expression(level, argument))
        else:
            at = _starred(level, found, argument)
            found[at] = (arguments.pop(0).fields[-1].sval, found[at][1])
    return found


def _starred(level: Level, found: list[tuple[str, Expr]], node: Node) -> int:
    """Which of the columns that a star gave is named. Raises UndefinedColumn."""
    if not isinstance(node, ast.ColumnRef):
        raise SyntaxError42601("a column's name is needed here", position=level.binding.position_of(node))
    name = node.fields[-1].sval
    wanted = bind_expression(level, node) if len(node.fields) > 1 else None
    for at, (own, expr) in enumerate(found):
        if own == name and (wanted is None or wanted == expr):
            return at
    raise UndefinedColumn(f'column "{name}" is not among those of the star', position=node.location)


def figure_name(node: Node) -> str:
    """The name of an unnamed column."""
    return _figured(node)[0] or "?column?"


def _figured(node: Node) -> tuple[str | None, int]:
    """A name and how good it is: 0 none, 1 a type's, 2 a real one."""
    match node:
        case ast.ColumnRef():
            names = [part.sval for part in node.fields if isinstance(part, ast.String)]
            return (names[-1], 2) if names else (None, 0)
        case ast.A_Indirection():
            names = [part.sval for part in node.indirection if isinstance(part, ast.String)]
            return (names[-1], 2) if names else _figured(node.arg)
        case ast.FuncCall():
            return node.funcname[-1].sval, 2
        case ast.A_Expr():
            return ("nullif", 2) if node.kind == enums.A_Expr_Kind.AEXPR_NULLIF else (None, 0)
        case ast.TypeCast():
            name, strength = _figured(node.arg)
            return (name, strength) if strength > 1 else (node.typeName.names[-1].sval, 1)
        case ast.CollateClause():
            return _figured(node.arg)
        case ast.SubLink():
            return _sublink_name(node)
        case ast.CaseExpr():
            name, strength = _figured(node.defresult)
            return (name, strength) if strength > 1 else ("case", 1)
        case ast.SQLValueFunction():
            return _VALUE_NAMES[node.op], 2
        case ast.MinMaxExpr():
            return ("greatest" if node.op == enums.MinMaxOp.IS_GREATEST else "least"), 2
    return _FIXED.get(type(node), (None, 0))


_FIXED: dict[type, tuple[str | None, int]] = {
    ast.GroupingFunc: ("grouping", 2),
    ast.A_ArrayExpr: ("array", 2),
    ast.RowExpr: ("row", 2),
    ast.CoalesceExpr: ("coalesce", 2),
}

_VALUE_NAMES = {op: op.name.removeprefix("SVFOP_").removesuffix("_N").lower() for op in enums.SQLValueFunctionOp}


def _sublink_name(node: Node) -> tuple[str | None, int]:
    match node.subLinkType:
        case enums.SubLinkType.EXISTS_SUBLINK:
            return "exists", 2
        case enums.SubLinkType.ARRAY_SUBLINK:
            return "array", 2
        case enums.SubLinkType.EXPR_SUBLINK:
            query = node.subselect
            while query.larg is not None:
                query = query.larg
            if not query.targetList:
                return ("column1", 2) if query.valuesLists else (None, 0)
            first = query.targetList[0]
            return (first.name, 2) if first.name else _figured(first.val)
    return None, 0
