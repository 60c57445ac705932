"""The dependent join, pushed down until nothing depends any more: the second half of unnesting.

Thomas Neumann and Alfons Kemper, "Unnesting Arbitrary Queries", BTW 2015. A relation with correlations gives one
result per binding of the outer columns it refers to. `Domain` is the relation of those bindings; pushing it down to
where a correlated column is used turns the relation into a plain one that carries the binding in columns of its own.

Where a predicate equates a correlated column with an inner one, the inner column serves as the binding and no domain
is joined. Then the result may hold bindings that the outer query never has; it is joined with the outer query at the
end, so they only matter where a row too many is an error. `Pushed.exact` keeps account of that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from pgstream.errors import FeatureNotSupported
from pgstream.plan import rewrite
from pgstream.plan.expressions import AggCall, Coalesce, Col, Const, Expr, IsNull, Not, Ref
from pgstream.plan.relations import (
    Apply,
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
    Window,
)
from pgstream.plan.rewrite import ColIds
from pgstream.sql.optimize.nullability import NEVER_NULL
from pgstream.sql.optimize.numbering import numbered
from pgstream.sql.optimize.predicates import conjunction, conjuncts, equated, same
from pgstream.types.definition import BY_NAME

Columns = Mapping[int, Col]


@dataclass(frozen=True, slots=True)
class Pushed:
    """A relation without correlations: for each binding what the correlated one would give.

    `bound` names the column that carries each outer column it used to refer to. `exact`: every row's binding is in
    the domain.
    """

    relation: Relation
    bound: Columns
    exact: bool

    def resolved(self, part: Expr) -> Expr:
        """`part` with the outer columns that are bound here read from this relation."""
        return rewrite.substitute(part, self.mapping)

    @property
    def mapping(self) -> dict[int, Expr]:
        return {id: Ref(col) for id, col in self.bound.items()}


def bindings_equal(ours: Columns, theirs: Columns) -> Expr | None:
    """The condition that two relations stand at the same binding, as far as both have it."""
    return conjunction(same(Ref(ours[id]), Ref(theirs[id])) for id in ours if id in theirs)


class Domain:
    """The distinct bindings that an outer relation gives its columns."""

    def __init__(self, outer: Relation, dependent: Relation, ids: ColIds) -> None:
        self.outer = outer
        self.ids = ids
        self.columns: Columns = {col.id: col for col in outer.columns}
        self.uses = Counter(_references(dependent))

    def rows(self, wanted: Columns) -> Pushed:
        """The distinct bindings of `wanted`, in columns of their own."""
        copy, mapping = rewrite.fresh_copy(_provider(self.outer, wanted), self.ids)
        columns = {id: mapping[id] for id in wanted}
        outputs = tuple((col, Ref(col)) for col in columns.values())
        return Pushed(Distinct(Project(copy, outputs)), columns, True)

    def free(self, part: Expr | Relation) -> Columns:
        """The columns of this domain that `part` refers to."""
        return {id: self.columns[id] for id in rewrite.free_refs(part) if id in self.columns}

    def free_in(self, parts: Iterable[Expr]) -> Columns:
        return {id: col for part in parts for id, col in self.free(part).items()}

    def replaceable(self, col: Col) -> bool:
        """Whether a value equal to `col` is as good as the value itself: 1.0 for 1.00 is not where it is shown."""
        definition = BY_NAME.get(col.type.name)
        return definition is None or definition.equality_key is None or self.uses[col.id] == 1


def _references(plan: Relation) -> Iterable[int]:
    for node in rewrite.subplans(plan):
        for expr in rewrite.expressions(node):
            for part in rewrite.subexpressions(expr):
                if isinstance(part, Ref):
                    yield part.col.id


def _provider(relation: Relation, wanted: Columns) -> Relation:
    """The smallest part of `relation` that gives the same bindings of `wanted`."""
    match relation:
        case Join("left", input, _) | Window(input) | Project(input):
            if set(wanted) <= {col.id for col in input.columns}:
                return _provider(input, wanted)
    return relation


def push(node: Relation, domain: Domain) -> Pushed:
    """`node`, which may depend on the domain's columns, as a relation that does not."""
    free = domain.free(node)
    if not free:
        return Pushed(node, {}, True)
    match node:
        case Project():
            return _push_project(node, domain)
        case Filter(input, predicate):
            return _filtered(push(input, domain), conjuncts(predicate), domain)
        case Join() | Apply():
            return _push_join(node, domain, free)
        case Asof() | Lookup():
            return _push_timed_join(node, domain, free)
        case AssertSingle(input, key):
            pushed = _attached(push(input, domain), free, domain, exact=True)
            return replace(pushed, relation=AssertSingle(pushed.relation, key + tuple(pushed.bound.values())))
        case Group():
            return _push_group(node, domain, free)
        case Distinct(input):
            pushed = _narrowed(_attached(push(input, domain), free, domain), node.columns)
            return replace(pushed, relation=Distinct(pushed.relation))
        case SetOp():
            return _push_set_operation(node, domain, free)
        case Sort(input):
            return push(input, domain)
        case TopN() | Window() | TableCall() | Sessions():
            return _push_rows(node, domain, free)
        case Recursion():
            return _push_recursion(node, domain, free)
        case Mutual():
            raise FeatureNotSupported("WITH MUTUALLY RECURSIVE may not refer to an outer query")
    raise AssertionError(node)


