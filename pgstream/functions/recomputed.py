"""Aggregates that are computed anew for each touched group: sums of floats and numerics, variances, lists, texts."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.calendar import Spans, interval_column, spans_of
from pgstream.functions.datetime import scaled
from pgstream.functions.floats import overflow_checked
from pgstream.functions.numeric_math import precise, quantized
from pgstream.functions.numerics import NAN, division_scale, exact_product, exact_sum, fast_form, quotient, scale_of
from pgstream.functions.registry import BoundCall, recomputed
from pgstream.functions.vector import column_of, list_column, numbers
from pgstream.kernels.numeric import rescale
from pgstream.types.numeric import numeric_text, pack

Ints = NDArray[np.int64]


def sums(values: NDArray[Any], offsets: Ints) -> NDArray[Any]:
    """The sum of each group; 0 for an empty one."""
    lengths = np.diff(offsets)
    made = np.zeros(len(lengths), values.dtype)
    filled = np.flatnonzero(lengths)
    if len(filled):
        made[filled] = np.add.reduceat(values, offsets[filled])
    return made


def _float_sums(values: NDArray[np.float64], offsets: Ints) -> NDArray[np.float64]:
    with np.errstate(all="ignore"):
        made = sums(values, offsets)
        special = sums((~np.isfinite(values)).astype(np.int64), offsets) > 0
    overflow_checked(np.where(special, 0, made))
    return made


def _empty(offsets: Ints) -> NDArray[np.bool_]:
    return np.asarray(np.diff(offsets) == 0, np.bool_)


for _type in ("float4", "float8"):

    @recomputed(f"sum({_type}) -> {_type}", examples={f"sum(1.5::{_type})": "4.5"})
    def float_sum(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        """The sum of the values that are not NULL."""
        return column_of(_float_sums(numbers(args[0]), offsets), call.result.storage, _empty(offsets))

    @recomputed(f"avg({_type}) -> float8", examples={f"avg(1.5::{_type})": "1.5"})
    def float_average(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        """The mean of the values that are not NULL."""
        total = _float_sums(numbers(args[0]).astype(np.float64), offsets)
        return column_of(total / np.maximum(np.diff(offsets), 1), pa.float64(), _empty(offsets))


def numeric_sums(column: Column, offsets: Ints) -> list[Decimal | None]:
    """The exact sum of each group, at the largest scale in it."""
    values = [Decimal(text) for text in column.to_pylist()]
    made: list[Decimal | None] = []
    for start, end in pairwise(offsets):
        total = values[start] if start < end else None
        for value in values[start + 1 : end]:
            total = exact_sum(total, value)  # type: ignore[arg-type]
        made.append(total)
    return made


def _fast_sums(column: Column, offsets: Ints) -> tuple[Ints, NDArray[np.int32]] | None:
    """The sums as int64 and scales; None where that could overflow."""
    fast = fast_form(column)
    if not fast.ok.all() or not len(fast.ok):
        return None
    scale = int(fast.scale.max())
    if scale > 18:
        return None
    values, fits = rescale(fast.unscaled, fast.scale, np.full(len(fast.scale), scale, np.int32))
    longest = int(np.diff(offsets).max(initial=0))
    if not fits.all() or float(np.abs(values).max()) * longest > 9e17:
        return None
    lengths = np.diff(offsets)
    scales = np.zeros(len(lengths), np.int32)
    filled = np.flatnonzero(lengths)
    scales[filled] = np.maximum.reduceat(fast.scale, offsets[filled])
    return rescale(sums(values, offsets), np.full(len(lengths), scale, np.int32), scales)[0], scales


def _texts(values: Iterable[Decimal | None]) -> Column:
    return pa.array([None if value is None else numeric_text(value) for value in values], pa.string())


@recomputed("sum(numeric) -> numeric", examples={"sum(1.50)": "4.50", "sum(i::numeric / 4)": "1.50000000000000000000"})
def numeric_sum(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The exact sum of the values that are not NULL."""
    fast = _fast_sums(args[0], offsets)
    if fast is None:
        return _texts(numeric_sums(args[0], offsets))
    made = pack(*fast)
    return made if not _empty(offsets).any() else _with_nulls(made, _empty(offsets))


def _with_nulls(column: Column, nulls: NDArray[np.bool_]) -> Column:
    return pc.if_else(pa.array(nulls), pa.scalar(None, column.type), column)


