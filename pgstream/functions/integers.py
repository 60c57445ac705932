"""Integer arithmetic and bits, with PostgreSQL's range checks."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import DivisionByZero, NumericValueOutOfRange
from pgstream.functions.calling import Value
from pgstream.functions.registry import function
from pgstream.functions.vector import column_of, numbers

_NAMES = {"2": "smallint", "4": "integer", "8": "bigint"}
_STORAGE = {"2": pa.int16(), "4": pa.int32(), "8": pa.int64()}
_FAST: dict[str, Any] = {"nullsafe": True, "scalars": True}


def checked(kernel: Callable[..., Any], width: str) -> Callable[..., Any]:
    """`kernel` of Arrow with its failures told as PostgreSQL tells them, its result `width` bytes wide."""

    def run(*args: Value) -> Column:
        try:
            made = kernel(*args)
        except pa.ArrowInvalid as error:
            if "divide by zero" in str(error):
                raise DivisionByZero("division by zero") from None
            raise NumericValueOutOfRange(f"{_NAMES[width]} out of range") from None
        return made if made.type == _STORAGE[width] else made.cast(_STORAGE[width])

    return run


def remainder(width: str) -> Callable[..., Any]:
    """The remainder kernel of `width` bytes: it has the sign of the dividend."""

    def run(left: Value, right: Value) -> Column:
        a, b = _operand(left, width), _operand(right, width)
        if not np.all(b):
            raise DivisionByZero("division by zero")
        return column_of(np.fmod(a, b), _STORAGE[width])

    return run


def _operand(value: Value, width: str) -> Any:
    if isinstance(value, pa.Scalar):
        return np.dtype(f"i{width}").type(value.as_py())
    return numbers(value)


_ARITHMETIC: tuple[tuple[str, str, Any, str], ...] = (
    ("+", "pl", pc.add_checked, "8"),
    ("-", "mi", pc.subtract_checked, "4"),
    ("*", "mul", pc.multiply_checked, "12"),
    ("/", "div", pc.divide_checked, "3"),
)

for _left in ("2", "4", "8"):
    for _right in ("2", "4", "8"):
        _digits = _left if _left == _right else _left + _right
        _wide = max(_left, _right)
        for _operator, _suffix, _kernel, _result in _ARITHMETIC:
            function(
                f"int{_digits}{_suffix}(int{_left}, int{_right}) -> int{_wide}",
                operator=_operator,
                doc=f"int{_left} {_operator} int{_right}; an error where the result is out of range.",
                examples={
                    f"6::int{_left} {_operator} 2::int{_right}": _result,
                    f"NULL::int{_left} {_operator} 2::int{_right}": "NULL",
                },
                **_FAST,
            )(checked(_kernel, _wide))
for _size in ("2", "4", "8"):
    function(
        f"int{_size}mod(int{_size}, int{_size}) -> int{_size}",
        operator="%",
        scalars=True,
        doc="The remainder of the division, with the sign of the dividend.",
        examples={f"(-7)::int{_size} % 3::int{_size}": "-1", f"7::int{_size} % (-3)::int{_size}": "1"},
    )(remainder(_size))
    function(
        f"mod(int{_size}, int{_size}) -> int{_size}",
        scalars=True,
        doc="The remainder of the division, with the sign of the dividend.",
        examples={f"mod(9::int{_size}, 4::int{_size})": "1"},
    )(remainder(_size))
    function(
        f"int{_size}um(int{_size}) -> int{_size}",
        operator="-",
        nullsafe=True,
        doc="The value with its sign changed.",
        examples={f"- (5::int{_size})": "-5"},
    )(checked(pc.negate_checked, _size))
    function(
        f"int{_size}up(int{_size}) -> int{_size}",
        operator="+",
        nullsafe=True,
        doc="The value itself.",
        examples={f"+ (5::int{_size})": "5"},
    )(lambda column: column)
    function(
        f"abs(int{_size}) -> int{_size}",
        nullsafe=True,
        doc="The absolute value.",
        examples={f"abs((-5)::int{_size})": "5"},
    )(checked(pc.abs_checked, _size))
    function(
        f"int{_size}abs(int{_size}) -> int{_size}",
        operator="@",
        nullsafe=True,
        doc="The absolute value.",
        examples={f"@ ((-5)::int{_size})": "5"},
    )(checked(pc.abs_checked, _size))
    for _operator, _suffix, _kernel, _result in (
        ("&", "and", pc.bit_wise_and, "2"),
        ("|", "or", pc.bit_wise_or, "7"),
        ("#", "xor", pc.bit_wise_xor, "5"),
    ):
        function(
            f"int{_size}{_suffix}(int{_size}, int{_size}) -> int{_size}",
            operator=_operator,
            doc=f"Bit by bit {_suffix}.",
            examples={f"6::int{_size} {_operator} 3::int{_size}": _result},
            **_FAST,
        )(_kernel)
    function(
        f"int{_size}not(int{_size}) -> int{_size}",
        operator="~",
        nullsafe=True,
        doc="Each bit inverted.",
        examples={f"~ 6::int{_size}": "-7"},
    )(pc.bit_wise_not)


def _shift(shift: Callable[..., Any], size: str) -> Callable[..., Any]:
    """Shifts count modulo the width, as the processor does it; smallint shifts within 32 bits."""
    wide = np.int64 if size == "8" else np.int32
    mask = 63 if size == "8" else 31

    def run(left: Column, right: Column) -> Column:
        made = shift(numbers(left).astype(wide), (numbers(right) & mask).astype(wide))
        return column_of(made.astype(f"i{size}"), _STORAGE[size])

    return run


for _size in ("2", "4", "8"):
    for _operator, _suffix, _kernel, _result in (
        ("<<", "shl", np.left_shift, "24"),
        (">>", "shr", np.right_shift, "0"),
    ):
        function(
            f"int{_size}{_suffix}(int{_size}, int4) -> int{_size}",
            operator=_operator,
            doc=f"The bits moved by {_operator}; >> keeps the sign.",
            examples={f"3::int{_size} {_operator} 3": _result},
        )(_shift(_kernel, _size))
