"""Variances and standard deviations: of integers by sums of squares, of numerics exactly, of floats as PostgreSQL
adds them up."""

from collections.abc import Callable
from decimal import Decimal
from itertools import starmap

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pgstream.delta import Column
from pgstream.errors import NumericValueOutOfRange
from pgstream.functions.aggregating import spanning
from pgstream.functions.maintained import Linear
from pgstream.functions.numeric_math import precise, quantized
from pgstream.functions.numerics import NAN, division_scale
from pgstream.functions.registry import BoundCall, aggregate
from pgstream.functions.stretches import LOW_31, halves, powers_of, texts, whole_powers
from pgstream.functions.vector import numbers, valid
from pgstream.kernels.folding import fold_squares

Ints = NDArray[np.int64]
NAMES = (
    ("stddev", True, True),
    ("stddev_samp", True, True),
    ("stddev_pop", False, True),
    ("variance", True, False),
    ("var_samp", True, False),
    ("var_pop", False, False),
    ("var", True, False),
    ("var_sample", True, False),
    ("var_population", False, False),
)
"""The names there are; whether of a sample, and whether the root is taken."""

ANSWERS = {
    (True, True): ("1.00000000000000000000", "1"),
    (True, False): ("1.00000000000000000000", "1"),
    (False, True): ("0.81649658092772603273", "0.816496580927726"),
    (False, False): ("0.66666666666666666667", "0.6666666666666666"),
}


def exact_variance(
    count: int, total: Decimal, squares: Decimal, scale: int, *, sample: bool, root: bool
) -> Decimal | None:
    """numeric_stddev_internal() of numeric.c, of values with at most `scale` digits after the point."""
    if count <= int(sample):
        return None
    if not total.is_finite():
        return NAN
    top = quantized(Decimal(count) * squares - total * total, 2 * scale, "ROUND_HALF_UP")
    if top <= 0:
        return Decimal(0)
    bottom = Decimal(count) * Decimal(count - int(sample))
    digits = division_scale(top, bottom)
    variance = quantized(precise(digits + 200).divide(top, bottom), digits, "ROUND_HALF_UP")
    return quantized(precise(digits + 200).sqrt(variance), digits, "ROUND_HALF_UP") if root else variance


def _of_small(column: Column) -> tuple[Ints, ...]:
    """The number of values, their sum, and the sums of both halves of their squares."""
    present = valid(column)
    values = np.where(present, numbers(column).astype(np.int64), 0)
    square = values * values
    return present.astype(np.int64), values, square >> 31, square & LOW_31


def _of_large(column: Column) -> tuple[Ints, ...]:
    """The number of values, and their halves."""
    present = valid(column)
    return present.astype(np.int64), *halves(np.where(present, numbers(column).astype(np.int64), 0))


def _powers_of_small(count: int, total: int, above: int, below: int) -> tuple[int, int, int]:
    return count, total, (above << 31) + below


def _powers_of_large(count: int, *parts: int) -> tuple[int, int, int]:
    return count, *whole_powers(*parts)


def _linear(small: bool, sample: bool, root: bool) -> Linear:
    powers: Callable[..., tuple[int, int, int]] = _powers_of_small if small else _powers_of_large

    def finish(*states: Ints) -> Column:
        found = starmap(powers, zip(*(state.tolist() for state in states), strict=True))
        return texts(
            exact_variance(count, Decimal(total), Decimal(squares), 0, sample=sample, root=root)
            for count, total, squares in found
        )

    return Linear(4 if small else 9, _of_small if small else _of_large, finish)


def _declare(name: str, sample: bool, root: bool) -> None:
    doc = f"The {'sample' if sample else 'population'} {'standard deviation' if root else 'variance'}."
    exact, floating = ANSWERS[sample, root]
    for type in ("int2", "int4", "int8"):
        how = _linear(type != "int8", sample, root)
        aggregate(f"{name}({type}) -> numeric", how, doc=doc, examples={f"{name}(i::{type})": exact})

    @spanning(f"{name}(numeric) -> numeric", examples={f"{name}(i::numeric)": exact}, doc=doc)
    def of_numerics(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
        powers = powers_of(args[0], starts, ends)
        every = zip(powers.counts, powers.sums, powers.squares, powers.scales, strict=True)
        return texts(exact_variance(*each, sample=sample, root=root) for each in every)

    def of_floats(call: BoundCall, args: tuple[Column, ...], starts: Ints, ends: Ints) -> Column:
        squares, overflow = fold_squares(numbers(args[0]).astype(np.float64), starts, ends)
        if overflow:
            raise NumericValueOutOfRange("value out of range: overflow")
        counts = ends - starts
        with np.errstate(all="ignore"):
            made = squares / np.maximum(counts - int(sample), 1)
            return pa.array(np.sqrt(made) if root else made, mask=counts <= int(sample))

    for type in ("float4", "float8"):
        spanning(f"{name}({type}) -> float8", examples={f"{name}(i::{type})": floating}, doc=doc)(of_floats)


for _name, _sample, _root in NAMES:
    _declare(_name, _sample, _root)
