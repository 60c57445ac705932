"""Summing equal rows of a delta, and grouping."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.delta import Delta
from pgstream.storage.consolidate import consolidate, group
from pgstream.storage.identity import row_hash

rows = st.lists(st.tuples(st.sampled_from([None, "", "a", "b"]), st.integers(-2, 2)), max_size=30)


@settings(deadline=None)
@given(rows)
def test_consolidate_sums_in_order_of_first_appearance(items):
    delta = Delta((pa.array([v for v, _ in items], pa.string()),), np.array([w for _, w in items], np.int64))
    result = consolidate(delta)
    model = Counter()
    for value, weight in items:
        model[value] += weight
    expected = [(value, weight) for value, weight in model.items() if weight]
    assert list(zip(result.columns[0].to_pylist(), result.weights.tolist(), strict=True)) == expected


def test_rows_of_no_columns_are_one_row():
    assert consolidate(Delta((), np.array([3, -1, 4]))).weights.tolist() == [6]
    assert len(consolidate(Delta((), np.array([3, -3])))) == 0
    assert len(consolidate(Delta((), np.array([0])))) == 0


@settings(deadline=None)
@given(st.lists(st.sampled_from([None, "", "a", "b", "c"]), max_size=40))
def test_groups_are_numbered_by_first_appearance(values):
    groups = group(row_hash([pa.array(values, pa.string())], (1, 2)))
    order = list(dict.fromkeys(values))
    assert groups.number.tolist() == [order.index(value) for value in values]
    assert groups.first.tolist() == [values.index(value) for value in order]
