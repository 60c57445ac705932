"""The proleptic Gregorian calendar over whole arrays, and intervals as arrays of months, days and microseconds."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow
from pgstream.functions.vector import column_of
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
INFINITY = np.iinfo(np.int64).max
MINUS_INFINITY = np.iinfo(np.int64).min + 1
DATE_INFINITY = np.iinfo(np.int32).max
DATE_MINUS_INFINITY = np.iinfo(np.int32).min
FIRST_US = -210866803200000000
"""4714-11-24 BC, the first timestamp."""
LAST_US = INFINITY
"""The first microsecond after the last timestamp that fits: in the year 294247, where PostgreSQL ends in 294276."""
FIRST_DAY, LAST_DAY = -2440588, 2145031948

TIMESTAMP, TIMESTAMPTZ, DATE, TIME, INTERVAL = map(SqlType, ("timestamp", "timestamptz", "date", "time", "interval"))
_INTERVAL = np.dtype([("us", "<i8"), ("days", "<i4"), ("months", "<i4")])


class Spans(NamedTuple):
    """Intervals, field by field."""

    months: Ints
    days: Ints
    us: Ints


def finite(us: Ints) -> NDArray[np.bool_]:
    """Where timestamps are neither infinity."""
    return np.asarray((us != INFINITY) & (us != MINUS_INFINITY), np.bool_)


def finite_days(days: Ints) -> NDArray[np.bool_]:
    """Where dates are neither infinity."""
    return np.asarray((days != DATE_INFINITY) & (days != DATE_MINUS_INFINITY), np.bool_)


def civil(days: Ints) -> tuple[Ints, Ints, Ints]:
    """Year (0 is 1 BC), month and day of days since 1970 (Hinnant, "chrono-Compatible Low-Level Date Algorithms")."""
    shifted = days + 719468
    era = shifted // 146097
    doe = shifted - era * 146097
    yoe = (doe - doe // 1460 + doe // 36524 - doe // 146096) // 365
    doy = doe - (365 * yoe + yoe // 4 - yoe // 100)
    mp = (5 * doy + 2) // 153
    month = np.where(mp < 10, mp + 3, mp - 9)
    return yoe + era * 400 + (month <= 2), month, doy - (153 * mp + 2) // 5 + 1


def days_of(year: Ints | int, month: Ints | int, day: Ints | int) -> Ints:
    """Days since 1970 of a civil date."""
    y = np.asarray(year, np.int64) - (np.asarray(month) <= 2)
    era = y // 400
    yoe = y - era * 400
    doy = (153 * (np.asarray(month, np.int64) + np.where(np.asarray(month) > 2, -3, 9)) + 2) // 5 + day - 1
    return np.asarray(era * 146097 + yoe * 365 + yoe // 4 - yoe // 100 + doy - 719468, np.int64)


def month_length(year: Ints, month: Ints) -> Ints:
    """The days of each month."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    lengths = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)[month - 1]
    return np.asarray(lengths + (leap & (month == 2)), np.int64)


def plus_months(us: Ints, months: Ints) -> Ints:
    """Local times that many months later; the day is cut to the month's last."""
    days = us // DAY_US
    year, month, day = civil(days)
    total = year * 12 + month - 1 + months
    year, month = total // 12, total % 12 + 1
    return days_of(year, month, np.minimum(day, month_length(year, month))) * DAY_US + (us - days * DAY_US)


def checked_moments(us: Ints) -> Ints:
    """`us`, if timestamps can hold it."""
    if ((us < FIRST_US) | (us >= LAST_US)).any() and (finite(us) & ((us < FIRST_US) | (us >= LAST_US))).any():
        raise DatetimeFieldOverflow("timestamp out of range")
    return us


def spans_of(column: Column) -> Spans:
    """The fields of an interval column."""
    if pa.types.is_fixed_size_binary(column.type):
        rows = np.frombuffer(column.buffers()[1] or b"", _INTERVAL, len(column), column.offset * 16)
    else:
        rows = np.frombuffer(b"".join(column.to_pylist()), _INTERVAL)
    return Spans(*(rows[name].astype(np.int64) for name in ("months", "days", "us")))


def interval_column(months: Ints, days: Ints, us: Ints) -> Column:
    """Intervals of the given fields."""
    limit = 2**31
    if (np.abs(months) >= limit).any() or (np.abs(days) >= limit).any():
        raise DatetimeFieldOverflow("interval out of range")
    rows = np.empty(len(us), _INTERVAL)
    rows["months"], rows["days"], rows["us"] = months, days, us
    return pa.Array.from_buffers(INTERVAL.storage, len(rows), [None, pa.py_buffer(rows.view(np.uint8))])


def moment_column(us: Ints, type: SqlType, nulls: NDArray[np.bool_] | None = None) -> Column:
    """A column of timestamps (or times, of microseconds)."""
    return column_of(us, type.storage, nulls)


def lengths_us(spans: Spans) -> Any:
    """The intervals' lengths as PostgreSQL compares them: months of 30 days, days of 24 hours. Exact."""
    return spans.us.astype(object) + (spans.days + spans.months * 30).astype(object) * DAY_US
