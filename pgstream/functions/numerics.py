"""numeric's operators + - * / % and comparisons, with PostgreSQL's result scales.

Columns go through the fast form (int64 and scale) of types/numeric.py; rows that do not fit it, and NaN and the
infinities, take exact decimals one by one. A column of integers may stand for a numeric argument (`widened`), which
saves printing the integers first.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DivisionByZero
from pgstream.functions.calling import Value
from pgstream.functions.comparison import TESTS, examples_of
from pgstream.functions.registry import function
from pgstream.functions.vector import numbers
from pgstream.kernels.arithmetic import add_decimals, multiply_decimals
from pgstream.kernels.numeric import rescale
from pgstream.kernels.quotient import divide_decimals
from pgstream.types.buffers import string_column
from pgstream.types.numeric import EXACT, NUMERIC_TYPE, Fast, numeric_text, pack, unpack

NAN = Decimal("NaN")


def fast_form(value: Value) -> Fast:
    """The fast form of a numeric or integer column; of length 1 for a constant."""
    column = pa.array([value.as_py()], value.type) if isinstance(value, pa.Scalar) else value
    if pa.types.is_integer(column.type):
        integers = numbers(column).astype(np.int64)
        return Fast(integers, np.zeros(len(integers), np.int32), np.ones(len(integers), np.bool_))
    return unpack(column)


def spread(fast: Fast, count: int) -> Fast:
    """`fast` with `count` rows."""
    if len(fast.ok) == count:
        return fast
    return Fast(*(np.ascontiguousarray(np.broadcast_to(part, count)) for part in fast))


def decimal_at(value: Value, row: int) -> Decimal:
    """The exact value of one row."""
    return Decimal(value.as_py() if isinstance(value, pa.Scalar) else value[row].as_py())


def patched(column: Column, done: NDArray[np.bool_], args: tuple[Value, ...], exact: Callable[..., Decimal]) -> Column:
    """`column` with the rows that are not `done` computed by `exact`."""
    if done.all():
        return column
    rows = np.flatnonzero(~done)
    texts = [numeric_text(exact(*(decimal_at(arg, int(row)) for arg in args))) for row in rows]
    index = np.arange(len(column))
    index[rows] = len(column) + np.arange(len(rows))
    return pa.concat_arrays([column, pa.array(texts, pa.string())]).take(pa.array(index))


Pair = Callable[[Decimal, Decimal], Decimal]


def special_sum(left: Decimal, right: Decimal) -> Decimal:
    """A sum of which one operand is not finite."""
    if left.is_nan() or right.is_nan() or (left.is_infinite() and right.is_infinite() and left != right):
        return NAN
    return left if left.is_infinite() else right


def exact_sum(left: Decimal, right: Decimal) -> Decimal:
    """left + right, at the larger scale."""
    if not (left.is_finite() and right.is_finite()):
        return special_sum(left, right)
    return EXACT.add(left, right)


def exact_difference(left: Decimal, right: Decimal) -> Decimal:
    """left - right, at the larger scale."""
    return exact_sum(left, right.copy_negate() if not right.is_nan() else right)


def exact_product(left: Decimal, right: Decimal) -> Decimal:
    """left * right, at the sum of the scales."""
    if left.is_finite() and right.is_finite():
        return EXACT.multiply(left, right)
    if left.is_nan() or right.is_nan() or left == 0 or right == 0:
        return NAN
    return Decimal("Infinity").copy_sign(Decimal(1 if left.is_signed() == right.is_signed() else -1))


def scale_of(value: Decimal) -> int:
    """The digits printed after the point."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


def leading_digit(value: Decimal) -> tuple[int, int]:
    """Weight and value of the first digit in base 10000."""
    if value == 0:
        return 0, 0
    weight = value.adjusted() // 4
    return weight, int(abs(value).scaleb(-4 * weight, EXACT))


