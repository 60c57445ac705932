"""Result rows framed as protocol messages, column by column.

A column is `offsets` (int32, n + 1) into `content` (uint8) and `valid` (bool, n). Every function writes into one
buffer that holds all rows one after another; `cursors[row]` is where the next value of that row goes.
DataRow and the rows of a binary COPY have one shape: type byte, int32 length, int16 column count, and per value an
int32 length (-1: NULL) and its bytes.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pgstream.kernels.bytes import memcpy
from pgstream.kernels.compiler import boolean, int32, int64, njit, types, uint8, void

StringColumn = tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.bool_]]

DATA_ROW = ord("D")
COPY_DATA = ord("d")
HEAD_BYTES = 5
"""The type byte and the length of a message."""

bytes_in = types.Array(uint8, 1, "C", readonly=True)
offsets_in = types.Array(int32, 1, "C", readonly=True)
flags_in = types.Array(boolean, 1, "C", readonly=True)
ints_in = types.Array(int64, 1, "C", readonly=True)
bytes_out = uint8[::1]
ints_out = int64[::1]


def framed(columns: Sequence[StringColumn], count: int, kind: int = DATA_ROW) -> NDArray[np.uint8]:
    """`count` rows as messages of `kind` (DataRow, or CopyData for binary COPY)."""
    sizes = np.full(count, HEAD_BYTES + 2 + 4 * len(columns), np.int64)
    for offsets, _, valid in columns:
        add_lengths(sizes, offsets, valid)
    out, cursors = buffer_of(sizes)
    write_heads(out, cursors, sizes, kind)
    write_counts(out, cursors, len(columns))
    for offsets, content, valid in columns:
        write_values(out, cursors, offsets, content, valid)
    return out


def buffer_of(sizes: NDArray[np.int64]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """An uninitialised buffer for rows of `sizes` bytes, and where each starts in it."""
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if len(ends) else 0
    return np.empty(total, np.uint8), ends - sizes


@njit(void(ints_out, offsets_in, flags_in), nogil=True, cache=True)
def add_lengths(sizes, offsets, valid):  # type: ignore[no-untyped-def]
    """Adds the length of each value that is not NULL."""
    for row in range(len(sizes)):
        if valid[row]:
            sizes[row] += offsets[row + 1] - offsets[row]


@njit(void(bytes_out, int64, int64), nogil=True, cache=True, inline="always")
def put32(out, at, value):  # type: ignore[no-untyped-def]
    """`value` at `at` in network order."""
    out[at] = (value >> 24) & 255
    out[at + 1] = (value >> 16) & 255
    out[at + 2] = (value >> 8) & 255
    out[at + 3] = value & 255


@njit(void(bytes_out, ints_out, ints_in, int64), nogil=True, cache=True)
def write_heads(out, cursors, sizes, kind):  # type: ignore[no-untyped-def]
    """The type byte and length of each row's message."""
    for row in range(len(cursors)):
        at = cursors[row]
        out[at] = kind
        put32(out, at + 1, sizes[row] - 1)
        cursors[row] = at + 5


@njit(void(bytes_out, ints_out, int64), nogil=True, cache=True)
def write_counts(out, cursors, columns):  # type: ignore[no-untyped-def]
    """The int16 number of columns of each row."""
    for row in range(len(cursors)):
        at = cursors[row]
        out[at] = columns >> 8
        out[at + 1] = columns & 255
        cursors[row] = at + 2


