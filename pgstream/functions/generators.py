"""Set-returning functions: series, the elements of arrays, and texts cut into rows."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.arrays import pieces
from pgstream.functions.calendar import (
    TIMESTAMP,
    TIMESTAMPTZ,
    Spans,
    checked_moments,
    lengths_us,
    moment_column,
    spans_of,
)
from pgstream.functions.datetime import later
from pgstream.functions.numerics import exact_sum
from pgstream.functions.regexp import set_of
from pgstream.functions.registry import STABLE, BoundCall, function
from pgstream.functions.vector import column_of, list_bounds, numbers, ranges
from pgstream.types.definition import SqlType
from pgstream.types.numeric import numeric_text
from pgstream.types.timestamptz import session_zone
from pgstream.types.zones import Zone

Rows = tuple[NDArray[np.int64], tuple[Column, ...]]


def _integers(storage: pa.DataType) -> Callable[..., Rows]:
    def kernel(start: Column, stop: Column, step: Column | None = None) -> Rows:
        first, last = numbers(start).astype(np.int64), numbers(stop).astype(np.int64)
        by = np.ones(len(first), np.int64) if step is None else numbers(step).astype(np.int64)
        if not by.all():
            raise InvalidParameterValue("step size cannot equal zero")
        counts = [max((b - a) // s + 1, 0) for a, b, s in zip(first.tolist(), last.tolist(), by.tolist(), strict=True)]
        lengths = np.array(counts, np.int64)
        owners = np.repeat(np.arange(len(first)), lengths)
        values = first[owners] + ranges(np.zeros(len(first), np.int64), lengths) * by[owners]
        return owners, (column_of(values, storage),)

    return kernel


for _type, _storage in (("int4", pa.int32()), ("int8", pa.int64())):
    function(
        f"generate_series({_type}, {_type}) -> SETOF {_type}",
        doc="The integers from start to stop.",
        examples={f"generate_series(2::{_type}, 4::{_type})": "2|3|4", f"generate_series(4::{_type}, 3::{_type})": ""},
    )(_integers(_storage))
    function(
        f"generate_series({_type}, {_type}, {_type}) -> SETOF {_type}",
        doc="Every step-th integer from start to stop.",
        examples={
            f"generate_series(5::{_type}, 1::{_type}, (-2)::{_type})": "5|3|1",
            f"generate_series(1::{_type}, 2::{_type}, 0::{_type})": "ERROR: 22023 step size cannot equal zero",
        },
    )(_integers(_storage))


def _numerics(start: Column, stop: Column, step: Column | None = None) -> Rows:
    rows = []
    steps = ["1"] * len(start) if step is None else step.to_pylist()
    for words in zip(start.to_pylist(), stop.to_pylist(), steps, strict=True):
        first, last, by = map(Decimal, words)
        for value, what in ((first, "start"), (last, "stop"), (by, "step size")):
            if not value.is_finite():
                raise InvalidParameterValue(
                    f"{what} value cannot be {'NaN' if value.is_nan() else 'infinity'}"
                    if what != "step size"
                    else f"step size cannot be {'NaN' if value.is_nan() else 'infinity'}"
                )
        if by == 0:
            raise InvalidParameterValue("step size cannot equal zero")
        made = []
        current = first
        while (current <= last) if by > 0 else (current >= last):
            made.append(numeric_text(current))
            current = exact_sum(current, by)
        rows.append(made)
    return set_of(rows, pa.string())


function(
    "generate_series(numeric, numeric) -> SETOF numeric",
    doc="The numbers from start to stop, one apart.",
    examples={"generate_series(1.5, 3.6)": "1.5|2.5|3.5"},
)(_numerics)
function(
    "generate_series(numeric, numeric, numeric) -> SETOF numeric",
    doc="The numbers from start to stop, step apart.",
    examples={"generate_series(1.1, 2, 0.4)": "1.1|1.5|1.9"},
)(_numerics)


def _series_of_moments(first: int, last: int, spans: Spans, zone: Zone | None) -> NDArray[np.int64]:
    length = int(lengths_us(spans)[0])
    if length == 0:
        raise InvalidParameterValue("step size cannot equal zero")
    if not spans.months[0] and (zone is None or not spans.days[0]):
        return checked_moments(np.arange(first, last + (1 if length > 0 else -1), length, dtype=np.int64))
    made, current = [], np.array([first])
    while (current[0] <= last) if length > 0 else (current[0] >= last):
        made.append(int(current[0]))
        current = later(current, spans, zone)
    return np.array(made, np.int64)


def _moments(type: SqlType) -> Callable[..., Rows]:
    def kernel(call: BoundCall, start: Column, stop: Column, step: Column) -> Rows:
        zone = session_zone(call.context.settings) if type == TIMESTAMPTZ else None
        spans = spans_of(step)
        parts = [
            _series_of_moments(int(first), int(last), Spans(*(field[row : row + 1] for field in spans)), zone)
            for row, (first, last) in enumerate(zip(numbers(start), numbers(stop), strict=True))
        ]
        owners = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        return owners, (moment_column(np.concatenate(parts), type),)

    return kernel


for _kind in (TIMESTAMP, TIMESTAMPTZ):
    _shown = "+00" if _kind == TIMESTAMPTZ else ""
    function(
        f"generate_series({_kind.name}, {_kind.name}, interval) -> SETOF {_kind.name}",
        bound=True,
        volatility=STABLE if _kind == TIMESTAMPTZ else "i",
        doc="The moments from start to stop, step apart.",
        examples={
            f"generate_series('2024-01-01'::{_kind.name}, '2024-01-02', '12:00'::interval)": "|".join(
                f"{moment}{_shown}" for moment in ("2024-01-01 00:00:00", "2024-01-01 12:00:00", "2024-01-02 00:00:00")
            ),
            f"generate_series('2024-01-31'::{_kind.name}, '2024-03-31', '1 mon'::interval)": "|".join(
                f"{day} 00:00:00{_shown}" for day in ("2024-01-31", "2024-02-29", "2024-03-29")
            ),
        },
    )(_moments(_kind))


@function("unnest(anyarray) -> SETOF anyelement", examples={"unnest(ARRAY[1,NULL,3])": "1|NULL|3"})
def unnest(array: Column) -> Rows:
    """The elements, one a row."""
    starts, lengths = list_bounds(array)
    picks = column_of(ranges(starts, lengths), pa.int64())
    return np.repeat(np.arange(len(array)), lengths), (array.values.take(picks),)


def _subscripts(array: Column, dimension: Column, backwards: Column | None = None) -> Rows:
    lengths = np.where(numbers(dimension) == 1, list_bounds(array)[1], 0)
    owners = np.repeat(np.arange(len(array)), lengths)
    values = ranges(np.ones(len(array), np.int64), lengths)
    if backwards is not None:
        down = backwards.to_numpy(zero_copy_only=False)[owners]
        values = np.where(down, lengths[owners] + 1 - values, values)
    return owners, (column_of(values, pa.int32()),)


function(
    "generate_subscripts(anyarray, int4) -> SETOF int4",
    doc="The indices of an array.",
    examples={"generate_subscripts(ARRAY['a','b'], 1)": "1|2"},
)(_subscripts)
function(
    "generate_subscripts(anyarray, int4, bool) -> SETOF int4",
    doc="The indices of an array, backwards if asked.",
    examples={"generate_subscripts(ARRAY['a','b'], 1, true)": "2|1"},
)(_subscripts)


def _pieces(*args: Column) -> Rows:
    rows: list[list[Any]] = [pieces(*row) or [] for row in zip(*(arg.to_pylist() for arg in args), strict=True)]
    return set_of(rows, pa.string())


function(
    "string_to_table(text, text) -> SETOF text",
    strict=False,
    doc="The text cut at each delimiter, one piece a row.",
    examples={"string_to_table('a,b', ',')": "a|b"},
)(_pieces)
function(
    "string_to_table(text, text, text) -> SETOF text",
    strict=False,
    doc="The text cut at each delimiter; a piece equal to the third text is NULL.",
    examples={"string_to_table('a,b', ',', 'b')": "a|NULL"},
)(_pieces)