def division_scale(left: Decimal, right: Decimal) -> int:
    """select_div_scale() of numeric.c."""
    (left_weight, left_first), (right_weight, right_first) = leading_digit(left), leading_digit(right)
    weight = left_weight - right_weight - (left_first <= right_first)
    return min(max(16 - 4 * weight, scale_of(left), scale_of(right), 0), 1000)


def rounded_ratio(left: Decimal, right: Decimal, scale: int) -> Decimal:
    """left / right rounded half away from zero to `scale` digits."""
    numerator, denominator = left.scaleb(scale, EXACT).as_integer_ratio()
    below, above = right.as_integer_ratio()
    top, bottom = abs(numerator * above), abs(denominator * below)
    whole, rest = divmod(top, bottom)
    whole += 2 * rest >= bottom
    sign = -1 if (left < 0) != (right < 0) else 1
    return Decimal(sign * whole).scaleb(-scale, EXACT)


def quotient(left: Decimal, right: Decimal) -> Decimal:
    """left / right as numeric_div computes it."""
    if left.is_nan() or right.is_nan():
        return NAN
    if right == 0:
        raise DivisionByZero("division by zero")
    if left.is_infinite():
        return NAN if right.is_infinite() else exact_product(left, right)
    if right.is_infinite():
        return Decimal(0)
    return rounded_ratio(left, right, division_scale(left, right))


def exact_remainder(left: Decimal, right: Decimal) -> Decimal:
    """The remainder with the sign of `left`, at the larger scale."""
    if left.is_nan() or right.is_nan():
        return NAN
    if right == 0:
        raise DivisionByZero("division by zero")
    if left.is_infinite():
        return NAN
    return left if right.is_infinite() else EXACT.remainder(left, right)


def _add(left: Value, right: Value) -> Column:
    return _sum(left, right, 1, exact_sum)


def _subtract(left: Value, right: Value) -> Column:
    return _sum(left, right, -1, exact_difference)


def _sum(left: Value, right: Value, sign: int, exact: Pair) -> Column:
    a, b = fast_form(left), fast_form(right)
    if len(a.ok) < len(b.ok):
        a = spread(a, len(b.ok))
    values, scales, ok = add_decimals(a.unscaled, a.scale, b.unscaled, b.scale, sign)
    return patched(pack(values, np.minimum(scales, 18)), ok & a.ok & b.ok, (left, right), exact)


def _multiply(left: Value, right: Value) -> Column:
    a, b = fast_form(left), fast_form(right)
    if len(a.ok) < len(b.ok):
        a, b = b, a
    values, scales, ok = multiply_decimals(a.unscaled, a.scale, b.unscaled, b.scale)
    return patched(pack(values, np.minimum(scales, 18)), ok & a.ok & b.ok, (left, right), exact_product)


def _divide(left: Value, right: Value) -> Column:
    a, b = fast_form(left), fast_form(right)
    count = max(len(a.ok), len(b.ok))
    a, b = spread(a, count), spread(b, count)
    zero = (b.unscaled == 0) & b.ok
    if zero.any() and (zero & a.ok).any():
        raise DivisionByZero("division by zero")
    divisor = np.where(b.unscaled == 0, 1, b.unscaled)
    offsets, content, ok = divide_decimals(a.unscaled, a.scale.astype(np.int64), divisor, b.scale.astype(np.int64))
    return patched(string_column(offsets, content), ok & a.ok & b.ok, (left, right), quotient)


def _modulo(left: Value, right: Value) -> Column:
    a, b = fast_form(left), fast_form(right)
    count = max(len(a.ok), len(b.ok))
    a, b = spread(a, count), spread(b, count)
    zero = (b.unscaled == 0) & b.ok
    if zero.any() and (zero & a.ok).any():
        raise DivisionByZero("division by zero")
    scale = np.maximum(a.scale, b.scale)
    dividend, left_fits = rescale(a.unscaled, a.scale, scale)
    divisor, right_fits = rescale(b.unscaled, b.scale, scale)
    ok = a.ok & b.ok & left_fits & right_fits & (scale <= 18)
    values = np.fmod(dividend, np.where(divisor == 0, 1, divisor))
    return patched(pack(values, np.minimum(scale, 18)), ok, (left, right), exact_remainder)


