"""`row_number() OVER (PARTITION BY … ORDER BY …) <= n` as a TopN, which keeps n rows of state to read, not all; and
rank and dense_rank as one with all rows that tie.

The window function stays above the TopN, over the few rows that are left, and is pruned where nobody reads the number.
"""

from __future__ import annotations

from dataclasses import replace

from pgstream.functions.registry import WindowFunction
from pgstream.plan import rewrite
from pgstream.plan.expressions import Col, Const, Expr, Ref
from pgstream.plan.relations import Filter, Project, Relation, TopN, Whole, Window
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.numbering import INT8
from pgstream.sql.optimize.predicates import comparison, conjunction, conjuncts, mirrored

_WHOLE: dict[str, Whole] = {"row_number": "rows", "rank": "peers", "dense_rank": "groups"}


def number_to_top(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with a TopN below each window whose row numbers are bounded by a filter."""
    return rewrite.transform(plan, _bounded)


def _bounded(node: Relation) -> Relation:
    if not (isinstance(node, Filter) and isinstance(node.input, Window)):
        return node
    window = node.input
    parts = conjuncts(node.predicate)
    for col, call in window.calls:
        whole = _WHOLE.get(call.function.name) if isinstance(call.function, WindowFunction) else None
        if whole is None or not (call.order or whole == "rows"):
            continue
        limits = [(part, limit) for part in parts if (limit := _limit(part, col.id)) is not None]
        if not limits:
            continue
        limit = min(limit for _, limit in limits)
        others = tuple(pair for pair in window.calls if pair[0] != col)
        input = replace(window, calls=others) if others else window.input
        top = TopN(input, call.partition, call.order, Const(limit, INT8), None, whole)
        kept = _keeps(parts, limits, limit)
        numbered: Relation
        if limit == 1:
            outputs: tuple[tuple[Col, Expr], ...] = tuple((c, Ref(c)) for c in top.columns)
            numbered = Project(top, (*outputs, (col, Const(1, INT8))))
        else:
            numbered = Window(top, ((col, call),))
        rest = conjunction(kept)
        filtered = numbered if rest is None else Filter(numbered, rest)
        return Project(filtered, tuple((c, Ref(c)) for c in node.columns))
    return node


def _keeps(parts: tuple[Expr, ...], limits: list[tuple[Expr, int]], limit: int) -> list[Expr]:
    """The conjuncts that the TopN does not see to: all but upper bounds on the number, and `= 1`."""
    done = {part for part, _ in limits if not _is_equality(part) or limit == 1}
    return [part for part in parts if part not in done]


def _is_equality(part: Expr) -> bool:
    found = comparison(part)
    return found is not None and found[0] == "="


def _limit(part: Expr, id: int) -> int | None:
    """The n for which `part` implies that column `id` is at most n."""
    found = comparison(part)
    if found is None:
        return None
    name, left, right = found
    if isinstance(left, Const):
        name, left, right = mirrored(name), right, left
    if not (isinstance(left, Ref) and left.col.id == id and isinstance(right, Const)):
        return None
    if not isinstance(right.value, int) or name not in ("=", "<", "<="):
        return None
    return max(right.value - (name == "<"), 0)
