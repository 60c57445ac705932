"""What is made of the spans (query, run, start, stop) that `probing.locate` found: rows, consolidated rows, sums."""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.gathering import SOURCE_SHIFT
from pgstream.kernels.merging import CONTENT, OFFSETS, ROW, ROW_LOW, WEIGHT, compare_inside
from pgstream.kernels.ordering import compare_strings
from pgstream.kernels.pointers import load64, loadi64

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64_2 = types.int64[:, ::1]


@njit(types.void(I64_2, I64_2, types.int64[::1], types.int64[::1], types.int64[::1]), nogil=True, cache=True)
def expand(table, spans, queries, picks, weights):  # type: ignore[no-untyped-def]
    """One output per row of each span."""
    out = 0
    for s in range(len(spans)):
        run = spans[s, 1]
        for row in range(spans[s, 2], spans[s, 3]):
            queries[out] = spans[s, 0]
            picks[out] = (run << SOURCE_SHIFT) | row
            weights[out] = loadi64(table[run, WEIGHT] + row * 8)
            out += 1


@njit(types.void(I64_2, I64_2, types.int64, types.int64, types.boolean, types.boolean), nogil=True, cache=True)
def cut(table, spans, offsets, content, after, stops):  # type: ignore[no-untyped-def]
    """Moves the start of each span (its stop, with `stops`) to the first of its rows whose order key is at the bound of
    its query or behind it; only behind it, with `after`. The bounds are a binary column at `offsets` and `content`."""
    for s in range(len(spans)):
        query, run, low, high = spans[s, 0], spans[s, 1], spans[s, 2], spans[s, 3]
        while low < high:
            middle = (low + high) >> 1
            difference = compare_strings(table[run, OFFSETS], table[run, CONTENT], middle, offsets, content, query)
            if difference < 0 or (after and difference == 0):
                low = middle + 1
            else:
                high = middle
        spans[s, 3 if stops else 2] = low


@njit(nogil=True, cache=True)
def _next_span(table, spans, first, low, high, backwards):  # type: ignore[no-untyped-def]
    """Which of the spans from `first` on, of which rows `low:high` are left, has the next row; -1 if none has."""
    best = -1
    for s in range(len(low)):
        if low[s] == high[s]:
            continue
        if best >= 0:
            index, other = (high[s] - 1, high[best] - 1) if backwards else (low[s], low[best])
            difference = compare_inside(table, spans[first + s, 1], index, spans[first + best, 1], other)
            if (difference <= 0) if backwards else (difference >= 0):
                continue
        best = s
    return best


@njit(nogil=True, cache=True)
def _take_row(table, spans, first, low, high, backwards, run, row):  # type: ignore[no-untyped-def]
    """Takes the rows equal to `row` of `run` off the spans; returns their summed weight."""
    total = 0
    for s in range(len(low)):
        index = high[s] - 1 if backwards else low[s]
        if low[s] < high[s] and compare_inside(table, spans[first + s, 1], index, run, row) == 0:
            total += loadi64(table[spans[first + s, 1], WEIGHT] + index * 8)
            if backwards:
                high[s] -= 1
            else:
                low[s] += 1
    return total


@njit(nogil=True, cache=True)
def _merge_query(table, spans, first, last, copies, backwards, queries, picks, weights, out):  # type: ignore[no-untyped-def]
    low, high = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
    for s in range(first, last):
        low[s - first], high[s - first] = spans[s, 2], spans[s, 3]
    taken = 0
    while copies < 0 or taken < copies:
        best = _next_span(table, spans, first, low, high, backwards)
        if best < 0:
            break
        run, row = spans[first + best, 1], high[best] - 1 if backwards else low[best]
        total = _take_row(table, spans, first, low, high, backwards, run, row)
        if copies >= 0:
            total = min(total, copies - taken)
            if total <= 0:
                continue
            taken += total
        elif total == 0:
            continue
        queries[out] = spans[first, 0]
        picks[out] = (run << SOURCE_SHIFT) | row
        weights[out] = total
        out += 1
    return out


@njit(
    types.int64(I64_2, I64_2, types.int64, types.boolean, types.int64[::1], types.int64[::1], types.int64[::1]),
    nogil=True,
    cache=True,
)
def merge_spans(table, spans, copies, backwards, queries, picks, weights):  # type: ignore[no-untyped-def]
    """The consolidated rows of each query in run order (or `backwards`); returns how many there are.

    Where `copies` >= 0, a query stops after that many copies of rows with positive weight, the last row's weight cut
    to fit; rows of negative weight are then passed over.
    """
    out = 0
    first = 0
    while first < len(spans):
        last = first + 1
        while last < len(spans) and spans[last, 0] == spans[first, 0]:
            last += 1
        out = _merge_query(table, spans, first, last, copies, backwards, queries, picks, weights, out)
        first = last
    return out


@njit(types.void(I64_2, I64_2, U64, U64, types.boolean, types.int64[::1]), nogil=True, cache=True)
def sum_rows(table, spans, rows, rows_low, ordered, sums):  # type: ignore[no-untyped-def]
    """Adds to `sums[query]` the weights of the rows of its spans whose row hash is `rows[query]`.

    Where the order inside a key is by row hash this bisects; `ordered` runs are scanned.
    """
    for s in range(len(spans)):
        query, run, low, high = spans[s, 0], spans[s, 1], spans[s, 2], spans[s, 3]
        if table[run, ROW] == 0:
            sums[query] += loadi64(table[run, WEIGHT] + low * 8)
            continue
        asked, asked_low = rows[query], rows_low[query]
        stop = high
        while not ordered and low < high:
            middle = (low + high) >> 1
            word = load64(table[run, ROW] + middle * 8)
            if word < asked or (word == asked and load64(table[run, ROW_LOW] + middle * 8) < asked_low):
                low = middle + 1
            else:
                high = middle
        while low < stop:
            same = load64(table[run, ROW] + low * 8) == asked and load64(table[run, ROW_LOW] + low * 8) == asked_low
            if same:
                sums[query] += loadi64(table[run, WEIGHT] + low * 8)
            if same or not ordered:
                break
            low += 1


@njit(types.void(I64_2, I64_2, types.int64[::1]), nogil=True, cache=True)
def sum_keys(table, spans, sums):  # type: ignore[no-untyped-def]
    """Adds to `sums[query]` the weights of all rows of its spans."""
    for s in range(len(spans)):
        run = spans[s, 1]
        for row in range(spans[s, 2], spans[s, 3]):
            sums[spans[s, 0]] += loadi64(table[run, WEIGHT] + row * 8)
