"""Order keys: bytes whose memcmp order is the SQL order of the values, and of which none is a prefix of another."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.kernels.text import ordered_bytes
from pgstream.types.buffers import records_column, string_column, strings


def signed_keys(values: NDArray[np.signedinteger]) -> Column:
    """Keys of integers: big-endian with the sign bit flipped."""
    width = values.dtype.itemsize
    unsigned = values.view(f"u{width}") ^ np.array(1 << (8 * width - 1), f"u{width}")
    return records_column(unsigned.astype(f">u{width}"))


def float_keys(values: NDArray[np.floating]) -> Column:
    """Keys of floats in PostgreSQL's order: -0 equals 0, NaN equals NaN and is above Infinity."""
    width = values.dtype.itemsize
    bits = canonical_floats(values).view(f"u{width}")
    sign = np.array(1 << (8 * width - 1), f"u{width}")
    return records_column(np.where(bits & sign, ~bits, bits | sign).astype(f">u{width}"))


def canonical_floats(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """`values` with 0 for -0 and one NaN for all of them."""
    return np.where(np.isnan(values), np.array(np.nan, values.dtype), values + np.array(0, values.dtype))


def string_keys(column: Column) -> Column:
    """Keys of string or binary values: bytes in code point order, ended by a double zero."""
    memory = strings(column)
    offsets, content = ordered_bytes(memory.offsets, memory.bytes)
    return string_column(offsets, content, None, pa.binary())
