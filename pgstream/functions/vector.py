"""Arrow columns seen as NumPy arrays, and back: how every kernel that is not pyarrow.compute's starts and ends."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column

_WIDTHS: dict[str, Any] = {
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "float": np.float32,
    "double": np.float64,
    "date32[day]": np.int32,
    "time64[us]": np.int64,
    "timestamp[us]": np.int64,
    "timestamp[us, tz=UTC]": np.int64,
}


def numbers(column: Column) -> NDArray[Any]:
    """The fixed-width values of `column` without a copy: integers, floats, days or microseconds.

    What stands where the column is NULL is not defined.
    """
    dtype = _WIDTHS[str(column.type)]
    content = column.buffers()[1]
    if content is None or not len(column):
        return np.zeros(len(column), dtype)
    return np.frombuffer(content, dtype, len(column), column.offset * np.dtype(dtype).itemsize)


def booleans(column: Column) -> NDArray[np.bool_]:
    """Where `column` (boolean) is true; NULL counts as false."""
    if column.null_count:
        column = pc.fill_null(column, False)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.bool_)


def valid(column: Column) -> NDArray[np.bool_]:
    """Where `column` is not NULL."""
    if not column.null_count:
        return np.ones(len(column), np.bool_)
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def column_of(values: NDArray[Any], storage: pa.DataType, nulls: NDArray[np.bool_] | None = None) -> Column:
    """`values` as a column of `storage`, NULL where `nulls`; shares memory where the widths agree."""
    if pa.types.is_boolean(storage):
        return pa.array(values, storage, mask=nulls)
    dtype = _WIDTHS[str(storage)]
    dense = np.ascontiguousarray(values, dtype)
    if nulls is None or not nulls.any():
        return pa.Array.from_buffers(storage, len(dense), [None, pa.py_buffer(dense)])
    bits = pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    return pa.Array.from_buffers(storage, len(dense), [bits, pa.py_buffer(dense)])


def strings(values: Sequence[str | None]) -> Column:
    """A text column of `values`."""
    return pa.array(values, pa.string())


def scattered(dense: Column, rows: NDArray[np.int64], count: int) -> Column:
    """A column of `count` rows that holds `dense` at `rows` (ascending) and NULL elsewhere."""
    index = np.zeros(count, np.int64)
    missing = np.ones(count, np.bool_)
    index[rows] = np.arange(len(rows))
    missing[rows] = False
    return dense.take(column_of(index, pa.int64(), missing))


def repeated(value: pa.Scalar, count: int) -> Column:
    """`value` `count` times."""
    if not value.is_valid:
        return pa.nulls(count, value.type)
    if pa.types.is_struct(value.type) and value.type.num_fields:
        return pa.StructArray.from_arrays([repeated(cell, count) for cell in value.values()], fields=list(value.type))
    if pa.types.is_nested(value.type) or pa.types.is_fixed_size_binary(value.type):
        return pa.array([value.as_py()], value.type).take(column_of(np.zeros(count, np.int64), pa.int64()))
    return pa.repeat(value, count)


def list_bounds(column: Column) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First index (into `column.values`) and length of each list; a NULL list has length 0."""
    ends = np.asarray(column.offsets.to_numpy(), np.int64)
    lengths = np.diff(ends)
    if column.null_count:
        lengths = np.where(valid(column), lengths, 0)
    return ends[:-1], lengths


def list_column(values: Column, lengths: NDArray[np.int64], nulls: NDArray[np.bool_] | None = None) -> Column:
    """Lists of `lengths` elements each, cut from `values` one after another; NULL (of length 0) where `nulls`."""
    ends = np.zeros(len(lengths) + 1, np.int32)
    np.cumsum(lengths, out=ends[1:])
    bits = None if nulls is None or not nulls.any() else pa.py_buffer(np.packbits(~nulls, bitorder="little"))
    storage = pa.list_(values.type)
    return pa.Array.from_buffers(storage, len(lengths), [bits, pa.py_buffer(ends)], children=[values])


def ranges(starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """starts[0], starts[0]+1, … (lengths[0] of them), then those of starts[1], and so on."""
    total = int(lengths.sum())
    before = np.cumsum(lengths) - lengths
    return np.asarray(np.arange(total, dtype=np.int64) + np.repeat(starts - before, lengths), np.int64)
