"""date_trunc and date_bin."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgstream.delta import Column
from pgstream.errors import FeatureNotSupported, InvalidParameterValue
from pgstream.functions.calendar import (
    DAY_US,
    HOUR_US,
    MINUTE_US,
    SECOND_US,
    TIMESTAMP,
    TIMESTAMPTZ,
    Ints,
    Spans,
    checked_moments,
    civil,
    days_of,
    finite,
    interval_column,
    moment_column,
    spans_of,
)
from pgstream.functions.calling import Value, as_column
from pgstream.functions.datetime import to_instant, to_local
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import numbers
from pgstream.functions.zones_and_clock import zone_of
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone

ALIASES: dict[str, str] = {
    alias: unit
    for unit, aliases in {
        "microseconds": "us usec usecs usecond useconds microsecond microseconds microsecon",
        "milliseconds": "ms msec msecs msecond mseconds millisecond milliseconds millisecon",
        "second": "s sec secs second seconds",
        "minute": "m min mins minute minutes",
        "hour": "h hr hrs hour hours",
        "day": "d day days",
        "week": "w week weeks",
        "month": "mon mons month months",
        "quarter": "qtr quarter",
        "year": "y yr yrs year years",
        "decade": "dec decs decade decades",
        "century": "c cent century centuries",
        "millennium": "mil mils millennia millennium",
    }.items()
    for alias in aliases.split()
}
"""Spellings of units, to the unit."""

_STEPS = {
    "microseconds": 1,
    "milliseconds": 1000,
    "second": SECOND_US,
    "minute": MINUTE_US,
    "hour": HOUR_US,
    "day": DAY_US,
}
_YEARS = {"year": (1, 0), "decade": (10, 0), "century": (100, 1), "millennium": (1000, 1)}


def truncated(unit: str, us: Ints) -> Ints:
    """Local times at the start of their `unit`."""
    if unit in _STEPS:
        return us - us % _STEPS[unit]
    days = us // DAY_US
    if unit == "week":
        return (days - (days + 3) % 7) * DAY_US
    if unit in ("month", "quarter"):
        months = days.astype("M8[D]").astype("M8[M]").astype(np.int64)
        first_month = months - months % 3 if unit == "quarter" else months
        return np.asarray(first_month.astype("M8[M]").astype("M8[D]").astype(np.int64) * DAY_US, np.int64)
    year, _, _ = civil(days)
    span, first = _YEARS[unit]
    return days_of((year - first) // span * span + first, 1, 1) * DAY_US


def _moments(unit: str, us: Ints, zone: Zone | None) -> Ints:
    """Timestamps at the start of their unit, by the clocks of `zone`."""
    whole = finite(us)
    if zone is None or (len(zone.offsets) == 1 and zone.offsets[0] == 0):
        made = truncated(unit, us)
    elif unit in _STEPS and unit != "day":
        offsets = zone.offsets_at(us).astype(np.int64) * SECOND_US
        made = truncated(unit, us + offsets) - offsets
    else:
        made = to_instant(truncated(unit, to_local(us, zone)), zone)
    return made if whole.all() else np.where(whole, made, us)


def unit_of(word: str, type_name: str) -> str:
    """The unit that `word` names."""
    unit = ALIASES.get(word.lower())
    if unit is None:
        raise InvalidParameterValue(f'unit "{word}" not recognized for type {type_name}')
    return unit


def _by_unit(units: Value, us: Ints, type_name: str, zone: Zone | None) -> Ints:
    if isinstance(units, pa.Scalar):
        return _moments(unit_of(units.as_py(), type_name), us, zone)
    encoded = units.dictionary_encode()
    codes, made = encoded.indices.to_numpy(zero_copy_only=False), us.copy()
    wide = np.broadcast_to(us, len(codes))
    made = wide.copy()
    for code, word in enumerate(encoded.dictionary.to_pylist()):
        made[codes == code] = _moments(unit_of(word, type_name), wide[codes == code], zone)
    return made


def _values(moment: Value, units: Value) -> Ints:
    if isinstance(moment, pa.Scalar):
        return numbers(as_column(moment, len(units)))
    return numbers(moment)


@function(
    "date_trunc(text, timestamp) -> timestamp",
    scalars=True,
    examples={
        "date_trunc('hour', '2024-02-16 20:38:40'::timestamp)": "2024-02-16 20:00:00",
        "date_trunc('week', '2024-02-16 20:38:40'::timestamp)": "2024-02-12 00:00:00",
        "date_trunc('quarter', '2024-02-16 20:38:40'::timestamp)": "2024-01-01 00:00:00",
        "date_trunc('century', '2024-02-16 20:38:40'::timestamp)": "2001-01-01 00:00:00",
        "date_trunc('decade', '1969-02-16 20:38:40'::timestamp)": "1960-01-01 00:00:00",
        "date_trunc('x', '2024-02-16'::timestamp)": 'ERROR: 22023 unit "x" not recognized for type timestamp '
        "without time zone",
        "date_trunc('day', 'infinity'::timestamp)": "infinity",
    },
)
def date_trunc(unit: Value, moment: Value) -> Column:
    """The start of the hour, day, week, month, … that holds `moment`."""
    return moment_column(_by_unit(unit, _values(moment, unit), "timestamp without time zone", None), TIMESTAMP)


@function(
    "date_trunc(text, timestamptz) -> timestamptz",
    scalars=True,
    bound=True,
    volatility=STABLE,
    examples={
        "date_trunc('day', '2024-02-16 20:38:40+03'::timestamptz)": "2024-02-16 00:00:00+00",
        "date_trunc('millennium', '2024-02-16 20:38:40+03'::timestamptz)": "2001-01-01 00:00:00+00",
    },
)
def date_trunc_local(call: BoundCall, unit: Value, moment: Value) -> Column:
    """The start of the unit that holds `moment`, by the session's clock."""
    zone = session_zone(call.context.settings)
    return moment_column(_by_unit(unit, _values(moment, unit), "timestamp with time zone", zone), TIMESTAMPTZ)


