"""Picking rows out of many Arrow arrays at once."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column, Delta
from pgstream.errors import ProgramLimitExceeded
from pgstream.kernels import gathering
from pgstream.kernels.arrow_views import FIXED, LIST, NOTHING, STRINGS, STRUCT, layout, leaf
from pgstream.late import Late, selected

Picks = NDArray[np.int64]
Addresses = NDArray[np.int64]
"""int64[sources, 4]: the `Leaf` of each source's array."""


def leaves(columns: Sequence[Column]) -> Addresses:
    """int64[columns, 4]: where each column's buffers lie."""
    if not columns:
        return np.zeros((0, 4), np.int64)
    return np.array([leaf(column) for column in columns], np.int64)


def gather(storage: pa.DataType, places: Addresses, picks: Picks, arrays: Callable[[], Sequence[Column]]) -> Column:
    """The picked rows as one array of `storage`.

    `arrays` gives the sources themselves, for nested storages that are not gathered by address.
    """
    count = len(picks)
    kind, width = layout(storage)
    if kind == NOTHING:
        return pa.nulls(count)
    if kind in (LIST, STRUCT):
        return _gather_nested(arrays(), picks)
    places = places.T.copy()
    validity, nulls = _gather_validity(places, picks)
    if kind == FIXED:
        buffers = [validity, _gather_fixed(width, places[2], picks)]
    elif kind == STRINGS:
        buffers = [validity, *_gather_strings(places, picks)]
    else:
        bitmap = np.empty((count + 7) // 8, np.uint8)
        gathering.gather_bits(picks, places[2], places[1], bitmap)
        buffers = [validity, pa.py_buffer(bitmap)]
    return pa.Array.from_buffers(storage, count, buffers, nulls)


def pick_column(column: Column, rows: Picks) -> Column:
    """The rows of one column; faster than `take`."""
    return gather(column.type, leaves([column]), rows, lambda: [column])


def picked(delta: Delta, rows: Picks) -> Delta:
    """The rows of `delta` at `rows`, whose columns are gathered when they are asked for."""
    columns = delta.columns
    if isinstance(columns, Late):
        return delta.take(rows)
    late = selected(rows, lambda position, picks: pick_column(columns[position], picks), range(len(columns)))
    return Delta(late, delta.weights[rows])


def _gather_validity(places: Addresses, picks: Picks) -> tuple[pa.Buffer | None, int]:
    if not places[0].any():
        return None, 0
    bitmap = np.empty((len(picks) + 7) // 8, np.uint8)
    nulls = gathering.gather_bits(picks, places[0], places[1], bitmap)
    return (pa.py_buffer(bitmap), nulls) if nulls else (None, 0)


def _gather_fixed(width: int, values: Addresses, picks: Picks) -> pa.Buffer:
    kernel = _FIXED.get(width)
    if kernel is not None:
        out = np.empty(len(picks), f"u{width}")
        kernel(picks, values, out)
        return pa.py_buffer(out)
    wide = np.empty(len(picks) * width, np.uint8)
    gathering.gather_fixed(picks, values, width, wide)
    return pa.py_buffer(wide)


_FIXED = {1: gathering.gather8, 2: gathering.gather16, 4: gathering.gather32, 8: gathering.gather64}


def _gather_strings(places: Addresses, picks: Picks) -> tuple[pa.Buffer, pa.Buffer]:
    offsets = np.empty(len(picks) + 1, np.int32)
    size = gathering.gather_lengths(picks, places[2], offsets)
    if size < 0:
        raise ProgramLimitExceeded("one column of one batch of rows exceeds 2 GB of text")
    content = np.empty(size, np.uint8)
    gathering.gather_strings(picks, places[2], places[3], offsets, content)
    return pa.py_buffer(offsets), pa.py_buffer(content)


def _gather_nested(arrays: Sequence[Column], picks: Picks) -> Column:
    sources = picks >> gathering.SOURCE_SHIFT
    used, which = np.unique(sources, return_inverse=True)
    parts = [arrays[source] for source in used] or [arrays[0].slice(0, 0)]
    starts = np.cumsum([0, *(len(part) for part in parts)])[:-1]
    rows = (picks & gathering.ROW_MASK) + (starts[which] if len(used) else 0)
    whole = parts[0] if len(parts) == 1 else pa.concat_arrays(parts)
    return whole.take(pa.array(rows))
