"""Casts among dates, times, timestamps and intervals. Kernels see no NULL; infinity becomes infinity."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow
from pgstream.functions.registry import ASSIGNMENT, IMPLICIT, STABLE, BoundCall, cast
from pgstream.types import date as dates
from pgstream.types.buffers import number_column, numbers
from pgstream.types.interval import interval_column, records
from pgstream.types.interval_text import DAY_US
from pgstream.types.timestamp import FIRST_US, INFINITY, MINUS_INFINITY, finite
from pgstream.types.timestamptz import STORAGE as INSTANT
from pgstream.types.timestamptz import local_offsets, session_zone

LOCAL = pa.timestamp("us")
TIME = pa.time64("us")
LAST_DAY = (INFINITY - 1) // DAY_US


def midnights(column: Column) -> NDArray[np.int64]:
    """The microseconds at which dates start."""
    days = numbers(column, np.int32).astype(np.int64)
    ends = (days == dates.INFINITY) | (days == dates.MINUS_INFINITY)
    if ((days > LAST_DAY) & ~ends).any():
        raise DatetimeFieldOverflow("date out of range for timestamp")
    us = np.where(ends, 0, days) * DAY_US
    return np.where(days == dates.INFINITY, INFINITY, np.where(days == dates.MINUS_INFINITY, MINUS_INFINITY, us))


def to_instants(local: NDArray[np.int64], call: BoundCall) -> Column:
    """Local microseconds in the session's zone as timestamptz."""
    made = np.where(finite(local), session_zone(call.context.settings).to_utc(np.where(finite(local), local, 0)), local)
    if ((made < FIRST_US) & finite(made)).any():
        raise DatetimeFieldOverflow("timestamp out of range")
    return number_column(INSTANT, made)


def to_local(column: Column, call: BoundCall) -> NDArray[np.int64]:
    """timestamptz as local microseconds in the session's zone."""
    values = numbers(column, np.int64)
    return values + local_offsets(values, session_zone(call.context.settings)).astype(np.int64) * 1_000_000


def days_of(local: NDArray[np.int64]) -> Column:
    """The dates of local microseconds."""
    days = np.where(finite(local), local // DAY_US, np.where(local > 0, dates.INFINITY, dates.MINUS_INFINITY))
    return number_column(pa.date32(), days.astype(np.int32))


def times_of(local: NDArray[np.int64]) -> Column:
    """The times of day of local microseconds; NULL at the infinities."""
    made = number_column(TIME, local % DAY_US)
    return made if finite(local).all() else pa.array(made.view(pa.int64()).to_numpy(), mask=~finite(local)).view(TIME)


@cast("date -> timestamp", IMPLICIT)
def date_to_timestamp(column: Column) -> Column:
    """Midnight of that day."""
    return number_column(LOCAL, midnights(column))


@cast("date -> timestamptz", IMPLICIT, volatility=STABLE, bound=True)
def date_to_timestamptz(call: BoundCall, column: Column) -> Column:
    """Midnight of that day in the session's zone."""
    return to_instants(midnights(column), call)


@cast("timestamp -> timestamptz", IMPLICIT, volatility=STABLE, bound=True)
def timestamp_to_timestamptz(call: BoundCall, column: Column) -> Column:
    """The instant the session's clocks show that."""
    return to_instants(numbers(column, np.int64), call)


@cast("timestamptz -> timestamp", ASSIGNMENT, volatility=STABLE, bound=True)
def timestamptz_to_timestamp(call: BoundCall, column: Column) -> Column:
    """What the session's clocks show then."""
    return number_column(LOCAL, to_local(column, call))


@cast("timestamp -> date", ASSIGNMENT)
def timestamp_to_date(column: Column) -> Column:
    """The day."""
    return days_of(numbers(column, np.int64))


@cast("timestamptz -> date", ASSIGNMENT, volatility=STABLE, bound=True)
def timestamptz_to_date(call: BoundCall, column: Column) -> Column:
    """The day in the session's zone."""
    return days_of(to_local(column, call))


@cast("timestamp -> time", ASSIGNMENT)
def timestamp_to_time(column: Column) -> Column:
    """The time of day."""
    return times_of(numbers(column, np.int64))


@cast("timestamptz -> time", ASSIGNMENT, volatility=STABLE, bound=True)
def timestamptz_to_time(call: BoundCall, column: Column) -> Column:
    """The time of day in the session's zone."""
    return times_of(to_local(column, call))


@cast("time -> interval", IMPLICIT)
def time_to_interval(column: Column) -> Column:
    """The time since midnight."""
    zeros = np.zeros(len(column), np.int32)
    return interval_column(numbers(column, np.int64), zeros, zeros)


@cast("interval -> time", ASSIGNMENT)
def interval_to_time(column: Column) -> Column:
    """The part below a day; months and days are dropped."""
    return number_column(TIME, records(column)["us"] % DAY_US)
