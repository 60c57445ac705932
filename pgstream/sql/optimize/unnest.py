"""Unnesting: a plan without `Apply` and without subqueries in expressions, whatever it was before.

Subqueries become dependent joins (`subqueries.py`), outermost first each dependent join becomes a plain one. Most need
nothing but to have their predicates moved into the join's condition; a right side that computes from the left row
alone is computed there; the rest is done in general (`dependent.py`).
"""

from __future__ import annotations

from dataclasses import replace

from pgstream.plan import rewrite
from pgstream.plan.expressions import Case, CastExpr, Col, Const, Expr, IsDistinct, IsNull, Ref
from pgstream.plan.relations import (
    Apply,
    Distinct,
    Filter,
    Group,
    Join,
    JoinKind,
    Project,
    Relation,
    TableCall,
    TopN,
)
from pgstream.plan.rewrite import ColIds
from pgstream.sql.optimize.cardinality import UNIT, exactly_one
from pgstream.sql.optimize.dependent import Domain, bindings_equal, grouped, push
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import BOOL, TRUE, comparison, conjunction, conjuncts
from pgstream.sql.optimize.subqueries import filtered, kept, lifted
from pgstream.types.definition import SqlType

TEXT = SqlType("text")


def unnest(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with plain joins in place of all subqueries and dependent joins."""
    ids = ColIds.above(plan)
    return _eliminate(lifted(plan, ids, facts), ids)


def _eliminate(plan: Relation, ids: ColIds) -> Relation:
    if not isinstance(plan, Apply):
        return rewrite.map_children(plan, lambda child: _eliminate(child, ids))
    left = _eliminate(plan.left, ids)
    apply = replace(plan, left=left)
    if not _depends(plan.right, left):
        return Join(_join_kind(apply), left, _eliminate(plan.right, ids), plan.condition)
    for attempt in (_inlined, _flattened, _shown_as_text, _aggregated):
        found = attempt(apply, ids)
        if found is not None:
            return kept(_eliminate(found, ids), apply.columns)
    return kept(_dependent(apply, ids), apply.columns)


def _dependent(apply: Apply, ids: ColIds) -> Relation:
    """The general case: a join with the right side computed for every binding."""
    domain = Domain(apply.left, apply.right, ids)
    pushed = push(apply.right, domain)
    outer = {id: domain.columns[id] for id in pushed.bound}
    condition = conjunction([*conjuncts(apply.condition), *conjuncts(bindings_equal(outer, pushed.bound))])
    return Join(_join_kind(apply), apply.left, _eliminate(pushed.relation, ids), condition)


def _depends(right: Relation, left: Relation) -> bool:
    return not set(rewrite.free_refs(right)).isdisjoint(col.id for col in left.columns)


def _join_kind(apply: Apply) -> JoinKind:
    assert apply.kind != "single"
    assert apply.kind != "mark"
    return apply.kind


def _inlined(apply: Apply, ids: ColIds) -> Relation | None:
    """A right side that reads no relation but only computes, computed over the left side itself."""
    left, right = apply.left, apply.right
    if apply.kind == "left" and apply.condition is None:
        called = right.input if isinstance(right, Project) and _renames(right) else right
        if isinstance(called, TableCall) and called.input == UNIT:
            computed: Relation = replace(called, input=left, outer=True)
            if called is not right and isinstance(right, Project):
                computed = Project(computed, tuple((c, Ref(c)) for c in left.columns) + right.outputs)
            return computed
    if apply.kind == "inner" or (apply.kind == "left" and apply.condition is None and exactly_one(right)):
        over = _over(left, right)
        return None if over is None else filtered(over, apply.condition)
    return None


def _over(left: Relation, right: Relation) -> Relation | None:
    """The inner dependent join of `left` and `right`, where `right` starts from a single row of no columns."""
    if right == UNIT:
        return left
    match right:
        case Project(input, outputs):
            over = _over(left, input)
            passed = tuple((col, Ref(col)) for col in left.columns)
            return None if over is None else Project(over, passed + outputs)
        case Filter(input) | TableCall(input):
            over = _over(left, input)
            return None if over is None else replace(right, input=over)
        case Apply(_, inner, _, _):
            over = _over(left, inner)
            return None if over is None else replace(right, left=over)
        case Join("inner" | "left" | "semi" | "anti", inner, other, _) if not _depends(other, left):
            over = _over(left, inner)
            return None if over is None else replace(right, left=over)
    return None


def _renames(project: Project) -> bool:
    own = {col.id for col in project.input.columns}
    return all(isinstance(expr, Ref) and expr.col.id in own for _, expr in project.outputs)


def _flattened(apply: Apply, ids: ColIds) -> Relation | None:
    """A right side that depends only in predicates and computed columns on top of it: they move over the join."""
    right = apply.right
    values: dict[int, Expr] = {col.id: Ref(col) for col in right.columns}
    parts = list(conjuncts(apply.condition))
    while True:
        match right:
            case Filter(input, predicate):
                parts += conjuncts(predicate)
            case Project(input, outputs):
                mapping = {col.id: expr for col, expr in outputs}
                parts = [rewrite.substitute(part, mapping) for part in parts]
                values = {id: rewrite.substitute(value, mapping) for id, value in values.items()}
            case Distinct(input) if apply.kind in ("semi", "anti"):
                pass
            case TopN(input, _, _, Const(limit), None) if apply.kind in ("semi", "anti") and not parts and limit:
                pass
            case _:
                break
        right = input
    if right is apply.right or _depends(right, apply.left):
        return None
    condition = conjunction(parts)
    if apply.kind in ("semi", "anti"):
        return Join(_join_kind(apply), apply.left, right, condition)
    outputs = tuple((col, Ref(col)) for col in apply.left.columns)
    own = {col.id for col in right.columns}
    if apply.kind == "left" and not all(isinstance(value, Ref) and value.col.id in own for value in values.values()):
        flag = ids.fresh("matched", BOOL)
        right = Project(right, (*((col, Ref(col)) for col in right.columns), (flag, TRUE)))
        for id, value in values.items():
            values[id] = Case(((IsNull(Ref(flag)), Const(None, value.type)),), value, value.type)
    joined = Join(_join_kind(apply), apply.left, right, condition)
    outputs += tuple((col, values[col.id]) for col in apply.right.columns)
    return Project(joined, outputs)


def _shown_as_text(apply: Apply, ids: ColIds) -> Relation | None:
    """Equal values that look different, as 1.0 and 1.00 do, are two bindings where the right side shows them.

    Such columns of the left side are referred to by their text, which has one value for each look.
    """
    own = {col.id: col for col in apply.left.columns}
    shown = {id: own[id] for id in _shown(apply.right) if id in own and _looks_differ(own[id].type)}
    if not shown:
        return None
    texts = {id: ids.fresh(col.name, TEXT) for id, col in shown.items()}
    outputs: tuple[tuple[Col, Expr], ...] = tuple((col, Ref(col)) for col in apply.left.columns)
    outputs += tuple((texts[id], CastExpr(Ref(col), TEXT, True)) for id, col in shown.items())
    values: dict[int, Expr] = {id: CastExpr(Ref(texts[id]), col.type, True) for id, col in shown.items()}
    return replace(apply, left=Project(apply.left, outputs), right=rewrite.substitute(apply.right, values))


def _looks_differ(type: SqlType) -> bool:
    definition = type.definition
    return definition.equality_key is not None or (type.element is not None and _looks_differ(type.element))


def _shown(plan: Relation) -> set[int]:
    """The columns that `plan` refers to other than to compare them."""
    found: set[int] = set()

    def visit(expr: Expr) -> None:
        compared = comparison(expr) is not None or isinstance(expr, IsNull | IsDistinct)
        for operand in rewrite.operands(expr):
            if not (compared and isinstance(operand, Ref)):
                visit(operand)
        if isinstance(expr, Ref):
            found.add(expr.col.id)

    for node in rewrite.subplans(plan):
        for expr in rewrite.expressions(node):
            visit(expr)
    return found


def _aggregated(apply: Apply, ids: ColIds) -> Relation | None:
    """An aggregate without GROUP BY: groups by binding, outer joined, with its value over no rows where none is."""
    if apply.kind not in ("inner", "left") or apply.condition is not None:
        return None
    right = apply.right
    projects = []
    while isinstance(right, Project):
        projects.append(right)
        right = right.input
    if not (isinstance(right, Group) and not right.keys and _depends(right, apply.left)):
        return None
    domain = Domain(apply.left, right, ids)
    groups, values = grouped(right, domain)
    outer = {id: domain.columns[id] for id in groups.bound}
    joined = Join("left", apply.left, groups.relation, bindings_equal(outer, groups.bound))
    passed = tuple((col, Ref(col)) for col in apply.left.columns)
    result: Relation = Project(joined, passed + tuple((col, values[col.id]) for col in right.columns))
    for project in reversed(projects):
        result = Project(result, passed + project.outputs)
    return result
