"""Walking and rebuilding plans: the traversals that every optimizer rule is written with.

A rebuilt node is the old object where nothing changed, so that a rule which finds nothing costs no copies. Walks
over expressions enter the queries of subqueries, because those may refer to the columns of the query around them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeGuard, TypeVar, cast

from pgstream.plan import expressions as ex
from pgstream.plan import relations as rel
from pgstream.plan.expressions import Col, Expr, Ref
from pgstream.plan.relations import Relation
from pgstream.types.definition import SqlType

Part = TypeVar("Part")
Node = TypeVar("Node", bound="Expr | Relation")

EXPRESSIONS: dict[type, tuple[str, ...]] = {
    ex.Ref: (),
    ex.Const: (),
    ex.Param: (),
    ex.Call: ("args",),
    ex.CastExpr: ("arg",),
    ex.And: ("args",),
    ex.Or: ("args",),
    ex.Not: ("arg",),
    ex.IsNull: ("arg",),
    ex.IsBool: ("arg",),
    ex.IsDistinct: ("left", "right"),
    ex.Case: ("whens", "otherwise"),
    ex.Coalesce: ("args",),
    ex.MinMax: ("args",),
    ex.ArrayExpr: ("args",),
    ex.RowExpr: ("args",),
    ex.FieldOf: ("row",),
    ex.Subscript: ("array", "lower", "upper"),
    ex.AnyAll: ("left", "array"),
    ex.Subquery: ("query", "test"),
}
"""The fields of each expression that hold expressions, or a subquery's plan."""

CALLS: dict[type, tuple[str, ...]] = {
    ex.SortKey: ("expr",),
    ex.AggCall: ("args", "filter", "order"),
    ex.WindowCall: ("args", "partition", "order", "frame", "filter"),
    ex.Frame: ("start_offset", "end_offset"),
}
"""What holds expressions without being one."""

RELATIONS: dict[type, tuple[tuple[str, ...], tuple[str, ...]]] = {
    rel.Scan: ((), ("columns",)),
    rel.Values: ((), ("columns", "rows")),
    rel.Project: (("input",), ("outputs",)),
    rel.Filter: (("input",), ("predicate",)),
    rel.Join: (("left", "right"), ("condition",)),
    rel.Apply: (("left", "right"), ("condition", "mark")),
    rel.Asof: (("left", "right"), ("condition", "time", "version", "residual")),
    rel.Lookup: (("left", "right"), ("condition",)),
    rel.Versions: (("input",), ("key", "time", "gone")),
    rel.AssertSingle: (("input",), ("key",)),
    rel.Group: (("input",), ("keys", "aggregates")),
    rel.Distinct: (("input",), ()),
    rel.SetOp: (("inputs",), ("columns",)),
    rel.TopN: (("input",), ("partition", "order", "limit", "offset")),
    rel.Sort: (("input",), ("order",)),
    rel.Window: (("input",), ("calls",)),
    rel.TableCall: (("input",), ("args", "outputs", "ordinality")),
    rel.Sessions: (("input",), ("partition", "time", "gap", "start", "end", "last")),
    rel.Close: (("input",), ("end", "early")),
    rel.Fade: (("input",), ("key",)),
    rel.Temporal: (("input",), ("begins", "ends", "compared")),
    rel.Recursion: (("base", "step"), ("columns",)),
    rel.Mutual: (("terms",), ("relations", "number")),
}
"""Of each relation the fields that hold its inputs, and those that hold its own columns and expressions."""


class ColIds:
    """The counter that new columns of one plan take their ids from."""

    def __init__(self, next_id: int) -> None:
        self._next_id = next_id
        self._above: Relation | None = None

    @staticmethod
    def above(plan: Relation) -> ColIds:
        """A counter whose ids no column of `plan` has. What it has is looked at when the first one is asked for."""
        ids = ColIds(1)
        ids._above = plan
        return ids

    def _take(self) -> int:
        if self._above is not None:
            self._next_id = max(defined(self._above) | used(self._above), default=0) + 1
            self._above = None
        taken = self._next_id
        self._next_id += 1
        return taken

    def fresh(self, name: str, type: SqlType) -> Col:
        """A new column."""
        return Col(self._take(), name, type)

    def like(self, col: Col) -> Col:
        """A new column of the name, type and origin of `col`."""
        return replace(col, id=self._take())


