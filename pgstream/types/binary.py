"""The binary wire format of fixed-width types: big-endian values of one width."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidBinaryRepresentation, ProtocolViolation
from pgstream.types.buffers import number_column, records_column, strings


def send_fixed(values: NDArray[np.generic], wire: str, like: Column) -> Column:
    """`values` as a binary column in the byte order and width of numpy type `wire` (`>i8`), NULL where `like` is."""
    return records_column(values.astype(wire), like)


def receive_fixed(content: Column, wire: str) -> NDArray[np.generic]:
    """The values of binary column `content`, each as wide as `wire`; zero where NULL."""
    width = np.dtype(wire).itemsize
    if content.null_count:
        content = content.fill_null(bytes(width))
    memory = strings(content)
    check_widths(np.diff(memory.offsets), width)
    return memory.bytes[memory.offsets[0] : memory.offsets[-1]].view(wire)


def check_widths(widths: NDArray[np.int32], width: int) -> None:
    """Raises what PostgreSQL raises for a binary value of the wrong length."""
    if (widths < width).any():
        raise ProtocolViolation("insufficient data left in message")
    if (widths > width).any():
        raise InvalidBinaryRepresentation("incorrect binary data format")


def plain(storage: pa.DataType, values: NDArray[np.generic], like: Column) -> Column:
    """`values` in native byte order as a column of `storage`, NULL where `like` is."""
    return number_column(storage, values.astype(values.dtype.newbyteorder("=")), like)
