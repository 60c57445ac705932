"""COPY input cut into fields: text, CSV and binary.

The cutters fill `starts` and `stops` (row-major, `columns` a row) with each field's bytes in `content` and `marks`
with what was seen in it. They return (rows, position, status): whole rows found, where the first row that is not
whole starts, and why they stopped.
"""

import numpy as np

from pgstream.kernels.compiler import boolean, int64, njit, types, uint8

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
