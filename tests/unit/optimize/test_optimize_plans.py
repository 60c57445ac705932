"""What the rules make of queries, as EXPLAIN shows it."""

import optimize_sql as sql
import pytest

from pgstream.circuit.circuit import Circuit, State
from pgstream.errors import CardinalityViolation
from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.sql.explain import explain, explain_circuit
from pgstream.sql.lower import Lowering
from pgstream.sql.optimize import NO_FACTS, optimize


def shown(query: str) -> list[str]:
    """The optimised plan's lines without their arrows."""
    return [line.strip().removeprefix("->").strip() for line in explain(optimize(sql.bound(query), sql.FACTS))]


def counted(query: str, kind: type) -> int:
    return sum(isinstance(node, kind) for node in rewrite.subplans(optimize(sql.bound(query), sql.FACTS)))


def test_correlated_exists_is_one_semi_join() -> None:
    assert shown("select a from r where exists (select 1 from s where c = a and d > 5)") == [
        "Project a AS a_1",
        "Join semi on c = a",
        "Scan r (a)",
        "Project c",
        "Filter d > 5",
        "Scan s (c, d)",
    ]


def test_correlated_aggregate_is_grouped_by_the_key_it_equates() -> None:
    plan = shown("select a, (select count(*) from s where c = a) as n from r")
    assert not any("Distinct" in line for line in plan)
    assert any(line.startswith("Group by") and "count(*)" in line for line in plan)
    assert any("COALESCE" in line for line in plan)


def test_scalar_subquery_on_a_primary_key_needs_no_assertion() -> None:
    assert counted("select a, (select v from k where id = a) from r", rel.AssertSingle) == 0
    assert counted("select a, (select d from s where c = a) from r", rel.AssertSingle) == 1


def test_not_in_over_a_key_needs_no_check_for_nulls() -> None:
    assert counted("select v from k where id not in (select id from k k2)", rel.Join) == 1


def test_lateral_function_is_computed_in_place() -> None:
    plan = optimize(sql.bound("select a, q.x from r, lateral (select r.a + 1 as x) q"), NO_FACTS)
    assert [type(node).__name__ for node in rewrite.subplans(plan)] == ["Scan", "Project"]


def test_row_number_at_most_n_is_a_topn() -> None:
    q18 = "select a, b from (select *, row_number() over (partition by a order by b desc) as rn from r) x where rn <= 1"
    assert shown(q18) == [
        "Project a AS a_1, b AS b_1",
        "TopN limit 1 partition by a order by b DESC",
        "Scan r (a, b)",
    ]


def test_row_number_that_is_read_is_computed_over_the_topn() -> None:
    query = "select a, rn from (select *, row_number() over (partition by a order by b) as rn from r) x where rn < 4"
    kinds = [line.split()[0] for line in shown(query)]
    assert kinds == ["Project", "Window", "TopN", "Scan"]


def test_top_n_over_a_join() -> None:
    q9 = """select a, d from (select r.a, s.d, row_number() over (partition by r.a order by s.d desc, s.u) as rn
            from r join s on s.c = r.a where s.d >= r.b) x where rn <= 1"""
    assert counted(q9, rel.TopN) == 1
    assert counted(q9, rel.Window) == 0


def test_comma_list_is_joined_along_its_conditions() -> None:
    plan = optimize(sql.bound("select r.b, k.v from r, k, s where r.a = s.c and k.id = s.d"), NO_FACTS)
    joins = [node for node in rewrite.subplans(plan) if isinstance(node, rel.Join)]
    assert len(joins) == 2
    assert all(join.condition is not None for join in joins)


def test_filters_reach_the_scans() -> None:
    plan = shown("select * from (select a, count(*) as n from r group by a) x where a = 1 and n > 2")
    assert plan[-2:] == ["Filter a = 1", "Scan r (a)"]


def test_outer_join_that_rejects_nulls_is_inner() -> None:
    assert counted("select * from r left join s on c = a where d > 1", rel.Join) == 1
    assert any(line.startswith("Join inner") for line in shown("select * from r left join s on c = a where d > 1"))
    assert any(line.startswith("Join left") for line in shown("select * from r left join s on c = a where d is null"))


def test_condition_shared_by_all_branches_is_a_join_key() -> None:
    plan = shown("select r.b from r, s where (a = c and b = 1) or (a = c and d = 2)")
    assert any(line.startswith("Join inner on") and "a = c" in line.split(" OR ")[0] for line in plan)


def test_what_is_false_reads_nothing() -> None:
    assert shown("select a from r where 1 = 2")[-1].startswith("Nothing")
    assert counted("select * from r left join s on false", rel.Join) == 0


def test_equal_subplans_stay_equal() -> None:
    """As Nexmark's q5 has it: one grouping read twice, once under another grouping."""
    query = """select x.a, x.n from (select a, b, count(*) as n from r group by a, b) x
               join (select max(n) as top, b from (select a, b, count(*) as n from r group by a, b) y group by b) z
               on x.b = z.b and x.n >= z.top"""
    plan = optimize(sql.bound(query), NO_FACTS)
    inner = [n for n in rewrite.subplans(plan) if isinstance(n, rel.Group) and isinstance(n.input, rel.Scan)]
    assert len(inner) == 2
    assert explain(inner[0]) == explain(inner[1])


ROWS = {"r": [(1, 10, "x"), (3, 5, None)], "s": [(1, 10, "x"), (1, 11, "y")], "k": [], "e": [], "n": []}


def test_two_rows_are_an_error_where_they_are_asked_for() -> None:
    plan = optimize(sql.bound("select a, (select d from s where c = a) from r"), NO_FACTS)
    with pytest.raises(CardinalityViolation, match="more than one row returned by a subquery used as an expression"):
        sql.naive(ROWS).rows(plan)


@pytest.mark.parametrize(
    "query",
    [
        "select a, (select d from s where c = a) from r where a = 3",
        "select a, case when a = 3 then (select d from s where c = a) end from r",
        "select a, case when a = 1 then 0 else (select d from s where c = a) end from r",
        "select a, coalesce(b, (select d from s where c = a)) from r",
        "select a, case when a > 3 then (select d from s) end from r",
    ],
)
def test_two_rows_are_no_error_where_nobody_asks(query: str) -> None:
    bound = sql.bound(query)
    plan = optimize(bound, NO_FACTS)
    assert sql.naive(ROWS).rows(plan) == sql.naive(ROWS).rows(bound)


def test_circuit_text_names_each_node_once() -> None:
    circuit = Circuit()
    plan = optimize(sql.bound("select * from r where a in (select c from s) union all select * from r"), NO_FACTS)
    node = Lowering(circuit, NO_FACTS).lower(plan).node
    circuit.sweep(Circuit.ancestors([node]))
    lines = explain_circuit(node, State())
    ids = [line.strip().removeprefix("->").split()[0] for line in lines if not line.endswith("as above")]
    assert len(ids) == len(set(ids)) == len(circuit)
    assert all("rows_in=" in line for line in lines if not line.endswith("as above"))
