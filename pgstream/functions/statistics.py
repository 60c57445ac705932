"""Aggregates of statistics: regressions of pairs as PostgreSQL has them, medians, and what others call approximate.

What is approximate elsewhere is exact here.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import InvalidParameterValue
from pgstream.functions.arrays import keys_of
from pgstream.functions.recomputed import float_average, numeric_average
from pgstream.functions.registry import BoundCall, recomputed
from pgstream.functions.vector import numbers, valid

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class _Pairs:
    """Sums over the pairs (y, x) of a group, by Youngs and Cramer's update in the order of the rows, as
    float8_regr_accum() of float.c makes them."""

    def __init__(self, ys: list[float], xs: list[float]) -> None:
        self.count = float(len(xs))
        self.sx = self.sxx = self.sy = self.syy = self.sxy = 0.0
        for row, (y, x) in enumerate(zip(ys, xs, strict=True), 1):
            self.sx += x
            self.sy += y
            if row > 1:
                gap_x, gap_y, scale = x * row - self.sx, y * row - self.sy, 1.0 / (row * (row - 1.0))
                self.sxx += gap_x * gap_x * scale
                self.syy += gap_y * gap_y * scale
                self.sxy += gap_x * gap_y * scale
            elif not (math.isfinite(x) and math.isfinite(y)):
                self.sxx = self.syy = self.sxy = math.nan

    def correlation(self) -> float | None:
        flat = self.sxx == 0 or self.syy == 0
        return None if flat else self.sxy / math.sqrt(self.sxx * self.syy)

    def determination(self) -> float | None:
        if self.sxx == 0:
            return None
        return 1.0 if self.syy == 0 else self.sxy * self.sxy / (self.sxx * self.syy)

    def slope(self) -> float | None:
        return None if self.sxx == 0 else self.sxy / self.sxx

    def intercept(self) -> float | None:
        return None if self.sxx == 0 else (self.sy - self.sx * self.sxy / self.sxx) / self.count

    def sample_covariance(self) -> float | None:
        return None if self.count < 2 else self.sxy / (self.count - 1)


def _whole_pairs(args: tuple[Column, ...], offsets: Ints) -> tuple[list[list[float]], Ints]:
    """The pairs of each group in which nothing is NULL, and the groups' bounds among them."""
    whole = valid(args[0]) & valid(args[1])
    bounds = np.concatenate([[0], np.cumsum(whole)])[offsets]
    return [numbers(arg).astype(np.float64)[whole].tolist() for arg in args], bounds


_REGRESSIONS: dict[str, tuple[str, Callable[[_Pairs], float | None], str]] = {
    "corr": ("The correlation of the pairs.", _Pairs.correlation, "-0.917662935482247"),
    "covar_pop": ("The population covariance.", lambda pairs: pairs.sxy / pairs.count, "-1.3333333333333333"),
    "covar_samp": ("The sample covariance.", _Pairs.sample_covariance, "-2"),
    "covar": ("The sample covariance.", _Pairs.sample_covariance, "-2"),
    "regr_avgx": ("The mean of the second argument.", lambda pairs: pairs.sx / pairs.count, "2"),
    "regr_avgy": ("The mean of the first argument.", lambda pairs: pairs.sy / pairs.count, "4"),
    "regr_sxx": ("The sum of squares of the second argument.", lambda pairs: pairs.sxx, "2"),
    "regr_syy": ("The sum of squares of the first argument.", lambda pairs: pairs.syy, "9.5"),
    "regr_sxy": ("The sum of products.", lambda pairs: pairs.sxy, "-4"),
    "regr_r2": ("The square of the correlation.", _Pairs.determination, "0.8421052631578947"),
    "regr_slope": ("The slope of the line of least squares.", _Pairs.slope, "-2"),
    "regr_intercept": ("Where the line of least squares meets the y axis.", _Pairs.intercept, "8"),
}


def _declare_regression(name: str, doc: str, finish: Callable[[_Pairs], float | None], example: str) -> None:
    def regression(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
        (ys, xs), bounds = _whole_pairs(args, offsets)
        made = [None if a == b else finish(_Pairs(ys[a:b], xs[a:b])) for a, b in pairwise(bounds.tolist())]
        return pa.array(made, pa.float64())

    regression.__doc__ = doc
    recomputed(f"{name}(float8, float8) -> float8", examples={f"{name}(7 - i * i / 2.0 - i % 2, i)": example})(
        regression
    )


for _name, (_doc, _finish, _example) in _REGRESSIONS.items():
    _declare_regression(_name, _doc, _finish, _example)


@recomputed("regr_count(float8, float8) -> int8", examples={"regr_count(i, NULLIF(i, 2))": "2"})
def regr_count(call: BoundCall, args: tuple[Column, ...], offsets: Ints) -> Column:
    """The number of pairs without a NULL."""
    return pa.array(np.diff(_whole_pairs(args, offsets)[1]), pa.int64())


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


recomputed("mean(float8) -> float8", examples={"mean(i)": "2"})(float_average)
recomputed("mean(numeric) -> numeric", examples={"mean(1.50)": "1.5000000000000000"})(numeric_average)
