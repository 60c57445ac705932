"""Result columns as bytes: RowDescription fields and DataRow messages, a column at a time."""

from collections.abc import Sequence

import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import ProtocolViolation, UndefinedFunction
from pgstream.kernels.rows import StringColumn, framed
from pgstream.plan.expressions import Col
from pgstream.session.scalars import BINARY, TEXT, writer
from pgstream.types.buffers import strings
from pgstream.types.definition import Settings, SqlType
from pgstream.types.domain import below
from pgstream.types.values import plain_values
from pgstream.wire.backend import NULL, Field, data_row, sized

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
        type = _TEXT_TYPE if col.type == _UNKNOWN else below(col.type)
        definition = type.definition
        oid, length = definition.told_oid or definition.oid, definition.length
        described.append(Field(col.name, col.table_oid, col.attnum, oid, length, type.typmod, code))
    return described


def encoded(column: Column, type: SqlType, code: int, settings: Settings) -> Column:
    """`column` as a string or binary column of what goes over the wire."""
    definition = type.definition
    if code == TEXT:
        return definition.format(column, settings)
    if definition.pseudo and definition.sql_name not in ("record", "record[]", "void", "unknown"):
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
    return b"".join(data_row(cells) for cells in zip(*values, strict=True)) if values else data_row(()) * count


def _immediate(column: Column, type: SqlType, code: int, settings: Settings) -> list[bytes]:
    """The values of a few rows as DataRow holds them."""
    write = writer(type, code)
    if write is not None:
        return [NULL if value is None else write(value) for value in plain_values(column)]
    wire = encoded(column, type, code, settings)
    if wire.type == pa.string():
        return [NULL if value is None else sized(value.encode()) for value in wire.to_pylist()]
    return [NULL if value is None else sized(value) for value in wire.to_pylist()]


def chunk_rows(columns: int) -> int:
    """How many rows of that many columns are encoded at once."""
    return max(64, CHUNK_VALUES // max(1, columns))
