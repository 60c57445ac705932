"""A join looks up the few rows of one side in the many of the other, and finds the same."""

import numpy as np
import pyarrow as pa
import pytest

from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.functions.registry import EvalContext
from pgstream.operators.join import FEWER, Sides, pairs
from pgstream.storage.pace import Pace
from pgstream.storage.run import ArrangementSpec, build_run
from pgstream.storage.spine import Spine
from pgstream.testing.zset import ZSet
from pgstream.types.definition import SqlType

TICK = TickContext((1, 2), EvalContext({}, 0))
TYPES = (SqlType("int8"), SqlType("text"))
SIDES = Sides(TYPES, TYPES, (0,), (0,))
SPEC = ArrangementSpec(TYPES, (0,))


def rows(keys: list[int | None], name: str) -> Delta:
    return Delta(
        (pa.array(keys, pa.int64()), pa.array([f"{name}{i}" for i in range(len(keys))])), np.ones(len(keys), np.int64)
    )


@pytest.mark.parametrize("few", [0, 1, 20])
@pytest.mark.parametrize("flipped", [False, True])
def test_few_rows_are_looked_up_in_many(few: int, flipped: bool) -> None:
    many = build_run(rows([None, *(i % 700 for i in range(2000))], "m"), SPEC, TICK.seed)
    assert many is not None
    spine = Spine.empty(SPEC, TICK.seed, Pace(small_rows=2, fan=2, chunk_rows=4))
    for start in range(few):
        spine = spine.insert(rows([start * 50, None, start * 70], f"f{start}."))
    assert few < 2 or spine.len_upper_bound * FEWER <= many.count
    found, usual = (
        pairs(SIDES, many.delta(), many.rows.key, spine, TICK, flipped=flipped, ascending=ascending)
        for ascending in (True, False)
    )
    assert ZSet.of_delta(found.rows) == ZSet.of_delta(usual.rows)
    assert sorted(found.probing.tolist()) == sorted(usual.probing.tolist())
    assert few == 0 or len(found.rows)
