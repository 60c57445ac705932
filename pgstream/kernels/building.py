"""A run of few rows built by one call: in order, consolidated, laid into one piece of memory, and ready for probing.

Its words are those of the keys, their low ones, the weights, if there are row hashes those and their low ones, and the
directory (uint32).
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.gathering import ROW_MASK, SOURCE_SHIFT
from pgstream.kernels.merging import KEY, KEY_LOW, ROW, ROW_LOW, STOP, merge_sources
from pgstream.kernels.pointers import load64
from pgstream.kernels.probing import build_directory, directory_shift
from pgstream.kernels.sorting import sort_rows

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
BUILT = types.Tuple((types.int64[::1], types.uint64[::1], types.int64))


@njit(nogil=True, cache=True)
def _consolidate(order, key, key_low, row, row_low, weights, alike, sums):  # type: ignore[no-untyped-def]
    """Keeps the first of equal rows (`alike`: where there may be any) and their sum, unless that is zero."""
    kept = 0
    i = 0
    while i < len(order):
        first = order[i]
        total = weights[first]
        i += 1
        while alike and i < len(order) and key[order[i]] == key[first] and key_low[order[i]] == key_low[first]:
            if len(row) and (row[order[i]] != row[first] or row_low[order[i]] != row_low[first]):
                break
            total += weights[order[i]]
            i += 1
        if total != 0:
            order[kept] = first
            sums[kept] = total
            kept += 1
    return kept


@njit(nogil=True, cache=True)
def _words(keys, count, identified):  # type: ignore[no-untyped-def]
    """Room for the words of a run, with its keys and its directory; and the shift of that."""
    hashes = 5 if identified else 3
    shift = directory_shift(keys[0], keys[-1], count)
    directory = build_directory(keys, shift)
    words = np.empty(hashes * count + ((len(directory) + 1) >> 1), np.uint64)
    words[hashes * count :].view(np.uint32)[: len(directory)] = directory
    words[:count] = keys
    return words, shift


@njit(BUILT(U64, U64, U64, types.int64, types.int64, U64, U64, I64, types.boolean), nogil=True, cache=True)
def build_rows(key, key_low, prefix, offsets, content, row, row_low, weights, alike):  # type: ignore[no-untyped-def]
    """The rows that a run has, in order, its words, and the shift of its directory.

    Arguments are as in `sorting.sort_rows`; only with `alike` may rows be equal.
    """
    order = sort_rows(key, key_low, prefix, offsets, content, row, row_low)
    sums = np.empty(len(order), np.int64)
    kept = _consolidate(order, key, key_low, row, row_low, weights, alike, sums)
    if kept == 0:
        return order[:0].copy(), np.empty(0, np.uint64), 0
    picks = order[:kept].copy()
    words, shift = _words(key[picks], kept, len(row) != 0)
    for i in range(kept):
        at = picks[i]
        words[kept + i] = key_low[at]
        words[2 * kept + i] = np.uint64(sums[i])
        if len(row):
            words[3 * kept + i] = row[at]
            words[4 * kept + i] = row_low[at]
    return picks, words, shift


@njit(BUILT(types.int64[:, ::1], types.boolean), nogil=True, cache=True)
def merge_rows(table, identified):  # type: ignore[no-untyped-def]
    """The sum of the runs whose rows `table` has (see `merging`): its picks, its words, and the shift."""
    room = 0
    for source in range(len(table)):
        room += table[source, STOP]
    picks, sums = np.empty(room, np.int64), np.empty(room, np.int64)
    cursors, more = np.zeros(len(table), np.int64), np.zeros(len(table), np.uint8)
    kept = merge_sources(table, cursors, more, picks, sums, 0, room)[0]
    if kept == 0:
        return picks[:0].copy(), np.empty(0, np.uint64), 0
    picks = picks[:kept].copy()
    keys = np.empty(kept, np.uint64)
    for i in range(kept):
        keys[i] = load64(table[picks[i] >> SOURCE_SHIFT, KEY] + (picks[i] & ROW_MASK) * 8)
    words, shift = _words(keys, kept, identified)
    for i in range(kept):
        source, at = picks[i] >> SOURCE_SHIFT, (picks[i] & ROW_MASK) * 8
        words[kept + i] = load64(table[source, KEY_LOW] + at)
        words[2 * kept + i] = np.uint64(sums[i])
        if identified:
            words[3 * kept + i] = load64(table[source, ROW] + at)
            words[4 * kept + i] = load64(table[source, ROW_LOW] + at)
    return picks, words, shift
