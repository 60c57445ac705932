"""Loops over the bytes of string columns: integers out of text, and byte strings whose order is SQL's order.

A string column is `offsets` (int32, n + 1) into `content` (uint8); `valid` (bool, n) is False where the value is
NULL and its bytes mean nothing.
"""

import numpy as np

from pgstream.kernels.compiler import boolean, int32, int64, njit, types, uint8

bytes_in = types.Array(uint8, 1, "C", readonly=True)
offsets_in = types.Array(int32, 1, "C", readonly=True)
flags_in = types.Array(boolean, 1, "C", readonly=True)
ints_in = types.Array(int64, 1, "C", readonly=True)
int32s_in = types.Array(int32, 1, "C", readonly=True)
bytes_out = uint8[::1]
offsets_out = int32[::1]
ints_out = int64[::1]
flags_out = boolean[::1]


@njit(
    types.Tuple((ints_out, flags_out))(offsets_in, bytes_in, flags_in, int64, int64),
    nogil=True,
    cache=True,
)
def parse_integers(offsets, content, valid, low, high):  # type: ignore[no-untyped-def]
    """Values of texts that are an optional sign and up to 18 digits in [low, high]; the flag is False for others."""
    count = len(valid)
    values = np.zeros(count, np.int64)
    done = np.ones(count, np.bool_)
    for row in range(count):
        if not valid[row]:
            continue
        at = offsets[row]
        end = offsets[row + 1]
        negative = False
        if at < end and (content[at] == 45 or content[at] == 43):
            negative = content[at] == 45
            at += 1
        if at == end or end - at > 18:
            done[row] = False
            continue
        value = np.int64(0)
        while at < end:
            digit = np.int64(content[at]) - 48
            if digit < 0 or digit > 9:
                break
            value = value * 10 + digit
            at += 1
        if negative:
            value = -value
        values[row] = value
        done[row] = at == end and low <= value and value <= high
    return values, done


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in), nogil=True, cache=True)
def ordered_bytes(offsets, content):  # type: ignore[no-untyped-def]
    """Prefix-free keys in memcmp order: 0x00 becomes 0x00 0xFF, and 0x00 0x00 ends the value."""
    count = len(offsets) - 1
    zeros = 0
    for at in range(offsets[0], offsets[count]):
        if content[at] == 0:
            zeros += 1
    keys = np.empty(offsets[count] - offsets[0] + zeros + 2 * count, np.uint8)
    ends = np.zeros(count + 1, np.int32)
    to = 0
    for row in range(count):
        for at in range(offsets[row], offsets[row + 1]):
            keys[to] = content[at]
            to += 1
            if content[at] == 0:
                keys[to] = 255
                to += 1
        keys[to] = 0
        keys[to + 1] = 0
        to += 2
        ends[row + 1] = to
    return ends, keys


@njit(ints_out(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def character_counts(offsets, content, valid):  # type: ignore[no-untyped-def]
    """How many characters each UTF-8 text has."""
    counts = np.zeros(len(valid), np.int64)
    for row in range(len(valid)):
        if valid[row]:
            for at in range(offsets[row], offsets[row + 1]):
                if content[at] & 0xC0 != 0x80:
                    counts[row] += 1
    return counts


@njit(types.Tuple((offsets_out, bytes_out))(ints_in, flags_in), nogil=True, cache=True)
def format_integers(values, valid):  # type: ignore[no-untyped-def]
    """Decimal texts of integers."""
    count = len(values)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(count * 20, np.uint8)
    digits = np.empty(20, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            rest = np.uint64(values[row])
            if values[row] < 0:
                texts[to] = 45
                to += 1
                rest = np.uint64(0) - rest
            size = 0
            while rest >= np.uint64(10):
                quotient = rest // np.uint64(10)
                digits[size] = 48 + np.uint8(rest - quotient * np.uint64(10))
                rest = quotient
                size += 1
            texts[to] = 48 + np.uint8(rest)
            to += 1
            for place in range(size - 1, -1, -1):
                texts[to] = digits[place]
                to += 1
        ends[row + 1] = to
    return ends, texts[:to]


HEX_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8).copy()


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def format_hex(offsets, content, valid):  # type: ignore[no-untyped-def]
    r"""\\x and the hexadecimal digits of byte strings."""
    count = len(valid)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(2 * (offsets[count] - offsets[0]) + 2 * count, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            texts[to] = 92
            texts[to + 1] = 120
            to += 2
            for at in range(offsets[row], offsets[row + 1]):
                texts[to] = HEX_DIGITS[content[at] >> 4]
                texts[to + 1] = HEX_DIGITS[content[at] & 15]
                to += 2
        ends[row + 1] = to
    return ends, texts[:to]