def _attached(pushed: Pushed, wanted: Columns, domain: Domain, exact: bool = False) -> Pushed:
    """`pushed`, joined with the domain unless it has all `wanted` columns bound (and exactly so) already."""
    if set(wanted) <= set(pushed.bound) and (pushed.exact or not exact):
        return pushed
    bindings = domain.rows({**pushed.bound, **wanted})
    condition = bindings_equal(bindings.bound, pushed.bound)
    return Pushed(Join("inner", bindings.relation, pushed.relation, condition), bindings.bound, True)


def _narrowed(pushed: Pushed, columns: tuple[Col, ...]) -> Pushed:
    """`pushed` with just `columns`, then the bindings."""
    wanted = columns + tuple(pushed.bound.values())
    if pushed.relation.columns == wanted:
        return pushed
    return replace(pushed, relation=Project(pushed.relation, tuple((col, Ref(col)) for col in wanted)))


def _filtered(pushed: Pushed, parts: tuple[Expr, ...], domain: Domain) -> Pushed:
    """`pushed` where all of `parts` are true. A part that equates a missing binding with a column provides it."""
    own = frozenset(col.id for col in pushed.relation.columns)
    bound = dict(pushed.bound)
    provided: list[tuple[Col, Expr]] = []
    wanted = domain.free_in(parts)
    parts = tuple(pushed.resolved(part) for part in parts)
    for id, col in wanted.items():
        found = equated(parts, id, own) if id not in bound and domain.replaceable(col) else None
        if found is not None:
            equation, expr = found
            bound[id] = domain.ids.like(col)
            provided.append((bound[id], expr))
            parts = tuple(rewrite.substitute(part, {id: expr}) for part in parts if part != equation)
            parts = (*parts, Not(IsNull(expr)))
    relation = _where(pushed.relation, parts if set(wanted) <= set(bound) else ())
    if provided:
        relation = Project(relation, tuple((c, Ref(c)) for c in relation.columns) + tuple(provided))
    found_all = Pushed(relation, bound, pushed.exact and not provided)
    if set(wanted) <= set(bound):
        return found_all
    attached = _attached(found_all, wanted, domain)
    return replace(attached, relation=_where(attached.relation, tuple(attached.resolved(part) for part in parts)))


def _where(relation: Relation, parts: Iterable[Expr]) -> Relation:
    predicate = conjunction(parts)
    return relation if predicate is None else Filter(relation, predicate)


def _push_project(node: Project, domain: Domain) -> Pushed:
    wanted = domain.free_in(expr for _, expr in node.outputs)
    pushed = _attached(push(node.input, domain), wanted, domain)
    outputs = tuple((col, pushed.resolved(expr)) for col, expr in node.outputs)
    outputs += tuple((col, Ref(col)) for col in pushed.bound.values())
    return replace(pushed, relation=Project(pushed.relation, outputs))


def _push_join(node: Join | Apply, domain: Domain, free: Columns) -> Pushed:
    left = push(node.left, domain)
    if isinstance(node, Apply):
        left = _attached(left, free, domain)
        right = rewrite.substitute(node.right, left.mapping)
        condition = None if node.condition is None else left.resolved(node.condition)
        return replace(left, relation=replace(node, left=left.relation, right=right, condition=condition))
    match node.kind:
        case "inner":
            return _push_inner_join(node, left, domain)
        case "right":
            mirrored = _push_join(Join("left", node.right, node.left, node.condition), domain, free)
            return _narrowed(mirrored, node.columns)
        case "full":
            return _push_full_join(node, left, domain, free)
    left = _attached(left, free, domain)
    right_side = push(node.right, domain)
    parts = [left.resolved(part) for part in conjuncts(node.condition)]
    condition = conjunction([*parts, *conjuncts(bindings_equal(left.bound, right_side.bound))])
    return replace(left, relation=Join(node.kind, left.relation, right_side.relation, condition))