@function(
    "date_trunc(text, timestamptz, text) -> timestamptz",
    volatility=STABLE,
    examples={"date_trunc('day', '2024-02-16 20:38:40+00'::timestamptz, 'Australia/Sydney')": "2024-02-16 13:00:00+00"},
)
def date_trunc_zoned(unit: Column, moment: Column, zone: Column) -> Column:
    """The start of the unit that holds `moment`, by the clocks of `zone`."""
    made = numbers(moment).copy()
    for name in zone.unique().to_pylist():
        rows = np.asarray(pc.equal(zone, name).to_numpy(zero_copy_only=False))
        made[rows] = _by_unit(unit.filter(pa.array(rows)), made[rows], "timestamp with time zone", zone_of(name))
    return moment_column(made, TIMESTAMPTZ)


@function(
    "date_trunc(text, interval) -> interval",
    examples={
        "date_trunc('hour', '3 days 02:47:33'::interval)": "3 days 02:00:00",
        "date_trunc('year', '14 mons 3 days'::interval)": "1 year",
        "date_trunc('quarter', '14 mons 3 days'::interval)": "1 year",
    },
)
def date_trunc_interval(unit: Column, interval: Column) -> Column:
    """The interval without what is less than the unit."""
    spans = spans_of(interval)
    made = [np.empty_like(field) for field in spans]
    words = np.array(unit.to_pylist(), object)
    for word in set(words.tolist()):
        rows = words == word
        cut = _cut(unit_of(word, "interval"), Spans(*(field[rows] for field in spans)))
        for whole, part in zip(made, cut, strict=True):
            whole[rows] = part
    return interval_column(*made)


def _cut(unit: str, spans: Spans) -> Spans:
    if unit == "week":
        raise FeatureNotSupported(
            'unit "week" not supported for type interval',
            detail="Months usually have fractional weeks.",
        )

    def down(values: Ints, step: int) -> Ints:
        return np.asarray(np.sign(values) * (np.abs(values) // step) * step, np.int64)

    zero = np.zeros(len(spans.us), np.int64)
    if unit in _STEPS and unit != "day":
        return Spans(spans.months, spans.days, down(spans.us, _STEPS[unit]))
    if unit == "day":
        return Spans(spans.months, spans.days, zero)
    months = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1200, "millennium": 12000}[unit]
    return Spans(down(spans.months, months), zero, zero)


def _stride(interval: Value) -> Ints:
    column = interval if isinstance(interval, pa.Array) else as_column(interval, 1)
    spans = spans_of(column)
    if spans.months.any():
        raise FeatureNotSupported("timestamps cannot be binned into intervals containing months or years")
    stride = spans.days * DAY_US + spans.us
    if (stride <= 0).any():
        raise InvalidParameterValue("stride must be greater than zero")
    return stride


def _binning(type_: object) -> Callable[[Value, Value, Value], Column]:
    def kernel(stride: Value, moment: Value, origin: Value) -> Column:
        step = _stride(stride)
        us, start = (
            numbers(value if isinstance(value, pa.Array) else as_column(value, 1)) for value in (moment, origin)
        )
        if not finite(start).all():
            raise InvalidParameterValue("origin out of range")
        if len(step) == 1 and len(start) == 1:
            step, start = step[0], start[0]
        made = us - (us - start) % step
        return moment_column(np.where(finite(us), checked_moments(np.where(finite(us), made, 0)), us), type_)  # type: ignore[arg-type]

    return kernel


for _type in (TIMESTAMP, TIMESTAMPTZ):
    _shown = "+00" if _type == TIMESTAMPTZ else ""
    function(
        f"date_bin(interval, {_type.name}, {_type.name}) -> {_type.name}",
        scalars=True,
        doc="The start of the bin, of `stride` length and aligned to `origin`, that holds the moment.",
        examples={
            f"date_bin('15 minutes', '2020-02-11 15:44'::{_type.name}, '2001-01-01')": f"2020-02-11 15:30:00{_shown}",
            f"date_bin('1 day', '1999-12-31 15:44'::{_type.name}, '2001-01-01 02:00')": f"1999-12-31 02:00:00{_shown}",
        },
    )(_binning(_type))