def _comparison(test: Callable[..., Any]) -> Callable[..., Column]:
    def kernel(left: Value, right: Value) -> Column:
        sides = _aligned_pair(fast_form(left), fast_form(right))
        columns = (
            [_order_key(value) for value in (left, right)] if sides is None else [pa.array(side) for side in sides]
        )
        operands = zip(columns, (left, right), strict=True)
        return test(*(column[0] if isinstance(value, pa.Scalar) else column for column, value in operands))

    return kernel


def _aligned_pair(left: Fast, right: Fast) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """The unscaled values of both at one scale; None where int64 does not suffice."""
    if not (left.ok.all() and right.ok.all()):
        return None
    scale = max(int(left.scale.max(initial=0)), int(right.scale.max(initial=0)))
    a, b = _aligned(left, scale), _aligned(right, scale)
    return None if a is None or b is None else (a, b)


def _aligned(fast: Fast, scale: int) -> NDArray[np.int64] | None:
    """The unscaled values at one scale; None where that overflows."""
    if scale > 18:
        return None
    if (fast.scale == scale).all():
        return fast.unscaled
    values, fits = rescale(fast.unscaled, fast.scale, np.full(len(fast.scale), scale, np.int32))
    return values if fits.all() else None


def _order_key(value: Value) -> Column:
    column = pa.array([value.as_py()], value.type) if isinstance(value, pa.Scalar) else value
    order = NUMERIC_TYPE.definition.order_key
    assert order is not None
    return order(column if pa.types.is_string(column.type) else column.cast(pa.string()))


for _operator, (_suffix, _test, _) in TESTS.items():
    function(
        f"numeric_{_suffix}(numeric, numeric) -> bool",
        operator=_operator,
        scalars=True,
        widened=True,
        doc=f"Whether the first numeric {_operator} the second.",
        examples={
            **examples_of(_operator, "numeric", "numeric", "-1.50", "2"),
            **examples_of(_operator, "numeric", "numeric", "1e30", "NaN"),
        },
    )(_comparison(_test))

for _operator, _name, _kernel, _examples in (
    (
        "+",
        "add",
        _add,
        {
            "1.50 + 2": "3.50",
            "'Infinity'::numeric + '-Infinity'": "NaN",
            "99999999999999999999 + 0.1": "99999999999999999999.1",
        },
    ),
    ("-", "sub", _subtract, {"1.50 - 2": "-0.50", "1.5 - 1.50": "0.00"}),
    (
        "*",
        "mul",
        _multiply,
        {"0.908 * 1000": "908.000", "-1.5 * 0.00": "0.000", "12345678901234567890 * 10.0": "123456789012345678900.0"},
    ),
    (
        "/",
        "div",
        _divide,
        {
            "1.0 / 3": "0.33333333333333333333",
            "10000.0 / 3": "3333.3333333333333333",
            "1e40 / 7": "1428571428571428571428571428571428571429",
            "1 / 'Infinity'::numeric": "0",
        },
    ),
    ("%", "mod", _modulo, {"7.5 % 2": "1.5", "(-7.5) % 2": "-1.5", "1e30 % 7.0": "1.0"}),
):
    function(
        f"numeric_{_name}(numeric, numeric) -> numeric",
        operator=_operator,
        scalars=True,
        widened=True,
        doc=f"numeric {_operator} numeric, with PostgreSQL's scale.",
        examples=_examples,
    )(_kernel)
function(
    "mod(numeric, numeric) -> numeric",
    scalars=True,
    widened=True,
    doc="The remainder, with the dividend's sign.",
    examples={"mod(9.5, 4)": "1.5"},
)(_modulo)
