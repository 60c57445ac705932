"""Subqueries in expressions as dependent joins: the first half of unnesting.

Each expression with a subquery is computed over an input that `Apply` has extended by what the subquery gives:
EXISTS by a flag that is NULL where there is no row, a scalar subquery by its value, ARRAY by its aggregate. IN, ANY and
ALL are EXISTS twice: a row for which the test is true, and else a row for which it is NULL. A subquery that is a whole
conjunct of WHERE needs no third value, and becomes a semi or anti join.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from pgstream.errors import FeatureNotSupported
from pgstream.functions.registry import AGGREGATES
from pgstream.plan import rewrite
from pgstream.plan.expressions import (
    AggCall,
    Call,
    Case,
    Coalesce,
    Col,
    Const,
    Expr,
    IsBool,
    IsNull,
    Not,
    Or,
    Ref,
    SortKey,
    Subquery,
)
from pgstream.plan.relations import (
    Apply,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    Project,
    Relation,
    Sessions,
    SetOp,
    Sort,
    TableCall,
    TopN,
    Values,
    Window,
)
from pgstream.plan.rewrite import ColIds
from pgstream.sql.optimize.cardinality import UNIT, at_most_one
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.nullability import not_null, not_null_columns
from pgstream.sql.optimize.numbering import numbered
from pgstream.sql.optimize.predicates import (
    BOOL,
    FALSE,
    TRUE,
    conjunction,
    conjuncts,
    has_subquery,
    refers_only_to,
)
from pgstream.sql.optimize.uniqueness import unique_keys
from pgstream.types.definition import SqlType


def kept(relation: Relation, columns: Sequence[Col]) -> Relation:
    """`relation` with only `columns`, in their order."""
    if relation.columns == tuple(columns):
        return relation
    return Project(relation, tuple((col, Ref(col)) for col in columns))


def filtered(relation: Relation, predicate: Expr | None) -> Relation:
    """`relation` under a Filter, or as it is where there is no predicate."""
    return relation if predicate is None else Filter(relation, predicate)


def without_order(query: Relation) -> Relation:
    """`query` without the ORDER BY at its root, which nobody sees in a subquery."""
    if isinstance(query, Sort):
        return query.input
    if isinstance(query, Project):
        return replace(query, input=without_order(query.input))
    return query


def lifted(plan: Relation, ids: ColIds, facts: RelationFacts) -> Relation:
    """`plan` with `Apply` in place of every subquery of every expression, at any depth."""
    return rewrite.transform(plan, lambda node: _lift(node, ids, facts))


def _lift(node: Relation, ids: ColIds, facts: RelationFacts) -> Relation:
    """One node over inputs that are lifted already."""
    if isinstance(node, Apply):
        return _lift_apply(node, ids, facts)
    if isinstance(node, Values):
        return _lift_values(node, ids, facts)
    if not any(has_subquery(expr) for expr in rewrite.expressions(node)):
        return node
    match node:
        case Filter(input, predicate):
            return kept(_where(_Extended(input, ids, facts), predicate), node.columns)
        case Join():
            return _lift_join(node, ids, facts)
        case TopN(_, _, _, limit, offset) if any(
            bound is not None and has_subquery(bound) for bound in (limit, offset)
        ):
            return lifted(numbered(node, ids), ids, facts)
        case (
            Project(input)
            | Group(input)
            | TopN(input)
            | Sort(input)
            | Window(input)
            | TableCall(input)
            | Sessions(input)
        ):
            extended = _Extended(input, ids, facts)
            computed = rewrite.map_expressions(node, extended.lift)
            computed = rewrite.map_children(computed, lambda _: extended.relation)
            return kept(computed, node.columns)
    raise AssertionError(node)


def _lift_apply(node: Apply, ids: ColIds, facts: RelationFacts) -> Relation:
    right = without_order(node.right)
    if node.kind == "mark":
        assert node.mark is not None
        test = Subquery("any", right, BOOL, node.condition or TRUE)
        passed: tuple[tuple[Col, Expr], ...] = tuple((col, Ref(col)) for col in node.left.columns)
        return _lift(Project(node.left, (*passed, (node.mark, test))), ids, facts)
    if node.kind == "single":
        single = right if at_most_one(right) else AssertSingle(right, ())
        return _lift_apply(Apply("left", node.left, single, node.condition), ids, facts)
    nested = [part for part in conjuncts(node.condition) if has_subquery(part)]
    if nested:
        plain = conjunction(part for part in conjuncts(node.condition) if not has_subquery(part))
        right = _lift(filtered(right, conjunction(nested)), ids, facts)
        return Apply(node.kind, node.left, right, plain)
    return replace(node, right=right)


def _lift_values(node: Values, ids: ColIds, facts: RelationFacts) -> Relation:
    """Rows of expressions that are no constants, as a union of projections."""
    items = [item for row in node.rows for item in row]
    if not any(has_subquery(item) or rewrite.free_refs(item) for item in items):
        return node
    if len(node.rows) == 1:
        return _lift(Project(UNIT, tuple(zip(node.columns, node.rows[0], strict=True))), ids, facts)
    rows = []
    for row in node.rows:
        outputs = tuple((ids.like(col), item) for col, item in zip(node.columns, row, strict=True))
        rows.append(_lift(Project(UNIT, outputs), ids, facts))
    return SetOp("union", True, tuple(rows), node.columns)


def _lift_join(node: Join, ids: ColIds, facts: RelationFacts) -> Relation:
    """A join whose condition holds subqueries."""
    parts = conjuncts(node.condition)
    plain = conjunction(part for part in parts if not has_subquery(part))
    nested = [part for part in parts if has_subquery(part)]
    if node.kind == "inner":
        return _lift(Filter(replace(node, condition=plain), conjunction(nested) or TRUE), ids, facts)
    if node.kind == "right":
        mirrored = _lift_join(Join("left", node.right, node.left, node.condition), ids, facts)
        return kept(mirrored, node.columns)
    if node.kind != "full":
        right = _lift(Filter(node.right, conjunction(nested) or TRUE), ids, facts)
        return Apply(node.kind, node.left, right, plain)
    return _lift_full_join(node, ids, facts)


def _lift_full_join(node: Join, ids: ColIds, facts: RelationFacts) -> Relation:
    """A full join; each subquery in its condition must be computable over one side."""
    sides = (_Extended(node.left, ids, facts), _Extended(node.right, ids, facts))
    computed = []
    for part in conjuncts(node.condition):
        for query in [item for item in rewrite.subexpressions(part) if isinstance(item, Subquery)]:
            side = next((s for s in sides if not _needs(query, s is sides[0], node)), None)
            if side is None:
                raise FeatureNotSupported(
                    "FULL JOIN is only supported with merge-joinable or hash-joinable join conditions"
                )
            part = _exchanged(part, query, side.lift(query))
        computed.append(part)
    joined = Join("full", sides[0].relation, sides[1].relation, conjunction(computed))
    return kept(joined, node.columns)


def _needs(query: Subquery, left: bool, node: Join) -> bool:
    """Whether `query` refers to the side of `node` that is not the left one (or the right one)."""
    other = node.right if left else node.left
    return not set(rewrite.free_refs(query)).isdisjoint(col.id for col in other.columns)


def _exchanged(expr: Expr, old: Expr, new: Expr) -> Expr:
    return new if expr == old else rewrite.map_operands(expr, lambda part: _exchanged(part, old, new))


def _where(extended: _Extended, predicate: Expr) -> Relation:
    """The rows where `predicate` is true: plain conjuncts first, then semi and anti joins, then the rest."""
    parts = conjuncts(predicate)
    plain = conjunction(part for part in parts if not has_subquery(part))
    extended.relation = filtered(extended.relation, plain)
    rest = [part for part in parts if has_subquery(part) and not extended.restrict(part, True)]
    values = [extended.lift(part) for part in rest]
    return filtered(extended.relation, conjunction(values))


class _Extended:
    """A relation that grows a column for each subquery lifted from the expressions over it."""

    def __init__(self, relation: Relation, ids: ColIds, facts: RelationFacts) -> None:
        self.relation = relation
        self.ids = ids
        self.facts = facts
        self.lifted: dict[tuple[Subquery, Expr | None], Expr] = {}

    def restrict(self, part: Expr, wanted: bool) -> bool:
        """Keeps only rows where `part`, a conjunct of WHERE, is `wanted`; False if it is not of that shape."""
        match part:
            case Not(arg):
                return self.restrict(arg, not wanted)
            case Subquery("exists", query):
                self._join("semi" if wanted else "anti", self._plan(query), None)
                return True
            case Subquery(kind, query, _, test) if kind in ("any", "all") and test is not None:
                test = self.lift(test)
                query = self._plan(query)
                if kind == "all":
                    test, wanted = Not(test), not wanted
                if wanted:
                    self._join("semi", query, test)
                else:
                    self._none_true_or_null(query, test)
                return True
        return False

    def _join(self, kind: str, query: Relation, condition: Expr | None) -> None:
        assert kind in ("semi", "anti", "left")
        self.relation = Apply(kind, self.relation, query, condition)  # type: ignore[arg-type]

    def _plan(self, query: Relation) -> Relation:
        return without_order(lifted(query, self.ids, self.facts))

    def _copy(self, query: Relation, predicate: Expr | None) -> Relation:
        """Another instance of `query` with its own columns, where `predicate` is true."""
        copy, mapping = rewrite.fresh_copy(query, self.ids)
        return copy if predicate is None else Filter(copy, rewrite.rename(predicate, mapping))

    def _none_true_or_null(self, query: Relation, test: Expr) -> None:
        """Keeps the rows for which `test` is false for every row of `query`: NOT IN."""
        sides = self._sides(query, test)
        if sides is None:
            self._join("anti", query, Not(IsBool(test, False)))
            return
        outer, inner = sides
        if not not_null(inner, not_null_columns(query, self.facts)):
            self._join("anti", self._copy(query, IsNull(inner)), None)
        if not not_null(outer, not_null_columns(self.relation, self.facts)):
            empty = Not(self._exists(self._copy(query, None)))
            self.relation = Filter(self.relation, Or((Not(IsNull(outer)), empty)))
        self._join("anti", query, test)

    def _sides(self, query: Relation, test: Expr) -> tuple[Expr, Expr] | None:
        """The two operands of a test that is NULL exactly when one of them is: the outer one, the query's one."""
        bare = test.arg if isinstance(test, Not) else test
        if not (isinstance(bare, Call) and bare.function.strict and len(bare.args) == 2):
            return None
        own = [col.id for col in query.columns]
        for outer, inner in (bare.args, bare.args[::-1]):
            if refers_only_to(inner, own) and set(rewrite.free_refs(outer)).isdisjoint(own):
                return outer, inner
        return None

    def lift(self, expr: Expr, guard: Expr | None = None) -> Expr:
        """`expr` over the extended relation. Where `guard` is not true nobody asks for the value."""
        if not has_subquery(expr):
            return expr
        match expr:
            case Subquery():
                return self._once(expr, guard)
            case Case(whens, otherwise, type):
                return self._case(whens, otherwise, expr, guard)
            case Coalesce(args, type):
                lifted_args: list[Expr] = []
                for arg in args:
                    reached = conjunction([*_given(guard), *(IsNull(before) for before in lifted_args)])
                    lifted_args.append(self.lift(arg, reached))
                return Coalesce(tuple(lifted_args), type)
        return rewrite.map_operands(expr, lambda part: self.lift(part, guard))

    def _once(self, expr: Subquery, guard: Expr | None) -> Expr:
        """A subquery's value. The binder may write one twice (BETWEEN does); it is computed once for each guard."""
        known = self.lifted.get((expr, guard))
        if known is None:
            again = any(seen == expr for seen, _ in self.lifted)
            known = self._subquery(self._again(expr) if again else expr, guard)
            self.lifted[expr, guard] = known
        return known

    def _again(self, expr: Subquery) -> Subquery:
        query, mapping = rewrite.fresh_copy(expr.query, self.ids)
        return replace(expr, query=query, test=None if expr.test is None else rewrite.rename(expr.test, mapping))

    def _subquery(self, expr: Subquery, guard: Expr | None) -> Expr:
        match expr:
            case Subquery("exists", query):
                return self._exists(self._plan(query))
            case Subquery("scalar", query):
                return self._scalar(self._plan(query), guard)
            case Subquery("array", query):
                return self._array(query, expr.type)
        assert expr.test is not None
        return self._quantified(self._plan(expr.query), self.lift(expr.test, guard), expr.kind == "all")

    def _case(self, whens: tuple[tuple[Expr, Expr], ...], otherwise: Expr, expr: Case, guard: Expr | None) -> Expr:
        reached = list(_given(guard))
        branches = []
        for condition, result in whens:
            condition = self.lift(condition, conjunction(reached))
            result = self.lift(result, conjunction([*reached, condition]))
            reached.append(Not(IsBool(condition, True)))
            branches.append((condition, result))
        return Case(tuple(branches), self.lift(otherwise, conjunction(reached)), expr.type)

    def _exists(self, query: Relation) -> Expr:
        flag = self.ids.fresh("exists", BOOL)
        self._join("left", Distinct(Project(query, ((flag, TRUE),))), None)
        return Not(IsNull(Ref(flag)))

    def _scalar(self, query: Relation, guard: Expr | None) -> Expr:
        value = self.ids.like(query.columns[0])
        if frozenset() not in unique_keys(query, self.facts) and not at_most_one(query):
            query = AssertSingle(filtered(query, guard), ())
        self._join("left", Project(query, ((value, Ref(query.columns[0])),)), None)
        return Ref(value)

    def _array(self, query: Relation, type: SqlType) -> Expr:
        """ARRAY(query): array_agg in the query's order, and the empty array where there are no rows."""
        query, item, order = _ordered(lifted(query, self.ids, self.facts))
        value = self.ids.fresh("array", type)
        call = AggCall(AGGREGATES["array_agg"][0], (item,), value.type, order=order)
        self._join("left", Group(query, (), ((value, call),)), None)
        return Coalesce((Ref(value), Const([], value.type)), value.type)

    def _quantified(self, query: Relation, test: Expr, all: bool) -> Expr:
        """`test` for ANY row of `query`: true if it is for one, else NULL if it is for one, else false."""
        if all:
            test = Not(test)
        sides = self._sides(query, test)
        if sides is None:
            unknown = self._exists(self._copy(query, IsNull(test)))
        else:
            outer, inner = sides
            reasons: list[Expr] = []
            if not not_null(inner, not_null_columns(query, self.facts)):
                reasons.append(self._exists(self._copy(query, IsNull(inner))))
            if not not_null(outer, not_null_columns(self.relation, self.facts)):
                reasons.append(conjunction([IsNull(outer), self._exists(self._copy(query, None))]) or FALSE)
            unknown = Or(tuple(reasons)) if len(reasons) > 1 else reasons[0] if reasons else FALSE
        found = self._exists(Filter(query, test))
        whens = ((found, TRUE),) if unknown == FALSE else ((found, TRUE), (unknown, Const(None, BOOL)))
        result = Case(whens, FALSE, BOOL)
        return Not(result) if all else result


def _given(guard: Expr | None) -> tuple[Expr, ...]:
    return () if guard is None else (guard,)


def _ordered(query: Relation) -> tuple[Relation, Expr, tuple[SortKey, ...]]:
    """The relation that `query` sorts, the value of its first column over that, and the order."""
    item: Expr = Ref(query.columns[0])
    inner = query
    while isinstance(inner, Project):
        item = rewrite.substitute(item, {col.id: expr for col, expr in inner.outputs})
        inner = inner.input
    if isinstance(inner, Sort):
        return inner.input, item, inner.order
    return query, Ref(query.columns[0]), ()
