"""Aggregates of statistics: regressions of pairs as PostgreSQL has them, medians, and what others call approximate.

What is approximate elsewhere is exact here.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue, NumericValueOutOfRange
from pgstream.functions.aggregating import spanning
from pgstream.functions.arrays import keys_of
from pgstream.functions.maintained import Linear
from pgstream.functions.recomputed import float_average
from pgstream.functions.registry import BoundCall, aggregate, recomputed
from pgstream.functions.vector import column_of, numbers, valid
from pgstream.kernels.folding import fold_pairs

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Pairs(NamedTuple):
    """Of each stretch of pairs (y, x) how many there are, and what `fold_pairs` makes of them."""

    pairs: Floats
    sum_x: Floats
    squares_x: Floats
    sum_y: Floats
    squares_y: Floats
    products: Floats

    def none(self) -> Flags:
        return np.asarray(self.pairs < 1, np.bool_)

    def alone(self) -> Flags:
        return np.asarray(self.pairs < 2, np.bool_)

    def upright(self) -> Flags:
        return np.asarray((self.pairs < 1) | (self.squares_x == 0), np.bool_)

    def flat(self) -> Flags:
        return np.asarray(self.upright() | (self.squares_y == 0), np.bool_)

    def correlation(self) -> Floats:
        return np.asarray(self.products / np.sqrt(self.squares_x * self.squares_y))

    def determination(self) -> Floats:
        squared = self.products * self.products / (self.squares_x * self.squares_y)
        return np.where(self.squares_y == 0, 1.0, squared)

    def slope(self) -> Floats:
        return self.products / self.squares_x

    def intercept(self) -> Floats:
        return (self.sum_y - self.sum_x * self.products / self.squares_x) / self.pairs

    def covariance(self) -> Floats:
        return self.products / self.pairs

    def sample_covariance(self) -> Floats:
        return self.products / (self.pairs - 1)


_REGRESSIONS: dict[str, tuple[str, Callable[[Pairs], Flags], Callable[[Pairs], Floats], str]] = {
    "corr": ("The correlation of the pairs.", Pairs.flat, Pairs.correlation, "-0.917662935482247"),
    "covar_pop": ("The population covariance.", Pairs.none, Pairs.covariance, "-1.3333333333333333"),
    "covar_samp": ("The sample covariance.", Pairs.alone, Pairs.sample_covariance, "-2"),
    "covar": ("The sample covariance.", Pairs.alone, Pairs.sample_covariance, "-2"),
    "regr_avgx": ("The mean of the second argument.", Pairs.none, lambda pairs: pairs.sum_x / pairs.pairs, "2"),
    "regr_avgy": ("The mean of the first argument.", Pairs.none, lambda pairs: pairs.sum_y / pairs.pairs, "4"),
    "regr_sxx": ("The sum of squares of the second argument.", Pairs.none, lambda pairs: pairs.squares_x, "2"),
    "regr_syy": ("The sum of squares of the first argument.", Pairs.none, lambda pairs: pairs.squares_y, "9.5"),
    "regr_sxy": ("The sum of products.", Pairs.none, lambda pairs: pairs.products, "-4"),
    "regr_r2": ("The square of the correlation.", Pairs.upright, Pairs.determination, "0.8421052631578947"),
    "regr_slope": ("The slope of the line of least squares.", Pairs.upright, Pairs.slope, "-2"),
    "regr_intercept": ("Where the line of least squares meets the y axis.", Pairs.upright, Pairs.intercept, "8"),
}


def _declare_regression(
    name: str, doc: str, missing: Callable[[Pairs], Flags], finish: Callable[[Pairs], Floats], example: str
) -> None:
    @spanning(f"{name}(float8, float8) -> float8", examples={f"{name}(7 - i * i / 2.0 - i % 2, i)": example}, doc=doc)
    def regression(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
        whole = valid(args[0]) & valid(args[1])
        before = np.concatenate([[0], np.cumsum(whole)])
        ys, xs = (numbers(arg)[whole] for arg in args)
        sums, overflow = fold_pairs(ys, xs, before[starts], before[ends])
        if overflow:
            raise NumericValueOutOfRange("value out of range: overflow")
        pairs = Pairs((before[ends] - before[starts]).astype(np.float64), *sums.T)
        with np.errstate(all="ignore"):
            return pa.array(finish(pairs), mask=missing(pairs))


for _name, _regression in _REGRESSIONS.items():
    _declare_regression(_name, *_regression)


def _whole_pairs(y: Column, x: Column) -> tuple[Ints, ...]:
    return ((valid(y) & valid(x)).astype(np.int64),)


aggregate(
    "regr_count(float8, float8) -> int8",
    Linear(1, _whole_pairs, lambda count: column_of(count, pa.int64())),
    strict=False,
    doc="The number of pairs without a NULL.",
    examples={"regr_count(i, NULLIF(i, 2))": "2"},
)


def _quantiles(values: Floats, offsets: Ints, fractions: list[float]) -> Column:
    """The quantile of each group, interpolated between the two values next to it."""
    made: list[float | None] = []
    for (start, end), fraction in zip(pairwise(offsets.tolist()), fractions, strict=True):
        if not 0 <= fraction <= 1:
            raise InvalidParameterValue(f"percentile value {fraction:g} is not between 0 and 1")
        made.append(float(np.quantile(values[start:end], fraction)) if start < end else None)
    return pa.array(made, pa.float64())


for _name in ("median", "approx_median"):

    @recomputed(f"{_name}(float8) -> float8", examples={f"{_name}(i * i)": "4"})
    def median(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        """The value in the middle; the mean of the two there where they are even in number."""
        return _quantiles(numbers(args[0]).astype(np.float64), offsets, [0.5] * (len(offsets) - 1))


for _name in ("approx_percentile_cont", "approx_percentile"):

    @recomputed(f"{_name}(float8, float8) -> float8", examples={f"{_name}(i, 0.25)": "1.5"})
    def percentile(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        """The value below which that fraction of the values lies, interpolated; exact."""
        asked = numbers(args[1]).astype(np.float64)
        first = [float(asked[start]) if start < end else 0.0 for start, end in pairwise(offsets.tolist())]
        return _quantiles(numbers(args[0]).astype(np.float64), offsets, first)


for _name in ("approx_distinct", "approx_count_distinct"):

    @recomputed(f"{_name}(any) -> int8", examples={f"{_name}(i % 2)": "2", f"{_name}(NULL::text)": "0"})
    def distinct(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        """How many different values there are; exact."""
        keys = keys_of(args[0], call.arguments[0])
        return pa.array([len(set(keys[a:b])) for a, b in pairwise(offsets.tolist())], pa.int64())


spanning("mean(float8) -> float8", examples={"mean(i)": "2"})(float_average)
