"""Sums over stretches that overlap, fast and exact, equal what adding up each stretch gives."""

from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.functions.frames import Frames, Stretch
from pgstream.functions.stretches import averages_of, exact_powers, powers_of, sums_of

TEXTS = st.sampled_from(
    ["0", "1.5", "1.50", "-3.25", "10.000", "99999999999999999", "1e40", "NaN", "Infinity", "-Infinity"]
)
PLAIN = st.sampled_from(["0", "1.5", "1.50", "-3.25", "10.000"])


@st.composite
def stretched(draw: Any, values: Any) -> tuple[list[str], list[tuple[int, int]]]:
    texts = draw(st.lists(values, min_size=1, max_size=8))
    bound = st.integers(0, len(texts))
    return texts, [tuple(sorted(pair)) for pair in draw(st.lists(st.tuples(bound, bound), min_size=1, max_size=6))]


def _bounds(pairs: list[tuple[int, int]]) -> tuple[Any, Any]:
    return np.array([a for a, _ in pairs], np.int64), np.array([b for _, b in pairs], np.int64)


@settings(deadline=None)
@given(stretched(PLAIN) | stretched(TEXTS))
def test_sums(case: tuple[list[str], list[tuple[int, int]]]) -> None:
    texts, pairs = case
    texts = [str(format(Decimal(text), "f")) for text in texts]
    column = pa.array(texts, pa.string())
    found = sums_of(column, *_bounds(pairs)).to_pylist()
    alone = [sums_of(column.slice(a, b - a), np.array([0]), np.array([b - a]))[0].as_py() for a, b in pairs]
    assert found == alone
    for (a, b), total in zip(pairs, found, strict=True):
        values = [Decimal(text) for text in texts[a:b]]
        if values and all(value.is_finite() for value in values):
            assert Fraction(total) == sum(map(Fraction, values))
            assert -Decimal(total).as_tuple().exponent == max(-value.as_tuple().exponent for value in values)
        assert (total is None) == (a == b)


@settings(deadline=None)
@given(stretched(TEXTS))
def test_averages(case: tuple[list[str], list[tuple[int, int]]]) -> None:
    texts, pairs = case
    column = pa.array([format(Decimal(text), "f") for text in texts], pa.string())
    alone = [averages_of(column.slice(a, b - a), np.array([0]), np.array([b - a]))[0].as_py() for a, b in pairs]
    assert averages_of(column, *_bounds(pairs)).to_pylist() == alone


@settings(deadline=None)
@given(stretched(TEXTS) | stretched(PLAIN) | stretched(st.integers(-(10**18) + 1, 10**18 - 1).map(str)))
def test_powers_by_halves(case: tuple[list[str], list[tuple[int, int]]]) -> None:
    texts, pairs = case
    column = pa.array([format(Decimal(text), "f") for text in texts], pa.string())
    assert str(powers_of(column, *_bounds(pairs))) == str(exact_powers(column, *_bounds(pairs)))


def test_powers_have_the_scale_of_their_stretch() -> None:
    powers = exact_powers(pa.array(["1.50", "2", "3"]), np.array([0, 1]), np.array([3, 3]))
    assert [str(total) for total in powers.sums] == ["6.50", "5"]
    assert [str(total) for total in powers.squares] == ["15.2500", "13"]


def _written(index: Any, offsets: Any) -> Any:
    return pa.array([index[a:b].tolist() for a, b in pairwise(offsets)], pa.list_(pa.int64()))


@pytest.mark.parametrize("but_self", [False, True])
def test_frames_without_rows(but_self: bool) -> None:
    rows = np.arange(5)
    whole = Frames((Stretch.of(np.maximum(rows - 2, 0), np.minimum(rows + 2, 5)),))
    groups = np.array([0, 0, 2, 3, 3]), np.array([2, 2, 3, 5, 5])
    left = whole.excluding(*groups, but_self=but_self)
    seen = [
        [
            j
            for j in range(max(i - 2, 0), min(i + 2, 5))
            if not groups[0][i] <= j < groups[1][i] or (but_self and j == i)
        ]
        for i in range(5)
    ]
    assert left.counts.tolist() == [len(each) for each in seen]
    assert left.first().tolist() == [each[0] if each else -1 for each in seen]
    assert left.last().tolist() == [each[-1] if each else -1 for each in seen]
    assert left.nth(np.full(5, 2)).tolist() == [each[1] if len(each) > 1 else -1 for each in seen]
    assert left.over_each(_written).to_pylist() == seen
    present = np.array([True, False, True, True, False])
    kept = np.flatnonzero(present).tolist()
    among = left.among(present).over_each(_written)
    assert among.to_pylist() == [[kept.index(j) for j in each if j in kept] for each in seen]
