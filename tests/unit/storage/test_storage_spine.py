"""A spine against a dict from rows to weights, under a pace that merges often and in tiny steps."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.delta import Delta
from pgstream.storage.identity import key_hash, row_hash
from pgstream.storage.order import OrderColumn
from pgstream.storage.pace import Pace
from pgstream.storage.run import ArrangementSpec
from pgstream.storage.spine import Spine
from pgstream.types import BOOL, INT8, TEXT, array_of

SEED = (11, 7)
SPEC = ArrangementSpec((INT8, TEXT, BOOL), (0,))
TINY = Pace(small_rows=2, fan=2, fuel=2, chunk_rows=3)
PACES = [TINY, Pace(small_rows=4, fan=3, fuel=4, chunk_rows=5), Pace()]

row = st.tuples(
    st.one_of(st.none(), st.integers(0, 5)),
    st.sampled_from([None, "", "a", "ab", "žluť", "long enough to hash twice"]),
    st.sampled_from([None, True, False]),
)
batch = st.lists(st.tuples(row, st.integers(-2, 3)), max_size=12)
batches = st.lists(batch, max_size=12)


def delta_of(items, spec=SPEC):
    columns = tuple(pa.array([r[i] for r, _ in items], t.storage) for i, t in enumerate(spec.types))
    return Delta(columns, np.array([w for _, w in items], np.int64))


def rows_of(delta):
    columns = [column.to_pylist() for column in delta.columns]
    return list(zip(zip(*columns, strict=True), delta.weights.tolist(), strict=True))


def build(steps, pace, spec=SPEC):
    spine, model = Spine.empty(spec, SEED, pace), Counter()
    for items in steps:
        spine = spine.insert(delta_of(items, spec))
        for r, w in items:
            model[r] += w
    return spine, {r: w for r, w in model.items() if w}


def hash_keys(values):
    return key_hash([pa.array(values, pa.int64())], [INT8], SEED)


@settings(max_examples=150, deadline=None)
@given(batches, st.sampled_from(PACES))
def test_contents_equal_the_model(steps, pace):
    spine, model = build(steps, pace)
    found = rows_of(spine.contents())
    assert dict(found) == model
    assert len(found) == len(model)
    assert spine.total() == sum(model.values())
    assert spine.len_upper_bound >= len(model)
    chunked = [item for chunk in spine.chunks(2) for item in rows_of(chunk)]
    assert chunked == found


@settings(max_examples=150, deadline=None)
@given(batches, st.lists(st.one_of(st.none(), st.integers(0, 7)), max_size=9), st.sampled_from(PACES), st.booleans())
def test_probe_finds_each_keys_rows(steps, asked, pace, consolidate):
    spine, model = build(steps, pace)
    matches = spine.probe(hash_keys(asked), consolidate=consolidate)
    assert (np.diff(matches.query) >= 0).all()
    found = [Counter() for _ in asked]
    for query, (r, w) in zip(matches.query.tolist(), rows_of(matches.delta), strict=True):
        if consolidate:
            assert r not in found[query]
            assert w != 0
        found[query][r] += w
    for key, got in zip(asked, found, strict=True):
        assert {r: w for r, w in got.items() if w} == {r: w for r, w in model.items() if r[0] == key}
    weights = spine.key_weights(hash_keys(asked)).tolist()
    assert weights == [sum(w for r, w in model.items() if r[0] == key) for key in asked]


@settings(max_examples=100, deadline=None)
@given(batches, st.lists(row, max_size=9), st.sampled_from(PACES))
def test_lookup_weights_of_rows(steps, asked, pace):
    spine, model = build(steps, pace)
    delta = delta_of([(r, 1) for r in asked])
    keys, rows = hash_keys([r[0] for r in asked]), row_hash(delta.columns, SEED)
    assert spine.lookup_weights(keys, rows).tolist() == [model.get(r, 0) for r in asked]


ordered_row = st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(-3, 3)), st.sampled_from(["", "a", "b"]))
ordered_batches = st.lists(st.lists(st.tuples(ordered_row, st.integers(-2, 3)), max_size=12), max_size=10)


def order_of(descending, nulls_first):
    def place(r):
        null = (r[1] is None) != nulls_first
        value = 0 if r[1] is None else -r[1] if descending else r[1]
        return null, value, r[2]

    return place


@settings(max_examples=150, deadline=None)
@given(ordered_batches, st.booleans(), st.booleans(), st.integers(0, 6), st.sampled_from(PACES))
def test_head_and_tail_give_the_first_copies_in_order(steps, descending, nulls_first, copies, pace):
    order = (OrderColumn(1, descending, nulls_first), OrderColumn(2))
    spec = ArrangementSpec((INT8, INT8, TEXT), (0,), order)
    flat = Counter()
    for items in steps:
        for r, w in items:
            flat[r] += w
    steps = [*steps, [(r, -w) for r, w in flat.items() if w < 0]]  # weights of a relation are not negative
    spine, model = build(steps, pace, spec)
    asked = [2, 0, 1, 5, 0]
    for matches, reverse in (
        (spine.head(hash_keys(asked), copies), False),
        (spine.tail(hash_keys(asked), copies), True),
    ):
        found = [[] for _ in asked]
        for query, (r, w) in zip(matches.query.tolist(), rows_of(matches.delta), strict=True):
            found[query] += [r] * w
        for key, got in zip(asked, found, strict=True):
            rows = [r for r, w in model.items() if r[0] == key for _ in range(w)]
            assert got == sorted(rows, key=order_of(descending, nulls_first), reverse=reverse)[:copies]
    assert dict(rows_of(spine.contents())) == model


@pytest.mark.parametrize("key", [(), (0, 1, 2), (2,)])
def test_specs_of_other_keys(key):
    spec = ArrangementSpec((INT8, TEXT, array_of(INT8)), key)
    items = [((i % 7, f"t{i % 5}", [i % 3, None]), 1) for i in range(300)]
    spine = Spine.empty(spec, SEED, TINY)
    for start in range(0, 300, 40):
        spine = spine.insert(delta_of(items[start : start + 40], spec))

    def counted(delta):
        found = Counter()
        for (number, text, many), weight in rows_of(delta):
            found[(number, text, tuple(many))] += weight
        return found

    expected = Counter((r[0], r[1], tuple(r[2])) for r, _ in items)
    assert counted(spine.contents()) == expected
    one = (items[0][0][0], items[0][0][1], tuple(items[0][0][2]))
    columns = delta_of(items[:1], spec).columns
    keys = key_hash([columns[i] for i in key], [spec.types[i] for i in key], SEED, 1)
    wanted = {r: w for r, w in expected.items() if all(r[i] == one[i] for i in key)}
    assert counted(spine.probe(keys, consolidate=True).delta) == wanted
    assert counted(spine.probe(keys).delta) == wanted
    rows = row_hash(columns, SEED)
    assert spine.lookup_weights(keys, rows).tolist() == [expected[one]]


def test_rows_of_no_columns():
    spine = Spine.empty(ArrangementSpec((), ()), SEED, TINY)
    assert not spine
    for weights in ([2, 1], [-1], [5]):
        spine = spine.insert(Delta((), np.array(weights, np.int64)))
    assert spine.contents().weights.tolist() == [7]
    assert spine.total() == 7
    assert not spine.insert(Delta((), np.array([-7]))).contents().weights.tolist()


def test_a_fork_leaves_the_other_as_it_was():
    spine, model = build([[((i, "x", True), 1)] for i in range(50)], TINY)
    fork = spine.insert(delta_of([((3, "x", True), -1), ((99, None, None), 4)]))
    assert dict(rows_of(spine.contents())) == model
    assert dict(rows_of(fork.contents())) == {
        **{r: w for r, w in model.items() if r[0] != 3},
        (99, None, None): 4,
    }


def test_no_insert_merges_much_more_than_its_fuel_and_layers_stay_few():
    pace = Pace(small_rows=8, fan=4, fuel=8, chunk_rows=32)
    spine = Spine.empty(ArrangementSpec((INT8,), (0,)), SEED, pace)
    written = 0
    for start in range(0, 20_000, 10):
        known = {id(run) for run in spine.runs}
        spine = spine.insert(Delta.of([pa.array(range(start, start + 10))]))
        new = sum(run.count for run in spine.runs if id(run) not in known)
        written += new
        assert new <= 10 + 6 * (80 + 32)
        assert len(spine.layers) <= 40
    assert written < 20_000 * 8
    assert spine.total() == len(spine.contents()) == 20_000


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.tuples(row, st.integers(1, 3)), max_size=12), max_size=12),
    st.lists(st.one_of(st.none(), st.integers(0, 7)), max_size=9),
    st.sampled_from(PACES),
    st.booleans(),
)
def test_what_only_grows_needs_no_identity(steps, asked, pace, consolidate):
    growing = replace(SPEC, growing=True)
    assert not growing.identified
    spine, model = build(steps, pace, growing)
    assert spine.total() == sum(model.values())
    assert sum_of(spine.contents()) == model
    assert sum((sum_of(chunk) for chunk in spine.chunks(2)), Counter()) == model
    assert all(len(run.rows.row.hi) == 0 for run in spine.runs)
    matches = spine.probe(hash_keys(asked), consolidate=consolidate, late=True)
    found = [Counter() for _ in asked]
    for query, (r, w) in zip(matches.query.tolist(), rows_of(matches.delta), strict=True):
        found[query][r] += w
    assert found == [Counter({r: w for r, w in model.items() if r[0] == key}) for key in asked]


def sum_of(delta):
    total = Counter()
    for r, w in rows_of(delta):
        total[r] += w
    return total


def test_layers_wait_where_few_ask_and_few_go():
    pace = Pace(small_rows=8, fan=4, wide_rows=8, wide_fan=16)
    spec = ArrangementSpec((INT8,), (0,))

    def grown(asked: int, gone: int) -> Spine:
        spine = Spine.empty(spec, SEED, pace)
        for start in range(0, 1000, 10):
            spine = spine.insert(Delta.of([pa.array(range(start, start + 10))]))
            if gone and start:
                rows = range(start - 10, start - 10 + gone)
                spine = spine.insert(Delta((pa.array(rows),), np.full(gone, -1)))
            keys = key_hash([pa.array(range(asked))], [INT8], SEED, asked)
            assert len(spine.probe(keys).delta) >= asked - gone * 100
        assert spine.total() == len(spine.contents()) == 1000 - 99 * gone
        return spine

    assert len(grown(0, 0).layers) > 8 >= len(grown(9, 0).layers)
    assert len(grown(0, 8).layers) <= 8
    assert len(grown(1, 1).layers) > 8
