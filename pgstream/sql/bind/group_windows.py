"""Arroyo's windows: functions of a SELECT list and GROUP BY, whose value is a window with the fields start and end.

    tumble(size), hop(slide, size), session(gap), cumulate(step, size)        over the relation's event time
    tumble(ts, size), …                                                       over another time
    tumble_start(ts, size), tumble_end, tumble_rowtime, hop_start, …          bounds of such a window, as Calcite has it

A value is built of its bounds, so `GROUP BY tumble(…)` groups by the same columns as RisingWave's TUMBLE does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pgstream.errors import FeatureNotSupported, UndefinedFunction, WindowingError
from pgstream.functions.registry import Function, functions_named
from pgstream.plan.expressions import Call, Col, Const, Expr, Param, Ref
from pgstream.plan.relations import Relation
from pgstream.plan.rewrite import used
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.event_time import event_time, with_event_times
from pgstream.sql.bind.names import Level, SetCall, find_column, find_item
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.bind.windowing import (
    INTERVAL,
    LENGTHS,
    Windowing,
    as_lengths,
    as_time,
    counts_of,
    internal,
    intervals,
    session,
    timed,
    tumble_start,
    window_end,
)
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType
from pgstream.types.interval_text import Interval
from pgstream.types.window import MOMENT_TYPES, WINDOW_TYPES

Node = Any
_TIMES = ("date", "timestamp", "timestamptz")
_MANY = frozenset({"SELECT", "GROUP BY", "HAVING", "ORDER BY", "DISTINCT ON", "window PARTITION BY", "window ORDER BY"})
"""Clauses in which a function may stand that gives other windows than one for each row."""


@dataclass(slots=True)
class GroupWindow:
    """The window that a query's rows are in: the call it was first bound from, and its bounds."""

    windowing: Windowing
    start: Expr
    end: Expr
    bounds: tuple[Col, ...] = ()


_PARTS = {f"{kind}_{part}": (kind, part) for kind in LENGTHS for part in ("start", "end", "rowtime")}
_MILLISECOND = Const(Interval(0, 0, 1000), INTERVAL)


def is_group_window(node: Node) -> bool:
    """Whether a call is one of a window function as a value."""
    return isinstance(node, ast.FuncCall) and len(node.funcname) == 1 and node.funcname[0].sval in LENGTHS


def is_row_time(node: Node) -> bool:
    """Whether a call is `row_time()`, Arroyo's name for the event time."""
    return len(node.funcname) == 1 and node.funcname[0].sval == "row_time" and not node.args


def is_window_bound(node: Node) -> bool:
    """Whether a call is one of tumble_end and its siblings."""
    return len(node.funcname) == 1 and node.funcname[0].sval in _PARTS


def bind_window_bound(level: Level, node: Node) -> Expr:
    """The start or the end of the window of a row, or the last millisecond in it."""
    kind, part = _PARTS[node.funcname[0].sval]
    bounds = _bounds(_bind(level, node, kind))
    assert bounds is not None
    if part == "rowtime":
        return apply_operator(level.binding, "-", [bounds[1], _MILLISECOND], node.location)
    return bounds[part == "end"]


def bind_group_window(level: Level, node: Node) -> Expr:
    """The window of a row."""
    return _bind(level, node, node.funcname[0].sval)


def _bind(level: Level, node: Node, kind: str) -> Expr:
    windowing = _windowing(level, node, kind)
    if windowing.kind != "tumble" and level.clause not in _MANY:
        raise WindowingError(f"{windowing.kind} windows are not allowed in {level.clause}", position=node.location)
    known = level.group_window
    if known is None:
        known = level.group_window = _made(level, windowing)
    elif _unplaced(known.windowing) != _unplaced(windowing):
        raise FeatureNotSupported(
            "a query has one window for its rows", hint="Use a subquery for the other.", position=node.location
        )
    return _value(known.start, known.end, windowing.moment)


def _unplaced(windowing: Windowing) -> tuple[str, Expr, tuple[Expr, ...]]:
    return windowing.kind, windowing.time, windowing.lengths


