"""The fields that `kernels.copy_text` cut, one column at a time, as the memory of a string column.

What escapes and quotes stand for is written out. Up to 16 bytes behind the last field are read.
"""

import numpy as np

from pgstream.kernels.bytes import load64, memcpy, store64
from pgstream.kernels.compiler import boolean, int32, int64, njit, types, uint8
from pgstream.kernels.copy_text import NULL, PLAIN, bytes_in, ints_in


@njit(types.UniTuple(int64, 2)(bytes_in, int64, int64), nogil=True, cache=True)
def unescaped(content, at, end):  # type: ignore[no-untyped-def]
    """The byte that the backslash escape before `at` stands for, and where the text goes on."""
    byte = int64(content[at])
    if 48 <= byte <= 55:
        value = byte - 48
        at += 1
        digits = 1
        while at < end and digits < 3 and 48 <= content[at] <= 55:
            value = (value << 3) + content[at] - 48
            at += 1
            digits += 1
        return value & 255, at
    if byte == 120:
        value = int64(0)
        stop = min(at + 3, end)
        digit_at = at + 1
        while digit_at < stop:
            digit = int64(content[digit_at]) | 32
            if 48 <= content[digit_at] <= 57:
                value = (value << 4) + content[digit_at] - 48
            elif 97 <= digit <= 102:
                value = (value << 4) + digit - 87
            else:
                break
            digit_at += 1
        return (value, digit_at) if digit_at > at + 1 else (byte, at + 1)
    if byte == 98:
        byte = 8
    elif byte == 102:
        byte = 12
    elif byte == 110:
        byte = 10
    elif byte == 114:
        byte = 13
    elif byte == 116:
        byte = 9
    elif byte == 118:
        byte = 11
    return byte, at + 1


@njit(types.void(int64, int64, int64), nogil=True, cache=True, inline="always")
def copy_short(to, start, length):  # type: ignore[no-untyped-def]
    """Copies `length` bytes; up to 15 bytes behind them are read and written too."""
    if length <= 16:
        store64(to, int64(load64(start)))
        if length > 8:
            store64(to + 8, int64(load64(start + 8)))
    else:
        memcpy(to, start, length)


OVERRUN = 16
"""How many bytes behind its end a gathered column's memory goes on, for `copy_short`."""

GATHERED = types.Tuple((int32[::1], uint8[::1], boolean[::1]))


@njit(boolean(bytes_in, int64, int64, bytes_in), nogil=True, cache=True)
def is_text(content, start, stop, text):  # type: ignore[no-untyped-def]
    """Whether content[start:stop] is `text`."""
    if stop - start != len(text):
        return False
    for i in range(len(text)):  # noqa: SIM110  numba has no all()
        if content[start + i] != text[i]:
            return False
    return True


@njit(GATHERED(bytes_in, ints_in, ints_in, bytes_in, int64, int64, int64, bytes_in), nogil=True, cache=True)
def gather_text(content, starts, stops, marks, rows, column, columns, null):  # type: ignore[no-untyped-def]
    """Column `column` of text fields: escapes undone, NULL where the raw field is `null`."""
    total = int64(0)
    for row in range(rows):
        total += stops[row * columns + column] - starts[row * columns + column]
    offsets = np.zeros(rows + 1, np.int32)
    values = np.empty(total + OVERRUN, np.uint8)
    valid = np.ones(rows, np.bool_)
    to = int64(0)
    source = content.ctypes.data
    target = values.ctypes.data
    for row in range(rows):
        field = row * columns + column
        at = starts[field]
        stop = stops[field]
        if is_text(content, at, stop, null):
            valid[row] = False
        elif marks[field] == PLAIN:
            copy_short(target + to, source + at, stop - at)
            to += stop - at
        else:
            while at < stop:
                byte = int64(content[at])
                at += 1
                if byte == 92 and at < stop:
                    byte, at = unescaped(content, at, stop)
                values[to] = byte
                to += 1
        offsets[row + 1] = to
    return offsets, values[:to], valid


@njit(
    GATHERED(bytes_in, ints_in, ints_in, bytes_in, int64, int64, int64, bytes_in, uint8, uint8, boolean, boolean),
    nogil=True,
    cache=True,
)
def gather_csv(content, starts, stops, marks, rows, column, columns, null, quote, escape, never_null, quoted_null):  # type: ignore[no-untyped-def]
    """Column `column` of CSV fields: quotes undone; NULL where it is `null` and was not quoted.

    `never_null` is FORCE_NOT_NULL, `quoted_null` is FORCE_NULL.
    """
    total = int64(0)
    for row in range(rows):
        total += stops[row * columns + column] - starts[row * columns + column]
    offsets = np.zeros(rows + 1, np.int32)
    values = np.empty(total + OVERRUN, np.uint8)
    valid = np.ones(rows, np.bool_)
    to = int64(0)
    source = content.ctypes.data
    target = values.ctypes.data
    for row in range(rows):
        field = row * columns + column
        at = starts[field]
        stop = stops[field]
        begin = to
        if marks[field] == PLAIN:
            copy_short(target + to, source + at, stop - at)
            to += stop - at
        else:
            inside = False
            while at < stop:
                byte = content[at]
                at += 1
                if inside:
                    if byte == escape and at < stop and (content[at] == escape or content[at] == quote):
                        byte = content[at]
                        at += 1
                    elif byte == quote:
                        inside = False
                        continue
                elif byte == quote:
                    inside = True
                    continue
                values[to] = byte
                to += 1
        may_be_null = (marks[field] == PLAIN and not never_null) or (marks[field] != PLAIN and quoted_null)
        if may_be_null and is_text(values, begin, to, null):
            valid[row] = False
            to = begin
        offsets[row + 1] = to
    return offsets, values[:to], valid


@njit(GATHERED(bytes_in, ints_in, ints_in, bytes_in, int64, int64, int64), nogil=True, cache=True)
def gather_binary(content, starts, stops, marks, rows, column, columns):  # type: ignore[no-untyped-def]
    """Column `column` of binary fields."""
    total = int64(0)
    for row in range(rows):
        total += stops[row * columns + column] - starts[row * columns + column]
    offsets = np.zeros(rows + 1, np.int32)
    values = np.empty(total + OVERRUN, np.uint8)
    valid = np.ones(rows, np.bool_)
    to = int64(0)
    source = content.ctypes.data
    target = values.ctypes.data
    for row in range(rows):
        field = row * columns + column
        at = starts[field]
        length = stops[field] - at
        valid[row] = marks[field] != NULL
        copy_short(target + to, source + at, length)
        to += length
        offsets[row + 1] = to
    return offsets, values[:to], valid
