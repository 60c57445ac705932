"""Sorting rows into a run, and summing the weights of equal ones.

Hashes are uniform, so one counting pass over their top bits leaves buckets of a few rows each; what is left is sorted
by multi-key quicksort (Bentley and Sedgewick, "Fast Algorithms for Sorting and Searching Strings", SODA 1997) over
the words of the identity, which does not mind a key that many rows share.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.ordering import compare_strings

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
INSERTION_ROWS = 12
BUCKET_BITS = 2
LEVEL_KEY_LOW, LEVEL_PREFIX, LEVEL_BYTES, LEVEL_ROW, LEVEL_ROW_LOW, LEVEL_END = 1, 2, 3, 4, 5, 6


@njit(nogil=True, cache=True)
def compare_rows(a, b, key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    """The order of rows `a` and `b`; 0 only for equal identities. `prefix` and `row` may be empty."""
    if key[a] != key[b]:
        return -1 if key[a] < key[b] else 1
    if key_low[a] != key_low[b]:
        return -1 if key_low[a] < key_low[b] else 1
    if len(prefix):
        if prefix[a] != prefix[b]:
            return -1 if prefix[a] < prefix[b] else 1
        difference = compare_strings(offsets, content, a, offsets, content, b)
        if difference != 0:
            return difference
    if len(row):
        if row[a] != row[b]:
            return -1 if row[a] < row[b] else 1
        if row_low[a] != row_low[b]:
            return -1 if row_low[a] < row_low[b] else 1
    return 0


@njit(nogil=True, cache=True)
def _reload(words, order, start, stop, source):  # type: ignore[no-untyped-def]
    for i in range(start, stop):
        words[i] = source[order[i]]


@njit(nogil=True, cache=True)
def _insertion(words, order, start, stop, key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    for i in range(start + 1, stop):
        word, item = words[i], order[i]
        j = i - 1
        while j >= start and (
            words[j] > word
            or (
                words[j] == word
                and compare_rows(order[j], item, key, key_low, prefix, offsets, content, row, row_low) > 0
            )
        ):
            words[j + 1] = words[j]
            order[j + 1] = order[j]
            j -= 1
        words[j + 1] = word
        order[j + 1] = item


@njit(nogil=True, cache=True)
def _median(a, b, c):  # type: ignore[no-untyped-def]
    return max(min(a, b), min(max(a, b), c))


@njit(nogil=True, cache=True)
def _split_words(words, order, start, stop):  # type: ignore[no-untyped-def]
    """Three-way partition by word; returns where the middle part starts and stops."""
    pivot = _median(words[start], words[(start + stop) >> 1], words[stop - 1])
    low, i, high = start, start, stop
    while i < high:
        if words[i] < pivot:
            words[i], words[low] = words[low], words[i]
            order[i], order[low] = order[low], order[i]
            low += 1
            i += 1
        elif words[i] > pivot:
            high -= 1
            words[i], words[high] = words[high], words[i]
            order[i], order[high] = order[high], order[i]
        else:
            i += 1
    return low, high


@njit(nogil=True, cache=True)
def _split_bytes(order, start, stop, offsets, content):  # type: ignore[no-untyped-def]
    """As `_split_words`, by order keys."""
    pivot = order[(start + stop) >> 1]
    low, i, high = start, start, stop
    while i < high:
        difference = compare_strings(offsets, content, order[i], offsets, content, pivot)
        if difference < 0:
            order[i], order[low] = order[low], order[i]
            low += 1
            i += 1
        elif difference > 0:
            high -= 1
            order[i], order[high] = order[high], order[i]
        else:
            i += 1
    return low, high


@njit(nogil=True, cache=True)
def _quicksort(words, order, first, last, key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    """Sorts `order[first:last]`, whose `words` are the key's high words."""
    stack = [(first, last, 0)]
    while len(stack):
        start, stop, level = stack.pop()
        if stop - start < 2 or level == LEVEL_END:
            continue
        if level == LEVEL_PREFIX and len(prefix) == 0:
            level = LEVEL_ROW
        if level >= LEVEL_ROW and len(row) == 0:
            continue
        if level == LEVEL_KEY_LOW:
            _reload(words, order, start, stop, key_low)
        elif level == LEVEL_PREFIX:
            _reload(words, order, start, stop, prefix)
        elif level == LEVEL_ROW:
            _reload(words, order, start, stop, row)
        elif level == LEVEL_ROW_LOW:
            _reload(words, order, start, stop, row_low)
        _sort_level(stack, words, order, start, stop, level, key, key_low, prefix, offsets, content, row, row_low)


