"""INSERT: rows for the target's columns, defaults for the others, and ON CONFLICT."""

from typing import Any

from pgstream.catalog.objects import Sink, Table, TableColumn
from pgstream.errors import (
    DuplicateColumn,
    FeatureNotSupported,
    InvalidColumnReference,
    SyntaxError42601,
    UndefinedObject,
    WrongObjectType,
)
from pgstream.plan.expressions import Coalesce, Col, Const, Expr, Param, Ref
from pgstream.plan.relations import Project, Relation, Sort
from pgstream.plan.rewrite import used
from pgstream.sql.bind.binding import UNKNOWN, Binding
from pgstream.sql.bind.coercion import coerce_to_bool
from pgstream.sql.bind.commands import Command, binds_statement
from pgstream.sql.bind.ctes import bind_with
from pgstream.sql.bind.dispatch import bind_expression, bind_query
from pgstream.sql.bind.from_clause import scan
from pgstream.sql.bind.lookup import find_relation
from pgstream.sql.bind.maintainable import check_maintainable
from pgstream.sql.bind.names import Level, NameItem, missing_column
from pgstream.sql.bind.query import visible
from pgstream.sql.bind.returning import bind_returning
from pgstream.sql.bind.setops import outputs_of
from pgstream.sql.bind.settled import settled
from pgstream.sql.bind.statements import Feed, Insert, OnConflict
from pgstream.sql.bind.stored import assigned, column_position, default_of, is_default, require_given, written_table
from pgstream.sql.bind.updates import bind_assignments
from pgstream.sql.bind.values import rows_plan
from pgstream.sql.optimize.predicates import is_volatile
from pgstream.sql.parse import Parsed, ast, enums

Node = Any


@binds_statement(ast.InsertStmt)
def bind_insert(binding: Binding, node: Node, parsed: Parsed) -> Command:
    """INSERT into a table; into a sink it is a continuous query."""
    found = find_relation(binding, node.relation)
    if isinstance(found, Sink):
        return _feed(binding, node, found, parsed)
    table = written_table(binding, node.relation, "insert")
    level = Level(binding, binding.around)
    level.overriding = node.override == enums.OverridingKind.OVERRIDING_SYSTEM_VALUE
    level.user_values = node.override == enums.OverridingKind.OVERRIDING_USER_VALUE
    bind_with(level, node.withClause)
    positions = target_positions(table, node.cols)
    plan = _source(level, node, table, positions)
    target = scan(binding, table.oid, table.name, table.columns).columns
    alias = node.relation.alias.aliasname if node.relation.alias else table.name
    conflict = None
    if node.onConflictClause is not None:
        conflict = _on_conflict(binding, node.onConflictClause, table, alias, target, plan.columns[: len(target)])
    elif table.on_conflict and table.primary_key is not None:
        conflict = _of_table(table, table.primary_key.columns, target, plan.columns)
    item = NameItem(alias, [(col.name, Ref(col)) for col in target], table=table)
    returning = bind_returning(level, node.returningClause, [item])
    columns = None if node.returningClause is None else tuple(col for col, _ in returning)
    return Command(Insert(table.oid, plan, target, conflict, returning, tuple(level.drawn)), "INSERT 0", columns)


def target_positions(table: Any, cols: Node) -> tuple[int, ...]:
    """The positions of the listed columns; of all columns without a list."""
    if not cols:
        return tuple(range(len(table.columns)))
    positions: list[int] = []
    for node in cols:
        place = column_position(table, node.name, node.location)
        if node.indirection:
            part = "fields of columns" if isinstance(node.indirection[0], ast.String) else "array elements"
            raise FeatureNotSupported(f"INSERT into {part} is not supported yet", position=node.location)
        if place in positions:
            raise DuplicateColumn(f'column "{node.name}" specified more than once', position=node.location)
        positions.append(place)
    return tuple(positions)


