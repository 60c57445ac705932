"""Whole-number functions of numeric and the integers: div, gcd, lcm, scales, width_bucket, factorial."""

import math
from collections.abc import Callable
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import (
    InvalidArgumentForWidthBucket,
    NumericValueOutOfRange,
)
from pgstream.functions.numeric_math import quantized
from pgstream.functions.numerics import NAN, exact_remainder, quotient, scale_of
from pgstream.functions.registry import function
from pgstream.functions.vector import numbers
from pgstream.types.numeric import EXACT


def _div(left: Decimal, right: Decimal) -> Decimal:
    if left.is_finite() and right.is_finite() and right != 0:
        return quantized(EXACT.divide_int(left, right), 0, ROUND_DOWN)
    return quotient(left, right)


function(
    "div(numeric, numeric) -> numeric",
    rowwise=True,
    doc="The quotient, truncated to an integer.",
    examples={"div(9.5, 4)": "2", "div(-9, 4)": "-2"},
)(_div)


def _gcd(left: Decimal, right: Decimal) -> Decimal:
    if not (left.is_finite() and right.is_finite()):
        return NAN
    scale = max(scale_of(left), scale_of(right))
    left, right = abs(left), abs(right)
    while right:
        left, right = right, exact_remainder(left, right)
    return quantized(left, scale, ROUND_DOWN)


def _lcm(left: Decimal, right: Decimal) -> Decimal:
    if not (left.is_finite() and right.is_finite()):
        return NAN
    scale = max(scale_of(left), scale_of(right))
    if left == 0 or right == 0:
        return quantized(Decimal(0), scale, ROUND_DOWN)
    return quantized(abs(EXACT.multiply(EXACT.divide_int(left, _gcd(left, right)), right)), scale, ROUND_DOWN)


function(
    "gcd(numeric, numeric) -> numeric",
    rowwise=True,
    doc="The greatest common divisor.",
    examples={"gcd(1071.0, 462)": "21.0"},
)(_gcd)
function(
    "lcm(numeric, numeric) -> numeric",
    rowwise=True,
    doc="The least common multiple.",
    examples={"lcm(1071.0, 462)": "23562.0"},
)(_lcm)


def _scale(value: Decimal) -> int | None:
    return scale_of(value) if value.is_finite() else None


def _trim_scale(value: Decimal) -> Decimal:
    if not value.is_finite():
        return value
    least = min(max(-int(EXACT.normalize(value).as_tuple().exponent), 0), scale_of(value)) if value else 0
    return quantized(value, least, ROUND_DOWN)


function(
    "scale(numeric) -> int4",
    rowwise=True,
    doc="The number of digits printed after the point.",
    examples={"scale(8.4100)": "4"},
)(_scale)
function(
    "min_scale(numeric) -> int4",
    rowwise=True,
    doc="The least scale that shows the value.",
    examples={"min_scale(8.4100)": "2"},
)(lambda v: _scale(_trim_scale(v)))
function(
    "trim_scale(numeric) -> numeric",
    rowwise=True,
    doc="The value without zeros at its end.",
    examples={"trim_scale(8.4100)": "8.41", "trim_scale(100.00)": "100"},
)(_trim_scale)


def _integer_gcd(kind: str, compute: Any) -> Callable[[Column, Column], Column]:
    storage = pa.int32() if kind == "integer" else pa.int64()

    def kernel(left: Column, right: Column) -> Column:
        made = [compute(a, b) for a, b in zip(numbers(left).tolist(), numbers(right).tolist(), strict=True)]
        try:
            return pa.array(made, storage)
        except (pa.ArrowInvalid, OverflowError):
            raise NumericValueOutOfRange(f"{kind} out of range") from None

    return kernel


for _size, _kind in (("4", "integer"), ("8", "bigint")):
    function(
        f"gcd(int{_size}, int{_size}) -> int{_size}",
        doc="The greatest common divisor.",
        examples={f"gcd(12::int{_size}, -18::int{_size})": "6"},
    )(_integer_gcd(_kind, math.gcd))
    function(
        f"lcm(int{_size}, int{_size}) -> int{_size}",
        doc="The least common multiple.",
        examples={f"lcm(12::int{_size}, 18::int{_size})": "36"},
    )(_integer_gcd(_kind, math.lcm))


def _bucket(value: Any, low: Any, high: Any, count: int) -> int:
    """Which of `count` equal buckets between `low` and `high` holds `value`; 0 or count + 1 outside."""
    if count <= 0:
        raise InvalidArgumentForWidthBucket("count must be greater than zero")
    if value != value or low != low or high != high:
        raise InvalidArgumentForWidthBucket("operand, lower bound, and upper bound cannot be NaN")
    if math.isinf(low) or math.isinf(high):
        raise InvalidArgumentForWidthBucket("lower and upper bounds must be finite")
    if low == high:
        raise InvalidArgumentForWidthBucket("lower bound cannot equal upper bound")
    below, above = (value < low, value >= high) if low < high else (value > low, value <= high)
    if below:
        return 0
    if above:
        return count + 1
    return int((value - low) * count / (high - low)) + 1


for _type in ("numeric", "float8"):
    function(
        f"width_bucket({_type}, {_type}, {_type}, int4) -> int4",
        rowwise=True,
        examples={f"width_bucket(5.35::{_type}, 0.024, 10.06, 5)": "3", f"width_bucket(-1::{_type}, 0, 10, 5)": "0"},
    )(_bucket)


@function(
    "factorial(int8) -> numeric",
    rowwise=True,
    examples={"factorial(20)": "2432902008176640000", "factorial(30)": "265252859812191058636308480000000"},
)
def factorial(value: int) -> Decimal:
    """n!."""
    if value < 0:
        raise NumericValueOutOfRange("factorial of a negative number is undefined")
    if value > 32177:
        raise NumericValueOutOfRange("value overflows numeric format")
    return Decimal(math.factorial(value))
