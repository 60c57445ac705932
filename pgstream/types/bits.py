"""What bit and bit varying share. Python form, and what is stored: str of the digits 0 and 1.

Strings of digits sort as PostgreSQL sorts the bits: by the first that differs, a shorter string before its extensions.
"""

import re
import struct
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation, InvalidParameterValue, InvalidTextRepresentation, SqlError
from pgstream.types.lift import over_distinct
from pgstream.types.string import STRING_CODECS

LENGTH_MAX = 83_886_080
WRONG_BINARY, WRONG_HEXADECIMAL = re.compile("[^01]"), re.compile("[^0-9a-fA-F]")


class BitLengthMismatch(SqlError):
    """PostgreSQL's ERRCODE_STRING_DATA_LENGTH_MISMATCH."""

    sqlstate = "22026"


def bits_of(text: str) -> str:
    """The bits `text` spells: binary digits, perhaps after a b, or hexadecimal ones after an x."""
    digits = text[1:] if text[:1] in ("b", "B", "x", "X") else text
    hexadecimal = text[:1] in ("x", "X")
    wrong = (WRONG_HEXADECIMAL if hexadecimal else WRONG_BINARY).search(digits)
    if wrong is not None:
        kind = "hexadecimal" if hexadecimal else "binary"
        raise InvalidTextRepresentation(f'"{wrong[0]}" is not a valid {kind} digit')
    return "".join(f"{int(digit, 16):04b}" for digit in digits) if hexadecimal else digits


def parse_bits(text: Column, typmod: int) -> Column:
    """Input of any length."""
    return over_distinct(text, pa.string(), bits_of)


def sent(bits: str) -> bytes:
    """Binary output: how many bits, and the bits, the last byte filled with zeros."""
    return struct.pack(">i", len(bits)) + packed(bits)


def packed(bits: str) -> bytes:
    """The bits, eight to a byte."""
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def received(content: bytes) -> str:
    """Binary input."""
    length = struct.unpack_from(">i", content)[0] if len(content) >= 4 else -1
    if length < 0 or len(content) != 4 + (length + 7) // 8:
        raise InvalidBinaryRepresentation("invalid length in external bit string")
    return "".join(f"{byte:08b}" for byte in content[4:])[:length]


def bits_typmod(type_name: str, numbers: tuple[int, ...]) -> int:
    """The modifier of bit(n) and bit varying(n): n."""
    if len(numbers) != 1:
        raise InvalidParameterValue("invalid type modifier")
    if numbers[0] < 1:
        raise InvalidParameterValue(f"length for type {type_name} must be at least 1")
    if numbers[0] > LENGTH_MAX:
        raise InvalidParameterValue(f"length for type {type_name} cannot exceed {LENGTH_MAX}")
    return numbers[0]


def first_other_length(column: Column, wrong: Column) -> int:
    """How long the first value is that is `wrong`; -1 where none is."""
    found = pc.index(wrong, True).as_py()
    return -1 if found < 0 else len(column[found].as_py())


BIT_CODECS: dict[str, Any] = {
    **STRING_CODECS,
    "category": "V",
    "length": -1,
    "toast": "x",
    "receive": lambda content, typmod: over_distinct(content, pa.string(), received),
    "send": lambda column: over_distinct(column, pa.binary(), sent),
}
"""Fields of both definitions."""
