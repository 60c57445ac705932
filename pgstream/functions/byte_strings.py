"""Byte strings: their bits and bytes, trimmed, overlaid, and matched with LIKE."""

from collections.abc import Callable

from pgstream.errors import ArraySubscriptError, InvalidParameterValue, NumericValueOutOfRange, SubstringError
from pgstream.functions.patterns import like_expression
from pgstream.functions.registry import function


def _at(index: int, size: int) -> int:
    if not 0 <= index < size:
        raise ArraySubscriptError(f"index {index} out of valid range, 0..{size - 1}")
    return index


function(
    "get_byte(bytea, int4) -> int4",
    rowwise=True,
    doc="The byte at an index that counts from 0.",
    examples={
        "get_byte('\\x0102'::bytea, 1)": "2",
        "get_byte('\\x01'::bytea, 2)": "ERROR: 2202E index 2 out of valid range, 0..0",
    },
)(lambda content, index: content[_at(index, len(content))])


@function(
    "set_byte(bytea, int4, int4) -> bytea",
    rowwise=True,
    examples={"set_byte('\\x1234567890'::bytea, 4, 64)": "\\x1234567840", "set_byte('\\x12'::bytea, 0, 300)": "\\x2c"},
)
def set_byte(content: bytes, index: int, value: int) -> bytes:
    """The bytes with one of them, at an index that counts from 0, replaced."""
    at = _at(index, len(content))
    return content[:at] + bytes([value & 255]) + content[at + 1 :]


@function(
    "get_bit(bytea, int8) -> int4",
    rowwise=True,
    examples={
        "get_bit('\\x1234567890'::bytea, 30)": "1",
        "get_bit('\\x01'::bytea, 8)": "ERROR: 2202E index 8 out of valid range, 0..7",
    },
)
def get_bit(content: bytes, index: int) -> int:
    """A bit; the lowest of the first byte is at 0."""
    at = _at(index, 8 * len(content))
    return content[at // 8] >> at % 8 & 1


@function(
    "set_bit(bytea, int8, int4) -> bytea",
    rowwise=True,
    examples={
        "set_bit('\\x1234567890'::bytea, 30, 0)": "\\x1234563890",
        "set_bit('\\x00'::bytea, 1, 2)": "ERROR: 22023 new bit must be 0 or 1",
    },
)
def set_bit(content: bytes, index: int, bit: int) -> bytes:
    """The bytes with one bit replaced; the lowest of the first byte is at 0."""
    at = _at(index, 8 * len(content))
    if bit not in (0, 1):
        raise InvalidParameterValue("new bit must be 0 or 1")
    old = content[at // 8]
    new = old | 1 << at % 8 if bit else old & ~(1 << at % 8)
    return content[: at // 8] + bytes([new]) + content[at // 8 + 1 :]


function(
    "bit_count(bytea) -> int8",
    rowwise=True,
    doc="How many bits are set.",
    examples={"bit_count('\\x1234ff'::bytea)": "13", "bit_count(''::bytea)": "0"},
)(lambda content: int.from_bytes(content, "big").bit_count())
for _name, _trim, _result in (
    ("btrim", bytes.strip, "\\x02"),
    ("ltrim", bytes.lstrip, "\\x020100"),
    ("rtrim", bytes.rstrip, "\\x000102"),
):
    function(
        f"{_name}(bytea, bytea) -> bytea",
        rowwise=True,
        doc="Without the bytes at its ends, its start or its end that are among those of the second.",
        examples={f"{_name}('\\x0001020100'::bytea, '\\x0001'::bytea)": _result},
    )(lambda content, cut, trim=_trim: trim(content, cut))


def _overlaid(content: bytes, new: bytes, start: int, count: int | None = None) -> bytes:
    if start <= 0:
        raise SubstringError("negative substring length not allowed")
    end = start + (len(new) if count is None else count)
    if end > 2**31 - 1:
        raise NumericValueOutOfRange("integer out of range")
    return content[: start - 1] + new + content[max(end - 1, 0) :]


function(
    "overlay(bytea, bytea, int4) -> bytea",
    rowwise=True,
    doc="With the bytes from a place on replaced.",
    examples={
        "overlay('\\x1234567890'::bytea PLACING '\\x0203'::bytea FROM 2)": "\\x1202037890",
        "overlay('\\x12'::bytea, '\\x0203', 0)": "ERROR: 22011 negative substring length not allowed",
    },
)(_overlaid)
function(
    "overlay(bytea, bytea, int4, int4) -> bytea",
    rowwise=True,
    doc="With so many bytes from a place on replaced.",
    examples={
        "overlay('\\x1234567890'::bytea PLACING '\\x0203'::bytea FROM 2 FOR 3)": "\\x12020390",
        "overlay('\\x1234'::bytea, '\\xff', 2, -1)": "\\x12ff1234",
    },
)(_overlaid)


def _like(negated: bool) -> Callable[[bytes, bytes], bool]:
    def test(content: bytes, pattern: bytes) -> bool:
        expression = like_expression(pattern.decode("latin-1"), False)
        return (expression.fullmatch(content.decode("latin-1")) is None) == negated

    return test


function(
    "bytealike(bytea, bytea) -> bool",
    operator="~~",
    rowwise=True,
    doc="Whether the bytes match a pattern of LIKE.",
    examples={"'abc'::bytea LIKE '%b_'::bytea": "t", "'\\xc3a4'::bytea LIKE '_'::bytea": "f"},
)(_like(False))
function(
    "byteanlike(bytea, bytea) -> bool",
    operator="!~~",
    rowwise=True,
    doc="Whether the bytes do not match a pattern of LIKE.",
    examples={"'abc'::bytea NOT LIKE 'a%'::bytea": "f"},
)(_like(True))
