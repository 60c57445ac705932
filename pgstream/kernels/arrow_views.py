"""Addresses and views of Arrow buffers, without copying."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Leaf(NamedTuple):
    """Where an array's own buffers lie, its offset already applied.

    bits     the validity bitmap, 0 where no row is NULL; row 0 is its bit `offset`
    values   fixed-width values of row 0 on; a boolean's bitmap (from bit `offset`); a string's or list's int32 offsets
    content  a string's bytes; 0 elsewhere
    """

    bits: int
    offset: int
    values: int
    content: int


def value_width(storage: pa.DataType) -> int:
    """Bytes of one value of a fixed-width storage; 0 for bit-packed, variable and nested ones."""
    if pa.types.is_boolean(storage) or pa.types.is_null(storage) or pa.types.is_nested(storage):
        return 0
    return 0 if is_variable(storage) else storage.bit_width // 8


def is_variable(storage: pa.DataType) -> bool:
    """Whether values are byte strings behind int32 offsets."""
    return bool(pa.types.is_string(storage) or pa.types.is_binary(storage))


def leaf(array: pa.Array) -> Leaf:
    """The addresses of `array`'s own buffers; the caller keeps `array` alive while they are used."""
    buffers = array.buffers()
    bits = buffers[0].address if buffers[0] is not None and array.null_count else 0
    if len(buffers) < 2 or buffers[1] is None or pa.types.is_struct(array.type):
        return Leaf(bits, array.offset, 0, 0)
    width = value_width(array.type)
    values = buffers[1].address
    if width:
        return Leaf(bits, array.offset, values + array.offset * width, 0)
    if not is_variable(array.type):
        step = 0 if pa.types.is_boolean(array.type) else 4
        return Leaf(bits, array.offset, values + array.offset * step, 0)
    content = buffers[2].address if buffers[2] is not None else 0
    return Leaf(bits, array.offset, values + array.offset * 4, content)


def words(array: pa.Array, dtype: str = "uint64") -> NDArray[Any]:
    """The values of an 8-byte array without NULLs as a NumPy view."""
    view = np.frombuffer(array.buffers()[1], dtype)
    return view[array.offset : array.offset + len(array)]


def address(array: NDArray[np.generic]) -> int:
    """Where a NumPy array's first element lies."""
    return int(array.__array_interface__["data"][0])