def _windowing(level: Level, node: Node, kind: str) -> Windowing:
    args = [bind_expression(level, arg) for arg in node.args or ()]
    named = bool(args) and args[0].type.name in _TIMES
    few, many = counts_of(kind)
    if not few <= len(args) - named <= many:
        raise UndefinedFunction(
            f"{kind} takes {intervals(kind)}, after the time column if that is not the event time",
            position=node.location,
        )
    time = as_time(level.binding, kind, args[0] if named else event_time(level, kind, node.location))
    lengths = as_lengths(level, kind, args[named:])
    return Windowing(kind, time, lengths, (), node.location)


def _made(level: Level, windowing: Windowing) -> GroupWindow:
    """The bounds of a new window, as expressions over columns that the query puts below."""
    binding = level.binding
    if windowing.kind == "tumble":
        start: Expr = tumble_start(windowing)
        return GroupWindow(windowing, start, window_end(binding, windowing, start))
    first, last = (binding.col(name, windowing.moment) for name in ("window_start", "window_end"))
    args = (windowing.time, *windowing.lengths)
    if windowing.kind == "hop":
        level.set_calls.append(SetCall((first,), internal(windowing, "hop_starts"), args))
        return GroupWindow(windowing, Ref(first), window_end(binding, windowing, Ref(first)))
    if windowing.kind == "cumulate":
        level.set_calls.append(SetCall((first, last), internal(windowing, "cumulate_windows"), args))
    return GroupWindow(windowing, Ref(first), Ref(last), (first, last))


def with_times(level: Level, plan: Relation) -> Relation:
    """`plan` with its rows' event time, without those rows that are in no window where windows do not see to that."""
    plan = with_event_times(level, plan)
    window = level.group_window
    if window is None or window.windowing.kind != "tumble":
        return plan
    return timed(level.binding, plan, window.windowing.time)


def with_sessions(level: Level, plan: Relation, keys: Iterable[Expr]) -> Relation:
    """`plan` with the sessions of its rows, one series for each value of those `keys` that are not the session."""
    window = level.group_window
    if window is None or window.windowing.kind != "session":
        return plan
    own = {col.id for col in window.bounds}
    partition = tuple(key for key in keys if own.isdisjoint(used(key)) and not isinstance(key, Const))
    made = window.windowing
    return session(plan, Windowing("session", made.time, made.lengths, partition), window.bounds)


# -- windows as values


def _value(start: Expr, end: Expr, moment: SqlType) -> Expr:
    type = WINDOW_TYPES[moment.name]
    return Call(_function(type.name, (moment.name, moment.name)), (start, end), type)


def _function(name: str, arguments: tuple[str, ...]) -> Function:
    return next(function for function in functions_named(name) if function.arguments == arguments)


def grouping_parts(expr: Expr) -> list[tuple[str | None, Expr]]:
    """What to group by for `expr`: the start of a window, and its end where the start does not tell it."""
    bounds = _bounds(expr)
    if bounds is None:
        return [(None, expr)]
    start, end = bounds
    follows = isinstance(end, Call) and end.args[0] == start and isinstance(end.args[-1], Const | Param)
    return [("window_start", start)] if follows else [("window_start", start), ("window_end", end)]


def _bounds(expr: Expr) -> tuple[Expr, Expr] | None:
    """The bounds that a window is built of."""
    if isinstance(expr, Call) and expr.type.name in MOMENT_TYPES and expr.function.name == expr.type.name:
        return expr.args[0], expr.args[1]
    return None


def window_fields(expr: Expr) -> list[tuple[str, Expr]]:
    """`(expr).*` of a window; nothing of anything else."""
    moment = MOMENT_TYPES.get(expr.type.name)
    if moment is None:
        return []
    bounds = _bounds(expr)
    if bounds is not None:
        return list(zip(("start", "end"), bounds, strict=True))
    type = expr.type.name
    return [(name, Call(_function(f"window_{name}", (type,)), (expr,), moment)) for name in ("start", "end")]


def field_of_column(level: Level, names: list[str], position: int | None) -> Expr | None:
    """`column.field` and `relation.column.field` where the column is a window; None where it is something else."""
    *path, field = names
    if field not in ("start", "end"):
        return None
    found: Expr | None = None
    if len(path) == 1 and find_item(level, None, path[0], position) is None:
        found = find_column(level, path[0], position)
    elif len(path) == 2 and find_item(level, path[0], path[1], position) is None:
        item = find_item(level, None, path[0], position)
        columns = [] if item is None else item.named(path[1])
        found = columns[0] if len(columns) == 1 else None
    return None if found is None else dict(window_fields(found)).get(field)
