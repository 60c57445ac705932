"""Aggregates that are computed anew for each touched group: sums of floats and numerics, lists, texts."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.aggregating import spanning
from pgstream.functions.calendar import Spans, interval_column, spans_of
from pgstream.functions.datetime import scaled
from pgstream.functions.floats import overflow_checked
from pgstream.functions.registry import BoundCall, recomputed
from pgstream.functions.stretches import averages_of, differences, sums_of, with_nulls
from pgstream.functions.vector import column_of, list_column, numbers
from pgstream.kernels.folding import fold_sums

Ints = NDArray[np.int64]


def _float_sums(values: NDArray[np.float64], starts: Ints, ends: Ints) -> NDArray[np.float64]:
    made: NDArray[np.float64] = fold_sums(values, starts, ends)
    special = differences((~np.isfinite(values)).astype(np.int64), starts, ends) > 0
    overflow_checked(np.where(special, 0, made))
    return made


for _type in ("float4", "float8"):

    @spanning(f"sum({_type}) -> {_type}", examples={f"sum(1.5::{_type})": "4.5"})
    def float_sum(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
        """The sum of the values that are not NULL."""
        values = numbers(args[0])
        made = _float_sums(values.astype(np.float64), starts, ends).astype(values.dtype)
        return column_of(made, call.result.storage, ends <= starts)

    @spanning(f"avg({_type}) -> float8", examples={f"avg(1.5::{_type})": "1.5"})
    def float_average(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
        """The mean of the values that are not NULL."""
        total = _float_sums(numbers(args[0]).astype(np.float64), starts, ends)
        return column_of(total / np.maximum(ends - starts, 1), pa.float64(), ends <= starts)


def numeric_sum(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
    """The exact sum of the values that are not NULL."""
    return sums_of(args[0], starts, ends)


def numeric_average(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
    """The mean of the values that are not NULL."""
    return averages_of(args[0], starts, ends)


@spanning("sum(interval) -> interval", examples={"sum('1 day 01:00'::interval)": "3 days 03:00:00"})
def interval_sum(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
    """The sum of the values that are not NULL, field by field."""
    made = interval_column(*(differences(field, starts, ends) for field in spans_of(args[0])))
    return with_nulls(made, ends <= starts)


@spanning("avg(interval) -> interval", examples={"avg('1 day 01:00'::interval)": "1 day 01:00:00"})
def interval_average(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
    """The mean of the values that are not NULL."""
    totals = Spans(*(differences(field, starts, ends) for field in spans_of(args[0])))
    made = scaled(totals, np.maximum(ends - starts, 1).astype(np.float64), divide=True)
    return with_nulls(made, ends <= starts)


def _empty(offsets: Ints) -> NDArray[np.bool_]:
    return np.asarray(np.diff(offsets) == 0, np.bool_)


@recomputed("string_agg(text, text) -> text", examples={"string_agg(i::text, ',' ORDER BY i)": "1,2,3"})
def string_agg(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The values joined, each but the first after its delimiter."""
    return _joined(args, offsets, "", pa.string())


@recomputed("string_agg(bytea, bytea) -> bytea", examples={"string_agg('\\x01'::bytea, '\\x02')": "\\x0102010201"})
def bytes_agg(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The values joined, each but the first after its delimiter."""
    return _joined(args, offsets, b"", pa.binary())


def _joined(args: tuple[Column, ...], offsets: Ints, empty: Any, storage: pa.DataType) -> Column:
    values, delimiters = (arg.to_pylist() for arg in args)
    made = []
    for start, end in pairwise(offsets):
        parts = values[start : min(start + 1, end)]
        for row in range(start + 1, end):
            parts += [delimiters[row] if delimiters[row] is not None else empty, values[row]]
        made.append(empty.join(parts) if parts else None)
    return pa.array(made, storage)


@recomputed(
    "array_agg(anynonarray) -> anyarray",
    strict=False,
    examples={"array_agg(i ORDER BY i)": "{1,2,3}", "array_agg(NULLIF(i, 2) ORDER BY i)": "{1,NULL,3}"},
)
def array_agg(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The values, NULLs included, as an array."""
    return list_column(args[0], np.diff(offsets), _empty(offsets))


def _bits(combine: Any) -> Callable[[BoundCall, tuple[Column, ...], Ints], Column]:
    def finish(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        values = numbers(args[0])
        filled = np.flatnonzero(np.diff(offsets))
        made = np.zeros(len(offsets) - 1, values.dtype)
        if len(filled):
            made[filled] = combine.reduceat(values, offsets[filled])
        return column_of(made, call.result.storage, _empty(offsets))

    return finish


for _type in ("int2", "int4", "int8"):
    for _name, _combine, _result in (
        ("bit_and", np.bitwise_and, "0"),
        ("bit_or", np.bitwise_or, "3"),
        ("bit_xor", np.bitwise_xor, "0"),
    ):
        recomputed(f"{_name}({_type}) -> {_type}", examples={f"{_name}(i::{_type})": _result})(_bits(_combine))
