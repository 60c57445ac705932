"""Aggregates over HOP, by panes or not, and what is greatest among them, equal a naive interpreter at every tick."""

import sys
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_harness import TICK

from pgstream.catalog.catalog import Catalog
from pgstream.catalog.objects import PUBLIC, Table, TableColumn
from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.delta import Delta
from pgstream.functions.calling import column_from, python_values
from pgstream.functions.registry import EvalContext
from pgstream.operators.arrange import Arrange
from pgstream.operators.input import Input
from pgstream.operators.partial import PartialSums
from pgstream.plan.relations import Relation
from pgstream.sql.bind import BindScope
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.dispatch import bind_query
from pgstream.sql.explain import explain_circuit
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize import optimize
from pgstream.sql.optimize.facts import NoFacts
from pgstream.sql.parse import parse
from pgstream.testing.naive import Naive, key_of, multiset
from pgstream.types.definition import SqlType

sys.path.insert(0, str(Path(__file__).parent))

COLUMNS = {"k": "int8", "v": "int4", "m": "numeric", "ts": "timestamp", "tz": "timestamptz"}
TYPES = [SqlType(name) for name in COLUMNS.values()]
SECOND = 1_000_000
INFINITY = 2**63 - 1

HOP = "hop(t, ts, interval '{slide} s', interval '{size} s')"
COUNTED = f"SELECT k, window_start AS s, count(*) AS n FROM {HOP} GROUP BY k, window_start"
HIGHEST = f"SELECT max(n) AS o, s FROM ({COUNTED}) b GROUP BY s"
BY_PANES = [
    COUNTED,
    f"SELECT k, window_end, sum(v), avg(v) FILTER (WHERE k > 0), count(m), sum(k) FROM {HOP} GROUP BY k, window_end",
    f"SELECT window_start, count(*), sum(v + k) FROM {HOP} WHERE v > 0 GROUP BY 1",
    f"SELECT extract(epoch FROM window_start), k % 2, count(*) FROM {HOP} GROUP BY 1, 2",
    f"SELECT count(*), sum(v) FROM {HOP}",
    "SELECT window_start, sum(v) FROM hop(t, ts, interval '{slide} s', interval '{size} s', interval '1 s') GROUP BY 1",
    "SELECT window_start, count(*) FROM hop(t, tz, interval '{slide} s', interval '{size} s') GROUP BY 1",
    "SELECT window_end, count(*) FROM hop(t, ts, interval '{slide} days', interval '{size} days') GROUP BY 1",
    f"SELECT k, sum(v) FROM {HOP} GROUP BY k",
    f"SELECT k, n FROM ({COUNTED}) a JOIN ({HIGHEST}) b USING (s) WHERE n >= o",
]
ROW_BY_ROW = [
    "SELECT window_end, count(*) FROM hop(t, ts, interval '{slide} months', interval '{size} months') GROUP BY 1",
    "SELECT window_end, count(*) FROM hop(t, tz, interval '{slide} days', interval '{size} days') GROUP BY 1",
    f"SELECT window_start, sum(m) FROM {HOP} GROUP BY 1",
    f"SELECT DISTINCT window_start FROM {HOP}",
    f"SELECT window_start, max(v) FROM {HOP} GROUP BY 1",
    f"SELECT window_start, count(DISTINCT v) FROM {HOP} GROUP BY 1",
    f"SELECT k, sum(extract(epoch FROM window_start)) FROM {HOP} GROUP BY 1",
    f"SELECT extract(epoch FROM window_start) + k, count(*) FROM {HOP} GROUP BY 1",
]
GREATEST = [
    HIGHEST,
    f"SELECT max(n) FROM ({COUNTED}) c",
    f"SELECT min(n), max(n), count(*), sum(n) FROM ({COUNTED}) c GROUP BY k",
    f"SELECT max(n), s FROM ({COUNTED}) c WHERE n > 1 GROUP BY s",
    f"SELECT max(n) FILTER (WHERE n < 3), max(n) FILTER (WHERE k > 1), s FROM ({COUNTED}) c GROUP BY s",
    f"SELECT max(k), max(n + 1), n FROM ({COUNTED}) c GROUP BY n",
    "SELECT v, max(b) FROM (SELECT k, v, max(m) AS b FROM t GROUP BY k, v) c GROUP BY v",
    "SELECT v, max(b) FROM (SELECT k, v, count(m) AS b FROM t GROUP BY k, v) c GROUP BY v",
    "SELECT v, max(b) FROM (SELECT k, v, count(DISTINCT m) AS b FROM t GROUP BY k, v) c GROUP BY v",
    "SELECT v, max(b) FROM (SELECT k, v, sum(v) AS b FROM t GROUP BY k, v) c GROUP BY v",
    "SELECT max(b) FROM (SELECT v, max(b) AS b FROM (SELECT k, v, count(*) AS b FROM t GROUP BY k, v) c GROUP BY v) d",
]


RISING = [*GREATEST[:2], *GREATEST[6:9]]
"""Those that need no arrangement of what is not the greatest, where rows never go."""


@dataclass(frozen=True)
class Facts(NoFacts):
    """Whether rows of the table ever go."""

    growing: bool

    def append_only(self, oid: int) -> bool:
        return self.growing