def _push_timed_join(node: Asof | Lookup, domain: Domain, free: Columns) -> Pushed:
    left = _attached(push(node.left, domain), free, domain)
    right = push(node.right, domain)
    parts = [left.resolved(part) for part in conjuncts(node.condition)]
    condition = conjunction([*parts, *conjuncts(bindings_equal(left.bound, right.bound))])
    if isinstance(node, Lookup):
        return replace(left, relation=Lookup(node.kind, left.relation, right.relation, condition))
    residual = None if node.residual is None else left.resolved(node.residual)
    time, version = left.resolved(node.time), left.resolved(node.version)
    made = replace(node, left=left.relation, right=right.relation, condition=condition)
    return replace(left, relation=replace(made, time=time, version=version, residual=residual))


def _push_inner_join(node: Join, left: Pushed, domain: Domain) -> Pushed:
    right = push(node.right, domain)
    nested = set(left.bound) <= set(right.bound) or set(right.bound) <= set(left.bound)
    if not nested and left.exact and right.exact:
        left = _attached(left, {**left.bound, **right.bound}, domain)
        nested = True
    condition = bindings_equal(left.bound, right.bound)
    joined = Join("inner", left.relation, right.relation, condition)
    wider, narrower = (left, right) if len(left.bound) >= len(right.bound) else (right, left)
    exact = nested and wider.exact
    both = Pushed(joined, {**narrower.bound, **wider.bound}, exact)
    return _filtered(both, conjuncts(node.condition), domain)


def _push_full_join(node: Join, left: Pushed, domain: Domain, free: Columns) -> Pushed:
    left = _narrowed(_attached(left, free, domain), node.left.columns)
    right = _narrowed(_attached(push(node.right, domain), free, domain), node.right.columns)
    parts = [left.resolved(part) for part in conjuncts(node.condition)]
    condition = conjunction([*parts, *conjuncts(bindings_equal(left.bound, right.bound))])
    joined = Join("full", left.relation, right.relation, condition)
    bound = {id: domain.ids.like(col) for id, col in free.items()}
    outputs: tuple[tuple[Col, Expr], ...] = tuple((col, Ref(col)) for col in node.columns)
    outputs += tuple(
        (col, Coalesce((Ref(left.bound[id]), Ref(right.bound[id])), col.type)) for id, col in bound.items()
    )
    return Pushed(Project(joined, outputs), bound, left.exact and right.exact)


def grouped(node: Group, domain: Domain) -> tuple[Pushed, dict[int, Expr]]:
    """A Group without keys as one by binding, and for each aggregate its value where a binding has no group."""
    free = domain.free(node)
    pushed = _attached(push(node.input, domain), free, domain)
    keys = {id: domain.ids.like(col) for id, col in free.items()}
    aggregates = []
    values: dict[int, Expr] = {}
    for col, call in node.aggregates:
        grown = domain.ids.like(col)
        aggregates.append((grown, _resolved_call(call, pushed)))
        values[col.id] = or_empty(grown, call)
    group = Group(pushed.relation, tuple((keys[id], Ref(pushed.bound[id])) for id in free), tuple(aggregates))
    return Pushed(group, keys, pushed.exact), values


def or_empty(col: Col, call: AggCall) -> Expr:
    """The aggregate in `col` of an outer join: its value over no rows where there is no group."""
    if call.aggregate.name in NEVER_NULL:
        return Coalesce((Ref(col), Const(0, col.type)), col.type)
    return Ref(col)


def _resolved_call(call: AggCall, pushed: Pushed) -> AggCall:
    return AggCall(
        call.aggregate,
        tuple(pushed.resolved(arg) for arg in call.args),
        call.type,
        call.distinct,
        None if call.filter is None else pushed.resolved(call.filter),
        tuple(replace(key, expr=pushed.resolved(key.expr)) for key in call.order),
    )


