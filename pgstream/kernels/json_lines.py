"""Records of JSON lines, read straight into columns: newline-delimited objects of known keys.

Two readers, tried in this order for each line. `read_learned` expects the exact bytes between the values that the
first line had, and compares them eight at a time. `read_object` takes any order of keys, white space, missing and
unknown keys. What neither knows (escapes, nested values for a wanted key, other spellings of a value) is listed for
the caller to read slowly.
"""

import numpy as np

from pgstream.kernels.bytes import (
    BACKSLASH,
    CONTROL,
    HIGH,
    byte_classes,
    is_utf8,
    load8,
    load64,
    memchr,
    memcmp,
    store8,
    store32,
)
from pgstream.kernels.compiler import njit
from pgstream.kernels.json_sheet import (
    AS_BOOL,
    BITMAP,
    CLOSE,
    COMMA,
    CURSOR,
    KIND,
    LAST_TEXT_KIND,
    NAME,
    NAME_BYTES,
    NULLS,
    QUOTE,
    SEEN,
    SHEET,
    VALUES,
)
from pgstream.kernels.json_values import (
    put_null,
    read_value,
    skip_value,
)

STEP_COLUMN, STEP_WORD, STEP_WORDS, STEP_BYTES = range(4)
"""Fields of a learned step: the column of the value (-1: not wanted), and the bytes to expect before it."""

CHECKED_BYTES = 1 << 14
READ, SLOW, BLANK = 1, 0, 2


@njit("int64(int64, int64)", nogil=True, cache=True)
def skip_space(at, end):  # type: ignore[no-untyped-def]
    """The first address from `at` on that is no JSON white space."""
    while at < end and (load8(at) == 32 or load8(at) == 9 or load8(at) == 13):
        at += 1
    return at


@njit("boolean(int64, int64, int64[:,::1], uint64[:,::1])", nogil=True, cache=True, forceinline=True)
def expected(at, step, steps, words):  # type: ignore[no-untyped-def]
    """Whether the bytes of a learned step stand at `at`."""
    first = steps[step, STEP_WORD]
    for i in range(steps[step, STEP_WORDS]):  # noqa: SIM110 (numba compiles no generator expressions)
        if load64(at + 8 * i) & words[first + i, 1] != words[first + i, 0]:
            return False
    return True


@njit(f"int64(int64, int64, int64, {SHEET}, int64[:,::1], uint64[:,::1])", nogil=True, cache=True, forceinline=True)
def read_learned(at, end, row, sheet, steps, words):  # type: ignore[no-untyped-def]
    """READ when the line is as learned. The last step has no value: it is the end of the object.

    With a last step of no bytes, nothing after the last wanted value is looked at but the closing brace.
    """
    last = len(steps) - 1
    for step in range(last):
        if not expected(at, step, steps, words):
            return SLOW
        at += steps[step, STEP_BYTES]
        column = steps[step, STEP_COLUMN]
        at = read_value(at, end, row, column, sheet) if column >= 0 else skip_value(at, end)
        if at == 0 or at >= end:
            return SLOW
    if steps[last, STEP_BYTES] == 0:
        return READ if load8(end - 1) == CLOSE else SLOW
    return READ if expected(at, last, steps, words) and at + steps[last, STEP_BYTES] == end else SLOW


@njit(f"int64(int64, int64, int64, {SHEET})", nogil=True, cache=True)
def column_named(start, size, guess, sheet):  # type: ignore[no-untyped-def]
    """The column whose name is the `size` bytes at `start`, -1 for none; looked for from `guess` on."""
    count = len(sheet)
    for i in range(count):
        c = guess + i
        if c >= count:
            c -= count
        if sheet[c, NAME_BYTES] == size and memcmp(sheet[c, NAME], start, size) == 0:
            return c
    return -1


@njit("void(int64, int64)", nogil=True, cache=True)
def set_bit(at, row):  # type: ignore[no-untyped-def]
    """Sets bit `row` modulo 8 of the byte at `at`."""
    store8(at, load8(at) | (1 << (row & 7)))


@njit(f"void(int64, int64, {SHEET})", nogil=True, cache=True)
def take_back(row, c, sheet):  # type: ignore[no-untyped-def]
    """Takes back what was written of `row` in column `c`."""
    kind = sheet[c, KIND]
    if kind <= LAST_TEXT_KIND:
        sheet[c, CURSOR] = load64(sheet[c, VALUES] + row * 4) & np.uint64(0xFFFFFFFF)
    elif kind == AS_BOOL:
        flags = sheet[c, VALUES] + (row >> 3)
        set_bit(flags, row)
    at = sheet[c, BITMAP] + (row >> 3)
    if load8(at) >> (row & 7) & 1 == 0:
        set_bit(at, row)
        sheet[c, NULLS] -= 1


