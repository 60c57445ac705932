"""A few keys looked up in the layers of a spine: located and consolidated by one call, as calls cost most then."""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.hashing import finish, mix
from pgstream.kernels.pointers import fold_multiply
from pgstream.kernels.probing import BLOCK, locate
from pgstream.kernels.spans import expand, merge_spans, sum_keys

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
I64_2 = types.int64[:, ::1]
U64_2 = types.uint64[:, ::1]


@njit(I64_2(I64_2, U64_2, I64, U64, U64), nogil=True, cache=True)
def find_key(table, fences, layers, keys, keys_low):  # type: ignore[no-untyped-def]
    """The consolidated rows (pick, weight) of the one key in `keys`, in run order; else as `probing.locate`."""
    spans = np.empty((BLOCK * len(table), 4), np.int64)
    found = locate(table, fences, layers, keys, keys_low, 0, spans)[1]
    room = 0
    for s in range(found):
        room += spans[s, 3] - spans[s, 2]
    queries, picks, weights = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    count = merge_spans(table, spans[:found], -1, False, queries, picks, weights)
    rows = np.empty((count, 2), np.int64)
    for i in range(count):
        rows[i, 0], rows[i, 1] = picks[i], weights[i]
    return rows


@njit(I64_2(I64_2, U64_2, I64, types.uint64[::1], types.int64), nogil=True, cache=True)
def find_word(table, fences, layers, secret, word):  # type: ignore[no-untyped-def]
    """As `find_key`, for a key of one column that is the word `word` (see `hashing.absorb_words`)."""
    lanes = secret[0:2].copy()
    one, two = lanes[0:1], lanes[1:2]
    one[0] = mix(one[0] ^ np.uint64(word))
    two[0] = fold_multiply(two[0] ^ np.uint64(word), secret[5])
    finish(one, two)
    return find_key(table, fences, layers, one, two)


@njit(nogil=True, cache=True)
def _locate_all(table, fences, layers, keys, keys_low):  # type: ignore[no-untyped-def]
    """The spans of all keys, of which there are few."""
    spans = np.empty(((len(keys) + BLOCK) * len(table), 4), np.int64)
    query, found = locate(table, fences, layers, keys, keys_low, 0, spans)
    assert query == len(keys)
    return spans[:found]


@njit(I64_2(I64_2, U64_2, I64, U64, U64, types.boolean), nogil=True, cache=True)
def find_keys(table, fences, layers, keys, keys_low, consolidate):  # type: ignore[no-untyped-def]
    """The rows (query, pick, weight) of each key, by query: three rows of the result."""
    spans = _locate_all(table, fences, layers, keys, keys_low)
    room, several = 0, False
    for s in range(len(spans)):
        room += spans[s, 3] - spans[s, 2]
        several = several or (s > 0 and spans[s, 0] == spans[s - 1, 0])
    found = np.empty((3, room), np.int64)
    if not several or not consolidate:
        expand(table, spans, found[0], found[1], found[2])
        return found
    count = merge_spans(table, spans, -1, False, found[0], found[1], found[2])
    return found if count == room else found[:, :count].copy()


@njit(types.void(I64_2, U64_2, I64, U64, U64, types.int64[::1]), nogil=True, cache=True)
def weigh_keys(table, fences, layers, keys, keys_low, sums):  # type: ignore[no-untyped-def]
    """Adds to `sums[query]` the weights of all rows of each key."""
    sum_keys(table, _locate_all(table, fences, layers, keys, keys_low), sums)


@njit(I64_2(I64_2, U64_2, I64, U64, U64, types.int64, types.boolean), nogil=True, cache=True)
def find_ends(table, fences, layers, keys, keys_low, copies, backwards):  # type: ignore[no-untyped-def]
    """As `find_keys`, of the first `copies` copies of rows of each key, or `backwards` of the last."""
    spans = _locate_all(table, fences, layers, keys, keys_low)
    room, rows = 0, 0
    for s in range(len(spans)):
        if s > 0 and spans[s, 0] != spans[s - 1, 0]:
            room += min(rows, copies)
            rows = 0
        rows += spans[s, 3] - spans[s, 2]
    found = np.empty((3, room + min(rows, copies)), np.int64)
    count = merge_spans(table, spans, copies, backwards, found[0], found[1], found[2])
    return found[:, :count].copy()
