"""COPY input cut into fields: text, CSV and binary, and the fields of one column gathered into a string column.

The cutters fill `starts` and `stops` (row-major, `columns` a row) with each field's bytes in `content` and `marks`
with what was seen in it. They return (rows, position, status): whole rows found, where the first row that is not
whole starts, and why they stopped. The gatherers may read 16 bytes behind the last field.
"""

import numpy as np
from numba import boolean, int32, int64, njit, types, uint8

from pgstream.kernels.bytes import load64, memcpy, store64

bytes_in = types.Array(uint8, 1, "C", readonly=True)
ints_in = types.Array(int64, 1, "C", readonly=True)
ints_out = int64[::1]
bytes_out = uint8[::1]

PLAIN, ESCAPED, QUOTED, NULL = 0, 1, 2, 4
"""Marks of a field."""

MORE, END, MISSING, EXTRA, BARE_NEWLINE, BARE_RETURN, UNQUOTED_END, BAD_COUNT, BAD_LENGTH, FULL = range(10)
"""Why a cutter stopped: input exhausted, end marker seen, a row with too few or too many fields, a line end of
another kind than the first one's, a CSV quote never closed, a binary row with a bad column count or value length,
or no room for more rows."""

UNKNOWN_EOL, NEWLINE, RETURN, RETURN_NEWLINE = 0, 1, 2, 3


@njit(int64(bytes_in, int64, int64, int64, int64), nogil=True, cache=True)
def line_end_kind(content, at, end, quote, escape):  # type: ignore[no-untyped-def]
    """How the first line in content[at:end] ends. CSV has a `quote`; text has -1, and skips what is escaped."""
    inside = False
    while at < end:
        byte = content[at]
        if byte == escape and (quote < 0 or inside) and at + 1 < end and escape != quote:
            at += 1
        elif byte == quote:
            inside = not inside
        elif byte == 10 and not inside:
            return NEWLINE
        elif byte == 13 and not inside:
            if at + 1 == end:
                return UNKNOWN_EOL
            return RETURN_NEWLINE if content[at + 1] == 10 else RETURN
        at += 1
    return UNKNOWN_EOL


@njit(
    types.UniTuple(int64, 3)(bytes_in, int64, int64, boolean, int64, uint8, int64, ints_out, ints_out, bytes_out),
    nogil=True,
    cache=True,
)
def cut_text(content, at, end, final, columns, delimiter, eol, starts, stops, marks):  # type: ignore[no-untyped-def]
    """COPY text: backslash escapes, one line a row. `final`: the last line may lack its line end."""
    special = np.zeros(256, np.uint8)
    special[delimiter] = special[10] = special[13] = special[92] = 1
    rows = 0
    room = len(starts) // columns
    while at < end:
        line = at
        if rows == room:
            return rows, line, FULL
        field = rows * columns
        last = field + columns - 1
        start = at
        mark = PLAIN
        complete = False
        while at < end:
            byte = content[at]
            while special[byte] == 0:
                at += 1
                if at == end:
                    break
                byte = content[at]
            if at == end:
                break
            if byte == delimiter:
                if field == last:
                    return rows, line, EXTRA
                starts[field] = start
                stops[field] = at
                marks[field] = mark
                field += 1
                at += 1
                start = at
                mark = PLAIN
            elif byte == 92:
                if at + 1 >= end:
                    at += 1
                    break
                if at == line and content[at + 1] == 46:
                    if at + 2 >= end and not final:
                        return rows, line, MORE
                    if at + 2 >= end or content[at + 2] == 10 or content[at + 2] == 13:
                        return rows, line, END
                mark = ESCAPED
                at += 2
            elif byte == 10:
                if eol >= RETURN:
                    return rows, line, BARE_NEWLINE
                complete = True
                break
            elif byte == 13:
                if eol == NEWLINE:
                    return rows, line, BARE_RETURN
                if eol == RETURN:
                    complete = True
                    break
                if at + 1 < end and content[at + 1] != 10:
                    return rows, line, BARE_RETURN
                if at + 1 < end or final:
                    complete = True
                    break
                return rows, line, MORE
        if not complete and not final:
            return rows, line, MORE
        starts[field] = start
        stops[field] = min(at, end)
        marks[field] = mark
        if field != last:
            return rows, line, MISSING
        rows += 1
        if complete:
            at += 2 if eol == RETURN_NEWLINE else 1
    return rows, min(at, end), MORE


