"""Rounds: a recursive term as a query over rows that carry the number of the round in which they were added.

A term of WITH RECURSIVE is asked once a round, of the rows that the round before added. As one query over the rows of
all rounds it keeps the rounds apart: its joins, groups and windows only bring together rows of one round. So the rows
of a round follow from those of the round before, and a change from changes.

Where a term sees all rows that there are by then, as in WITH MUTUALLY RECURSIVE, rows of different rounds meet, in the
later one of both. There only what never takes a row back may be asked.
"""

from collections.abc import Container, Mapping
from dataclasses import replace

from pgstream.errors import FeatureNotSupported
from pgstream.plan import relations as rel
from pgstream.plan import rewrite
from pgstream.plan.expressions import Col, Const, Expr, MinMax, Ref, SortKey
from pgstream.plan.relations import Relation
from pgstream.sql.optimize.predicates import conjunction, same
from pgstream.types import INT8

_CALLED: Mapping[type, str] = {rel.Group: "GROUP BY", rel.TopN: "LIMIT", rel.Window: "window functions"}

Numbered = tuple[Relation, Col]
"""A plan, and its column that holds the round."""


def reads(plan: Relation, working: Container[int]) -> bool:
    """Whether a Scan of one of the relations `working` is in `plan`."""
    return any(isinstance(node, rel.Scan) and node.oid in working for node in rewrite.subplans(plan))


class Rounds:
    """Plans over working relations, whose `widths` are given: behind its columns each has the round.

    `meeting`: rows of different rounds meet.
    """

    def __init__(self, widths: Mapping[int, int], ids: rewrite.ColIds, meeting: bool = False) -> None:
        self._widths = widths
        self._ids = ids
        self._meeting = meeting

    def numbered(self, plan: Relation) -> Numbered:
        """`plan` with the column of its round; 0 where it reads no working relation. Raises FeatureNotSupported."""
        while isinstance(plan, rel.Sort):
            plan = plan.input
        if not reads(plan, self._widths):
            round = self._ids.fresh("round", INT8)
            return rel.Project(plan, (*_passed(plan), (round, Const(0, INT8)))), round
        match plan:
            case rel.Scan(oid, _, columns, positions):
                round = self._ids.fresh("round", INT8)
                return replace(plan, columns=(*columns, round), positions=(*positions, self._widths[oid])), round
            case rel.Filter(input) | rel.TableCall(input):
                below, round = self.numbered(input)
                return replace(plan, input=below), round
            case rel.Project(input, outputs):
                below, round = self.numbered(input)
                return rel.Project(below, (*outputs, (round, Ref(round)))), round
            case rel.Join():
                return self._join(plan)
            case rel.SetOp():
                return self._set_operation(plan)
            case rel.Distinct(input):
                below, round = self.numbered(input)
                outputs = tuple((col, Ref(col)) for col in (*input.columns, round))
                return self._once(rel.Project(below, outputs), round), round
        if self._meeting:
            raise _refused(_CALLED.get(type(plan), type(plan).__name__))
        return self._apart(plan)

    def _apart(self, plan: Relation) -> Numbered:
        """What brings rows together, of each round by itself."""
        match plan:
            case rel.Group(input, keys) if keys:
                below, inner = self.numbered(input)
                round = self._ids.like(inner)
                return replace(plan, input=below, keys=(*keys, (round, Ref(inner)))), round
            case rel.TopN(input, partition):
                below, round = self.numbered(input)
                return replace(plan, input=below, partition=(*partition, Ref(round))), round
            case rel.AssertSingle(input, key):
                below, round = self.numbered(input)
                return replace(plan, input=below, key=(*key, round)), round
            case rel.Window(input, calls):
                below, round = self.numbered(input)
                apart = ((col, replace(call, partition=(*call.partition, Ref(round)))) for col, call in calls)
                return replace(plan, input=below, calls=tuple(apart)), round
        raise _refused(_CALLED.get(type(plan), type(plan).__name__))

    def _join(self, join: rel.Join) -> Numbered:
        left_reads, right_reads = (reads(side, self._widths) for side in (join.left, join.right))
        both = left_reads and right_reads
        if join.kind not in _join_kinds(left_reads, both and self._meeting):
            raise _refused(f"a {join.kind} join")
        if not both:
            below, round = self.numbered(join.left if left_reads else join.right)
            return (replace(join, left=below) if left_reads else replace(join, right=below)), round
        (left, first), (right, second) = self.numbered(join.left), self.numbered(join.right)
        if self._meeting:
            later = self._ids.fresh("round", INT8)
            joined = replace(join, left=left, right=right)
            outputs = (*_passed(join), (later, MinMax((Ref(first), Ref(second)), True, INT8)))
            return rel.Project(joined, outputs), later
        given = () if join.condition is None else (join.condition,)
        return replace(
            join, left=left, right=right, condition=conjunction((*given, same(Ref(first), Ref(second))))
        ), first

    def _set_operation(self, plan: rel.SetOp) -> Numbered:
        if self._meeting and plan.kind != "union":
            raise _refused(plan.kind.upper())
        sides = []
        for input in plan.inputs:
            if not self._meeting and not reads(input, self._widths):
                raise _refused(f"{plan.kind.upper()} with a query that does not read it")
            below, round = self.numbered(input)
            sides.append(rel.Project(below, tuple((self._ids.like(col), Ref(col)) for col in (*input.columns, round))))
        round = self._ids.fresh("round", INT8)
        whole = replace(plan, inputs=tuple(sides), columns=(*plan.columns, round))
        if plan.all or not self._meeting:
            return whole, round
        return self._once(replace(whole, all=True), round), round

    def _once(self, plan: Relation, round: Col) -> Relation:
        """Each row once: in each round, or where rounds meet in the first that has it."""
        if not self._meeting:
            return rel.Distinct(plan)
        rest = tuple(Ref(col) for col in plan.columns if col != round)
        return rel.TopN(plan, rest, (SortKey(Ref(round)),), Const(1, INT8))


def _passed(plan: Relation) -> tuple[tuple[Col, Expr], ...]:
    return tuple((col, Ref(col)) for col in plan.columns)


def _join_kinds(left_reads: bool, meeting: bool) -> tuple[str, ...]:
    """The joins that are linear in the side that is read."""
    if meeting:
        return ("inner",)
    return ("inner", "left", "semi", "anti") if left_reads else ("inner", "right")


def _refused(what: str) -> FeatureNotSupported:
    return FeatureNotSupported(f"a recursive query with {what} over its own rows cannot be kept up to date")
