"""One JSON value at an address, read straight into a column's memory.

Readers return the address after the value, or 0 where the value is not of the
plain form they know; the caller then hands the whole record to a slower reader that knows all forms. So readers
accept only what PostgreSQL's input function would accept, with the same result.
"""

import numpy as np

from pgstream.kernels.bytes import (
    load8,
    load64,
    memchr,
    memcpy,
    store8,
    store16,
    store32,
    store64,
    store_float32,
    store_float64,
    strtod,
    strtof,
)
from pgstream.kernels.compiler import njit
from pgstream.kernels.json_moments import read_moment
from pgstream.kernels.json_sheet import (
    AS_BOOL,
    AS_DATE,
    AS_FLOAT32,
    AS_FLOAT64,
    AS_INT16,
    AS_INT32,
    AS_INT64,
    AS_MILLISECONDS,
    AS_NUMERIC,
    AS_RAW,
    AS_TEXT,
    AS_TIMESTAMP,
    BITMAP,
    CLOSE,
    COMMA,
    CURSOR,
    DOT,
    HIGH,
    KIND,
    LAST_TEXT_KIND,
    LOW,
    MINUS,
    NULLS,
    QUOTE,
    READER,
    SHEET,
    TEXT,
    VALUES,
    ZERO,
)

NULL_WORD = np.uint64(int.from_bytes(b"null", "little"))
TRUE_WORD = np.uint64(int.from_bytes(b"true", "little"))
FALSE_WORD = np.uint64(int.from_bytes(b"false", "little"))
FOUR_BYTES = np.uint64(0xFFFFFFFF)
FIVE_BYTES = np.uint64(0xFFFFFFFFFF)
POWERS_OF_TEN = 10.0 ** np.arange(23)
EXACT_MANTISSA = 1 << 53


@njit("boolean(int64)", nogil=True, cache=True, forceinline=True)
def ends_value(byte: int) -> bool:
    """Whether a number or word may stop before `byte`: comma, closing brace or white space."""
    return byte in (COMMA, CLOSE) or byte == 32 or byte == 10 or byte == 13 or byte == 9


@njit(f"void(int64, int64, {SHEET})", nogil=True, cache=True)
def put_null(row, c, sheet):  # type: ignore[no-untyped-def]
    """Marks `row` of column `c` as NULL; a NULL of fixed width is a zero in memory."""
    at = sheet[c, BITMAP] + (row >> 3)
    store8(at, load8(at) & ~(1 << (row & 7)))
    sheet[c, NULLS] += 1
    kind = sheet[c, KIND]
    if kind == AS_INT16:
        store16(sheet[c, VALUES] + row * 2, 0)
    elif kind in (AS_INT32, AS_FLOAT32, AS_DATE):
        store32(sheet[c, VALUES] + row * 4, 0)
    elif kind > LAST_TEXT_KIND and kind != AS_BOOL:
        store64(sheet[c, VALUES] + row * 8, 0)


@njit(f"void(int64, int64, int64, int64, {SHEET})", nogil=True, cache=True, forceinline=True)
def put_text(start, size, row, c, sheet):  # type: ignore[no-untyped-def]
    """Appends the `size` bytes at `start` to the text of column `c`, as the value of `row`."""
    cursor = sheet[c, CURSOR]
    memcpy(sheet[c, TEXT] + cursor, start, size)
    sheet[c, CURSOR] = cursor + size


@njit("int64(int64)", nogil=True, cache=True, forceinline=True)
def plain_decimal_end(start):  # type: ignore[no-untyped-def]
    """The address after a number without an exponent, 0 where there is none or it has a leading zero."""
    at = start + (load8(start) == MINUS)
    whole = at
    while np.uint64(load8(at) - ZERO) < 10:
        at += 1
    if at == whole or (load8(whole) == ZERO and at > whole + 1):
        return 0
    if load8(at) == DOT:
        at += 1
        fraction = at
        while np.uint64(load8(at) - ZERO) < 10:
            at += 1
        if at == fraction:
            return 0
    return at


