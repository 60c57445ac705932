"""Event-time windows: what TUMBLE, HOP and CUMULATE are computed with, and windows as values.

A window holds its start but not its end. One of months, or of days over timestamptz, keeps to the calendar of the
session's time zone.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, ProgramLimitExceeded
from pgstream.functions.binning import (
    SHORTEST_MONTH_US,
    Lengths,
    clock,
    floor,
    lengths,
    offsets,
    plus,
    unclock,
    zone_of,
)
from pgstream.functions.calendar import TIMESTAMP, TIMESTAMPTZ, Ints, finite, moment_column
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, ranges, valid
from pgstream.types.buffers import numbers
from pgstream.types.definition import SqlType
from pgstream.types.window import WINDOW_TYPES, moments, window_column

Rows = tuple[Ints, tuple[Column, ...]]

ROWS_MAX = 1 << 24
"""More rows than these are not made at once: somebody took seconds for days."""


def _check_count(counts: Ints, what: str) -> None:
    if counts.sum(dtype=np.float64) > ROWS_MAX:
        raise ProgramLimitExceeded(f"{what} more than {ROWS_MAX} rows at once")


def _moments(column: Column) -> Ints:
    return numbers(column, np.int64)


def _tumble(type: SqlType) -> Callable[..., Column]:
    def start(call: BoundCall, moment: Column, size: Column, offset: Column | None = None) -> Column:
        zone = zone_of(call, size, offset)
        at, width = _moments(moment), lengths(size, "size")
        known = finite(at)
        opened = floor(clock(np.where(known, at, 0), zone), width, offsets(offset, width))
        return moment_column(np.where(known, unclock(opened, zone), at), type)

    return start


def _hop(type: SqlType) -> Callable[..., Rows]:
    def starts(call: BoundCall, moment: Column, slide: Column, size: Column, offset: Column | None = None) -> Rows:
        zone = zone_of(call, slide, size, offset)
        step, width = lengths(slide, "slide"), lengths(size, "size")
        known = finite(_moments(moment))
        at = clock(np.where(known, _moments(moment), 0), zone)
        last = floor(at, step, offsets(offset, step))
        if not (step.calendar or width.calendar):
            owners, found = _hops(at, known, last, step, width)
        else:
            owners, found = _calendar_hops(at, known, last, step, width)
        return owners, (moment_column(unclock(found, zone), type),)

    return starts


def _hops(at: Ints, known: NDArray[np.bool_], last: Ints, step: Lengths, width: Lengths) -> tuple[Ints, Ints]:
    """The row and start of each window of a fixed length."""
    # A window from `last - k * step` holds `at` while it is longer than what it has to span.
    count = np.where(known, np.maximum((width.us - (at - last) + step.us - 1) // step.us, 0), 0)
    _check_count(count, "hop would make")
    owners = np.repeat(np.arange(len(at)), count)
    return owners, last[owners] + ranges(1 - count, count) * step.us_at(owners)


def _calendar_hops(at: Ints, known: NDArray[np.bool_], last: Ints, step: Lengths, width: Lengths) -> tuple[Ints, Ints]:
    """The same where months have different lengths: back from the last window, as long as the end lies ahead."""
    owners, starts = [], []
    back = 0
    while True:
        opened = plus(last, step, -back)
        holds = np.flatnonzero(known & (plus(opened, width) > at))
        if not len(holds):
            break
        owners.append(holds)
        starts.append(opened[holds])
        back += 1
    if not owners:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.lexsort((np.concatenate(starts), np.concatenate(owners)))
    return np.concatenate(owners)[order], np.concatenate(starts)[order]


def _cumulate(type: SqlType) -> Callable[..., Rows]:
    def windows(call: BoundCall, moment: Column, step: Column, size: Column, offset: Column | None = None) -> Rows:
        zone = zone_of(call, step, size, offset)
        by, width = lengths(step, "step"), lengths(size, "size")
        _check_steps(by, width)
        known = finite(_moments(moment))
        at = clock(np.where(known, _moments(moment), 0), zone)
        opened = floor(at, width, offsets(offset, width))
        full = plus(opened, width)
        if by.calendar:
            owners, ends = _calendar_steps(at, known, opened, full, by)
        else:
            first = (at - opened) // by.us + 1
            count = np.where(known, -((opened - full) // by.us) - first + 1, 0)
            _check_count(count, "cumulate would make")
            owners = np.repeat(np.arange(len(at)), count)
            reached = ranges(first, count)
            ends = np.minimum(opened[owners] + reached * by.us_at(owners), full[owners])
        pair = (opened[owners], ends)
        return owners, tuple(moment_column(unclock(each, zone), type) for each in pair)

    return windows


def _check_steps(step: Lengths, size: Lengths) -> None:
    """Steps lead to the end of their window; those of days may end early in the last one of a month."""
    alike = (step.months != 0) == (size.months != 0)
    uneven = np.where(size.months != 0, size.months % np.maximum(step.months, 1), size.us % np.maximum(step.us, 1))
    if (alike & (uneven != 0)).any() or ((step.months != 0) & (size.months == 0)).any():
        raise InvalidParameterValue("the size of a cumulating window must be a multiple of its step")


def _calendar_steps(at: Ints, known: NDArray[np.bool_], opened: Ints, full: Ints, step: Lengths) -> tuple[Ints, Ints]:
    owners, ends = [], []
    reached = 1
    waiting = known.copy()
    while waiting.any():
        end = np.minimum(plus(opened, step, reached), full)
        holds = np.flatnonzero(waiting & (end > at))
        owners.append(holds)
        ends.append(end[holds])
        waiting &= end < full
        reached += 1
    if not owners:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.lexsort((np.concatenate(ends), np.concatenate(owners)))
    return np.concatenate(owners)[order], np.concatenate(ends)[order]


def _stretch(moment: Column, gap: Column) -> Column:
    at = _moments(moment)
    return column_of(at // lengths(gap, "gap", calendar=False).us, pa.int64(), ~finite(at))


def _gap(type: SqlType) -> Callable[..., Rows]:
    def steps(call: BoundCall, moment: Column, after: Column, interval: Column) -> Rows:
        zone = zone_of(call, interval)
        by = lengths(interval, "interval")
        at, end = clock(_moments(moment), zone), clock(_moments(after), zone)
        known = valid(moment) & valid(after) & finite(_moments(moment)) & finite(_moments(after))
        gap = np.where(known, np.maximum(end - at, 1), 1)
        # Months are at least 28 days long: what is counted too much lies beyond the end, and is dropped.
        least = by.us + by.months * SHORTEST_MONTH_US
        count = (gap - 1) // least + 1
        _check_count(count, "gap_fill would make up")
        owners = np.repeat(np.arange(len(at)), count)
        step = ranges(np.zeros(len(at), np.int64), count)
        times = plus(at[owners], Lengths(_rows(by.months, owners), by.us_at(owners)), step)
        if by.calendar:
            kept = (step == 0) | (times < end[owners])
            owners, step, times = owners[kept], step[kept], times[kept]
            count = np.bincount(owners, minlength=len(at))
        made = np.where(step == 0, _moments(moment)[owners], unclock(times, zone))
        whole = (column_of(values, pa.int64()) for values in (step, count[owners]))
        return owners, (*whole, moment_column(made, type, ~valid(moment)[owners]))

    return steps


def _rows(months: Ints, owners: Ints) -> Ints:
    return months if len(months) == 1 else months[owners]


def _window(start: Column, end: Column) -> Column:
    return window_column(_moments(start), _moments(end))


def _declare(type: SqlType) -> None:
    """The functions over one type of moments, each with and without an offset."""
    name, zone = type.name, "+00" if type == TIMESTAMPTZ else ""
    moment = f"'2024-01-01 10:07:30'::{name}"
    how: dict[str, Any] = {"bound": True, "volatility": STABLE if zone else "i"}
    for offset, moved in (("", ""), (", interval", ", '1 minute'::interval")):
        later = "6" if offset else "5"
        function(
            f"tumble_start({name}, interval{offset}) -> {name}",
            doc="The start of the window of this size that holds the moment.",
            examples={
                f"tumble_start({moment}, '5 minutes'::interval{moved})": f"2024-01-01 10:0{later}:00{zone}",
                f"tumble_start({moment}, '0 s'::interval{moved})": (
                    "ERROR: 22023 the size of a window must be greater than zero"
                ),
            },
            **how,
        )(_tumble(type))
        function(
            f"hop_starts({name}, interval, interval{offset}) -> SETOF {name}",
            doc="The starts of all windows that hold the moment: one begins every slide, and is as long as size.",
            examples={
                f"hop_starts({moment}, '5 minutes'::interval, '10 minutes'::interval{moved})": (
                    f"2024-01-01 10:0{int(later) - 5}:00{zone}|2024-01-01 10:0{later}:00{zone}"
                )
            },
            **how,
        )(_hop(type))
        function(
            f"cumulate_windows({name}, interval, interval{offset}) -> TABLE(window_start {name}, window_end {name})",
            doc="The windows that hold the moment and begin with the one of the size given last, each a step longer.",
            examples={
                f"cumulate_windows({moment}, '5 minutes'::interval, '15 minutes'::interval{moved})": (
                    f"2024-01-01 10:0{int(later) - 5}:00{zone},2024-01-01 10:1{int(later) - 5}:00{zone}"
                    f"|2024-01-01 10:0{int(later) - 5}:00{zone},2024-01-01 10:1{later}:00{zone}"
                )
            },
            **how,
        )(_cumulate(type))


def _declare_gaps(type: SqlType) -> None:
    name, zone = type.name, "+00" if type == TIMESTAMPTZ else ""
    function(
        f"session_stretch({name}, interval) -> int8",
        doc="The number of the stretch as long as a session's gap that the moment is in, counted from 1970.",
        examples={
            f"session_stretch('1970-01-01 00:01:05'::{name}, '10 s'::interval)": "6",
            f"session_stretch('infinity'::{name}, '10 s'::interval)": "NULL",
        },
    )(_stretch)
    first, last = f"'2024-01-31 10:00'::{name}", f"'2024-04-01 10:00'::{name}"
    function(
        f"gap_steps({name}, {name}, interval) -> TABLE(step int8, steps int8, moment {name})",
        doc="The first moment as step 0, and those an interval after one another before the second; how many in all.",
        examples={
            f"gap_steps({first}, {last}, '1 month'::interval)": (
                f"0,3,2024-01-31 10:00:00{zone}|1,3,2024-02-29 10:00:00{zone}|2,3,2024-03-31 10:00:00{zone}"
            ),
            f"gap_steps({first}, NULL, '1 s'::interval)": f"0,1,2024-01-31 10:00:00{zone}",
        },
        bound=True,
        strict=False,
        volatility=STABLE if zone else "i",
    )(_gap(type))


def _declare_values(type: SqlType) -> None:
    """Windows over one type of moments as values."""
    window, zone = WINDOW_TYPES[type.name].name, "+00" if type == TIMESTAMPTZ else ""
    first, last = f"2024-01-01 10:00:00{zone}", f"2024-01-01 10:05:00{zone}"
    function(
        f"{window}({type.name}, {type.name}) -> {window}",
        doc="The window from the first moment up to the second.",
        examples={f"{window}('{first}'::{type.name}, '{last}'::{type.name})": f'("{first}","{last}")'},
    )(_window)
    for field, shown in (("start", first), ("end", last)):
        function(
            f"window_{field}({window}) -> {type.name}",
            doc=f"The field `{field}` of a window.",
            examples={f'window_{field}(\'("{first}","{last}")\'::{window})': shown},
        )(lambda window, field=field: moments(window, field, type))


for _type in (TIMESTAMP, TIMESTAMPTZ):
    _declare(_type)
    _declare_gaps(_type)
    _declare_values(_type)
