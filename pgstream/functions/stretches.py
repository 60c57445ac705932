"""Exact sums of numerics over stretches of rows, by sums over all rows before: stretches may overlap and be many."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.functions.numerics import NAN, fast_form, quotient, scale_of
from pgstream.kernels.numeric import rescale
from pgstream.kernels.quotient import divide_decimals
from pgstream.types.buffers import string_column
from pgstream.types.numeric import EXACT, numeric_text, pack

Ints = NDArray[np.int64]
INFINITY = Decimal("Infinity")
LOW_32, LOW_31 = 0xFFFFFFFF, 0x7FFFFFFF
SAFE = 9e17
"""Sums up to here are printed from int64."""


def differences(values: NDArray[Any], starts: Ints, ends: Ints) -> NDArray[Any]:
    """The sum of each stretch of integers; exact where it fits, since int64 wraps."""
    before = np.zeros(len(values) + 1, values.dtype)
    np.cumsum(values, out=before[1:])
    return before[ends] - before[starts]


def largest(values: Ints, starts: Ints, ends: Ints) -> Ints:
    """The largest of a few different numbers that each stretch holds; 0 for an empty one."""
    kinds = np.unique(values)
    found = np.zeros(len(starts), np.int64)
    for kind in kinds if len(kinds) > 1 else ():
        found[differences((values == kind).astype(np.int64), starts, ends) > 0] = kind
    return found if len(kinds) > 1 else np.where(ends > starts, kinds[0] if len(kinds) else 0, 0)


@dataclass(frozen=True, slots=True)
class Totals:
    """The sum of each stretch as unscaled integers, and the largest display scale in it."""

    unscaled: Ints
    scale: Ints


def fast_totals(column: Column, starts: Ints, ends: Ints) -> Totals | None:
    """The sums as int64; None where that could overflow."""
    fast = fast_form(column)
    if not fast.ok.all() or not len(fast.ok):
        return None
    scale = int(fast.scale.max())
    if scale > 18:
        return None
    values, fits = rescale(fast.unscaled, fast.scale, np.full(len(fast.scale), scale, np.int32))
    longest = int((ends - starts).max(initial=0))
    if not fits.all() or float(np.abs(values).max()) * longest > SAFE:
        return None
    shown = largest(fast.scale.astype(np.int64), starts, ends)
    sums = differences(values, starts, ends)
    return Totals(rescale(sums, np.full(len(sums), scale, np.int32), shown.astype(np.int32))[0], shown)


@dataclass(frozen=True, slots=True)
class Powers:
    """Of each stretch how many values there are, their sum (NaN or infinite where that is so), the sum of their
    squares (of those that are finite), and their largest display scale."""

    counts: list[int]
    sums: list[Decimal]
    squares: list[Decimal]
    scales: list[int]


def powers_of(column: Column, starts: Ints, ends: Ints) -> Powers:
    """The sums of numerics and of their squares: of those with a fast form by halves, which int64 holds."""
    fast = fast_form(column)
    unit = int(fast.scale.max(initial=0))
    if not fast.ok.all() or unit > 18:
        return exact_powers(column, starts, ends)
    values, fits = rescale(fast.unscaled, fast.scale, np.full(len(fast.scale), unit, np.int32))
    if not fits.all():
        return exact_powers(column, starts, ends)
    shown = largest(fast.scale.astype(np.int64), starts, ends)
    found = [
        whole_powers(*each)
        for each in zip(*(differences(part, starts, ends).tolist() for part in halves(values)), strict=True)
    ]
    sums = _decimals(np.array([total for total, _ in found], object), unit, shown)
    squares = _decimals(np.array([square for _, square in found], object), 2 * unit, 2 * shown)
    return Powers((ends - starts).tolist(), sums, squares, shown.tolist())


def halves(values: Ints) -> tuple[Ints, ...]:
    """Integers x = high * 2**32 + low as high, low, and parts of high², high * low and low² whose sums int64 holds."""
    high, low = values >> 32, values & LOW_32
    squared, mixed = high * high, high * low
    least = low.astype(np.uint64) * low.astype(np.uint64)
    parts = (squared >> 31, squared & LOW_31, mixed >> 31, mixed & LOW_31)
    return high, low, *parts, (least >> np.uint64(32)).astype(np.int64), (least & np.uint64(LOW_32)).astype(np.int64)


def whole_powers(high: int, low: int, *parts: int) -> tuple[int, int]:
    """The sum and the sum of squares that sums of `halves` stand for."""
    high_above, high_below, mixed_above, mixed_below, above, below = parts
    squared, mixed = (high_above << 31) + high_below, (mixed_above << 31) + mixed_below
    return (high << 32) + low, (squared << 64) + (mixed << 33) + (above << 32) + below


def exact_powers(column: Column, starts: Ints, ends: Ints, *, squares: bool = True) -> Powers:
    """The sums of numerics of any size."""
    values = [Decimal(value) for value in column.to_pylist()]
    finite = [value if value.is_finite() else Decimal(0) for value in values]
    scales = np.array([scale_of(value) for value in finite], np.int64)
    shown = largest(scales, starts, ends)
    unit = int(scales.max(initial=0))
    whole = np.array([int(value.scaleb(unit, EXACT)) for value in finite], object)
    sums = _decimals(differences(whole, starts, ends), unit, shown)
    squared = _decimals(differences(whole * whole, starts, ends), 2 * unit, 2 * shown) if squares else []
    return Powers((ends - starts).tolist(), _with_special(sums, values, starts, ends), squared, shown.tolist())


def _decimals(totals: NDArray[Any], unit: int, shown: Ints) -> list[Decimal]:
    """Integers in units of 10**-unit, with `shown` digits after the point."""
    pairs = zip(totals.tolist(), shown.tolist(), strict=True)
    return [Decimal(total // 10 ** (unit - scale)).scaleb(-scale, EXACT) for total, scale in pairs]


def _with_special(sums: list[Decimal], values: list[Decimal], starts: Ints, ends: Ints) -> list[Decimal]:
    """`sums` where all values are finite; NaN or an infinity where some are not."""
    if all(value.is_finite() for value in values):
        return sums
    tests = (Decimal.is_nan, lambda value: value == INFINITY, lambda value: value == -INFINITY)
    kinds = (np.array([test(value) for value in values], np.int64) for test in tests)
    nan, above, below = (differences(kind, starts, ends) > 0 for kind in kinds)
    found = zip(sums, (nan | (above & below)).tolist(), above.tolist(), below.tolist(), strict=True)
    return [NAN if a else INFINITY if b else -INFINITY if c else total for total, a, b, c in found]


def sums_of(column: Column, starts: Ints, ends: Ints) -> Column:
    """The sum of each stretch of numerics; NULL for an empty one."""
    fast = fast_totals(column, starts, ends)
    if fast is None:
        powers = exact_powers(column, starts, ends, squares=False)
        return texts(total if count else None for count, total in zip(powers.counts, powers.sums, strict=True))
    return with_nulls(pack(fast.unscaled, fast.scale.astype(np.int32)), ends <= starts)


def averages_of(column: Column, starts: Ints, ends: Ints) -> Column:
    """The mean of each stretch of numerics; NULL for an empty one."""
    fast = fast_totals(column, starts, ends)
    if fast is not None:
        made = divided(fast, ends - starts)
        if made is not None:
            return made
    powers = exact_powers(column, starts, ends, squares=False)
    pairs = zip(powers.counts, powers.sums, strict=True)
    return texts(quotient(total, Decimal(count)) if count else None for count, total in pairs)


def divided(totals: Totals, counts: Ints) -> Column | None:
    """The totals over the counts; None where int64 does not suffice."""
    zeros = np.zeros(len(counts), np.int64)
    offsets, content, done = divide_decimals(totals.unscaled, totals.scale, np.maximum(counts, 1), zeros)
    return with_nulls(string_column(offsets, content), counts <= 0) if done.all() else None


def texts(values: Iterable[Decimal | None]) -> Column:
    """A numeric column of exact values."""
    return pa.array([None if value is None else numeric_text(value) for value in values], pa.string())


def with_nulls(column: Column, nulls: NDArray[np.bool_]) -> Column:
    """`column`, NULL where `nulls`."""
    return pc.if_else(pa.array(nulls), pa.scalar(None, column.type), column) if nulls.any() else column
