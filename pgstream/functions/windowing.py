"""Event-time windows: what TUMBLE and HOP in FROM are computed with.

Windows are aligned at the epoch, as RisingWave and Flink align them, and hold their start but not their end.
"""

from collections.abc import Callable

import numpy as np

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.calendar import DAY_US, TIMESTAMP, TIMESTAMPTZ, Ints, finite, moment_column, spans_of
from pgstream.functions.registry import function
from pgstream.functions.vector import ranges
from pgstream.types.buffers import numbers
from pgstream.types.definition import SqlType

Rows = tuple[Ints, tuple[Column, ...]]


def _width(column: Column, noun: str) -> Ints:
    """Positive lengths in microseconds. Months have none. Raises InvalidParameterValue."""
    spans = spans_of(column)
    if spans.months.any():
        raise InvalidParameterValue(f"the {noun} of a window cannot have months or years")
    width = np.asarray(spans.us + spans.days.astype(np.int64) * DAY_US, np.int64)
    if (width <= 0).any():
        raise InvalidParameterValue(f"the {noun} of a window must be greater than zero")
    return width


def _moments(column: Column) -> Ints:
    return numbers(column, np.int64)


def _tumble(type: SqlType) -> Callable[[Column, Column], Column]:
    def start(moment: Column, size: Column) -> Column:
        at, width = _moments(moment), _width(size, "size")
        return moment_column(np.where(finite(at), at - at % width, at), type)

    return start


def _hop(type: SqlType) -> Callable[[Column, Column, Column], Rows]:
    def starts(moment: Column, slide: Column, size: Column) -> Rows:
        at, step, width = _moments(moment), _width(slide, "slide"), _width(size, "size")
        known = finite(at)
        at = np.where(known, at, 0)
        last = at - at % step
        # A window from `last - k * step` holds `at` while it is longer than what it has to span.
        count = np.where(known, np.maximum((width - (at - last) + step - 1) // step, 0), 0)
        owners = np.repeat(np.arange(len(at)), count)
        places = ranges(np.zeros(len(at), np.int64), count)
        first = (last - (count - 1) * step)[owners]
        return owners, (moment_column(first + places * step[owners], type),)

    return starts


for _type in (TIMESTAMP, TIMESTAMPTZ):
    _zone = "+00" if _type == TIMESTAMPTZ else ""
    _moment = f"'2024-01-01 10:07:30'::{_type.name}"
    function(
        f"tumble_start({_type.name}, interval) -> {_type.name}",
        doc="The start of the window of this size that holds the moment.",
        examples={
            f"tumble_start({_moment}, '5 minutes'::interval)": f"2024-01-01 10:05:00{_zone}",
            f"tumble_start({_moment}, '0 s'::interval)": "ERROR: 22023 the size of a window must be greater than zero",
        },
    )(_tumble(_type))
    function(
        f"hop_starts({_type.name}, interval, interval) -> SETOF {_type.name}",
        doc="The starts of all windows that hold the moment: one begins every slide, and is as long as size.",
        examples={
            f"hop_starts({_moment}, '5 minutes'::interval, '10 minutes'::interval)": (
                f"2024-01-01 10:00:00{_zone}|2024-01-01 10:05:00{_zone}"
            )
        },
    )(_hop(_type))
