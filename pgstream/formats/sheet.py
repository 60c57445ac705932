"""The columns that a byte kernel writes: their buffers, addressed by a sheet, and the Arrow columns made of them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.formats.arenas import ARENAS, Memory
from pgstream.formats.nested import is_nested
from pgstream.kernels import json_sheet as k
from pgstream.types.definition import SqlType

KINDS = {
    "text": k.AS_TEXT,
    "varchar": k.AS_TEXT,
    "json": k.AS_RAW,
    "jsonb": k.AS_RAW,
    "numeric": k.AS_NUMERIC,
    "int2": k.AS_INT16,
    "int4": k.AS_INT32,
    "int8": k.AS_INT64,
    "float4": k.AS_FLOAT32,
    "float8": k.AS_FLOAT64,
    "bool": k.AS_BOOL,
    "timestamp": k.AS_TIMESTAMP,
    "timestamptz": k.AS_ZONED_TIMESTAMP,
    "date": k.AS_DATE,
}
"""Types that the kernel reads by itself; any other comes as its text."""

WIDTHS = {
    k.AS_INT16: 2,
    k.AS_INT32: 4,
    k.AS_INT64: 8,
    k.AS_FLOAT32: 4,
    k.AS_FLOAT64: 8,
    k.AS_TIMESTAMP: 8,
    k.AS_ZONED_TIMESTAMP: 8,
    k.AS_MILLISECONDS: 8,
    k.AS_DATE: 4,
}
RANGES = {k.AS_INT16: (-(2**15), 2**15 - 1), k.AS_INT32: (-(2**31), 2**31 - 1)}
WIDEST = (-(2**62), 2**62)


class Target(NamedTuple):
    """A column for the kernel to fill: `storage` is what it comes as, and `kind` how it is read."""

    name: str
    kind: int
    storage: pa.DataType
    type: SqlType

    @property
    def is_text(self) -> bool:
        return self.kind <= k.LAST_TEXT_KIND


def target(name: str, type: SqlType, milliseconds: bool = False) -> Target:
    """How the kernel is to read values of `type`. `milliseconds`: timestamps are numbers."""
    kind = k.AS_RAW if is_nested(type) else KINDS.get(type.name, k.AS_TEXT)
    if type.typmod != -1 and kind in (k.AS_TIMESTAMP, k.AS_ZONED_TIMESTAMP) and not milliseconds:
        kind = k.AS_TEXT  # a timestamp(3) is rounded, which its input function does
    if milliseconds and kind in (k.AS_TIMESTAMP, k.AS_ZONED_TIMESTAMP):
        kind = k.AS_MILLISECONDS
    return Target(name, kind, pa.string() if kind <= k.LAST_TEXT_KIND else type.storage, type)


def is_finished(target: Target) -> bool:
    """Whether what the kernel reads is the value already, and not a text for the type's input function."""
    known = target.type.name in KINDS and target.type.typmod == -1
    return (known and target.kind != k.AS_RAW) or target.kind == k.AS_MILLISECONDS


class Sheet:
    """Buffers for up to `rows` rows of `targets`, whose texts sum to at most `text_bytes` a column."""

    def __init__(self, targets: Sequence[Target], rows: int, text_bytes: int) -> None:
        self.targets = targets
        self._names = np.frombuffer("".join(t.name for t in targets).encode() + b"\0", np.uint8)
        self._values: list[Memory] = []
        self._texts: list[Memory | None] = []
        self._bitmaps: list[Memory] = []
        self.table: NDArray[np.int64] = np.zeros((len(targets), k.SHEET_FIELDS), np.int64)
        name_at = int(self._names.ctypes.data)
        for c, column in enumerate(targets):
            name_bytes = len(column.name.encode())
            self._add(c, column, rows, text_bytes)
            self.table[c, k.NAME], self.table[c, k.NAME_BYTES] = name_at, name_bytes
            name_at += name_bytes

    def _add(self, c: int, column: Target, rows: int, text_bytes: int) -> None:
        bitmap_bytes = rows // 8 + 1
        size = (
            (rows + 1) * 4
            if column.is_text
            else bitmap_bytes
            if column.kind == k.AS_BOOL
            else rows * WIDTHS[column.kind]
        )
        values, bitmap = ARENAS.take(size + 8), ARENAS.take(bitmap_bytes)
        bitmap[:] = 255
        text = ARENAS.take(text_bytes + 8) if column.is_text else None
        if column.is_text:
            values[:4] = 0
        elif column.kind == k.AS_BOOL:
            values[:] = 255
        self._values.append(values)
        self._texts.append(text)
        self._bitmaps.append(bitmap)
        row = self.table[c]
        row[k.KIND], row[k.SEEN] = column.kind, -1
        row[k.LOW], row[k.HIGH] = RANGES.get(column.kind, WIDEST)
        row[k.VALUES], row[k.BITMAP] = values.ctypes.data, bitmap.ctypes.data
        row[k.TEXT] = 0 if text is None else text.ctypes.data

    def column(self, c: int, rows: int) -> Column:
        """The first `rows` rows of column `c`, sharing the sheet's memory."""
        target = self.targets[c]
        nulls = int(self.table[c, k.NULLS])
        bitmap = pa.py_buffer(self._bitmaps[c]) if nulls else None
        text = self._texts[c]
        if text is not None:
            buffers = [bitmap, pa.py_buffer(self._values[c]), pa.py_buffer(text[: self.table[c, k.CURSOR]])]
        else:
            buffers = [bitmap, pa.py_buffer(self._values[c])]
        return pa.Array.from_buffers(target.storage, rows, buffers, null_count=nulls)


def put_rows(column: Column, rows: Sequence[int], values: Column) -> Column:
    """`column` with `values` at `rows` (ascending)."""
    if pa.types.is_nested(column.type):
        picks = np.arange(len(column))
        picks[list(rows)] = len(column) + np.arange(len(rows))
        return pa.concat_arrays([column, values]).take(pa.array(picks))
    mask = np.zeros(len(column), np.bool_)
    mask[list(rows)] = True
    return pc.replace_with_mask(column, pa.array(mask), values)


_ZEROS = [pa.py_buffer(np.zeros(1 << 16, np.uint8))]


def null_column(storage: pa.DataType, count: int) -> Column:
    """`count` NULLs. All such columns share one buffer of zeros, so they cost nothing."""
    if storage == pa.null() or pa.types.is_nested(storage):
        return pa.nulls(count, storage)
    needed = (count + 1) * 16
    if _ZEROS[0].size < needed:
        _ZEROS[0] = pa.py_buffer(np.zeros(2 * needed, np.uint8))
    zeros = _ZEROS[0]
    varies = pa.types.is_string(storage) or pa.types.is_binary(storage)
    return pa.Array.from_buffers(storage, count, [zeros, zeros, zeros] if varies else [zeros, zeros], null_count=count)
