"""Order keys: bytes whose memcmp order is the SQL order of rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.kernels import order_bytes
from pgstream.kernels.arrow_views import leaf
from pgstream.storage.identity import Words
from pgstream.types.definition import SqlType

Ends = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class OrderColumn:
    """One ORDER BY item: the column at `position`; PostgreSQL's default is NULLs last, first if descending."""

    position: int
    descending: bool = False
    nulls_first: bool = False


def order_keys(columns: Sequence[Column], types: Sequence[SqlType], order: Sequence[OrderColumn]) -> pa.Array:
    """One key per row, binary without NULLs: byte order is the order that `order` asks for."""
    parts: list[pa.Array] = []
    for item in order:
        parts.append(_column_key(columns[item.position], types[item.position], item))
    return parts[0] if len(parts) == 1 else _join(parts)


def prefixes(keys: pa.Array) -> Words:
    """The first eight bytes of each key as a word that compares alike."""
    place = leaf(keys)
    out: Words = order_bytes.prefixes(place.values, place.content, len(keys))
    return out


def _column_key(column: Column, sql_type: SqlType, item: OrderColumn) -> pa.Array:
    """A byte that places NULLs, then the type's order key, inverted where descending."""
    encode = sql_type.definition.order_key
    assert encode is not None, sql_type
    valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False))
    present = encode(column if valid.all() else column.filter(pa.array(valid)))
    place = leaf(present)
    lengths = np.ones(len(column), np.int64)
    offsets = _offsets(present)
    lengths[valid] += np.diff(offsets)
    ends = np.zeros(len(column) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    assert ends[-1] < 1 << 31, "order keys of one batch exceed 2 GB"
    content = np.empty(ends[-1], np.uint8)
    null_byte, valid_byte = (0, 1) if item.nulls_first else (1, 0)
    content[ends[:-1]] = np.where(valid, valid_byte, null_byte)
    if len(present):
        order_bytes.scatter_keys(place.values, place.content, np.flatnonzero(valid), ends, item.descending, content)
    return _binary(ends, content)


def _join(parts: Sequence[pa.Array]) -> pa.Array:
    count = len(parts[0])
    ends = np.zeros(count + 1, np.int64)
    for part in parts:
        ends += _offsets(part)
    assert ends[-1] < 1 << 31, "order keys of one batch exceed 2 GB"
    content = np.empty(ends[-1], np.uint8)
    places = ends[:-1].copy()
    for part in parts:
        at = leaf(part)
        order_bytes.append_keys(at.values, at.content, places, content)
    return _binary(ends, content)


def _offsets(keys: pa.Array) -> Ends:
    if not len(keys):
        return np.zeros(1, np.int64)
    view = np.frombuffer(keys.buffers()[1], np.int32)[keys.offset : keys.offset + len(keys) + 1]
    ends: Ends = view.astype(np.int64) - view[0]
    return ends


def _binary(ends: Ends, content: np.ndarray) -> pa.Array:
    return pa.Array.from_buffers(
        pa.binary(), len(ends) - 1, [None, pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(content)], 0
    )
