"""ORDER BY, GROUP BY and DISTINCT ON: clauses whose items may be ordinals, output names or expressions."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pgstream.errors import (
    AmbiguousColumn,
    FeatureNotSupported,
    GroupingError,
    InvalidColumnReference,
    SyntaxError42601,
    WindowingError,
)
from pgstream.plan.expressions import Ref
from pgstream.plan.rewrite import subexpressions
from pgstream.sql.bind.coercion import decided
from pgstream.sql.bind.dispatch import bind_expression
from pgstream.sql.bind.grouping_sets import crossed, spread
from pgstream.sql.bind.names import Level
from pgstream.sql.bind.ordering import check_comparable, sort_key_over
from pgstream.sql.bind.targets import Target
from pgstream.sql.parse import ast
from pgstream.sql.streaming.rewriting import EVERY

Node = Any


@dataclass(frozen=True, slots=True)
class Ordered:
    """One ORDER BY item: which target, and how."""

    target: Target
    descending: bool
    nulls_first: bool


def bind_order_by(
    level: Level, nodes: tuple[Node, ...], targets: list[Target], *, output_only: bool = False
) -> list[Ordered]:
    """The ORDER BY items. Expressions that are not selected become junk targets, unless `output_only` (set
    operations), where they are refused."""
    found: list[Ordered] = []
    outer, level.clause = level.clause, "ORDER BY"
    for node in nodes:
        named = [target for target in targets if not target.junk] if _is_every(node.node) else None
        for target in named or [_target(level, node.node, targets, "ORDER BY", output_only)]:
            key = sort_key_over(level.binding, target.expr, node)
            if all(known.target is not target for known in found):
                found.append(Ordered(target, key.descending, key.nulls_first))
    level.clause = outer
    return found


@dataclass(frozen=True, slots=True)
class Grouped:
    """GROUP BY: what is grouped by, and the grouping sets, which name it by number; without sets there is one."""

    targets: list[Target]
    sets: list[tuple[int, ...]] | None = None


def bind_group_by(level: Level, nodes: tuple[Node, ...], targets: list[Target], distinct: bool) -> Grouped:
    """The GROUP BY clause; `distinct`: each grouping set once."""
    outer, level.clause = level.clause, "GROUP BY"
    found: list[Target] = []
    parts = [_group_sets(level, node, targets, found) for node in nodes]
    level.clause = outer
    if not any(isinstance(node, ast.GroupingSet) and node.content for node in nodes):
        return Grouped(found)
    sets = [tuple(dict.fromkeys(each)) for each in crossed(parts)]
    if distinct:
        sets = list({frozenset(each): each for each in sets}.values())
    return Grouped(found, sets)


def _group_sets(level: Level, node: Node, targets: list[Target], found: list[Target]) -> list[tuple[int, ...]]:
    """The grouping sets of one GROUP BY item; what is grouped by is added to `found`."""
    if isinstance(node, ast.GroupingSet):
        return spread(node.kind, [_group_sets(level, part, targets, found) for part in node.content or ()])
    items = node.args if isinstance(node, ast.RowExpr) and node.row_format.name == "COERCE_IMPLICIT_CAST" else (node,)
    numbers = []
    for target in _grouped(level, items or (), targets):
        _check_no_calls(level, target)
        target.expr = decided(level.binding, target.expr)
        numbers.append(next((i for i, known in enumerate(found) if known is target), len(found)))
        if numbers[-1] == len(found):
            found.append(target)
    return [tuple(numbers)]


def _grouped(level: Level, items: tuple[Node, ...], targets: list[Target]) -> Iterator[Target]:
    """What GROUP BY items mean; ALL is every target that calls no aggregate."""
    for item in items:
        if _is_every(item):
            yield from [target for target in targets if not target.junk and not _calls(level, target)]
        else:
            yield _target(level, item, targets, "GROUP BY", False)


def _is_every(node: Node) -> bool:
    """Whether it is ALL: every column of the SELECT list, in GROUP BY without those that call aggregates."""
    return isinstance(node, ast.ColumnRef) and len(node.fields) == 1 and getattr(node.fields[0], "sval", "") == EVERY


def _calls(level: Level, target: Target) -> bool:
    """Whether a target calls an aggregate or a window function."""
    called = {col.id for col in (*level.aggregates.values(), *level.windows.values())}
    return any(isinstance(part, Ref) and part.col.id in called for part in subexpressions(target.expr))


def _check_no_calls(level: Level, target: Target) -> None:
    aggregates = {col.id for col in level.aggregates.values()}
    windows = {col.id for col in level.windows.values()}
    for part in subexpressions(target.expr):
        if isinstance(part, Ref) and part.col.id in aggregates:
            raise GroupingError(
                "aggregate functions are not allowed in GROUP BY", position=level.binding.position(part)
            )
        if isinstance(part, Ref) and part.col.id in windows:
            raise WindowingError("window functions are not allowed in GROUP BY", position=level.binding.position(part))


def bind_distinct_on(level: Level, clause: Any, targets: list[Target], order: list[Ordered]) -> list[Target] | None:
    """None without DISTINCT, nothing for plain DISTINCT, else the DISTINCT ON items."""
    if not clause:
        return None
    nodes = [node for node in clause if node is not None and not (isinstance(node, tuple) and not node)]
    if not nodes or nodes == [{}]:
        return []
    found: dict[int, tuple[Target, Node]] = {}
    outer, level.clause = level.clause, "DISTINCT ON"
    for node in nodes:
        target = _target(level, node, targets, "DISTINCT ON", False)
        check_comparable(level.binding, target.expr)
        found.setdefault(id(target), (target, node))
    level.clause = outer
    leading = [id(key.target) for key in order]
    matched = list(itertools.takewhile(found.__contains__, leading))
    missing = [node for target, (_, node) in found.items() if target not in matched]
    if missing and len(matched) < len(leading):
        raise InvalidColumnReference(
            "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
            position=level.binding.position_of(missing[0]),
        )
    return [target for target, _ in found.values()]


def _target(level: Level, node: Node, targets: list[Target], clause: str, output_only: bool) -> Target:
    """The target that an item means (findTargetlistEntrySQL92), made if need be."""
    if isinstance(node, ast.ColumnRef) and len(node.fields) == 1 and isinstance(node.fields[0], ast.String):
        named = _by_name(level, node, targets, clause)
        if named is not None:
            return named
    if isinstance(node, ast.A_Const):
        return _by_ordinal(level, node, targets, clause)
    if output_only:
        bind_expression(level, node)
        raise FeatureNotSupported(
            "invalid UNION/INTERSECT/EXCEPT ORDER BY clause",
            detail="Only result column names can be used, not expressions or functions.",
            hint="Add the expression/function to every SELECT, or move the UNION into a FROM clause.",
            position=level.binding.position_of(node),
        )
    expr = decided(level.binding, bind_expression(level, node))
    for target in targets:
        if target.expr == expr:
            return target
    made = Target("?column?", expr, node, junk=True)
    if isinstance(expr, Ref):
        made.name = expr.col.name
    targets.append(made)
    return made


def _by_name(level: Level, node: Node, targets: list[Target], clause: str) -> Target | None:
    """An output column of that name; in GROUP BY a column of FROM comes first."""
    name = node.fields[0].sval
    if clause == "GROUP BY" and any(item.columns_visible and item.named(name) for item in level.items):
        return None
    found: Target | None = None
    for target in targets:
        if target.junk or target.name != name:
            continue
        if found is not None and found.expr != target.expr:
            raise AmbiguousColumn(f'{clause} "{name}" is ambiguous', position=node.location)
        found = found or target
    return found


def _by_ordinal(level: Level, node: Node, targets: list[Target], clause: str) -> Target:
    if node.isnull or not isinstance(node.val, ast.Integer):
        raise SyntaxError42601(f"non-integer constant in {clause}", position=level.binding.position_of(node))
    visible = [target for target in targets if not target.junk]
    ordinal = node.val.ival or 0
    if not 1 <= ordinal <= len(visible):
        where = level.binding.position_of(node)
        raise InvalidColumnReference(f"{clause} position {ordinal} is not in select list", position=where)
    return visible[ordinal - 1]