OID, _CATALOG = Catalog.new().reserve()
CATALOG = _CATALOG.put(
    Table(OID, PUBLIC, "t", tuple(TableColumn(name, SqlType(type), False) for name, type in COLUMNS.items()), None)
)


def bound(query: str) -> Relation:
    [parsed] = parse(query)
    return bind_query(Binding(CATALOG, BindScope()), parsed.node, ordered=True).plan


Row = tuple[Any, ...]
moments = st.one_of(
    st.none(), st.sampled_from([INFINITY, -INFINITY]), st.integers(-15, 15).map(lambda half: half * SECOND // 2)
)
rows = st.tuples(
    st.one_of(st.none(), st.integers(0, 2)),
    st.one_of(st.none(), st.integers(-2, 2)),
    st.sampled_from([None, *map(Decimal, ("1.0", "1.00", "2.5", "-3"))]),
    moments,
    moments,
)


@st.composite
def histories(draw: st.DrawFn, growing: bool) -> list[list[tuple[Row, int]]]:
    """The changes of each tick; no row goes that is not there."""
    held: list[Row] = []
    ticks = []
    for _ in range(draw(st.integers(1, 4))):
        changes = []
        for _ in range(0 if growing or not held else draw(st.integers(0, 3))):
            if held:
                changes.append((held.pop(draw(st.integers(0, len(held) - 1))), -1))
        came = draw(st.lists(rows, max_size=6))
        held += came
        ticks.append([*changes, *((row, 1) for row in came)])
    return ticks


def _delta(node: Node, changes: list[tuple[Row, int]]) -> Delta:
    assert isinstance(node.operator, Input)
    columns = tuple(column_from([row[p] for row, _ in changes], TYPES[p]) for p in node.operator.positions)
    return Delta(columns, np.array([weight for _, weight in changes], np.int64))


def _counted(delta: Delta, node: Node) -> Counter[Row]:
    values = [python_values(column, type) for column, type in zip(delta.columns, node.types, strict=True)]
    found: Counter[Row] = Counter()
    for row, weight in enumerate(delta.weights.tolist()):
        found[tuple(key_of(column[row]) for column in values)] += weight
    return found


def assert_maintained(query: str, history: list[list[tuple[Row, int]]], growing: bool) -> None:
    """The circuit of `query` gives at every tick, and at once, what the interpreter gives."""
    plan, facts = bound(query), Facts(growing)
    circuit = Circuit()
    target = Lowering(circuit, facts).lower(optimize(plan, facts)).node
    sources = [node for node in circuit.nodes() if isinstance(node.operator, Input)]
    state = State()
    state, outputs = circuit.step(state, {}, TICK)
    result = _counted(outputs[target], target) if target in outputs else Counter()
    held: list[Row] = []
    for changes in history:
        for row, weight in changes:
            held.append(row) if weight > 0 else held.remove(row)
        expected = multiset(Naive({OID: held}, EvalContext({}, 0)).rows(plan))
        state, outputs = circuit.step(state, {node: _delta(node, changes) for node in sources}, TICK)
        if target in outputs:
            result.update(_counted(outputs[target], target))
        told = "\n".join(explain_circuit(target))
        assert Counter({row: n for row, n in result.items() if n}) == expected, told
        whole = [(row, 1) for row in held]
        parts = list(circuit.run_once(target, lambda node, whole=whole: [_delta(node, whole)], TICK))
        assert sum((_counted(part, target) for part in parts), Counter()) == expected, told


WIDTHS = st.sampled_from([(2, 10), (3, 10), (4, 6), (5, 5), (7, 3), (1, 2)])


@pytest.mark.parametrize("query", [*BY_PANES, *ROW_BY_ROW, *GREATEST])
@settings(max_examples=12, deadline=None)
@given(data=st.data(), growing=st.booleans(), widths=WIDTHS)
def test_windows(query: str, data: st.DataObject, growing: bool, widths: tuple[int, int]) -> None:
    query = query.format(slide=widths[0], size=widths[1])
    assert_maintained(query, data.draw(histories(growing)), growing)


@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("query", [*BY_PANES, *ROW_BY_ROW])
def test_additive_aggregates_go_by_panes(query: str, growing: bool) -> None:
    for slide, size, overlap in [(2, 10, True), (4, 6, True), (5, 5, False), (7, 3, False)]:
        circuit = Circuit()
        plan = optimize(bound(query.format(slide=slide, size=size)), Facts(growing))
        target = Lowering(circuit, Facts(growing)).lower(plan).node
        found = [node for node in Circuit.ancestors([target]) if isinstance(node.operator, PartialSums)]
        assert bool(found) == (overlap and query in BY_PANES), "\n".join(explain_circuit(target))


@pytest.mark.parametrize("growing", [True, False])
@pytest.mark.parametrize("query", GREATEST)
def test_what_only_rises_is_not_arranged(query: str, growing: bool) -> None:
    circuit = Circuit()
    plan = optimize(bound(query.format(slide=2, size=10)), Facts(growing))
    target = Lowering(circuit, Facts(growing)).lower(plan).node
    found = [node for node in Circuit.ancestors([target]) if isinstance(node.operator, Arrange)]
    assert (not found) == (growing and query in RISING), "\n".join(explain_circuit(target))
