"""Dates and times to and from ISO text. Days and microseconds count from 1970-01-01; a year 0 is 1 BC."""

import numpy as np

from pgstream.kernels.compiler import boolean, int32, int64, njit, types
from pgstream.kernels.text import (
    bytes_in,
    bytes_out,
    flags_in,
    flags_out,
    int32s_in,
    ints_in,
    ints_out,
    offsets_in,
    offsets_out,
)

DAY_US = 86_400_000_000
NO_ZONE = 1 << 30
"""The zone offset of a text that names none."""
INFINITY = 9223372036854775807
MINUS_INFINITY = -9223372036854775807
DATE_INFINITY = 2147483647
DATE_MINUS_INFINITY = -2147483648


@njit(types.UniTuple(int64, 3)(int64), nogil=True, cache=True)
def civil_of(days):  # type: ignore[no-untyped-def]
    """(year, month, day) of a day number (Hinnant, "chrono-Compatible Low-Level Date Algorithms")."""
    shifted = days + 719468
    era = shifted // 146097
    doe = shifted - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = mp + 3 if mp < 10 else mp - 9
    year = yoe + era * 400 + (1 if month <= 2 else 0)
    return year, month, doy - (153 * mp + 2) // 5 + 1


@njit(int64(int64, int64, int64), nogil=True, cache=True)
def days_of(year, month, day):  # type: ignore[no-untyped-def]
    """The day number of a civil date."""
    if month <= 2:
        year -= 1
    era = year // 400
    yoe = year - era * 400
    mp = month - 3 if month > 2 else month + 9
    doe = yoe * 365 + yoe // 4 - yoe // 100 + (153 * mp + 2) // 5 + day - 1
    return era * 146097 + doe - 719468


