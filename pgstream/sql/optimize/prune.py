"""Columns that nobody needs are not read, joined or kept; projections that do nothing are not there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pgstream.plan import rewrite
from pgstream.plan.expressions import Col, Const, Expr, Param, Ref
from pgstream.plan.relations import (
    Asof,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Lookup,
    Mutual,
    Project,
    Recursion,
    Relation,
    Scan,
    Sessions,
    SetOp,
    Sort,
    TableCall,
    TopN,
    Values,
    Versions,
    Window,
)
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.sql.optimize.uniqueness import matches_once, unique_keys

Ids = frozenset[int]


def prune(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with only the columns that its result needs."""
    return merged(_Pruning(facts).exactly(plan, plan.columns))


def _needed(exprs: Iterable[Expr]) -> Ids:
    return frozenset(id for expr in exprs for id in rewrite.used(expr))


class _Pruning:
    """One pass from the root to the scans."""

    def __init__(self, facts: RelationFacts) -> None:
        self.facts = facts

    def exactly(self, node: Relation, columns: Sequence[Col]) -> Relation:
        """`node` pruned to just `columns`, in their order."""
        pruned = self.prune(node, frozenset(col.id for col in columns))
        if pruned.columns == tuple(columns):
            return pruned
        return Project(pruned, tuple((col, Ref(col)) for col in columns))

    def narrow(self, node: Relation, wanted: Ids) -> Relation:
        """`node` pruned to just its `wanted` columns: for inputs that are kept as state."""
        return self.exactly(node, [col for col in node.columns if col.id in wanted])

    def prune(self, node: Relation, wanted: Ids) -> Relation:
        """`node` with at least its `wanted` columns, and as few others as is free."""
        below = wanted | _needed(rewrite.expressions(node))
        match node:
            case Scan(_, _, columns, positions):
                pairs = [(col, at) for col, at in zip(columns, positions, strict=True) if col.id in wanted]
                return replace(node, columns=tuple(c for c, _ in pairs), positions=tuple(at for _, at in pairs))
            case Values(columns, rows):
                kept = [i for i, col in enumerate(columns) if col.id in wanted]
                return Values(tuple(columns[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in rows))
            case Project(input, outputs):
                outputs = tuple((col, expr) for col, expr in outputs if col.id in wanted)
                return Project(self.prune(input, _needed(expr for _, expr in outputs)), outputs)
            case Filter(input) | Sort(input) | TableCall(input):
                return replace(node, input=self.prune(input, below))
            case Join("left", left) | Asof("left", left) if self.adds_nothing(node, wanted):
                return self.prune(left, wanted)
            case Join(_, left, right) | Asof(_, left, right) | Lookup(_, left, right):
                return replace(node, left=self.narrow(left, below), right=self.narrow(right, below))
            case Group(input, _, aggregates):
                node = replace(node, aggregates=tuple((col, call) for col, call in aggregates if col.id in wanted))
                return replace(node, input=self.prune(input, _needed(rewrite.expressions(node))))
            case Distinct(input):
                return Distinct(self.exactly(input, input.columns))
            case SetOp():
                return self.set_operation(node, wanted)
            case Mutual(terms):
                return replace(node, terms=tuple(self.exactly(term, term.columns) for term in terms))
            case Recursion(base, step):
                return replace(node, base=self.exactly(base, base.columns), step=self.exactly(step, step.columns))
            case TopN(input) | Sessions(input):
                return replace(node, input=self.narrow(input, below))
            case Versions(input, key, time):
                return replace(node, input=self.narrow(input, wanted | {time.id} | {col.id for col in key}))
            case AssertSingle(input, key):
                return replace(node, input=self.narrow(input, wanted | {col.id for col in key}))
            case Window():
                return self.window(node, wanted)
        raise AssertionError(node)

    def window(self, node: Window, wanted: Ids) -> Relation:
        calls = tuple((col, call) for col, call in node.calls if col.id in wanted)
        if not calls:
            return self.prune(node.input, wanted)
        node = replace(node, calls=calls)
        return replace(node, input=self.narrow(node.input, wanted | _needed(rewrite.expressions(node))))

    def adds_nothing(self, node: Join | Asof, wanted: Ids) -> bool:
        """Whether a left join gives each row of its left side once, with nothing `wanted` beside."""
        if not wanted.isdisjoint(col.id for col in node.right.columns):
            return False
        return isinstance(node, Asof) or matches_once(node.condition, node.right, unique_keys(node.right, self.facts))

    def set_operation(self, node: SetOp, wanted: Ids) -> Relation:
        if not (node.kind == "union" and node.all):
            return replace(node, inputs=tuple(self.exactly(input, input.columns) for input in node.inputs))
        kept = [i for i, col in enumerate(node.columns) if col.id in wanted]
        inputs = tuple(self.exactly(input, [input.columns[i] for i in kept]) for input in node.inputs)
        return replace(node, inputs=inputs, columns=tuple(node.columns[i] for i in kept))


def merged(plan: Relation) -> Relation:
    """The plan without projections that pass everything on, and with neighbouring ones made one."""
    return rewrite.transform(plan, _merge)


def _merge(node: Relation) -> Relation:
    match node:
        case Project(Project(input, inner), outputs) if _cheap(inner, outputs):
            mapping = {col.id: expr for col, expr in inner}
            return _merge(Project(input, tuple((col, rewrite.substitute(expr, mapping)) for col, expr in outputs)))
        case Project(input, outputs) if all(expr == Ref(col) for col, expr in outputs):
            if input.columns == node.columns:
                return input
            if isinstance(input, Scan):
                at = dict(zip(input.columns, input.positions, strict=True))
                return replace(input, columns=node.columns, positions=tuple(at[col] for col in node.columns))
    return node


def _cheap(inner: tuple[tuple[Col, Expr], ...], outer: tuple[tuple[Col, Expr], ...]) -> bool:
    """Whether no expression of the inner projection would be computed twice, or more often than it is now."""
    uses = Counter(part.col.id for _, expr in outer for part in rewrite.subexpressions(expr) if isinstance(part, Ref))
    return all(
        isinstance(expr, Ref | Const | Param) or (uses[col.id] <= 1 and not is_volatile(expr)) for col, expr in inner
    )
