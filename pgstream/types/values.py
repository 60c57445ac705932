"""Whole columns as Python values and back, and text as columns."""

import struct
from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from pgstream.delta import Column
from pgstream.types.definition import Settings, SqlType


def plain_values(column: Column) -> list[Any]:
    """The as_py() forms of `column`, but plain ints for dates and times (µs, days), inside lists and rows too; of rows,
    the tuples of their fields."""
    storage = column.type
    if pa.types.is_list(storage):
        offsets = column.offsets.to_pylist()
        flat = plain_values(column.values)
        valid = column.is_valid().to_pylist()
        return [flat[offsets[i] : offsets[i + 1]] if valid[i] else None for i in range(len(column))]
    if pa.types.is_struct(storage):
        return _plain_rows(column)
    if pa.types.is_date32(storage):
        return column.view(pa.int32()).to_pylist()  # type: ignore[no-any-return]
    if pa.types.is_temporal(storage):
        return column.view(pa.int64()).to_pylist()  # type: ignore[no-any-return]
    return column.to_pylist()  # type: ignore[no-any-return]


def _plain_rows(column: Column) -> list[Any]:
    known = column.is_valid().to_pylist()
    fields = [plain_values(field) for field in column.flatten()] if column.type.num_fields else []
    rows = list(zip(*fields, strict=True)) if fields else [()] * len(column)
    return [row if there else None for row, there in zip(rows, known, strict=True)]


def values_of(type: SqlType, column: Column) -> list[Any]:
    """The Python form of each value; None for NULL."""
    to_python = type.definition.to_python
    return [None if plain is None else to_python(plain) for plain in plain_values(column)]


def column_of(type: SqlType, values: Iterable[Any]) -> Column:
    """The column of Python forms `values`."""
    attributes = type.definition.attributes
    if attributes:
        return _rows_column(attributes, list(values), type.storage)
    from_python = type.definition.from_python
    plain = [None if value is None else from_python(value) for value in values]
    storage = type.storage
    if pa.types.is_list(storage) and pa.types.is_temporal(storage.value_type):
        width = pa.int32() if pa.types.is_date32(storage.value_type) else pa.int64()
        return pa.array(plain, pa.list_(width)).view(storage)
    if pa.types.is_temporal(storage):
        return pa.array(plain, pa.int32() if pa.types.is_date32(storage) else pa.int64()).view(storage)
    return pa.array(plain, storage)


def _rows_column(attributes: tuple[tuple[str, SqlType], ...], rows: list[Any], storage: pa.DataType) -> Column:
    """The rows whose fields are the items of tuples."""
    fields = [
        column_of(type, [None if row is None else row[place] for row in rows])
        for place, (_, type) in enumerate(attributes)
    ]
    missing = [row is None for row in rows]
    mask = pa.array(missing) if any(missing) else None
    return pa.StructArray.from_arrays(fields, fields=list(storage), mask=mask)


_WORDS = {
    pa.int16(): struct.Struct("<h").pack,
    pa.int32(): struct.Struct("<i").pack,
    pa.int64(): struct.Struct("<q").pack,
}
_ENDS = struct.Struct("<ii").pack


def column_of_one(value: Any, storage: pa.DataType) -> Column:
    """The column of one value as `plain_values` lists it; `pa.array` takes longer."""
    pack = _WORDS.get(storage)
    if pack is not None and value is not None:
        return pa.Array.from_buffers(storage, 1, [None, pa.py_buffer(pack(value))])
    if storage == pa.string() and value is not None:
        content = value.encode()
        return pa.Array.from_buffers(storage, 1, [None, pa.py_buffer(_ENDS(0, len(content))), pa.py_buffer(content)])
    return pa.array([value], storage)


def parse_text(type: SqlType, text: Column, settings: Settings, now_us: int) -> Column:
    """`text` (Arrow string) read as `type` in a session with `settings` at time `now_us`."""
    definition = type.definition
    if definition.parse_at is not None:
        return definition.parse_at(text, type.typmod, settings, now_us)
    return definition.parse(text, type.typmod)
