"""All columns of a batch at once: what a small batch costs is calls, not bytes, so each of these is one.

A column is a row of int64, its `arrow_views.Leaf`. Nested columns have no place here.
"""

import numpy as np

from pgstream.kernels import hashing
from pgstream.kernels.arrow_views import BITS, FIXED, LIST, STRINGS, STRUCT
from pgstream.kernels.compiler import njit, types
from pgstream.kernels.gathering import ROW_MASK, SOURCE_SHIFT
from pgstream.kernels.hashing import is_valid, mix
from pgstream.kernels.pointers import add_words, compare_bytes, copy_bytes, fold_multiply, load64, loadi32, loadi64

U64 = types.uint64[::1]
I64 = types.Array(types.int64, 1, "C", readonly=True)
I64_2 = types.Array(types.int64, 2, "C", readonly=True)
OUT_2 = types.int64[:, ::1]
LEAF_BITS, LEAF_OFFSET, LEAF_VALUES, LEAF_CONTENT, LEAF_KIND, LEAF_WIDTH = range(6)
LEAF_WIDE = 6
NULLS, BITMAP, VALUES, CONTENT, END, KIND, WIDTH, MADE_WIDTH = range(8)
"""What is told of a column that was made: how many NULLs it has, where its buffers lie, and its layout."""
TOO_LONG, NESTED = -1, -2
"""In place of a number of NULLs: why nothing was made."""


@njit(types.boolean(I64_2, I64, U64, U64, U64), nogil=True, cache=True)
def hash_columns(leaves, positions, secret, one, two):  # type: ignore[no-untyped-def]
    """The hash of each row, of the columns at `positions`: what absorbing one after another gives.

    False where one of them is nested.
    """
    one[:] = secret[0]
    two[:] = secret[1]
    for at in range(len(positions)):
        leaf = leaves[positions[at]]
        bits, offset, values, kind, width = leaf[0], leaf[1], leaf[2], leaf[4], leaf[5]
        if kind == FIXED and width <= 8:
            hashing.absorb_words(values, width, bits, offset, secret, one, two)
        elif kind == FIXED:
            hashing.absorb_fixed(values, width, bits, offset, secret, one, two)
        elif kind == STRINGS:
            hashing.absorb_strings(values, leaf[LEAF_CONTENT], bits, offset, secret, one, two)
        elif kind == BITS:
            hashing.absorb_bits(values, bits, offset, secret, one, two)
        elif kind in (LIST, STRUCT):
            return False
        else:
            for row in range(len(one)):
                one[row] = mix(add_words(one[row], secret[2]))
                two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
    hashing.finish(one, two)
    return True


@njit(nogil=True, cache=True)
def _is_null(leaf, row):  # type: ignore[no-untyped-def]
    bits = loadi64(leaf)
    return bits != 0 and not is_valid(bits, loadi64(leaf + LEAF_OFFSET * 8) + row)


@njit(nogil=True, cache=True)
def _content_size(sources, column, picks):  # type: ignore[no-untyped-def]
    size = 0
    for i in range(len(picks)):
        leaf = sources[picks[i] >> SOURCE_SHIFT] + column
        place = loadi64(leaf + LEAF_VALUES * 8) + (picks[i] & ROW_MASK) * 4
        size += loadi32(place + 4) - loadi32(place)
    return size


@njit(nogil=True, cache=True)
def _lay_out(sources, positions, picks, made):  # type: ignore[no-untyped-def]
    """Where the buffers of each column go in memory that they share; returns its size, or why that cannot be."""
    count, end = len(picks), 0
    for c in range(len(positions)):
        column = positions[c] * (LEAF_WIDE * 8)
        kind, width = loadi64(sources[0] + column + LEAF_KIND * 8), loadi64(sources[0] + column + LEAF_WIDTH * 8)
        if kind in (LIST, STRUCT):
            return NESTED
        made[c, KIND], made[c, WIDTH] = kind, width
        nulls = 0
        for i in range(count):
            nulls += _is_null(sources[picks[i] >> SOURCE_SHIFT] + column, picks[i] & ROW_MASK)
        made[c, NULLS], made[c, BITMAP] = nulls, end
        if nulls != 0:
            end += ((count + 63) >> 6) << 3
        made[c, VALUES] = made[c, CONTENT] = made[c, END] = end
        if kind == FIXED:
            end += count * width
        elif kind == BITS:
            end += (count + 7) >> 3
        elif kind == STRINGS:
            made[c, CONTENT] = end + (((count + 1) * 4 + 7) & ~7)
            size = _content_size(sources, column, picks)
            if size > 0x7FFFFFFF:
                return TOO_LONG
            end = made[c, END] = made[c, CONTENT] + size
        end = (end + 7) & ~7
    return end


@njit(nogil=True, cache=True)
def _fill_bits(sources, column, picks, validity, out):  # type: ignore[no-untyped-def]
    out[:] = 0
    for i in range(len(picks)):
        leaf, row = sources[picks[i] >> SOURCE_SHIFT] + column, picks[i] & ROW_MASK
        if validity:
            found = not _is_null(leaf, row)
        else:
            found = is_valid(loadi64(leaf + LEAF_VALUES * 8), loadi64(leaf + LEAF_OFFSET * 8) + row)
        if found:
            out[i >> 3] |= np.uint8(1 << (i & 7))


