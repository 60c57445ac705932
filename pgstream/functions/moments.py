"""age, make_date and their kin, and to_timestamp of seconds."""

from typing import Any

import numpy as np

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    INFINITY,
    MINUTE_US,
    TIMESTAMPTZ,
    Ints,
    checked_moments,
    civil,
    days_of,
    finite,
    interval_column,
    moment_column,
    month_length,
)
from pgstream.functions.datetime import to_instant, to_local
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import numbers
from pgstream.functions.zones_and_clock import zone_of
from pgstream.types.timestamptz import session_zone


def _age(end: Ints, start: Ints) -> Column:
    """The symbolic difference in years, months, days and time."""
    if not (finite(end).all() and finite(start).all()):
        raise DatetimeFieldOverflow("cannot subtract infinite timestamps")
    sign = np.where(end < start, -1, 1)
    high, low = np.maximum(end, start), np.minimum(end, start)
    (y1, m1, d1), (y0, m0, d0) = civil(high // DAY_US), civil(low // DAY_US)
    us = high % DAY_US - low % DAY_US
    days, months = d1 - d0, (y1 - y0) * 12 + m1 - m0
    borrow = us < 0
    us, days = us + borrow * DAY_US, days - borrow
    lent = np.where(sign < 0, month_length(y1, m1), month_length(y0, m0))
    for _ in range(2):
        borrow = days < 0
        days, months = days + borrow * lent, months - borrow
    return interval_column(sign * months, sign * days, sign * us)


@function(
    "age(timestamp, timestamp) -> interval",
    examples={
        "age('2001-04-10'::timestamp, '1957-06-13'::timestamp)": "43 years 9 mons 27 days",
        "age('2024-01-31 10:00'::timestamp, '2024-03-01 12:00'::timestamp)": "-1 mons -1 days -02:00:00",
    },
)
def age(end: Column, start: Column) -> Column:
    """The years, months, days and time between two moments."""
    return _age(numbers(end), numbers(start))


@function(
    "age(timestamptz, timestamptz) -> interval",
    bound=True,
    volatility=STABLE,
    examples={"age('2001-04-10+00'::timestamptz, '1957-06-13+00'::timestamptz)": "43 years 9 mons 27 days"},
)
def age_local(call: BoundCall, end: Column, start: Column) -> Column:
    """The years, months, days and time between two moments, by the session's clock."""
    zone = session_zone(call.context.settings)
    return _age(to_local(numbers(end), zone), to_local(numbers(start), zone))


def _midnight(call: BoundCall) -> int:
    local = to_local(np.array([call.context.now_us]), session_zone(call.context.settings))
    return int(local[0] // DAY_US * DAY_US)


@function(
    "age(timestamp) -> interval", bound=True, volatility=STABLE, examples={"age(CURRENT_DATE::timestamp)": "00:00:00"}
)
def age_today(call: BoundCall, start: Column) -> Column:
    """The years, months and days until the midnight that began today."""
    us = numbers(start)
    return _age(np.full(len(us), _midnight(call)), us)


@function(
    "age(timestamptz) -> interval",
    bound=True,
    volatility=STABLE,
    examples={"age(CURRENT_DATE::timestamptz)": "00:00:00"},
)
def age_today_local(call: BoundCall, start: Column) -> Column:
    """The years, months and days until the midnight that began today."""
    us = to_local(numbers(start), session_zone(call.context.settings))
    return _age(np.full(len(us), _midnight(call)), us)


def _day(year: int, month: int, day: int) -> int:
    shown = year
    year = year + 1 if year < 0 else year
    if shown != 0 and 1 <= month <= 12 and -4713 <= shown <= 5874897:
        length = int(month_length(np.array([year]), np.array([month]))[0])
        if 1 <= day <= length:
            return int(days_of(year, month, day))
    raise DatetimeFieldOverflow(f"date field value out of range: {shown}-{month:02d}-{day:02d}")


def _clock_us(hour: int, minute: int, second: float) -> int:
    if not (0 <= hour <= 24 and 0 <= minute <= 59 and 0 <= second <= 60) or hour * 3600 + minute * 60 + second > 86400:
        raise DatetimeFieldOverflow(f"time field value out of range: {hour}:{minute:02d}:{second:02g}")
    return (hour * 60 + minute) * MINUTE_US + round(second * 1e6)


function(
    "make_date(int4, int4, int4) -> date",
    rowwise=True,
    doc="The date of year, month and day.",
    examples={
        "make_date(2013, 7, 15)": "2013-07-15",
        "make_date(2013, 2, 30)": "ERROR: 22008 date field value out of range: 2013-02-30",
    },
)(_day)
function(
    "make_time(int4, int4, float8) -> time",
    rowwise=True,
    doc="The time of hour, minute and second.",
    examples={"make_time(8, 15, 23.5)": "08:15:23.5"},
)(_clock_us)


def _moment(year: int, month: int, day: int, hour: int, minute: int, second: float) -> int:
    return _day(year, month, day) * DAY_US + _clock_us(hour, minute, second)


function(
    "make_timestamp(int4, int4, int4, int4, int4, float8) -> timestamp",
    rowwise=True,
    doc="The timestamp of its fields.",
    examples={"make_timestamp(2013, 7, 15, 8, 15, 23.5)": "2013-07-15 08:15:23.5"},
)(_moment)


@function(
    "make_timestamptz(int4, int4, int4, int4, int4, float8) -> timestamptz",
    rowwise=True,
    bound=True,
    volatility=STABLE,
    examples={"make_timestamptz(2013, 7, 15, 8, 15, 23.5)": "2013-07-15 08:15:23.5+00"},
)
def make_timestamptz(call: BoundCall, *fields: Any) -> int:
    """The instant of fields on the session's clock."""
    return int(to_instant(np.array([_moment(*fields)]), session_zone(call.context.settings))[0])


@function(
    "make_timestamptz(int4, int4, int4, int4, int4, float8, text) -> timestamptz",
    rowwise=True,
    volatility=STABLE,
    examples={"make_timestamptz(2013, 7, 15, 8, 15, 23.5, 'America/New_York')": "2013-07-15 12:15:23.5+00"},
)
def make_timestamptz_zoned(*fields: Any) -> int:
    """The instant of fields on the clock of a zone."""
    return int(to_instant(np.array([_moment(*fields[:6])]), zone_of(fields[6]))[0])


@function(
    "make_interval(int4, int4, int4, int4, int4, int4, float8) -> interval",
    defaults=7,
    examples={
        "make_interval(1, 2, 3, 4, 5, 6, 7.5)": "1 year 2 mons 25 days 05:06:07.5",
        "make_interval()": "00:00:00",
        "make_interval(0, 0, 0, 10)": "10 days",
    },
)
def make_interval(*fields: Column | int) -> Column:
    """The interval of years, months, weeks, days, hours, minutes and seconds."""
    columns = [field for field in fields if not isinstance(field, int)]
    count = len(columns[0]) if columns else int(fields[0]) if fields else 1
    values = [numbers(column) for column in columns] + [np.zeros(count, np.int64)] * (7 - len(columns))
    years, months, weeks, days, hours, minutes = (value.astype(np.int64) for value in values[:6])
    us = hours * HOUR_US + minutes * MINUTE_US + np.rint(values[6] * 1e6).astype(np.int64)
    return interval_column(years * 12 + months, weeks * 7 + days, us)


@function(
    "to_timestamp(float8) -> timestamptz",
    examples={"to_timestamp(1284352323.5)": "2010-09-13 04:32:03.5+00", "to_timestamp('Infinity'::float8)": "infinity"},
)
def to_timestamp(seconds: Column) -> Column:
    """The instant that many seconds after 1970."""
    values = numbers(seconds)
    if np.isnan(values).any():
        raise DatetimeFieldOverflow("timestamp cannot be NaN")
    endless = np.isinf(values)
    if (np.abs(values[~endless]) > 9.2e12).any():
        raise DatetimeFieldOverflow(f'timestamp out of range: "{values[~endless][0]:g}"')
    us = checked_moments(np.rint(np.where(endless, 0, values) * 1e6).astype(np.int64))
    return moment_column(np.where(endless, np.where(values > 0, INFINITY, -INFINITY), us), TIMESTAMPTZ)
