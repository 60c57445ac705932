"""Keys and the binary wire form of numerics, straight from their text."""

import numpy as np

from pgstream.kernels.compiler import int64, njit, types
from pgstream.kernels.text import bytes_in, bytes_out, flags_in, offsets_in, offsets_out

NEGATIVE_INFINITY, NEGATIVE, ZERO, POSITIVE, INFINITY, NAN = range(1, 7)
"""The first byte of an order key."""


@njit(types.UniTuple(int64, 5)(bytes_in, int64, int64), nogil=True, cache=True)
def anatomy(content, start, end):  # type: ignore[no-untyped-def]
    """(class, first, last, point, exponent) of the text content[start:end].

    `first` and `last` are the indices of the first and last digits that are not 0, `point` that of the point (or
    `end`), and the value is 0.ddd * 10**exponent with the first digit not 0. Only the class means anything for
    values that are not finite and not zero.
    """
    negative = content[start] == 45
    if negative:
        start += 1
    if content[start] > 57:
        if content[start] == 78:
            return NAN, start, start, end, 0
        return (NEGATIVE_INFINITY if negative else INFINITY), start, start, end, 0
    point = end
    first = -1
    last = -1
    for at in range(start, end):
        code = content[at]
        if code == 46:
            point = at
        elif code != 48:
            last = at
            if first < 0:
                first = at
    if first < 0:
        return ZERO, start, start, point, 0
    exponent = point - first if first < point else point - first + 1
    return (NEGATIVE if negative else POSITIVE), first, last, point, exponent


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in), nogil=True, cache=True)
def ordered_numerics(offsets, content):  # type: ignore[no-untyped-def]
    """Prefix-free keys in memcmp order: class, exponent (big-endian, biased), digit pairs + 1, 0.

    For negative values all bytes after the class are inverted.
    """
    count = len(offsets) - 1
    keys = np.empty(offsets[count] - offsets[0] + 8 * count, np.uint8)
    ends = np.zeros(count + 1, np.int32)
    to = 0
    for row in range(count):
        kind, first, last, _, exponent = anatomy(content, offsets[row], offsets[row + 1])
        keys[to] = kind
        to += 1
        if kind in (NEGATIVE, POSITIVE):
            flip = np.uint8(255) if kind == NEGATIVE else np.uint8(0)
            biased = exponent + 0x800000
            for shift in (16, 8, 0):
                keys[to] = np.uint8((biased >> shift) & 255) ^ flip
                to += 1
            at = first
            while at <= last:
                if content[at] == 46:
                    at += 1
                pair = (np.int64(content[at]) - 48) * 10
                at += 1
                if at <= last and content[at] == 46:
                    at += 1
                if at <= last:
                    pair += np.int64(content[at]) - 48
                    at += 1
                keys[to] = np.uint8(pair + 1) ^ flip
                to += 1
            keys[to] = flip
            to += 1
        ends[row + 1] = to
    return ends, keys[:to]


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def without_trailing_zeros(offsets, content, valid):  # type: ignore[no-untyped-def]
    """The texts without zeros at the end of the fraction: one text for each value."""
    count = len(valid)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(max(offsets[count] - offsets[0], 0), np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            end = offsets[row + 1]
            point = -1
            for at in range(offsets[row], end):
                if content[at] == 46:
                    point = at
            if point >= 0:
                while content[end - 1] == 48:
                    end -= 1
                if end - 1 == point:
                    end = point
            for at in range(offsets[row], end):
                texts[to] = content[at]
                to += 1
        ends[row + 1] = to
    return ends, texts[:to]


@njit(int64(bytes_in, int64, int64, int64, int64), nogil=True, cache=True)
def group_digit(content, start, end, point, weight):  # type: ignore[no-untyped-def]
    """The base-10000 digit of weight `weight` (0: the units) of the unsigned text content[start:end]."""
    value = 0
    for place in range(4):
        if weight >= 0:
            at = point - 4 * (weight + 1) + place
            inside = at >= start
        else:
            at = point + 1 + 4 * (-weight - 1) + place
            inside = at < end
        value *= 10
        if inside:
            value += int(content[at]) - 48
    return value


@njit(types.Tuple((offsets_out, bytes_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def send_numerics(offsets, content, valid):  # type: ignore[no-untyped-def]
    """The binary wire form: int16 digits, weight, sign, display scale, then the base-10000 digits, big-endian."""
    count = len(valid)
    ends = np.zeros(count + 1, np.int32)
    wire = np.empty(max(offsets[count] - offsets[0], 0) + 16 * count, np.uint8)
    head = np.zeros(4, np.int64)
    to = 0
    for row in range(count):
        if valid[row]:
            start, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
            kind, first, last, point, _ = anatomy(content, start, end)
            if content[start] == 45:
                start += 1
            high, low = np.int64(-1), np.int64(0)
            head[1] = 0
            head[2] = 0x4000 if kind == NEGATIVE else 0
            head[3] = end - point - 1 if point < end else 0
            if kind in (NEGATIVE, POSITIVE):
                high = (point - first - 1) // 4 if first < point else -((first - point - 1) // 4) - 1
                low = (point - last - 1) // 4 if last < point else -((last - point - 1) // 4) - 1
                head[1] = high
            elif kind != ZERO:
                head[2] = 0xC000 if kind == NAN else (0xD000 if kind == INFINITY else 0xF000)
                head[3] = 0 if kind == NAN else 0x20  # PostgreSQL's make_result leaves these bits there
            head[0] = high - low + 1 if high >= low else 0
            for field in range(4):
                wire[to] = np.uint8((head[field] >> 8) & 255)
                wire[to + 1] = np.uint8(head[field] & 255)
                to += 2
            if kind in (NEGATIVE, POSITIVE):
                for weight in range(high, low - 1, -1):
                    digit = group_digit(content, start, end, point, weight)
                    wire[to] = np.uint8(digit >> 8)
                    wire[to + 1] = np.uint8(digit & 255)
                    to += 2
        ends[row + 1] = to
    return ends, wire[:to]
