"""Lowering shares what is equal, prunes what is not needed, and knows the keys of results."""

import pyarrow as pa
import pytest
from operator_harness import AK, AV, BK, TICK, A, B, Facts, agg, asc, binary, const, desc, table

import pgstream.functions  # noqa: F401
from pgstream.circuit.circuit import Circuit, State
from pgstream.delta import Delta
from pgstream.errors import InvalidRowCountInLimitClause, InvalidRowCountInOffsetClause
from pgstream.functions.registry import FUNCTIONS
from pgstream.operators.group import Group
from pgstream.operators.input import Input
from pgstream.operators.map import Map
from pgstream.operators.topn import GrowingFirst, GrowingTopN, TopN
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Call, Col, Expr, Ref
from pgstream.sql.lower import Lowering
from pgstream.sql.unique_keys import unique_key
from pgstream.testing.zset import ZSet
from pgstream.types import FLOAT8, INT4, INT8, NUMERIC

RENAMED = table(1, 51)
RK, RV, _ = (Ref(col) for col in RENAMED.columns)


def _count(source: rel.Relation, key: Expr) -> rel.Relation:
    return rel.Group(source, ((Col(201, "k", INT8), key),), ((Col(202, "n", INT8), agg("count")),))


def test_equal_plans_of_different_ids_share_their_nodes() -> None:
    circuit = Circuit()
    first = Lowering(circuit, Facts()).lower(_count(A, AK)).node
    second = Lowering(circuit, Facts()).lower(_count(RENAMED, RK)).node
    assert first is second


def test_volatile_computations_are_never_shared() -> None:
    random = Call(FUNCTIONS["random"][0], (), FLOAT8)
    circuit = Circuit()
    sides = [rel.Project(side, ((Col(300 + i, "r", FLOAT8), random),)) for i, side in enumerate((A, RENAMED))]
    Lowering(circuit, Facts(), "v").lower(rel.Join("inner", sides[0], sides[1], None))
    assert sum(isinstance(node.operator, Map) for node in circuit.nodes()) == 2


def test_inputs_give_only_the_columns_that_are_read() -> None:
    circuit = Circuit()
    Lowering(circuit, Facts()).lower(_count(rel.Filter(A, binary(">", AV, const(1))), AK))
    assert [node.operator.positions for node in circuit.nodes() if isinstance(node.operator, Input)] == [(0, 1)]


def test_filter_and_projections_are_one_map() -> None:
    circuit = Circuit()
    inner = rel.Project(rel.Filter(A, binary(">", AV, const(1))), ((Col(301, "x", INT8), binary("+", AK, AV)),))
    outer = rel.Filter(inner, binary(">", Ref(Col(301, "x", INT8)), const(2)))
    plan = rel.Project(outer, ((Col(302, "y", INT8), Ref(Col(301, "x", INT8))),))
    lowered = Lowering(circuit, Facts()).lower(plan)
    maps = [node for node in circuit.nodes() if isinstance(node.operator, Map)]
    assert len(maps) == 2, "the sum is used twice, so it is computed below"
    assert lowered.node is maps[-1]
    plain = rel.Project(rel.Filter(A, binary(">", AV, const(1))), ((Col(301, "x", INT8), AK),))
    circuit = Circuit()
    Lowering(circuit, Facts()).lower(rel.Project(plain, ((Col(302, "y", INT8), Ref(Col(301, "x", INT8))),)))
    assert sum(isinstance(node.operator, Map) for node in circuit.nodes()) == 1


def test_growing_inputs_choose_operators_that_forget() -> None:
    for growing, expected in ((False, TopN), (True, GrowingFirst)):
        node = Lowering(Circuit(), Facts(growing)).lower(rel.TopN(A, (AK,), (asc(AV),), const(1))).node
        assert isinstance(node.operator, expected)
    node = Lowering(Circuit(), Facts(True)).lower(rel.TopN(A, (AK,), (asc(AV),), const(2))).node
    assert isinstance(node.operator, GrowingTopN)
    node = Lowering(Circuit(), Facts(True)).lower(_count(A, AK)).node
    assert isinstance(node.operator, Group)
    assert node.operator.growing


