"""time with time zone: its casts, arithmetic, fields and AT TIME ZONE."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np

from pgstream.functions.calendar import DAY_US, SECOND_US
from pgstream.functions.extract import field_of, unsupported
from pgstream.functions.registry import ASSIGNMENT, IMPLICIT, STABLE, BoundCall, cast, function
from pgstream.functions.zones_and_clock import zone_of
from pgstream.types.interval_text import Interval
from pgstream.types.timestamptz import session_zone
from pgstream.types.timetz import ZonedTime, west_of
from pgstream.types.zones import Zone


@cast("timetz -> time", ASSIGNMENT, rowwise=True)
def without_zone(value: ZonedTime) -> int:
    """What the clock shows."""
    return value.us


@cast("time -> timetz", IMPLICIT, rowwise=True, bound=True, volatility=STABLE)
def in_session_zone(call: BoundCall, us: int) -> ZonedTime:
    """The time in the session's zone, as it is today."""
    zone = session_zone(call.context.settings)
    return ZonedTime(us, west_of(zone, call.context.now_us // DAY_US * DAY_US + us))


@cast("timestamptz -> timetz", ASSIGNMENT, rowwise=True, bound=True, volatility=STABLE)
def time_of_instant(call: BoundCall, instant: int) -> ZonedTime | None:
    """What the session's clocks show then; NULL at the infinities."""
    if instant in (2**63 - 1, -(2**63) + 1):
        return None
    return _shown(instant, session_zone(call.context.settings))


def _shown(instant: int, zone: Zone) -> ZonedTime:
    east = int(zone.offsets_at(np.array([instant]))[0])
    return ZonedTime((instant + east * SECOND_US) % DAY_US, -east)


def _shifted(value: ZonedTime, span: Interval, sign: int) -> ZonedTime:
    return ZonedTime((value.us + sign * span.us) % DAY_US, value.west)


_PLUS = {"'23:00+02'::timetz + '02:30'::interval": "01:30:00+02"}
function(
    "timetz_pl_interval(timetz, interval) -> timetz",
    operator="+", rowwise=True, doc="The time of day an interval later.", examples=_PLUS,
)(lambda value, span: _shifted(value, span, 1))  # fmt: skip
function(
    "timetz_mi_interval(timetz, interval) -> timetz",
    operator="-", rowwise=True, doc="The time of day an interval earlier.",
    examples={"'01:00+02'::timetz - '02:30'::interval": "22:30:00+02"},
)(lambda value, span: _shifted(value, span, -1))  # fmt: skip
function(
    "interval_pl_timetz(interval, timetz) -> timetz",
    operator="+", rowwise=True, doc="The time of day an interval later.",
    examples={"'02:30'::interval + '23:00+02'::timetz": "01:30:00+02"},
)(lambda span, value: _shifted(value, span, 1))  # fmt: skip


def _moment(days: int, value: ZonedTime) -> int:
    if days == np.iinfo(np.int32).max:
        return int(np.iinfo(np.int64).max)
    if days == np.iinfo(np.int32).min:
        return int(np.iinfo(np.int64).min) + 1
    return days * DAY_US + value.utc_us


function(
    "datetimetz_pl(date, timetz) -> timestamptz",
    operator="+", rowwise=True, doc="The day's moment at a time of day.",
    examples={"'2024-01-31'::date + '10:30+02'::timetz": "2024-01-31 08:30:00+00"},
)(_moment)  # fmt: skip
function(
    "timetzdate_pl(timetz, date) -> timestamptz",
    operator="+", rowwise=True, doc="The day's moment at a time of day.",
    examples={"'10:30+02'::timetz + '2024-01-31'::date": "2024-01-31 08:30:00+00"},
)(lambda value, days: _moment(days, value))  # fmt: skip


def _moved(value: ZonedTime, west: int) -> ZonedTime:
    return ZonedTime((value.utc_us - west * SECOND_US) % DAY_US, west)


@function(
    "timezone(text, timetz) -> timetz",
    bound=True, rowwise=True, volatility=STABLE,
    examples={"'10:30+02'::timetz AT TIME ZONE 'UTC'": "08:30:00+00"},
)  # fmt: skip
def at_zone(call: BoundCall, zone: str, value: ZonedTime) -> ZonedTime:
    """The same time on the clocks of `zone`, as they stand now."""
    east = int(zone_of(zone).offsets_at(np.array([call.context.now_us]))[0])
    return _moved(value, -east)


@function(
    "timezone(interval, timetz) -> timetz",
    rowwise=True,
    examples={"'10:30+02'::timetz AT TIME ZONE '-03:30'::interval": "05:00:00-03:30"},
)
def at_offset(offset: Interval, value: ZonedTime) -> ZonedTime:
    """The same time on clocks that are this far ahead of UTC."""
    return _moved(value, -int(offset.us / SECOND_US))


def _field(word: str, value: ZonedTime) -> Decimal:
    """A field, with the digits that extract shows."""
    field = field_of(word, "timetz")
    sign = -1 if value.west > 0 else 1
    away = abs(value.west)
    scaled: dict[str, Callable[[], tuple[int, int]]] = {
        "timezone": lambda: (-value.west, 0),
        "timezone_hour": lambda: (sign * (away // 3600), 0),
        "timezone_minute": lambda: (sign * (away % 3600 // 60), 0),
        "epoch": lambda: (value.utc_us, 6),
        "microseconds": lambda: (value.us % (60 * SECOND_US), 0),
        "milliseconds": lambda: (value.us % (60 * SECOND_US), 3),
        "second": lambda: (value.us % (60 * SECOND_US), 6),
        "minute": lambda: (value.us // (60 * SECOND_US) % 60, 0),
        "hour": lambda: (value.us // (3600 * SECOND_US), 0),
    }
    if field not in scaled:
        raise unsupported(word, "timetz")
    number, scale = scaled[field]()
    return Decimal(number).scaleb(-scale)


_how: dict[str, Any] = {"rowwise": True, "doc": "A field of a time with time zone."}
function(
    "extract(text, timetz) -> numeric",
    examples={
        "extract(timezone FROM '10:30+02'::timetz)": "7200",
        "extract(epoch FROM '10:30:00.5+02'::timetz)": "30600.500000",
    },
    **_how,
)(_field)
function("date_part(text, timetz) -> float8", examples={"date_part('hour', '10:30+02'::timetz)": "10"}, **_how)(
    lambda word, value: float(_field(word, value))
)
