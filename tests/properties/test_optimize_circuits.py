"""From plan to circuit: what a random plan's circuit maintains under insertions and retractions is its answer."""

import random
from collections import Counter
from collections.abc import Iterator

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pgstream.functions
import pgstream.types  # noqa: F401
from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.functions.calling import column_from, python_values
from pgstream.functions.registry import EvalContext
from pgstream.operators.input import Input
from pgstream.sql.explain import explain, explain_circuit
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize import NO_FACTS, optimize
from pgstream.testing.naive import Naive, key_of, multiset
from pgstream.testing.random_plans import INT, PlanMaker, Rows, random_rows

TICK = TickContext((1, 2), EvalContext({}, 0))

Change = tuple[tuple[int | None, ...], int]


def delta_of(operator: Input, changes: list[Change]) -> Delta:
    columns = tuple(column_from([row[at] for row, _ in changes], INT) for at in operator.positions)
    return Delta(columns, np.array([weight for _, weight in changes], np.int64))


def counted(deltas: list[Delta], node: Node) -> Counter[tuple[object, ...]]:
    """The sum of `deltas`, without what cancels out."""
    total: Counter[tuple[object, ...]] = Counter()
    for delta in deltas:
        values = [python_values(column, type) for column, type in zip(delta.columns, node.types, strict=True)]
        for row, weight in enumerate(delta.weights.tolist()):
            total[tuple(key_of(column[row]) for column in values)] += weight
    return Counter({row: weight for row, weight in total.items() if weight})


def changes(rng: random.Random, rows: Rows) -> Iterator[tuple[int, Change]]:
    """Single changes in random order that sum up to `rows`, with rows among them that come and go."""
    arrivals = [(oid, (row, 1)) for oid, given in rows.items() for row in given]
    rng.shuffle(arrivals)
    sequence: list[tuple[int, Change]] = arrivals[:]
    for oid, (row, _) in arrivals[:4]:
        shifted = tuple(None if value is None else value + 1 for value in row)
        first, second = sorted((rng.randint(0, len(sequence)), rng.randint(0, len(sequence))))
        sequence.insert(second, (oid, (shifted, -1)))
        sequence.insert(first, (oid, (shifted, 1)))
    yield from sequence


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), depth=st.integers(1, 4))
def test_circuit_maintains_the_plan(seed: int, depth: int) -> None:
    maker = PlanMaker(seed)
    plan = maker.relation((), depth)
    rng = random.Random(seed)
    rows = random_rows(rng)
    expected = multiset(Naive(rows, EvalContext({}, 0)).rows(plan))
    circuit = Circuit()
    optimised = optimize(plan, NO_FACTS)
    node = Lowering(circuit, NO_FACTS).lower(optimised).node
    told = "\n".join([*explain(plan), *explain(optimised), *explain_circuit(node)])

    def whole(source: Node) -> list[Delta]:
        assert isinstance(source.operator, Input)
        return [delta_of(source.operator, [(row, 1) for row in rows[source.operator.oid]])]

    assert counted(list(circuit.run_once(node, whole, TICK)), node) == expected, f"once\n{told}"
    state, outputs = circuit.step(State(), {}, TICK)
    deltas = [outputs[node]] if node in outputs else []
    for oid, change in changes(rng, rows):
        inputs = {
            source: delta_of(source.operator, [change])
            for source in circuit.nodes()
            if isinstance(source.operator, Input) and source.operator.oid == oid
        }
        state, outputs = circuit.step(state, inputs, TICK)
        if node in outputs:
            deltas.append(outputs[node])
    assert counted(deltas, node) == expected, f"maintained\n{told}"
