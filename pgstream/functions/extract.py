"""extract and date_part, age, and the make_ functions."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    Ints,
    Spans,
    civil,
    days_of,
    finite,
    spans_of,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.comparison import microseconds_of_days
from pgstream.functions.datetime import to_local
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
    "timetz": "time with time zone",
    "interval": "interval",
}
_MORE = {name: name for name in ("dow", "isodow", "doy", "isoyear", "epoch", "julian", "timezone")} | {
    "j": "julian",
    "jd": "julian",
    "timezone_h": "timezone_hour",
    "timezone_hour": "timezone_hour",
    "timezone_m": "timezone_minute",
    "timezone_minute": "timezone_minute",
}
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
    made: Callable[[], Ints] | None = {
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
        return np.asarray(np.sign(value) * (np.abs(value) // step), np.int64)

    field = field_of(word, "interval")
    if field in _CLOCK:
        rest = np.fmod(spans.us, HOUR_US)
        if field in ("hour", "minute"):
            return (over(spans.us, HOUR_US) if field == "hour" else over(rest, MINUTE_US)), 0
        return np.fmod(spans.us, MINUTE_US), {"microseconds": 0, "milliseconds": 3, "second": 6}[field]
    if field == "epoch":
        years, months = over(spans.months, 12), np.fmod(spans.months, 12)
        return years * 31557600 * SECOND_US + months * 30 * DAY_US + spans.days * DAY_US + spans.us, 6
    steps = {"year": 12, "decade": 120, "century": 1200, "millennium": 12000}
    if field in steps:
        return over(spans.months, steps[field]), 0
    rest = np.fmod(spans.months, 12)
    made = {"day": spans.days, "month": rest, "quarter": rest // 3 + 1}.get(field)
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


_EXAMPLES: dict[str, tuple[str, dict[str, str]]] = {
    "timestamp": (
        "'2001-02-16 20:38:40.12'::timestamp",
        {
            "year": "2001",
            "second": "40.120000",
            "dow": "5",
            "week": "7",
            "epoch": "982355920.120000",
            "milliseconds": "40120.000",
            "julian": "2451957.86018657407407407407",
        },
    ),
    "timestamptz": (
        "'2001-02-16 20:38:40.12+00'::timestamptz",
        {"hour": "20", "timezone": "0", "epoch": "982355920.120000"},
    ),
    "date": (
        "'2001-02-16'::date",
        {
            "doy": "47",
            "century": "21",
            "epoch": "982281600",
            "hour": 'ERROR: 0A000 unit "hour" not supported for type date',
        },
    ),
    "time": ("'20:38:40.5'::time", {"minute": "38", "epoch": "74320.500000"}),
    "interval": (
        "'5 days 3 hours 2.5 seconds'::interval",
        {"day": "5", "epoch": "442802.500000", "second": "2.500000"},
    ),
}
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