@njit(void(bytes_out, ints_out, offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def write_values(out, cursors, offsets, content, valid):  # type: ignore[no-untyped-def]
    """One column's value in each row, behind its int32 length."""
    to_address = out.ctypes.data
    from_address = content.ctypes.data
    for row in range(len(cursors)):
        at = cursors[row]
        if not valid[row]:
            put32(out, at, -1)
            cursors[row] = at + 4
            continue
        start = offsets[row]
        length = offsets[row + 1] - start
        put32(out, at, length)
        at += 4
        if length > 16:
            memcpy(to_address + at, from_address + start, length)
        else:
            for i in range(length):
                out[at + i] = content[start + i]
        cursors[row] = at + length


@njit(void(ints_out, offsets_in, bytes_in, flags_in, bytes_in, int64), nogil=True, cache=True)
def add_escaped_lengths(sizes, offsets, content, valid, escapes, null_length):  # type: ignore[no-untyped-def]
    """Adds what each value takes in COPY's text format with its delimiter; `escapes[byte]` is 0 for plain bytes."""
    for row in range(len(sizes)):
        if not valid[row]:
            sizes[row] += null_length + 1
            continue
        total = int64(offsets[row + 1] - offsets[row] + 1)
        for at in range(offsets[row], offsets[row + 1]):
            total += escapes[content[at]] != 0
        sizes[row] += total


@njit(void(bytes_out, ints_out, offsets_in, bytes_in, flags_in, bytes_in, bytes_in, uint8), nogil=True, cache=True)
def write_escaped(out, cursors, offsets, content, valid, escapes, null, after):  # type: ignore[no-untyped-def]
    """One column's value in each row in COPY's text format, and the byte `after` it."""
    for row in range(len(cursors)):
        to = cursors[row]
        if valid[row]:
            for at in range(offsets[row], offsets[row + 1]):
                byte = content[at]
                if escapes[byte] != 0:
                    out[to] = 92
                    to += 1
                    byte = escapes[byte]
                out[to] = byte
                to += 1
        else:
            for i in range(len(null)):
                out[to + i] = null[i]
            to += len(null)
        out[to] = after
        cursors[row] = to + 1


@njit(
    boolean[::1](ints_out, offsets_in, bytes_in, flags_in, bytes_in, bytes_in, boolean, boolean),
    nogil=True,
    cache=True,
)
def add_quoted_lengths(sizes, offsets, content, valid, classes, null, force, lone):  # type: ignore[no-untyped-def]
    """Adds what each value takes in CSV with its delimiter; returns which values need quotes.

    classes[byte]: 1 asks for quotes, 2 must be escaped inside them, 3 both. `force` quotes every value that is not
    NULL; `lone`: this is the only column, where `\\.` must not stand bare.
    """
    quoted = np.zeros(len(sizes), np.bool_)
    for row in range(len(sizes)):
        if not valid[row]:
            sizes[row] += len(null) + 1
            continue
        start = offsets[row]
        length = int64(offsets[row + 1] - start)
        seen = uint8(0)
        escaped = int64(0)
        is_null_text = length == len(null)
        for i in range(length):
            byte = content[start + i]
            seen |= classes[byte]
            escaped += classes[byte] >> 1
            if is_null_text and byte != null[i]:
                is_null_text = False
        end_marker = lone and length == 2 and content[start] == 92 and content[start + 1] == 46
        quoted[row] = force or is_null_text or (seen & 1) != 0 or end_marker
        sizes[row] += length + 1
        if quoted[row]:
            sizes[row] += escaped + 2
    return quoted


@njit(
    void(bytes_out, ints_out, offsets_in, bytes_in, flags_in, flags_in, bytes_in, bytes_in, uint8, uint8, uint8),
    nogil=True,
    cache=True,
)
def write_quoted(out, cursors, offsets, content, valid, quoted, classes, null, quote, escape, after):  # type: ignore[no-untyped-def]
    """One column's value in each row in CSV, and the byte `after` it."""
    for row in range(len(cursors)):
        to = cursors[row]
        if not valid[row]:
            for i in range(len(null)):
                out[to + i] = null[i]
            to += len(null)
        elif quoted[row]:
            out[to] = quote
            to += 1
            for at in range(offsets[row], offsets[row + 1]):
                if classes[content[at]] & 2:
                    out[to] = escape
                    to += 1
                out[to] = content[at]
                to += 1
            out[to] = quote
            to += 1
        else:
            for at in range(offsets[row], offsets[row + 1]):
                out[to] = content[at]
                to += 1
        out[to] = after
        cursors[row] = to + 1
