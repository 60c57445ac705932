"""How many rows a relation can give, as far as its shape tells."""

from __future__ import annotations

from pgstream.plan.expressions import Const
from pgstream.plan.relations import (
    Asof,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Project,
    Relation,
    Sessions,
    Sort,
    TopN,
    Values,
    Window,
)

UNIT = Values((), ((),))
"""One row of no columns: what `SELECT 1` selects from."""


def exactly_one(relation: Relation) -> bool:
    """Whether `relation` gives one row whatever is stored, for each row of the query around it."""
    match relation:
        case Values(_, rows):
            return len(rows) == 1
        case Project(input) | Sort(input) | Window(input) | Distinct(input) | AssertSingle(input):
            return exactly_one(input)
        case Group(_, keys, _):
            return not keys
        case Join("inner", left, right, None):
            return exactly_one(left) and exactly_one(right)
    return False


def at_most_one(relation: Relation) -> bool:
    """Whether `relation` never gives two rows, for each row of the query around it."""
    match relation:
        case Values(_, rows):
            return len(rows) <= 1
        case AssertSingle(_, ()):
            return True
        case TopN(_, (), _, Const(limit), _, "rows") if limit is not None and limit <= 1:
            return True
        case (
            Project(input)
            | Filter(input)
            | Sort(input)
            | Window(input)
            | Sessions(input)
            | Distinct(input)
            | AssertSingle(input)
            | TopN(input)
            | Asof(_, input)
        ):
            return at_most_one(input)
        case Group(input, keys, _):
            return not keys or at_most_one(input)
        case Join(kind, left, right, _):
            return at_most_one(left) and (kind in ("semi", "anti") or (kind != "full" and at_most_one(right)))
    return False
