"""The unique key of a plan's result, as positions.

A materialized view's arrangement is keyed by it, so that a point read finds its row and an upsert its predecessor.
"""

from pgstream.plan.relations import Relation
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.uniqueness import unique_keys


def unique_key(plan: Relation, facts: RelationFacts) -> tuple[int, ...] | None:
    """The positions of the smallest unique key of `plan`'s columns, () for at most one row; None: none is known.

    Uniqueness is SQL's equality with NULLs taken as equal, as an arrangement's key hash has it.
    """
    places = {col.id: position for position, col in reversed(list(enumerate(plan.columns)))}
    found = [sorted(places[id] for id in key) for key in unique_keys(plan, facts) if key <= places.keys()]
    best = min(((len(positions), positions) for positions in found), default=None)
    return None if best is None else tuple(best[1])
