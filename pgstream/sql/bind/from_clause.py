"""FROM: relations, subqueries, functions and the comma between them."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from pgstream.catalog.objects import MaterializedView, Sequence, Sink, Source, Table, TableColumn, View
from pgstream.catalog.system import SystemRelation
from pgstream.errors import (
    FeatureNotSupported,
    InvalidColumnReference,
    UndefinedTable,
    WrongObjectType,
)
from pgstream.functions.registry import FUNCTIONS
from pgstream.plan.expressions import Col, Const, Expr, Ref
from pgstream.plan.relations import Apply, Join, Project, Relation, Scan, Sort, TableCall
from pgstream.plan.rewrite import free_refs
from pgstream.sql.bind.binding import Binding
from pgstream.sql.bind.dispatch import bind_from_item, bind_query, binds_from
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.names import Level, NameItem, check_alias_conflicts
from pgstream.sql.bind.operators import note_volatility
from pgstream.sql.bind.query import ONE_ROW, visible
from pgstream.sql.parse import Parsed, ast, parse
from pgstream.types.definition import SqlType

Node = Any


@dataclass(frozen=True, slots=True)
class FromItem:
    """One FROM item: its plan, and the names it makes visible."""

    plan: Relation
    names: list[NameItem]


def bind_from(level: Level, clause: tuple[Node, ...]) -> Relation:
    """The relation that a whole FROM clause means; its names are in `level` afterwards."""
    plan: Relation | None = None
    level.alone = len(clause) == 1 and isinstance(clause[0], ast.RangeSubselect)
    for node in clause:
        item = bind_from_item(level, node)
        check_alias_conflicts(level.items, item.names)
        plan = item.plan if plan is None else combined(plan, item.plan)
        for name in item.names:
            name.lateral_only, name.lateral_ok = True, True
        level.items += item.names
        level.own |= {col.id for col in item.plan.columns}
    for name in level.items:
        name.lateral_only = False
    return ONE_ROW if plan is None else plan


def is_lateral(left: Relation, right: Relation) -> bool:
    """Whether `right` refers to columns of `left`."""
    return not free_refs(right).keys().isdisjoint(col.id for col in left.columns)


def combined(left: Relation, right: Relation) -> Relation:
    """`left, right` of a FROM clause."""
    if not is_lateral(left, right):
        return Join("inner", left, right, None)
    if isinstance(right, TableCall) and right.input is ONE_ROW:
        return replace(right, input=left)
    return Apply("inner", left, right, None)


@binds_from(ast.RangeVar)
def bind_range_var(level: Level, node: Node) -> FromItem:
    """A relation, or a common table expression, by name."""
    alias = node.alias.aliasname if node.alias else node.relname
    if node.schemaname is None:
        cte = level.cte(node.relname)
        if cte is not None:
            try:
                return named_item(cte.use(level), alias, node.alias)
            except FeatureNotSupported as error:
                error.position = node.location
                raise
    numbers = level.binding.catalog.lookup(node.schemaname, node.relname, level.binding.search_path)
    if isinstance(numbers, Sequence):
        return _sequence_item(level.binding, numbers, alias, node)
    try:
        found = find_relation(level.binding, node)
    except UndefinedTable as error:
        if node.schemaname is None and any(node.relname in scope.later_ctes for scope in level.levels()):
            error.detail = (
                f'There is a WITH item named "{node.relname}", but it cannot be referenced from this part of the query.'
            )
            error.hint = "Use WITH RECURSIVE, or re-order the WITH items to remove forward references."
        raise
    return relation_item(level.binding, found, alias, node)


def _sequence_item(binding: Binding, sequence: Sequence, alias: str, node: Node) -> FromItem:
    """A sequence that is read as a table of one row."""
    binding.depends.add(sequence.oid)
    [function] = FUNCTIONS["pgstream_sequence"]
    note_volatility(binding, function, node.location)
    pairs = zip(function.output_names, function.output_types, strict=True)
    cols = tuple(binding.col(name, SqlType(kind)) for name, kind in pairs)
    plan = TableCall(ONE_ROW, function, (Const(sequence.oid, SqlType("regclass")),), cols, None)
    return named_item(plan, alias, node.alias)


def relation_item(binding: Binding, found: Any, alias: str, node: Node) -> FromItem:
    """A FROM item over a catalog relation."""
    if isinstance(found, Sink):
        raise WrongObjectType(f'cannot read from sink "{found.name}"', position=node.location)
    if isinstance(found, SystemRelation):
        binding.system_relations.append((found.name, node.location))
        schema = found.schema
    else:
        binding.depends.add(found.oid)
        binding.named.append((found.oid, node))
        schema = binding.catalog.schema_name(found.schema_oid)
    plan: Relation
    if isinstance(found, View):
        plan = expanded_view(binding, found)
    else:
        plan = scan(binding, found.oid, found.name, found.columns)
    names = _renamed(plan.columns, node.alias, alias)
    item = NameItem(alias, names, None if node.alias else schema)
    item.oid = found.oid
    item.table = found if isinstance(found, Table | MaterializedView | Source) else None
    return FromItem(plan, [item])


def scan(binding: Binding, oid: int, name: str, columns: tuple[TableColumn, ...]) -> Scan:
    """A Scan of all columns of a stored relation."""
    cols = tuple(binding.col(column.name, column.type, oid, i + 1) for i, column in enumerate(columns))
    return Scan(oid, name, cols, tuple(range(len(columns))))


def expanded_view(binding: Binding, view: View) -> Relation:
    """The query of a view, resolved as it was when the view was made, under the view's column names."""
    parsed = _parsed(view.query)
    outer = binding.search_path
    noted = (binding.system_relations, binding.recursions, binding.volatile, binding.ambient)
    marks = [len(notes) for notes in noted]
    named = len(binding.named)
    binding.search_path = view.search_path
    try:
        plan = visible(bind_query(binding, parsed.node))
    finally:
        binding.search_path = outer
    del binding.named[named:]
    for notes, mark in zip(noted, marks, strict=True):
        notes[mark:] = [(name, -1) for name, _ in notes[mark:]]
    outputs = tuple(
        (binding.col(column.name, column.type, view.oid, i + 1), Ref(col))
        for i, (column, col) in enumerate(zip(view.columns, plan.columns, strict=True))
    )
    return Project(plan, outputs)


