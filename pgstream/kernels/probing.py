"""Finding keys in the layers of a spine.

`table` has a row for each run of the spine (see `merging`), the runs of one layer side by side and in order;
`layers[l]:layers[l + 1]` are the runs of layer `l`. `fences` holds each run's first and last key: first, first's low
word, last, last's low word. Keys are hashes, hence uniform, so a search starts by interpolation
(Perl, Itai and Avni, "Interpolation search", CACM 1978) and gallops from there; a key of many rows costs it nothing.
"""

import numpy as np
from numba import njit, types

from pgstream.kernels.merging import KEY, KEY_LOW, START, STOP
from pgstream.kernels.pointers import load64

U64 = types.Array(types.uint64, 1, "C", readonly=True)
I64 = types.Array(types.int64, 1, "C", readonly=True)
I64_2 = types.int64[:, ::1]
U64_2 = types.uint64[:, ::1]
FIRST, FIRST_LOW, LAST, LAST_LOW = range(4)


@njit(nogil=True, cache=True)
def _less(table, run, index, key, key_low):  # type: ignore[no-untyped-def]
    """Whether the key of row `index` sorts before the asked one."""
    word = load64(table[run, KEY] + index * 8)
    if word != key:
        return word < key
    return load64(table[run, KEY_LOW] + index * 8) < key_low


@njit(nogil=True, cache=True)
def _lower_bound(table, fences, run, key, key_low):  # type: ignore[no-untyped-def]
    """The first row of `run` whose key is not before the asked one."""
    start, stop = table[run, START], table[run, STOP]
    first, last = fences[run, FIRST], fences[run, LAST]
    if key > last:
        return stop
    if key <= first or stop - start < 16:
        return _bisect(table, run, start, stop if key > first else min(start + 1, stop), stop, key, key_low)
    share = np.float64(key - first) / np.float64(last - first)
    guess = start + np.int64(share * np.float64(stop - 1 - start))
    guess = min(max(guess, start), stop - 1)
    step = 4
    if _less(table, run, guess, key, key_low):
        low = guess + 1
        while guess + step < stop and _less(table, run, guess + step, key, key_low):
            low = guess + step + 1
            step *= 2
        return _bisect(table, run, low, min(guess + step, stop), stop, key, key_low)
    high = guess
    while guess - step >= start and not _less(table, run, guess - step, key, key_low):
        high = guess - step
        step *= 2
    return _bisect(table, run, max(guess - step, start), high, stop, key, key_low)


@njit(nogil=True, cache=True)
def _bisect(table, run, low, high, stop, key, key_low):  # type: ignore[no-untyped-def]
    """The bound, known to be at least `low`; `high` is at or past it, unless rows up to `stop` say otherwise."""
    if high < stop and _less(table, run, high, key, key_low):
        low, high = high + 1, stop
    while low < high:
        middle = (low + high) >> 1
        if _less(table, run, middle, key, key_low):
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True, cache=True)
def _same(table, run, index, key, key_low):  # type: ignore[no-untyped-def]
    return load64(table[run, KEY] + index * 8) == key and load64(table[run, KEY_LOW] + index * 8) == key_low


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
    """The first run of `low:high` whose last key is not before the asked one; `high` where there is none."""
    while low < high:
        middle = (low + high) >> 1
        last = fences[middle, LAST]
        if last < key or (last == key and fences[middle, LAST_LOW] < key_low):
            low = middle + 1
        else:
            high = middle
    return low


@njit(types.UniTuple(types.int64, 2)(I64_2, U64_2, I64, U64, U64, types.int64, I64_2), nogil=True, cache=True)
def locate(table, fences, layers, keys, keys_low, query, spans):  # type: ignore[no-untyped-def]
    """Finds the rows of the keys from `query` on: rows (query, run, start, stop) of `spans`, by query, then layer.

    Returns the query to go on with, and the number of spans: when `spans` may be too small for a whole query, the
    caller brings a larger one.
    """
    found = 0
    room = len(spans) - len(table)
    first = query
    before = 0
    while query < len(keys):
        if found > room:
            return query, found
        key, key_low = keys[query], keys_low[query]
        if query > first and key == keys[query - 1] and key_low == keys_low[query - 1]:
            count = found - before
            for i in range(found, found + count):
                spans[i, 0] = query
                for field in range(1, 4):
                    spans[i, field] = spans[i - count, field]
            before = found
            found += count
            query += 1
            continue
        before = found
        for layer in range(len(layers) - 1):
            stop = layers[layer + 1]
            run = _first_run(fences, layers[layer], stop, key, key_low)
            while run < stop and (
                fences[run, FIRST] < key or (fences[run, FIRST] == key and fences[run, FIRST_LOW] <= key_low)
            ):
                start = _lower_bound(table, fences, run, key, key_low)
                if start == table[run, STOP] or not _same(table, run, start, key, key_low):
                    break
                spans[found, 0] = query
                spans[found, 1] = run
                spans[found, 2] = start
                spans[found, 3] = _span_end(table, run, start, key, key_low)
                found += 1
                if spans[found - 1, 3] < table[run, STOP]:
                    break
                run += 1
        query += 1
    return query, found
