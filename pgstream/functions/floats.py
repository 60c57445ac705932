"""Arithmetic and mathematics of float4 and float8, with PostgreSQL's range errors."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import (
    DivisionByZero,
    InvalidArgumentForLogarithm,
    InvalidArgumentForPowerFunction,
    NumericValueOutOfRange,
)
from pgstream.functions.calling import Value
from pgstream.functions.registry import VOLATILE, function
from pgstream.functions.vector import column_of, numbers
from pgstream.types.float8 import FLOAT8

Floats = NDArray[np.float64]
_STORAGE = {"4": pa.float32(), "8": pa.float64()}


def _operand(value: Value, size: str) -> Any:
    dtype = np.dtype(f"f{size}")
    if isinstance(value, pa.Scalar):
        return dtype.type(value.as_py())
    return numbers(value).astype(dtype, copy=False)


def overflow_checked(result: Floats, *args: Any) -> Floats:
    """`result`, unless it is infinite where no argument is."""
    infinite = np.isinf(result)
    if infinite.any():
        for arg in args:
            infinite &= ~np.isinf(arg)
        if infinite.any():
            raise NumericValueOutOfRange("value out of range: overflow")
    return result


def underflow_checked(result: Floats, suspicious: Any) -> Floats:
    """`result`, unless it is zero where it is suspicious."""
    zero = result == 0
    if zero.any() and (zero & suspicious).any():
        raise NumericValueOutOfRange("value out of range: underflow")
    return result


def _times(a: Any, b: Any) -> Floats:
    return underflow_checked(overflow_checked(a * b, a, b), (a != 0) & (b != 0))


def _over(a: Any, b: Any) -> Floats:
    if np.any((b == 0) & ~np.isnan(a)):
        raise DivisionByZero("division by zero")
    return underflow_checked(overflow_checked(a / b, a), (a != 0) & ~np.isinf(b))


_ARITHMETIC: tuple[tuple[str, str, Callable[[Any, Any], Floats], str], ...] = (
    ("+", "pl", lambda a, b: overflow_checked(a + b, a, b), "2.25"),
    ("-", "mi", lambda a, b: overflow_checked(a - b, a, b), "0.75"),
    ("*", "mul", _times, "1.125"),
    ("/", "div", _over, "2"),
)


def _binary(compute: Callable[[Any, Any], Floats], size: str) -> Callable[[Value, Value], Column]:
    def kernel(left: Value, right: Value) -> Column:
        with np.errstate(all="ignore"):
            return column_of(compute(_operand(left, size), _operand(right, size)), _STORAGE[size])

    return kernel


for _left in ("4", "8"):
    for _right in ("4", "8"):
        _digits = _left if _left == _right else _left + _right
        _wide = max(_left, _right)
        for _operator, _suffix, _compute, _result in _ARITHMETIC:
            function(
                f"float{_digits}{_suffix}(float{_left}, float{_right}) -> float{_wide}",
                operator=_operator,
                scalars=True,
                doc=f"float{_left} {_operator} float{_right}.",
                examples={f"1.5::float{_left} {_operator} 0.75::float{_right}": _result},
            )(_binary(_compute, _wide))


def _unary(compute: Callable[[Any], Any], size: str) -> Callable[[Column], Column]:
    def kernel(column: Column) -> Column:
        with np.errstate(all="ignore"):
            return column_of(compute(numbers(column)), _STORAGE[size])

    return kernel


for _size in ("4", "8"):
    for _name, _operator, _compute, _result in (
        (f"float{_size}um", "-", np.negative, "1.5"),
        (f"float{_size}up", "+", np.positive, "-1.5"),
        (f"float{_size}abs", "@", np.abs, "1.5"),
    ):
        function(
            f"{_name}(float{_size}) -> float{_size}",
            operator=_operator,
            doc=f"Prefix {_operator}.",
            examples={f"{_operator} ((-1.5)::float{_size})": _result},
        )(_unary(_compute, _size))
    function(
        f"abs(float{_size}) -> float{_size}",
        doc="The absolute value.",
        examples={f"abs((-1.5)::float{_size})": "1.5"},
    )(_unary(np.abs, _size))


def _sqrt(x: Floats) -> Floats:
    if (x < 0).any():
        raise InvalidArgumentForPowerFunction("cannot take square root of a negative number")
    return np.sqrt(x)


def _logarithm(compute: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def run(x: Floats) -> Floats:
        if (x == 0).any():
            raise InvalidArgumentForLogarithm("cannot take logarithm of zero")
        if (x < 0).any():
            raise InvalidArgumentForLogarithm("cannot take logarithm of a negative number")
        return compute(x)

    return run


def _exp(x: Floats) -> Floats:
    return underflow_checked(overflow_checked(np.exp(x), x), ~np.isinf(x))


def _finite(compute: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def run(x: Floats) -> Floats:
        if np.isinf(x).any():
            raise NumericValueOutOfRange("input is out of range")
        return compute(x)

    return run


def _within_one(compute: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def run(x: Floats) -> Floats:
        if (np.abs(x) > 1).any():
            raise NumericValueOutOfRange("input is out of range")
        return compute(x)

    return run


def _from_one(compute: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    def run(x: Floats) -> Floats:
        if (x < 1).any():
            raise NumericValueOutOfRange("input is out of range")
        return compute(x)

    return run


def power(a: Floats, b: Floats) -> Floats:
    """a to the power of b."""
    if ((a == 0) & (b < 0)).any():
        raise InvalidArgumentForPowerFunction("zero raised to a negative power is undefined")
    if ((a < 0) & (np.floor(b) != b) & ~np.isinf(a)).any():
        raise InvalidArgumentForPowerFunction("a negative number raised to a non-integer power yields a complex result")
    result = np.power(a, b)
    return underflow_checked(overflow_checked(result, a, b), (a != 0) & ~np.isinf(a) & ~np.isinf(b))


_UNARY: tuple[tuple[str, Any, str, dict[str, str]], ...] = (
    ("ceil", np.ceil, "The least integer not below the argument.", {"ceil((-1.5)::float8)": "-1"}),
    ("ceiling", np.ceil, "The least integer not below the argument.", {"ceiling(1.2::float8)": "2"}),
    ("floor", np.floor, "The greatest integer not above the argument.", {"floor((-1.5)::float8)": "-2"}),
    ("round", np.rint, "The nearest integer; of two, the even one.", {"round(2.5::float8)": "2"}),
    ("trunc", np.trunc, "The argument without its fraction.", {"trunc((-1.7)::float8)": "-1"}),
    ("sign", np.sign, "-1, 0 or 1.", {"sign((-8.4)::float8)": "-1"}),
    ("sqrt", _sqrt, "The square root.", {"sqrt(2::float8)": "1.4142135623730951"}),
    ("cbrt", np.cbrt, "The cube root.", {"cbrt(27::float8)": "3.0000000000000004"}),
    ("exp", _exp, "e to the power of the argument.", {"exp(1::float8)": "2.718281828459045"}),
    ("ln", _logarithm(np.log), "The natural logarithm.", {"ln(2::float8)": "0.6931471805599453"}),
    ("log", _logarithm(np.log10), "The logarithm to base 10.", {"log(100::float8)": "2"}),
    ("log10", _logarithm(np.log10), "The logarithm to base 10.", {"log10(1000::float8)": "3"}),
    ("degrees", np.degrees, "Radians to degrees.", {"degrees(0.5::float8)": "28.64788975654116"}),
    ("radians", np.radians, "Degrees to radians.", {"radians(45::float8)": "0.7853981633974483"}),
    ("sin", _finite(np.sin), "Sine.", {"sin(0.5::float8)": "0.479425538604203"}),
    ("cos", _finite(np.cos), "Cosine.", {"cos(0.5::float8)": "0.8775825618903728"}),
    ("tan", _finite(np.tan), "Tangent.", {"tan(0.5::float8)": "0.5463024898437905"}),
    ("cot", _finite(lambda x: 1 / np.tan(x)), "Cotangent.", {"cot(0.5::float8)": "1.830487721712452"}),
    ("asin", _within_one(np.arcsin), "Inverse sine.", {"asin(0.5::float8)": "0.5235987755982989"}),
    ("acos", _within_one(np.arccos), "Inverse cosine.", {"acos(0.5::float8)": "1.0471975511965979"}),
    ("atan", np.arctan, "Inverse tangent.", {"atan(0.5::float8)": "0.4636476090008061"}),
    ("sinh", np.sinh, "Hyperbolic sine.", {"sinh(0.5::float8)": "0.5210953054937474"}),
    ("cosh", np.cosh, "Hyperbolic cosine.", {"cosh(0.5::float8)": "1.1276259652063807"}),
    ("asinh", np.arcsinh, "Inverse hyperbolic sine.", {"asinh(0.5::float8)": "0.48121182505960347"}),
    (
        "acosh",
        _from_one(np.arccosh),
        "Inverse hyperbolic cosine.",
        {
            "acosh(1.5::float8)": "0.9624236501192069",
            "acosh(0.5::float8)": "ERROR: 22003 input is out of range",
        },
    ),
    (
        "atanh",
        _within_one(np.arctanh),
        "Inverse hyperbolic tangent.",
        {
            "atanh(0.5::float8)": "0.5493061443340548",
            "atanh(1::float8)": "Infinity",
        },
    ),
    ("tanh", np.tanh, "Hyperbolic tangent.", {"tanh(0.5::float8)": "0.46211715726000974"}),
)

for _name, _kernel, _doc, _examples in _UNARY:
    function(f"{_name}(float8) -> float8", doc=_doc, examples=_examples)(_unary(_kernel, "8"))
function("dsqrt(float8) -> float8", operator="|/", doc="The square root.", examples={"|/ 25::float8": "5"})(
    _unary(_sqrt, "8")
)
function(
    "dcbrt(float8) -> float8", operator="||/", doc="The cube root.", examples={"||/ 27::float8": "3.0000000000000004"}
)(_unary(np.cbrt, "8"))
function(
    "atan2(float8, float8) -> float8", doc="Inverse tangent of y/x.", examples={"atan2(1, 2)": "0.4636476090008061"}
)(_binary(np.arctan2, "8"))
function(
    "dpow(float8, float8) -> float8",
    operator="^",
    doc="Power.",
    examples={"2::float8 ^ 0.5::float8": "1.4142135623730951", "2 ^ 3": "8"},
)(_binary(power, "8"))
for _name in ("power", "pow"):
    function(f"{_name}(float8, float8) -> float8", doc="Power.", examples={f"{_name}(2::float8, 10)": "1024"})(
        _binary(power, "8")
    )


@function("pi() -> float8", examples={"pi()": "3.141592653589793"})
def pi(count: int) -> Column:
    """π."""
    return pa.array([np.pi] * count, FLOAT8.storage)


@function("random() -> float8", volatility=VOLATILE, examples={"random() < 1": "t"})
def random(count: int) -> Column:
    """A random number in [0, 1)."""
    return pa.array(np.random.default_rng().random(count))