def _source(level: Level, node: Node, table: Any, positions: tuple[int, ...]) -> Relation:
    """The plan of the rows to insert: one column for each of the table's."""
    query = node.selectStmt
    if query is None:
        return _rows(level, table, (), [[]])
    if query.valuesLists and not (query.sortClause or query.limitCount or query.limitOffset or query.withClause):
        return _values(level, node, table, positions)
    bound = bind_query(level.binding, query, level, keep_unknown=True, ordered=True)
    plan = visible(bound)
    exprs = [_passed(level.binding, col, expr) for col, expr in zip(plan.columns, outputs_of(plan), strict=True)]
    check_width(level.binding, node.cols, positions, exprs)
    row = full_row(level, table, positions, exprs)
    for place, expr in enumerate(row):
        if place not in positions[: len(exprs)] and is_volatile(expr):
            level.drawn.append((place, expr))
            row[place] = Const(None, table.columns[place].type)
    cols = scan(level.binding, table.oid, table.name, table.columns).columns
    outputs = tuple(zip(cols, row, strict=True))
    if level.drawn and isinstance(bound.plan, Sort):
        return _in_order(bound.plan, outputs)
    return Project(plan, outputs)


def _in_order(query: Sort, outputs: tuple[tuple[Col, Expr], ...]) -> Relation:
    """The rows in the order of the query, in which sequences number them."""
    ordering = {id for key in query.order for id in used(key.expr)}
    kept = tuple((col, Ref(col)) for col in query.input.columns if col.id in ordering)
    return Sort(Project(query.input, (*outputs, *kept)), query.order)


def _passed(binding: Binding, col: Col, expr: Expr) -> Expr:
    """A column of the SELECT; a literal or parameter of unknown type itself, so that it can become what it must."""
    if expr.type == UNKNOWN and isinstance(expr, Const | Param):
        return expr
    return binding.located(Ref(col), expr)


def _values(level: Level, node: Node, table: Any, positions: tuple[int, ...]) -> Relation:
    level.clause = "VALUES"
    rows = []
    width = len(node.selectStmt.valuesLists[0])
    for items in node.selectStmt.valuesLists:
        if len(items) != width:
            where = level.binding.position_of(items)
            raise SyntaxError42601("VALUES lists must all be the same length", position=where)
        row: list[Expr | None] = [None if is_default(item) else bind_expression(level, item) for item in items]
        check_width(level.binding, node.cols, positions, row, items)
        rows.append(row)
    return _rows(level, table, positions, rows)


def check_width(
    binding: Binding,
    cols: Node,
    positions: tuple[int, ...],
    row: Any,
    items: tuple[Node, ...] = (),
) -> None:
    """Raises SyntaxError42601 where a row has more or fewer values than there are columns for."""
    if len(row) > len(positions):
        extra = row[len(positions)]
        where = binding.position(extra) if extra is not None else binding.position_of(items[len(positions)])
        raise SyntaxError42601("INSERT has more expressions than target columns", position=where)
    if cols and len(row) < len(positions):
        raise SyntaxError42601("INSERT has more target columns than expressions", position=cols[len(row)].location)


def _rows(level: Level, table: Any, positions: tuple[int, ...], rows: list[Any]) -> Relation:
    cols = scan(level.binding, table.oid, table.name, table.columns).columns
    full = [tuple(full_row(level, table, positions, row)) for row in rows]
    return rows_plan(level.binding, cols, full)


def full_row(level: Level, table: Any, positions: tuple[int, ...], row: Any) -> list[Expr]:
    """The given values at their positions, as the table's columns take them, and the defaults of the others."""
    given = dict(zip(positions, row, strict=False))
    binding = level.binding
    made: dict[int, Expr] = {}
    for place in positions:
        expr = given.get(place)
        if level.user_values and table.columns[place].identity:
            continue
        if expr is not None:
            require_given(table.columns[place], overriding=level.overriding)
            made[place] = assigned(binding, expr, table.columns[place])
    return [made[i] if i in made else default_of(binding, column) for i, column in enumerate(table.columns)]