@njit(nogil=True, cache=True)
def _fill_fixed(sources, column, picks, width, out):  # type: ignore[no-untyped-def]
    if width == 8:
        words = out.view(np.uint64)
        for i in range(len(picks)):
            values = loadi64(sources[picks[i] >> SOURCE_SHIFT] + column + LEAF_VALUES * 8)
            words[i] = load64(values + (picks[i] & ROW_MASK) * 8)
        return
    target = out.ctypes.data
    for i in range(len(picks)):
        values = loadi64(sources[picks[i] >> SOURCE_SHIFT] + column + LEAF_VALUES * 8)
        copy_bytes(target + i * width, values + (picks[i] & ROW_MASK) * width, width)


@njit(nogil=True, cache=True)
def _fill_strings(sources, column, picks, ends, content):  # type: ignore[no-untyped-def]
    target = content.ctypes.data
    end = 0
    ends[0] = 0
    for i in range(len(picks)):
        leaf = sources[picks[i] >> SOURCE_SHIFT] + column
        place = loadi64(leaf + LEAF_VALUES * 8) + (picks[i] & ROW_MASK) * 4
        start = loadi32(place)
        size = loadi32(place + 4) - start
        copy_bytes(target + end, loadi64(leaf + LEAF_CONTENT * 8) + start, size)
        end += size
        ends[i + 1] = end


@njit(types.uint8[::1](I64, I64, I64, OUT_2, OUT_2), nogil=True, cache=True)
def gather_columns(sources, positions, picks, made, placed):  # type: ignore[no-untyped-def]
    """The picked rows' columns at `positions`, in one piece of memory that `made` explains; `placed` are their leaves.

    `sources` are the addresses of each source's leaves. Picks are as in `gathering`.
    """
    size = _lay_out(sources, positions, picks, made)
    if size < 0:
        made[:, NULLS] = size
        return np.empty(0, np.uint8)
    arena = np.empty(size, np.uint8)
    for c in range(len(positions)):
        column = positions[c] * (LEAF_WIDE * 8)
        kind, width = loadi64(sources[0] + column + LEAF_KIND * 8), loadi64(sources[0] + column + LEAF_WIDTH * 8)
        bitmap, values, content, end = made[c, BITMAP], made[c, VALUES], made[c, CONTENT], made[c, END]
        if made[c, NULLS] != 0:
            _fill_bits(sources, column, picks, True, arena[bitmap:values])
        if kind == FIXED:
            _fill_fixed(sources, column, picks, width, arena[values : values + len(picks) * width])
        elif kind == BITS:
            _fill_bits(sources, column, picks, False, arena[values : values + ((len(picks) + 7) >> 3)])
        elif kind == STRINGS:
            ends = arena[values : values + (len(picks) + 1) * 4].view(np.int32)
            _fill_strings(sources, column, picks, ends, arena[content:end])
        origin = arena.ctypes.data
        placed[c, LEAF_BITS] = origin + bitmap if made[c, NULLS] != 0 else 0
        placed[c, LEAF_OFFSET] = 0
        placed[c, LEAF_VALUES] = origin + values
        placed[c, LEAF_CONTENT] = origin + content if kind == STRINGS else 0
        placed[c, LEAF_KIND], placed[c, LEAF_WIDTH] = kind, width
    return arena


@njit(types.uint8[::1](I64_2, I64, OUT_2, OUT_2), nogil=True, cache=True)
def pick_columns(leaves, picks, made, placed):  # type: ignore[no-untyped-def]
    """As `gather_columns`, of all columns of one source."""
    sources = np.empty(1, np.int64)
    sources[0] = leaves.ctypes.data
    return gather_columns(sources, np.arange(len(leaves)), picks, made, placed)


@njit(nogil=True, cache=True)
def _alike(leaf, a, b):  # type: ignore[no-untyped-def]
    """Whether two rows of a column are the same, bit for bit; NULLs are."""
    bits, offset, values, content, kind, width = leaf[0], leaf[1], leaf[2], leaf[3], leaf[4], leaf[5]
    if bits != 0:
        one, two = is_valid(bits, offset + a), is_valid(bits, offset + b)
        if not one or not two:
            return one == two
    if kind == FIXED:
        if width == 8:
            return load64(values + a * 8) == load64(values + b * 8)
        return compare_bytes(values + a * width, values + b * width, width) == 0
    if kind == STRINGS:
        start, other = loadi32(values + a * 4), loadi32(values + b * 4)
        size = loadi32(values + a * 4 + 4) - start
        return (
            size == loadi32(values + b * 4 + 4) - other and compare_bytes(content + start, content + other, size) == 0
        )
    return kind != BITS or is_valid(values, offset + a) == is_valid(values, offset + b)


@njit(types.void(I64_2, I64, I64, I64, types.boolean[::1]), nogil=True, cache=True)
def mark_alike(leaves, positions, left, right, alike):  # type: ignore[no-untyped-def]
    """Clears `alike[i]` where rows `left[i]` and `right[i]` differ in a column at `positions`."""
    for i in range(len(left)):
        for at in range(len(positions)):
            if not alike[i]:
                break
            alike[i] = _alike(leaves[positions[at]], left[i], right[i])
