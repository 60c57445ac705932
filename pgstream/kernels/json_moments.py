"""ISO 8601 dates and timestamps in JSON strings, read straight into a column's memory."""

import numpy as np

from pgstream.kernels.bytes import load8, load16, load64, store32, store64
from pgstream.kernels.compiler import njit
from pgstream.kernels.json_sheet import (
    AS_DATE,
    AS_ZONED_TIMESTAMP,
    DAY,
    DAY_TAIL,
    DAY_TEXT,
    DOT,
    KIND,
    MINUS,
    QUOTE,
    READER,
    SHEET,
    VALUES,
    ZERO,
)

DAY_US = 86_400_000_000


@njit("int64(int64)", nogil=True, cache=True, forceinline=True)
def two_digits(at):  # type: ignore[no-untyped-def]
    """The number that two digits at `at` write; 1000 where they are no digits."""
    tens = load8(at) - ZERO
    ones = load8(at + 1) - ZERO
    if np.uint64(tens) > 9 or np.uint64(ones) > 9:
        return 1000
    return tens * 10 + ones


@njit("int64(int64, int64, int64)", nogil=True, cache=True)
def days_from_civil(year, month, day):  # type: ignore[no-untyped-def]
    """Days since 1970-01-01 in the proleptic Gregorian calendar (Hinnant, "chrono-Compatible Low-Level Date
    Algorithms"); the least int64 where there is no such day."""
    if month < 1 or month > 12 or day < 1 or day > 31 or year < 1:
        return -(1 << 63)
    if day > 28:
        leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
        last = (29 if leap else 28) if month == 2 else 30 + ((month + (month >> 3)) & 1)
        if day > last:
            return -(1 << 63)
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146097 + day_of_era - 719468


@njit(f"boolean(int64, int64, {SHEET})", nogil=True, cache=True, forceinline=True)
def read_day(at, c, sheet):  # type: ignore[no-untyped-def]
    """Whether `YYYY-MM-DD` stands at `at`; its day number is in the sheet then.

    The last day read is remembered, since neighbours in a stream mostly share it.
    """
    head = np.int64(load64(at))
    tail = load16(at + 8)
    if head == sheet[c, DAY_TEXT] and tail == sheet[c, DAY_TAIL]:
        return True
    century, years, month, day = two_digits(at), two_digits(at + 2), two_digits(at + 5), two_digits(at + 8)
    if century > 99 or years > 99 or load8(at + 4) != MINUS or load8(at + 7) != MINUS:
        return False
    number = days_from_civil(century * 100 + years, month, day)
    if number == -(1 << 63):
        return False
    sheet[c, DAY_TEXT], sheet[c, DAY_TAIL], sheet[c, DAY] = head, tail, number
    return True


@njit("UniTuple(int64, 2)(int64)", nogil=True, cache=True, forceinline=True)
def read_clock(at):  # type: ignore[no-untyped-def]
    """Microseconds of `HH:MM:SS[.ffffff]` at `at` and the address after it, 0 where there is none."""
    hours, minutes, seconds = two_digits(at), two_digits(at + 3), two_digits(at + 6)
    if hours > 23 or minutes > 59 or seconds > 59 or load8(at + 2) != 58 or load8(at + 5) != 58:
        return 0, 0
    after = at + 8
    micros = 0
    if load8(after) == DOT:
        after += 1
        scale = 100_000
        digit = load8(after) - ZERO
        while np.uint64(digit) < 10:
            if scale == 0:
                return 0, 0
            micros += digit * scale
            scale //= 10
            after += 1
            digit = load8(after) - ZERO
    return ((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros, after


@njit(READER, nogil=True, cache=True, forceinline=True)
def read_moment(at, end, row, c, sheet):  # type: ignore[no-untyped-def]
    """A quoted ISO 8601 date or timestamp. A timestamp without time zone ignores the Z that it carries, as in SQL."""
    if load8(at) != QUOTE or at + 12 > end or not read_day(at + 1, c, sheet):
        return 0
    kind = sheet[c, KIND]
    day = sheet[c, DAY]
    if kind == AS_DATE:
        if load8(at + 11) != QUOTE:
            return 0
        store32(sheet[c, VALUES] + row * 4, day)
        return at + 12
    separator = load8(at + 11)
    if separator != 32 and separator != 84:
        return 0
    micros, after = read_clock(at + 12)
    if after == 0 or after >= end:
        return 0
    if load8(after) == 90:
        after += 1
    elif kind == AS_ZONED_TIMESTAMP:
        return 0
    if load8(after) != QUOTE:
        return 0
    store64(sheet[c, VALUES] + row * 8, day * DAY_US + micros)
    return after + 1
