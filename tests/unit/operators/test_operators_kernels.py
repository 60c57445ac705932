"""The grouping and window kernels, compiled and interpreted, equal what a few lines of Python say."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pgstream.kernels import folding, grouping, windowing

DRAW = np.random.default_rng(7)


def _both(kernel: Any) -> list[Callable[..., Any]]:
    return [kernel, kernel.py_func]


def _ints(values: Any) -> NDArray[np.int64]:
    return np.array(values, np.int64)


@pytest.mark.parametrize("kernel", _both(grouping.group_ids))
@pytest.mark.parametrize(("rows", "keys"), [(0, 1), (1, 1), (50, 7), (3000, 2500)])
def test_group_ids(kernel: Callable[..., Any], rows: int, keys: int) -> None:
    hi = DRAW.integers(0, 2, rows).astype(np.uint64)
    lo = DRAW.integers(0, keys, rows).astype(np.uint64) << np.uint64(10)  # collide in the table
    ids, first = kernel(hi, lo)
    numbers: dict[tuple[int, int], int] = {}
    expected = [numbers.setdefault(key, len(numbers)) for key in zip(hi.tolist(), lo.tolist(), strict=True)]
    assert ids.tolist() == expected
    assert first.tolist() == [expected.index(group) for group in range(len(numbers))]


@pytest.mark.parametrize("kernel", _both(grouping.weighted_sums))
def test_weighted_sums(kernel: Callable[..., Any]) -> None:
    assert kernel(_ints([5, 7, 11]), _ints([1, -2, 3]), _ints([0, 1, 0]), 3).tolist() == [38, -14, 0]


@pytest.mark.parametrize("kernel", _both(grouping.group_extremes))
def test_group_extremes(kernel: Callable[..., Any]) -> None:
    ranks, ids = _ints([4, 2, 9, 1, 3]), _ints([0, 0, 1, 0, 2])
    present = np.array([True, True, True, False, False])
    assert kernel(ranks, present, ids, 3, False).tolist() == [1, 2, -1]
    assert kernel(ranks, present, ids, 3, True).tolist() == [0, 2, -1]


@pytest.mark.parametrize("kernel", _both(grouping.group_firsts))
def test_group_firsts(kernel: Callable[..., Any]) -> None:
    codes = DRAW.integers(0, 3, (2, 60))
    hi, lo = (DRAW.integers(0, 3, 60).astype(np.uint64) for _ in range(2))
    ids = DRAW.integers(0, 5, 60)
    found = kernel(codes, hi, lo, ids, 6).tolist()
    order = [(codes[0, i], codes[1, i], hi[i], lo[i], i) for i in range(60)]
    assert found == [min((order[i] for i in range(60) if ids[i] == g), default=[-1])[-1] for g in range(6)]


@pytest.mark.parametrize("kernel", _both(grouping.cut_copies))
@pytest.mark.parametrize(("offset", "limit"), [(0, 2), (1, 2), (2, -1), (0, 0), (9, 1)])
def test_cut_copies(kernel: Callable[..., Any], offset: int, limit: int) -> None:
    query, weights = _ints([0, 0, 0, 2, 2]), _ints([1, 2, 1, 3, 1])
    expected = [0] * 5
    for key in (0, 2):
        copies = [i for i in range(5) if query[i] == key for _ in range(weights[i])]
        for i in copies[offset : None if limit < 0 else offset + limit]:
            expected[i] += 1
    assert kernel(query, weights, offset, limit).tolist() == expected


@pytest.mark.parametrize("kernel", _both(windowing.frame_extremes))
def test_frame_extremes(kernel: Callable[..., Any]) -> None:
    partition = np.repeat([0, 10, 14], [10, 4, 6])
    ends = np.repeat([10, 14, 20], [10, 4, 6])
    ranks, present = DRAW.integers(0, 9, 20), DRAW.random(20) < 0.7
    rows = np.arange(20)
    low, high = np.clip(rows - 2, partition, ends), np.clip(rows + 2, partition, ends)
    found = kernel(ranks, present, partition, low, high, False)
    for i in range(20):
        seen = [ranks[j] for j in range(low[i], high[i]) if present[j]]
        assert (ranks[found[i]] == min(seen)) if seen else (found[i] == -1)


@pytest.mark.parametrize("kernel", _both(windowing.step_groups))
@pytest.mark.parametrize("distance", [-9, -1, 0, 1, 2, 9])
def test_step_groups(kernel: Callable[..., Any], distance: int) -> None:
    start, peers = _ints([0, 0, 0, 0, 4, 4]), _ints([0, 1, 1, 3, 4, 4])
    groups = {0: [0, 1, 3, 4], 4: [4, 6]}
    expected = []
    for s, p in zip(start.tolist(), peers.tolist(), strict=True):
        bounds = groups[s]
        expected.append(bounds[min(max(bounds.index(p) + distance, 0), len(bounds) - 1)])
    assert kernel(start, peers, _ints([distance])).tolist() == expected


@pytest.mark.parametrize("kernel", _both(grouping.pair_up))
def test_pair_up(kernel: Callable[..., Any]) -> None:
    rows, members = kernel(_ints([0, 0, 1, 2]), _ints([0, 2, 2, 3]))
    assert rows.tolist() == [0, 0, 1, 1, 3]
    assert members.tolist() == [0, 1, 0, 1, 2]


STARTS, ENDS = _ints([0, 0, 0, 2, 3, 5]), _ints([0, 2, 5, 6, 6, 5])
FLOATS = np.array([0.1, 0.2, 1e17, -3.5, 7.0, 0.3])


def _stretches() -> list[list[float]]:
    return [FLOATS[a:b].tolist() for a, b in zip(STARTS, ENDS, strict=True)]


def _squares(values: list[float]) -> float:
    """Youngs and Cramer's update."""
    total = squares = 0.0
    for count, value in enumerate(values, 1):
        total += value
        squares += (value * count - total) ** 2 / (count * (count - 1)) if count > 1 else 0.0
    return squares


@pytest.mark.parametrize("kernel", _both(folding.fold_sums))
def test_fold_sums(kernel: Callable[..., Any]) -> None:
    assert kernel(FLOATS, STARTS, ENDS).tolist() == [sum(stretch, 0.0) for stretch in _stretches()]


@pytest.mark.parametrize("kernel", _both(folding.fold_squares))
def test_fold_squares(kernel: Callable[..., Any]) -> None:
    found, overflow = kernel(FLOATS, STARTS, ENDS)
    assert found.tolist() == [_squares(stretch) for stretch in _stretches()]
    assert not overflow
    assert kernel(np.array([1e200, -1e200]), _ints([0]), _ints([2]))[1]
    found, overflow = kernel(np.array([np.inf, 1.0]), _ints([0, 0]), _ints([1, 2]))
    assert np.isnan(found).all()
    assert not overflow


@pytest.mark.parametrize("kernel", _both(folding.fold_pairs))
def test_fold_pairs(kernel: Callable[..., Any]) -> None:
    found, overflow = kernel(FLOATS[::-1].copy(), FLOATS, STARTS, ENDS)
    assert found[:, 0].tolist() == [sum(stretch, 0.0) for stretch in _stretches()]
    assert not overflow
    assert np.allclose(found[:, 1], [_squares(stretch) for stretch in _stretches()], rtol=1e-12)
    same, _ = kernel(FLOATS, FLOATS, STARTS, ENDS)
    assert np.allclose(same[:, 1], same[:, 3])
    assert np.allclose(same[:, 1], same[:, 4])
