"""Every optimizer rule keeps what a plan means: random plans over random rows, before and after each rule."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import pgstream.functions
import pgstream.types  # noqa: F401
from pgstream.functions.registry import EvalContext
from pgstream.plan import rewrite
from pgstream.plan.expressions import Subquery
from pgstream.plan.relations import Apply, Relation
from pgstream.sql.explain import explain
from pgstream.sql.optimize import NO_FACTS, RULES
from pgstream.sql.optimize.unnest import unnest
from pgstream.testing.naive import Naive, multiset
from pgstream.testing.random_plans import PlanMaker, random_rows

relaxed = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_closed(plan: Relation) -> None:
    """No node refers to a column that its inputs do not give; nothing is dependent."""
    for node in rewrite.subplans(plan):
        assert not isinstance(node, Apply)
        given = {col.id for child in rewrite.children(node) for col in child.columns}
        for expr in rewrite.expressions(node):
            assert not any(isinstance(part, Subquery) for part in rewrite.subexpressions(expr))
            assert set(rewrite.used(expr)) <= given, "\n".join(explain(node))


@relaxed
@given(seed=st.integers(0, 2**32), depth=st.integers(1, 4))
def test_rules_keep_the_answer(seed: int, depth: int) -> None:
    plan = PlanMaker(seed).relation((), depth)
    naive = Naive(random_rows(random.Random(seed)), EvalContext({}, 0))
    expected = multiset(naive.rows(plan))
    unnested = False
    for rule in RULES:
        before = explain(plan)
        columns = plan.columns
        plan = rule(plan, NO_FACTS)
        unnested |= rule is unnest
        assert plan.columns == columns, rule.__name__
        if unnested:
            assert_closed(plan)
        told = "\n".join([rule.__name__, *before, "became", *explain(plan)])
        assert multiset(naive.rows(plan)) == expected, told


@relaxed
@given(seed=st.integers(0, 2**32))
def test_a_fresh_copy_is_the_same_relation(seed: int) -> None:
    plan = PlanMaker(seed).relation((), 3)
    copy, mapping = rewrite.fresh_copy(plan, rewrite.ColIds.above(plan))
    assert set(rewrite.defined(plan)).isdisjoint(rewrite.defined(copy))
    assert [mapping[col.id] for col in plan.columns] == list(copy.columns)
    assert explain(copy) == explain(plan)
    naive = Naive(random_rows(random.Random(seed)), EvalContext({}, 0))
    assert naive.rows(copy) == naive.rows(plan)


@relaxed
@given(seed=st.integers(0, 2**32))
def test_walking_without_changes_copies_nothing(seed: int) -> None:
    plan = PlanMaker(seed).relation((), 3)
    assert rewrite.map_all(plan, lambda expr: expr) is plan
    assert rewrite.transform(plan, lambda node: node) is plan
    assert rewrite.with_children(plan, rewrite.children(plan)) == plan
    assert not rewrite.free_refs(plan)


@pytest.mark.parametrize("rule", RULES)
def test_rules_end(rule: object) -> None:
    """A second run of the optimizer finds a plan that is still valid, whichever rule comes first."""
    for seed in range(20):
        plan = unnest(PlanMaker(seed).relation((), 3), NO_FACTS)
        again = rule(plan, NO_FACTS)  # type: ignore[operator]
        assert again.columns == plan.columns
        assert_closed(again)
