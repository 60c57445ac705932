"""Casts among the numeric types, and between int4 and bool."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported, NumericValueOutOfRange
from pgstream.functions.registry import ASSIGNMENT, EXPLICIT, IMPLICIT, CastContext, cast
from pgstream.kernels.numeric import rescale
from pgstream.types.buffers import number_column, numbers
from pgstream.types.definition import BY_NAME
from pgstream.types.numeric import EXACT, decimal_of, numeric_of, unpack

INTEGERS: dict[str, Any] = {"int2": np.int16, "int4": np.int32, "int8": np.int64}
FLOATS: dict[str, Any] = {"float4": np.float32, "float8": np.float64}
DIGITS = {"float4": 6, "float8": 15}
"""How many digits of a float a numeric takes: FLT_DIG and DBL_DIG."""


def out_of_range(target: str) -> NumericValueOutOfRange:
    """A number too large for integer type `target`."""
    return NumericValueOutOfRange(f"{BY_NAME[target].sql_name} out of range")


def narrowed(values: NDArray[Any], target: str) -> Column:
    """int64 `values` as integer type `target`."""
    limits = np.iinfo(INTEGERS[target])
    if len(values) and (values.min() < limits.min or values.max() > limits.max):
        raise out_of_range(target)
    return number_column(BY_NAME[target].storage, values.astype(INTEGERS[target], copy=False))


def integer_to_integer(source: str, target: str) -> Callable[[Column], Column]:
    """The kernel of a cast between integer types."""

    def kernel(column: Column) -> Column:
        return narrowed(numbers(column, INTEGERS[source]), target)

    return kernel


def integer_to_float(target: str) -> Callable[[Column], Column]:
    """The kernel of a cast from an integer to a float: the nearest."""
    return lambda column: pc.cast(column, BY_NAME[target].storage, safe=False)


def float_to_integer(source: str, target: str) -> Callable[[Column], Column]:
    """The kernel of a cast from a float to an integer: rounded half to even."""

    def kernel(column: Column) -> Column:
        rounded = np.rint(numbers(column, FLOATS[source])).astype(np.float64)
        limits = np.iinfo(INTEGERS[target])
        if not ((rounded >= float(limits.min)) & (rounded < -float(limits.min))).all():
            raise out_of_range(target)
        return number_column(BY_NAME[target].storage, rounded.astype(INTEGERS[target]))

    return kernel


@cast("float4 -> float8", IMPLICIT, nullsafe=True)
def float4_to_float8(column: Column) -> Column:
    """The same value."""
    return pc.cast(column, pa.float64())


@cast("float8 -> float4", ASSIGNMENT)
def float8_to_float4(column: Column) -> Column:
    """The nearest float4; too large or too small a value is an error."""
    values = numbers(column, np.float64)
    with np.errstate(over="ignore", under="ignore"):
        made = values.astype(np.float32)
    if (np.isinf(made) & ~np.isinf(values)).any():
        raise NumericValueOutOfRange("value out of range: overflow")
    if ((made == 0) & (values != 0)).any():
        raise NumericValueOutOfRange("value out of range: underflow")
    return number_column(pa.float32(), made)


def integer_to_numeric(column: Column) -> Column:
    """The integer's digits."""
    return pc.cast(column, pa.string())


def float_to_numeric(source: str) -> Callable[[Column], Column]:
    """The kernel of a cast from a float to numeric: as many decimal digits as the float surely holds."""
    digits, definition = DIGITS[source], BY_NAME[source]

    def rounded(value: float) -> str:
        return numeric_of(f"{value:.{digits}g}")

    def kernel(column: Column) -> Column:
        text = definition.format(column, {})
        plain = np.asarray(pc.match_substring_regex(text, r"^-?[0-9.]+$").to_numpy(zero_copy_only=False), np.bool_)
        short = pc.utf8_length(text).to_numpy(zero_copy_only=False) <= digits
        hard = ~(plain & short) | (numbers(column, FLOATS[source]) == 0)
        if not hard.any():
            return text
        values = pc.cast(column, pa.float64()).filter(pa.array(hard)).to_pylist()
        return pc.replace_with_mask(text, pa.array(hard), pa.array([rounded(value) for value in values], pa.string()))

    return kernel


def numeric_to_float(target: str) -> Callable[[Column], Column]:
    """The kernel of a cast from numeric to a float: what its text reads as."""
    return lambda column: BY_NAME[target].parse(column, -1)


def numeric_to_integer(target: str) -> Callable[[Column], Column]:
    """The kernel of a cast from numeric to an integer: rounded half away from zero."""

    def one(text: str) -> int:
        value = decimal_of(text)
        if not value.is_finite():
            shown = "NaN" if value.is_nan() else "infinity"
            raise FeatureNotSupported(f"cannot convert {shown} to {BY_NAME[target].sql_name}")
        return int(value.to_integral_value(context=EXACT))

    def kernel(column: Column) -> Column:
        fast = unpack(column)
        values, fits = rescale(fast.unscaled, fast.scale, np.zeros(len(column), np.int32))
        for row in np.flatnonzero(~(fast.ok & fits)):
            exact = one(column[int(row)].as_py())
            if not -(2**63) <= exact < 2**63:
                raise out_of_range(target)
            values[row] = exact
        return narrowed(values, target)

    return kernel


def declare_integers() -> None:
    """Declares the casts from and to integers."""
    for source, width in INTEGERS.items():
        for target, other in INTEGERS.items():
            if source != target:
                wider: CastContext = IMPLICIT if np.dtype(other).itemsize > np.dtype(width).itemsize else ASSIGNMENT
                cast(f"{source} -> {target}", wider)(integer_to_integer(source, target))
        cast(f"{source} -> numeric", IMPLICIT, nullsafe=True)(integer_to_numeric)
        cast(f"numeric -> {source}", ASSIGNMENT)(numeric_to_integer(source))
        for real in FLOATS:
            cast(f"{source} -> {real}", IMPLICIT, nullsafe=True)(integer_to_float(real))
            cast(f"{real} -> {source}", ASSIGNMENT)(float_to_integer(real, source))


def declare_floats() -> None:
    """Declares the casts between floats and numeric."""
    for real in FLOATS:
        cast(f"{real} -> numeric", ASSIGNMENT)(float_to_numeric(real))
        cast(f"numeric -> {real}", IMPLICIT)(numeric_to_float(real))


declare_integers()
declare_floats()


@cast("int4 -> bool", EXPLICIT, nullsafe=True)
def int4_to_bool(column: Column) -> Column:
    """True for all but 0."""
    return pc.not_equal(column, 0)


@cast("bool -> int4", EXPLICIT, nullsafe=True)
def bool_to_int4(column: Column) -> Column:
    """1 for true, 0 for false."""
    return pc.cast(column, pa.int32())
