"""Rounding, roots, powers and logarithms of numeric, with the result scales of PostgreSQL's numeric.c."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Context, Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import (
    DivisionByZero,
    InvalidArgumentForLogarithm,
    InvalidArgumentForPowerFunction,
    NumericValueOutOfRange,
)
from pgstream.functions.calling import Value
from pgstream.functions.numerics import NAN, fast_form, leading_digit, patched, scale_of
from pgstream.functions.registry import function
from pgstream.kernels.numeric import POWERS, rescale
from pgstream.types.numeric import EXACT, pack

LOG10_E = 0.434294481903252


def quantized(value: Decimal, scale: int, rounding: str) -> Decimal:
    """`value` with `scale` digits after the point; a negative scale rounds left of it."""
    if not value.is_finite():
        return value
    scale = max(min(scale, 2000), -2000)
    made = value.quantize(Decimal((0, (1,), -scale)), rounding, EXACT)
    return made if scale >= 0 else made.quantize(Decimal(1), rounding, EXACT)


def _round_half_up(value: Decimal, scale: Decimal) -> Decimal:
    return quantized(value, int(scale), ROUND_HALF_UP)


def _truncate(value: Decimal, scale: Decimal) -> Decimal:
    return quantized(value, int(scale), ROUND_DOWN)


@function(
    "round(numeric, int4) -> numeric",
    scalars=True,
    examples={
        "round(42.4382, 2)": "42.44",
        "round(-2.5, 0)": "-3",
        "round(1234.56, -2)": "1200",
        "round(1.5, 3)": "1.500",
    },
)
def round_to(value: Value, scale: Value) -> Column:
    """`value` rounded half away from zero to `scale` digits after the point."""
    fast = fast_form(value)
    if isinstance(scale, pa.Scalar) and 0 <= scale.as_py() <= 18:
        wanted = np.full(len(fast.ok), scale.as_py(), np.int32)
        values, fits = rescale(fast.unscaled, fast.scale, wanted)
        return patched(pack(values, wanted), fast.ok & fits, (value, scale), _round_half_up)
    return _each(value, scale, _round_half_up)


def _each(value: Value, scale: Value, exact: Callable[..., Decimal]) -> Column:
    count = len(value) if isinstance(value, pa.Array) else len(scale)
    blank = pa.array([""] * count, pa.string())
    return patched(blank, np.zeros(count, np.bool_), (value, scale), exact)


@function(
    "trunc(numeric, int4) -> numeric", scalars=True, examples={"trunc(42.4382, 2)": "42.43", "trunc(-42.98, -1)": "-40"}
)
def truncate_to(value: Value, scale: Value) -> Column:
    """`value` cut to `scale` digits after the point."""
    return _each(value, scale, _truncate)


def _to_integer(rounding: str) -> Callable[[Column], Column]:
    def kernel(column: Column) -> Column:
        fast = fast_form(column)
        unit = POWERS[np.minimum(fast.scale, 18)]
        floor = np.floor_divide(fast.unscaled, unit)
        whole = floor
        if rounding == ROUND_CEILING:
            whole = -np.floor_divide(-fast.unscaled, unit)
        elif rounding == ROUND_DOWN:
            whole = np.where(fast.unscaled < 0, -np.floor_divide(-fast.unscaled, unit), floor)
        elif rounding == ROUND_HALF_UP:
            magnitude = np.abs(fast.unscaled)
            rest = magnitude % unit
            up = magnitude // unit + ((rest >= unit - rest) & (fast.scale > 0))
            whole = np.where(fast.unscaled < 0, -up, up)
        made = pack(whole, np.zeros(len(whole), np.int32))
        return patched(made, fast.ok, (column,), lambda value: quantized(value, 0, rounding))

    return kernel


for _name, _rounding, _doc, _results in (
    ("ceil", ROUND_CEILING, "The least integer not below the argument.", ("-42", "43", "1")),
    ("ceiling", ROUND_CEILING, "The least integer not below the argument.", ("-42", "43", "1")),
    ("floor", ROUND_FLOOR, "The greatest integer not above the argument.", ("-43", "42", "0")),
    ("round", ROUND_HALF_UP, "The nearest integer; of two, the one away from zero.", ("-43", "42", "1")),
    ("trunc", ROUND_DOWN, "The argument without its fraction.", ("-42", "42", "0")),
):
    function(
        f"{_name}(numeric) -> numeric",
        doc=_doc,
        examples={
            f"{_name}(-42.5)": _results[0],
            f"{_name}(42.4)": _results[1],
            f"{_name}(0.5)": _results[2],
            f"{_name}('NaN'::numeric)": "NaN",
        },
    )(_to_integer(_rounding))


def _unsigned(column: Column) -> Column:
    """The absolute value: the text without its sign."""
    return pc.utf8_ltrim(column, "-")


def _negated(column: Column) -> Column:
    fast = fast_form(column)
    made = pack(-fast.unscaled, np.minimum(fast.scale, 18))
    return patched(made, fast.ok & (fast.scale <= 18), (column,), lambda v: v if v.is_nan() else v.copy_negate())


def _sign(value: Decimal) -> Decimal:
    return NAN if value.is_nan() else Decimal((value > 0) - (value < 0))


function("numeric_abs(numeric) -> numeric", operator="@", doc="The absolute value.", examples={"@ (-1.50)": "1.50"})(
    _unsigned
)
function("abs(numeric) -> numeric", doc="The absolute value.", examples={"abs(-1.50)": "1.50"})(_unsigned)
function(
    "numeric_uminus(numeric) -> numeric",
    operator="-",
    doc="The value with its sign changed.",
    examples={"- (1.50 + 0)": "-1.50", "- (0.00 + 0)": "0.00"},
)(_negated)
function("numeric_uplus(numeric) -> numeric", operator="+", doc="The value itself.", examples={"+ (1.50 + 0)": "1.50"})(
    lambda column: column
)
function("sign(numeric) -> numeric", rowwise=True, doc="-1, 0 or 1.", examples={"sign(-8.4)": "-1", "sign(0.00)": "0"})(
    _sign
)


def limited(scale: int, *operands: Decimal) -> int:
    """`scale`, but no less than an operand's own, and within PostgreSQL's bounds."""
    return min(max(scale, 0, *(scale_of(operand) for operand in operands)), 1000)


def precise(digits: int) -> Context:
    """Decimal arithmetic of at least `digits` significant digits."""
    return Context(prec=max(digits, 30), Emax=EXACT.Emax, Emin=EXACT.Emin, rounding=ROUND_HALF_UP)


@function(
    "sqrt(numeric) -> numeric",
    rowwise=True,
    examples={
        "sqrt(2.0)": "1.414213562373095",
        "sqrt(0.0002)": "0.01414213562373095",
        "sqrt(1234567890.123)": "35136.41828819494",
        "sqrt(0::numeric)": "0.000000000000000",
        "sqrt(-1.0)": "ERROR: 2201F cannot take square root of a negative number",
    },
)
def sqrt(value: Decimal) -> Decimal:
    """The square root, with at least 16 significant digits."""
    if value.is_nan() or value == Decimal("Infinity"):
        return value
    if value < 0:
        raise InvalidArgumentForPowerFunction("cannot take square root of a negative number")
    weight = leading_digit(value)[0]
    scale = limited(16 - (weight * 2 + 1), value)
    root = precise(scale + abs(value.adjusted()) + 10).sqrt(value)
    return quantized(root, scale, ROUND_HALF_UP)


@function(
    "exp(numeric) -> numeric",
    rowwise=True,
    examples={
        "exp(1.0)": "2.7182818284590452",
        "exp(-10.5)": "0.00002753644934974716",
        "exp(100.0)": "26881171418161354484126255515800135873611118.8",
    },
)
def exp(value: Decimal) -> Decimal:
    """e to the power of the argument."""
    if not value.is_finite():
        return Decimal(0) if value == Decimal("-Infinity") else value
    estimate = float(value) * LOG10_E
    if estimate > 131072:
        raise NumericValueOutOfRange("value overflows numeric format")
    scale = limited(16 - int(max(min(estimate, 2000.0), -2000.0)), value)
    return quantized(precise(scale + int(abs(estimate)) + 10).exp(value), scale, ROUND_HALF_UP)


def first_digits(value: Decimal) -> tuple[float, int]:
    """f and p with value ≈ f·10^p, of the first two base-10000 digits."""
    weight, first = leading_digit(value)
    rest = value.scaleb(-4 * weight, EXACT) - first
    if rest == 0:
        return float(first), weight * 4
    return float(first * 10000 + int(rest * 10000)), weight * 4 - 4


def ln_weight(value: Decimal) -> int:
    """estimate_ln_dweight() of numeric.c: the decimal weight of ln(value)."""
    if value <= 0:
        return 0
    if Decimal("0.9") <= value <= Decimal("1.1"):
        weight, first = leading_digit(abs(value - 1))
        return weight * 4 + int(math.log10(first)) if first else 0
    digits, exponent = first_digits(value)
    return int(math.log10(abs(math.log(digits) + exponent * 2.302585092994046)))


def _positive(value: Decimal) -> None:
    if value == 0:
        raise InvalidArgumentForLogarithm("cannot take logarithm of zero")
    if value < 0:
        raise InvalidArgumentForLogarithm("cannot take logarithm of a negative number")


@function(
    "ln(numeric) -> numeric",
    rowwise=True,
    examples={
        "ln(2.0)": "0.6931471805599453",
        "ln(1.05)": "0.048790164169432003",
        "ln(123456.789)": "11.723646487185881",
        "ln(0.0)": "ERROR: 2201E cannot take logarithm of zero",
    },
)
def ln(value: Decimal) -> Decimal:
    """The natural logarithm."""
    if value.is_nan():
        return value
    _positive(value)
    if value.is_infinite():
        return value
    scale = limited(16 - ln_weight(value), value)
    return quantized(precise(scale + 30).ln(value), scale, ROUND_HALF_UP)


@function(
    "log(numeric, numeric) -> numeric",
    rowwise=True,
    examples={"log(2.0, 64.0)": "6.0000000000000000", "log(10.0, 0.001)": "-3.0000000000000000"},
)
def log(base: Decimal, value: Decimal) -> Decimal:
    """The logarithm of the second argument to the base of the first."""
    if base.is_nan() or value.is_nan():
        return NAN
    _positive(base)
    _positive(value)
    if value.is_infinite() or base.is_infinite():
        return (NAN if base.is_infinite() else value) if value.is_infinite() else Decimal(0)
    scale = limited(16 - (ln_weight(value) - ln_weight(base)), base, value)
    context = precise(scale + 40)
    divisor = context.ln(base)
    if divisor == 0:
        raise DivisionByZero("division by zero")
    return quantized(context.divide(context.ln(value), divisor), scale, ROUND_HALF_UP)


def _log10(value: Decimal) -> Decimal:
    return log(Decimal(10), value)


function(
    "log(numeric) -> numeric",
    rowwise=True,
    doc="The logarithm to base 10.",
    examples={"log(100.0)": "2.0000000000000000", "log(2.5)": "0.3979400086720376"},
)(_log10)
function(
    "log10(numeric) -> numeric",
    rowwise=True,
    doc="The logarithm to base 10.",
    examples={"log10(1000.0)": "3.0000000000000000"},
)(_log10)


def power(base: Decimal, exponent: Decimal) -> Decimal:
    """base to the power of exponent, with at least 16 significant digits."""
    if not (base.is_finite() and exponent.is_finite()):
        return _special_power(base, exponent)
    if base == 0 and exponent < 0:
        raise InvalidArgumentForPowerFunction("zero raised to a negative power is undefined")
    whole = exponent == exponent.to_integral_value()
    if base < 0 and not whole:
        raise InvalidArgumentForPowerFunction("a negative number raised to a non-integer power yields a complex result")
    if base == 0:
        zero_to = Decimal(1) if exponent == 0 else Decimal(0)
        return quantized(zero_to, limited(16, base, exponent), ROUND_HALF_UP)
    digits, shift = first_digits(abs(base))
    estimate = float(exponent) * (math.log10(digits) + shift)
    if estimate > 131072:
        raise NumericValueOutOfRange("value overflows numeric format")
    if estimate + 1 < -1000:
        return quantized(Decimal(0), 1000, ROUND_HALF_UP)
    small = whole and -(2**31) <= exponent < 2**31
    scale = limited(16, base) if small else limited(16 - int(estimate), base, exponent)
    context = precise(scale + int(abs(estimate)) + 20)
    return quantized(context.power(base, exponent), scale, ROUND_HALF_UP)


def _special_power(base: Decimal, exponent: Decimal) -> Decimal:
    if exponent == 0 or (not base.is_nan() and base == 1):
        return Decimal(1)
    if base.is_nan() or exponent.is_nan():
        return NAN
    return Decimal(math.pow(base, exponent))


function(
    "numeric_power(numeric, numeric) -> numeric",
    operator="^",
    rowwise=True,
    doc="Power.",
    examples={
        "2.0 ^ 3": "8.0000000000000000",
        "2.5 ^ -2.0": "0.1600000000000000",
        "2.0 ^ 0.5": "1.4142135623730950",
        "10.0 ^ 20": "100000000000000000000.0000000000000000",
        "1.1 ^ 100.0": "13780.6123398222701841",
    },
)(power)
for _name in ("power", "pow"):
    function(
        f"{_name}(numeric, numeric) -> numeric",
        rowwise=True,
        doc="Power.",
        examples={f"{_name}(9.0, 3)": "729.0000000000000000"},
    )(power)
