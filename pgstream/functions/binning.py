"""Time cut into windows: where the window of a moment begins, for windows of a fixed length or of calendar months.

Windows of a fixed length are aligned at 1970-01-01 00:00, as Arroyo, RisingWave and Flink align them (weeks begin on
Thursdays then; an offset moves them), those of months at January 1970. All arithmetic is on local times: what a clock
shows, in which a day has 24 hours.
"""

from typing import NamedTuple

import numpy as np

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.calendar import DAY_US, TIMESTAMPTZ, Ints, Spans, civil, days_of, plus_months, spans_of
from pgstream.functions.datetime import to_instant, to_local
from pgstream.functions.registry import BoundCall
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone

SHORTEST_MONTH_US = 28 * DAY_US


class Lengths(NamedTuple):
    """Lengths of time, row by row or one for all rows: so many months, or so many microseconds."""

    months: Ints
    us: Ints

    @property
    def calendar(self) -> bool:
        """Whether some are of months."""
        return bool(self.months.any())

    def us_at(self, rows: Ints) -> Ints:
        """The microseconds of these rows."""
        return self.us if len(self.us) == 1 else self.us[rows]


def _spans(column: Column) -> Spans:
    """The intervals of a column; only the first where all are the same, as in nearly every call."""
    content = column.buffers()[1]
    if content is not None and len(column) > 1:
        width, first, rest = column.type.byte_width, column.offset, len(column) - 1
        if content.slice(first * width, rest * width).equals(content.slice((first + 1) * width, rest * width)):
            return spans_of(column.slice(0, 1))
    return spans_of(column)


def lengths(column: Column, noun: str, *, calendar: bool = True) -> Lengths:
    """Positive lengths, of months only where `calendar` allows. Raises InvalidParameterValue."""
    spans = _spans(column)
    if not calendar and spans.months.any():
        raise InvalidParameterValue(f"the {noun} of a window cannot have months or years")
    us = np.asarray(spans.us + spans.days.astype(np.int64) * DAY_US, np.int64)
    months = np.asarray(spans.months, np.int64)
    if ((months != 0) & (us != 0)).any():
        raise InvalidParameterValue(f"the {noun} of a window cannot have both months and days or hours")
    if (months + us <= 0).any():
        raise InvalidParameterValue(f"the {noun} of a window must be greater than zero")
    return Lengths(months, us)


def offsets(column: Column | None, grid: Lengths) -> Lengths:
    """How far windows on `grid` are moved. Raises InvalidParameterValue where months would begin on no day of some."""
    if column is None:
        nothing = np.zeros(1, np.int64)
        return Lengths(nothing, nothing)
    spans = _spans(column)
    us = np.asarray(spans.us + spans.days.astype(np.int64) * DAY_US, np.int64)
    by_months = grid.months != 0
    if (~by_months & (spans.months != 0)).any():
        raise InvalidParameterValue("the offset of a window without months cannot have months")
    if (by_months & ((us < 0) | (us >= SHORTEST_MONTH_US))).any():
        raise InvalidParameterValue("the offset of a window of months must be whole months and less than 28 days")
    return Lengths(np.asarray(spans.months, np.int64), us)


def zone_of(call: BoundCall, *columns: Column | None) -> Zone | None:
    """The zone whose days the windows keep to: None where moments are as good as local times."""
    if call.arguments[0] != TIMESTAMPTZ:
        return None
    spans = [spans_of(column) for column in columns if column is not None]
    if not any(each.days.any() or each.months.any() for each in spans):
        return None
    zone = session_zone(call.context.settings)
    return None if len(zone.offsets) == 1 and not zone.offsets[0] else zone


def clock(instants: Ints, zone: Zone | None) -> Ints:
    """Moments as local times."""
    return instants if zone is None else to_local(instants, zone)


def unclock(local: Ints, zone: Zone | None) -> Ints:
    """Local times as moments."""
    return local if zone is None else to_instant(local, zone)


def plus(at: Ints, length: Lengths, times: Ints | int = 1) -> Ints:
    """Local times so many lengths later."""
    moved = plus_months(at, length.months * times) if length.calendar else at
    return moved + length.us * times


def floor(at: Ints, size: Lengths, offset: Lengths) -> Ints:
    """The start of the window of `size` that holds each local time."""
    if not size.calendar:
        return at - (at - offset.us) % size.us
    moved = plus_months(at - offset.us, -offset.months)
    year, month, _ = civil(moved // DAY_US)
    number = (year - 1970) * 12 + month - 1
    step = np.maximum(size.months, 1)
    first = number - number % step
    months = days_of(first // 12 + 1970, first % 12 + 1, 1) * DAY_US
    by_us = at - (at - offset.us) % np.maximum(size.us, 1)
    return np.where(size.months != 0, plus_months(months, offset.months) + offset.us, by_us)
