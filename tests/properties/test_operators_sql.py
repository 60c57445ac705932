"""SQL of every shape, bound, optimised, lowered and stepped, equals a naive interpreter at every tick."""

import random
import sys
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from operator_harness import TICK

from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.delta import Delta
from pgstream.errors import SqlError
from pgstream.functions.calling import column_from
from pgstream.operators.input import Input
from pgstream.plan.relations import Relation
from pgstream.sql.lower import Lowered, Lowering
from pgstream.sql.optimize import optimize
from pgstream.testing.naive import multiset

SHAPES_FOLDER = Path(__file__).parents[1] / "unit" / "optimize"
sys.path.insert(0, str(SHAPES_FOLDER))

import optimize_sql as sql  # noqa: E402

QUERIES = [
    line.removesuffix(";")
    for file in ("shapes.sql", "timed_shapes.sql")
    for line in (SHAPES_FOLDER / file).read_text().splitlines()
    if line and not line.startswith("--")
]
OIDS = {found.oid: found for found in sql.CATALOG.relations()}
NAMES = {oid: found.name for oid, found in OIDS.items() if found.name in sql.TABLES}

Tables = dict[str, list[tuple[object, ...]]]


def _value(draw: random.Random, type: str) -> object:
    if draw.random() < 0.2:
        return None
    if type == "int4":
        return draw.choice([1, 2, 3, 4, 10, 20, 40])
    if type == "text":
        return draw.choice(["x", "y", "z", ""])
    if type == "numeric":
        return draw.choice([Decimal("1.0"), Decimal("1.00"), Decimal("2.50")])
    return [draw.choice([1, 2, 3, None]) for _ in range(draw.randrange(3))]


def _history(seed: int, ticks: int) -> list[tuple[dict[str, list[tuple[tuple[object, ...], int]]], Tables]]:
    """Per tick the changes of each table, and the tables after them. `k` keeps its primary key, `e` stays empty."""
    draw = random.Random(seed)
    tables: Tables = {name: [] for name in sql.TABLES}
    history = []
    for _ in range(ticks):
        changes: dict[str, list[tuple[tuple[object, ...], int]]] = {name: [] for name in sql.TABLES}
        for name, columns in sql.TABLES.items():
            for _ in range(0 if name == "e" else draw.randrange(4)):
                row = tuple(_value(draw, type) for _, type in columns)
                if name == "k" and (row[0] is None or any(row[0] == other[0] for other in tables["k"])):
                    continue
                changes[name].append((row, 1))
                tables[name].append(row)
            for _ in range(draw.randrange(3) if tables[name] else 0):
                if tables[name]:
                    gone = tables[name].pop(draw.randrange(len(tables[name])))
                    changes[name].append((gone, -1))
        history.append((changes, {name: list(rows) for name, rows in tables.items()}))
    return history


def _delta(node: Node, rows: list[tuple[tuple[object, ...], int]]) -> Delta:
    operator = node.operator
    assert isinstance(operator, Input)
    pairs = zip(operator.positions, operator.columns, strict=True)
    columns = tuple(column_from([row[position] for row, _ in rows], type) for position, type in pairs)
    return Delta(columns, np.array([weight for _, weight in rows], np.int64))


Rows = Counter[tuple[object, ...]]


def _answer(delta: Delta, lowered: Lowered) -> Rows:
    """The rows of `delta` as a multiset of Python values; weights may be negative."""
    found: Rows = Counter()
    columns = [
        [None if value is None else col.type.definition.to_python(value) for value in column.to_pylist()]
        for col, column in zip(lowered.columns, delta.columns, strict=False)
    ]
    rows = list(zip(*columns, strict=True)) if columns else [()] * len(delta)
    for row, weight in zip(rows, delta.weights, strict=True):
        [key] = multiset([row])
        found[key] += int(weight)
    return found


def _sum(parts: Iterable[Rows]) -> Rows:
    total: Rows = Counter()
    for part in parts:
        total.update(part)
    return Counter({row: count for row, count in total.items() if count})


def _expected(plan: Relation, tables: Tables, width: int) -> Rows | type[SqlError]:
    """The rows that the interpreter gives, or the error."""
    try:
        return multiset(row[:width] for row in sql.naive(tables).rows(plan))
    except SqlError as error:
        return type(error)


@pytest.mark.parametrize("query", QUERIES)
def test_query(query: str) -> None:
    bound = sql.bound(query)
    circuit = Circuit()
    lowered = Lowering(circuit, sql.FACTS).lower(optimize(bound, sql.FACTS))
    sources = [node for node in circuit.nodes() if isinstance(node.operator, Input)]
    state = State()
    result: Rows = Counter()
    for changes, tables in _history(len(query), 5):
        expected = _expected(bound, tables, len(bound.columns))
        whole = {node: _delta(node, [(row, 1) for row in tables[NAMES[node.operator.oid]]]) for node in sources}
        given = {node: _delta(node, changes[NAMES[node.operator.oid]]) for node in sources}
        if isinstance(expected, type):
            with pytest.raises(expected):
                list(circuit.run_once(lowered.node, lambda node, whole=whole: [whole[node]], TICK))
            with pytest.raises(expected):
                circuit.step(state, given, TICK)
            return
        parts = circuit.run_once(lowered.node, lambda node, whole=whole: [whole[node]], TICK)
        assert _sum(_answer(part, lowered) for part in parts) == expected, "at once"
        state, found = circuit.step(state, given, TICK)
        if lowered.node in found:
            result = _sum([result, _answer(found[lowered.node], lowered)])
        assert result == expected, "maintained"
