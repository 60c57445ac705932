"""TUMBLE and HOP: a relation with the event-time windows of each row, as RisingWave and Flink spell it.

TUMBLE(relation, time column, size)         one window a row
HOP(relation, time column, slide, size)     every window of `size` that starts at a multiple of `slide`
"""

from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, UndefinedFunction
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import Call, Expr, Ref
from pgstream.plan.relations import Project, Relation, TableCall
from pgstream.sql.bind.coercion import coerce
from pgstream.sql.bind.dispatch import bind_expression, bind_from_item
from pgstream.sql.bind.from_clause import FromItem
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType

Node = Any
INTERVAL = SqlType("interval")
_ARGUMENTS = {"tumble": 3, "hop": 4}


def is_windowing(level: Level, node: Node) -> bool:
    """Whether a function in FROM is TUMBLE or HOP over a relation."""
    return (
        isinstance(node, ast.FuncCall)
        and node.funcname[-1].sval in _ARGUMENTS
        and bool(node.args)
        and isinstance(node.args[0], ast.ColumnRef)
    )


def bind_windowing(level: Level, node: Node, alias: Node) -> FromItem:
    """The relation's columns, then window_start and window_end of the time column's type."""
    name = node.funcname[-1].sval
    if len(node.args) != _ARGUMENTS[name]:
        raise UndefinedFunction(
            f"{name} takes {_ARGUMENTS[name]} arguments: a relation, its time column, and {_intervals(name)}",
            position=node.location,
        )
    source = _relation(level, node.args[0])
    inner = Level(level.binding, level, source.names)
    time = bind_expression(inner, node.args[1])
    if time.type.name == "date":
        made = coerce(level.binding, time, SqlType("timestamp"), "i")
        assert made is not None
        time = made
    if time.type.name not in ("timestamp", "timestamptz"):
        raise DatatypeMismatch(
            f"the time column of {name} must be of a timestamp type, not {time.type.bare()}",
            position=level.binding.position(time),
        )
    widths = [_interval(inner, name, arg) for arg in node.args[2:]]
    plan, start, end = _windows(level, source.plan, time, widths, node)
    return _item(name, source, plan, start, end, alias)


def _intervals(name: str) -> str:
    return "the window size" if name == "tumble" else "slide and size"


def _relation(level: Level, node: Node) -> FromItem:
    names = [part.sval for part in node.fields]
    if len(names) > 2:
        raise FeatureNotSupported("relation names with a database are not supported here", position=node.location)
    schema = names[0] if len(names) == 2 else None
    found = ast.RangeVar(schemaname=schema, relname=names[-1], inh=True, relpersistence="p", location=node.location)
    made = bind_from_item(level, found)
    assert isinstance(made, FromItem)
    return made


def _interval(level: Level, name: str, node: Node) -> Expr:
    bound = bind_expression(level, node)
    made = coerce(level.binding, bound, INTERVAL, "i")
    if made is None:
        raise DatatypeMismatch(
            f"the sizes of {name} must be of type interval, not {bound.type.bare()}",
            position=level.binding.position(bound),
        )
    return made


def _windows(level: Level, plan: Relation, time: Expr, widths: list[Expr], node: Node) -> tuple[Relation, Any, Any]:
    """`plan` with the columns window_start and window_end."""
    binding = level.binding
    type = time.type.bare()
    start, end = binding.col("window_start", type), binding.col("window_end", type)
    kept = tuple((col, Ref(col)) for col in plan.columns)
    if len(widths) == 1:
        function = _internal("tumble_start", type, node)
        opened: Expr = Call(function, (time, widths[0]), type)
        plan = Project(plan, (*kept, (start, opened)))
    else:
        plan = TableCall(plan, _internal("hop_starts", type, node), (time, *widths), (start,))
    closed = apply_operator(binding, "+", [Ref(start), widths[-1]], node.location)
    return Project(plan, (*kept, (start, Ref(start)), (end, closed))), start, end


def _internal(name: str, time: SqlType, node: Node) -> Function:
    for function in functions_named(name):
        if function.arguments[0] == time.name:
            return function
    raise FeatureNotSupported(f"{name} of {time} is not supported yet", position=node.location)


def _item(name: str, source: FromItem, plan: Relation, start: Any, end: Any, alias: Node) -> FromItem:
    columns = [column for item in source.names if item.columns_visible for column in item.columns]
    columns += [("window_start", Ref(start)), ("window_end", Ref(end))]
    given = [part.sval for part in alias.colnames or ()] if alias else []
    columns = [(new, expr) for new, (_, expr) in zip(given, columns, strict=False)] + columns[len(given) :]
    return FromItem(plan, [NameItem(alias.aliasname if alias else name, columns)])
