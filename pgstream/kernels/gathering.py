"""Rows picked from many buffers into one: the only way payload moves.

A *pick* is an int64 that names a source and a row in it: `source << 40 | row`. Addresses are int64 arrays, one entry
per source.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.hashing import is_valid
from pgstream.kernels.pointers import copy_bytes, load8, load16, load32, load64, loadi32

I64 = types.Array(types.int64, 1, "C", readonly=True)
SOURCE_SHIFT = 40
ROW_MASK = (1 << SOURCE_SHIFT) - 1


@njit(types.void(I64, I64, types.uint64[::1]), nogil=True, cache=True)
def gather64(picks, values, out) -> None:  # type: ignore[no-untyped-def]
    """8-byte values."""
    for i in range(len(picks)):
        pick = picks[i]
        out[i] = load64(values[pick >> SOURCE_SHIFT] + (pick & ROW_MASK) * 8)


@njit(types.void(I64, I64, types.uint32[::1]), nogil=True, cache=True)
def gather32(picks, values, out) -> None:  # type: ignore[no-untyped-def]
    """4-byte values."""
    for i in range(len(picks)):
        pick = picks[i]
        out[i] = load32(values[pick >> SOURCE_SHIFT] + (pick & ROW_MASK) * 4)


@njit(types.void(I64, I64, types.uint16[::1]), nogil=True, cache=True)
def gather16(picks, values, out) -> None:  # type: ignore[no-untyped-def]
    """2-byte values."""
    for i in range(len(picks)):
        pick = picks[i]
        out[i] = load16(values[pick >> SOURCE_SHIFT] + (pick & ROW_MASK) * 2)


@njit(types.void(I64, I64, types.uint8[::1]), nogil=True, cache=True)
def gather8(picks, values, out) -> None:  # type: ignore[no-untyped-def]
    """1-byte values."""
    for i in range(len(picks)):
        pick = picks[i]
        out[i] = load8(values[pick >> SOURCE_SHIFT] + (pick & ROW_MASK))


@njit(types.void(I64, I64, types.int64, types.uint8[::1]), nogil=True, cache=True)
def gather_fixed(picks, values, width, out) -> None:  # type: ignore[no-untyped-def]
    """Values of `width` bytes, such as uuids."""
    target = out.ctypes.data
    for i in range(len(picks)):
        pick = picks[i]
        copy_bytes(target + i * width, values[pick >> SOURCE_SHIFT] + (pick & ROW_MASK) * width, width)


@njit(types.int64(I64, I64, I64, types.uint8[::1]), nogil=True, cache=True)
def gather_bits(picks, bits, offsets, out) -> int:  # type: ignore[no-untyped-def]
    """Bits of bitmaps that start at bit `offsets[source]`; returns how many are 0. A bitmap at 0 is all ones."""
    zeros = 0
    count = len(picks)
    for byte in range((count + 7) >> 3):
        word = np.uint64(0)
        for i in range(byte * 8, min(byte * 8 + 8, count)):
            pick = picks[i]
            source = pick >> SOURCE_SHIFT
            if bits[source] == 0 or is_valid(bits[source], offsets[source] + (pick & ROW_MASK)):
                word |= np.uint64(1) << np.uint64(i & 7)
            else:
                zeros += 1
        out[byte] = word
    return zeros


@njit(types.int64(I64, I64, types.int32[::1]), nogil=True, cache=True)
def gather_lengths(picks, offsets, out) -> int:  # type: ignore[no-untyped-def]
    """Offsets of the picked strings, laid one after another; returns their bytes, -1 where int32 cannot count them."""
    end = 0
    out[0] = 0
    for i in range(len(picks)):
        pick = picks[i]
        place = offsets[pick >> SOURCE_SHIFT] + (pick & ROW_MASK) * 4
        end += loadi32(place + 4) - loadi32(place)
        out[i + 1] = end
    return end if end <= 0x7FFFFFFF else -1


@njit(types.void(I64, I64, I64, types.int32[::1], types.uint8[::1]), nogil=True, cache=True)
def gather_strings(picks, offsets, contents, places, out) -> None:  # type: ignore[no-untyped-def]
    """The bytes of the picked strings, each at its place from `gather_lengths`."""
    target = out.ctypes.data
    for i in range(len(picks)):
        pick = picks[i]
        source = pick >> SOURCE_SHIFT
        start = loadi32(offsets[source] + (pick & ROW_MASK) * 4)
        place = np.int64(places[i])
        copy_bytes(target + place, contents[source] + start, places[i + 1] - place)
