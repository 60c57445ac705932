"""Predicates as far down as they mean the same: into joins, below groups, windows and unions, onto the scans.

On the way an outer join whose missing side would be rejected anyway becomes an inner one, and a right join a left one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from pgstream.plan import rewrite
from pgstream.plan.expressions import AnyAll, Col, Const, Expr, Param, Ref
from pgstream.plan.relations import (
    Asof,
    AssertSingle,
    Distinct,
    Filter,
    Group,
    Join,
    JoinKind,
    Lookup,
    Project,
    Relation,
    Sessions,
    SetOp,
    Sort,
    TableCall,
    TopN,
    Window,
)
from pgstream.sql.optimize.facts import RelationFacts
from pgstream.sql.optimize.predicates import (
    comparison,
    conjunction,
    conjuncts,
    is_volatile,
    refers_only_to,
    rejected_nulls,
)

Parts = tuple[Expr, ...]


def push_down(plan: Relation, facts: RelationFacts) -> Relation:
    """The plan with every predicate where it cuts rows earliest."""
    return _push(plan, ())


def _ids(columns: Iterable[Col]) -> frozenset[int]:
    return frozenset(col.id for col in columns)


def _split(parts: Sequence[Expr], ids: frozenset[int]) -> tuple[Parts, Parts]:
    """The parts that need only the columns `ids` (and may be moved), and the others."""
    movable = tuple(part for part in parts if refers_only_to(part, ids) and not is_volatile(part))
    return movable, tuple(part for part in parts if part not in movable)


def _under(relation: Relation, parts: Sequence[Expr]) -> Relation:
    """`relation`, filtered by `parts`."""
    predicate = conjunction(parts)
    return relation if predicate is None else Filter(relation, predicate)


def _push(node: Relation, parts: Parts) -> Relation:
    """`node` filtered by `parts`, with both its own predicates and those as far down as they go."""
    match node:
        case Filter(input, predicate):
            return _push(input, (*parts, *conjuncts(predicate)))
        case Project(input, outputs):
            mapping = {col.id: expr for col, expr in outputs if not is_volatile(expr)}
            down, up = _split(parts, frozenset(mapping))
            inner = tuple(rewrite.substitute(part, mapping) for part in down)
            return _under(replace(node, input=_push(input, inner)), up)
        case Join():
            return _push_join(node, parts)
        case Asof() | Lookup():
            down, up = _split(parts, _ids(node.left.columns))
            kind = "inner" if _stricter(node.kind, up, frozenset(), _ids(node.right.columns)) == "inner" else node.kind
            return _under(replace(node, kind=kind, left=_push(node.left, down), right=_push(node.right, ())), up)
        case Group(input, keys, _):
            mapping = {col.id: expr for col, expr in keys if not is_volatile(expr)}
            down, up = _split(parts, frozenset(mapping)) if keys else ((), parts)
            down, constant = _split_constant(down)
            inner = tuple(rewrite.substitute(part, mapping) for part in down)
            return _under(replace(node, input=_push(input, inner)), up + constant)
        case Distinct(input) | Sort(input):
            down, up = _split(parts, _ids(node.columns))
            return _under(replace(node, input=_push(input, down)), up)
        case SetOp(_, _, inputs, columns):
            down, up = _split(parts, _ids(columns))
            pushed = tuple(_push(input, _renamed(down, columns, input.columns)) for input in inputs)
            return _under(replace(node, inputs=pushed), up)
        case Window() | TopN() | AssertSingle() | TableCall() | Sessions():
            down, up = _split(parts, _whole(node))
            return _under(replace(node, input=_push(node.input, down)), up)
    return _under(rewrite.map_children(node, lambda child: _push(child, ())), parts)


def _split_constant(parts: Parts) -> tuple[Parts, Parts]:
    """The parts that refer to columns, and those that do not."""
    return tuple(p for p in parts if rewrite.free_refs(p)), tuple(p for p in parts if not rewrite.free_refs(p))


def _renamed(parts: Parts, old: Sequence[Col], new: Sequence[Col]) -> Parts:
    mapping: dict[int, Expr] = {a.id: Ref(b) for a, b in zip(old, new, strict=True)}
    return tuple(rewrite.substitute(part, mapping) for part in parts)


def _whole(node: Window | TopN | AssertSingle | TableCall | Sessions) -> frozenset[int]:
    """Columns by which rows may be dropped before `node` without changing what it does to the rest."""
    match node:
        case Window(input, calls):
            common = _ids(input.columns)
            for _, call in calls:
                common &= _plain(call.partition)
            return common
        case TopN(_, partition) | Sessions(_, partition):
            return _plain(partition)
        case AssertSingle(_, key):
            return _ids(key)
        case TableCall(input):
            return _ids(input.columns)


def _plain(exprs: Iterable[Expr]) -> frozenset[int]:
    return frozenset(expr.col.id for expr in exprs if isinstance(expr, Ref))


def _push_join(node: Join, parts: Parts) -> Relation:
    if node.kind == "right":
        mirrored = Join("left", node.right, node.left, node.condition)
        outputs = tuple((col, Ref(col)) for col in node.columns)
        return _push(Project(mirrored, outputs), parts)
    left, right = _ids(node.left.columns), _ids(node.right.columns)
    kind = _stricter(node.kind, parts, left, right)
    if kind != node.kind:
        return _push_join(replace(node, kind=kind), parts)
    own = conjuncts(node.condition)
    if kind in ("inner", "left", "semi"):
        own += _transferred(parts + (() if kind == "left" else own), own, right)
    if kind == "inner":
        parts += _transferred(parts + own, parts + own, left)
    to_left: Parts = ()
    to_right: Parts = ()
    if kind == "inner":
        to_left, rest = _split(parts + own, left)
        to_right, own = _split(rest, right)
        own, parts = tuple(p for p in own if not is_volatile(p)), tuple(p for p in own if is_volatile(p))
    elif kind != "full":
        to_left, parts = _split(parts, left)
        to_right, own = _split(own, right)
        if kind == "semi":
            more, own = _split(own, left)
            to_left += more
    joined = Join(kind, _push(node.left, to_left), _push(node.right, to_right), conjunction(own))
    return _under(joined, parts)


def _transferred(parts: Parts, equations: Parts, side: frozenset[int]) -> Parts:
    """What `parts` say of single columns, said of the columns of `side` that `equations` equate with those.

    `a.id = $1` with `a.id = b.id` gives `b.id = $1`, so that both sides are looked up.
    """
    twins = []
    for equation in equations:
        match comparison(equation):
            case ("=", Ref(a), Ref(b)) if a.type.name == b.type.name and (a.id in side) != (b.id in side):
                twins.append((b, a) if a.id in side else (a, b))
    said = [(p, set(rewrite.free_refs(p))) for p in parts if _fixes(p)]
    return tuple(
        rewrite.substitute(part, {ours.id: Ref(theirs)})
        for part, ids in said
        for ours, theirs in twins
        if ids == {ours.id}
    )


def _fixes(part: Expr) -> bool:
    """Whether `part` equates a column with a constant."""
    match comparison(part):
        case ("=", Ref(), Const() | Param()) | ("=", Const() | Param(), Ref()):
            return True
    return isinstance(part, AnyAll) and isinstance(part.left, Ref) and not rewrite.free_refs(part.array)


def _stricter(kind: JoinKind, parts: Parts, left: frozenset[int], right: frozenset[int]) -> JoinKind:
    """The kind of join that gives the same once `parts` have filtered its rows."""
    rejected = frozenset().union(*(rejected_nulls(part) for part in parts))
    if kind == "left" and rejected & right:
        return "inner"
    if kind == "full":
        kinds: dict[tuple[bool, bool], JoinKind] = {
            (True, True): "inner",
            (True, False): "left",
            (False, True): "right",
            (False, False): "full",
        }
        return kinds[bool(rejected & left), bool(rejected & right)]
    return kind
