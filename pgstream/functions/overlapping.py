"""OVERLAPS: whether two periods, each of two ends or of an end and a length, have a moment in common."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.functions.calling import as_column, call
from pgstream.functions.registry import OPERATORS, STABLE, BoundCall, function
from pgstream.types.definition import SqlType


def overlap(start: Any, end: Any, other_start: Any, other_end: Any) -> bool | None:
    """Whether the periods overlap, as the standard says: they include their starts, and not their ends; None where
    an end that is not known decides."""
    start, end = _ordered(start, end)
    other_start, other_end = _ordered(other_start, other_end)
    if start is None or other_start is None:
        return None
    if start == other_start:
        return None if end is None or other_end is None else True
    if start < other_start:
        start, end, other_start, other_end = other_start, other_end, start, end
    if other_end is None:
        return None
    if start < other_end:
        return True
    return None if end is None else False


def _ordered(start: Any, end: Any) -> tuple[Any, Any]:
    if start is None:
        return end, None
    return (end, start) if end is not None and start > end else (start, end)


def _ends(bound: BoundCall, starts: Column, ends: Column, place: int) -> tuple[Column, Column]:
    """The ends of periods, of which the second may be given as a length."""
    one, other = bound.arguments[place : place + 2]
    if one == other:
        return starts, ends
    plus = next(each for each in OPERATORS["+"] if (each.left, each.right) == (one.name, other.name))
    made = call(plus.function, (starts, ends), (one, other), SqlType(one.name), len(starts), bound.context)
    return starts, as_column(made, len(starts))


def _ranks(column: Column, type: SqlType) -> list[Any]:
    order_key = type.definition.order_key
    assert order_key is not None, type
    known = column.is_valid().to_pylist()
    keys = iter(order_key(column.drop_null()).to_pylist() if any(known) else ())
    return [next(keys) if there else None for there in known]


def _kernel(bound: BoundCall, *args: Column) -> Column:
    type = bound.arguments[0]
    ends = (*_ends(bound, args[0], args[1], 0), *_ends(bound, args[2], args[3], 2))
    rows = zip(*(_ranks(column, type) for column in ends), strict=True)
    return pa.array([overlap(*row) for row in rows], pa.bool_())


def _declare(type: str, samples: tuple[str, str, str], span: str | None) -> None:
    """The overloads for a type; `span` is how long it is from the first sample to the second."""
    first, middle, last = (f"{type} '{sample}'" for sample in samples)
    for kinds in product(*[(type, "interval") if span else (type,)] * 2):
        ends = [
            middle if kinds[0] == type else f"interval '{span}'",
            last if kinds[1] == type else f"interval '{span}'",
        ]
        examples = {
            f"({first}, {ends[0]}) OVERLAPS ({middle}, {ends[1]})": "f",
            f"({first}, {ends[0]}) OVERLAPS ({first}, {ends[1]})": "t",
        }
        if kinds == (type, type):
            examples[f"({first}, {middle}) OVERLAPS ({last}, NULL::{type})"] = "NULL"
            examples[f"({last}, {first}) OVERLAPS ({middle}, {middle})"] = "t"
        _function(f"overlaps({type}, {kinds[0]}, {type}, {kinds[1]}) -> bool", examples)(_kernel)


def _function(signature: str, examples: dict[str, str]) -> Callable[[Any], Any]:
    doc = "Whether two periods have a moment in common."
    return function(signature, bound=True, strict=False, volatility=STABLE, doc=doc, examples=examples)


_declare("timetz", ("10:00+01", "11:00+01", "13:00+02"), None)
_declare("time", ("10:00", "11:00", "13:00"), "1 hour")
_declare("timestamp", ("2024-01-31 10:00", "2024-02-29 10:00", "2024-03-31"), "1 month")
_declare("timestamptz", ("2024-01-31 10:00+00", "2024-02-29 10:00+00", "2024-03-31 00:00+02"), "1 month")
