"""Moments with and without a time zone compared: those without are taken by the clocks of the session's zone."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.functions.calendar import Ints
from pgstream.functions.comparison import declare_comparisons, microseconds_of_days
from pgstream.functions.datetime import to_instant
from pgstream.functions.registry import STABLE, BoundCall
from pgstream.functions.vector import column_of, numbers
from pgstream.types.timestamptz import session_zone


def _instants(call: BoundCall, place: int, column: Column) -> Column:
    kind = call.arguments[place].name
    us: Ints = numbers(microseconds_of_days(column) if kind == "date" else column)
    if kind != "timestamptz":
        us = to_instant(us, session_zone(call.context.settings))
    return column_of(us, pa.int64())


def _compared(test: Callable[..., Any]) -> Callable[[BoundCall, Column, Column], Column]:
    return lambda call, left, right: test(_instants(call, 0, left), _instants(call, 1, right))


for _type in ("date", "timestamp"):
    for _left, _right in ((_type, "timestamptz"), ("timestamptz", _type)):
        declare_comparisons(
            f"{_left}_{{}}_{_right}",
            _left,
            _right,
            ("2024-01-31", "infinity"),
            _compared,
            bound=True,
            volatility=STABLE,
        )
