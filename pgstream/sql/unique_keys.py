"""Unique keys: sets of columns of which no two rows of a plan's result agree.

A materialized view's arrangement is keyed by one, so that a point read finds its row and an upsert its predecessor.
"""

from collections.abc import Iterable, Sequence

from pgstream.plan import relations as rel
from pgstream.plan.expressions import Const, Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.sql.lower_keys import take_apart
from pgstream.sql.optimize.facts import RelationFacts

Key = frozenset[int]
_KEYS_MAX = 8
"""Joins multiply keys; nobody needs more."""


def unique_key(plan: Relation, facts: RelationFacts) -> tuple[int, ...] | None:
    """The positions of the smallest unique key of `plan`'s columns; None where none is known.

    Uniqueness is SQL's equality with NULLs taken as equal, as an arrangement's key hash has it.
    """
    places = {col.id: position for position, col in reversed(list(enumerate(plan.columns)))}
    found = [sorted(places[id] for id in key) for key in unique_keys(plan, facts) if key <= places.keys()]
    best = min(((len(positions), positions) for positions in found), default=None)
    return None if best is None else tuple(best[1])


def unique_keys(plan: Relation, facts: RelationFacts) -> tuple[Key, ...]:
    """Sets of column ids, each minimal among those found; the empty set: at most one row."""
    return _minimal(_found(plan, facts))


def _found(plan: Relation, facts: RelationFacts) -> Iterable[Key]:
    match plan:
        case rel.Scan(oid, _, columns, positions):
            by_position = {position: col.id for col, position in zip(columns, positions, strict=True)}
            stored = [key for key in facts.unique_keys(oid) if all(p in by_position for p in key)]
            return [frozenset(by_position[p] for p in key) for key in stored]
        case rel.Values(_, rows):
            return [frozenset()] if len(rows) <= 1 else []
        case rel.Project(input, outputs):
            return _renamed(unique_keys(input, facts), [(col.id, expr) for col, expr in outputs])
        case rel.Filter(input) | rel.Sort(input) | rel.Window(input):
            return unique_keys(input, facts)
        case rel.AssertSingle(input, key):
            return [frozenset(col.id for col in key), *unique_keys(input, facts)]
        case rel.Group(_, keys, _):
            return [frozenset(col.id for col, _ in keys)]
        case rel.Distinct(input):
            return [frozenset(col.id for col in input.columns), *unique_keys(input, facts)]
        case rel.SetOp():
            return _of_set_operation(plan, facts)
        case rel.TopN(input, partition, _, Const(1)):
            ids = [expr.col.id for expr in partition if isinstance(expr, Ref)]
            return [*([frozenset(ids)] if len(ids) == len(partition) else []), *unique_keys(input, facts)]
        case rel.TopN(input):
            return unique_keys(input, facts)
        case rel.Join():
            return _of_join(plan, facts)
        case rel.TableCall(input, ordinality=ordinality) if ordinality is not None:
            return [key | {ordinality.id} for key in unique_keys(input, facts)]
    return []


def _minimal(keys: Iterable[Key]) -> tuple[Key, ...]:
    once = sorted(dict.fromkeys(keys), key=lambda key: (len(key), sorted(key)))
    return tuple(key for i, key in enumerate(once) if not any(other < key for other in once[:i]))[:_KEYS_MAX]


def _renamed(keys: Sequence[Key], outputs: Sequence[tuple[int, Expr]]) -> list[Key]:
    """The keys that the outputs still show, under their new names. A constant is no part of a key."""
    names: dict[int, int] = {}
    for id, expr in outputs:
        if isinstance(expr, Ref):
            names.setdefault(expr.col.id, id)
    return [frozenset(names[id] for id in key) for key in keys if key <= names.keys()]


def _of_set_operation(plan: rel.SetOp, facts: RelationFacts) -> list[Key]:
    every = [frozenset(col.id for col in plan.columns)]
    if plan.kind == "union":
        return [] if plan.all else every
    first = plan.inputs[0]
    new = {old.id: col.id for old, col in zip(first.columns, plan.columns, strict=True)}
    kept = [frozenset(new[id] for id in key) for key in unique_keys(first, facts)]
    return kept if plan.all else [*every, *kept]


def _of_join(join: rel.Join, facts: RelationFacts) -> list[Key]:
    """A side whose key the other side's columns fix adds no rows; without such, keys of both sides together."""
    left_keys = unique_keys(join.left, facts)
    if join.kind in ("semi", "anti"):
        return list(left_keys)
    right_keys = unique_keys(join.right, facts)
    sides = [{col.id for col in side.columns} for side in (join.left, join.right)]
    pairs = take_apart(join.condition, *sides).keys
    equal = [{e.col.id for e in column if isinstance(e, Ref)} for column in zip(*pairs, strict=True)] or [set(), set()]
    found: list[Key] = []
    if join.kind in ("inner", "left") and any(key <= equal[1] for key in right_keys):
        found += left_keys
    if join.kind in ("inner", "right") and any(key <= equal[0] for key in left_keys):
        found += right_keys
    return found or [a | b for a in left_keys for b in right_keys]
