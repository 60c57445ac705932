"""Row and key identities: equal exactly when the rows are, whatever the arrays' layout."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.storage.identity import key_hash, row_hash
from pgstream.types import FLOAT8, INT8, NUMERIC

SEED = (3, 2**64 - 5)
LISTS = pa.list_(pa.string())
STRUCT = pa.struct([("a", pa.int32()), ("b", pa.string())])
SAMPLES = {
    "int16": pa.array([0, 1, -1, None, 32767, -32768], pa.int16()),
    "int32": pa.array([0, 1, -1, None, 2**31 - 1], pa.int32()),
    "int64": pa.array([0, 1, -1, None, 2**63 - 1, -(2**63)], pa.int64()),
    "float64": pa.array([0.0, -0.0, 1.5, float("nan"), float("inf"), None], pa.float64()),
    "float32": pa.array([0.0, -0.0, 1.5, None], pa.float32()),
    "bool": pa.array([True, False, None]),
    "string": pa.array(
        ["", "a", "b", "ab", "ba", "abc", "abcd", "abcdefg", "abcdefgh", "abcdefghi", "žluť", None, "x" * 99]
    ),
    "binary": pa.array(
        [b"", b"\0", b"\0\0", b"\0\0\0", b"\0" * 7, b"\0" * 8, b"\0" * 9, b"\0" * 16, None], pa.binary()
    ),
    "fixed": pa.array([b"a" * 16, b"a" * 15 + b"b", b"b" + b"a" * 15, None], pa.binary(16)),
    "timestamp": pa.array([0, 1, None], pa.timestamp("us", "UTC")),
    "list": pa.array([[], None, [None], ["a"], ["a", None], ["a", "b"], ["ab"], [None, None]], LISTS),
    "struct": pa.array([None, {"a": None, "b": None}, {"a": 1, "b": "x"}, {"a": 1, "b": None}], STRUCT),
    "nested": pa.array([[[]], [[], []], [[1]], [[1], []], [None], None], pa.list_(pa.list_(pa.int32()))),
}


def pairs(hashes):
    return list(zip(hashes.hi.tolist(), hashes.lo.tolist(), strict=True))


@pytest.mark.parametrize("name", SAMPLES)
def test_distinct_values_have_distinct_identities_that_do_not_depend_on_layout(name):
    column = SAMPLES[name]
    expected = pairs(row_hash([column], SEED))
    assert len({hi for hi, _ in expected}) == len({lo for _, lo in expected}) == len(column)
    shifted = pa.concat_arrays([column, column, column]).slice(len(column) + 1, len(column))
    assert pairs(row_hash([shifted], SEED)) == expected[1:] + expected[:1]
    for i in range(len(column)):
        assert pairs(row_hash([column.slice(i, 1)], SEED)) == [expected[i]]


def test_a_null_struct_hides_its_fields():
    shown = pa.StructArray.from_arrays([pa.array([1, 2])], ["a"], mask=pa.array([True, True]))
    first, second = pairs(row_hash([shown], SEED))
    assert first == second


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.text(max_size=20) | st.none(), st.text(max_size=20) | st.none()), min_size=2, max_size=20))
def test_rows_are_one_exactly_when_equal(rows):
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(2)]
    hashes = pairs(row_hash(columns, SEED))
    assert len(set(hashes)) == len(set(rows))
    assert len(dict(zip(hashes, rows, strict=True))) == len(set(rows))


def test_key_identity_is_sql_equality():
    numbers = pa.array(["1.0", "1.00", "1", "2", None, None])
    one, two, three, other, null, null_again = pairs(key_hash([numbers], [NUMERIC], SEED))
    assert one == two == three != other
    assert null == null_again != one
    floats = pairs(key_hash([pa.array([0.0, -0.0])], [FLOAT8], SEED))
    assert floats[0] == floats[1]
    assert len(set(pairs(row_hash([numbers], SEED)))) == 5
    plain = pa.array([1, 2, None])
    assert pairs(key_hash([plain], [INT8], SEED)) == pairs(row_hash([plain], SEED))


def test_no_columns_are_one_identity():
    assert len(set(pairs(row_hash([], SEED, 3)))) == 1
    assert row_hash([], SEED, 0).rows == 0


@pytest.mark.parametrize("lane", [0, 1])
@pytest.mark.parametrize("kind", ["int64", "string", "two"])
def test_each_input_bit_flips_half_the_output(lane, kind):
    generator = np.random.default_rng(5)
    values = generator.integers(0, 2**63, 2000)

    def hashed(words):
        column = pa.array(words) if kind != "string" else pa.array([w.tobytes() for w in words], pa.binary())
        return row_hash([column, column] if kind == "two" else [column], SEED)[lane]

    before = hashed(values)
    for bit in range(0, 63, 5):
        flipped = before ^ hashed(values ^ np.int64(1 << bit))
        shares = np.array([((flipped >> np.uint64(out)) & np.uint64(1)).mean() for out in range(64)])
        assert shares.min() > 0.44
        assert shares.max() < 0.56


def test_seeds_give_unrelated_hashes():
    column = pa.array(range(1000))
    assert not set(row_hash([column], (1, 2)).hi.tolist()) & set(row_hash([column], (1, 3)).hi.tolist())