def _is_expr(part: object) -> TypeGuard[Expr]:
    return type(part) in EXPRESSIONS


def _map(value: Any, node: Callable[[Any], Any], col: Callable[[Col], Col]) -> Any:
    """`value`, a field's content, with `node` applied to its expressions and relations and `col` to its columns."""
    if value is None:
        return None
    kind = type(value)
    if kind is tuple:
        mapped = [_map(item, node, col) for item in value]
        for new, old in zip(mapped, value, strict=True):
            if new is not old:
                return tuple(mapped)
        return value
    if kind is Col:
        return col(value)
    held = CALLS.get(kind)
    return node(value) if held is None else _map_fields(value, held, node, col)


def _map_fields(
    whole: Part, fields: tuple[str, ...], node: Callable[[Any], Any], col: Callable[[Col], Col] = lambda c: c
) -> Part:
    if not fields:
        return whole
    changed = {}
    for field in fields:
        old = getattr(whole, field)
        new = _map(old, node, col)
        if new is not old:
            changed[field] = new
    return replace(whole, **changed) if changed else whole  # type: ignore[type-var]


def _items(whole: Any, fields: Iterable[str]) -> list[Any]:
    """The columns, expressions and relations in `fields` of `whole`."""
    found: list[Any] = []
    for field in fields:
        _gather(getattr(whole, field), found)
    return found


def _gather(value: Any, found: list[Any]) -> None:
    if value is None:
        return
    kind = type(value)
    if kind is tuple:
        for item in value:
            _gather(item, found)
    elif kind in CALLS:
        for field in CALLS[kind]:
            _gather(getattr(value, field), found)
    else:
        found.append(value)


def children(relation: Relation) -> tuple[Relation, ...]:
    """The inputs of `relation`, left to right."""
    return tuple(_items(relation, RELATIONS[type(relation)][0]))


def map_children(relation: Relation, fn: Callable[[Relation], Relation]) -> Relation:
    """`relation` over `fn` of each of its inputs."""
    return _map_fields(relation, RELATIONS[type(relation)][0], fn)


def with_children(relation: Relation, inputs: tuple[Relation, ...]) -> Relation:
    """`relation` over other inputs, as many as it has."""
    queue = list(inputs)
    rebuilt = map_children(relation, lambda _: queue.pop(0))
    assert not queue
    return rebuilt


def transform(relation: Relation, fn: Callable[[Relation], Relation]) -> Relation:
    """The tree with `fn` applied to every node, inputs first. Does not enter subqueries in expressions."""
    return fn(map_children(relation, lambda child: transform(child, fn)))


def subplans(relation: Relation) -> Iterator[Relation]:
    """`relation` and everything below it, inputs first. Does not enter subqueries in expressions."""
    found = []
    waiting = [relation]
    while waiting:
        part = waiting.pop()
        found.append(part)
        waiting.extend(children(part))
    return reversed(found)


def expressions(relation: Relation) -> tuple[Expr, ...]:
    """The expressions of this node alone, also those inside its aggregate and window calls and sort keys."""
    return tuple([item for item in _items(relation, RELATIONS[type(relation)][1]) if type(item) is not Col])


def map_expressions(relation: Relation, fn: Callable[[Expr], Expr]) -> Relation:
    """This node alone with `fn` applied to each of its `expressions`."""
    return _map_fields(relation, RELATIONS[type(relation)][1], fn)