def _push_group(node: Group, domain: Domain, free: Columns) -> Pushed:
    if not node.keys:
        groups, values = grouped(node, domain)
        bindings = domain.rows(free)
        condition = bindings_equal(bindings.bound, groups.bound)
        joined = Join("left", bindings.relation, groups.relation, condition)
        outputs = tuple((col, values[col.id]) for col in node.columns)
        outputs += tuple((col, Ref(col)) for col in bindings.bound.values())
        return Pushed(Project(joined, outputs), bindings.bound, True)
    pushed = _attached(push(node.input, domain), free, domain)
    bound = {id: domain.ids.like(col) for id, col in free.items()}
    keys = tuple((col, pushed.resolved(expr)) for col, expr in node.keys)
    keys += tuple((col, Ref(pushed.bound[id])) for id, col in bound.items())
    aggregates = tuple((col, _resolved_call(call, pushed)) for col, call in node.aggregates)
    return Pushed(Group(pushed.relation, keys, aggregates), bound, pushed.exact)


def _push_set_operation(node: SetOp, domain: Domain, free: Columns) -> Pushed:
    inputs = []
    exact = True
    for input in node.inputs:
        pushed = _attached(push(input, domain), free, domain)
        ordered = replace(pushed, bound={id: pushed.bound[id] for id in free})
        inputs.append(_narrowed(ordered, input.columns).relation)
        exact = exact and pushed.exact
    bound = {id: domain.ids.like(col) for id, col in free.items()}
    columns = node.columns + tuple(bound.values())
    return Pushed(SetOp(node.kind, node.all, tuple(inputs), columns), bound, exact)


def _push_rows(node: TopN | Window | TableCall | Sessions, domain: Domain, free: Columns) -> Pushed:
    """Nodes that keep their input's columns, and see one binding's rows at a time by partitioning."""
    if isinstance(node, TopN) and domain.free_in(part for part in (node.limit, node.offset) if part is not None):
        return push(numbered(node, domain.ids), domain)
    pushed = _attached(push(node.input, domain), free, domain)
    binding = tuple(Ref(col) for col in pushed.bound.values())
    moved = rewrite.map_expressions(node, pushed.resolved)
    moved = rewrite.map_children(moved, lambda _: pushed.relation)
    match moved:
        case TopN(_, partition) | Sessions(_, partition):
            moved = replace(moved, partition=partition + binding)
        case Window(_, calls):
            parted = tuple((col, replace(call, partition=call.partition + binding)) for col, call in calls)
            moved = replace(moved, calls=parted)
    return replace(pushed, relation=moved)


def _push_recursion(node: Recursion, domain: Domain, free: Columns) -> Pushed:
    """One recursion for all bindings: the rows added last carry theirs, and pass them on to the rows made of them."""
    pushed = _attached(push(node.base, domain), free, domain)
    base = _narrowed(replace(pushed, bound={id: pushed.bound[id] for id in free}), node.base.columns)
    carried = _carried(node.step, node.working, len(node.columns), free, domain)
    assert carried is not None, "a recursive term that does not refer to its query"
    step = _narrowed(carried, node.step.columns)
    if domain.free(step.relation):
        raise FeatureNotSupported("a recursive query refers to an outer query where its own rows are not at hand")
    bound = {id: domain.ids.like(col) for id, col in free.items()}
    columns = node.columns + tuple(bound.values())
    recursion = Recursion(base.relation, step.relation, node.working, node.all, columns)
    return Pushed(recursion, bound, pushed.exact)


def _carried(node: Relation, working: int, width: int, free: Columns, domain: Domain) -> Pushed | None:
    """`node` with the bindings that the Scan of `working` has behind its `width` columns; None where it reads none."""
    if isinstance(node, Scan):
        if node.oid != working:
            return None
        bound = {id: domain.ids.like(col) for id, col in free.items()}
        positions = node.positions + tuple(range(width, width + len(bound)))
        return Pushed(replace(node, columns=node.columns + tuple(bound.values()), positions=positions), bound, True)
    inputs = rewrite.children(node)
    found = [_carried(input, working, width, free, domain) for input in inputs]
    carrying = next((one for one in found if one is not None), None)
    if carrying is None:
        return None
    if not isinstance(node, Project | Filter | Join | Apply | TableCall):
        raise FeatureNotSupported("a correlated recursive query of this form is not supported yet")
    over = tuple(input if one is None else one.relation for input, one in zip(inputs, found, strict=True))
    relation = rewrite.map_expressions(rewrite.with_children(node, over), carrying.resolved)
    if isinstance(relation, Project):
        passed = tuple((col, Ref(col)) for col in carrying.bound.values())
        relation = replace(relation, outputs=relation.outputs + passed)
    return replace(carrying, relation=relation)
