"""The memory of an Arrow column as plain arrays, which is what kernels take, and back."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column


class Strings(NamedTuple):
    """A string or binary column: value i is `bytes[offsets[i]:offsets[i + 1]]`; meaningless where not `valid[i]`."""

    offsets: NDArray[np.int32]
    bytes: NDArray[np.uint8]
    valid: NDArray[np.bool_]


def valid_rows(column: Column) -> NDArray[np.bool_]:
    """Where `column` is not NULL."""
    if column.null_count == 0:
        return np.ones(len(column), np.bool_)
    return np.asarray(column.is_valid().to_numpy(zero_copy_only=False), np.bool_)


def bitmap(column: Column) -> pa.Buffer | None:
    """The validity bitmap of `column`, starting at bit 0; None where nothing is NULL."""
    if column.null_count == 0:
        return None
    if column.type != pa.null() and column.offset == 0:
        return column.buffers()[0]
    return pa.py_buffer(np.packbits(valid_rows(column), bitorder="little"))


def strings(column: Column) -> Strings:
    """The buffers of a string or binary column (32-bit offsets), shared."""
    _, offset_buffer, byte_buffer = column.buffers()
    if offset_buffer is None or len(column) == 0:
        return Strings(np.zeros(1, np.int32), np.empty(0, np.uint8), np.empty(0, np.bool_))
    offsets = np.frombuffer(offset_buffer, np.int32)[column.offset : column.offset + len(column) + 1]
    content = np.empty(0, np.uint8) if byte_buffer is None else np.frombuffer(byte_buffer, np.uint8)
    return Strings(offsets, content, valid_rows(column))


def string_column(
    offsets: NDArray[np.int32],
    content: NDArray[np.uint8],
    like: Column | None = None,
    storage: pa.DataType | None = None,
) -> Column:
    """A string column (or `storage`: binary) over the given memory, NULL where `like` is."""
    nulls = None if like is None else bitmap(like)
    buffers = [nulls, pa.py_buffer(offsets), pa.py_buffer(content)]
    return pa.Array.from_buffers(storage or pa.string(), len(offsets) - 1, buffers)


def numbers(column: Column, dtype: type[np.generic] | np.dtype[Any]) -> NDArray[Any]:
    """The values of a fixed-width column as an array of `dtype`, shared; meaningless where NULL."""
    content = column.buffers()[1]
    if content is None or len(column) == 0:
        return np.zeros(len(column), dtype)
    return np.frombuffer(content, dtype)[column.offset : column.offset + len(column)]


def number_column(storage: pa.DataType, values: NDArray[np.generic], like: Column | None = None) -> Column:
    """A fixed-width column over `values`, NULL where `like` is."""
    nulls = None if like is None else bitmap(like)
    return pa.Array.from_buffers(storage, len(values), [nulls, pa.py_buffer(np.ascontiguousarray(values))])


def records_column(rows: NDArray[np.generic], like: Column | None = None) -> Column:
    """A binary column whose value i is the memory of `rows[i]` (all of one width)."""
    width = rows.dtype.itemsize if rows.ndim == 1 else rows.shape[1] * rows.dtype.itemsize
    offsets = (np.arange(len(rows) + 1, dtype=np.int64) * width).astype(np.int32)
    content = np.ascontiguousarray(rows).view(np.uint8).reshape(-1)
    return string_column(offsets, content, like, pa.binary())
