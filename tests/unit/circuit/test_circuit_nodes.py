"""Nodes are shared by structure, live while something needs them, and keep their arrangement ids over restarts."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.circuit.fingerprint import fingerprint
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.errors import CardinalityViolation
from pgstream.functions.registry import EvalContext
from pgstream.operators.arrange import Arrange
from pgstream.operators.derived import arrange, assert_single, distinct, inner_join
from pgstream.operators.input import Input
from pgstream.operators.join import Sides
from pgstream.plan.expressions import Const
from pgstream.storage.identity import Hash
from pgstream.storage.run import ArrangementSpec
from pgstream.testing.zset import ZSet
from pgstream.types import INT8

TICK = TickContext((3, 4), EvalContext({}, 0))
SIDES = Sides((INT8, INT8), (INT8, INT8), (0,), (0,))


def _input(circuit: Circuit, oid: int) -> Node:
    return circuit.add(Input(oid, (0, 1), (INT8, INT8)))


def _join(circuit: Circuit) -> Node:
    return inner_join(circuit, _input(circuit, 1), _input(circuit, 2), SIDES, (0, 1, 3))


def _rows(*rows: tuple[int, int], weight: int = 1) -> Delta:
    columns = [pa.array([row[i] for row in rows], pa.int64()) for i in range(2)]
    return Delta(tuple(columns), np.full(len(rows), weight, np.int64))


def test_equal_computations_are_one_node() -> None:
    circuit = Circuit()
    assert _join(circuit) is _join(circuit)
    assert len(circuit) == 5


def test_constants_that_print_differently_are_not_one() -> None:
    numeric = INT8
    assert fingerprint(Const(Decimal("1.0"), numeric)) != fingerprint(Const(Decimal("1.00"), numeric))
    assert fingerprint(Const(0.0, numeric)) != fingerprint(Const(-0.0, numeric))
    assert fingerprint(Const(float("nan"), numeric)) == fingerprint(Const(float("nan"), numeric))
    assert fingerprint(("a", "b")) != fingerprint(("ab",))
    assert fingerprint((("a",), "b")) != fingerprint(("a", ("b",)))


def test_a_restart_finds_the_same_arrangements() -> None:
    first, second = Circuit(), Circuit()
    _input(second, 9)
    assert _join(first).inputs[0].arrangement_ids == _join(second).inputs[0].arrangement_ids
    assert first.specs() == second.specs()


def test_a_view_that_is_left_out_takes_along_what_no_other_needs() -> None:
    circuit = Circuit()
    join = _join(circuit)
    other = arrange(circuit, _input(circuit, 1), (0,))
    assert other in join.inputs
    circuit.sweep(Circuit.ancestors([other]))
    assert set(circuit.nodes()) == {other, other.inputs[0]}
    assert other.consumers == []
    circuit.let_go([other, *other.inputs])
    circuit.sweep(())
    assert len(circuit) == 0


def test_a_failed_step_leaves_the_old_state() -> None:
    circuit = Circuit()
    single = assert_single(circuit, _input(circuit, 1), ())
    state, _ = circuit.step(State(), {_input(circuit, 1): _rows((1, 1))}, TICK)
    with pytest.raises(CardinalityViolation) as raised:
        circuit.step(state, {_input(circuit, 1): _rows((2, 2))}, TICK)
    assert raised.value.message == "more than one row returned by a subquery used as an expression"
    state, found = circuit.step(state, {_input(circuit, 1): _rows((1, 1), weight=-1)}, TICK)
    state, found = circuit.step(state, {_input(circuit, 1): _rows((2, 2))}, TICK)
    assert ZSet.of_delta(found[single]) == ZSet.of((2, 2))


def test_a_step_counts_rows_and_skips_what_nothing_reaches() -> None:
    circuit = Circuit()
    join = _join(circuit)
    alone = distinct(circuit, _input(circuit, 7), growing=False)
    left, right = (node.inputs[0] for node in join.inputs)
    _, found = circuit.step(State(), {left: _rows((1, 5), (2, 6)), right: _rows((1, 9))}, TICK)
    assert ZSet.of_delta(found[join]) == ZSet.of((1, 5, 9))
    assert (join.counters.rows_in, join.counters.rows_out, join.counters.steps) == (3, 1, 1)
    assert alone not in found
    assert alone.counters.steps == 0


def test_a_backfill_may_start_from_a_shared_arrangement() -> None:
    circuit = Circuit()
    shared = arrange(circuit, _input(circuit, 1), (0,))
    live, _ = circuit.step(State(), {_input(circuit, 1): _rows((1, 5), (2, 6))}, TICK)
    join = _join(circuit)
    within = Circuit.ancestors([join], until=lambda node: node is shared)
    assert shared.inputs[0] not in within
    fresh = State()
    contents = live[shared.arrangement_ids[0]].contents()
    fresh, first = circuit.step(fresh, {shared: contents}, TICK, within)
    fresh, second = circuit.step(fresh, {_input(circuit, 2): _rows((1, 9))}, TICK, within)
    assert not len(first.get(join, ()))
    assert ZSet.of_delta(second[join]) == ZSet.of((1, 5, 9))


def test_an_arrangement_gives_its_past_and_its_present() -> None:
    operator = Arrange(ArrangementSpec((INT8, INT8), (0,)))
    circuit = Circuit()
    node = circuit.add(operator, [_input(circuit, 1)])
    source = _input(circuit, 1)
    state, _ = circuit.step(State(), {source: _rows((1, 1))}, TICK)
    _, found = circuit.step(state, {source: _rows((1, 2))}, TICK)
    made = found[node]
    assert ZSet.of_delta(made) == ZSet.of((1, 2))
    assert isinstance(made.keys, Hash)  # type: ignore[attr-defined]
    assert ZSet.of_delta(made.before.contents()) == ZSet.of((1, 1))  # type: ignore[attr-defined]
    assert ZSet.of_delta(made.after.contents()) == ZSet.of((1, 1), (1, 2))  # type: ignore[attr-defined]
