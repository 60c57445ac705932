"""Which columns identify a relation's rows, and what is superfluous where they do."""

from __future__ import annotations

from itertools import product

from pgstream.plan import rewrite
from pgstream.plan.expressions import Col, Const, Expr, IsDistinct, Not, Ref
from pgstream.plan.relations import (
    Asof,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Lookup,
    Project,
    Relation,
    Scan,
    Sessions,
    Sort,
    TopN,
    Values,
    Window,
)
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import comparison, conjuncts

Key = frozenset[int]

KEYS_MAX = 8
"""More keys of one relation than this are not followed."""


def unique_keys(relation: Relation, facts: RelationFacts) -> tuple[Key, ...]:
    """Sets of columns of which no two rows agree, NULLs agreeing with each other. The empty set: at most one row.

    Within a correlated relation this holds for each row of the query around it.
    """
    return tuple(dict.fromkeys(_keys(relation, facts)))[:KEYS_MAX]


def _keys(node: Relation, facts: RelationFacts) -> tuple[Key, ...]:
    match node:
        case Scan(oid, _, columns, positions):
            at = {position: col.id for col, position in zip(columns, positions, strict=True)}
            stored = [key for key in facts.unique_keys(oid) if set(key) <= set(at)]
            return tuple(frozenset(at[position] for position in key) for key in stored)
        case Values(_, rows):
            return (Key(),) if len(rows) <= 1 else ()
        case Filter(input, predicate):
            return _fixed(unique_keys(input, facts), predicate, input)
        case Sort(input) | Window(input) | Sessions(input):
            return unique_keys(input, facts)
        case AssertSingle(input, key):
            return (frozenset(col.id for col in key), *unique_keys(input, facts))
        case TopN(input, partition, _, limit, _, whole):
            keys = unique_keys(input, facts)
            single = whole == "rows" and isinstance(limit, Const) and limit.value is not None and limit.value <= 1
            if single and all(isinstance(expr, Ref) for expr in partition):
                return (frozenset(expr.col.id for expr in partition if isinstance(expr, Ref)), *keys)
            return keys
        case Group(_, keys, _):
            return (frozenset(col.id for col, _ in keys),)
        case Distinct(input):
            return (*unique_keys(input, facts), frozenset(col.id for col in input.columns))
        case Project(input, outputs):
            return _projected(unique_keys(input, facts), outputs)
        case Join():
            return _joined(node, facts)
        case Asof(_, left):
            return unique_keys(left, facts)
        case Lookup(_, left, right, condition):
            return unique_keys(left, facts) if matches_once(condition, right, unique_keys(right, facts)) else ()
    return ()


def _fixed(keys: tuple[Key, ...], predicate: Expr | None, relation: Relation) -> tuple[Key, ...]:
    """`keys` without the columns that `predicate` equates with a constant or a value from outside."""
    own = {col.id for col in relation.columns}
    fixed = {id for id, other in _equations(predicate) if own.isdisjoint(rewrite.free_refs(other))}
    return (*(key - fixed for key in keys), *keys)


def _equations(predicate: Expr | None) -> list[tuple[int, Expr]]:
    """The columns that `predicate` says to be equal to something, and that."""
    found = []
    for part in conjuncts(predicate):
        match part, comparison(part):
            case (Not(IsDistinct(left, right)), _) | (_, ("=", left, right)):
                for side, other in ((left, right), (right, left)):
                    if isinstance(side, Ref):
                        found.append((side.col.id, other))
    return found


def _projected(keys: tuple[Key, ...], outputs: tuple[tuple[Col, Expr], ...]) -> tuple[Key, ...]:
    """`keys` in the columns of a projection that pass them on, under each of their names."""
    names: dict[int, list[int]] = {}
    for col, expr in outputs:
        if isinstance(expr, Ref):
            names.setdefault(expr.col.id, []).append(col.id)
    found: list[Key] = []
    for key in keys:
        found += [frozenset(choice) for choice in product(*(names.get(id, []) for id in sorted(key)))][:KEYS_MAX]
    return tuple(found)


def _joined(node: Join, facts: RelationFacts) -> tuple[Key, ...]:
    left = unique_keys(node.left, facts)
    if node.kind in ("semi", "anti"):
        return left
    right = unique_keys(node.right, facts)
    both = tuple(a | b for a in left for b in right)
    if node.kind in ("right", "full"):
        return both if node.kind == "right" else ()
    found = left if matches_once(node.condition, node.right, right) else ()
    if node.kind == "inner" and matches_once(node.condition, node.left, left):
        found += right
    return found + both


def matches_once(condition: Expr | None, side: Relation, keys: tuple[Key, ...]) -> bool:
    """Whether a row of the other side meets at most one of `side`, of which `keys` are unique keys."""
    return Key() in _fixed(keys, condition, side)


def drop_superfluous(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan without DISTINCT over rows that are distinct, and without assertions that cannot fail."""

    def simpler(node: Relation) -> Relation:
        match node:
            case Distinct(input) if unique_keys(input, facts):
                return input
            case AssertSingle(input, key):
                ids = frozenset(col.id for col in key)
                return input if any(found <= ids for found in unique_keys(input, facts)) else node
            case Join("semi" | "anti", _, right, _):
                return rewrite.with_children(node, (node.left, _without_distinct(right)))
        return node

    return rewrite.transform(plan, simpler)


def _without_distinct(relation: Relation) -> Relation:
    match relation:
        case Distinct(input):
            return _without_distinct(input)
        case Project(input, _):
            return rewrite.with_children(relation, (_without_distinct(input),))
    return relation
