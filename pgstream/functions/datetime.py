"""Arithmetic of dates, times, timestamps and intervals, time zones, and the clock."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, DivisionByZero
from pgstream.functions.calendar import (
    DATE,
    DAY_US,
    FIRST_DAY,
    LAST_DAY,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    Ints,
    Spans,
    checked_moments,
    finite,
    finite_days,
    interval_column,
    moment_column,
    plus_months,
    spans_of,
)
from pgstream.functions.comparison import microseconds_of_days
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, numbers
from pgstream.types.definition import SqlType
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone

FAR_US = 9.223e18
"""Sums beyond this are refused before they are computed: they could wrap around."""


def to_local(us: Ints, zone: Zone) -> Ints:
    """What the clocks of `zone` show at instants `us`."""
    shifted = us + zone.offsets_at(us).astype(np.int64) * 1_000_000
    return np.where(finite(us), shifted, us)


def to_instant(us: Ints, zone: Zone) -> Ints:
    """The instants at which the clocks of `zone` show `us`."""
    return np.where(finite(us), zone.to_utc(us), us)


def later(us: Ints, spans: Spans, zone: Zone | None) -> Ints:
    """Timestamps plus intervals: months first, then days (both by the calendar of `zone`), then microseconds."""
    whole = finite(us)
    far = us.astype(np.float64) + spans.us + (spans.days + 30.5 * spans.months) * float(DAY_US)
    if (whole & (np.abs(far) > FAR_US)).any():
        raise DatetimeFieldOverflow("timestamp out of range")
    made = np.where(whole, us, 0)
    if spans.months.any() or (zone is not None and spans.days.any()):
        local = to_local(made, zone) if zone is not None else made
        local = plus_months(local, spans.months) if spans.months.any() else local
        made = local + spans.days * DAY_US
        made = zone.to_utc(made) if zone is not None else made
    else:
        made = made + spans.days * DAY_US
    return np.where(whole, checked_moments(np.where(whole, made + spans.us, 0)), us)


def negated(spans: Spans) -> Spans:
    """The intervals with all fields' signs changed."""
    return Spans(-spans.months, -spans.days, -spans.us)


def _shift(type: SqlType, sign: int) -> Callable[[BoundCall, Column, Column], Column]:
    def kernel(call: BoundCall, moment: Column, interval: Column) -> Column:
        spans = spans_of(interval) if sign > 0 else negated(spans_of(interval))
        zone = session_zone(call.context.settings) if type == TIMESTAMPTZ else None
        return moment_column(later(numbers(moment), spans, zone), type)

    return kernel


for _type in (TIMESTAMP, TIMESTAMPTZ):
    _zoned = _type == TIMESTAMPTZ
    _shown = "+00" if _zoned else ""
    _later = _shift(_type, 1)
    _how: dict[str, Any] = {"bound": True, "volatility": STABLE if _zoned else "i"}
    function(
        f"{_type.name}_pl_interval({_type.name}, interval) -> {_type.name}",
        operator="+",
        doc="The moment an interval later.",
        examples={
            f"'2024-01-31 10:00'::{_type.name} + '1 mon 1 day 01:00'::interval": f"2024-03-01 11:00:00{_shown}",
            f"'infinity'::{_type.name} + '1 day'::interval": "infinity",
        },
        **_how,
    )(_shift(_type, 1))
    function(
        f"{_type.name}_mi_interval({_type.name}, interval) -> {_type.name}",
        operator="-",
        doc="The moment an interval earlier.",
        examples={f"'2024-03-31 10:00'::{_type.name} - '1 mon'::interval": f"2024-02-29 10:00:00{_shown}"},
        **_how,
    )(_shift(_type, -1))
    function(
        f"interval_pl_{_type.name}(interval, {_type.name}) -> {_type.name}",
        operator="+",
        doc="The moment an interval later.",
        examples={f"'1 day'::interval + '2024-01-31 10:00'::{_type.name}": f"2024-02-01 10:00:00{_shown}"},
        **_how,
    )(lambda call, interval, moment, shift=_later: shift(call, moment, interval))


