"""Finding keys in the layers of a spine.

`table` has a row for each run of the spine (see `merging`), the runs of one layer side by side and in order;
`layers[l]:layers[l + 1]` are the runs of layer `l`. `fences` holds each run's first and last key: first, first's low
word, last, last's low word; then the key its directory starts from.

A run's *directory* cuts its range of keys into equal parts: part `(key - origin) >> shift` starts at row
`directory[part]`. Keys are hashes, hence uniform, so a part holds a few rows, and one look-up touches two or three
cache lines. Those are asked for ahead, for a block of keys at a time, as memory is slower than everything else here.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.merging import DIRECTORY, KEY, KEY_LOW, SHIFT, START, STOP
from pgstream.kernels.pointers import load32, load64, prefetch

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
I64_2 = types.int64[:, ::1]
U64_2 = types.uint64[:, ::1]
FIRST, FIRST_LOW, LAST, LAST_LOW, ORIGIN = range(5)
FENCE_WIDTH = 5
BLOCK = 32
ABSENT = -1
ROWS_PER_PART = 4


@njit(types.int64(types.uint64, types.uint64, types.int64), nogil=True, cache=True)
def directory_shift(first, last, count):  # type: ignore[no-untyped-def]
    """How wide the parts of a directory are, as a power of two: few enough for some rows in each."""
    parts = np.uint64(max(count // ROWS_PER_PART, 1))
    shift = np.uint64(0)
    while (last - first) >> shift >= parts and shift < np.uint64(63):
        shift += np.uint64(1)
    return np.int64(shift)


@njit(types.uint32[::1](U64, types.int64), nogil=True, cache=True)
def build_directory(keys, shift):  # type: ignore[no-untyped-def]
    """The first row of each part of the sorted `keys`, and one entry more: how many rows there are."""
    origin = keys[0]
    parts = np.int64((keys[-1] - origin) >> np.uint64(shift)) + 1
    directory = np.empty(parts + 1, np.uint32)
    filled = 0
    for row in range(len(keys)):
        part = np.int64((keys[row] - origin) >> np.uint64(shift))
        while filled <= part:
            directory[filled] = row
            filled += 1
    directory[parts] = len(keys)
    return directory


@njit(nogil=True, cache=True)
def _same(table, run, index, key, key_low):  # type: ignore[no-untyped-def]
    return load64(table[run, KEY] + index * 8) == key and load64(table[run, KEY_LOW] + index * 8) == key_low


@njit(nogil=True, cache=True)
def _lower_bound(table, run, low, high, key, key_low):  # type: ignore[no-untyped-def]
    """The first row of `low:high` whose key is not before the asked one."""
    keys = table[run, KEY]
    while high - low > 8:
        middle = (low + high) >> 1
        if load64(keys + middle * 8) < key:
            low = middle + 1
        else:
            high = middle
    while low < high and load64(keys + low * 8) < key:
        low += 1
    while low < table[run, STOP] and load64(keys + low * 8) == key and load64(table[run, KEY_LOW] + low * 8) < key_low:
        low += 1
    return low


@njit(nogil=True, cache=True)
def _span_end(table, run, index, key, key_low):  # type: ignore[no-untyped-def]
    """One past the last row with the asked key, which row `index` has."""
    stop = table[run, STOP]
    step = 1
    low = index + 1
    while index + step < stop and _same(table, run, index + step, key, key_low):
        low = index + step + 1
        step *= 2
    high = min(index + step, stop)
    while low < high:
        middle = (low + high) >> 1
        if _same(table, run, middle, key, key_low):
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def _first_run(fences, low, high, key, key_low):  # type: ignore[no-untyped-def]
    """The run of `low:high` where rows with the key would start, or ABSENT."""
    end = high
    while low < high:
        middle = (low + high) >> 1
        last = fences[middle, LAST]
        if last < key or (last == key and fences[middle, LAST_LOW] < key_low):
            low = middle + 1
        else:
            high = middle
    if low == end or not _starts_by(fences, low, key, key_low):
        return ABSENT
    return low


@njit(nogil=True, cache=True)
def _starts_by(fences, run, key, key_low):  # type: ignore[no-untyped-def]
    """Whether the run's first key is not behind the asked one."""
    first = fences[run, FIRST]
    return first < key or (first == key and fences[run, FIRST_LOW] <= key_low)


@njit(nogil=True, cache=True)
def _locate_block(table, fences, low, high, keys, keys_low, query, count, runs, starts, parts):  # type: ignore[no-untyped-def]
    """For each key of a block, the run of layer `low:high` and the row in it where its rows start; ABSENT if none."""
    for i in range(count):
        run = _first_run(fences, low, high, keys[query + i], keys_low[query + i])
        runs[i] = run
        if run >= 0:
            part = (keys[query + i] - fences[run, ORIGIN]) >> np.uint64(table[run, SHIFT])
            parts[i] = table[run, DIRECTORY] + np.int64(part) * 4
            prefetch(parts[i])
    for i in range(count):
        if runs[i] >= 0:
            starts[i] = np.int64(load32(parts[i]))
            parts[i] = np.int64(load32(parts[i] + 4))
            prefetch(table[runs[i], KEY] + starts[i] * 8)
    for i in range(count):
        run = runs[i]
        if run < 0:
            continue
        key, key_low = keys[query + i], keys_low[query + i]
        start = _lower_bound(table, run, max(starts[i], table[run, START]), parts[i], key, key_low)
        starts[i] = start
        if start >= table[run, STOP] or not _same(table, run, start, key, key_low):
            runs[i] = ABSENT


@njit(nogil=True, cache=True)
def _emit(table, fences, high, run, start, key, key_low, query, spans, found):  # type: ignore[no-untyped-def]
    """Adds the spans of a key whose rows start at row `start` of `run` and may go on in later runs of the layer."""
    while True:
        stop = _span_end(table, run, start, key, key_low)
        spans[found, 0] = query
        spans[found, 1] = run
        spans[found, 2] = start
        spans[found, 3] = stop
        found += 1
        if stop < table[run, STOP] or run + 1 == high or not _same(table, run + 1, table[run + 1, START], key, key_low):
            return found
        run += 1
        start = table[run, START]


@njit(types.UniTuple(types.int64, 2)(I64_2, U64_2, I64, U64, U64, types.int64, I64_2), nogil=True, cache=True)
def locate(table, fences, layers, keys, keys_low, query, spans):  # type: ignore[no-untyped-def]
    """Finds the rows of the keys from `query` on: rows (query, run, start, stop) of `spans`, by query, then layer.

    Returns the query to go on with, and the number of spans: when `spans` may be too small for the next block of keys,
    the caller brings another.
    """
    found = 0
    depth = len(layers) - 1
    runs = np.empty((depth, BLOCK), np.int64)
    starts = np.empty((depth, BLOCK), np.int64)
    parts = np.empty(BLOCK, np.int64)
    while query < len(keys) and found + BLOCK * len(table) <= len(spans):
        count = min(BLOCK, len(keys) - query)
        for layer in range(depth):
            low, high = layers[layer], layers[layer + 1]
            _locate_block(table, fences, low, high, keys, keys_low, query, count, runs[layer], starts[layer], parts)
        for i in range(count):
            for layer in range(depth):
                run = runs[layer, i]
                if run >= 0:
                    key, key_low = keys[query + i], keys_low[query + i]
                    found = _emit(
                        table, fences, layers[layer + 1], run, starts[layer, i], key, key_low, query + i, spans, found
                    )
        query += count
    return query, found
