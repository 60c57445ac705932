"""Single values as the wire carries them, where that is quicker than a column of one.

Shortcuts past the column codecs of the types, never a source of truth: what is not plain here (a type, a format, a
spelling) goes the general way, and the tests hold each of these against its type's own functions. Values are in the
form that `types.values.plain_values` lists and `pa.array` of the type's storage takes.
"""

import re
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from pgstream.errors import SqlError
from pgstream.types.date import EPOCH_2000_DAYS
from pgstream.types.definition import SqlType
from pgstream.types.numeric_wire import numeric_of_wire
from pgstream.types.timestamp import EPOCH_2000_US, INFINITY, MINUS_INFINITY
from pgstream.wire.backend import sized

TEXT, BINARY = 0, 1

Read = Callable[[bytes], Any]
"""Raises NotPlain, ValueError, struct.error or SqlError where the general way must decide."""

Write = Callable[[Any], bytes]


class NotPlain(Exception):
    """A value that may be right or wrong, but not here."""


NOT_HERE = (NotPlain, ValueError, struct.error, SqlError)
"""What a `Read` raises."""

_DAYS_MAX = 1_000_000
_US_MAX = 10**17
"""Moments further from 2000 are left to their types, which know what is out of range."""

_DECIMAL = re.compile(rb"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?")
_SHORT_DECIMAL = re.compile(rb"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


def reader(type: SqlType, code: int) -> Read | None:
    """How one parameter value is read; None for types and formats that go the general way."""
    return None if type.typmod >= 0 else (_READ_TEXT if code == TEXT else _READ_BINARY).get(type.name)


def writer(type: SqlType, code: int) -> Write | None:
    """How one result value is written, behind its length; None for types and formats that go the general way."""
    return (_WRITE_TEXT if code == TEXT else _WRITE_BINARY).get(type.name)


# Reading ---------------------------------------------------------------------------------------------------


def _integer(digits_max: int) -> Read:
    def read(value: bytes) -> int:
        digits = value[1:] if value[:1] == b"-" else value
        if not digits.isdigit() or len(digits) > digits_max:
            raise NotPlain
        return int(value)

    return read


def _string(value: bytes) -> str:
    if 0 in value:
        raise NotPlain
    return value.decode()


def _bool_word(value: bytes) -> bool:
    if value not in (b"t", b"f"):
        raise NotPlain
    return value == b"t"


def _bool_byte(value: bytes) -> bool:
    if len(value) != 1:
        raise NotPlain
    return value != b"\0"


def _float_text(value: bytes) -> float:
    if _SHORT_DECIMAL.fullmatch(value) is None:
        raise NotPlain
    return float(value)


def _numeric_text(value: bytes) -> str:
    if _DECIMAL.fullmatch(value) is None or (value[0] == 45 and not value.strip(b"-0.")):
        raise NotPlain
    return value.decode()


def _packed(format: str) -> Read:
    unpack = struct.Struct(format).unpack
    return lambda value: unpack(value)[0]


def _moment(format: str, epoch: int, most: int) -> Read:
    unpack = struct.Struct(format).unpack

    def read(value: bytes) -> int:
        (found,) = unpack(value)
        if not -most < found < most:
            raise NotPlain
        return int(found) + epoch

    return read


def _uuid(value: bytes) -> bytes:
    if len(value) != 16:
        raise NotPlain
    return value


_READ_TEXT: dict[str, Read] = {
    "int2": _integer(4),
    "int4": _integer(9),
    "int8": _integer(18),
    "float8": _float_text,
    "numeric": _numeric_text,
    "text": _string,
    "varchar": _string,
    "bool": _bool_word,
}

_READ_BINARY: dict[str, Read] = {
    "int2": _packed("!h"),
    "int4": _packed("!i"),
    "int8": _packed("!q"),
    "float4": _packed("!f"),
    "float8": _packed("!d"),
    "numeric": numeric_of_wire,
    "text": _string,
    "varchar": _string,
    "bool": _bool_byte,
    "bytea": bytes,
    "uuid": _uuid,
    "date": _moment("!i", EPOCH_2000_DAYS, _DAYS_MAX),
    "timestamp": _moment("!q", EPOCH_2000_US, _US_MAX),
    "timestamptz": _moment("!q", EPOCH_2000_US, _US_MAX),
}


# Writing ---------------------------------------------------------------------------------------------------


def _string_bytes(value: str) -> bytes:
    content = value.encode()
    return len(content).to_bytes(4, "big") + content


def _packing(format: str) -> Write:
    """Numbers of one width, in network order."""
    packed = struct.Struct(f"!i{format}")
    return partial(packed.pack, packed.size - 4)


_NUMERICS_WITHOUT_DIGITS = {
    "NaN": b"\0\0\0\0\xc0\0\0\0",
    "Infinity": b"\0\0\0\0\xd0\0\0\x20",
    "-Infinity": b"\0\0\0\0\xf0\0\0\x20",
}
_ONE_GROUP = struct.Struct("!ihhHHh").pack
_TWO_GROUPS = struct.Struct("!ihhHHhh").pack


def _binary_numeric(text: str) -> bytes:
    if len(text) <= 8 and text.isdigit() and text != "0":
        high, low = divmod(int(text), 10_000)
        if not high:
            return _ONE_GROUP(10, 1, 0, 0, 0, low)
        return _TWO_GROUPS(12, 2, 1, 0, 0, high, low) if low else _ONE_GROUP(10, 1, 1, 0, 0, high)
    return sized(_any_numeric(text))


def _any_numeric(text: str) -> bytes:
    """A numeric's digits in base 10000, big-endian, behind their number, the first one's power, sign and scale."""
    if not text[-1].isdigit():
        return _NUMERICS_WITHOUT_DIGITS[text]
    whole, _, fraction = text.lstrip("-").partition(".")
    places = len(whole) + -len(whole) % 4
    spelt = whole.zfill(places) + fraction + "0" * (-len(fraction) % 4)
    digits = [int(spelt[i : i + 4]) for i in range(0, len(spelt), 4)]
    power = places // 4 - 1
    while digits and digits[0] == 0:
        del digits[0]
        power -= 1
    while digits and digits[-1] == 0:
        del digits[-1]
    sign = 0x4000 if text[0] == "-" and digits else 0
    head = (len(digits), power if digits else 0, sign, len(fraction))
    return struct.pack(f"!hhHH{len(digits)}h", *head, *digits)


_binary_int8 = _packing("q")
_LAST, _FIRST = _binary_int8((1 << 63) - 1), _binary_int8(-(1 << 63))


def _binary_timestamp(us: int) -> bytes:
    if MINUS_INFINITY < us < INFINITY:
        return _binary_int8(us - EPOCH_2000_US)
    return _LAST if us == INFINITY else _FIRST


def _uuid_text(value: bytes) -> bytes:
    spelt = value.hex()
    return _string_bytes(f"{spelt[:8]}-{spelt[8:12]}-{spelt[12:16]}-{spelt[16:20]}-{spelt[20:]}")


_STRINGS = ("text", "varchar", "name")

_WRITE_TEXT: dict[str, Write] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), lambda value: sized(b"%d" % value)),
    **dict.fromkeys((*_STRINGS, "numeric", "jsonb", "json"), _string_bytes),
    "bool": lambda value: b"\0\0\0\1t" if value else b"\0\0\0\1f",
    "uuid": _uuid_text,
}

_WRITE_BINARY: dict[str, Write] = {
    "int2": _packing("h"),
    "int4": _packing("i"),
    "int8": _binary_int8,
    "float4": _packing("f"),
    "float8": _packing("d"),
    **dict.fromkeys((*_STRINGS, "json"), _string_bytes),
    "jsonb": lambda value: sized(b"\1" + value.encode()),
    "numeric": _binary_numeric,
    "bool": lambda value: b"\0\0\0\1\1" if value else b"\0\0\0\1\0",
    "uuid": sized,
    "bytea": sized,
    "timestamp": _binary_timestamp,
    "timestamptz": _binary_timestamp,
}
