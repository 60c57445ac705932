"""The optimizer: a list of rules, each from plan to plan, in the order they are applied."""

from __future__ import annotations

from collections.abc import Callable, Container

from pgstream.plan.relations import Relation
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.fold import fold
from pgstream.sql.optimize.joins import order_joins
from pgstream.sql.optimize.prune import prune
from pgstream.sql.optimize.pushdown import push_down
from pgstream.sql.optimize.sessions import cut_sessions
from pgstream.sql.optimize.topn import number_to_top
from pgstream.sql.optimize.uniqueness import drop_superfluous
from pgstream.sql.optimize.unnest import unnest

Rule = Callable[[Relation, RelationFacts], Relation]

RULES: tuple[Rule, ...] = (
    fold,
    unnest,
    push_down,
    fold,
    order_joins,
    push_down,
    number_to_top,
    drop_superfluous,
    cut_sessions,
    prune,
)
"""Order is meaning: unnesting makes the joins that predicates are then pushed into, which tells which row numbers are
bounded; what to prune is known last."""


def optimize(plan: Relation, facts: RelationFacts, without: Container[Rule] = ()) -> Relation:
    """A plan of the same rows and columns as `plan` that is cheap to keep up to date, without subqueries."""
    done: dict[Rule, Relation] = {}
    for rule in RULES:
        if done.get(rule) is plan or rule in without:
            continue
        before = plan.columns
        plan = rule(plan, facts)
        done[rule] = plan
        assert plan.columns == before, f"{rule.__name__} changed the columns {before} to {plan.columns}"
    return plan
