"""A folded sum or mean of numerics is that of its rows, whatever came and went."""

from collections import Counter
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.functions.maintained import Fold
from pgstream.functions.registry import AGGREGATES
from pgstream.functions.stretches import averages_of, sums_of

TEXTS = st.sampled_from(
    ["0", "1.5", "1.50", "-3.25", "10.000", "99999999999999999.5", "1e40", "NaN", "Infinity", "7.25"]
)
FEW = st.sampled_from(["1.5", "1.50", "2.25", "3.5"])
BATCHES = st.lists(st.lists(st.tuples(st.integers(0, 2), FEW | TEXTS, st.integers(-2, 2)), max_size=6), max_size=5)
LONG = st.lists(st.lists(st.tuples(st.just(0), FEW, st.integers(-2, 1)), max_size=3), max_size=20)


def _fold(name: str) -> Fold:
    found = next(each.maintained for each in AGGREGATES[name] if each.arguments == ("numeric",))
    assert isinstance(found, Fold)
    return found


def _advanced(fold: Fold, states: Any, batch: list[tuple[int, str, int]]) -> Any:
    column = pa.array([format(Decimal(text), "f") for _, text, _ in batch], pa.string())
    weights, ids = (np.array([row[i] for row in batch], np.int64) for i in (2, 0))
    return fold.advance(states, (column,), weights, ids)


@settings(deadline=None, max_examples=300)
@given(BATCHES | LONG)
def test_folded(batches: list[list[tuple[int, str, int]]]) -> None:
    total, mean = _fold("sum"), _fold("avg")
    assert total.advance is mean.advance
    states, rows = pa.nulls(3, pa.binary()), Counter[tuple[int, str]]()
    for batch in batches:
        kept = []
        for group, text, weight in batch:
            weight = max(weight, -rows[group, text])
            rows[group, text] += weight
            kept.append((group, text, weight))
        states = _advanced(total, states, kept)
        values = [
            [text for (own, text), count in rows.items() if own == group for _ in range(count)] for group in range(3)
        ]
        column = pa.array([format(Decimal(text), "f") for each in values for text in each], pa.string())
        ends = np.cumsum([len(each) for each in values])
        starts = np.concatenate([[0], ends[:-1]])
        assert total.finish(states).to_pylist() == sums_of(column, starts, ends).to_pylist()
        assert mean.finish(states).to_pylist() == averages_of(column, starts, ends).to_pylist()


def test_a_state_is_small_however_many_values_have_another_scale() -> None:
    total = _fold("sum")
    batch = [(0, "0", 1), *((0, f"{number}.25", 1) for number in range(5000)), (0, "1e5000", 2), (0, "NaN", 1)]
    states = _advanced(total, pa.nulls(1, pa.binary()), batch)
    assert states.nbytes < 5000
    assert total.finish(states).to_pylist() == ["NaN"]
    states = _advanced(total, states, [(0, "NaN", -1), (0, "1e5000", -1), (0, "7.25", -1)])
    assert total.finish(states).to_pylist() == [f"1{12498742:0>5000}.75"]
    states = _advanced(total, states, [(group, text, -1) for group, text, _ in batch[1:5001] if text != "7.25"])
    states = _advanced(total, states, [(0, "1e5000", -1)])
    assert total.finish(states).to_pylist() == ["0"]