@njit(READER, nogil=True, cache=True, forceinline=True)
def read_text(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """A string without escapes, or a plain number or boolean as the text that it is written in."""
    first = load8(at)
    if first == QUOTE:
        close = memchr(at + 1, QUOTE, end - at - 1)
        if close == 0:
            return 0
        put_text(at + 1, close - at - 1, row, c, sheet)
        return close + 1
    word = load64(at)
    after = 0
    if word & FOUR_BYTES == TRUE_WORD:
        after = at + 4
    elif word & FIVE_BYTES == FALSE_WORD:
        after = at + 5
    elif first == MINUS or np.uint64(first - ZERO) < 10:
        after = plain_decimal_end(at)
    if after == 0 or after > end or not ends_value(load8(after)):
        return 0
    put_text(at, after - at, row, c, sheet)
    return after


@njit(READER, nogil=True, cache=True)
def read_numeric(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """A plain number, quoted or not, whose text PostgreSQL's numeric prints unchanged."""
    quoted = load8(at) == QUOTE
    start = at + quoted
    after = plain_decimal_end(start)
    if after == 0 or after >= end:
        return 0
    if load8(start) == MINUS:
        digit = start + 1
        while digit < after and (load8(digit) == ZERO or load8(digit) == DOT):
            digit += 1
        if digit == after:
            return 0
    if quoted:
        if load8(after) != QUOTE:
            return 0
    elif not ends_value(load8(after)):
        return 0
    put_text(start, after - start, row, c, sheet)
    return after + quoted


@njit(READER, nogil=True, cache=True, forceinline=True)
def read_integer(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """An integer of up to 18 digits in the column's range, quoted or not."""
    quoted = load8(at) == QUOTE
    start = at + quoted
    negative = load8(start) == MINUS
    digits = start + negative
    value = 0
    after = digits
    digit = load8(after) - ZERO
    while np.uint64(digit) < 10:
        value = value * 10 + digit
        after += 1
        digit = load8(after) - ZERO
    size = after - digits
    if size == 0 or size > 18 or (size > 1 and load8(digits) == ZERO):
        return 0
    if quoted:
        if load8(after) != QUOTE:
            return 0
    elif not ends_value(load8(after)):
        return 0
    if negative:
        value = -value
    if value < sheet[c, LOW] or value > sheet[c, HIGH]:
        return 0
    kind = sheet[c, KIND]
    if kind == AS_INT64:
        store64(sheet[c, VALUES] + row * 8, value)
    elif kind == AS_INT32:
        store32(sheet[c, VALUES] + row * 4, value)
    elif kind == AS_INT16:
        store16(sheet[c, VALUES] + row * 2, value)
    else:
        store64(sheet[c, VALUES] + row * 8, value * 1000)
    return after + quoted


@njit("int64(int64)", nogil=True, cache=True)
def number_end(start):  # type: ignore[no-untyped-def]
    """The address after any JSON number, 0 where there is none."""
    at = plain_decimal_end(start)
    if at == 0:
        return 0
    if load8(at) | 32 == 101:
        at += 1
        at += load8(at) == MINUS or load8(at) == 43
        digits = at
        while np.uint64(load8(at) - ZERO) < 10:
            at += 1
        if at == digits:
            return 0
    return at


@njit("int64(int64, int64)", nogil=True, cache=True)
def skip_nested(at, end):  # type: ignore[no-untyped-def]
    """The address after the balanced object or array at `at`, 0 where it does not close."""
    depth = 0
    while at < end:
        byte = load8(at)
        if byte == QUOTE:
            at = memchr(at + 1, QUOTE, end - at - 1)
            if at == 0:
                return 0
        elif byte == 123 or byte == 91:
            depth += 1
        elif byte == CLOSE or byte == 93:
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return 0


@njit("int64(int64)", nogil=True, cache=True)
def word_end(at):  # type: ignore[no-untyped-def]
    """The address after null, true or false, 0 where none of them stands at `at`."""
    word = load64(at)
    if word & FOUR_BYTES == NULL_WORD or word & FOUR_BYTES == TRUE_WORD:
        return at + 4
    return at + 5 if word & FIVE_BYTES == FALSE_WORD else 0


@njit("int64(int64, int64)", nogil=True, cache=True)
def skip_value(at, end):  # type: ignore[no-untyped-def]
    """The address after the value at `at`, 0 where there is none. Nested values are only checked for balance."""
    first = load8(at)
    if first == QUOTE:
        close = memchr(at + 1, QUOTE, end - at - 1)
        return close + 1 if close else 0
    if first == 123 or first == 91:
        return skip_nested(at, end)
    after = number_end(at) if first == MINUS or np.uint64(first - ZERO) < 10 else word_end(at)
    return after if after and after <= end and ends_value(load8(after)) else 0


@njit("float64(int64, int64)", nogil=True, cache=True)
def decimal_float(start, after):  # type: ignore[no-untyped-def]
    """The double nearest to the number in a text that is known to be one.

    Up to 15 digits and without an exponent it is one division of two exact doubles, which IEEE 754 rounds
    correctly (Clinger, "How to Read Floating Point Numbers Accurately", 1990, §2); else strtod.
    """
    if after - start <= 17:
        at = start + (load8(start) == MINUS)
        mantissa = 0
        point = 0
        while at < after:
            byte = load8(at)
            if byte == DOT:
                point = after - at - 1
            elif np.uint64(byte - ZERO) < 10:
                mantissa = mantissa * 10 + byte - ZERO
            else:
                return strtod(start, 0)
            at += 1
        if mantissa < EXACT_MANTISSA:
            value = float(mantissa) / POWERS_OF_TEN[point]
            return -value if load8(start) == MINUS else value
    return strtod(start, 0)


@njit(READER, nogil=True, cache=True)
def read_float(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """An unquoted number that neither overflows nor underflows."""
    after = number_end(at)
    if after == 0 or not ends_value(load8(after)):
        return 0
    if sheet[c, KIND] == AS_FLOAT64:
        value = decimal_float(at, after)
        if (abs(value) < 1e-300 or abs(value) > 1e300) and (value != 0.0 or plain_decimal_end(at) != after):
            return 0
        store_float64(sheet[c, VALUES] + row * 8, value)
    else:
        single = strtof(at, 0)
        if abs(single) < 1e-35 or abs(single) > 1e38:  # noqa: SIM102
            if single != 0.0 or decimal_float(at, after) != 0.0 or plain_decimal_end(at) != after:
                return 0
        store_float32(sheet[c, VALUES] + row * 4, single)
    return after


@njit(READER, nogil=True, cache=True)
def read_bool(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """true or false."""
    word = load64(at)
    if word & FOUR_BYTES == TRUE_WORD:
        after = at + 4
    elif word & FIVE_BYTES == FALSE_WORD:
        after = at + 5
        flags = sheet[c, VALUES] + (row >> 3)
        store8(flags, load8(flags) & ~(1 << (row & 7)))
    else:
        return 0
    return after if ends_value(load8(after)) else 0


@njit(READER, nogil=True, cache=True)
def read_raw(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """Any value, as the JSON text that it is written in."""
    after = skip_value(at, end)
    if after:
        put_text(at, after - at, row, c, sheet)
    return after


@njit(READER, nogil=True, cache=True, forceinline=True)
def read_value(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """The value at `at`, into `row` of column `c`. Returns the address after it, 0 for a form not known here."""
    if load8(at) == 110:
        if load64(at) & FOUR_BYTES != NULL_WORD or not ends_value(load8(at + 4)):
            return 0
        put_null(row, c, sheet)
        return at + 4
    kind = sheet[c, KIND]
    if kind == AS_TEXT:
        return read_text(at, end, row, c, sheet)
    if AS_INT16 <= kind <= AS_INT64 or kind == AS_MILLISECONDS:
        return read_integer(at, end, row, c, sheet)
    if AS_TIMESTAMP <= kind <= AS_DATE:
        return read_moment(at, end, row, c, sheet)
    if kind == AS_RAW:
        return read_raw(at, end, row, c, sheet)
    if kind == AS_NUMERIC:
        return read_numeric(at, end, row, c, sheet)
    if kind == AS_BOOL:
        return read_bool(at, end, row, c, sheet)
    return read_float(at, end, row, c, sheet)
