"""Order keys compare as PostgreSQL's ORDER BY does, and equality keys are equal where its = is true."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from spelled_types import type_of

from pgstream.types import BY_NAME, plain_values

ANSWERS = [json.loads(line) for line in (Path(__file__).parent / "order_answers.jsonl").read_text().splitlines()]
RANKS = {answer["type"]: [tuple(pair) for pair in answer["ranks"] if "{{" not in pair[0]] for answer in ANSWERS}


@pytest.mark.parametrize("kind", sorted(RANKS))
def test_order_is_postgresqls(kind: str) -> None:
    rows = RANKS[kind]
    random.Random(1).shuffle(rows)
    definition = type_of(kind).definition
    column = definition.parse(pa.array([text for text, _ in rows]), -1)
    keys = definition.order_key(column).to_pylist()
    ranked = sorted(zip(keys, (rank for _, rank in rows), strict=True))
    assert [rank for _, rank in ranked] == sorted(rank for _, rank in rows)
    for (key, rank), (other, next_rank) in pairwise(ranked):
        assert (key == other) == (rank == next_rank)
        assert key == other or not other.startswith(key)


@pytest.mark.parametrize("kind", sorted(RANKS))
def test_equality_is_postgresqls(kind: str) -> None:
    rows = RANKS[kind]
    definition = type_of(kind).definition
    column = definition.parse(pa.array([text for text, _ in rows]), -1)
    keys = definition.equality_key(column) if definition.equality_key else column
    assert keys.type == definition.storage
    ranks_of_key: dict[object, set[int]] = {}
    for key, (_, rank) in zip(map(repr, plain_values(keys)), rows, strict=True):
        ranks_of_key.setdefault(key, set()).add(rank)
    assert all(len(ranks) == 1 for ranks in ranks_of_key.values())
    assert len(ranks_of_key) == len({rank for _, rank in rows})


@given(st.lists(st.decimals(allow_nan=False, allow_infinity=False), min_size=2))
def test_numeric_keys_order_any_decimals(values: list) -> None:
    values = [value for value in values if abs(value.adjusted()) < 1000 and len(value.as_tuple().digits) < 1000]
    numeric = BY_NAME["numeric"]
    column = pa.array([numeric.from_python(value) for value in values], pa.string())
    keys = numeric.order_key(column).to_pylist()
    for value, key in zip(values, keys, strict=True):
        for other, other_key in zip(values, keys, strict=True):
            assert (value < other) == (key < other_key)
            assert (value == other) == (key == other_key)


@given(st.lists(st.binary(), min_size=2))
def test_string_keys_are_prefix_free_and_ordered(values: list[bytes]) -> None:
    keys = BY_NAME["bytea"].order_key(pa.array(values, pa.binary())).to_pylist()
    for value, key in zip(values, keys, strict=True):
        for other, other_key in zip(values, keys, strict=True):
            assert (value < other) == (key < other_key)
            assert value == other or not other_key.startswith(key)
