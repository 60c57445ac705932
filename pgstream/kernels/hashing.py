"""128-bit row hashing: each column is absorbed into two 64-bit lanes per row.

Lane one chains a bijection (Stafford's "Mix13" finaliser, as in SplitMix64), so one 64-bit column never collides in
it; lane two chains a folded 128-bit product with secret odd factors (as wyhash does). `secret` is uint64[8], drawn
from the database's seed.
"""

import numpy as np

from pgstream.kernels.compiler import njit, types
from pgstream.kernels.pointers import (
    WORD,
    add_words,
    fold_multiply,
    load8,
    load16,
    load32,
    load64,
    loadi32,
    multiply_words,
)

U64 = types.uint64[::1]
U8 = types.uint8[::1]
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

__all__ = ["WORD"]


@njit(types.uint64(types.uint64), nogil=True, cache=True)
def mix(word):  # type: ignore[no-untyped-def]
    """A bijection of 64-bit words in which each input bit flips each output bit half the time."""
    word = multiply_words(word ^ (word >> np.uint64(30)), MIX_1)
    word = multiply_words(word ^ (word >> np.uint64(27)), MIX_2)
    return word ^ (word >> np.uint64(31))


@njit(nogil=True, cache=True)
def is_valid(bits, index):  # type: ignore[no-untyped-def]
    """Whether bit `index` of the Arrow bitmap at `bits` is set."""
    return (load8(bits + (index >> 3)) >> np.uint64(index & 7)) & np.uint64(1) != np.uint64(0)


@njit(types.void(types.int64, types.int64, types.int64, types.int64, U64, U64, U64), nogil=True, cache=True)
def absorb_words(values, width, bits, offset, secret, one, two):  # type: ignore[no-untyped-def]
    """Absorbs a column of `width`-byte words (1, 2, 4, 8; sign-extended) at `values`.

    `bits` is the address of its validity bitmap, or 0; `offset` the bit of row 0 in it.
    """
    for row in range(len(one)):
        if bits != 0 and not is_valid(bits, offset + row):
            one[row] = mix(add_words(one[row], secret[2]))
            two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
            continue
        if width == 8:
            word = load64(values + row * 8)
        elif width == 4:
            word = np.uint64(loadi32(values + row * 4))
        elif width == 2:
            word = np.uint64(np.int64(np.int16(load16(values + row * 2))))
        else:
            word = load8(values + row)
        one[row] = mix(one[row] ^ word)
        two[row] = fold_multiply(two[row] ^ word, secret[5])


@njit(types.void(types.int64, types.int64, types.int64, U64, U64, U64), nogil=True, cache=True)
def absorb_bits(values, bits, offset, secret, one, two):  # type: ignore[no-untyped-def]
    """Absorbs a bit-packed boolean column; both bitmaps start at bit `offset`."""
    for row in range(len(one)):
        if bits != 0 and not is_valid(bits, offset + row):
            one[row] = mix(add_words(one[row], secret[2]))
            two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
            continue
        word = np.uint64(is_valid(values, offset + row))
        one[row] = mix(one[row] ^ word)
        two[row] = fold_multiply(two[row] ^ word, secret[5])


@njit(nogil=True, cache=True)
def short_word(start, length):  # type: ignore[no-untyped-def]
    """The bytes of a string shorter than 8, as one word; distinct for distinct strings of one length."""
    if length >= 4:
        return load32(start) | (load32(start + length - 4) << np.uint64(32))
    if length == 0:
        return np.uint64(0)
    middle = load8(start + (length >> 1)) << np.uint64(8)
    return load8(start) | middle | (load8(start + length - 1) << np.uint64(16))


@njit(nogil=True, cache=True)
def absorb_string(start, length, secret, one, two):  # type: ignore[no-untyped-def]
    """The lanes after absorbing `length` bytes: whole words, then the last (overlapping) one and the length."""
    place = start
    stop = start + length - 8
    while place < stop:
        word = load64(place)
        one = mix(one ^ word)
        two = fold_multiply(two ^ word, secret[5])
        place += 8
    word = load64(stop) if length >= 8 else short_word(start, length)
    one = mix(add_words(one, multiply_words(np.uint64(length), secret[6])) ^ word)
    two = fold_multiply(add_words(two, multiply_words(np.uint64(length), secret[7])) ^ word, secret[5])
    return one, two


@njit(types.void(types.int64, types.int64, types.int64, types.int64, U64, U64, U64), nogil=True, cache=True)
def absorb_strings(offsets, content, bits, offset, secret, one, two):  # type: ignore[no-untyped-def]
    """Absorbs a string or binary column: int32 `offsets` (of row 0) into `content`."""
    for row in range(len(one)):
        if bits != 0 and not is_valid(bits, offset + row):
            one[row] = mix(add_words(one[row], secret[2]))
            two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
            continue
        start = loadi32(offsets + row * 4)
        length = loadi32(offsets + row * 4 + 4) - start
        one[row], two[row] = absorb_string(content + start, length, secret, one[row], two[row])


@njit(types.void(types.int64, types.int64, types.int64, types.int64, U64, U64, U64), nogil=True, cache=True)
def absorb_fixed(values, width, bits, offset, secret, one, two):  # type: ignore[no-untyped-def]
    """Absorbs a column of `width`-byte strings, such as a uuid."""
    for row in range(len(one)):
        if bits != 0 and not is_valid(bits, offset + row):
            one[row] = mix(add_words(one[row], secret[2]))
            two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
            continue
        one[row], two[row] = absorb_string(values + row * width, width, secret, one[row], two[row])


@njit(types.void(types.int64, U64, U64, types.int64, types.int64, U64, U64, U64), nogil=True, cache=True)
def absorb_lists(offsets, inner_one, inner_two, bits, offset, secret, one, two):  # type: ignore[no-untyped-def]
    """Absorbs a list column, given the lanes of each element; `offsets` 0 means one element a row (a struct)."""
    origin = loadi32(offsets) if offsets != 0 else 0
    for row in range(len(one)):
        if bits != 0 and not is_valid(bits, offset + row):
            one[row] = mix(add_words(one[row], secret[2]))
            two[row] = fold_multiply(add_words(two[row], secret[3]), secret[4])
            continue
        start, stop = row, row + 1
        if offsets != 0:
            start, stop = loadi32(offsets + row * 4) - origin, loadi32(offsets + row * 4 + 4) - origin
        for element in range(start, stop):
            one[row] = mix(one[row] ^ inner_one[element])
            two[row] = fold_multiply(two[row] ^ inner_two[element], secret[5])
        length = np.uint64(stop - start)
        one[row] = mix(add_words(one[row], multiply_words(length, secret[6])))
        two[row] = fold_multiply(add_words(two[row], multiply_words(length, secret[7])), secret[5])


@njit(types.void(U64, U64), nogil=True, cache=True)
def finish(one, two):  # type: ignore[no-untyped-def]
    """Spreads lane two, which multiplication alone leaves unevenly mixed; a bijection of the two lanes together."""
    for row in range(len(one)):
        two[row] = mix(two[row] ^ (one[row] >> np.uint64(32) | one[row] << np.uint64(32)))
