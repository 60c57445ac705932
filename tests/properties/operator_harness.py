"""Random histories of two small tables, and a lowered plan run over them step by step and at once."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

import pgstream.functions
import pgstream.types  # noqa: F401
from pgstream.circuit.circuit import Circuit, Node, State
from pgstream.circuit.operator import TickContext
from pgstream.delta import Delta
from pgstream.functions.registry import AGGREGATES, OPERATORS, WINDOW_FUNCTIONS, Aggregate, EvalContext, WindowFunction
from pgstream.operators.input import Input
from pgstream.plan import relations as rel
from pgstream.plan.expressions import AggCall, Call, Col, Const, Expr, Ref, SortKey
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize.facts import NoFacts
from pgstream.testing.zset import Row, ZSet
from pgstream.types.definition import SqlType

INT8, TEXT, BOOL = SqlType("int8"), SqlType("text"), SqlType("bool")
TICK = TickContext((1, 2), EvalContext({}, 0))
TABLE_TYPES = (INT8, INT8, TEXT)


def table(oid: int, first_id: int) -> rel.Scan:
    """The stored relation `oid`: (k int8, v int8, s text)."""
    names = ("k", "v", "s")
    columns = tuple(Col(first_id + i, n, t) for i, (n, t) in enumerate(zip(names, TABLE_TYPES, strict=True)))
    return rel.Scan(oid, f"t{oid}", columns, (0, 1, 2))


A, B = table(1, 1), table(2, 11)
AK, AV, AS = (Ref(col) for col in A.columns)
BK, BV, BS = (Ref(col) for col in B.columns)


@dataclass(frozen=True)
class Facts(NoFacts):
    """What lowering may know of the two tables."""

    growing: bool = False

    def append_only(self, oid: int) -> bool:
        return self.growing


def binary(name: str, left: Expr, right: Expr) -> Expr:
    """`left name right` for two operands of one type."""
    found = [o for o in OPERATORS[name] if o.left == left.type.name and o.right == right.type.name]
    return Call(found[0].function, (left, right), SqlType(found[0].result))


def aggregate(name: str, *arguments: str) -> Aggregate:
    """The aggregate of that signature."""
    return next(found for found in AGGREGATES[name] if found.arguments == arguments)


def window_function(name: str, count: int) -> WindowFunction:
    """The window function of that many arguments."""
    return next(found for found in WINDOW_FUNCTIONS[name] if len(found.arguments) == count)


def agg(name: str, *args: Expr, types: tuple[str, ...] | None = None, **options: object) -> AggCall:
    found = aggregate(name, *(types if types is not None else tuple(arg.type.name for arg in args)))
    result = found.result if not found.result.startswith("any") else args[0].type.name
    return AggCall(found, args, SqlType(result), **options)  # type: ignore[arg-type]


def const(value: object, type: SqlType = INT8) -> Const:
    return Const(value, type)


def asc(expr: Expr) -> SortKey:
    return SortKey(expr)


def desc(expr: Expr) -> SortKey:
    return SortKey(expr, descending=True, nulls_first=True)


small = st.one_of(st.none(), st.integers(0, 3))
row = st.tuples(small, small, st.sampled_from([None, "", "x", "y"]))


@st.composite
def histories(draw: st.DrawFn, growing: bool = False) -> list[tuple[ZSet, ZSet]]:
    """Per tick the changes of both tables; no weight ever falls below zero."""
    totals = [ZSet(), ZSet()]
    ticks = []
    for _ in range(draw(st.integers(1, 5))):
        changes = []
        for index in range(2):
            change = ZSet((r, 1) for r in draw(st.lists(row, max_size=4)))
            held = totals[index].copies()
            if held and not growing:
                gone = draw(st.lists(st.integers(0, len(held) - 1), max_size=3, unique=True))
                change = change - ZSet((held[i], 1) for i in gone)
            totals[index] = totals[index] + change
            changes.append(change)
        ticks.append((changes[0], changes[1]))
    return ticks


Model = Callable[[ZSet, ZSet], ZSet]


def _given(node: Node, tables: tuple[ZSet, ZSet]) -> Delta:
    assert isinstance(node.operator, Input)
    whole = tables[node.operator.oid - 1].to_delta([type.storage for type in TABLE_TYPES])
    return whole.select(node.operator.positions)


def outputs(plan: rel.Relation, history: list[tuple[ZSet, ZSet]], growing: bool) -> Iterator[tuple[ZSet, ZSet, ZSet]]:
    """After every tick: the maintained result, and both tables."""
    circuit = Circuit()
    target = Lowering(circuit, Facts(growing)).lower(plan).node
    sources = [node for node in circuit.nodes() if isinstance(node.operator, Input)]
    state = State()
    result, a, b = ZSet(), ZSet(), ZSet()
    for change in history:
        given = {node: _given(node, change) for node in sources}
        before = dict(state)
        new, found = circuit.step(state, given, TICK)
        assert state == before, "a step changed the state it was given"
        state = new
        if target in found:
            assert (found[target].weights != 0).all()
            result = result + ZSet.of_delta(found[target])
        a, b = a + change[0], b + change[1]
        yield result, a, b


def at_once(plan: rel.Relation, a: ZSet, b: ZSet, growing: bool) -> ZSet:
    """The plan as a SELECT over both tables."""
    circuit = Circuit()
    target = Lowering(circuit, Facts(growing)).lower(plan).node
    parts = circuit.run_once(target, lambda node: [_given(node, (a, b))], TICK)
    return sum((ZSet.of_delta(part) for part in parts), ZSet())


def check(plan: rel.Relation, model: Model, history: list[tuple[ZSet, ZSet]], growing: bool = False) -> None:
    """At every tick the maintained result, the result at once, and the model's are one."""
    for result, a, b in outputs(plan, history, growing):
        expected = model(a, b)
        assert result == expected
        assert at_once(plan, a, b, growing) == expected


def sort_key(value: Row, places: list[tuple[int, bool]]) -> tuple[object, ...]:
    """Sorts rows by integer columns, each ascending with NULLs last or (True) descending with NULLs first."""
    found = []
    for place, descending in places:
        item = value[place]
        high = (1, 0) if item is None else (0, item)
        found.append((-high[0], -high[1]) if descending else high)
    return tuple(found)
