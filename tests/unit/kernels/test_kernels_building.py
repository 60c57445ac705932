"""Runs of a few rows, built by one call, against plain Python; compiled and interpreted."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.kernels import building, gathering, merging, probing
from pgstream.kernels.arrow_views import address

NO_WORDS = np.empty(0, np.uint64)
modes = pytest.mark.parametrize("mode", ["compiled", "interpreted"])
word = st.sampled_from([0, 1, 2, 5, 2**63, 2**64 - 1])
identities = st.tuples(word, st.integers(0, 1), word, st.integers(0, 1))
drawn_rows = st.lists(st.tuples(identities, st.integers(-1, 2)), min_size=1, max_size=30)


def run_in(mode, kernel):
    return kernel if mode == "compiled" else kernel.py_func


def identity(rows):
    """Columns of words from identities (key, key_low, row, row_low)."""
    return tuple(np.array([row[i] for row in rows], np.uint64) for i in range(4))


def summed(rows):
    totals = Counter()
    for row, weight in rows:
        totals[row] += weight
    return {row: weight for row, weight in sorted(totals.items()) if weight}


def told(words, count):
    """The rows that the words of a run tell, with their weights."""
    parts = [words[i * count : (i + 1) * count].tolist() for i in range(5)]
    weights = words[2 * count : 3 * count].view(np.int64).tolist()
    return dict(zip(zip(parts[0], parts[1], parts[3], parts[4], strict=True), weights, strict=True))


def assert_run(rows, picks, words, shift):
    count, expected = len(picks), summed(rows)
    assert list(told(words, count).items()) == list(expected.items())
    if count:
        keys = words[:count].copy()
        directory = probing.build_directory(keys, shift)
        assert shift == probing.directory_shift(keys[0], keys[-1], count)
        assert words[5 * count :].view(np.uint32)[: len(directory)].tolist() == directory.tolist()


@modes
@settings(deadline=None, max_examples=100)
@given(rows=drawn_rows)
def test_rows_become_a_run(mode, rows):
    key, key_low, row, row_low = identity([row for row, _ in rows])
    weights = np.array([weight for _, weight in rows])
    build = run_in(mode, building.build_rows)
    picks, words, shift = build(key, key_low, NO_WORDS, 0, 0, row, row_low, weights, True)
    assert [rows[pick][0] for pick in picks] == list(summed(rows))
    assert_run(rows, picks, words, shift)


@modes
def test_rows_without_identity_stand_side_by_side(mode):
    key, low = np.array([7, 3, 7, 5], np.uint64), np.zeros(4, np.uint64)
    build = run_in(mode, building.build_rows)
    picks, words, _ = build(key, low, NO_WORDS, 0, 0, NO_WORDS, NO_WORDS, np.array([1, 1, 2, 0]), False)
    assert picks.tolist() == [1, 0, 2]
    assert words[:3].tolist() == [3, 7, 7]
    assert words[6:9].tolist() == [1, 1, 2]


@modes
@settings(deadline=None, max_examples=60)
@given(parts=st.lists(drawn_rows, min_size=1, max_size=5))
def test_runs_become_one(mode, parts):
    table, held = [], []
    for rows in parts:
        total = summed(rows)
        words = [*identity(list(total)), np.array(list(total.values()), np.int64)]
        entry = np.zeros(merging.TABLE_WIDTH, np.int64)
        places = (merging.KEY, merging.KEY_LOW, merging.ROW, merging.ROW_LOW, merging.WEIGHT)
        for place, array in zip(places, words, strict=True):
            entry[place] = address(array)
        entry[merging.STOP] = len(total)
        table.append(entry)
        held.append((words, list(total)))
    picks, words, shift = run_in(mode, building.merge_rows)(np.array(table), True)
    rows = [row for part in parts for row in part]
    named = [held[pick >> gathering.SOURCE_SHIFT][1][pick & gathering.ROW_MASK] for pick in picks.tolist()]
    assert named == list(summed(rows))
    assert_run(rows, picks, words, shift)
