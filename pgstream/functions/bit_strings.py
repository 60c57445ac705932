"""Operators, functions and casts of bit strings. Kernels see them as texts of the digits 0 and 1."""

from collections.abc import Callable
from functools import reduce
from operator import and_, or_, xor

import numpy as np
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import (
    ArraySubscriptError,
    InvalidParameterValue,
    NumericValueOutOfRange,
    SubstringError,
)
from pgstream.functions.calling import column_from, python_values
from pgstream.functions.registry import EXPLICIT, IMPLICIT, BoundCall, binary_cast, cast, function, recomputed
from pgstream.types.bits import BitLengthMismatch

binary_cast("bit -> varbit", IMPLICIT)
binary_cast("varbit -> bit", IMPLICIT)

_OPERATIONS: dict[str, tuple[str, str, Callable[[int, int], int], str]] = {
    "and": ("&", "AND", and_, "001"),
    "or": ("|", "OR", or_, "111"),
    "xor": ("#", "XOR", xor, "110"),
}


def _bits(number: int, width: int) -> str:
    return f"{number:0{width}b}" if width else ""


def _combining(word: str, operation: Callable[[int, int], int]) -> Callable[[str, str], str]:
    def kernel(left: str, right: str) -> str:
        if len(left) != len(right):
            raise BitLengthMismatch(f"cannot {word} bit strings of different sizes")
        return _bits(operation(int(left, 2), int(right, 2)), len(left)) if left else ""

    return kernel


def _aggregating(
    combine: Callable[[str, str], str],
) -> Callable[[BoundCall, tuple[Column, ...], NDArray[np.int64]], Column]:
    def finish(call: BoundCall, arguments: tuple[Column, ...], offsets: NDArray[np.int64]) -> Column:
        values = python_values(arguments[0], call.arguments[0])
        made: list[str | None] = []
        for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
            made.append(reduce(combine, values[start:end]) if end > start else None)
        return column_from(made, call.result)

    return finish


for _name, (_operator, _word, _operation, _shown) in _OPERATIONS.items():
    _kernel = _combining(_word, _operation)
    function(
        f"bit{_name}(bit, bit) -> bit",
        operator=_operator,
        rowwise=True,
        doc=f"Bit by bit {_word} of two strings of one length.",
        examples={f"B'101' {_operator} B'011'": _shown},
    )(_kernel)
    _finish = _aggregating(_kernel)
    _finish.__doc__ = f"Bit by bit {_word} of all strings that are not NULL."
    recomputed(f"bit_{_name}(bit) -> bit", examples={f"bit_{_name}(B'101')": "101"})(_finish)


@function("bitnot(bit) -> bit", operator="~", rowwise=True, examples={"~ B'101'": "010"})
def bit_not(bits: str) -> str:
    """Every bit turned around."""
    return bits.translate({48: "1", 49: "0"})


@function("bitcat(varbit, varbit) -> varbit", operator="||", rowwise=True, examples={"B'10' || B'011'": "10011"})
def bit_concatenation(left: str, right: str) -> str:
    """Both strings, one after the other."""
    return left + right


def _moved(bits: str, count: int) -> str:
    """`bits` moved to the left; to the right where `count` is negative."""
    kept = bits[count:] if count >= 0 else bits[:count]
    if abs(count) >= len(bits):
        return "0" * len(bits)
    return kept.ljust(len(bits), "0") if count >= 0 else kept.rjust(len(bits), "0")


function(
    "bitshiftleft(bit, int4) -> bit",
    operator="<<",
    rowwise=True,
    doc="The bits moved to the left, zeros after them.",
    examples={"B'10001' << 3": "01000"},
)(_moved)
function(
    "bitshiftright(bit, int4) -> bit",
    operator=">>",
    rowwise=True,
    doc="The bits moved to the right, zeros before them.",
    examples={"B'10001' >> 2": "00100"},
)(lambda bits, count: _moved(bits, -count))

