"""Ordered-set aggregates: percentiles and the mode, over rows that stand in the order of WITHIN GROUP.

The hypothetical-set aggregates are declared here too; the binder counts the rows before the hypothetical one.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import NumericValueOutOfRange
from pgstream.functions.aggregating import ordered_set
from pgstream.functions.arrays import keys_of
from pgstream.functions.calendar import Spans, interval_column, spans_of
from pgstream.functions.datetime import scaled
from pgstream.functions.maintained import Linear
from pgstream.functions.registry import BoundCall, aggregate
from pgstream.functions.vector import column_of, list_bounds, list_column, numbers, ranges, valid
from pgstream.types.definition import SqlType

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Args = tuple[Column, ...]
Pick = Callable[[Column, Ints, Ints, Floats], Column]
"""Of values the one at each fraction of stretches of rows (the first row of each, and how many there are)."""


def _checked(fractions: Floats, asked: NDArray[np.bool_]) -> Floats:
    """The fractions, 0 where none is asked for. Raises NumericValueOutOfRange."""
    outside = asked & ~((fractions >= 0) & (fractions <= 1))
    if outside.any():
        raise NumericValueOutOfRange(f"percentile value {fractions[outside][0]:g} is not between 0 and 1")
    return np.where(asked, fractions, 0.0)


def _discrete(values: Column, first: Ints, counts: Ints, fractions: Floats) -> Column:
    rows = first + np.maximum(np.ceil(fractions * counts).astype(np.int64) - 1, 0)
    return values.take(pa.array(rows))


def _neighbours(first: Ints, counts: Ints, fractions: Floats) -> tuple[Ints, Ints, Floats]:
    """The rows on both sides of each fraction, and how far from the first to the second it is."""
    places = fractions * (counts - 1)
    low, high = np.floor(places), np.ceil(places)
    return first + low.astype(np.int64), first + high.astype(np.int64), places - low


def _continuous(values: Column, first: Ints, counts: Ints, fractions: Floats) -> Column:
    low, high, part = _neighbours(first, counts, fractions)
    found = numbers(values)
    with np.errstate(all="ignore"):
        between = found[low] + part * (found[high] - found[low])
    return column_of(np.where(low == high, found[low], between), pa.float64())


def _continuous_intervals(values: Column, first: Ints, counts: Ints, fractions: Floats) -> Column:
    low, high, part = _neighbours(first, counts, fractions)
    spans = spans_of(values)
    gap = spans_of(scaled(Spans(*(field[high] - field[low] for field in spans)), part))
    return interval_column(*(field[low] + more for field, more in zip(spans, gap, strict=True)))


def _percentile(pick: Pick) -> Callable[[BoundCall, Args, Ints], Column]:
    def finish(call: BoundCall, args: Args, offsets: Ints) -> Column:
        asked, counts = valid(args[0]), np.diff(offsets)
        fractions = _checked(numbers(args[0]), asked)
        found = np.flatnonzero(asked & (counts > 0))
        made = pick(args[1], offsets[:-1][found], counts[found], fractions[found])
        return _placed(made, found, len(counts))

    return finish


def _percentiles(pick: Pick) -> Callable[[BoundCall, Args, Ints], Column]:
    """One value for each element of an array of fractions."""

    def finish(call: BoundCall, args: Args, offsets: Ints) -> Column:
        counts = np.diff(offsets)
        starts, lengths = list_bounds(args[0])
        there = valid(args[0]) & (counts > 0)
        lengths = np.where(there, lengths, 0)
        rows = ranges(starts, lengths)
        elements = args[0].values.take(pa.array(rows))
        asked = valid(elements)
        fractions = _checked(numbers(elements), asked)
        groups = np.repeat(np.arange(len(counts)), lengths)
        found = np.flatnonzero(asked)
        made = pick(args[1], offsets[:-1][groups[found]], counts[groups[found]], fractions[found])
        return list_column(_placed(made, found, len(rows)), lengths, ~there)

    return finish


def _placed(values: Column, rows: Ints, count: int) -> Column:
    """`values` at `rows` of a column that is NULL elsewhere."""
    index, missing = np.zeros(count, np.int64), np.ones(count, np.bool_)
    index[rows], missing[rows] = np.arange(len(rows)), False
    return values.take(pa.array(index, mask=missing))


def _declare(name: str, pick: Pick, type: str, result: str, examples: tuple[dict[str, str], dict[str, str]]) -> None:
    one, many = _percentile(pick), _percentiles(pick)
    one.__doc__ = f"The value at that fraction of the ordered rows{'' if name[-1] == 'c' else ', interpolated'}."
    many.__doc__ = "The same for each of an array of fractions."
    ordered_set(f"{name}(float8, {type}) -> {result}", direct=1, examples=examples[0])(one)
    many_result = "anyarray" if type == "anyelement" else f"_{result}"
    ordered_set(f"{name}(_float8, {type}) -> {many_result}", direct=1, examples=examples[1])(many)


_declare(
    "percentile_cont",
    _continuous,
    "float8",
    "float8",
    (
        {"percentile_cont(0.25) WITHIN GROUP (ORDER BY i)": "1.5"},
        {"percentile_cont(ARRAY[0, 0.25, NULL]) WITHIN GROUP (ORDER BY i DESC)": "{3,2.5,NULL}"},
    ),
)
_declare(
    "percentile_cont",
    _continuous_intervals,
    "interval",
    "interval",
    (
        {"percentile_cont(0.25) WITHIN GROUP (ORDER BY i * '1 day'::interval)": "1 day 12:00:00"},
        {"percentile_cont(ARRAY[0.5]) WITHIN GROUP (ORDER BY i * '1 day'::interval)": '{"2 days"}'},
    ),
)
_declare(
    "percentile_disc",
    _discrete,
    "anyelement",
    "anyelement",
    (
        {
            "percentile_disc(0.5) WITHIN GROUP (ORDER BY i)": "2",
            "percentile_disc(2) WITHIN GROUP (ORDER BY i)": "ERROR: 22003 percentile value 2 is not between 0 and 1",
        },
        {"percentile_disc(ARRAY[0.1, 1]) WITHIN GROUP (ORDER BY i::text)": "{1,3}"},
    ),
)
ordered_set(
    "approx_percentile(float8, float8) -> float8",
    direct=1,
    examples={"approx_percentile(0.5) WITHIN GROUP (ORDER BY i)": "2"},
)(_percentile(_discrete))
ordered_set(
    "approx_percentile(float8, float8, float8) -> float8",
    direct=2,
    examples={"approx_percentile(0.5, 0.01) WITHIN GROUP (ORDER BY i)": "2"},
)(lambda call, args, offsets: _percentile(_discrete)(call, (args[0], args[2]), offsets))


def _differs(values: Column, type: SqlType) -> NDArray[np.bool_]:
    """Where a value is not equal to the one before it; the first is."""
    equality = type.definition.equality_key
    keys = values if equality is None else equality(values)
    if pa.types.is_nested(keys.type):
        hashable = list(map(repr, keys_of(values, type)))
        changed = [a != b for a, b in zip(hashable[1:], hashable, strict=False)]
        return np.array([True, *changed][: len(values)], np.bool_)
    changed = pc.not_equal(keys.slice(1), keys.slice(0, max(len(keys) - 1, 0)))
    return np.concatenate([[True], np.asarray(changed.to_numpy(zero_copy_only=False), np.bool_)])[: len(values)]


@ordered_set("mode(anyelement) -> anyelement", examples={"mode() WITHIN GROUP (ORDER BY i % 2)": "1"})
def mode(call: BoundCall, args: Args, offsets: Ints) -> Column:
    """The most frequent value; of several the first in order."""
    values, counts = args[0], np.diff(offsets)
    opens = _differs(values, call.arguments[0])
    opens[offsets[:-1][counts > 0]] = True
    first = np.flatnonzero(opens)
    lengths = np.diff(np.append(first, len(values)))
    groups = np.repeat(np.arange(len(counts)), counts)[first]
    order = np.lexsort((first, -lengths, groups))
    found, best = np.unique(groups[order], return_index=True)
    return _placed(values.take(pa.array(first[order][best])), found, len(counts))


def _ones(*columns: Column) -> tuple[Ints, ...]:
    return (np.ones(len(columns[0]), np.int64),)


PEER_GROUPS = aggregate(
    "dense_rank(any) -> int8",
    Linear(1, _ones, lambda count: column_of(count, pa.int64())),
    strict=False,
    doc="The dense rank that a row with these values would have.",
    examples={"dense_rank(3) WITHIN GROUP (ORDER BY i % 2)": "3"},
    kind="h",
)
"""dense_rank, which with DISTINCT counts the rows of different values, NULLs too."""

_ROWS = Linear(1, _ones, lambda count: column_of(count, pa.int64()))
aggregate(
    "rank(any) -> int8",
    _ROWS,
    doc="The rank that a row with these values would have.",
    examples={"rank(3) WITHIN GROUP (ORDER BY i % 2)": "4"},
    kind="h",
)
aggregate(
    "percent_rank(any) -> float8",
    _ROWS,
    doc="The relative rank that a row with these values would have.",
    examples={"percent_rank(1) WITHIN GROUP (ORDER BY i % 2)": "0.3333333333333333"},
    kind="h",
)
aggregate(
    "cume_dist(any) -> float8",
    _ROWS,
    doc="The share of rows up to one with these values and its peers, itself among them.",
    examples={"cume_dist(0) WITHIN GROUP (ORDER BY i % 2)": "0.5"},
    kind="h",
)
