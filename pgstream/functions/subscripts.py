"""Elements and slices of arrays, which count from 1."""

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.functions.vector import column_of, list_bounds, list_column, numbers, ranges, valid


def element_at(column: Column, index: Column) -> Column:
    """`column[index]`; NULL where there is no such element."""
    starts, lengths = list_bounds(column)
    position = numbers(index).astype(np.int64)
    inside = (position >= 1) & (position <= lengths) & valid(index)
    return column.values.take(column_of(np.where(inside, starts + position - 1, 0), pa.int64(), ~inside))


def slice_of(column: Column, lower: Column | None, upper: Column | None) -> Column:
    """`column[lower:upper]`; an absent bound is the array's own, and what lies outside is cut off."""
    starts, lengths = list_bounds(column)
    known = valid(column)
    low, high = np.ones(len(column), np.int64), lengths
    if lower is not None:
        low, known = np.maximum(numbers(lower).astype(np.int64), 1), known & valid(lower)
    if upper is not None:
        high, known = np.minimum(numbers(upper).astype(np.int64), lengths), known & valid(upper)
    sizes = np.where(known, np.maximum(high - low + 1, 0), 0)
    picks = column_of(ranges(starts + low - 1, sizes), pa.int64())
    return list_column(column.values.take(picks), sizes, ~known)