@njit(int64(int64, int64), nogil=True, cache=True)
def month_length(year, month):  # type: ignore[no-untyped-def]
    """How many days a month has."""
    if month == 2:
        return 29 if (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@njit(int64(bytes_out, int64, int64, int64), nogil=True, cache=True)
def put_digits(texts, to, value, width):  # type: ignore[no-untyped-def]
    """Writes `value` with at least `width` digits at `to`; gives the end."""
    size = width
    limit = 10**width
    while value >= limit:
        size += 1
        limit *= 10
    for place in range(size - 1, -1, -1):
        texts[to + place] = 48 + value % 10
        value //= 10
    return to + size


@njit(int64(bytes_out, int64, int64), nogil=True, cache=True)
def put_pair(texts, to, value):  # type: ignore[no-untyped-def]
    """Writes `value` (0 to 99) as two digits at `to`; gives the end."""
    high = np.uint32(value) // np.uint32(10)
    texts[to] = 48 + high
    texts[to + 1] = 48 + np.uint32(value) - high * np.uint32(10)
    return to + 2


@njit(int64(bytes_out, int64, int64), nogil=True, cache=True)
def put_date(texts, to, days):  # type: ignore[no-untyped-def]
    """Writes YYYY-MM-DD; the year of a date BC counts from 1 and the caller adds ` BC`."""
    year, month, day = civil_of(days)
    if 0 < year <= 9999:
        century = np.uint32(year) // np.uint32(100)
        to = put_pair(texts, put_pair(texts, to, century), np.uint32(year) - century * np.uint32(100))
    else:
        to = put_digits(texts, to, year if year > 0 else 1 - year, 4)
    texts[to] = 45
    to = put_pair(texts, to + 1, month)
    texts[to] = 45
    return put_pair(texts, to + 1, day)


@njit(int64(bytes_out, int64, int64), nogil=True, cache=True)
def put_time(texts, to, us):  # type: ignore[no-untyped-def]
    """Writes HH:MM:SS and, unless it is 0, the fraction without trailing zeros."""
    seconds = np.uint32(us // 1_000_000)
    fraction = np.uint32(us - np.int64(seconds) * 1_000_000)
    minutes = seconds // np.uint32(60)
    hours = minutes // np.uint32(60)
    to = put_pair(texts, to, hours)
    texts[to] = 58
    to = put_pair(texts, to + 1, minutes - hours * np.uint32(60))
    texts[to] = 58
    to = put_pair(texts, to + 1, seconds - minutes * np.uint32(60))
    if fraction:
        high = fraction // np.uint32(10000)
        middle = fraction // np.uint32(100)
        texts[to] = 46
        to = put_pair(texts, to + 1, high)
        to = put_pair(texts, to, middle - high * np.uint32(100))
        to = put_pair(texts, to, fraction - middle * np.uint32(100))
        while texts[to - 1] == 48:
            to -= 1
    return to


@njit(int64(bytes_out, int64, boolean), nogil=True, cache=True)
def put_infinity(texts, to, negative):  # type: ignore[no-untyped-def]
    """Writes `infinity` or `-infinity`."""
    if negative:
        texts[to] = 45
        to += 1
    word = b"infinity"
    for i in range(8):
        texts[to + i] = word[i]
    return to + 8


@njit(int64(bytes_out, int64), nogil=True, cache=True)
def put_era(texts, to):  # type: ignore[no-untyped-def]
    """Writes ` BC`."""
    texts[to] = 32
    texts[to + 1] = 66
    texts[to + 2] = 67
    return to + 3


@njit(int64(bytes_out, int64, int64), nogil=True, cache=True)
def put_zone(texts, to, offset):  # type: ignore[no-untyped-def]
    """Writes a UTC offset in seconds as +HH[:MM[:SS]]."""
    texts[to] = 45 if offset < 0 else 43
    rest = abs(offset)
    to = put_pair(texts, to + 1, rest // 3600)
    if rest % 3600:
        texts[to] = 58
        to = put_pair(texts, to + 1, rest // 60 % 60)
        if rest % 60:
            texts[to] = 58
            to = put_pair(texts, to + 1, rest % 60)
    return to


@njit(types.Tuple((offsets_out, bytes_out))(ints_in, flags_in, int32s_in), nogil=True, cache=True)
def format_timestamps(values, valid, zones):  # type: ignore[no-untyped-def]
    """ISO texts of timestamps; with `zones` (UTC offsets in seconds, one a row, or none at all) of local ones."""
    count = len(values)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(count * 44, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            value = values[row]
            if value == INFINITY or value <= MINUS_INFINITY:
                to = put_infinity(texts, to, value < 0)
            else:
                if len(zones):
                    value += np.int64(zones[row]) * 1_000_000
                days = value // DAY_US
                to = put_date(texts, to, days)
                texts[to] = 32
                to = put_time(texts, to + 1, value - days * DAY_US)
                if len(zones):
                    to = put_zone(texts, to, zones[row])
                if days < -719162:
                    to = put_era(texts, to)
        ends[row + 1] = to
    return ends, texts[:to]


@njit(types.Tuple((offsets_out, bytes_out))(int32s_in, flags_in), nogil=True, cache=True)
def format_dates(values, valid):  # type: ignore[no-untyped-def]
    """ISO texts of day numbers."""
    count = len(values)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(count * 16, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            days = np.int64(values[row])
            if days in (DATE_INFINITY, DATE_MINUS_INFINITY):
                to = put_infinity(texts, to, days < 0)
            else:
                to = put_date(texts, to, days)
                if days < -719162:
                    to = put_era(texts, to)
        ends[row + 1] = to
    return ends, texts[:to]


@njit(types.Tuple((offsets_out, bytes_out))(ints_in, flags_in), nogil=True, cache=True)
def format_times(values, valid):  # type: ignore[no-untyped-def]
    """Texts of microseconds since midnight."""
    count = len(values)
    ends = np.zeros(count + 1, np.int32)
    texts = np.empty(count * 16, np.uint8)
    to = 0
    for row in range(count):
        if valid[row]:
            to = put_time(texts, to, values[row])
        ends[row + 1] = to
    return ends, texts[:to]


@njit(int64(bytes_in, int64, int64), nogil=True, cache=True)
def two_digits(content, at, end):  # type: ignore[no-untyped-def]
    """The number in the two bytes at `at`; -1 where they are not digits."""
    if at + 2 > end:
        return -1
    high = np.int64(content[at]) - 48
    low = np.int64(content[at + 1]) - 48
    return high * 10 + low if 0 <= high <= 9 and 0 <= low <= 9 else -1


@njit(types.UniTuple(int64, 2)(bytes_in, int64, int64), nogil=True, cache=True)
def read_date(content, at, end):  # type: ignore[no-untyped-def]
    """(day number, end) of YYYY-MM-DD at `at`; the end is -1 where there is none."""
    if at + 10 > end or content[at + 4] != 45 or content[at + 7] != 45:
        return 0, -1
    century, rest = two_digits(content, at, end), two_digits(content, at + 2, end)
    month, day = two_digits(content, at + 5, end), two_digits(content, at + 8, end)
    year = century * 100 + rest
    if century < 0 or rest < 0 or year == 0 or month < 1 or month > 12 or day < 1 or day > month_length(year, month):
        return 0, -1
    return days_of(year, month, day), at + 10


@njit(types.UniTuple(int64, 2)(bytes_in, int64, int64), nogil=True, cache=True)
def read_time(content, at, end):  # type: ignore[no-untyped-def]
    """(microseconds, end) of HH:MM[:SS[.ffffff]] at `at`; the end is -1 where there is none."""
    hour, minute = two_digits(content, at, end), two_digits(content, at + 3, end)
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or content[at + 2] != 58:
        return 0, -1
    at += 5
    us = (hour * 60 + minute) * 60_000_000
    if at == end or content[at] != 58:
        return us, at
    second = two_digits(content, at + 1, end)
    if second < 0 or second > 59:
        return 0, -1
    at += 3
    us += second * 1_000_000
    if at < end and content[at] == 46:
        unit = 100_000
        at += 1
        while at < end and 48 <= content[at] <= 57:
            if unit == 0:
                return 0, -1
            us += (np.int64(content[at]) - 48) * unit
            unit //= 10
            at += 1
    return us, at


@njit(types.UniTuple(int64, 2)(bytes_in, int64, int64), nogil=True, cache=True)
def read_zone(content, at, end):  # type: ignore[no-untyped-def]
    """(UTC offset in seconds, end) of Z or +HH[:MM] at `at`; the end is -1 where there is none."""
    if content[at] == 90:
        return 0, at + 1
    if content[at] != 43 and content[at] != 45:
        return 0, -1
    sign = -1 if content[at] == 45 else 1
    hours = two_digits(content, at + 1, end)
    if hours < 0 or hours > 15:
        return 0, -1
    at += 3
    minutes = 0
    if at < end:
        minutes = two_digits(content, at + 1, end)
        if content[at] != 58 or minutes < 0 or minutes > 59:
            return 0, -1
        at += 3
    return sign * (hours * 3600 + minutes * 60), at


@njit(types.Tuple((ints_out, int32[::1], flags_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def parse_timestamps(offsets, content, valid):  # type: ignore[no-untyped-def]
    """(local microseconds, UTC offset in seconds or NO_ZONE, done) of `YYYY-MM-DD[( |T)HH:MM[:SS[.f]][zone]]`."""
    count = len(valid)
    values = np.zeros(count, np.int64)
    zones = np.full(count, NO_ZONE, np.int32)
    done = np.ones(count, np.bool_)
    for row in range(count):
        if valid[row]:
            end = np.int64(offsets[row + 1])
            days, at = read_date(content, np.int64(offsets[row]), end)
            us = np.int64(0)
            if at >= 0 and at < end:
                if content[at] == 32 or content[at] == 84:
                    us, at = read_time(content, at + 1, end)
                else:
                    at = np.int64(-1)
                if at >= 0 and at < end:
                    zone, at = read_zone(content, at, end)
                    zones[row] = zone
            done[row] = at == end
            values[row] = days * DAY_US + us
    return values, zones, done


@njit(types.Tuple((ints_out, flags_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def parse_dates(offsets, content, valid):  # type: ignore[no-untyped-def]
    """Day numbers of YYYY-MM-DD texts; the flag is False for others."""
    count = len(valid)
    values = np.zeros(count, np.int64)
    done = np.ones(count, np.bool_)
    for row in range(count):
        if valid[row]:
            end = np.int64(offsets[row + 1])
            values[row], at = read_date(content, np.int64(offsets[row]), end)
            done[row] = at == end
    return values, done


@njit(types.Tuple((ints_out, flags_out))(offsets_in, bytes_in, flags_in), nogil=True, cache=True)
def parse_times(offsets, content, valid):  # type: ignore[no-untyped-def]
    """Microseconds of HH:MM[:SS[.f]] texts; the flag is False for others."""
    count = len(valid)
    values = np.zeros(count, np.int64)
    done = np.ones(count, np.bool_)
    for row in range(count):
        if valid[row]:
            end = np.int64(offsets[row + 1])
            values[row], at = read_time(content, np.int64(offsets[row]), end)
            done[row] = at == end
    return values, done
