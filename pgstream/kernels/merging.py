"""Merging sorted sources into one consolidated run."""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.gathering import SOURCE_SHIFT, gather64
from pgstream.kernels.ordering import compare_strings
from pgstream.kernels.pointers import load64, loadi64

I64_2 = types.int64[:, ::1]
U64 = types.uint64[::1]
__all__ = ["SOURCE_SHIFT", "gather64"]

# The columns of a source's row in the table that merging and probing kernels read: addresses, row bounds, and what only
# probing reads: the directory, and where the leaves of the columns are.
KEY, KEY_LOW, ROW, ROW_LOW, PREFIX, OFFSETS, CONTENT, WEIGHT, START, STOP, DIRECTORY, SHIFT, LEAVES = range(13)
TABLE_WIDTH = 13
UNIDENTIFIED = -1  # in place of ROW's address: rows have no identity, and none is equal to another
NO_HEAD = np.uint64(0xFFFFFFFFFFFFFFFF)  # of an exhausted source; a key may be that by chance


@njit(types.int64(I64_2, types.int64, types.int64, types.int64, types.int64), nogil=True, cache=True)
def compare_inside(table, a, i, b, j):  # type: ignore[no-untyped-def]
    """The order of row `i` of source `a` and row `j` of source `b` that share a key: by order key, then row hash."""
    if table[a, PREFIX] != 0:
        one, two = load64(table[a, PREFIX] + i * 8), load64(table[b, PREFIX] + j * 8)
        if one != two:
            return -1 if one < two else 1
        difference = compare_strings(table[a, OFFSETS], table[a, CONTENT], i, table[b, OFFSETS], table[b, CONTENT], j)
        if difference != 0:
            return difference
    if table[a, ROW] == UNIDENTIFIED:
        return 0 if a == b and i == j else -1 if a < b or (a == b and i < j) else 1
    if table[a, ROW] != 0:
        one, two = load64(table[a, ROW] + i * 8), load64(table[b, ROW] + j * 8)
        if one != two:
            return -1 if one < two else 1
        one, two = load64(table[a, ROW_LOW] + i * 8), load64(table[b, ROW_LOW] + j * 8)
        if one != two:
            return -1 if one < two else 1
    return 0


@njit(types.int64(I64_2, types.int64, types.int64, types.int64, types.int64), nogil=True, cache=True)
def compare_tail(table, a, i, b, j):  # type: ignore[no-untyped-def]
    """The order of two rows whose keys have equal high words."""
    one, two = load64(table[a, KEY_LOW] + i * 8), load64(table[b, KEY_LOW] + j * 8)
    if one != two:
        return -1 if one < two else 1
    return compare_inside(table, a, i, b, j)


@njit(nogil=True, cache=True)
def smallest(heads):  # type: ignore[no-untyped-def]
    """The source with the smallest head, and whether another's may be as small."""
    best = 0
    word = heads[0]
    tied = False
    for s in range(1, len(heads)):
        less = heads[s] < word
        tied = (tied and not less) or heads[s] == word
        best = s if less else best
        word = min(word, heads[s])
    return best, tied or word == NO_HEAD


@njit(nogil=True, cache=True)
def smallest_tied(table, cursors, heads, best, equal):  # type: ignore[no-untyped-def]
    """Fills `equal` with the sources whose next rows are the first and equal; returns how many there are."""
    word = heads[best]
    equals = 0
    for s in range(len(heads)):
        if heads[s] != word or cursors[s] == table[s, STOP]:
            continue
        difference = -1 if equals == 0 else compare_tail(table, s, cursors[s], equal[0], cursors[equal[0]])
        if difference < 0:
            equal[0] = s
            equals = 1
        elif difference == 0:
            equal[equals] = s
            equals += 1
    return equals


@njit(nogil=True, cache=True)
def load_heads(table, cursors, more, heads):  # type: ignore[no-untyped-def]
    """Fills `heads`: how many sources have rows, and whether one that has none has more to come."""
    living = 0
    dry = False
    for s in range(len(table)):
        heads[s] = NO_HEAD
        if cursors[s] < table[s, STOP]:
            heads[s] = load64(table[s, KEY] + cursors[s] * 8)
            living += 1
        else:
            dry = dry or more[s] != 0
    return living, dry


@njit(
    types.UniTuple(types.int64, 2)(
        I64_2, types.int64[::1], types.uint8[::1], types.int64[::1], types.int64[::1], types.int64, types.int64
    ),
    nogil=True,
    cache=True,
)
def merge_sources(table, cursors, more, picks, sums, position, budget):  # type: ignore[no-untyped-def]
    """Merges until `budget` rows are consumed, all sources are done, or one with `more` to come runs dry.

    Each source is sorted and consolidated; equal identities of several sources are summed, those that cancel
    dropped. `cursors` (next row of each source) advance in place; `picks` and `sums` are filled from `position` on.
    Returns the new position and what is left of the budget, which may be overdrawn by less than one row per source:
    an identity is never split over two calls.
    """
    heads, equal = np.empty(len(table), np.uint64), np.empty(len(table), np.int64)
    living, dry = load_heads(table, cursors, more, heads)
    if dry:
        return position, budget
    while living and budget > 0:
        best, tied = smallest(heads)
        equals = 1
        equal[0] = best
        if tied:
            equals = smallest_tied(table, cursors, heads, best, equal)
            best = equal[0]
        picks[position] = (best << SOURCE_SHIFT) | cursors[best]
        total = 0
        dry = False
        for e in range(equals):
            s = equal[e]
            cursor = cursors[s]
            total += loadi64(table[s, WEIGHT] + cursor * 8)
            cursor += 1
            cursors[s] = cursor
            if cursor < table[s, STOP]:
                heads[s] = load64(table[s, KEY] + cursor * 8)
            else:
                heads[s] = NO_HEAD
                living -= 1
                dry = dry or more[s] != 0
        sums[position] = total
        budget -= equals
        position += total != 0
        if dry:
            return position, budget
    return position, budget