@njit(f"void(int64, {SHEET})", nogil=True, cache=True)
def rewind(row, sheet):  # type: ignore[no-untyped-def]
    """Takes back what was written of `row`: text, NULL marks, and false bits of booleans."""
    for c in range(len(sheet)):
        take_back(row, c, sheet)
        sheet[c, SEEN] = -1


@njit(f"int64(int64, int64, int64, {SHEET})", nogil=True, cache=True)
def read_object(at, end, row, sheet):  # type: ignore[no-untyped-def]
    """READ when the line is an object whose wanted values are all of forms that `read_value` knows.

    A missing key is NULL; of a repeated key the last value counts.
    """
    at = skip_space(at, end)
    if at == end or load8(at) != 123:
        return SLOW
    at = skip_space(at + 1, end)
    guess = 0
    more = at < end and load8(at) != CLOSE
    while more:
        if load8(at) != QUOTE:
            return SLOW
        close = memchr(at + 1, QUOTE, end - at - 1)
        if close == 0:
            return SLOW
        column = column_named(at + 1, close - at - 1, guess, sheet)
        at = skip_space(close + 1, end)
        if at >= end or load8(at) != 58:
            return SLOW
        at = skip_space(at + 1, end)
        if column >= 0:
            if sheet[column, SEEN] == row:
                take_back(row, column, sheet)
            sheet[column, SEEN] = row
            at = read_value(at, end, row, column, sheet)
            guess = column + 1
        else:
            at = skip_value(at, end)
        if at == 0:
            return SLOW
        at = skip_space(at, end)
        if at >= end:
            return SLOW
        more = load8(at) == COMMA
        if more:
            at = skip_space(at + 1, end)
    if at >= end or load8(at) != CLOSE or skip_space(at + 1, end) != end:
        return SLOW
    for c in range(len(sheet)):
        if sheet[c, SEEN] != row:
            put_null(row, c, sheet)
    return READ


@njit(
    f"int64(int64, int64, int64, boolean, {SHEET}, int64[:,::1], uint64[:,::1])",
    nogil=True,
    cache=True,
    forceinline=True,
)
def read_line(at, end, row, unusual, sheet, steps, words):  # type: ignore[no-untyped-def]
    """READ, SLOW or BLANK for the line from `at` to before `end` (its newline)."""
    if end > at and load8(end - 1) == 13:
        end -= 1
    if unusual:
        classes = byte_classes(at, end)
        if classes & (BACKSLASH | CONTROL) or (classes & HIGH and not is_utf8(at, end)):
            return BLANK if skip_space(at, end) == end else SLOW
    if len(steps) > 0:
        if read_learned(at, end, row, sheet, steps, words) == READ:
            return READ
        rewind(row, sheet)
    if skip_space(at, end) == end:
        return BLANK
    outcome = read_object(at, end, row, sheet)
    if outcome != READ:
        rewind(row, sheet)
    return outcome


@njit(f"UniTuple(int64, 2)(int64, int64, {SHEET}, int64[:,::1], uint64[:,::1], int64[:,::1])", nogil=True, cache=True)
def read_lines(start, end, sheet, steps, words, slow):  # type: ignore[no-untyped-def]
    """Reads all lines from `start` to before `end`. Returns how many rows there are, and how many are slow.

    `slow[i]` becomes (row, address of the line, its size) for the i-th line that must be read by other means; its
    row stands empty in every column. The buffers must hold a row for each newline, and one more. Offsets of text
    columns are int32, one more than rows; bitmaps and booleans must be all ones.
    """
    row, slow_count, at, checked, unusual = 0, 0, start, start, False
    columns = len(sheet)
    while at < end:
        newline = memchr(at, 10, end - at)
        stop = newline if newline else end
        if stop > checked:
            reach = min(end, stop + CHECKED_BYTES)
            unusual = byte_classes(at, reach) != 0
            checked = reach
        outcome = read_line(at, stop, row, unusual, sheet, steps, words)
        if outcome == SLOW:
            slow[slow_count, 0], slow[slow_count, 1], slow[slow_count, 2] = row, at, stop - at
            slow_count += 1
        at = stop + 1
        if outcome != BLANK:
            row += 1
            for c in range(columns):
                if sheet[c, KIND] <= LAST_TEXT_KIND:
                    store32(sheet[c, VALUES] + row * 4, sheet[c, CURSOR])
    return row, slow_count