def _difference(later_: Column, earlier: Column) -> Column:
    a, b = numbers(later_), numbers(earlier)
    if not (finite(a).all() and finite(b).all()):
        raise DatetimeFieldOverflow("cannot subtract infinite timestamps")
    gap = a - b
    if (((a < 0) != (b < 0)) & ((gap < 0) != (a < 0))).any():
        raise DatetimeFieldOverflow("interval out of range")
    days = np.sign(gap) * (np.abs(gap) // DAY_US)
    return interval_column(np.zeros(len(gap), np.int64), days, gap - days * DAY_US)


for _type in (TIMESTAMP, TIMESTAMPTZ):
    function(
        f"{_type.name}_mi({_type.name}, {_type.name}) -> interval",
        operator="-",
        doc="The time between two moments, in days and less.",
        examples={
            f"'2024-03-01 10:00'::{_type.name} - '2024-01-31 12:30'::{_type.name}": "29 days 21:30:00",
            f"'2024-01-01'::{_type.name} - '2024-01-02 01:00'::{_type.name}": "-1 days -01:00:00",
        },
    )(_difference)


def _checked_days(days: Ints, whole: NDArray[np.bool_]) -> Ints:
    if (whole & ((days < FIRST_DAY) | (days > LAST_DAY))).any():
        raise DatetimeFieldOverflow("date out of range")
    return days


def _plus_days(date: Column, count: Column, sign: int = 1) -> Column:
    days = numbers(date).astype(np.int64)
    whole = finite_days(days)
    made = np.where(whole, days + sign * numbers(count).astype(np.int64), days)
    return column_of(_checked_days(made, whole), DATE.storage)


function(
    "date_pli(date, int4) -> date",
    operator="+",
    doc="The day that many days later.",
    examples={"'2024-02-28'::date + 2": "2024-03-01", "'infinity'::date + 1": "infinity"},
)(_plus_days)
function(
    "date_mii(date, int4) -> date",
    operator="-",
    doc="The day that many days earlier.",
    examples={"'2024-03-01'::date - 2": "2024-02-28"},
)(lambda date, count: _plus_days(date, count, -1))
function(
    "integer_pl_date(int4, date) -> date",
    operator="+",
    doc="The day that many days later.",
    examples={"2 + '2024-02-28'::date": "2024-03-01"},
)(lambda count, date: _plus_days(date, count))


@function(
    "date_mi(date, date) -> int4",
    operator="-",
    examples={
        "'2024-03-01'::date - '2024-02-01'::date": "29",
        "'infinity'::date - '2024-02-01'::date": "ERROR: 22008 cannot subtract infinite dates",
    },
)
def days_between(later_: Column, earlier: Column) -> Column:
    """The number of days between two dates."""
    a, b = numbers(later_).astype(np.int64), numbers(earlier).astype(np.int64)
    if not (finite_days(a).all() and finite_days(b).all()):
        raise DatetimeFieldOverflow("cannot subtract infinite dates")
    return column_of(a - b, pa.int32())


def _date_shift(sign: int) -> Callable[[Column, Column], Column]:
    def kernel(date: Column, interval: Column) -> Column:
        spans = spans_of(interval) if sign > 0 else negated(spans_of(interval))
        return moment_column(later(numbers(microseconds_of_days(date)), spans, None), TIMESTAMP)

    return kernel


function(
    "date_pl_interval(date, interval) -> timestamp",
    operator="+",
    doc="The moment an interval after the day's midnight.",
    examples={"'2024-01-31'::date + '1 mon'::interval": "2024-02-29 00:00:00"},
)(_date_shift(1))
function(
    "date_mi_interval(date, interval) -> timestamp",
    operator="-",
    doc="The moment an interval before the day's midnight.",
    examples={"'2024-03-31'::date - '1 mon 1 hour'::interval": "2024-02-28 23:00:00"},
)(_date_shift(-1))
function(
    "interval_pl_date(interval, date) -> timestamp",
    operator="+",
    doc="The moment an interval after the day's midnight.",
    examples={"'1 hour'::interval + '2024-01-31'::date": "2024-01-31 01:00:00"},
)(lambda interval, date: _date_shift(1)(date, interval))


@function(
    "datetime_pl(date, time) -> timestamp",
    operator="+",
    examples={"'2024-01-31'::date + '10:30'::time": "2024-01-31 10:30:00"},
)
def date_with_time(date: Column, time: Column) -> Column:
    """The day's moment at a time of day."""
    midnight = numbers(microseconds_of_days(date))
    return moment_column(np.where(finite(midnight), midnight + numbers(time), midnight), TIMESTAMP)


function(
    "timedate_pl(time, date) -> timestamp",
    operator="+",
    doc="The day's moment at a time of day.",
    examples={"'10:30'::time + '2024-01-31'::date": "2024-01-31 10:30:00"},
)(lambda time, date: date_with_time(date, time))


def _time_shift(sign: int) -> Callable[[Column, Column], Column]:
    return lambda time, interval: moment_column((numbers(time) + sign * spans_of(interval).us) % DAY_US, TIME)


function(
    "time_pl_interval(time, interval) -> time",
    operator="+",
    doc="The time of day an interval later.",
    examples={"'23:00'::time + '02:30'::interval": "01:30:00"},
)(_time_shift(1))
function(
    "time_mi_interval(time, interval) -> time",
    operator="-",
    doc="The time of day an interval earlier.",
    examples={"'01:00'::time - '02:30'::interval": "22:30:00"},
)(_time_shift(-1))
function(
    "interval_pl_time(interval, time) -> time",
    operator="+",
    doc="The time of day an interval later.",
    examples={"'02:30'::interval + '23:00'::time": "01:30:00"},
)(lambda interval, time: _time_shift(1)(time, interval))


@function("time_mi_time(time, time) -> interval", operator="-", examples={"'10:00'::time - '12:30'::time": "-02:30:00"})
def time_between(later_: Column, earlier: Column) -> Column:
    """The time between two times of day."""
    gap = numbers(later_) - numbers(earlier)
    zeros = np.zeros(len(gap), np.int64)
    return interval_column(zeros, zeros, gap)


def _interval_sum(sign: int) -> Callable[[Column, Column], Column]:
    def kernel(left: Column, right: Column) -> Column:
        a, b = spans_of(left), spans_of(right)
        return interval_column(*(x + sign * y for x, y in zip(a, b, strict=True)))

    return kernel


function(
    "interval_pl(interval, interval) -> interval",
    operator="+",
    doc="Both intervals together, field by field.",
    examples={"'1 mon 2 days'::interval + '3 days 04:00'::interval": "1 mon 5 days 04:00:00"},
)(_interval_sum(1))
function(
    "interval_mi(interval, interval) -> interval",
    operator="-",
    doc="The difference, field by field.",
    examples={"'1 mon 2 days'::interval - '3 days 04:00'::interval": "1 mon -1 days -04:00:00"},
)(_interval_sum(-1))
function(
    "interval_um(interval) -> interval",
    operator="-",
    doc="The interval with all signs changed.",
    examples={"- '1 mon -2 days'::interval": "-1 mons +2 days"},
)(lambda interval: interval_column(*negated(spans_of(interval))))


def _rounded(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.rint(seconds * 1e6) / 1e6


def scaled(spans: Spans, factor: NDArray[np.float64], divide: bool = False) -> Column:
    """Intervals times `factor` (or divided by it): fractions of months become days of 30, of days 24 hours."""

    def apply(value: Ints) -> NDArray[np.float64]:
        return value / factor if divide else value * factor

    months, days = np.trunc(apply(spans.months)), np.trunc(apply(spans.days))
    month_days = _rounded((apply(spans.months) - months) * 30)
    seconds = _rounded((apply(spans.days) - days + month_days - np.trunc(month_days)) * 86400)
    over = np.where(np.abs(seconds) >= 86400, np.trunc(seconds / 86400), 0)
    us = np.rint(apply(spans.us) + (seconds - over * 86400) * 1e6)
    fields = (months, days + over + np.trunc(month_days), us)
    if any((~np.isfinite(field)).any() for field in fields) or (np.abs(us) >= 2.0**63).any():
        raise DatetimeFieldOverflow("interval out of range")
    return interval_column(*(field.astype(np.int64) for field in fields))


@function(
    "interval_mul(interval, float8) -> interval",
    operator="*",
    examples={"'1 mon 1 day 01:00'::interval * 1.5": "1 mon 16 days 13:30:00", "'1 hour'::interval * 3": "03:00:00"},
)
def interval_times(interval: Column, factor: Column) -> Column:
    """The interval `factor` times."""
    return scaled(spans_of(interval), numbers(factor))


function(
    "mul_d_interval(float8, interval) -> interval",
    operator="*",
    doc="The interval `factor` times.",
    examples={"2 * '1 day 01:00'::interval": "2 days 02:00:00"},
)(lambda factor, interval: interval_times(interval, factor))


@function(
    "interval_div(interval, float8) -> interval",
    operator="/",
    examples={
        "'1 mon 1 day'::interval / 2": "15 days 12:00:00",
        "'1 day'::interval / 0": "ERROR: 22012 division by zero",
    },
)
def interval_over(interval: Column, divisor: Column) -> Column:
    """The interval divided."""
    if (numbers(divisor) == 0).any():
        raise DivisionByZero("division by zero")
    return scaled(spans_of(interval), numbers(divisor), divide=True)


def _justified_hours(spans: Spans) -> Spans:
    whole = np.sign(spans.us) * (np.abs(spans.us) // DAY_US)
    days, us = spans.days + whole, spans.us - whole * DAY_US
    down, up = (days > 0) & (us < 0), (days < 0) & (us > 0)
    step = down.astype(np.int64) - up
    return Spans(spans.months, days - step, us + step * DAY_US)


def _justified_days(spans: Spans) -> Spans:
    whole = np.sign(spans.days) * (np.abs(spans.days) // 30)
    months, days = spans.months + whole, spans.days - whole * 30
    down, up = (months > 0) & (days < 0), (months < 0) & (days > 0)
    step = down.astype(np.int64) - up
    return Spans(months - step, days + step * 30, spans.us)


def _justified(spans: Spans) -> Spans:
    whole = np.sign(spans.us) * (np.abs(spans.us) // DAY_US)
    spans = Spans(spans.months, spans.days + whole, spans.us - whole * DAY_US)
    whole = np.sign(spans.days) * (np.abs(spans.days) // 30)
    months, days, us = spans.months + whole, spans.days - whole * 30, spans.us
    down = (months > 0) & ((days < 0) | ((days == 0) & (us < 0)))
    up = (months < 0) & ((days > 0) | ((days == 0) & (us > 0)))
    step = down.astype(np.int64) - up
    months, days = months - step, days + step * 30
    down, up = (days > 0) & (us < 0), (days < 0) & (us > 0)
    step = down.astype(np.int64) - up
    return Spans(months, days - step, us + step * DAY_US)


for _name, _kernel, _example in (
    ("justify_hours", _justified_hours, {"justify_hours('50 hours 10 minutes'::interval)": "2 days 02:10:00"}),
    ("justify_days", _justified_days, {"justify_days('1 year 65 days'::interval)": "1 year 2 mons 5 days"}),
    ("justify_interval", _justified, {"justify_interval('1 month -1 hour'::interval)": "29 days 23:00:00"}),
):
    function(f"{_name}(interval) -> interval", doc="The interval with its fields carried over.", examples=_example)(
        lambda interval, kernel=_kernel: interval_column(*kernel(spans_of(interval)))
    )
