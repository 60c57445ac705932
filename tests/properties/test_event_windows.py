"""Sessions, hopping and cumulating windows under random inserts and deletes, by steps and at once, against models."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pgstream.functions.windowing  # noqa: F401
from pgstream.circuit.circuit import Circuit, State
from pgstream.functions.registry import FUNCTIONS
from pgstream.operators.input import Input
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Const, Ref
from pgstream.sql.bind import BindScope, bind
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize.sessions import cut_sessions
from pgstream.sql.parse import parse
from pgstream.testing.zset import Row, ZSet
from pgstream.types import INT8, INTERVAL, TIMESTAMP, Interval
from tests.properties.operator_harness import TICK, Facts
from tests.unit.sql_bind.catalogs import catalog_of

EPOCH = datetime.fromisoformat("1970-01-01")
GAP = timedelta(microseconds=10)
TYPES = (INT8, TIMESTAMP, INT8)
KEY, TIME, VALUE = (Col(i, name, type) for i, (name, type) in enumerate(zip("ktv", TYPES, strict=True), 1))
START, END = Col(4, "window_start", TIMESTAMP), Col(5, "window_end", TIMESTAMP)
EVENTS = rel.Scan(1, "events", (KEY, TIME, VALUE), (0, 1, 2))


def us(count: int) -> Const:
    return Const(Interval(0, 0, count), INTERVAL)


def called(name: str, lengths: tuple[int, ...], outputs: tuple[Col, ...]) -> rel.TableCall:
    """A window function of several windows a row, over the events."""
    types = ("timestamp", *("interval" for _ in lengths))
    function = next(each for each in FUNCTIONS[name] if each.arguments == types)
    return rel.TableCall(EVENTS, function, (Ref(TIME), *map(us, lengths)), outputs)


rows = st.tuples(
    st.one_of(st.none(), st.integers(0, 1)),
    st.one_of(st.none(), st.integers(-60, 60).map(lambda us: EPOCH + timedelta(microseconds=us))),
    st.integers(0, 1),
)


@st.composite
def histories(draw: st.DrawFn) -> list[ZSet]:
    """Per tick the change of the table; no weight ever falls below zero."""
    total, ticks = ZSet(), []
    for _ in range(draw(st.integers(1, 6))):
        change = ZSet((row, 1) for row in draw(st.lists(rows, max_size=8)))
        held = total.copies()
        if held:
            gone = draw(st.lists(st.integers(0, len(held) - 1), max_size=6, unique=True))
            change = change - ZSet((held[i], 1) for i in gone)
        total = total + change
        ticks.append(change)
    return ticks


def sessions(table: ZSet) -> ZSet:
    """The rows with their sessions, found one after another."""
    found: list[tuple[Row, int]] = []
    for _, part in table.filter(lambda row: row[1] is not None).groups(lambda row: row[:1]).items():
        session: list[Row] = []
        for row in [*sorted(part.copies(), key=lambda row: row[1]), None]:
            if session and (row is None or row[1] - session[-1][1] > GAP):
                found += [((*each, session[0][1], session[-1][1] + GAP), 1) for each in session]
                session = []
            if row is not None:
                session.append(row)
    return ZSet(found)


def hops(table: ZSet) -> ZSet:
    """The rows with every multiple of 4, plus 1, from which 10 microseconds hold them."""
    starts = [EPOCH + timedelta(microseconds=4 * n + 1) for n in range(-40, 40)]
    kept = [(row, weight) for row, weight in table.items() if row[1] is not None]
    return ZSet(((*row, s), weight) for row, weight in kept for s in starts if s <= row[1] < s + GAP)


def cumulations(table: ZSet) -> ZSet:
    """The rows with the windows that begin at multiples of 15 microseconds, and end 5, 10 and 15 later."""
    starts = [EPOCH + timedelta(microseconds=15 * n) for n in range(-10, 10)]
    ends = [(s, s + n * timedelta(microseconds=5)) for s in starts for n in (1, 2, 3)]
    kept = [(row, weight) for row, weight in table.items() if row[1] is not None]
    return ZSet(((*row, s, e), weight) for row, weight in kept for s, e in ends if s <= row[1] < e)


CASES = {
    "sessions": (rel.Sessions(EVENTS, (Ref(KEY),), Ref(TIME), us(10), START, END), sessions),
    "hops": (called("hop_starts", (4, 10, 1), (START,)), hops),
    "cumulations": (called("cumulate_windows", (5, 15), (START, END)), cumulations),
}


@pytest.mark.parametrize(("plan", "expected"), CASES.values(), ids=CASES)
@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_windows_follow_every_change(plan: rel.Relation, expected: Callable[[ZSet], ZSet], history: list[ZSet]) -> None:
    circuit = Circuit()
    target = Lowering(circuit, Facts()).lower(plan).node
    [source] = [node for node in circuit.nodes() if isinstance(node.operator, Input)]
    state, result, table = State(), ZSet(), ZSet()
    storages = [type.storage for type in TYPES]
    for change in history:
        read = change.to_delta(storages)
        state, found = circuit.step(state, {source: read}, TICK)
        if target in found:
            result = result + ZSet.of_delta(found[target])
        table = table + change
        assert result == expected(table)
        given_rows = [table.to_delta(storages)]
        whole = circuit.run_once(target, lambda _: given_rows, TICK)  # noqa: B023
        assert sum((ZSet.of_delta(part) for part in whole), ZSet()) == result


CATALOG = catalog_of("create table events (k bigint, t timestamp, v bigint)")
GROUPS = """select k, session(t, interval '0.00001 s') as w, count(*), count(v), sum(v), avg(v), min(t),
                   max(v) filter (where v = 0), bool_or(v > 0) from events group by 1, 2"""


class Kept:
    """A plan kept up to date in a circuit of its own."""

    def __init__(self, plan: rel.Relation) -> None:
        self.circuit = Circuit()
        self.target = Lowering(self.circuit, Facts()).lower(plan).node
        self.sources = [node for node in self.circuit.nodes() if isinstance(node.operator, Input)]
        self.state = State()
        self.rows = ZSet()

    def step(self, change: ZSet) -> None:
        delta = change.to_delta([type.storage for type in TYPES])
        given_rows = {
            node: delta.select(node.operator.positions) for node in self.sources if isinstance(node.operator, Input)
        }
        self.state, found = self.circuit.step(self.state, given_rows, TICK)
        if self.target in found:
            self.rows = self.rows + ZSet.of_delta(found[self.target])


@settings(max_examples=60, deadline=None)
@given(history=histories())
def test_sessions_of_stretches_are_sessions_of_rows(history: list[ZSet]) -> None:
    [parsed] = parse(GROUPS)
    plan = bind(parsed, CATALOG, BindScope()).statement.plan
    cut = cut_sessions(plan, Facts())
    assert cut is not plan
    rows, stretches = Kept(plan), Kept(cut)
    for change in history:
        rows.step(change)
        stretches.step(change)
        assert rows.rows == stretches.rows