def _feed(binding: Binding, node: Node, sink: Sink, parsed: Parsed) -> Command:
    """INSERT INTO a sink: the columns of the SELECT, coerced to the sink's."""
    binding.named.append((sink.oid, node.relation))
    if node.selectStmt is None or node.onConflictClause or node.returningClause:
        raise FeatureNotSupported("only INSERT INTO … SELECT can feed a sink", position=node.relation.location)
    level = Level(binding)
    bind_with(level, node.withClause)
    columns: tuple[TableColumn, ...] = ()
    if sink.columns:
        plan = _source(level, node, sink, target_positions(sink, node.cols))
    else:
        plan = visible(bind_query(binding, node.selectStmt, level))
        columns = tuple(TableColumn(col.name, col.type) for col in plan.columns)
    check_maintainable(binding, "sinks", plan)
    text, depends = settled(binding, parsed.text), frozenset(binding.depends)
    return Command(Feed(sink.oid, plan, text, tuple(binding.search_path), depends, columns=columns), "INSERT 0")


def _on_conflict(
    binding: Binding, node: Node, table: Table, alias: str, target: tuple[Col, ...], excluded: tuple[Col, ...]
) -> OnConflict:
    """ON CONFLICT. Its DO UPDATE sees the existing row by the table's name and the new one as `excluded`."""
    key = _arbiter(binding, node, table)
    if node.action != enums.OnConflictAction.ONCONFLICT_UPDATE:
        return OnConflict(key)
    if node.infer is None:
        raise SyntaxError42601(
            "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            hint="For example, ON CONFLICT (column_name).",
            position=node.location,
        )
    if table.append_only:
        raise WrongObjectType(f'cannot update append-only table "{table.name}"', position=node.location)
    level = Level(binding, clause="UPDATE")
    existing = NameItem(alias, [(col.name, Ref(col)) for col in target], table=table)
    proposed = NameItem(
        "excluded",
        [(column.name, Ref(col)) for column, col in zip(table.columns, excluded, strict=True)],
    )
    level.items = [existing, proposed]
    level.own = {col.id for col in (*target, *excluded)}
    update = bind_assignments(level, node.targetList, table, target)
    where = None
    if node.whereClause is not None:
        level.clause = "WHERE"
        where = coerce_to_bool(binding, bind_expression(level, node.whereClause), "WHERE")
    return OnConflict(key, update, where)


def _of_table(table: Table, key: tuple[int, ...], target: tuple[Col, ...], excluded: tuple[Col, ...]) -> OnConflict:
    """What the table itself says of rows whose primary key is taken."""
    if table.on_conflict == "ignore":
        return OnConflict(key)
    new: list[Expr] = [Ref(col) for col in excluded]
    if table.on_conflict == "fill":
        new = [Coalesce((Ref(col), Ref(old)), old.type) for col, old in zip(excluded, target, strict=True)]
    return OnConflict(key, tuple(new), of_table=table.on_conflict)


def _arbiter(binding: Binding, node: Node, table: Table) -> tuple[int, ...]:
    """The unique key that ON CONFLICT names. Raises InvalidColumnReference where there is none."""
    if node.infer is None:
        return ()
    infer = node.infer
    if infer.conname is not None:
        if table.primary_key is not None and table.primary_key.name == infer.conname:
            return table.primary_key.columns
        for index in binding.catalog.indexes(table.oid):
            if index.unique and index.name == infer.conname:
                return tuple(column.position for column in index.columns)
        raise UndefinedObject(f'constraint "{infer.conname}" for table "{table.name}" does not exist')
    wanted = []
    for element in infer.indexElems:
        if element.name is None:
            raise FeatureNotSupported("ON CONFLICT over expressions is not supported yet", position=infer.location)
        level = Level(binding)
        level.items = [NameItem(table.name, [(column.name, Const(None, column.type)) for column in table.columns])]
        wanted.append(_inferred(level, table, element.name, infer.location))
    keys = [
        tuple(column.position for column in index.columns)
        for index in binding.catalog.indexes(table.oid)
        if index.unique
    ]
    if table.primary_key is not None:
        keys.append(table.primary_key.columns)
    for key in keys:
        if set(key) == set(wanted):
            return key
    raise InvalidColumnReference("there is no unique or exclusion constraint matching the ON CONFLICT specification")


def _inferred(level: Level, table: Table, name: str, position: int) -> int:
    for i, column in enumerate(table.columns):
        if column.name == name:
            return i
    raise missing_column(level, None, name, position)
