"""Calls that other systems spell in their way, as the expressions of PostgreSQL's that they stand for.

if(a, b, c), iff(a, b, c), nvl2(a, b, c)       CASE
make_array(a, b)                               ARRAY[a, b]
timestampdiff(DAY, a, b), date_trunc(a, DAY)   the unit is a word, not a column
arrow_cast(a, 'Int64')                         a::bigint
today()                                        CURRENT_DATE
rand(), typeof(a), grouping_id(a, b)           random(), pg_typeof(a), GROUPING(a, b)
first_value(a)                                 first_value(a ORDER BY row_time()), where rows have an event time
"""

from collections.abc import Callable
from typing import Any

from pgstream.errors import SqlError
from pgstream.sql.bind.event_time import event_time
from pgstream.sql.bind.names import Level
from pgstream.sql.parse import ast, enums

Node = Any

_UNITS = frozenset(
    f"{prefix}{unit}"
    for unit in ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")
    for prefix in ("", "sql_tsi_")
)
_ARROW = {
    "Int8": "int2", "Int16": "int2", "Int32": "int4", "Int64": "int8", "UInt8": "int2", "UInt16": "int4",
    "UInt32": "int8", "UInt64": "int8", "Float32": "float4", "Float64": "float8", "Utf8": "text", "LargeUtf8": "text",
    "Utf8View": "text", "Boolean": "bool", "Binary": "bytea", "Date32": "date", "Date64": "date",
    "Timestamp(Nanosecond, None)": "timestamp", "Timestamp(Microsecond, None)": "timestamp",
    "Timestamp(Millisecond, None)": "timestamp", "Timestamp(Second, None)": "timestamp",
}  # fmt: skip
"""Arrow's names of types, and ours."""


def _condition(level: Level, node: Node) -> Node:
    condition, then, otherwise = node.args
    return _case(node, condition, then, otherwise)


def _case(node: Node, condition: Node, then: Node, otherwise: Node) -> Node:
    when = ast.CaseWhen(expr=condition, result=then, location=node.location)
    return ast.CaseExpr(args=(when,), defresult=otherwise, location=node.location)


def _if_known(level: Level, node: Node) -> Node:
    value, then, otherwise = node.args
    known = ast.NullTest(arg=value, nulltesttype=enums.NullTestType.IS_NOT_NULL, location=node.location)
    return _case(node, known, then, otherwise)


def _array(level: Level, node: Node) -> Node:
    return ast.A_ArrayExpr(elements=node.args, location=node.location)


def _today(level: Level, node: Node) -> Node:
    return ast.SQLValueFunction(op=enums.SQLValueFunctionOp.SVFOP_CURRENT_DATE, typmod=-1, location=node.location)


def _unit_first(level: Level, node: Node) -> Node:
    return _with_unit(level, node, 0)


def _unit_last(level: Level, node: Node) -> Node:
    """`date_trunc(a, DAY)` as `date_trunc('day', a)`."""
    unit = _with_unit(level, node, len(node.args) - 1)
    if unit is None:
        return None
    *args, word = unit.args
    return ast.FuncCall(funcname=(ast.String(sval="date_trunc"),), args=(word, *args), location=node.location)


def _with_unit(level: Level, node: Node, at: int) -> Node:
    """The call with a constant in place of the bare name of a unit; None where there is none, or a column so named."""
    arg = node.args[at]
    if not (isinstance(arg, ast.ColumnRef) and len(arg.fields) == 1 and isinstance(arg.fields[0], ast.String)):
        return None
    name = arg.fields[0].sval
    if name not in _UNITS or any(item.named(name) for scope in level.levels() for item in scope.items):
        return None
    word = ast.A_Const(isnull=False, val=ast.String(sval=name.removeprefix("sql_tsi_")))
    return ast.FuncCall(
        funcname=node.funcname, args=(*node.args[:at], word, *node.args[at + 1 :]), location=node.location
    )


def _difference(level: Level, node: Node) -> Node:
    """`datediff(DAY, a, b)` as `timestampdiff('day', a, b)`."""
    made = _with_unit(level, node, 0)
    if made is not None:
        made.funcname = (ast.String(sval="timestampdiff"),)
    return made


def _binned(level: Level, node: Node) -> Node:
    """`date_bin(interval, a)`, whose bins are counted from 1970."""
    origin = ast.TypeCast(
        arg=ast.A_Const(isnull=False, val=ast.String(sval="1970-01-01")),
        typeName=ast.TypeName(names=(ast.String(sval="timestamp"),), typemod=-1, location=node.location),
        location=node.location,
    )
    return ast.FuncCall(funcname=node.funcname, args=(*node.args, origin), location=node.location)


def _arrow_cast(level: Level, node: Node) -> Node:
    value, type = node.args
    name = _ARROW.get(type.val.sval) if isinstance(type, ast.A_Const) and isinstance(type.val, ast.String) else None
    if name is None:
        return None
    wanted = ast.TypeName(names=(ast.String(sval=name),), typemod=-1, location=node.location)
    return ast.TypeCast(arg=value, typeName=wanted, location=node.location)


def _in_time(level: Level, node: Node) -> Node:
    """`first_value(a)` of the rows of a group, which follow each other in event time."""
    if node.agg_order or node.agg_within_group:
        return None
    try:
        event_time(level, "row_time", node.location)
    except SqlError:
        return None
    time = ast.FuncCall(funcname=(ast.String(sval="row_time"),), location=node.location)
    order = ast.SortBy(
        node=time, sortby_dir=enums.SortByDir.SORTBY_DEFAULT, sortby_nulls=enums.SortByNulls.SORTBY_NULLS_DEFAULT,
        location=node.location,
    )  # fmt: skip
    made = ast.FuncCall(**{slot: getattr(node, slot) for slot in node})
    made.agg_order = (order,)
    return made


def _named(name: str) -> Callable[[Level, Node], Node]:
    """The call of a function that goes by another name."""

    def spelling(level: Level, node: Node) -> Node:
        return ast.FuncCall(funcname=(ast.String(sval=name),), args=node.args, location=node.location)

    return spelling


def _grouping(level: Level, node: Node) -> Node:
    return ast.GroupingFunc(args=node.args, location=node.location)


_SPELLINGS: dict[tuple[str, int], Callable[[Level, Node], Node]] = {
    ("if", 3): _condition,
    ("iff", 3): _condition,
    ("nvl2", 3): _if_known,
    ("today", 0): _today,
    ("timestampdiff", 3): _unit_first,
    ("timestampadd", 3): _unit_first,
    ("datediff", 3): _difference,
    ("date_trunc", 2): _unit_last,
    ("timestamp_trunc", 2): _unit_last,
    ("date_bin", 2): _binned,
    ("arrow_cast", 2): _arrow_cast,
    ("first_value", 1): _in_time,
    ("last_value", 1): _in_time,
    ("nth_value", 2): _in_time,
    ("rand", 0): _named("random"),
    ("typeof", 1): _named("pg_typeof"),
}


def respelled(level: Level, node: Node) -> Node:
    """What a call stands for; None where it is one of PostgreSQL's, or of no system's that is known."""
    if len(node.funcname) > 1 or node.over is not None or node.agg_star:
        return None
    name = node.funcname[0].sval
    if name in ("make_array", "make_list"):
        return _array(level, node)
    if name == "grouping_id" and node.args:
        return _grouping(level, node)
    spelling = _SPELLINGS.get((name, len(node.args or ())))
    return None if spelling is None else spelling(level, node)
