"""Aggregates in two steps: over the parts that a group is cut into, and over what those give."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pgstream.functions.registry import AGGREGATES, OPERATORS, Aggregate
from pgstream.plan.expressions import AggCall, Call, CastExpr, Expr
from pgstream.types.definition import SqlType

_OVER_PARTS = {
    "count": "sum",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "bool_and": "bool_and",
    "bool_or": "bool_or",
    "every": "every",
    "bit_and": "bit_and",
    "bit_or": "bit_or",
}
"""What the values of an aggregate over the parts are put together by."""

_INEXACT = ("float4", "float8")
"""Types whose sums depend on what is added first."""

INT8, NUMERIC = SqlType("int8"), SqlType("numeric")


@dataclass(frozen=True, slots=True)
class InParts:
    """An aggregate of a group: `calls` over the rows of each part, `over` of the values of all parts of each of those,
    and `value` of what these give."""

    calls: tuple[AggCall, ...]
    over: tuple[Aggregate, ...]
    value: Callable[[Sequence[Expr]], Expr]

    @property
    def types(self) -> tuple[SqlType, ...]:
        """The types of what `over` gives."""
        return tuple(SqlType(aggregate.result) for aggregate in self.over)


def in_parts(call: AggCall) -> InParts | None:
    """How `call` is computed from parts of its group; None where it is not."""
    if call.distinct or call.order:
        return None
    if call.aggregate.name == "avg" and call.type == NUMERIC:
        return _average(call)
    name = _OVER_PARTS.get(call.aggregate.name)
    over = None if name is None else _aggregate(name, call.type)
    if over is None or (name == "sum" and call.type.name in _INEXACT):
        return None
    return InParts((call,), (over,), lambda values: _as(values[0], call.type))


def _average(call: AggCall) -> InParts | None:
    """The sum over the count, both as numerics."""
    total = _aggregate("sum", call.args[0].type)
    count = next(each for each in AGGREGATES["count"] if each.arguments)
    divide = next(each for each in OPERATORS["/"] if each.left == each.right == "numeric")
    if total is None:
        return None
    sums = _aggregate("sum", SqlType(total.result)), _aggregate("sum", INT8)
    assert sums[0] is not None
    assert sums[1] is not None
    calls = replace(call, aggregate=total, type=SqlType(total.result)), replace(call, aggregate=count, type=INT8)
    return InParts(
        calls,
        (sums[0], sums[1]),
        lambda values: Call(divide.function, tuple(_as(value, NUMERIC) for value in values), NUMERIC),
    )


def _aggregate(name: str, type: SqlType) -> Aggregate | None:
    return next((each for each in AGGREGATES[name] if each.arguments == (type.name,)), None)


def _as(value: Expr, type: SqlType) -> Expr:
    return value if value.type == type else CastExpr(value, type, True)
