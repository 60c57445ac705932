"""`OVER (… ORDER BY ts SESSION WITH GAP interval)`: RisingWave's frame of the rows of one session.

The rewriting of texts makes the gap the last ORDER BY item, under an operator that nobody has. Of such a frame the
plan computes, by window calls like any other, whether each row opens a session, and the number of its session; the
frame is then the whole of a partition by that number too.
"""

from dataclasses import replace
from typing import Any

from pgstream.errors import WindowingError
from pgstream.functions.registry import AGGREGATES, WINDOW_FUNCTIONS
from pgstream.plan.expressions import Case, Col, Const, Expr, Frame, Ref, SortKey, WindowCall
from pgstream.plan.relations import Project, Relation, Window
from pgstream.sql.bind.binding import INT4, INT8
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.bind.windowing import as_length
from pgstream.sql.parse import ast
from pgstream.sql.streaming.rewriting import SESSION_GAP
from pgstream.types.window import WINDOW_TYPES

Node = Any
Nodes = tuple[Node, ...]
_TO_HERE = Frame("rows", "unbounded", None, "current", None)
_ALL = Frame("rows", "unbounded", None, "unbounded", None)


def cut_gap(partition: Nodes, order: Nodes) -> tuple[Nodes, Nodes, Node]:
    """PARTITION BY and ORDER BY without the gap of a session frame, and that gap; None where there is none."""
    if order and _is_gap(order[-1].node):
        return partition, order[:-1], order[-1].node.rexpr
    if not order and partition and _is_gap(partition[-1]):
        return partition[:-1], order, partition[-1].rexpr
    return partition, order, None


def _is_gap(node: Node) -> bool:
    return isinstance(node, ast.A_Expr) and node.lexpr is None and bool(node.name[-1].sval == SESSION_GAP)


def session_frame(level: Level, gap: Node, order: tuple[SortKey, ...], position: int | None) -> Frame:
    """The frame as it is noted until the plan is made: one that begins nowhere, and yet by an offset."""
    if len(order) != 1 or order[0].descending or order[0].expr.type.name not in WINDOW_TYPES:
        raise WindowingError(
            "a session frame needs one ascending ORDER BY column that is a timestamp", position=position
        )
    return Frame(
        "range", "unbounded", as_length(level, "session", "gap", bind_expression(level, gap)), "unbounded", None
    )


def over_windows(level: Level, plan: Relation) -> Relation:
    """`plan` with the window calls of `level`."""
    calls = []
    numbers: dict[tuple[Any, ...], Expr] = {}
    for call, col in level.windows.items():
        gap = call.frame.start_offset
        if call.frame.start != "unbounded" or gap is None:
            calls.append((col, call))
            continue
        known = (call.partition, call.order, gap)
        if known not in numbers:
            plan, numbers[known] = _numbered(level, plan, call, gap)
        calls.append((col, replace(call, partition=(*call.partition, numbers[known]), frame=_ALL)))
    return Window(plan, tuple(calls)) if calls else plan


def _numbered(level: Level, plan: Relation, call: WindowCall, gap: Expr) -> tuple[Relation, Expr]:
    """`plan` with the number of each row's session in its partition."""
    binding, time = level.binding, call.order[0].expr
    before, opens, number = binding.col("before", time.type), binding.col("opens", INT4), binding.col("session", INT8)
    lag = next(each for each in WINDOW_FUNCTIONS["lag"] if len(each.arguments) == 1)
    plan = Window(plan, ((before, WindowCall(lag, (time,), time.type, call.partition, call.order)),))
    follows = apply_operator(binding, "<=", [time, apply_operator(binding, "+", [Ref(before), gap], None)], None)
    kept: tuple[tuple[Col, Expr], ...] = tuple((col, Ref(col)) for col in plan.columns)
    plan = Project(plan, (*kept, (opens, Case(((follows, Const(0, INT4)),), Const(1, INT4), INT4))))
    total = next(each for each in AGGREGATES["sum"] if each.arguments == ("int4",))
    summed = WindowCall(total, (Ref(opens),), INT8, call.partition, call.order, _TO_HERE)
    return Window(plan, ((number, summed),)), Ref(number)
