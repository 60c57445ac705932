"""WITH RECURSIVE, carried out: rows are added round by round, before the query around them runs."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from pgstream.delta import Delta, concat
from pgstream.plan import rewrite
from pgstream.plan.expressions import Col
from pgstream.plan.relations import Distinct, Recursion, Relation, Scan, SetOp

Given = Mapping[int, Delta]
"""The rows of relations that are only there for one query, by OIDs below 0."""

NOTHING_GIVEN: Given = {}

Rows = Callable[[Relation, Given], Delta]
"""The rows of a plan over given relations."""


def recursions_done(plan: Relation, given: Given, rows: Rows) -> tuple[Relation, Given]:
    """`plan` with the results of its recursions in place of them, and those among the given relations."""
    if not any(isinstance(node, Recursion) for node in rewrite.subplans(plan)):
        return plan, given
    known = dict(given)

    def done(node: Relation) -> Relation:
        if not isinstance(node, Recursion):
            return rewrite.map_children(node, done)
        result = Scan(min(known, default=0) - _LEAST_APART, "recursion", node.columns, _positions(node.columns))
        known[result.oid] = _result(node, known, rows)
        return result

    return done(plan), known


_LEAST_APART = 1 << 32
"""Results are numbered far from the working relations, whose numbers are column ids."""


def _positions(columns: tuple[Col, ...]) -> tuple[int, ...]:
    return tuple(range(len(columns)))


def _result(node: Recursion, given: Given, rows: Rows) -> Delta:
    width = len(node.columns)
    found = rows(node.base if node.all else Distinct(node.base), given)
    added = whole = Delta(found.columns[:width], found.weights)
    seen = -_LEAST_APART // 2 - node.working
    while len(added):
        known = {**given, node.working: added}
        step = node.step
        if not node.all:
            known[seen] = whole
            step = _unseen(node, seen)
        made = rows(step, known)
        added = Delta(made.columns[:width], made.weights)
        whole = concat([whole, added])
    return whole


def _unseen(node: Recursion, seen: int) -> Relation:
    """The recursive term's rows that are not in the relation `seen`, each once."""
    top = max(rewrite.defined(node), default=0) + 1
    before = tuple(replace(col, id=top + i) for i, col in enumerate(node.columns))
    after = tuple(replace(col, id=top + len(before) + i) for i, col in enumerate(node.columns))
    return SetOp("except", False, (node.step, Scan(seen, "seen", before, _positions(before))), after)