def operands(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly under `expr`; of a subquery its test."""
    fields = EXPRESSIONS[type(expr)]
    return tuple([item for item in _items(expr, fields) if type(item) in EXPRESSIONS]) if fields else ()


def map_operands(expr: Expr, fn: Callable[[Expr], Expr]) -> Expr:
    """`expr` over `fn` of each of its `operands`; a subquery's plan stays as it is."""
    return _map_fields(expr, EXPRESSIONS[type(expr)], lambda item: fn(item) if _is_expr(item) else item)


def map_expr(expr: Expr, fn: Callable[[Expr], Expr]) -> Expr:
    """The tree of `expr` with `fn` applied to every node, operands first, also within the plans of subqueries."""

    def visit(item: Any) -> Any:
        return map_expr(item, fn) if _is_expr(item) else map_all(item, fn)

    return fn(_map_fields(expr, EXPRESSIONS[type(expr)], visit))


def map_all(relation: Relation, fn: Callable[[Expr], Expr]) -> Relation:
    """`relation` with `fn` applied to every node of every expression of its tree, operands first."""
    return transform(relation, lambda node: map_expressions(node, lambda expr: map_expr(expr, fn)))


def subexpressions(expr: Expr) -> Iterator[Expr]:
    """`expr` and everything under it, without the plans of subqueries."""
    waiting = [expr]
    while waiting:
        part = waiting.pop()
        yield part
        if EXPRESSIONS[type(part)]:
            waiting.extend(reversed(operands(part)))


def own_columns(relation: Relation) -> tuple[Col, ...]:
    """The columns that this node brings into the plan (or passes on under their own name)."""
    if isinstance(relation, rel.AssertSingle):
        return ()
    return tuple([item for item in _items(relation, RELATIONS[type(relation)][1]) if type(item) is Col])


def defined(plan: Relation) -> dict[int, Col]:
    """Every column that some node of `plan` brings, by id; also in the plans of subqueries."""
    found = {}
    for node in subplans(plan):
        found.update({col.id: col for col in own_columns(node)})
        for expr in expressions(node):
            for query in queries(expr):
                found.update(defined(query))
    return found


def used(part: Expr | Relation) -> dict[int, Col]:
    """Every column that `part` refers to, by id, in order of first use; also in the plans of subqueries."""
    found: dict[int, Col] = {}
    if _is_expr(part):
        for expr in subexpressions(part):
            if isinstance(expr, Ref):
                found.setdefault(expr.col.id, expr.col)
            elif isinstance(expr, ex.Subquery):
                found = used(expr.query) | found
        return found
    for node in subplans(cast(Relation, part)):
        if isinstance(node, rel.AssertSingle | rel.Versions):
            found |= {col.id: col for col in node.key}
        if isinstance(node, rel.Versions):
            found[node.time.id] = node.time
        for expr in expressions(node):
            found |= used(expr)
    return found


def free_refs(part: Expr | Relation) -> dict[int, Col]:
    """The columns `part` refers to and does not bring itself, by id.

    Of a relation these are its correlations; of an expression what it needs from the row it is evaluated over, and
    of subqueries in either what they take from outside.
    """
    if _is_expr(part):
        own = {id for query in queries(part) for id in defined(query)}
    else:
        own = set(defined(cast(Relation, part)))
    return {id: col for id, col in used(part).items() if id not in own}


def queries(expr: Expr) -> Iterator[Relation]:
    """The plans of the subqueries in `expr`, without those within them."""
    for part in subexpressions(expr):
        if isinstance(part, ex.Subquery):
            yield part.query


def substitute(part: Node, mapping: Mapping[int, Expr]) -> Node:
    """`part` with an expression in place of each reference to a column of `mapping`."""
    if not mapping:
        return part

    def replaced(expr: Expr) -> Expr:
        return mapping.get(expr.col.id, expr) if isinstance(expr, Ref) else expr

    if _is_expr(part):
        return cast(Node, map_expr(part, replaced))
    return cast(Node, map_all(cast(Relation, part), replaced))


def rename(part: Node, mapping: Mapping[int, Col]) -> Node:
    """`part` with other columns, both where they are brought and where they are referred to."""

    def col(old: Col) -> Col:
        return mapping.get(old.id, old)

    def visit(item: Any) -> Any:
        if isinstance(item, Ref):
            return Ref(mapping[item.col.id]) if item.col.id in mapping else item
        if _is_expr(item):
            return _map_fields(item, EXPRESSIONS[type(item)], visit, col)
        inputs, own = RELATIONS[type(item)]
        return _map_fields(item, inputs + own, visit, col)

    return visit(part)  # type: ignore[no-any-return]


def fresh_copy(plan: Relation, ids: ColIds) -> tuple[Relation, dict[int, Col]]:
    """The same relation with new columns throughout, and the new column for each old one."""
    mapping = {id: ids.like(col) for id, col in sorted(defined(plan).items())}
    return rename(plan, mapping), mapping