for _call, _result, _shown, _doc, _count in (
    ("length", "int4", "9", "How many bits there are.", len),
    ("bit_length", "int4", "9", "How many bits there are.", len),
    ("octet_length", "int4", "2", "How many bytes the bits fill.", lambda bits: (len(bits) + 7) // 8),
    ("bit_count", "int8", "3", "How many bits are set.", lambda bits: bits.count("1")),
):
    function(
        f"{_call}(bit) -> {_result}", rowwise=True, doc=_doc, examples={f"{_call}(B'100000011')": _shown}
    )(_count)  # fmt: skip


def _checked_place(bits: str, place: int) -> None:
    if not 0 <= place < len(bits):
        raise ArraySubscriptError(f"bit index {place} out of valid range (0..{len(bits) - 1})")


@function("get_bit(bit, int4) -> int4", rowwise=True, examples={"get_bit(B'101', 1)": "0"})
def bit_at(bits: str, place: int) -> int:
    """The bit at a place, counted from 0 at the left."""
    _checked_place(bits, place)
    return int(bits[place])


@function("set_bit(bit, int4, int4) -> bit", rowwise=True, examples={"set_bit(B'101', 1, 1)": "111"})
def with_bit(bits: str, place: int, bit: int) -> str:
    """The string with another bit at a place, counted from 0 at the left."""
    _checked_place(bits, place)
    if bit not in (0, 1):
        raise InvalidParameterValue("new bit must be 0 or 1")
    return bits[:place] + str(bit) + bits[place + 1 :]


@function("substring(bit, int4) -> bit", rowwise=True, examples={"substring(B'11010' FROM 3)": "010"})
def from_place(bits: str, start: int) -> str:
    """The bits from a place on, counted from 1."""
    return bits[max(start - 1, 0) :]


@function("substring(bit, int4, int4) -> bit", rowwise=True, examples={"substring(B'11010' FROM 2 FOR 3)": "101"})
def between_places(bits: str, start: int, length: int) -> str:
    """So many bits from a place on, counted from 1."""
    if length < 0:
        raise SubstringError("negative substring length not allowed")
    return bits[max(start - 1, 0) : max(start - 1 + length, 0)]


@function(
    "overlay(bit, bit, int4, int4) -> bit",
    rowwise=True,
    examples={"overlay(B'1111' PLACING B'00' FROM 2 FOR 1)": "10011"},
)
def overlaid(bits: str, new: str, start: int, length: int) -> str:
    """The string with other bits in place of some of its own."""
    if start <= 0:
        raise SubstringError("negative substring length not allowed")
    return bits[: start - 1] + new + bits[max(start - 1 + length, 0) :]


function(
    "overlay(bit, bit, int4) -> bit",
    rowwise=True,
    doc="The string with other bits in place of as many of its own.",
    examples={"overlay(B'1111' PLACING B'00' FROM 2)": "1001"},
)(lambda bits, new, start: overlaid(bits, new, start, len(new)))


@function("position(bit, bit) -> int4", rowwise=True, examples={"position(B'01' IN B'1101')": "3"})
def place_of(bits: str, part: str) -> int:
    """Where a part first stands, counted from 1; 0 where it does not."""
    return bits.find(part) + 1 if bits else 0


def _of_integer(call: BoundCall, number: int) -> str:
    width = max(call.result.typmod, 1)
    return _bits(number & ((1 << width) - 1), width)


def _to_integer(width: int, name: str) -> Callable[[str], int]:
    def kernel(bits: str) -> int:
        if len(bits) > width:
            raise NumericValueOutOfRange(f"{name} out of range")
        number = int(bits or "0", 2)
        return number - (1 << width) if number >> (width - 1) else number

    return kernel


for _type, _width, _name in (("int4", 32, "integer"), ("int8", 64, "bigint")):
    cast(f"{_type} -> bit", EXPLICIT, takes_typmod=True, rowwise=True, bound=True)(_of_integer)
    cast(f"bit -> {_type}", EXPLICIT, rowwise=True)(_to_integer(_width, _name))