@lru_cache(256)
def _parsed(query: str) -> Parsed:
    [parsed] = parse(query)
    return parsed


def _renamed(columns: tuple[Col, ...], alias: Node, name: str) -> list[tuple[str, Expr]]:
    """The columns under the names that an alias's column list gives the first of them."""
    given = [part.sval for part in alias.colnames or ()] if alias else []
    if len(given) > len(columns):
        raise InvalidColumnReference(
            f'table "{name}" has {len(columns)} columns available but {len(given)} columns specified'
        )
    names = given + [col.name for col in columns[len(given) :]]
    return [(own, Ref(col)) for own, col in zip(names, columns, strict=True)]


def named_item(plan: Relation, name: str, alias: Node) -> FromItem:
    """A FROM item over a plan, visible as `name`."""
    return FromItem(plan, [NameItem(name, _renamed(plan.columns, alias, name))])


@binds_from(ast.RangeSubselect)
def bind_range_subselect(level: Level, node: Node) -> FromItem:
    """A subquery in FROM. Without an alias, as PostgreSQL allows from 16 on, its columns have no qualifier."""
    outer, level.lateral = level.lateral, bool(node.lateral)
    try:
        query = bind_query(level.binding, node.subquery, level, ordered=True)
    finally:
        level.lateral = outer
    name = node.alias.aliasname if node.alias else ""
    if isinstance(query.plan, Sort) and level.alone:
        level.input_order = query.plan.order
        made = FromItem(query.plan.input, [NameItem(name, _renamed(query.columns, node.alias, name))])
    else:
        made = named_item(visible(query), name, node.alias)
    made.names[0].relation_visible = bool(name)
    return made


@binds_from(ast.RangeTableSample)
def refuse_sample(level: Level, node: Node) -> FromItem:
    """TABLESAMPLE."""
    raise FeatureNotSupported("TABLESAMPLE is not supported yet", position=node.location)