@njit(nogil=True, cache=True)
def _sort_level(stack, words, order, start, stop, level, key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    """Partitions until small; parts of equal words go on the stack for the next level."""
    parts = [(start, stop)]
    while len(parts):
        start, stop = parts.pop()
        if stop - start <= INSERTION_ROWS:
            if level != LEVEL_BYTES:
                _insertion(words, order, start, stop, key, key_low, prefix, offsets, content, row, row_low)
            else:
                words[start:stop] = 0
                _insertion(words, order, start, stop, key, key_low, prefix, offsets, content, row, row_low)
            continue
        if level == LEVEL_BYTES:
            low, high = _split_bytes(order, start, stop, offsets, content)
        else:
            low, high = _split_words(words, order, start, stop)
        stack.append((low, high, level + 1))
        parts.append((start, low))
        parts.append((high, stop))


@njit(nogil=True, cache=True)
def _is_sorted(count, key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    for i in range(1, count):
        if compare_rows(i - 1, i, key, key_low, prefix, offsets, content, row, row_low) > 0:
            return False
    return True


@njit(nogil=True, cache=True)
def _bucket_shift(key):  # type: ignore[no-untyped-def]
    """How far to shift a key so that buckets hold a few rows each; 64 where bucketing is no use."""
    count = len(key)
    if count <= 64:
        return 64
    constant = True
    for i in range(1, count):
        if key[i] != key[0]:
            constant = False
            break
    if constant:
        return 64
    bits = 1
    while (1 << (bits + BUCKET_BITS)) < count and bits < 20:
        bits += 1
    return 64 - bits


@njit(types.int64[::1](U64, U64, U64, types.int64, types.int64, U64, U64), nogil=True, cache=True)
def sort_rows(key, key_low, prefix, offsets, content, row, row_low):  # type: ignore[no-untyped-def]
    """The permutation that sorts the rows. Empty `prefix` or `row` arrays are left out of the order."""
    count = len(key)
    order = np.arange(count)
    if _is_sorted(count, key, key_low, prefix, offsets, content, row, row_low):
        return order
    words = np.empty(count, np.uint64)
    shift = _bucket_shift(key)
    if shift == 64:
        _reload(words, order, 0, count, key)
        _quicksort(words, order, 0, count, key, key_low, prefix, offsets, content, row, row_low)
        return order
    ends = np.zeros((1 << (64 - shift)) + 1, np.int32)
    for i in range(count):
        ends[(key[i] >> np.uint64(shift)) + np.uint64(1)] += 1
    for bucket in range(1, len(ends)):
        ends[bucket] += ends[bucket - 1]
    for i in range(count):
        bucket = key[i] >> np.uint64(shift)
        place = ends[bucket]
        ends[bucket] = place + 1
        words[place] = key[i]
        order[place] = i
    start = np.int64(0)
    for bucket in range(len(ends) - 1):
        stop = np.int64(ends[bucket])
        if stop - start <= INSERTION_ROWS:
            _insertion(words, order, start, stop, key, key_low, prefix, offsets, content, row, row_low)
        else:
            _quicksort(words, order, start, stop, key, key_low, prefix, offsets, content, row, row_low)
        start = stop
    return order


@njit(types.int64(U64, U64, U64, U64, types.int64[::1], types.int64[::1]), nogil=True, cache=True)
def sum_equal(key, key_low, row, row_low, weights, kept):  # type: ignore[no-untyped-def]
    """Consolidates sorted rows: sums the weights of equal identities into the first of them, in place.

    The rows whose sum is not zero go to `kept`; returns how many there are. `row` may be empty.
    """
    count = 0
    i = 0
    while i < len(key):
        first = i
        i += 1
        while i < len(key) and key[i] == key[first] and key_low[i] == key_low[first]:
            if len(row) and (row[i] != row[first] or row_low[i] != row_low[first]):
                break
            weights[first] += weights[i]
            i += 1
        kept[count] = first
        count += weights[first] != 0
    return count
