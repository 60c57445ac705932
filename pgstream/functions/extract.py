"""extract and date_part, age, and the make_ functions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import DatetimeFieldOverflow, FeatureNotSupported, InvalidParameterValue
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    INFINITY,
    MINUTE_US,
    SECOND_US,
    TIMESTAMPTZ,
    Ints,
    Spans,
    checked_moments,
    civil,
    days_of,
    finite,
    interval_column,
    moment_column,
    month_length,
    spans_of,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.comparison import microseconds_of_days
from pgstream.functions.datetime import to_instant, to_local, zone_of
from pgstream.functions.numerics import quotient
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.truncation import ALIASES
from pgstream.functions.vector import numbers
from pgstream.types.numeric import numeric_text, pack
from pgstream.types.timestamptz import session_zone

NAMES = {
    "timestamp": "timestamp without time zone",
    "timestamptz": "timestamp with time zone",
    "date": "date",
    "time": "time without time zone",
    "interval": "interval",
}
_MORE = {
    "dow": "dow", "isodow": "isodow", "doy": "doy", "isoyear": "isoyear", "epoch": "epoch", "julian": "julian", "j": "julian", "jd": "julian",
    "timezone": "timezone", "timezone_h": "timezone_hour", "timezone_hour": "timezone_hour", "timezone_m": "timezone_minute", "timezone_minute": "timezone_minute",
}  # fmt: skip
_CLOCK = ("microseconds", "milliseconds", "second", "minute", "hour")
_ENDLESS = ("year", "decade", "century", "millennium", "isoyear", "epoch", "julian")
"""The fields of an infinite timestamp that are infinite; the others are NULL."""


def field_of(word: str, type: str) -> str:
    """The field that `word` names."""
    field = ALIASES.get(word.lower()) or _MORE.get(word.lower())
    if field is None:
        raise InvalidParameterValue(f'unit "{word}" not recognized for type {NAMES[type]}')
    return field


def unsupported(word: str, type: str) -> FeatureNotSupported:
    """A field the type does not have."""
    return FeatureNotSupported(f'unit "{word}" not supported for type {NAMES[type]}')


Scaled = tuple[Ints, int]
"""Values times ten to the power of the scale, and the scale."""


def _clock(field: str, us: Ints) -> Scaled:
    """Fields of a time of day."""
    if field == "microseconds":
        return us % MINUTE_US, 0
    if field == "milliseconds":
        return us % MINUTE_US, 3
    if field == "second":
        return us % MINUTE_US, 6
    return ((us // MINUTE_US) % 60, 0) if field == "minute" else (us // HOUR_US, 0)


def iso_week(days: Ints) -> tuple[Ints, Ints]:
    """ISO year and week."""
    thursday = days + 3 - (days + 3) % 7
    year = civil(thursday)[0]
    return year, (thursday - days_of(year, 1, 1)) // 7 + 1


def _shown_year(year: Ints) -> Ints:
    return np.where(year > 0, year, year - 1)


def _day_field(field: str, days: Ints) -> Ints | None:
    if field == "dow":
        return (days + 4) % 7
    if field == "isodow":
        return (days + 3) % 7 + 1
    if field in ("week", "isoyear"):
        iso = iso_week(days)
        return iso[1] if field == "week" else _shown_year(iso[0])
    year, month, day = civil(days)
    made = {
        "day": lambda: day,
        "month": lambda: month,
        "quarter": lambda: (month - 1) // 3 + 1,
        "year": lambda: _shown_year(year),
        "doy": lambda: days - days_of(year, 1, 1) + 1,
        "decade": lambda: year // 10,
        "century": lambda: np.where(year > 0, (year + 99) // 100, -((99 - (year - 1)) // 100)),
        "millennium": lambda: np.where(year > 0, (year + 999) // 1000, -((999 - (year - 1)) // 1000)),
    }.get(field)
    return None if made is None else made()


def _local_fields(word: str, us: Ints, type: str) -> Scaled:
    """Fields of a local time."""
    field = field_of(word, type)
    days = us // DAY_US
    if field in _CLOCK:
        return _clock(field, us - days * DAY_US)
    made = _day_field(field, days)
    if made is None:
        raise unsupported(word, type)
    return made, 0


def _span_fields(word: str, spans: Spans) -> Scaled:
    def over(value: Ints, step: int) -> Ints:
        return np.sign(value) * (np.abs(value) // step)

    field = field_of(word, "interval")
    if field in _CLOCK:
        rest = np.fmod(spans.us, HOUR_US)
        if field in ("hour", "minute"):
            return (over(spans.us, HOUR_US) if field == "hour" else over(rest, MINUTE_US)), 0
        return np.fmod(spans.us, MINUTE_US), {"microseconds": 0, "milliseconds": 3, "second": 6}[field]
    if field == "epoch":
        years, months = over(spans.months, 12), np.fmod(spans.months, 12)
        return years * 31557600 * SECOND_US + months * 30 * DAY_US + spans.days * DAY_US + spans.us, 6
    months = {"year": 12, "decade": 120, "century": 1200, "millennium": 12000}
    if field in months:
        return over(spans.months, months[field]), 0
    made = {"day": spans.days, "month": np.fmod(spans.months, 12), "quarter": np.fmod(spans.months, 12) // 3 + 1}.get(
        field
    )
    if made is None:
        raise unsupported(word, "interval")
    return made, 0


def _zone_fields(field: str, us: Ints, call: BoundCall) -> Scaled:
    offsets = session_zone(call.context.settings).offsets_at(us).astype(np.int64)
    if field == "timezone":
        return offsets, 0
    hours = np.sign(offsets) * (np.abs(offsets) // 3600)
    return (hours, 0) if field == "timezone_hour" else (np.sign(offsets) * (np.abs(offsets) % 3600 // 60), 0)


def _moment_fields(call: BoundCall, word: str, us: Ints, type: str) -> Scaled:
    field = field_of(word, type)
    if field == "epoch":
        return us, 6
    if type == "timestamptz":
        if field.startswith("timezone"):
            return _zone_fields(field, us, call)
        us = to_local(us, session_zone(call.context.settings))
    return _local_fields(word, us, type)


def _fields(call: BoundCall, word: str, column: Column, type: str) -> Scaled:
    if type == "interval":
        return _span_fields(word, spans_of(column))
    if type == "time":
        field = field_of(word, type)
        if field == "epoch":
            return numbers(column), 6
        if field not in _CLOCK:
            raise unsupported(word, type)
        return _clock(field, numbers(column))
    if type == "date":
        field = field_of(word, type)
        days = numbers(column).astype(np.int64)
        if field == "epoch":
            return days * 86400, 0
        made = days + 2440588 if field == "julian" else _day_field(field, days)
        if made is None:
            raise unsupported(word, type)
        return made, 0
    return _moment_fields(call, word, numbers(column), type)


def _as_numeric(values: Ints, scale: int) -> Column:
    return pa.array(values).cast(pa.string()) if scale == 0 else pack(values, np.full(len(values), scale, np.int32))


def _as_float(values: Ints, scale: int) -> Column:
    return pa.array(values / 10.0**scale)


def _julian(us: Ints) -> list[str | None]:
    """Julian days with the time of day as a fraction."""
    made: list[str | None] = []
    for value in us.tolist():
        days, rest = divmod(value, DAY_US)
        fraction = quotient(Decimal(rest).scaleb(-6), Decimal(86400))
        made.append(numeric_text(Decimal(days + 2440588) + fraction))
    return made


def _infinite(word: str, us: Ints, type: str, storage: pa.DataType) -> Column:
    """The field of infinite timestamps."""
    if field_of(word, type) not in _ENDLESS:
        return pa.nulls(len(us), storage)
    return pa.array(np.where(us > 0, "Infinity", "-Infinity").tolist(), pa.string()).cast(storage)


def _one_field(call: BoundCall, word: str, column: Column, type: str, shape: Callable[[Ints, int], Column]) -> Column:
    storage = pa.string() if shape is _as_numeric else pa.float64()
    if type in ("timestamp", "timestamptz", "date"):
        us = numbers(microseconds_of_days(column) if type == "date" else column)
        whole = finite(us)
        if not whole.all():
            index = np.empty(len(us), np.int64)
            index[whole], index[~whole] = np.arange(whole.sum()), whole.sum() + np.arange((~whole).sum())
            rest = column.filter(pa.array(whole))
            parts = [_one_field(call, word, rest, type, shape)] if len(rest) else []
            return pa.concat_arrays([*parts, _infinite(word, us[~whole], type, storage)]).take(pa.array(index))
        if type != "date" and field_of(word, type) == "julian":
            local = to_local(us, session_zone(call.context.settings)) if type == "timestamptz" else us
            return pa.array(_julian(local), pa.string()).cast(storage)
    return shape(*_fields(call, word, column, type))


def _extraction(type: str, shape: Callable[[Ints, int], Column]) -> Callable[[BoundCall, Value, Value], Column]:
    def kernel(call: BoundCall, words: Value, moment: Value) -> Column:
        if isinstance(words, pa.Scalar):
            return _one_field(call, words.as_py(), moment, type, shape)
        column = as_column(moment, len(words))
        made: list[Any] = [None] * len(words)
        for row, word in enumerate(words.to_pylist()):
            made[row] = _one_field(call, word, column.slice(row, 1), type, shape)[0].as_py()
        return pa.array(made, pa.string() if shape is _as_numeric else pa.float64())

    return kernel


_EXAMPLES = {
    "timestamp": ("'2001-02-16 20:38:40.12'::timestamp", {"year": "2001", "second": "40.120000", "dow": "5", "week": "7", "epoch": "982355920.120000", "milliseconds": "40120.000", "julian": "2451957.86018657407407407407"}),
    "timestamptz": ("'2001-02-16 20:38:40.12+00'::timestamptz", {"hour": "20", "timezone": "0", "epoch": "982355920.120000"}),
    "date": ("'2001-02-16'::date", {"doy": "47", "century": "21", "epoch": "982281600", "hour": 'ERROR: 0A000 unit "hour" not supported for type date'}),
    "time": ("'20:38:40.5'::time", {"minute": "38", "epoch": "74320.500000"}),
    "interval": ("'5 days 3 hours 2.5 seconds'::interval", {"day": "5", "epoch": "442802.500000", "second": "2.500000"}),
}  # fmt: skip
for _type, (_literal, _expected) in _EXAMPLES.items():
    _how: dict[str, Any] = {"bound": True, "scalars": True, "volatility": STABLE if _type == "timestamptz" else "i"}
    function(
        f"extract(text, {_type}) -> numeric",
        doc=f"A field of a {_type}.",
        examples={f"extract({field} FROM {_literal})": result for field, result in _expected.items()},
        **_how,
    )(_extraction(_type, _as_numeric))
    function(
        f"date_part(text, {_type}) -> float8",
        doc=f"A field of a {_type}.",
        examples={f"date_part('{next(iter(_expected))}', {_literal})": next(iter(_expected.values()))},
        **_how,
    )(_extraction(_type, _as_float))


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
    count = len(columns[0]) if columns else int(fields[0]) if fields else 1  # type: ignore[call-overload]
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
