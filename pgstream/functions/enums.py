"""Functions of enum types: their comparison, and enum_first, enum_last and enum_range."""

from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.functions.comparison import TESTS
from pgstream.functions.maintained import Extreme
from pgstream.functions.registry import STABLE, BoundCall, aggregate, function
from pgstream.functions.vector import list_column
from pgstream.types.definition import SqlType
from pgstream.types.enum import labels_of
from pgstream.types.values import column_of


def _comparing(test: Any, operator: str) -> Any:
    def kernel(call: BoundCall, left: Column, right: Column) -> Column:
        if operator in ("=", "<>"):
            return test(left, right)
        order = call.arguments[0].definition.order_key
        assert order is not None
        return test(order(left), order(right))

    return kernel


for _operator, (_suffix, _test, _) in TESTS.items():
    function(
        f"enum_{_suffix}(anyenum, anyenum) -> bool",
        operator=_operator,
        bound=True,
        examples={f"enum_{_suffix}(1, 2)": f"ERROR: 42883 function enum_{_suffix}(integer, integer) does not exist"},
        doc=f"Whether the first label {_operator} the second, in the order of the type.",
    )(_comparing(_test, _operator))


for _name, _descending, _which in (("min", False, "first"), ("max", True, "last")):
    aggregate(f"{_name}(anyenum) -> anyenum", Extreme(_descending), doc=f"The {_which} label that is not NULL.")


def _repeated(type: SqlType, label: str, count: int) -> Column:
    return column_of(type, [label]).take(pa.array(np.zeros(count, np.int64)))


@function(
    "enum_first(anyenum) -> anyenum",
    volatility=STABLE,
    strict=False,
    bound=True,
    examples={"enum_first(1)": "ERROR: 42883 function enum_first(integer) does not exist"},
)
def enum_first(call: BoundCall, value: Column) -> Column:
    """The first label of the argument's type."""
    return _repeated(call.result, labels_of(call.result)[0], len(value))


@function(
    "enum_last(anyenum) -> anyenum",
    volatility=STABLE,
    strict=False,
    bound=True,
    examples={"enum_last(1)": "ERROR: 42883 function enum_last(integer) does not exist"},
)
def enum_last(call: BoundCall, value: Column) -> Column:
    """The last label of the argument's type."""
    return _repeated(call.result, labels_of(call.result)[-1], len(value))


@function(
    "enum_range(anyenum) -> anyarray",
    volatility=STABLE,
    strict=False,
    bound=True,
    examples={"enum_range(1)": "ERROR: 42883 function enum_range(integer) does not exist"},
)
def enum_range(call: BoundCall, value: Column) -> Column:
    """All labels of the argument's type, in order."""
    labels = labels_of(call.arguments[0])
    flat = column_of(call.arguments[0], labels * len(value))
    return list_column(flat, np.full(len(value), len(labels), np.int64))


@function(
    "enum_range(anyenum, anyenum) -> anyarray",
    volatility=STABLE,
    strict=False,
    bound=True,
    examples={"enum_range(1, 2)": "ERROR: 42883 function enum_range(integer, integer) does not exist"},
)
def enum_range_between(call: BoundCall, low: Column, high: Column) -> Column:
    """The labels from one to another, in order; a NULL is the first or the last."""
    type = call.arguments[0]
    labels = labels_of(type)
    ends = [
        one.definition.format(column, {}).to_pylist() for one, column in zip(call.arguments, (low, high), strict=True)
    ]
    lists = []
    for first, last in zip(*ends, strict=True):
        start = 0 if first is None else labels.index(first)
        lists.append(labels[start : len(labels) if last is None else labels.index(last) + 1])
    flat = column_of(type, [label for one in lists for label in one])
    return list_column(flat, np.array([len(one) for one in lists], np.int64))
