"""The order of inner joins: each relation is joined to those before it by a condition, as long as one can be.

`FROM a, b, c WHERE a.x = c.x AND b.y = c.y` lists a and b side by side, but joining them first would be a cross
product. Where the order as written has none, it stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from pgstream.plan import rewrite
from pgstream.plan.expressions import Expr, IsDistinct, Not, Ref
from pgstream.plan.relations import Join, Project, Relation
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import comparison, conjunction, conjuncts


def order_joins(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with inner joins in an order that avoids cross products."""
    if not (isinstance(plan, Join) and plan.kind == "inner"):
        return rewrite.map_children(plan, lambda child: order_joins(child, facts))
    cluster = _Cluster([], [])
    cluster.gather(plan)
    leaves = [order_joins(leaf, facts) for leaf in cluster.leaves]
    joined = _joined(leaves, cluster.conditions)
    if joined.columns == plan.columns:
        return joined
    return Project(joined, tuple((col, Ref(col)) for col in plan.columns))


@dataclass
class _Cluster:
    """What inner joins join, and under which conditions."""

    leaves: list[Relation]
    conditions: list[Expr]

    def gather(self, node: Relation) -> None:
        if isinstance(node, Join) and node.kind == "inner":
            self.gather(node.left)
            self.gather(node.right)
            self.conditions += conjuncts(node.condition)
        elif (
            isinstance(node, Project) and _passes(node) and isinstance(node.input, Join) and node.input.kind == "inner"
        ):
            self.gather(node.input)
        else:
            self.leaves.append(node)


def _passes(project: Project) -> bool:
    return all(expr == Ref(col) for col, expr in project.outputs)


def _joined(leaves: list[Relation], conditions: list[Expr]) -> Relation:
    waiting = list(leaves)
    pending = [(condition, frozenset(rewrite.free_refs(condition))) for condition in conditions]
    tree = waiting.pop(0)
    while waiting:
        have = {col.id for col in tree.columns}
        best = max(waiting, key=lambda leaf: (_connection(leaf, have, pending), -_index(waiting, leaf)))
        waiting.pop(_index(waiting, best))
        have |= {col.id for col in best.columns}
        usable = [condition for condition, needs in pending if needs <= have]
        pending = [(condition, needs) for condition, needs in pending if not needs <= have]
        tree = Join("inner", tree, best, conjunction(usable))
    assert not pending
    return tree


def _index(waiting: list[Relation], leaf: Relation) -> int:
    return next(index for index, other in enumerate(waiting) if other is leaf)


def _connection(leaf: Relation, have: set[int], pending: list[tuple[Expr, frozenset[int]]]) -> int:
    """How `leaf` hangs together with the columns joined so far: 2 by an equality, 1 by another condition, 0 not."""
    own = {col.id for col in leaf.columns}
    found = 0
    for condition, needs in pending:
        if needs <= have | own and needs & own and needs & have:
            found = max(found, 2 if _is_equality(condition) else 1)
    return found


def _is_equality(condition: Expr) -> bool:
    compared = comparison(condition)
    if compared is not None:
        return compared[0] == "="
    return isinstance(condition, Not) and isinstance(condition.arg, IsDistinct)
