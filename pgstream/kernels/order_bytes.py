"""Order keys as bytes: joining the parts of a key, and its first eight bytes as a word."""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.pointers import load8, loadi32

I64 = types.Array(types.int64, 1, "C", readonly=True)


@njit(types.uint64(types.int64, types.int64, types.int64), nogil=True, cache=True)
def _prefix(offsets, content, index):  # type: ignore[no-untyped-def]
    start = loadi32(offsets + index * 4)
    length = min(loadi32(offsets + index * 4 + 4) - start, 8)
    word = np.uint64(0)
    for place in range(length):
        word |= load8(content + start + place) << np.uint64(56 - 8 * place)
    return word


@njit(types.uint64[::1](types.int64, types.int64, types.int64), nogil=True, cache=True)
def prefixes(offsets, content, count):  # type: ignore[no-untyped-def]
    """The first eight bytes of each string as a big-endian word, shorter ones padded with zeros."""
    out = np.empty(count, np.uint64)
    for i in range(count):
        out[i] = _prefix(offsets, content, i)
    return out


@njit(types.void(types.int64, types.int64, I64, I64, types.boolean, types.uint8[::1]), nogil=True, cache=True)
def scatter_keys(offsets, content, rows, ends, inverted, out):  # type: ignore[no-untyped-def]
    """Writes string `i` one byte after where the key of row `rows[i]` starts, bit by bit `inverted` or not."""
    flip = np.uint64(255) if inverted else np.uint64(0)
    for i in range(len(rows)):
        start = loadi32(offsets + i * 4)
        target = ends[rows[i]] + 1
        for place in range(loadi32(offsets + i * 4 + 4) - start):
            out[target + place] = load8(content + start + place) ^ flip


@njit(types.void(types.int64, types.int64, types.int64[::1], types.uint8[::1]), nogil=True, cache=True)
def append_keys(offsets, content, places, out):  # type: ignore[no-untyped-def]
    """Writes string `i` at `places[i]`, which then stands behind it."""
    for i in range(len(places)):
        start = loadi32(offsets + i * 4)
        for place in range(loadi32(offsets + i * 4 + 4) - start):
            out[places[i] + place] = load8(content + start + place)
        places[i] += loadi32(offsets + i * 4 + 4) - start