def test_a_sort_over_an_expression_adds_a_hidden_column() -> None:
    lowered = Lowering(Circuit(), Facts()).lower(rel.Sort(A, (desc(binary("+", AK, AV)), asc(AV))))
    assert len(lowered.columns) == 3
    assert len(lowered.node.types) == 4
    assert [(item.position, item.descending) for item in lowered.order] == [(3, True), (1, False)]


def test_keys_of_different_integer_types_match() -> None:
    small = rel.Scan(1, "t", (Col(1, "k", INT4),), (0,))
    big = rel.Scan(2, "u", (Col(11, "k", INT8),), (0,))
    plan = rel.Join("inner", small, big, binary("=", Ref(small.columns[0]), Ref(big.columns[0])))
    circuit = Circuit()
    target = Lowering(circuit, Facts()).lower(plan).node
    given = {1: Delta.of([pa.array([1, 2, None], pa.int32())]), 2: Delta.of([pa.array([2, 3, None], pa.int64())])}
    parts = list(circuit.run_once(target, lambda node: [given[node.operator.oid]], TICK))
    assert sum((ZSet.of_delta(part) for part in parts), ZSet()) == ZSet.of((2, 2))


def test_equal_numerics_group_and_keep_one_spelling() -> None:
    numbers = rel.Scan(1, "t", (Col(1, "n", NUMERIC),), (0,))
    key = (Col(2, "n", NUMERIC), Ref(numbers.columns[0]))
    plan = rel.Group(numbers, (key,), ((Col(3, "c", INT8), agg("count")),))
    circuit = Circuit()
    target = Lowering(circuit, Facts()).lower(plan).node
    source = circuit.nodes()[0]
    state, found = circuit.step(State(), {source: Delta.of([pa.array(["1.0", "1.00", "2"])])}, TICK)
    assert ZSet.of_delta(found[target]) == ZSet.of(("1.0", 2), ("2", 1))
    state, found = circuit.step(state, {source: Delta.of([pa.array(["1.0"])], -1)}, TICK)
    assert ZSet.of_delta(found[target]) == ZSet([(("1.0", 2), -1), (("1.0", 1), 1)])


@pytest.mark.parametrize(
    ("limit", "offset", "error", "message"),
    [
        (const(-1), None, InvalidRowCountInLimitClause, "LIMIT must not be negative"),
        (const(1), const(-1), InvalidRowCountInOffsetClause, "OFFSET must not be negative"),
    ],
)
def test_negative_bounds(limit: Expr, offset: Expr | None, error: type[Exception], message: str) -> None:
    circuit = Circuit()
    target = Lowering(circuit, Facts()).lower(rel.TopN(A, (), (asc(AV),), limit, offset)).node
    empty = ZSet().to_delta([type.storage for type in (INT8, INT8, A.columns[2].type)])
    with pytest.raises(error, match=message):
        list(circuit.run_once(target, lambda node: [empty.select(node.operator.positions)], TICK))


class Keyed(Facts):
    def unique_keys(self, oid: int) -> tuple[tuple[int, ...], ...]:
        return ((0,),)


def test_unique_keys() -> None:
    facts = Keyed()
    on_key = binary("=", AV, BK)
    assert unique_key(A, Facts()) is None
    assert unique_key(A, facts) == (0,)
    assert unique_key(_count(A, AV), facts) == (0,)
    assert unique_key(rel.Group(A, (), ()), facts) == ()
    assert unique_key(rel.Join("inner", A, B, on_key), facts) == (0,)
    assert unique_key(rel.Join("left", A, B, on_key), facts) == (0,)
    assert unique_key(rel.Join("full", A, B, on_key), facts) is None
    assert unique_key(rel.Join("inner", A, B, binary("=", AK, BK)), facts) in ((0,), (3,))
    assert unique_key(rel.Join("inner", A, B, None), facts) == (0, 3)
    assert unique_key(rel.Project(A, ((Col(1, "v", INT8), AV),)), facts) is None
    assert unique_key(rel.TopN(A, (AV,), (asc(AK),), const(1)), Facts()) == (1,)
    assert unique_key(rel.Distinct(A), Facts()) == (0, 1, 2)
