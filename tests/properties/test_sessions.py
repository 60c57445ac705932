"""Sessions under random inserts and deletes, step by step and at once, against a walk over the sorted rows."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pgstream.circuit.circuit import Circuit, State
from pgstream.operators.input import Input
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Const, Ref
from pgstream.sql.lower import Lowering
from pgstream.testing.zset import Row, ZSet
from pgstream.types import INT8, INTERVAL, TIMESTAMP, Interval
from tests.properties.operator_harness import TICK, Facts

EPOCH = datetime.fromisoformat("1970-01-01")
GAP = timedelta(microseconds=10)
TYPES = (INT8, TIMESTAMP, INT8)
KEY, TIME, VALUE = (Col(i, name, type) for i, (name, type) in enumerate(zip("ktv", TYPES, strict=True), 1))
PLAN = rel.Sessions(
    rel.Scan(1, "events", (KEY, TIME, VALUE), (0, 1, 2)),
    (Ref(KEY),),
    Ref(TIME),
    Const(Interval(0, 0, 10), INTERVAL),
    Col(4, "window_start", TIMESTAMP),
    Col(5, "window_end", TIMESTAMP),
)
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


def expected(table: ZSet) -> ZSet:
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


@settings(max_examples=150, deadline=None)
@given(histories())
def test_sessions_follow_every_change(history: list[ZSet]) -> None:
    circuit = Circuit()
    target = Lowering(circuit, Facts()).lower(PLAN).node
    [source] = [node for node in circuit.nodes() if isinstance(node.operator, Input)]
    state, result, table = State(), ZSet(), ZSet()
    storages = [type.storage for type in TYPES]
    for change in history:
        state, found = circuit.step(state, {source: change.to_delta(storages)}, TICK)
        if target in found:
            result = result + ZSet.of_delta(found[target])
        table = table + change
        assert result == expected(table)
        given_rows = [table.to_delta(storages)]
        whole = circuit.run_once(target, lambda _: given_rows, TICK)  # noqa: B023
        assert sum((ZSet.of_delta(part) for part in whole), ZSet()) == result
