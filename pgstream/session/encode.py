"""Result columns as bytes: RowDescription fields and DataRow messages, a column at a time."""

import struct
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import ProtocolViolation, UndefinedFunction
from pgstream.kernels.rows import StringColumn, framed
from pgstream.plan.expressions import Col
from pgstream.types.buffers import strings
from pgstream.types.definition import Settings, SqlType
from pgstream.wire.backend import Field, data_row

TEXT, BINARY = 0, 1

FEW_ROWS = 8
"""Up to here rows are framed one by one: a kernel call costs more than that."""

CHUNK_VALUES = 32_768
"""About how many values are encoded before the client must have taken what came before."""

_UNKNOWN = SqlType("unknown")
_TEXT_TYPE = SqlType("text")


def result_formats(codes: Sequence[int], count: int) -> tuple[int, ...]:
    """Format codes as Bind gives them (none, one for all, or one each) spelt out for `count` columns."""
    for code in codes:
        if code not in (TEXT, BINARY):
            raise ProtocolViolation(f"unsupported format code: {code}")
    if len(codes) == 0:
        return (TEXT,) * count
    if len(codes) == 1:
        return (codes[0],) * count
    if len(codes) != count:
        raise ProtocolViolation(f"bind message has {len(codes)} result formats but query has {count} columns")
    return tuple(codes)


def fields(columns: Sequence[Col], formats: Sequence[int]) -> list[Field]:
    """The RowDescription of `columns`."""
    described = []
    for col, code in zip(columns, formats, strict=True):
        type = _TEXT_TYPE if col.type == _UNKNOWN else col.type
        definition = type.definition
        oid, length = definition.told_oid or definition.oid, definition.length
        described.append(Field(col.name, col.table_oid, col.attnum, oid, length, type.typmod, code))
    return described


def encoded(column: Column, type: SqlType, code: int, settings: Settings) -> Column:
    """`column` as a string or binary column of what goes over the wire."""
    definition = type.definition
    if code == TEXT:
        return definition.format(column, settings)
    if definition.pseudo and definition.name not in ("record", "void", "unknown"):
        raise UndefinedFunction(f"no binary output function available for type {type}")
    return definition.send(column)


def rows_framed(
    columns: Sequence[Col], rows: Sequence[Column], count: int, formats: Sequence[int], settings: Settings
) -> bytes:
    """`count` rows as DataRow messages."""
    if count <= FEW_ROWS:
        return _few_rows(columns, rows, count, formats, settings)
    parts: list[StringColumn] = []
    for col, column, code in zip(columns, rows, formats, strict=True):
        parts.append(string_parts(encoded(column, col.type, code, settings)))
    return framed(parts, count).tobytes()


def string_parts(column: Column) -> StringColumn:
    """The memory of a string or binary column as `kernels.rows` takes it."""
    found = strings(column)
    return found.offsets, found.bytes, found.valid


def _few_rows(
    columns: Sequence[Col], rows: Sequence[Column], count: int, formats: Sequence[int], settings: Settings
) -> bytes:
    values = [
        _immediate(column, col.type, code, settings) for col, column, code in zip(columns, rows, formats, strict=True)
    ]
    return b"".join(data_row([column[row] for column in values]) for row in range(count))


_PLAIN_TEXT: dict[str, Callable[[Any], bytes]] = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), lambda value: b"%d" % value),
    **dict.fromkeys(("text", "varchar", "name", "numeric", "jsonb", "json"), str.encode),
    "bool": lambda value: b"t" if value else b"f",
}
"""Types whose one value is formatted faster than their column function can be called. A shortcut, never a source of
truth: the tests hold it against the types' own functions."""


_NUMERICS_WITHOUT_DIGITS = {
    "NaN": b"\0\0\0\0\xc0\0\0\0",
    "Infinity": b"\0\0\0\0\xd0\0\0\x20",
    "-Infinity": b"\0\0\0\0\xf0\0\0\x20",
}


def _binary_numeric(text: str) -> bytes:
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


_PLAIN_BINARY: dict[str, Callable[[Any], bytes]] = {
    "int2": struct.Struct("!h").pack,
    "int4": struct.Struct("!i").pack,
    "int8": struct.Struct("!q").pack,
    "float8": struct.Struct("!d").pack,
    **dict.fromkeys(("text", "varchar", "name", "json"), str.encode),
    "numeric": _binary_numeric,
    "bool": lambda value: b"\1" if value else b"\0",
}


def _immediate(column: Column, type: SqlType, code: int, settings: Settings) -> list[bytes | None]:
    plain = (_PLAIN_TEXT if code == TEXT else _PLAIN_BINARY).get(type.name)
    if plain is not None:
        return [None if value is None else plain(value) for value in column.to_pylist()]
    wire = encoded(column, type, code, settings)
    if wire.type == pa.string():
        return [None if value is None else value.encode() for value in wire.to_pylist()]
    return list(wire.to_pylist())


def chunk_rows(columns: int) -> int:
    """How many rows of that many columns are encoded at once."""
    return max(64, CHUNK_VALUES // max(1, columns))
