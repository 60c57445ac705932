"""Joins that choose by time under random changes, against models that remember everything."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from operator_harness import TABLE_TYPES, TICK, Facts, binary, histories

from pgstream.circuit.circuit import Circuit, State
from pgstream.operators.asof import Nearest
from pgstream.operators.input import Input
from pgstream.operators.join import Sides
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Not, Ref
from pgstream.sql.lower import Lowering
from pgstream.storage.identity import row_hash
from pgstream.testing.zset import Row, ZSet
from tests.properties.operator_harness import AK, AV, BK, BOOL, BV, A, B

STORAGES = [type.storage for type in TABLE_TYPES]
EQUAL = binary("=", AK, BK)
Histories = list[tuple[ZSet, ZSet]]


class Kept:
    """A plan kept up to date in a circuit of its own."""

    def __init__(self, plan: rel.Relation, growing: bool = False) -> None:
        self.circuit = Circuit()
        self.target = Lowering(self.circuit, Facts(growing)).lower(plan).node
        self.state = State()
        self.rows = ZSet()

    def step(self, left: ZSet, right: ZSet) -> None:
        given_rows = {
            node: (left, right)[node.operator.oid - 1].to_delta(STORAGES).select(node.operator.positions)
            for node in self.circuit.nodes()
            if isinstance(node.operator, Input)
        }
        self.state, found = self.circuit.step(self.state, given_rows, TICK)
        if self.target in found:
            self.rows = self.rows + ZSet.of_delta(found[self.target])


def first(rows: list[Row]) -> Row:
    """The row that comes first by identity."""
    delta = ZSet((row, 1) for row in rows).to_delta(STORAGES)
    identity = row_hash(delta.columns, TICK.seed, len(delta))
    order = sorted(zip(identity.hi.tolist(), identity.lo.tolist(), dict.fromkeys(rows), strict=True))
    return order[0][2]


COMPARED: dict[str, Callable[[int, int], bool]] = {
    ">=": lambda one, other: one >= other,
    ">": lambda one, other: one > other,
    "<=": lambda one, other: one <= other,
    "<": lambda one, other: one < other,
}


def nearest(left: ZSet, right: ZSet, nearer: str, outer: bool) -> ZSet:
    """The ASOF join of two tables by their columns k and v, row by row."""
    found: list[tuple[Row, int]] = []
    for row, weight in left.items():
        k, time, _ = row
        among = [r for r in right.copies() if k is not None and r[0] == k and r[1] is not None and time is not None]
        among = [r for r in among if COMPARED[nearer](time, r[1])]
        if among:
            best = (max if nearer in (">=", ">") else min)(r[1] for r in among)
            found.append(((*row, *first([r for r in among if r[1] == best])), weight))
        elif outer:
            found.append(((*row, None, None, None), weight))
    return ZSet(found)


@pytest.mark.parametrize("kind", ["inner", "left"])
@pytest.mark.parametrize("nearer", COMPARED)
@settings(max_examples=40, deadline=None)
@given(history=histories())
def test_asof(history: Histories, nearer: str, kind: str) -> None:
    """Also which of several rows of one time it is follows from the rows alone."""
    kept = Kept(rel.Asof(kind, A, B, EQUAL, AV, BV, nearer))  # type: ignore[arg-type]
    tables = [ZSet(), ZSet()]
    for changes in history:
        kept.step(*changes)
        tables = [table + change for table, change in zip(tables, changes, strict=True)]
        assert kept.rows == nearest(tables[0], tables[1], nearer, kind == "left")


class Memory:
    """Lookups by the book: for each copy of a left row what it was joined with when it came."""

    def __init__(self, outer: bool) -> None:
        self.outer = outer
        self.right = ZSet()
        self.given: dict[Row, list[ZSet]] = {}

    def step(self, left: ZSet, right: ZSet) -> None:
        self.right = self.right + right
        for row, weight in left.items():
            known = self.given.setdefault(row, [])
            for _ in range(-weight):
                known.pop()
            if weight > 0:
                known += [self._found(row)] * weight

    def _found(self, row: Row) -> ZSet:
        matches = ZSet(((*row, *r), w) for r, w in self.right.items() if row[0] is not None and r[0] == row[0])
        return matches if matches.copies() or not self.outer else ZSet.of((*row, None, None, None))

    @property
    def rows(self) -> ZSet:
        return sum((found for known in self.given.values() for found in known), ZSet())


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("kind", ["inner", "left"])
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_lookup(data: st.DataObject, kind: str, growing: bool) -> None:
    history = data.draw(histories(growing=growing))
    kept, memory = Kept(rel.Lookup(kind, A, B, EQUAL), growing), Memory(kind == "left")  # type: ignore[arg-type]
    for changes in history:
        kept.step(*changes)
        memory.step(*changes)
        assert kept.rows == memory.rows


GONE = Col(99, "gone", BOOL)


@settings(max_examples=80, deadline=None)
@given(
    orders=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9)), max_size=8),
    writes=st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.sampled_from("xy-")), max_size=12),
)
def test_versions(orders: list[tuple[int, int]], writes: list[tuple[int, int, str]]) -> None:
    """Each order meets what was written last of all that was written for the last time up to its own."""
    versions = rel.Versions(B, (B.columns[0],), B.columns[1], GONE)
    joined = rel.Asof("left", A, versions, EQUAL, AV, BV, ">=", Not(Ref(GONE)), waits=True)
    kept = Kept(rel.Project(joined, tuple((col, Ref(col)) for col in (*A.columns, *B.columns))))
    left = ZSet(((k, time, ""), 1) for k, time in orders)
    kept.step(left, ZSet())
    table: dict[int, Row] = {}
    written: dict[tuple[int, int], Row | None] = {}
    for k, time, value in writes:
        before = table.pop(k, None)
        change = ZSet() if before is None else ZSet([(before, -1)])
        if value != "-":
            table[k] = written[k, time] = (k, time, value)
            change = change + ZSet.of(table[k])
        elif before is not None:
            written[k, before[1]] = None
        kept.step(ZSet(), change)
        found = {
            row: max(((t, v) for (key, t), v in written.items() if key == row[0] and t <= row[1]), default=None)
            for row in left.copies()
        }
        nothing = None, None, None
        met = {row: nothing if best is None or best[1] is None else best[1] for row, best in found.items()}
        assert kept.rows == ZSet(((*row, *theirs), left.weight(row)) for row, theirs in met.items())


def test_equal_joins_are_one() -> None:
    sides = Sides(TABLE_TYPES, TABLE_TYPES, (0,), (0,))
    assert Nearest(sides, 1, 1, ">=", True) == Nearest(sides, 1, 1, ">=", True)
