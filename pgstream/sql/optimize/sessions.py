"""Groups of sessions: aggregated by stretches of time first, so that a session is as long as its stretches are many.

Rows of one stretch as long as the gap are always in one session. What changes with every row of a session, its end,
is then told of each stretch, and no longer of each row.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pgstream.functions.registry import AGGREGATES, FUNCTIONS
from pgstream.plan import rewrite
from pgstream.plan.expressions import AggCall, Call, Col, Expr, IsNull, Not, Ref
from pgstream.plan.relations import Filter, Group, Project, Relation, Sessions
from pgstream.plan.rewrite import ColIds
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.parts import in_parts
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.types.definition import SqlType

INT8 = SqlType("int8")


def cut_sessions(plan: Relation, facts: RelationFacts) -> Relation:
    """`plan` with every group over sessions cut into stretches, where its aggregates can be put together again."""
    if not any(isinstance(node, Sessions) for node in rewrite.subplans(plan)):
        return plan
    ids = ColIds.above(plan)
    return rewrite.transform(plan, lambda node: _cut(node, ids) or node)


def _cut(node: Relation, ids: ColIds) -> Relation | None:
    """One group; None where it stays as it is."""
    while isinstance(node, Group) and isinstance(node.input, Project):
        mapping = {col.id: expr for col, expr in node.input.outputs}
        if any(is_volatile(expr) for expr in mapping.values()):
            return None
        inner = node.input.input
        node = rewrite.map_expressions(node, lambda expr, names=mapping: rewrite.substitute(expr, names))  # type: ignore[misc]
        node = rewrite.with_children(node, (inner,))
    if not isinstance(node, Group) or not isinstance(node.input, Sessions) or node.input.last is not None:
        return None
    if not node.keys or any(is_volatile(expr) for expr in rewrite.expressions(node)):
        return None
    return _Cut(node, node.input, ids).plan()


@dataclass(slots=True)
class _Cut:
    """A group over sessions on its way into three steps: groups of stretches, their sessions, and groups of those."""

    group: Group
    sessions: Sessions
    ids: ColIds
    keys: list[tuple[Col, Expr]] = field(default_factory=list)
    """What the stretches are grouped by."""
    parts: list[tuple[Col, AggCall]] = field(default_factory=list)
    """What is known of each stretch."""
    whole: list[tuple[Col, AggCall]] = field(default_factory=list)
    """The same put together for each session."""

    def plan(self) -> Relation | None:
        made = self.sessions
        partition = tuple(Ref(self._key(expr)) for expr in made.partition)
        keys = [(col, self._over_stretches(expr)) for col, expr in self.group.keys]
        outputs: list[tuple[Col, Expr | None]] = [(col, Ref(col)) for col, _ in keys]
        outputs += [(col, self._aggregate(call)) for col, call in self.group.aggregates]
        grouped = tuple((col, expr) for col, expr in keys if expr is not None)
        given = tuple((col, expr) for col, expr in outputs if expr is not None)
        if len(grouped) < len(keys) or len(given) < len(outputs):
            return None
        stretch = Call(self._function(), (made.time, made.gap), INT8)
        self._key(stretch)
        first, last = (self._extreme(name) for name in ("min", "max"))
        rows = Filter(made.input, Not(IsNull(stretch)))
        stretches = Group(rows, tuple(self.keys), tuple(self.parts))
        cut = Sessions(stretches, partition, Ref(first), made.gap, made.start, made.end, Ref(last))
        return Project(Group(cut, grouped, tuple(self.whole)), given)

    def _key(self, expr: Expr) -> Col:
        """The column of the stretches that holds `expr`, one of what they are grouped by."""
        for col, known in self.keys:
            if known == expr:
                return col
        name = expr.col.name if isinstance(expr, Ref) else "key"
        self.keys.append((self.ids.fresh(name, expr.type), expr))
        return self.keys[-1][0]

    def _reads_bounds(self, expr: Expr) -> bool:
        return not {self.sessions.start.id, self.sessions.end.id}.isdisjoint(rewrite.used(expr))

    def _over_stretches(self, expr: Expr) -> Expr | None:
        """A grouping expression over sessions of stretches: of their bounds only, or of the rows only."""
        if not self._reads_bounds(expr):
            return Ref(self._key(expr))
        return expr if set(rewrite.used(expr)) <= {self.sessions.start.id, self.sessions.end.id} else None

    def _aggregate(self, call: AggCall) -> Expr | None:
        """The value of an aggregate, of what is put together of the stretches; None where that is not to be had."""
        found = in_parts(call)
        read = [*call.args, *([] if call.filter is None else [call.filter])]
        if found is None or any(self._reads_bounds(expr) for expr in read):
            return None
        values = []
        for part, over, type in zip(found.calls, found.over, found.types, strict=True):
            col, total = self.ids.fresh(part.aggregate.name, part.type), self.ids.fresh(part.aggregate.name, type)
            self.parts.append((col, part))
            self.whole.append((total, AggCall(over, (Ref(col),), type)))
            values.append(Ref(total))
        return found.value(values)

    def _extreme(self, name: str) -> Col:
        time = self.sessions.time
        aggregate = next(each for each in AGGREGATES[name] if each.arguments == (time.type.name,))
        col = self.ids.fresh(name, time.type)
        self.parts.append((col, AggCall(aggregate, (time,), time.type)))
        return col

    def _function(self) -> Any:
        types = (self.sessions.time.type.name, "interval")
        return next(each for each in FUNCTIONS["session_stretch"] if each.arguments == types)