@njit(
    types.UniTuple(int64, 3)(
        bytes_in, int64, int64, boolean, int64, uint8, uint8, uint8, int64, ints_out, ints_out, bytes_out
    ),
    nogil=True,
    cache=True,
)
def cut_csv(content, at, end, final, columns, delimiter, quote, escape, eol, starts, stops, marks):  # type: ignore[no-untyped-def]
    """CSV: quoted parts may hold delimiters and line ends. `final`: the last line may lack its line end."""
    special = np.zeros(256, np.uint8)
    special[delimiter] = special[10] = special[13] = special[quote] = 1
    rows = 0
    room = len(starts) // columns
    while at < end:
        line = at
        if rows == room:
            return rows, line, FULL
        if content[at] == 92 and at + 1 < end and content[at + 1] == 46:
            if at + 2 >= end and not final:
                return rows, line, MORE
            if at + 2 >= end or content[at + 2] == 10 or content[at + 2] == 13:
                return rows, line, END
        field = rows * columns
        last = field + columns - 1
        start = at
        mark = PLAIN
        inside = False
        complete = False
        while at < end:
            byte = content[at]
            if inside:
                if byte == escape and at + 1 < end and (content[at + 1] == quote or content[at + 1] == escape):
                    at += 2
                    continue
                if byte == escape and escape == quote and at + 1 >= end and not final:
                    return rows, line, MORE
                if byte == quote:
                    inside = False
                at += 1
                continue
            while special[byte] == 0:
                at += 1
                if at == end:
                    break
                byte = content[at]
            if at == end:
                break
            if byte == quote:
                inside = True
                mark = QUOTED
                at += 1
            elif byte == delimiter:
                if field == last:
                    return rows, line, EXTRA
                starts[field] = start
                stops[field] = at
                marks[field] = mark
                field += 1
                at += 1
                start = at
                mark = PLAIN
            elif byte == 10:
                if eol >= RETURN:
                    return rows, line, BARE_NEWLINE
                complete = True
                break
            elif byte == 13:
                if eol == NEWLINE:
                    return rows, line, BARE_RETURN
                if eol == RETURN:
                    complete = True
                    break
                if at + 1 < end and content[at + 1] != 10:
                    return rows, line, BARE_RETURN
                if at + 1 < end or final:
                    complete = True
                    break
                return rows, line, MORE
        if not complete and not final:
            return rows, line, MORE
        if inside:
            return rows, line, UNQUOTED_END
        starts[field] = start
        stops[field] = min(at, end)
        marks[field] = mark
        if field != last:
            return rows, line, MISSING
        rows += 1
        if complete:
            at += 2 if eol == RETURN_NEWLINE else 1
    return rows, min(at, end), MORE


@njit(
    types.UniTuple(int64, 3)(bytes_in, int64, int64, int64, ints_out, ints_out, bytes_out),
    nogil=True,
    cache=True,
)
def cut_binary(content, at, end, columns, starts, stops, marks):  # type: ignore[no-untyped-def]
    """The tuples of a binary COPY, behind its header."""
    rows = 0
    room = len(starts) // columns
    while at + 2 <= end:
        row = at
        if rows == room:
            return rows, row, FULL
        count = (int64(content[at]) << 8) | int64(content[at + 1])
        if count == 0xFFFF:
            return rows, row, END
        if count != columns:
            return rows, row, BAD_COUNT
        at += 2
        for field in range(rows * columns, (rows + 1) * columns):
            if at + 4 > end:
                return rows, row, MORE
            length = int64(0)
            for i in range(4):
                length = (length << 8) | int64(content[at + i])
            at += 4
            marks[field] = PLAIN
            if length == 0xFFFFFFFF:
                marks[field] = NULL
                length = 0
            elif length >= 0x80000000:
                return rows, row, BAD_LENGTH
            if at + length > end:
                return rows, row, MORE
            starts[field] = at
            at += length
            stops[field] = at
        rows += 1
    return rows, at, MORE


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
