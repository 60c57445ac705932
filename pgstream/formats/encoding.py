"""Columns to the bytes of records, a column at a time."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.types.definition import SqlType

ISO_SETTINGS = {
    "timezone": "UTC",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
}
"""Sinks write the same whatever session created them."""


def texts_of(column: Column, type: SqlType) -> Column:
    """`column` as its type's output function prints it."""
    return column if column.type == pa.string() else type.definition.format(column, ISO_SETTINGS)


def joined(parts: Sequence[Any], count: int) -> bytes:
    """The bytes of `count` records, each the concatenation of `parts`: strings, or columns without NULLs."""
    if count == 0:
        return b""
    if not any(isinstance(part, pa.Array) for part in parts):
        return "".join(parts).encode() * count
    wide = pa.large_string()
    aligned = [pc.cast(part, wide) if isinstance(part, pa.Array) else pa.scalar(part, wide) for part in parts]
    records = pc.binary_join_element_wise(*aligned, pa.scalar("", wide))
    return content(records)


def content(records: Column) -> bytes:
    """The bytes of all values of a string column without NULLs, end to end."""
    if isinstance(records, pa.ChunkedArray):
        return b"".join(content(chunk) for chunk in records.chunks)
    _, offsets, text = records.buffers()
    width = 8 if records.type == pa.large_string() else 4
    ends = memoryview(offsets).cast("B").cast("q" if width == 8 else "i")
    return bytes(memoryview(text)[ends[records.offset] : ends[records.offset + len(records)]])
