"""Kernels over runs against plain Python, compiled and interpreted."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.kernels import gathering, hashing, memory, merging, order_bytes, probing, sorting, spans, summing
from pgstream.kernels.arrow_views import leaf

NO_WORDS = np.empty(0, np.uint64)
modes = pytest.mark.parametrize("mode", ["compiled", "interpreted"])


def run_in(mode, kernel):
    return kernel if mode == "compiled" else kernel.py_func


def words(values):
    return np.array(values, np.uint64)


def identity(rows):
    """Columns of words from rows (key, key_low, row, row_low)."""
    return tuple(words([row[i] for row in rows]) for i in range(4))


word = st.sampled_from([0, 1, 2, 5, 2**63, 2**64 - 1]) | st.integers(0, 2**64 - 1)
rows_of_words = st.lists(st.tuples(word, st.integers(0, 1), word, st.integers(0, 1)), max_size=80)


@settings(deadline=None, max_examples=200)
@given(rows_of_words)
def test_sorting_without_order_keys(rows):
    key, key_low, row, row_low = identity(rows)
    order = sorting.sort_rows(key, key_low, NO_WORDS, 0, 0, row, row_low)
    assert [rows[i] for i in order] == sorted(rows)
    by_key = sorting.sort_rows(key, key_low, NO_WORDS, 0, 0, NO_WORDS, NO_WORDS)
    assert [rows[i][:2] for i in by_key] == sorted(row[:2] for row in rows)


@pytest.mark.parametrize("distinct", [1, 2, 40, 10**6])
@pytest.mark.parametrize("ordered", [False, True])
def test_sorting_many_rows_of_few_keys(distinct, ordered):
    chance = np.random.default_rng(distinct)
    count = 3000
    pool = chance.integers(0, 2**64, distinct, np.uint64)
    key = pool[chance.integers(0, distinct, count)]
    row = chance.integers(0, 2**64, count, np.uint64)
    row[::7] = row[0]
    texts = [b"same-prefix-" + bytes(chance.integers(97, 99, chance.integers(0, 4), np.uint8)) for _ in range(count)]
    column = pa.array(texts, pa.binary())
    place = leaf(column)
    prefix = order_bytes.prefixes(place.values, place.content, count) if ordered else NO_WORDS
    order = sorting.sort_rows(key, key, prefix, place.values, place.content, row, row)
    rank = [(int(key[i]), texts[i] if ordered else b"", int(row[i])) for i in range(count)]
    assert [rank[i] for i in order] == sorted(rank)
    assert sorted(order) == list(range(count))


@modes
def test_sorting_in_both_modes(mode):
    rows = [(3, 0, 1, 0), (1, 0, 9, 9), (3, 0, 0, 5), (1, 0, 9, 9)] * 20
    order = run_in(mode, sorting.sort_rows)(*identity(rows)[:2], NO_WORDS, 0, 0, *identity(rows)[2:])
    assert [rows[i] for i in order] == sorted(rows)


@modes
def test_sum_equal(mode):
    rows = [(1, 0, 1, 0), (1, 0, 1, 0), (1, 0, 1, 1), (2, 0, 1, 1), (2, 0, 1, 1)]
    weights, kept = np.array([1, 2, 5, 4, -4]), np.empty(5, np.int64)
    count = run_in(mode, sorting.sum_equal)(*identity(rows), weights, kept)
    assert kept[:count].tolist() == [0, 2]
    assert weights[kept[:count]].tolist() == [3, 5]


def source(rows, weights):
    """A row of the table of kernels, and what has to stay alive for it."""
    key, key_low, row, row_low = identity(rows)
    held = [key, key_low, row, row_low, np.array(weights, np.int64)]
    entry = np.zeros(merging.TABLE_WIDTH, np.int64)
    for column, array in zip(
        (merging.KEY, merging.KEY_LOW, merging.ROW, merging.ROW_LOW, merging.WEIGHT), held, strict=True
    ):
        entry[column] = array.ctypes.data
    entry[merging.STOP] = len(rows)
    if rows:
        shift = probing.directory_shift(int(key[0]), int(key[-1]), len(rows))
        held.append(probing.build_directory(key, shift))
        entry[merging.SHIFT], entry[merging.DIRECTORY] = shift, held[-1].ctypes.data
    return entry, held


sorted_rows = st.dictionaries(
    st.tuples(word, st.integers(0, 1), st.integers(0, 3), st.just(0)), st.integers(-2, 2).filter(bool), max_size=20
).map(lambda found: sorted(found.items()))


def check_merge(kernel, sources, budget):
    table, held = zip(*(source([r for r, _ in s], [w for _, w in s]) for s in sources), strict=True)
    table, cursors = np.stack(table), np.zeros(len(sources), np.int64)
    picks, sums = np.empty(200, np.int64), np.empty(200, np.int64)
    position, total = 0, sum(map(len, sources))
    while cursors.sum() < total:
        before = cursors.sum()
        position, left = kernel(table, cursors, np.zeros(len(sources), np.uint8), picks, sums, position, budget)
        assert cursors.sum() - before == budget - left
        assert left > -len(sources)
    model = {}
    for rows in sources:
        for row, weight in rows:
            model[row] = model.get(row, 0) + weight
    found = [
        (sources[pick >> gathering.SOURCE_SHIFT][pick & gathering.ROW_MASK][0], total)
        for pick, total in zip(picks[:position].tolist(), sums[:position].tolist(), strict=True)
    ]
    assert found == sorted((row, weight) for row, weight in model.items() if weight)
    assert held


@settings(deadline=None, max_examples=200)
@given(st.lists(sorted_rows, min_size=1, max_size=5), st.integers(1, 50))
def test_merging(sources, budget):
    check_merge(merging.merge_sources, sources, budget)


def test_merging_interpreted():
    one = [((1, 0, 0, 0), 1), ((2, 0, 0, 0), 2), ((2**64 - 1, 0, 0, 0), 1)]
    check_merge(merging.merge_sources.py_func, [one, [((1, 0, 0, 0), -1)], [], one], 2)


@modes
def test_a_merge_stops_where_a_source_runs_dry_with_more_to_come(mode):
    first, second = source([(1, 0, 0, 0), (4, 0, 0, 0)], [1, 1]), source([(2, 0, 0, 0)], [1])
    cursors, picks = np.zeros(2, np.int64), np.empty(9, np.int64)
    more = np.array([0, 1], np.uint8)
    kernel = run_in(mode, merging.merge_sources)
    position, left = kernel(np.stack([first[0], second[0]]), cursors, more, picks, picks.copy(), 0, 9)
    assert (position, left, cursors.tolist()) == (2, 7, [1, 1])


def check_locate(kernel, runs_of_layers, asked):
    entries, held, fences, bounds, flat = [], [], [], [0], []
    for runs in runs_of_layers:
        for rows in runs:
            entry, alive = source(rows, [1] * len(rows))
            entries.append(entry)
            held.append(alive)
            flat.append(rows)
            fences.append((*rows[0][:2], *rows[-1][:2], rows[0][0]))
        bounds.append(len(flat))
    out = np.empty((200 * probing.BLOCK, 4), np.int64)
    keys = words([k for k, _ in asked]), words([low for _, low in asked])
    query, found = kernel(np.stack(entries), words(fences), np.array(bounds), *keys, 0, out)
    assert query == len(asked)
    expected = []
    for number, key in enumerate(asked):
        for run, rows in enumerate(flat):
            places = [i for i, row in enumerate(rows) if row[:2] == key]
            if places:
                expected.append([number, run, places[0], places[-1] + 1])
    assert out[:found].tolist() == expected
    assert held


@settings(deadline=None, max_examples=200)
@given(
    st.lists(rows_of_words, min_size=1, max_size=4),
    st.lists(st.tuples(word, st.integers(0, 1)), max_size=70),
    st.integers(1, 9),
)
def test_locating(layers, others, cut):
    layers = [sorted(set(rows)) for rows in layers if rows] or [[(1, 0, 0, 0)]]
    runs = [[rows[i : i + cut] for i in range(0, len(rows), cut)] for rows in layers]
    asked = others + [row[:2] for row in layers[0]][:30]
    check_locate(probing.locate, runs, asked)


def test_locating_interpreted():
    rows = [(1, 0, 0, 0), (5, 0, 0, 0), (5, 0, 1, 0), (5, 1, 0, 0), (2**64 - 1, 0, 0, 0)]
    asked = [(5, 0), (5, 1), (0, 0), (2**64 - 1, 0), (1, 0), (6, 0), (5, 0)]
    check_locate(probing.locate.py_func, [[rows[:2], rows[2:]], [rows]], asked)


@pytest.mark.parametrize("keys", [[7], [7] * 9, list(range(100)), [0, 2**64 - 1], [2**63] * 5 + [2**64 - 1]])
@modes
def test_directory(keys, mode):
    shift = run_in(mode, probing.directory_shift)(words(keys)[0], words(keys)[-1], len(keys))
    directory = run_in(mode, probing.build_directory)(words(keys), int(shift))
    assert len(directory) <= max(len(keys), 2) + 2
    for key in keys:
        part = (key - keys[0]) >> int(shift)
        assert directory[part] <= keys.index(key) < directory[part + 1]


@modes
def test_gathering(mode):
    picks = np.array([(1 << gathering.SOURCE_SHIFT) | 2, 0, (1 << gathering.SOURCE_SHIFT), 1], np.int64)
    for width, kernel in (
        (1, gathering.gather8),
        (2, gathering.gather16),
        (4, gathering.gather32),
        (8, gathering.gather64),
    ):
        one, two = np.array([10, 11], f"u{width}"), np.array([20, 21, 250], f"u{width}")
        out = np.empty(4, f"u{width}")
        run_in(mode, kernel)(picks, np.array([one.ctypes.data, two.ctypes.data]), out)
        assert out.tolist() == [250, 10, 20, 11]
    texts = pa.array(["žlu", "t"]), pa.array(["x", None, "ý"])
    one, two = leaf(texts[0]), leaf(texts[1])
    offsets, contents = np.array([one.values, two.values]), np.array([one.content, two.content])
    places = np.empty(5, np.int32)
    size = run_in(mode, gathering.gather_lengths)(picks, offsets, places)
    text = np.empty(size, np.uint8)
    run_in(mode, gathering.gather_strings)(picks, offsets, contents, places, text)
    assert text.tobytes().decode() == "ýžluxt"
    bits = np.array([0b10], np.uint8), np.array([0b1000], np.uint8)
    out = np.empty(1, np.uint8)
    zeros = run_in(mode, gathering.gather_bits)(picks, np.array([b.ctypes.data for b in bits]), np.array([0, 1]), out)
    assert (zeros, out[0]) == (2, 0b1001)


@modes
def test_order_bytes(mode):
    keys = [b"", b"a", b"ab", b"abcdefgh", b"abcdefghi", b"\xff"]
    column = pa.array(keys, pa.binary())
    place = leaf(column)
    found = run_in(mode, order_bytes.prefixes)(place.values, place.content, len(keys))
    assert [int(w) for w in found] == [int.from_bytes(k[:8].ljust(8, b"\0"), "big") for k in keys]


@modes
def test_summing(mode):
    hi, lo = words([1, 1, 2**64 - 1, 1]), words([0, 1, 0, 0])
    sums = np.empty(4, np.int64)
    left = run_in(mode, summing.sum_by_hash)(hi, lo, np.array([1, 2, 0, 4]), sums)
    assert (left, sums.tolist()) == (2, [5, 2, 0, 0])
    groups, firsts = np.empty(4, np.int64), np.empty(4, np.int64)
    assert run_in(mode, summing.number_by_hash)(hi, lo, groups, firsts) == 3
    assert (groups.tolist(), firsts[:3].tolist()) == ([0, 1, 2, 0], [0, 1, 2])


@modes
def test_spans(mode):
    one, held = source([(1, 0, 0, 0), (1, 0, 1, 0), (1, 0, 2, 0)], [1, 2, 3])
    two, held_too = source([(1, 0, 1, 0), (1, 0, 2, 0)], [-2, 1])
    table = np.stack([one, two])
    asked = np.array([[0, 0, 0, 3], [0, 1, 0, 2], [4, 0, 1, 2]], np.int64)
    query, picks, weights = (np.empty(6, np.int64) for _ in range(3))
    run_in(mode, spans.expand)(table, asked, query, picks, weights)
    assert (query.tolist(), weights.tolist()) == ([0, 0, 0, 0, 0, 4], [1, 2, 3, -2, 1, 2])
    count = run_in(mode, spans.merge_spans)(table, asked, -1, False, query, picks, weights)
    assert (query[:count].tolist(), weights[:count].tolist()) == ([0, 0, 4], [1, 4, 2])
    count = run_in(mode, spans.merge_spans)(table, asked, 2, True, query, picks, weights)
    assert (query[:count].tolist(), weights[:count].tolist()) == ([0, 4], [2, 2])
    sums = np.zeros(5, np.int64)
    run_in(mode, spans.sum_keys)(table, asked, sums)
    assert sums.tolist() == [5, 0, 0, 0, 2]
    sums[:] = 0
    run_in(mode, spans.sum_rows)(table, asked, words([2, 0, 0, 0, 2]), words([0] * 5), False, sums)
    assert sums.tolist() == [4, 0, 0, 0, 0]
    assert held
    assert held_too


def test_hashing_is_the_same_interpreted():
    column = pa.array(["", "a", None, "abcdefgh", "ž" * 20])
    place = leaf(column)
    secret = np.arange(1, 17, 2, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    results = []
    for mode in ("compiled", "interpreted"):
        one, two = np.full(5, secret[0]), np.full(5, secret[1])
        run_in(mode, hashing.absorb_strings)(place.values, place.content, place.bits, 0, secret, one, two)
        integers = pa.array([0, -1, None, 5, 2**62])
        numbers = leaf(integers)
        run_in(mode, hashing.absorb_words)(numbers.values, 8, numbers.bits, 0, secret, one, two)
        run_in(mode, hashing.finish)(one, two)
        results.append((one.tolist(), two.tolist()))
    assert results[0] == results[1]


def test_memory_of_a_mapping_can_be_given_back(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * (1 << 20))
    view = np.memmap(path, np.uint8, "r")
    at = view.ctypes.data
    assert view.sum() == ord("x") << 20
    assert memory.resident_bytes(at, 1 << 20) == 1 << 20
    memory.forget_pages(at + 1, 1 << 20)
    assert memory.resident_bytes(at, 1 << 20) <= 4096
    assert view.sum() == ord("x") << 20