@recomputed(
    "avg(numeric) -> numeric", examples={"avg(1.50)": "1.5000000000000000", "avg(i::numeric)": "2.0000000000000000"}
)
def numeric_average(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The mean of the values that are not NULL."""
    counts = np.diff(offsets).tolist()
    totals = numeric_sums(args[0], offsets)
    return _texts(
        None if total is None else quotient(total, Decimal(n)) for total, n in zip(totals, counts, strict=True)
    )


@recomputed("sum(interval) -> interval", examples={"sum('1 day 01:00'::interval)": "3 days 03:00:00"})
def interval_sum(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The sum of the values that are not NULL, field by field."""
    made = interval_column(*(sums(field, offsets) for field in spans_of(args[0])))
    return _with_nulls(made, _empty(offsets))


@recomputed("avg(interval) -> interval", examples={"avg('1 day 01:00'::interval)": "1 day 01:00:00"})
def interval_average(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The mean of the values that are not NULL."""
    totals = Spans(*(sums(field, offsets) for field in spans_of(args[0])))
    made = scaled(totals, np.maximum(np.diff(offsets), 1).astype(np.float64), divide=True)
    return _with_nulls(made, _empty(offsets))


def _exact_variance(values: list[Decimal], sample: bool, root: bool) -> Decimal | None:
    """numeric_stddev_internal() of numeric.c."""
    count = len(values)
    if count <= int(sample):
        return None
    if any(not value.is_finite() for value in values):
        return NAN
    scale = max(scale_of(value) for value in values)
    total, squares = Decimal(0), Decimal(0)
    for value in values:
        total, squares = exact_sum(total, value), exact_sum(squares, exact_product(value, value))
    top = quantized(Decimal(count) * squares - total * total, 2 * scale, "ROUND_HALF_UP") if count else Decimal(0)
    if top <= 0:
        return Decimal(0)
    bottom = Decimal(count) * Decimal(count - int(sample))
    digits = division_scale(top, bottom)
    variance = quantized(precise(digits + 200).divide(top, bottom), digits, "ROUND_HALF_UP")
    return quantized(precise(digits + 200).sqrt(variance), digits, "ROUND_HALF_UP") if root else variance


def _float_variance(values: NDArray[np.float64], sample: bool, root: bool) -> float | None:
    """Youngs and Cramer's update, in the order of the rows, as float8_accum does it."""
    if len(values) <= int(sample):
        return None
    count, total, squares = 0.0, 0.0, 0.0
    for value in values.tolist():
        count, total = count + 1, total + value
        if count > 1:
            gap = value * count - total
            squares += gap * gap / (count * (count - 1))
        elif value != value or value in (float("inf"), float("-inf")):
            squares = float("nan")
    variance = squares / (count - int(sample))
    return variance**0.5 if root else variance


def _declare_variance(name: str, sample: bool, root: bool) -> None:
    doc = f"The {'sample' if sample else 'population'} {'standard deviation' if root else 'variance'}."

    def exact(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        values = [Decimal(value) for value in args[0].to_pylist()]
        return _texts(_exact_variance(values[a:b], sample, root) for a, b in pairwise(offsets))

    def floating(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        values = numbers(args[0]).astype(np.float64)
        made = [_float_variance(values[a:b], sample, root) for a, b in pairwise(offsets)]
        return pa.array(made, pa.float64())

    exact.__doc__ = floating.__doc__ = doc
    answers = {
        (True, True): ("1.00000000000000000000", "1"),
        (True, False): ("1.00000000000000000000", "1"),
        (False, True): ("0.81649658092772603273", "0.816496580927726"),
        (False, False): ("0.66666666666666666667", "0.6666666666666666"),
    }
    for type in ("int2", "int4", "int8", "numeric"):
        recomputed(f"{name}({type}) -> numeric", examples={f"{name}(i::{type})": answers[sample, root][0]})(exact)
    for type in ("float4", "float8"):
        recomputed(f"{name}({type}) -> float8", examples={f"{name}(i::{type})": answers[sample, root][1]})(floating)


for _name, _sample, _root in (
    ("stddev", True, True),
    ("stddev_samp", True, True),
    ("stddev_pop", False, True),
    ("variance", True, False),
    ("var_samp", True, False),
    ("var_pop", False, False),
    ("var", True, False),
    ("var_sample", True, False),
    ("var_population", False, False),
):
    _declare_variance(_name, _sample, _root)


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
