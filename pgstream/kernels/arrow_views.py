"""Addresses and views of Arrow buffers, without copying."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Leaf(NamedTuple):
    """Where an array's own buffers lie, its offset already applied.

    bits     the validity bitmap, 0 where no row is NULL; row 0 is its bit `offset`
    values   fixed-width values of row 0 on; a boolean's bitmap (from bit `offset`); a string's or list's int32 offsets
    content  a string's bytes; 0 elsewhere
    kind     how the storage lies in memory (see `layout`)
    width    the bytes of one value where that is FIXED
    """

    bits: int
    offset: int
    values: int
    content: int
    kind: int
    width: int


FIXED, BITS, STRINGS, LIST, STRUCT, NOTHING = range(6)


def layout(storage: pa.DataType) -> tuple[int, int]:
    """How a storage lies in memory: FIXED, BITS, …; and the bytes of one value where FIXED."""
    found = _LAYOUTS.get(storage.id)
    if found is None:
        if pa.types.is_fixed_size_binary(storage):
            return FIXED, storage.byte_width
        found = _LAYOUTS[storage.id] = _layout(storage)
    return found


_LAYOUTS: dict[int, tuple[int, int]] = {}


def _layout(storage: pa.DataType) -> tuple[int, int]:
    if pa.types.is_null(storage):
        return NOTHING, 0
    if pa.types.is_boolean(storage):
        return BITS, 0
    if pa.types.is_string(storage) or pa.types.is_binary(storage):
        return STRINGS, 0
    if pa.types.is_list(storage):
        return LIST, 0
    if pa.types.is_struct(storage):
        return STRUCT, 0
    assert not pa.types.is_nested(storage), f"no SQL type is stored as {storage}"
    return FIXED, storage.bit_width // 8


def leaf(array: pa.Array) -> Leaf:
    """The addresses of `array`'s own buffers; the caller keeps `array` alive while they are used."""
    buffers, offset = array.buffers(), array.offset
    kind, width = layout(array.type)
    bits = buffers[0].address if buffers[0] is not None and array.null_count else 0
    if kind in (NOTHING, STRUCT) or buffers[1] is None:
        return Leaf(bits, offset, 0, 0, kind, width)
    values = buffers[1].address
    if kind == FIXED:
        return Leaf(bits, offset, values + offset * width, 0, kind, width)
    if kind == BITS:
        return Leaf(bits, offset, values, 0, kind, width)
    content = buffers[2].address if kind == STRINGS and buffers[2] is not None else 0
    return Leaf(bits, offset, values + offset * 4, content, kind, width)


Leaves: TypeAlias = NDArray[np.int64]
"""int64[columns, 6]: the `Leaf` of each column."""


def leaves(columns: Iterable[pa.Array]) -> Leaves:
    """Where the buffers of all columns lie."""
    places: list[int] = []
    for column in columns:
        places += leaf(column)
    return np.array(places, np.int64).reshape(-1, len(Leaf._fields))


@lru_cache(256)
def every(count: int) -> NDArray[np.int64]:
    """The positions of `count` columns, to be read only."""
    positions = np.arange(count)
    positions.flags.writeable = False
    return positions


def words(array: pa.Array, dtype: str = "uint64") -> NDArray[Any]:
    """The values of an 8-byte array without NULLs as a NumPy view."""
    view = np.frombuffer(array.buffers()[1], dtype)
    return view[array.offset : array.offset + len(array)]


def address(array: NDArray[np.generic]) -> int:
    """Where a NumPy array's first element lies."""
    place: int = pa.py_buffer(array).address  # a tenth of what `__array_interface__` costs
    return place
