"""GAP_FILL: a relation with rows made up wherever two neighbours in time are farther apart than an interval.

    GAP_FILL(t, ts, interval [, LOCF(column) | INTERPOLATE(column) | KEEPNULL(column), …])
    TABLE(GAP_FILL(TABLE t PARTITION BY key, DESCRIPTOR(ts), interval, …))

A made-up row has the time of the row before it, and one or more intervals on; its other columns are those of the row
before it (LOCF, which is also what columns that are not named get), or lie on the line to the row after it
(INTERPOLATE), or are NULL (KEEPNULL). The plan is lead() over the rows' times, and a call that gives the times between.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pgstream.errors import DatatypeMismatch, FeatureNotSupported, InvalidColumnReference, UndefinedFunction
from pgstream.functions.registry import FUNCTIONS, WINDOW_FUNCTIONS
from pgstream.plan.expressions import Case, CastExpr, Coalesce, Col, Const, Expr, Ref, SortKey, WindowCall
from pgstream.plan.relations import Project, Relation, TableCall, Window
from pgstream.sql.bind.binding import INT8
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.from_clause import FromItem
from pgstream.sql.bind.names import Level, NameItem
from pgstream.sql.bind.operators import apply_operator
from pgstream.sql.bind.windowing import as_length, as_time, timed
from pgstream.sql.parse import ast
from pgstream.types.definition import SqlType

Node = Any
STRATEGIES = ("locf", "interpolate", "keepnull")
_NUMBERS = {
    "int2": "int8",
    "int4": "int8",
    "int8": "int8",
    "float4": "float8",
    "float8": "float8",
    "numeric": "numeric",
}
"""The types that have values in between, and what those are computed in."""


def is_gap_fill(node: Node) -> bool:
    """Whether a function in FROM is GAP_FILL."""
    return isinstance(node, ast.FuncCall) and len(node.funcname) == 1 and node.funcname[0].sval == "gap_fill"


class GapFill:
    """One call: the relation it reads, and what becomes of each column in the rows that it makes up."""

    def __init__(self, level: Level, source: FromItem, node: Node, time: Node, keys: Sequence[Node]) -> None:
        self.binding = level.binding
        self.source = source
        self.node = node
        self.inner = Level(level.binding, level, source.names)
        bound = as_time(self.binding, "gap_fill", bind_expression(self.inner, time))
        if not isinstance(bound, Ref):
            raise FeatureNotSupported("the time of gap_fill must be a column", position=self.binding.position_of(time))
        self.time = bound
        self.keys = tuple(bind_expression(self.inner, key) for key in keys)
        self.fills: dict[int, str] = {}

    def fill(self, node: Node) -> None:
        """Notes `LOCF(column)` and its siblings."""
        name = node.funcname[-1].sval if isinstance(node, ast.FuncCall) else ""
        if name not in STRATEGIES:
            raise UndefinedFunction(
                "gap_fill fills by LOCF(column), INTERPOLATE(column) or KEEPNULL(column)",
                position=self.binding.position_of(node),
            )
        if len(node.args or ()) != 1:
            raise UndefinedFunction(f"{name} takes one column", position=node.location)
        column = bind_expression(self.inner, node.args[0])
        if not isinstance(column, Ref) or column.col.id == self.time.col.id:
            raise InvalidColumnReference(f"{name} takes a column other than the time", position=node.location)
        if name == "interpolate" and column.type.name not in _NUMBERS:
            raise DatatypeMismatch(
                f"{column.type.bare()} has no values in between to interpolate", position=node.location
            )
        self.fills[column.col.id] = name

    def plan(self, interval: Expr) -> tuple[Relation, dict[int, Expr]]:
        """The filled relation, and what stands for each of the source's columns in it."""
        rows = timed(self.binding, self.source.plan, self.time)
        after = {id: self.binding.col("after", col.type) for id, col in self._followed()}
        calls = tuple((after[id], self._lead(Ref(col))) for id, col in self._followed())
        step, steps = (self.binding.col(name, INT8) for name in ("step", "steps"))
        moment = self.binding.col(self.time.col.name, self.time.type.bare())
        types = (moment.type.name, moment.type.name, "interval")
        function = next(each for each in FUNCTIONS["gap_steps"] if each.arguments == types)
        args = (self.time, Ref(after[self.time.col.id]), interval)
        called = TableCall(Window(rows, calls), function, args, (step, steps, moment))
        given: list[tuple[Col, Expr]] = []
        for col in self.source.plan.columns:
            if col.id == self.time.col.id:
                given.append((moment, Ref(moment)))
            else:
                value = self._value(col, Ref(step), Ref(steps), after)
                given.append((col if value == Ref(col) else self.binding.col(col.name, col.type), value))
        pairs = zip(self.source.plan.columns, given, strict=True)
        return Project(called, tuple(given)), {old.id: Ref(new) for old, (new, _) in pairs}

    def _followed(self) -> list[tuple[int, Col]]:
        """The columns whose value in the next row is wanted: the time, and what is interpolated."""
        wanted = {self.time.col.id, *(id for id, fill in self.fills.items() if fill == "interpolate")}
        return [(col.id, col) for col in self.source.plan.columns if col.id in wanted]

    def _lead(self, column: Ref) -> WindowCall:
        lead = next(each for each in WINDOW_FUNCTIONS["lead"] if len(each.arguments) == 1)
        return WindowCall(lead, (column,), column.type, self.keys, (SortKey(self.time),))

    def _value(self, col: Col, step: Expr, steps: Expr, after: dict[int, Col]) -> Expr:
        """A column in a row of either kind; rows that were there are step 0."""
        match self.fills.get(col.id, "locf"):
            case "locf":
                return Ref(col)
            case "keepnull":
                made = self._operator("=")(step, Const(0, INT8))
                return Case(((made, Ref(col)),), Const(None, col.type), col.type)
        over = SqlType(_NUMBERS[col.type.name])
        here, there, part, whole = (
            each if each.type == over else CastExpr(each, over, True)
            for each in (Ref(col), Ref(after[col.id]), step, steps)
        )
        minus, divide, times, plus = (self._operator(name) for name in ("-", "/", "*", "+"))
        between = CastExpr(plus(here, times(divide(minus(there, here), whole), part)), col.type, True)
        return Case(
            ((self._operator("=")(step, Const(0, INT8)), Ref(col)),), Coalesce((between, Ref(col)), col.type), col.type
        )

    def _operator(self, name: str) -> Callable[[Expr, Expr], Expr]:
        return lambda left, right: apply_operator(self.binding, name, [left, right], self.node.location)


def bind_gap_fill(
    level: Level, source: FromItem, node: Node, time: Node, keys: Sequence[Node], rest: Sequence[Node], alias: Node
) -> FromItem:
    """The FROM item of a call whose arguments after the time column and the keys are `rest`."""
    if not rest:
        raise UndefinedFunction("gap_fill takes a relation, its time column and an interval", position=node.location)
    filling = GapFill(level, source, node, time, keys)
    interval = as_length(filling.inner, "gap_fill", "interval", bind_expression(filling.inner, rest[0]))
    for each in rest[1:]:
        filling.fill(each)
    plan, replaced = filling.plan(interval)
    columns = [
        (name, replaced.get(expr.col.id, expr) if isinstance(expr, Ref) else expr)
        for item in source.names
        if item.columns_visible
        for name, expr in item.columns
    ]
    names = [part.sval for part in alias.colnames or ()] if alias else []
    columns = [(new, expr) for new, (_, expr) in zip(names, columns, strict=False)] + columns[len(names) :]
    return FromItem(plan, [NameItem(alias.aliasname if alias else "gap_fill", columns)])
