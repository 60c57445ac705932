"""Kernels over whole batches, compiled and interpreted, against what Arrow and the kernels of one column say."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.errors import ProgramLimitExceeded
from pgstream.kernels import batches, gathering, grouping
from pgstream.kernels.arrow_views import address, every, leaves
from pgstream.storage import gather
from pgstream.storage.identity import _nested_hash, row_hash, secret_of

SEED = (11, 22)
modes = pytest.mark.parametrize("mode", ["compiled", "interpreted"])

STORAGES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int32(): st.integers(-(2**31), 2**31 - 1),
    pa.int16(): st.integers(-(2**15), 2**15 - 1),
    pa.float64(): st.floats(allow_nan=False),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=20),
    pa.binary(): st.binary(max_size=9),
    pa.binary(16): st.binary(min_size=16, max_size=16),
    pa.null(): st.none(),
}


def run_in(mode, kernel):
    return kernel if mode == "compiled" else kernel.py_func


@st.composite
def tables(draw, rows_min=0):
    """Columns of some storages, sliced out of longer ones."""
    storages = draw(st.lists(st.sampled_from(list(STORAGES)), min_size=1, max_size=5))
    count = draw(st.integers(rows_min, 12))
    skipped = draw(st.integers(0, 9))
    columns = []
    for storage in storages:
        values = STORAGES[storage] if draw(st.booleans()) else st.none() | STORAGES[storage]
        drawn = draw(st.lists(values, min_size=count + skipped, max_size=count + skipped))
        columns.append(pa.array(drawn, storage).slice(skipped))
    return columns


@modes
@settings(deadline=None, max_examples=60)
@given(columns=tables())
def test_all_columns_hash_as_one_after_another(mode, columns):
    count = len(columns[0])
    one, two = np.empty(count, np.uint64), np.empty(count, np.uint64)
    with np.errstate(over="ignore"):
        run_in(mode, batches.hash_columns)(leaves(columns), every(len(columns)), secret_of(SEED), one, two)
    slow = _nested_hash(columns, SEED, count)
    assert one.tolist() == slow.hi.tolist()
    assert two.tolist() == slow.lo.tolist()
    assert row_hash(columns, SEED).hi.tolist() == slow.hi.tolist()


@settings(deadline=None, max_examples=150)
@given(columns=tables(rows_min=1), data=st.data())
def test_picked_columns_are_taken_columns(columns, data):
    picks = np.array(data.draw(st.lists(st.integers(0, len(columns[0]) - 1), max_size=20)), np.int64)
    found = gather.pick_columns(columns, picks)
    for column, made in zip(columns, found, strict=True):
        made.validate(full=True)
        assert made.equals(column.take(pa.array(picks, pa.int64())))
        assert made.null_count == made.to_pylist().count(None)
        assert made.equals(gather.pick_column(column, picks))


def test_rows_of_several_sources_are_gathered():
    sources = [
        [pa.array([1, None, 3]), pa.array(["a", "bc", None]), pa.array([True, None, False])],
        [pa.array([4, 5]), pa.array(["", "déf"]), pa.array([False, True])],
    ]
    places = [leaves(columns) for columns in sources]
    picks = np.array([(1 << gathering.SOURCE_SHIFT) | 1, 2, 0, 1, 1 << gathering.SOURCE_SHIFT], np.int64)
    at = np.array([address(place) for place in places])
    found = gather.gather_small([pa.bool_(), pa.string(), pa.int64()], at, np.array([2, 1, 0]), picks)
    assert found is not None
    assert found.places.tolist() == leaves(found.columns).tolist()
    assert [column.to_pylist() for column in found.columns] == [
        [True, False, True, None, False],
        ["déf", None, "a", "bc", ""],
        [5, 3, 1, None, 4],
    ]


def test_nested_columns_are_left_to_others():
    columns = [pa.array([1, 2]), pa.array([[1], None])]
    place = leaves(columns)
    picks = np.array([1, 0])
    assert gather.gather_small([c.type for c in columns], np.array([address(place)]), every(2), picks) is None
    assert [c.to_pylist() for c in gather.pick_columns(columns, picks)] == [[2, 1], [None, [1]]]


def test_text_that_no_column_holds_is_refused():
    place = leaves([pa.array(["x"])])
    ends = np.array([0, 2**31 - 1], np.int32)
    place[0, batches.LEAF_VALUES] = address(ends)
    with pytest.raises(ProgramLimitExceeded):
        gather.gather_small([pa.string()], np.array([address(place)]), every(1), np.zeros(2, np.int64))


@modes
@settings(deadline=None, max_examples=60)
@given(columns=tables(rows_min=1), data=st.data())
def test_rows_are_alike_where_all_their_values_are(mode, columns, data):
    row = st.integers(0, len(columns[0]) - 1)
    pairs = data.draw(st.lists(st.tuples(row, row), min_size=1, max_size=20))
    left, right = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    alike = np.ones(len(pairs), np.bool_)
    alike[0] = False
    run_in(mode, batches.mark_alike)(leaves(columns), every(len(columns)), left, right, alike)
    texts = [[repr(value) for value in column.to_pylist()] for column in columns]
    same = [all(text[a] == text[b] for text in texts) for a, b in pairs]
    assert alike.tolist() == [False, *same[1:]]


@modes
def test_rows_that_move(mode):
    old_of = np.array([-1, 0, 1, -1, 2])
    alive = np.array([True, True, False, False, True])
    alike = np.array([False, True, False, False, False])
    picks, weights, groups = run_in(mode, grouping.moved_rows)(old_of, alive, alike, 3)
    assert picks.tolist() == [1, 2, 3, 7]
    assert weights.tolist() == [-1, -1, 1, 1]
    assert groups.tolist() == [2, 4, 0, 4]


@modes
def test_old_values_are_added_where_there_are_any(mode):
    change = np.array([5, 6, 7])
    run_in(mode, grouping.add_old)(change, np.array([10, 20]), np.array([1, -1, 0]))
    assert change.tolist() == [25, 6, 17]
