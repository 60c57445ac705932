"""Picking rows out of many Arrow arrays at once."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column, Delta
from pgstream.errors import ProgramLimitExceeded
from pgstream.kernels import batches, gathering
from pgstream.kernels.arrow_views import (
    BITS,
    FIXED,
    LIST,
    NOTHING,
    STRINGS,
    STRUCT,
    Leaves,
    layout,
    leaves,
)
from pgstream.late import Late, selected

Picks = NDArray[np.int64]

SMALL_ROWS = 256
"""So few rows are gathered by one call for all columns, which then share memory."""


def gather(storage: pa.DataType, places: Leaves, picks: Picks, arrays: Callable[[], Sequence[Column]]) -> Column:
    """The picked rows as one array of `storage`; `places` are the leaves of the sources' arrays.

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


class Picked(NamedTuple):
    """Columns that were just gathered, and their leaves (None: unknown)."""

    columns: tuple[Column, ...]
    places: Leaves | None


def gather_small(
    storages: Sequence[pa.DataType], sources: NDArray[np.int64], positions: Picks, picks: Picks
) -> Picked | None:
    """The columns at `positions`, of the types `storages`, of a few picked rows; None where one of them is nested.

    `sources` are the addresses of each source's leaves.
    """
    made, placed = _room(len(positions))
    return _columns_in(batches.gather_columns(sources, positions, picks, made, placed), made, placed, storages, picks)


def pick_small(columns: Sequence[Column], rows: Picks, places: Leaves) -> Picked | None:
    """As `gather_small`, of all columns of one source, whose leaves are `places`."""
    made, placed = _room(len(places))
    arena = batches.pick_columns(places, rows, made, placed)
    return _columns_in(arena, made, placed, [column.type for column in columns], rows)


def _room(columns: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return np.empty((columns, batches.MADE_WIDTH), np.int64), np.empty((columns, batches.LEAF_WIDE), np.int64)


def _columns_in(
    arena: NDArray[np.uint8], made: NDArray[np.int64], placed: Leaves, storages: Iterable[pa.DataType], picks: Picks
) -> Picked | None:
    """The columns that a kernel laid into `arena`."""
    count = len(picks)
    memory, bitmap_bytes = pa.py_buffer(arena), (count + 7) >> 3
    cut, column = memory.slice, pa.Array.from_buffers
    columns = []
    for storage, (nulls, bitmap, values, content, end, kind, width) in zip(storages, made.tolist(), strict=True):
        if nulls < 0:
            if nulls == batches.NESTED:
                return None
            raise _too_long()
        validity = cut(bitmap, bitmap_bytes) if nulls else None
        if kind == FIXED:
            columns.append(column(storage, count, [validity, cut(values, count * width)], nulls))
        elif kind == STRINGS:
            buffers = [validity, cut(values, (count + 1) * 4), cut(content, end - content)]
            columns.append(column(storage, count, buffers, nulls))
        elif kind == BITS:
            columns.append(column(storage, count, [validity, cut(values, bitmap_bytes)], nulls))
        else:
            columns.append(pa.nulls(count))
    return Picked(tuple(columns), placed)


def pick_columns(columns: Sequence[Column], rows: Picks, places: Leaves | None = None) -> tuple[Column, ...]:
    """The rows of all columns; faster than `take`. `places` are the columns' leaves, if the caller has them."""
    places = leaves(columns) if places is None else places
    small = pick_small(columns, rows, places) if len(rows) <= SMALL_ROWS else None
    if small is not None:
        return small.columns
    return tuple(_pick(column, places[i : i + 1], rows) for i, column in enumerate(columns))


def _pick(column: Column, place: Leaves, rows: Picks) -> Column:
    return gather(column.type, place, rows, lambda: [column])


def take_rows(delta: Delta, rows: Picks) -> Delta:
    """The rows of `delta` at `rows`, as `Delta.take` gives them, in less time where they are few."""
    columns = delta.columns
    if isinstance(columns, Late) or len(rows) > SMALL_ROWS:
        return delta.take(rows)
    return Delta(pick_columns(columns, rows), delta.weights[rows])


def _too_long() -> ProgramLimitExceeded:
    return ProgramLimitExceeded("one column of one batch of rows exceeds 2 GB of text")


def pick_column(column: Column, rows: Picks) -> Column:
    """The rows of one column; faster than `take`."""
    return _pick(column, leaves([column]), rows)


def picked(delta: Delta, rows: Picks) -> Delta:
    """The rows of `delta` at `rows`, whose columns are gathered when they are asked for."""
    columns = delta.columns
    if isinstance(columns, Late):
        return delta.take(rows)
    late = selected(rows, lambda position, picks: pick_column(columns[position], picks), range(len(columns)))
    return Delta(late, delta.weights[rows])


def _gather_validity(places: NDArray[np.int64], picks: Picks) -> tuple[pa.Buffer | None, int]:
    if not places[0].any():
        return None, 0
    bitmap = np.empty((len(picks) + 7) // 8, np.uint8)
    nulls = gathering.gather_bits(picks, places[0], places[1], bitmap)
    return (pa.py_buffer(bitmap), nulls) if nulls else (None, 0)


def _gather_fixed(width: int, values: NDArray[np.int64], picks: Picks) -> pa.Buffer:
    kernel = _FIXED.get(width)
    if kernel is not None:
        out = np.empty(len(picks), f"u{width}")
        kernel(picks, values, out)
        return pa.py_buffer(out)
    wide = np.empty(len(picks) * width, np.uint8)
    gathering.gather_fixed(picks, values, width, wide)
    return pa.py_buffer(wide)


_FIXED = {1: gathering.gather8, 2: gathering.gather16, 4: gathering.gather32, 8: gathering.gather64}


def _gather_strings(places: NDArray[np.int64], picks: Picks) -> tuple[pa.Buffer, pa.Buffer]:
    offsets = np.empty(len(picks) + 1, np.int32)
    size = gathering.gather_lengths(picks, places[2], offsets)
    if size < 0:
        raise _too_long()
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
